"""Released counts under attack: how many points each published attack guesses better than the base rate, and what a count takes.

Half of the targets of each attack are told to it, the others are guessed; half of these are in the set. The made town, the attacks and what an attacker
may do stand in `lib/spying.py`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.lib import spying
from benchmarks.lib.machine import arguments, report, say
from zerodistance.core.profiles import bitmaps
from zerodistance.core.segments import released
from zerodistance.kernel.seal import Seal

_TIMES = 9
_LARGE = 10_000_000


def main() -> None:
    """Attack, and count a large set."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=20_000, help="persons in the town")
    parser.add_argument(
        "--targets", type=int, default=1_000, help="targets that are guessed, a multiple of 2"
    )
    parser.add_argument("--effort", type=int, default=3, help="how many questions are asked about each")
    parser.add_argument("--k", type=int, default=20, help="the setting `released_k`")
    parser.add_argument("--seed", type=int, default=1, help="of town and targets")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Seal.make(Path(folder) / "key")
        seal = Seal(Path(folder) / "key")
    town = spying.Town(options.people, seal, options.k, np.random.default_rng(options.seed))
    points = {}
    for name, attack in spying.ATTACKS.items():
        points[name] = spying.advantage(town, attack, options.targets, options.effort)
        say(f"{name}: {points[name]:.2f} points")
    points["reconstruction"] = spying.reconstruction(town, 2 * options.targets, 4 * options.targets)
    report(
        "released",
        people=options.people,
        targets=options.targets,
        k=options.k,
        questions=town.asked,
        most_points=max(points.values()),
        points=points,
        **_count(seal, options.k),
    )


def _count(seal: Seal, k: int) -> dict[str, float]:
    """Return the milliseconds of a processor that a count of ten million of 140 million persons takes, and of drawing the panel, once a process."""
    persons = bitmaps.of_sorted(np.arange(0, 14 * _LARGE, 14, dtype=np.uint32))
    panel = released.Panel(seal)
    took = []
    for _ in range(_TIMES):
        began = time.process_time()
        released.figure(seal, panel, persons, k)
        took.append(1_000 * (time.process_time() - began))
    return {"panel_140m_ms": took[0], "count_10m_ms": float(np.median(took[1:]))}


if __name__ == "__main__":
    main()

"""A marketer's account under attack: how many points each attack guesses better than the base rate, over HTTP in a real home.

What an attacker knows, may ask and learns from stands in `lib/marketer.py`. Half of the targets of each attack are told, the others are guessed.
"""

from __future__ import annotations

import numpy as np

from benchmarks.lib.machine import arguments, report, say, workspace
from benchmarks.lib.marketer import Town, attacked
from zerodistance.core.segments import released


def main() -> None:
    """Make the town and attack it."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=20_000, help="persons in the town")
    parser.add_argument("--targets", type=int, default=1_000, help="targets that are guessed")
    parser.add_argument(
        "--counting-all",
        action="store_true",
        help="attack figures that count everybody, rounded by a hash of the set",
    )
    parser.add_argument("--seed", type=int, default=1, help="of town and targets")
    options = parser.parse_args()
    if options.counting_all:  # what would come of it without a panel
        released.ONE_IN, released._BELOW = 1, 65_536
    with workspace(options.folder) as root:
        town = Town(root, options.people, options.targets // 2, np.random.default_rng(options.seed))
        try:
            points = attacked(town)
        finally:
            town.close()
    for name, found in points.items():
        say(f"{name}: {found:.2f} points")
    report(
        "attack",
        people=options.people,
        targets=options.targets,
        counting_all=options.counting_all,
        questions=town.asked,
        most_points=max(points.values()),
        points=points,
    )


if __name__ == "__main__":
    main()

"""A marketer's account under attack: how many points each attack guesses better than the base rate, over HTTP in real homes.

What an attacker knows, may ask and learns from stands in `lib/marketer.py`. The targets of each town are guessed by what was learned in the other towns.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from benchmarks.lib.machine import arguments, report, say, workspace
from benchmarks.lib.marketer import Town, attacked, points
from zerodistance.core.segments import released


def main() -> None:
    """Make the towns and attack them."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=20_000, help="persons in a town")
    parser.add_argument("--targets", type=int, default=1_000, help="targets that are guessed in a town")
    parser.add_argument("--towns", type=int, default=10, help="how many towns there are, two at least")
    parser.add_argument(
        "--counting-all",
        action="store_true",
        help="attack figures that count everybody, rounded by a hash of the set",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first town and its targets")
    options = parser.parse_args()
    if options.towns < 2:
        parser.error("--towns: what is learned in one town is tried in another: at least 2")
    if options.counting_all:  # what would come of it without a panel
        released.ONE_IN, released._BELOW = 1, 65_536
    learned, asked = [], 0
    with workspace(options.folder) as root:
        for number in range(options.towns):
            luck = np.random.default_rng(options.seed + number)
            town = Town(root / f"town-{number}", options.people, options.targets // 2, luck)
            try:
                learned.append(attacked(town))
            finally:
                town.close()
            asked += town.asked
            say(f"town {number + 1} of {options.towns}: {town.asked:,} questions")
    found = points(learned)
    means = {name: _interval(some) for name, some in found.items()}
    for name, mean in means.items():
        say(f"{name}: {mean['mean']:.2f} points ({mean['low']:.2f} to {mean['high']:.2f})")
    report(
        "attack",
        people=options.people,
        targets=options.targets,
        towns=options.towns,
        counting_all=options.counting_all,
        questions=asked,
        most_points=max(mean["mean"] for mean in means.values()),
        most_points_of_a_town=max(max(some) for some in found.values()),
        points=means,
        points_by_town={name: [round(one, 1) for one in some] for name, some in found.items()},
    )


def _interval(values: list[float]) -> dict[str, float]:
    """Return the mean and its 95 % interval, by Student's t."""
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return {"mean": mean, "low": mean - half, "high": mean + half}


if __name__ == "__main__":
    main()

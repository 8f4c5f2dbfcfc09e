"""Whether intervals of campaigns hold what they say: thousands of campaigns in a sample city whose truth knows who buys with and without a message.

Each campaign takes a category and an audience (anybody, or only who is in need), draws lots as the product does, and lets everybody buy or not by their own
two chances and one luck; purchases come at some hour of the month, and nine messages of ten arrive, as in the city. The truth is what the message changes on
average in whom the audience was drawn from. `coverage...` is how often an interval holds it: once, at the end, or along all 720 hourly looks together;
`coverage_once_peeked` is what becomes of the interval for one look when it is looked at every hour all the same. Plans guess the rate wrongly by half.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from benchmarks.lib import hot
from benchmarks.lib.filled import taken_in
from benchmarks.lib.house import House
from benchmarks.lib.machine import arguments, report, say, workspace
from zerodistance.core.measurement import estimates, rules, sequential
from zerodistance.core.measurement.estimates import Arm, Uptake
from zerodistance.kernel.seal import Seal
from zerodistance.kernel.shares import wilson, z_of
from zerodistance.sample import api as sample

HOURS = 720
REACHED = 0.92
"""Share of messages that arrive, as `truth/outcomes.parquet` has it."""
_WRONG = 0.5  # of the logarithm of a guessed rate
_LOOK = 1_000
Floats = npt.NDArray[np.float64]


class Pool(NamedTuple):
    """Whom an audience is drawn from: the chances of each, without and with a message; who is not in need has none."""

    name: str
    without: Floats
    with_: Floats

    @property
    def effect(self) -> float:
        """What a message that arrives changes on average."""
        return float((self.with_ - self.without).mean())


def main() -> None:
    """Run the campaigns."""
    parser = arguments(__doc__)
    parser.add_argument("--campaigns", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=4, help="1 to 3 are those that values were chosen with")
    parser.add_argument(
        "--root",
        type=Path,
        help="a folder with `city` and a `home` where it is taken in; the home is changed",
    )
    parser.add_argument("--only", choices=("intervals", "product"), help="one part alone")
    options = parser.parse_args()
    found: dict[str, float] = {}
    with workspace(options.folder) as own:
        root = options.root or own
        if not options.root:
            sample.generate(options.people, options.seed, "base", root / "city", processes=1)
        Seal.make(own / "lots")
        began = time.process_time()
        if options.only != "product":
            found |= simulated(pools(root / "city"), options.campaigns, Seal(own / "lots"), options.seed)
        if options.only != "intervals":
            if not options.root:
                house = House(root)
                taken_in(house, root / "city")
                for words in (
                    ("identity", "match"),
                    ("identity", "households", "rebuild"),
                    ("profiles", "rebuild"),
                ):
                    house.run(*words)
            found |= hot.measured(root, REACHED, options.seed)
        cpu_s = time.process_time() - began
    report(
        "lift", people=options.people, campaigns=options.campaigns, seed=options.seed, cpu_s=cpu_s, **found
    )


def pools(city: Path) -> list[Pool]:
    """Return for each category everybody, and those in need."""
    connection = duckdb.connect()
    truth = f"{city}/truth"
    people = len(
        connection.sql(f"select person from read_parquet('{truth}/persons.parquet')").fetchnumpy()["person"]
    )
    rows = connection.sql(
        f"""select category, p_without, p_with from read_parquet('{truth}/outcomes.parquet') as outcomes
        inner join read_parquet('{truth}/campaigns.parquet') as campaigns using (campaign, category) where not in_history order by category, person"""
    ).fetchnumpy()
    found = []
    for category in np.unique(rows["category"]):
        mine = rows["category"] == category
        chances = [rows[name][mine].astype(np.float64) for name in ("p_without", "p_with")]
        found.append(Pool(f"{category}, in need", *chances))
        rest = np.zeros(people - int(mine.sum()))
        found.append(Pool(f"{category}, anybody", *(np.r_[one, rest] for one in chances)))
    return found


class _Campaign(NamedTuple):
    """Persons of both arms, and how many had bought at each hour; who of them was reached, and bought."""

    sizes: tuple[int, int]
    paths: tuple[Floats, Floats]
    uptake: tuple[Uptake, Uptake]


def campaign(
    pool: Pool, size: int, share: float, seal: Seal, salt: int, luck: np.random.Generator
) -> _Campaign:
    """Run one campaign."""
    who = luck.integers(0, len(pool.without), size)
    held = rules.below(rules.lots(seal.stream, salt, np.arange(size, dtype=np.uint32)), share)
    reached = ~held & (luck.random(size) < REACHED)
    bought = luck.random(size) < np.where(reached, pool.with_[who], pool.without[who])
    hour = luck.integers(0, HOURS, size)
    paths, sizes, uptake = [], [], []
    for arm in (~held, held):
        sizes.append(int(arm.sum()))
        paths.append(np.bincount(hour[arm & bought], minlength=HOURS).cumsum().astype(np.float64))
        uptake.append(Uptake(sizes[-1], int((arm & reached).sum()), int((arm & bought).sum())))
    return _Campaign((sizes[0], sizes[1]), (paths[0], paths[1]), (uptake[0], uptake[1]))


def simulated(every: list[Pool], campaigns: int, seal: Seal, seed: int) -> dict[str, float]:
    """Return how often each interval held the truth, and how wide those were."""
    luck = np.random.default_rng(seed)
    held: dict[str, list[bool]] = {
        name: []
        for name in (
            "coverage",
            "coverage_lift",
            "coverage_complier",
            "coverage_peeking",
            "coverage_once_peeked",
        )
    }
    widths: dict[str, list[float]] = {
        name: [] for name in ("mean_width", "mean_width_peeking", "times_as_wide")
    }
    hours = np.arange(1, HOURS + 1) / HOURS
    for number in range(campaigns):
        pool = every[int(luck.integers(len(every)))]
        needy = pool.name.endswith("in need")
        size = int(np.exp(luck.uniform(*np.log((2_000, 40_000) if needy else (20_000, 200_000)))))
        share = float(luck.choice((0.1, 0.2, 0.3, 0.5)))
        found = campaign(pool, size, share, seal, int(luck.integers(1 << 62)), luck)
        truth = REACHED * pool.effect
        base = float(pool.without.mean())
        arms = [Arm(n, int(path[-1])) for n, path in zip(found.sizes, found.paths, strict=True)]
        once = estimates.difference(*arms)
        held["coverage"].append(_holds(once, truth))
        held["coverage_lift"].append(_holds(estimates.lift(*arms), truth / base))
        complier = estimates.complier(*found.uptake)
        held["coverage_complier"].append(complier is not None and _holds(complier, pool.effect))
        of = [np.full(HOURS, float(n)) for n in found.sizes]
        guess = min(0.5, base * float(np.exp(luck.normal(0, _WRONG))))
        expected = (size * (1 - share), size * share)
        _, low, high = sequential.differences(
            of[0], found.paths[0], of[1], found.paths[1], base_rate=guess, expected=expected
        )
        held["coverage_peeking"].append(bool(((low <= truth * hours) & (truth * hours <= high)).all()))
        held["coverage_once_peeked"].append(_peeked(found, truth * hours))
        wide = (once.high or 0.0) - once.low
        widths["mean_width"].append(100 * wide)
        widths["mean_width_peeking"].append(100 * float(high[-1] - low[-1]))
        widths["times_as_wide"].append(float(high[-1] - low[-1]) / wide)
        if (number + 1) % _LOOK == 0:
            say(f"{number + 1:,} campaigns: " + ", ".join(f"{k} {np.mean(v):.4f}" for k, v in held.items()))
    found_: dict[str, float] = {}
    for name, some in held.items():
        low_, high_ = wilson(sum(some), len(some), z_of(0.95))
        found_ |= {name: float(np.mean(some)), f"{name}_low": low_, f"{name}_high": high_}
    return found_ | {name: float(np.mean(some)) for name, some in widths.items()}


def _holds(interval: estimates.Interval, truth: float) -> bool:
    return interval.low <= truth and (interval.high is None or truth <= interval.high)


def _peeked(found: _Campaign, truth: Floats) -> bool:
    """Say whether Newcombe's interval for one look held at every hour from the end of the first day on."""
    z = z_of(0.95)
    shares, edges = [], []
    for n, path in zip(found.sizes, found.paths, strict=True):
        p = path[24:] / n
        square = z * z
        middle, half = p + square / (2 * n), z * np.sqrt(p * (1 - p) / n + square / (4 * n * n))
        shares.append(p)
        edges.append(((middle - half) / (1 + square / n), (middle + half) / (1 + square / n)))
    (mine, theirs), ((low, high), (below, above)) = shares, edges
    down = mine - theirs - np.hypot(mine - low, above - theirs)
    up = mine - theirs + np.hypot(high - mine, theirs - below)
    return bool(((down <= truth[24:]) & (truth[24:] <= up)).all())


if __name__ == "__main__":
    main()

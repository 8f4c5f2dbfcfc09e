"""Who shares a home in a sample city: how right it is, and what it takes.

Every silo is imported as it ships, persons are rebuilt, then households by their own command, whose processor time and memory are those of the whole
command. What they say is examined by `zerodistance evaluate households` over the records that name somebody: `household_f1` is of pairs of records,
`household_whole_f1` of whole households, `household_b3_f1` B-cubed. `true_...` is the same with the persons of the truth, so that what identity misses can
be told from what households miss. `person_...` is what `zerodistance evaluate identity` says of the persons, over the nine systems whose rows name somebody.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.lib import cities
from benchmarks.lib.families import with_true_persons
from benchmarks.lib.filled import taken_in
from benchmarks.lib.house import House
from benchmarks.lib.machine import arguments, report, say, workspace
from zerodistance.evaluate import api
from zerodistance.evaluate.contracts import Figure, Report
from zerodistance.kernel.home import open_home
from zerodistance.kernel.settings import load
from zerodistance.sample import api as sample


def main() -> None:
    """Make the city, take it in, let it say who shares a home, and examine that."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=4, help="1 to 3 are those that values were chosen with")
    parser.add_argument("--world", default="base")
    options = parser.parse_args()
    with workspace(options.folder) as root:
        city = root / "city"
        sample.generate(options.people, options.seed, options.world, city, processes=1)
        found = measured(root, city)
    report("households", world=options.world, people=options.people, seed=options.seed, **found)


def measured(root: Path, city: Path) -> dict[str, Any]:
    """Take a city into a home below `root` and return what its persons and households reach."""
    house = House(root)
    records = taken_in(house, city)
    house.run("identity", "match")
    house.run("identity", "export", str(root / "persons.csv"))
    took = house.measured("identity", "households", "rebuild", "--json")
    said = json.loads(took.said)
    say(f"{said['households']:,} households in {took.seconds:.1f} s")
    house.run("identity", "households", "export", str(root / "said.csv"))
    found = _examined(api.households(city, root / "said.csv"), "household")
    named = cities.named_truth(city, root / "named")
    found |= _examined(api.identity(named, root / "persons.csv", partial=True), "person", "all")
    home = open_home(load(home=house.home))
    with_true_persons(home, city, root / "true.parquet")
    home.close()
    found |= _examined(api.households(city, root / "true.parquet"), "true_household")
    counts = {
        name: said[name] for name in ("households", "members", "several", "homes", "unclear", "crowded")
    }
    return {
        "records": records,
        **found,
        **counts,
        "cpu_s": took.cpu,
        "wall_s": took.seconds,
        "peak_rss_mb": took.peak_mb,
    }


def _examined(found: Report, name: str, part: str = "named") -> dict[str, Any]:
    (row,) = (one for one in found.tables["by_part"] if one["part"] == part)
    out: dict[str, Any] = {}
    for measure, short in (("pairs_", ""), ("clusters_", "whole_"), ("b3_", "b3_")):
        for kind in ("precision", "recall", "f1"):
            figure = row[measure + kind]
            assert isinstance(figure, Figure)
            out[f"{name}_{short}{kind}"] = figure.value
    return out


if __name__ == "__main__":
    main()

"""How right faults of connected appliances are said in sample cities that nothing was chosen with, beside engineers' rules and those who know the truth.

Each city is made, taken in and matched as the product does; `d1_fault` is trained up to the day of export and examined on the rows of its own evaluation: 26
weekly moments of every appliance, faults of the 30 days after each. The oracle knows how worn each appliance really is and in which month it would die,
though not on which day chance strikes; `worn` knows the age and whether it is in its last eighteen months, which is all that its weeks can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.city_models import UNTIL, WHO
from benchmarks.lib.filled import taken_in
from benchmarks.lib.house import House
from benchmarks.lib.machine import arguments, report, say, workspace
from benchmarks.lib.repeated import over_seeds
from zerodistance.core.models import api, devices, measures, registry, spines
from zerodistance.core.models.ladder.columns import Floats, Ints
from zerodistance.core.models.things import DAY, Things
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load
from zerodistance.sample import api as sample
from zerodistance.sample import world

KEY = "d1_fault"
_MONTH = 30.44  # days
_KINDS = {"": "points", "trees_": "trees"}
_MEASURES: Mapping[str, Callable[[Floats, Floats], float]] = {
    "average_precision": measures.average_precision,
    "auc": measures.auc,
    "lift_top10": partial(measures.lift, share=0.1),
}


def main() -> None:
    """Measure every city, and report means over seeds."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[4, 5, 6])
    parser.add_argument("--world", default="base")
    parser.add_argument(
        "--root", type=Path, help="a folder with `city` and a `home` where it is taken in: that one alone"
    )
    options = parser.parse_args()
    found = list[dict[str, float]]()
    for seed in [0] if options.root else options.seeds:
        if options.root:
            found.append(measured(options.root, options.world))
            continue
        with workspace(options.folder) as root:
            sample.generate(options.people, seed, options.world, root / "city", processes=1)
            house = House(root)
            taken_in(house, root / "city")
            house.run("identity", "match")
            found.append(measured(root, options.world))
            say(f"{seed}: {found[-1]}")
    means = {key: over_seeds([one[key] for one in found]) for key in found[0]}
    values = {key: one["value"] for key, one in means.items()}
    report(
        "city_faults",
        people=options.people,
        seeds=options.seeds,
        world=options.world,
        **values,
        over_seeds=means,
    )


def measured(root: Path, name: str) -> dict[str, float]:
    """Train and examine the model in a home below `root`; return measures by name."""
    home = open_home(load(home=root / "home"))
    model, found = api.model(KEY), dict[str, float]()
    version = None
    said: dict[str, Floats] = {}
    for prefix, kind in _KINDS.items():
        version = api.train(home, WHO, KEY, kind=kind, until=UNTIL)
        found[f"{prefix}ahead"] = version.figures["ahead"]["value"]
        found[f"{prefix}beats_rules"] = float(version.beats_rules)
        some = spines.at(home, model, spines.weeks(version.evaluated_as_of, model.weeks[1]), outcomes=True)
        said[prefix] = registry.read(home, KEY, version.number)[1].chances(spines.columns(some, model))
    assert version is not None
    said["rules_"] = model.rules.scores(spines.columns(some, model))
    worn, oracle = _witnesses(home, root / "city", some, name)
    known, came = ~np.isnan(oracle), some.came
    said |= {"worn_": worn, "oracle_": oracle}
    for prefix, scores in said.items():
        for key, measure in _MEASURES.items():
            found[prefix + key] = measure(scores[known], came[known])
    week = (some.days <= 7).astype(np.float64)
    for prefix in ("", "rules_", "oracle_"):
        found[f"{prefix}average_precision_7d"] = measures.average_precision(said[prefix][known], week[known])
    found |= _codes(home, some, version.trained_as_of)
    found |= {
        "appliances": float(len(np.unique(some.subject))),
        "rows": float(known.sum()),
        "came": float(came[known].sum()),
    }
    found |= {"base_rate": float(came[known].mean()), "known": float(known.mean())}
    home.close()
    return found


def _codes(home: Home, some: Things, known: int) -> dict[str, float]:
    """Return how often the likeliest code was the one that came, and one drawn by lot of the codes of the category would have been."""
    shares, hit, lot = devices.codes(home, known), list[float](), list[float]()
    for category, code in zip(some.category[some.came > 0], some.code[some.came > 0], strict=True):
        mine = shares.get(category, {})
        if mine:
            hit.append(float(next(iter(mine)) == code))
            lot.append(1 / len(mine))
    return {"code_hit": float(np.mean(hit)), "code_by_lot": float(np.mean(lot))} if hit else {}


def _witnesses(home: Home, city: Path, some: Things, name: str) -> tuple[Floats, Floats]:
    """Return the chance of a fault as who knows the state of an appliance says it, and as who knows its month of death too; NaN where it isn't found."""
    bought, worn_out = _lives(home, city, some.subject)
    settings = world.load(name).appliance
    at = some.as_of / DAY
    life = np.round((worn_out - bought) / 30.0)  # months, as the city counts them
    age, left = (at - bought) / _MONTH, life - (at - bought) / _MONTH
    late = (left < settings.deteriorating).astype(np.float64)
    hazard = (
        settings.repair * (1 + (np.maximum(age, 0) / settings.repair_age) ** 1.5)
        + settings.repair_late * late
    )
    dies = np.where((left > 0) & (left < 30 / _MONTH), 1.0, np.where(left <= 0, 1 / 24, 0.0))
    return hazard, 1 - (1 - hazard) * (1 - dies)


def _lives(home: Home, city: Path, subject: Ints) -> tuple[Floats, Floats]:
    """Return when each appliance was bought and would have died, days since 1970; NaN where a household has two of a product."""
    with home.engine.connect() as connection:
        touches_view(connection, home)
        rows = connection.sql(
            f"""
            with about as (
                select t.subject, t.product, r.household, min(t.happened_at)::date as first, max(t.happened_at)::date as last, count(*) as many
                from touches t join read_parquet('{city}/truth/records/telemetry.parquet') r on t.source_id = r.record
                where t.kind = 'device.used' group by all
            ),
            mine as (select subject, arg_max(product, many) as product, arg_max(household, many) as household, min(first) as first, max(last) as last
                from about group by subject)
            select mine.subject, any_value(date_diff('day', date '1970-01-01', u.bought)) as bought,
                any_value(date_diff('day', date '1970-01-01', u.worn_out)) as worn_out
            from mine join read_parquet('{city}/truth/units.parquet') u
                on u.household = mine.household and u.product = mine.product and u.ours and u.connected and u.bought <= mine.first
                and (u.retired is null or u.retired >= mine.last - 7)
            group by mine.subject having count(*) = 1 order by mine.subject
            """
        ).to_arrow_table()
    keys = rows.column("subject").to_numpy()
    place = np.minimum(np.searchsorted(keys, subject), len(keys) - 1)
    known = keys[place] == subject
    bought, worn_out = (
        np.where(known, rows.column(name).to_numpy().astype(np.float64)[place], np.nan)
        for name in ("bought", "worn_out")
    )
    return bought, worn_out


if __name__ == "__main__":
    main()

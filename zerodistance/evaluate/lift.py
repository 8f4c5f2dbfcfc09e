"""Lift: estimates of what a campaign changed, and scores of whom it would change, beside both potential outcomes.

The effect of a campaign is per person to whom it was sent, whether it arrived or not (intention to treat): purchases of the category, any
brand, within the month. `realised` counts the two outcomes that were drawn, `expected` the two chances behind them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from zerodistance.evaluate import who
from zerodistance.evaluate.contracts import MissingColumn, NothingToCompare, Repeated, Report, Row, UnknownIds
from zerodistance.evaluate.intervals import Bootstrap, Floats, Ints, figure, figures, means, wilson
from zerodistance.evaluate.ranking import Ranked
from zerodistance.evaluate.reading import (
    Truth,
    arrays,
    codes,
    columns_of,
    desk,
    examples,
    need_type,
    numbered,
    opened,
    refuse,
    said,
)
from zerodistance.kernel.text import Text

AGAINST = ("realised", "expected")
_PER = 1_000  # people, for figures of targeting
_NUMBER = Text("一个数", "a number")
_MANY = Text(
    "活动发送的人数，不少于其中有需要的人数",
    "how many people it was sent to, no fewer than those of them in need",
)
_BOUNDS = Text("low ≤ estimate ≤ high", "low ≤ estimate ≤ high")
_NAMES = ("qini", "qini_share", "auuc", "effect", "effect_10")


def examine(truth: Path, given: Path, *, persons: Path | None, seed: int) -> Report:
    """Compare estimates (column `estimate`) or scores of people (column `score`) with the truth.

    Raises
    ------
    NoTruth, NoSaid, NotReadable, MissingColumn, WrongCell, Repeated, UnknownIds, NoPersons, NothingToCompare
    """
    with desk() as con:
        held = Truth.of(truth)
        _truth(con, held)
        names = said(con, given, ("campaign",))
        unknown = "select distinct campaign from said where campaign is null or campaign not in (select campaign from campaigns)"
        many, shown = examples(con, unknown)
        if many:
            raise UnknownIds(path=given, many=many, what=Text("活动", "campaign"), examples=shown)
        if "estimate" in names:
            return _estimates(con, given, names, seed)
        if "score" in names:
            return _targeting(con, held, given, names, persons, seed)
    raise MissingColumn(
        path=given, missing="estimate | score", wanted="campaign, estimate | score", found=", ".join(names)
    )


def _truth(con: duckdb.DuckDBPyConnection, truth: Truth) -> None:
    truth.table(con, "campaigns", "campaign", "in_history")
    path = truth.file("outcomes")
    relation = opened(
        con, path, ("campaign", "person", "household", "p_without", "p_with", "buys_without", "buys_with")
    )
    there = columns_of(con, relation)
    treated = "treated" if "treated" in there else "cast(null as boolean)"
    reached = "coalesce(reached, false)" if "reached" in there else "true"
    con.execute(
        f"""create view outcomes as select campaign, person, household, {treated} as treated, {reached} as reached,
            cast(buys_with as int) - cast(buys_without as int) as realised, p_with - p_without as expected from {relation}"""
    )


def _estimates(con: duckdb.DuckDBPyConnection, given: Path, names: list[str], seed: int) -> Report:
    found = _effects(con, given, names)
    if not len(found["campaign"]):
        raise NothingToCompare(path=given, columns="campaign")
    every = np.arange(len(found["campaign"]))
    boot = Bootstrap(len(every), unit="campaign", seed=seed)
    estimate, ones = found["estimate"], np.ones(len(every))
    errors, by_campaign = [], list[Row]()
    for against in AGAINST:
        miss = estimate - found[against]
        sums = boot.sums(every, miss, np.abs(miss), miss**2, ones)
        row: Row = {
            "against": against,
            "campaigns": len(every),
            "mean_error": boot.ratio(sums, 0, 3),
            "mean_absolute_error": boot.ratio(sums, 1, 3),
            "root_mean_square_error": boot.of(sums, lambda s: np.sqrt(s[:, 2] / s[:, 3])),
            "coverage": None,
        }
        with_bounds = np.isfinite(found["low"]) & np.isfinite(found["high"])
        held = (found["low"] <= found[against]) & (found[against] <= found["high"])
        if with_bounds.any():
            row["coverage"] = wilson(int(held[with_bounds].sum()), int(with_bounds.sum()))
        errors.append(row)
        by_campaign += [
            _of_campaign(found, int(n), against, bool(held[n]) if with_bounds[n] else None) for n in every
        ]
    counts = {"rows": len(every), "campaigns": len(every)}
    return Report("lift", counts, boot.method(), {"errors": errors, "by_campaign": by_campaign})


def _of_campaign(found: dict[str, Any], n: int, against: str, covered: bool | None) -> Row:
    """Return a line on one campaign."""
    bounds = {
        name: float(found[name][n]) if np.isfinite(found[name][n]) else None for name in ("low", "high")
    }
    return {
        "campaign": str(found["campaign"][n]), "against": against, "people": int(found["people"][n]),
        "estimate": float(found["estimate"][n]), **bounds, "true": float(found[against][n]),
        "error": float(found["estimate"][n] - found[against][n]), "covered": None if covered is None else int(covered),
    }  # fmt: skip


def _effects(con: duckdb.DuckDBPyConnection, given: Path, names: list[str]) -> dict[str, Any]:
    """Return a row per campaign that was answered, with its effects per person."""
    many, shown = examples(con, "select campaign from said group by campaign having count(*) > 1")
    if many:
        raise Repeated(path=given, many=many, what="campaign", examples=shown)
    need_type(con, given, "estimate", "double", _NUMBER)
    for name in ("low", "high", "people"):
        if name not in names:
            con.execute(f"alter table said add column {name} double")
        need_type(con, given, name, "double", _NUMBER, null=True)
    refuse(con, given, "low", "low > estimate or high < estimate", _BOUNDS)
    con.execute(
        """create table effects as select campaign, count(*) filter (not in_history or treated) as listed,
             coalesce(sum(realised) filter (not in_history or (treated and reached)), 0) as realised,
             coalesce(sum(expected) filter (not in_history or (treated and reached)), 0) as expected
           from outcomes join campaigns using (campaign) group by all"""
    )
    con.execute(
        """create table beside as select s.*, coalesce(e.listed, 0) as listed, coalesce(e.realised, 0) as of_realised,
           coalesce(e.expected, 0) as of_expected from said s left join effects e using (campaign)"""
    )
    refuse(
        con,
        given,
        "people",
        "people is not null and (people < 1 or people < (select listed from effects e where e.campaign = said.campaign))",
        _MANY,
    )
    return arrays(
        con,
        """select campaign, estimate, low, high, coalesce(people, greatest(listed, 1)) as people,
           of_realised / coalesce(people, greatest(listed, 1)) as realised, of_expected / coalesce(people, greatest(listed, 1)) as expected
           from beside order by campaign""",
    )


def _targeting(
    con: duckdb.DuckDBPyConnection,
    held: Truth,
    given: Path,
    names: list[str],
    persons: Path | None,
    seed: int,
) -> Report:
    need_type(con, given, "score", "double", _NUMBER)
    counts = who.resolve(con, held, given, names, persons, "campaign")
    campaigns = numbered(con, "(select campaign from said join resolved using (row))", "campaign")
    rows = arrays(
        con,
        """with scored as (select campaign, resolved.person, resolved.household, max(score) as score from said join resolved using (row) group by all)
           select s.household, c.place as campaign, s.score, coalesce(cast(o.realised as double), 0) as realised, coalesce(o.expected, 0) as expected
           from scored s join campaign_codes c on c.campaign = s.campaign
             left join outcomes o on o.campaign = s.campaign and o.person = s.person order by s.campaign, s.person""",
    )
    counts |= {
        "folded": counts["rows"] - counts["of_nobody"] - len(rows["score"]),
        "compared": len(rows["score"]),
        "campaigns": len(campaigns),
    }
    unit, units = codes(rows["household"])
    boot = Bootstrap(len(units), unit="household", seed=seed)
    tables = _of_scores(rows, campaigns, unit, boot)
    return Report("lift", counts, boot.method(), tables)


def _of_scores(
    rows: dict[str, Any], campaigns: list[str], unit: Ints, boot: Bootstrap
) -> dict[str, list[Row]]:
    """Return figures over all campaigns (the mean of theirs) and of each."""
    over_all, by_campaign = [], list[Row]()
    draws = boot.draws(len(unit))
    for against in AGAINST:
        values, drawn = [], []
        for n, campaign in enumerate(campaigns):
            kept = rows["campaign"] == n
            value, of_draws = boot.drawn(unit[kept], _form(rows["score"][kept], rows[against][kept]), draws)
            values.append(value)
            drawn.append(of_draws)
            head: Row = {"campaign": campaign, "against": against, "people": int(kept.sum())}
            by_campaign.append({**head, **dict(zip(_NAMES, figures(value, of_draws), strict=True))})
        row: Row = {"against": against, "campaigns": len(campaigns)}
        all_values = means(np.array(values))
        for n, name in enumerate(_NAMES):
            row[name] = figure(float(all_values[n]), means(np.array([one[:, n] for one in drawn])))
        over_all.append(row)
    return {"targeting": over_all, "by_campaign": by_campaign}


def _form(score: Floats, effect: Floats) -> Any:
    ranked, best = Ranked(score), Ranked(effect)

    def form(weight: Floats) -> Floats:
        people = weight.sum()
        mean = float((effect * weight).sum()) / people
        area = ranked.area(effect, weight)
        gained, most = area - mean / 2, best.area(effect, weight) - mean / 2
        tenth = ranked.captured(effect, [0.1], weight)[0] / (people / 10)
        share = gained / most if most > 1e-12 else np.nan
        return np.array([gained * _PER, share, area * _PER, mean * _PER, tenth * _PER])

    return form

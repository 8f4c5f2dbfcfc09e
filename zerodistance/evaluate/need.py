"""Need: scores of households and categories beside who bought afterwards, and who was in need.

The horizons are the examiner's, never the answers'. The grain is household, category and `as_of`: people of one household share their
appliances, and of several scores the highest counts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from zerodistance.evaluate import ranking, who
from zerodistance.evaluate.contracts import Figure, Report, Row, TooLate
from zerodistance.evaluate.intervals import Bootstrap, Floats, Ints, figure, figures, means
from zerodistance.evaluate.ranking import Ranked
from zerodistance.evaluate.reading import (
    Truth,
    arrays,
    codes,
    desk,
    need_type,
    numbered,
    one,
    quoted,
    refuse,
    said,
)
from zerodistance.kernel.text import Text

MONTHS = (1, 3, 6, 12)
NOW = 0  # stands for: in need at as_of, which nobody can see
_ORDER = (6, NOW, 1, 3, 12)  # the first is what most is said about
_TENTHS = np.arange(1, 11) / 10
_NUMBER = Text("一个数", "a number")
_CHANCE = Text("0 到 1 之间的数", "a number from 0 to 1")
_TIME = Text("日期或时刻，如 2026-05-01", "a day or time, such as 2026-05-01")
_NAMES = ("auc", "average_precision", "lift_10", "captured_10")


def examine(truth: Path, given: Path, *, persons: Path | None, seed: int) -> Report:
    """Compare need scores with the truth.

    Raises
    ------
    NoTruth, NoSaid, NotReadable, MissingColumn, WrongCell, Repeated, UnknownIds, NoPersons, TooLate, NothingToCompare
    """
    with desk() as con:
        held = Truth.of(truth)
        names = _read(con, held, given)
        until = _until(con, held)
        _in_time(con, given, until)
        counts = who.resolve(con, held, given, names, persons, "category", "as_of")
        chances = [f"p_{months}" for months in MONTHS if f"p_{months}" in names]
        rows, categories = _rows(con, chances, until)
        counts |= _counts(con, len(rows["score"]), counts["rows"] - counts["of_nobody"], until)
    unit, units = codes(rows["household"])
    boot = Bootstrap(len(units), unit="household", seed=seed)
    forecast, by_category, deciles = _ranking(rows, unit, categories, boot)
    tables = {
        "forecast": forecast,
        "by_category": by_category,
        "deciles": deciles,
        "calibration": _calibration(rows, unit, boot, forecast),
    }
    return Report("need", counts, boot.method(), tables)


def _read(con: duckdb.DuckDBPyConnection, truth: Truth, given: Path) -> list[str]:
    truth.table(con, "units", "household", "category", "bought")
    truth.table(con, "needs", "household", "category", "started", "purchased")
    names = said(con, given, ("category", "as_of", "score"))
    need_type(con, given, "as_of", "timestamp", _TIME)
    need_type(con, given, "score", "double", _NUMBER)
    for name in (f"p_{months}" for months in MONTHS):
        if name in names:
            need_type(con, given, name, "double", _CHANCE)
            refuse(con, given, name, f"{name} not between 0 and 1", _CHANCE)
    kinds = one(con, "select string_agg(distinct category, ', ' order by category) from units")[0] or ""
    known = "(select category from units union select category from needs)"
    refuse(con, given, "category", f"category is null or category not in {known}", Text(kinds, kinds))
    return names


def _until(con: duckdb.DuckDBPyConnection, truth: Truth) -> str:
    """Return the day before which the truth ends: of the manifest beside it, else that of its last purchase."""
    manifest = truth.root.parent / "city.json"
    if manifest.is_file():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["truth_until"])
    return str(one(con, "select max(bought) from units")[0])


def _in_time(con: duckdb.DuckDBPyConnection, given: Path, until: str) -> None:
    late = one(
        con,
        f"select max(as_of) from said where as_of + interval 1 month > cast({quoted(until)} as timestamp)",
    )[0]
    if late is not None:
        raise TooLate(path=given, given=str(late)[:10], until=until)


def _rows(con: duckdb.DuckDBPyConnection, chances: list[str], until: str) -> tuple[dict[str, Any], list[str]]:
    """Return a row per household, category (its place in the list that comes with them) and as_of; `hit_6` is nan where the truth ends before."""
    con.execute(
        f"""create table scored as select resolved.household, category, as_of, max(score) as score
            {"".join(f", max({name}) as {name}" for name in chances)} from said join resolved using (row) group by all"""
    )
    hits = "".join(
        f""", case when as_of + interval {m} month <= cast({quoted(until)} as timestamp)
              then cast(coalesce(next <= as_of + interval {m} month, false) as double) end as hit_{m}"""
        for m in MONTHS
    )
    categories = numbered(con, "scored", "category")
    rows = arrays(
        con,
        f"""with bought as (
              select s.household, s.category, s.as_of, min(u.bought) as next
              from scored s join units u on u.household = s.household and u.category = s.category and u.bought > s.as_of group by all),
            needed as (
              select distinct s.household, s.category, s.as_of, true as now from scored s join needs n
              on n.household = s.household and n.category = s.category and n.started <= s.as_of
              and (n.purchased is null or n.purchased > s.as_of))
            select household, c.place as category, score {"".join(f", {name}" for name in chances)}, cast(coalesce(now, false) as double) as hit_{NOW} {hits}
            from scored s left join bought using (household, category, as_of) left join needed using (household, category, as_of)
            join category_codes c using (category)
            order by household, category, as_of""",
    )
    return rows, categories


def _counts(con: duckdb.DuckDBPyConnection, compared: int, somebody: int, until: str) -> dict[str, int]:
    """Return how many were compared, and how many of those who buy within 6 months had a score."""
    buyers = f"""select distinct u.household, u.category, t.as_of from units u cross join (select distinct as_of from scored) t
        where u.bought > t.as_of and u.bought <= t.as_of + interval 6 month and t.as_of + interval 6 month <= cast({quoted(until)} as timestamp)"""
    every, found = one(
        con,
        f"select count(*), count(score) from ({buyers}) left join scored using (household, category, as_of)",
    )
    return {
        "folded": somebody - compared,
        "compared": compared,
        "buyers": int(every),
        "buyers_scored": int(found),
    }


def _ranking(
    rows: dict[str, Any], unit: Ints, categories: list[str], boot: Bootstrap
) -> tuple[list[Row], list[Row], list[Row]]:
    """Return figures by horizon (the mean of the categories'), by category and horizon, and by tenths of the scores."""
    forecast, by_category, deciles = [], [], []
    draws = boot.draws(len(unit))
    for months in _ORDER:
        hit = rows[f"hit_{months}"]
        values, drawn = [], []
        for n, name in enumerate(categories):
            kept = (rows["category"] == n) & np.isfinite(hit)
            label = hit[kept]
            if not 0 < label.sum() < len(label):
                continue
            ranked = Ranked(rows["score"][kept])
            value, of_draws = boot.drawn(unit[kept], _form(ranked, label), draws)
            values.append(value)
            drawn.append(of_draws)
            head: Row = {
                "category": name,
                "months": months,
                "rows": len(label),
                "hits": int(label.sum()),
            }
            by_category.append({**head, **dict(zip(_NAMES, figures(value, of_draws), strict=True))})
            deciles += _tenths(ranked, label, name, months)
        forecast.append(_over_all(months, hit, unit, boot, values, drawn))
    return forecast, by_category, deciles


def _over_all(
    months: int, hit: Floats, unit: Ints, boot: Bootstrap, values: list[Floats], drawn: list[Floats]
) -> Row:
    kept = np.isfinite(hit)
    rate = boot.ratio(boot.sums(unit[kept], hit[kept], np.ones(int(kept.sum()))), 0, 1)
    row: Row = {"months": months, "rows": int(kept.sum()), "hits": int(hit[kept].sum()), "rate": rate}
    for n, name in enumerate(_NAMES):
        of_draws = np.array([one_[:, n] for one_ in drawn])
        row[name] = (
            figure(float(np.mean([v[n] for v in values])), means(of_draws)) if values else Figure(None)
        )
    return row


def _form(ranked: Ranked, label: Floats) -> Any:
    def form(weight: Floats) -> Floats:
        found, seen = ranked.captured(label, [0.1], weight)[0], (label * weight).sum()
        share = found / seen
        return np.array(
            [ranked.auc(label, weight), ranked.average_precision(label, weight), share * 10, share]
        )

    return form


def _tenths(ranked: Ranked, label: Floats, category: str, months: int) -> list[Row]:
    captured = ranked.captured(label, _TENTHS) / label.sum()
    lift = np.diff(np.r_[0.0, captured]) * 10
    return [
        {
            "category": category,
            "months": months,
            "tenth": n + 1,
            "lift": float(lift[n]),
            "captured": float(captured[n]),
        }
        for n in range(10)
    ]


def _calibration(rows: dict[str, Any], unit: Ints, boot: Bootstrap, forecast: list[Row]) -> list[Row]:
    """Add `brier` and `ece` to the rows of horizons that have chances; return the bins."""
    out: list[Row] = []
    for row in forecast:
        chance, hit = rows.get(f"p_{row['months']}"), rows[f"hit_{row['months']}"]
        row["brier"] = row["ece"] = None
        if chance is None or not np.isfinite(hit).any():
            continue
        kept = np.isfinite(hit)
        p, y, u = chance[kept], hit[kept], unit[kept]
        row["brier"] = boot.ratio(boot.sums(u, (p - y) ** 2, np.ones(len(y))), 0, 1)
        place = ranking.bins(p)
        inside = [place == n for n in range(int(place.max()) + 1)]
        sums = boot.sums(u, *(b * one_ for b in inside for one_ in (p, y, np.ones(len(y)))))
        row["ece"] = boot.of(sums, _ece)
        for n in range(len(inside)):
            out.append({
                "months": row["months"], "bin": n + 1, "rows": int(inside[n].sum()),
                "said": boot.ratio(sums, 3 * n, 3 * n + 2), "true": boot.ratio(sums, 3 * n + 1, 3 * n + 2),
            })  # fmt: skip
    return out


def _ece(sums: Floats) -> Floats:
    """Return the mean gap between chance and share that came true, over ten bins of equal numbers."""
    p, y, n = (sums[:, start::3] for start in range(3))
    out: Floats = np.abs(p - y).sum(axis=1) / n.sum(axis=1)
    return out

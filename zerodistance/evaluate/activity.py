"""Activity: scores of people beside how readily they interact, and what they did afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zerodistance.evaluate import ranking, who
from zerodistance.evaluate.contracts import NothingToCompare, Report, Row
from zerodistance.evaluate.intervals import Bootstrap, Floats, figures
from zerodistance.evaluate.reading import Truth, arrays, codes, desk, need_type, refuse, said
from zerodistance.kernel.text import Text

_NUMBER = Text("一个数", "a number")
_TIME = Text("日期或时刻，整个文件只有一个", "a day or time, one for the whole file")


def examine(truth: Path, given: Path, *, persons: Path | None, seed: int) -> Report:
    """Compare activity scores with hidden engagement and, where `as_of` is given, with purchases in the 12 months after it.

    Raises
    ------
    NoTruth, NoSaid, NotReadable, MissingColumn, WrongCell, Repeated, UnknownIds, NoPersons, NothingToCompare
    """
    with desk() as con:
        held = Truth.of(truth)
        names = said(con, given, ("score",))
        need_type(con, given, "score", "double", _NUMBER)
        targets = ["engagement"]
        con.execute("create table later (person bigint, acts bigint, ours bigint)")
        counts = who.resolve(con, held, given, names, persons)
        if "as_of" in names:
            need_type(con, given, "as_of", "timestamp", _TIME)
            refuse(con, given, "as_of", "as_of <> (select min(as_of) from said)", _TIME)
            held.table(con, "units", "decider", "ours", "bought")
            con.execute(
                """insert into later select decider, count(*), count(*) filter (ours) from units, (select min(as_of) as t from said)
                   where bought > t and bought <= t + interval 12 month group by all"""
            )
            targets += ["later_purchases", "later_purchases_of_brand"]
        held.table(con, "persons", "person", "engagement", view="hidden")
        rows = arrays(
            con,
            """with scored as (select resolved.person, resolved.household, max(score) as score from said join resolved using (row) group by all)
               select s.*, cast(h.engagement as double) as engagement, coalesce(l.acts, 0) as later_purchases,
               coalesce(l.ours, 0) as later_purchases_of_brand
               from scored s join hidden h using (person) left join later l using (person) order by person""",
        )
    if not len(rows["score"]):
        raise NothingToCompare(path=given, columns="score")
    unit, units = codes(rows["household"])
    boot = Bootstrap(len(units), unit="household", seed=seed)
    counts |= {"folded": counts["rows"] - counts["of_nobody"] - len(unit), "compared": len(unit)}
    score, agreement = ranking.ranks(rows["score"]), list[Row]()
    for target in targets:
        other = ranking.ranks(rows[target])

        def form(weight: Floats, other: Floats = other) -> Floats:
            return np.array([ranking.correlation(score, other, weight)])

        (found,) = figures(*boot.drawn(unit, form, boot.draws(len(unit))))
        agreement.append({"of": target, "people": len(unit), "spearman": found})
    return Report("activity", counts, boot.method(), {"agreement": agreement})

"""Sentiment and topic: labels of texts beside those of the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from zerodistance.evaluate import labels
from zerodistance.evaluate.contracts import MissingColumn, NothingToCompare, Repeated, Report, Row, UnknownIds
from zerodistance.evaluate.intervals import Bootstrap, Floats, Ints
from zerodistance.evaluate.reading import (
    SOURCES,
    Truth,
    arrays,
    codes,
    columns_of,
    desk,
    examples,
    named,
    one,
    opened,
    quoted,
    refuse,
    said,
)
from zerodistance.kernel.text import Text

LABELS = ("sentiment", "topic", "about", "nature")


def examine(truth: Path, given: Path, *, seed: int) -> Report:
    """Compare labels of texts with the truth; an empty cell is a text without an answer.

    Raises
    ------
    NoTruth, NoSaid, NotReadable, MissingColumn, WrongCell, Repeated, UnknownIds, NothingToCompare
    """
    with desk() as con:
        held = Truth.of(truth)
        names = said(con, given, ("source", "source_id"))
        asked = [label for label in LABELS if label in names]
        if not asked:
            raise MissingColumn(
                path=given,
                missing=" | ".join(LABELS),
                wanted="source, source_id, " + " | ".join(LABELS),
                found=", ".join(names),
            )
        _texts(con, held, asked)
        _checked(con, given, asked)
        rows = arrays(
            con,
            f"""select t.silo, t.nature as kind, t.unit,
                {", ".join(f"cast(t.{x} as varchar) as true_{x}, cast(s.{x} as varchar) as said_{x}" for x in asked)}
                from texts t join said s on s.source = t.source and s.source_id = t.record order by t.source, t.record""",
        )
        many = int(one(con, "select count(*) from texts")[0])
    if not len(rows["unit"]):
        raise NothingToCompare(path=given, columns="source, source_id")
    unit, units = codes(rows["unit"].astype(str))
    boot = Bootstrap(len(units), unit="household", seed=seed)
    tables: dict[str, list[Row]] = {"agreement": [], "by_class": [], "confusion": []}
    for label in asked:
        _compare(tables, label, rows, unit, boot)
    return Report("sentiment", {"texts": many, "rows": len(unit)}, boot.method(), tables)


def _texts(con: duckdb.DuckDBPyConnection, truth: Truth, asked: list[str]) -> None:
    """Make `texts`: silo, source, record, unit and labels; the unit is the household, of a text by nobody the text itself."""
    relation = opened(con, truth.file("texts"), ("silo", "record", "person", *asked))
    nature = "nature" if "nature" in columns_of(con, relation) else "'earnest'"
    truth.table(con, "persons", "person", "household")
    source = (
        "case silo "
        + " ".join(f"when {quoted(s)} then {quoted(to)}" for s, to in SOURCES.items())
        + " else silo end"
    )
    more = "".join(f", t.{name}" for name in asked if name != "nature")
    con.execute(
        f"""create table texts as select t.silo, {source} as source, t.record, {nature} as nature,
            coalesce(cast(p.household as varchar), t.silo || ':' || t.record) as unit{more}
            from {relation} t left join persons p using (person)"""
    )


def _checked(con: duckdb.DuckDBPyConnection, given: Path, asked: list[str]) -> None:
    for label in asked:
        allowed = [
            str(row[0])
            for row in con.execute(
                f"select distinct cast({label} as varchar) from texts order by 1"
            ).fetchall()
        ]
        listed = ", ".join(map(quoted, allowed)) or "null"
        bad = f"{named(label)} is not null and cast({named(label)} as varchar) not in ({listed})"
        refuse(con, given, label, bad, Text("、".join(allowed), ", ".join(allowed)))
    many, shown = examples(
        con, "select source || ':' || source_id from said group by source, source_id having count(*) > 1"
    )
    if many:
        raise Repeated(path=given, many=many, what="source, source_id", examples=shown)
    unknown = """select s.source || ':' || s.source_id from said s anti join texts t on t.source = s.source and t.record = s.source_id
                 where s.source in (select source from texts)"""
    many, shown = examples(con, unknown)
    if many:
        raise UnknownIds(path=given, many=many, what="source, source_id", examples=shown)


def _compare(
    tables: dict[str, list[Row]], label: str, rows: dict[str, Any], unit: Ints, boot: Bootstrap
) -> None:
    """Add what is found of one label to the tables."""
    answered = np.array([answer is not None for answer in rows[f"said_{label}"]], bool)
    true, answer = (rows[f"{side}_{label}"][answered].astype(str) for side in ("true", "said"))
    if not len(true):
        return
    both, classes = codes(np.concatenate([true, answer]))
    truth, said_, units = both[: len(true)], both[len(true) :], unit[answered]
    parts: list[tuple[str, Any]] = [("all", np.ones(len(true), bool))]
    for column in ("silo", "kind"):
        values = rows[column][answered].astype(str)
        parts += [(str(value), values == value) for value in np.unique(values)]
    for part, kept in parts:
        sums = labels.confusion(boot, units[kept], truth[kept], said_[kept], len(classes))
        tables["agreement"].append({
            "of": f"{label}, {part}", "rows": int(kept.sum()),
            "accuracy": labels.accuracy(boot, sums, len(classes)), "macro_f1": labels.macro_f1(boot, sums, len(classes)),
        })  # fmt: skip
    sums = labels.confusion(boot, units, truth, said_, len(classes))
    tables["by_class"] += _by_class(label, sums, classes, boot)
    tables["confusion"] += _confusion(label, sums, classes)


def _by_class(label: str, sums: Floats, classes: Any, boot: Bootstrap) -> list[Row]:
    many, out = len(classes), list[Row]()
    for n, name in enumerate(classes):
        own = sums.reshape(-1, many, many)
        three = np.stack([own[:, n, n], own[:, :, n].sum(axis=1), own[:, n, :].sum(axis=1)], axis=1)
        out.append({
            "label": label, "class": str(name), "rows": int(three[:, 2].sum()), "precision": boot.ratio(three, 0, 1),
            "recall": boot.ratio(three, 0, 2), "f1": boot.of(three, lambda s: 2 * s[:, 0] / (s[:, 1] + s[:, 2])),
        })  # fmt: skip
    return out


def _confusion(label: str, sums: Floats, classes: Any) -> list[Row]:
    table = sums.sum(axis=0).reshape(len(classes), len(classes)).astype(int)
    return [
        {"label": label, "true": str(t), "said": str(s), "rows": int(table[i, j])}
        for i, t in enumerate(classes)
        for j, s in enumerate(classes)
        if table[i, j]
    ]

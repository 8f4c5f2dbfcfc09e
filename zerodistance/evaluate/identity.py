"""Who is who: clusters of records that were answered beside those of the truth. For persons, and for households in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa

from zerodistance.evaluate import clusters
from zerodistance.evaluate.clusters import Cells
from zerodistance.evaluate.contracts import NothingToCompare, Repeated, Report, Row, UnknownIds
from zerodistance.evaluate.intervals import Bootstrap, Floats, Ints
from zerodistance.evaluate.reading import Truth, arrays, codes, desk, examples, one, said
from zerodistance.kernel.text import Text

_WORST = 5  # clusters that are shown, own value
_SHOWN = 3  # parts of a cluster that are shown, and records of a part, own value


@dataclass(frozen=True)
class Matched:
    """Cells of the comparison, and what their numbers stand for.

    Attributes
    ----------
    strata
        Silo, and whether its rows name nobody, of each stratum.
    truths, answers
        Id of the truth, number of the label in `label_codes` (negative: none) of each cluster.
    units
        Households.
    """

    cells: Cells
    strata: list[tuple[str, bool]]
    truths: Any
    answers: Any
    units: int


def examine(what: str, truth: Path, given: Path, *, partial: bool, seed: int) -> Report:
    """Compare clusters of records with the truth.

    Parameters
    ----------
    what
        `identity` (column `person_id`) or `households` (column `household_id`).
    partial
        Whether the truth has a part of the records only.

    Raises
    ------
    NoTruth, NoSaid, NotReadable, MissingColumn, Repeated, UnknownIds, NothingToCompare
    """
    label, true = ("person_id", "person") if what == "identity" else ("household_id", "household")
    with desk() as con:
        _read(con, Truth.of(truth), given, label)
        counts = _checked(con, given, partial=partial)
        _join(con, true)
        found = _matched(con)
        cells, strata = found.cells, found.strata
        if not len(cells.many) or not (found.answers >= 0).any():
            raise NothingToCompare(path=given, columns="source, source_id")
        counts |= _counts(con, cells)
        boot = Bootstrap(found.units, unit="household", seed=seed)
        tables = {
            "by_part": _by_part(cells, strata, boot),
            "by_silo": _by_silo(cells, strata, boot),
            "by_pair": _by_pair(cells, strata),
            "wrongly_joined": _wrong(con, found, "said"),
            "not_joined": _wrong(con, found, "truth"),
        }
    return Report(what, counts, boot.method(), tables)


def _read(con: duckdb.DuckDBPyConnection, truth: Truth, given: Path, label: str) -> None:
    truth.records(con)
    said(con, given, ("source", "source_id", label))
    con.execute(
        "create table answers as select source, source_id as record, nullif(cast(any_value("
        f"{label}) as varchar), '') as label, count(distinct coalesce(cast({label} as varchar), '')) as many "
        "from said group by all"
    )
    con.execute("drop table said")


def _checked(con: duckdb.DuckDBPyConnection, given: Path, *, partial: bool) -> dict[str, int]:
    many, shown = examples(con, "select source || ':' || record from answers where many > 1")
    if many:
        raise Repeated(path=given, many=many, what="source, source_id", examples=shown)
    many, shown = examples(
        con, "select source || ':' || record from records group by source, record having count(*) > 1"
    )
    if many:
        raise Repeated(path="truth/records", many=many, what="source, record", examples=shown)
    sources = "(select distinct source from records)"
    unknown = f"""select source || ':' || record from answers a anti join records r using (source, record) where source in {sources}"""
    many, shown = examples(con, unknown)
    if many and not partial:
        raise UnknownIds(path=given, many=many, what=Text("记录", "record"), examples=shown)
    outside = one(con, f"select count(*) from answers where source not in {sources}")[0]
    return {"not_in_truth": many, "other_sources": int(outside)}


def _join(con: duckdb.DuckDBPyConnection, true: str) -> None:
    """Make `r`: every record of the truth with its answer; one that was not answered is a cluster of its own."""
    con.execute(
        f"""create table r as select r.silo, r.source, r.record, r.unnamed, r.{true} as truth, r.household, a.label,
            r.{true} is null as nobody from records r left join answers a using (source, record)"""
    )
    con.execute("drop table answers")
    con.execute(
        """create table label_codes as select label, row_number() over (order by label) - 1 as code
           from (select distinct label from r where label is not null)"""
    )
    con.execute(
        """create table strata as select silo, unnamed, row_number() over (order by silo, unnamed) - 1 as stratum
           from (select distinct silo, unnamed from r)"""
    )


def _matched(con: duckdb.DuckDBPyConnection) -> Matched:
    strata = con.execute("select silo, unnamed from strata order by stratum").fetchall()
    found = arrays(
        con,
        """select r.truth, r.household, s.stratum, c.code, count(*) as many
           from r join label_codes c using (label) join strata s using (silo, unnamed) where not nobody group by all
           union all
           select truth, household, stratum, -row_number() over (order by source, record), 1
           from r join strata s using (silo, unnamed) where not nobody and label is null order by all""",
    )
    truth, truths = codes(found["truth"])
    answer, answers = codes(found["code"])
    unit, units = codes(found["household"])
    cells = Cells(truth, answer, unit, found["stratum"].astype(np.int64), found["many"].astype(np.int64))
    return Matched(cells, [(str(s), bool(u)) for s, u in strata], truths, answers, len(units))


def _counts(con: duckdb.DuckDBPyConnection, cells: Cells) -> dict[str, int]:
    somebody = "(select distinct label from r where not nobody)"
    nobody, joined, unsaid = one(
        con,
        f"""select count(*) filter (nobody), count(*) filter (nobody and label in {somebody}),
            count(*) filter (not nobody and label is null) from r""",
    )
    return {
        "records": int(cells.many.sum()),
        "unsaid": int(unsaid),
        "nobody": int(nobody),
        "nobody_joined": int(joined),
        "said": len(np.unique(cells.said)),
        "true": len(np.unique(cells.truth)),
        "largest_said": int(clusters.sizes(cells.said, cells.many).max()),
        "largest_true": int(clusters.sizes(cells.truth, cells.many).max()),
    }


def _row(cells: Cells, boot: Bootstrap, **head: str) -> Row:
    found = clusters.figures(cells, boot)
    figures = {f"{name}_{part}": value for name, parts in found.items() for part, value in parts.items()}
    return {**head, "records": int(cells.many.sum()), **figures}


def _by_part(cells: Cells, strata: list[tuple[str, bool]], boot: Bootstrap) -> list[Row]:
    unnamed = np.array([one[1] for one in strata])[cells.stratum]
    parts = (("all", np.ones(len(unnamed), bool)), ("named", ~unnamed), ("unnamed", unnamed))
    return [_row(cells.where(kept), boot, part=name) for name, kept in parts if kept.any()]


def _by_silo(cells: Cells, strata: list[tuple[str, bool]], boot: Bootstrap) -> list[Row]:
    silos = np.array([one[0] for one in strata])[cells.stratum]
    return [_row(cells.where(silos == silo), boot, silo=str(silo)) for silo in np.unique(silos)]


def _by_pair(cells: Cells, strata: list[tuple[str, bool]]) -> list[Row]:
    """Return pairs of records by the silos of both, those with the most errors first, after those of named and unnamed ones."""
    names = sorted({silo for silo, _ in strata})
    of_silo = np.array([[silo == name for silo, _ in strata] for name in names], float)
    of_part = np.array([[u == unnamed for _, u in strata] for unnamed in (False, True)], float)
    found = clusters.between(cells, len(strata))
    rows = _pair_rows(["named", "unnamed"], {k: _folded(of_part, v) for k, v in found.items()})
    by_silo = _pair_rows(names, {k: _folded(of_silo, v) for k, v in found.items()})
    return rows + sorted(by_silo, key=_errors, reverse=True)


def _errors(row: Row) -> int:
    both, said_, true = (int(cast("int", row[name])) for name in ("pairs_both", "pairs_said", "pairs_true"))
    return said_ + true - 2 * both


def _folded(into: Floats, pairs: Floats) -> Floats:
    """Return pairs by coarser strata; those within one are counted once."""
    out: Floats = into @ pairs @ into.T
    inside = into @ np.diag(np.diag(pairs)) @ into.T
    np.fill_diagonal(out, (np.diag(out) + np.diag(inside)) / 2)
    return out


def _pair_rows(names: list[str], found: dict[str, Floats]) -> list[Row]:
    rows: list[Row] = []
    for i, first in enumerate(names):
        for j, second in enumerate(names[i:], i):
            both, said_, true = (int(found[name][i, j]) for name in ("both", "said", "true"))
            if said_ or true:
                rows.append({
                    "first": first, "second": second, "pairs_true": true, "pairs_said": said_, "pairs_both": both,
                    "precision": both / said_ if said_ else None, "recall": both / true if true else None,
                })  # fmt: skip
    return rows


def _wrong(con: duckdb.DuckDBPyConnection, found: Matched, of: str) -> list[Row]:
    """Return the worst clusters with some of their records, the largest parts first."""
    cells = found.cells
    label, other = (cells.said, cells.truth) if of == "said" else (cells.truth, cells.said)
    rows: list[Row] = []
    asked: list[tuple[int, Ints]] = []
    for cluster in clusters.wrong(cells, of, _WORST):
        inside = label == cluster
        parts, place = np.unique(other[inside], return_inverse=True)
        largest = np.argsort(-np.bincount(place, cells.many[inside]), kind="stable")[:_SHOWN]
        rows.append({"records": int(cells.many[inside].sum()), "parts": len(parts)})
        asked.append((int(cluster), parts[largest]))
    shown = _records(con, found, of, asked)
    return [{**row, "examples": " | ".join(part)} for row, part in zip(rows, shown, strict=True)]


def _records(
    con: duckdb.DuckDBPyConnection, found: Matched, of: str, asked: list[tuple[int, Ints]]
) -> list[list[str]]:
    """Return some records of each part of each cluster that is asked for."""
    pairs = [
        (n, m, cluster, int(part)) for n, (cluster, parts) in enumerate(asked) for m, part in enumerate(parts)
    ]
    truth, answer = (3, 2) if of == "said" else (2, 3)
    wanted = pa.table({
        "cluster": pa.array([p[0] for p in pairs], pa.int64()),
        "part": pa.array([p[1] for p in pairs], pa.int64()),
        "truth": pa.array([int(found.truths[p[truth]]) for p in pairs], pa.int64()),
        "code": pa.array([max(-1, int(found.answers[p[answer]])) for p in pairs], pa.int64()),
    })  # fmt: skip
    con.register("wanted", wanted)
    rows = con.execute(
        f"""select cluster, part, list(record order by record)[:{_SHOWN}]
            from (select w.cluster, w.part, r.source || ':' || r.record as record,
                         row_number() over (partition by w.cluster, w.part order by r.source, r.record) as n
                  from r left join label_codes c using (label) join wanted w on w.truth = r.truth and w.code = coalesce(c.code, -1))
            where n <= {_SHOWN} group by all order by cluster, part"""
    ).fetchall()
    out: list[list[str]] = [[] for _ in asked]
    for cluster, _, records in rows:
        out[cluster].append(", ".join(records))
    return out

"""Who was who at an earlier time: the map subject -> person as it held then, of everybody or of one person."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from zerodistance.kernel import bulk
from zerodistance.kernel.home import Home

THEN = pa.schema(
    [("subject", pa.int64()), ("number", pa.int64()), ("today", pa.int64()), ("there", pa.bool_())]
)
"""One row per subject of today, ascending: the person it belonged to then and the one of today; whether it was known then.

One that was first met later (`there` is false) stands with the person of today: nothing was decided of it then, and touches that a later import brought
of earlier days are of that person. Forgotten subjects and visitors who have expired have no row.
"""
SPANS = pa.schema(
    [
        ("subject", pa.int64()),
        ("number", pa.int64()),
        ("since", pa.timestamp("us", tz="UTC")),
        ("until", pa.timestamp("us", tz="UTC")),
    ]
)
"""One row per subject of today and time in which it belonged to one person, `since` included, `until` not: what `THEN` says of every moment."""
_EVER = 1 << 62  # microseconds: before and after everything
_ROW = (
    "select s.number, coalesce((select c.old_person from identity_change c where c.subject = s.number and c.at > ? order by c.number limit 1), "
    "s.person), s.person, case when coalesce((select c.old_from from identity_change c where c.subject = s.number order by c.number limit 1), "
    "s.person_from) <= ? then 1 else 0 end from subject s"
)
_ROWS = 100_000


def everybody_then(home: Home, at: int) -> pa.Table:
    """Return the whole map as of a moment (microseconds UTC), a table of `THEN`."""
    with home.state.read() as tx:
        batches = [
            _table(rows) for rows in bulk.stream(tx, f"{_ROW} order by s.number", (at, at), _ROWS) if rows
        ]
    return pa.concat_tables(batches) if batches else THEN.empty_table()


def spans(home: Home) -> pa.Table:
    """Return who was who at every moment, a table of `SPANS`: for joins by `since` and `until`, where many moments are asked for."""
    with home.state.read() as tx:
        now = np.array(bulk.rows(tx, "select number, person from subject order by number", ()), np.int64)
        sql = (
            "select c.subject, c.old_from, c.at, c.old_person from identity_change c join subject s on s.number = c.subject "
            "order by c.subject, c.number"
        )
        moved = np.array(bulk.rows(tx, sql, ()), np.int64)
    subject, today = now.reshape(-1, 2).T
    of, old_from, at, old = moved.reshape(-1, 4).T
    person = today[np.searchsorted(subject, of)]
    first = np.append(True, of[1:] != of[:-1])[: len(of)]
    last = np.append(of[1:] != of[:-1], True)[: len(of)]
    before, still = np.where(first, old_from, np.append(0, at[:-1])[: len(of)]), ~np.isin(subject, of)
    # Whoever never moved; before a subject was met, it stands with the person of today; what it was until each change; and from the last one on.
    parts = (
        (subject[still], today[still], np.full(still.sum(), -_EVER), np.full(still.sum(), _EVER)),
        (of[first], person[first], np.full(first.sum(), -_EVER), old_from[first]),
        (of, old, before, at),
        (of[last], person[last], at[last], np.full(last.sum(), _EVER)),
    )
    columns = [np.concatenate(one) for one in zip(*parts, strict=True)]
    made = [pa.array(one).cast(field.type) for one, field in zip(columns, SPANS, strict=True)]
    found = pa.table(made, schema=SPANS)
    return found.filter(pc.less(found.column("since"), found.column("until")))


def person_then(home: Home, at: int, subject: int) -> pa.Table:
    """Return the map, as of a moment, of whoever a subject belonged to then; a table of `THEN`, empty for a subject that is not there."""
    with home.state.read() as tx:
        return _of(tx, at, subject)


def _of(tx: Connection, at: int, subject: int) -> pa.Table:
    mine = bulk.rows(tx, f"{_ROW} where s.number = ?", (at, at, subject))
    if not mine:
        return THEN.empty_table()
    number = _number(mine[0])
    sql = (
        f"{_ROW} where s.number in (select number from subject where person = ? "
        "union select subject from identity_change where old_person = ?) order by s.number"
    )
    rows = bulk.rows(tx, sql, (at, at, number, number))
    return _table([row for row in rows if _number(row) == number])


def _table(rows: list[tuple[int, int, int, int]]) -> pa.Table:
    columns: npt.NDArray[np.int64] = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    subject, then, today, there = columns
    made = [subject, np.where(there > 0, then, today), today, there > 0]
    return pa.table([pa.array(column) for column in made], schema=THEN)


def _number(row: tuple[int, int, int, int]) -> int:
    return row[1] if row[3] else row[2]

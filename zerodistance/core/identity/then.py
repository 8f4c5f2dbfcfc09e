"""Who was who at an earlier time: the map subject -> person as it held then, of everybody or of one person."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
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

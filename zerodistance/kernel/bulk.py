"""SQL for many rows, in one spelling for both state stores: `?` stands for a bound value, rows are plain tuples.

For what Core expressions would slow down: the recognition of a batch, the map of millions of subjects. On SQLite a statement
runs once a row, as the driver likes it best; on PostgreSQL once for all rows, which travel as one array a column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CHUNK = 500
"""Values of one IN list on SQLite."""
_STREAMS = count(1)
_FETCH = 50_000  # rows that a stream takes from the server at once
_SPAN = 200_000  # keys whose rows are read as one text a column
_MOST = 50_000  # rows that travel in one statement

Kind = Literal["bigint", "bytea", "text"]
Row = tuple[Any, ...]


def on_postgres(tx: Connection) -> bool:
    """Say whether a connection leads to PostgreSQL."""
    return tx.dialect.name == "postgresql"


@lru_cache(1_024)
def for_postgres(sql: str) -> str:
    """Return SQL in which `?` stands for a bound value as PostgreSQL's driver wants it.

    Examples
    --------
    >>> for_postgres("select a % 2 from t where b = ?")
    'select a %% 2 from t where b = %s'
    """
    return sql.replace("%", "%%").replace("?", "%s")


def run(tx: Connection, sql: str, bound: Row = ()) -> int:
    """Run one statement; return how many rows it changed."""
    return tx.exec_driver_sql(for_postgres(sql) if on_postgres(tx) else sql, bound).rowcount


def rows(tx: Connection, sql: str, bound: Row = ()) -> list[Row]:
    """Return the rows of one question."""
    found = tx.exec_driver_sql(for_postgres(sql) if on_postgres(tx) else sql, bound).cursor
    assert found is not None
    return list(found.fetchall())


def value(tx: Connection, sql: str, bound: Row = ()) -> Any:
    """Return the one value of the one row of a question, None if there is no row."""
    found = rows(tx, sql, bound)
    return found[0][0] if found else None


def stream(tx: Connection, sql: str, bound: Row = (), size: int = _FETCH) -> Iterator[list[Row]]:
    """Yield the rows of one question `size` at a time, in constant memory on both sides."""
    if on_postgres(tx):
        driver: Any = tx.connection.driver_connection
        cursor = driver.cursor(
            name=f"stream_{next(_STREAMS)}"
        )  # held by the server: the plain one fetches everything
        cursor.execute(for_postgres(sql), bound)
    else:
        cursor = tx.exec_driver_sql(sql, bound).cursor
    try:
        while part := cursor.fetchmany(size):
            yield part
    finally:
        cursor.close()


def columns(tx: Connection, sql: str, width: int, bound: Row = ()) -> npt.NDArray[np.int64]:
    """Return the whole numbers that a question selects, shape (`width`, rows)."""
    import numpy as np  # late: few commands need it

    parts = []
    for found in stream(tx, sql, bound):
        flat = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=len(found) * width)
        parts.append(flat.reshape(-1, width).T)
    return np.concatenate(parts, axis=1) if parts else np.zeros((width, 0), dtype=np.int64)


def spans(
    tx: Connection, sql: str, kinds: Mapping[str, type[np.signedinteger[Any]]], last: int
) -> list[npt.NDArray[Any]]:
    """Return the whole numbers that a question selects, one array a column, for many millions of rows.

    The store writes each column of a span as one text, which takes half of what a tuple a row does; here it is read into as few bytes as fit.

    Parameters
    ----------
    sql
        Asks for a span of some key, `between ? and ?`. Spans come in order, the rows of one in that of the question as a rule: look, where it matters.
    kinds
        Name of each column, and its type.
    last
        The highest key; they begin with 1.
    """
    import numpy as np  # late: few commands need it

    write = "string_agg({}::text, ',')" if on_postgres(tx) else "group_concat({})"
    whole = f"select {', '.join(write.format(name) for name in kinds)} from ({sql}) as given"
    parts: list[list[npt.NDArray[Any]]] = [[np.zeros(0, dtype=kind)] for kind in kinds.values()]
    for start in range(1, last + 1, _SPAN):
        texts = rows(tx, whole, (start, start + _SPAN - 1))[0]
        if texts[0] is not None:
            for part, text, kind in zip(parts, texts, kinds.values(), strict=True):
                part.append(np.fromstring(text, dtype=np.int64, sep=",").astype(kind))
    out = []
    for part in parts:
        out.append(np.concatenate(part))
        part.clear()
    return out


def among(tx: Connection, sql: str, values: Sequence[Any]) -> Iterator[Row]:
    """Yield the rows of `sql`, in which `in {values}` stands for the list, for any number of values."""
    if not values:
        return
    if on_postgres(tx):
        yield from rows(tx, sql.replace("in {values}", "= any(?)"), (list(values),))
        return
    for start in range(0, len(values), CHUNK):
        part = tuple(values[start : start + CHUNK])
        yield from rows(tx, sql.replace("{values}", "(" + ",".join("?" * len(part)) + ")"), part)


def run_among(tx: Connection, sql: str, values: Sequence[Any]) -> int:
    """Run `sql`, in which `in {values}` stands for the list, for any number of values; return how many rows it changed."""
    if not values:
        return 0
    if on_postgres(tx):
        return run(tx, sql.replace("in {values}", "= any(?)"), (list(values),))
    changed = 0
    for start in range(0, len(values), CHUNK):
        part = tuple(values[start : start + CHUNK])
        changed += run(tx, sql.replace("{values}", "(" + ",".join("?" * len(part)) + ")"), part)
    return changed


class Bulk:
    """One statement that is run for many rows.

    Parameters
    ----------
    sql
        `{name}` stands for a value of the row; `{rows}` in an insert for the whole row. In any other statement `{from}`, `{join}` (after
        a from that is there) or `{using}` (in a delete) says where the rows come from.
    key
        The columns by which rows may meet each other: several rows with the same key are run one after the other, as if each
        were a statement of its own. Empty: they never meet, or it does not matter.
    columns
        The values of a row, in order, with their kind.

    Examples
    --------
    >>> move = Bulk("update t set x = {x} {from} where id = {id}", x="bigint", id="bigint")
    >>> move.sqlite
    'update t set x = ?1  where id = ?2'
    >>> move.postgres
    'update t set x = given._x from unnest(%s::bigint[], %s::bigint[]) as given(_x, _id) where id = given._id'
    """

    def __init__(self, sql: str, key: Sequence[str] = (), **columns: Kind) -> None:
        names = list(columns)
        marks = {name: f"?{place}" for place, name in enumerate(names, start=1)}
        nothing = {"from": "", "join": "", "using": ""}
        self.sqlite = sql.format(rows=f"values ({', '.join(marks.values())})", **nothing, **marks)
        arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
        source = f"unnest({arrays}) as given({', '.join('_' + name for name in names)})"
        given = {name: f"given._{name}" for name in names}
        where = {"from": f"from {source}", "join": f", {source}", "using": f"using {source}"}
        every = f"select {', '.join(given.values())} from {source}"
        self.postgres = sql.format(rows=every, **where, **given)
        self._arrays: list[Callable[[Sequence[Any]], str]] = [_ARRAYS[kind] for kind in columns.values()]
        self._key = [names.index(name) for name in key]

    def run(self, tx: Connection, rows: Sequence[Row]) -> int:
        """Run the statement for every row, in order; return how many rows it changed."""
        if not rows:
            return 0
        if not on_postgres(tx):
            return tx.exec_driver_sql(self.sqlite, list(rows)).rowcount
        changed = 0
        for turn in self._turns(rows):
            for start in range(0, len(turn), _MOST):
                columns = zip(*turn[start : start + _MOST], strict=True)
                bound = tuple(make(column) for make, column in zip(self._arrays, columns, strict=True))
                changed += tx.exec_driver_sql(self.postgres, bound).rowcount
        return changed

    def _turns(self, rows: Sequence[Row]) -> list[Sequence[Row]]:
        """Return the rows in turns within which no key stands twice: one statement may not change a row twice."""
        if not self._key:
            return [rows]
        keys = [tuple(row[place] for place in self._key) for row in rows]
        if len(set(keys)) == len(keys):
            return [rows]
        met: Counter[Row] = Counter()
        turns: list[list[Row]] = []
        for key, row in zip(keys, rows, strict=True):
            if met[key] == len(turns):
                turns.append([])
            turns[met[key]].append(row)
            met[key] += 1
        return list(turns)


# An array travels as its text form: joining strings is a fraction of what the driver takes to look at each value.


def _numbers(column: Sequence[Any]) -> str:
    return "{" + ",".join(["NULL" if n is None else str(int(n)) for n in column]) + "}"


def _blobs(column: Sequence[Any]) -> str:
    return "{" + ",".join(["NULL" if b is None else '"\\\\x' + b.hex() + '"' for b in column]) + "}"


def _texts(column: Sequence[Any]) -> str:
    return "{" + ",".join(["NULL" if t is None else _quoted(t) for t in column]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_ARRAYS: dict[str, Callable[[Sequence[Any]], str]] = {"bigint": _numbers, "bytea": _blobs, "text": _texts}

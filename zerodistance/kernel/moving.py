"""Moving the state from one store to the other: every table in one pass and one transaction, verified, in constant memory.

The steps are ordered so that a kill between any two of them leaves one store that is used and a way on: (1) the target is filled, and
says that it is still coming in; (2) the source says where it has moved to, and is refused from then on; (3) the target says that it is
whole; (4) the home's setting names it. Whoever runs it again goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import xxhash
from sqlalchemy import Boolean, Connection, MetaData, Table, delete, inspect

from zerodistance.kernel import bulk, fault
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.state import COMING, KEY, MOVED_TO, State, note, upsert
from zerodistance.kernel.text import Text

_ROWS = 5_000  # own value: rows on their way at once
_OWN = (note.name, "alembic_version")
Row = tuple[Any, ...]
Progress = Callable[[str, int, int], None]
"""Hears the table, how many of its rows are copied, and how many it has."""


class TargetInUse(ZeroDistanceError):
    """The store that was named holds a state already."""

    code, status = "target_in_use", 409
    text = Text(
        "{where} 里已经有一个状态库，未作改动；给它一个空的数据库",
        "{where} holds a state already; nothing was changed; name an empty database",
    )


class CopyDiffers(ZeroDistanceError):
    """What was read back is not what was written."""

    code, status = "copy_differs", 500
    text = Text(
        "表 {table} 读回来与写进去的不一样（{read} 行，应为 {written} 行）；什么都没有切换，原状态库照旧",
        "the table {table} reads back otherwise than it was written ({read} rows of {written}); nothing was switched, the state is "
        "where it was",
    )


@dataclass(frozen=True)
class Moved:
    """One table: its rows and their checksum, which knows no order."""

    table: str
    rows: int
    checksum: int


def is_copied(source: State, where: str) -> bool:
    """Say whether an earlier run has copied everything to the store that is called `where`, and the source has said so."""
    return source.notes().get(MOVED_TO) == where


def copy(source: State, target: State, key: str, progress: Progress) -> list[Moved]:
    """Fill the target; both have the tables of this version. The caller keeps worker and doors away.

    Raises
    ------
    TargetInUse
        The target is neither empty nor left over from an earlier move of this home.
    CopyDiffers
        A table reads back otherwise than it was written.
    """
    with source.write() as out, target.write() as into:  # nobody writes meanwhile
        _refuse_foreign(into, _tables(out, into), target)
        done = fill(out, into, progress)
        for name, value in ((KEY, key), (COMING, source.where)):
            said = upsert(note).values(key=name, value=value)
            into.execute(said.on_conflict_do_update(index_elements=["key"], set_={"value": value}))
        into.execute(delete(note).where(note.c.key == MOVED_TO))
        fault.point("moving.before")
    fault.point("moving.copied")
    return done


def fill(out: Connection, into: Connection, progress: Progress) -> list[Moved]:
    """Copy every row of every table into the empty ones of another store, and read each back; what stores say of themselves stays out.

    Raises
    ------
    CopyDiffers
        A table reads back otherwise than it was written.
    """
    tables = _tables(out, into)
    done = [_copy(out, into, table, progress) for table in tables]
    for table in tables:
        _continue_numbers(out, into, table)
    return done


def hand_over(source: State, target: State) -> None:
    """Let the target be the one that is used: the source is refused from now on."""
    source.write_note(MOVED_TO, target.where)
    fault.point("moving.said")
    target.remove_note(COMING)
    fault.point("moving.whole")


def _tables(out: Connection, into: Connection) -> list[Table]:
    """Return the tables of both, with the types that PostgreSQL gives them, those that others point at first."""
    known = MetaData()
    known.reflect(into if bulk.on_postgres(into) else out)
    return [table for table in known.sorted_tables if table.name not in _OWN]


def _refuse_foreign(into: Connection, tables: Sequence[Table], target: State) -> None:
    notes = {row.key: row.value for row in into.execute(note.select())}
    if COMING in notes or MOVED_TO in notes:
        _empty(into, tables)
    elif any(bulk.value(into, f"select 1 from {_quoted(into, table.name)} limit 1") for table in tables):
        raise TargetInUse(where=target.where)


def _empty(into: Connection, tables: Sequence[Table]) -> None:
    names = [_quoted(into, table.name) for table in reversed(tables)]
    if bulk.on_postgres(into):
        bulk.run(into, f"truncate {', '.join(names)}")
        return
    for name in names:
        bulk.run(into, f"delete from {name}")


def _quoted(tx: Connection, name: str) -> str:
    return tx.dialect.identifier_preparer.quote(name)


def _copy(out: Connection, into: Connection, table: Table, progress: Progress) -> Moved:
    names = ", ".join(_quoted(out, column.name) for column in table.columns)
    total, done, written = int(bulk.value(out, f"select count(*) from {_quoted(out, table.name)}")), 0, 0
    with _writer(into, table) as write:
        for rows in _read(out, table, names):
            write(rows)
            written, done = written + _sum(rows), done + len(rows)
            progress(table.name, done, total)
    read = count = 0
    for rows in _read(into, table, names):
        read, count = read + _sum(rows), count + len(rows)
    if (read - written) % 2**64 or not done == count == total:
        raise CopyDiffers(table=table.name, read=count, written=total)
    return Moved(table.name, count, read % 2**64)


def _read(tx: Connection, table: Table, names: str) -> Iterator[list[Row]]:
    """Yield the rows of a table with the same values on both stores."""
    truths = [place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    for rows in bulk.stream(tx, f"select {names} from {_quoted(tx, table.name)}", size=_ROWS):
        yield [_same(row, truths) for row in rows]


def _same(row: Row, truths: Sequence[int]) -> Row:
    values = [v.replace("\0", "\ufffd") if isinstance(v, str) and "\0" in v else v for v in row]
    for place in truths:
        values[place] = None if values[place] is None else bool(values[place])
    return tuple(values)


def _sum(rows: Sequence[Row]) -> int:
    return sum(xxhash.xxh3_64_intdigest(repr(row).encode()) for row in rows)


@contextmanager
def _writer(tx: Connection, table: Table) -> Iterator[Callable[[Sequence[Row]], None]]:
    names = ", ".join(_quoted(tx, column.name) for column in table.columns)
    driver: Any = tx.connection.driver_connection
    if not bulk.on_postgres(tx):
        marks = ", ".join("?" * len(table.columns))
        sql = f"insert into {_quoted(tx, table.name)} ({names}) values ({marks})"
        yield lambda rows: driver.executemany(sql, rows)
        return
    with (
        driver.cursor() as cursor,
        cursor.copy(f"copy {_quoted(tx, table.name)} ({names}) from stdin") as copying,
    ):

        def write(rows: Sequence[Row]) -> None:
            for row in rows:
                copying.write_row(row)

        yield write


def _continue_numbers(out: Connection, into: Connection, table: Table) -> None:
    """Let the target go on with numbers after the last one that the source has given, of removed rows too."""
    column = next((c.name for c in table.primary_key.columns), None)
    last = None if column is None else _last_given(out, table.name, column)
    if column is None or last is None:
        return
    if bulk.on_postgres(into):
        sequence = bulk.value(
            into, "select pg_get_serial_sequence(?, ?)", (_quoted(into, table.name), column)
        )
        if sequence is not None:
            bulk.run(into, "select setval(?::regclass, ?)", (sequence, last))
    elif not bulk.run(into, "update sqlite_sequence set seq = ? where name = ?", (last, table.name)):
        bulk.run(into, "insert into sqlite_sequence (name, seq) values (?, ?)", (table.name, last))


def _last_given(tx: Connection, table: str, column: str) -> int | None:
    """Return the last number that a table has given by itself, None if it has given none or gives none."""
    if not bulk.on_postgres(tx):
        found = bulk.value(tx, "select seq from sqlite_sequence where name = ?", (table,))
        if (
            found is None
            and bulk.value(tx, f"select typeof(max({column})) from {_quoted(tx, table)}") == "integer"
        ):
            found = bulk.value(tx, f"select max({column}) from {_quoted(tx, table)}")
        return None if found is None else int(found)
    sequence = bulk.value(tx, "select pg_get_serial_sequence(?, ?)", (_quoted(tx, table), column))
    if sequence is None:
        return None
    last, was_called = bulk.rows(tx, f"select last_value, is_called from {sequence}")[0]
    return int(last) if was_called else None


def counted(state: State) -> int:
    """Return how many rows the tables hold together."""
    with state.read() as tx:
        return rows_of(tx)


def rows_of(tx: Connection) -> int:
    """Return how many rows the tables hold together in one snapshot."""
    names = [name for name in inspect(tx).get_table_names() if name not in _OWN]
    return sum(int(bulk.value(tx, f"select count(*) from {_quoted(tx, name)}")) for name in names)

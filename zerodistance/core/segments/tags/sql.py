"""The SQL of a tag: one SELECT over published views, run in bounds: no file, no network, no settings, so much memory, so many seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.core.identity import api as identity
from zerodistance.core.segments.tags.contracts import WrongSql
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel.home import Home

SECONDS = 300.0  # own value: that a statement may take
VIEWS = ("touches", "subject_person", "person_fact")
_A_SUBJECT, _FEWEST = 2, 1_000  # own values: rows that may come, since they are held in memory
_SHARE = 0.5  # of an engine connection's memory


def run(home: Home, text: str, seconds: float = SECONDS) -> pa.Table:
    """Return `subject` (int64) or `number` (int64), and `value` (string), of a SELECT; rows without a value are left out.

    Raises
    ------
    WrongSql
        It is no single SELECT, can't be run, takes too long, or gives other columns.
    """
    with _bounded(home) as (connection, most):
        _must_select(connection, text)
        timer = threading.Timer(seconds, connection.interrupt)
        timer.start()
        try:
            found = connection.sql(_limited(text, most)).to_arrow_table()
        except duckdb.InterruptException:
            raise WrongSql(
                why_zh=f"超过 {seconds:.0f} 秒", why=f"it takes longer than {seconds:.0f} s"
            ) from None
        finally:
            timer.cancel()
    if len(found) > most:
        why = (
            f"超过 {most:,} 行；按人汇总，每人一行",
            f"it gives more than {most:,} rows; group them, one row a person",
        )
        raise WrongSql(why_zh=why[0], why=why[1])
    return _rows(found)


def check(home: Home, text: str) -> None:
    """Raise WrongSql for what is no single SELECT over the views, or gives other columns; nothing is run."""
    with _bounded(home) as (connection, most):
        _must_select(connection, text)
        _columns(connection.sql(_limited(text, most)).columns)


@contextmanager
def _bounded(home: Home) -> Iterator[tuple[duckdb.DuckDBPyConnection, int]]:
    """Yield a connection that reads the views and nothing else, and how many rows may come; its errors are raised as WrongSql."""
    people = identity.People(home)
    with home.engine.connect(share=_SHARE) as connection:
        touches_view(connection, home)
        pairs = people.pairs(None)
        connection.register("subject_person", pairs)
        connection.register("person_fact", people.facts(None))
        inside = "', '".join(str(home.path(name)).replace("'", "''") for name in ("lake", "tail"))
        connection.execute(f"set allowed_directories = ['{inside}']")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        try:
            yield connection, _A_SUBJECT * len(pairs) + _FEWEST
        except duckdb.Error as error:
            said = str(error).partition("\n\n")[0][:500]
            raise WrongSql(why_zh=said, why=said) from None


def _limited(text: str, most: int) -> str:
    return f"select * from (\n{text.strip().rstrip(';')}\n) limit {most + 1}"


def _must_select(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    some = connection.extract_statements(text)
    if len(some) != 1 or some[0].type != duckdb.StatementType.SELECT:
        raise WrongSql(why_zh="只能是一条 SELECT", why="it has to be one SELECT")


def _columns(names: Sequence[str]) -> str:
    """Return the column that says who: `subject` or `number`."""
    who = "subject" if "subject" in names else "number"
    if who not in names or "value" not in names:
        given = ", ".join(names)
        raise WrongSql(
            why_zh=f"结果要有 subject 或 number，和 value；给的是 {given}",
            why=f"it has to give subject or number, and value; it gives {given}",
        )
    return who


def _rows(found: pa.Table) -> pa.Table:
    who = _columns(found.column_names)
    try:
        table = pa.table(
            {who: found.column(who).cast(pa.int64()), "value": found.column("value").cast(pa.string())}
        )
    except pa.ArrowInvalid as error:
        raise WrongSql(why_zh=str(error), why=str(error)) from None
    return table.filter(pc.and_(pc.is_valid(table.column(who)), pc.is_valid(table.column("value"))))

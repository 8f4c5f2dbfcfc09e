"""Rows of PostgreSQL and MySQL or MariaDB: read-only, in the order of a cursor column, never more of them in memory than a block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    NullPool,
    Select,
    bindparam,
    column,
    create_engine,
    event,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError

from zerodistance.connectors.feeds.contracts import DriverMissing, Sql, Value
from zerodistance.connectors.feeds.cursors import Position, back, checked
from zerodistance.connectors.feeds.lines import line
from zerodistance.connectors.feeds.secrets import reveal
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
_BLOCK = 1_000  # own value: rows that are fetched at once
_PG = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "zerodistance feeds",
    "client_encoding": "UTF8",
}
_PG_SESSION = (
    "set local timezone to 'UTC'",
    "set local jit to off",
    "set local lock_timeout to '60s'",  # own values: what waits for somebody else must not hold up other feeds for ever
    "set local statement_timeout to '30min'",
)
_MY = {
    "connect_timeout": 10,
    "read_timeout": 600,
    "write_timeout": 60,
    "charset": "utf8mb4",
}
_MY_SESSION = (
    "set session transaction read only",
    "set session time_zone = '+00:00'",
    "set session lock_wait_timeout = 60",
)
_SAFE_PG = ("08", "28", "3D", "3F", "42", "53", "55", "57")  # classes of SQLSTATE whose words quote no row
_SAFE_MY = (1044, 1045, 1049, 1054, 1060, 1064, 1142, 1143, 1146, 2002, 2003, 2005, 2006, 2013)
_NAMED = re.compile(r"(?<![:\w\\]):(?=\w)")


class DatabaseAway(ZeroDistanceError):
    """A database can't be read from."""

    code, status, retry = "database_away", 502, True
    text = Text("数据库 {place} 读不了：{why}", "the database {place} can't be read: {why}")


class QueryWrong(ZeroDistanceError):
    """A query gives what can't be made rows of."""

    code, status = "query_wrong", 400
    text = Text("数据库 {place}：{why_zh}", "the database {place}: {why_en}")


def parse_url(given: str) -> URL:
    """Return the address of a database as its driver wants it.

    Raises
    ------
    ValueError
        It is of no kind that is known, holds a password, or names no database; the message says what is allowed.
    """
    try:
        found = make_url(given)
    except (ArgumentError, ValueError):
        raise ValueError("postgresql://user@host:5432/database") from None
    backend = found.drivername.partition("+")[0]
    secrets = found.password is not None or any("pass" in key.lower() for key in found.query)
    if backend not in DRIVERS or not found.database or secrets:
        raise ValueError("postgresql://user@host:5432/database")
    return found.set(drivername=DRIVERS[backend])


def place_of(url: URL) -> str:
    """Return what to call a database."""
    backend = url.drivername.partition("+")[0]
    host = (
        url.host
        or ",".join([value for value in [url.query.get("host")] if isinstance(value, str)])
        or "localhost"
    )
    return f"{backend}://{host}{f':{url.port}' if url.port else ''}/{url.database}"


@contextmanager
def connected(home: Home, sql: Sql) -> Iterator[Connection]:
    """Give a connection that only reads.

    Raises
    ------
    DriverMissing, NoSecret, NoVariable, DatabaseAway
        There is none.
    """
    url = parse_url(sql.url)
    if sql.password is not None:
        url = url.set(password=reveal(home, sql.password))
    postgres = url.drivername.startswith("postgresql")
    try:
        engine = create_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args=dict(_PG if postgres else _MY)
        )
    except ModuleNotFoundError:
        kind, extra = ("PostgreSQL", "postgres") if postgres else ("MySQL", "mysql")
        raise DriverMissing(kind=kind, extra=extra) from None
    if not postgres:
        event.listen(engine, "connect", _begin_session)
    with _told(sql, connecting=True):
        connection = engine.connect()
        if postgres:  # in the transaction, so that a pool in between, such as PgBouncer, gives nobody else a session that is changed
            connection = connection.execution_options(postgresql_readonly=True)
            for said in _PG_SESSION:
                connection.exec_driver_sql(said)
    try:
        yield connection
    finally:
        _abandon(connection)
        connection.close()
        engine.dispose()


def _begin_session(driver: Any, _record: object) -> None:
    with driver.cursor() as cursor:
        for statement in _MY_SESSION:
            cursor.execute(statement)


def _abandon(connection: Connection) -> None:
    """Leave what was not read; the driver of MySQL would read it to its end first."""
    driver: Any = connection.connection.driver_connection
    unread = getattr(driver, "_result", None)
    if unread is not None:
        unread.unbuffered_active = False
    connection.invalidate()


@contextmanager
def _told(sql: Sql, *, connecting: bool = False) -> Iterator[None]:
    """Say in our words what a driver says: its own only where they quote no row."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseAway(place=sql.place, why=_why(error, connecting)) from None


def _why(error: DBAPIError, connecting: bool) -> str:
    code: str | None = getattr(error.orig, "sqlstate", None)
    args: tuple[Any, ...] = getattr(error.orig, "args", ())
    if len(args) > 1 and isinstance(args[0], int):  # MySQL
        return f"{args[0]} {args[1]}" if args[0] in _SAFE_MY else f"error {args[0]}"
    if connecting or (code or "").startswith(_SAFE_PG):
        said = str(error.orig).strip().splitlines()
        return said[0][:300] if said else type(error.orig).__name__
    return f"SQLSTATE {code}" if code else type(error.orig).__name__


def rows(
    connection: Connection, sql: Sql, before: Position, most: int | None = None
) -> Iterator[tuple[Value | None, bytes]]:
    """Yield the rows from where a feed begins again, at most `most`, in the order of the cursor, each with its line.

    Raises
    ------
    DatabaseAway
        The server does not answer, refuses the query, or goes away.
    QueryWrong
        Two columns have one name, or there is no cursor column.
    CursorUnfit
        The cursor column has no order.
    """
    start = sql.cursor.start if before.upto is None else back(sql.cursor, before.upto)
    with _told(sql):
        streamed = connection.execution_options(stream_results=True, max_row_buffer=_BLOCK)
        asked = statement(sql, start).limit(most)
        result = streamed.execute(asked, {} if start is None else {"start": start})
        names = list(result.keys())
        at = _column(sql, names)
        for block in result.partitions(_BLOCK):
            for row in block:
                yield checked(sql.cursor.field, row[at]), line(names, row)


def statement(sql: Sql, start: Value | None) -> Select[Any]:
    """Return the question: all columns, in the order of the cursor, from `:start` on."""
    cursor: Any = column(sql.cursor.field)
    if sql.table:
        schema, _, name = sql.table.rpartition(".")
        source: Any = table(name, schema=schema or None)
    else:
        query = _NAMED.sub(r"\\:", sql.query.strip().rstrip(";"))
        source = text(f"({query}\n) as zd_rows")
    asked = select(text("*")).select_from(source).where(cursor.is_not(None)).order_by(cursor)
    return asked if start is None else asked.where(cursor >= bindparam("start"))


def _column(sql: Sql, names: list[str]) -> int:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise QueryWrong(
            place=sql.place,
            why_zh=f"查询有两列都叫 {twice}；用 as 给它们不同的名称",
            why_en=f"the query gives two columns {twice}; name them apart with `as`",
        )
    small = [name.lower() for name in names]
    if sql.cursor.field.lower() not in small:
        raise QueryWrong(
            place=sql.place,
            why_zh=f"结果里没有游标列 {sql.cursor.field}；有 {', '.join(names[:40])}",
            why_en=f"there is no cursor column {sql.cursor.field} in the result; there are {', '.join(names[:40])}",
        )
    return small.index(sql.cursor.field.lower())

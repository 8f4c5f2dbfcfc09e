"""The state store: SQLAlchemy Core over SQLite in WAL mode; one write transaction is the one commit point."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event, inspect
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every room declares its tables here, in its own `store.py`. Times are integers: microseconds since 1970 UTC."""

_BUSY_SECONDS = 60


class State:
    """The state store of one home.

    Parameters
    ----------
    path
        The SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = create_engine(
            f"sqlite:///{path}",
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=32,
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
        )
        event.listen(self.engine, "connect", _prepare)
        self._mine = threading.local()
        self._kept: list[PoolProxiedConnection] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one snapshot."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("begin")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("rollback")

    def ask(self, sql: str, bound: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one question, on a connection that this thread keeps.

        One statement is one snapshot: it needs no transaction around it, and costs a fraction of `read`. For what must be
        answered in milliseconds.
        """
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = self.engine.raw_connection()
            self._kept.append(connection)
        cursor = connection.cursor()
        try:
            cursor.execute(sql, bound)
            return list(cursor.fetchall())
        finally:
            cursor.close()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the one writing connection: commits when the block ends, rolls back when it raises."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("rollback")
                raise
            connection.exec_driver_sql("commit")

    def upgrade(self) -> None:
        """Bring the tables to this version of the program, step by step, by the migrations."""
        from zerodistance.migrations import upgrade

        upgrade(self)

    def tables(self) -> set[str]:
        """Return the names of the tables that exist."""
        return set(inspect(self.engine).get_table_names())

    def close(self) -> None:
        """Give back every connection."""
        while self._kept:
            self._kept.pop().close()
        self._mine = threading.local()
        self.engine.dispose()


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "page_size=8192",
        "journal_mode=wal",
        "synchronous=full",
        "foreign_keys=on",
        "secure_delete=on",
        "cache_size=-65536",
        "mmap_size=1073741824",
        "temp_store=memory",
        "wal_autocheckpoint=2000",
    ):
        connection.execute(f"pragma {pragma}")

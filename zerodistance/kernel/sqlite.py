"""SQLite as the state store: one file in WAL mode, in the home."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.frozen import FrozenSqlite

_BUSY_SECONDS = 60
# Own values: bytes of the file that a connection maps, and one that is kept for quick answers; pages it has read count as memory.
_MAPPED, _MAPPED_KEPT = 256 << 20, 1 << 30


class Sqlite:
    """What `State` must know of the store beneath it; `Postgres` is the other one."""

    read, write = "begin", "begin immediate"
    is_remote = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)

    def engine(self) -> Engine:
        """Return the engine over the file, made when it is first used."""
        made = create_engine(
            f"sqlite:///{self.path}",
            poolclass=QueuePool,
            pool_size=8,
            pool_use_lifo=True,  # what one connection has read stays good until another one writes: few of them in turns read less
            max_overflow=32,
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
        )
        event.listen(made, "connect", _prepare)
        return made

    def spell(self, sql: str) -> str:
        """Return SQL in which `?` stands for a bound value as the driver wants it."""
        return sql

    def told(self, error: Exception) -> ZeroDistanceError | None:
        """Return what an error of the driver means in our words, None if it has none of ours."""
        return None

    @contextmanager
    def held(self, engine: Engine) -> Iterator[Callable[[], bool]]:
        """Hold the store for the one worker: the file lies in the home, whose lock keeps others out already."""
        yield lambda: True

    def quicken(self, driver: Any) -> None:
        """Make a connection that is kept for quick answers as quick as it can be."""
        driver.execute(f"pragma mmap_size={_MAPPED_KEPT}")

    def is_open(self, driver: Any) -> bool:
        """Say whether the driver's connection has a transaction open."""
        return bool(driver.in_transaction)

    def has_failed(self, driver: Any) -> bool:
        """Say whether the transaction can't be kept any more."""
        return False

    def check(self, tx: Connection, notes: Mapping[str, str], key: str) -> None:
        """Look whether this can hold the state of a home: a file in the home can, if it is of the same key.

        Raises
        ------
        StateOfAnother
            The key file is another one: nothing that is sealed could be opened, and new tokens would be others.
        """
        theirs = notes.get("key", key)
        if key and theirs != key:
            from zerodistance.kernel.postgres import StateOfAnother

            raise StateOfAnother(where=self.where, theirs=theirs, ours=key)

    def kind(self, tx: Connection) -> str:
        """Return the store's name and version."""
        return f"SQLite {sqlite3.sqlite_version}"

    def size(self, tx: Connection) -> int:
        """Return the bytes on disk."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def scrub(self, connection: Connection, tables: Sequence[str]) -> None:
        """Let no older page keep what was removed: `secure_delete` has zeroed the pages, the log is emptied into the file."""
        connection.exec_driver_sql("pragma wal_checkpoint(truncate)")

    def freeze(self, tx: Connection) -> FrozenSqlite:
        """Hold the instant of a transaction that has just begun."""
        tx.exec_driver_sql("select count(*) from sqlite_master").scalar_one()
        driver = tx.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return FrozenSqlite(driver, self.path.name, tx)

    def damage(self, tx: Connection) -> tuple[str, int]:
        """Return what is damaged, empty if nothing, and how many rows point at rows that do not exist."""
        said = [str(row[0]) for row in tx.exec_driver_sql("pragma integrity_check(5)")]
        loose = tx.exec_driver_sql("pragma foreign_key_check").fetchall()
        return "" if said == ["ok"] else "\n".join(said), len(loose)


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("pragma page_size=8192")
    _keep_a_log(connection)
    for pragma in (
        "synchronous=full",
        "foreign_keys=on",
        "secure_delete=on",
        "cache_size=-65536",
        f"mmap_size={_MAPPED}",
        "temp_store=memory",
        "wal_autocheckpoint=2000",
    ):
        connection.execute(f"pragma {pragma}")


def _keep_a_log(connection: sqlite3.Connection) -> None:
    """Turn to write-ahead logging; of several who do so with a new file at the same moment SQLite refuses all but one at once, without waiting."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode=wal")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)

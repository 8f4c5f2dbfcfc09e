"""One instant of a database, held while others go on writing: read from it, then copy exactly what was read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.files import sync
from zerodistance.kernel.text import Text

_STEP_PAGES = 512  # own value: pages between two reports of progress
Tick = Callable[[int], None]
"""Hears how many bytes were done since it was last called."""


class CopyDamaged(ZeroDistanceError):
    """The copy of a database does not pass the check of its engine."""

    code, status = "copy_damaged", 500
    text = Text(
        "{file} 的副本没有通过完整性检查：{said}；这次备份没有写下，旧备份未动。运行 `zerodistance doctor`",
        "the copy of {file} fails the integrity check: {said}; this backup was not written, older ones are as they were. "
        "Run `zerodistance doctor`",
    )


class Frozen(Protocol):
    """One instant of the state store, whichever it is."""

    @property
    def tx(self) -> Connection:
        """The snapshot, to be asked."""
        ...

    def copy(self, folder: Path, tick: Tick) -> list[str]:
        """Copy the snapshot into `folder`, checked; return the names of the files it consists of."""
        ...


class FrozenSqlite:
    """A read transaction on a SQLite file in WAL mode: writers go on, the copy is of the instant when it began.

    Parameters
    ----------
    connection
        Inside a transaction that has read something already.
    name
        How the copy is called.
    tx
        The same connection for SQLAlchemy; None for a file that is not the state.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, tx: Connection | None = None) -> None:
        self.connection, self._name, self._tx = connection, name, tx

    @property
    def tx(self) -> Connection:
        """The snapshot, to be asked."""
        assert self._tx is not None
        return self._tx

    def copy(self, folder: Path, tick: Tick) -> list[str]:
        """Copy the database into `folder`, check the copy, and return the names of the files it consists of.

        Pages keep their places, so that what did not change is the same bytes in the next copy.

        Raises
        ------
        CopyDamaged
            The copy fails SQLite's integrity check: the source is damaged.
        """
        path = folder / self._name
        path.unlink(missing_ok=True)
        size = int(self.connection.execute("pragma page_size").fetchone()[0])
        before = 0

        def report(_: int, remaining: int, total: int) -> None:
            nonlocal before
            done = (total - remaining) * size
            tick(done - before)
            before = done
            sync(path)  # bit by bit, so that no fsync of a commit waits for more

        with closing(sqlite3.connect(path)) as copy:
            copy.execute("pragma synchronous=off")  # it is read back and checked before anybody trusts it
            self.connection.backup(copy, pages=_STEP_PAGES, progress=report, sleep=0)
        said = check_sqlite(path)
        if said != "ok":
            raise CopyDamaged(file=self._name, said=said)
        return [self._name]


@contextmanager
def freeze_sqlite(path: Path) -> Iterator[FrozenSqlite]:
    """Hold one instant of a SQLite file."""
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)) as opened:
        opened.execute("begin")
        opened.execute("select count(*) from sqlite_master").fetchone()
        try:
            yield FrozenSqlite(opened, path.name)
        finally:
            opened.execute("rollback")


def check_sqlite(path: Path) -> str:
    """Return what SQLite's integrity check says of a file that nobody writes: `ok`, or the first thing that is wrong."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)) as opened:
            return str(opened.execute("pragma integrity_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)

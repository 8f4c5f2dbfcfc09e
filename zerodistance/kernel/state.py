"""The state store: SQLAlchemy Core over SQLite in WAL mode or over PostgreSQL; one write transaction is the one commit point."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    case,
    inspect,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from zerodistance.kernel.errors import StateComing, StateMoved
from zerodistance.kernel.slow import Timer
from zerodistance.kernel.sqlite import Sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert

    from zerodistance.kernel.frozen import Frozen
    from zerodistance.kernel.postgres import Postgres

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every room declares its tables here, in its own `store.py`. Times are integers: microseconds since 1970 UTC."""

Number = BigInteger().with_variant(Integer(), "sqlite")
"""The type of a number that is given anew to each row: 64 bits on both stores."""

note = Table(
    "state_note",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What the store says of itself."""

T = TypeVar("T")
KEY = "key"
"""The note that says which home's key the store belongs to, by its fingerprint."""
STATE_FILE = "state.db"
"""How the file is called in the home and in backups, when it is a file."""
MOVED_TO, COMING = "moved_to", "coming"
"""Notes of a move: the state is elsewhere by now; it is not yet all here."""


_THREADS = 6


def upsert(table: Table) -> Insert:
    """Return an insert that says what happens to a row that is there: `.on_conflict_do_update`, `.on_conflict_do_nothing`.

    It is the same on both stores; name `index_elements`, never a constraint.
    """
    from sqlalchemy.dialects import (
        postgresql,
    )  # SQLite compiles it too; loaded late, since few commands need it

    return postgresql.insert(table)


def greatest(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the larger of two values that are not null."""
    return case((one >= other, one), else_=other)


class State:
    """The state store of one home.

    Parameters
    ----------
    path
        The SQLite file.
    url
        The PostgreSQL database that is used instead, `postgresql://user@host/database`; empty: the file.
    """

    def __init__(self, path: Path, url: str = "") -> None:
        self.path = path
        self.store: Sqlite | Postgres = Sqlite(path)
        if url:
            from zerodistance.kernel.postgres import Postgres

            self.store = Postgres(url)
        self.where = self.store.where
        """What to call it in messages; no password in it."""
        self.engine = self.store.engine()
        self.is_remote = self.store.is_remote
        """Whether a question waits for another program, and so may wait long."""
        self._threads = ThreadPoolExecutor(_THREADS, "state")
        self.timer = Timer("state", 0)
        """Times what `ask` asks."""
        self._mine = threading.local()
        self._kept: list[PoolProxiedConnection] = []
        self.before_close: list[Callable[[], None]] = []
        """What is still to be written when the store is closed."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one snapshot.

        Raises
        ------
        StateAway, StateBusy
            The server does not answer, or not in time.
        """
        with self._told(), self._begun(self.store.read) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the one writing connection: commits when the block ends, rolls back when it raises.

        Raises
        ------
        StateAway, StateBusy
            The server does not answer, or not in time. When it went away during the commit itself, nobody knows whether that
            was done: whoever can't do it twice looks again.
        """
        with self._told(), self._begun(self.store.write) as connection:
            yield connection
            if self.store.has_failed(connection.connection.driver_connection):
                raise RuntimeError(
                    "a statement of this transaction failed and was passed over: nothing of it can be kept"
                )
            connection.exec_driver_sql("commit")

    @contextmanager
    def _begun(self, begin: str) -> Iterator[Connection]:
        connection = self._begin(begin)
        try:
            yield connection
        finally:
            with suppress(
                Exception
            ):  # what went wrong is said already; a broken connection has nothing to roll back
                if self.store.is_open(connection.connection.driver_connection):
                    connection.exec_driver_sql("rollback")
            connection.close()

    def _begin(self, begin: str) -> Connection:
        """Return a connection on which `begin` was said; one that the server has closed meanwhile is replaced once."""
        for stale in (True, False):
            connection = self.engine.connect()
            try:
                connection.exec_driver_sql(begin)
                return connection
            except BaseException as error:
                connection.close()
                if not (stale and isinstance(error, DBAPIError) and error.connection_invalidated):
                    raise
        raise AssertionError  # the second time has returned or raised

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in our words what the server says of itself."""
        try:
            yield
        except Exception as error:
            ours = self.store.told(error)
            if ours is None:
                raise
            raise ours from error

    def ask(self, sql: str, bound: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one question, `?` for bound values, on a connection that this thread keeps.

        One statement is one snapshot: it needs no transaction around it, and costs a fraction of `read`. For what must be
        answered in milliseconds.

        Raises
        ------
        StateAway
            The server does not answer.
        """
        kept = getattr(self._mine, "connection", None)
        with self._told():
            if kept is not None:
                try:
                    return self._asked(kept, sql, bound)
                except Exception:  # the server may have closed it; a fresh one is asked once more
                    self._drop(kept)
            fresh = self._mine.connection = self.engine.raw_connection()
            self._kept.append(fresh)
            self.store.quicken(fresh.driver_connection)
            return self._asked(fresh, sql, bound)

    def _asked(
        self, connection: PoolProxiedConnection, sql: str, bound: tuple[object, ...]
    ) -> list[tuple[Any, ...]]:
        cursor, began = connection.cursor(), time.monotonic()
        try:
            cursor.execute(self.store.spell(sql), bound)
            return list(cursor.fetchall())
        finally:
            cursor.close()
            self.timer.ran(sql, began)

    def _drop(self, connection: PoolProxiedConnection) -> None:
        self._mine.connection = None
        with suppress(ValueError):
            self._kept.remove(connection)
        with suppress(Exception):
            connection.invalidate()

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what asks the state without holding up the event loop, nor anything else when the server does not answer.

        The threads for it are few and their own: were all of them stuck, requests that need no state would go on.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @contextmanager
    def held(self) -> Iterator[Callable[[], bool]]:
        """Keep every other worker away while the block runs, also that of a copy of the home; gives a question that tells if it is still so.

        The question raises what the driver raises while a server does not answer: nobody can work on the state then.

        Raises
        ------
        WorkerElsewhere
            Another one holds the store.
        StateAway
            The server does not answer.
        """
        with self._told(), self.store.held(self.engine) as still:
            yield still

    @contextmanager
    def frozen(self) -> Iterator[Frozen]:
        """Hold one instant of the state, to be asked and copied while others write."""
        with self.read() as tx:
            yield self.store.freeze(tx)

    def upgrade(self, key: str = "") -> list[Path]:
        """Bring the tables to this version of the program, step by step, by the migrations.

        Parameters
        ----------
        key
            Fingerprint of the home's key: the store is bound to it when it is new. Empty: nobody looks.

        Returns
        -------
        list of Path
            The copy of the state from before the steps; empty where it had no tables yet, or nothing had to be done.

        Raises
        ------
        StateUnfit, StateOfAnother
            The server or the database can't be the store of this home.
        HomeNewer
            It was written by a later version of the program.
        """
        from zerodistance.migrations import upgrade

        with self.read() as tx:
            self.store.check(tx, self.notes_of(tx), key)
        copied = upgrade(self)
        if key and KEY not in self.notes():
            self.write_note(KEY, key)
        return copied

    def notes(self) -> dict[str, str]:
        """Return what the store says of itself."""
        with self.read() as tx:
            return self.notes_of(tx)

    @staticmethod
    def notes_of(tx: Connection) -> dict[str, str]:
        """Return what the store says of itself in one snapshot."""
        if not inspect(tx).has_table(note.name):
            return {}
        return {row.key: row.value for row in tx.execute(note.select())}

    def write_note(self, key: str, value: str) -> None:
        """Let the store say something of itself."""
        said = upsert(note).values(key=key, value=value)
        with self.write() as tx:
            tx.execute(said.on_conflict_do_update(index_elements=["key"], set_={"value": value}))

    def remove_note(self, key: str) -> None:
        """Let the store not say it any more."""
        with self.write() as tx:
            tx.execute(note.delete().where(note.c.key == key))

    def must_be_here(self) -> None:
        """Look whether the state has not moved elsewhere, and is not still on its way.

        Raises
        ------
        StateMoved, StateComing
            It has; it is.
        """
        notes = self.notes()
        if MOVED_TO in notes:
            raise StateMoved(where=self.where, to=notes[MOVED_TO])
        if COMING in notes:
            raise StateComing(where=self.where, source=notes[COMING])

    def tables(self) -> set[str]:
        """Return the names of the tables that exist."""
        with self.read() as tx:
            return set(inspect(tx).get_table_names())

    def kind(self) -> str:
        """Return the store's name and version."""
        with self.read() as tx:
            return self.store.kind(tx)

    def size(self) -> int:
        """Return the bytes that the tables take on disk."""
        with self.read() as tx:
            return self.store.size(tx)

    def damage(self) -> tuple[str, int]:
        """Read everything; return what is damaged, empty if nothing, and how many rows point at rows that do not exist."""
        with self.read() as tx:
            return self.store.damage(tx)

    def scrub(self, tables: Sequence[str]) -> None:
        """Let no page of these tables keep what was removed from them; see `docs/privacy.md`."""
        with self._told(), self.engine.connect() as connection:
            self.store.scrub(connection, tables)

    def close(self) -> None:
        """Write what still waits to be written, and give back every connection."""
        for last in self.before_close:
            last()
        self._threads.shutdown(wait=False, cancel_futures=True)
        while self._kept:
            self._kept.pop().close()
        self._mine = threading.local()
        self.engine.dispose()

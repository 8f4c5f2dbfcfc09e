"""PostgreSQL as the state store: how it is connected to, what it must be, and its errors in our words. Loaded only where it is used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection

from zerodistance.kernel import bulk
from zerodistance.kernel.errors import StateAway, StateBusy, WorkerElsewhere, ZeroDistanceError
from zerodistance.kernel.frozen import Frozen
from zerodistance.kernel.text import Text

OLDEST = (
    14  # the oldest version that its makers still mend, and the oldest that the tests run on may be newer
)
LOCK = 0x5A65726F  # "Zero": the advisory lock that whoever writes holds; one home has a database of its own
WORKER = LOCK + 1  # the one that its worker holds all the while
_TRIES, _PAUSE = 20, 0.05
_BUSY_SECONDS = 60
_SESSION = {
    "synchronous_commit": "on",  # a commit that was answered is on disk, whatever the server's default
    "lock_timeout": f"{_BUSY_SECONDS}s",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "client_min_messages": "warning",
    "jit": "off",  # the questions are many and small
    "tcp_keepalives_idle": "30",  # a writer whose machine died must not hold the lock for hours
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_CONNECT = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "zerodistance",
    "client_encoding": "UTF8",
}
_SECRET = ("password", "sslpassword", "passfile")


class StateDriverMissing(ZeroDistanceError):
    """The driver for PostgreSQL is not installed."""

    code, status = "state_driver_missing", 500
    text = Text(
        "state_url 指向 PostgreSQL，但没有安装驱动；运行 pip install 'zerodistance[postgres]'",
        "state_url names a PostgreSQL server, and its driver is not installed; run pip install 'zerodistance[postgres]'",
    )


class StateUnfit(ZeroDistanceError):
    """The server or the database can't hold a state."""

    code, status = "state_unfit", 500
    text = Text("状态库 {where} 不能用：{why}", "the state store {where} can't be used: {why}")


class StateOfAnother(ZeroDistanceError):
    """The database belongs to another home."""

    code, status = "state_of_another", 500
    text = Text(
        "数据库 {where} 属于另一个数据目录（密钥指纹 {theirs}，本目录是 {ours}）；换一个数据库，或恢复那个目录的 key 文件",
        "the database {where} belongs to another home (key {theirs}, this home has {ours}); name another database, or restore that "
        "home's key file",
    )


def parse(url: str) -> URL:
    """Return a URL as the driver wants it.

    Raises
    ------
    ValueError
        It is none of ours; the message does not repeat it, since it may hold a password.
    """
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("it looks like postgresql://user@host:5432/database") from None
    if found.drivername not in ("postgresql", "postgres", "postgresql+psycopg") or not found.database:
        raise ValueError("it looks like postgresql://user@host:5432/database")
    return found.set(drivername="postgresql+psycopg")


def shown(url: str) -> str:
    """Return a URL without what is secret in it.

    Examples
    --------
    >>> shown("postgresql://zd:secret@db.example:5433/zd?sslmode=require&passfile=x")
    'postgresql://zd@db.example:5433/zd?sslmode=require'
    """
    found = parse(url).difference_update_query(_SECRET)
    return found._replace(drivername="postgresql", password=None).render_as_string()


class Postgres:
    """What `State` must know of the store beneath it; `Sqlite` is the other one."""

    read = "begin isolation level repeatable read read only"
    write = f"begin isolation level read committed; select pg_advisory_xact_lock({LOCK})"
    """The lock makes writers follow each other; each statement after it sees all that was committed before it was given."""
    is_remote = True

    def __init__(self, url: str) -> None:
        self._url = parse(url)
        self.where = shown(url)

    def engine(self) -> Engine:
        """Return the engine over the database. Nothing is connected yet.

        Raises
        ------
        StateDriverMissing
            psycopg is not installed.
        """
        try:
            import psycopg  # noqa: F401
        except ImportError as error:  # not there, or without libpq
            raise StateDriverMissing() from error
        given = dict(self._url.query)
        session = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
        options = f"{session} {given.pop('options', '')}".strip()
        made = create_engine(
            self._url.set(query=given),
            isolation_level="AUTOCOMMIT",  # transactions are begun by our own words, as on SQLite
            pool_size=4,
            max_overflow=12,
            pool_timeout=30,
            pool_use_lifo=True,
            connect_args={**{k: v for k, v in _CONNECT.items() if k not in given}, "options": options},
        )
        event.listen(made, "connect", _prepare)
        return made

    def spell(self, sql: str) -> str:
        """Return SQL in which `?` stands for a bound value as the driver wants it."""
        return bulk.for_postgres(sql)

    def told(self, error: Exception) -> ZeroDistanceError | None:
        """Return what an error of the driver means for whoever asked, None if the server's state is not at fault."""
        import psycopg

        if isinstance(error, PoolTimeout):
            return StateBusy(where=self.where)
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, psycopg.errors.LockNotAvailable):
            return StateBusy(where=self.where)
        if isinstance(cause, psycopg.errors.ReadOnlySqlTransaction):
            return StateUnfit(where=self.where, why=_STANDBY)
        if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
            return StateAway(where=self.where, why=_first_line(cause))
        return None

    @contextmanager
    def held(self, engine: Engine) -> Iterator[Callable[[], bool]]:
        """Hold the database for the one worker; gives a question that tells whether that is still so.

        Raises
        ------
        WorkerElsewhere
            A worker of another folder holds it.
        """
        hold = Hold(engine)
        for tries_left in range(_TRIES, -1, -1):
            if hold.still():
                break
            if not tries_left:
                raise WorkerElsewhere(where=self.where)
            time.sleep(_PAUSE)  # the server takes an instant to see that a killed one is gone
        try:
            yield hold.still
        finally:
            hold.end()

    def quicken(self, driver: Any) -> None:
        """Make a connection that is kept for quick answers as quick as it can be: it is."""

    def is_open(self, driver: Any) -> bool:
        """Say whether the driver's connection has a transaction open."""
        return bool(driver.info.transaction_status)

    def has_failed(self, driver: Any) -> bool:
        """Say whether the server has given the transaction up: it would answer `commit` with a rollback, and no error."""
        return bool(driver.info.transaction_status.name == "INERROR")

    def check(self, tx: Connection, notes: Mapping[str, str], key: str) -> None:
        """Look whether the server and the database can hold the state of this home.

        Raises
        ------
        StateUnfit
            The server is too old or read-only, the database is not UTF-8 or holds tables of something else.
        StateOfAnother
            The database belongs to another home.
        """
        version, encoding, standby = bulk.rows(tx, _SERVER)[0]
        if version < OLDEST:
            raise StateUnfit(where=self.where, why=_too_old(version))
        if encoding != "UTF8":
            raise StateUnfit(where=self.where, why=_wrong_encoding(encoding))
        if standby:
            raise StateUnfit(where=self.where, why=_STANDBY)
        if not key:
            return
        tables = inspect(tx).get_table_names()
        if tables and "state_note" not in tables:
            raise StateUnfit(where=self.where, why=_not_empty(tables))
        theirs = notes.get("key", key)
        if theirs != key:
            raise StateOfAnother(where=self.where, theirs=theirs, ours=key)

    def kind(self, tx: Connection) -> str:
        """Return the store's name and version."""
        return f"PostgreSQL {bulk.value(tx, 'show server_version')}"

    def size(self, tx: Connection) -> int:
        """Return the bytes that the tables take on the server's disk."""
        return int(bulk.value(tx, _SIZE))

    def scrub(self, connection: Connection, tables: Sequence[str]) -> None:
        """Let no page of these tables keep what was removed: each is written anew; whoever asks for it meanwhile waits."""
        there, quote = (
            set(inspect(connection).get_table_names()),
            connection.dialect.identifier_preparer.quote,
        )
        for table in sorted(there.intersection(tables)):
            connection.exec_driver_sql(f"vacuum (full, analyze) {quote(table)}")

    def freeze(self, tx: Connection) -> Frozen:
        """Hold the instant of a transaction that has just begun."""
        from zerodistance.kernel.frozen_postgres import FrozenPostgres

        bulk.value(tx, "select 1")  # the snapshot is taken with the first question
        return FrozenPostgres(tx)

    def damage(self, tx: Connection) -> tuple[str, int]:
        """Return what is damaged, empty if nothing: every table is read; the server itself keeps rows from pointing nowhere."""
        quote = tx.dialect.identifier_preparer.quote
        try:
            for table in inspect(tx).get_table_names():
                bulk.value(tx, f"select max(length(t::text)) from {quote(table)} t")
        except DBAPIError as error:
            if self.told(error) is not None:
                raise
            return _first_line(error.orig or error), 0
        return "", 0


class Hold:
    """An advisory lock that the server keeps for as long as a connection lives: no second worker, whatever machine it runs on.

    The lock file of a home keeps a second worker out of the folder. A copy of the folder has a file of its own, and would work on the same
    database with a journal of its own.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None

    def still(self) -> bool:
        """Say whether the lock is ours, and take it if nobody has it: the server may have been away, and forgets it then."""
        if self._connection is not None:
            try:
                return bool(self._ask(self._connection, "select true"))
            except Exception:
                self._connection.invalidate()
                self._connection = None
        fresh = self._engine.raw_connection()
        if self._ask(fresh, f"select pg_try_advisory_lock({WORKER})"):
            self._connection = fresh
            return True
        fresh.close()
        return False

    def end(self) -> None:
        """Let the lock go."""
        if self._connection is not None:
            with suppress(Exception):  # a server that is away has forgotten it
                self._ask(self._connection, f"select pg_advisory_unlock({WORKER})")
            self._connection.invalidate()
            self._connection = None

    @staticmethod
    def _ask(connection: PoolProxiedConnection, sql: str) -> Any:
        cursor = connection.cursor()
        try:
            cursor.execute(sql)
            return cursor.fetchall()[0][0]
        finally:
            cursor.close()


def _prepare(connection: Any, _record: Any) -> None:
    """Let values be the same on both stores: no text with a NUL, sums of integers are integers."""
    from psycopg.types.numeric import NumericLoader
    from psycopg.types.string import StrDumperUnknown

    class WithoutNul(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)

    class Whole(NumericLoader):
        def load(self, data: Any) -> Any:
            found = super().load(data)
            return int(found) if found == found.to_integral_value() else float(found)

    connection.adapters.register_dumper(str, WithoutNul)
    connection.adapters.register_loader("numeric", Whole)


def _first_line(error: BaseException) -> str:
    words = str(error).strip().splitlines()
    return words[0][:200] if words else type(error).__name__


_STANDBY = Text("它是只读的备库；请指向主库", "it is a read-only standby; name the primary")


_SERVER = "select current_setting('server_version_num')::int / 10000, current_setting('server_encoding'), pg_is_in_recovery()"
_SIZE = (
    "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_class c "
    "where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace"
)


def _too_old(version: int) -> Text:
    return Text(
        f"PostgreSQL {version} 太旧，至少要 {OLDEST}",
        f"PostgreSQL {version} is too old; take {OLDEST} or newer",
    )


def _wrong_encoding(encoding: str) -> Text:
    return Text(
        f"编码是 {encoding}；用 create database … encoding 'UTF8' template template0 新建",
        f"its encoding is {encoding}; make one with create database ... encoding 'UTF8' template template0",
    )


def _not_empty(tables: Sequence[str]) -> Text:
    some = ", ".join(sorted(tables)[:3])
    return Text(
        f"里面已有别的表（{some} …）；给它一个空的数据库",
        f"it holds other tables ({some} ...); give it an empty database",
    )

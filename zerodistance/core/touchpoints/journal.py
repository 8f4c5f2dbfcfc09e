"""The journal: what was accepted and is not yet digested, one sealed row a request, in a SQLite file of its own.

The doors write it (`writer.py`), any number of processes in turn; the worker reads it here and moves the feed position in its
commit; the doors then remove what lies behind that position.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from zerodistance.core.touchpoints import store
from zerodistance.kernel import fault
from zerodistance.kernel.errors import WrongKey
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import Turn
from zerodistance.kernel.seal import Seal

FEED = "journal"
"""The journal's name in the table of feeds; its position is the id of the last digested row."""

DAMAGED = "damaged"
"""Stands as encoding of a row that can't be opened: it was changed on disk. Its body is then as it stands there."""

REFUSED = "refused "
"""Stands before the encoding of a body that the door has refused: it goes to the quarantine whatever can be made of it."""

_BUSY_SECONDS = 60.0
_TABLE = """
create table if not exists row (
    id integer primary key autoincrement,
    source integer not null,
    route text not null,
    received_at integer not null,
    events integer not null,
    encoding text not null,
    body blob not null,
    unpacked integer
)
"""
_RATIO = 32  # own value: what a packed body of a journal older than the column `unpacked` is taken to hold for each byte


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One accepted request.

    Attributes
    ----------
    id
        Grows with every row and is never used again: the position of the feed.
    route
        `batch`, or the type that the path named: `track`, `identify`, ...
    received_at
        Microseconds UTC, when the last byte of the body was here.
    events
        How many events the body holds.
    encoding, body
        As received; `bodies.unpack(body, encoding, limit)` gives the text. `DAMAGED` for a row that can't be opened,
        and `REFUSED` before the encoding of a body that the door has refused.
    """

    id: int
    source: int
    route: str
    received_at: int
    events: int
    encoding: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the worker has not yet digested; `oldest_at` in microseconds UTC, None if nothing waits."""

    rows: int
    events: int
    oldest_at: int | None


def where(source: int, route: str, received_at: int) -> bytes:
    """Return what the seal of a row is bound to: its body can't be moved to another source, route or time."""
    return b"journal:%d:%s:%d" % (source, route.encode(), received_at)


def connect(path: Path) -> sqlite3.Connection:
    """Open the journal's file, made if it does not exist; every commit is forced to disk."""
    is_new = not path.exists()
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in ("page_size=32768", "journal_mode=wal", "synchronous=full", "temp_store=memory"):
        connection.execute(f"pragma {pragma}")
    connection.execute(_TABLE)
    _upgrade(connection)
    if is_new:
        path.chmod(0o600)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return connection


def _upgrade(connection: sqlite3.Connection) -> None:
    """Add the column that the first version did not have; door and worker may both be the first to open the file."""
    if "unpacked" not in _columns(connection):
        try:
            connection.execute("alter table row add column unpacked integer")
        except sqlite3.OperationalError:
            if "unpacked" not in _columns(connection):
                raise


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {row[1] for row in connection.execute("pragma table_info(row)")}


def position(home: Home) -> int:
    """Return how far the worker has digested the journal, 0 at the beginning."""
    with home.state.read() as tx:
        return tx.execute(select(store.feed.c.position).where(store.feed.c.name == FEED)).scalar() or 0


def bytes_used(connection: sqlite3.Connection) -> int:
    """Return the bytes of the file that hold something; free pages inside it are used again and do not count."""
    pages, free, size = (
        connection.execute(f"pragma {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def turn(path: Path) -> Turn:
    """Return what every process that writes the journal at `path` takes before it does.

    SQLite lets one write at a time too, but whoever waits looks again after ever longer pauses; here it is woken, and what has
    arrived meanwhile goes into the same transaction.
    """
    return Turn(path.with_suffix(".lock"))


class Journal:
    """The reading side, for the worker and for whoever shows what waits.

    Parameters
    ----------
    path
        The SQLite file; made if it does not exist.
    seal
        The home's seal.
    """

    def __init__(self, path: Path, seal: Seal) -> None:
        self.path = path
        self._seal = seal
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @classmethod
    def of(cls, home: Home) -> Journal:
        """Return the journal of a home."""
        return cls(home.path("journal.db"), home.seal)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self.path)
        return self._connection

    def read(self, after: int, *, events: int = 30_000, limit_bytes: int = 64 << 20) -> list[JournalRow]:
        """Return the rows after id `after` in order, up to `events` events and `limit_bytes` of unpacked bodies, at least one."""
        found: list[JournalRow] = []
        size = count = 0
        with self._lock:
            rows = self._open().execute(
                "select id, source, route, received_at, events, encoding, body, unpacked from row where id > ? order by id",
                (after,),
            )
            try:
                for number, source, route, received_at, held, encoding, body, unpacked in rows:
                    count += held
                    size += unpacked or len(body) * (_RATIO if encoding else 1)
                    if found and (count > events or size > limit_bytes):
                        break
                    try:  # the home's key is the right one, or the state would not have opened
                        opened = self._seal.open(body, where(source, route, received_at))
                    except WrongKey:
                        encoding, opened = DAMAGED, bytes(body)
                    found.append(JournalRow(number, source, route, received_at, held, encoding, opened))
            finally:
                rows.close()
        return found

    def last(self) -> int:
        """Return the id of the newest row there ever was, 0 if none."""
        with self._lock:
            row = self._open().execute("select seq from sqlite_sequence where name = 'row'").fetchone()
        return int(row[0]) if row else 0

    def waiting(self, after: int) -> Waiting:
        """Return how much lies after id `after`."""
        with self._lock:
            rows, events, oldest = (
                self._open()
                .execute(
                    "select count(*), coalesce(sum(events), 0), min(received_at) from row where id > ?",
                    (after,),
                )
                .fetchone()
            )
        return Waiting(rows, events, oldest)

    def oldest_at(self, after: int) -> int | None:
        """Return when the first request after id `after` was received, None if there is none; one look-up, however much waits."""
        with self._lock:
            row = (
                self._open()
                .execute("select received_at from row where id > ? order by id limit 1", (after,))
                .fetchone()
            )
        return None if row is None else int(row[0])

    def size(self) -> int:
        """Return the bytes the journal holds, rows that are only not yet removed among them."""
        with self._lock:
            return bytes_used(self._open())

    def erase(self, upto: int) -> int:
        """Remove the rows up to id `upto` at once, and every trace of removed rows from the file; return how many.

        For `forget`: what is digested must not be readable any more, not even with the key. Collection waits meanwhile.
        """
        mine = turn(self.path)
        try:
            with self._lock, mine:
                connection = self._open()
                fault.point("journal.erase.before")
                removed = connection.execute("delete from row where id <= ?", (upto,)).rowcount
                connection.execute("vacuum")
                fault.point("journal.erase.after")
                connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        finally:
            mine.close()
        return removed

    def close(self) -> None:
        """Give back the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

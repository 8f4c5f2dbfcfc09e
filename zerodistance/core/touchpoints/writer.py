"""The writing side of the journal: one thread, one transaction for all that has arrived, answers only after the fsync."""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zerodistance.core.touchpoints import journal
from zerodistance.kernel import fault
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.logs import log
from zerodistance.kernel.seal import Seal
from zerodistance.kernel.text import Text

# Own values, tuned on two cores (see docs/adr/0003).
GROUP = 256  # requests in one transaction at most
CHECKPOINT_PAGES = 200  # pages of 32 KiB after which the write-ahead log is copied back
LOOK_SECONDS = 0.25  # pause between two looks at free disk, size and the worker's position
AWAY_SECONDS = 3.0  # the same pause while the state does not answer
SLICE = 256  # rows removed in one transaction, or twice what is written if that is more
SHRINK_BYTES = 64 << 20  # an empty file larger than this is made small at start
MOST_ROWS = 64  # rows in one insert statement: each statement hands the interpreter lock over once
_INTO = "insert into row (source, route, received_at, events, encoding, body, unpacked) values "
_INSERT = [_INTO + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * n) for n in range(MOST_ROWS + 1)]

Item = tuple["asyncio.Future[None]", tuple[int, str, int, int, str, bytes, int]]


class JournalFull(ZeroDistanceError):
    """The journal has grown to its bound: digestion is behind."""

    code, status, retry = "journal_full", 429, True
    text = Text("积压太多，请稍后再发", "too much is waiting to be digested; send again later")


class DiskShort(ZeroDistanceError):
    """The disk has less free space than the settings keep."""

    code, status, retry = "disk_short", 429, True
    text = Text("磁盘空间不足，请稍后再发", "the disk is nearly full; send again later")


class JournalFailed(ZeroDistanceError):
    """A group could not be written; nothing of it was acknowledged."""

    code, status, retry = "journal_failed", 503, True
    text = Text("暂时写不进去，请稍后再发", "it could not be written just now; send again later")


class Writer:
    """Takes requests in from one event loop and writes them in groups.

    Parameters
    ----------
    path, seal
        The journal's file and the home's seal.
    position
        Says how far the worker has digested; rows up to there are removed.
    max_bytes, min_free_bytes
        Bounds beyond which `trouble` is set.
    """

    def __init__(
        self,
        path: Path,
        seal: Seal,
        *,
        position: Callable[[], int],
        max_bytes: int = 8 << 30,
        min_free_bytes: int = 0,
    ) -> None:
        self.path = path
        self.trouble: type[ZeroDistanceError] | None = None
        """Why nothing should be taken in just now; looked at before a body is read."""
        self.failing = False
        """Whether the last attempt to write failed; tried again at every look."""
        self.began: float | None = None
        """When the group that is being written was begun, monotonic seconds; None while nothing is."""
        self.trouble_last: type[ZeroDistanceError] | None = None
        """The same for clients that never send again: it comes later, the last tenth is theirs."""
        self.filling: tuple[int, int] | None = None
        """Size that the journal may have and bytes left of it, once half of it is used."""
        self._seal = seal
        self._position = position
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._removed = self._digested = 0
        self._looked_at = 0.0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the file and start the thread; futures will be resolved in `loop`."""
        self._loop = loop
        self._turn = journal.turn(self.path)
        connection = self._open()
        self._look(connection)
        self._thread = threading.Thread(target=self._run, args=(connection,), name="journal", daemon=True)
        self._thread.start()
        self._ended = threading.Event()
        threading.Thread(target=self._follow, args=(self._ended,), name="position", daemon=True).start()

    def stop(self) -> None:
        """Write what is waiting and end the thread. Later requests are refused."""
        self._ended.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def put(
        self,
        source: int,
        route: str,
        received_at: int,
        events: int,
        encoding: str,
        body: bytes,
        unpacked: int | None = None,
    ) -> asyncio.Future[None]:
        """Take one request in; the future ends when it is on disk, or with an error if it is not.

        Parameters
        ----------
        unpacked
            Bytes of the body after decompression; None: it is not packed.

        Raises
        ------
        JournalFailed
            The writer is not running.
        """
        if self._thread is None or self._loop is None:
            raise JournalFailed
        sealed = self._seal.seal(body, journal.where(source, route, received_at))
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(
            (
                done,
                (
                    source,
                    route,
                    received_at,
                    events,
                    encoding,
                    sealed,
                    len(body) if unpacked is None else unpacked,
                ),
            )
        )
        return done

    def _open(self) -> sqlite3.Connection:
        connection = journal.connect(self.path)
        connection.execute(f"pragma wal_autocheckpoint={CHECKPOINT_PAGES}")
        self._digested = self._position()
        with self._turn:
            self._begin(connection)
        self._removed = self._digested
        return connection

    def _begin(self, connection: sqlite3.Connection) -> None:
        self._remove(connection, self._digested)
        rows = connection.execute("select count(*) from row").fetchone()[0]
        if not rows and os.path.getsize(self.path) > SHRINK_BYTES:
            connection.execute("vacuum")
        # Were the file lost, ids would begin again below the position and count as digested.
        connection.execute("begin immediate")
        if not connection.execute(
            "update sqlite_sequence set seq = max(seq, ?) where name = 'row'", (self._digested,)
        ).rowcount:
            connection.execute("insert into sqlite_sequence (name, seq) values ('row', ?)", (self._digested,))
        connection.execute("commit")

    def _run(self, connection: sqlite3.Connection) -> None:
        get, running = self._queue.get, True
        while running:
            group: list[Item] = []
            try:
                item = get(timeout=LOOK_SECONDS)
                while item is not None:
                    group.append(item)
                    if len(group) == GROUP:
                        break
                    item = get(block=False)
                running = item is not None
            except queue.Empty:
                pass
            if group:
                self.began = time.monotonic()
                self._commit(connection, group)
                self.began = None
            try:
                if time.monotonic() - self._looked_at >= LOOK_SECONDS:
                    self._look(connection)
                if not group:
                    self._tidy(connection)
            except Exception as error:
                log("journal").error("tidy_failed", error=type(error).__name__)
                self._roll_back(connection)
        self._end(connection)

    def _end(self, connection: sqlite3.Connection) -> None:
        rest: list[Item] = []
        while not self._queue.empty():
            item = self._queue.get()
            if item is not None:
                rest.append(item)
        if rest:
            self._commit(connection, rest)
        connection.close()
        self._turn.close()

    def _commit(self, connection: sqlite3.Connection, group: list[Item]) -> None:
        removed, failed = self._removed, False
        try:
            with self._turn:
                self._more(group)
                connection.execute("begin immediate")
                _insert(connection, [row for _, row in group])
                if self._removed < self._digested:
                    self._slice(connection, max(SLICE, 2 * len(group)))
                fault.point("journal.commit.before")
                connection.execute("commit")
                fault.point("journal.commit.after")
        except Exception as error:
            log("journal").error(
                "commit_failed", error=f"{type(error).__name__}: {error}", requests=len(group)
            )
            self._roll_back(connection)
            self._removed, self._looked_at, failed = removed, 0.0, True
        self.failing = failed
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(_answer, group, failed)
        except RuntimeError:  # the loop is closed: nobody waits for an answer any more
            pass

    def _more(self, group: list[Item]) -> None:
        """Take in what has arrived while another door was writing."""
        try:
            while len(group) < GROUP and (item := self._queue.get(block=False)) is not None:
                group.append(item)
        except queue.Empty:
            return
        if len(group) < GROUP:
            self._queue.put(None)  # the end was asked for: it is met again after this group

    def _slice(self, connection: sqlite3.Connection, rows: int) -> None:
        upto = min(self._digested, self._removed + rows)
        connection.execute("delete from row where id <= ?", (upto,))
        self._removed = upto

    def _remove(self, connection: sqlite3.Connection, upto: int) -> None:
        """Remove all digested rows before anything is taken in; also what a crash left between two slices."""
        connection.execute("delete from row where id <= ?", (upto,))

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Remove digested rows while nobody writes."""
        while self._removed < self._digested and self._queue.empty():
            removed = self._removed
            try:
                with self._turn:
                    connection.execute("begin immediate")
                    self._slice(connection, 4 * SLICE)
                    fault.point("journal.remove")
                    connection.execute("commit")
            except sqlite3.Error:
                self._removed = removed
                raise

    def _follow(self, ended: threading.Event) -> None:
        """Ask how far the worker is, on a thread of its own: the state may not answer, and nobody should wait for that."""
        pause = LOOK_SECONDS
        while not ended.wait(pause):
            try:
                self._digested = max(self._digested, self._position())
                pause = LOOK_SECONDS
            except Exception as error:
                log("journal").error("position_not_known", error=type(error).__name__)
                pause = AWAY_SECONDS

    def _look(self, connection: sqlite3.Connection) -> None:
        self._looked_at = time.monotonic()
        self._judge(connection)
        if self.failing:
            self.failing = not self._can_write(connection)

    def _judge(self, connection: sqlite3.Connection) -> None:
        disk = os.statvfs(self.path)
        free, used, reserve = (
            disk.f_bavail * disk.f_frsize,
            journal.bytes_used(connection),
            self._max_bytes // 10,
        )
        most = self._max_bytes - reserve
        self.filling = (most, max(0, most - used)) if used > most // 2 else None
        full: type[ZeroDistanceError] | None = JournalFull if used > most else None
        self.trouble = DiskShort if free < self._min_free_bytes else full
        last: type[ZeroDistanceError] | None = JournalFull if used > self._max_bytes else None
        self.trouble_last = DiskShort if free < self._min_free_bytes - self._min_free_bytes // 10 else last

    def _can_write(self, connection: sqlite3.Connection) -> bool:
        """Say whether the file takes a commit, by one that changes nothing that is read."""
        try:
            connection.execute("begin immediate")
            now = connection.execute("pragma user_version").fetchone()[0]
            connection.execute(f"pragma user_version={1 - min(max(now, 0), 1)}")
            connection.execute("commit")
        except sqlite3.Error:
            self._roll_back(connection)
            return False
        return True

    @property
    def running(self) -> bool:
        """Whether requests are taken at all."""
        return self._thread is not None

    @staticmethod
    def _roll_back(connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("rollback")
        except sqlite3.Error as error:
            log("journal").error("rollback_failed", error=f"{type(error).__name__}: {error}")


def _insert(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    for at in range(0, len(rows), MOST_ROWS):
        some = rows[at : at + MOST_ROWS]
        connection.execute(_INSERT[len(some)], [value for row in some for value in row])


def _answer(group: list[Item], failed: bool) -> None:
    for done, _ in group:
        if done.done():  # the request was given up meanwhile
            continue
        if failed:
            done.set_exception(JournalFailed())
        else:
            done.set_result(None)

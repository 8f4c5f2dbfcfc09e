"""Locks between the processes of a home: its worker, its doors, who writes the journal next, who writes or freezes a folder.

Each is a file that the system unlocks however its holder ends.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zerodistance.kernel.errors import DoorOpen, StateMoving, WorkerRunning

_TRIES, _PAUSE = 20, 0.05  # somebody who only asks who holds the lock holds it for an instant


@contextmanager
def worker_lock(path: Path) -> Iterator[None]:
    """Hold the lock file at `path` while the block runs; the system frees it however the process ends.

    Raises
    ------
    WorkerRunning
        Another process holds it.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        for tries_left in range(_TRIES, -1, -1):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not tries_left:
                    raise WorkerRunning(pid=os.read(handle, 20).decode() or "?", path=path.parent) from None
                time.sleep(_PAUSE)
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)


def worker_pid(path: Path) -> int | None:
    """Return the process id of the worker that holds the lock, None if nobody does."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        given = os.read(handle, 20).decode()
        return int(given) if given.isdigit() else 0
    finally:
        os.close(handle)


class Turn:
    """Lets the processes that write one file follow each other, first come, first served: who waits sleeps in the system.

    Parameters
    ----------
    path
        The lock file; made if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)

    def __enter__(self) -> None:
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._handle)


@contextmanager
def door_lock(path: Path) -> Iterator[None]:
    """Hold the lock file at `path` with the other doors while the block runs.

    Raises
    ------
    StateMoving
        The state is being moved to another store.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateMoving(path=path.parent) from None
        yield
    finally:
        os.close(handle)


@contextmanager
def no_doors(path: Path) -> Iterator[None]:
    """Keep every door closed while the block runs.

    Raises
    ------
    DoorOpen
        One is open.
    """
    with sole(path, DoorOpen(path=path.parent)):
        yield


def others_work(path: Path) -> bool:
    """Say whether another process holds the worker's lock."""
    return worker_pid(path) not in (None, os.getpid())


class FolderLock:
    """A lock that threads of all processes share, named by a file; a thread that holds it may take it again.

    Parameters
    ----------
    path
        The lock file; made when it is first taken.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = threading.RLock()
        self._depth = 0
        self._handle = -1

    def __enter__(self) -> FolderLock:
        """Wait for the lock and hold it; the system frees it however the process ends."""
        self._mine.acquire()
        try:
            if not self._depth:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._handle, fcntl.LOCK_EX)
        except BaseException:
            self._release()
            raise
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._depth -= 1
        self._release()

    def _release(self) -> None:
        if not self._depth and self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        self._mine.release()


@contextmanager
def sole(path: Path, otherwise: Exception, seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock file at `path` while the block runs, or raise `otherwise` if somebody else still does after so many seconds."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + seconds
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise otherwise from None
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Say whether somebody holds the lock file at `path` alone."""
    return worker_pid(path) is not None

"""The worker's lock: only one process writes evidence, tail, lake and index of a home."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zerodistance.kernel.errors import WorkerRunning

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

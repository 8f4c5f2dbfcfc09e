"""Emptying a home: all that was taken in goes; its key, its settings and what the caller names stay.

A mark on disk says that it was asked for. Whoever serves the home sees it and ends; then the home is emptied, and until that is done nobody
opens it: killed at any moment, it is begun again.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import MetaData

from zerodistance.kernel import clock, fault
from zerodistance.kernel.errors import DoorOpen, WorkerRunning
from zerodistance.kernel.files import replace_file, sync
from zerodistance.kernel.home import EMPTYING, Home, open_home
from zerodistance.kernel.locks import no_doors, worker_lock
from zerodistance.kernel.logs import log
from zerodistance.kernel.settings import FILE_NAME, Settings
from zerodistance.kernel.state import STATE_FILE, State, note

PATIENCE_SECONDS = 60.0  # own value: how long doors may take to close
WORK_SECONDS = 300.0  # own value: how long a worker may take to end, or another process to empty the home
_STAY = ("key", FILE_NAME, EMPTYING, STATE_FILE, f"{STATE_FILE}-wal", f"{STATE_FILE}-shm", "worker.lock", "doors.lock")  # fmt: skip
_VERSION = "alembic_version"


def ask(home: Home, who: str) -> None:
    """Write down that the home is to be emptied; whoever serves it ends within a second, and empties it."""
    replace_file(home.path(EMPTYING), json.dumps({"asked_by": who, "asked_at": clock.micros()}).encode())
    log("home").warning("emptying_asked", who=who)


def asked(root: Path) -> bool:
    """Say whether somebody asked for the home in `root` to be emptied, and it is not done yet."""
    return (root / EMPTYING).exists()


def empty(settings: Settings, keep: Collection[str], then: Callable[[Home], None]) -> None:
    """Empty the home that the settings name, if somebody asked for it; where another process does that already, wait for it.

    Parameters
    ----------
    keep
        Tables of the state that stay as they are.
    then
        Fills the empty home, as one that was just made is filled; may be called again after a crash.

    Raises
    ------
    WorkerRunning, DoorOpen
        Somebody works in it and went on for longer than `WORK_SECONDS`, or has a door open for longer than `PATIENCE_SECONDS`.
    """
    root = settings.home.resolve()
    with ExitStack() as held:
        if not _is_ours(held, root):
            return
        _close_doors(held, root / "doors.lock")
        for entry in root.iterdir():
            if entry.name not in _STAY:
                _remove(entry)
        sync(root)
        fault.point("emptying.files")
        state = State(root / STATE_FILE, settings.state_url)
        with state.held():
            _empty_state(state, {*keep, note.name, _VERSION})
        state.close()
        fault.point("emptying.state")
        os.utime(root / "key")  # the home begins anew: so do the first turns of what a night tidies up
        home = open_home(settings, unfinished=True)
        then(home)
        home.close()
        fault.point("emptying.filled")
        (root / EMPTYING).unlink()
        sync(root)
    log("home").warning("emptied", home=root.name)


def _is_ours(held: ExitStack, root: Path) -> bool:
    """Hold the worker's lock; False: nobody asked, or another process has emptied the home."""
    until = time.monotonic() + WORK_SECONDS
    while asked(root):
        try:
            held.enter_context(worker_lock(root / "worker.lock"))
            return asked(root)
        except WorkerRunning:
            if time.monotonic() > until:
                raise
    return False


def _close_doors(held: ExitStack, path: Path) -> None:
    """Hold the doors' lock as soon as the last of them, which have seen the mark too, is closed."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            held.enter_context(no_doors(path))
            return
        except DoorOpen:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def _empty_state(state: State, stays: Collection[str]) -> None:
    """Remove every row of every other table, in one transaction."""
    goes = sorted(state.tables() - set(stays))
    with state.write() as tx:
        there = MetaData()
        there.reflect(tx, only=goes)
        for table in reversed(there.sorted_tables):
            tx.execute(table.delete())
    state.scrub(goes)

"""A home: the folder of one brand with its settings, key and stores, passed to every verb."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zerodistance.kernel import slow
from zerodistance.kernel.engine import Engine
from zerodistance.kernel.errors import HomeEmptying, HomeExists, NoHome, RestoreUnfinished
from zerodistance.kernel.lake import Lake
from zerodistance.kernel.locks import worker_lock
from zerodistance.kernel.seal import Seal
from zerodistance.kernel.settings import Settings
from zerodistance.kernel.state import State

DAMAGED = "damaged"
"""Where `doctor` moves what it replaces."""

RESTORING = "restoring.json"
"""Stands in a folder that a backup is being restored into, until the home is whole."""

EMPTYING = "emptying.json"
"""Stands in a home that is to be emptied, until that is done."""

_FOLDERS = ("lake", "tail", "index", "matcher", "spill", "imports", "runs")


@dataclass(frozen=True)
class Home:
    """One brand's folder, opened."""

    settings: Settings
    root: Path
    seal: Seal
    state: State
    lake: Lake
    engine: Engine
    before_upgrade: tuple[Path, ...] = ()
    """Copies of the state that were made because opening it has upgraded it."""

    def path(self, *parts: str) -> Path:
        """Return a path below the home folder."""
        return self.root.joinpath(*parts)

    @property
    def made_at(self) -> int:
        """When the home was made, microseconds UTC, as its key's file says."""
        return self.seal.path.stat().st_mtime_ns // 1_000

    @property
    def lock_path(self) -> Path:
        """The worker's lock file."""
        return self.root / "worker.lock"

    @property
    def doors_path(self) -> Path:
        """The lock file that every open door holds."""
        return self.root / "doors.lock"

    @contextmanager
    def worked(self) -> Iterator[Callable[[], bool]]:
        """Hold this home as its one worker while the block runs; gives a question that tells if it is still so.

        Raises
        ------
        WorkerRunning, WorkerElsewhere
            There is one: in this folder, or in a copy of it that has the same state store.
        """
        with worker_lock(self.lock_path), self.state.held() as still:
            yield still

    def close(self) -> None:
        """Give back every connection."""
        self.state.close()


def create_home(settings: Settings) -> Home:
    """Make a new home: folders, key and state tables.

    Raises
    ------
    HomeExists
        A key already lies there; nothing is changed.
    """
    root = settings.home.resolve()
    if (root / "key").exists():
        raise HomeExists(path=root)
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    for folder in _FOLDERS:
        (root / folder).mkdir(exist_ok=True)
    Seal.make(root / "key")
    return open_home(settings)


def open_home(settings: Settings, *, unfinished: bool = False) -> Home:
    """Open the home that the settings name, and bring its tables to this version.

    Parameters
    ----------
    unfinished
        It is opened by what is under way in it: a restore, or emptying it.

    Raises
    ------
    NoHome
        There is none; `zerodistance init` makes one.
    StateAway, StateUnfit, StateOfAnother, StateMoved, StateComing
        The server of the state store does not answer, is not fit to hold it, or holds it no longer or not yet.
    RestoreUnfinished, HomeEmptying
        A restore was interrupted in it, or it is still to be emptied.
    """
    root = settings.home.resolve()
    if (root / RESTORING).exists() and not unfinished:
        raise RestoreUnfinished(path=root)
    if (root / EMPTYING).exists() and not unfinished:
        raise HomeEmptying(path=root)
    if not (root / "key").exists():
        raise NoHome(path=root)
    for folder in _FOLDERS:
        (root / folder).mkdir(exist_ok=True)
    seal = Seal(root / "key")
    state = State(root / "state.db", settings.state_url)
    copied = state.upgrade(seal.name)
    state.must_be_here()
    slow.watch_state(state.engine, settings.slow_query_ms)
    state.timer = slow.Timer("state", settings.slow_query_ms)
    return Home(
        settings=settings,
        root=root,
        seal=seal,
        state=state,
        lake=Lake(root / "lake"),
        engine=Engine(
            root / "spill",
            memory_mb=settings.engine_memory_mb,
            threads=settings.engine_threads,
            slow_ms=settings.slow_query_ms,
        ),
        before_upgrade=tuple(copied),
    )

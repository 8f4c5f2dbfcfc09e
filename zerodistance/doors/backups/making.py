"""Make a backup: freeze one instant of every store, hold its files by links, then store them while everything goes on.

The instant is one that a power cut could have left behind, so what holds after a crash holds after a restore. While the lake
stands still (milliseconds), journal and state are frozen one after the other and every file that they name is linked below
`pins/`; after that nobody waits for the backup any more.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import zerodistance
from zerodistance import migrations
from zerodistance.doors import parts as handed
from zerodistance.kernel import backups, clock, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.backups import Moved, Share
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.frozen import Frozen, FrozenSqlite, Tick, freeze_sqlite
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import sole
from zerodistance.kernel.manifest import BackupDamaged, BackupRunning, Entry, Manifest
from zerodistance.kernel.repository import Repository
from zerodistance.kernel.settings import FILE_NAME
from zerodistance.kernel.text import Text

PATIENCE = 10.0  # own value: seconds to wait for whoever holds the home's or the folder's backup lock
_LOOKS, _PAUSE = 20, 0.05  # own values: looks at stores that go on, seconds between two
Progress = Callable[[str, int, int], None]
"""Hears the step, bytes done and bytes in all."""


class StoreRestless(ZeroDistanceError):
    """A file that the state names is not there, however often one looks."""

    code, status = "store_restless", 500
    text = Text(
        "{path} 不在了，但状态库仍引用它；没有写下备份。运行 `zerodistance doctor`",
        "{path} is gone though the state names it; no backup was written. Run `zerodistance doctor`",
    )


@dataclass(frozen=True)
class Made:
    """A backup that is whole.

    Attributes
    ----------
    still_ms
        How long the lake's writer had to wait; digestion and collection wait for nothing.
    removed
        Backups that had expired and were removed.
    """

    manifest: Manifest
    folder: Path
    still_ms: float
    seconds: float
    removed: Sequence[str]


@dataclass(frozen=True)
class _Instant:
    databases: Mapping[str, FrozenSqlite]
    state: Frozen
    mark: Mapping[str, int]
    pinned: Sequence[str]
    still_ms: float


def make(
    home: Home,
    who: Who,
    to: Path,
    *,
    with_key: bool = False,
    keep_days: int | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Made:
    """Back a home up into the folder `to`, while door and worker run.

    Raises
    ------
    Forbidden
        The account may not operate.
    StateAway
        The server that keeps the state does not answer.
    OtherHome, BackupRunning
        The folder is another home's, or somebody works on it.
    CopyDamaged, StoreRestless
        The home is damaged; older backups are as they were.
    """
    who.need(Permission.OPERATE)
    _not_inside(home, to)
    began = time.monotonic()
    repository = Repository.make(to, home.seal.name)
    with _alone(home, repository):
        begun_at = clock.micros()
        name = _name(repository, begun_at)
        expires_at = begun_at + (keep_days or home.settings.backup_keep_days) * clock.MICROS_PER_DAY
        with home.state.write() as tx:
            backups.begin(tx, name, repository.root, at=begun_at, expires_at=expires_at, with_key=with_key)
        fault.point("backup.begun")
        manifest, still_ms = _store(home, repository, name, begun_at, expires_at, with_key, progress)
        tombstones(home, repository)
        with home.state.write() as tx:
            size, new = manifest.size, manifest.new_bytes
            backups.end(tx, name, repository.root, at=clock.micros(), size=size, new_bytes=new)
        fault.point("backup.ended")
        removed = expire(home, repository)
    return Made(manifest, repository.root, still_ms, time.monotonic() - began, removed)


def _not_inside(home: Home, to: Path) -> None:
    if to.resolve().is_relative_to(home.root):
        why = Text("不能在数据目录里面", "it may not lie inside the home folder")
        raise Invalid(field="--to", given=str(to), why=why)


def _name(repository: Repository, at: int) -> str:
    name = f"{clock.from_micros(at):%Y%m%dT%H%M%S%f}Z"
    taken = sum(known.startswith(name) for known in repository.names())
    return f"{name}-{taken + 1}" if taken else name


@contextmanager
def _alone(home: Home, repository: Repository) -> Iterator[None]:
    """Be the only one who backs this home up and who writes the repository; leave no links behind.

    The worker looks after both every few minutes, for an instant: whoever asks for a backup meanwhile waits for that.
    """
    ours = sole(home.path(backups.LOCK), BackupRunning(path=home.root), PATIENCE)
    with ours, repository.locked(PATIENCE):
        drop_pins(home)
        try:
            yield
        finally:
            drop_pins(home)


def drop_pins(home: Home) -> None:
    """Remove the links of a backup that was interrupted. Whoever calls holds the home's backup lock."""
    shutil.rmtree(home.path(backups.PINS), ignore_errors=True)


def _store(
    home: Home,
    repository: Repository,
    name: str,
    begun_at: int,
    expires_at: int,
    with_key: bool,
    progress: Progress,
) -> tuple[Manifest, float]:
    with ExitStack() as frozen:
        instant = _freeze(home, frozen)
        fault.point("backup.frozen")
        total = _size(home, instant)
        done = 0

        def tick(n: int, step: str = "databases") -> None:
            nonlocal done
            done += n
            progress(step, done, total)

        work = repository.root / "work"
        for path in work.iterdir():
            path.unlink()
        copies = [
            copy for one in (*instant.databases.values(), instant.state) for copy in one.copy(work, tick)
        ]
    fault.point("backup.copied")
    last = repository.last()
    known = {entry.path: entry for entry in last.files} if last else {}
    files, new = _add_all(home, repository, copies, instant.pinned, with_key, known, tick)
    manifest = Manifest(
        name=name,
        program=zerodistance.__version__,
        revision=migrations.current(home.state) or "",
        key_check=home.seal.name,
        with_key=with_key,
        mark=instant.mark,
        began_at=begun_at,
        ended_at=clock.micros(),
        expires_at=expires_at,
        new_bytes=new,
        files=tuple(files),
    )
    repository.write(manifest)
    return manifest, instant.still_ms


def _add_all(
    home: Home,
    repository: Repository,
    copies: Sequence[str],
    pinned: Sequence[str],
    with_key: bool,
    known: Mapping[str, Entry],
    tick: Tick,
) -> tuple[list[Entry], int]:
    files: list[Entry] = []
    new = 0
    more = [FILE_NAME] if home.path(FILE_NAME).exists() else []
    if with_key:
        more.append("key")
    sources = [
        *((repository.root / "work" / name, name, True) for name in copies),
        *((home.path(backups.PINS, name), name, False) for name in pinned),
        *((home.path(name), name, False) for name in more),
    ]
    for source, name, pieces in sources:
        entry, fresh = repository.add(source, name, pieces=pieces, known=known.get(name), tick=tick)
        files.append(entry)
        new += fresh
        if pieces:
            source.unlink()
    return files, new


def _size(home: Home, instant: _Instant) -> int:
    copied = home.state.size() + sum(home.path(name).stat().st_size for name in instant.databases)
    return 2 * copied + sum(home.path(backups.PINS, name).stat().st_size for name in instant.pinned)


# -- the instant


def _freeze(home: Home, frozen: ExitStack) -> _Instant:
    """Freeze all stores at one instant; `frozen` lets go of the databases when they are copied."""
    shares = handed.parts().shares()
    gone = ""
    for _ in range(_LOOKS):
        with ExitStack() as attempt:
            try:
                instant = _look(home, shares, attempt)
            except Moved:
                pass
            except FileNotFoundError as error:  # the worker has replaced it since it was named
                gone = str(error.filename)
            else:
                frozen.push(attempt.pop_all())
                return instant
        drop_pins(home)
        time.sleep(_PAUSE)
    raise StoreRestless(path=gone or home.root)


def _look(home: Home, shares: Sequence[Share], attempt: ExitStack) -> _Instant:
    pins = _Pins(home)
    with home.lake.still():
        began = time.monotonic()
        for share in shares:
            pins.hold(share.before(home))
        at = clock.micros()
        names = [name for share in shares for name in share.databases if home.path(name).exists()]
        databases = {name: attempt.enter_context(freeze_sqlite(home.path(name))) for name in names}
        state = attempt.enter_context(home.state.frozen())
        mark = {"at": at}
        for share in shares:
            pins.hold(share.within(home, state.tx))
            mark |= share.mark(state.tx, databases)
        for table in home.lake.tables():
            pins.hold([str(path.relative_to(home.root)) for path in home.lake.everything(table)])
        still_ms = (time.monotonic() - began) * 1_000
    return _Instant(databases, state, mark, pins.held, still_ms)


class _Pins:
    """Links to files that never change, below the home: what is linked stays, whoever removes it."""

    def __init__(self, home: Home) -> None:
        self._home, self._folder = home, home.path(backups.PINS)
        self.held: list[str] = []

    def hold(self, names: Sequence[str]) -> None:
        """Link files; raises FileNotFoundError for one that is gone."""
        for name in names:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            source = self._home.path(name)
            try:
                os.link(source, path)
            except FileNotFoundError:
                raise
            except OSError:  # a file system without links: copied, and the lake waits for that
                shutil.copy2(source, path)
            self.held.append(name)


# -- tombstones, and what has expired


def tombstones(home: Home, repository: Repository) -> None:
    """Write what was forgotten since the oldest backup into the repository, for whoever restores it."""
    repository.keep_tombstones(handed.parts().tombstones(home))


def expire(home: Home, repository: Repository) -> list[str]:
    """Remove the backups whose day has come, and contents that no other needs; return their names. The locks are held.

    One whose manifest is damaged goes on its day too, as the home remembers it: a certificate may have promised that.
    """
    now, removed = clock.micros(), list[str]()
    with home.state.read() as tx:
        rows = {b.name: b for b in backups.begun(tx) if b.folder == str(repository.root)}
    for name in repository.names():
        try:
            day = repository.manifest(name).expires_at
        except BackupDamaged:
            day = rows[name].expires_at if name in rows else now
        if day <= now:
            repository.remove(name)
            removed.append(name)
    repository.sweep()
    present = set(repository.names())
    with home.state.write() as tx:
        for name in rows.keys() - present:  # removed, or interrupted before it was whole
            backups.gone(tx, name, repository.root)
    return removed

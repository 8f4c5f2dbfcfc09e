"""Watched folders: which of the files that lie there are whole and new, and taking each of them once."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from sqlalchemy import Connection, delete, select, update

from zerodistance.connectors.feeds import contracts, rules, store
from zerodistance.connectors.feeds.contracts import Files, Outcome
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.import_errors import NoFile, NoSuchSource, SourceOff
from zerodistance.core.touchpoints.staging import FRAME
from zerodistance.core.touchpoints.unpack import TooMuch
from zerodistance.kernel import clock, fault
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.state import upsert
from zerodistance.kernel.text import Text

MOST = 100_000  # own value: names that are looked at in one folder
_OF_THE_FEED = (NoSuchSource, SourceOff, Forbidden)
TAKEN, MOVED, REFUSED = "taken", "moved", "refused"


class TooManyFiles(ZeroDistanceError):
    """A watched folder holds more than can be looked through again and again."""

    code, status = "too_many_files", 409
    text = Text(
        "{place} 里的文件超过 {most} 个；用 move_to 移走已收的，或用 files 收窄",
        "{place} holds more than {most} files; let those that are taken be moved away by `move_to`, or name fewer by `files`",
    )


class StillWritten(ZeroDistanceError):
    """A file changed while it was read; it is taken at a later run."""

    code, status, retry = "still_written", 409, True
    text = Text("文件 {path} 还在写", "the file {path} is still being written")


@dataclass(frozen=True, order=True)
class Entry:
    """A file: its time of change as the file system says it, its path below the folder, and its size in bytes."""

    changed: int
    path: str
    size: int


class Tree(Protocol):
    """A folder, on this machine or another, whose files can be read."""

    place: str

    def list(self, deep: bool) -> Iterator[Entry]:
        """Yield the files; with `deep` those in folders below too."""
        ...

    def look(self, path: str) -> Entry | None:
        """Return one file as it is now, None if it is gone."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading."""
        ...

    def move(self, path: str, folder: str) -> None:
        """Move a file into a folder below; nothing there is overwritten."""
        ...


@dataclass(frozen=True)
class Run:
    """One run of one feed: for whom it runs, and how it waits and tells.

    Attributes
    ----------
    wait
        Waits some seconds; raises when the process is to end.
    tell
        Hears how many rows or files this run has read so far.
    """

    home: Home
    who: Who
    feed: int
    name: str
    mapping: str
    source: str
    wait: Callable[[float], None]
    tell: Callable[[int], None]


class Checked(io.RawIOBase):
    """Reads a file once, and finds at its end whether it is still the one that was chosen.

    Raises
    ------
    StillWritten
        It is not.
    """

    def __init__(self, tree: Tree, entry: Entry, run: Run) -> None:
        super().__init__()
        self._tree, self._entry, self._run = tree, entry, run
        self._file = tree.open(entry.path)
        self._read = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as one read goes."""
        self._run.wait(0)
        data = self._file.read(len(buffer))
        self._read += len(data)
        if self._read > self._entry.size or (not data and self._tree.look(self._entry.path) != self._entry):
            raise StillWritten(path=self._entry.path)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def chosen(tree: Tree, files: Files) -> dict[str, Entry]:
    """Return the files that are meant and have the name of a whole one, by path.

    Raises
    ------
    TooManyFiles
        There are more than can be looked through.
    """
    found: dict[str, Entry] = {}
    moved = f"{files.move_to}/" if files.move_to else None
    for entry in tree.list(files.deep):
        if len(found) >= MOST:
            raise TooManyFiles(place=tree.place, most=MOST)
        if moved is None or not entry.path.startswith(moved):
            found[entry.path] = entry
    return {path: entry for path, entry in found.items() if _is_meant(path, files, found)}


def _is_meant(path: str, files: Files, there: dict[str, Entry]) -> bool:
    if not all(rules.is_finished_name(part) for part in path.split("/")):
        return False
    if files.marker and (path.endswith(files.marker) or path + files.marker not in there):
        return False
    return any(rules.matches(path, pattern) for pattern in files.patterns)


def take(run: Run, tree: Tree, files: Files) -> Outcome:
    """Ask for an import of each file that is whole and was not met before; one that can't be imported keeps no other from it.

    Raises
    ------
    ZeroDistanceError
        Something stands in the way of the feed itself; what could be taken is taken.
    """
    outcome, trouble, began = Outcome(), list[Exception](), time.monotonic()
    there = chosen(tree, files)
    known = _known(run.home, run.feed)
    new = {p: e for p, e in there.items() if known.get(p) != (e.size, e.changed)}
    whole = _settled(run, tree, files, new)
    outcome.left = len(new) - len(whole)
    for done, entry in enumerate(sorted(whole), start=1):
        run.wait(0)
        if outcome.imports and time.monotonic() - began > contracts.RUN_SECONDS:
            outcome.more = True
            break
        try:
            _take(run, tree, entry, outcome)
        except StillWritten:
            outcome.left += 1
        except NoFile:
            continue  # it was moved away meanwhile
        except _OF_THE_FEED:
            raise
        except Exception as error:
            if not isinstance(error, ZeroDistanceError) or error.retry:
                trouble.append(error)
            else:
                _refuse(run, entry, error)
                outcome.refused += 1
        run.tell(done)
    _move(run, tree, files, there)
    _let_go(run, there)
    if trouble:
        raise trouble[0]
    return outcome


def _settled(run: Run, tree: Tree, files: Files, new: dict[str, Entry]) -> list[Entry]:
    """Return those that stayed as they were for some seconds; a marker says it at once."""
    if not new or files.marker or not files.settle:
        return list(new.values())
    run.wait(files.settle)
    later = chosen(tree, files)
    return [entry for path, entry in new.items() if later.get(path) == entry]


def _take(run: Run, tree: Tree, entry: Entry, outcome: Outcome) -> None:
    limit = run.home.settings.max_import_bytes
    if entry.size > limit:
        raise TooMuch(limit=limit)

    def note(tx: Connection, job: touchpoints.Job) -> None:
        _write(tx, run.feed, entry, TAKEN, number=job.number)

    with io.BufferedReader(Checked(tree, entry, run), FRAME) as file:
        made = touchpoints.create_import_from(
            run.home, run.who, file, entry.path, run.mapping, run.source, note
        )
    fault.point("feeds.file.taken")
    if made.new:
        outcome.imports.append(made.job.number)
    else:
        outcome.known += 1


def _known(home: Home, feed: int) -> dict[str, tuple[int, int]]:
    f = store.feed_file
    with home.state.read() as tx:
        rows = tx.execute(select(f.c.path, f.c.size, f.c.changed).where(f.c.feed == feed)).all()
    return {path: (size, changed) for path, size, changed in rows}


def _write(
    tx: Connection,
    feed: int,
    entry: Entry,
    state: str,
    *,
    number: int | None = None,
    why: bytes | None = None,
) -> None:
    values = {"size": entry.size, "changed": entry.changed, "state": state, "number": number, "why": why}
    values["at"] = clock.micros()
    made = upsert(store.feed_file).values(feed=feed, path=entry.path, **values)
    tx.execute(made.on_conflict_do_update(index_elements=["feed", "path"], set_=values))


def where_why(feed: int) -> bytes:
    """Return the place that the reason of a refused file is sealed for."""
    return b"feed-file/%d" % feed


def _refuse(run: Run, entry: Entry, error: ZeroDistanceError) -> None:
    """Keep why a file was refused: it is not looked at again until it changes."""
    said = {"code": error.code, "zh": error.message("zh"), "en": error.message("en")}
    why = run.home.seal.seal(json.dumps(said, ensure_ascii=False).encode(), where_why(run.feed))
    with run.home.state.write() as tx:
        _write(tx, run.feed, entry, REFUSED, why=why)


def _move(run: Run, tree: Tree, files: Files, there: dict[str, Entry]) -> None:
    """Move what is kept, that of an interrupted run too."""
    if not files.move_to:
        return
    f = store.feed_file
    kept = (f.c.feed == run.feed, f.c.state == TAKEN)
    with run.home.state.read() as tx:
        rows = tx.execute(select(f.c.path, f.c.size, f.c.changed).where(*kept)).all()
    for path, size, changed in rows:
        if there.get(path) != Entry(changed, path, size):
            continue
        run.wait(0)
        for name in (path, *([path + files.marker] if files.marker else [])):
            tree.move(name, files.move_to)
            fault.point("feeds.file.moved")
        with run.home.state.write() as tx:
            tx.execute(update(f).where(f.c.feed == run.feed, f.c.path == path).values(state=MOVED))


def _let_go(run: Run, there: dict[str, Entry]) -> None:
    """Forget the names of files that are not there any more: the content of each is known by its hash for ever."""
    f = store.feed_file
    with run.home.state.read() as tx:
        known = tx.execute(select(f.c.path, f.c.state).where(f.c.feed == run.feed)).all()
    gone = [path for path, state in known if path not in there or state == MOVED]
    for start in range(0, len(gone), 500):
        with run.home.state.write() as tx:
            tx.execute(delete(f).where(f.c.feed == run.feed, f.c.path.in_(gone[start : start + 500])))

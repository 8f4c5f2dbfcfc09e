"""What repairs share: moving things aside before they are replaced, and putting files back that a backup holds."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from zerodistance.kernel import backups, clock
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.files import sync
from zerodistance.kernel.home import DAMAGED, Home
from zerodistance.kernel.manifest import Entry
from zerodistance.kernel.repository import Repository, digest_of


def aside(home: Home, path: Path) -> Path | None:
    """Move a file or folder of the home into `damaged/`, under its own place; None if it is not there."""
    if not path.exists():
        return None
    target = _place(home, path)
    os.replace(path, target)
    sync(target.parent)
    sync(path.parent)
    return target


def copied_aside(home: Home, path: Path) -> Path:
    """Copy a file of the home into `damaged/` before it is changed in place."""
    return Path(shutil.copy2(path, _place(home, path)))


def written_aside(home: Home, name: str, row: Mapping[str, object]) -> None:
    """Add a row that is taken out of a database to the file `damaged/NAME`, durably."""
    folder = home.path(DAMAGED)
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(folder / name, "a") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())
    sync(folder)


def _place(home: Home, path: Path) -> Path:
    at = f"{clock.now():%Y%m%dT%H%M%S%f}"
    target = home.path(DAMAGED, at, str(path.relative_to(home.root)))
    home.path(DAMAGED).mkdir(mode=0o700, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def from_backup(home: Home, name: str, *, size: int | None = None) -> Callable[[], None] | None:
    """Return what puts a file that never changes back from a backup, None if none that can be reached holds it sound.

    Parameters
    ----------
    name
        Relative to the home.
    size
        What it must have, where that is known.
    """
    for repository, entry in _held(home, name):
        if size in (None, entry.size) and _sound(repository, entry):
            return _put_back(home, repository, entry)
    return None


def _held(home: Home, name: str) -> Iterator[tuple[Repository, Entry]]:
    for repository in repositories(home):
        for manifest in repository.sound():
            entry = manifest.entry(name)
            if entry is not None:
                yield repository, entry
                break


def repositories(home: Home) -> Iterator[Repository]:
    """Yield the folders of backups of this home that can be reached."""
    to = home.settings.backup_to
    with home.state.read() as tx:
        known = {Path(one.folder) for one in backups.begun(tx)} if backups.known(tx) else set[Path]()
    for folder in sorted(known | ({to.resolve()} if to else set())):
        try:
            repository = Repository.at(folder)
            if repository.key_check() == home.seal.name:
                yield repository
        except (ZeroDistanceError, OSError, ValueError, KeyError):
            continue


def _sound(repository: Repository, entry: Entry) -> bool:
    try:
        return all(digest_of(repository.path_of(sha256)) == sha256 for sha256 in entry.objects)
    except OSError:
        return False


def _put_back(home: Home, repository: Repository, entry: Entry) -> Callable[[], None]:
    def put() -> None:
        path = home.path(entry.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.mending")
        with open(draft, "wb") as file:
            for data in repository.read(entry):
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.utime(draft, ns=(entry.modified, entry.modified))
        aside(home, path)
        os.replace(draft, path)
        sync(path.parent)

    return put

"""Restore a backup into an empty folder: verified first, the key last, gone on with after an interruption, then forget again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zerodistance.doors import parts as handed
from zerodistance.doors.backups.making import Progress
from zerodistance.doors.moving import name_store
from zerodistance.kernel import backups, command, fault, moving
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import WrongKey, ZeroDistanceError
from zerodistance.kernel.files import replace_file, sync
from zerodistance.kernel.frozen import Tick
from zerodistance.kernel.home import RESTORING, Home, open_home
from zerodistance.kernel.manifest import BackupDamaged, Entry, Manifest, NoBackups
from zerodistance.kernel.repository import Repository, digest_of
from zerodistance.kernel.seal import Seal
from zerodistance.kernel.settings import FILE_NAME, Settings, load
from zerodistance.kernel.state import STATE_FILE, State
from zerodistance.kernel.text import Text


class NotEmpty(ZeroDistanceError):
    """Something lies where the home should be made."""

    code, status = "not_empty", 409
    text = Text(
        "{path} 不是空的；恢复只写进空目录，用 --home 另指一个",
        "{path} is not empty; a backup is restored into an empty folder only, name another with --home",
    )


class NeedsKey(ZeroDistanceError):
    """The backup does not hold the key, and none was given."""

    code, status = "needs_key", 400
    text = Text(
        "备份 {name} 里没有密钥文件；用 --key 指出当时的 key 文件，没有它封存的部分打不开",
        "the backup {name} does not hold the key file; name the key of its time with --key: without it the sealed parts are lost",
    )


@dataclass(frozen=True)
class Restored:
    """What was restored.

    Attributes
    ----------
    again
        People whom the backup had brought back and who were forgotten again.
    resumed
        Whether an interrupted restore was gone on with.
    resting
        Feeds that were paused: beside the home that was backed up, a copy would fetch, and move away, what is meant for that one.
    """

    manifest: Manifest
    home: Home
    again: int
    resumed: bool
    resting: int = 0


def restore(
    settings: Settings,
    who: Who,
    source: Path,
    *,
    at: str | None = None,
    key: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Restored:
    """Make the home that the settings name from a backup in the folder `source`: the newest one, or the one called `at`.

    Raises
    ------
    NotEmpty
        Something lies there already, and not an interrupted restore of the same backup.
    NoBackups, BackupDamaged
        There is nothing to restore, or it is not what was written; nothing was made.
    TargetInUse, StateAway, StateUnfit, StateOfAnother
        The settings name a database for the state, and it is not empty, or can't be used; nothing was made.
    NeedsKey, WrongKey
        The key is not there, or is another one; nothing was made.
    """
    who.need(Permission.OPERATE)
    root, repository = settings.home.resolve(), Repository.at(source)
    manifest = _chosen(repository, at)
    resumed = _begun(root, manifest)
    if settings.state_url and not resumed:
        _must_be_empty(settings.state_url, manifest)
    with repository.locked():
        key_text = _key(repository, manifest, key)
        if not (resumed and _note(root)["placed"]):
            _verify(repository, manifest, progress)
            _place(root, repository, manifest, key_text, progress)
    _settle_state(root, manifest, settings.state_url, progress)
    home = open_home(_settings_there(settings, root), unfinished=True)
    resting = handed.parts().rest(home)
    again = _settle(home, who, repository, manifest)
    (root / RESTORING).unlink()
    sync(root)
    return Restored(manifest, home, again, resumed, resting)


def _settings_there(settings: Settings, root: Path) -> Settings:
    """Return the settings as the restored home's own file says them, under the flags that were given."""
    return load(**{**command.flags(), "home": root}) if (root / FILE_NAME).exists() else settings


def _chosen(repository: Repository, at: str | None) -> Manifest:
    if at is not None:
        return repository.manifest(at)
    newest = repository.last()
    if newest is None:
        raise NoBackups(folder=repository.root, what=Text("完整的备份", "whole backup"))
    return newest


def _begun(root: Path, manifest: Manifest) -> bool:
    """Say whether a restore of this backup was begun in the folder before; raise `NotEmpty` if something else lies there."""
    if not root.exists() or not (here := {path.name for path in root.iterdir()}):
        return False
    if RESTORING in here and _note(root)["name"] == manifest.name:
        return True
    if all(name.startswith(f".{RESTORING}") for name in here):  # killed before the note was there
        return False
    raise NotEmpty(path=root)


def _note(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / RESTORING).read_text()))


def _key(repository: Repository, manifest: Manifest, given: Path | None) -> bytes:
    """Return the key file's content, of the backup or as given, and make sure that it is the key of the backup."""
    entry = manifest.entry("key")
    if given is not None:
        text, path = given.read_bytes(), given
    elif entry is not None:
        try:
            text, path = b"".join(repository.read(entry)), repository.root
        except OSError:
            raise BackupDamaged(name=manifest.name, n=1, file="key") from None
    else:
        raise NeedsKey(name=manifest.name)
    draft = repository.root / "work" / f".key-{os.getpid()}"
    try:
        with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(text)
        check = Seal(draft).name
    except ValueError:
        raise WrongKey(path=path) from None
    finally:
        draft.unlink(missing_ok=True)
    if check != manifest.key_check:
        raise WrongKey(path=path)
    return text


def _verify(repository: Repository, manifest: Manifest, progress: Progress) -> None:
    wrong = repository.verify(manifest, _counting(progress, "verify", manifest.size))
    if wrong:
        raise BackupDamaged(name=manifest.name, n=len(wrong), file=wrong[0].path)


def _counting(progress: Progress, step: str, total: int) -> Tick:
    done = 0

    def tick(n: int) -> None:
        nonlocal done
        done += n
        progress(step, done, total)

    return tick


def _place(root: Path, repository: Repository, manifest: Manifest, key: bytes, progress: Progress) -> None:
    """Write every file, the key last: without it the folder is no home."""
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    note = {"name": manifest.name, "from": str(repository.root), "placed": False}
    replace_file(root / RESTORING, json.dumps(note).encode())
    fault.point("restore.begun")
    tick = _counting(progress, "restore", manifest.size)
    for entry in manifest.files:
        if entry.path != "key":
            _place_one(root, repository, manifest, entry, tick)
    for folder in {(root / entry.path).parent for entry in manifest.files} | {root}:
        sync(folder)
    fault.point("restore.files")
    draft = root / ".key"
    with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, root / "key")
    sync(root)
    fault.point("restore.key")
    replace_file(root / RESTORING, json.dumps({**note, "placed": True}).encode())
    fault.point("restore.placed")


def _place_one(root: Path, repository: Repository, manifest: Manifest, entry: Entry, tick: Tick) -> None:
    path = root / entry.path
    if not path.resolve().is_relative_to(root):
        raise BackupDamaged(name=manifest.name, n=1, file=entry.path)
    if path.exists() and path.stat().st_size == entry.size and digest_of(path) == entry.sha256:
        tick(entry.size)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.restoring")
    with open(draft, "wb") as file:
        for data in repository.read(entry):
            file.write(data)
            tick(len(data))
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(entry.mode)
    os.utime(draft, ns=(entry.modified, entry.modified))
    fault.point("restore.file")
    os.replace(draft, path)


def _must_be_empty(url: str, manifest: Manifest) -> None:
    state = State(Path(STATE_FILE), url)
    try:
        with state.read() as tx:
            state.store.check(tx, state.notes_of(tx), manifest.key_check)
        if state.tables():
            raise moving.TargetInUse(where=state.where)
    finally:
        state.close()


def _settle_state(root: Path, manifest: Manifest, url: str, progress: Progress) -> None:
    """Let the state be where the settings want it: in the file as it was restored, or in a database that is filled from it.

    The settings file that was restored may name the database of before, which may still be in use: it never stays.
    """
    settings, file = root / FILE_NAME, root / STATE_FILE
    if url or (settings.exists() and "state_url" in settings.read_text(encoding="utf-8")):
        name_store(settings, url)
    if not url or not file.exists():
        return
    source, target = State(file), State(file, url)
    try:
        source.upgrade(manifest.key_check)
        if not moving.is_copied(source, target.where):
            target.upgrade(manifest.key_check)
            size, rows, seen = file.stat().st_size, max(1, moving.counted(source)), dict[str, int]()

            def told(table: str, done: int, _: int) -> None:
                seen[table] = done
                progress("state", size * sum(seen.values()) // rows, size)

            moving.copy(source, target, manifest.key_check, told)
        fault.point("restore.state")
        moving.hand_over(source, target)
    finally:
        source.close()
        target.close()
    for left in root.glob(f"{STATE_FILE}*"):
        left.unlink()
    sync(root)


def _settle(home: Home, who: Who, repository: Repository, manifest: Manifest) -> int:
    """Tell the home which backups there are, and forget again whoever was forgotten after this one."""
    with home.state.write() as tx:
        known = {(one.name, one.folder) for one in backups.begun(tx)}
        for each in repository.sound():
            if (each.name, str(repository.root)) not in known:
                at, expires_at = each.began_at, each.expires_at
                backups.begin(
                    tx, each.name, repository.root, at=at, expires_at=expires_at, with_key=each.with_key
                )
            backups.end(
                tx, each.name, repository.root, at=each.ended_at, size=each.size, new_bytes=each.new_bytes
            )
    later = [t for t in repository.tombstones().values() if t["done_at"] >= manifest.mark["at"]]
    if not later:
        return 0
    command.work_here(home)  # what waited in the journal may be theirs too
    asked = handed.parts().forget_again(home, who, later)
    fault.point("restore.asked")
    command.work_here(home)
    return asked

"""The folder that backups lie in: every content once, under its SHA-256, and a manifest for each backup that is whole.

    FOLDER/format.json            what this is, and of which home
    FOLDER/objects/ab/abcd...     contents: whole files that never change, and pieces of databases
    FOLDER/backups/NAME.json      which contents make which files; written last, so what has one is whole
    FOLDER/forgotten.jsonl        sealed tombstones of people who were forgotten since
    FOLDER/work/                  what a running backup is about to store

Nothing in it is ever changed, only added and removed; a killed backup leaves contents that the next one uses or removes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from zerodistance.kernel import fault
from zerodistance.kernel.files import replace_file, sync
from zerodistance.kernel.frozen import Tick
from zerodistance.kernel.locks import sole
from zerodistance.kernel.manifest import (
    BackupDamaged,
    BackupRunning,
    Entry,
    Manifest,
    NoBackups,
    OtherHome,
    Wrong,
)
from zerodistance.kernel.text import Text

FORMAT = 1
PIECE = (
    256 << 10
)  # own value: bytes of a piece of a database; smaller finds more that did not change, in more files
_READ = 1 << 20
_GROUP = 64  # own value: small contents that are forced to disk together
_SYNC = (
    8 << 20
)  # own value: bytes after which a large file is forced to disk, so that no other program's fsync waits for more


class Repository:
    """The backups in one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._touched: set[Path] = set()
        self._pending: dict[str, Path] = {}

    @classmethod
    def make(cls, root: Path, key_check: str) -> Repository:
        """Return the repository at `root`, made if there is none.

        Raises
        ------
        OtherHome
            It belongs to another home, or something else lies there.
        """
        made = cls(root)
        made.root.mkdir(parents=True, exist_ok=True)
        for folder in ("objects", "backups", "work"):
            (made.root / folder).mkdir(exist_ok=True)
        mark = made.root / "format.json"
        if not mark.exists():
            made.root.chmod(0o700)
            replace_file(mark, json.dumps({"format": FORMAT, "key_check": key_check}).encode())
        if made.key_check() != key_check:
            raise OtherHome(folder=made.root)
        return made

    @classmethod
    def at(cls, root: Path) -> Repository:
        """Return the repository at `root`.

        Raises
        ------
        NoBackups
            There is none.
        """
        found = cls(root)
        if not (found.root / "format.json").exists():
            raise NoBackups(folder=root, what=Text("备份", "backups"))
        return found

    def key_check(self) -> str:
        """Return what tells the key of the home that it belongs to."""
        return str(json.loads((self.root / "format.json").read_text())["key_check"])

    @contextmanager
    def locked(self, seconds: float = 0.0) -> Iterator[None]:
        """Hold the repository for writing or removing; raises `BackupRunning` when somebody else still does after so many seconds."""
        with sole(self.root / "lock", BackupRunning(path=self.root), seconds):
            yield

    # -- contents

    def path_of(self, sha256: str) -> Path:
        """Return where a content lies."""
        return self.root / "objects" / sha256[:2] / sha256

    def add(
        self, source: Path, path: str, *, pieces: bool, known: Entry | None, tick: Tick
    ) -> tuple[Entry, int]:
        """Store a file's content, durably; return its entry and how many bytes were not here before.

        Parameters
        ----------
        pieces
            Whether it is kept in pieces: a database, of which much is as it was.
        known
            The file's entry in the last backup: one of the same size and time is not read again.
        """
        stat = source.stat()
        same = known is not None and (known.size, known.modified) == (stat.st_size, stat.st_mtime_ns)
        if known is not None and same and not pieces and self._holds(known):
            tick(stat.st_size)
            return known, 0
        whole, objects, new = hashlib.sha256(), list[str](), 0
        with open(source, "rb") as file:
            if pieces or stat.st_size <= PIECE:
                while data := file.read(PIECE):
                    whole.update(data)
                    objects.append(hashlib.sha256(data).hexdigest())
                    new += self._put(objects[-1], data)
                    tick(len(data))
            else:
                sha256, new = self._put_file(file, tick)
                objects.append(sha256)
        made = objects[0] if len(objects) == 1 else whole.hexdigest()
        mode = stat.st_mode & 0o777
        return Entry(path, stat.st_size, mode, stat.st_mtime_ns, made, tuple(objects)), new

    def _holds(self, entry: Entry) -> bool:
        if len(entry.objects) != 1:
            return False
        path = self.path_of(entry.objects[0])
        return path.exists() and path.stat().st_size == entry.size

    def _put(self, sha256: str, data: bytes) -> int:
        """Store a small content; it is durable, and has its name, with the group that it belongs to."""
        path = self.path_of(sha256)
        if sha256 in self._pending or (path.exists() and path.stat().st_size == len(data)):
            return 0
        draft = self.root / "work" / sha256
        draft.write_bytes(data)
        self._pending[sha256] = draft
        if len(self._pending) >= _GROUP:
            self._flush()
        return len(data)

    def _flush(self) -> None:
        """Force a group to disk, then name it: what has its name is whole. After the first, each costs next to nothing."""
        for draft in self._pending.values():
            sync(draft)
        fault.point("backup.object")
        for sha256, draft in self._pending.items():
            self._name(draft, sha256)
        self._pending.clear()

    def _name(self, draft: Path, sha256: str) -> None:
        path = self.path_of(sha256)
        path.parent.mkdir(exist_ok=True)
        os.replace(draft, path)
        self._touched.add(path.parent)

    def _put_file(self, file: BinaryIO, tick: Tick) -> tuple[str, int]:
        """Store one whole file without holding it in memory."""
        draft, sha, size = self.root / "work" / f".draft-{os.getpid()}", hashlib.sha256(), 0
        with open(draft, "wb") as out:
            while data := file.read(_READ):
                sha.update(data)
                size += out.write(data)
                tick(len(data))
                if size % _SYNC < _READ:
                    os.fdatasync(out.fileno())
            out.flush()
            os.fsync(out.fileno())
        path = self.path_of(sha.hexdigest())
        if path.exists() and path.stat().st_size == size:
            draft.unlink()
            return sha.hexdigest(), 0
        fault.point("backup.file")
        self._name(draft, sha.hexdigest())
        return sha.hexdigest(), size

    def read(self, entry: Entry) -> Iterator[bytes]:
        """Yield a file's content, piece by piece."""
        for sha256 in entry.objects:
            with open(self.path_of(sha256), "rb") as file:
                while data := file.read(_READ):
                    yield data

    # -- manifests

    def write(self, manifest: Manifest) -> None:
        """Make a backup valid, once everything that it names is on disk, names and all."""
        self._flush()
        for folder in (*self._touched, self.root / "objects"):
            sync(folder)
        self._touched.clear()
        body = asdict(manifest)
        text = json.dumps({"manifest": body, "sha256": _digest(body)}, ensure_ascii=False, indent=1)
        fault.point("backup.manifest")
        replace_file(self._manifest(manifest.name), text.encode())
        fault.point("backup.named")

    def _manifest(self, name: str) -> Path:
        return self.root / "backups" / f"{name}.json"

    def names(self) -> list[str]:
        """Return the names of the backups, the oldest first."""
        return sorted(path.stem for path in (self.root / "backups").glob("*.json"))

    def manifest(self, name: str) -> Manifest:
        """Return one backup.

        Raises
        ------
        NoBackups
            There is none of this name.
        BackupDamaged
            Its manifest is not what was written.
        """
        path = self._manifest(name)
        if not path.exists():
            raise NoBackups(folder=self.root, what=Text(f"备份 {name}", f"backup {name}"))
        try:
            outer = json.loads(path.read_bytes())
            if outer["sha256"] != _digest(outer["manifest"]):
                raise BackupDamaged(name=name, n=1, file=path.name)
            return msgspec.convert(outer["manifest"], Manifest)
        except (ValueError, KeyError, TypeError):
            raise BackupDamaged(name=name, n=1, file=path.name) from None

    def last(self) -> Manifest | None:
        """Return the newest backup whose manifest is sound, None if there is none."""
        return next(iter(self.sound()), None)

    def sound(self) -> Iterator[Manifest]:
        """Yield the backups whose manifests are sound, the newest first."""
        for name in reversed(self.names()):
            try:
                yield self.manifest(name)
            except BackupDamaged:
                continue

    def verify(self, manifest: Manifest, tick: Tick) -> list[Wrong]:
        """Read every content of a backup and return those that are not what was written."""
        wrong: list[Wrong] = []
        for entry in manifest.files:
            for sha256 in dict.fromkeys(entry.objects):
                path = self.path_of(sha256)
                try:
                    good = digest_of(path, tick) == sha256
                    missing = False
                except OSError:
                    good, missing = False, not path.exists()
                if not good:
                    wrong.append(Wrong(entry.path, sha256, missing))
        return wrong

    def drop_damaged(self, wrong: Sequence[Wrong]) -> None:
        """Move contents that are not what was written aside, so that the next backup stores them anew where it can."""
        aside = self.root / "damaged"
        for one in wrong:
            if not one.missing:
                aside.mkdir(exist_ok=True)
                os.replace(self.path_of(one.object), aside / one.object)

    def remove(self, name: str) -> None:
        """Remove one backup; its contents go with `sweep`."""
        self._manifest(name).unlink(missing_ok=True)
        sync(self.root / "backups")
        fault.point("backup.removed")

    def sweep(self) -> int:
        """Remove the contents that no backup names, and what an interrupted one left; return the bytes. The lock is held.

        Nothing is removed while a manifest can't be read: it may name anything.
        """
        for path in (self.root / "work").iterdir():
            path.unlink()
        try:
            needed = {o for name in self.names() for e in self.manifest(name).files for o in e.objects}
        except BackupDamaged:
            return 0
        freed = 0
        for path in (self.root / "objects").glob("*/*"):
            if path.name not in needed:
                freed += path.stat().st_size
                path.unlink()
                fault.point("backup.swept")
        return freed

    # -- tombstones

    def tombstones(self) -> dict[str, dict[str, Any]]:
        """Return request -> tombstone; lines that can't be read are left out."""
        found: dict[str, dict[str, Any]] = {}
        path = self.root / "forgotten.jsonl"
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                said = json.loads(line)
                found[str(said["request"])] = said
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def keep_tombstones(self, fresh: Mapping[str, Mapping[str, Any]]) -> None:
        """Add tombstones, and drop those that are older than every backup: nothing would come back without them."""
        oldest = min((m.mark["at"] for m in self.sound()), default=None)
        every = {**self.tombstones(), **fresh}
        kept = [t for t in every.values() if oldest is not None and t["done_at"] >= oldest]
        text = "".join(json.dumps(t) + "\n" for t in kept)
        fault.point("backup.tombstones")
        replace_file(self.root / "forgotten.jsonl", text.encode())


def digest_of(path: Path, tick: Tick = lambda n: None) -> str:
    """Return the SHA-256 of a file, hex."""
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(_READ):
            sha.update(data)
            tick(len(data))
    return sha.hexdigest()


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

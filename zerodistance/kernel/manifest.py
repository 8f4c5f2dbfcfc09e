"""What a backup says of itself: its files and the instant it holds; and what may be wrong with a folder of backups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


class NoBackups(ZeroDistanceError):
    """A folder holds no backups, or not the one that was named."""

    code, status = "no_backup", 404
    text = Text(
        "{folder} 里没有{what}；`zerodistance backup list {folder}` 列出有哪些",
        "{folder} holds no {what}; `zerodistance backup list {folder}` says what there is",
    )


class OtherHome(ZeroDistanceError):
    """The folder holds backups of another home."""

    code, status = "other_home", 409
    text = Text(
        "{folder} 里是另一个数据目录（另一把密钥）的备份；请为每个数据目录指定各自的备份目录",
        "{folder} holds backups of another home (another key); give each home a folder of its own",
    )


class BackupRunning(ZeroDistanceError):
    """Somebody else works on the folder or on the home's backups."""

    code, status, retry = "backup_running", 409, True
    text = Text(
        "{path} 正被另一个备份或恢复使用；等它结束再试",
        "{path} is in use by another backup or restore; try again when it has ended",
    )


class BackupDamaged(ZeroDistanceError):
    """A backup does not hold what was written into it."""

    code, status = "backup_damaged", 500
    text = Text(
        "备份 {name} 已损坏：{n} 处内容缺失或不符，第一处在 {file}；换一个备份，或 `zerodistance backup verify` 查看全部",
        "the backup {name} is damaged: {n} contents are missing or are not what was written, the first of {file}; take another "
        "one, or see them all with `zerodistance backup verify`",
    )


@dataclass(frozen=True)
class Entry:
    """One file of a backup.

    Attributes
    ----------
    path
        Relative to the home.
    modified
        When the file was last written, nanoseconds; with path and size it tells a file that never changes.
    sha256
        Of the whole file, hex.
    objects
        SHA-256 of the contents that make it, in order.
    """

    path: str
    size: int
    mode: int
    modified: int
    sha256: str
    objects: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """One backup. Times in microseconds UTC.

    Attributes
    ----------
    mark
        The instant it holds: `at`, `batch`, `journal_position`, `journal_last`, ... Everything acknowledged before `at` is in it.
    revision
        Of the state's tables.
    key_check
        Tells the key that opens it, without telling the key.
    """

    name: str
    program: str
    revision: str
    key_check: str
    with_key: bool
    mark: Mapping[str, int]
    began_at: int
    ended_at: int
    expires_at: int
    new_bytes: int
    files: tuple[Entry, ...] = field(default_factory=tuple)

    @property
    def size(self) -> int:
        """Bytes of the home that it holds."""
        return sum(entry.size for entry in self.files)

    def entry(self, path: str) -> Entry | None:
        """Return the entry of a file, None if it is not in the backup."""
        return next((entry for entry in self.files if entry.path == path), None)


@dataclass(frozen=True)
class Wrong:
    """A content that is not what was written: of which file, and whether it is missing or damaged."""

    path: str
    object: str
    missing: bool

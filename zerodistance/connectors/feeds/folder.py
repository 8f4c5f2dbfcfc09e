"""A folder of this machine as a tree of files: symbolic links, pipes and devices in it lead nowhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from zerodistance.connectors.feeds.contracts import Files
from zerodistance.connectors.feeds.watched import Entry
from zerodistance.core.touchpoints.import_errors import NoFile
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

_DEEPEST = 16  # own value: folders below each other


class NoFolder(ZeroDistanceError):
    """A watched folder can't be looked at."""

    code, status, retry = "no_folder", 409, True
    text = Text("看不了文件夹 {place}：{why}", "the folder {place} can't be looked at: {why}")


class NotMoved(ZeroDistanceError):
    """A file that was taken could not be moved away."""

    code, status, retry = "not_moved", 409, True
    text = Text(
        "{path} 已收下，但移不到 {folder}：{why}", "{path} was taken and can't be moved to {folder}: {why}"
    )


def reason(error: OSError) -> Text:
    """Return what the system says of a path."""
    kinds: dict[type[OSError], Text] = {
        FileNotFoundError: Text("不存在", "there is none"),
        PermissionError: Text("没有权限", "not permitted"),
        NotADirectoryError: Text("不是文件夹", "it is no folder"),
    }
    return kinds.get(type(error), Text(type(error).__name__, type(error).__name__))


class LocalTree:
    """See `watched.Tree`.

    Raises
    ------
    NoFolder
        It can't be looked at, or lies in the home itself.
    """

    def __init__(self, files: Files, home: Path) -> None:
        self.place = files.path
        self._names: dict[str, str] = {}
        try:
            self._root = Path(files.path).resolve(strict=True)
        except OSError as error:
            raise NoFolder(place=self.place, why=reason(error)) from None
        if self._root.is_relative_to(home) or not self._root.is_dir():
            why = Text("要是一个文件夹，而且不在数据目录里", "it has to be a folder outside of the home")
            raise NoFolder(place=self.place, why=why)

    def list(self, deep: bool) -> Iterator[Entry]:
        """Yield the files; with `deep` those in folders below too."""
        yield from self._below("", _DEEPEST if deep else 0)

    def _below(self, prefix: str, deeper: int) -> Iterator[Entry]:
        try:
            with os.scandir(self._full(prefix)) as found:
                for item in found:
                    path = self._shown(
                        f"{self._names.get(prefix, prefix)}/{item.name}" if prefix else item.name
                    )
                    if item.is_dir(follow_symlinks=False):
                        if deeper:
                            yield from self._below(path, deeper - 1)
                    elif item.is_file(follow_symlinks=False) and (entry := self.look(path)) is not None:
                        yield entry
        except FileNotFoundError:
            if not prefix:
                raise NoFolder(place=self.place, why=reason(FileNotFoundError())) from None
        except OSError as error:
            raise NoFolder(place=f"{self.place}/{prefix}".rstrip("/"), why=reason(error)) from None

    def _shown(self, path: str) -> str:
        """Return a path as text that can be kept: bytes in it that are no UTF-8, as in names of GBK, are written out."""
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        if shown != path:
            self._names[shown] = path
        return shown

    def _full(self, path: str) -> Path:
        return self._root / self._names.get(path, path)

    def look(self, path: str) -> Entry | None:
        """Return one file as it is now, None if it is gone or no file."""
        try:
            found = os.lstat(self._full(path))
        except OSError:
            return None
        return Entry(found.st_mtime_ns, path, found.st_size) if stat.S_ISREG(found.st_mode) else None

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading; what is none by now is not opened."""
        full = self._full(path)
        if not full.parent.resolve().is_relative_to(self._root):
            raise NoFile(
                path=path, why=Text("它的文件夹成了符号链接", "its folder is a symbolic link by now")
            )
        try:
            handle = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NoFile(path=path, why=reason(error)) from None
        except OSError as error:  # may be readable at the next run without having changed
            raise NoFolder(place=f"{self.place}/{path}", why=reason(error)) from None
        file = os.fdopen(handle, "rb", buffering=0)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            file.close()
            raise NoFile(path=path, why=Text("不是文件", "it is no file"))
        return file  # read in large pieces: no buffer is needed

    def move(self, path: str, folder: str) -> None:
        """Move a file into a folder below; nothing there is overwritten."""
        source = self._full(path)
        target = self._root / folder / self._names.get(path, path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.parent.resolve().is_relative_to(self._root):
                why = Text("它是指向别处的符号链接", "it is a symbolic link that leads elsewhere")
                raise NotMoved(path=path, folder=folder, why=why)
            number = 1
            while target.exists() and source.exists():
                number += 1
                target = target.with_name(f"{source.stem}.{number}{source.suffix}")
            source.rename(target)
        except FileNotFoundError:
            if source.exists():
                raise
        except OSError as error:
            raise NotMoved(path=path, folder=folder, why=reason(error)) from None

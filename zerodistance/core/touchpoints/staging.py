"""The file of an import, kept sealed below the home until every row of it is committed: frames that can be read from anywhere."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from zerodistance.core.touchpoints.tail import sync_folder
from zerodistance.kernel import fault
from zerodistance.kernel.errors import WrongKey
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import OVERHEAD, Seal

FRAME = 1 << 20
_MAGIC = b"ZDI1"
_SALT = 16
_HEAD = len(_MAGIC) + _SALT


def _where(salt: bytes, frame: int, last: bool) -> bytes:
    return b"import/%s/%d/%d" % (salt.hex().encode(), frame, last)


class Stager:
    """Seals what comes, piece by piece, into a new file of the home; nothing of it is ever plain on the disk.

    Attributes
    ----------
    path
        A temporary name below `imports`; `keep` gives it its own.
    size, lines
        Bytes and line ends so far.
    """

    def __init__(self, home: Home) -> None:
        self.path = home.path("imports") / f".staging-{os.getpid()}-{os.urandom(4).hex()}"
        self.size = self.lines = 0
        self._seal, self._salt, self._sha = home.seal, os.urandom(_SALT), hashlib.sha256()
        self._frame, self._held = 0, bytearray()
        self._out = open(self.path, "wb")  # noqa: SIM115  # closed by `finish` or `drop`
        self._out.write(_MAGIC + self._salt)

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self._sha.update(data)
        self.size += len(data)
        self.lines += data.count(b"\n")
        self._held += data
        while len(self._held) > FRAME:
            self._put(bytes(self._held[:FRAME]), last=False)
            del self._held[:FRAME]

    def _put(self, data: bytes, *, last: bool) -> None:
        self._out.write(self._seal.seal(data, _where(self._salt, self._frame, last)))
        self._frame += 1

    def finish(self) -> str:
        """Make the file whole and durable; return the SHA-256 of what came, hex."""
        self._put(bytes(self._held), last=True)
        self._out.flush()
        fault.point("import.staged")
        os.fsync(self._out.fileno())
        self._out.close()
        return self._sha.hexdigest()

    def drop(self) -> None:
        """Remove the file, whole or not."""
        self._out.close()
        self.path.unlink(missing_ok=True)


def stage(home: Home, file: BinaryIO) -> tuple[Path, str, int]:
    """Copy a file into the home, sealed and durable.

    Returns
    -------
    path
        A temporary name below `imports`; `keep` gives it its own.
    hash
        SHA-256 of the content, hex.
    lines
        Line ends in it.
    """
    made = Stager(home)
    try:
        while data := file.read(FRAME):
            made.write(data)
        return made.path, made.finish(), made.lines
    except BaseException:
        made.drop()
        raise


def link(home: Home, path: Path) -> Path:
    """Give a sealed file a second, temporary name, from which `keep` can take it; the first one stays."""
    other = home.path("imports") / f".staging-{os.getpid()}-{os.urandom(4).hex()}"
    os.link(path, other)
    return other


def keep(home: Home, staged: Path, number: int) -> None:
    """Give a staged file the name of its import, durably."""
    os.replace(staged, path_of(home, number))
    sync_folder(home.path("imports"))


def path_of(home: Home, number: int) -> Path:
    """Return where the file of an import lies."""
    return home.path("imports", f"{number}.sealed")


def drop(home: Home, number: int) -> None:
    """Remove the file of an import."""
    path_of(home, number).unlink(missing_ok=True)


class SealedFile(io.RawIOBase):
    """Reads a staged file as what it was.

    Raises
    ------
    WrongKey
        The file is damaged, shortened or sealed with another key.
    """

    def __init__(self, path: Path, seal: Seal) -> None:
        super().__init__()
        self._file = open(path, "rb")  # noqa: SIM115  # closed with this object
        self._seal, self._path = seal, path
        head = self._file.read(_HEAD)
        sealed = path.stat().st_size - _HEAD
        self._salt = head[len(_MAGIC) :]
        self._frames = -(-sealed // (FRAME + OVERHEAD))
        self._size = sealed - self._frames * OVERHEAD
        if head[: len(_MAGIC)] != _MAGIC or self._frames < 1 or self._size < 0:
            self._file.close()
            raise WrongKey(path=path)
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place of the plain content."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return the place in the plain content."""
        return self._at

    def _frame(self, number: int) -> bytes:
        if self._held[0] != number:
            self._file.seek(_HEAD + number * (FRAME + OVERHEAD))
            data = self._file.read(FRAME + OVERHEAD)
            self._held = number, self._seal.open(data, _where(self._salt, number, number == self._frames - 1))
        return self._held[1]

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as one frame goes."""
        if self._at >= self._size:
            return 0
        number, inside = divmod(self._at, FRAME)
        data = self._frame(number)[inside : inside + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


@contextmanager
def seekable(home: Home, stream: BinaryIO) -> Iterator[BinaryIO]:
    """Give a stream that can only be read once, such as standard input, as a file that can be read from anywhere."""
    if stream.seekable():
        yield stream
        return
    path, _, _ = stage(home, stream)
    try:
        with opened(home, path) as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


def opened(home: Home, path: Path) -> BinaryIO:
    """Open what `stage` has made for reading."""
    return io.BufferedReader(SealedFile(path, home.seal), FRAME)


def open_staged(home: Home, number: int) -> BinaryIO:
    """Open the file of an import for reading."""
    return opened(home, path_of(home, number))

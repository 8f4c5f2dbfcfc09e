"""Files as they come: plain, gzip, zstd, or a zip of one or several members; unpacked while they are read, never to disk, within a limit."""

from __future__ import annotations

import fnmatch
import io
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import pyarrow as pa
from isal import igzip, isal_zlib

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

LIMIT = 64 << 30
"""Bytes of a file after unpacking where no setting says otherwise."""

ZIP, GZIP, ZSTD = b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_EMPTY_ZIP, _SPLIT_ZIP = b"PK\x05\x06", b"PK\x07\x08"
_ARCHIVES = (ZIP, GZIP, ZSTD, _EMPTY_ZIP, b"Rar!", b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\x00", b"BZh")
_OTHERS = {b"Rar!": "rar", b"7z\xbc\xaf\x27\x1c": "7z", b"\xfd7zXZ\x00": "xz", b"BZh": "bzip2"}
_HEAD = 16
_MOST_MEMBERS, _MOST_DIRECTORY = 10_000, 16 << 20  # own values; the list of members is held in memory
_END, _END_SIZE, _LONGEST_COMMENT = b"PK\x05\x06", 22, 65_535
_CHUNK = 1 << 20
_METHODS = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz"}
_BREAKS: tuple[Any, ...] = (
    EOFError, UnicodeDecodeError, NotImplementedError, zipfile.BadZipFile, zlib.error, isal_zlib.error, igzip.BadGzipFile, pa.ArrowException, struct.error,
)  # fmt: skip
_SECRET, _UTF8_NAME = 1, 1 << 11
_LABEL = 100


class PackingWrong(ZeroDistanceError):
    """A packed file can't be unpacked, or may not be."""

    code, status = "packing_wrong", 400
    text = Text("文件的压缩包：{zh}", "the packing of the file: {en}")


class TooMuch(ZeroDistanceError):
    """A file is larger after unpacking than the settings allow."""

    code, status = "import_too_large", 413
    text = Text(
        "文件解压后超过 {limit} 字节（设置 max_import_bytes）；拆成几个文件，或调大这个设置",
        "the file is over {limit} bytes after unpacking (setting max_import_bytes); split it, or raise the setting",
    )


@dataclass(frozen=True)
class Part:
    """One file inside a file: the file itself, or a member of a zip.

    Attributes
    ----------
    name
        Name of the member, fit to be shown; empty where there is only one part.
    """

    name: str
    stream: BinaryIO


def broken(zh: str, en: str) -> PackingWrong:
    """Make the error for a file that can't be unpacked."""
    return PackingWrong(zh=zh, en=en)


def packing(head: bytes) -> str:
    """Return how a file that begins with these bytes is packed: zip, gzip, zstd, or nothing if it is plain.

    Raises
    ------
    PackingWrong
        It is packed in a way that is not read.
    """
    if head.startswith((ZIP, _EMPTY_ZIP, _SPLIT_ZIP)):
        return "zip"
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith(ZSTD):
        return "zstd"
    for sign, name in _OTHERS.items():
        if head.startswith(sign):
            raise broken(
                f"不读 {name}；可用：不压缩、gzip、zip、zstd",
                f"{name} is not read; allowed are none, gzip, zip and zstd",
            )
    return ""


def head_of(file: BinaryIO) -> bytes:
    """Return the first bytes of a file and go back to its beginning."""
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    return head


def is_workbook(file: BinaryIO) -> bool:
    """Say whether a zip is a workbook."""
    with open_zip(file) as archive:
        return "xl/workbook.xml" in archive.namelist()


class Parts:
    """The parts of a file, one after the other.

    Parameters
    ----------
    members
        Pattern that names of zip members must match, such as `orders*.csv`; everything else in the zip is left alone.
    limit
        Bytes that all parts together may have.
    """

    def __init__(self, file: BinaryIO, *, members: str = "*", limit: int = LIMIT) -> None:
        self._file, self._left, self._limit = file, limit, limit
        self.packing = packing(head_of(file))
        self._zip: zipfile.ZipFile | None = None
        self._members: list[zipfile.ZipInfo] = []
        if self.packing == "zip":
            self._zip = open_zip(file)
            self._members = _chosen(self._zip, members)

    @property
    def names(self) -> list[str]:
        """Names of the members that are read; of a file that is no zip none."""
        return [_label(info) for info in self._members]

    def __iter__(self) -> Iterator[Part]:
        if self._zip is None:
            yield Part("", self._limited(self._plain(), ""))
            return
        several = len(self._members) > 1
        for info in self._members:
            name = _label(info)
            with explained(name):
                stream = _not_nested(cast(BinaryIO, self._zip.open(info)), name)
            yield Part(name if several else "", self._limited(stream, name))

    def _plain(self) -> BinaryIO:
        self._file.seek(0)
        if self.packing == "gzip":
            unpacked = igzip.IGzipFile(fileobj=self._file, mode="rb")  # type: ignore[no-untyped-call]
            return _not_nested(cast(BinaryIO, unpacked), "")
        if self.packing == "zstd":
            stream = pa.CompressedInputStream(pa.PythonFile(self._file, mode="r"), "zstd")
            return _not_nested(cast(BinaryIO, io.BufferedReader(_ArrowRaw(stream), _CHUNK)), "")
        return self._file

    def _limited(self, stream: BinaryIO, name: str) -> BinaryIO:
        return cast(BinaryIO, _Limited(stream, self, name))

    def took(self, n: int) -> None:
        """Count bytes that were read.

        Raises
        ------
        TooMuch
            All parts together are over the limit.
        """
        self._left -= n
        if self._left < 0:
            raise TooMuch(limit=f"{self._limit:,}")


def verify(file: BinaryIO, *, members: str = "*", limit: int = LIMIT) -> tuple[int, int]:
    """Read a packed file to its end: what is broken, encrypted or too much is found before anything of it is kept.

    Returns
    -------
    size, lines
        Bytes and line ends after unpacking.
    """
    size = lines = 0
    for part in Parts(file, members=members, limit=limit):
        while data := part.stream.read(_CHUNK):
            size += len(data)
            lines += data.count(b"\n")
    return size, lines


class _Limited(io.RawIOBase):
    """A stream that counts what is read of it and says what breaks in words."""

    def __init__(self, stream: BinaryIO, parts: Parts, name: str) -> None:
        super().__init__()
        self._stream, self._parts, self._name, self._at = stream, parts, name, 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, fewer only at the end."""
        assert size >= 0, "a part is never read whole"
        data = b""
        with explained(self._name, self._at):
            data = self._stream.read(size)
        self._at += len(data)
        self._parts.took(len(data))
        return data


class _ArrowRaw(io.RawIOBase):
    def __init__(self, stream: pa.NativeFile) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def explained(name: str, at: int = 0) -> Iterator[None]:
    """Say what breaks while a part is unpacked, and where."""
    where = Text(f"{name} " if name else "", f"{name}: " if name else "")
    try:
        yield
    except _BREAKS as e:
        raise broken(
            f"{where.zh}解压到第 {at:,} 字节附近就断了或坏了；整个文件都没有收下，请重新导出或传送（{e}）",
            f"{where.en}broken off or damaged near byte {at:,} of its content; nothing of it was taken, export or copy it again ({e})",
        ) from None
    except OSError as e:
        if e.errno is not None:
            raise
        raise broken(
            f"{where.zh}解压到第 {at:,} 字节附近就坏了；整个文件都没有收下（{e}）",
            f"{where.en}damaged near byte {at:,} of its content; nothing of it was taken ({e})",
        ) from None


def _not_nested(stream: BinaryIO, name: str) -> BinaryIO:
    """Refuse a packed file inside a packed file."""
    peeked = (
        stream
        if isinstance(stream, io.BufferedReader)
        else io.BufferedReader(cast(io.RawIOBase, stream), _CHUNK)
    )
    with explained(name):
        head = peeked.peek(_HEAD)[:_HEAD]
    if head.startswith(_ARCHIVES) or head.startswith(b"PAR1"):
        raise broken(
            f"{name or '里面'}还是一个压缩包、工作簿或 Parquet；先取出来再导入",
            f"{name or 'inside'} is packed once more, a workbook or Parquet: take it out and import that",
        )
    return cast(BinaryIO, peeked)


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """Open a zip whose list of members is short enough."""
    _small_directory(file)
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError, OverflowError) as error:
        raise broken(
            f"zip 的目录读不出来，文件多半没有传完：{error}",
            f"the directory of the zip can't be read, the file has probably not come whole: {error}",
        ) from None


def _small_directory(file: BinaryIO) -> None:
    """Refuse a zip whose list of members is too long before it is read into memory."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END_SIZE - _LONGEST_COMMENT))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        return  # zipfile says what is wrong with it
    count, length, start = struct.unpack("<HLL", tail[at + 10 : at + 20])
    if (
        count == 0xFFFF or length == 0xFFFFFFFF or start == 0xFFFFFFFF
    ):  # zip64: as long as what lies before the end
        found = tail.rfind(b"PK\x06\x06")
        if found >= 0 and len(tail) - found >= 56:
            count, length = struct.unpack("<QQ", tail[found + 32 : found + 48])
    if count > _MOST_MEMBERS or length > _MOST_DIRECTORY:
        raise broken(
            f"zip 里的文件太多，最多 {_MOST_MEMBERS:,} 个",
            f"the zip holds too many files: at most {_MOST_MEMBERS:,}",
        )


def _chosen(archive: zipfile.ZipFile, members: str) -> list[zipfile.ZipInfo]:
    if "[Content_Types].xml" in archive.namelist():
        raise broken('这是一个工作簿；写 format = "xlsx"', 'this is a workbook; write format = "xlsx"')
    files = [info for info in archive.infolist() if not info.is_dir() and not _litter(info.filename)]
    chosen = [info for info in files if _matches(_name(info), members)]
    if not chosen:
        listed = ", ".join(_label(info) for info in files[:20]) or "-"
        raise broken(
            f"zip 里没有名称符合 {members} 的文件；有 {listed}",
            f"no file in the zip has a name like {members}; there are {listed}",
        )
    for info in chosen:
        name = _label(info)
        if info.flag_bits & _SECRET:
            raise broken(
                f"{name} 加了密码；先解开再导入",
                f"{name} is encrypted; take the password off and import it then",
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            kind = _METHODS.get(info.compress_type, str(info.compress_type))
            raise broken(
                f"{name} 的压缩方法是 {kind}；只读 store 和 deflate",
                f"{name} is packed by {kind}; only store and deflate are read",
            )
    return chosen


def _litter(name: str) -> bool:
    """Say whether a member is what a file manager leaves behind."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return (
        name.startswith("__MACOSX/") or last.startswith(".") or last.lower() in ("thumbs.db", "desktop.ini")
    )


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name.rsplit("/", 1)[-1], pattern)


def _name(info: zipfile.ZipInfo) -> str:
    """Return a member's name; where the zip does not say how it is written, as Chinese Windows writes it."""
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _label(info: zipfile.ZipInfo) -> str:
    """Return a member's name as it can be shown: one short line without signs that do something."""
    shown = "".join(c if unicodedata.category(c)[0] not in "CZ" or c == " " else "?" for c in _name(info))
    return shown if len(shown) <= _LABEL else "..." + shown[-_LABEL:]

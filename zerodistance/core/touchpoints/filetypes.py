"""Files that are no tables: said what they are, before anything guesses at them."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

from zerodistance.core.touchpoints.unpack import head_of, open_zip, packing
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

_LOOKED = 64 << 10
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ALLOWED = Text("CSV、NDJSON、JSON、XLSX、Parquet", "CSV, NDJSON, JSON, XLSX and Parquet")
_SIGNS: tuple[tuple[bytes, Text], ...] = (
    (b"%PDF", Text("PDF 文件", "a PDF")),
    (b"\x89PNG", Text("图片", "a picture")),
    (b"\xff\xd8\xff", Text("图片", "a picture")),
    (b"GIF8", Text("图片", "a picture")),
    (b"\x7fELF", Text("程序", "a program")),
    (b"MZ\x90", Text("程序", "a program")),
    (b"SQLite format 3\0", Text("SQLite 数据库", "an SQLite database")),
)
_INSIDE: tuple[tuple[str, Text], ...] = (
    ("word/document.xml", Text("Word 文档", "a Word document")),
    ("ppt/presentation.xml", Text("PowerPoint 文档", "a PowerPoint document")),
    ("xl/workbook.bin", Text("XLSB 工作簿；用表格软件另存为 XLSX", "an XLSB workbook: save it as XLSX")),
    ("META-INF/manifest.xml", Text("OpenDocument 文件；用表格软件另存为 XLSX", "an OpenDocument file: save it as XLSX")),
)  # fmt: skip


class NotATable(ZeroDistanceError):
    """A file is of a type that holds no rows we can read."""

    code, status = "not_a_table", 400
    text = Text(
        "这是{what}，读不出行；可用：{allowed}", "this is {what}, which is not read; allowed are {allowed}"
    )


class EmptyFile(ZeroDistanceError):
    """There is nothing in a file."""

    code, status = "empty_file", 400
    text = Text("文件是空的，没有一行数据", "the file is empty: it holds no row")


class FileLocked(ZeroDistanceError):
    """A workbook is encrypted."""

    code, status = "file_locked", 400
    text = Text(
        "这个工作簿设了打开密码，读不了；用表格软件去掉密码另存，再上传",
        "the workbook is encrypted and can't be read: save it without its password, and upload that",
    )


def refuse_others(file: BinaryIO) -> None:
    """Refuse a file that is plainly no table; says nothing of one that may be.

    Raises
    ------
    EmptyFile, NotATable, FileLocked, PackingWrong
        What it is.
    """
    head = head_of(file)
    if not head:
        raise EmptyFile()
    if head.startswith(_OLE):
        if "EncryptionInfo".encode("utf-16-le") in _directory(file):
            raise FileLocked()
        raise _no(Text("旧格式的 Office 文件（如 XLS）；用表格软件另存为 XLSX", "an old Office file such as XLS: save it as XLSX"))  # fmt: skip
    for sign, what in _SIGNS:
        if head.startswith(sign):
            raise _no(what)
    if packing(head) == "zip":
        with open_zip(file) as archive:
            _look_inside(archive)
        file.seek(0)
        return
    if head.startswith(b"PAR1") or packing(head):
        return
    file.seek(0)
    sample = file.read(_LOOKED)
    file.seek(0)
    _look_at_text(sample)


def _no(what: Text) -> NotATable:
    return NotATable(what=what, allowed=_ALLOWED)


def _look_inside(archive: zipfile.ZipFile) -> None:
    names = set(archive.namelist())
    for name, what in _INSIDE:
        if name in names:
            raise _no(what)


def _look_at_text(sample: bytes) -> None:
    if not sample.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise EmptyFile()
    begin = sample.lstrip(b" \t\r\n\xef\xbb\xbf")[:15].lower()
    if begin.startswith((b"<html", b"<!doctype", b"<?xml", b"<table")):
        raise _no(Text("网页或 XML；用表格软件打开后另存为 XLSX", "a web page or XML: open it in a spreadsheet program and save it as XLSX"))  # fmt: skip
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return
    zeros = sample[:4_000].count(0)
    if zeros > len(sample[:4_000]) // 5 and (
        sample[0:4_000:2].count(0) < zeros // 8 or sample[1:4_000:2].count(0) < zeros // 8
    ):
        return  # UTF-16 without a mark
    odd = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in sample)
    if odd * 50 > len(sample):
        raise _no(Text("二进制文件", "a binary file"))


def _directory(file: BinaryIO) -> bytes:
    """Return the first sector of the directory of an OLE 2 file ([MS-CFB] 2.2, 2.6)."""
    file.seek(0)
    header = file.read(512)
    shift, first = int.from_bytes(header[30:32], "little"), int.from_bytes(header[48:52], "little")
    if shift not in (9, 12):
        return b""
    file.seek((first + 1) << shift)
    found = file.read(1 << shift)
    file.seek(0)
    return found

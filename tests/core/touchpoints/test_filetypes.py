"""A file that is no table is refused with what it is; one that may be a table is let through."""

from __future__ import annotations

import io
import zipfile
from typing import ClassVar

import pytest

from tests.core.touchpoints import tables
from zerodistance.core.touchpoints.filetypes import EmptyFile, FileLocked, NotATable, refuse_others
from zerodistance.core.touchpoints.unpack import PackingWrong
from zerodistance.kernel.errors import ZeroDistanceError

NAMES, ROWS = ["a", "名"], [["1", "王"], ["2", "李"]]


def ole(inside: str) -> bytes:
    """Return the frame of an OLE 2 file whose directory names one stream."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    header[30:32] = (9).to_bytes(2, "little")
    header[48:52] = (1).to_bytes(4, "little")
    directory = inside.encode("utf-16-le").ljust(512, b"\0")
    return bytes(header) + bytes(512) + directory


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


class TestOthers:
    """Each says what it is, in both languages."""

    WRONG: ClassVar[list[tuple[bytes, type[ZeroDistanceError], str]]] = [
        (b"", EmptyFile, "空"),
        (b" \r\n\t\n", EmptyFile, "空"),
        (b"\xef\xbb\xbf\n", EmptyFile, "空"),
        (b"%PDF-1.7\n%", NotATable, "PDF"),
        (b"\x89PNG\r\n\x1a\n", NotATable, "图片"),
        (b"\xff\xd8\xff\xe0JFIF", NotATable, "图片"),
        (ole("EncryptionInfo"), FileLocked, "密码"),
        (ole("Workbook"), NotATable, "XLS"),
        (zipped("[Content_Types].xml", "word/document.xml"), NotATable, "Word"),
        (zipped("mimetype", "META-INF/manifest.xml"), NotATable, "OpenDocument"),
        (b"<html><table><tr><td>1</td></tr></table></html>", NotATable, "网页"),
        (b'<?xml version="1.0"?><Workbook/>', NotATable, "XML"),
        (bytes(range(256)) * 40, NotATable, "二进制"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(30), PackingWrong, "7z"),
        (b"PK\x03\x04 cut off", PackingWrong, "zip"),
    ]

    @pytest.mark.parametrize(("data", "error", "said"), WRONG, ids=lambda value: str(value)[:20])
    def test_it_is_refused(self, data: bytes, error: type[ZeroDistanceError], said: str) -> None:
        with pytest.raises(error) as caught:
            refuse_others(io.BytesIO(data))
        assert said in caught.value.message("zh")
        assert caught.value.message("en").isascii()


@pytest.mark.parametrize(
    "data",
    [
        tables.as_csv(NAMES, ROWS),
        tables.as_csv(NAMES, ROWS, "gb18030"),
        tables.as_csv(NAMES, ROWS, "utf-16"),
        tables.as_csv(["a", "b"], [["1", "2"]] * 9, "utf-16-le"),
        tables.as_csv(["a", "b"], [["1", "2"]] * 9, "utf-16-be"),
        tables.as_ndjson(NAMES, ROWS),
        tables.as_xlsx(NAMES, ROWS),
        tables.as_parquet(NAMES, ROWS),
        zipped("a.csv"),
    ],
    ids=["csv", "gbk", "utf-16", "utf-16-le", "utf-16-be", "ndjson", "xlsx", "parquet", "zip"],
)
def test_a_table_is_let_through_and_can_be_read_from_its_beginning(data: bytes) -> None:
    file = io.BytesIO(data)
    refuse_others(file)
    file.seek(0)
    assert file.read() == data

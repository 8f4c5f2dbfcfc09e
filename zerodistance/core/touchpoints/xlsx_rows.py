"""Rows of an XLSX workbook, one after the other: cells as text, dates as ISO 8601, whole numbers without a fraction."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast
from xml.etree.ElementTree import iterparse
from xml.parsers import expat

import numpy as np
import pyarrow as pa
from openpyxl import load_workbook
from openpyxl.cell.text import Text as CellText
from openpyxl.utils.datetime import from_excel, from_ISO8601
from openpyxl.xml.constants import SHEET_MAIN_NS

from zerodistance.core.touchpoints.csv_lines import KEPT_BYTES
from zerodistance.core.touchpoints.mapping import XlsxShape
from zerodistance.core.touchpoints.pieces import BadRow, Piece, Sliced
from zerodistance.core.touchpoints.toml_values import near, wrong
from zerodistance.core.touchpoints.unpack import LIMIT, TooMuch, broken, explained, head_of, open_zip
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

_MOST_TEXTS, _MOST_SMALL = 512 << 20, 64 << 20  # own values: parts that are held in memory whole
_MOST_ROW = 32 << 20  # own value: bytes of a sheet between the ends of two rows
_CHUNK, _ROWS = 1 << 20, 2_000
_ROW, _ROW_LETTERS = re.compile(rb"<row[\s>/]"), 4
_LONGEST = 32_767  # letters of one cell; the format's own limit
_MIDNIGHT = time()
_COLUMNS = 16_384  # the format's own limit
_DATA, _ROW_TAG, _VALUE, _FORMULA, _INLINE = (
    f"{{{SHEET_MAIN_NS}}}{tag}" for tag in ("sheetData", "row", "v", "f", "is")
)


class WorkbookBroken(ZeroDistanceError):
    """A sheet can't be read on from some row."""

    code, status = "workbook_broken", 400
    text = Text(
        "工作簿在第 {row} 行之后读不出来（{why}）；用表格软件打开后另存，再导入",
        "the workbook can't be read after row {row} ({why}); open it in a spreadsheet program, save it and import that",
    )


class _Doctype(Exception):
    """A part declares a document type, which no spreadsheet program writes."""


class _Root(Exception):
    """The first element has come."""


def look_through_workbook(file: BinaryIO, shape: XlsxShape, limit: int = LIMIT) -> int | None:
    """Unpack the sheets and texts of a workbook to their end: what is damaged is found before anything of it is kept.

    Returns
    -------
    int | None
        About how many rows the sheet has, None if it doesn't show.
    """
    sheet, rows = Workbook(file, limit).sheet(shape.sheet)._worksheet_path, 0
    with open_zip(file) as archive:
        for info in archive.infolist():
            if not (info.filename.startswith("xl/") and info.filename.endswith(".xml")):
                continue
            with explained(info.filename[:100]), archive.open(info) as part:
                before = b""
                while data := part.read(_CHUNK):
                    if info.filename == sheet:
                        rows += len(_ROW.findall(before + data))
                        before = data[-_ROW_LETTERS:]
    return max(0, rows - shape.header) if rows else None


@dataclass
class _Bad:
    """What stands in the place of a cell that can't be read."""

    why: str


class Workbook:
    """A workbook that has been found harmless: bounded, and without entities that could grow or fetch.

    Raises
    ------
    MappingWrong
        It is no XLSX workbook.
    PackingWrong, TooMuch
        It is damaged, encrypted, or too large after unpacking.
    """

    def __init__(self, file: BinaryIO, limit: int = LIMIT) -> None:
        head = head_of(file)
        if head.startswith(b"\xd0\xcf\x11\xe0"):
            raise wrong(
                "format",
                "这是旧的 xls，或加了密码的工作簿；用表格软件打开，另存为不加密码的 xlsx",
                "this is an old xls or an encrypted workbook: open it in a spreadsheet program and save it as xlsx without a password",
            )
        if not head.startswith(b"PK"):
            raise wrong("format", "这不是 xlsx 工作簿", "this is not an xlsx workbook")
        with open_zip(file) as archive:
            _guard(archive, limit)
        file.seek(0)
        try:
            self._book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # openpyxl lets through whatever a damaged part causes
            raise wrong(
                "format",
                f"工作簿打不开（{type(error).__name__}）；用表格软件打开后另存，再导入",
                f"the workbook can't be opened ({type(error).__name__}); open it in a spreadsheet program, save it and import that",
            ) from None
        self.sheets: tuple[str, ...] = tuple(sheet.title for sheet in self._book.worksheets)

    def sheet(self, wanted: str | int) -> Any:
        """Return a sheet by name, or by number from 1."""
        if isinstance(wanted, int) and 1 <= wanted <= len(self.sheets):
            return self._book.worksheets[wanted - 1]
        if wanted in self.sheets:
            return self._book[wanted]
        hint = near(str(wanted), self.sheets)
        raise wrong("xlsx.sheet", f"没有工作表 {wanted}；{hint.zh}", f"there is no sheet {wanted}; {hint.en}")

    def rows(self, sheet: Any) -> Iterator[tuple[int, list[Any], int]]:
        """Yield number, cells from the first column on, and formulas without a kept value of each row that has cells."""
        reader, last = _Sheet(sheet, self._book), 0
        try:
            with sheet._get_source() as source:
                for last, cells in reader.rows(_Bounded(source)):
                    yield last, cells, reader.uncached
        except GeneratorExit:
            raise
        except Exception as error:  # whatever a damaged part causes
            raise WorkbookBroken(row=last, why=type(error).__name__) from None


def _guard(archive: zipfile.ZipFile, limit: int) -> None:
    """Refuse a workbook that would take too much memory or declares a document type, before anything of it is parsed."""
    if "xl/workbook.xml" not in archive.namelist():
        raise wrong(
            "format",
            "这个 zip 里没有工作簿；若是压缩的 csv 或 json，写那个格式",
            "there is no workbook in this zip; if it holds csv or json, write that format",
        )
    if sum(info.file_size for info in archive.infolist()) > limit:
        raise TooMuch(limit=f"{limit:,}")
    for info in archive.infolist():
        if info.flag_bits & 1:
            raise broken("工作簿加了密码", "the workbook is encrypted")
        if not info.filename.endswith((".xml", ".rels")):
            continue
        most = limit if "/worksheets/" in info.filename else _MOST_SMALL
        most = _MOST_TEXTS if PurePosixPath(info.filename).name.lower() == "sharedstrings.xml" else most
        if info.file_size > most:
            raise broken(
                f"{info.filename[:100]} 有 {info.file_size:,} 字节，最多 {most:,}；另存为 csv 再导入",
                f"{info.filename[:100]} has {info.file_size:,} bytes, at most {most:,} are read; save it as csv and import that",
            )
        with explained(info.filename[:100]), archive.open(info) as part:
            _no_doctype(part, info.filename[:100])


def _no_doctype(part: Any, name: str) -> None:
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise _Doctype

    def enough(*_: object) -> None:
        raise _Root

    parser.StartDoctypeDeclHandler, parser.StartElementHandler = refuse, enough
    try:
        while data := part.read(64 << 10):
            parser.Parse(data)
    except _Root:
        return
    except _Doctype:
        raise broken(
            f"{name} 里有 DOCTYPE，可能是恶意构造的",
            f"{name} holds a DOCTYPE, which no spreadsheet program writes",
        ) from None
    except expat.ExpatError:
        return  # said when it is read


class _Bounded:
    """A sheet that is given up where one row of it does not end."""

    def __init__(self, stream: Any) -> None:
        self._stream, self.taken = stream, 0

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        self.taken += len(data)
        if self.taken > _MOST_ROW:
            raise ValueError("row without end")
        return data


class _Sheet:
    """Cells of one sheet, row after row; what has been read is let go of.

    Attributes
    ----------
    uncached
        Formulas without a kept value in the row read last.
    """

    def __init__(self, sheet: Any, book: Any) -> None:
        self._texts, self._epoch = sheet._shared_strings, book.epoch
        self._dates, self._spans = book._date_formats, book._timedelta_formats
        self._columns: dict[str, int] = {}
        self.uncached = 0

    def rows(self, source: _Bounded) -> Iterator[tuple[int, list[Any]]]:
        """Yield number and cells of each row, from the first column on."""
        held: Any = None
        number = 0
        for event, element in iterparse(cast(BinaryIO, source), ("start", "end")):
            tag = element.tag
            if event == "start":
                if tag == _DATA:
                    held = element
            elif tag == _ROW_TAG and held is not None:
                number, self.uncached = int(element.get("r", number + 1)), 0
                yield number, self._cells(element)
                held.clear()
                source.taken = 0
            elif tag == _DATA:
                return

    def _cells(self, row: Any) -> list[Any]:
        found: list[Any] = []
        for cell in row:
            place = cell.get("r")
            at = len(found) if place is None else self._column(place)
            if at >= _COLUMNS:
                continue
            if at > len(found):
                found += [None] * (at - len(found))
            try:
                value = self._value(cell)
            except Exception as error:  # openpyxl lets through whatever a broken value causes
                value = _Bad(f"cell {str(place)[:20]} can't be read ({type(error).__name__})")
            if at < len(found):
                found[at] = value
            else:
                found.append(value)
        return found

    def _column(self, place: str) -> int:
        """Return the column of a cell from 0: BC17 is 54."""
        letters = place.rstrip("0123456789")
        found = self._columns.get(letters)
        if found is None:
            found = 0
            for letter in letters[:4].upper():
                found = found * 26 + ord(letter) - 64
            found = self._columns[letters] = found - 1 if 0 < found <= _COLUMNS else _COLUMNS
        return found

    def _value(self, cell: Any) -> Any:
        raw = inline = None
        formula = False
        for part in cell:
            if part.tag == _VALUE:
                raw = part.text
            elif part.tag == _FORMULA:
                formula = True
            elif part.tag == _INLINE:
                inline = _inline(part)
        if not raw:
            self.uncached += formula
            return inline
        kind = cell.get("t", "n")
        if kind == "n":
            number = float(raw) if "." in raw or "E" in raw or "e" in raw else int(raw)
            style = int(cell.get("s", 0))
            if style in self._dates:
                return from_excel(number, self._epoch, timedelta=style in self._spans)
            return number
        if kind == "s":
            return self._texts[int(raw)]
        if kind == "b":
            return raw != "0"
        if kind == "d":
            return from_ISO8601(raw)
        if kind == "e":
            return None if raw == "#N/A" else _Bad(f"cell {cell.get('r')} holds the error {raw[:20]}")
        return raw


def _inline(part: Any) -> str | None:
    found: str | None = CellText.from_tree(part).content
    return found


def text(value: Any) -> str | None:
    """Return a cell as text.

    Examples
    --------
    >>> text(13912345678.0), text(0.1), text(datetime(2026, 1, 2, 3, 4)), text(datetime(2026, 1, 2)), text(True)
    ('13912345678', '0.1', '2026-01-02 03:04:00', '2026-01-02', 'true')
    """
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float:
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == _MIDNIGHT else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value.total_seconds()) if isinstance(value, timedelta) else str(value)


class XlsxRows:
    """One sheet of a workbook."""

    total: int | None = None

    def __init__(self, file: BinaryIO, shape: XlsxShape, skip: int = 0, limit: int = LIMIT) -> None:
        book = Workbook(file, limit)
        self._name = (
            shape.sheet if isinstance(shape.sheet, str) else book.sheets[shape.sheet - 1 : shape.sheet]
        )
        sheet = book.sheet(shape.sheet)
        self._rows = book.rows(sheet)
        self.names = self._header(shape)
        self.schema = pa.schema([(name, pa.large_string()) for name in self.names])
        self.columns, self.targets = self.names, dict[str, str]()
        self._sliced = Sliced(self._pieces(skip), skip)

    def _header(self, shape: XlsxShape) -> tuple[str, ...]:
        if not shape.header:
            return shape.columns
        cells: list[Any] = []
        for number, found, _ in self._rows:
            if number >= shape.header:
                cells = found if number == shape.header else []
                break
        names = [(text(cell) or "").strip() if not isinstance(cell, _Bad) else "" for cell in cells]
        while names and not names[-1]:
            names.pop()
        if not names or len({n.lower() for n in names}) < len(names) or not all(names):
            raise wrong(
                "xlsx.header",
                f"第 {shape.header} 行应是列名，各不相同且不为空：{names}",
                f"row {shape.header} should name the columns, which must be there and differ from each other: {names}",
            )
        return tuple(names)

    def read(self, most: int) -> Piece | None:
        """Return the next rows."""
        return self._sliced.read(most)

    def _pieces(self, skip: int) -> Iterator[Piece]:
        some = _Some()
        for sheet_row, cells, uncached in self._rows:
            if all(cell is None or cell == "" for cell in cells) and not uncached:
                continue
            some.upto += 1
            if some.upto > skip:
                some.add(sheet_row, cells, uncached, len(self.names))
            if len(some.sheet_rows) >= _ROWS or (some.upto <= skip and some.upto % _ROWS == 0):
                yield some.piece(self.names)
                some = _Some(some.upto)
        yield some.piece(self.names)


@dataclass
class _Some:
    """Rows that are collected for a piece."""

    upto: int = 0
    good: list[list[Any]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    sheet_rows: dict[int, int] = field(default_factory=dict)
    uncached: dict[int, int] = field(default_factory=dict)

    def add(self, sheet_row: int, cells: list[Any], uncached: int, width: int) -> None:
        self.sheet_rows[self.upto] = sheet_row
        if uncached:
            self.uncached[self.upto] = uncached
        why = _why_bad(cells, width)
        if not why:
            self.good.append(cells)
            self.rows.append(self.upto)
            return
        line = "\t".join(cell.why if type(cell) is _Bad else text(cell) or "" for cell in cells)
        kept = line.encode("utf-8", "replace")[:KEPT_BYTES]
        self.bad.append(BadRow(self.upto, why, kept, _sheet_row(self.sheet_rows, self.upto)))

    def piece(self, names: tuple[str, ...]) -> Piece:
        columns = {
            name: pa.array(
                [text(cells[i]) if i < len(cells) else None for cells in self.good], pa.large_string()
            )
            for i, name in enumerate(names)
        }
        where = partial(_sheet_row, self.sheet_rows)
        numbers = np.array(self.rows, np.int64)
        return Piece(pa.table(columns), numbers, self.bad, self.upto, None, where, self.uncached)


def _sheet_row(rows: dict[int, int], row: int) -> str:
    return f"sheet row {rows[row]}"


def _why_bad(cells: list[Any], width: int) -> str:
    for cell in cells:
        if type(cell) is _Bad:
            return cell.why
        if type(cell) is str and ("\0" in cell or len(cell) > _LONGEST):
            return "a cell holds the sign NUL" if "\0" in cell else "a cell is longer than a cell can be"
    if any(cell not in (None, "") for cell in cells[width:]):
        return f"the row has {len(cells)} columns, the file has {width}"
    return ""

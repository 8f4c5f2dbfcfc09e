"""Guessing how a file is written by its beginning: format, packing, encoding, delimiter, columns with samples and types."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import pyarrow as pa

from zerodistance.core.touchpoints.json_objects import NotARow, read_object, survey, texts
from zerodistance.core.touchpoints.json_values import Found, JsonBroken, Start, array, lines
from zerodistance.core.touchpoints.parquet_rows import ParquetRows
from zerodistance.core.touchpoints.texts import as_utf8, decoded, guess_encoding
from zerodistance.core.touchpoints.toml_values import MappingWrong
from zerodistance.core.touchpoints.unpack import Parts, head_of, is_workbook, packing

_LOOKED = 1 << 20  # own value: bytes that are looked at
_ROWS, _SAMPLES, _TITLES = 200, 5, 10  # own values; rows above a sheet's header
_DELIMITERS = (",", "\t", ";", "|")
_WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)?\.?\d+([eE][+-]?\d{1,3})?")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}")
_TIME = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}[T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)
_BOOLEANS = ("true", "false")


@dataclass(frozen=True)
class Column:
    """One column or field of a file, as its first rows show it.

    Attributes
    ----------
    type
        text, integer, number, boolean, date or time, as in `[types]` of a mapping.
    samples
        The first different values, as text; personal data as it stands in the file.
    empty
        Looked-at rows without a value.
    """

    name: str
    type: str
    samples: tuple[str, ...]
    empty: int


@dataclass(frozen=True)
class Guess:
    """How a file is written, as far as its beginning tells.

    Attributes
    ----------
    format
        csv, ndjson, json, xlsx or parquet.
    compression
        gzip, zip or zstd; empty: none.
    encoding, delimiter
        Of texts; None for other formats.
    header
        The first row names the columns; else they are called `column_1`, ... .
    columns
        In the order of the file.
    rows
        Rows that were looked at.
    total
        Rows of the file, where it says so.
    json_path
        Keys that lead to the array of rows.
    sheets, sheet, header_row
        Names of a workbook's sheets; number of the first that holds rows, and its row that names the columns.
    members
        Names of a zip's members.
    """

    format: str
    compression: str = ""
    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    columns: tuple[Column, ...] = ()
    rows: int = 0
    total: int | None = None
    json_path: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    sheet: int = 1
    header_row: int = 1
    members: tuple[str, ...] = ()

    def mapping(self) -> dict[str, Any]:
        """Return the keys of a mapping file that say what was guessed, without those that are the default."""
        said: dict[str, Any] = {} if self.format == "csv" else {"format": self.format}
        table: dict[str, Any] = {}
        if self.format == "csv":
            if self.delimiter not in (None, ","):
                table["delimiter"] = self.delimiter
            if not self.header:
                table |= {"header": False, "columns": [column.name for column in self.columns]}
        if self.format in ("csv", "json", "ndjson") and self.encoding not in (None, "utf-8"):
            table["encoding"] = self.encoding
        if self.format == "json" and self.json_path:
            table["path"] = ".".join(self.json_path)
        if self.format == "xlsx":
            table |= {} if self.sheet == 1 else {"sheet": self.sheets[self.sheet - 1]}
            table |= {} if self.header_row == 1 else {"header": self.header_row}
            table |= {} if self.header else {"columns": [column.name for column in self.columns]}
        if table:
            said["json" if self.format == "ndjson" else self.format] = table
        return said


def sniff(file: BinaryIO, name: str = "") -> Guess:
    """Guess how a file is written; nothing of it is kept.

    Parameters
    ----------
    file
        Can be read from anywhere; at most its first megabyte is looked at.
    name
        Its name; only used where the content leaves a doubt.

    Raises
    ------
    PackingWrong
        It can't be unpacked.
    MappingWrong
        It begins as a format that is read, and then is none.
    """
    head = head_of(file)
    if head.startswith(b"PAR1"):
        return _parquet(file)
    if packing(head) == "zip" and is_workbook(file):
        return _xlsx(file)
    parts = Parts(file)
    first = next(iter(parts)).stream
    sample = b""
    while len(sample) < _LOOKED and (more := first.read(_LOOKED - len(sample))):
        sample += more
    guess = _text(sample, len(sample) < _LOOKED, name)
    members = tuple(parts.names) if parts.packing == "zip" else ()
    return replace(guess, compression=parts.packing, members=members)


def _text(sample: bytes, whole: bool, name: str) -> Guess:
    encoding = guess_encoding(sample, whole) or "latin-1"
    text = decoded(sample, encoding, whole) or ""
    text = text.removeprefix("\ufeff")
    start = text.lstrip()[:1]
    if start == "{":
        return _objects(sample, text, encoding, name)
    if start == "[" and (array_guess := _array(sample, encoding, ())):
        return array_guess
    return _csv(text, encoding, whole, name)


def _objects(sample: bytes, text: str, encoding: str, name: str) -> Guess:
    line, _, after = text.lstrip().partition("\n")
    try:
        read_object(line.strip())
        one_object = not after.strip() and not name.lower().endswith((".ndjson", ".jsonl"))
    except NotARow:
        one_object = True
    for path in _paths(text) if one_object else ():
        found = _array(sample, encoding, path)
        if found and (after.strip() or found.rows > 1):
            return found
    rows = _first(lines(as_utf8(io.BytesIO(sample), encoding), Start()))
    return Guess("ndjson", encoding=encoding, columns=_fields(rows), rows=len(rows))


def _paths(text: str) -> list[tuple[str, ...]]:
    """Return the keys that may hold an array of rows, those of the outermost object first."""
    keys = re.findall(r'"([^"\\]{1,100})"\s*:\s*(?=\[\s*\{)', text[:_LOOKED])
    outer = re.findall(r'"([^"\\]{1,100})"\s*:\s*\{', text[:4_000])
    distinct = list(dict.fromkeys(keys))[:5]
    return [(key,) for key in distinct] + [(one, key) for one in dict.fromkeys(outer[:5]) for key in distinct]


def _array(sample: bytes, encoding: str, path: tuple[str, ...]) -> Guess | None:
    try:
        rows = _first(array(as_utf8(io.BytesIO(sample), encoding), path, Start()))
    except MappingWrong:
        return None
    return Guess("json", encoding=encoding, columns=_fields(rows), rows=len(rows), json_path=path)


def _first(founds: Iterator[Found]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    try:
        for found in founds:
            rows += [row for _, _, row in found.rows]
            if len(rows) >= _ROWS:
                break
    except JsonBroken:  # the sample is cut
        pass
    return rows[:_ROWS]


def _fields(rows: list[dict[str, Any]]) -> tuple[Column, ...]:
    return tuple(
        column_of(field.name, ["" if v is None else v for v in texts(rows, field.path)], field.type)
        for field in survey(rows).values()
    )


def _csv(text: str, encoding: str, whole: bool, name: str) -> Guess:
    kept = text if whole else text[: text.rfind("\n") + 1] or text
    delimiter = _delimiter(kept, name)
    rows = _cells(kept, delimiter)
    width = (
        Counter(len(row) for row in rows[1:]).most_common(1)[0][0]
        if len(rows) > 1
        else len(rows[0])
        if rows
        else 0
    )
    header = bool(rows) and _is_header(rows[0], width, rows[1:])
    names = rows[0] if header else [f"column_{i}" for i in range(1, width + 1)]
    body = [row for row in (rows[1:] if header else rows) if len(row) == len(names)]
    columns = tuple(column_of(n, [row[i] for row in body]) for i, n in enumerate(names))
    return Guess(
        "csv", encoding=encoding, delimiter=delimiter, header=header, columns=columns, rows=len(body)
    )


def _cells(text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) > _ROWS:
                break
    except csv.Error:
        pass
    return rows


def _delimiter(text: str, name: str) -> str:
    """Return the delimiter that cuts the most rows into the same number of cells, more than one."""
    best = (0.0, 0, "\t" if name.lower().endswith((".tsv", ".tab", ".tsv.gz")) else ",")
    for delimiter in _DELIMITERS:
        widths = Counter(len(row) for row in _cells(text, delimiter))
        if not widths:
            continue
        width, rows = widths.most_common(1)[0]
        if width > 1:
            best = max(best, (rows / widths.total(), width, delimiter), key=lambda b: b[:2])
    return best[2]


def _is_header(first: Sequence[str], width: int, rows: Sequence[Sequence[str]]) -> bool:
    names = [cell.strip() for cell in first]
    if len(names) != width or not all(names) or len({n.lower() for n in names}) < len(names):
        return False
    if any(_type_of(name) != "text" for name in names):
        return False
    return not rows or any(
        _type_of(value) != "text" or value.strip() not in names for row in rows[:20] for value in row
    )


def column_of(name: str, values: list[str], type_: str | None = None) -> Column:
    """Return what some values of a column show of it; `type_` where the file says it."""
    there = [value for value in values if value.strip()]
    kinds = Counter(_type_of(value.strip()) for value in there)
    if type_ in (None, "text"):
        found = set(kinds)
        guessed = (
            "number" if found == {"integer", "number"} else "time" if found == {"date", "time"} else None
        )
        type_ = guessed or (found.pop() if len(found) == 1 else "text")
    return Column(name, type_, tuple(dict.fromkeys(there))[:_SAMPLES], len(values) - len(there))


def _type_of(value: str) -> str:
    if _WHOLE.fullmatch(value):
        return "integer"
    if _NUMBER.fullmatch(value) and not (value.isdigit() and value.startswith("0")):
        return "number" if not value.isdigit() else "text"
    if _DATE.fullmatch(value):
        return "date"
    if _TIME.fullmatch(value):
        return "time"
    return "boolean" if value.lower() in _BOOLEANS else "text"


def _xlsx(file: BinaryIO) -> Guess:
    """Guess the first sheet that has rows."""
    from zerodistance.core.touchpoints.xlsx_rows import Workbook
    from zerodistance.core.touchpoints.xlsx_rows import text as cell_text

    book = Workbook(file)
    for place, name in enumerate(book.sheets, start=1):
        rows = []
        for number, cells, _ in book.rows(book.sheet(name)):
            shown = [cell_text(cell) or "" for cell in cells]
            if any(shown):
                rows.append((number, shown))
            if len(rows) > _ROWS:
                break
        if rows:
            return replace(_sheet(rows), sheets=book.sheets, sheet=place)
    return Guess("xlsx", sheets=book.sheets)


def _sheet(rows: list[tuple[int, list[str]]]) -> Guess:
    width = Counter(len(shown) for _, shown in rows).most_common(1)[0][0]
    heads = (
        i
        for i, (_, shown) in enumerate(rows[:_TITLES])
        if _is_header(shown, width, [r for _, r in rows[i + 1 :]])
    )
    at = next(heads, None)
    names = rows[at][1] if at is not None else [f"column_{i}" for i in range(1, width + 1)]
    body = [shown + [""] * (len(names) - len(shown)) for _, shown in rows[0 if at is None else at + 1 :]]
    columns = tuple(column_of(name, [row[i] for row in body]) for i, name in enumerate(names))
    row = 0 if at is None else rows[at][0]
    return Guess("xlsx", header=at is not None, columns=columns, rows=len(body), header_row=row)


_ARROW = (
    (pa.types.is_boolean, "boolean"), (pa.types.is_integer, "integer"), (pa.types.is_floating, "number"),
    (pa.types.is_decimal, "number"), (pa.types.is_date, "date"), (pa.types.is_timestamp, "time"),
)  # fmt: skip


def _parquet(file: BinaryIO) -> Guess:
    rows = ParquetRows(file)
    piece = rows.read(_ROWS)
    columns = []
    for field in rows.schema:
        values = [] if piece is None else piece.table[field.name].to_pylist()
        kind = next((name for fits, name in _ARROW if fits(field.type)), "text")
        there = [str(value) for value in values if value is not None]
        columns.append(
            Column(field.name, kind, tuple(dict.fromkeys(there))[:_SAMPLES], len(values) - len(there))
        )
    looked = 0 if piece is None else len(piece.rows)
    return Guess("parquet", columns=tuple(columns), rows=looked, total=rows.total)

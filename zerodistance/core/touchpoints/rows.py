"""Reading the rows of any file in pieces, with row numbers, in constant memory; what can't be a row is said, not lost.

Rows are counted from 1, without the header and without empty lines, through all parts of a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

import pyarrow as pa

from zerodistance.core.touchpoints.csv_rows import CsvPart
from zerodistance.core.touchpoints.json_rows import JsonPart
from zerodistance.core.touchpoints.json_values import Start, array
from zerodistance.core.touchpoints.mapping import Mapping, wrong
from zerodistance.core.touchpoints.parquet_rows import ParquetRows
from zerodistance.core.touchpoints.pieces import BadRow, Piece, Sliced
from zerodistance.core.touchpoints.texts import as_utf8
from zerodistance.core.touchpoints.unpack import LIMIT, Part, Parts, verify

__all__ = ["BadRow", "Piece", "Rows", "look_through", "open_rows"]


_NEVER = 1 << 62


class Rows(Protocol):
    """An opened file, from some row on.

    Attributes
    ----------
    schema
        Names and Arrow types of the columns that are read; those of all but Parquet are text. Of JSON only what the mapping names.
    columns
        All columns that the file has.
    targets
        Column -> DuckDB type that its texts stand for, where the file says so.
    total
        Rows of the whole file, None where only reading tells.
    """

    schema: pa.Schema
    columns: tuple[str, ...]
    targets: dict[str, str]
    total: int | None

    def read(self, most: int) -> Piece | None:
        """Return the next rows, at most `most`; None at the end."""
        ...


class _Part(Protocol):
    """One part of a file: its columns, and its rows numbered from 1."""

    schema: pa.Schema
    columns: tuple[str, ...]
    targets: dict[str, str]

    def pieces(self, skip: int) -> Iterator[Piece]: ...


def open_rows(file: BinaryIO, mapping: Mapping, skip: int = 0, *, limit: int = LIMIT) -> Rows:
    """Open a file for reading after its first `skip` rows, whatever it is packed in.

    Parameters
    ----------
    file
        Can be read from anywhere.
    limit
        Bytes it may have after unpacking.

    Raises
    ------
    MappingWrong
        The file is not what the mapping's `format` says.
    PackingWrong, TooMuch
        It can't be unpacked, or grows over the limit; `read` raises them too.
    """
    if mapping.format == "parquet":
        return ParquetRows(file, skip)
    if mapping.format == "xlsx":
        from zerodistance.core.touchpoints.xlsx_rows import XlsxRows  # openpyxl takes a while to load

        return XlsxRows(file, mapping.xlsx, skip, limit)
    return PartRows(file, mapping, skip, limit)


def look_through(file: BinaryIO, mapping: Mapping, *, limit: int = LIMIT) -> int | None:
    """Read what breaks as a whole to its end: packing, a workbook's parts, a JSON array; return the rows, if that tells them.

    Rows of packed CSV are its line ends, those of a workbook the rows of its sheet: about as many.

    Raises
    ------
    PackingWrong, TooMuch
        The file is damaged, cut off, or grows over the limit.
    JsonBroken
        The array does not close.
    """
    if mapping.format == "parquet":
        return None
    if mapping.format == "xlsx":
        from zerodistance.core.touchpoints.xlsx_rows import look_through_workbook

        return look_through_workbook(file, mapping.xlsx, limit)
    parts = Parts(file, members=mapping.members, limit=limit)
    if mapping.format == "json":
        return sum(_count(part, mapping) for part in parts)
    return verify(file, members=mapping.members, limit=limit)[1] if parts.packing else None


def _count(part: Part, mapping: Mapping) -> int:
    rows = 0
    for found in array(as_utf8(part.stream, mapping.encoding), mapping.json.path, Start(_NEVER)):
        rows = found.upto
    return rows


class PartRows:
    """A file of texts: one, or several that are members of a zip and have the same columns."""

    total: int | None = None

    def __init__(self, file: BinaryIO, mapping: Mapping, skip: int, limit: int) -> None:
        self._mapping = mapping
        self._parts = iter(Parts(file, members=mapping.members, limit=limit))
        self._first = next(self._parts)
        self._opened = self._open(self._first)
        self.schema, self.columns = self._opened.schema, self._opened.columns
        self.targets = self._opened.targets
        self._sliced = Sliced(self._pieces(skip), skip)

    def read(self, most: int) -> Piece | None:
        """Return the next rows."""
        return self._sliced.read(most)

    def _open(self, part: Part, fields: _Part | None = None) -> _Part:
        if self._mapping.format == "csv":
            return CsvPart(part.stream, self._mapping.csv)
        return JsonPart(part.stream, self._mapping, fields if isinstance(fields, JsonPart) else None)

    def _pieces(self, skip: int) -> Iterator[Piece]:
        before = 0
        for part, opened in self._every():
            upto = 0
            for piece in opened.pieces(max(0, skip - before)):
                upto = piece.upto
                yield piece.after(before, part.name)
            before += upto

    def _every(self) -> Iterable[tuple[Part, _Part]]:
        yield self._first, self._opened
        for part in self._parts:
            opened = self._open(part, self._opened)
            if opened.schema != self.schema:
                names, first = ", ".join(opened.schema.names[:40]), ", ".join(self.schema.names[:40])
                raise wrong(
                    "members",
                    f"zip 里 {part.name} 的列（{names}）与 {self._first.name} 的（{first}）不同；"
                    '用 members = "名称*" 选出同样的文件',
                    f"the columns of {part.name} in the zip ({names}) are not those of {self._first.name} ({first}); "
                    'choose files of one kind by members = "name*"',
                )
            yield part, opened

"""Reading rows of CSV and Parquet files in pieces, with row numbers, in constant memory; what can't be a row is said, not lost.

Rows are counted from 1, without the header and without empty lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from zerodistance.core.touchpoints.csv_lines import Block, Records, cells, parse
from zerodistance.core.touchpoints.mapping import CsvShape, Mapping, wrong

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BadRow:
    """A row that could not even be read: its number, why, and its bytes where the file has any."""

    row: int
    detail: str
    line: bytes


@dataclass(frozen=True)
class Piece:
    """Some rows of a file.

    Attributes
    ----------
    table
        The rows that could be read, with the file's columns.
    rows
        int64, the row number of each.
    bad
        The rows that could not.
    upto
        Number of the last row of this piece.
    """

    table: pa.Table
    rows: Numbers
    bad: list[BadRow]
    upto: int


class Rows(Protocol):
    """An opened file, from some row on.

    Attributes
    ----------
    schema
        Names and Arrow types of the file's columns; those of CSV are all text.
    total
        Rows of the whole file, None where only reading tells.
    """

    schema: pa.Schema
    total: int | None

    def read(self, most: int) -> Piece | None:
        """Return the next rows, at most `most`; None at the end."""
        ...


def open_rows(file: BinaryIO, mapping: Mapping, skip: int = 0) -> Rows:
    """Open a file for reading after its first `skip` rows.

    Raises
    ------
    MappingWrong
        The file is not what the mapping's `format` says.
    """
    if mapping.format == "parquet":
        return ParquetRows(file, skip)
    return CsvRows(file, mapping.csv, skip)


class ParquetRows:
    """A Parquet file."""

    def __init__(self, file: BinaryIO, skip: int = 0) -> None:
        try:
            self._file = pq.ParquetFile(pa.PythonFile(file, mode="r"), pre_buffer=False)
        except pa.ArrowInvalid as error:
            raise wrong(
                "format", f"这不是 Parquet 文件：{error}", f"this is not a Parquet file: {error}"
            ) from None
        self.schema = self._file.schema_arrow
        meta = self._file.metadata
        self.total: int | None = int(meta.num_rows)
        ends = np.cumsum(
            [meta.row_group(group).num_rows for group in range(meta.num_row_groups)], dtype=np.int64
        )
        first = int(np.searchsorted(ends, skip, side="right"))
        self._groups = list(range(first, meta.num_row_groups))
        self._drop = skip - (int(ends[first - 1]) if first else 0)
        self._upto = skip
        self._parts: Iterator[pa.RecordBatch] | None = None
        self._left: pa.Table | None = None

    def read(self, most: int) -> Piece | None:
        """Return the next rows."""
        if self._parts is None:
            self._parts = self._file.iter_batches(batch_size=most, row_groups=self._groups, use_threads=False)
        while self._left is None or not self._left.num_rows:
            part = next(self._parts, None)
            if part is None:
                return None
            gone = min(self._drop, part.num_rows)
            self._drop -= gone
            self._left = pa.Table.from_batches([part.slice(gone)])
        taken, self._left = self._left.slice(0, most), self._left.slice(most)
        numbers = np.arange(self._upto + 1, self._upto + 1 + taken.num_rows, dtype=np.int64)
        self._upto += taken.num_rows
        return _checked(taken, numbers, [], self._upto)


class CsvRows:
    """A CSV file in UTF-8; every column is read as text."""

    total: int | None = None

    def __init__(self, file: BinaryIO, shape: CsvShape, skip: int = 0) -> None:
        self._shape = shape
        self._records = Records(file, shape)
        self._names = self._header(shape)
        self.schema = pa.schema([(name, pa.string()) for name in self._names])
        self._upto = 0
        self._pending: Piece | None = None
        self._block: Block | None = None
        self._skip = skip

    def _header(self, shape: CsvShape) -> tuple[str, ...]:
        if not shape.header:
            return shape.columns
        try:
            names = cells(self._records.first(), shape) or []
        except UnicodeDecodeError:
            raise wrong(
                "csv.encoding",
                "文件不是 utf-8；先转换：iconv -f GBK -t utf-8 IN > OUT",
                "the file is not utf-8; convert it first: iconv -f GBK -t utf-8 IN > OUT",
            ) from None
        if not names or len({n.lower() for n in names}) < len(names) or not all(n.strip() for n in names):
            raise wrong(
                "csv.header",
                f"表头的列名要各不相同且不为空：{names}",
                f"column names must be there and differ from each other: {names}",
            )
        return tuple(names)

    def read(self, most: int) -> Piece | None:
        """Return the next rows."""
        while self._pending is None or self._upto >= self._pending.upto or self._upto < self._skip:
            if self._pending is not None and self._pending.upto > self._skip > self._upto:
                self._upto = self._skip
                continue
            self._upto = self._pending.upto if self._pending else 0
            self._pending = self._parse()
            if self._pending is None:
                return None
        whole, after, upto = self._pending, self._upto, min(self._upto + most, self._pending.upto)
        first, last = np.searchsorted(whole.rows, [after, upto], side="right").tolist()
        self._upto = upto
        bad = [b for b in whole.bad if after < b.row <= upto]
        return _checked(whole.table.slice(first, last - first), whole.rows[first:last], bad, upto, self._line)

    def _line(self, row: int) -> bytes:
        assert self._block is not None and self._pending is not None
        return self._block.line(row - self._pending.upto + len(self._block) - 1)

    def _parse(self) -> Piece | None:
        before = self._pending.upto if self._pending else 0
        found = self._block = self._records.next()
        if found is None:
            return None
        count = len(found)
        if before + count <= self._skip:  # already taken in: only counted
            return Piece(self.schema.empty_table(), np.empty(0, np.int64), [], before + count)
        table, good, wrong_ones = parse(found, self._names, self._shape)
        bad = [BadRow(before + 1 + i, detail, found.line(i)) for i, detail in wrong_ones]
        return Piece(table, good + before + 1, bad, before + count)


def _checked(
    table: pa.Table, rows: Numbers, bad: list[BadRow], upto: int, line: Callable[[int], bytes] | None = None
) -> Piece:
    """Turn bytes into text and take out the rows whose text is not UTF-8; with `line`, every column is text."""
    columns, keep, bad = [], np.ones(table.num_rows, np.bool_), list(bad)
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if (
            line is not None
            or pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
            or pa.types.is_string_view(kind)
        ):
            octets = column.cast(pa.large_binary())
            try:
                column = octets.cast(pa.large_string())
            except pa.ArrowInvalid:
                column = _readable(octets, name, rows, keep, bad, line)
        columns.append(column)
    whole = pa.table(columns, names=table.column_names)
    if keep.all():
        return Piece(whole, rows, bad, upto)
    return Piece(whole.filter(pa.array(keep)), rows[keep], sorted(bad, key=lambda b: b.row), upto)


def _readable(
    column: pa.ChunkedArray,
    name: str,
    rows: Numbers,
    keep: npt.NDArray[np.bool_],
    bad: list[BadRow],
    line: Callable[[int], bytes] | None,
) -> pa.Array:
    """Return the texts that are UTF-8, and note the rows of the others."""
    texts: list[str | None] = []
    for i, value in enumerate(column.to_pylist()):
        try:
            texts.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            texts.append(None)
            if keep[i]:
                keep[i] = False
                row = int(rows[i])
                bad.append(BadRow(row, f"column {name} is not utf-8", line(row) if line else value))
    return pa.array(texts, pa.large_string())

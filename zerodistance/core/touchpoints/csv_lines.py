"""Cutting a CSV file into records by its line ends and quotes, and records into cells, so that one bad line spoils only itself."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pc

from zerodistance.core.touchpoints.mapping import CsvShape

Places = npt.NDArray[np.int64]

_BLOCK = 4 << 20
MOST_BYTES, KEPT_BYTES = (
    1 << 20,
    64 << 10,
)  # own values: the longest row, and how much of a longer one is kept
_MOST_LINES = 1_000  # own value: a quoted text longer than this, or than a row may be, is an unclosed quote
UNCLOSED = "a quote is opened and never closed"
TOO_LONG = f"the row is longer than {MOST_BYTES:,} bytes; its first {KEPT_BYTES:,} are kept"
NUL = "the row holds the sign NUL"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Whole records of a file, as their bytes.

    Attributes
    ----------
    starts, ends
        Where each record lies in `data`; its line end is included.
    odd
        Place -> reason of the records that can't be rows, whatever their cells are.
    """

    data: bytes
    starts: Places
    ends: Places
    odd: dict[int, str]

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, place: int) -> bytes:
        """Return the bytes of one record without its line end; of one that is too long the beginning."""
        start, end = int(self.starts[place]), int(self.ends[place])
        if end - start > MOST_BYTES:
            return self.data[start : start + KEPT_BYTES]
        return self.data[start:end].rstrip(b"\r\n")


class Records:
    """The records of a CSV file, block by block."""

    def __init__(self, file: BinaryIO, shape: CsvShape) -> None:
        self._file = file
        self._shape, self._quote = shape, shape.quote.encode()
        self._buffer = b""
        self._end = False
        self._fill()
        self._buffer = self._buffer.removeprefix(_BOM)

    @property
    def sample(self) -> bytes:
        """What has been read and not used."""
        return self._buffer

    def _fill(self) -> None:
        more = self._file.read(max(_BLOCK, len(self._buffer)))
        self._end = not more
        self._buffer += more
        if self._end and self._buffer and not self._buffer.endswith(b"\n"):
            self._buffer += b"\n"

    def first(self) -> bytes:
        """Take the first record, the header; empty if the file is."""
        while True:
            found = self._cut(self._buffer)
            if found is not None and (len(found) or self._end):
                break
            if self._end:
                return b""
            self._fill()
        if not len(found):
            return b""
        header = found.line(0)
        self._buffer = self._buffer[found.ends[0] :]
        return header

    def next(self) -> Block | None:
        """Return the next whole records, None at the end of the file."""
        while True:
            self._fill()
            found = self._cut(self._buffer)
            if found is not None:
                used = int(self._used)
                self._buffer = self._buffer[used:]
                if len(found):
                    return found
            if self._end and not self._buffer:
                return None
            if found is None and len(self._buffer) > _BLOCK + MOST_BYTES and b"\n" not in self._buffer:
                return self._cut_long()

    def _cut_long(self) -> Block:
        """Leave a line out that is too long for memory; its beginning is kept."""
        head = self._buffer[:KEPT_BYTES]
        while (end := self._buffer.find(b"\n")) < 0:
            self._buffer = b""
            self._fill()
            if self._end and not self._buffer:
                self._buffer = b"\n"
        self._buffer = self._buffer[end + 1 :]
        return Block(head + b"\n", np.array([0]), np.array([len(head) + 1]), {0: TOO_LONG})

    def _cut(self, data: bytes) -> Block | None:
        """Cut off the whole records at the beginning of `data`; None if there is none yet."""
        self._used = 0
        view = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(view == 10) + 1
        if not len(ends):
            return None
        unclosed: set[int] = set()
        if self._quote in data:
            ends, unclosed = self._join(data, view, ends)
            if not len(ends):
                return None
        starts = np.concatenate([[0], ends[:-1]])
        self._used = int(ends[-1])
        empty = (ends - starts == 1) | ((ends - starts == 2) & (view[starts] == 13))
        if empty.any():
            starts, ends = starts[~empty], ends[~empty]
        odd = dict.fromkeys(np.flatnonzero(ends - starts > MOST_BYTES).tolist(), TOO_LONG)
        if b"\0" in data:
            zeros = np.searchsorted(ends, np.flatnonzero(view == 0), side="right")
            odd |= dict.fromkeys(zeros[zeros < len(ends)].tolist(), NUL)
        if unclosed:
            odd |= dict.fromkeys(np.flatnonzero(np.isin(starts, list(unclosed))).tolist(), UNCLOSED)
        return Block(data, starts, ends, odd)

    def _join(self, data: bytes, view: npt.NDArray[np.uint8], ends: Places) -> tuple[Places, set[int]]:
        """Join lines that lie inside one quoted text; return record ends and the starts of lines with an unclosed quote."""
        quotes = np.flatnonzero(view == self._quote[0])
        per_line = np.diff(np.searchsorted(quotes, ends), prepend=0)
        keep = np.ones(len(ends), np.bool_)
        unclosed: set[int] = set()
        starts = np.concatenate([[0], ends[:-1]])
        done = 0
        for line in np.flatnonzero(per_line % 2 == 1).tolist():
            if line < done or not ends_inside(data[starts[line] : ends[line]], False, self._shape):
                continue
            last = self._closing(data, starts, ends, line)
            if last is None:  # not to be seen yet: more of the file is needed
                return ends[:line][keep[:line]], unclosed
            if last < 0:
                unclosed.add(int(starts[line]))
                continue
            keep[line:last] = False
            done = last + 1
        return ends[keep], unclosed

    def _closing(self, data: bytes, starts: Places, ends: Places, line: int) -> int | None:
        """Return the line that closes the quote opened on `line`; -1: none does; None: the data ends before."""
        for last in range(line + 1, min(line + 1 + _MOST_LINES, len(ends))):
            if ends[last] - starts[line] > MOST_BYTES:
                return -1
            if not ends_inside(data[starts[last] : ends[last]], True, self._shape):
                return last
        far = len(ends) - line > _MOST_LINES or len(data) - starts[line] > MOST_BYTES
        return -1 if far or self._end else None


def ends_inside(line: bytes, inside: bool, shape: CsvShape) -> bool:
    """Say whether a quoted text is open at the end of a line that began inside one or not.

    Examples
    --------
    >>> ends_inside(b'1,"a ""b"" c', False, CsvShape()), ends_inside(b'5" pipe,2', False, CsvShape())
    (True, False)
    """
    quote, delimiter = shape.quote.encode(), shape.delimiter.encode()
    at, size = 0, len(line)
    while at < size:
        if not inside:
            if line[at : at + 1] == quote:
                inside, at = True, at + 1
                continue
        else:
            at = line.find(quote, at)
            if at < 0:
                return True
            if line[at + 1 : at + 2] == quote:
                at += 2
                continue
            inside = False
        at = line.find(delimiter, at)
        if at < 0:
            return False
        at += 1
    return inside


def parse(
    block: Block, names: Sequence[str], shape: CsvShape
) -> tuple[pa.Table, Places, list[tuple[int, str]]]:
    """Cut the records of a block into cells.

    Returns
    -------
    table
        Columns of the good records: text, or bytes if some of them are no text.
    good
        Their places in the block.
    bad
        Place and reason of the others.
    """
    bad = sorted(block.odd.items())
    places = np.delete(np.arange(len(block)), [i for i, _ in bad]) if bad else np.arange(len(block))
    if not len(places):
        return _table(names, []), places, bad
    if bad:
        data = b"".join(block.data[block.starts[i] : block.ends[i]] for i in places.tolist())
    else:
        data = block.data[block.starts[0] : block.ends[-1]]
    table, odd = _read(data, names, shape, pa.string())
    if table is None:  # some text is not UTF-8: which, is said later
        table, odd = _read(data, names, shape, pa.binary())
    if table is None or table.num_rows + len(odd) != len(places):
        return _one_by_one(block, places, bad, names, shape)
    if odd:
        wrong_ones = np.array([place for place, _ in odd])
        bad += [(int(places[p]), f"the row has {n} columns, the file has {len(names)}") for p, n in odd]
        places = np.delete(places, wrong_ones)
    return table, places, sorted(bad)


def _read(
    data: bytes, names: Sequence[str], shape: CsvShape, type_: pa.DataType
) -> tuple[pa.Table | None, list[tuple[int, int]]]:
    """Return the columns, None if they can't be had; and place and width of records of another width."""
    odd: list[tuple[int, int]] = []

    def _odd(row: pc.InvalidRow) -> str:
        odd.append((row.number - 1, row.actual_columns))
        return "skip"

    read = pc.ReadOptions(column_names=list(names), use_threads=False, block_size=len(data) + 64)
    cut = pc.ParseOptions(
        delimiter=shape.delimiter,
        quote_char=shape.quote,
        newlines_in_values=True,
        invalid_row_handler=_odd,
    )
    columns = pc.ConvertOptions(
        column_types=dict.fromkeys(names, type_),
        null_values=[],
        strings_can_be_null=False,
        check_utf8=type_ == pa.string(),
    )
    try:
        table = pc.read_csv(
            pa.BufferReader(data), read_options=read, parse_options=cut, convert_options=columns
        )
    except pa.ArrowInvalid:
        return None, []
    return table, odd


def _one_by_one(
    block: Block, places: Places, bad: list[tuple[int, str]], names: Sequence[str], shape: CsvShape
) -> tuple[pa.Table, Places, list[tuple[int, str]]]:
    """Cut record by record, where the fast way sees other records than we do."""
    good, rows, bad = [], [], list(bad)
    for place in places.tolist():
        if ends_inside(block.line(place), False, shape):
            bad.append((place, UNCLOSED))
            continue
        try:
            found = cells(block.line(place), shape, errors="surrogateescape")
        except csv.Error as error:
            bad.append((place, f"the row can't be read: {error}"))
            continue
        if found is None or len(found) != len(names):
            bad.append((place, f"the row has {len(found or ())} columns, the file has {len(names)}"))
            continue
        good.append(place)
        rows.append([cell.encode(errors="surrogateescape") for cell in found])
    return _table(names, rows), np.array(good, np.int64), sorted(bad)


def _table(names: Sequence[str], rows: list[list[bytes]]) -> pa.Table:
    return pa.table({name: pa.array([row[i] for row in rows], pa.binary()) for i, name in enumerate(names)})


def cells(line: bytes, shape: CsvShape, errors: str = "strict") -> list[str] | None:
    """Cut one record into cells; None if it is more or less than one record, such as one with a bare carriage return in it."""
    text = line.decode(errors=errors)
    try:
        found = list(csv.reader([text], delimiter=shape.delimiter, quotechar=shape.quote, strict=False))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None

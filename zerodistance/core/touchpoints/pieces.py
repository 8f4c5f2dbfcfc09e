"""Some rows of a file as columns, and cutting them to the size somebody asks for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BadRow:
    """A row that could not even be read: its number, why, its bytes where the file has any, and where a person finds it."""

    row: int
    detail: str
    line: bytes
    where: str = ""


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
    lines
        Row number -> its text in the file, for formats whose columns do not hold all of it.
    where
        Row number -> where a person finds it, if the number alone does not say.
    uncached
        Row number -> formulas in it for which the file keeps no value; they are empty.
    """

    table: pa.Table
    rows: Numbers
    bad: list[BadRow]
    upto: int
    lines: dict[int, str] | None = None
    where: Callable[[int], str] | None = None
    uncached: dict[int, int] | None = None

    def only(self, chosen: Sequence[int]) -> Piece:
        """Return some of the rows that could be read, by their place in the table."""
        at = np.array(list(chosen), np.int64)
        return replace(self, table=self.table.take(pa.array(at)), rows=self.rows[at], bad=[])

    def after(self, before: int, part: str) -> Piece:
        """Return the piece as one of a file that had `before` rows in parts before this one."""
        if not before and not part:
            return self
        lines = None if self.lines is None else {before + row: text for row, text in self.lines.items()}
        inner = self.where

        def where(row: int) -> str:
            return f"{part} {inner(row - before) if inner else row - before}"

        bad = [replace(b, row=before + b.row, where=where(before + b.row)) for b in self.bad]
        return Piece(self.table, self.rows + before, bad, before + self.upto, lines, where if part else None)


class Sliced:
    """Pieces of any size, after some row, as pieces of the size that is asked for.

    Parameters
    ----------
    pieces
        In order; those that end before `skip` may have no rows.
    """

    def __init__(self, pieces: Iterator[Piece], skip: int) -> None:
        self._pieces, self._upto = pieces, skip
        self._held: Piece | None = None

    def read(self, most: int) -> Piece | None:
        """Return the next rows, at most `most`; None at the end."""
        taken: list[Piece] = []
        left = most
        while left:
            if self._held is None or self._held.upto <= self._upto:
                self._held = next(self._pieces, None)
                if self._held is None:
                    break
                continue
            part = _cut(self._held, self._upto, self._upto + left)
            left -= part.upto - self._upto
            self._upto = part.upto
            taken.append(part)
        return _joined(taken) if taken else None


def _cut(whole: Piece, after: int, upto: int) -> Piece:
    upto = min(upto, whole.upto)
    first, last = np.searchsorted(whole.rows, [after, upto], side="right").tolist()
    bad = [b for b in whole.bad if after < b.row <= upto]
    lost = {row: n for row, n in (whole.uncached or {}).items() if after < row <= upto}
    table = whole.table.slice(first, last - first)
    return replace(whole, table=table, rows=whole.rows[first:last], bad=bad, upto=upto, uncached=lost)


def _joined(taken: list[Piece]) -> Piece:
    if len(taken) == 1:
        return taken[0]
    lines: dict[int, str] = {}
    uncached: dict[int, int] = {}
    for piece in taken:
        lines |= piece.lines or {}
        uncached |= piece.uncached or {}
    ends = [piece.upto for piece in taken]

    def where(row: int) -> str:
        inner = taken[bisect_left(ends, row)].where
        return "" if inner is None else inner(row)

    return Piece(
        pa.concat_tables([piece.table for piece in taken]),
        np.concatenate([piece.rows for piece in taken]),
        [bad for piece in taken for bad in piece.bad],
        taken[-1].upto,
        None if taken[0].lines is None else lines,
        None if all(piece.where is None for piece in taken) else where,
        uncached,
    )

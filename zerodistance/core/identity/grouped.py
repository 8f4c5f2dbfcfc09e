"""Subjects by groups that no evidence links with one another, each close together in memory. Pure.

What is looked up at a random place among a hundred million rows comes from memory, among some hundred thousand from the processor's cache. So components are
found once over everybody, some of them at a time make a group, and its columns are put side by side: what is decided within a component is decided by groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity.calling import spans
from zerodistance.core.identity.connected import Bools, Whole, components_of, fitting, put, taken
from zerodistance.core.identity.naming import Ints, Pairs

FROM = 1 << 23  # own value: subjects beyond which it costs less to bring groups together than it saves
SIZE = 1 << 18  # own value: subjects of a group; from fewer on it is no faster
_BLOCK = 1 << 19  # own value: rows that are put in order at a time
_TURNS = 4  # own value: of so many parts the groups of one are in memory at a time
_BUCKETS = 13  # bits of the number of a bucket, by which components are dealt out
Numbers = npt.NDArray[np.unsignedinteger[Any]]
"""Numbers of groups, as narrow as they fit."""


@dataclass(frozen=True)
class Group:
    """Some components.

    Attributes
    ----------
    rows
        Of its subjects, ascending.
    rank, named
        Of these, as of `partition.Subjects`.
    pairs
        Those that link, in order of their weaker ends; ends are places in `rows`.
    """

    rows: Whole
    rank: Whole
    named: Ints
    pairs: Pairs

    def both(self, x: Ints, y: Ints) -> tuple[Ints, Ints]:
        """Return the places of those pairs of rows of which both ends are here."""
        places = [np.searchsorted(self.rows, rows) for rows in (x, y)]
        here = (self.rows.take(places[0], mode="clip") == x) & (self.rows.take(places[1], mode="clip") == y)
        return places[0][here], places[1][here]


def labels(rank: Whole, named: Ints, pairs: Pairs, links: Bools, solved: Callable[[Group], Whole]) -> Whole:
    """Return per subject the row of the first of its person, solved by groups where there are many; a component is never cut.

    Parameters
    ----------
    rank, named
        As of `partition.Subjects`.
    pairs, links
        Evidence in order of its weaker ends, and which of it links.
    solved
        Returns per subject of a group the place of the first of its person; keeps nothing of the group.
    """
    count = len(rank)
    if count <= FROM:
        return solved(Group(np.arange(count), rank, named, pairs if links.all() else pairs.where(links)))
    label = components_of(count, (pairs.a, pairs.b, links))
    group, many = _dealt(label)
    own, joined = _Shelf(group, many), _Shelf(_joined(pairs, links, group, many), many)
    place = label  # who is connected is all in `group` now
    for turn in own.turns:
        for part, rows, piece in own.pieces(turn):
            place[part][rows] = piece.places()
            own.put(piece, named[part].take(rows), _row_and_rank(part, rows, rank))
        for part, rows, piece in joined.pieces(turn):
            joined.put(piece, *_packed(pairs, part, rows, place))
        for one in turn:
            some = _unpacked(*own.of(one), *joined.of(one))
            put(label, some.rows, taken(some.rows, solved(some)))
    return label


# Two columns of 64 bits are moved for each subject and each pair: fewer moves than of all columns by themselves.


def _row_and_rank(part: slice, rows: Ints, rank: Whole) -> Ints:
    found: Ints = (rows + part.start) << 8 | rank[part].take(rows)
    return found


def _packed(pairs: Pairs, part: slice, rows: Ints, place: Whole) -> tuple[Ints, Ints]:
    a, b = (taken(place, end[part].take(rows)).astype(np.int64) for end in (pairs.a, pairs.b))
    return pairs.at[part].take(rows) << 2 | pairs.tier[part].take(rows), a << 32 | b


def _unpacked(named: Ints, row_and_rank: Ints, at_and_tier: Ints, ends: Ints) -> Group:
    rows, narrow = row_and_rank >> 8, fitting(len(named))
    pairs = Pairs(
        (ends >> 32).astype(narrow),
        (ends & 0xFFFFFFFF).astype(narrow),
        at_and_tier >> 2,
        (at_and_tier & 3).astype(np.int8),
    )
    return Group(rows.astype(fitting(int(rows[-1]))), (row_and_rank & 0xFF).astype(np.int8), named, pairs)


def _dealt(label: Whole) -> tuple[Numbers, int]:
    """Return the group of each subject, by its component, and how many there are; a number more would fit.

    Components go by the rows of their first subjects, some neighbouring ones at a time: so a small table tells the group.
    """
    shift = max(0, len(label).bit_length() - _BUCKETS)
    bucket = np.zeros((len(label) >> shift) + 1, dtype=np.int64)
    for part in spans(len(label), _BLOCK):
        bucket += np.bincount(label[part] >> shift, minlength=len(bucket))
    ends = (np.cumsum(bucket) - 1) // SIZE
    of_bucket = np.cumsum(np.diff(ends, prepend=ends[:1]) > 0)  # no group is empty
    many = int(of_bucket[-1]) + 1
    table = of_bucket.astype(np.min_scalar_type(many))
    group: Numbers = np.empty(len(label), dtype=table.dtype)
    for part in spans(len(label), _BLOCK):
        group[part] = table[label[part] >> shift]
    return group, many


def _joined(pairs: Pairs, links: Bools, group: Numbers, none: int) -> Numbers:
    """Return the group of each pair that links, of others a number that is none."""
    of: Numbers = np.empty(len(pairs.b), dtype=group.dtype)
    for part in spans(len(of), _BLOCK):
        of[part] = np.where(links[part], taken(group, pairs.b[part]), group.dtype.type(none))
    return of


@dataclass(frozen=True)
class _Piece:
    """Some rows of a block, in order of their groups.

    Attributes
    ----------
    order
        Of the rows.
    first, size, to, begins
        Per group: where it is in this order, how many rows it has here, where on the shelf they go, and where the group begins there.
    """

    order: Ints
    first: Ints
    size: Ints
    to: Ints
    begins: Ints

    def places(self) -> Ints:
        """Return the place of each row in its group."""
        place = np.empty_like(self.order)
        place[self.order] = np.arange(len(place)) + np.repeat(self.to - self.begins - self.first, self.size)
        return place


class _Shelf:
    """Two columns of a few groups at a time, each group side by side.

    Parameters
    ----------
    of
        The group of each row.
    many
        How many groups there are; the number of rows that are in none.

    Attributes
    ----------
    turns
        The groups that are there at a time.
    """

    def __init__(self, of: Numbers, many: int) -> None:
        self._of = of
        size = np.zeros(many + 1, dtype=np.int64)
        for part in spans(len(of), _BLOCK):
            size += np.bincount(of[part], minlength=many + 1)
        each = -(-many // _TURNS)
        self.turns = [range(low, min(low + each, many)) for low in range(0, many, each)]
        self._ends = np.concatenate([np.cumsum(size[turn.start : turn.stop]) for turn in self.turns])
        self._begins = self._ends - size[:many]
        self._columns = [np.empty(int(self._ends.max()), dtype=np.int64) for _ in range(2)]

    def pieces(self, turn: range) -> Iterator[tuple[slice, Ints, _Piece]]:
        """Yield of each block the rows that are in some groups."""
        begins = self._begins[turn.start : turn.stop]
        to = begins.copy()
        for part in spans(len(self._of), _BLOCK):
            of = self._of[part] - self._of.dtype.type(turn.start)  # that of a group before is a great number
            rows = np.flatnonzero(of < len(turn))
            of = of.take(rows).astype(np.min_scalar_type(len(turn)))
            size = np.bincount(of, minlength=len(turn))
            yield part, rows, _Piece(np.argsort(of, kind="stable"), np.cumsum(size) - size, size, to, begins)
            to = to + size

    def put(self, piece: _Piece, *columns: Ints) -> None:
        """Put what the columns say of such rows where it goes."""
        where = (column.tolist() for column in (piece.first, piece.size, piece.to))
        moves = [(slice(x, x + n), slice(y, y + n)) for x, n, y in zip(*where, strict=True)]
        for column, new in zip(self._columns, columns, strict=True):
            moved = new.take(piece.order)
            for here, there in moves:
                column[there] = moved[here]

    def of(self, group: int) -> list[Ints]:
        """Return the columns of a group, until the next turn."""
        part = slice(int(self._begins[group]), int(self._ends[group]))
        return [column[part] for column in self._columns]

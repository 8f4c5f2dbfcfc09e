"""Turns bitmaps round: from who is at each node to the nodes of each person, as `forward.py` reads them.

The tags of a small part are put in order of persons. Those of a large one are too many for that: they are counted first, and then each is written where
it belongs, some millions of persons after the others, so that what is written to lies in the cache, however thinly a node is spread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import bitmaps
from zerodistance.core.profiles.sections import Key, Writer
from zerodistance.core.profiles.splits import Split, Who

Places = npt.NDArray[Any]
_SMALL = 1 << 23  # own value: tags that are put in order at once, 24 bytes each
_HELD = 1 << 26  # own value: members of nodes in memory at once, 4 bytes each
_PERSONS = 1 << 22  # own value: persons that are written to one after the other, some 60 MB
_SPARSE = 2  # own value: where fewer than one number of two is somebody's, who is listed


def write(file: Writer, universe: Split, nodes: Sequence[tuple[str, str]]) -> None:
    """Write the nodes of everybody; the bitmaps of `nodes` are in the file.

    Takes 2 bytes a person to count tags and 4 to 8 for where they begin; the nodes themselves go straight into the file.
    """
    for side, everybody in enumerate(universe):
        keys: list[Key] = [("node", *node, side) for node in nodes]
        if everybody:
            _Turning(file, side, _Places.among(bitmaps.to_numbers(everybody)), keys).write()


class _Places:
    """Where each number has its place."""

    def __init__(self, first: int, many: int, who: Who | None) -> None:
        self.first, self.many, self.who = first, many, who

    @classmethod
    def among(cls, everybody: Who) -> _Places:
        first, last = int(everybody[0]), int(everybody[-1])
        dense = last - first + 1 <= _SPARSE * len(everybody)
        return cls(first, last - first + 1 if dense else len(everybody), None if dense else everybody.copy())

    def of(self, some: Who) -> npt.NDArray[np.uint32]:
        """Return the place of each number, which all have one."""
        if self.who is not None:
            return np.searchsorted(self.who, some).astype(np.uint32)
        return some - np.uint32(self.first)


class _Turning:
    """The tags of a side."""

    def __init__(self, file: Writer, side: int, places: _Places, keys: Sequence[Key]) -> None:
        self._file, self._side, self._places = file, side, places
        self._keys = [(node, key) for node, key in enumerate(keys) if key in file.sections]
        self._kind = np.uint16 if len(keys) <= 1 << 16 else np.uint32

    def write(self) -> None:
        pairs = sum(self._file.sections[key].many for _, key in self._keys)
        starts = self._in_order(pairs) if pairs <= _SMALL else self._by_place(pairs)
        self._file.array(("starts", "", "", self._side), starts)
        self._file.head[f"first{self._side}"] = self._places.first
        if self._places.who is not None:
            self._file.array(("tagged", "", "", self._side), self._places.who)

    def _in_order(self, pairs: int) -> Places:
        """Write all tags, put in order of persons; return where each person's begin."""
        pieces = [np.empty(0, np.uint64)]
        for node, key in self._keys:
            places = self._members(key).astype(np.uint64)
            pieces.append(places << np.uint64(32) | np.uint64(node))
        tags = np.concatenate(pieces)
        tags.sort(kind="stable")  # runs in order, one a node
        self._file.array(("tags", "", "", self._side), tags.astype(np.uint32).astype(self._kind))
        edges = np.arange(self._places.many + 1, dtype=np.uint64) << np.uint64(32)
        return np.searchsorted(tags, edges).astype(np.uint32)

    def _members(self, key: Key) -> npt.NDArray[np.uint32]:
        return self._places.of(bitmaps.to_numbers(self._file.read(key)))

    def _by_place(self, pairs: int) -> Places:
        """Write each tag where it belongs, the last nodes first; return where each person's begin."""
        counts = np.zeros(self._places.many, np.uint16)
        for _, some in self._cut(self._keys):
            counts[some] += np.uint16(1)
        starts = np.zeros(len(counts) + 1, np.uint32 if pairs < 1 << 32 else np.uint64)
        np.cumsum(counts, out=starts[1:])
        room = self._file.room(self._kind, pairs)
        for node, some in self._cut(self._keys[::-1]):
            left = counts[some]
            left -= np.uint16(1)
            counts[some] = left
            where = starts[some].astype(np.intp)
            where += left
            room[where] = node
        self._file.filled(("tags", "", "", self._side), room)
        return starts

    def _cut(self, keys: Sequence[tuple[int, Key]]) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
        """Yield nodes and places of members: of some nodes, first those of the first persons, node after node, then of the next."""
        edges = np.arange(0, self._places.many + _PERSONS, _PERSONS)
        for some in self._together(keys):
            members = [(node, self._members(key)) for node, key in some]
            cuts = [np.searchsorted(places, edges) for _, places in members]
            for n in range(len(edges) - 1):
                for (node, places), cut in zip(members, cuts, strict=True):
                    if cut[n] < cut[n + 1]:
                        yield node, places[cut[n] : cut[n + 1]].astype(np.intp)

    def _together(self, keys: Sequence[tuple[int, Key]]) -> Iterator[list[tuple[int, Key]]]:
        """Yield the nodes whose members are held at once."""
        held, size = list[tuple[int, Key]](), 0
        for node, key in keys:
            many = self._file.sections[key].many
            if held and size + many > _HELD:
                yield held
                held, size = [], 0
            held.append((node, key))
            size += many
        if held:
            yield held

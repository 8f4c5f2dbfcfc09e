"""From a person to the nodes: the tag index the other way round, so that one person and the portrait of many need no bitmap.

For each side (persons, visitors) of a file, three arrays: who, ascending; where the nodes of each begin; the nodes, as numbers in the
order in which the file lists them. Where numbers lie close together, `who` is left out and the place is the number less the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import bitmaps
from zerodistance.core.profiles.sections import Key, Opened, Writer
from zerodistance.core.profiles.splits import Split, Who

Nodes = npt.NDArray[np.unsignedinteger]
Places = npt.NDArray[Any]
_SLICE = 1 << 22  # own value: of a node's members at once, while they are turned round
_PERSONS = (
    1 << 14
)  # own value, measured: persons whose nodes are gathered at once; the arrays stay in the cache
_SPARSE = 2  # own value: where fewer than one number of two is somebody's, who is listed


def write(file: Writer, universe: Split, nodes: Sequence[tuple[str, str]]) -> None:
    """Write the nodes of everybody; the bitmaps of `nodes` are in the file.

    Takes 2 bytes a person to count them and 4 to 8 for where they begin; the nodes themselves go straight into the file.
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

    def of(self, some: Who) -> npt.NDArray[np.intp]:
        """Return the place of each number, which all have one."""
        if self.who is not None:
            found: npt.NDArray[np.intp] = np.searchsorted(self.who, some)
            return found
        return some.astype(np.intp) - self.first


class _Turning:
    """Turns the bitmaps of a side round: counts first, then writes each node where it belongs, the last node first."""

    def __init__(self, file: Writer, side: int, places: _Places, keys: Sequence[Key]) -> None:
        self._file, self._side, self._places, self._keys = file, side, places, keys

    def write(self) -> None:
        counts = np.zeros(self._places.many, np.uint16)
        for key in self._keys:
            for places in self._members(key):
                counts[places] += 1
        pairs = int(counts.sum(dtype=np.int64))
        starts = np.zeros(len(counts) + 1, np.uint32 if pairs < 1 << 32 else np.uint64)
        np.cumsum(counts, out=starts[1:])
        kind = np.uint16 if len(self._keys) <= 1 << 16 else np.uint32
        room: npt.NDArray[Any] = self._file.room(kind, pairs)
        for node in range(len(self._keys) - 1, -1, -1):
            for places in self._members(self._keys[node]):
                left = counts[places] - np.uint16(1)
                counts[places] = left
                room[starts[places] + left.astype(starts.dtype)] = node
        self._file.filled(("tags", "", "", self._side), room)
        self._file.array(("starts", "", "", self._side), starts)
        self._file.head[f"first{self._side}"] = self._places.first
        if self._places.who is not None:
            self._file.array(("tagged", "", "", self._side), self._places.who)

    def _members(self, key: Key) -> Iterator[npt.NDArray[np.intp]]:
        who = bitmaps.to_numbers(self._file.read(key))
        for start in range(0, len(who), _SLICE):
            yield self._places.of(who[start : start + _SLICE])


class Forward:
    """The nodes of persons, or of visitors, as a file has them."""

    def __init__(self, file: Opened, side: int) -> None:
        self._file, self._side = file, side
        self._here = ("tags", "", "", side) in file.sections
        self._first = int(file.head.get(f"first{side}", 0))

    def of(self, number: int) -> list[int]:
        """Return the nodes of one number; none for one that is not here."""
        place = self._place(number)
        if place < 0:
            return []
        start, end = self._file.array(("starts", "", "", self._side), place, place + 2).tolist()
        return list(self._file.array(("tags", "", "", self._side), start, end).tolist())

    def _place(self, number: int) -> int:
        if not self._here:
            return -1
        if ("tagged", "", "", self._side) not in self._file.sections:
            place = number - self._first
            return place if 0 <= place < self._file.count(("starts", "", "", self._side)) - 1 else -1
        who = self._file.array(("tagged", "", "", self._side))
        place = int(np.searchsorted(who, np.uint32(number)))
        return place if place < len(who) and int(who[place]) == number else -1

    def blocks(self, some: Who) -> Iterator[tuple[Nodes, Places]]:
        """Yield the nodes of those of `some` (ascending) who are here, person after person, and how many each has.

        Grain: blocks of some persons each.
        """
        if not self._here or not len(some):
            return
        places = self._found(some)
        starts = self._file.array(("starts", "", "", self._side))
        tags = self._file.array(("tags", "", "", self._side))
        kind: npt.DTypeLike = np.int32 if len(tags) < 1 << 31 else np.int64
        for at in range(0, len(places), _PERSONS):
            mine = places[at : at + _PERSONS]
            begin: Places = starts[mine].astype(kind)
            many: Places = starts[mine + 1].astype(kind) - begin
            within: Places = np.repeat(begin - (np.cumsum(many, dtype=kind) - many), many)
            within += np.arange(len(within), dtype=kind)
            yield tags[within], many

    def _found(self, some: Who) -> npt.NDArray[np.intp]:
        if ("tagged", "", "", self._side) not in self._file.sections:
            places = some.astype(np.int64) - self._first
            most = self._file.count(("starts", "", "", self._side)) - 1
            return places[(places >= 0) & (places < most)]
        who = self._file.array(("tagged", "", "", self._side))
        found = np.searchsorted(who, some)
        found = found[found < len(who)]
        here: npt.NDArray[np.intp] = found[who[found] == some[: len(found)]]
        return here

    def counts(self, some: Who, nodes: int) -> npt.NDArray[np.int64]:
        """Return how many of `some` (ascending) are at each of the file's nodes."""
        total = np.zeros(nodes, np.int64)
        for tags, _ in self.blocks(some):
            total += np.bincount(tags, minlength=nodes)
        return total

    def groups(self, some: Who, group_of: npt.NDArray[np.int64], groups: int) -> npt.NDArray[np.int64]:
        """Return how many of `some` are at any node of each group; `group_of` has the group of each node and never falls."""
        total = np.zeros(groups, np.int64)
        for tags, many in self.blocks(some):
            group = group_of[tags]
            fresh = np.ones(len(group), np.bool_)
            fresh[1:] = group[1:] != group[:-1]
            begins = np.cumsum(many) - many
            fresh[begins[many > 0]] = True
            total += np.bincount(group[fresh], minlength=groups)
        return total

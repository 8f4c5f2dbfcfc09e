"""From a person to the nodes: the tag index the other way round, so that one person and the portrait of many need no bitmap.

For each side (persons, visitors) of a file, three arrays: who, ascending; where the nodes of each begin; the nodes, as numbers in the
order in which the file lists them. Where numbers lie close together, `who` is left out and the place is the number less the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles.sections import Opened
from zerodistance.core.profiles.splits import Who

Nodes = npt.NDArray[np.unsignedinteger]
Places = npt.NDArray[Any]
_FEW = 2_000  # own value: up to so many are looked up one by one, so that hardly anything has to be read and checked
_PERSONS = (
    1 << 14
)  # own value, measured: persons whose nodes are gathered at once; the arrays stay in the cache


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
        return self._file.search(("tagged", "", "", self._side), number)

    def blocks(self, some: Who) -> Iterator[tuple[Nodes, Places]]:
        """Yield the nodes of those of `some` (ascending) who are here, person after person, and how many each has.

        Grain: blocks of some persons each.
        """
        if not self._here or not len(some):
            return
        if len(some) <= _FEW:
            found = [self.of(number) for number in some.tolist()]
            many: Places = np.array([len(tags) for tags in found], np.int64)
            yield np.array([node for tags in found for node in tags], np.uint32), many
            return
        places = self._found(some)
        for at in range(0, len(places), _PERSONS):
            yield self._gathered(places[at : at + _PERSONS])

    def _gathered(self, places: npt.NDArray[np.intp]) -> tuple[Nodes, Places]:
        starts = self._file.array(("starts", "", "", self._side))
        tags = self._file.array(("tags", "", "", self._side))
        kind: npt.DTypeLike = np.int32 if len(tags) < 1 << 31 else np.int64
        begin: Places = starts[places].astype(kind)
        many = starts[places + 1].astype(kind) - begin
        within: Places = np.repeat(begin - (np.cumsum(many, dtype=kind) - many), many)
        within += np.arange(len(within), dtype=kind)
        return tags[within], many

    def rows(self, some: Who) -> tuple[Nodes, npt.NDArray[np.intp]]:
        """Return the nodes of those of `some` (ascending) who are here, person after person, and for each node the place of its person in `some`."""
        if not self._here or not len(some):
            return np.empty(0, np.uint16), np.empty(0, np.intp)
        if ("tagged", "", "", self._side) not in self._file.sections:
            places = some.astype(np.int64) - self._first
            here = (places >= 0) & (places < self._file.count(("starts", "", "", self._side)) - 1)
        else:
            who = self._file.array(("tagged", "", "", self._side))
            places = np.minimum(np.searchsorted(who, some), max(len(who) - 1, 0))
            here = who[places] == some
        tags, many = self._gathered(places[here])
        return tags, np.repeat(np.flatnonzero(here), many)

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

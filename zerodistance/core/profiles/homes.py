"""Who lives where: everybody of a home community stands together, communities in the order of their H3 cells, so that an area is a few runs.

A community is a node of `geo.community` like any other; only that there may be a hundred thousand of them, each person is in one at most, and people ask
for many that lie together. So a part of the index has no bitmaps of them, but for persons and for visitors three arrays: who, community after community; where
each begins; and, the other way round, the community of each number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import rules
from zerodistance.core.profiles.cells import Cells, Floats, Mask, Spot
from zerodistance.core.profiles.sections import Key, Opened, Writer
from zerodistance.core.profiles.splits import NOBODY, Split, Who

DIMENSION = "geo.community"
"""The dimension whose nodes, less its inner ones, are kept like this."""
_CODES: Key = ("place", DIMENSION, "codes", 0)
_CELLS: Key = ("place", DIMENSION, "cells", 0)
_POINTS: Key = ("place", DIMENSION, "points", 0)
_SPARSE = 2  # own value: where fewer than one number of two has a home here, who has one is listed
_NEAR = 1 << 16  # own value: runs with fewer persons between them are looked up as one
Ints = npt.NDArray[np.int64]
NOWHERE = Spot(0, float("nan"), float("nan"))


def is_home(name: tuple[str, str, str]) -> bool:
    """Say whether a name of the index is that of a community."""
    return name[0] == "node" and name[1] == DIMENSION and not rules.is_inner(name[2])


class Runs(NamedTuple):
    """Who lives in each community, of persons or of visitors.

    Attributes
    ----------
    begins
        Where each community begins in `who`, and where the last ends.
    who
        Numbers; those of one community ascend.
    """

    begins: Ints
    who: Who

    @classmethod
    def of(cls, many: Sequence[Who]) -> Runs:
        """Return the runs of communities one after the other."""
        begins = np.zeros(len(many) + 1, np.int64)
        np.cumsum([len(who) for who in many], out=begins[1:])
        return cls(begins, np.concatenate([np.empty(0, np.uint32), *many]))


def in_order(spots: Mapping[str, Spot]) -> list[str]:
    """Return codes of communities in the order of cells, then of codes; first those that lie nowhere."""
    return sorted(spots, key=lambda code: (spots[code].cell, code))


def write(file: Writer, spots: Mapping[str, Spot], runs: Sequence[Runs]) -> Iterator[Who]:
    """Write communities, which stand in order, and who lives there: persons, then visitors; yield the numbers of each side, ascending."""
    file.array(_CODES, np.frombuffer(msgspec.json.encode(list(spots)), np.uint8))
    file.array(_CELLS, np.array([spot.cell for spot in spots.values()], np.uint64))
    file.array(_POINTS, np.array([(spot.lat, spot.lon) for spot in spots.values()], np.float64).reshape(-1))
    for side, (begins, who) in enumerate(runs):
        if len(who):
            file.array(("place", DIMENSION, "begins", side), begins)
            file.array(("place", DIMENSION, "lives", side), who)
            yield _turned(file, side, begins, who)
        else:
            yield who


def _turned(file: Writer, side: int, begins: Ints, who: Who) -> Who:
    """Write the community of each number, counted from 1; return the numbers, ascending."""
    many = len(begins) - 1
    home = np.repeat(
        np.arange(1, many + 1, dtype=np.uint16 if many < 1 << 16 else np.uint32), np.diff(begins)
    )
    first, last = int(who.min()), int(who.max())
    file.head[f"home{side}"] = first
    if last - first < _SPARSE * len(who):
        homes = np.zeros(last - first + 1, home.dtype)
        homes[who - np.uint32(first)] = home
        listed = np.flatnonzero(homes).astype(np.uint32) + np.uint32(first)
    else:
        order = np.argsort(who)
        homes, listed = home[order], who[order]
        file.array(("place", DIMENSION, "listed", side), listed)
    file.array(("place", DIMENSION, "homes", side), homes)
    return listed


class Homes:
    """Who lives where, as a part says it."""

    def __init__(self, file: Opened) -> None:
        self._file = file
        self.here = _CODES in file.sections

    @cached_property
    def codes(self) -> list[str]:
        """The communities, in the order of their cells."""
        return msgspec.json.decode(self._file.array(_CODES).tobytes(), type=list[str]) if self.here else []

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each community stands among them."""
        return {code: n for n, code in enumerate(self.codes)}

    @property
    def cells(self) -> Cells:
        """The H3 cell of each community; 0: it lies nowhere."""
        return self._file.array(_CELLS) if self.here else np.empty(0, np.uint64)

    @property
    def points(self) -> Floats:
        """Latitude and longitude of each community, shape (communities, 2)."""
        points: Floats = self._file.array(_POINTS) if self.here else np.empty(0)
        return points.reshape(-1, 2)

    @property
    def spots(self) -> dict[str, Spot]:
        """Where each community lies."""
        rows = zip(self.codes, self.cells.tolist(), self.points.tolist(), strict=True)
        return {code: Spot(cell, lat, lon) for code, cell, (lat, lon) in rows}

    def begins(self, side: int) -> Ints:
        """Return where each community begins among persons (side 0) or visitors (1), and where the last ends."""
        key = ("place", DIMENSION, "begins", side)
        if key not in self._file.sections:
            return np.zeros(len(self.codes) + 1, np.int64)
        begins: Ints = self._file.array(key)
        return begins

    def split(self, code: str) -> Split:
        """Return who lives in one community; nobody where this part does not know it."""
        if code not in self.place:
            return NOBODY
        mine = np.zeros(len(self.codes), np.bool_)
        mine[self.place[code]] = True
        return Split.of_sorted(np.concatenate([self.living(mine, side) for side in (0, 1)]))

    def living(self, some: Mask, side: int) -> Who:
        """Return who lives in some communities, community after community."""
        return np.concatenate([np.empty(0, np.uint32), *self._runs(some, side)])

    def run(self, place: int) -> Who:
        """Return the persons who live in the community at a place, ascending."""
        key = ("place", DIMENSION, "lives", 0)
        if key not in self._file.sections:
            return np.empty(0, np.uint32)
        who: Who = self._file.array(key, *self.begins(0)[place : place + 2].tolist())
        return who

    def _runs(self, some: Mask, side: int) -> Iterator[Who]:
        """Yield who lives in communities that lie side by side."""
        key = ("place", DIMENSION, "lives", side)
        if key not in self._file.sections:
            return
        edges = np.flatnonzero(np.diff(some, prepend=False, append=False))
        bounds = self.begins(side)[edges].reshape(-1, 2)
        bounds = bounds[bounds[:, 0] < bounds[:, 1]]
        wide = np.flatnonzero(bounds[1:, 0] - bounds[:-1, 1] > _NEAR) + 1
        for near in np.split(bounds, wide):
            if len(near):
                first = int(near[0, 0])
                whole = self._file.array(key, first, int(near[-1, 1]))
                for start, end in (near - first).tolist():
                    yield whole[start:end]

    def of(self, number: int) -> str | None:
        """Return the community of one number, None if there is none."""
        found = self.home(np.array([number], np.uint32), int(number >= 1 << 31))
        return self.codes[found[0] - 1] if len(found) and found[0] else None

    def home(self, some: Who, side: int) -> npt.NDArray[Any]:
        """Return the place of the community of each of `some` (ascending), counted from 1; 0: none."""
        key, listed = (("place", DIMENSION, what, side) for what in ("homes", "listed"))
        if key not in self._file.sections or not len(some):
            return np.zeros(len(some), np.uint16)
        kind = np.dtype(self._file.sections[key].kind)
        found = np.zeros(len(some), kind)
        if listed in self._file.sections:
            who = self._file.array(listed)
            at = np.minimum(np.searchsorted(who, some), len(who) - 1)
            there = who[at] == some
            found[there] = self._file.array(key)[at[there]]
            return found
        first = int(self._file.head[f"home{side}"])
        last = first + self._file.count(key) - 1
        low, high = np.searchsorted(some, np.uint32(first)), np.searchsorted(some, np.uint32(last), "right")
        found[low:high] = self._file.taken(key, some[low:high].astype(np.int64) - first)
        return found

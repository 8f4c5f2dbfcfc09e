"""What several parts of the index say together of who lives where: the first in the order of communities, whom later ones speak of beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import bitmaps, cells, homes, threshold
from zerodistance.core.profiles.cells import Cells, Floats, Mask, Spot
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.homes import Homes, Runs
from zerodistance.core.profiles.parts import Layer
from zerodistance.core.profiles.splits import Sizes, Who
from zerodistance.core.profiles.threshold import Dense

_AT_ONCE = 1 << 22  # own value: persons whose communities are looked up at once
Ints = npt.NDArray[np.int64]


class Moved(NamedTuple):
    """Whom the parts after the first speak of.

    Attributes
    ----------
    who
        Their numbers, ascending.
    home
        The place of the community of each, counted from 1; 0: none.
    """

    who: Who
    home: Ints


@dataclass(frozen=True, eq=False)
class Ground:
    """The communities in which people live.

    A set of communities is a mask over them: shape (communities,), bool.

    Attributes
    ----------
    codes
        Those of the first part in the order of their cells, then those that only later parts know.
    cells
        H3 cell of each; 0: it lies nowhere.
    points
        Latitude and longitude of each, degrees, WGS-84, shape (communities, 2); NaN where it lies nowhere.
    first
        What the first part says.
    moved
        Persons, and visitors, whom later parts speak of.
    """

    codes: Sequence[str]
    cells: Cells
    points: Floats
    first: Homes | None
    moved: tuple[Moved, Moved]

    @classmethod
    def over(cls, layers: Sequence[Layer]) -> Ground:
        """Return what parts on top of one another say."""
        nobody = Moved(np.empty(0, np.uint32), np.empty(0, np.int64))
        if not layers:
            return cls((), np.empty(0, np.uint64), np.empty((0, 2)), None, (nobody, nobody))
        first, *later = layers
        extra: dict[str, Spot] = {}
        for layer in later:
            extra.update({c: one for c, one in layer.homes.spots.items() if c not in first.homes.place})
        place = {code: n for n, code in enumerate(extra, len(first.homes.codes))}
        place = {**first.homes.place, **place} if later else {}
        points = np.array([(one.lat, one.lon) for one in extra.values()], np.float64).reshape(-1, 2)
        return cls(
            [*first.homes.codes, *extra],
            np.concatenate([first.homes.cells, np.array([one.cell for one in extra.values()], np.uint64)]),
            np.concatenate([first.homes.points, points]),
            first.homes,
            (_moved(later, place, 0), _moved(later, place, 1)) if later else (nobody, nobody),
        )

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each community stands."""
        return {code: n for n, code in enumerate(self.codes)}

    # -- sets of communities

    def of(self, codes: Sequence[str]) -> Mask:
        """Return the set of these communities; those that the index does not know are left out."""
        found = np.zeros(len(self.codes), np.bool_)
        found[[self.place[code] for code in codes if code in self.place]] = True
        return found

    def near(self, lat: float, lon: float, km: float) -> Mask:
        """Return the communities the middle of whose cell is at most so many km from a point."""
        found: Mask = cells.chords(self._middles, lat, lon) <= cells.chord(km)  # not so where NaN
        return found

    def inside(self, ring: Sequence[tuple[float, float]]) -> Mask:
        """Return the communities the middle of whose cell lies in a ring of (longitude, latitude)."""
        return cells.inside(self._centres, ring)

    def covered(self, some: Sequence[str]) -> Mask:
        """Return the communities in these H3 cells, which may be coarser."""
        return cells.covered(self.cells, some)

    def nearest(self, lat: float, lon: float, many: int) -> tuple[Ints, Floats]:
        """Return the places of the communities nearest to a point, the nearest first, and how far each is, in km."""
        chords = cells.chords(self._vectors, lat, lon)
        wanted = min(many, len(chords) - int(np.count_nonzero(np.isnan(chords))))
        some, reach = np.empty(0, np.int64), cells.chord(1.0)
        while len(some) < wanted:  # a larger and a larger circle: only those in it have to be put in order
            some = np.flatnonzero(chords <= reach)
            reach *= 4
        order = some[np.argsort(chords[some], kind="stable")][:wanted]
        return order, np.array([cells.km(one) for one in chords[order].tolist()], np.float64)

    @cached_property
    def _centres(self) -> Floats:
        return cells.centres(self.cells)

    @cached_property
    def _middles(self) -> Floats:
        return cells.on_sphere(self._centres)

    @cached_property
    def _vectors(self) -> Floats:
        return cells.on_sphere(self.points)

    # -- people

    @cached_property
    def many(self) -> Ints:
        """How many persons and how many visitors live in each, shape (2, communities)."""
        found = np.zeros((2, len(self.codes)), np.int64)
        if self.first is None:
            return found
        for side, moved in enumerate(self.moved):
            was = np.bincount(self.first.home(moved.who, side), minlength=len(self.first.codes) + 1)[1:]
            found[side, : len(was)] = np.diff(self.first.begins(side)) - was
            found[side] += np.bincount(moved.home, minlength=len(self.codes) + 1)[1:]
        return found

    def size(self, some: Mask) -> Sizes:
        """Return how many live in some communities."""
        return Sizes(*(int(side[some].sum()) for side in self.many))

    def who(self, some: Mask, side: int) -> Who:
        """Return who lives in some communities, persons (side 0) or visitors (1), in no order."""
        if self.first is None:
            return np.empty(0, np.uint32)
        found = self.first.living(some[: len(self.first.codes)], side)
        moved = self.moved[side]
        if not len(moved.who):
            return found
        return np.concatenate(
            [found[~threshold.has(self._gone[side], found)], moved.who[np.append(False, some)[moved.home]]]
        )

    def living(self, some: Mask) -> tuple[Who, Ints]:
        """Return the persons who live in some communities, in no order, and the place of the community of each."""
        if self.first is None:
            return np.empty(0, np.uint32), np.empty(0, np.int64)
        mine = some[: len(self.first.codes)]
        who = self.first.living(mine, 0)
        place = np.repeat(np.flatnonzero(mine), np.diff(self.first.begins(0))[mine])
        moved = self.moved[0]
        if not len(moved.who):
            return who, place
        stay, come = ~threshold.has(self._gone[0], who), np.append(False, some)[moved.home]
        return (
            np.concatenate([who[stay], moved.who[come]]),
            np.concatenate([place[stay], moved.home[come] - 1]),
        )

    def at(self, place: int) -> Who:
        """Return the persons who live in the community at a place, in no order."""
        assert self.first is not None
        found = self.first.run(place) if place < len(self.first.codes) else np.empty(0, np.uint32)
        moved = self.moved[0]
        if not len(moved.who):
            return found
        return np.concatenate(
            [found[~threshold.has(self._gone[0], found)], moved.who[moved.home == place + 1]]
        )

    @cached_property
    def _gone(self) -> tuple[Dense, Dense]:
        persons, visitors = (threshold.dense(bitmaps.of_sorted(moved.who)) for moved in self.moved)
        return persons, visitors

    def home(self, who: Who, side: int) -> Ints:
        """Return the place of the community of each of these numbers, which ascend, counted from 1; 0: none."""
        if self.first is None:
            return np.zeros(len(who), np.int64)
        found = self.first.home(who, side).astype(np.int64)
        moved = self.moved[side]
        if len(moved.who):
            at = np.minimum(np.searchsorted(moved.who, who), len(moved.who) - 1)
            there = moved.who[at] == who
            found[there] = moved.home[at[there]]
        return found

    def lives(self, some: Mask, who: Who, side: int) -> Mask:
        """Say of each of these numbers, which ascend, whether they live in some communities."""
        found: Mask = np.append(False, some)[self.home(who, side)]
        return found

    def counted(self, who: Who, side: int) -> Ints:
        """Return how many of these numbers, which ascend, live in each community."""
        return np.bincount(self.home(who, side), minlength=len(self.codes) + 1)[1:]


def _moved(later: Sequence[Layer], place: dict[str, int], side: int) -> Moved:
    """Return whom parts speak of, persons or visitors; the last word counts."""
    whos, found = [np.empty(0, np.uint32)], [np.empty(0, np.int64)]
    for layer in later:
        assert layer.changed is not None
        who = bitmaps.to_numbers(layer.changed)
        edge = int(np.searchsorted(who, np.uint32(VISITORS_FROM)))
        who = who[edge:] if side else who[:edge]
        places = np.array([0, *(place[code] + 1 for code in layer.homes.codes)], np.int64)
        whos.append(who)
        found.append(places[layer.homes.home(who, side)])
    who, home = np.concatenate(whos), np.concatenate(found)
    order = np.argsort(who, kind="stable")
    last = np.append(np.diff(who[order]) != 0, True)[: len(who)]
    return Moved(who[order][last], home[order][last])


def together(layers: Sequence[Layer]) -> tuple[dict[str, Spot], list[Runs]]:
    """Return all communities of these parts in the order of their cells, and who lives in each: what `homes.write` takes."""
    ground = Ground.over(layers)
    rows = zip(ground.codes, ground.cells.tolist(), ground.points.tolist(), strict=True)
    known = {code: Spot(cell, lat, lon) for code, cell, (lat, lon) in rows}
    codes = homes.in_order(known)
    rank = np.zeros(len(codes), np.int64)
    rank[[ground.place[code] for code in codes]] = np.arange(len(codes))
    return {code: known[code] for code in codes}, [_in_runs(ground, rank, side) for side in (0, 1)]


def _in_runs(ground: Ground, rank: Ints, side: int) -> Runs:
    """Return who lives where; `rank` says where each community of `ground` is to stand."""
    who = np.sort(ground.who(np.ones(len(rank), np.bool_), side))
    small = rank.astype(np.uint16 if len(rank) < 1 << 16 else np.uint32)
    home = np.empty(len(who), small.dtype)
    for at in range(0, len(who), _AT_ONCE):
        home[at : at + _AT_ONCE] = small[ground.home(who[at : at + _AT_ONCE], side) - 1]
    order = np.argsort(home, kind="stable")  # who ascends, and does so in each community
    begins = np.zeros(len(rank) + 1, np.int64)
    np.cumsum(np.bincount(home, minlength=len(rank)), out=begins[1:])
    return Runs(begins, who[order])

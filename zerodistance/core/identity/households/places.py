"""Addresses as people write them -> homes: the place, and which flat in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity.households.columns import Ints
from zerodistance.core.identity.households.flats import Doors, Flats, Mentions, Things
from zerodistance.core.identity.households.gazetteer import NOWHERE, SEVERAL, Where, places

Bools = npt.NDArray[np.bool_]


class Flat(NamedTuple):
    """What an address says of the flat."""

    building: str
    unit: str
    room: str


@dataclass(frozen=True)
class Written:
    """Addresses, one row a mention.

    Attributes
    ----------
    person
        Whose; 0 and more.
    called, surname
        Codes of the name and of the surname that stand with it; 0: none.
    where, flat
        Row of `wheres` and of `flats`.
    things
        Who uses a phone or a device together.
    """

    person: Ints
    called: Ints
    surname: Ints
    where: Ints
    flat: Ints
    wheres: Sequence[Where]
    flats: Sequence[Flat]
    things: Things


class Named(Sequence[tuple[str, str, str, str, str]]):
    """District, estate or road and number, building, unit and room of each home, made when they are asked for.

    Parameters
    ----------
    columns
        Of each home the rank of district and estate, building, unit, room; shape (4, homes).
    called
        District and estate by rank.
    """

    def __init__(self, columns: Ints, called: Sequence[tuple[str, str]], doors: Doors) -> None:
        self._columns, self._called, self._words = columns, called, doors.words

    def __len__(self) -> int:
        """Return how many homes there are."""
        return int(self._columns.shape[1])

    @overload
    def __getitem__(self, at: int) -> tuple[str, str, str, str, str]: ...
    @overload
    def __getitem__(self, at: slice) -> list[tuple[str, str, str, str, str]]: ...
    def __getitem__(
        self, at: int | slice
    ) -> tuple[str, str, str, str, str] | list[tuple[str, str, str, str, str]]:
        """Return what one home is called, or what some are."""
        if isinstance(at, slice):
            return [self[n] for n in range(*at.indices(len(self)))]
        called, building, unit, room = self._columns[:, at].tolist()
        buildings, units, rooms = self._words
        return *self._called[called], buildings[building], units[unit], rooms[room]


@dataclass(frozen=True)
class Homes:
    """Where each mention is.

    Attributes
    ----------
    home
        Per mention, row of `known`; -1: no flat is named, or several fit.
    known
        What each home is called, as most write it.
    unclear
        Mentions of a flat that several places or units fit.
    """

    home: Ints
    known: Named
    unclear: int


def homes(written: Written) -> Homes:
    """Return the home of each mention; the order of mentions does not matter."""
    found = places(written.wheres, np.bincount(written.where, minlength=len(written.wheres)))
    doors, flat = Doors.of(written.flats), written.flat
    place = found.of[written.where]
    named = (place != NOWHERE) & _is_flat(written, found.of, place, doors.room[flat] > 0)
    rows = np.flatnonzero(named)
    said = Mentions(
        written.person[rows],
        written.called[rows],
        written.surname[rows],
        place[rows],
        doors.spot[flat[rows]],
        doors.unit[flat[rows]],
        written.where[rows],
    )
    at, open_ = said.place.copy(), np.flatnonzero(said.place == SEVERAL)
    known = Flats(said, doors, written.things)
    at[open_] = known.the_one(said.take(open_), found.several, found.many)
    said = replace(said, place=at)
    unit = np.full(len(rows), SEVERAL)
    placed = np.flatnonzero(at >= 0)
    unit[placed] = Flats(said, doors, written.things).units(said.take(placed))
    clear = unit >= 0
    home, called = _in_order(at[clear], doors, flat[rows[clear]], unit[clear], found.names)
    out = np.full(len(flat), -1, np.int64)
    out[rows[clear]] = home
    return Homes(out, called, int((~clear).sum()))


def _is_flat(written: Written, place: Ints, at: Ints, roomed: Bools) -> Bools:
    """Say of each mention whether it names one home: a room; or a house abroad, unless others name flats in it."""
    open_, flats = (np.zeros(int(place.max(initial=-1)) + 3, bool) for _ in range(2))  # 2 places for none
    houses = [
        n
        for n, one in enumerate(written.wheres)
        if one.road and one.number and not one.core and one.road.isascii()
    ]
    open_[place[houses] + 2] = True
    flats[at[roomed & (at >= 0)] + 2] = True
    return roomed | (open_ & ~flats)[at + 2]


def _in_order(
    place: Ints, doors: Doors, flat: Ints, unit: Ints, label: Sequence[tuple[str, str]]
) -> tuple[Ints, Named]:
    """Return homes numbered by what they are called, so that the order of mentions does not show, and what that is."""
    spots, units = int(doors.spot.max(initial=-1)) + 1, len(doors.words[1])
    key = (place * spots + doors.spot[flat]) * units + unit
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    called = sorted(set(label))
    rank = {one: n for n, one in enumerate(called)}
    labels = np.array([rank[one] for one in label], np.int64)
    columns = labels[place[first]], doors.building[flat[first]], unit[first], doors.room[flat[first]]
    order = np.lexsort(columns[::-1])
    again = np.empty(len(order), np.int64)
    again[order] = np.arange(len(order))
    return again[which], Named(np.stack([column[order] for column in columns]), called, doors)

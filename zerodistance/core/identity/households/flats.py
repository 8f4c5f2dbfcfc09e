"""Which flat in a place a mention means: what is left out is filled in from what the same person, the same name or everybody wrote. Pure.

Columns of everybody, without a Python object for each: a million people write some three million addresses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity.households.columns import Ints, begins, once

Bools = npt.NDArray[np.bool_]
NOWHERE, SEVERAL = -1, -2
"""Instead of a place, or a unit: nothing that tells it is written; several fit."""
_SLICE = 1 << 16  # mentions of several places that are looked up at a time


@dataclass(frozen=True)
class Doors:
    """Flats by building and room, whatever the unit.

    Attributes
    ----------
    building, unit, room
        Rank of each flat's words; 0: not written.
    spot
        Code of building and room.
    words
        Buildings, units and rooms by rank.
    """

    building: Ints
    unit: Ints
    room: Ints
    spot: Ints
    words: tuple[list[str], list[str], list[str]]

    @classmethod
    def of(cls, flats: Sequence[tuple[str, str, str]]) -> Doors:
        """Return the words of flats as numbers."""
        words = tuple(sorted({"", *(flat[part] for flat in flats)}) for part in range(3))
        ranks = [{word: n for n, word in enumerate(some)} for some in words]
        building, unit, room = (
            np.array([ranks[part][flat[part]] for flat in flats], np.int64) for part in range(3)
        )
        spot = np.unique(building * len(words[2]) + room, return_inverse=True)[1].astype(np.int64)
        return cls(building, unit, room, spot, (words[0], words[1], words[2]))


@dataclass(frozen=True)
class Mentions:
    """Columns, one row a mention: person, name (0: none), place, and what it says of the flat."""

    person: Ints
    called: Ints
    place: Ints
    spot: Ints
    unit: Ints

    def take(self, rows: Bools | slice) -> Mentions:
        """Return some of them."""
        return Mentions(*(column[rows] for column in vars(self).values()))


class _Sets:
    """Sets of numbers by key: how many there are in each, and the lowest."""

    def __init__(self, key: Ints, value: Ints) -> None:
        key, value = once(key, value)
        first = begins(key)
        self._key, self._value = key[first], value[first]
        self._many = np.diff(np.flatnonzero(np.append(first, True)))

    def of(self, wanted: Ints) -> tuple[Ints, Ints]:
        """Return both for each wanted key; 0 and 0 where nothing is known."""
        if not len(self._key):
            return np.zeros_like(wanted), np.zeros_like(wanted)
        at = np.minimum(np.searchsorted(self._key, wanted), len(self._key) - 1)
        there = self._key[at] == wanted
        return np.where(there, self._many[at], 0), np.where(there, self._value[at], 0)


class Flats:
    """Flats that are written with their place: whose, and in which unit."""

    def __init__(self, said: Mentions, spots: int) -> None:
        said = said.take(said.place >= 0)
        self._spots = spots
        self._names = int(said.person.max(initial=-1)) + 1  # names are numbered on from the persons
        self._door, door = np.unique(said.place * spots + said.spot, return_inverse=True)
        by_who = [
            (self._key(said.person, door), said.unit),
            (self._key(self._names + said.called, door)[said.called > 0], said.unit[said.called > 0]),
        ]
        key, unit = (np.concatenate(parts) for parts in zip(*by_who, strict=True))
        self._held = _Sets(key, np.zeros_like(key))
        self._own = _Sets(key[unit > 0], unit[unit > 0])
        self._units = _Sets(door[said.unit > 0], said.unit[said.unit > 0])

    def _key(self, who: Ints, door: Ints) -> Ints:
        return who * len(self._door) + door

    def _doors(self, place: Ints, spot: Ints) -> Ints:
        """Return the number of place and spot, -1 where nobody wrote of it."""
        if not len(self._door):
            return np.full(len(place), -1, np.int64)
        wanted = place * self._spots + spot
        at = np.minimum(np.searchsorted(self._door, wanted), len(self._door) - 1)
        return np.where(self._door[at] == wanted, at, -1)

    def units(self, said: Mentions) -> Ints:
        """Return the unit, where it is not written that of the same person or name, or the only one there is; `SEVERAL` where several fit."""
        door = self._doors(said.place, said.spot)
        many, unit = self._own.of(self._key(said.person, door))
        for found in (
            self._own.of(np.where(said.called > 0, self._key(self._names + said.called, door), -1)),
            self._units.of(door),
        ):
            many, unit = (
                np.where(many > 0, one, other) for one, other in zip((many, unit), found, strict=True)
            )
        unit = np.where(many > 1, SEVERAL, unit)
        unit[door < 0] = 0
        return np.where(said.unit > 0, said.unit, unit)

    def the_one(self, said: Mentions, where: Ints, several: Mapping[int, Sequence[int]]) -> Ints:
        """Return that of several places where the same person, or the same name, has the same flat more fully; -1 if there is not one.

        Parameters
        ----------
        where, several
            Which address of those that several places fit; these places.
        """
        parts = [
            self._fit(said.take(part), where[part], several)
            for part in (slice(start, start + _SLICE) for start in range(0, len(where), _SLICE))
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def _fit(self, said: Mentions, where: Ints, several: Mapping[int, Sequence[int]]) -> Ints:
        fit = [several[one] for one in where.tolist()]
        row = np.repeat(np.arange(len(fit)), [len(some) for some in fit])
        place = np.fromiter((one for some in fit for one in some), np.int64, len(row))
        door = self._doors(place, said.spot[row])
        out = np.full(len(fit), NOWHERE, np.int64)
        for who in (self._names + said.called, said.person):  # what the person says comes before the name
            there = (door >= 0) & (self._held.of(self._key(who[row], door))[0] > 0)
            if who is not said.person:
                there &= said.called[row] > 0
            many = np.bincount(row[there], minlength=len(fit))
            out[many > 1] = NOWHERE
            one = there & (many[row] == 1)
            out[row[one]] = place[one]
        return out

"""Which flat a mention means: what is left out is filled in from what the same person, the same name, those who share a phone, or everybody wrote. Pure.

Columns of everybody, without a Python object for each: a million people write some three million addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity.households.columns import Ints, begins, once, place_of
from zerodistance.core.identity.households.gazetteer import NOWHERE, RARE, SEVERAL

Bools = npt.NDArray[np.bool_]
_SLICE = 1 << 16  # mentions that are looked at together, about


@dataclass(frozen=True)
class Doors:
    """Flats by building and room, whatever the unit.

    Attributes
    ----------
    building, unit, room
        Rank of each flat's words; 0: not written.
    spot
        Code of building and room.
    parts
        Building and room of each spot.
    words
        Buildings, units and rooms by rank.
    """

    building: Ints
    unit: Ints
    room: Ints
    spot: Ints
    parts: tuple[Ints, Ints]
    words: tuple[list[str], list[str], list[str]]

    @classmethod
    def of(cls, flats: Sequence[tuple[str, str, str]]) -> Doors:
        """Return the words of flats as numbers."""
        words = tuple(sorted({"", *(flat[part] for flat in flats)}) for part in range(3))
        ranks = [{word: n for n, word in enumerate(some)} for some in words]
        building, unit, room = (
            np.array([ranks[part][flat[part]] for flat in flats], np.int64) for part in range(3)
        )
        key, spot = np.unique(building * len(words[2]) + room, return_inverse=True)
        parts = key // len(words[2]), key % len(words[2])
        return cls(building, unit, room, spot.astype(np.int64), parts, (words[0], words[1], words[2]))


@dataclass(frozen=True)
class Mentions:
    """Columns, one row a mention: person, name and surname (0: none), place, what it says of the flat, and of which address it is."""

    person: Ints
    called: Ints
    surname: Ints
    place: Ints
    spot: Ints
    unit: Ints
    where: Ints

    def take(self, rows: Bools | Ints | slice) -> Mentions:
        """Return some of them."""
        return Mentions(*(column[rows] for column in vars(self).values()))


@dataclass(frozen=True)
class Things:
    """Who uses a phone or a device that others use too: rows in order of `user`."""

    user: Ints
    thing: Ints

    def of(self, person: Ints) -> tuple[Ints, Ints]:
        """Return a row for each thing of each of these: its place among them, and the thing."""
        row, place = _ranges(*(np.searchsorted(self.user, person, side) for side in ("left", "right")))
        return row, self.thing[place]


class _Held:
    """Flats that are known, by who has them: person, name, thing and surname.

    Parameters
    ----------
    said
        Mentions of known places.
    flat
        Of each its flat, a number.
    things
        Who uses what.
    """

    def __init__(self, said: Mentions, flat: Ints, flats: int, things: Things) -> None:
        self._flats, self._things = flats, things
        row, thing = things.of(said.person)
        by = (said.person + 1, flat), (said.called, flat), (thing + 1, flat[row]), (said.surname, flat)
        self._by = [np.unique(_key(who, what, flats)[who > 0]) for who, what in by]

    def person(self, said: Mentions, flat: Ints) -> Bools:
        """Say of each mention whether the same person has this flat; -1: nobody has."""
        return self._is(0, said.person + 1, flat)

    def name(self, said: Mentions, flat: Ints) -> Bools:
        """Say whether it stands with the same name."""
        return self._is(1, said.called, flat)

    def mates(self, said: Mentions, flat: Ints) -> Bools:
        """Say whether somebody has it who uses a phone or device of the person."""
        row, thing = self._things.of(said.person)
        there = self._is(2, thing + 1, flat[row])
        return np.bincount(row[there], minlength=len(flat)) > 0

    def surname(self, said: Mentions, flat: Ints) -> Bools:
        """Say whether it stands with the same surname."""
        return self._is(3, said.surname, flat)

    def _is(self, which: int, who: Ints, flat: Ints) -> Bools:
        return (place_of(self._by[which], _key(who, flat, self._flats)) >= 0) & (flat >= 0) & (who > 0)


@dataclass(frozen=True)
class _Known:
    """Mentions of known flats, in order of `flat`, a number below `flats`."""

    said: Mentions
    flat: Ints
    flats: int

    def held(self, wanted: Ints, things: Things) -> _Held:
        """Return who has which of the wanted ones."""
        mine = np.zeros(self.flats, bool)
        mine[wanted] = True
        some = np.flatnonzero(mine)
        row = _ranges(*(np.searchsorted(self.flat, some, side) for side in ("left", "right")))[1]
        return _Held(self.said.take(row), self.flat[row], self.flats, things)


class _Choice:
    """What some mentions may mean, a row for each flat that fits; by and by they become fewer.

    Parameters
    ----------
    of
        Which mention, ascending.
    flat
        The flat, -1 where nobody wrote of it.
    """

    def __init__(self, said: Mentions, of: Ints, flat: Ints) -> None:
        self._said, self._of, self._flat = said, of, flat
        self._left = np.ones(len(of), bool)

    def narrow(self, held: Callable[[Mentions, Ints], Bools]) -> None:
        """Keep the flats that are held."""
        self.keep(lambda row: held(self._said.take(self._of[row]), self._flat[row]))

    def keep(self, fits: Callable[[Ints], Bools]) -> None:
        """Keep those that fit, of mentions of which some do; only the rows of mentions that are not decided are asked."""
        row = np.flatnonzero(self._left & (self._many(self._left)[self._of] > 1))
        good = np.zeros(len(self._of), bool)
        good[row] = fits(row)
        self._left &= good | (self._many(good) == 0)[self._of]

    def _many(self, mask: Bools) -> Ints:
        return np.bincount(self._of[mask], minlength=len(self._said.person))

    def decided(self, value: Ints) -> Ints:
        """Return the value of the only row that is left of each mention, `NOWHERE` where none was there, `SEVERAL` where there are several."""
        many = self._many(self._left)
        out = np.where(many == 0, NOWHERE, SEVERAL)
        row = np.flatnonzero(self._left & (many[self._of] == 1))
        out[self._of[row]] = value[row]
        return out


class _Built:
    """What is known to stand at each place: buildings, rooms, and units of a building.

    Parameters
    ----------
    known
        Mentions of known places.
    """

    def __init__(self, known: Mentions, doors: Doors) -> None:
        self._building, self._room = doors.parts
        self._many = [len(words) for words in doors.words]
        self._known = [np.unique(self._at(part, known.place, known.spot, known.unit)) for part in range(3)]

    def _at(self, part: int, place: Ints, spot: Ints, unit: Ints) -> Ints:
        """Return a number for a building, a room, or a unit of a building, at a place."""
        if part == 1:
            return _key(place, self._room[spot], self._many[2])
        at = _key(place, self._building[spot], self._many[0])
        return at if part == 0 else _key(at, unit, self._many[1])

    def there(self, place: Ints, spot: Ints, unit: Ints) -> Bools:
        """Say whether somebody wrote of such a building there, of such a room, and of such a unit if one is written."""
        known = [place_of(self._known[part], self._at(part, place, spot, unit)) >= 0 for part in range(3)]
        fine: Bools = known[0] & known[1] & (known[2] | (unit == 0))
        return fine


class Flats:
    """Flats that are written with their place, and what they say of those that are not.

    Parameters
    ----------
    said
        All mentions of a flat; those whose place is known are what is known.
    """

    def __init__(self, said: Mentions, doors: Doors, things: Things) -> None:
        self._things, self._doors = things, doors
        known = said.take(said.place >= 0)
        self._spots = len(doors.parts[0])
        door = _key(known.place, known.spot, self._spots)
        order = np.lexsort((known.unit, door))
        door = door[order]
        first = begins(door)
        self._door = door[first]
        self._known = _Known(known.take(order), np.cumsum(first) - 1, len(self._door))

    def _number(self, place: Ints, spot: Ints) -> Ints:
        """Return the number of place and spot, -1 where nobody wrote of it."""
        return place_of(self._door, _key(place, spot, self._spots))

    def the_one(self, said: Mentions, several: Mapping[int, Sequence[int]], many: Ints) -> Ints:
        """Return which of several places each mention means; below 0 if that can't be told.

        It is the one where the same person has that flat, or the same name; then the one that all incomplete addresses of a person's flat fit; where
        somebody has it who uses the same phone; the one of far more mentions than the others; where there are such a building, unit and room; where it
        stands with the same surname.

        Parameters
        ----------
        several
            Address -> the places that fit.
        many
            How many mentions there are of each place.
        """
        out = np.full(len(said.person), NOWHERE, np.int64)
        built = _Built(self._known.said, self._doors)
        for rows in _by_person(said.person):
            out[rows] = self._the_one(said.take(rows), several, many, built)
        return out

    def _the_one(
        self, said: Mentions, several: Mapping[int, Sequence[int]], many: Ints, built: _Built
    ) -> Ints:
        fit = [several[one] for one in said.where.tolist()]
        of = np.repeat(np.arange(len(fit)), [len(some) for some in fit])
        place = np.fromiter((one for some in fit for one in some), np.int64, len(of))
        spot, unit = said.spot[of], said.unit[of]
        door = self._number(place, spot)
        held = self._known.held(door[door >= 0], self._things)
        whole = _all_fit(said, of, place)
        choice = _Choice(said, of, door)
        choice.narrow(held.person)
        choice.narrow(held.name)
        choice.keep(lambda row: whole[row])
        choice.narrow(held.mates)
        choice.keep(lambda row: _usual(of[row], many[place[row]]))
        choice.keep(lambda row: built.there(place[row], spot[row], unit[row]))
        choice.narrow(held.surname)
        return choice.decided(place)

    def units(self, said: Mentions) -> Ints:
        """Return the unit: where it is not written, that of the same person, name, phone or surname, or the only one there is; `SEVERAL` where several fit."""
        out, door = said.unit.copy(), self._number(said.place, said.spot)
        written = self._known.said.unit > 0
        units = int(self._known.said.unit.max(initial=0)) + 1
        key = _key(self._known.flat[written], self._known.said.unit[written], units)
        first = begins(key)
        known, flat = (
            _Known(self._known.said.take(written), np.cumsum(first) - 1, int(first.sum())),
            key[first],
        )
        for part in _by_person(said.person):
            rows = part[(out[part] == 0) & (door[part] >= 0)]
            of, row = _ranges(*(np.searchsorted(flat, _key(door[rows] + n, 0, units)) for n in (0, 1)))
            held = known.held(row, self._things)
            choice = _Choice(said.take(rows), of, row)
            for by in (held.person, held.name, held.mates, held.surname):
                choice.narrow(by)
            found = choice.decided(flat[row] % units)
            out[rows] = np.where(found == NOWHERE, 0, found)
        return out


def _key(a: Ints, b: Ints | int, many: int) -> Ints:
    return a * many + b


def _ranges(begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Return the numbers from `begin` on and before `end`, and of which pair each is."""
    many = end - begin
    of = np.repeat(np.arange(len(begin)), many)
    return of, np.arange(len(of)) - np.repeat(np.cumsum(many) - many - begin, many)


def _by_person(person: Ints) -> Iterator[Ints]:
    """Yield rows, all of a person together."""
    order = np.argsort(person, kind="stable")
    edges = np.append(np.flatnonzero(begins(person[order])), len(order))
    start = 0
    while start < len(order):
        stop = int(edges[np.searchsorted(edges, min(start + _SLICE, len(order)))])
        yield order[start:stop]
        start = stop


def _all_fit(said: Mentions, of: Ints, place: Ints) -> Bools:
    """Say of each place that a mention may mean whether all addresses fit it that the person gives to the same flat."""
    whose = np.unique(_key(said.person, said.spot, int(said.spot.max(initial=0)) + 1), return_inverse=True)[1]
    total = np.bincount(once(whose, said.where)[0])
    key, which = np.unique(_key(whose[of], place, int(place.max(initial=0)) + 1), return_inverse=True)
    fitting = np.bincount(once(which, said.where[of])[0], minlength=len(key))
    found: Bools = fitting[which] == total[whose[of]]
    return found


def _usual(of: Ints, many: Ints) -> Bools:
    """Say of each place, `of` a mention, ascending, whether no other that it may mean has `RARE` times as many mentions."""
    first = begins(of)
    most = np.maximum.reduceat(many, np.flatnonzero(first)) if len(of) else many
    found: Bools = many * RARE >= most[np.cumsum(first) - 1]
    return found

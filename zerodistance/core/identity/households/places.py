"""Addresses as people write them -> homes: which estate or house number is meant, and which flat in it. Pure.

People leave parts out: the road or the estate, the district, the word for the kind of estate, the unit. Whoever writes all of it shows which parts belong
together; what is left out is then filled in where one place only fits, or where the same person has written it in full.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity.households.columns import Ints
from zerodistance.core.identity.households.flats import NOWHERE, SEVERAL, Doors, Flats, Mentions

Bools = npt.NDArray[np.bool_]


class Where(NamedTuple):
    """What an address says of the place, each part empty where it does not stand there.

    Of an address that is not Chinese `town` is the postcode, and there is no estate.
    """

    district: str
    town: str
    road: str
    number: str
    estate: str
    core: str

    @property
    def kind(self) -> str:
        """The whole name of the estate, where it has the word for its kind."""
        return self.estate if self.estate != self.core else ""


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
    called
        Code of the name that stands with it; 0: none.
    where, flat
        Row of `wheres` and of `flats`.
    """

    person: Ints
    called: Ints
    where: Ints
    flat: Ints
    wheres: Sequence[Where]
    flats: Sequence[Flat]


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


@dataclass(eq=False)
class _Place:
    """What is known of one place: the values that were written of each part."""

    district: set[str] = field(default_factory=set)
    town: set[str] = field(default_factory=set)
    road: set[str] = field(default_factory=set)
    number: set[str] = field(default_factory=set)
    core: set[str] = field(default_factory=set)
    kind: set[str] = field(default_factory=set)

    def fits(self, one: Where) -> bool:
        """Say whether nothing that was written speaks against it."""
        said = zip(
            (one.district, one.town, one.road, one.number, one.core, one.kind),
            (self.district, self.town, self.road, self.number, self.core, self.kind),
            strict=True,
        )
        return all(not part or not known or part in known for part, known in said)

    def learn(self, one: Where) -> None:
        """Take over what was not known yet."""
        parts = ("district", "town", "road", "number", "core", "kind")
        for name in parts:
            known, part = getattr(self, name), getattr(one, name)
            if part and not known:
                known.add(part)


def homes(written: Written) -> Homes:
    """Return the home of each mention; the order of mentions does not matter."""
    place, several, label = _places(written)
    doors = Doors.of(written.flats)
    flat = written.flat
    said = Mentions(written.person, written.called, place[written.where], doors.spot[flat], doors.unit[flat])
    flats = Flats(said, int(doors.spot.max(initial=-1)) + 1)
    named = (said.place != NOWHERE) & _is_flat(written, place, said.place, doors.room[flat] > 0)
    rows = np.flatnonzero(named)
    said, at = said.take(named), said.place[named]
    open_ = at == SEVERAL
    at[open_] = flats.the_one(said.take(open_), written.where[rows[open_]], several)
    said = replace(said, place=at)
    unit = np.where(at >= 0, flats.units(said), SEVERAL)
    clear = unit >= 0
    home, known = _in_order(at[clear], doors, flat[rows[clear]], unit[clear], label)
    out = np.full(len(flat), -1, np.int64)
    out[rows[clear]] = home
    return Homes(out, known, int((~clear).sum()))


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


def _places(written: Written) -> tuple[Ints, dict[int, list[int]], list[tuple[str, str]]]:
    """Return the place of each row of `wheres`, those that fit where there are several, and what each place is called."""
    many = np.bincount(written.where, minlength=len(written.wheres))
    found = _Gazetteer()
    whole = [n for n, one in enumerate(written.wheres) if one.core and one.road and one.number]
    out = np.full(len(written.wheres), NOWHERE, np.int64)
    found.begin([written.wheres[n] for n in whole])
    several: dict[int, list[int]] = {}
    # the fullest first: whoever writes less may then mean what is known already
    for n in sorted(range(len(written.wheres)), key=lambda n: (-_says(written.wheres[n]), written.wheres[n])):
        one = written.wheres[n]
        if not (one.core or (one.road and one.number)):
            fit = (
                [p for p in found.by_road.get(one.road, ()) if found.places[p].fits(one)] if one.road else []
            )
        else:
            fit = found.fitting(one)
            if not fit:
                fit = [found.add(one)]
        if len(fit) == 1:
            out[n] = fit[0]
            found.learn(fit[0], one)
        elif fit:
            out[n], several[n] = SEVERAL, fit
    return out, several, found.names(written.wheres, out, many)


def _says(one: Where) -> int:
    return sum(1 for part in one if part) + (one.kind != "")


class _Gazetteer:
    """The places there are, found by house number, by estate and by road."""

    def __init__(self) -> None:
        self.places: list[_Place] = []
        self.by_number: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.by_core: dict[str, list[int]] = defaultdict(list)
        self.by_road: dict[str, list[int]] = defaultdict(list)

    def begin(self, whole: Sequence[Where]) -> None:
        """Take in addresses with estate, road and number: one place for each, one for each district that stands with it."""
        groups: dict[tuple[str, str, str], list[Where]] = defaultdict(list)
        for one in whole:
            groups[one.core, one.road, one.number].append(one)
        for _, said in sorted(groups.items()):
            for district in sorted({one.district for one in said if one.district}) or [""]:
                at = self.add(said[0]._replace(district=district, town="", estate=said[0].core))
                mine = [one for one in said if one.district in ("", district)]
                self.places[at].town.update(one.town for one in mine if one.town)
                self.places[at].kind.update(one.kind for one in mine if one.kind)

    def add(self, one: Where) -> int:
        """Take in a place that is known by one address."""
        at = len(self.places)
        self.places.append(_Place())
        self.learn(at, one)
        return at

    def learn(self, at: int, one: Where) -> None:
        """Let a place be found by what this address says."""
        place = self.places[at]
        before = (bool(place.number), bool(place.core), bool(place.road))
        place.learn(one)
        if place.number and place.road and not before[0]:
            self.by_number[next(iter(place.road)), next(iter(place.number))].append(at)
        if place.core and not before[1]:
            self.by_core[next(iter(place.core))].append(at)
        if place.road and not before[2]:
            self.by_road[next(iter(place.road))].append(at)

    def fitting(self, one: Where) -> list[int]:
        """Return the places that an address may mean."""
        if one.road and one.number:
            fit = [p for p in self.by_number.get((one.road, one.number), ()) if self.places[p].fits(one)]
            if fit or not one.core:
                return fit
        return [p for p in self.by_core.get(one.core, ()) if self.places[p].fits(one)] if one.core else []

    def names(self, wheres: Sequence[Where], place: Ints, many: Ints) -> list[tuple[str, str]]:
        """Return district, and estate or road and number, of each place, as most write them."""
        said: list[tuple[dict[str, int], dict[str, int]]] = [({}, {}) for _ in self.places]
        for one, at, times in zip(wheres, place.tolist(), many.tolist(), strict=True):
            if at >= 0:
                estate = one.estate or (
                    one.road + one.number if one.number and not self.places[at].core else ""
                )
                for counts, word in zip(said[at], (one.district, estate), strict=True):
                    if word:
                        counts[word] = counts.get(word, 0) + times + (word != one.core)
        return [(_commonest(districts), _commonest(estates)) for districts, estates in said]


def _commonest(counts: dict[str, int]) -> str:
    return max(sorted(counts), key=lambda word: (counts[word], len(word)), default="")

"""Addresses as people write them -> the places there are: which estate or house number is meant. Pure.

People leave parts out: the city, the road or the estate, the district, the word for the kind of estate. Whoever writes all of it shows which parts belong
together; what is left out is then filled in where one place only fits. A district that hardly anybody gives to a place is a mistake, not another place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from zerodistance.core.identity.households.columns import Ints

NOWHERE, SEVERAL = -1, -2
"""Instead of a place, or a unit: nothing that tells it is written; several fit."""
RARE = 50
"""Of two places that fit, one with so many times the mentions of the other is meant, own value: in the sample city, of a million people, those below it are
districts that were given wrongly."""


class Where(NamedTuple):
    """What an address says of the place, each part empty where it does not stand there.

    Of an address that is not Chinese `town` is the postcode, and there is no estate.
    """

    city: str
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

    @property
    def whole(self) -> bool:
        """Whether estate, road and house number stand there."""
        return bool(self.core and self.road and self.number)


_PARTS = ("city", "district", "town", "road", "number", "core", "kind")


@dataclass(eq=False)
class _Place:
    """What is known of one place: the values that were written of each part."""

    city: set[str] = field(default_factory=set)
    district: set[str] = field(default_factory=set)
    town: set[str] = field(default_factory=set)
    road: set[str] = field(default_factory=set)
    number: set[str] = field(default_factory=set)
    core: set[str] = field(default_factory=set)
    kind: set[str] = field(default_factory=set)

    def fits(self, one: Where) -> bool:
        """Say whether nothing that was written speaks against it."""
        said = zip(
            (one.city, one.district, one.town, one.road, one.number, one.core, one.kind),
            (self.city, self.district, self.town, self.road, self.number, self.core, self.kind),
            strict=True,
        )
        return all(not part or not known or part in known for part, known in said)

    def learn(self, one: Where) -> None:
        """Take over what was not known yet."""
        for name in _PARTS:
            known, part = getattr(self, name), getattr(one, name)
            if part and not known:
                known.add(part)


@dataclass(frozen=True)
class Places:
    """The places there are.

    Attributes
    ----------
    of
        Per address, row of `names`; `NOWHERE` or `SEVERAL`.
    several
        Address -> the places that fit, where there are several.
    names
        District, and estate or road and number, of each place, as most write them.
    many
        Per place, how many mentions are of it.
    """

    of: Ints
    several: dict[int, list[int]]
    names: list[tuple[str, str]]
    many: Ints


def places(wheres: Sequence[Where], many: Ints) -> Places:
    """Return the places that addresses mean; their order does not matter.

    Parameters
    ----------
    many
        How often each address is mentioned.
    """
    found, times = _Gazetteer(), many.tolist()
    out = np.full(len(wheres), NOWHERE, np.int64)
    wheres = _in_cities(wheres, times)
    found.begin([(one, count) for one, count in zip(wheres, times, strict=True) if one.whole])
    several: dict[int, list[int]] = {}
    # the fullest first: whoever writes less may then mean what is known already
    for n in sorted(range(len(wheres)), key=lambda n: (-_says(wheres[n]), wheres[n])):
        one = found.corrected(wheres[n])
        if one.core or (one.road and one.number):
            fit = found.fitting(one) or [found.add(one)]
        else:
            fit = found.along(one)
        if len(fit) == 1:
            out[n] = fit[0]
            found.learn(fit[0], one)
        elif fit:
            out[n], several[n] = SEVERAL, fit
    counts = np.bincount(out[out >= 0], many[out >= 0], len(found.places)).astype(np.int64)
    return Places(out, several, found.names(wheres, out, times), counts)


def _in_cities(wheres: Sequence[Where], many: Sequence[int]) -> list[Where]:
    """Return the addresses with their cities, where a district stands with one city only."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one, times in zip(wheres, many, strict=True):
        if one.city and one.district:
            counts[one.district][one.city] += times
    city_of = {
        district: max(cities, key=lambda city: cities[city])
        for district, cities in counts.items()
        if sum(times * RARE >= max(cities.values()) for times in cities.values()) == 1
    }
    return [one if one.city else one._replace(city=city_of.get(one.district, "")) for one in wheres]


def _says(one: Where) -> int:
    return sum(1 for part in one if part) + (one.kind != "")


class _Gazetteer:
    """The places there are, found by house number, by estate and by road."""

    def __init__(self) -> None:
        self.places: list[_Place] = []
        self._by_number: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._by_core: dict[str, list[int]] = defaultdict(list)
        self._by_road: dict[str, list[int]] = defaultdict(list)
        self._mistaken: set[tuple[str, str, str, str]] = set()

    def begin(self, whole: Sequence[tuple[Where, int]]) -> None:
        """Take in addresses with estate, road and number, and how often: a place for each city and district that such stand with."""
        groups: dict[tuple[str, str, str], list[tuple[Where, int]]] = defaultdict(list)
        for one, times in whole:
            groups[one.core, one.road, one.number].append((one, times))
        for (core, road, number), said in sorted(groups.items()):
            counts: dict[tuple[str, str], int] = defaultdict(int)
            for one, times in said:
                counts[one.city, one.district] += times
            for city, district in separate(counts):
                at = self.add(Where(city, district, "", road, number, core, core))
                mine = [o for o, _ in said if o.city in ("", city) and o.district in ("", district)]
                self.places[at].town.update(one.town for one in mine if one.town)
                self.places[at].kind.update(one.kind for one in mine if one.kind)
                counts = {pair: n for pair, n in counts.items() if pair[1] != district}
            self._mistaken.update((core, road, number, district) for _, district in counts if district)

    def corrected(self, one: Where) -> Where:
        """Return the address without a district that is a mistake."""
        wrong = (one.core, one.road, one.number, one.district) in self._mistaken
        return one._replace(district="") if wrong else one

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
            self._by_number[next(iter(place.road)), next(iter(place.number))].append(at)
        if place.core and not before[1]:
            self._by_core[next(iter(place.core))].append(at)
        if place.road and not before[2]:
            self._by_road[next(iter(place.road))].append(at)

    def fitting(self, one: Where) -> list[int]:
        """Return the places that an address with an estate, or with a road and number, may mean."""
        if one.road and one.number:
            fit = self._of(self._by_number.get((one.road, one.number), ()), one)
            if fit or not one.core:
                return fit
        return self._of(self._by_core.get(one.core, ()), one) if one.core else []

    def along(self, one: Where) -> list[int]:
        """Return the places on the road that an address says, and nothing more."""
        return self._of(self._by_road.get(one.road, ()), one) if one.road else []

    def _of(self, some: Sequence[int], one: Where) -> list[int]:
        return [at for at in some if self.places[at].fits(one)]

    def names(self, wheres: Sequence[Where], place: Ints, many: Sequence[int]) -> list[tuple[str, str]]:
        """Return district, and estate or road and number, of each place, as most write them."""
        said: list[tuple[dict[str, int], dict[str, int]]] = [({}, {}) for _ in self.places]
        for one, at, times in zip(wheres, place.tolist(), many, strict=True):
            if at >= 0:
                estate = one.estate or (
                    one.road + one.number if one.number and not self.places[at].core else ""
                )
                for counts, word in zip(said[at], (one.district, estate), strict=True):
                    if word:
                        counts[word] = counts.get(word, 0) + times + (word != one.core)
        return [(_commonest(districts), _commonest(estates)) for districts, estates in said]


def separate(counts: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    """Return the cities and districts in which there is a place of one name and house number, in order.

    Parameters
    ----------
    counts
        City and district, each empty where it was not written, and how often that was.

    Examples
    --------
    >>> separate({("", ""): 5, ("青岛", "黄岛"): 90, ("", "黄岛"): 60, ("青岛", "市北"): 1, ("长春", ""): 2})
    [('长春', ''), ('青岛', '黄岛')]
    """
    city_of: dict[str, str] = {}
    for (city, district), _ in sorted(counts.items(), key=lambda row: (row[1], row[0])):
        if city and district:
            city_of[district] = city  # the one that it most often stands with
    cities = sorted({city for city, _ in counts if city})
    only = cities[0] if len(cities) == 1 else ""
    times: dict[str, dict[str, int]] = {city: {} for city in cities}
    for (_, district), many in sorted(counts.items()):
        if district:
            inside = times.setdefault(city_of.get(district, only), {})
            inside[district] = inside.get(district, 0) + many
    found = [
        (city, district)
        for city, inside in times.items()
        for district, many in inside.items()
        if many * RARE >= max(inside.values())
    ]
    found += [(city, "") for city in cities if not times[city]]
    return sorted(found) or [("", "")]


def _commonest(counts: dict[str, int]) -> str:
    return max(sorted(counts), key=lambda word: (counts[word], len(word)), default="")

"""What a home and those who share it say about each of them, as facts that other rooms may read: counts, years, the community; no address."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Place
from zerodistance.core.identity.addresses import core
from zerodistance.core.identity.households import store
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
Row = tuple[int, str, str]
"""Person number, fact, value."""
FACTS: Final = (
    "household_size",
    "household_years",
    "household_homes",
    "home_since",
    "community",
    "community_grade",
)
"""Members now; years between the births of the oldest and the youngest of them; homes known, and the year since which they are known at this one;
code of the brand's community that it lies in, and its grade."""
_MEMBERS = "select s.person, m.household from household_member m join subject s on s.number = m.subject where m.until is null"
_MINE = (
    "select s.person, m.household from subject s join household_member m on m.subject = s.number "
    "where m.until is null and s.person in {values}"
)
_OTHERS = (
    "select s.person, m.household from household_member m join subject s on s.number = m.subject "
    "where m.until is null and m.household in {values}"
)
_HOMES = "select household, home, since, until, address from household_home"
_BORN = "select s.person, max(f.value) from identity_fact f join subject s on s.number = f.subject where f.fact = 'birth_year'"


def facts(home: Home, tx: Connection, numbers: Ints | None) -> Iterator[Row]:
    """Yield the facts of these persons, None: of everybody who is of a household."""
    if numbers is None:
        asked = rows = list(_pairs(bulk.stream(tx, _MEMBERS)))
        homes: Iterable[bulk.Row] = (row for part in bulk.stream(tx, _HOMES) for row in part)
        births = _pairs(bulk.stream(tx, f"{_BORN} group by s.person"))
    else:
        asked = list(bulk.among(tx, _MINE, np.unique(numbers).tolist()))
        households = sorted({household for _, household in asked})
        rows = list(bulk.among(tx, _OTHERS, households))
        homes = bulk.among(tx, f"{_HOMES} where household in {{values}}", households)
        persons = sorted({person for person, _ in rows})
        births = bulk.among(tx, f"{_BORN} and s.person in {{values}} group by s.person", persons)
    born: dict[int, str] = dict(births)
    members: dict[int, set[int]] = defaultdict(set)
    for person, household in rows:
        members[household].add(person)
    about = dict(_of_homes(home, homes))
    for person, household in sorted(set(asked)):
        yield person, "household_size", str(len(members[household]))
        years = [int(born[other]) for other in members[household] if other in born]
        if len(years) > 1:
            yield person, "household_years", str(max(years) - min(years))
        for fact, value in about.get(household, ()):
            yield person, fact, value


def _pairs(parts: Iterable[Sequence[bulk.Row]]) -> Iterator[bulk.Row]:
    for part in parts:
        yield from part


def _of_homes(home: Home, rows: Iterable[bulk.Row]) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Yield what the homes of each household say."""
    known = _Communities(brand.places(home, Who.system("identity")))
    said: dict[int, dict[bytes, tuple[int, int | None, bytes]]] = defaultdict(dict)
    for household, token, since, until, address in rows:
        key = bytes(token)
        before = said[household].get(key)
        if before is None or since < before[0]:
            said[household][key] = since, until, address
    for household, homes in said.items():
        found = [("household_homes", str(len(homes)))]
        here = max(((since, key) for key, (since, until, _) in homes.items() if until is None), default=None)
        if here is not None:
            since, key = here
            zone = home.settings.tz
            found.append(("home_since", str(clock.from_micros(since).astimezone(zone).year)))
            opened = home.seal.open(homes[key][2], store.where_home(household, key))
            district, estate, *_ = json.loads(opened)
            place = known.meant(district, estate)
            if place is not None:
                found.append(("community", place.code))
                if place.grade:
                    found.append(("community_grade", place.grade))
        yield household, found


class _Communities:
    """The brand's communities, found by what people call them."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._named: dict[str, list[Place]] = defaultdict(list)
        self._districts: dict[str, list[str]] = defaultdict(list)
        self._known: dict[tuple[str, str], Place | None] = {}
        listed = list(places)
        for place in listed:
            if place.kind == "district":
                self._districts[place.area] += [place.name.zh, place.name.en]
            if place.kind == "community":
                for name in {place.name.zh, core(place.name.zh), place.name.en}:
                    self._named[name].append(place)

    def meant(self, district: str, estate: str) -> Place | None:
        """Return the community that is meant, None where none is, or more than one may be."""
        if (district, estate) not in self._known:
            self._known[district, estate] = self._found(district, estate)
        return self._known[district, estate]

    def _found(self, district: str, estate: str) -> Place | None:
        found = self._named.get(estate) or self._named.get(core(estate)) or []
        if district:
            found = [one for one in found if self._lies_in(one, district)]
        return found[0] if len(found) == 1 else None

    def _lies_in(self, place: Place, district: str) -> bool:
        """Say whether a place may lie in a district, as people write it: 李沧 is 李沧区. One whose district nobody named may."""
        names = self._districts.get(place.area)
        return names is None or any(name.startswith(district) for name in names)

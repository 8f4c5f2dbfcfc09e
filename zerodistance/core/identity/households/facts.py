"""What a home and those who share it say about each of them, as facts that other rooms may read: counts, years, the community; no address."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Place
from zerodistance.core.identity import published
from zerodistance.core.identity.addresses import core
from zerodistance.core.identity.households import store
from zerodistance.core.identity.households.columns import place_of
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
FACTS: Final = (
    "household",
    "household_size",
    "household_years",
    "household_homes",
    "home_since",
    "community",
    "community_grade",
)
"""Number of the household, as it is until households are computed again; members now; years between the births of the oldest and the youngest of them;
homes known, and the year since which they are known at this one; code of the brand's community that it lies in, and its grade."""
_MEMBERS = "select s.person, m.household from household_member m join subject s on s.number = m.subject where m.until is null"
_MINE = f"{_MEMBERS} and s.person in {{values}}"
_OTHERS = f"{_MEMBERS} and m.household in {{values}}"
_COUNTED = "select household, count(distinct home) from household_home {} group by household"
_HERE = "select household, home, since, address from household_home where until is null {} order by household, since, home"
_AMONG = "household in {values}"


def facts(home: Home, tx: Connection, numbers: Ints | None, said: pa.Table) -> Iterator[pa.Table]:
    """Yield a table for each fact, of these persons, None: of everybody who is of a household; `said` is what they said (`published.latest`)."""
    if numbers is None:
        members = _distinct(bulk.columns(tx, _MEMBERS, 2))
        asked = _one(members)
        counted = bulk.columns(tx, _COUNTED.format(""), 2)
        here: Iterable[bulk.Row] = (row for part in bulk.stream(tx, _HERE.format("")) for row in part)
    else:
        asked = _one(_distinct(_rows(bulk.among(tx, _MINE, np.unique(numbers).tolist()))))
        some = np.unique(asked[1]).tolist()
        members = _distinct(_rows(bulk.among(tx, _OTHERS, some)))
        counted = _rows(bulk.among(tx, _COUNTED.format(f"where {_AMONG}"), some))
        here = bulk.among(tx, _HERE.format(f"and {_AMONG}"), some)
        said = published.latest(tx, members[0], "birth_year")
    person, household = asked
    yield published.column("household", person, household)
    known, size = np.unique(members[1], return_counts=True)
    yield published.column("household_size", person, size[np.searchsorted(known, household)])
    yield _spread("household_years", asked, *_years(members, said))
    yield _spread("household_homes", asked, *counted[:, np.argsort(counted[0], kind="stable")])
    yield from _of_homes(home, here, asked)


def sharing(tx: Connection, numbers: Ints) -> Ints:
    """Return whoever is of a household of one of these persons; who was joined from persons of two is of both."""
    mine = _rows(bulk.among(tx, _MINE, np.unique(numbers).tolist()))
    return np.unique(_rows(bulk.among(tx, _OTHERS, np.unique(mine[1]).tolist()))[0])


def _rows(rows: Iterable[bulk.Row]) -> Ints:
    return np.array(list(rows), np.int64).reshape(-1, 2).T


def _distinct(pairs: Ints) -> Ints:
    """Return (person, household), each once, in order of both."""
    order = np.lexsort((pairs[1], pairs[0]))
    person, household = pairs[0][order], pairs[1][order]
    fresh = (np.diff(person, prepend=-1) != 0) | (np.diff(household, prepend=-1) != 0)
    return np.stack([person[fresh], household[fresh]])


def _one(pairs: Ints) -> Ints:
    """Return one household of each person, the least: who was joined from persons of two is of both until households are computed again."""
    return pairs[:, np.diff(pairs[0], prepend=-1) != 0]


def _spread(fact: str, asked: Ints, households: Ints, values: Ints) -> pa.Table:
    """Return what is so of households, in ascending order, for each of their members who were asked about."""
    person, household = asked
    at = place_of(households, household)
    there = at >= 0
    return published.column(fact, person[there], values[at[there]])


def _years(members: Ints, said: pa.Table) -> tuple[Ints, Ints]:
    """Return the years between the births of the oldest and the youngest of each household, where two are known."""
    born = said.filter(pc.equal(said.column("fact"), "birth_year")).sort_by("number")
    numbers = born.column("number").to_numpy()
    years = born.column("value").cast(pa.int64()).to_numpy()
    order = np.lexsort((members[0], members[1]))
    person, household = members[0][order], members[1][order]
    at = place_of(numbers, person)
    there = at >= 0
    household, mine = household[there], years[at[there]]
    begins = np.flatnonzero(np.diff(household, prepend=-1))
    if not len(begins):
        return household, mine
    between = np.maximum.reduceat(mine, begins) - np.minimum.reduceat(mine, begins)
    several = np.diff(begins, append=len(mine)) > 1
    return household[begins][several], between[several]


def _of_homes(home: Home, rows: Iterable[bulk.Row], asked: Ints) -> Iterator[pa.Table]:
    """Yield what the home says in which a household lives, the last that it moved into: since when, the community, its grade."""
    known = brand.held(home, "communities", lambda: _Communities(brand.places(home, Who.system("identity"))))
    of = defaultdict[int, dict[bytes, tuple[int, bytes]]](dict)
    for household, token, since, address in rows:  # a home comes with the member whose address said so first
        of[household].setdefault(bytes(token), (since, address))
    households, zone = np.array(sorted(of), np.int64), home.settings.tz
    years, places = np.zeros(len(of), np.int64), list[Place | None]()
    for n, household in enumerate(households.tolist()):
        token, (since, address) = next(reversed(of[household].items()))
        years[n] = clock.from_micros(since).astimezone(zone).year
        district, estate, *_ = json.loads(home.seal.open(address, store.where_home(household, token)))
        places.append(known.meant(district, estate))
    yield _spread("home_since", asked, households, years)
    for fact, words in (
        ("community", [place.code if place else None for place in places]),
        ("community_grade", [place.grade if place else None for place in places]),
    ):
        yield _named(fact, asked, households, words)


def _named(fact: str, asked: Ints, households: Ints, words: Sequence[str | None]) -> pa.Table:
    there = np.array([word is not None for word in words], np.bool_)
    found = [word for word in words if word is not None]
    spread = _spread(fact, asked, households[there], np.arange(len(found)))
    places = spread.column("value").cast(pa.int64())
    return published.column(
        fact, spread.column("number").to_numpy(), pa.array(found, pa.string()).take(places)
    )


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

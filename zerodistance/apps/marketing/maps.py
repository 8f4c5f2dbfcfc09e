"""The map of a marketer: the communities near by and the cells around, what is needed in them, and nothing exact.

A spot is snapped to a cell before anything is computed, and everything that is said of a place is the released count of a fixed set of communities.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from h3.api import basic_int as h3

from zerodistance.apps.marketing import rules
from zerodistance.apps.marketing.contracts import Cells, Communities, Community, Figure, Region, Spot
from zerodistance.apps.marketing.spots import within
from zerodistance.core.brand import api as brand
from zerodistance.core.segments import released, releasing, spreading
from zerodistance.core.segments.contracts import AllOf, AnyOf, Lives, Rule
from zerodistance.core.segments.questions import Question
from zerodistance.core.segments.spreading import EVERYBODY, Grouped, Spread
from zerodistance.kernel.access import Who
from zerodistance.kernel.coordinates import System, from_wgs84
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

Floats = npt.NDArray[np.float64]
NEAREST: Final = 30
"""As the reference system had it."""
KM: Final = 5.0
MOST, FARTHEST = 100, 50.0  # own values: communities in one answer, and km
_CHUNK, _LOOKED = (
    60,
    480,
)  # own values: communities that are counted at once, and at most, until enough are shown


class Look:
    """A map as it is looked at: every figure in it is of one moment.

    Parameters
    ----------
    who
        Whose territory it is.
    """

    def __init__(self, home: Home, who: Who) -> None:
        self.home, self.who, self.spread = home, who, Spread(home, who)
        self._regions: dict[Question, tuple[rules.Regions, Grouped]] = {}

    def regions(self, question: Question) -> tuple[rules.Regions, Grouped]:
        """Return the regions of a question, and the communities put together by them."""
        if question not in self._regions:
            spread = self.spread
            made = rules.regions(
                spread.cells,
                spread.mine,
                lambda groups, many: spread.count(question, groups, many).shown,
            )
            self._regions[question] = made, Grouped(spread, made.of, len(made.cells))
        return self._regions[question]


def communities(
    home: Home,
    who: Who,
    at: Spot,
    *,
    need: str | None = None,
    audience: str | None = None,
    most: int = NEAREST,
    look: Look | None = None,
) -> Communities:
    """Return the communities of the own territory nearest to a spot, with released counts of their users and of what these need.

    Parameters
    ----------
    need
        Key of a need that is told with its region besides; raises NotClosed for another one.
    audience
        Key of an approved audience: only its members are counted as in need; raises NotApproved.
    look
        What another part of the same page was read from.
    """
    within("most", most, 1, MOST)
    began = time.perf_counter()
    look = look or Look(home, who)
    spread = look.spread
    every = spread.needs
    wanted = None if need is None else spread.need(need)
    places, km, users, hidden = _shown(spread, at, most)
    together = Grouped(spread, _alone(spread, places), len(places))
    needs = {one.key: together.count(Question(audience=audience, need=one.key)) for one in every}
    around = None if wanted is None else _Around(look, Question(audience=audience, need=wanted.key))
    codes = [spread.codes[place] for place in places.tolist()]
    known = brand.some_places(home, codes)
    rows = []
    for n, code in enumerate(codes):
        place, its_needs = known.get(code), {key: counted.figure(n) for key, counted in needs.items()}
        homes = None if place is None else place.households
        lat, lon = spread.points[places[n]].tolist()
        rows.append(
            Community(
                code=code,
                name=Text(code, code) if place is None else place.name,
                lat=lat,
                lon=lon,
                km=float(km[n]),
                grade=None if place is None else place.grade,
                users=_figure(users[n], spread.k),
                households=homes,
                coverage=None if homes is None else 100 * users[n] / homes,
                need=None if wanted is None else _figure(its_needs[wanted.key], spread.k),
                around=None if around is None else around.of(int(places[n])),
                needs=its_needs,
            )
        )
    took = (time.perf_counter() - began) * 1_000
    floor = released.floor(spread.k)
    return Communities(at, tuple(rows), hidden, wanted, every, spread.k, floor, spread.as_of, took)


def cells(
    home: Home,
    who: Who,
    at: Spot,
    *,
    need: str | None = None,
    audience: str | None = None,
    km: float = KM,
    look: Look | None = None,
) -> Cells:
    """Return the regions of the own territory with a community within so many km of a spot, with released counts of who has a need, or of all users.

    A region is the same from wherever it is looked at, see `rules.regions`.
    """
    within("km", km, 0.5, FARTHEST)
    began = time.perf_counter()
    look = look or Look(home, who)
    spread = look.spread
    wanted = None if need is None else spread.need(need)
    question = EVERYBODY if need is None and audience is None else Question(audience=audience, need=need)
    made, together = look.regions(question)
    counted = together.count(question)
    near = np.unique(made.of[spread.near(at.lat, at.lon, km)])
    of = np.bincount(made.of[made.of >= 0], minlength=len(made.cells))
    found = []
    for n in near[near >= 0].tolist():
        figure = counted.figure(n) if made.shown[n] else None
        cell, resolution = int(made.cells[n]), int(made.resolution[n])
        found.append(
            Region(
                cell=h3.int_to_str(cell),
                resolution=resolution,
                figure=_figure(figure, spread.k),
                communities=int(of[n]),
                ring=_ring(cell),
                km2=_area(made, n),
            )
        )
    regions = tuple(sorted(found, key=lambda one: (one.resolution, one.cell)))  # coarse ones lie below
    shown = [one.figure.persons for one in regions if one.figure.persons is not None]
    total = Figure(*spreading.together(shown, spread.k)) if shown else Figure(None, 0, None)
    took = (time.perf_counter() - began) * 1_000
    floor, hidden = released.floor(spread.k), len(regions) - len(shown)
    return Cells(at, km, wanted, regions, total, hidden, spread.k, floor, spread.as_of, took)


def chosen(
    home: Home, who: Who, codes: Sequence[str], *, need: str | None = None, audience: str | None = None
) -> Rule:
    """Return the rule of who lives in communities of the own territory and has a need: the audience of a message. Raises NotYours for another community."""
    spread = Spread(home, who)
    for code in codes:
        spread.place(code)
    lives = AnyOf(tuple(Lives(community=code) for code in dict.fromkeys(codes)))
    if need is None and audience is None:
        return lives
    return AllOf((lives, releasing.rule_of(home, who, Question(audience=audience, need=need))))


def said_in(at: Spot, system: System) -> tuple[float, float]:
    """Return latitude and longitude of a spot as maps of another system have them."""
    return from_wgs84(at.lat, at.lon, system)


# -- what is near


def _alone(spread: Spread, places: rules.Ints) -> rules.Ints:
    """Return groups in which each of some communities is one."""
    groups = np.full(len(spread.codes), -1, np.int64)
    groups[places] = np.arange(len(places))
    return groups


def _shown(spread: Spread, at: Spot, most: int) -> tuple[rules.Ints, Floats, list[int], int]:
    """Return the nearest communities whose users are shown, how far each is, their users, and how many nearer ones are hidden."""
    places, km = spread.nearest(at.lat, at.lon, _LOOKED)
    found: list[int] = []
    users: list[int] = []
    looked = 0
    for first in range(0, len(places), _CHUNK):
        some = places[first : first + _CHUNK]
        counted = spread.count(EVERYBODY, _alone(spread, some), len(some))
        for n in range(len(some)):
            looked += 1
            figure = counted.figure(n)
            if figure is not None:
                found.append(first + n)
                users.append(figure)
            if len(found) == most:
                return places[found], km[found], users, looked - most
    return places[found], km[found], users, looked - len(found)


class _Around:
    """How many of 100 users in the region of a community have a need, where both are shown."""

    def __init__(self, look: Look, question: Question) -> None:
        self._made, together = look.regions(question)
        self._some, self._every = together.count(question), together.count(EVERYBODY)
        self._rates: dict[int, float | None] = {}

    def of(self, place: int) -> float | None:
        """Return the rate of the region of a community; None: hidden."""
        region = int(self._made.of[place])
        if region < 0 or not self._made.shown[region]:
            return None
        if region not in self._rates:
            have, every = self._some.figure(region), self._every.figure(region)
            self._rates[region] = None if not have or not every else min(100.0, 100 * have / every)
        return self._rates[region]


def _figure(persons: int | None, k: int) -> Figure:
    return Figure(None, 0, None) if persons is None else Figure(persons, *released.span(persons, k))


def _area(made: rules.Regions, region: int) -> float:
    """Return the area of a region in km2: that of its cell less those of the finer ones in it, each once."""
    resolution, cell = int(made.resolution[region]), made.cells[region]
    area = float(h3.cell_area(int(cell), unit="km^2"))
    finer = np.flatnonzero(made.resolution > resolution)
    inside = finer[rules.parents(made.cells[finer], resolution) == cell]
    taken: set[int] = set()
    for n in inside[np.argsort(made.resolution[inside], kind="stable")].tolist():
        one = int(made.cells[n])
        if not any(h3.cell_to_parent(one, h3.get_resolution(other)) == other for other in taken):
            taken.add(one)
    return round(max(0.01, area - sum(float(h3.cell_area(one, unit="km^2")) for one in taken)), 2)


def _ring(cell: int) -> tuple[tuple[float, float], ...]:
    return tuple((round(lon, 6), round(lat, 6)) for lat, lon in h3.cell_to_boundary(cell))

"""How alike two homes are: a flat in China by place and flat, and when a difference in another address says nothing new. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from zerodistance.core.identity.matching.alike import UNLIKE, Levels, Unsaid, alike, alike_many, each, start
from zerodistance.core.identity.matching.columns import Bools, Columns, Ints
from zerodistance.core.identity.matching.fields import Face

# -- parts of one address that go together: where somebody has moved to another street, that house and town differ too says little more


def _elsewhere(x: Face, y: Face) -> bool:
    """Say whether two streets are named that are not alike."""
    return bool(x.street and y.street) and x.street != y.street and alike(x.street, y.street) == UNLIKE


def _elsewhere_many(columns: Columns, a: Ints, b: Ints) -> Bools:
    found = np.zeros(len(a), dtype=bool)
    if "street" in columns.filled:
        x, y, _, left = start(columns, "street", a, b)
        if len(left):
            found[left] = each(columns, "street", x[left], y[left], alike_many) == UNLIKE
    return found


def _posted_elsewhere(x: Face, y: Face) -> bool:
    return bool(x.postcode and y.postcode) and x.postcode != y.postcode and _elsewhere(x, y)


def _posted_elsewhere_many(columns: Columns, a: Ints, b: Ints) -> Bools:
    x, y = columns.code["postcode"][a], columns.code["postcode"][b]
    found: Bools = (x >= 0) & (y >= 0) & (x != y) & _elsewhere_many(columns, a, b)
    return found


ELSEWHERE: Final = Unsaid(_elsewhere, _elsewhere_many)
"""Another street: another house number says nothing."""
POSTED_ELSEWHERE: Final = Unsaid(_posted_elsewhere, _posted_elsewhere_many)
"""Another street and another postcode: that of the town is said."""


# -- homes in China: levels by what is known of the place, and of the flat in it

HOME_LEVELS = ("flat", "flat on a road", "flat somewhere", "place", "road", "neighbour", "differs")


def home(x: Face, y: Face) -> int:
    """Return the level of two Chinese homes; 0 where too little is said."""
    same, road, conflict = _place(x, y)
    equal = bool(x.room) and x.room == y.room and x.building == y.building
    units = bool(x.unit and y.unit) and x.unit != y.unit
    differs = any(p and q and p != q for p, q in ((x.building, y.building), (x.room, y.room))) or units
    equal = equal and not units
    if conflict:
        return 7
    if same or road:
        return (1 if same else 2) if equal else 6 if differs else (4 if same else 5)
    return 3 if equal else 7 if differs and (x.core or x.road) and (y.core or y.road) else 0


def _place(x: Face, y: Face) -> tuple[bool, bool, bool]:
    """Return whether two addresses name one place, one road only, or two places."""
    estates, roads = bool(x.core and y.core), bool(x.road and y.road)
    same_estate = (
        estates and x.core == y.core and (x.estate == y.estate or x.estate == x.core or y.estate == y.core)
    )
    same_road = roads and x.road == y.road
    numbers = bool(x.number and y.number)
    same_number = same_road and numbers and x.number == y.number
    districts = any(p and q and p != q for p, q in ((x.district, y.district), (x.city, y.city)))
    differs = districts or (estates and not same_estate) or (roads and not same_road) or (same_road and numbers and not same_number)  # fmt: skip
    same = not districts and (same_estate or same_number)
    return same, not districts and not differs and same_road and not same, differs and not same


def home_many(columns: Columns, a: Ints, b: Ints) -> Levels:
    """Return the level of each pair of rows."""

    def both(part: str) -> tuple[Bools, Bools]:
        """Return whether both sides know a part, and whether it is the same."""
        x, y = columns.code[part][a], columns.code[part][b]
        known = (x >= 0) & (y >= 0)
        return known, known & (x == y)

    if not columns.filled & {"core", "road", "room"}:
        return np.zeros(len(a), dtype=np.uint8)
    estates, core = both("core")
    roads, same_road = both("road")
    numbers, number = both("number")
    district_known, district = both("district")
    plain = _plain_estates(columns)
    same_estate = core & (both("estate")[1] | plain[a] | plain[b])
    same_number = same_road & number
    city_known, city = both("city")
    districts = (district_known & ~district) | (city_known & ~city)
    differs = districts | (estates & ~same_estate) | (roads & ~same_road) | (same_road & numbers & ~number)
    same = ~districts & (same_estate | same_number)
    road, conflict = ~districts & ~differs & same_road & ~same, differs & ~same
    rooms, room = both("room")
    buildings, building = both("building")
    units_known, unit = both("unit")
    units = units_known & ~unit
    equal = room & (columns.code["building"][a] == columns.code["building"][b]) & ~units
    apart = (buildings & ~building) | (rooms & ~room) | units
    there = (columns.code["core"] >= 0) | (columns.code["road"] >= 0)
    level = np.select(
        [
            conflict,
            (same | road) & equal,
            (same | road) & apart,
            same | road,
            equal,
            apart & there[a] & there[b],
        ],
        [7, np.where(same, 1, 2), 6, np.where(same, 4, 5), 3, 7],
        0,
    )
    return level.astype(np.uint8)


def _plain_estates(columns: Columns) -> Bools:
    """Return which rows name an estate without the word for its kind."""
    core = {name: n for n, name in enumerate(columns.value["core"])}
    place = np.array([*(core.get(name, -2) for name in columns.value["estate"]), -3], dtype=np.int64)
    return np.asarray(place[columns.code["estate"]] == columns.code["core"])

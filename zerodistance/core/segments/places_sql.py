"""A condition of place as SQL: the codes of the communities that it means, found one by one and with nothing of what the index uses. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import h3

from zerodistance.core.profiles.cells import EARTH, Spot
from zerodistance.core.profiles.rollup import Rollup
from zerodistance.core.segments.contracts import Lives, Near, Place, Within
from zerodistance.core.segments.values_sql import text

Answering = Callable[[str], Sequence[str]]
"""Key of a unit -> codes of the communities that it answers for."""


def lives(rule: Place, rollup: Rollup, answering: Answering) -> str:
    """Return the condition over `number` that somebody lives there."""
    listed = ", ".join(text(code) for code in _meant(rule, rollup, answering)) or "null"
    return f"number in (select number from person_fact where fact = 'community' and value in ({listed}))"


def _meant(rule: Place, rollup: Rollup, answering: Answering) -> Iterator[str]:
    if isinstance(rule, Lives):
        yield from [rule.community] if rule.community is not None else answering(str(rule.territory))
        return
    for code, spot in sorted(rollup.spots.items()):
        if _near(rule, spot) if isinstance(rule, Near) else _within(rule, spot):
            yield code


def _near(rule: Near, spot: Spot) -> bool:
    lat, lon = map(math.radians, h3.cell_to_latlng(h3.int_to_str(spot.cell)))
    here, there = math.radians(rule.lat), math.radians(rule.lon)
    half = math.sin((lat - here) / 2) ** 2 + math.cos(here) * math.cos(lat) * math.sin((lon - there) / 2) ** 2
    return 2 * EARTH * math.asin(min(1.0, math.sqrt(half))) <= rule.km


def _within(rule: Within, spot: Spot) -> bool:
    cell = h3.int_to_str(spot.cell)
    if rule.cells:
        return any(h3.cell_to_parent(cell, h3.get_resolution(one)) == one for one in rule.cells)
    lat, lon = h3.cell_to_latlng(cell)
    ring, found = rule.polygon, False
    for (x0, y0), (x1, y1) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (lat < y0) != (lat < y1) and lon < (x1 - x0) * (lat - y0) / (y1 - y0) + x0:
            found = not found
    return found

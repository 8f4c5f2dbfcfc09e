"""Where a map is looked at from: a place, a cell, a point or where most of a territory live, snapped to a cell before anything else is computed."""

from __future__ import annotations

import numpy as np
from h3.api import basic_int as h3

from zerodistance.apps.marketing import rules
from zerodistance.apps.marketing.contracts import NowhereToStand, Spot
from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Place
from zerodistance.core.segments.spreading import EVERYBODY, Spread
from zerodistance.kernel.access import Who
from zerodistance.kernel.coordinates import System, to_wgs84
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def spot(
    home: Home,
    who: Who,
    *,
    place: str | None = None,
    cell: str | None = None,
    lat: float | None = None,
    lon: float | None = None,
    system: System = "wgs84",
) -> Spot:
    """Return where to stand: at a point (degrees), in an H3 cell, at a place of the brand, or else where most of the territory live.

    Raises
    ------
    Invalid
        That is no point of the earth, or no cell.
    NotFound
        There is no such place.
    NowhereToStand
        Nothing was named and nobody of the territory is on the map yet, or a place has neither coordinates nor communities.
    """
    if lat is not None or lon is not None:
        return _in_cell(home, who, _snapped(*_point(lat, lon, system)))
    if cell is not None:
        return _in_cell(home, who, _coarse(cell))
    if place is not None:
        found = brand.place(home, place)
        return _in_cell(home, who, _snapped(*_middle(home, who, found)), found.name)
    return _in_cell(home, who, _busiest(Spread(home, who)))


def within(field: str, given: float, low: float, high: float) -> None:
    """Raise Invalid for a number that is not in a range."""
    if not low <= given <= high:  # not so where it is no number
        why = Text(f"可用 {low:g} 到 {high:g}", f"{low:g} to {high:g} are allowed")
        raise Invalid(field=field, given=given, why=why)


def _point(lat: float | None, lon: float | None, system: System) -> tuple[float, float]:
    if lat is None or lon is None:
        why = Text("经纬度要一起给", "give latitude and longitude together")
        raise Invalid(field="lat" if lat is None else "lon", given="–", why=why)
    within("lat", lat, -90, 90)
    within("lon", lon, -180, 180)
    return to_wgs84(lat, lon, system)


def _snapped(lat: float, lon: float) -> int:
    return int(h3.latlng_to_cell(lat, lon, rules.USUAL))


def _coarse(cell: str) -> int:
    """Return the cell of resolution 8 that a text names, or that holds the finer one it names."""
    try:
        found = int(h3.str_to_int(cell))
        right = h3.is_valid_cell(found) and h3.get_resolution(found) >= rules.USUAL
    except ValueError:
        right = False
    if not right:
        why = Text("要一个 H3 格，级别 8 到 15", "an H3 cell of resolution 8 to 15 is allowed")
        raise Invalid(field="cell", given=cell, why=why)
    return int(h3.cell_to_parent(found, rules.USUAL))


def _middle(home: Home, who: Who, place: Place) -> tuple[float, float]:
    """Return the coordinates of a place: its own, or the middle of the communities in it."""
    if place.lat is not None and place.lon is not None:
        return place.lat, place.lon
    same = {"country": 0, "city": 4}.get(
        place.kind, len(place.area)
    )  # how much of the area codes is the same
    inside = [
        (one.lat, one.lon)
        for one in brand.places(home, who, kind="community")
        if one.area[:same] == place.area[:same]
    ]
    if not inside:
        raise NowhereToStand()
    lat, lon = np.array(inside, np.float64).mean(axis=0).tolist()
    return lat, lon


def _busiest(spread: Spread) -> int:
    """Return the cell of resolution 8 in which most of the territory live, as far as the panel says."""
    lies = spread.mine & (spread.cells != 0)
    if not lies.any():
        raise NowhereToStand()
    found, where = np.unique(rules.parents(spread.cells[lies], rules.USUAL), return_inverse=True)
    groups = np.full(len(spread.codes), -1, np.int64)
    groups[lies] = where
    largest = spread.count(EVERYBODY, groups, len(found)).largest()
    return int(found[largest or 0])


def _in_cell(home: Home, who: Who, cell: int, name: Text | None = None) -> Spot:
    lat, lon = h3.cell_to_latlng(cell)
    text = h3.int_to_str(cell)
    return Spot(text, lat, lon, name or _nearest(home, who, lat, lon) or Text(text, text))


def _nearest(home: Home, who: Who, lat: float, lon: float) -> Text | None:
    """Return the name of the nearest community of the territory."""
    spread = Spread(home, who)
    places, _ = spread.nearest(lat, lon, 1)
    if not len(places):
        return None
    code = spread.codes[int(places[0])]
    known = brand.some_places(home, [code])
    return known[code].name if code in known else Text(code, code)

"""In which time zones somebody may live: by the point of their home community, else by their country, else that of the brand.

References
----------
https://data.iana.org/time-zones/tzdb/zone.tab, which is in the public domain, stands in `data/zone.tab`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import api as profiles
from zerodistance.kernel.home import Home

_COUNTRY = "geo.country"
_POINT = re.compile(r"([+-]\d{2})(\d{2})(\d{2})?([+-]\d{3})(\d{2})(\d{2})?")


@dataclass(frozen=True, slots=True)
class Where:
    """Where somebody lives, as far as it matters for clocks: a country, and the zones that may hold there."""

    country: str
    zones: tuple[str, ...]


@dataclass(frozen=True)
class Zone:
    """A zone of a country and the place that it is called after, degrees."""

    name: str
    lat: float
    lon: float


@cache
def table() -> Mapping[str, tuple[Zone, ...]]:
    """Return country -> its zones."""
    found: dict[str, list[Zone]] = {}
    text = files(__package__).joinpath("data/zone.tab").read_text(encoding="ascii")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            country, point, name = line.split("\t")[:3]
            found.setdefault(country, []).append(Zone(name, *degrees(point)))
    return {country: tuple(zones) for country, zones in found.items()}


def degrees(point: str) -> tuple[float, float]:
    """Return latitude and longitude in degrees of a point in the form of ISO 6709.

    Examples
    --------
    >>> degrees("+404251-0740023")
    (40.714..., -74.006...)
    """
    found = _POINT.fullmatch(point)
    if found is None:
        raise ValueError(point)
    parts = [int(part or 0) for part in found.groups()]
    lat, lon = (abs(d) + m / 60 + s / 3600 for d, m, s in (parts[:3], parts[3:]))
    return (-lat if point[0] == "-" else lat), (-lon if found[4][0] == "-" else lon)


def nearest(country: str, lat: float, lon: float) -> str:
    """Return the zone of a country whose place is the nearest to a point.

    Examples
    --------
    >>> nearest("US", 34.05, -118.24)
    'America/Los_Angeles'
    """
    zones = table()[country]
    points = np.radians([(one.lat, one.lon) for one in zones])
    at = np.radians((lat, lon))
    near = np.sin(points[:, 0]) * np.sin(at[0]) + np.cos(points[:, 0]) * np.cos(at[0]) * np.cos(
        points[:, 1] - at[1]
    )
    return zones[int(near.argmax())].name


class Clocks:
    """Says where people live, over one version of the tag index.

    Parameters
    ----------
    fixed
        Country -> the one zone of it that counts.
    """

    def __init__(self, home: Home, index: profiles.Index, fixed: Mapping[str, str]) -> None:
        self._index, self._fixed = index, fixed
        self._own, self._zone = home.settings.country, home.settings.zone
        self._near: dict[tuple[str, int], str] = {}

    def of(self, persons: npt.NDArray[np.int64]) -> list[Where]:
        """Return where each of these persons lives, in their order."""
        distinct, back = np.unique(persons, return_inverse=True)
        who = distinct.astype(np.uint32)
        countries = self._countries(who)
        home = self._index.ground.home(who, 0)
        known: dict[tuple[str, int], Where] = {}
        found = []
        for country, place in zip(countries, home.tolist(), strict=True):
            if (country, place) not in known:
                known[country, place] = self._where(country, place)
            found.append(known[country, place])
        return [found[n] for n in back.tolist()]

    def _countries(self, who: npt.NDArray[np.uint32]) -> list[str]:
        found = [self._own] * len(who)
        mine = BitMap(who)
        for node in self._index.nodes(_COUNTRY):
            country = node.upper()
            if country == self._own or country not in table():
                continue
            for number in self._index.split(("node", _COUNTRY, node)).persons & mine:
                found[int(np.searchsorted(who, number))] = country
        return found

    def _where(self, country: str, place: int) -> Where:
        if country in self._fixed:
            return Where(country, (self._fixed[country],))
        zones = tuple(one.name for one in table().get(country, ()))
        if len(zones) == 1:
            return Where(country, zones)
        if place and zones:
            lat, lon = self._index.ground.points[place - 1].tolist()
            if lat == lat:  # it lies somewhere
                return Where(country, (nearest(country, lat, lon),))
        if not zones or country == self._own:
            return Where(country, (self._zone,))
        return Where(country, zones)  # somewhere in a wide country: it has to be day in all of it

"""Coordinates at the door: GCJ-02 and BD-09, in which most Chinese maps are drawn, to WGS-84, which is what every store holds, and back.

GCJ-02 moves points of the Chinese mainland by 100 to 700 m; BD-09 moves those once more. Elsewhere (Hong Kong, Macao and Taiwan included, where maps
differ) all three are the same here. Which side of the border a point is on is asked of an outline that reaches 12 km into the sea and is true to
some 2 km; the two systems meet there with a step, so that within 700 m of it a way back may find another point.

References
----------
https://en.wikipedia.org/wiki/Restrictions_on_geographic_data_in_China (the formulas, as many programs have published them)
Outline: Natural Earth 1:10m, public domain.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

System = Literal["wgs84", "gcj02", "bd09"]
SYSTEMS: Final[tuple[System, ...]] = get_args(System)
Degrees = npt.NDArray[np.float64]
_AXIS, _SQUARE = 6_378_245.0, 0.00669342162296594323  # Krasovsky 1940, as GCJ-02 has it
_TURN = np.pi * 3_000 / 180  # of BD-09
_NEAR = 1e-9  # degrees, a tenth of a millimetre: own value, where the way back stops
_FARTHEST = 0.02  # degrees: no point is moved that far
_STEPS = 12  # own value: three to five are needed


def to_wgs84(lat: float, lon: float, system: System) -> tuple[float, float]:
    """Return latitude and longitude (degrees) in WGS-84 of a point that is said in another system.

    Examples
    --------
    >>> [round(value, 6) for value in to_wgs84(36.067, 120.388, "gcj02")]
    [36.066724, 120.382867]
    """
    return _one(many_to_wgs84(np.array([[lat, lon]], np.float64), system))


def from_wgs84(lat: float, lon: float, system: System) -> tuple[float, float]:
    """Return latitude and longitude (degrees) in another system of a point that is said in WGS-84.

    Examples
    --------
    >>> [round(value, 6) for value in from_wgs84(48.8584, 2.2945, "bd09")]
    [48.8584, 2.2945]
    """
    return _one(many_from_wgs84(np.array([[lat, lon]], np.float64), system))


def many_from_wgs84(points: Degrees, system: System) -> Degrees:
    """Return points (latitude, longitude; shape (n, 2)) in another system."""
    found = points.copy()
    if system != "wgs84":
        here = in_china(points)
        found[here] = _moved(points[here], system)
    return found


def many_to_wgs84(points: Degrees, system: System) -> Degrees:
    """Return points (latitude, longitude; shape (n, 2)) of another system in WGS-84: the way back, step by step until it fits."""
    found = points.copy()
    if system == "wgs84":
        return found
    near = np.flatnonzero(_about(points, _FARTHEST))
    said, here = points[near], points[near]
    for _ in range(_STEPS if len(near) else 0):
        off = said - _moved(here, system)
        here = here + off
        if float(np.abs(off).max()) < _NEAR:
            break
    inside = in_china(here)
    found[near[inside]] = here[inside]
    return found


def in_china(points: Degrees) -> npt.NDArray[np.bool_]:
    """Say of each point (latitude, longitude, WGS-84; shape (n, 2)) whether it lies on the Chinese mainland, by the even-odd rule."""
    lat, lon = points.T
    found = np.zeros(len(points), np.bool_)
    near = np.flatnonzero(_about(points, 0.0))
    for y0, x0, y1, x1 in _edges() if len(near) else ():
        crosses = (lat[near, None] < y0) != (lat[near, None] < y1)
        left = lon[near, None] < (x1 - x0) * (lat[near, None] - y0) / np.where(y1 == y0, 1, y1 - y0) + x0
        odd: npt.NDArray[np.bool_] = (crosses & left).sum(axis=1) % 2 == 1
        found[near] = found[near] != odd
    return found


def _about(points: Degrees, more: float) -> npt.NDArray[np.bool_]:
    """Say of each point whether it lies in the rectangle round the mainland, or at most so many degrees beside it."""
    low, high = _box()
    there: npt.NDArray[np.bool_] = np.all((low - more <= points) & (points <= high + more), axis=1)
    return there


@lru_cache(maxsize=1)
def _edges() -> tuple[tuple[Degrees, Degrees, Degrees, Degrees], ...]:
    """Return for each ring of the outline where its edges begin and end: latitudes and longitudes."""
    said = json.loads((files(__package__) / "china.json").read_text(encoding="utf-8"))
    rings = [np.array(ring, np.float64) for ring in said]
    return tuple((ring[:, 1], ring[:, 0], np.roll(ring[:, 1], -1), np.roll(ring[:, 0], -1)) for ring in rings)


@lru_cache(maxsize=1)
def _box() -> tuple[Degrees, Degrees]:
    every = np.concatenate([np.stack([lat, lon], axis=1) for lat, lon, _, _ in _edges()])
    return every.min(axis=0), every.max(axis=0)


def _one(points: Degrees) -> tuple[float, float]:
    return float(points[0, 0]), float(points[0, 1])


def _moved(points: Degrees, system: System) -> Degrees:
    """Return points of the mainland as another system has them."""
    gcj = _gcj02(points)
    return gcj if system == "gcj02" else _bd09(gcj)


def _gcj02(points: Degrees) -> Degrees:
    lat, lon = points.T
    y, x = lat - 35.0, lon - 105.0
    root = np.sqrt(np.abs(x))
    waves = (20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20 * np.sin(np.pi * y) + 40 * np.sin(np.pi / 3 * y)) * 2 / 3
    north += (160 * np.sin(np.pi / 12 * y) + 320 * np.sin(np.pi / 30 * y)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20 * np.sin(np.pi * x) + 40 * np.sin(np.pi / 3 * x)) * 2 / 3
    east += (150 * np.sin(np.pi / 12 * x) + 300 * np.sin(np.pi / 30 * x)) * 2 / 3
    sine = np.sin(np.radians(lat))
    magic = 1 - _SQUARE * sine * sine
    root_magic = np.sqrt(magic)
    d_lat = np.degrees(north / (_AXIS * (1 - _SQUARE) / (magic * root_magic)))
    d_lon = np.degrees(east / (_AXIS / root_magic * np.cos(np.radians(lat))))
    return np.stack([lat + d_lat, lon + d_lon], axis=1)


def _bd09(points: Degrees) -> Degrees:
    lat, lon = points.T
    far = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _TURN)
    return np.stack([far * np.sin(angle) + 0.006, far * np.cos(angle) + 0.0065], axis=1)

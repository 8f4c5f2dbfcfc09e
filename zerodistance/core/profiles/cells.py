"""Where a place lies: its H3 cell, and on the sphere; distances and areas over many places at once. Pure.

References
----------
https://h3geo.org/docs/core-library/restable (resolution 9: a tenth of a square kilometre, 174 m from the middle to a corner on average)
https://h3geo.org/docs/core-library/h3Indexing (bits of a cell)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from h3.api import basic_int as h3

RESOLUTION = 9
"""Of the cells by which homes are kept."""
EARTH = 6_371.0088
"""Mean radius in km (IUGG)."""
Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
_DIGITS, _BITS, _AT = (
    15,
    3,
    52,
)  # of a cell: three bits for each finer resolution, and where the resolution stands


class Spot(NamedTuple):
    """Where a place lies.

    Attributes
    ----------
    cell
        H3 cell of `RESOLUTION`.
    lat, lon
        Of the place, degrees, WGS-84.
    """

    cell: int
    lat: float
    lon: float


@lru_cache(1 << 18)
def spot(lat: float, lon: float) -> Spot:
    """Return where a place of these coordinates lies.

    Examples
    --------
    >>> h3.int_to_str(spot(36.0612, 120.3705).cell)
    '8930ac5349bffff'
    """
    return Spot(h3.latlng_to_cell(lat, lon, RESOLUTION), lat, lon)


def centres(cells: Cells) -> Floats:
    """Return latitude and longitude of the middle of each cell, shape (cells, 2); NaN for 0, which is none."""
    distinct, where = np.unique(cells, return_inverse=True)
    found = [h3.cell_to_latlng(cell) if cell else (np.nan, np.nan) for cell in distinct.tolist()]
    return np.array(found, np.float64).reshape(-1, 2)[where]


def on_sphere(points: Floats) -> Floats:
    """Return points (latitude, longitude; shape (n, 2)) as unit vectors, shape (3, n)."""
    lat, lon = np.radians(points).T
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def chords(vectors: Floats, lat: float, lon: float) -> Floats:
    """Return the square of the straight distance of each unit vector from a point, which grows with the distance over ground."""
    here = on_sphere(np.array([[lat, lon]]))
    found: Floats = np.square(vectors[0] - here[0, 0])
    for axis in (1, 2):
        found += np.square(vectors[axis] - here[axis, 0])
    return found


def chord(km: float) -> float:
    """Return the square of the straight distance on the unit sphere between points so far apart over ground."""
    return float((2 * np.sin(min(km / EARTH, np.pi) / 2)) ** 2)


def km(chord: float) -> float:
    """Return the distance over ground of a squared chord.

    Examples
    --------
    >>> round(km(chord(5.0)), 9)
    5.0
    """
    return float(2 * EARTH * np.arcsin(min(np.sqrt(chord) / 2, 1.0)))


def inside(points: Floats, ring: Sequence[tuple[float, float]]) -> Mask:
    """Say of each point (latitude, longitude; shape (n, 2)) whether it lies in a ring of (longitude, latitude), by the even-odd rule.

    Edges are straight in degrees, as maps draw them; a ring does not go over the 180th meridian.
    """
    lat, lon = points.T
    found = np.zeros(len(points), np.bool_)
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if y0 != y1:
            crosses = (lat < y0) != (lat < y1)
            found ^= crosses & (lon < (x1 - x0) * (lat - y0) / (y1 - y0) + x0)
    return found


def covered(cells: Cells, by: Iterable[str]) -> Mask:
    """Say of each cell of `RESOLUTION` whether it is one of these, or lies in one of them that is coarser."""
    wanted: dict[int, list[int]] = {}
    for text in by:
        cell = h3.str_to_int(text)
        wanted.setdefault(h3.get_resolution(cell), []).append(cell)
    found = np.zeros(len(cells), np.bool_)
    for resolution, some in wanted.items():
        finer = np.uint64((1 << _BITS * (_DIGITS - resolution)) - 1)
        coarse = cells & ~np.uint64(0xF << _AT) | np.uint64(resolution << _AT) | finer
        found |= np.isin(coarse, np.array(some, np.uint64))
    there: Mask = found & (cells != 0)
    return there


def is_cell(text: str) -> bool:
    """Say whether a text is an H3 cell that is no finer than `RESOLUTION`."""
    try:
        cell = h3.str_to_int(text)
    except ValueError:
        return False
    right: bool = h3.int_to_str(cell) == text and h3.is_valid_cell(cell)
    return right and int(h3.get_resolution(cell)) <= RESOLUTION

"""The outline of land round a spot, for a map without any outside server: Natural Earth 1:10m, which is right to about half a kilometre."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from zerodistance.apps.marketing.contracts import Spot

DEGREES: Final = 1.5
"""Own value: so far from the spot land is drawn, north, south, east and west."""
_SCALE, _ORIGIN = (
    np.array([0.0036000360003600037, 0.0016885772698826986]),
    np.array([-180.0, -85.22193775799991]),
)
Points = npt.NDArray[np.float64]
Ring = list[tuple[float, float]]


class _Land(NamedTuple):
    """All rings of land: corners (longitude, latitude), where each ring begins, and its least and greatest corner."""

    points: Points
    begins: npt.NDArray[np.int64]
    low: Points
    high: Points


def land(at: Spot, degrees: float = DEGREES) -> list[Ring]:
    """Return the land round a spot as rings of (longitude, latitude), cut off at a square of so many degrees each way."""
    here = np.array([at.lon, at.lat])
    low, high = here - degrees, here + degrees
    whole = _whole()
    near = np.flatnonzero(((whole.low <= high) & (whole.high >= low)).all(axis=1))
    rings = (_cut(whole.points[whole.begins[n] : whole.begins[n + 1]], low, high) for n in near.tolist())
    return [[(round(x, 5), round(y, 5)) for x, y in ring.tolist()] for ring in rings if len(ring) > 2]


@lru_cache(maxsize=1)
def _whole() -> _Land:
    """Read the file: how many rings, how many corners each has, then all steps east, then all steps north, in units of a grid."""
    packed = (files(__package__) / "data" / "land.xz").read_bytes()
    said = np.frombuffer(lzma.decompress(packed), "<i4").astype(np.int64)
    many = int(said[0])
    begins = np.append(0, np.cumsum(said[1 : many + 1]))
    steps = said[many + 1 :].reshape(2, -1)
    whole = np.cumsum(steps, axis=1)
    gone = np.stack([np.append(0, axis[begins[1:-1] - 1]) for axis in whole])  # each ring counts from 0
    points = (whole - np.repeat(gone, np.diff(begins), axis=1)).T * _SCALE + _ORIGIN
    low, high = (edge.reduceat(points, begins[:-1]) for edge in (np.minimum, np.maximum))
    return _Land(points, begins, low, high)


def _cut(ring: Points, low: Points, high: Points) -> Points:
    """Return what of a ring lies in a rectangle, edge by edge.

    References
    ----------
    Sutherland, Hodgman: Reentrant polygon clipping, CACM 1974.
    """
    for axis, bound, sign in _sides(low, high):
        if not len(ring):
            break
        far = sign * (ring[:, axis] - bound)
        after, far_after = np.roll(ring, -1, axis=0), np.roll(far, -1)
        inside, crosses = far <= 0, (far <= 0) != (far_after <= 0)
        share = np.where(crosses, far / np.where(crosses, far - far_after, 1), 0)[:, None]
        both = np.stack([ring, ring + share * (after - ring)], axis=1)
        ring = both[np.stack([inside, crosses], axis=1)]
    return ring


def _sides(low: Points, high: Points) -> Iterator[tuple[int, float, float]]:
    for axis in (0, 1):
        yield axis, float(low[axis]), -1.0
        yield axis, float(high[axis]), 1.0

"""Conditions about where somebody lives: what may be said in them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from zerodistance.core.profiles import cells
from zerodistance.core.segments.contracts import Lives, Near, Place, Within, WrongRule

FARTHEST: Final = 20_016
"""Kilometres: half way round the earth, rounded up."""
CORNERS, CELLS = 1_000, 1_000  # own values: of an area, as far as a rule's text has room for them
LISTS: Final = ("polygon", "cells")
"""What is written as a list."""
Fail = Callable[[str, str], WrongRule]


def read(name: str, said: Mapping[str, Any], fail: Fail) -> Place:
    """Return the condition that is said; raises what `fail` makes of the reasons."""
    if name == "Near":
        return _near(said, fail)
    kinds = ("community", "territory") if name == "Lives" else LISTS
    if len(said) != 1:
        raise fail(
            f"{name} 里写 {kinds[0]} 或 {kinds[1]} 之一", f"{name} takes either {kinds[0]} or {kinds[1]}"
        )
    if name == "Lives":
        return Lives(**said)
    return (
        Within(polygon=_ring(said["polygon"], fail))
        if "polygon" in said
        else Within(cells=_cells(said["cells"], fail))
    )


def _near(said: Mapping[str, Any], fail: Fail) -> Near:
    limits = {"lat": (-90, 90), "lon": (-180, 180), "km": (0, FARTHEST)}
    for field, (low, high) in limits.items():
        if field not in said:
            raise fail(f"Near 要写 {field}", f"Near needs {field}")
        if not low <= said[field] <= high:
            raise fail(f"{field} 从 {low} 到 {high:,}", f"{field} is {low} to {high:,}")
    return Near(*(float(said[field]) for field in limits))


def _ring(given: Any, fail: Fail) -> tuple[tuple[float, float], ...]:
    """Return the corners of an area; one ring as GeoJSON has it, in brackets or not, and its last corner may be the first again."""
    ring = given[0] if isinstance(given, tuple) and len(given) == 1 and isinstance(given[0], tuple) else given
    right = isinstance(ring, tuple) and all(_is_corner(point) for point in ring)
    points = tuple((float(lon), float(lat)) for lon, lat in ring) if right else ()
    points = points[:-1] if len(points) > 3 and points[0] == points[-1] else points
    if not 3 <= len(points) <= CORNERS:
        raise fail(
            f"polygon 里写 3 到 {CORNERS:,} 个顶点，每个是 [经度, 纬度]，如 [[120.3, 36], [120.4, 36], [120.4, 36.1]]",
            f"polygon takes 3 to {CORNERS:,} corners, each as [longitude, latitude], like [[120.3, 36], [120.4, 36], [120.4, 36.1]]",
        )
    return points


def _is_corner(point: Any) -> bool:
    numbers = isinstance(point, tuple) and len(point) == 2 and all(isinstance(n, int | float) for n in point)
    return numbers and -180 <= point[0] <= 180 and -90 <= point[1] <= 90


def _cells(given: Any, fail: Fail) -> tuple[str, ...]:
    some = given if isinstance(given, tuple) else ()
    wrong = [one for one in some if not isinstance(one, str) or not cells.is_cell(one)]
    if wrong or not 1 <= len(some) <= CELLS:
        raise fail(
            f'cells 里写 1 到 {CELLS:,} 个 H3 格，级别不超过 {cells.RESOLUTION}，如 ["8930ac5302bffff"]',
            f'cells takes 1 to {CELLS:,} H3 cells, of resolution {cells.RESOLUTION} at most, like ["8930ac5302bffff"]',
        )
    return tuple(dict.fromkeys(some))


def as_tuple(given: Sequence[Any]) -> tuple[Any, ...]:
    """Return a list, and those in it, as tuples."""
    return tuple(as_tuple(one) if isinstance(one, list | tuple) else one for one in given)

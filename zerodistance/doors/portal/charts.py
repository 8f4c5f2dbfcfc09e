"""Geometry of the pictures that the portal draws itself, as SVG; lengths are percent, so that no style is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FLOOR = 0.0


@dataclass(frozen=True)
class Tick:
    """A label at an axis; `at` in percent of the plot."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """One series: its path in a box of 100 x 100 and the height of its last point."""

    path: str
    last: float


def ceiling(value: float, steps: int = 3) -> float:
    """Return a round number not below `value` that `steps` divides into round parts.

    Examples
    --------
    >>> ceiling(123_000), ceiling(7), ceiling(0)
    (150000.0, 9.0, 3.0)
    """
    if value < 1e-9:
        return float(steps)
    raw = value / steps
    size = 10.0 ** math.floor(math.log10(raw))
    part = next(size * m for m in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if size * m >= raw - 1e-9)
    if value >= 1 and part != int(part):
        part = float(math.ceil(part))
    return float(part * steps)


def _points(values: Sequence[float], top: float) -> list[tuple[float, float]]:
    width = max(len(values) - 1, 1)
    return [(100 * i / width, 100 - 100 * v / top) for i, v in enumerate(values)]


def _path(points: Sequence[tuple[float, float]], start: str = "M") -> str:
    return start + "L".join(f"{x:.4g} {y:.4g}" for x, y in points)


def line(values: Sequence[float], top: float) -> Line:
    """Return the path of a series against an axis from 0 to `top`; one value is drawn as a level."""
    points = _points(list(values) * 2 if len(values) == 1 else values, top or 1.0)
    return Line(_path(points), points[-1][1] if points else 100.0)


def line_to(values: Sequence[float], now: float, top: float) -> tuple[Line, str]:
    """Return the path of a series, and the path on from its last point to what there is of the bucket under way; alone that is a level.

    Examples
    --------
    >>> line_to([0, 0], 5, 10)
    (Line(path='M0 100L50 100', last=50.0), 'M50 100L100 50')
    >>> line_to([], 5, 10)
    (Line(path='', last=50.0), 'M0 50L100 50')
    """
    if not values:
        level = line([now], top)
        return Line("", level.last), level.path
    points = _points([*values, now], top or 1.0)
    return Line(_path(points[:-1]), points[-1][1]), _path(points[-2:])


def band(low: Sequence[float], high: Sequence[float], top: float) -> str:
    """Return the path around a range."""
    return _path(_points(low, top)) + _path(list(reversed(_points(high, top))), "L") + "Z"


def spark(values: Sequence[float]) -> str:
    """Return the path of a sparkline from 0 to its highest value, with a little air above."""
    if not values:
        return ""
    top = max(values) * 1.15 or 1.0
    return line(values, top).path


def ticks(top: float, label: Sequence[str]) -> list[Tick]:
    """Return the ticks of a vertical axis from 0 to `top`, one for each label."""
    count = len(label) - 1
    return [Tick(100 - 100 * i / count, word) for i, word in enumerate(label)]


@dataclass(frozen=True)
class Dot:
    """A node of the evidence picture, in percent; `below` says where its label goes."""

    key: str
    x: float
    y: float
    below: bool


def ring(keys: Sequence[str]) -> list[Dot]:
    """Place up to about twelve nodes in two rows around a middle one, so that neither they nor their labels meet.

    The lower row is never odd: the label of the middle node stands below it.
    """
    count = len(keys)
    if count <= 2:
        spots = [(16.0, 50.0), (84.0, 50.0)][:count]
    else:
        lower = count // 2
        if lower % 2:
            lower += 1 if count <= 3 or count >= 11 else -1
        spots = _row(count - lower, 22.0) + _row(lower, 78.0)
    return [Dot(key, x, y, y > 50) for key, (x, y) in zip(keys, spots, strict=True)]


def _row(count: int, y: float) -> list[tuple[float, float]]:
    if count == 1:
        return [(50.0, y)]
    outward = -1 if y < 50 else 1
    return [
        (12 + 76 * i / (count - 1), y + (outward * 6 if count > 3 and i % 2 else 0)) for i in range(count)
    ]

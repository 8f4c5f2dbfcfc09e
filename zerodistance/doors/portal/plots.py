"""Geometry of pictures with values on both sides of nothing: intervals along an axis, and a path with a band around it. Lengths are percent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zerodistance.doors.portal.charts import Tick

_ROUND = (1, 2, 2.5, 5, 10)
_MOST = 6  # own value: ticks of an axis
_WIDEST = 20.0  # own value: an interval that goes further is cut


@dataclass(frozen=True)
class Axis:
    """Round values from the least to the most that is shown, nothing always among them."""

    values: tuple[float, ...]

    def at(self, value: float) -> float:
        """Return where a value lies, 0 to 100; what lies beyond stands at the end."""
        low, high = self.values[0], self.values[-1]
        return min(100.0, max(0.0, 100 * (value - low) / (high - low)))

    def ticks(
        self, label: Callable[[float], str], room: tuple[float, float] = (0.0, 100.0)
    ) -> list[tuple[Tick, bool]]:
        """Return the ticks inside `room` (percent), each with whether it is the one of nothing."""
        first, last = room
        return [
            (Tick(first + (last - first) * self.at(value) / 100, label(value)), abs(value) < 1e-12)
            for value in self.values
        ]


def axis(values: Sequence[float]) -> Axis:
    """Return the axis on which all values stand.

    Examples
    --------
    >>> axis([0.101, 0.288]).values
    (0.0, 0.1, 0.2, 0.3)
    >>> axis([-0.004, 0.011]).values
    (-0.005, 0.0, 0.005, 0.01, 0.015)
    """
    shown = [min(max(value, -_WIDEST), _WIDEST) for value in values]
    low, high = min([0.0, *shown]), max([0.0, *shown])
    span = (high - low) or 0.1
    size = 10.0 ** math.floor(math.log10(span))
    sizes = [size * part / 10 for part in (*_ROUND, *(10 * part for part in _ROUND))]
    step = next(
        (s for s in sizes if math.ceil(high / s - 1e-9) - math.floor(low / s + 1e-9) < _MOST), sizes[-1]
    )
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return Axis(tuple(round(n * step, 10) for n in range(first, last + 1)))


@dataclass(frozen=True)
class Bar:
    """An interval on an axis: from, to and value in percent of the room that the axis has; `clear`: nothing lies outside of it."""

    low: float
    high: float
    value: float | None
    clear: bool
    label: str = ""
    place: float = 0.0


def bar(
    on: Axis,
    low: float,
    high: float | None,
    value: float | None,
    *,
    label: str = "",
    place: float = 0.0,
    room: tuple[float, float] = (0.0, 100.0),
) -> Bar:
    """Return an interval as it is drawn; without an upper end it goes to the end of the axis."""
    first, last = room

    def at(one: float) -> float:
        return first + (last - first) * on.at(one) / 100

    top = on.values[-1] if high is None else high
    clear = low > 0 or (high is not None and high < 0)
    return Bar(at(low), at(top), None if value is None else at(value), clear, label, place)


@dataclass(frozen=True)
class Path:
    """A series with a band around it, as paths in a box of 100 x 100, and the height of its last point."""

    line: str
    band: str
    last: float


def path(
    on: Axis, x: Sequence[float], values: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> Path:
    """Return a series at places `x` (0 to 100) on a vertical axis.

    Examples
    --------
    >>> path(Axis((0.0, 1.0)), [0, 100], [0, 1], [0, 0.5], [0.5, 1]).line
    'M0 100L100 0'
    """

    def points(some: Sequence[float]) -> list[str]:
        return [f"{place:.4g} {100 - on.at(value):.4g}" for place, value in zip(x, some, strict=True)]

    mine = points(values)
    around = points(low) + list(reversed(points(high)))
    last = 100 - on.at(values[-1]) if len(values) else 100.0
    return Path("M" + "L".join(mine), "M" + "L".join(around) + "Z", last)

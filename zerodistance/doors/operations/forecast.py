"""When a disk will be short, from how much it grew each day: a random walk with drift, and an interval that widens honestly.

Pure functions. A day's growth is taken as drawn from one distribution, each day by itself; its mean and spread are estimated from the days
that are known, so with few days the interval is wide (Student's t). What a day has in common with the day before makes the interval too
narrow; `tests/doors/operations/test_forecast.py` measures how often it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import mean, variance

LEAST_DAYS = 4  # own value: with fewer days of growth nothing is said
MOST_DAYS = 28  # own value: older days say nothing about tomorrow
HORIZON = 730  # own value, days: further is not looked
_T90 = (
    3.078, 1.886, 1.638, 1.533, 1.476, 1.440, 1.415, 1.397, 1.383, 1.372, 1.363, 1.356, 1.350, 1.345, 1.341,
    1.337, 1.333, 1.330, 1.328, 1.325, 1.323, 1.321, 1.319, 1.318, 1.316, 1.315, 1.314, 1.313, 1.311, 1.310,
)  # fmt: skip
"""Student's t, 90 % point, by degrees of freedom from 1: both tails together leave the middle 80 %."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the room will be used up.

    Attributes
    ----------
    days_known
        Days of growth that it rests on; with fewer than `LEAST_DAYS` the rest is None.
    per_day
        Mean growth, bytes a day.
    days
        Days until it is short if it goes on as on average; None: not within `HORIZON` days.
    early, late
        Between these it will be short with a probability of 80 %; None: not within `HORIZON` days.
    """

    days_known: int
    per_day: float | None = None
    days: float | None = None
    early: int | None = None
    late: int | None = None

    @property
    def known(self) -> bool:
        """Whether there is enough history to say anything."""
        return self.per_day is not None


def growths(sizes: Sequence[tuple[int, float]]) -> list[float]:
    """Return the growth a day between each known day and the next, from (number of the day, size).

    Examples
    --------
    >>> growths([(1, 10.0), (2, 30.0), (5, 60.0)])
    [20.0, 10.0]
    """
    return [(b - a) / (later - day) for (day, a), (later, b) in pairwise(sizes)]


def forecast(daily: Sequence[float], room: float) -> Forecast:
    """Return when `room` bytes will be used up, given the growth of the last days, bytes, the newest last."""
    daily = list(daily)[-MOST_DAYS:]
    n = len(daily)
    if n < LEAST_DAYS:
        return Forecast(n)
    drift, spread = mean(daily), variance(daily)
    if room <= 0:
        return Forecast(n, drift, 0.0, 0, 0)
    t = _T90[min(n - 1, len(_T90)) - 1]

    def reached(sign: int) -> int | None:
        for day in range(1, HORIZON + 1):
            off = t * sqrt(spread * day + day * day * spread / n)
            if drift * day + sign * off >= room:
                return day
        return None

    days = room / drift if drift > 0 else None
    return Forecast(n, drift, days if days is not None and days <= HORIZON else None, reached(1), reached(-1))

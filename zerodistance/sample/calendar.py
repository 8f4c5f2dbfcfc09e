"""The months of a city's history. Times are whole seconds of local wall-clock time since 1970; China knows no summer time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerodistance.sample.scatter import Ints

HISTORY = 180  # months that the silos may hold
AFTER = 12  # months that only the truth goes on for
MONTHS = HISTORY + AFTER
DAY, HOUR = 86_400, 3_600
ZONE_SECONDS = 8 * HOUR
ZONE = "Asia/Shanghai"

_FIRST = np.datetime64("2011-11", "M")
STARTS: Ints = (np.arange(MONTHS + 1) + _FIRST).astype("datetime64[s]").astype(np.int64)
"""Second at which each month begins; one more at the end."""
BEGIN, UNTIL, TRUTH_UNTIL = int(STARTS[0]), int(STARTS[HISTORY]), int(STARTS[MONTHS])


def month_of(text: str) -> int:
    """Return the number of a month such as `2016-01`."""
    return int((np.datetime64(text, "M") - _FIRST).astype(np.int64))


def start_of(text: str) -> int:
    """Return the second at which a month such as `2016-01` begins."""
    return int(STARTS[month_of(text)])


def within(month: NDArray[Any], share: NDArray[Any]) -> Ints:
    """Return a second of a month: its beginning and a share of it."""
    month = np.asarray(month)
    begin = STARTS[month]
    return np.asarray(begin + (share * (STARTS[month + 1] - begin)).astype(np.int64), dtype=np.int64)


def by_day(seconds: Ints, luck: np.random.Generator, first: int = 9, last: int = 20) -> Ints:
    """Return another time on the same day, in the hours in which shops are open."""
    hours = luck.integers(first * HOUR, last * HOUR, len(seconds))
    return seconds - seconds % DAY + hours


def days(seconds: Ints) -> NDArray[np.int32]:
    """Return whole days since 1970."""
    return (seconds // DAY).astype(np.int32)


_HOURS = np.array(
    [6, 3, 2, 1, 1, 2, 6, 14, 20, 24, 26, 27, 34, 28, 24, 25, 26, 28, 32, 42, 52, 54, 40, 18],
    dtype=np.float64,
)
"""Own value: how much people are online in each hour of the day."""
_BEHIND = np.concatenate([[0.0], np.cumsum(_HOURS) / _HOURS.sum()])


def waking(seconds: Ints) -> Ints:
    """Return times on the same days, in the hours in which people are awake; the order within a day stays."""
    share = (seconds % DAY) / DAY
    return seconds - seconds % DAY + (np.interp(share, _BEHIND, np.arange(25) * HOUR)).astype(np.int64)

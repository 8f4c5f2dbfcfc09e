"""Features of engines that run until they fail: readings of the moment, their means, and what has changed since an engine's own first cycles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
FIRST_SENSOR = 5
_FIRST = 20  # cycles from which an engine's own healthy state is taken
_MEANS, _TRENDS = (5, 10, 20, 30), (20, 40)
MOST = 125.0
"""As is usual for this set: nobody can tell 130 cycles from 200 before anything wears, so what is left counts no further."""


def left(rows: Floats, after: Floats | None = None) -> Floats:
    """Return how many cycles are left after each row, at most `MOST`; `after`: those after the last row of each unit."""
    _, unit, many = np.unique(rows[:, 0], return_inverse=True, return_counts=True)
    found: Floats = many[unit] - rows[:, 1] + (0.0 if after is None else after[unit])
    return np.minimum(found, MOST)


def moving(rows: Floats) -> list[int]:
    """Return the sensors whose readings change at all."""
    return [n for n in range(FIRST_SENSOR, rows.shape[1]) if np.ptp(rows[:, n]) > 0]


def of_the_moment(rows: Floats, sensors: list[int]) -> dict[str, Floats]:
    """Return the readings as they are, and the age."""
    return {"age": rows[:, 1], **{f"now {n}": rows[:, n] for n in sensors}}


def means(rows: Floats, sensors: list[int]) -> dict[str, Floats]:
    """Return the age, means of the last readings, and how the newer half of them differs from the older."""
    found = {"age": rows[:, 1]}
    for width in _MEANS:
        found |= {
            f"mean {width} {n}": one for n, one in zip(sensors, _mean(rows, sensors, width).T, strict=True)
        }
    for width in _TRENDS:
        newer, whole = _mean(rows, sensors, width // 2), _mean(rows, sensors, width)
        many = np.minimum(rows[:, 1], width)[:, None]
        half = np.minimum(rows[:, 1], width // 2)[:, None]
        older = (whole * many - newer * half) / np.maximum(many - half, 1)
        trend = np.where(many > half, newer - older, 0.0)
        found |= {f"trend {width} {n}": one for n, one in zip(sensors, trend.T, strict=True)}
    return found


def since_first(rows: Floats, sensors: list[int]) -> dict[str, Floats]:
    """Return the means of the last readings less those of an engine's own first ones."""
    begun = np.stack([_begun(rows, n) for n in sensors], axis=1)
    found = dict[str, Floats]()
    for width in _MEANS:
        away = _mean(rows, sensors, width) - begun
        found |= {f"since {width} {n}": one for n, one in zip(sensors, away.T, strict=True)}
    return found


def _mean(rows: Floats, sensors: list[int], width: int) -> Floats:
    """Return the mean of the last `width` readings of the same engine, of as many as there are; shape (rows, sensors)."""
    sums = np.r_[np.zeros((1, len(sensors))), np.cumsum(rows[:, sensors], axis=0)]
    end = np.arange(1, len(rows) + 1)
    many = np.minimum(rows[:, 1], width).astype(np.int64)  # cycles count from 1
    found: Floats = (sums[end] - sums[end - many]) / many[:, None]
    return found


def _begun(rows: Floats, sensor: int) -> Floats:
    """Return the mean of an engine's first readings, of as many as there are by then."""
    sums = np.r_[0.0, np.cumsum(rows[:, sensor])]
    begin = np.arange(len(rows)) - rows[:, 1].astype(np.int64) + 1
    many = np.minimum(rows[:, 1], _FIRST).astype(np.int64)
    found: Floats = (sums[begin + many] - sums[begin]) / many
    return found

"""Columns of features, and what every model of the ladder has in common: scores, chances, what each feature added, and the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = Mapping[str, Floats]
"""Feature -> its value of each row; NaN: no value."""

_AT_ONCE = 1 << 15  # own value: rows of which everything is worked out at once


class Fitted(Protocol):
    """What every step of the ladder gives. Rows are those of the columns; columns that a model does not know are not looked at."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it looks at."""

    def scores(self, columns: Columns) -> Floats:
        """Return the score of each row; of trained models the logarithm of the odds."""

    def chances(self, columns: Columns) -> Floats:
        """Return the probability of each row, calibrated."""

    def contributions(self, columns: Columns) -> Floats:
        """Return what each feature of `names` adds to the score; shape (rows, features)."""

    def reasons(self, columns: Columns, most: int = 3) -> tuple[Ints, Floats]:
        """Return which features add most beyond what they usually do, the most first (-1: none does), and how much; shape (rows, most) each."""


def how_many(columns: Columns) -> int:
    """Return the number of rows."""
    return len(next(iter(columns.values()))) if columns else 0


def in_blocks(columns: Columns, names: Sequence[str]) -> Iterator[tuple[slice, dict[str, Floats]]]:
    """Yield some rows after the other of these columns, as doubles."""
    for start in range(0, how_many(columns), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        yield some, {name: np.asarray(columns[name][some], np.float64) for name in names}


def reasons(fitted: Fitted, usual: Floats, columns: Columns, most: int) -> tuple[Ints, Floats]:
    """Return the reasons, as `Fitted` has them, against what each feature usually adds."""
    which, much = np.full((how_many(columns), most), -1, np.int64), np.zeros((how_many(columns), most))
    for some, block in in_blocks(columns, fitted.names):
        more = fitted.contributions(block) - usual
        for place in range(min(most, len(usual))):
            first = more.argmax(axis=1)
            value = np.take_along_axis(more, first[:, None], axis=1)[:, 0]
            which[some, place], much[some, place] = np.where(value > 0, first, -1), np.maximum(value, 0.0)
            np.put_along_axis(more, first[:, None], -np.inf, axis=1)
    return which, much


def named(matrix: Floats, names: Sequence[str]) -> dict[str, Floats]:
    """Return the columns of a matrix, shape (rows, features), by name."""
    return {name: matrix[:, n] for n, name in enumerate(names)}


def chances(odds: Floats) -> Floats:
    """Return probabilities of logarithms of odds."""
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(odds, -700, 700)))
    return found


def number(value: float) -> str:
    """Return a number as SQL, the same double to the last bit."""
    return f"cast('{value!r}' as double)"

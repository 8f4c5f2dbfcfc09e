"""Intervals: a bootstrap of whole households, and Wilson's interval of a share.

Rows of one household are alike, so households are drawn, never rows [1]_. Each draw gives a household a whole weight; figures that are made of
sums need the sums of each household only, so a draw costs nothing that grows with the rows.

References
----------
.. [1] Davison and Hinkley, Bootstrap Methods and Their Application (1997), sections 2.4 and 3.8; percentile intervals, 5.3.1.
.. [2] Binette et al., Estimating the Performance of Entity Resolution Algorithms, The American Statistician 77 (2023): precision and recall as
   ratios of sums over units that are drawn.
.. [3] Wilson, Probable Inference, JASA 22 (1927).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerodistance.evaluate.contracts import Figure, Method
from zerodistance.kernel import shares

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL = 0.95
REPLICATES = 1_000  # own value: the ends of an interval move by some 2 % of its width
MOST_GROUPS = (
    2_000  # own value: more units than this are put together at random, which leaves the variance as it is
)
_MOST_CELLS = 40_000_000  # rows times draws of a figure that needs the rows, own value: some seconds
_FEWEST = 100
_Z = 1.959963984540054  # two-sided 95 % of the normal distribution


class Bootstrap:
    """Draws of units, the same for every figure of a report.

    Parameters
    ----------
    units
        How many there are; rows name theirs by 0, 1, ...
    unit
        What one is: `household`.
    """

    def __init__(self, units: int, *, unit: str, seed: int, replicates: int | None = None) -> None:
        rng = np.random.default_rng(seed)
        replicates = REPLICATES if replicates is None else replicates
        self.units, self.unit, self.seed, self.replicates = units, unit, seed, replicates
        self.groups = min(units, MOST_GROUPS)
        self.group: Ints = (
            rng.permutation(units) % self.groups if units > self.groups else np.arange(units, dtype=np.int64)
        )
        even = np.full(max(1, self.groups), 1 / max(1, self.groups))
        self.weights: Floats = rng.multinomial(self.groups, even, size=replicates)[:, : self.groups].astype(
            np.float64
        )

    def method(self) -> Method:
        """Return how the intervals of a report were made."""
        return Method(
            interval=f"percentile bootstrap of {self.unit}s",
            level=LEVEL,
            seed=self.seed,
            unit=self.unit,
            units=self.units,
            groups=self.groups,
            replicates=self.replicates,
        )

    def sums(self, unit: Ints, *columns: Any) -> Floats:
        """Return the sums of columns of rows, one line a group of units, one column each."""
        group = self.group[unit]
        return np.stack([np.bincount(group, np.asarray(c, np.float64), self.groups) for c in columns], axis=1)

    def of(self, sums: Floats, form: Callable[[Floats], Floats]) -> Figure:
        """Return a figure that is made of sums.

        Parameters
        ----------
        sums
            Groups x columns, from `sums`.
        form
            Takes draws x columns and returns one value a draw.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            value = form(sums.sum(axis=0, keepdims=True))
            drawn = form(self.weights @ sums) if self.groups > 1 else np.empty(0)
        return figure(float(value[0]), drawn)

    def ratio(self, sums: Floats, top: int, bottom: int) -> Figure:
        """Return one sum over another."""
        return self.of(sums, lambda s: s[:, top] / s[:, bottom])

    def draws(self, rows: int) -> int:
        """Return how often figures are drawn that need every row: less often where there are very many."""
        return min(self.replicates, max(_FEWEST, _MOST_CELLS // max(1, rows))) if self.groups > 1 else 0

    def drawn(self, unit: Ints, form: Callable[[Floats], Floats], draws: int) -> tuple[Floats, Floats]:
        """Return figures that need every row, and what they are in each draw (draws x figures); `form` takes the rows' weights."""
        group = self.group[unit]
        with np.errstate(invalid="ignore", divide="ignore"):
            value = form(np.ones(len(unit)))
            drawn = [form(weights[group]) for weights in self.weights[:draws]]
        return value, np.array(drawn).reshape(draws, len(value))


def figure(value: float, drawn: Floats) -> Figure:
    """Return a value with the interval of its draws; draws in which it is not defined do not count."""
    drawn = drawn[np.isfinite(drawn)]
    if not math.isfinite(value):
        return Figure(None)
    if not len(drawn):
        return Figure(value)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(value, float(low), float(high))


def figures(value: Floats, drawn: Floats) -> list[Figure]:
    """Return each figure of `Bootstrap.drawn` with its interval."""
    return [figure(float(one), drawn[:, n]) for n, one in enumerate(value)]


def means(drawn: Floats) -> Floats:
    """Return the mean of figures in each draw (figures x draws), of those that are defined in it."""
    fine = np.isfinite(drawn)
    with np.errstate(invalid="ignore"):
        out: Floats = np.where(fine, drawn, 0).sum(axis=0) / fine.sum(axis=0)
    return out


def wilson(hits: int, of: int) -> Figure:
    """Return a share of independent trials with Wilson's interval.

    Examples
    --------
    >>> f = wilson(8, 10)
    >>> round(f.value, 3), round(f.low, 3), round(f.high, 3)
    (0.8, 0.49, 0.943)
    """
    if not of:
        return Figure(None)
    return Figure(hits / of, *shares.wilson(hits, of, _Z))

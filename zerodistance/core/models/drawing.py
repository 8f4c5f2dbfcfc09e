"""Measures with intervals over many rows: households are drawn as weights, so nothing is sorted again for a draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from zerodistance.core.models import measures
from zerodistance.core.models.ladder.columns import Floats, Ints

Weighed = Callable[[Floats], float]
"""Takes the weight of each row (whole numbers: how often it was drawn), returns a measure."""


class Ordered:
    """Rows by falling scores, with what came of them; equal scores stand together.

    Measures are those of `measures` over rows of which each is there as often as its weight says. At the edge of a share, rows of equal scores count in part.

    Parameters
    ----------
    groups
        Of each row: pairs are compared within a group only, and the mean of the groups counts; None: all are one.
    """

    def __init__(self, scores: Floats, came: Floats, groups: Ints | None = None) -> None:
        parts = np.zeros(len(scores), np.int64) if groups is None else groups
        self._order = np.lexsort((-scores, parts))
        ordered, part = scores[self._order], parts[self._order]
        self._came = came[self._order]
        fresh = (np.diff(ordered) != 0) | (np.diff(part) != 0)
        self._starts = np.flatnonzero(np.r_[True, fresh])
        self._parts = np.flatnonzero(np.r_[True, np.diff(part[self._starts]) != 0])

    def _masses(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return of each run of equal scores how many came true, and how many did not."""
        mine = weights[self._order]
        true = np.add.reduceat(mine * self._came, self._starts)
        return true, np.add.reduceat(mine, self._starts) - true

    def auc(self, weights: Floats) -> float:
        """Return how often one that came true has the higher score of two of a group; .5 for a draw; NaN where there are no two."""
        true, false = self._masses(weights)
        before = np.cumsum(false) - false
        sums = np.add.reduceat(false, self._parts)
        runs = np.diff(np.r_[self._parts, len(false)])
        first = np.repeat(before[self._parts], runs)
        below = np.repeat(sums, runs) - (before - first) - false
        pairs = np.add.reduceat(true, self._parts) * sums
        won = np.add.reduceat(true * (below + false / 2), self._parts)
        return float((won[pairs > 0] / pairs[pairs > 0]).mean()) if (pairs > 0).any() else float("nan")

    def precision(self, weights: Floats, share: float = 0.1) -> float:
        """Return how many came true of the highest share."""
        true, false = self._masses(weights)
        both = true + false
        before = np.cumsum(both) - both
        most = share * both.sum()
        part = np.clip((most - before) / np.maximum(both, 1e-300), 0.0, 1.0)
        return float((true * part).sum() / most) if most else float("nan")

    def lift(self, weights: Floats, share: float = 0.1) -> float:
        """Return by how much more came true of the highest share than of all."""
        true, false = self._masses(weights)
        mean = true.sum() / (true.sum() + false.sum())
        return float(self.precision(weights, share) / mean) if mean else float("nan")

    def average_precision(self, weights: Floats) -> float:
        """Return the mean over what came true of the precision down to it."""
        true, false = self._masses(weights)
        found = np.cumsum(true)
        every = np.maximum(found + np.cumsum(false), 1e-300)
        return float((true * found / every).sum() / found[-1]) if found[-1] else float("nan")


def log_loss(chances: Floats, came: Floats) -> Weighed:
    """Return the mean logarithmic loss as a measure of weights."""
    kept = np.clip(chances, 1e-15, 1 - 1e-15)
    lost = -(came * np.log(kept) + (1 - came) * np.log1p(-kept))
    return lambda weights: float((lost * weights).sum() / weights.sum())


def ece(chances: Floats, came: Floats, groups: int = 10) -> Weighed:
    """Return the calibration error over groups of equal size as a measure of weights; groups are those of all rows."""
    sizes = measures.calibration(chances, came, groups).many
    place = np.empty(len(chances), np.int64)
    place[np.argsort(chances, kind="stable")] = np.repeat(np.arange(len(sizes)), sizes)

    def of(weights: Floats) -> float:
        off = np.bincount(place, weights=weights * (came - chances))
        return float(np.abs(off).sum() / weights.sum())

    return of


def intervals(
    asked: Mapping[str, Weighed], households: Ints, times: int = 200, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Return measures with 95 % intervals, `value`, `low` and `high`: households are drawn with replacement, the same for every measure."""
    _, house = np.unique(households, return_inverse=True)
    many, luck = int(house.max(initial=-1)) + 1, np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {key: [] for key in asked}
    for _ in range(times):
        weights = np.bincount(luck.integers(0, many, many), minlength=many).astype(np.float64)[house]
        for key, one in asked.items():
            drawn[key].append(one(weights))
    ones = np.ones(len(house))
    found = {}
    for key, one in asked.items():
        low, high = np.nanquantile(drawn[key], [0.025, 0.975])
        found[key] = {"value": one(ones), "low": float(low), "high": float(high)}
    return found

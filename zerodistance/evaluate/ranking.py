"""How well scores put people in order, and how true chances are. Pure; equal scores always count as in random order.

References
----------
.. [1] Hanley and McNeil, Radiology 143 (1982): the area under the curve as a chance of a right order.
.. [2] Radcliffe, Using control groups to target on predicted lift, Direct Marketing Analytics Journal 2007: the Qini curve.
.. [3] Nixon et al., Measuring calibration in deep learning, CVPR workshops 2019: bins with equal numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zerodistance.evaluate.intervals import Floats, Ints

BINS = 10


class Ranked:
    """Rows from the highest score to the lowest, equal ones together."""

    def __init__(self, score: Any) -> None:
        score = np.asarray(score, np.float64)
        self.order: Ints = np.argsort(-score, kind="stable")
        ordered = score[self.order]
        self.first: Ints = (
            np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(score) else np.empty(0, np.int64)
        )

    def sums(self, values: Any) -> Floats:
        """Return the sum of the rows of each score, the highest first."""
        if not len(self.first):
            return np.zeros(0)
        out: Floats = np.add.reduceat(np.asarray(values, np.float64)[self.order], self.first)
        return out

    def auc(self, label: Any, weight: Any = 1.0) -> float:
        """Return the chance that a row with the label has the higher score of two; nan where all labels are alike.

        Examples
        --------
        >>> Ranked([0.1, 0.4, 0.35, 0.8]).auc(np.array([0, 0, 1, 1]))
        0.75
        """
        hit, miss = self._both(label, weight)
        above = np.cumsum(hit) - hit / 2
        return float((above * miss).sum() / (hit.sum() * miss.sum()))

    def average_precision(self, label: Any, weight: Any = 1.0) -> float:
        """Return the mean precision over the rows with the label, without interpolation.

        Examples
        --------
        >>> round(Ranked([0.1, 0.4, 0.35, 0.8]).average_precision(np.array([0, 0, 1, 1])), 4)
        0.8333
        """
        hit, miss = self._both(label, weight)
        found, seen = np.cumsum(hit), np.cumsum(hit + miss)
        fine = seen > 0
        return float((hit[fine] * found[fine] / seen[fine]).sum() / hit.sum())

    def captured(self, value: Any, shares: Any, weight: Any = 1.0) -> Floats:
        """Return the sum of a value over the best `shares` of the rows; of equal scores, as many as fit on average."""
        weight = np.broadcast_to(np.asarray(weight, np.float64), self.order.shape)
        at, total = np.cumsum(np.r_[0.0, self.sums(weight)]), np.cumsum(np.r_[0.0, self.sums(value * weight)])
        out: Floats = np.interp(np.asarray(shares) * at[-1], at, total)
        return out

    def area(self, value: Any, weight: Any = 1.0) -> float:
        """Return the area under the curve of `captured`, per row: 0 to 1 of the rows along it."""
        weight = np.broadcast_to(np.asarray(weight, np.float64), self.order.shape)
        step, gained = self.sums(weight), np.cumsum(np.r_[0.0, self.sums(value * weight)])
        total = step.sum()
        return float(((gained[1:] + gained[:-1]) / 2 * step).sum() / (total * total))

    def _both(self, label: Any, weight: Any) -> tuple[Floats, Floats]:
        label = np.asarray(label, np.float64)
        hit, weighted = self.sums(label * weight), self.sums(np.broadcast_to(weight, label.shape))
        return hit, weighted - hit


def qini(score: Any, effect: Any, weight: Any = 1.0) -> float:
    """Return the area between the curve of a score and that of a random order, per row.

    `effect` is what a message changes for the person: known, so neither arm has to stand in for the other.
    """
    ranked = Ranked(score)
    weight = np.broadcast_to(np.asarray(weight, np.float64), ranked.order.shape)
    mean = (np.asarray(effect) * weight).sum() / weight.sum()
    return ranked.area(effect, weight) - float(mean) / 2


def ranks(values: Any) -> Floats:
    """Return ranks from 1; equal values have the mean of theirs."""
    _, inverse, many = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(many)
    out: Floats = (last - (many - 1) / 2)[inverse]
    return out


def correlation(a: Any, b: Any, weight: Any = 1.0) -> float:
    """Return Pearson's correlation with weights; over `ranks` it is Spearman's."""
    weight = np.broadcast_to(np.asarray(weight, np.float64), np.shape(a))
    total = weight.sum()
    a, b = a - (a * weight).sum() / total, b - (b * weight).sum() / total
    return float((weight * a * b).sum() / np.sqrt((weight * a * a).sum() * (weight * b * b).sum()))


def bins(chance: Any, most: int = BINS) -> Ints:
    """Return the bin of each chance; bins hold equal numbers, equal chances never part."""
    chance = np.asarray(chance, np.float64)
    edges = np.unique(np.quantile(chance, np.arange(1, most) / most)) if len(chance) else np.empty(0)
    return np.unique(np.searchsorted(edges, chance, side="left"), return_inverse=True)[1]

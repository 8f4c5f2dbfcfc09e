"""Logistic regression with squared weights penalised, by Newton's method; weights may be forbidden to be negative."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zerodistance.core.models.ladder.columns import Floats

_ROUNDS = 50  # own value: it takes five to ten
_LONGEST, _HALVES = 5.0, 30  # own values


def fit(
    matrix: Floats,
    labels: Floats,
    *,
    penalty: float = 0.0,
    bound: npt.NDArray[np.bool_] | None = None,
    weights: Floats | None = None,
) -> tuple[Floats, float]:
    """Return a weight of each column of a matrix of shape (rows, columns), and the base.

    Parameters
    ----------
    labels
        From 0 to 1.
    penalty
        Of half the sum of squared weights; the base is free.
    bound
        Of each column, whether its weight may not be negative.
    weights
        Of each row.
    """
    free = np.ones(matrix.shape[1], np.bool_)
    while True:
        some, base = _newton(matrix[:, free], labels, penalty, weights)
        found = np.zeros(len(free))
        found[free] = some
        wrong = np.zeros(len(free), np.bool_) if bound is None else bound & (found < 0)
        if not wrong.any():
            return found, base
        free &= ~wrong


def _newton(matrix: Floats, labels: Floats, penalty: float, weights: Floats | None) -> tuple[Floats, float]:
    wide = np.c_[np.ones(len(labels)), matrix]
    ridge = np.diag([0.0, *[penalty] * matrix.shape[1]])
    many = np.ones(len(labels)) if weights is None else weights
    share = np.clip(np.average(labels, weights=many), 1e-6, 1 - 1e-6)
    found = np.r_[np.log(share / (1 - share)), np.zeros(matrix.shape[1])]
    best = _likelihood(wide, found, labels, many, penalty)
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(wide @ found, -30, 30)))
        slope = wide.T @ (many * (labels - chance)) - ridge @ found
        bend = (wide * (many * chance * (1 - chance))[:, None]).T @ wide + ridge + 1e-9 * np.eye(len(found))
        step = np.linalg.solve(bend, slope)
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        for _ in range(
            _HALVES
        ):  # a step that is too long makes it worse, and from there the next ones may lead away
            gain = _likelihood(wide, found + step, labels, many, penalty) - best
            if gain >= 0:
                break
            step /= 2
        else:
            break
        found, best = found + step, best + gain
        if np.abs(step).max() < 1e-10:
            break
    return found[1:], float(found[0])


def _likelihood(wide: Floats, found: Floats, labels: Floats, many: Floats, penalty: float) -> float:
    """Return the logarithm of how likely labels are, less the penalty."""
    odds = wide @ found
    said = many * (labels * odds - np.logaddexp(0.0, odds))
    return float(said.sum() - penalty / 2 * (found[1:] ** 2).sum())

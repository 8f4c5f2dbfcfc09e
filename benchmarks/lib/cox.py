"""Cox's proportional hazards with Breslow's ties, for a model to be measured beside.

References
----------
D. Cox: Regression models and life-tables (1972).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def fit(
    matrix: Floats, times: Floats, ended: npt.NDArray[np.bool_], penalty: float = 1.0
) -> Callable[[Floats, Floats], tuple[Floats, Floats]]:
    """Return what gives the risk of each row of a matrix and its chance to last beyond each time, shape (rows, times), by Newton's method."""
    middle, spread = matrix.mean(axis=0), matrix.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    order = np.argsort(-times, kind="stable")
    x, t, died = ((matrix - middle) / spread)[order], times[order], ended[order]
    last = np.searchsorted(-t, -t, side="right") - 1  # who lasted as long is at risk too
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        risk = np.exp(x @ weights)
        every = np.cumsum(risk)[last]
        first = np.cumsum(risk[:, None] * x, axis=0)[last] / every[:, None]
        slope = (x - first)[died].sum(axis=0) - penalty * weights
        share = np.cumsum((died / every)[::-1])[::-1]  # of each row, over the ends that it was at risk for
        before = np.searchsorted(-t, -t, side="left")
        bend = (
            (x * (risk * share[before])[:, None]).T @ x
            - first[died].T @ first[died]
            + penalty * np.eye(x.shape[1])
        )
        step = np.linalg.solve(bend, slope)
        weights = weights + step
        if np.abs(step).max() < 1e-8:
            break
    risk = np.exp(x @ weights)
    hazard = died / np.cumsum(risk)[last]

    def said(other: Floats, ask: Floats) -> tuple[Floats, Floats]:
        mine = ((other - middle) / spread) @ weights
        sums = np.array([hazard[t <= when].sum() for when in ask])
        return mine, np.exp(-np.exp(mine)[:, None] * sums)

    return said

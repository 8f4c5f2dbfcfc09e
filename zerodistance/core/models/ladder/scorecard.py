"""WOE scorecards: features in bins, each worth the logarithm of its odds against everybody's, weighted by a logistic regression.

References
----------
N. Siddiqi: Credit Risk Scorecards (2006).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zerodistance.core.models.ladder import calibration, folds, logistic
from zerodistance.core.models.ladder.columns import Columns, Floats
from zerodistance.core.models.ladder.points import Points, Steps

_SMOOTH = 0.5  # own value: what is added to each bin of either kind


class _Binned(NamedTuple):
    edges: Floats
    places: npt.NDArray[np.int64]  # of each row, the last one for a missing value
    woe: Floats  # of each bin, the last one for a missing value


def fit(
    columns: Columns,
    labels: Floats,
    *,
    bins: int = 10,
    monotone: Mapping[str, int] | None = None,
    households: Any = None,
    seed: int = 0,
    penalty: float = 1.0,
    least: float = 0.02,
) -> Points:
    """Return the calibrated scorecard of labels of 0 and 1; no feature counts against what its bins say.

    Parameters
    ----------
    bins
        Of each feature, about as large as one another.
    monotone
        Feature -> 1 or -1: more of it may only add, or only take away; bins are joined until it is so.
    households
        Of each row: those of one are never on both sides when chances are calibrated.
    seed
        Of the parts that are held out for that.
    penalty
        Of squared weights.
    least
        Features with less information value are left out.

    Raises
    ------
    TooFewOutcomes
        Of either outcome ten rows are needed, and two in each part.
    """
    parts, held_out = folds.parts(labels, households, folds.PARTS, seed), np.zeros(len(labels))
    for part in range(folds.PARTS):
        rest, here = parts != part, parts == part
        one = _fitted(
            {name: values[rest] for name, values in columns.items()},
            labels[rest],
            bins,
            monotone or {},
            penalty,
            least,
        )
        held_out[here] = one.scores({name: values[here] for name, values in columns.items()})
    found = _fitted(columns, labels, bins, monotone or {}, penalty, least)
    return replace(found, calibration=calibration.fit(held_out, labels, parts))


def _fitted(
    columns: Columns, labels: Floats, bins: int, signs: Mapping[str, int], penalty: float, least: float
) -> Points:
    binned = {name: _binned(values, labels, bins, signs.get(name, 0)) for name, values in columns.items()}
    kept = {name: one for name, one in binned.items() if _information(one, labels) >= least}
    woe = (
        np.stack([one.woe[one.places] for one in kept.values()], axis=1)
        if kept
        else np.empty((len(labels), 0))
    )
    weights, base = logistic.fit(woe, labels, penalty=penalty, bound=np.ones(len(kept), np.bool_))
    steps = [
        Steps(
            name,
            tuple(one.edges.tolist()),
            tuple((weight * one.woe[:-1]).tolist()),
            float(weight * one.woe[-1]),
            float((weight * one.woe[one.places]).mean()),
        )
        for weight, (name, one) in zip(weights.tolist(), kept.items(), strict=True)
    ]
    return Points(base, tuple(steps))


def _binned(values: Floats, labels: Floats, bins: int, sign: int) -> _Binned:
    known = ~np.isnan(values)
    quantiles = (
        np.quantile(values[known], np.arange(1, bins) / bins, method="lower") if known.any() else np.empty(0)
    )
    edges = np.unique(quantiles)
    edges = edges[edges < values[known].max()] if known.any() else edges
    while True:
        places = np.where(known, np.searchsorted(edges, values, side="left"), len(edges) + 1)
        woe = _woe(places, labels, len(edges) + 2)
        wrong = np.flatnonzero(np.diff(woe[:-1]) * sign < 0)
        if not sign or not len(wrong):
            return _Binned(edges, places, woe)
        edges = np.delete(edges, wrong[np.argmax(np.abs(np.diff(woe[:-1])[wrong]))])


def _woe(places: npt.NDArray[np.int64], labels: Floats, many: int) -> Floats:
    true, rows = np.bincount(places, labels, many), np.bincount(places, minlength=many)
    odds = (true + _SMOOTH) / (rows - true + _SMOOTH)
    every = (labels.sum() + _SMOOTH) / (len(labels) - labels.sum() + _SMOOTH)
    return np.where(rows > 0, np.log(odds / every), 0.0)


def _information(one: _Binned, labels: Floats) -> float:
    many = len(one.woe)
    true, rows = np.bincount(one.places, labels, many), np.bincount(one.places, minlength=many)
    return float(
        ((true / max(labels.sum(), 1) - (rows - true) / max(len(labels) - labels.sum(), 1)) * one.woe).sum()
    )

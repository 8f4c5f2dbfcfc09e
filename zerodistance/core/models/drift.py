"""Signs of drift, pure: how far a population is from the one that a version was evaluated on, and outcomes from what was said.

References
----------
N. Siddiqi: Credit Risk Scorecards (2006), of the population stability index and its bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from zerodistance.core.models import measures
from zerodistance.core.models.ladder.columns import Columns, Floats
from zerodistance.kernel.text import Text

GROUPS = 10
FEWEST = 200  # own value: persons below which nothing is called drift: ten groups of them differ by chance
SIGNS = {
    "scores": Text("评分的分布变了", "scores are spread otherwise"),
    "features": Text("特征的分布变了", "features are spread otherwise"),
    "nulls": Text("特征缺失的比例变了", "features are missing more or less often"),
    "auc": Text("排序的能力下降了", "it orders worse"),
    "calibration": Text("可能性不再准了", "its chances do not come true"),
}
"""Each sign that there is, and what it says."""


class Bounds(NamedTuple):
    """From which value on something is drift: stability index, change of the share without a value, calibration error."""

    psi: float
    nulls: float
    ece: float


def base(columns: Columns, names: tuple[str, ...]) -> dict[str, Any]:
    """Return of each feature the edges of ten groups, the share in each, and the share without a value."""
    found = {}
    for name in names:
        values = np.asarray(columns[name], np.float64)
        known = values[~np.isnan(values)]
        edges = np.unique(np.quantile(known, np.arange(1, GROUPS) / GROUPS)) if len(known) else np.zeros(0)
        found[name] = {
            "edges": edges.tolist(),
            "shares": measures.shares(known, edges).tolist() if len(known) else [],
            "nulls": 1 - len(known) / max(len(values), 1),
        }
    return found


def features(before: Mapping[str, Any], columns: Columns) -> dict[str, dict[str, float | None]]:
    """Return of each feature `psi` against what it was (None: nothing was known of it then, or is now), and `nulls` before and now."""
    found: dict[str, dict[str, float | None]] = {}
    for name, was in before.items():
        values = np.asarray(columns[name], np.float64)
        known = values[~np.isnan(values)]
        psi = None
        if was["shares"] and len(known) >= FEWEST:
            psi = measures.psi_of(np.array(was["shares"]), measures.shares(known, np.array(was["edges"])))
        found[name] = {
            "psi": psi,
            "nulls_before": was["nulls"],
            "nulls": 1 - len(known) / max(len(values), 1),
        }
    return found


def places(scores: Floats, before: Floats | None = None) -> float:
    """Return the stability index of places in a population, 0 to 100, against those of that population itself.

    Parameters
    ----------
    before
        Of the population; None: as many in each tenth. Where many of it were alike, as by a table of few points, they are not.
    """
    edges = np.asarray(np.arange(1, GROUPS) * (100.0 / GROUPS), np.float64)
    then = np.full(GROUPS, 1.0 / GROUPS) if before is None else measures.shares(before, edges)
    return measures.psi_of(then, measures.shares(scores, edges))


def signs_of_scores(said: Mapping[str, Any], bounds: Bounds) -> tuple[str, ...]:
    """Return what has drifted by a look at scores and features."""
    if said["persons"] < FEWEST:
        return ()
    found = []
    if said["psi"] > bounds.psi:
        found.append("scores")
    each = said["features"].values()
    if any(one["psi"] is not None and one["psi"] > bounds.psi for one in each):
        found.append("features")
    if any(abs(one["nulls"] - one["nulls_before"]) > bounds.nulls for one in each):
        found.append("nulls")
    return tuple(found)


def signs_of_outcomes(now: Mapping[str, Any], then: Mapping[str, Any], bounds: Bounds) -> tuple[str, ...]:
    """Return what has drifted by outcomes.

    `auc`, an order whose interval lies wholly below what it was; `calibration`, chances that
    miss for sure by more than the bound.

    Chances that missed as much when the version was trained are no drift.
    """
    found = []
    for key in ("auc", "rank", "qini"):
        if key in now and key in then and now[key]["high"] < then[key]["low"]:
            found.append("auc")
            break
    was = then["ece"]["high"] if "ece" in then else 0.0
    if "ece" in now and now["ece"]["low"] > max(bounds.ece, was):
        found.append("calibration")
    return tuple(found)


def calibrated(chances: Floats, came: Floats) -> list[dict[str, float]]:
    """Return what was said and what came in ten groups of equal size."""
    return [
        {"said": float(said), "came": float(true), "rows": int(many)}
        for said, true, many in zip(*measures.calibration(chances, came), strict=True)
    ]

"""The picture of an evaluation, for the model card: whether chances came true, what weighs most, and what came of each band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zerodistance.core.models import measures, scoring, training
from zerodistance.core.models.contracts import BandSeen, Bin, Model, Picture, Weight
from zerodistance.core.models.ladder.columns import Columns, Floats
from zerodistance.core.models.ladder.hazard import Hazard
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.models.ladder.uplift import Uplift
from zerodistance.core.models.training import Rows
from zerodistance.core.profiles.contracts import Bands
from zerodistance.kernel.text import Text

_ROWS = 20_000  # own value: by which is told what weighs most


def of(model: Model, kept: Kept, some: Rows, population: Mapping[str, tuple[float, ...]]) -> Picture:
    """Return the picture of what a version said of the rows of its evaluation.

    Parameters
    ----------
    population
        Of the version, by target.
    """
    weighs = weights(kept, some.columns)
    if isinstance(kept, Uplift):
        return Picture((), weighs, {})
    came = (some.came > 0).astype(np.float64)
    if isinstance(kept, Hazard):
        came *= some.more["days"] <= model.horizon_days
    chances, told = kept.chances(some.columns), training.said(model, kept, some.columns)
    found = measures.calibration(chances, came)
    bins = zip(found.said.tolist(), found.came.tolist(), found.many.tolist(), strict=True)
    by_target = {}
    for n, target in enumerate(model.targets):
        mine = some.target == n
        if mine.any():
            scores = training.score(model, told[mine], population[target])
            by_target[target] = seen(model, chances[mine], scores, came[mine])
    return Picture(tuple(Bin(*one) for one in bins), weighs, by_target)


def weights(kept: Kept, columns: Columns) -> tuple[Weight, ...]:
    """Return how far from its mean each feature takes a score, on average over the rows, the most first; those that never do are left out."""
    rows = len(next(iter(columns.values())))
    places = np.unique(np.linspace(0, rows - 1, min(rows, _ROWS)).astype(np.int64))
    added = kept.contributions({name: columns[name][places] for name in kept.names if name in columns})
    far = np.abs(added - added.mean(axis=0)).mean(axis=0)
    order = np.argsort(-far, kind="stable")
    return tuple(Weight(kept.names[n], float(far[n])) for n in order.tolist() if far[n] > 0)


def bands(model: Model) -> Bands:
    """Return the bands of the scores of a model, the lowest first."""
    return model.nodes or scoring.BANDS


def band(model: Model, score: float) -> tuple[str, Text]:
    """Return the node and the label of the band that a score is in."""
    nodes = bands(model)
    place = int(np.searchsorted(np.array(nodes.edges), score, side="right")) - 1
    _, node, label = nodes.bands[max(place, 0)]
    return node, label


def seen(model: Model, chances: Floats, scores: Floats, came: Floats) -> tuple[BandSeen, ...]:
    """Return how many are in each band, from the lowest, how many outcomes their chances come to, and how many came."""
    nodes = bands(model)
    places = np.searchsorted(np.array(nodes.edges), scores, side="right") - 1
    many = len(nodes.bands)

    def added(values: Any) -> Floats:
        return np.asarray(np.bincount(places, values, many), np.float64)

    whole = zip(added(None).tolist(), added(chances).tolist(), added(came).tolist(), strict=True)
    return tuple(
        BandSeen(node, int(persons), expected, int(true))
        for (_, node, _), (persons, expected, true) in zip(nodes.bands, whole, strict=True)
    )

"""What rows are said by models that never saw them, parted anew with every seed; means of measures over seeds, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from zerodistance.core.models import measures
from zerodistance.core.models.ladder import folds

Floats = npt.NDArray[np.float64]
Said = Callable[[Mapping[str, Floats]], Floats]
Measure = Callable[[Floats, Floats], float]
_DRAWS = 400


def some(columns: Mapping[str, Floats], rows: npt.NDArray[np.generic]) -> dict[str, Floats]:
    """Return some rows of columns."""
    return {name: values[rows] for name, values in columns.items()}


def held_out(
    columns: Mapping[str, Floats],
    labels: Floats,
    fit: Callable[[Mapping[str, Floats], Floats, int], Said],
    seeds: int,
) -> Floats:
    """Return what each row is said with each seed, shape (seeds, rows): of five parts, by what was fitted to the other four.

    Parameters
    ----------
    fit
        Takes columns, labels and a seed; returns what says chances of other columns.
    """
    found = np.empty((seeds, len(labels)))
    for seed in range(seeds):
        parts = folds.parts(labels, seed=1_000 + seed)
        for part in np.unique(parts):
            rest, here = parts != part, parts == part
            found[seed, here] = fit(some(columns, rest), labels[rest], seed)(some(columns, here))
    return found


def figure(measure: Measure, said: Floats, labels: Floats, beside: Floats | None = None) -> dict[str, float]:
    """Return the mean of a measure over seeds, less that of what is `beside`, and its 95 % interval: rows and seed are drawn, both sides the same ones."""

    def of(seed: int, rows: npt.NDArray[np.int64] | slice) -> float:
        other = 0.0 if beside is None else measure(beside[seed, rows], labels[rows])
        return measure(said[seed, rows], labels[rows]) - other

    luck = np.random.default_rng(0)
    many = len(labels)
    drawn = [of(int(luck.integers(len(said))), luck.integers(0, many, many)) for _ in range(_DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    mean = float(np.mean([of(seed, slice(None)) for seed in range(len(said))]))
    return {"value": mean, "low": float(low), "high": float(high)}


def over_seeds(found: list[float]) -> dict[str, float]:
    """Return the mean of a figure of each seed, with the lowest and highest one."""
    return {"value": float(np.mean(found)), "lowest": min(found), "highest": max(found)}


def missed(said: Floats, labels: Floats) -> dict[str, float]:
    """Return the calibration error over seeds (ten groups of equal size); `if_perfect`: what luck alone makes it, where labels come just as often as said."""
    luck = np.random.default_rng(0)
    perfect = [
        measures.ece(one, (luck.random(len(one)) < one).astype(np.float64)) for one in said for _ in range(5)
    ]
    return {**over_seeds([measures.ece(one, labels) for one in said]), "if_perfect": float(np.mean(perfect))}

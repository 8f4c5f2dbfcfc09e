"""Figures with their intervals: groups are drawn whole, every step on the same rows; of very many rows a part, the interval made as much narrower."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from zerodistance.core.models.ladder.columns import Floats, Ints

Measure = Callable[[Floats, Ints], float]
"""Takes what a step says of all rows, and the places of some, several times perhaps."""
_LESS_IS_BETTER = ("rmse",)
_ROWS, _OUTCOMES = 20_000, 100  # own values: rows of a draw at most, unless so few outcomes are among them
Figure = dict[str, float]


class Draws:
    """Draws of rows, the same for whoever asks.

    Parameters
    ----------
    rare
        Share of the rows that have the rarer outcome.
    """

    def __init__(
        self, many: int, groups: Ints | None, rare: float = 1.0, draws: int = 200, most: int = _ROWS
    ) -> None:
        self.many = many
        self._draws = draws
        self._groups = None if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)
        whole = max(most, round(_OUTCOMES / max(rare, 1e-9)))
        if self._groups is None:
            self._units, self._order = many, None
        else:
            self._order = np.argsort(self._groups, kind="stable")
            self._starts = np.flatnonzero(np.r_[True, np.diff(self._groups[self._order]) != 0])
            self._sizes = np.diff(np.r_[self._starts, many])
            self._units = len(self._starts)
        self._taken = min(self._units, max(1, round(self._units * min(1.0, whole / max(many, 1)))))
        self.narrower = float(np.sqrt(self._taken / self._units))

    def __iter__(self) -> Iterator[tuple[float, Ints]]:
        """Yield a number from 0 to 1 that draws a seed, and places of rows."""
        luck = np.random.default_rng(0)
        for _ in range(self._draws):
            seed, some = luck.random(), luck.integers(0, self._units, self._taken)
            if self._order is None:
                yield seed, some
                continue
            sizes, starts = self._sizes[some], self._starts[some]
            inside = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            yield seed, self._order[np.repeat(starts, sizes) + inside]


def figures(
    said: Mapping[str, Floats],
    measures: Mapping[str, Measure],
    draws: Draws,
    best: str = "",
    lead: str = "",
    without: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, dict[str, Figure]]:
    """Return step -> measure -> value, low, high; the value is the mean over seeds.

    Parameters
    ----------
    said
        Step -> what it says of each row with each seed; shape (seeds, rows) and more.
    best, lead
        `behind` of every other step is how far it is behind this one, by this measure.
    without
        Step -> measures that mean nothing of it.
    """
    every = np.arange(draws.many)
    asked = {step: [key for key in measures if key not in without.get(step, ())] for step in said}
    values = {
        step: {key: float(np.mean([measures[key](row, every) for row in said[step]])) for key in keys}
        for step, keys in asked.items()
    }
    drawn: dict[str, dict[str, list[float]]] = {
        step: {key: [] for key in keys} for step, keys in asked.items()
    }
    for seed, rows in draws:
        for step, keys in asked.items():
            mine = said[step][int(seed * len(said[step]))]
            for key in keys:
                drawn[step][key].append(measures[key](mine, rows))
    found = {
        step: {key: figure(values[step][key], np.array(drawn[step][key]), draws.narrower) for key in keys}
        for step, keys in asked.items()
    }
    sign = -1.0 if lead in _LESS_IS_BETTER else 1.0
    for step in [one for one in said if best and one != best and lead in asked[one]]:
        apart = np.array(drawn[best][lead]) - np.array(drawn[step][lead])
        found[step]["behind"] = figure(
            sign * (values[best][lead] - values[step][lead]), sign * apart, draws.narrower
        )
    return found


def figure(value: float, found: Floats, narrower: float = 1.0) -> Figure:
    """Return a value with the 95 % interval of what was drawn, about the value: drawing twice makes errors of calibration look larger than they are."""
    if not np.isfinite(found).any():
        return {"value": value, "low": float("nan"), "high": float("nan")}
    low, middle, high = np.nanquantile(found, [0.025, 0.5, 0.975])
    return {
        "value": value,
        "low": float(value - (middle - low) * narrower),
        "high": float(value + (high - middle) * narrower),
    }

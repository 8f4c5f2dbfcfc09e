"""The steps of the ladder as they are tried on a table, and a straight line as their peer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from zerodistance.core.models.ladder import logistic, scorecard, trees
from zerodistance.core.models.ladder.columns import Columns, Fitted, Floats, Ints, chances, how_many
from zerodistance.core.models.tables.question import Question

FINE: Mapping[str, Any] = {"bins": 255, "min_samples_leaf": 10}
"""Settings for faults, which are rare and begin at a limit."""
Learner = Callable[..., Any]


class Straight:
    """Logistic regression, or with `number` linear regression, of standard columns; no value counts as the mean. The squares of weights are penalised."""

    def __init__(
        self,
        columns: Columns,
        labels: Floats,
        weights: Floats | None = None,
        *,
        number: bool = False,
        penalty: float = 1.0,
    ) -> None:
        self.names, self._number = tuple(columns), number
        raw = self._raw(columns)
        known = ~np.isnan(raw)
        many = np.maximum(known.sum(axis=0), 1)
        self._mean = np.where(known, raw, 0.0).sum(axis=0) / many
        spread = np.sqrt((np.where(known, raw - self._mean, 0.0) ** 2).sum(axis=0) / many)
        self._spread = np.where(spread > 0, spread, 1.0)
        matrix = self._standard(raw)
        if number:
            self._base = float(np.average(labels, weights=weights))
            each = np.ones(len(labels)) if weights is None else weights
            scaled = matrix * each[:, None]
            bend = matrix.T @ scaled + penalty * np.eye(matrix.shape[1])
            self._weights = np.linalg.solve(bend, scaled.T @ (labels - self._base))
        else:
            self._weights, self._base = logistic.fit(matrix, labels, penalty=penalty, weights=weights)

    def _raw(self, columns: Columns) -> Floats:
        return np.stack([np.asarray(columns[name], np.float64) for name in self.names], axis=1)

    def _standard(self, raw: Floats) -> Floats:
        return np.asarray(np.nan_to_num((raw - self._mean) / self._spread))

    def scores(self, columns: Columns) -> Floats:
        """Return the logarithm of the odds, or the number."""
        return np.asarray(self._standard(self._raw(columns)) @ self._weights + self._base)

    def contributions(self, columns: Columns) -> Floats:
        """Return what each feature adds to the score of each row; shape (rows, features)."""
        return np.asarray(self._standard(self._raw(columns)) * self._weights)

    def chances(self, columns: Columns) -> Floats:
        """Return the probability of each row."""
        return chances(self.scores(columns))


def signs(question: Question, columns: Columns) -> dict[str, int]:
    """Return the signs that are demanded of these columns."""
    return {name: sign for name, sign in question.monotone.items() if name in columns}


def settings(question: Question) -> dict[str, Any]:
    """Return the settings of trees of several features together."""
    return {**(FINE if question.task == "fault" else {}), **question.settings}


def of_chances(question: Question, weighted: bool) -> dict[str, Learner]:
    """Return step -> what makes a model of columns, labels, groups, weights and a seed."""

    def table(
        columns: Columns, labels: Floats, groups: Ints | None, weights: Floats | None, seed: int
    ) -> Any:
        return scorecard.fit(columns, labels, monotone=signs(question, columns), households=groups, seed=seed)

    def points(
        columns: Columns, labels: Floats, groups: Ints | None, weights: Floats | None, seed: int
    ) -> Any:
        own = {key: one for key, one in settings(question).items() if key in ("bins", "learning_rate")}
        return trees.fit_additive(
            columns,
            labels,
            monotone=signs(question, columns),
            households=groups,
            weights=weights,
            seed=seed,
            **own,
        )

    def together(
        columns: Columns, labels: Floats, groups: Ints | None, weights: Floats | None, seed: int
    ) -> Any:
        return trees.fit_together(
            columns, labels, monotone=signs(question, columns), households=groups, weights=weights, seed=seed, **settings(question)
        )  # fmt: skip

    def straight(
        columns: Columns, labels: Floats, groups: Ints | None, weights: Floats | None, seed: int
    ) -> Any:
        return Straight(columns, labels, weights)

    found: dict[str, Learner] = {
        "scorecard": table,
        "points": points,
        "trees": together,
        "straight": straight,
    }
    if weighted:
        del found["scorecard"]  # it knows no weights
    return found


def of_numbers(question: Question) -> dict[str, Learner]:
    """Return step -> what makes a model of numbers."""

    def grown(own: Mapping[str, Any]) -> Learner:
        def fit(
            columns: Columns, labels: Floats, groups: Ints | None, weights: Floats | None, seed: int
        ) -> Any:
            return trees.fit_number(
                columns,
                labels,
                monotone=signs(question, columns),
                households=groups,
                weights=weights,
                seed=seed,
                **own,
            )

        return fit

    def straight(
        columns: Columns, labels: Floats, groups: Ints | None, weights: Floats | None, seed: int
    ) -> Any:
        return Straight(columns, labels, weights, number=True)

    fine = {key: one for key, one in settings(question).items() if key in ("bins",)}
    return {
        "points": grown({**trees.ADDITIVE, **fine}),
        "trees": grown(settings(question)),
        "straight": straight,
    }


def weighs(fitted: Fitted | Straight, columns: Columns, most: int = 15) -> list[tuple[str, float]]:
    """Return what moves scores: each feature's share of how far contributions are from the usual ones, the most first."""
    step = -(-max(how_many(columns), 1) // 5_000)
    some = {name: values[::step] for name, values in columns.items()}
    added = fitted.contributions(some)
    moved = np.abs(added - added.mean(axis=0)).mean(axis=0)
    order = np.argsort(-moved, kind="stable")[:most]
    whole = float(moved.sum()) or 1.0
    return [(fitted.names[n], float(moved[n]) / whole) for n in order.tolist() if moved[n] > 0]

"""Whom contact moves: meta-learners over any learner of chances, and the gate that refuses where nobody can be told from anybody.

Rows are those of a trial: who was contacted was drawn by lot. What a model says of a row counts only if it was trained on nobody of its household.

References
----------
S. Kuenzel et al.: Metalearners for estimating heterogeneous treatment effects (2019); N. Radcliffe: Using control groups to target on predicted lift (2007).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zerodistance.core.models import measures
from zerodistance.core.models.ladder import folds, logistic, trees
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints, chances, how_many, reasons
from zerodistance.core.models.ladder.forest import Trees
from zerodistance.core.models.ladder.points import Points

Mask = npt.NDArray[np.bool_]
Said = Callable[[Columns], Floats]
Learner = Callable[[Columns, Floats, Any], Said]
"""Takes columns, outcomes and households (or None), returns what predicts the outcome of other columns."""
Fit = Callable[[Columns, Mask, Floats, Any], Said]
"""Takes columns, who was contacted, outcomes and households (or None), returns what gives a score to other columns."""


class Learners(NamedTuple):
    """A learner of chances, and one of numbers of any sign."""

    chance: Learner
    number: Learner


def additive(seed: int = 0) -> Learners:
    """Return tables of points."""
    return Learners(
        lambda columns, labels, households: (
            trees.fit_additive(columns, labels, households=households, seed=seed).chances
        ),
        lambda columns, numbers, households: (
            trees.fit_number(columns, numbers, households=households, seed=seed, **trees.ADDITIVE).scores
        ),
    )


def together(seed: int = 0) -> Learners:
    """Return trees of several features."""
    return Learners(
        lambda columns, labels, households: (
            trees.fit_together(columns, labels, households=households, seed=seed).chances
        ),
        lambda columns, numbers, households: (
            trees.fit_number(columns, numbers, households=households, seed=seed).scores
        ),
    )


def straight(penalty: float = 1.0) -> Learners:
    """Return logistic regression and linear regression, the squares of weights of standard columns penalised; no value counts as the mean."""

    def chance(columns: Columns, labels: Floats, _: Any) -> Said:
        matrix, of = _standard(columns)
        weights, base = logistic.fit(matrix, labels, penalty=penalty)
        return lambda some: chances(of(some) @ weights + base)

    def number(columns: Columns, numbers: Floats, _: Any) -> Said:
        matrix, of = _standard(columns)
        mean = float(numbers.mean())
        weights = np.linalg.solve(
            matrix.T @ matrix + penalty * np.eye(matrix.shape[1]), matrix.T @ (numbers - mean)
        )
        return lambda some: np.asarray(of(some) @ weights + mean)

    return Learners(chance, number)


def _standard(columns: Columns) -> tuple[Floats, Said]:
    """Return a matrix of standard columns, and what makes one of other rows."""
    names = tuple(columns)
    raw = np.stack([np.asarray(columns[name], np.float64) for name in names], axis=1)
    mean = np.nan_to_num(np.nanmean(raw, axis=0))
    spread = np.nanstd(raw, axis=0)
    spread = np.where(spread > 0, spread, 1.0)

    def of(some: Columns) -> Floats:
        matrix = np.stack([np.asarray(some[name], np.float64) for name in names], axis=1)
        return np.asarray(np.nan_to_num((matrix - mean) / spread))

    return of(columns), of


def _rows(columns: Columns, households: Any, rows: npt.NDArray[Any]) -> tuple[dict[str, Floats], Any]:
    return {
        name: values[rows] for name, values in columns.items()
    }, None if households is None else households[rows]


def fit_single(
    columns: Columns, treated: Mask, outcomes: Floats, households: Any, learners: Learners
) -> Said:
    """Return an S-learner: one model that also knows who was contacted; uplift is what that changes.

    Of learners that only add, contact adds the same to everybody: they order people as their chance does.
    """
    said = learners.chance({**columns, "contacted": treated.astype(np.float64)}, outcomes, households)

    def uplift(some: Columns) -> Floats:
        both = (said({**some, "contacted": np.full(how_many(some), value)}) for value in (1.0, 0.0))
        return next(both) - next(both)

    return uplift


def fit_two(columns: Columns, treated: Mask, outcomes: Floats, households: Any, learners: Learners) -> Said:
    """Return a T-learner: a model of those who were contacted and one of the others; uplift is the difference."""
    contacted, left = (
        _side(columns, side, outcomes, households, learners.chance) for side in (treated, ~treated)
    )
    return lambda some: contacted(some) - left(some)


def fit_crossed(
    columns: Columns, treated: Mask, outcomes: Floats, households: Any, learners: Learners
) -> Said:
    """Return an X-learner: a model of what contact changed in those who had it, one of what it would have in the others, weighted by how many had it."""
    contacted, left = (
        _side(columns, side, outcomes, households, learners.chance) for side in (treated, ~treated)
    )
    gained = np.where(treated, outcomes - left(columns), contacted(columns) - outcomes)
    of_contacted, of_left = (
        _side(columns, side, gained, households, learners.number) for side in (treated, ~treated)
    )
    share = float(treated.mean())
    return lambda some: (1 - share) * of_contacted(some) + share * of_left(some)


@dataclass(frozen=True)
class Uplift:
    """An X-learner as it is kept: what contact changed in those who had it, what it would have in the others, and how many had it.

    `scores` are by how much contact changes the chance; so are `chances`, and `contributions` add up to it with the base.
    """

    of_contacted: Points | Trees
    of_left: Points | Trees
    share: float

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it looks at."""
        return tuple(dict.fromkeys((*self.of_contacted.names, *self.of_left.names)))

    def scores(self, columns: Columns) -> Floats:
        """Return by how much contact changes the chance of each row."""
        contacted, left = self.of_contacted.scores(columns), self.of_left.scores(columns)
        return np.asarray((1 - self.share) * contacted + self.share * left, np.float64)

    def chances(self, columns: Columns) -> Floats:
        """Return the same: a difference of two chances, which can be negative."""
        return self.scores(columns)

    def contributions(self, columns: Columns) -> Floats:
        """Return what each feature of `names` adds; shape (rows, features)."""
        found = np.zeros((how_many(columns), len(self.names)))
        for model, weight in ((self.of_contacted, 1 - self.share), (self.of_left, self.share)):
            places = [self.names.index(name) for name in model.names]
            found[:, places] += weight * model.contributions(columns)
        return found

    def reasons(self, columns: Columns, most: int = 3) -> tuple[Ints, Floats]:
        """Return which features add most beyond what they usually do, the most first (-1: none does), and how much; shape (rows, most) each."""
        usual = np.zeros(len(self.names))
        for model, weight in ((self.of_contacted, 1 - self.share), (self.of_left, self.share)):
            theirs = [one.usual for one in model.steps] if isinstance(model, Points) else list(model.usual)
            usual[[self.names.index(name) for name in model.names]] += weight * np.array(theirs)
        return reasons(self, usual, columns, most)


def fit_kept(columns: Columns, treated: Mask, outcomes: Floats, households: Any, seed: int = 0) -> Uplift:
    """Return an X-learner on tables of points that can be kept; the same as `fit_crossed` on `additive`."""
    learners = additive(seed)
    contacted, left = (
        _side(columns, side, outcomes, households, learners.chance) for side in (treated, ~treated)
    )
    gained = np.where(treated, outcomes - left(columns), contacted(columns) - outcomes)

    def moved(side: Mask) -> Trees:
        some, theirs = _rows(columns, households, side)
        return trees.fit_number(some, gained[side], households=theirs, seed=seed, **trees.ADDITIVE)

    return Uplift(moved(treated), moved(~treated), float(treated.mean()))


def fit_response(
    columns: Columns, treated: Mask, outcomes: Floats, households: Any, learners: Learners
) -> Said:
    """Return the response model, by which contact is usually aimed: the chance of the outcome of those who were contacted, whatever the others do."""
    return _side(columns, treated, outcomes, households, learners.chance)


def fit_anybody(
    columns: Columns, treated: Mask, outcomes: Floats, households: Any, learners: Learners
) -> Said:
    """Return the chance of the outcome of whoever was in the trial: who was contacted is not looked at."""
    return learners.chance(columns, outcomes, households)


METHODS: Mapping[str, tuple[Callable[..., Said], Callable[[int], Learners]]] = {
    "x": (fit_crossed, additive),
    "t": (fit_two, additive),
    "s": (fit_single, together),
    "x_straight": (fit_crossed, lambda seed: straight()),
    "t_straight": (fit_two, lambda seed: straight()),
    "response": (fit_response, additive),
    "response_straight": (fit_response, lambda seed: straight()),
    "anybody": (fit_anybody, additive),
}
"""Ways to aim contact, by name: how one is fitted, and with what learners of a seed. The last three don't ask what contact changes."""


def _side(columns: Columns, side: Mask, outcomes: Floats, households: Any, learner: Learner) -> Said:
    some, theirs = _rows(columns, households, side)
    return learner(some, outcomes[side], theirs)


def held_out(
    columns: Columns,
    treated: Mask,
    outcomes: Floats,
    fit: Fit,
    *,
    households: Any = None,
    parts: int = 2,
    times: int = 1,
    seed: int = 0,
) -> Floats:
    """Return the score of each row by a model that was trained without its part; over several deals the mean.

    Parameters
    ----------
    parts
        Into which rows are dealt, those of a household together, contacted or not and with or without outcome as many in each.
    times
        How often they are dealt.

    Raises
    ------
    TooFewOutcomes
        A part has too few outcomes to train.
    """
    found = np.zeros(len(outcomes))
    cell = 2 * treated + (outcomes > 0)
    for time in range(times):
        dealt = folds.parts(cell.astype(np.float64), households, parts, seed * times + time)
        for part in range(parts):
            rest, here = np.flatnonzero(dealt != part), np.flatnonzero(dealt == part)
            some, theirs = _rows(columns, households, rest)
            found[here] += fit(some, treated[rest], outcomes[rest], theirs)(_rows(columns, None, here)[0])
    return found / times


def added(scores: Floats, treated: Mask, outcomes: Floats, share: float = 0.3) -> float:
    """Return what contact adds to the outcome, per head, among the highest `share` of scores; NaN where one side is empty."""
    best = np.argsort(-scores, kind="stable")[: round(share * len(scores))]
    mine, came = treated[best], outcomes[best]
    if mine.all() or not mine.any():
        return float("nan")
    return float(came[mine].mean() - came[~mine].mean())


class Gate(NamedTuple):
    """Whether contact may be aimed by uplift.

    Attributes
    ----------
    opens
        Whether the interval of `better` lies above 0.
    uplift, response
        Qini of aiming by uplift, and of aiming by the chance of the outcome, on rows that neither was trained on.
    better
        By how much the first is above the second.
    """

    opens: bool
    uplift: float
    response: float
    better: measures.Interval


def gate(
    uplifts: Floats,
    responses: Floats,
    treated: Mask,
    outcomes: Floats,
    households: npt.NDArray[np.int64] | None = None,
    times: int = 200,
) -> Gate:
    """Return whether aiming by uplift is better than by response for sure: the 95 % interval of the difference, rows of a household together."""

    def better(rows: npt.NDArray[np.int64]) -> float:
        both = (measures.qini(scores[rows], treated[rows], outcomes[rows]) for scores in (uplifts, responses))
        return next(both) - next(both)

    found = measures.interval(better, np.arange(len(outcomes)) if households is None else households, times)
    said = (measures.qini(scores, treated, outcomes) for scores in (uplifts, responses))
    return Gate(found.low > 0, next(said), next(said), found)


__all__ = [
    "METHODS",
    "Fit",
    "Gate",
    "Learner",
    "Learners",
    "Uplift",
    "added",
    "additive",
    "fit_anybody",
    "fit_crossed",
    "fit_kept",
    "fit_response",
    "fit_single",
    "fit_two",
    "gate",
    "held_out",
    "straight",
    "together",
]

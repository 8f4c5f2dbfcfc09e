"""Whom contact moves: meta-learners over any learner of chances, and the gate that refuses where nobody can be told from anybody.

References
----------
S. Kuenzel et al.: Metalearners for estimating heterogeneous treatment effects (2019); N. Radcliffe: Using control groups to target on predicted lift (2007).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zerodistance.core.models import measures
from zerodistance.core.models.ladder.points import Columns, Floats

Mask = npt.NDArray[np.bool_]
Learner = Callable[[Columns, Floats], Callable[[Columns], Floats]]
"""Takes columns and outcomes, returns what predicts the outcome of other columns."""


class Two(NamedTuple):
    """A model of those who were contacted and one of the others; uplift is the difference (T-learner)."""

    contacted: Callable[[Columns], Floats]
    left: Callable[[Columns], Floats]

    def uplift(self, columns: Columns) -> Floats:
        """Return by how much contact changes the outcome of each."""
        return self.contacted(columns) - self.left(columns)


class Crossed(NamedTuple):
    """A model of what contact changed in those who were contacted, one of what it would have in the others, weighted by how many were (X-learner)."""

    of_contacted: Callable[[Columns], Floats]
    of_left: Callable[[Columns], Floats]
    share: float

    def uplift(self, columns: Columns) -> Floats:
        """Return by how much contact changes the outcome of each."""
        return (1 - self.share) * self.of_contacted(columns) + self.share * self.of_left(columns)


def _some(columns: Columns, rows: npt.NDArray[np.generic]) -> dict[str, Floats]:
    return {name: values[rows] for name, values in columns.items()}


def fit_two(columns: Columns, treated: Mask, outcomes: Floats, learner: Learner) -> Two:
    """Return a T-learner of rows that were contacted at random."""
    return Two(*(learner(_some(columns, side), outcomes[side]) for side in (treated, ~treated)))


def fit_crossed(columns: Columns, treated: Mask, outcomes: Floats, learner: Learner, effects: Learner) -> Crossed:
    """Return an X-learner; `effects` learns differences, which may be below 0."""
    two = fit_two(columns, treated, outcomes, learner)
    gained = outcomes[treated] - two.left(_some(columns, treated))
    missed = two.contacted(_some(columns, ~treated)) - outcomes[~treated]
    return Crossed(effects(_some(columns, treated), gained), effects(_some(columns, ~treated), missed), float(treated.mean()))


class Gate(NamedTuple):
    """Whether contact may be aimed by uplift: by how much its Qini is above that of aiming by the chance of the outcome, on rows that neither was trained on."""

    opens: bool
    uplift: float
    response: float
    better: measures.Interval


def gate(uplifts: Floats, responses: Floats, treated: Mask, outcomes: Floats, households: npt.NDArray[np.int64], times: int = 200) -> Gate:
    """Return whether the 95 % interval of the difference between both Qini figures lies above 0; rows of a household stay together."""

    def better(rows: npt.NDArray[np.int64]) -> float:
        both = (measures.qini(scores[rows], treated[rows], outcomes[rows]) for scores in (uplifts, responses))
        return next(both) - next(both)

    found = measures.interval(better, households, times)
    said = (measures.qini(scores, treated, outcomes) for scores in (uplifts, responses))
    return Gate(found.low > 0, next(said), next(said), found)

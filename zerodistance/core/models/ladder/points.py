"""Tables of points: what each value of each feature adds to a score. Rules that a person wrote, scorecards and additive trees all are one.

A table reads like a price list, gives its own reasons, and is one SQL expression.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from zerodistance.core.models.ladder.calibration import AS_THEY_ARE, Calibration
from zerodistance.core.models.ladder.columns import (
    Columns,
    Floats,
    Ints,
    chances,
    how_many,
    named,
    number,
    reasons,
)


@dataclass(frozen=True)
class Steps:
    """What a feature adds: the first step up to and with the first edge, the last above the last one.

    Attributes
    ----------
    name
        Of the feature.
    edges
        Ascending, each once; the value at an edge belongs below it.
    points
        One more than edges.
    missing
        Where there is no value.
    usual
        The mean over the population that it was trained on: a reason is what somebody has more or less than that.
    """

    name: str
    edges: tuple[float, ...]
    points: tuple[float, ...]
    missing: float = 0.0
    usual: float = 0.0

    def of(self, values: Floats) -> Floats:
        """Return what each value adds."""
        places = np.searchsorted(np.array(self.edges), values, side="left")
        lost = np.isnan(values)
        if lost.any():
            places[lost] = len(self.points)
        found: Floats = np.array((*self.points, self.missing))[places]
        return found

    def sql(self) -> str:
        """Return the expression; thresholds are compared as doubles."""
        name = '"' + self.name.replace('"', '""') + '"'
        value = f"cast({name} as double)"
        cases = [
            f"when {value} <= {number(edge)} then {number(p)}"
            for edge, p in zip(self.edges, self.points, strict=False)
        ]
        cases.append(
            f"when {value} is null or isnan({value}) then {number(self.missing)}"
        )  # neither is below any edge
        return f"case {' '.join(cases)} else {number(self.points[-1])} end"


@dataclass(frozen=True)
class Points:
    """A table of points: a score is the base and what every feature adds.

    Attributes
    ----------
    calibration
        What chance a score stands for. Of a table that a person wrote, or one that says numbers and not chances, it means nothing until it is fitted.
    """

    base: float
    steps: tuple[Steps, ...]
    calibration: Calibration = AS_THEY_ARE

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it looks at."""
        return tuple(one.name for one in self.steps)

    def scores(self, columns: Columns) -> Floats:
        """Return the score of each row: of trained tables the logarithm of the odds."""
        found = np.full(how_many(columns), self.base)
        for one in self.steps:
            found += one.of(np.asarray(columns[one.name], np.float64))
        return found

    def chances(self, columns: Columns) -> Floats:
        """Return the probability of each row."""
        return self.calibration.chances(self.scores(columns))

    def contributions(self, columns: Columns) -> Floats:
        """Return what each feature adds to the score of each row; they and the base are the score. Shape (rows, features)."""
        found = np.zeros((how_many(columns), len(self.steps)))
        for n, one in enumerate(self.steps):
            found[:, n] = one.of(np.asarray(columns[one.name], np.float64))
        return found

    def reasons(self, columns: Columns, most: int = 3) -> tuple[Ints, Floats]:
        """Return which features add most beyond what they usually do, the most first (-1: none does), and how much; shape (rows, most) each."""
        return reasons(self, np.array([one.usual for one in self.steps]), columns, most)

    def sql(self) -> str:
        """Return the score as one expression over columns that are called like the features; `calibration.sql` makes a chance of it."""
        return " + ".join([number(self.base), *(one.sql() for one in self.steps)])

    def without_small(self, least: float = 1e-9) -> Points:
        """Return the table without features that add the same whatever they are."""
        small = [one for one in self.steps if np.ptp((*one.points, one.missing)) <= least]
        kept = tuple(one for one in self.steps if one not in small)
        return replace(self, base=self.base + sum(one.points[0] for one in small), steps=kept)


__all__ = ["Columns", "Floats", "Points", "Steps", "chances", "named"]

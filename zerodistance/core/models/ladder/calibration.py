"""From scores to chances that come true as often as they say: a straight line, or a line of pieces, over the logarithm of the odds.

References
----------
J. Platt: Probabilistic outputs for support vector machines (1999); B. Zadrozny, C. Elkan: Transforming classifier scores into accurate multiclass
probability estimates (2002).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from zerodistance.core.models.ladder import logistic
from zerodistance.core.models.ladder.columns import Floats, chances, number

_GROUPS, _FEWEST = 40, 50  # own values: pieces at most, rows of a piece at least


@dataclass(frozen=True)
class Calibration:
    """A line that never falls, through points.

    Attributes
    ----------
    at
        Scores, ascending.
    odds
        The logarithm of the odds at each, never less than at the one before; between two the line is straight.
    slope
        Of the line before the first and beyond the last point, never below 0.
    """

    at: tuple[float, ...] = (0.0,)
    odds: tuple[float, ...] = (0.0,)
    slope: float = 1.0

    def of(self, scores: Floats) -> Floats:
        """Return the logarithm of the odds that each score stands for."""
        inside = np.clip(scores, self.at[0], self.at[-1])
        found: Floats = np.interp(inside, self.at, self.odds) + self.slope * (scores - inside)
        return found

    def chances(self, scores: Floats) -> Floats:
        """Return the probability that each score stands for."""
        return chances(self.of(scores))

    def sql(self, score: str) -> str:
        """Return the expression of the probability over an expression of the score, best the name of a column: it stands there several times."""
        first, last, slope = number(self.at[0]), number(self.at[-1]), number(self.slope)
        cases = [f"when {score} <= {first} then {number(self.odds[0])} + {slope} * ({score} - {first})"]
        for n in range(1, len(self.at)):
            rise = (self.odds[n] - self.odds[n - 1]) / (self.at[n] - self.at[n - 1])
            cases.append(
                f"when {score} <= {number(self.at[n])} then {number(self.odds[n - 1])} + {number(rise)} * ({score} - {number(self.at[n - 1])})"
            )
        odds = f"case {' '.join(cases)} else {number(self.odds[-1])} + {slope} * ({score} - {last}) end"
        return f"1 / (1 + exp(-greatest(least({odds}, 700), -700)))"


AS_THEY_ARE = Calibration()
"""A score is the logarithm of the odds."""


def straight(scores: Floats, labels: Floats, weights: Floats | None = None) -> Calibration:
    """Return the straight line under which labels are likeliest (Platt); it never falls."""
    (slope,), base = logistic.fit(
        scores[:, None], labels, penalty=1e-6, bound=np.ones(1, np.bool_), weights=weights
    )
    return Calibration((0.0,), (float(base),), float(slope))


def pieces(scores: Floats, labels: Floats, weights: Floats | None = None) -> Calibration:
    """Return a line of pieces through what came true in groups of scores (isotonic regression); beyond the ends as steep as the straight one."""
    many = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    groups = int(np.clip(len(scores) // _FEWEST, 1, _GROUPS))
    wanted = ordered[np.arange(1, groups) * len(scores) // groups]
    starts = np.unique(np.r_[0, np.searchsorted(ordered, wanted, side="left")])
    mass, said, came = (
        np.add.reduceat((many * some)[order], starts) for some in (np.ones(len(scores)), scores, labels)
    )
    shares = (came + 0.5) / (mass + 1.0)
    solved = isotonic_regression(shares, weights=mass)
    at, odds = said / mass, np.log(solved.x / (1 - solved.x))
    return Calibration(tuple(at.tolist()), tuple(odds.tolist()), straight(scores, labels, weights).slope)


def fit(
    scores: Floats, labels: Floats, parts: npt.NDArray[np.int64], weights: Floats | None = None
) -> Calibration:
    """Return scores as they are, the straight line or the line of pieces: the first that no later one betters by more than luck would.

    What counts is the logarithmic loss where each part is said by a line through the others; luck is the standard error of the mean difference.

    Parameters
    ----------
    scores
        Of rows that were not trained on.
    parts
        Of each row, the part of the rows that it was held out with.
    """
    lines: list[Callable[[Floats, Floats, Floats | None], Calibration]] = [
        lambda *_: AS_THEY_ARE,
        straight,
        pieces,
    ]
    lost = np.zeros((len(lines), len(scores)))
    for part in np.unique(parts):
        here = parts == part
        rest = None if weights is None else weights[~here]
        for n, line in enumerate(lines):
            odds = line(scores[~here], labels[~here], rest).of(scores[here])
            lost[n, here] = np.logaddexp(0.0, np.where(labels[here] > 0, -odds, odds))
    lost *= 1.0 if weights is None else weights
    best = 0
    for n in range(1, len(lines)):
        better = lost[best] - lost[n]
        if better.mean() > better.std() / np.sqrt(len(scores)):
            best = n
    return lines[best](scores, labels, weights)

"""What an experiment says, from counts and sums: differences, ratios, compliers, amounts, checks. Pure.

References
----------
R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17 (1998), 873-890: method 10.
D. Katz et al., "Obtaining confidence intervals for the risk ratio in cohort studies", Biometrics 34 (1978), 469-474.
S. D. Walter, "The distribution of Levin's measure of attributable risk", Biometrika 62 (1975), 371-374: halves where a cell is empty.
A. Donner, G. Y. Zou, "Closed-form confidence intervals for functions of the normal mean and standard deviation", Statistical Methods in Medical
Research 21 (2012), 347-359: a ratio from the intervals of both sides.
J. D. Angrist, G. W. Imbens, D. B. Rubin, "Identification of causal effects using instrumental variables", JASA 91 (1996), 444-455.
A. Deng, Y. Xu, R. Kohavi, T. Walker, "Improving the sensitivity of online controlled experiments by utilizing pre-experiment data", WSDM 2013: CUPED.
S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979), 65-70.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zerodistance.core.segments.intervals import newcombe
from zerodistance.kernel.shares import wilson, z_of

Floats = npt.NDArray[np.float64]
_NORMAL = NormalDist()
SURE = 0.95


class Interval(NamedTuple):
    """A figure with its interval; `high` None: there is no upper end."""

    value: float | None
    low: float
    high: float | None

    @property
    def clear(self) -> bool:
        """Whether nothing (0) is outside of it."""
        return self.low > 0 or (self.high is not None and self.high < 0)


class Arm(NamedTuple):
    """Persons of an arm, and how many of them reached the goal."""

    persons: int
    reached: int

    @property
    def rate(self) -> float:
        """Share that reached it; 0 of nobody."""
        return self.reached / self.persons if self.persons else 0.0


def rate(arm: Arm, level: float = SURE) -> Interval:
    """Return the share that reached the goal, with Wilson's interval."""
    low, high = wilson(arm.reached, arm.persons, z_of(level))
    return Interval(arm.rate, low, high)


def difference(treated: Arm, held: Arm, *, level: float = SURE, questions: int = 1) -> Interval:
    """Return by how much the shares differ, with Newcombe's interval; so wide that `questions` of them hold together.

    Examples
    --------
    >>> found = difference(Arm(551_196, 7_221), Arm(61_244, 674))
    >>> [round(1e4 * edge, 2) for edge in found]
    [20.95, 11.88, 29.47]
    """
    z = z_of(level, questions)
    low, high = newcombe(treated.reached, treated.persons, held.reached, held.persons, z)
    return Interval(treated.rate - held.rate, low, high)


def lift(treated: Arm, held: Arm, *, level: float = SURE, questions: int = 1) -> Interval:
    """Return by which share more was reached, with the log-ratio interval of Katz.

    Where nobody of an arm reached it, half a person is added to each count for the interval; of nobody held there is no value and no upper end.

    Examples
    --------
    >>> found = lift(Arm(551_196, 7_221), Arm(61_244, 674))
    >>> [round(edge, 3) for edge in found]
    [0.19, 0.101, 0.288]
    >>> lift(Arm(100, 3), Arm(100, 0)).value is None, lift(Arm(100, 3), Arm(100, 0)).high is None
    (True, True)
    """
    a, m, b, n = (float(x) for x in (treated.reached, treated.persons, held.reached, held.persons))
    value = treated.rate / held.rate - 1 if b else None
    if not a or not b:
        a, m, b, n = a + 0.5, m + 0.5, b + 0.5, n + 0.5
    middle = math.log(a / m) - math.log(b / n)
    half = z_of(level, questions) * math.sqrt(max(0.0, 1 / a - 1 / m + 1 / b - 1 / n))
    high = math.exp(middle + half) - 1 if held.reached else None
    return Interval(value, math.exp(middle - half) - 1, high)


def p_value(treated: Arm, held: Arm) -> float:
    """Return how likely a difference as large is where there is none: two-sided score test of two shares.

    Examples
    --------
    >>> round(p_value(Arm(70, 56), Arm(80, 48)), 4), p_value(Arm(10, 0), Arm(10, 0))
    (0.008, 1.0)
    """
    both = (treated.reached + held.reached) / (treated.persons + held.persons)
    error = math.sqrt(both * (1 - both) * (1 / treated.persons + 1 / held.persons))
    if error == 0:
        return 1.0
    return 2 * _NORMAL.cdf(-abs(treated.rate - held.rate) / error)


class Weighed(NamedTuple):
    """Strata put together: difference by size of stratum, with its interval, and how many strata had both arms."""

    effect: Interval
    strata: int


def stratified(arms: Sequence[tuple[Arm, Arm]], level: float = SURE) -> Weighed | None:
    """Return the difference of shares within strata, weighed by their size (post-stratification); None where no stratum has both arms.

    Examples
    --------
    >>> found = stratified([(Arm(90, 45), Arm(10, 4)), (Arm(900, 90), Arm(100, 5))])
    >>> round(found.effect.value, 3), found.strata
    (0.055, 2)
    """
    fine = [(t, h) for t, h in arms if t.persons and h.persons]
    whole = sum(t.persons + h.persons for t, h in fine)
    if not fine:
        return None
    value = squares = 0.0
    for t, h in fine:
        weight = (t.persons + h.persons) / whole
        value += weight * (t.rate - h.rate)
        squares += weight**2 * (t.rate * (1 - t.rate) / t.persons + h.rate * (1 - h.rate) / h.persons)
    half = z_of(level) * math.sqrt(squares)
    return Weighed(Interval(value, value - half, value + half), len(fine))


class Uptake(NamedTuple):
    """Persons of an arm, who were exposed, and who reached the goal."""

    persons: int
    exposed: int
    reached: int


def complier(treated: Uptake, held: Uptake, level: float = SURE) -> Interval | None:
    """Return the effect on those who are exposed because they may be: intention to treat by the difference of exposure.

    The interval is put together from Newcombe's of both (MOVER). None where exposure does not differ for sure.

    Examples
    --------
    >>> found = complier(Uptake(1000, 500, 100), Uptake(1000, 0, 80))
    >>> [round(edge, 3) for edge in found]
    [0.04, -0.01, 0.091]
    >>> complier(Uptake(1000, 10, 100), Uptake(1000, 9, 80)) is None
    True
    """
    reached = difference(Arm(treated.persons, treated.reached), Arm(held.persons, held.reached), level=level)
    exposed = difference(Arm(treated.persons, treated.exposed), Arm(held.persons, held.exposed), level=level)
    a, low_a, high_a = (float(edge or 0.0) for edge in reached)
    b, low_b, high_b = (float(edge or 0.0) for edge in exposed)
    if low_b <= 0:
        return None
    below, above = high_b * (2 * b - high_b), low_b * (2 * b - low_b)
    low = (a * b - math.sqrt(max(0.0, (a * b) ** 2 - low_a * (2 * a - low_a) * below))) / below
    high = (a * b + math.sqrt(max(0.0, (a * b) ** 2 - high_a * (2 * a - high_a) * above))) / above
    return Interval(a / b, low, high)


class Adjusted(NamedTuple):
    """A difference of means, as it is and after what was there before is taken out (CUPED).

    Attributes
    ----------
    removed
        Share of the variance that was there before, 0 to 1.
    """

    plain: Interval
    adjusted: Interval
    removed: float


def amounts(
    treated: Floats, held: Floats, treated_before: Floats, held_before: Floats, level: float = SURE
) -> Adjusted:
    """Return by how much the mean amounts differ (Welch), and the same less what the amounts before explain.

    Examples
    --------
    >>> before = np.arange(8.0)
    >>> found = amounts(before + 1, before, before, before)
    >>> found.plain.value, [round(edge, 6) for edge in found.adjusted], round(found.removed, 6)
    (1.0, [1.0, 1.0, 1.0], 1.0)
    """
    plain = _welch(treated, held, level)
    spread = _within(treated_before, treated_before) + _within(held_before, held_before)
    both = _within(treated, treated_before) + _within(held, held_before)
    slope = both / spread if spread > 0 else 0.0
    adjusted = _welch(treated - slope * treated_before, held - slope * held_before, level)
    total = _within(treated, treated) + _within(held, held)
    removed = slope * both / total if total > 0 else 0.0
    return Adjusted(plain, adjusted, min(1.0, removed))


def _within(some: Floats, other: Floats) -> float:
    return float(((some - some.mean()) * (other - other.mean())).sum())


def _welch(treated: Floats, held: Floats, level: float) -> Interval:
    value = float(treated.mean() - held.mean())
    square = sum(float(one.var(ddof=1)) / len(one) if len(one) > 1 else math.inf for one in (treated, held))
    half = z_of(level) * math.sqrt(square)
    return Interval(value, value - half, value + half)


def ratio_fits(treated: int, held: int, share_held: float) -> float:
    """Return how likely arms as uneven are by luck (chi-square with one degree of freedom); 1 where nobody is to be held.

    Examples
    --------
    >>> round(ratio_fits(551_196, 61_244, .1), 2), ratio_fits(900, 200, .1) < .001
    (1.0, True)
    """
    whole = treated + held
    wanted = share_held * whole
    if not 0 < share_held < 1 or not whole:
        return 1.0
    square = (held - wanted) ** 2 * (1 / wanted + 1 / (whole - wanted))
    return math.erfc(math.sqrt(square / 2))


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values so that all of them together are wrong no more often than one alone (Holm).

    Examples
    --------
    >>> [round(p, 3) for p in holm([.01, .04, .03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(values)), key=lambda n: values[n])
    found, worst = [0.0] * len(values), 0.0
    for rank, n in enumerate(order):
        worst = max(worst, min(1.0, (len(values) - rank) * values[n]))
        found[n] = worst
    return tuple(found)

"""Intervals that hold however often somebody looks: a confidence sequence of the difference of two shares. Pure.

The difference of two shares, less the true one, moves like a martingale while touches come in and persons are assigned, whose clock is its own
variance. A boundary by a mixture of normal distributions is crossed at any time at all with a chance of alpha at most. It is the tightest at the variance
that was planned for, and valid at all others; the first looks are wide and not wrong.

References
----------
H. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical Statistics 41 (1970), 1397-1409.
S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021).
I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of
Statistics 52 (2024).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def tuning(variance: float, alpha: float = 0.05) -> float:
    """Return the constant of the mixture that makes the boundary tightest where the clock says `variance`.

    Examples
    --------
    >>> round(1 / tuning(1.0), 2)
    7.94
    """
    return variance / (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha)))


def planned(base_rate: float, treated: float, held: float) -> float:
    """Return the variance of the difference that arms of these sizes end with at a rate."""
    return base_rate * (1 - base_rate) * (1 / treated + 1 / held)


def reach(variance: Floats, clock: Floats, constant: Floats | float, alpha: float = 0.05) -> Floats:
    """Return how many standard errors an estimate may be from the truth at any look, but with a chance of alpha.

    Parameters
    ----------
    variance
        Of the estimate at each look.
    clock
        What has been drawn so far: at least the variance.
    constant
        From `tuning`, fixed before anything came in.
    """
    found: Floats = np.sqrt(
        (variance + constant) / variance * np.log((clock + constant) / (constant * alpha**2))
    )
    return found


def differences(
    treated: Floats,
    treated_reached: Floats,
    held: Floats,
    held_reached: Floats,
    *,
    base_rate: float,
    expected: tuple[float, float],
    alpha: float = 0.05,
) -> tuple[Floats, Floats, Floats]:
    """Return the difference of shares at each look, with the ends of the interval that holds at all looks together.

    Parameters
    ----------
    treated, treated_reached, held, held_reached
        Persons of each arm and how many of them had reached the goal; one element a look, or arrays of looks in the last axis.
    base_rate
        Share that was expected to reach it.
    expected
        Persons of the two arms that were expected; what is fixed before is all that may stand here.
    """
    some, other = np.maximum(treated, 1.0), np.maximum(held, 1.0)
    mine, theirs = treated_reached / some, held_reached / other
    near, far = (treated_reached + 0.5) / (some + 1), (held_reached + 0.5) / (other + 1)
    variance = near * (1 - near) / some + far * (1 - far) / other
    clock = near / (1 - near) / some + far / (1 - far) / other
    share = sum(expected) / np.maximum(some + other, 1.0)
    constant = tuning(planned(base_rate, *expected), alpha) * share**2
    z = reach(variance, clock, constant, alpha)
    (low, high), (below, above) = _score(mine, some, z), _score(theirs, other, z)
    value = mine - theirs
    return value, value - np.hypot(mine - low, above - theirs), value + np.hypot(high - mine, theirs - below)


def _score(share: Floats, of: Floats, z: Floats) -> tuple[Floats, Floats]:
    """Return Wilson's score interval of each share: where little has come in, it is as lopsided as luck is."""
    square = z * z
    middle, wide = share + square / (2 * of), z * np.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return (middle - wide) / (1 + square / of), (middle + wide) / (1 + square / of)

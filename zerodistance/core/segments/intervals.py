"""Shares and their differences with intervals: pure functions.

References
----------
R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods", Statistics in
Medicine 17 (1998), 873-890: method 10, from the score intervals of E. B. Wilson (1927).
"""

from __future__ import annotations

import math

from zerodistance.kernel.shares import wilson, z_of


def newcombe(some: float, of: float, other: float, of_other: float, z: float) -> tuple[float, float]:
    """Return the interval of the difference of two shares of people who are not the same.

    Examples
    --------
    >>> [round(edge, 4) for edge in newcombe(56, 70, 48, 80, z_of(.95))]
    [0.0524, 0.3339]
    """
    mine, theirs = some / of, other / of_other
    (low, high), (below, above) = wilson(some, of, z), wilson(other, of_other, z)
    down = math.hypot(mine - low, above - theirs)
    up = math.hypot(high - mine, theirs - below)
    return mine - theirs - down, mine - theirs + up


def log_odds(some: float, of: float, other: float, of_other: float) -> float:
    """Return the natural logarithm of the ratio of two odds, half a person added to each count so that it is always there.

    Examples
    --------
    >>> round(log_odds(56, 70, 48, 80), 3), log_odds(5, 10, 5, 10)
    (0.96, 0.0)
    """
    mine = (some + 0.5) / (of - some + 0.5)
    theirs = (other + 0.5) / (of_other - other + 0.5)
    return math.log(mine / theirs)


__all__ = ["log_odds", "newcombe", "wilson", "z_of"]

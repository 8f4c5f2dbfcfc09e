"""Shares of a whole with score intervals: pure functions.

References
----------
E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American Statistical Association 22 (1927), 209-212.
"""

from __future__ import annotations

import math
from statistics import NormalDist


def z_of(level: float, questions: int = 1) -> float:
    """Return how many standard errors an interval reaches so that all of so many questions together hold at a level (Bonferroni).

    Examples
    --------
    >>> round(z_of(.95), 4), round(z_of(.95, 1_000), 4)
    (1.96, 4.0556)
    """
    return NormalDist().inv_cdf(1 - (1 - level) / 2 / max(1, questions))


def wilson(some: float, of: float, z: float) -> tuple[float, float]:
    """Return the score interval of a share.

    Examples
    --------
    >>> [round(edge, 4) for edge in wilson(56, 70, z_of(.95))]
    [0.6918, 0.877]
    """
    share, square = some / of, z * z
    middle = share + square / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, (middle - half) / (1 + square / of)), min(1.0, (middle + half) / (1 + square / of))

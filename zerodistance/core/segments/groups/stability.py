"""How many groups: by what stays the same when others are drawn from the same people. Pure functions.

References
----------
R. Tibshirani, G. Walther, "Cluster validation by prediction strength", Journal of Computational and Graphical Statistics 14 (2005), 511-528: the
largest number of groups with a strength of at least .8 to .9.
L. Hubert, P. Arabie, "Comparing partitions", Journal of Classification 2 (1985), 193-218: the adjusted Rand index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from zerodistance.core.segments.groups.contracts import Tried
from zerodistance.core.segments.groups.kmeans import Places, Points, Whole, best, squared

STRONG = 0.9
"""Prediction strength from which groups are called stable: the upper end of what Tibshirani and Walther advise. At the lower one a large group is cut in two
by a single tag, which comes out again whoever is drawn."""
SMALLEST = 0.01  # own value: a smaller group is no kind of persons that a brand could plan for
HALF = 5_000  # own value: persons of a half
REPEATS = 5  # own value
_STARTS, _STEPS = (
    4,
    50,
)  # own values: beginnings, and steps of each: what has not come to rest by then is not stable either


def table(mine: Places, theirs: Places) -> Whole:
    """Return how many are in each group of one and each group of another partition of the same people."""
    rows, columns = int(mine.max()) + 1, int(theirs.max()) + 1
    return np.bincount(mine * columns + theirs, minlength=rows * columns).reshape(rows, columns)


def _pairs(many: Whole) -> Points:
    return many * (many - 1) / 2.0


def adjusted_rand(mine: Places, theirs: Places) -> float:
    """Return how alike two partitions are, 1 for the same and 0 for what chance does.

    Examples
    --------
    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])), round(adjusted_rand(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])), 6)
    (1.0, -0.5)
    """
    both = table(mine, theirs)
    together = float(_pairs(both).sum())
    rows, columns = float(_pairs(both.sum(axis=1)).sum()), float(_pairs(both.sum(axis=0)).sum())
    expected = rows * columns / max(float(_pairs(np.array(len(mine)))), 1.0)
    most = (rows + columns) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def strength(mine: Places, theirs: Places) -> float:
    """Return which part of the pairs of the worst group of `mine` is together in `theirs` too; a group of one has no pair and counts as none.

    Examples
    --------
    >>> strength(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1]))
    0.3333333333333333
    """
    both = table(mine, theirs)
    pairs = _pairs(both.sum(axis=1))
    shares = np.divide(_pairs(both).sum(axis=1), pairs, out=np.zeros(len(pairs)), where=pairs > 0)
    return float(shares.min())


def tried(
    points: Points,
    numbers: Sequence[int],
    luck: np.random.Generator,
    hear: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[Tried, ...]:
    """Return how stable each number of groups is.

    Again and again persons are drawn and parted in halves; each half is grouped by itself, and one half is then assigned by the groups of
    the other. The same is done with made-up persons of the same spread.
    """
    half = min(HALF, len(points) // 2)
    spread = np.sqrt(np.maximum(np.atleast_2d(np.cov(points.T)).diagonal(), 0))
    found = {many: np.zeros((REPEATS, 4)) for many in numbers}
    done, of = 0, REPEATS * len(numbers)
    for turn in range(REPEATS):
        drawn = points[luck.permutation(len(points))[: 2 * half]]
        made_up = luck.standard_normal(drawn.shape) * spread
        for many in numbers:
            alike, ari, smallest = _halves(drawn, half, many, luck)
            by_chance, _, _ = _halves(made_up, half, many, luck)
            found[many][turn] = alike, ari, by_chance, smallest
            done += 1
            hear(done, of)
    return tuple(_said(many, rows) for many, rows in found.items())


def _halves(drawn: Points, half: int, many: int, luck: np.random.Generator) -> tuple[float, float, float]:
    first, second = (
        best(drawn[:half], many, luck, _STARTS, _STEPS),
        best(drawn[half:], many, luck, _STARTS, _STEPS),
    )
    other = squared(drawn[half:], first.centres).argmin(axis=1)
    smallest = float(np.bincount(second.labels, minlength=many).min()) / half
    return strength(second.labels, other), adjusted_rand(second.labels, other), smallest


def _said(many: int, rows: Points) -> Tried:
    alike, ari, without, smallest = (float(x) for x in rows.mean(axis=0))
    return Tried(many, alike, ari, without, smallest, alike >= STRONG and smallest >= SMALLEST)


def chosen(found: Sequence[Tried]) -> int | None:
    """Return the largest number of groups that is stable, None if none is."""
    return max((one.groups for one in found if one.stable), default=None)

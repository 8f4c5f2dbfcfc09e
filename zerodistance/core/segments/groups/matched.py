"""Which groups of a new version are those of the old one: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zerodistance.core.segments.groups.kmeans import Places
from zerodistance.core.segments.groups.stability import table

SAME = 0.5
"""Own value: two groups are one where at least half of those who are in either are in both; so no group can be two others at once."""


def same(old: Places, new: Places, olds: int, news: int) -> dict[int, int]:
    """Return new group -> old group, of those that are the same, from where the same people are in both.

    Of all ways to pair groups the one is taken in which most people stay: over the sets of old groups that are taken, exactly.

    Examples
    --------
    >>> same(np.array([0, 0, 0, 1, 1]), np.array([1, 1, 1, 0, 2]), 2, 3)
    {0: 1, 1: 0}
    """
    both = np.zeros((olds, news), np.int64)
    found = table(old, new)
    both[: found.shape[0], : found.shape[1]] = found
    pairs = _most(both.T.tolist())
    either = {(n, o): both[o].sum() + both[:, n].sum() - both[o, n] for n, o in pairs}
    return {n: o for n, o in pairs if both[o, n] >= SAME * either[n, o] > 0}


def _most(many: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return rows with a column each, no column twice, whose numbers add up to most."""
    ways: dict[int, tuple[int, tuple[tuple[int, int], ...]]] = {0: (0, ())}  # columns taken -> sum, pairs
    for row, numbers in enumerate(many):
        further = dict(ways)
        for taken, (total, pairs) in ways.items():
            for column, number in enumerate(numbers):
                after = taken | 1 << column
                if not taken >> column & 1 and total + number > further.get(after, (-1, ()))[0]:
                    further[after] = (total + number, (*pairs, (row, column)))
        ways = further
    return list(max(ways.values(), key=lambda way: way[0])[1])

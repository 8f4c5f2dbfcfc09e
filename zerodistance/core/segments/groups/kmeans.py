"""k-means: pure functions over points, one row each.

References
----------
S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28 (1982), 129-137.
D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA (2007), 1027-1035; of several candidates the best is taken, as
they propose in their section on experiments.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Whole = npt.NDArray[np.int64]
_STILL = 1e-4  # own value, that of common libraries: a step so small against the spread of the points ends it


class Clusters(NamedTuple):
    """Centres, to which of them each point belongs, and the sum of squared distances."""

    centres: Points
    labels: Places
    inertia: float


def squared(points: Points, centres: Points) -> Points:
    """Return the squared distance of each point from each centre, less the square of the point itself: enough to tell which is nearest."""
    found: Points = (centres * centres).sum(axis=1) - 2 * (points @ centres.T)
    return found


def seeds(points: Points, many: int, luck: np.random.Generator) -> Points:
    """Return first centres that are far from one another: points drawn by their squared distance from those drawn before."""
    tries = 2 + int(math.log(many))
    squares = (points * points).sum(axis=1)
    centres = [points[int(luck.integers(len(points)))]]
    nearest = np.maximum(squared(points, centres[0][None])[:, 0] + squares, 0)
    while len(centres) < many:
        total = np.cumsum(nearest)
        drawn = np.searchsorted(total, luck.random(tries) * total[-1])
        candidates = points[np.minimum(drawn, len(points) - 1)]
        apart = np.maximum(squared(points, candidates) + squares[:, None], 0)
        closer = np.minimum(apart, nearest[:, None])
        best = int(np.argmin(closer.sum(axis=0)))
        centres.append(candidates[best])
        nearest = closer[:, best]
    return np.array(centres)


def lloyd(points: Points, centres: Points, most: int = 100) -> Clusters:
    """Move centres to the middle of those nearest to them until they stand still; one that loses all its points goes to the farthest point."""
    many = len(centres)
    squares = (points * points).sum(axis=1)
    still = _STILL * float(points.var(axis=0).sum())
    for _ in range(most):
        apart = squared(points, centres)
        labels = apart.argmin(axis=1)
        sizes = np.bincount(labels, minlength=many)
        sums = np.stack([np.bincount(labels, weights=column, minlength=many) for column in points.T], axis=1)
        moved = sums / np.maximum(sizes, 1)[:, None]
        empty = np.flatnonzero(sizes == 0)
        if len(empty):
            far = np.argsort(-(apart[np.arange(len(points)), labels] + squares), kind="stable")
            moved[empty] = points[far[: len(empty)]]
        step = float(((moved - centres) ** 2).sum())
        centres = moved
        if step <= still and not len(empty):
            break
    apart = squared(points, centres)
    labels = apart.argmin(axis=1)
    inertia = float((apart[np.arange(len(points)), labels] + squares).sum())
    return Clusters(centres, labels, inertia)


def best(points: Points, many: int, luck: np.random.Generator, starts: int, most: int = 100) -> Clusters:
    """Return the best of several beginnings, the largest cluster first."""
    found = min(
        (lloyd(points, seeds(points, many, luck), most) for _ in range(starts)), key=lambda one: one.inertia
    )
    order = np.argsort(-np.bincount(found.labels, minlength=many), kind="stable")
    place = np.empty(many, np.intp)
    place[order] = np.arange(many)
    return Clusters(found.centres[order], place[found.labels], found.inertia)


def nearest(points: Whole, centres: Whole) -> tuple[Places, Whole]:
    """Return the nearest centre of each point, the first of several, and the squared distance: all whole numbers, so exactly.

    Examples
    --------
    >>> where, apart = nearest(np.array([[0, 1], [9, 9]]), np.array([[0, 0], [8, 9]]))
    >>> where.tolist(), apart.tolist()
    ([0, 1], [1, 1])
    """
    apart = np.stack([((points - centre) ** 2).sum(axis=1) for centre in centres], axis=1)
    where = apart.argmin(axis=1)
    return where, apart[np.arange(len(points)), where]

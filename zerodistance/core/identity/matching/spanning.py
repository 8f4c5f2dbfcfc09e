"""As few matches as hold persons together, and the strongest doubt between two persons. Pure."""

from __future__ import annotations

import numpy as np

from zerodistance.core.identity.matching.columns import Floats, Ints


def strongest(x: Ints, y: Ints, weight: Floats) -> Ints:
    """Return the place of the strongest pair for each two groups, the strongest first; of equals the first.

    Parameters
    ----------
    x, y
        Groups of both ends; pairs within one group are left out.
    """
    low, high = np.minimum(x, y), np.maximum(x, y)
    order = np.lexsort((np.arange(len(x)), -weight, high, low))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (low[order][1:] != low[order][:-1]) | (high[order][1:] != high[order][:-1])
    found: Ints = order[first & (low[order] != high[order])]
    ranked: Ints = found[np.lexsort((found, -weight[found]))]
    return ranked


def spanning(x: Ints, y: Ints, weight: Floats) -> Ints:
    """Return the places of pairs that connect whatever groups all pairs connect, the strongest that do, as Kruskal's algorithm takes them."""
    parent: dict[int, int] = {}

    def root(group: int) -> int:
        while (up := parent.setdefault(group, group)) != group:
            parent[group] = group = parent.setdefault(up, up)
        return group

    taken = []
    best = strongest(x, y, weight)
    for place, p, q in zip(best.tolist(), x[best].tolist(), y[best].tolist(), strict=True):
        one, other = root(p), root(q)
        if one != other:
            parent[max(one, other)] = min(one, other)
            taken.append(place)
    return np.array(taken, dtype=np.int64)

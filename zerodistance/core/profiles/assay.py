"""Whether dimensions count: two nodes that hold enough people, no other dimension that says the same, and something that reads it.

Two dimensions say the same when Cramér's V of their nodes is above a limit; no tag is one more node, inner nodes are none. V is 1 as
well where one can be told from the other: a year from a month, a city from a community. Of such dimensions the one with most nodes counts.

References
----------
Cramér, H. (1946). Mathematical Methods of Statistics, chapter 21.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import bitmaps, rules
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.profiles.dimensions.readers import READERS
from zerodistance.core.profiles.figures import Assay, Assayed
from zerodistance.core.profiles.index import Index

SHARE, SAME = 0.001, 0.98
"""Part of the persons that two nodes have to hold each, and the most that a dimension may say of another: those of the goal."""
SAMPLE = 50_000
"""Own value: persons of whom the same is looked for, at most; every so-manieth of all."""
Codes = npt.NDArray[np.int64]


def assay(here: Index, dimensions: Sequence[Dimension], sample: int = SAMPLE) -> Assay:
    """Return which dimensions count, and why the others do not; visitors are left out."""
    persons = bitmaps.to_numbers(here.universe.persons)
    least = max(1, int(np.ceil(len(persons) * SHARE)))
    sizes = {d.key: _sizes(here, d) for d in dimensions}
    chosen = persons[:: max(1, -(-len(persons) // sample))]
    codes = {d.key: _codes(here, d, chosen) for d in dimensions}
    kept: list[str] = []
    why: dict[str, str] = {}
    like: dict[str, tuple[str, float]] = {}
    for d in sorted(dimensions, key=lambda d: -sum(1 for n in sizes[d.key].values() if n)):
        large = sum(1 for n in sizes[d.key].values() if n >= least)
        other, v = _nearest(codes[d.key], {key: codes[key] for key in kept})
        like[d.key] = other, v
        if large < 2:
            why[d.key] = "small"
        elif v > SAME:
            why[d.key] = "same"
        elif not d.read_by or not set(d.read_by) <= set(READERS):
            why[d.key] = "unread"
        else:
            kept.append(d.key)
    found = tuple(
        Assayed(
            d.key,
            sum(1 for n in sizes[d.key].values() if n >= least),
            *like[d.key],
            why.get(d.key, ""),
        )
        for d in dimensions
    )
    used = [node for d in dimensions for node, both in here.nodes(d.key).items() if both.persons]
    inner = sum(rules.is_inner(node) for node in used)
    return Assay(len(persons), least, len(chosen), len(used), inner, found)


def _sizes(here: Index, dimension: Dimension) -> dict[str, int]:
    nodes = here.nodes(dimension.key)
    return {node: both.persons for node, both in nodes.items() if not rules.is_inner(node)}


def _codes(here: Index, dimension: Dimension, persons: npt.NDArray[np.uint32]) -> Codes:
    """Return the node of each person as a number from 0 without gaps; no node is one of them."""
    codes = np.zeros(len(persons), np.int64)
    for n, node in enumerate(_sizes(here, dimension), 1):
        mine = bitmaps.to_numbers(here.has(dimension, node).persons)
        at = np.searchsorted(persons, mine)
        at = at[at < len(persons)][persons[at[at < len(persons)]] == mine[at < len(persons)]]
        codes[at] = n
    found: Codes = np.unique(codes, return_inverse=True)[1]
    return found


def _nearest(codes: Codes, others: dict[str, Codes]) -> tuple[str, float]:
    """Return the dimension that says most of this one, and how much."""
    alike = ((likeness(codes, other), key) for key, other in others.items())
    v, key = max(((v, key) for v, key in alike if v), default=(0.0, ""))
    return key, v


def likeness(one: Codes, other: Codes) -> float:
    """Return Cramér's V of two codings of the same persons, 0 to 1; 0 where one of them has a single code.

    Examples
    --------
    >>> likeness(np.array([0, 0, 1, 1]), np.array([2, 2, 0, 1]))
    1.0
    >>> likeness(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    0.0
    """
    if not len(one):
        return 0.0
    rows, columns = int(one.max()) + 1, int(other.max()) + 1
    if min(rows, columns) < 2:
        return 0.0
    both, times = np.unique(one * columns + other, return_counts=True)
    a, b = np.bincount(one, minlength=rows), np.bincount(other, minlength=columns)
    square = float((times.astype(np.float64) ** 2 / (a[both // columns] * b[both % columns])).sum()) - 1
    return round(float(np.sqrt(max(square, 0.0) / (min(rows, columns) - 1))), 6)

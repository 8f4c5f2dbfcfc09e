"""The nodes of a dimension with their counts, each below the inner node that holds it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from zerodistance.core.profiles import labels, rules
from zerodistance.core.profiles.contracts import INNER, Bands, Dimension, DimensionCount, NodeCount
from zerodistance.core.profiles.rollup import Rollup
from zerodistance.core.profiles.splits import NONE, Sizes

_DEEP = 12  # own value: no brand has lines above one another so often; this is for tables that hold a circle
Sized = Mapping[str, Sizes]
"""Node -> how many are at it."""


def counted(sizes: Sized, dimension: Dimension, names: labels.Names, rollup: Rollup) -> DimensionCount:
    """Return a dimension with its nodes: in order for bands and what is `ordered`, largest first for other values."""
    known = names.of_dimension(dimension)
    rows = tuple(
        NodeCount(node, labels.label(dimension, node, known), *sizes.get(node, NONE), parent, depth)
        for node, parent, depth in _walk(dimension, sizes, rollup)
    )
    leaves = [row for row in rows if not row.inner]
    return DimensionCount(dimension, rows, sum(n.persons for n in leaves), sum(n.visitors for n in leaves))


def _walk(dimension: Dimension, sizes: Sized, rollup: Rollup) -> Iterator[tuple[str, str, int]]:
    """Yield node, the inner node above it and how many stand above it, each inner node before what it holds."""
    children: dict[str, dict[str, None]] = defaultdict(dict)
    for node in _leaves(dimension, sizes):
        below = node
        for holder in rollup.holders(dimension, node):
            children[holder][below] = None
            below = holder
        children[""][below] = None
    place = {INNER + key: n for n, key in enumerate(dict.fromkeys(_parents(dimension)))}
    in_order = isinstance(dimension.nodes, Bands) or dimension.nodes.ordered

    def inside(parent: str, depth: int) -> Iterator[tuple[str, str, int]]:
        some = list(children[parent])
        if not isinstance(dimension.nodes, Bands):
            some.sort(
                key=lambda node: (
                    (place.get(node, 0), node) if in_order else (-sum(sizes.get(node, NONE)), node)
                )
            )
        for node in some:
            yield node, parent, depth
            if rules.is_inner(node) and depth < _DEEP:
                yield from inside(node, depth + 1)

    return inside("", 0)


def _parents(dimension: Dimension) -> tuple[str, ...]:
    nodes = dimension.nodes
    return () if isinstance(nodes, Bands) else tuple(nodes.parents.values())


def _leaves(dimension: Dimension, sizes: Sized) -> list[str]:
    """Return the nodes that hold no others: every band, the values that somebody is at, and those known beforehand."""
    nodes = dimension.nodes
    if isinstance(nodes, Bands):
        return [key for _, key, _ in nodes.bands]
    inner = {*nodes.parents.values()}
    known = () if nodes.path else (key for key in nodes.labels if key not in inner)
    return sorted({*known, *(node for node in sizes if not rules.is_inner(node))})

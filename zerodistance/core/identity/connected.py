"""What is connected with what, over columns: components, and the reads and writes at random places that they are made of. Pure.

References
----------
.. [1] Borůvka 1926, as in Shiloach, Vishkin, An O(log n) parallel connectivity algorithm, Journal of Algorithms 1982: every node is hooked to a smaller
   neighbour, trees become their roots, edges within a tree are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.signedinteger[Any]]
"""Whole numbers, as narrow as they fit."""
Bools = npt.NDArray[np.bool_]
Edges = tuple[Whole, Whole, Bools | None]
"""Both ends of edges, and which of these count; None: all."""
_Any = TypeVar("_Any", bound=np.generic)
_BLOCK = (
    1 << 16
)  # places that are looked up at a time: they and their 64-bit copies stay in the processor's cache
_NEAR = 6  # bits of the number of a row that tell its neighbours apart


def fitting(most: int) -> type[np.signedinteger[Any]]:
    """Return the type that holds whole numbers up to `most`."""
    return np.int32 if most < 1 << 31 else np.int64


def taken(values: npt.NDArray[_Any], rows: Whole) -> npt.NDArray[_Any]:
    """Return `values[rows]`, without a 64-bit copy of all rows; these must be there."""
    out = np.empty(len(rows), dtype=values.dtype)
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        np.take(values, rows[part].astype(np.intp), out=out[part], mode="clip")
    return out


class Few:
    """Marks of rows of which few have one: whether any of a row's neighbours has it lies in the processor's cache."""

    def __init__(self, marks: Bools) -> None:
        self._marks = marks
        self._near = np.logical_or.reduceat(marks, np.arange(0, len(marks), 1 << _NEAR))

    def taken(self, rows: Whole) -> Bools:
        """Return what `taken` does."""
        found = taken(self._near, rows >> _NEAR)
        asked = np.flatnonzero(found)
        found[asked] = self._marks[rows[asked]]
        return found


def put(values: npt.NDArray[_Any], rows: Whole, new: npt.NDArray[Any]) -> None:
    """Set `values[rows] = new`, of several for one row the last, as `taken` reads."""
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        values[rows[part].astype(np.intp)] = new[part]


def sizes(label: Whole) -> npt.NDArray[np.int32]:
    """Return how many rows have each label; labels are rows."""
    out, one = np.zeros(len(label), dtype=np.int32), np.ones(_BLOCK, dtype=np.int32)
    for start in range(0, len(label), _BLOCK):
        part = label[start : start + _BLOCK].astype(np.intp)
        np.add.at(out, part, one[: len(part)])
    return out


def components(count: int, a: Whole, b: Whole) -> Whole:
    """Return per node the smallest node it is connected with.

    Parameters
    ----------
    count
        Nodes, numbered from 0.
    a, b
        Ends of the edges.
    """
    return components_of(count, (a, b, None))


def components_of(count: int, *edges: Edges) -> Whole:
    """Return the same of edges that stand in several places, and of which some count for nothing: they need not be copied together."""
    parent = np.arange(count, dtype=fitting(count))
    for part in edges:
        _hook(parent, *part)
    _flatten(parent)
    a, b = _apart(parent, edges)  # few are left
    if len(a):
        while len(a):
            _hook(parent, a, b)
            _climb(parent, np.maximum(a, b))
            a, b = _apart(parent, [(a, b, None)])
        _flatten(parent)
    return parent


def _blocks(a: Whole, b: Whole, kept: Bools | None) -> Iterator[tuple[Whole, Whole]]:
    """Yield edges that count, a block at a time."""
    for start in range(0, len(a), _BLOCK):
        x, y = a[start : start + _BLOCK], b[start : start + _BLOCK]
        if kept is not None:
            some = kept[start : start + _BLOCK]
            x, y = x[some], y[some]
        yield x, y


def _hook(parent: Whole, a: Whole, b: Whole, kept: Bools | None = None) -> None:
    """Let the larger end of each edge, both roots, lead to a smaller neighbour: there is no circle, and the smallest node stays a root."""
    for x, y in _blocks(a, b, kept):
        parent[np.maximum(x, y).astype(np.intp)] = np.minimum(x, y)


def _flatten(parent: Whole) -> None:
    """Let every node lead to its root: all lead to smaller ones, and of these those of the blocks before lead to theirs already."""
    for start in range(0, len(parent), _BLOCK):
        block = parent[start : start + _BLOCK]
        up = parent.take(block.astype(np.intp), mode="clip")
        moved = np.flatnonzero(up != block)
        block[:] = up
        while len(moved):
            now = block[moved]
            up = parent.take(now.astype(np.intp), mode="clip")
            further = up != now
            moved = moved[further]
            block[moved] = up[further]


def _climb(parent: Whole, nodes: Whole) -> None:
    """Let these nodes, which are all roots that are none any more, lead to their roots."""
    while len(nodes):
        up = taken(parent, nodes)
        top = taken(parent, up)
        moved = up != top
        nodes, top = nodes[moved], top[moved]
        put(parent, nodes, top)


def _apart(parent: Whole, edges: Iterable[Edges]) -> tuple[Whole, Whole]:
    """Return the roots of the edges that are still between two."""
    parts: tuple[list[Whole], list[Whole]] = ([parent[:0]], [parent[:0]])
    for block in chain.from_iterable(_blocks(*part) for part in edges):
        x, y = (parent.take(end.astype(np.intp), mode="clip") for end in block)
        apart = x != y
        parts[0].append(x[apart])
        parts[1].append(y[apart])
    return np.concatenate(parts[0]), np.concatenate(parts[1])

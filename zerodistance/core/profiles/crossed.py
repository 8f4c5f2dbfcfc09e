"""Persons crossed with nodes, block by block: what those who work on everybody's tags at once read, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import bitmaps
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Layer
from zerodistance.core.profiles.splits import Who

_AT_ONCE = 1 << 14  # own value, that of `forward`: persons of a block; its arrays stay in the cache


class Crossed(NamedTuple):
    """A block of persons and the nodes they are at.

    Attributes
    ----------
    who
        The numbers of the block, ascending; those who are at no node too.
    rows, nodes
        For each tag the place of the person in `who`, and the place of the node in the names that were asked for.
    """

    who: Who
    rows: npt.NDArray[np.intp]
    nodes: npt.NDArray[np.intp]


def crossed(here: Index, some: Who, names: Sequence[tuple[str, str]]) -> Iterator[Crossed]:
    """Yield at which of these nodes each of `some` is (ascending; persons or visitors, not both).

    Parameters
    ----------
    names
        Dimension and node, inner nodes too; of communities, which are not kept node by node, nobody is found.
    """
    heard = dict[tuple[Layer, ...], dict[tuple[str, str], int]]()
    for n, name in enumerate(names):
        heard.setdefault(_heard(here, name[0]), {})[name] = n
    known = [
        (layers, [np.array([place.get(node, -1) for node in layer.nodes], np.intp) for layer in layers])
        for layers, place in heard.items()
    ]
    for at in range(0, len(some), _AT_ONCE):
        who = some[at : at + _AT_ONCE]
        rows, nodes = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
        for layers, codes in known:
            left = np.arange(len(who))
            for layer, code_of in zip(reversed(layers), reversed(codes), strict=True):
                mine = _spoken_of(layer, who, left)
                tags, of = layer.forward[int(who[0] >= VISITORS_FROM)].rows(who[mine])
                code = code_of[tags]
                wanted = code >= 0
                rows.append(mine[of[wanted]])
                nodes.append(code[wanted])
                left = np.setdiff1d(left, mine, assume_unique=True)
        yield Crossed(who, np.concatenate(rows), np.concatenate(nodes))


def _heard(here: Index, dimension: str) -> tuple[Layer, ...]:
    """Return the parts that are heard in a dimension."""
    return here.stacks.of(dimension)


def _spoken_of(layer: Layer, who: Who, left: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the places of those of whom a part speaks."""
    if layer.changed is None or not len(left):
        return left
    told = bitmaps.to_numbers(bitmaps.of_sorted(who[left]) & layer.changed)
    return left[np.isin(who[left], told, assume_unique=True)]

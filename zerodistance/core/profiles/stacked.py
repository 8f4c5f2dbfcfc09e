"""What several parts of the index say together: the later ones override the earlier for whom, and in what, they speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps, homes
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.parts import Layer, Name, Subjects
from zerodistance.core.profiles.splits import NOBODY, NONE, Numbers, Sizes, Split, Who

Hidden = Mapping[str, BitMap | None]
"""Dimension -> of whom later parts speak in it; None: of everybody."""


class Stacks:
    """Which parts are heard in which dimension, of parts in the order in which they were written."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self.given = tuple(dict.fromkeys(layer.only for layer in layers if layer.only is not None))
        """Dimensions of which parts speak alone."""
        self._of: dict[str, tuple[Layer, ...]] = {}

    def of(self, dimension: str) -> tuple[Layer, ...]:
        """Return the parts that are heard in a dimension: the last that speaks of everybody, and those after it; of persons and subjects those of ``."""
        key = dimension if dimension in self.given else ""
        if key not in self._of:
            some = [layer for layer in self.layers if layer.only is None or layer.only == key]
            whole = [n for n, layer in enumerate(some) if layer.changed is None]
            self._of[key] = tuple(some[whole[-1] :] if whole else some)
        return self._of[key]

    def alone(self, dimension: str) -> list[Layer]:
        """Return the parts that speak of one dimension alone."""
        return [layer for layer in self.layers if layer.only == dimension]

    @property
    def every_alone(self) -> list[Layer]:
        """The parts that speak of one dimension alone, whichever it is."""
        return [layer for layer in self.layers if layer.only is not None]

    @property
    def lately(self) -> tuple[Layer, ...]:
        """The parts after the last that speaks of one dimension alone: whoever saw one of them has seen that."""
        places = [n for n, layer in enumerate(self.layers) if layer.only is not None]
        return self.layers[places[-1] + 1 if places else 0 :]

    @cached_property
    def hidden(self) -> tuple[Hidden, ...]:
        """For each part what later ones override of what it is asked for: of one that speaks of all dimensions, what those that speak of one say.

        Of one that speaks of one dimension, what all later ones say that are heard in it.
        """
        found: list[Hidden] = []
        for n, layer in enumerate(self.layers):
            mine: dict[str, BitMap | None] = {}
            for later in self.layers[n + 1 :]:
                key = later.only if layer.only is None else layer.only
                if key is None or later.only not in (None, key):
                    continue
                known = mine.get(key, BitMap())
                mine[key] = None if known is None or later.changed is None else known | later.changed
            found.append(mine)
        return tuple(found)


def portrait(stacks: Stacks, who: Who, *, dimensions: bool) -> dict[Name, Sizes]:
    """Return how many of these (ascending) are at each node but communities, from person to nodes; with `dimensions` at any node of each as well."""
    edge = int(np.searchsorted(who, VISITORS_FROM))
    found: dict[Name, Sizes] = {}
    for side, everybody in enumerate((who[:edge], who[edge:])):
        left = everybody
        for layer, hidden in zip(reversed(stacks.layers), reversed(stacks.hidden), strict=True):
            mine = left if layer.only is None else everybody
            if layer.changed is not None and len(mine):
                some = bitmaps.of_sorted(mine)
                mine = bitmaps.to_numbers(some & layer.changed)
                if layer.only is None and len(mine):
                    left = bitmaps.to_numbers(some - layer.changed)
            elif layer.only is None and layer.changed is None:
                left = left[:0]
            if layer.only is not None and layer.only in hidden and len(mine):
                gone = hidden[layer.only]
                mine = mine[:0] if gone is None else mine[outside(mine, gone)]
            if len(mine):
                _count(found, layer, side, mine, dimensions, {} if layer.only is not None else hidden)
    return found


def _count(
    found: dict[Name, Sizes], layer: Layer, side: int, who: Who, dimensions: bool, hidden: Hidden
) -> None:
    """Add how many of these, of whom a part speaks, are at each of its nodes, and at any of each dimension, but where a later part speaks."""
    forward, (keys, group_of) = layer.forward[side], layer.groups
    nodes = forward.counts(who, len(layer.nodes))
    groups = forward.groups(who, group_of, len(keys)) if dimensions else np.zeros(len(keys), np.int64)
    for key in hidden.keys() & set(keys):
        place, gone = keys.index(key), hidden[key]
        mine = group_of == place
        over = who if gone is None else bitmaps.to_numbers(bitmaps.of_sorted(who) & gone)
        if gone is None:
            nodes[mine], groups[place] = 0, 0
        elif len(over):
            nodes[mine] -= forward.counts(over, len(layer.nodes))[mine]
            groups[place] -= forward.groups(over, group_of, len(keys))[place] if dimensions else 0
    named: list[tuple[Name, int]] = [
        (("node", *layer.nodes[n]), int(nodes[n])) for n in np.flatnonzero(nodes).tolist()
    ]
    named += [(("any", keys[n], ""), int(groups[n])) for n in np.flatnonzero(groups).tolist()]
    for name, many in named:
        found[name] = found.get(name, NONE).plus(Sizes(0, many) if side else Sizes(many, 0))


def nodes_of(stacks: Stacks, number: int) -> list[tuple[str, str]]:
    """Return the nodes of one person or visitor, as dimension and node."""
    side = number >= VISITORS_FROM
    found: list[tuple[str, str]] = []
    heard: set[str] = set()
    for layer in reversed(stacks.layers):
        if (layer.changed is not None and number not in layer.changed) or layer.only in heard:
            continue
        nodes = (layer.nodes[node] for node in layer.forward[side].of(number))
        found += [one for one in nodes if one[0] not in heard]
        if layer.only is None:
            home = layer.homes.of(number)
            return found if home is None else [*found, (homes.DIMENSION, home)]
        heard.add(layer.only)
    return found


def between(layers: Sequence[Layer], dimension: str, low: float, high: float) -> Split:
    """Return whose number lies in the range, both ends included."""
    found = NOBODY
    for layer in layers:
        fresh = Split(*(layer.column(dimension, side).between(low, high) for side in (0, 1)))
        found = fresh if layer.changed is None else found.without(layer.changed) | fresh
    return found


def count(layers: Sequence[Layer], dimension: str, low: float, high: float) -> Sizes:
    """Return how many `between` finds; of a single part without making the bitmap of them."""
    if len(layers) != 1:
        return between(layers, dimension, low, high).sizes
    return Sizes(*(layers[0].column(dimension, side).count(low, high) for side in (0, 1)))


def among(layers: Sequence[Layer], dimension: str, side: int, some: BitMap) -> Numbers:
    """Return the numbers of those of `some`, persons (side 0) or visitors (1), who have one, in no order."""
    found: list[Numbers] = [np.empty(0, np.float64)]
    for layer in reversed(layers):
        mine = some if layer.changed is None else some & layer.changed
        found.append(layer.column(dimension, side).among(bitmaps.to_numbers(mine)))
        some = some if layer.changed is None else some - layer.changed
    return np.concatenate(found)


def of(layers: Sequence[Layer], dimension: str, number: int) -> float | None:
    """Return the number of one person or visitor, None if there is none."""
    for layer in reversed(layers):
        if layer.changed is None or number in layer.changed:
            return layer.column(dimension, int(number >= VISITORS_FROM)).of(number)
    return None


def pick(layers: Sequence[Layer], dimension: str, some: Who) -> Numbers:
    """Return the number of each of a few (ascending), NaN where there is none."""
    found, left = np.full(len(some), np.nan), np.ones(len(some), np.bool_)
    for layer in reversed(layers):
        mine = (
            left
            if layer.changed is None
            else left & np.isin(some, bitmaps.to_numbers(bitmaps.of_sorted(some) & layer.changed))
        )
        for side, here in ((0, some < VISITORS_FROM), (1, some >= VISITORS_FROM)):
            asked = mine & here
            if asked.any():
                found[asked] = layer.column(dimension, side).pick(some[asked])
        left = left & ~mine
    return found


def flat(layers: Sequence[Layer], dimension: str) -> tuple[Who, Numbers]:
    """Return the numbers of all layers as one column."""
    whos: list[Who] = [np.empty(0, np.uint32)]
    values: list[Numbers] = [np.empty(0, np.float64)]
    gone = BitMap()
    for layer in reversed(layers):
        for side in (0, 1):
            who, numbers = layer.column(dimension, side).flat()
            keep = outside(who, gone)
            whos.append(who[keep])
            values.append(numbers[keep])
        gone = gone if layer.changed is None else gone | layer.changed
    who, number = np.concatenate(whos), np.concatenate(values)
    order = np.argsort(who, kind="stable")
    return who[order], number[order]


def pairs(layers: Sequence[Layer]) -> tuple[Subjects, Who]:
    """Return subjects and the number each belongs to, in no order."""
    kept_subjects: list[Subjects] = []
    kept_numbers: list[Who] = []
    gone = BitMap()
    for layer in reversed(layers):
        subjects, numbers = layer.pairs()
        keep = outside(numbers, gone)
        kept_subjects.append(subjects[keep])
        kept_numbers.append(numbers[keep])
        gone = gone if layer.changed is None else gone | layer.changed
    if not kept_subjects:
        return np.empty(0, np.int64), np.empty(0, np.uint32)
    if len(kept_subjects) == 1:
        return kept_subjects[0], kept_numbers[0]
    return np.concatenate(kept_subjects), np.concatenate(kept_numbers)


def pairs_of(layers: Sequence[Layer], some: BitMap) -> tuple[Subjects, Who]:
    """Return subjects and the number each belongs to, of these numbers, in no order."""
    kept_subjects, kept_numbers = [np.empty(0, np.int64)], [np.empty(0, np.uint32)]
    for layer in reversed(layers):
        mine = some if layer.changed is None else some & layer.changed
        if mine:
            subjects, numbers = layer.pairs()
            there = ~outside(numbers, mine)
            kept_subjects.append(subjects[there])
            kept_numbers.append(numbers[there])
        some = some - mine
        if not some:
            break
    return np.concatenate(kept_subjects), np.concatenate(kept_numbers)


def outside(numbers: Who, gone: BitMap) -> npt.NDArray[np.bool_]:
    """Return which numbers are not in a bitmap; persons and visitors apart, because dense ranges are looked up in a table."""
    outside = np.ones(len(numbers), np.bool_)
    if gone:
        some = bitmaps.to_numbers(gone)
        for side, mine in (
            (numbers < VISITORS_FROM, some[some < VISITORS_FROM]),
            (numbers >= VISITORS_FROM, some[some >= VISITORS_FROM]),
        ):
            outside[side] = np.isin(numbers[side], mine, invert=True)
    return outside

"""What several parts of the index say together of numbers and subjects: the later ones override the earlier for whom they speak of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.parts import Layer, Subjects
from zerodistance.core.profiles.splits import NOBODY, Numbers, Sizes, Split, Who


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
            keep = _outside(who, gone)
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
        keep = _outside(numbers, gone)
        kept_subjects.append(subjects[keep])
        kept_numbers.append(numbers[keep])
        gone = gone if layer.changed is None else gone | layer.changed
    if not kept_subjects:
        return np.empty(0, np.int64), np.empty(0, np.uint32)
    if len(kept_subjects) == 1:
        return kept_subjects[0], kept_numbers[0]
    return np.concatenate(kept_subjects), np.concatenate(kept_numbers)


def _outside(numbers: Who, gone: BitMap) -> npt.NDArray[np.bool_]:
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

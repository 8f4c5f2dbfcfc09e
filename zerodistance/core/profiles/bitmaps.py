"""Roaring bitmaps from sorted NumPy arrays, by writing the portable serialization instead of adding one by one.

References
----------
https://github.com/RoaringBitmap/RoaringFormatSpec
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

_COOKIE = 12_346  # no run containers
_MOST_IN_ARRAY = 4_096
_FEW = 2_000  # own value, measured: so many are added faster than they are written
Numbers = npt.NDArray[np.uint32]


def of_sorted(numbers: Numbers) -> BitMap:
    """Return the bitmap of distinct numbers in ascending order.

    Examples
    --------
    >>> list(of_sorted(np.array([1, 5, 70_000], np.uint32)))
    [1, 5, 70000]
    """
    if len(numbers) <= _FEW:
        return BitMap(array("I", numbers.astype(np.uint32, copy=False).tobytes()))
    high = (numbers >> 16).astype(np.uint16)
    starts = np.flatnonzero(np.r_[True, high[1:] != high[:-1]])
    sizes = np.diff(np.r_[starts, len(numbers)])
    head = np.empty((len(starts), 2), "<u2")
    head[:, 0], head[:, 1] = high[starts], sizes - 1
    lengths = np.where(sizes <= _MOST_IN_ARRAY, sizes * 2, 8_192)
    offsets = 8 + 8 * len(starts) + np.r_[0, np.cumsum(lengths)[:-1]]
    parts: list[bytes | memoryview] = [
        np.array([_COOKIE, len(starts)], "<u4").tobytes(),
        head.tobytes(),
        offsets.astype("<u4").tobytes(),
    ]
    low = numbers.astype("<u2")  # the lower half of each
    large = sizes > _MOST_IN_ARRAY
    runs = np.flatnonzero(np.r_[True, large[1:] != large[:-1]])
    for first, last in zip(runs.tolist(), [*runs[1:].tolist(), len(sizes)], strict=True):
        if large[first]:
            for one in range(first, last):
                bits = np.zeros(65_536, np.uint8)
                bits[low[starts[one] : starts[one] + sizes[one]]] = 1
                parts.append(np.packbits(bits, bitorder="little").tobytes())
        else:  # arrays one after the other are written as they stand
            parts.append(low[starts[first] : starts[last - 1] + sizes[last - 1]].tobytes())
    return BitMap.deserialize(b"".join(parts))


def of_masks(masks: Iterable[tuple[int, npt.NDArray[np.bool_]]]) -> BitMap:
    """Return the bitmap of what is true in masks of 65,536, each with its key: the number of its first element by as many; keys ascend."""
    keys: list[int] = []
    sizes: list[int] = []
    bodies: list[bytes] = []
    for key, mask in masks:
        many = int(np.count_nonzero(mask))
        if many:
            keys.append(key)
            sizes.append(many)
            bodies.append(_body(mask, many))
    return of_bodies(keys, sizes, bodies)


def _body(mask: npt.NDArray[np.bool_], many: int) -> bytes:
    if many > _MOST_IN_ARRAY:
        return np.packbits(mask, bitorder="little").tobytes()
    return np.flatnonzero(mask).astype("<u2").tobytes()


def of_bodies(keys: Sequence[int], sizes: Sequence[int], bodies: Sequence[bytes]) -> BitMap:
    """Return the bitmap of these containers: key, how many are in each, and the array or bitset that is fit for so many."""
    lengths = np.array([len(body) for body in bodies], np.int64)
    offsets = 8 + 8 * len(keys) + np.cumsum(lengths) - lengths
    head = np.empty((len(keys), 2), "<u2")
    head[:, 0], head[:, 1] = keys, np.array(sizes, np.int64) - 1
    front = np.array([_COOKIE, len(keys)], "<u4").tobytes() + head.tobytes() + offsets.astype("<u4").tobytes()
    return BitMap.deserialize(front + b"".join(bodies))


def of(numbers: npt.NDArray[np.int64]) -> BitMap:
    """Return the bitmap of numbers in any order, repeated or not."""
    return of_sorted(np.unique(numbers).astype(np.uint32))


def to_numbers(bitmap: BitMap) -> Numbers:
    """Return the numbers of a bitmap, ascending."""
    return np.frombuffer(bitmap.to_array(), np.uint32) if len(bitmap) else np.empty(0, np.uint32)


def among(numbers: Numbers, those: Numbers) -> npt.NDArray[np.bool_]:
    """Return which numbers are among those, which ascend: many times as fast as `np.isin` for a million of either.

    Examples
    --------
    >>> among(np.array([7, 1, 9], np.uint32), np.array([1, 7], np.uint32)).tolist()
    [True, True, False]
    """
    if not len(those):
        return np.zeros(len(numbers), np.bool_)
    found: npt.NDArray[np.bool_] = (
        those[np.minimum(np.searchsorted(those, numbers), len(those) - 1)] == numbers
    )
    return found


def at_least(least: int, bitmaps: Sequence[BitMap]) -> BitMap:
    """Return who is in at least so many of the bitmaps, of which there are as many or more.

    Whoever is in one, in two, ... of those looked at so far is kept, as far as the rest can still bring them to `least`; small ones come first.

    Examples
    --------
    >>> sorted(at_least(2, [BitMap([1, 2, 3]), BitMap([2, 3]), BitMap([3, 4])]))
    [2, 3]
    """
    ordered = sorted(bitmaps, key=len)
    if least == len(ordered):
        return BitMap.intersection(*ordered)
    if least == 1:
        return BitMap.union(*ordered)
    counts = [BitMap() for _ in range(least)]  # in at least 1, 2, ... so far
    for seen, one in enumerate(ordered):
        missing = len(ordered) - seen - 1  # how many are still to come
        for n in range(min(least - 1, seen), max(0, least - 1 - missing) - 1, -1):
            counts[n] |= counts[n - 1] & one if n else one
    return counts[-1]

"""Numbers behind the nodes of one dimension: small whole numbers in the order of persons, so that a range is one look at all of them.

A part has a column for persons and one for visitors. Where every number is a whole one of the same small unit, as counts, days and sums
are, it has the number of units above the least one, in as few bytes as hold it; else floats. Where most have a number, the column stands
by number, with 0 for nobody; else who has one is listed beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps
from zerodistance.core.profiles.sections import Key, Opened, Writer
from zerodistance.core.profiles.splits import Numbers, Who

SCALES = (1, 10, 100, 1_000, 10_000)
"""Units to a whole that are tried: the last is that of amounts in states."""
_LARGEST = float(1 << 53)  # beyond it a double has no whole numbers any more
_DENSE = 1 << 16  # own value: up to so many are listed, however close together
_FEW = 32  # own value: up to so many are looked up one by one
_LISTED = 4  # bytes of a number that is listed
_CONTAINER = 1 << 16
_LOOKED_UP = 1 << 14  # own value, measured: codes that are looked up together
_AT_ONCE = 1 << 22  # own value: listed numbers that are looked at together


class Form(NamedTuple):
    """How the numbers of a column are written.

    Attributes
    ----------
    scale
        Units to a whole; 0: floats.
    base
        Units that the least number has.
    first
        Whose number stands first where they stand by number; -1: who has one is listed.
    """

    scale: int
    base: int
    first: int


def _coded(numbers: Numbers) -> tuple[int, int, npt.NDArray[Any]]:
    """Return scale, base and codes; codes of whole numbers begin at 1."""
    for scale in SCALES:
        units = np.rint(numbers * scale)
        if np.all(np.abs(units) < _LARGEST) and np.all(units / scale == numbers):
            whole = units.astype(np.int64)
            base = int(whole.min())
            most = int(whole.max()) - base + 1
            for kind in (np.uint8, np.uint16, np.uint32):
                if most <= np.iinfo(kind).max:
                    return scale, base, (whole - (base - 1)).astype(kind)
    return 0, 0, numbers


def write(file: Writer, dimension: str, side: int, who: Who, numbers: Numbers) -> None:
    """Write the numbers of persons (side 0) or visitors (1); `who` ascends."""
    if not len(who):
        return
    scale, base, codes = _coded(numbers)
    first, last = int(who[0]) // _CONTAINER * _CONTAINER, int(who[-1])
    span = (last // _CONTAINER + 1) * _CONTAINER - first
    width = codes.dtype.itemsize
    if scale and len(who) > _DENSE and span * width <= len(who) * (_LISTED + width):
        standing = np.zeros(span, codes.dtype)
        standing[who - np.uint32(first)] = codes
        codes = standing
    else:
        first = -1
        file.array(("who", dimension, "", side), who)
    file.array(("number", dimension, "", side), codes)
    file.head.setdefault("columns", {})[f"{dimension} {side}"] = Form(scale, base, first)


class Column:
    """The numbers of persons, or of visitors, in one dimension of a part."""

    def __init__(self, file: Opened, dimension: str, side: int) -> None:
        self._file = file
        self._who: Key = ("who", dimension, "", side)
        self._numbers: Key = ("number", dimension, "", side)
        said = file.head.get("columns", {}).get(f"{dimension} {side}")
        self._form = None if said is None else Form(*said)

    def _value(self, codes: npt.NDArray[Any]) -> Numbers:
        """Return numbers from codes."""
        assert self._form is not None
        if not self._form.scale:
            return np.asarray(codes, np.float64)
        units: Numbers = (codes.astype(np.int64) - 1 + self._form.base).astype(np.float64)
        return units / self._form.scale

    def of(self, number: int) -> float | None:
        """Return the number of one person or visitor, None if there is none here."""
        if self._form is None:
            return None
        if self._form.first < 0:
            place = self._file.search(self._who, number)
        else:
            place = number - self._form.first
            place = place if 0 <= place < self._file.count(self._numbers) else -1
        if place < 0:
            return None
        codes = self._file.array(self._numbers, place, place + 1)
        return None if self._form.scale and not codes[0] else float(self._value(codes)[0])

    def pick(self, some: Who) -> Numbers:
        """Return the number of each of some (ascending), NaN where there is none; of a few only what lies around them is read."""
        found = np.full(len(some), np.nan)
        if self._form is None or not len(some):
            return found
        if self._form.first < 0 and len(some) <= _FEW:
            places = np.array([self._file.search(self._who, number) for number in some.tolist()], np.int64)
            here = places >= 0
        elif self._form.first < 0:
            who = self._file.array(self._who)
            places = np.searchsorted(who, some)
            here = (places < len(who)) & (who[np.minimum(places, len(who) - 1)] == some)
        else:
            places = some.astype(np.int64) - self._form.first
            here = (places >= 0) & (places < self._file.count(self._numbers))
        codes = self._file.taken(self._numbers, places[here])
        values = self._value(codes)
        found[here] = np.where(codes == 0, np.nan, values) if self._form.scale else values
        return found

    def flat(self) -> tuple[Who, Numbers]:
        """Return who has a number, ascending, and the number of each."""
        if self._form is None:
            return np.empty(0, np.uint32), np.empty(0, np.float64)
        codes = self._file.array(self._numbers)
        if self._form.first < 0:
            return self._file.array(self._who), self._value(codes)
        places = np.flatnonzero(codes)
        return (places + self._form.first).astype(np.uint32), self._value(codes[places])

    def where(self, marked: npt.NDArray[np.bool_]) -> BitMap:
        """Return whose number is marked; numbers are whole, from 1 on, and the last place of `marked`, which is none, stands for all that are larger."""
        if self._form is None or self._form.base >= len(marked):
            return BitMap()
        codes, before = self._file.array(self._numbers), self._form.base - 1
        if self._form.first < 0:
            who, numbers = self.flat()
            return bitmaps.of_sorted(who[marked.take(numbers.astype(np.int64), mode="clip")])
        nobody = marked[before]  # where the code of who has no number looks
        marked[before] = False
        octets = np.append(np.packbits(marked[before:], bitorder="little"), np.uint8(0))
        marked[before] = nobody
        first = self._form.first // _CONTAINER
        return bitmaps.of_masks(
            (first + n, _bits(octets, codes[at : at + _CONTAINER]))
            for n, at in enumerate(range(0, len(codes), _CONTAINER))
        )

    def among(self, some: Who) -> Numbers:
        """Return the numbers of those of `some` (ascending) who have one."""
        if self._form is None or not len(some):
            return np.empty(0, np.float64)
        codes = self._file.array(self._numbers)
        if self._form.first >= 0:
            places = some.astype(np.int64) - self._form.first
            found = codes[places[(places >= 0) & (places < len(codes))]]
            return self._value(found[found > 0])
        who = self._file.array(self._who)
        places = np.searchsorted(who, some)
        inside = places < len(who)
        return self._value(codes[places[inside][who[places[inside]] == some[inside]]])

    def _looked_at(self, low: float, high: float) -> tuple[npt.NDArray[Any], tuple[Any, Any]] | None:
        """Return the codes and the least and the largest in the range; None if there can be none."""
        if self._form is None:
            return None
        codes = self._file.array(self._numbers)
        limits = self._limits(low, high, codes.dtype)
        return None if limits is None else (codes, limits)

    def count(self, low: float, high: float) -> int:
        """Return how many have a number in the range, both ends included."""
        looked = self._looked_at(low, high)
        if looked is None:
            return 0
        codes, limits = looked
        pieces = (codes[at : at + _CONTAINER] for at in range(0, len(codes), _CONTAINER))
        return sum(int(np.count_nonzero(_inside(some, *limits))) for some in pieces)

    def between(self, low: float, high: float) -> BitMap:
        """Return whose number lies in the range, both ends included."""
        looked = self._looked_at(low, high)
        if looked is None or self._form is None:
            return BitMap()
        codes, limits = looked
        if self._form.first >= 0:
            first = self._form.first // _CONTAINER
            return bitmaps.of_masks(
                (first + n, _inside(codes[at : at + _CONTAINER], *limits))
                for n, at in enumerate(range(0, len(codes), _CONTAINER))
            )
        return bitmaps.of_sorted(np.concatenate([np.empty(0, np.uint32), *self._listed(codes, limits)]))

    def _listed(self, codes: npt.NDArray[Any], limits: tuple[Any, Any]) -> Iterator[Who]:
        who = self._file.array(self._who)
        for at in range(0, len(who), _AT_ONCE):
            yield who[at : at + _AT_ONCE][_inside(codes[at : at + _AT_ONCE], *limits)]

    def _limits(self, low: float, high: float, kind: np.dtype[Any]) -> tuple[Any, Any] | None:
        """Return the least and the largest code in the range, None if no code can be; of floats the range itself."""
        assert self._form is not None
        if not self._form.scale:
            return low, high
        scale, base, most = self._form.scale, self._form.base, int(np.iinfo(kind).max)
        if not (low <= high and low <= (base + most) / scale and high >= base / scale):
            return None
        least = base if low <= base / scale else _least(low, scale)
        last = base + most if high >= (base + most) / scale else -_least(-high, scale)
        first, end = least - base + 1, min(last - base + 1, most)
        return (kind.type(first), kind.type(end)) if 1 <= first <= end else None


def _bits(octets: npt.NDArray[np.uint8], codes: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return the bit of each code; of those beyond all octets that of the last."""
    found = np.empty(len(codes), np.uint8)
    for at in range(0, len(codes), _LOOKED_UP):
        some = codes[at : at + _LOOKED_UP]
        bits = octets.take(some >> some.dtype.type(3), mode="clip")
        bits >>= some.astype(np.uint8) & np.uint8(7)
        np.bitwise_and(bits, np.uint8(1), out=found[at : at + _LOOKED_UP])
    return found.view(np.bool_)


def _least(low: float, scale: int) -> int:
    """Return the least whole number of units that makes `low` or more.

    Examples
    --------
    >>> _least(0.3, 10_000), _least(2.00005, 1_000), _least(-1.5, 1)
    (3000, 2001, -1)
    """
    units = int(np.ceil(low * scale))
    while units / scale < low:
        units += 1
    while (units - 1) / scale >= low:
        units -= 1
    return units


def _inside(codes: npt.NDArray[Any], low: Any, high: Any) -> npt.NDArray[np.bool_]:
    """Return which codes lie in a range; for whole numbers in one comparison, since what is below wraps around."""
    if codes.dtype.kind == "f":
        found: npt.NDArray[np.bool_] = (codes >= low) & (codes <= high)
        return found
    with np.errstate(over="ignore"):
        one: npt.NDArray[np.bool_] = (codes - low) <= (high - low)
    return one

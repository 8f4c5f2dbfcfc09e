"""At least k of n sets, for large ones: their bits as 64-bit words, added up by carry-save adders in blocks that fit the cache.

References
----------
https://github.com/RoaringBitmap/RoaringFormatSpec
Kaser, Lemire: Compressed bitmap indexes: beyond unions and intersections (2016), symmetric functions over bitmaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps

Words = npt.NDArray[np.uint64]
_COOKIE = 12_346  # no run containers
_MOST_IN_ARRAY = 4_096
_WORDS: Final = 1_024  # of a container
_BLOCK = 16  # own value, measured: containers of each set at once, 128 KB
_DENSE = 1_024  # own value, measured: numbers in a container, from where on words are faster than containers
_PATTERN = np.uint64(0x5555_5555_5555_5555)
_AT_ONCE = 1 << 14  # own value, measured: numbers that are looked up at once
_HALF = 32_768  # bits of the pattern in a container


class Dense(NamedTuple):
    """A set as words: the first one is of the container with key `first` (number >> 16)."""

    first: int
    words: Words


def worth(sets: Sequence[BitMap]) -> bool:
    """Say whether adding up words is faster than going through the containers."""
    filled = [one for one in sets if one]
    if len(filled) < 3:
        return False
    containers = (max(one.max() for one in filled) >> 16) - (min(one.min() for one in filled) >> 16) + 1
    return sum(len(one) for one in filled) >= _DENSE * containers * len(filled)


def view(packed: memoryview) -> Dense | None:
    """Return the words of a serialized bitmap where they lie; None if not all of it is bitsets without a gap."""
    if len(packed) < 16 or int(np.frombuffer(packed, "<u4", 1)[0]) != _COOKIE:
        return None
    many = int(np.frombuffer(packed, "<u4", 1, 4)[0])
    head = np.frombuffer(packed, "<u2", 2 * many, 8).reshape(-1, 2)
    if int(head[-1, 0]) - int(head[0, 0]) + 1 != many or int(head[:, 1].min()) < _MOST_IN_ARRAY:
        return None
    return Dense(int(head[0, 0]), np.frombuffer(packed, "<u8", many * _WORDS, 8 + 8 * many))


def dense(bitmap: BitMap) -> Dense:
    """Return the words of a bitmap.

    Exclusive-or with a pattern of every other bit makes a bitset of every container, whatever it was, without a step for each number.
    """
    if not bitmap:
        return Dense(0, np.empty(0, np.uint64))
    first, last = bitmap.min() >> 16, bitmap.max() >> 16
    many = last - first + 1
    found = view(memoryview((bitmap ^ _every_other(first, many)).serialize()))
    if found is None or len(found.words) != many * _WORDS:  # a container is nearly the pattern itself
        return _one_by_one(bitmap, first, last)
    return Dense(first, found.words ^ _PATTERN)


def _every_other(first: int, many: int) -> BitMap:
    head = np.empty((many, 2), "<u2")
    head[:, 0], head[:, 1] = np.arange(first, first + many), _HALF - 1
    offsets = (8 + 8 * many + 8 * _WORDS * np.arange(many)).astype("<u4")
    words = np.full(many * _WORDS, _PATTERN)
    front = np.array([_COOKIE, many], "<u4").tobytes() + head.tobytes() + offsets.tobytes()
    return BitMap.deserialize(front + words.tobytes())


def _one_by_one(bitmap: BitMap, first: int, last: int) -> Dense:
    numbers = np.frombuffer(bitmap.to_array(), np.uint32)
    words = np.zeros((last - first + 1) * _WORDS, np.uint64)
    for key in range(first, last + 1):
        low, high = np.searchsorted(numbers, (key << 16, (key + 1) << 16)).tolist()
        bits = np.zeros(1 << 16, np.uint8)
        bits[numbers[low:high] & np.uint32(0xFFFF)] = 1
        place = (key - first) * _WORDS
        words[place : place + _WORDS] = np.packbits(bits, bitorder="little").view(np.uint64)
    return Dense(first, words)


def has(one: Dense, who: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Say of each number, in any order, whether it is in a set."""
    return np.concatenate([np.empty(0, np.bool_), *(bits.view(np.bool_) for bits in _looked_up(one, who))])


def count_in(one: Dense, who: npt.NDArray[np.uint32]) -> int:
    """Return how many of these numbers are in a set."""
    return sum(int(np.count_nonzero(bits)) for bits in _looked_up(one, who))


def _looked_up(one: Dense, who: npt.NDArray[np.uint32]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield 1 for a number in the set and 0 for one that is not, so many at once that they stay in the cache."""
    octets = one.words.view(np.uint8)
    first, last = one.first << 16, (one.first << 16) + 8 * len(octets) - 1
    for at in range(0, len(who), _AT_ONCE):
        some = who[at : at + _AT_ONCE]
        if first <= int(some.min()) and int(some.max()) <= last:
            yield _bits(octets, some - np.uint32(first))
            continue
        found = np.zeros(len(some), np.uint8)
        if len(octets):
            there = (some >= first) & (some <= last)
            found[there] = _bits(octets, some[there] - np.uint32(first))
        yield found


def _bits(octets: npt.NDArray[np.uint8], places: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    found = octets.take(
        (places >> np.uint32(3)).astype(np.intp), mode="clip"
    )  # all are inside; faster than looking if they are
    found >>= places.astype(np.uint8) & np.uint8(7)
    found &= np.uint8(1)
    return found


def count(least: int, sets: Sequence[Dense]) -> int:
    """Return how many are in at least so many of the sets."""
    return sum(int(np.bitwise_count(words).sum(dtype=np.int64)) for _, words in _blocks(least, sets))


def bitmap(least: int, sets: Sequence[Dense]) -> BitMap:
    """Return who is in at least so many of the sets."""
    keys: list[int] = []
    sizes: list[int] = []
    bodies: list[bytes] = []
    for first, words in _blocks(least, sets):
        containers = words.reshape(-1, _WORDS)
        many = np.bitwise_count(containers).sum(axis=1, dtype=np.int64).tolist()
        here = [n for n, one in enumerate(many) if one]
        keys += [first + n for n in here]
        sizes += [many[n] for n in here]
        bodies += [_body(containers[n], many[n]) for n in here]
    return bitmaps.of_bodies(keys, sizes, bodies)


def _body(words: Words, many: int) -> bytes:
    if many > _MOST_IN_ARRAY:
        return words.tobytes()
    return np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little")).astype("<u2").tobytes()


def _blocks(least: int, sets: Sequence[Dense]) -> Iterator[tuple[int, Words]]:
    """Yield who is in at least so many of the sets: the key of the first container, the words of some containers."""
    some = [one for one in sets if len(one.words)]
    if len(some) < least:
        return
    last = max(one.first + len(one.words) // _WORDS for one in some)
    for first in range(min(one.first for one in some), last, _BLOCK):
        yield first, _at_least(least, [_cut(one, first, min(_BLOCK, last - first)) for one in some])


def _cut(one: Dense, first: int, many: int) -> Words:
    """Return the words of so many containers from key `first` on."""
    low, high = (first - one.first) * _WORDS, (first - one.first + many) * _WORDS
    if low >= 0 and high <= len(one.words):
        return one.words[low:high]
    out = np.zeros(many * _WORDS, np.uint64)
    mine = one.words[max(0, low) : max(0, high)]
    out[max(0, -low) :][: len(mine)] = mine
    return out


def _at_least(least: int, some: list[Words]) -> Words:
    """Return the bits that are set in at least so many: the digits of the sum, the lowest first, then a comparison."""
    digits: list[Words] = []
    column = some
    while column:
        carried: list[Words] = []
        while len(column) > 1:
            a, b, *rest = column
            half = a ^ b
            carry = a & b
            if rest:
                c = rest.pop(0)
                carry |= half & c
                half ^= c
            carried.append(carry)
            column = [*rest, half]
        digits.append(column[0])
        column = carried
    return _from(least, digits)


def _from(least: int, digits: list[Words]) -> Words:
    """Return where the number that the digits make is `least` or more: from the highest digit down, above it or still equal."""
    above = np.zeros_like(digits[0])
    equal: Words | None = None  # everywhere
    for place in range(max(len(digits), least.bit_length()) - 1, -1, -1):
        digit = digits[place] if place < len(digits) else np.zeros_like(above)
        if least >> place & 1:
            equal = digit if equal is None else equal & digit
        else:
            above |= digit if equal is None else equal & digit
            equal = ~digit if equal is None else equal & ~digit
    return above if equal is None else above | equal

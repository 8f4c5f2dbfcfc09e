"""Sets of subjects as bytes: a Roaring bitmap for each 2^32 numbers, since subjects are wider than persons. Pure."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps

Ints = npt.NDArray[np.int64]
_HEAD = struct.Struct("<II")  # the upper half of the numbers, and how many bytes follow
_BITS = 32


def pack(subjects: Ints) -> bytes:
    """Return distinct subjects in ascending order as bytes.

    Examples
    --------
    >>> unpack(pack(np.array([3, 1 << 33, (1 << 33) + 5]))).tolist()
    [3, 8589934592, 8589934597]
    """
    high = subjects >> _BITS
    cuts = np.flatnonzero(np.diff(high)) + 1
    parts = []
    for some in np.split(subjects, cuts) if len(subjects) else ():
        body = bitmaps.of_sorted((some & 0xFFFFFFFF).astype(np.uint32)).serialize()
        parts.append(_HEAD.pack(int(some[0]) >> _BITS, len(body)) + body)
    return b"".join(parts)


def unpack(data: bytes) -> Ints:
    """Return the subjects in bytes, ascending."""
    parts, at = [], 0
    while at < len(data):
        high, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        low = bitmaps.to_numbers(BitMap.deserialize(data[at : at + size])).astype(np.int64)
        parts.append(low | (high << _BITS))
        at += size
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def without(data: bytes, gone: Ints) -> tuple[bytes, int]:
    """Return bytes without some subjects (ascending), and how many of those were in it."""
    held = unpack(data)
    stays = ~np.isin(held, gone)
    went = len(held) - int(stays.sum())
    return (pack(held[stays]), went) if went else (data, 0)

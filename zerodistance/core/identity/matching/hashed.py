"""Keys of blocks as numbers, for an index that is kept: the same for one face and for columns. Pure.

Each part of a key is hashed by a function that whoever keeps the index gives: a keyed one, so that nobody can guess a phone from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity.matching.blocks import RULES, Rule
from zerodistance.core.identity.matching.columns import Columns, Ints
from zerodistance.core.identity.matching.fields import Face

Hash = Callable[[str, str], int]
"""Part, value -> 64 bits."""
Keys = npt.NDArray[np.uint64]
_MASK: Final = (1 << 64) - 1
_ODD: Final = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # of splitmix64
_NAME: Final = "surname", "given"


def face_keys(face: Face, hashed: Hash) -> list[tuple[int, int]]:
    """Return (rule, key) for each rule of `RULES` that a face has."""
    known: dict[str, int] = {}
    out = []
    for n, rule in enumerate(RULES):
        key = n + 1
        for part in rule.parts:
            if part not in known:
                known[part] = _of_face(face, part, hashed)
            if not known[part]:
                break
            key = _mixed(key, known[part])
        else:
            out.append((n, key))
    return out


def _of_face(face: Face, part: str, hashed: Hash) -> int:
    """Return the hash of a part, 0 where it is empty."""
    if part != "name":
        value = getattr(face, part)
        return _hash(hashed, part, value) if value else 0
    if not (face.surname and face.given):
        return 0
    low, high = sorted(_hash(hashed, part, value) for value in (face.surname, face.given))
    return _mixed(low, high) or 1


def _hash(hashed: Hash, part: str, value: str) -> int:
    return (hashed("name" if part in _NAME else part, value) & _MASK) or 1


def _mixed(one: int, other: int) -> int:
    out = ((one ^ ((other + _ODD[0]) & _MASK)) * _ODD[1]) & _MASK
    out ^= out >> 32
    out = (out * _ODD[2]) & _MASK
    return out ^ (out >> 29)


def column_keys(faces: Columns, hashed: Hash) -> Iterator[tuple[int, Rule, Ints, Keys]]:
    """Yield each rule of `RULES` with the rows that have a key, and the key of each."""
    known: dict[str, Keys] = {}
    for n, rule in enumerate(RULES):
        if not all(part == "name" or part in faces.filled for part in rule.parts):
            continue
        for part in rule.parts:
            if part not in known:
                known[part] = _of_columns(faces, part, hashed)
        there = np.flatnonzero(np.logical_and.reduce([known[part] != 0 for part in rule.parts]))
        key = np.full(len(there), n + 1, dtype=np.uint64)
        for part in rule.parts:
            key = _mixed_many(key, known[part][there])
        if len(there):
            yield n, rule, there, key


def _of_columns(faces: Columns, part: str, hashed: Hash) -> Keys:
    if part != "name":
        values = [_hash(hashed, part, value) for value in faces.value[part]]
        return np.array([*values, 0], dtype=np.uint64)[faces.code[part]]
    one, other = (_of_columns(faces, name, hashed) for name in _NAME)
    key = _mixed_many(np.minimum(one, other), np.maximum(one, other))
    key[key == 0] = 1
    key[(one == 0) | (other == 0)] = 0
    return key


def _mixed_many(one: Keys, other: Keys) -> Keys:
    with np.errstate(over="ignore"):
        out = (one ^ (other + np.uint64(_ODD[0]))) * np.uint64(_ODD[1])
        out ^= out >> np.uint64(32)
        out *= np.uint64(_ODD[2])
        out ^= out >> np.uint64(29)
    return out

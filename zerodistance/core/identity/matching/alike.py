"""How alike two strings are by character, for two and for columns of pairs, and what a comparison is. Pure.

References
----------
.. [1] Winkler, String comparator metrics and enhanced decision rules in the Fellegi-Sunter model, 1990.
.. [2] Boytsov, Indexing methods for approximate dictionary searching, 2011: optimal string alignment, which counts two transposed signs as one error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

from zerodistance.core.identity.matching.columns import Bools, Codes, Columns, Ints
from zerodistance.core.identity.matching.fields import Face

Levels = np.ndarray[Any, np.dtype[np.uint8]]
_NEAR, _CLOSE = (
    0.92,
    0.80,
)  # Jaro-Winkler, the thresholds that Splink's library has; one slip of a short word counts as near too


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing in which two faces may be alike.

    Attributes
    ----------
    key
        What is compared.
    levels
        From the most alike on; level 0 stands before them: one of the two says nothing.
    frequency
        Level -> part whose value is the more telling the rarer it is.
    one, many
        The level of two faces; of pairs of rows.
    sole
        Levels in which a record agrees with a few strangers, however many there are: the more records, the less likely a stranger does.
    """

    key: str
    levels: tuple[str, ...]
    frequency: dict[int, str]
    one: Callable[[Face, Face], int]
    many: Callable[[Columns, Ints, Ints], Levels]
    sole: tuple[int, ...] = ()


# -- strings that differ


def alike(x: str, y: str) -> int:
    """Return 0 if two different words are near, 1 if they are close, 2 otherwise."""
    if max(len(x), len(y)) >= 3 and OSA.distance(x, y, score_cutoff=1) <= 1:
        return 0
    ratio = JaroWinkler.similarity(x, y)
    return 0 if ratio >= _NEAR else 1 if ratio >= _CLOSE else 2


def each(columns: Columns, part: str, a: Codes, b: Codes, judge: Callable[[Any, Any], Any]) -> Any:
    """Return what `judge` says of pairs of values, asked once for each distinct pair."""
    values = columns.value[part]
    many = len(values) + 1
    key, which = np.unique(a.astype(np.int64) * many + b, return_inverse=True)
    return judge(values[key // many], values[key % many])[which]


def alike_many(x: Any, y: Any) -> Levels:
    """Return the same for pairs of words."""
    ratio = cpdist(x, y, scorer=JaroWinkler.similarity, dtype=np.float64, score_cutoff=_CLOSE)
    slips = cpdist(x, y, scorer=OSA.distance, dtype=np.int32, score_cutoff=1)
    size = np.array([max(len(p), len(q)) for p, q in zip(x, y, strict=True)], dtype=np.int64)
    near = ((size >= 3) & (slips <= 1)) | (ratio >= _NEAR)
    return np.where(near, 0, np.where(ratio >= _CLOSE, 1, 2)).astype(np.uint8)


def slips_many(most: int) -> Callable[[Any, Any], Any]:
    """Return the function that counts the slips between pairs of strings, up to one more than `most`."""
    return lambda x, y: cpdist(x, y, scorer=OSA.distance, dtype=np.int32, score_cutoff=most)


def start(columns: Columns, part: str, a: Ints, b: Ints) -> tuple[Codes, Codes, Levels, Ints]:
    """Return the codes of both sides, levels of which those of equal and unknown values are done, and which pairs are left."""
    x, y = columns.code[part][a], columns.code[part][b]
    known = (x >= 0) & (y >= 0)
    level = (known & (x == y)).astype(np.uint8)
    return x, y, level, np.flatnonzero(known & (x != y))


@dataclass(frozen=True, slots=True)
class Unsaid:
    """When a difference is not counted, because another part of the same address says it already."""

    one: Callable[[Face, Face], bool]
    many: Callable[[Columns, Ints, Ints], Bools]


UNLIKE: Final = 2
"""What `alike` says of two words that have nothing to do with each other."""

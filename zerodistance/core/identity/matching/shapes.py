"""Which Chinese characters look alike, so that one is read or written for the other: 佳 and 住, 平 and 干. Pure.

Three descriptions of a character say so, and one of them suffices. Cangjie takes it apart into what is seen of it, a key for each part: the keys of two
differ in one place. The four-corner method has a digit for the shape of each corner: all four are the same. And both have the part in common that the
others of their family have too, 姚 and 桃. The table is Unihan's (`python -m scripts.shapes`).

References
----------
.. [1] Liu et al., Visually and phonologically similar characters in incorrect simplified Chinese words, COLING 2010: likeness by extended Cangjie codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import OSA

Points = npt.NDArray[np.uint32]
Bools = npt.NDArray[np.bool_]
_REMEMBERED: Final = 65_536  # pairs of characters, own value
_FEWEST: Final = 3  # keys of the longer code: of two, one that differs is half of what is seen; own value


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is seen of a character: its keys, its corners, its families."""

    keys: str
    corners: str
    families: frozenset[str]


@cache
def _shapes() -> dict[str, _Shape]:
    text = resources.files(__package__).joinpath("shapes.txt").read_text(encoding="utf-8")
    found = (line.split(" ") for line in text.splitlines())
    return {one: _Shape(keys, corners.strip("-"), frozenset(of)) for one, keys, corners, *of in found}


@lru_cache(maxsize=_REMEMBERED)
def looks(x: str, y: str) -> bool:
    """Say whether two characters that differ look alike.

    Examples
    --------
    >>> [looks(*pair) for pair in ("佳住", "平干", "姚桃", "佳平", "佳a")]
    [True, True, True, False, False]
    """
    p, q = _shapes().get(x), _shapes().get(y)
    if p is None or q is None:
        return False
    if not p.families.isdisjoint(q.families) or (p.corners and p.corners == q.corners):
        return True
    return max(len(p.keys), len(q.keys)) >= _FEWEST and OSA.distance(p.keys, q.keys, score_cutoff=1) <= 1


def looks_many(x: Points, y: Points) -> Bools:
    """Return the same for columns of code points; each pair that differs is looked at once."""
    pairs, which = np.unique(x.astype(np.uint64) << np.uint64(32) | y, return_inverse=True)
    found: Any = [looks(chr(pair >> 32), chr(pair & 0xFFFFFFFF)) for pair in pairs.tolist()]
    return np.array(found, dtype=bool)[which]

"""Within what the share is held: the nodes that persons are at, and tenths of a score, as of the tag index of now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zerodistance.core.measurement import rules
from zerodistance.core.measurement.contracts import TooManyStrata
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import bitmaps
from zerodistance.core.profiles.rules import is_inner
from zerodistance.kernel.home import Home

MOST = 200
"""Own value: strata of one assignment; with more of them each is too small to say anything about."""
_AT_NONE = "-"


class Strata(NamedTuple):
    """The stratum of each person (place in `names`) and the tenth of the score, -1: none was asked for."""

    codes: npt.NDArray[np.int64]
    names: tuple[str, ...]
    bands: npt.NDArray[np.int64]


def of(home: Home, numbers: npt.NDArray[np.uint32], stratify: Sequence[str], score: str | None) -> Strata:
    """Return the strata of persons (numbers ascending); raises TooManyStrata."""
    codes, names = np.zeros(len(numbers), np.int64), [""]
    index = profiles.current(home) if stratify or score else None
    for key in stratify:
        assert index is not None
        dimension = profiles.dimension(home, key)
        nodes = [node for node in index.nodes(key) if not is_inner(node)]
        if len(nodes) + 1 > MOST:
            raise TooManyStrata(dimensions=", ".join(stratify), given=len(nodes) + 1, most=MOST)
        mine = np.zeros(len(numbers), np.int64)
        for place, node in enumerate(nodes, start=1):
            here = index.has(dimension, node)
            mine[bitmaps.among(numbers, here.numbers())] = place
        words = [_AT_NONE, *nodes]
        both, codes = np.unique(codes * len(words) + mine, return_inverse=True)
        names = [
            "|".join(filter(None, (names[b // len(words)], words[b % len(words)]))) for b in both.tolist()
        ]
        if len(names) > MOST:
            raise TooManyStrata(dimensions=", ".join(stratify), given=len(names), most=MOST)
    tenths = np.full(len(numbers), -1, np.int64)
    if score is not None and index is not None:
        tenths = rules.bands(index.numbers(profiles.dimension(home, score), numbers))
    return Strata(codes.astype(np.int64), tuple(names), tenths)

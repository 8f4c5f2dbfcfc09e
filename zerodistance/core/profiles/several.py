"""Who is in at least so many sets of the index: by words where the sets are large, by bitmaps where they are small."""

from __future__ import annotations

from collections.abc import Sequence

from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps, threshold
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Name
from zerodistance.core.profiles.splits import Sizes, Split
from zerodistance.core.profiles.threshold import Dense

Set = Name | Split
"""A set that the index has, by its name, or one that was made of others."""


def at_least(here: Index, least: int, sets: Sequence[Set]) -> Split:
    """Return who is in at least so many of these, of which there are as many or more."""
    found: list[BitMap] = []
    for side in (0, 1):
        mine = _bitmaps(here, side, sets)
        if _by_words(least, mine):
            found.append(threshold.bitmap(least, _words(here, side, sets, mine)))
        else:
            found.append(bitmaps.at_least(least, mine))
    return Split(*found)


def count(here: Index, least: int, sets: Sequence[Set]) -> Sizes:
    """Return how many `at_least` finds."""
    found: list[int] = []
    for side in (0, 1):
        mine = _bitmaps(here, side, sets)
        if _by_words(least, mine):
            found.append(threshold.count(least, _words(here, side, sets, mine)))
        else:
            found.append(len(bitmaps.at_least(least, mine)))
    return Sizes(*found)


def _by_words(least: int, mine: Sequence[BitMap]) -> bool:
    return 1 < least < len(mine) and threshold.worth(mine)


def _bitmaps(here: Index, side: int, sets: Sequence[Set]) -> list[BitMap]:
    return [one[side] if isinstance(one, Split) else here.split(one)[side] for one in sets]


def _words(here: Index, side: int, sets: Sequence[Set], mine: Sequence[BitMap]) -> list[Dense]:
    return [
        threshold.dense(bitmap) if isinstance(one, Split) else here.dense(one, side)
        for one, bitmap in zip(sets, mine, strict=True)
    ]

"""Who of the index lives in some communities: all of them, or those of another set; the fewer are looked up among the others.

A set of communities is a mask over those of `Index.ground`: shape (communities,), bool.
"""

from __future__ import annotations

import hashlib

import numpy as np

from zerodistance.core.profiles import bitmaps, homes, threshold
from zerodistance.core.profiles.cells import Mask
from zerodistance.core.profiles.decoded import Kept, bytes_of
from zerodistance.core.profiles.grounds import Ints
from zerodistance.core.profiles.index import DECODED, Index
from zerodistance.core.profiles.parts import Name
from zerodistance.core.profiles.splits import Sizes, Split, Who
from zerodistance.core.profiles.threshold import Dense

_FEWER = 8  # own value, measured: so many times fewer are looked up where they live; else who lives there is looked up among the others


def living(here: Index, some: Mask) -> Split:
    """Return who lives in some communities; to be read only, since it is kept for the next who asks."""
    name = ("living", hashlib.sha256(np.packbits(some).tobytes()).hexdigest(), "")
    with DECODED.making(here.folder, name):
        kept = DECODED.get(here.folder, name)
        if kept is not None and kept.stamp == here.stamp:
            known: Split = kept.value
            return known
        found = Split(*(bitmaps.of_sorted(np.sort(here.ground.who(some, side))) for side in (0, 1)))
        DECODED.put(here.folder, name, Kept(here.version, here.stamp, found, bytes_of(found)))
        return found


def at_home(here: Index, some: Mask, among: Split) -> Split:
    """Return who of `among` lives in some communities."""
    return Split(*(bitmaps.of_sorted(_at_home(here, some, among, side)) for side in (0, 1)))


def count_at_home(here: Index, some: Mask, among: Name | Split) -> Sizes:
    """Return how many of those under a name, or of others, live in some communities."""
    return Sizes(*(_count_at_home(here, some, among, side) for side in (0, 1)))


def counts(here: Index, places: Ints, among: Name | Split) -> Ints:
    """Return how many persons under a name, or of a set, live in each of the communities at these places of `Index.ground`."""
    words = _words(here, among, 0)
    return np.array([threshold.count_in(words, here.ground.at(place)) for place in places.tolist()], np.int64)


def lived(here: Index, members: Split) -> dict[Name, Sizes]:
    """Return how many of these live in each community, where somebody does."""
    codes = here.ground.codes
    persons, visitors = (here.ground.counted(bitmaps.to_numbers(one), n) for n, one in enumerate(members))
    return {
        ("node", homes.DIMENSION, codes[n]): Sizes(int(persons[n]), int(visitors[n]))
        for n in np.flatnonzero(persons + visitors).tolist()
    }


def _at_home(here: Index, some: Mask, among: Name | Split, side: int) -> Who:
    many, others = here.ground.size(some)[side], _many(here, among, side)
    if not many or not others:
        return np.empty(0, np.uint32)
    if others * _FEWER <= many:
        who = bitmaps.to_numbers((among if isinstance(among, Split) else here.split(among))[side])
        return who[here.ground.lives(some, who, side)]
    who = np.sort(
        here.ground.who(some, side)
    )  # measured: in order they are looked up in a quarter of the time
    return who[threshold.has(_words(here, among, side), who)]


def _count_at_home(here: Index, some: Mask, among: Name | Split, side: int) -> int:
    many = here.ground.size(some)[side]
    if not many or _many(here, among, side) * _FEWER <= many:
        return len(_at_home(here, some, among, side))
    return threshold.count_in(_words(here, among, side), np.sort(here.ground.who(some, side)))


def _many(here: Index, some: Name | Split, side: int) -> int:
    return len(some[side]) if isinstance(some, Split) else here.size(some)[side]


def _words(here: Index, some: Name | Split, side: int) -> Dense:
    return threshold.dense(some[side]) if isinstance(some, Split) else here.dense(some, side)

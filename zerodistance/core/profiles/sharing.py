"""Who shares a home: the household of each person, kept as a number that no page shows, and who is of one in which others fit.

Two looks at the numbers of everybody, some millions at a time: in which households somebody fits, then who is of one of those.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps, threshold
from zerodistance.core.profiles.contracts import VISITORS_FROM, Bands, Dimension, Input, Layer
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.splits import Split, Who
from zerodistance.kernel.text import Text

HOUSEHOLD = Dimension(
    key="home.household",
    layer=Layer.DEMOGRAPHICS,
    label=Text("家庭编号", "Household number"),
    meaning=Text(
        "用户属于哪个家庭；只用来找同住的人", "Of which household somebody is; only to find who shares a home"
    ),
    of=Input("facts"),
    value="number(household)",
    nodes=Bands(()),
    sensitive=True,
)
"""It has no nodes and is not of the tag tree; the index keeps its numbers."""
Counts = npt.NDArray[Any]


def sharing(here: Index, fits: Split, least: int, *, others: bool = False) -> Split:
    """Return who is of a household in which at least so many fit; with `others` who themselves do not count.

    Whoever is of no household that is known is alone: fits where they fit themselves and one is enough. So is every visitor.
    """
    inside = threshold.dense(fits.persons)
    found = BitMap()
    if fits.persons:
        counts = _counted(here, inside)
        for who, household in _pieces(here):
            many = counts[household]
            if others:
                many = many - threshold.has(inside, who)
            found |= bitmaps.of_sorted(who[many >= least])
    if least > 1 or others:
        return Split(found, BitMap())
    known = here.split(("known", HOUSEHOLD.key, ""))
    return Split(found | (fits.persons - known.persons), fits.visitors)


def together(here: Index, some: BitMap) -> BitMap:
    """Return these and all who share a household with one of them."""
    fits = Split(some & here.universe.persons, BitMap())
    return some | sharing(here, fits, 1).persons


def _counted(here: Index, inside: threshold.Dense) -> Counts:
    """Return how many of each household are inside."""
    counts = np.zeros(1 << 10, np.int32)
    for who, household in _pieces(here):
        top = int(household.max(initial=0))
        if top >= len(counts):
            counts = np.concatenate([counts, np.zeros(max(top + 1, 2 * len(counts)) - len(counts), np.int32)])
        np.add.at(counts, household[threshold.has(inside, who)], 1)
    return counts


def _pieces(here: Index) -> Iterator[tuple[Who, npt.NDArray[np.int64]]]:
    """Yield persons, ascending, and their households; each person once."""
    above = BitMap()
    for layer in reversed(here.layers):
        gone = threshold.dense(above)
        for who, numbers in layer.column(HOUSEHOLD.key, 0).pieces():
            stays = ~threshold.has(gone, who)
            yield who[stays], numbers[stays].astype(np.int64)
        if layer.changed is not None:
            some = bitmaps.to_numbers(layer.changed)
            above = above | bitmaps.of_sorted(some[: np.searchsorted(some, VISITORS_FROM)])

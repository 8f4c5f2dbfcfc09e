"""Who shares a home: the household of each person, kept as a number that no page shows, and who is of one in which others fit.

The households of those who fit are marked, as many times as is asked for, and then everybody's is looked up among the marks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps
from zerodistance.core.profiles.dimensions.unseen import HOUSEHOLD
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.splits import Split

_AT_ONCE = 1 << 22  # own value: persons whose households are looked up together


def sharing(here: Index, fits: Split, least: int, *, others: bool = False) -> Split:
    """Return who is of a household in which at least so many fit; with `others` who themselves do not count.

    Whoever is of no household that is known is alone: fits where they fit themselves and one is enough. So is every visitor.
    """
    numbers = _households(here, fits.persons)
    if others:
        found = _of(here, _often(numbers, least)) - fits.persons
        return Split(found | (_of(here, _often(numbers, least + 1)) & fits.persons), BitMap())
    found = _of(here, _often(numbers, least))
    if least > 1:
        return Split(found, BitMap())
    known = here.split(("known", HOUSEHOLD.key, ""))
    return Split(found | (fits.persons - known.persons), fits.visitors)


def together(here: Index, some: BitMap) -> BitMap:
    """Return these and all who share a household with one of them."""
    persons = Split(some & here.universe.persons, BitMap())
    return some | sharing(here, persons, 1).persons


def _households(here: Index, some: BitMap) -> npt.NDArray[np.uint32]:
    """Return the households of persons, one each, in no order."""
    found = np.empty(len(some), np.uint32)
    many = 0
    for layer in reversed(here.stacks.of("")):
        mine = some if layer.changed is None else some & layer.changed
        some = some if layer.changed is None else some - layer.changed
        numbers = bitmaps.to_numbers(mine)
        column = layer.column(HOUSEHOLD.key, 0)
        for at in range(0, len(numbers), _AT_ONCE):
            said = column.among(numbers[at : at + _AT_ONCE])
            found[many : many + len(said)] = said
            many += len(said)
    return found[:many]


def _often(numbers: npt.NDArray[np.uint32], least: int) -> npt.NDArray[np.uint32]:
    """Return the numbers that stand there at least so often, not each once."""
    if least == 1:
        return numbers
    numbers = np.sort(numbers)
    found: npt.NDArray[np.uint32] = np.compress(
        numbers[least - 1 :] == numbers[: max(len(numbers) - least + 1, 0)], numbers[least - 1 :]
    )
    return found


def _of(here: Index, households: npt.NDArray[np.uint32]) -> BitMap:
    """Return the persons of these households."""
    found = BitMap()
    if not len(households):
        return found
    marked = np.zeros(int(households.max()) + 2, np.bool_)
    marked[households] = True
    for layer in here.stacks.of(""):
        fresh = layer.column(HOUSEHOLD.key, 0).where(marked)
        found = fresh if layer.changed is None else (found - layer.changed) | fresh
    return found

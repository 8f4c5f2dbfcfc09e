"""A released count: what an account that may not see persons is told of how many are in a set.

One person in `ONE_IN` is of the *panel*, drawn once and for all by the home's key. A figure is that many times those of the set who are of the panel,
rounded up or down to a multiple of k by a draw that hangs on who they are. So the same people give the same figure under any rule, on any day, in any
process; and whoever is not of the panel leaves no trace in any figure, however many are asked. That bounds what all figures together can betray, by any
attack, whatever else an attacker knows: of a person drawn at random it can be learned with a chance of 1 / `ONE_IN` at most. See decision 33.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal

ONE_IN = 15
"""Own value: an attacker who learns everything about the panel gains 1 / 30 = 3.3 points over a base rate of one half; 5 are promised, and measured."""
_LEAST = 6  # own value: of the panel; fewer say nothing about the size of a set
_BLOCK = 1 << 20
_BYTES = 2  # of the stream for a person
_BELOW = round(65_536 / ONE_IN)
_SURE = 1.96  # of a normal distribution, 95 %


class Panel:
    """Who is of the panel: drawn from a keyed stream, as far as anybody has asked yet."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._lock = threading.Lock()
        self._upto = 0
        self.persons = BitMap()

    def of(self, persons: BitMap) -> BitMap:
        """Return those of a set who are of the panel."""
        if persons and persons.max() >= self._upto:
            self._draw(persons.max())
        return persons & self.persons

    def _draw(self, last: int) -> None:
        with self._lock:
            more = [self.persons]
            upto = self._upto
            while upto <= last:
                drawn = np.frombuffer(self._seal.stream(upto * _BYTES, _BLOCK * _BYTES), "<u2")
                more.append(bitmaps.of_sorted((np.flatnonzero(drawn < _BELOW) + upto).astype(np.uint32)))
                upto += _BLOCK
            if upto > self._upto:
                self.persons = BitMap.union(*more)
                self._upto = upto


_panels: dict[tuple[str, str], Panel] = {}


def panel(home: Home) -> Panel:
    """Return the panel of a home."""
    key = (str(home.root), home.seal.name)
    return _panels.setdefault(key, Panel(home.seal))


def least(k: int) -> int:
    """Return how many of the panel have to be in a set before anything is said of it.

    With it a set of exactly k is shown once in six hundred times, so that whether one person makes it k is hardly ever to be seen.
    """
    return max(_LEAST, math.ceil(0.3 * k))


def figure(seal: Seal, panel: Panel, persons: BitMap, k: int) -> int | None:
    """Return the released count of a set of persons, a multiple of k; None: hidden."""
    if len(persons) < k:
        return None
    drawn = panel.of(persons)
    if len(drawn) < least(k):
        return None
    return scaled(seal, bitmaps.to_numbers(drawn), k)


def scaled(seal: Seal, drawn: npt.NDArray[Any], k: int) -> int:
    """Return what those of the panel (their numbers, ascending) stand for, rounded to a multiple of k by a draw that hangs on who they are."""
    draw = seal.draw(drawn.astype("<u4").tobytes())
    return (len(drawn) * ONE_IN + draw % k) // k * k


def span(figure: int, k: int) -> tuple[int, int]:
    """Return between what the true count lies, 95 times of a hundred; said from the figure alone.

    Examples
    --------
    >>> span(1_000, 20)
    (760, 1240)
    """
    error = _SURE * math.sqrt(figure * (ONE_IN - 1) + k * k / 6)
    low, high = max(k, figure - error), figure + error
    return math.floor(low / k) * k, math.ceil(high / k) * k


def floor(k: int) -> int:
    """Return the smallest figure that is ever said."""
    return least(k) * ONE_IN // k * k

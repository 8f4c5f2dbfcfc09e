"""The numbers of an audience: how many have one, their sum, and the numbers that a quarter, half and three quarters do not exceed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zerodistance.core.profiles import stacked
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.splits import Numbers, Split

SHARES = (0.25, 0.5, 0.75)
_DECIMALS = 4  # of the smallest unit there is


class Measured(NamedTuple):
    """What the numbers of some people come to; where 0 is what everybody has who did nothing, these are in it.

    Attributes
    ----------
    many
        How many have a number.
    quartiles
        The least number that a quarter, half, three quarters of them do not exceed; empty where nobody has a number.
    """

    many: int
    total: float
    quartiles: tuple[float, ...]


def measure(here: Index, dimension: Dimension, members: Split) -> tuple[Measured, Measured]:
    """Return what the numbers of persons and of visitors come to, exactly."""
    found = []
    for side, some in enumerate(members):
        numbers = stacked.among(here.stacks.of(dimension.key), dimension.key, side, some)
        if dimension.parsed.ageing:
            numbers = here.day - numbers
        nothing = len(some) - len(numbers) if dimension.parsed.counting else 0
        total = round(float(numbers.sum()), _DECIMALS)
        found.append(Measured(len(numbers) + nothing, total, _quartiles(numbers, nothing)))
    return found[0], found[1]


def edges(here: Index, dimension: Dimension, parts: int) -> tuple[float, ...]:
    """Return where bands begin that have as many persons each as equal numbers allow, ascending: `parts` of them at most.

    The first begins at the least number there can be, or where that is not known at the least there is. Empty where nobody has a number.
    """
    some = here.universe.persons
    numbers = stacked.among(here.stacks.of(dimension.key), dimension.key, 0, some)
    numbers = here.day - numbers if dimension.parsed.ageing else numbers
    nothing = len(some) - len(numbers) if dimension.parsed.counting else 0
    many = len(numbers) + nothing
    if not many:
        return ()
    first, *others = _placed(numbers, nothing, [n * many // parts for n in range(parts)])
    least = min(0.0, first) if dimension.parsed.counting or dimension.parsed.ageing else first
    return tuple(dict.fromkeys((least, *others)))


def _quartiles(numbers: Numbers, nothing: int) -> tuple[float, ...]:
    """Return the quartiles of numbers and so many times 0.

    Examples
    --------
    >>> _quartiles(np.array([5.0, -1.0, 3.0]), 2), _quartiles(np.array([]), 0)
    ((0.0, 0.0, 3.0), ())
    """
    many = len(numbers) + nothing
    if not many:
        return ()
    return _placed(numbers, nothing, [int(np.ceil(share * many)) - 1 for share in SHARES])


def _placed(numbers: Numbers, nothing: int, places: Sequence[int]) -> tuple[float, ...]:
    """Return what stands at places (from 0) when numbers, and so many times 0, stand in ascending order."""
    below = int(np.count_nonzero(numbers < 0))
    inside = [n if n < below else n - nothing for n in places if not below <= n < below + nothing]
    ordered = np.partition(numbers, inside) if inside else numbers
    return tuple(
        0.0 if below <= n < below + nothing else float(ordered[n if n < below else n - nothing])
        for n in places
    )

"""One row that breaks the program must not hold up the others: which of many it is, and when no row is to blame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError

from zerodistance.kernel.errors import ZeroDistanceError, told

UNREADABLE = "unreadable"
"""Why a row stands in the quarantine on which the program itself failed; see rules.REASONS."""

_TRIALS = (
    256  # own value: after so many, what still fails is set aside whole, or many bad rows would take hours
)
_OUTSIDE = (
    ZeroDistanceError,
    OSError,
    OperationalError,
    InterfaceError,
    InternalError,
    duckdb.IOException,
    duckdb.InterruptException,
)


def no_row_is_to_blame(error: Exception) -> bool:
    """Say whether an error tells of a store or the machine: it is met again later, and no row is set aside for it."""
    return isinstance(error, _OUTSIDE)


def said(error: Exception) -> str:
    """Return what stands beside a row on which the program failed."""
    return f"the program failed on it: {told(error)}"


def culprits(count: int, works: Callable[[Sequence[int]], bool]) -> list[int]:
    """Return which of `count` rows break what works with the others; none if nothing works, or if each half works by itself.

    Parameters
    ----------
    works
        Says whether it works with these rows alone; asked about 2 log2(count) times for one bad row.

    Examples
    --------
    >>> culprits(1_000, lambda rows: 17 not in rows and 600 not in rows)
    [17, 600]
    >>> culprits(1_000, lambda rows: False)
    []
    """
    if not works(()):
        return []
    left, bad = _TRIALS, list[int]()
    waiting: list[Sequence[int]] = [range(count)]
    while waiting:
        part = waiting.pop()
        left -= 1
        if works(part):
            continue
        if len(part) <= 1 or left <= 0:
            bad += part
        else:
            half = len(part) // 2
            waiting += [part[half:], part[:half]]
    return bad

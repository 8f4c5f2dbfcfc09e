"""Marks of names, and evidence in columns. Pure.

A mark is a keyed hash of a name, of which the high bits stand for the surname alone: a surname with a title has only those, so that it goes with a whole
name of the same surname.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity.connected import Whole

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
LOW = (1 << 43) - 1
SAID, SEEN, MATCHED = 0, 1, 2


def mark(surname: int, name: int) -> int:
    """Return the mark of a name from hashes of its surname and, 0 if only that is known, of the whole.

    Examples
    --------
    >>> whole(mark(7, 9)), whole(mark(7, 0)), agree(mark(7, 9), mark(7, 0)), agree(mark(7, 9), mark(8, 0)), agree(mark(7, 9), mark(7, 8))
    (True, False, True, False, False)
    """
    return ((surname & 0xFFFFF) or 1) << 43 | ((name & LOW) or 1 if name else 0)


def whole(name: int) -> bool:
    """Say whether a mark is that of a whole name."""
    return name & LOW != 0


def agree(x: int, y: int) -> bool:
    """Say whether two marks may be of one person: the same name, or the same surname where one of them has no more."""
    return x == y or (x >> 43 == y >> 43 and not (whole(x) and whole(y)))


def agree_all(x: Ints, y: Ints) -> Bools:
    """Say of each two marks whether they agree, see `agree`."""
    partial = ((x & LOW) == 0) | ((y & LOW) == 0)
    out: Bools = (x == y) | ((x >> 43 == y >> 43) & partial)
    return out


@dataclass(frozen=True)
class Pairs:
    """Columns of active evidence, one row a pair.

    Attributes
    ----------
    a, b
        Rows of `Subjects`, a the stronger.
    at
        Earliest time, microseconds; of a match its place among matches, the strongest first, see `partition.match_orders`.
    tier
        `SAID`: somebody decided that they are one; `SEEN`: they stood on one touch; `MATCHED`: the matcher found that they are one.
    """

    a: Whole
    b: Whole
    at: Ints
    tier: npt.NDArray[np.int8]

    def where(self, kept: Bools) -> Pairs:
        """Return some of the pairs."""
        return self.take(np.flatnonzero(kept))

    def take(self, rows: Ints) -> Pairs:
        """Return these pairs, in this order."""
        return Pairs(self.a[rows], self.b[rows], self.at[rows], self.tier[rows])

    def in_order(self) -> Pairs:
        """Return the pairs in order of their weaker ends, as `loading` reads them."""
        if not (self.b[1:] < self.b[:-1]).any():
            return self
        return self.take(np.argsort(self.b, kind="stable"))

    @staticmethod
    def joined(parts: Sequence[Pairs]) -> Pairs:
        """Return the pairs of several, one after the other."""
        parts = [part for part in parts if len(part.a)] or list(parts[:1])
        if len(parts) == 1:
            return parts[0]
        a, b, at, tier = (
            np.concatenate(column)
            for column in zip(*((part.a, part.b, part.at, part.tier) for part in parts), strict=True)
        )
        return Pairs(a, b, at, tier)

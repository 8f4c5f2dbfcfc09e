"""Persons and visitors apart: what every question to the tag index is answered with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps
from zerodistance.core.profiles.contracts import VISITORS_FROM

Who = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.float64]


class Split(NamedTuple):
    """Persons and visitors apart."""

    persons: BitMap
    visitors: BitMap

    @classmethod
    def of_sorted(cls, who: Who) -> Split:
        """Return the two bitmaps of distinct ascending numbers."""
        edge = int(np.searchsorted(who, VISITORS_FROM))
        return cls(bitmaps.of_sorted(who[:edge]), bitmaps.of_sorted(who[edge:]))

    def __and__(self, other: Split) -> Split:
        """Return who is in both."""
        return Split(self.persons & other.persons, self.visitors & other.visitors)

    def __or__(self, other: Split) -> Split:
        """Return who is in one or both."""
        return Split(self.persons | other.persons, self.visitors | other.visitors)

    def __sub__(self, other: Split) -> Split:
        """Return who is in this one only."""
        return Split(self.persons - other.persons, self.visitors - other.visitors)

    def without(self, gone: BitMap) -> Split:
        """Return this one less the numbers in `gone`; the same object where nothing changes."""
        persons = self.persons - gone if self.persons.intersect(gone) else self.persons
        visitors = self.visitors - gone if self.visitors.intersect(gone) else self.visitors
        return Split(persons, visitors)

    def __bool__(self) -> bool:
        """Say whether anybody is in it."""
        return bool(self.persons) or bool(self.visitors)

    @property
    def sizes(self) -> Sizes:
        """How many persons and visitors there are."""
        return Sizes(len(self.persons), len(self.visitors))

    def both(self, other: Split) -> Sizes:
        """Return how many are in both, without making the bitmap of them."""
        persons, visitors = self.persons, self.visitors
        return Sizes(
            persons.intersection_cardinality(other.persons), visitors.intersection_cardinality(other.visitors)
        )

    def numbers(self) -> Who:
        """Return everybody's number, ascending."""
        return np.concatenate([bitmaps.to_numbers(self.persons), bitmaps.to_numbers(self.visitors)])


class Sizes(NamedTuple):
    """How many persons and how many visitors; never added up."""

    persons: int
    visitors: int

    def plus(self, other: Sizes) -> Sizes:
        """Return the sums."""
        return Sizes(self.persons + other.persons, self.visitors + other.visitors)

    def minus(self, other: Sizes) -> Sizes:
        """Return the differences."""
        return Sizes(self.persons - other.persons, self.visitors - other.visitors)


NOBODY = Split(BitMap(), BitMap())
NONE = Sizes(0, 0)


def union(some: Iterable[Split]) -> Split:
    """Return who is in any of them, all at once; nobody where there are none."""
    found = list(some)
    if len(found) < 2:
        return found[0] if found else NOBODY
    return Split(BitMap.union(*(s.persons for s in found)), BitMap.union(*(s.visitors for s in found)))

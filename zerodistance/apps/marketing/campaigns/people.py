"""Persons as they are kept between two moments: by their subjects, so that whoever was merged or split since is still meant."""

from __future__ import annotations

import numpy as np
from pyroaring import BitMap

from zerodistance.core.measurement import mapped, packing
from zerodistance.core.profiles import bitmaps
from zerodistance.kernel.home import Home


def kept(home: Home, persons: BitMap) -> bytes:
    """Return all subjects of some persons, as bytes."""
    return packing.pack(mapped.subjects_of(home, bitmaps.to_numbers(persons))[0])


def persons(home: Home, held: bytes) -> BitMap:
    """Return who has one of these subjects today."""
    return of_subjects(home, packing.unpack(held))


def of_subjects(home: Home, subjects: np.typing.NDArray[np.int64]) -> BitMap:
    """Return who has one of these subjects (ascending) today."""
    whose = np.unique(mapped.numbers_of(home, subjects))
    return bitmaps.of_sorted(whose[whose > 0].astype(np.uint32))

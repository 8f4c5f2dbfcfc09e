"""Under which subject a value is given to a person: the earliest of theirs, so that the value follows it through merges and splits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles.index import Index

Ints = npt.NDArray[np.int64]


class Earliest:
    """The earliest subject of everybody in an index."""

    def __init__(self, here: Index) -> None:
        pairs = here.pairs()
        numbers, subjects = (pairs.column(name).to_numpy() for name in ("number", "subject"))
        order = np.lexsort((subjects, numbers))
        self._numbers, first = np.unique(numbers[order], return_index=True)
        self._subjects: Ints = subjects[order][first]

    def of(self, who: npt.NDArray[np.uint32]) -> Ints:
        """Return the subject of each number, which are all in the index."""
        return self._subjects[np.searchsorted(self._numbers, who)]

"""States of the last batches in memory: a turn of the index asks for those of a few people, and hundreds of small files would be opened for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.core.profiles import blocks

Ints = npt.NDArray[np.int64]
MOST = 500_000  # own value: states in memory, some 200 bytes each


class Recent:
    """States of all batches after one and up to another. Whoever appends states adds them, with no batch left out."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._after = self._upto = -1
        self._mark = 0
        self._pieces: list[pa.Table] = []  # each in the order of subjects, larger ones first
        self._came: list[tuple[int, Ints]] = []  # batch up to which, and whose states came

    def add(self, rows: pa.Table, after: int, upto: int) -> None:
        """Take in the states (`states.STATES`) of the batches after one and up to another; what does not follow what is here begins anew."""
        with self._lock:
            if after != self._upto:
                self._begin(after)
            self._upto = upto
            if len(rows):
                self._came.append((upto, np.unique(rows.column("subject").to_numpy())))
                self._pieces.append(_ordered(rows))
            while len(self._pieces) > 1 and len(self._pieces[-2]) < 2 * len(self._pieces[-1]):
                both = pa.concat_tables([self._pieces[-2], self._pieces.pop()])
                self._pieces[-1] = _ordered(both)
            if sum(map(len, self._pieces)) > self._most:
                self._begin(upto)

    def fill(self, rows: pa.Table, after: int, upto: int) -> None:
        """Take in what stands in the table of the batches after one and up to another, before what is here."""
        with self._lock:
            if self._after <= upto <= self._upto:
                rows = rows.filter(pc.less_equal(rows.column("batch"), self._after))
                self._after = after
            else:
                self._begin(after)
                self._upto = upto
            if len(rows):
                self._came.insert(0, (upto, np.unique(rows.column("subject").to_numpy())))
                self._pieces.insert(0, _ordered(rows))

    def _begin(self, after: int) -> None:
        self._after = self._upto = after
        self._pieces.clear()
        self._came.clear()

    def of_states(self, mark: int) -> None:
        """Say which states are meant; let go of everything where they were changed since."""
        with self._lock:
            if mark != self._mark:
                self._mark = mark
                self._begin(-1)

    def let_go(self, upto: int) -> None:
        """Let go of the states up to a batch: they stand elsewhere."""
        with self._lock:
            if not self._after < upto <= self._upto:
                return
            self._after = upto
            left = [piece.filter(pc.greater(piece.column("batch"), upto)) for piece in self._pieces]
            self._pieces = [piece for piece in left if len(piece)]
            self._came = [(batch, whose) for batch, whose in self._came if batch > upto]

    def holds(self, after: int, upto: int) -> bool:
        """Say whether all states of the batches after one and up to another are here."""
        with self._lock:
            return self._holds(after, upto)

    def _holds(self, after: int, upto: int) -> bool:
        return 0 <= self._after <= after and upto <= self._upto

    def subjects(self, after: int, upto: int) -> Ints | None:
        """Return whose states came after a batch and up to another, ascending, and perhaps some more; None where not all are here."""
        with self._lock:
            if not self._holds(after, upto):
                return None
            came = [whose for batch, whose in self._came if batch > after]
        return np.unique(np.concatenate([np.empty(0, np.int64), *came]))

    def of(self, subjects: Ints, columns: Sequence[str], after: int, upto: int) -> list[pa.Table] | None:
        """Return the states of some subjects (ascending, distinct) of the batches after one and up to another, as `blocks.Laid.of` does.

        None where not all are here.
        """
        with self._lock:
            if not self._holds(after, upto):
                return None
            pieces = list(self._pieces)
        wanted, found = blocks.schema(columns), list[pa.Table]()
        for piece in pieces:
            there = blocks.places(piece.column("subject").to_numpy(), subjects)
            batch = piece.column("batch").to_numpy()[there]
            there = there[(batch > after) & (batch <= upto)]
            if len(there):
                found.append(piece.select(wanted.names).take(there).cast(wanted))
        return found


def _ordered(rows: pa.Table) -> pa.Table:
    """Return rows in the order of subjects, in one chunk: taking from many takes ten times as long."""
    order = np.argsort(rows.column("subject").to_numpy(), kind="stable")
    return rows.combine_chunks().take(order).combine_chunks()

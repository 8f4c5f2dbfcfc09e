"""Which message ids were seen: 64-bit keyed fingerprints in open-addressing tables, a generation per span of time.

Vectorised over a whole micro-batch: about 4 million look-ups a second and core. Memory: 8 bytes a slot at a load of at most
0.6, so about 14 bytes an id. A false match of two different ids among 100 million has a probability of 5e-12 per look-up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Prints = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

_SMALLEST, _LARGEST = 18, 25  # log2 of slots: from 2 MiB to 256 MiB a generation
_LOAD = 0.6
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth, TAOCP 3, 6.4)


@dataclass
class _Generation:
    slots: Prints
    bits: int
    used: int
    oldest: int
    newest: int

    @classmethod
    def of(cls, bits: int, at: int) -> _Generation:
        return cls(np.zeros(1 << bits, np.uint64), bits, 0, at, at)

    def room(self) -> int:
        return int(_LOAD * (1 << self.bits)) - self.used

    def _start(self, prints: Prints) -> npt.NDArray[np.int64]:
        return ((prints * _SPREAD) >> np.uint64(64 - self.bits)).astype(np.int64)

    def holds(self, prints: Prints) -> Mask:
        found = np.zeros(len(prints), np.bool_)
        asked, at = np.arange(len(prints)), self._start(prints)
        while len(asked):
            there = self.slots[at]
            found[asked[there == prints[asked]]] = True
            on = (there != 0) & (there != prints[asked])
            asked, at = asked[on], (at[on] + 1) & (len(self.slots) - 1)
        return found

    def put(self, prints: Prints) -> None:
        """Insert distinct prints that are not held and for which there is room."""
        left, at = prints, self._start(prints)
        while len(left):
            free = self.slots[at] == 0
            self.slots[at[free]] = left[free]  # of several that want one slot the last stays
            lost = self.slots[at] != left
            left, at = left[lost], (at[lost] + 1) & (len(self.slots) - 1)
        self.used += len(prints)


class Seen:
    """The ids of the deduplication window.

    Parameters
    ----------
    capacity
        Ids held at most; when more come, the oldest generation goes and the window is shorter than was asked for.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._generations: list[_Generation] = []
        self.dropped_until = 0

    def __len__(self) -> int:
        return sum(g.used for g in self._generations)

    @property
    def bytes(self) -> int:
        """Memory of the tables."""
        return sum(g.slots.nbytes for g in self._generations)

    @property
    def oldest_at(self) -> int | None:
        """Time of the oldest id that is held, microseconds; None when empty."""
        return self._generations[0].oldest if self._generations else None

    def fresh(self, prints: Prints) -> Mask:
        """Say for each print whether this is its first time, in the window and within the batch."""
        mask = np.zeros(len(prints), np.bool_)
        _, first = np.unique(prints, return_index=True)
        mask[first] = True
        for generation in reversed(self._generations):
            mask[mask] = ~generation.holds(prints[mask])
        return mask

    def holds(self, prints: Prints) -> Mask:
        """Say for each print whether it is held."""
        mask = np.zeros(len(prints), np.bool_)
        for generation in self._generations:
            mask |= generation.holds(prints)
        return mask

    def add(self, prints: Prints, at: int) -> None:
        """Remember prints for which `fresh` said yes; call it after their commit, never before."""
        while len(prints):
            newest = self._generations[-1] if self._generations else None
            if newest is None or newest.room() <= 0:
                bits = _SMALLEST if newest is None else min(newest.bits + 1, _LARGEST)
                newest = _Generation.of(bits, at)
                self._generations.append(newest)
            now, prints = prints[: newest.room()], prints[newest.room() :]
            newest.put(now)
            newest.newest = max(newest.newest, at)
            newest.oldest = min(newest.oldest, at)
        while len(self) > self._capacity and len(self._generations) > 1:
            self.dropped_until = self._generations.pop(0).newest

    def expire(self, before: int) -> None:
        """Drop the generations whose newest id is older than `before`, microseconds."""
        self._generations = [g for g in self._generations if g.newest >= before]

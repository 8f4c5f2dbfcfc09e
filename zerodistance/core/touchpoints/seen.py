"""Which message ids were seen: 64-bit keyed fingerprints in open-addressing tables, a generation per span of time.

Vectorised over a whole micro-batch, and asked in the order of the slots, so that a large table is gone through once from its
beginning to its end instead of at random. Memory: 8 bytes a slot at a load of at most
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
_SPREAD = np.uint64(
    0x9E3779B97F4A7C15
)  # Fibonacci hashing (Knuth, TAOCP 3, 6.4); odd, so that no two prints get one key


@dataclass
class _Generation:
    """A table of keys: prints, spread. 0 is a free slot."""

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

    def _start(self, keys: Prints) -> npt.NDArray[np.int64]:
        return (keys >> np.uint64(64 - self.bits)).astype(np.int64)

    def holds(self, keys: Prints) -> Mask:
        """Say for each key, ascending, whether it is held."""
        at, last = self._start(keys), len(self.slots) - 1
        there = self.slots[at]
        found: Mask = there == keys
        asked = np.flatnonzero((there != 0) & ~found)
        while len(asked):
            wanted, at_these = keys[asked], (at[asked] + 1) & last
            at[asked] = at_these
            there = self.slots[at_these]
            here = there == wanted
            found[asked[here]] = True
            asked = asked[(there != 0) & ~here]
        return found

    def put(self, keys: Prints) -> None:
        """Insert distinct keys, ascending, that are not held and for which there is room."""
        left, at = keys, self._start(keys)
        while len(left):
            free = self.slots[at] == 0
            self.slots[at[free]] = left[free]  # of several that want one slot the last stays
            lost = self.slots[at] != left
            left, at = left[lost], (at[lost] + 1) & (len(self.slots) - 1)
        self.used += len(keys)


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
        if not len(prints):
            return mask
        keys = prints * _SPREAD
        order = np.argsort(keys)
        keys = keys[order]
        begins = np.concatenate([[True], keys[1:] != keys[:-1]])
        first = order if begins.all() else np.minimum.reduceat(order, np.flatnonzero(begins))
        keys = keys[begins]
        for generation in reversed(self._generations):
            new = ~generation.holds(keys)
            if not new.all():
                first, keys = first[new], keys[new]
        mask[first] = True
        return mask

    def holds(self, prints: Prints) -> Mask:
        """Say for each print whether it is held."""
        mask = np.zeros(len(prints), np.bool_)
        keys = prints * _SPREAD
        order = np.argsort(keys)
        keys = keys[order]
        for generation in self._generations:
            mask[order] |= generation.holds(keys)
        return mask

    def add(self, prints: Prints, at: int) -> None:
        """Remember prints for which `fresh` said yes; call it after their commit, never before."""
        keys = np.sort(prints * _SPREAD)
        while len(keys):
            newest = self._generations[-1] if self._generations else None
            if newest is None or newest.room() <= 0:
                bits = _SMALLEST if newest is None else min(newest.bits + 1, _LARGEST)
                newest = _Generation.of(bits, at)
                self._generations.append(newest)
            now, keys = keys[: newest.room()], keys[newest.room() :]
            newest.put(now)
            newest.newest = max(newest.newest, at)
            newest.oldest = min(newest.oldest, at)
        while len(self) > self._capacity and len(self._generations) > 1:
            self.dropped_until = self._generations.pop(0).newest

    def expire(self, before: int) -> None:
        """Drop the generations whose newest id is older than `before`, microseconds."""
        self._generations = [g for g in self._generations if g.newest >= before]

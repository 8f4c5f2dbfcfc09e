"""What the worker keeps in memory of identity: bounded, columnar, and thrown away whenever a commit fails."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, repeat

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity import rules

Ints = npt.NDArray[np.int64]
NEVER = np.iinfo(np.int64).max
_GUARDS = ("blocked", "invalid", "unknown")
_KINDS = len(rules.NAMESPACES) + 1  # the last one: a namespace we don't know
RESERVED = len(_GUARDS) * _KINDS
"""Slots below say why a value names nobody; a subject's slot is never among them."""


def dropped_slot(guard: str, rank: int) -> int:
    """Return the slot of values of a namespace that a guard dropped."""
    return _GUARDS.index(guard) * _KINDS + rank


def dropped_counter(slot: int) -> str:
    """Return the counter of a reserved slot."""
    rank = slot % _KINDS
    return rules.counter(
        _GUARDS[slot // _KINDS], rules.NAMESPACES[rank].key if rank < _KINDS - 1 else "other"
    )


_BITS = 27  # 16 MiB; with 3 bits a token 0.9 % are held for known by mistake at 10 M tokens, 14 % at 40 M


class KnownTokens:
    """Says which tokens the state has certainly never seen, so that nobody looks for them: a Bloom filter.

    References
    ----------
    Bloom (1970): Space/time trade-offs in hash coding with allowable errors. The tokens are hashes already.
    """

    def __init__(self) -> None:
        self._bits = np.zeros(1 << (_BITS - 3), dtype=np.uint8)

    def _places(self, tokens: Sequence[bytes]) -> tuple[Ints, npt.NDArray[np.uint8]]:
        words = np.frombuffer(b"".join(tokens), dtype="<u4").reshape(-1, 4)[:, :3] >> (32 - _BITS)
        return (words >> 3).astype(np.int64), np.left_shift(1, words & 7).astype(np.uint8)

    def add(self, tokens: Sequence[bytes]) -> None:
        """Remember tokens of 16 bytes."""
        if tokens:
            place, bit = self._places(tokens)
            np.bitwise_or.at(self._bits, place, bit)

    def perhaps(self, tokens: Sequence[bytes]) -> list[bytes]:
        """Return those tokens that may be known; the others are not."""
        if not tokens:
            return []
        place, bit = self._places(tokens)
        maybe = (self._bits[place] & bit != 0).all(axis=1)
        return [token for token, one in zip(tokens, maybe.tolist(), strict=True) if one]


Held = dict[tuple[int, int, str], int]
"""Evidence (a, b, rule) -> earliest time."""
_COLUMNS = ("subject", "person", "first_at", "live_at", "origin_at", "seen_at", "rank", "shared")


class Cache:
    """Identifiers as they came -> slot -> columns of the subject; and evidence that is already kept.

    Parameters
    ----------
    most
        Raw identifiers kept; when it is full, the older half goes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.raw: dict[tuple[str, str], int] = {}
        self.slot_of: dict[int, int] = {}
        self.live_pairs: Held = {}
        self.origin, self.origin_pairs = 0, Held()
        self._used = RESERVED
        size = RESERVED + 4096
        self.subject: Ints = np.zeros(size, dtype=np.int64)
        self.person: Ints = np.zeros(size, dtype=np.int64)
        self.first_at: Ints = np.full(size, NEVER, dtype=np.int64)
        self.live_at: Ints = np.full(size, NEVER, dtype=np.int64)
        self.origin_at: Ints = np.full(size, NEVER, dtype=np.int64)
        self.seen_at: Ints = np.zeros(size, dtype=np.int64)
        self.rank: npt.NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        self.shared: npt.NDArray[np.bool_] = np.zeros(size, dtype=bool)

    def make_room(self) -> None:
        """Drop the older half when there is too much; only between two batches."""
        self.live_pairs, self.origin_pairs = (
            dict(islice(pairs.items(), len(pairs) // 2, None)) if len(pairs) > self._most else pairs
            for pairs in (self.live_pairs, self.origin_pairs)
        )
        if len(self.raw) <= self._most:
            return
        kept = list(islice(self.raw.items(), len(self.raw) // 2, None))
        slots = np.unique(np.fromiter((slot for _, slot in kept), dtype=np.int64, count=len(kept)))
        slots = slots[slots >= RESERVED]
        moved = np.arange(self._used, dtype=np.int64)
        moved[slots] = RESERVED + np.arange(len(slots))
        for name in _COLUMNS:
            column = getattr(self, name)
            column[RESERVED : RESERVED + len(slots)] = column[slots]
        self._used = RESERVED + len(slots)
        new = moved.tolist()
        self.raw = {key: new[slot] for key, slot in kept}
        subjects = self.subject[RESERVED : self._used].tolist()
        self.slot_of = dict(zip(subjects, range(RESERVED, self._used), strict=True))

    def turn_to(self, origin: int) -> Held:
        """Return the evidence of an origin that is kept here: of live collection, and of one import at a time."""
        if not origin:
            return self.live_pairs
        if origin != self.origin:
            self.origin, self.origin_pairs = origin, {}
            self.origin_at[:] = NEVER
        return self.origin_pairs

    def find(self, keys: list[tuple[str, str]]) -> Ints:
        """Return the slot of each raw identifier, -1 where it is not known here."""
        return np.fromiter(map(self.raw.get, keys, repeat(-1)), dtype=np.int64, count=len(keys))

    def add(
        self,
        subject: int,
        rank: int,
        person: int,
        first_at: int,
        live_at: int | None,
        seen_at: int,
        shared: bool,
    ) -> int:
        """Keep a subject that the state knows; return its slot, the old one if it has one."""
        slot = self.slot_of.get(subject)
        if slot is not None:
            return slot
        slot = self._take(1)
        self.slot_of[subject] = slot
        self.subject[slot] = subject
        self.person[slot] = person
        self.first_at[slot] = first_at
        self.live_at[slot] = NEVER if live_at is None else live_at
        self.origin_at[slot] = NEVER
        self.seen_at[slot] = seen_at
        self.rank[slot] = rank
        self.shared[slot] = shared
        return slot

    def add_new(self, first: int, ranks: list[int], seen_at: int) -> int:
        """Keep subjects that were never seen, numbered from `first`; return the slot of the first, the others follow."""
        slot, count = self._take(len(ranks)), len(ranks)
        here = slice(slot, slot + count)
        self.subject[here] = np.arange(first, first + count)
        self.person[here] = 0
        self.first_at[here] = self.live_at[here] = self.origin_at[here] = NEVER
        self.seen_at[here] = seen_at
        self.rank[here] = ranks
        self.shared[here] = False
        self.slot_of.update(zip(range(first, first + count), range(slot, slot + count), strict=True))
        return slot

    def _take(self, count: int) -> int:
        slot = self._used
        self._used += count
        while self._used > len(self.subject):
            self._grow()
        return slot

    def _grow(self) -> None:
        for name in _COLUMNS:
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.zeros_like(column)]))

"""What the worker keeps in memory of identity: bounded, columnar, and thrown away whenever a commit fails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

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


Known = tuple[int, int, int, int, int | None, int, int]
"""Subject, rank of its namespace, person, first_at, live_at, seen_at, shared."""
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
        self._raw: dict[str, dict[str, int]] = {n.key: {} for n in rules.NAMESPACES}
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
        if sum(map(len, self._raw.values())) <= self._most:
            return
        kept = {space: dict(islice(held.items(), len(held) // 2, None)) for space, held in self._raw.items()}
        slots = np.unique(np.concatenate([np.array([*held.values()], np.int64) for held in kept.values()]))
        slots = slots[slots >= RESERVED]
        moved = np.arange(self._used, dtype=np.int64)
        moved[slots] = RESERVED + np.arange(len(slots))
        for name in _COLUMNS:
            column = getattr(self, name)
            column[RESERVED : RESERVED + len(slots)] = column[slots]
        self._used = RESERVED + len(slots)
        new = moved.tolist()
        for space, held in kept.items():
            self._raw[space] = dict(zip(held, map(new.__getitem__, held.values()), strict=True))
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

    def find(self, keys: Sequence[tuple[str, str]]) -> Ints:
        """Return the slot of each raw identifier, (namespace, value), -1 where it is not known here."""
        raw = self._raw
        slots = [raw[space].get(value, -1) if space in raw else -1 for space, value in keys]
        return np.array(slots, dtype=np.int64)

    def keep(self, keys: Iterable[tuple[str, str]], slots: Iterable[int]) -> None:
        """Remember the slots of raw identifiers."""
        for (space, value), slot in zip(keys, slots, strict=True):
            self._raw.setdefault(space, {})[value] = slot

    def add(self, known: Sequence[Known]) -> list[int]:
        """Keep subjects that the state knows, each once; return their slots, the old one of those that have one."""
        fresh = [row for row in known if row[0] not in self.slot_of]
        if fresh:
            slot, count = self._take(len(fresh)), len(fresh)
            here = slice(slot, slot + count)
            subjects, ranks, persons, first, live, seen, shared = zip(*fresh, strict=True)
            self.subject[here], self.rank[here], self.person[here] = subjects, ranks, persons
            self.first_at[here], self.seen_at[here], self.shared[here] = first, seen, shared
            self.live_at[here] = [NEVER if at is None else at for at in live]
            self.origin_at[here] = NEVER
            self.slot_of.update(zip(subjects, range(slot, slot + count), strict=True))
        return [self.slot_of[row[0]] for row in known]

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

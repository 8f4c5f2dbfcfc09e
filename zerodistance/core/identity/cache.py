"""What the worker keeps in memory of identity: bounded, columnar, and thrown away whenever a commit fails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity import rules
from zerodistance.core.identity.rules import RuleSet

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


Known = tuple[int, int, int, int, int | None, int, int, int, int, int]
KNOWN = "number, namespace, person, first_at, live_at, seen_at, shared, turned, named, named_at"
"""What the state says of a subject that is kept here."""
_COLUMNS = (
    "subject", "person", "first_at", "live_at", "origin_at", "seen_at", "rank", "shared", "turned", "named", "named_at",
    "live_a", "live_rule", "live_pair_at", "origin_a", "origin_rule", "origin_pair_at",
)  # fmt: skip


class Pairs:
    """Evidence that one origin has said: a weaker subject's first pair in columns, further ones aside; no key is made of those.

    Good until the cache grows: ask for it again in each step of a batch.

    Parameters
    ----------
    a, rule, at
        By slot of the weaker subject b: the stronger subject, 0 for none; number of the rule; earliest time.
    further
        (a, b, rule) -> earliest time.
    """

    def __init__(
        self, a: Ints, rule: npt.NDArray[np.int16], at: Ints, further: dict[tuple[int, int, int], int]
    ) -> None:
        self._a, self._rule, self._at, self._further = a, rule, at, further

    def holds(self, slot: Ints, a: Ints, b: Ints, rule: Ints, at: Ints) -> npt.NDArray[np.bool_]:
        """Say which pairs are kept with as early a time."""
        held: npt.NDArray[np.bool_] = (
            (self._a[slot] == a) & (self._rule[slot] == rule) & (self._at[slot] <= at)
        )
        if self._further:
            for i in np.flatnonzero(~held).tolist():
                key = int(a[i]), int(b[i]), int(rule[i])
                held[i] = self._further.get(key, NEVER) <= at[i]
        return held

    def get(self, slot: int, a: int, b: int, rule: int) -> int:
        """Return the earliest time of a pair, NEVER if it is not kept."""
        if self._a.item(slot) == a and self._rule.item(slot) == rule:
            return self._at.item(slot)
        return self._further.get((a, b, rule), NEVER) if self._further else NEVER

    def put(self, slot: int, a: int, b: int, rule: int, at: int) -> None:
        """Keep the earliest time of a pair."""
        here = self._a.item(slot)
        if here == 0 or (here == a and self._rule.item(slot) == rule):
            self._a[slot], self._rule[slot], self._at[slot] = a, rule, at
        else:
            self._further[a, b, rule] = at


class Cache:
    """Identifiers as they came -> slot -> columns of the subject; and evidence that is already kept.

    Parameters
    ----------
    most
        Raw identifiers kept; when it is full, the older half goes.

    Attributes
    ----------
    by
        The rules that are in force.
    apart
        Subject -> decisions that keep it from somebody.
    released
        Subjects that somebody released: they are not shared, however many persons stand with them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.by = RuleSet()
        self.apart: dict[int, frozenset[int]] = {}
        self.released: frozenset[int] = frozenset()
        self._raw: dict[str, dict[str, int]] = {n.key: {} for n in rules.NAMESPACES}
        self._ordered: tuple[Ints, Ints] | None = None
        self._rules: dict[str, int] = {}
        self._live_further: dict[tuple[int, int, int], int] = {}
        self._origin, self._origin_further = 0, dict[tuple[int, int, int], int]()
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
        self.turned: npt.NDArray[np.bool_] = np.zeros(size, dtype=bool)
        self.named: Ints = np.zeros(size, dtype=np.int64)
        self.named_at: Ints = np.zeros(size, dtype=np.int64)
        self.live_a: Ints = np.zeros(size, dtype=np.int64)
        self.live_rule: npt.NDArray[np.int16] = np.zeros(size, dtype=np.int16)
        self.live_pair_at: Ints = np.zeros(size, dtype=np.int64)
        self.origin_a: Ints = np.zeros(size, dtype=np.int64)
        self.origin_rule: npt.NDArray[np.int16] = np.zeros(size, dtype=np.int16)
        self.origin_pair_at: Ints = np.zeros(size, dtype=np.int64)

    def make_room(self) -> None:
        """Drop the older half when there is too much; only between two batches."""
        self._live_further, self._origin_further = (
            dict(islice(pairs.items(), len(pairs) // 2, None)) if len(pairs) > self._most else pairs
            for pairs in (self._live_further, self._origin_further)
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
        self._ordered = None

    def turn_to(self, origin: int) -> Pairs:
        """Return the evidence of an origin that is kept here: of live collection, and of one import at a time."""
        if not origin:
            return Pairs(self.live_a, self.live_rule, self.live_pair_at, self._live_further)
        if origin != self._origin:
            self._origin, self._origin_further = origin, {}
            self.origin_at[:] = NEVER
            self.origin_a[:] = 0
        return Pairs(self.origin_a, self.origin_rule, self.origin_pair_at, self._origin_further)

    def rule(self, name: str) -> int:
        """Return the number under which a rule is kept."""
        return self._rules.setdefault(name, len(self._rules))

    def slots(self, subjects: Ints) -> Ints:
        """Return the slot of each subject, 0 of those that are not kept."""
        if self._ordered is None:
            here = self.subject[RESERVED : self._used]
            order = np.argsort(here, kind="stable")
            self._ordered = here[order], order + RESERVED
        known, slots = self._ordered
        if not len(known):
            return np.zeros(len(subjects), np.int64)
        place = np.minimum(np.searchsorted(known, subjects), len(known) - 1)
        return np.where(known[place] == subjects, slots[place], 0)

    def moved(self, moves: Sequence[tuple[int, int]]) -> None:
        """Give each (subject, person) that is kept to its new person."""
        if moves:
            subject, person = np.array(moves, dtype=np.int64).T
            at = self.slots(subject)
            self.person[at[at > 0]] = person[at > 0]

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
        asked = np.fromiter((row[0] for row in known), np.int64, len(known))
        there = self.slots(asked) > 0
        fresh = [row for row, held in zip(known, there.tolist(), strict=True) if not held]
        if fresh:
            slot, count = self._take(len(fresh)), len(fresh)
            here = slice(slot, slot + count)
            subjects, ranks, persons, first, live, seen, shared, turned, named, named_at = zip(
                *fresh, strict=True
            )
            self.subject[here], self.rank[here], self.person[here] = subjects, ranks, persons
            self.first_at[here], self.seen_at[here], self.shared[here] = first, seen, shared
            self.turned[here], self.named[here], self.named_at[here] = turned, named, named_at
            self.live_at[here] = [NEVER if at is None else at for at in live]
            self.origin_at[here] = NEVER
        slots: list[int] = self.slots(asked).tolist()
        return slots

    def add_new(self, first: int, ranks: list[int], seen_at: int) -> int:
        """Keep subjects that were never seen, numbered from `first`; return the slot of the first, the others follow."""
        slot, count = self._take(len(ranks)), len(ranks)
        here = slice(slot, slot + count)
        self.subject[here] = np.arange(first, first + count)
        self.person[here] = 0
        self.first_at[here] = self.live_at[here] = self.origin_at[here] = NEVER
        self.seen_at[here] = seen_at
        self.rank[here] = ranks
        self.shared[here] = self.turned[here] = False
        self.named[here] = self.named_at[here] = 0
        return slot

    def _take(self, count: int) -> int:
        slot = self._used
        self._used += count
        while self._used > len(self.subject):
            self._grow()
        self.live_a[slot : self._used] = self.origin_a[slot : self._used] = 0
        self._ordered = None
        return slot

    def _grow(self) -> None:
        for name in _COLUMNS:
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.zeros_like(column)]))

"""What the commit of a batch will write of identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection

from zerodistance.core.identity import mentions, store
from zerodistance.core.identity.cache import Cache
from zerodistance.core.identity.turns import store as turns
from zerodistance.core.identity.turns.noticing import Turned
from zerodistance.kernel.seal import Seal


@dataclass
class Pending:
    """What a commit will write; rows are in the order of the statements in store."""

    origin: int
    generation: int
    epoch: int
    numbers: dict[str, int]
    at: int
    subjects: list[tuple[Any, ...]] = field(default_factory=list)
    evidence: list[tuple[Any, ...]] = field(default_factory=list)
    confirming: list[tuple[Any, ...]] = field(default_factory=list)
    moves: list[tuple[int, int]] = field(default_factory=list)
    merged: int = 0
    firsts: list[tuple[int, int]] = field(default_factory=list)
    lives: list[tuple[int, int]] = field(default_factory=list)
    sightings: list[tuple[int, int, int, int]] = field(default_factory=list)
    seen: list[tuple[int, int]] = field(default_factory=list)
    named: list[tuple[int, int, int]] = field(default_factory=list)
    shared: list[tuple[Any, ...]] = field(default_factory=list)
    vault: list[tuple[Any, ...]] = field(default_factory=list)
    facts: list[tuple[Any, ...]] = field(default_factory=list)
    mentions: pa.Table | None = None
    turns: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    turns_gone: list[tuple[int, int, int, int]] = field(default_factory=list)
    turned: list[tuple[int]] = field(default_factory=list)

    def take(self, turned: Turned, cache: Cache) -> None:
        """Take in what was found of devices that several accounts use in turn."""
        known = [slot for slot in turned.marked if cache.person.item(slot)]
        self.turned = [(number,) for number in cache.subject[known].tolist()]
        cache.turned[turned.marked] = True
        self.turns, self.turns_gone = turned.added, turned.gone

    def write(self, tx: Connection, seal: Seal, batch: int) -> None:
        """Write what was found, as part of a batch."""
        store.INSERT_SUBJECT.run(tx, [(*row, batch) for row in self.subjects])
        store.INSERT_EVIDENCE.run(tx, [(*row, batch) for row in self.evidence])
        store.INSERT_EARLIER.run(tx, [(*row, batch) for row in self.confirming])
        store.UPDATE_FIRST.run(tx, self.firsts)
        store.UPDATE_LIVE.run(tx, self.lives)
        store.UPSERT_SIGHTING.run(tx, self.sightings)
        store.UPDATE_SEEN.run(tx, self.seen)
        store.UPDATE_NAMED.run(tx, self.named)
        store.UPSERT_SHARED.run(tx, self.shared)
        store.UPDATE_SHARED.run(tx, [(1, row[0]) for row in self.shared])
        store.UPSERT_VAULT.run(tx, self.vault)
        store.UPSERT_FACT.run(tx, self.facts)
        turns.INSERT.run(tx, self.turns)
        turns.DELETE.run(tx, self.turns_gone)
        turns.MARK.run(tx, self.turned)
        turns.share(tx, [row[0] for row in self.shared], 1)
        if self.mentions is not None:
            mentions.write(tx, seal, batch, self.origin, self.mentions)

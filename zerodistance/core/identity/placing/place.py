"""Placing what comes in: every mention is looked up among all faces, and joined where the matcher would join it, in milliseconds.

The nightly pass over everything decides again; what it finds replaces what was placed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa
from sqlalchemy import Connection

from zerodistance.core.identity import beside, mentions, store
from zerodistance.core.identity.contracts import VISITORS_FROM
from zerodistance.core.identity.matching.fields import Face
from zerodistance.core.identity.matching.hashed import face_keys
from zerodistance.core.identity.matching.score import Scorer
from zerodistance.core.identity.placing import index
from zerodistance.core.identity.placing.finding import Candidate, Fresh, Known, forbidden, speaks
from zerodistance.core.identity.placing.index import Kept
from zerodistance.core.identity.rules import RuleSet
from zerodistance.core.identity.ruling import models, versions
from zerodistance.events.identity import PersonsChanged
from zerodistance.kernel import bulk, bus, clock, fault
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

LARGE: Final = 2_000
"""Mentions of a batch beyond which it is left to the next pass, own value: a large file is matched faster as a whole."""
FRESH: Final = 20_000
"""Faces that were said since the last pass and are kept in memory at most, own value: some 40 MB."""
_DOUBTS: Final = 3  # persons that a mention may be, and that somebody is asked about, own value
_AGAIN: Final = 60.0  # seconds after a failure, own value
_LOOK: Final = 0.2  # seconds between two looks when nothing waits, own value
_PLACED: Final = "placed"
Moved = Callable[[Sequence[tuple[int, int]]], None]


@dataclass(frozen=True, slots=True)
class Said:
    """A mention: whose, and its face."""

    subject: int
    face: Face


class Lookup:
    """All faces of a home, and those that were said since: kept up to date by `refresh`. For one thread at a time."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._hashed = index.hashing(home.seal)
        self._known: Known | None = None
        self._number: int | None = None
        self._batch = self._generation = -1
        self._said: tuple[int, list[Said]] = NEVER, []

    def refresh(self, tx: Connection) -> Known:
        """Take in an index or rules that came into force and what was said since; let go whoever was forgotten."""
        number, last = index.in_force(tx), bulk.value(tx, "select max(batch) from identity_mention")
        generation, held = store.generation(tx), self._known
        if held is None or self._number != number:
            found = index.opened(self._home, number)
            self._batch = found.batch if found else NEVER
            held = self._by_rules(tx, Known(found, Fresh(), self._hashed))
            self._number = number
        elif generation != self._generation:
            self._said = NEVER, []
            held.fresh.keep(store.of_subjects(tx, sorted(held.fresh.of)))
            held = self._by_rules(tx, held)
        self._known, self._generation = held, generation
        if last is not None and last > self._batch:
            self._take_in(tx, held.fresh)
            self._batch = last
        return held

    def _by_rules(self, tx: Connection, known: Known) -> Known:
        _, by = versions.in_force(tx)
        weights = models.of_name(self._home.seal, tx, by.model)
        return replace(known, by=by, scorer=Scorer(weights, known.index.records if known.index else 0))

    def _take_in(self, tx: Connection, fresh: Fresh) -> None:
        for batch, many in bulk.rows(tx, _SINCE, (self._batch,)):
            if many <= LARGE and len(fresh.kept) + many <= FRESH:
                for said in self.said(tx, batch):
                    fresh.add(said.subject, said.face, face_keys(said.face, self._hashed))

    def said(self, tx: Connection, batch: int) -> list[Said]:
        """Return the faces of a batch; those of the last one that was asked for are kept, since whoever takes them in places them next."""
        if self._said[0] != batch:
            self._said = batch, faces(self._home, tx, mentions.of_batch(tx, self._home.seal, batch))
        return self._said[1]


_SINCE = "select batch, mentions from identity_mention where batch > ? order by batch"
NEVER: Final = -(1 << 62)
"""Before every batch."""


def faces(home: Home, tx: Connection, table: pa.Table) -> list[Said]:
    """Return the faces of mentions, without contact data that many persons share."""
    ways: list[tuple[int, Mapping[str, str]]] = [
        (row["subject"], {name: row[name] for name in mentions.FIELDS if row[name] is not None})
        for row in mentions.in_words(table).to_pylist()
    ]
    written = [(subject, beside.written(home, way)) for subject, way in ways]
    token = {
        (name, value): home.seal.token(name, value)
        for _, one in written
        for name in ("phone", "email")
        if (value := getattr(one.face, name))
    }
    sql = "select token from subject where shared = 1 and token in {values}"
    shared = {bytes(row[0]) for row in bulk.among(tx, sql, sorted(set(token.values())))}
    crowded = {key for key, one in token.items() if one in shared}
    return [Said(subject, beside.without(one.face, crowded)) for subject, one in written]


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a mention.

    Attributes
    ----------
    joined
        Whom its person was joined with, None if with nobody.
    doubts
        Whom it may be, and somebody is asked about.
    moves
        (subject, new person) of everybody who moved.
    """

    joined: Candidate | None
    doubts: tuple[Candidate, ...] = ()
    moves: tuple[tuple[int, int], ...] = ()


def place(home: Home, lookup: Lookup, said: Said) -> Placed:
    """Find out whom a mention is about, and join them in one transaction."""
    with home.state.read() as tx:
        known = lookup.refresh(tx)
        found = store.of_subjects(tx, [said.subject]).get(said.subject)
        if found is None:
            return Placed(None)
        person = found[0]
        candidates = known.candidates(tx, said.face, known.by.doubt, person)
        if not candidates:
            return Placed(None)
        own = [member[0] for member in store.members(tx, person)]
        mine = _with(known.of(own), said)
        best = _best(tx, known, person, mine, candidates)
        doubts = tuple(one for one in candidates if one is not best)[:_DOUBTS]
    return _written(home, said, known, best, doubts)


def _with(mine: list[Kept], said: Said) -> list[Kept]:
    return mine if any(one.face == said.face for one in mine) else [*mine, Kept(said.subject, 1, said.face)]


def _best(
    tx: Connection, known: Known, person: int, mine: Sequence[Kept], candidates: Sequence[Candidate]
) -> Candidate | None:
    """Return whom all that is known of both speaks for most."""
    best, most = None, 0.0
    for one in candidates:
        if one.weight >= known.by.join and not forbidden(tx, known.by, person, one.person):
            total = speaks(known, mine, one.faces)
            if total > most:
                best, most = one, total
    return best


def _written(
    home: Home, said: Said, known: Known, best: Candidate | None, doubts: Sequence[Candidate]
) -> Placed:
    """Write the match and the doubts, and make both persons one."""
    with home.state.write() as tx:
        everybody = [said.subject, *(one.subject for one in (best, *doubts) if one)]
        there = store.of_subjects(tx, everybody)
        if said.subject not in there:  # forgotten meanwhile
            return Placed(None)
        rows = []
        for one, linked in [*((one, 0) for one in doubts), *([(best, 1)] if best else [])]:
            if one.subject in there:
                a, b = sorted((said.subject, one.subject), key=lambda n: (there[n][1], n))
                rows.append((b, a, round(one.weight * 1e6), linked, known.scorer.model.name, clock.micros()))
        _KEEP.run(tx, rows)
        if best is None or best.subject not in there:
            return Placed(None, tuple(doubts))
        fault.point("identity.placing.matched")
        moves = _joined(tx, known.by, there[said.subject][0], there[best.subject][0])
        fault.point("identity.placing.moved")
    return Placed(best if moves else None, tuple(doubts), tuple(moves))


def _joined(tx: Connection, by: RuleSet, one: int, other: int) -> list[tuple[int, int]]:
    """Make two persons one, unless a guard forbids it; return (subject, new person) of those who moved.

    A match comes after everything that was seen, so nothing else has to be computed anew: the person with more subjects keeps its number, as in `live`.
    """
    members: dict[int, list[tuple[int, int, int]]] = {one: [], other: []}
    sql = "select person, number, namespace, first_at from subject where person in (?, ?)"
    for person, *member in bulk.rows(tx, sql, (one, other)):
        members[person].append((member[0], member[1], member[2]))
    if one == other or by.veto(_times(members[one]), _times(members[other])) is not None:
        return []
    apart = store.apart(tx)
    kept_apart = (
        {n for member in members[who] for n in apart.get(member[0], ())} if apart else set[int]()
        for who in (one, other)
    )
    if next(kept_apart) & next(kept_apart):
        return []
    stays = min(members, key=lambda who: (who >= VISITORS_FROM, -len(members[who]), who))
    moves = [(member[0], stays) for who in members if who != stays for member in members[who]]
    epoch = bulk.value(tx, "select value from identity_number where key = 'epoch'") or 0
    first, last = store.move(tx, moves, clock.micros(), int(epoch))
    bus.say(tx, PersonsChanged("place", int(epoch), len(moves), 1, 0, first, last), f"place{first}")
    return moves


def _times(members: Sequence[tuple[int, int, int]]) -> dict[int, list[int]]:
    """Return rank -> times at which each value of that namespace was first seen."""
    out: dict[int, list[int]] = {}
    for _, rank, at in members:
        out.setdefault(rank, []).append(at)
    return out


# A doubt does not take away what a pass, or another mention of the same subject, was sure of.
_KEEP = bulk.Bulk(
    "insert into identity_match (b, a, bits, linked, model, at) {rows} on conflict (b, a) do update set bits = excluded.bits, "
    "linked = excluded.linked, model = excluded.model where excluded.linked >= identity_match.linked",
    b="bigint", a="bigint", bits="bigint", linked="bigint", model="text", at="bigint",
)  # fmt: skip


class Placer:
    """Places what was said since it was last asked; the worker's, between two batches of digestion.

    Parameters
    ----------
    moved
        Told of everybody who moved, (subject, new person): whoever keeps persons in memory.
    """

    def __init__(self, home: Home, moved: Moved) -> None:
        self._home, self._moved = home, moved
        self._lookup = Lookup(home)
        self._failed_at = self._looked_at = -_AGAIN
        self._waiting: list[Said] = []
        self._batch: int | None = None

    def step(self, seconds: float) -> int:
        """Place mentions for so long; return how many were. A failure is logged, and tried again after a while."""
        now = time.monotonic()
        if now - self._failed_at < _AGAIN or (not self._waiting and now - self._looked_at < _LOOK):
            return 0
        self._looked_at = now
        try:
            return self._step(time.monotonic() + seconds)
        except Exception as error:  # digestion has to go on
            log("identity").error("placing_failed", error=type(error).__name__, exc_info=True)
            self._failed_at = time.monotonic()
            self._waiting, self._batch = [], None
            return 0

    def _step(self, until: float) -> int:
        done, moves = 0, list[tuple[int, int]]()
        try:
            while time.monotonic() < until:
                if not self._waiting and not self._next():
                    break
                while self._waiting and time.monotonic() < until:
                    moves += place(self._home, self._lookup, self._waiting.pop()).moves
                    done += 1
                if not self._waiting and self._batch is not None:
                    with self._home.state.write() as tx:
                        store.set_numbers(tx, {_PLACED: self._batch})
        finally:  # those who were moved before something failed have moved
            if moves:
                self._moved(moves)
        return done

    def _next(self) -> bool:
        """Read the next batch that nobody has placed; False: there is none."""
        with self._home.state.read() as tx:
            placed = bulk.value(tx, "select value from identity_number where key = ?", (_PLACED,))
            known = self._lookup.refresh(tx)
            after = max(NEVER if one is None else one for one in (placed, self._batch, _of(known)))
            rows = bulk.rows(tx, f"{_SINCE} limit 1", (after,))
            if not rows:
                return False
            batch, many = rows[0]
            self._batch = batch
            if many <= LARGE:
                self._waiting = self._lookup.said(tx, batch)[::-1]
        return True


def _of(known: Known) -> int:
    return known.index.batch if known.index else NEVER

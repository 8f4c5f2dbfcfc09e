"""What a change of the rules would do: everybody computed by it beside what is, nothing written; counts, examples with why, and every move."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import reading, rules, store
from zerodistance.core.identity.contracts import VISITORS_FROM, Identifier
from zerodistance.core.identity.naming import MATCHED, Pairs
from zerodistance.core.identity.older import catch_up
from zerodistance.core.identity.partition import weight_of
from zerodistance.core.identity.rebuild import Solved, difference, solve
from zerodistance.core.identity.ruling import changes
from zerodistance.core.identity.ruling.applying import Prepared, prepared
from zerodistance.core.identity.ruling.contracts import Example, Side, Trial
from zerodistance.core.identity.told import COUNTING, JOINING, Told, nobody
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
EXAMPLES = 10


def attempt(
    home: Home,
    who: Who,
    given: Sequence[str],
    *,
    match: bool = False,
    examples: int = EXAMPLES,
    moves: Path | None = None,
    told: Told = nobody,
) -> Trial:
    """Return what a change of the rules would do to everybody; nothing is written but `moves`.

    Parameters
    ----------
    given
        See `changes.changed`.
    match
        Ask the matcher again although no rule of its own changes.
    examples
        Of merges, of splits, and of identifiers that stop linking or link again, at most.
    moves
        A CSV file for every subject that would move: `subject,namespace,person,would_be`; public ids, nothing readable.

    Raises
    ------
    Invalid, NothingChanges, NoSuchModel
        See `applying.apply`.
    """
    who.need(Permission.OPERATE)
    who.need(Permission.SEE_PERSONS)
    began = time.perf_counter()
    catch_up(home)
    ready = prepared(home, given, match=match, told=told)
    told(JOINING, 0, 2)
    with home.state.read() as tx:
        anyway = len(solve(tx).moves)
        told(JOINING, 1, 2)
        solved = solve(tx, turn=ready.turn, keep=True)
        told(JOINING, 2, 2)
        told(COUNTING, 0, 1)
        found = _trial(home, tx, ready, solved, anyway, examples, began)
    if moves is not None:
        _write(home, solved, moves)
    told(COUNTING, 1, 1)
    return found


def _trial(
    home: Home, tx: Connection, ready: Prepared, solved: Solved, anyway: int, most: int, began: float
) -> Trial:
    newly, freed = solved.newly()
    return Trial(
        version=ready.version,
        changes=changes.between(ready.old, ready.turn.by),
        before=_side(solved.subjects.person),
        after=_side(solved.renumbered.person),
        rebuilt=difference(home.seal, solved),
        anyway=anyway,
        matched=ready.turn.links is not None,
        links=ready.links,
        shared=_shown(home, tx, newly[:most]),
        freed=_shown(home, tx, freed[:most]),
        examples=tuple(_Examples(home, tx, solved, ready.turn.links is not None).some(most)),
        seconds=time.perf_counter() - began,
    )


def _side(person: Ints) -> Side:
    number, size = np.unique(person, return_counts=True)
    known = number < VISITORS_FROM
    return Side(int(known.sum()), int((~known).sum()), int(size[known].max(initial=0)))


def _shown(home: Home, tx: Connection, subjects: Sequence[int]) -> tuple[Identifier, ...]:
    of = store.of_subjects(tx, list(subjects))
    return reading.identifiers(home, tx, [(one, *of[one][1:]) for one in subjects])


def _write(home: Home, solved: Solved, path: Path) -> None:
    """Write every move."""
    subjects, now, before = solved.subjects, solved.ids[0], solved.ids_before
    differs = np.flatnonzero(solved.renumbered.person != subjects.person)
    ids: dict[int, str] = {}

    def name(number: int) -> str:
        if number not in ids:
            ids[number] = home.seal.public_id("p", number)
        return ids[number]

    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("subject", "namespace", "person", "would_be"))
        for row in differs.tolist():
            space = rules.NAMESPACES[int(subjects.rank[row])].key
            out.writerow((int(subjects.number[row]), space, name(before.item(row)), name(now.item(row))))


class _Examples:
    """Finds for a person who would be merged or split the pair between which that happens, and why."""

    def __init__(self, home: Home, tx: Connection, solved: Solved, anew: bool) -> None:
        self._anew = anew  # whether the matcher was asked again
        assert solved.pairs is not None
        self._home, self._tx, self._solved, self._pairs = home, tx, solved, solved.pairs
        self._person, self._label = solved.subjects.person, solved.partition.label
        newly, freed = solved.newly()
        number = solved.subjects.number
        self._newly = set(np.flatnonzero(np.isin(number, newly)).tolist())
        self._freed = set(np.flatnonzero(np.isin(number, freed)).tolist())

    def some(self, most: int) -> Iterator[Example]:
        """Yield up to `most` merges and as many splits."""
        for row in self._solved.renumbered.merged[:most].tolist():
            yield self._merged(row)
        for row in self._solved.renumbered.split[:most].tolist():
            yield self._split(row)

    def _merged(self, row: int) -> Example:
        mine = np.flatnonzero((self._person == self._person[row]) & (self._label == self._label[row]))
        theirs = np.flatnonzero((self._label == self._label[row]) & (self._person != self._person[row]))
        return self._example(True, row, int(self._label[row]), mine, theirs)

    def _split(self, row: int) -> Example:
        own = np.flatnonzero(self._person == self._person[row])
        part = self._solved.left(row)
        left = self._label[own] == self._label[part]
        return self._example(False, row, part, own[~left], own[left])

    def _example(self, merged: bool, row: int, other: int, mine: Ints, theirs: Ints) -> Example:
        found = self._between(mine, theirs)
        if self._anew and not merged and (found is None or found[3] is None):
            found = self._was_matched(mine, theirs) or found
        number = self._solved.subjects.number
        ends = [] if found is None else [end for end in found[:3] if end is not None]
        shown = _shown(self._home, self._tx, [int(number[end]) for end in ends])
        of = {one.subject: one for one in shown}
        by = {end: of[int(number[end])] for end in ends}
        x, y, via, bits = (None, None, None, None) if found is None else found
        public, before = self._home.seal.public_id, self._solved.id_before(row)
        return Example(
            merged,
            public("p", before),
            public("p", self._solved.id_now(other)),
            None if x is None else by[x],
            None if y is None else by[y],
            None if via is None else by[via],
            self._why(x, y, via, bits),
            bits,
        )

    def _between(self, mine: Ints, theirs: Ints) -> tuple[int, int, int | None, float | None] | None:
        """Return what joins or parts two sets of rows: a row of each, what both stand with, and the bits of a match; None if others do."""
        pairs = self._pairs
        a_mine, b_mine = np.isin(pairs.a, mine), np.isin(pairs.b, mine)
        a_theirs, b_theirs = np.isin(pairs.a, theirs), np.isin(pairs.b, theirs)
        direct = np.flatnonzero((a_mine & b_theirs) | (a_theirs & b_mine))
        if len(direct):
            best = int(direct[np.lexsort((pairs.at[direct], pairs.tier[direct]))[0]])
            x, y = int(pairs.a[best]), int(pairs.b[best])
            x, y = (x, y) if a_mine[best] else (y, x)
            bits = weight_of(int(pairs.at[best])) if pairs.tier[best] == MATCHED else None
            return x, y, None, bits
        beside, others = _beside(pairs, a_mine, b_mine), _beside(pairs, a_theirs, b_theirs)
        common = sorted(beside.keys() & others.keys())
        if not common:
            return None
        via = min(common, key=lambda row: (row not in self._freed | self._newly, row))
        return beside[via], others[via], via, None

    def _was_matched(self, mine: Ints, theirs: Ints) -> tuple[int, int, None, float] | None:
        """Return the strongest match that is kept between two sets of rows, which is none by other rules."""
        number = self._solved.subjects.number
        rows = {int(number[row]): row for row in (*mine.tolist(), *theirs.tolist())}
        left = set(mine.tolist())
        sql = "select bits, a, b from identity_match where linked = 1 and b in {values}"
        held = [(bits, a, b) for bits, a, b in bulk.among(self._tx, sql, list(rows)) if a in rows]
        for bits, a, b in sorted(held, reverse=True):
            x, y = rows[a], rows[b]
            if (x in left) != (y in left):
                return (x, y, None, bits / 1e6) if x in left else (y, x, None, bits / 1e6)
        return None

    def _why(self, x: int | None, y: int | None, via: int | None, bits: float | None) -> str:
        touched = {x, y, via}
        if not touched.isdisjoint(self._freed):
            return "freed"
        if not touched.isdisjoint(self._newly):
            return "shared"
        if bits is not None:
            return "match"
        return "other" if x is None else "limit"


def _beside(pairs: Pairs, a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> dict[int, int]:
    """Return what stands beside some rows: neighbour -> the row."""
    out = dict(zip(pairs.a[b].tolist(), pairs.b[b].tolist(), strict=True))
    out.update(zip(pairs.b[a].tolist(), pairs.a[a].tolist(), strict=True))
    return out

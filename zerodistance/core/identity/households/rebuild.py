"""Households anew from all that is known, and what differs written in one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from zerodistance.core.identity import store as persons
from zerodistance.core.identity.households import store
from zerodistance.core.identity.households.contracts import Settled
from zerodistance.core.identity.households.gathering import Gathered, Ints, gather, places_of
from zerodistance.core.identity.households.numbering import Before, Numbered, number
from zerodistance.core.identity.households.solving import Solved, solve
from zerodistance.core.identity.older import catch_up
from zerodistance.kernel import bulk, clock, fault
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal

_LAST = "household"
"""Key of the last number given."""


@dataclass(frozen=True)
class _Found:
    """An answer, and the generation of the state it was computed from."""

    generation: int
    gathered: Gathered
    solved: Solved
    numbered: Numbered
    was_members: list[store.MemberRow]
    was_homes: list[store.HomeRow]


def rebuild(home: Home) -> Settled:
    """Compute households anew from mentions, evidence and persons; write what differs. The same state gives the same households.

    It is computed beside the running digestion. Persons who join meanwhile are brought together by the next rebuild.
    """
    began = time.perf_counter()
    catch_up(home)
    with home.state.read() as tx:
        found = _solve(tx, home)
    fault.point("identity.households.solved")
    with home.state.write() as tx:
        if persons.generation(tx) != found.generation:
            found = _solve(tx, home)  # somebody was forgotten, or another rebuild ran
        return _write(tx, home.seal, found, began)


def ever_built(home: Home) -> bool:
    """Say whether households were computed before: an undo has to do it again."""
    with home.state.read() as tx:
        return store.made_at(tx) > 0


def _last(tx: Connection) -> int:
    return int(bulk.value(tx, "select value from identity_number where key = ?", (_LAST,)) or 0)


def _solve(tx: Connection, home: Home) -> _Found:
    subject, person = bulk.columns(tx, "select number, person from subject order by number", 2)
    gathered = gather(tx, home.seal, home.settings.country, subject, person)
    solved = solve(gathered.known)
    members = store.member_rows(tx)
    numbered = number(_as_persons(gathered, subject, members), solved.members, _last(tx))
    return _Found(persons.generation(tx), gathered, solved, numbered, members, store.home_rows(tx))


def _as_persons(gathered: Gathered, subject: Ints, rows: Sequence[store.MemberRow]) -> list[Before]:
    """Return rows of before with the places of the persons of today, without those who are gone."""
    place = places_of(subject, gathered.of, np.array([row[1] for row in rows], np.int64))
    return [
        (household, at, since, until)
        for (household, _, since, until), at in zip(rows, place.tolist(), strict=True)
        if at >= 0
    ]


def _write(tx: Connection, seal: Seal, found: _Found, began: float) -> Settled:
    members, homes = _members(found), _homes(seal, found)
    was_members, was_homes = set(found.was_members), set(found.was_homes)
    gone, gone_homes = sorted(was_members - members, key=str), sorted(was_homes - homes.keys(), key=str)
    store.DELETE_MEMBER.run(tx, [row[:3] for row in gone])
    store.DELETE_HOME.run(tx, [row[:3] for row in gone_homes])
    fault.point("identity.households.removed")
    new = sorted(members - was_members, key=lambda row: row[:3])
    store.INSERT_MEMBER.run(tx, new)
    store.INSERT_HOME.run(
        tx,
        [
            (*row, seal.seal(homes[row], store.where_home(row[0], row[1])))
            for row in sorted(homes.keys() - was_homes, key=lambda row: row[:3])
        ],
    )
    merged = sorted(found.numbered.merged.items())
    store.UPDATE_ALIAS.run(tx, [(into, old) for old, into in merged])
    store.UPSERT_ALIAS.run(tx, merged)
    bulk.run(
        tx,
        "delete from household_alias where household not in (select household from household_member) "
        "or old in (select household from household_member)",
    )
    persons.set_numbers(tx, {_LAST: found.numbered.last, store.MADE_AT: clock.micros()})
    return _settled(found, members, len(new), len(gone), time.perf_counter() - began)


def _members(found: _Found) -> set[store.MemberRow]:
    first, given = found.gathered.first, found.numbered.number
    return {
        (given[one.household], int(first[one.person]), one.since, one.until) for one in found.solved.members
    }


def _homes(seal: Seal, found: _Found) -> dict[store.HomeRow, bytes]:
    """Return the rows of homes, each with its address."""
    first, given, known = found.gathered.first, found.numbered.number, found.gathered.homes.known
    words = {one.home: json.dumps(known[one.home], ensure_ascii=False) for one in found.solved.lived}
    token = {home: seal.token("home", said) for home, said in words.items()}
    spans: dict[tuple[int, bytes, int], tuple[int, int | None]] = {}
    for one in found.solved.lived:  # two places may be written alike once they are cleaned: they are one home
        key = given[one.household], token[one.home], int(first[one.person])
        since, until = spans.get(key, (one.since, one.until))
        ends = None if until is None or one.until is None else max(until, one.until)
        spans[key] = min(since, one.since), ends
    address = {token[home]: said.encode() for home, said in words.items()}
    return {(*key, *span): address[key[1]] for key, span in spans.items()}


def _settled(found: _Found, members: set[store.MemberRow], joined: int, left: int, seconds: float) -> Settled:
    here = [household for household, _, _, until in members if until is None]
    sizes = np.unique(np.array(here, np.int64), return_counts=True)[1]
    return Settled(
        households=len(sizes),
        members=len(here),
        several=int((sizes > 1).sum()),
        homes=len({one.home for one in found.solved.lived}),
        unclear=found.gathered.homes.unclear,
        crowded=len(found.solved.crowded),
        joined=joined,
        left=left,
        merged=len(found.numbered.merged),
        seconds=seconds,
    )

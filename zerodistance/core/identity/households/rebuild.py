"""Households anew from all that is known, and what differs written in one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from zerodistance.core.identity import store as persons
from zerodistance.core.identity.households import store
from zerodistance.core.identity.households.columns import STILL, Ints, apart, begins
from zerodistance.core.identity.households.contracts import Settled
from zerodistance.core.identity.households.gathering import Gathered, gather, places_of
from zerodistance.core.identity.households.numbering import Numbered, number
from zerodistance.core.identity.households.solving import Solved, solve
from zerodistance.core.identity.older import catch_up
from zerodistance.kernel import bulk, clock, fault
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal

_LAST = "household"
"""Key of the last number given."""
_AT_ONCE = 20_000  # rows that differ, as Python objects; own value


@dataclass(frozen=True)
class _Found:
    """An answer, and the generation of the state it was computed from; `was_...` are the columns of `store` as they were."""

    generation: int
    gathered: Gathered
    solved: Solved
    numbered: Numbered
    was_members: Ints
    was_homes: Ints


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
    members = store.member_columns(tx)
    numbered = number(_as_persons(gathered, subject, members), solved.members, _last(tx))
    return _Found(persons.generation(tx), gathered, solved, numbered, members, store.home_columns(tx))


def _as_persons(gathered: Gathered, subject: Ints, members: Ints) -> Ints:
    """Return members of before with the places of the persons of today, without those who are gone."""
    place = places_of(subject, gathered.of, members[1])
    return np.stack([members[0], place, *members[2:]])[:, place >= 0]


def _write(tx: Connection, seal: Seal, found: _Found, began: float) -> Settled:
    members, (homes, at) = _members(found), _homes(seal, found)
    gone, new = apart(found.was_members, members)
    gone_homes, new_homes = apart(found.was_homes, homes)
    for rows in _rows(found.was_members[:3], gone):
        store.DELETE_MEMBER.run(tx, rows)
    for rows in _rows(found.was_homes[:4], gone_homes):
        store.DELETE_HOME.run(tx, [(h, token, s) for (h, _, _, s), token in _with_tokens(rows)])
    fault.point("identity.households.removed")
    for rows in _rows(members, new):
        store.INSERT_MEMBER.run(tx, rows)
    for rows in _rows(np.concatenate([homes, at[None]]), new_homes):
        store.INSERT_HOME.run(tx, _sealed(seal, found, rows))
    merged = sorted(found.numbered.merged.items())
    store.UPDATE_ALIAS.run(tx, [(into, old) for old, into in merged])
    store.UPSERT_ALIAS.run(tx, merged)
    bulk.run(
        tx,
        "delete from household_alias where household not in (select household from household_member) "
        "or old in (select household from household_member)",
    )
    persons.set_numbers(tx, {_LAST: found.numbered.last, store.MADE_AT: clock.micros()})
    return _settled(found, len(new), len(gone), time.perf_counter() - began)


def _rows(columns: Ints, which: Ints) -> Iterator[list[tuple[Any, ...]]]:
    """Yield some rows as the store takes them, so many at a time."""
    for start in range(0, len(which), _AT_ONCE):
        part = columns[:, which[start : start + _AT_ONCE]].tolist()
        yield [tuple(None if one == STILL else one for one in row) for row in zip(*part, strict=True)]


def _with_tokens(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[tuple[Any, ...], bytes]]:
    halves = np.array([row[1:3] for row in rows], np.int64).T
    return zip(rows, store.tokens(halves), strict=True)


def _sealed(seal: Seal, found: _Found, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows of homes as the table has them, each with its address."""
    told = list(_with_tokens(rows))
    where = [store.where_home(row[0], token) for row, token in told]
    known = found.gathered.homes.known
    sealed = seal.seal_all([_words(known[row[-1]]).encode() for row in rows], where)
    return [
        (household, token, *rest, address)
        for ((household, _, _, *rest, _), token), address in zip(told, sealed, strict=True)
    ]


def _members(found: _Found) -> Ints:
    """Return the columns of `store.member_columns`."""
    one, first = found.solved.members, found.gathered.first
    return np.stack([found.numbered.number[one.household], first[one.person], one.since, one.until])


def _homes(seal: Seal, found: _Found) -> tuple[Ints, Ints]:
    """Return the columns of `store.home_columns`, and which home each row is."""
    one, first = found.solved.lived, found.gathered.first
    homes, which = np.unique(one.home, return_inverse=True)
    token = _tokens(seal, found, homes)[:, which]
    key = np.stack([found.numbered.number[one.household], *token, first[one.person]])
    order = np.lexsort((one.since, *key[::-1]))
    key = key[:, order]
    start = np.flatnonzero(begins(*key))
    if not len(start):
        return np.zeros((6, 0), np.int64), one.home
    # two places may be written alike once they are cleaned: they are one home
    until = np.maximum.reduceat(one.until[order], start)
    return np.stack([*key[:, start], one.since[order][start], until]), one.home[order][start]


def _tokens(seal: Seal, found: _Found, homes: Ints) -> Ints:
    """Return the two halves of the token of each home."""
    known, out = found.gathered.homes.known, np.empty((2, len(homes)), np.int64)
    for start in range(0, len(homes), _AT_ONCE):
        some = homes[start : start + _AT_ONCE].tolist()
        said = b"".join(seal.token("home", _words(known[one])) for one in some)
        out[:, start : start + len(some)] = store.halves(said)
    return out


def _words(known: tuple[str, ...]) -> str:
    return json.dumps(known, ensure_ascii=False)


def _settled(found: _Found, joined: int, left: int, seconds: float) -> Settled:
    members = found.solved.members
    sizes = np.unique(members.household[members.until == STILL], return_counts=True)[1]
    return Settled(
        households=len(sizes),
        members=int(sizes.sum()),
        several=int((sizes > 1).sum()),
        homes=len(np.unique(found.solved.lived.home)),
        unclear=found.gathered.homes.unclear,
        crowded=len(found.solved.crowded),
        joined=joined,
        left=left,
        merged=len(found.numbered.merged),
        seconds=seconds,
    )

"""From the identifiers of a batch to new evidence and joined persons: what the state knows is read here, only what is needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import rules
from zerodistance.core.identity.cache import NEVER, RESERVED, Cache, Held
from zerodistance.core.identity.live import Group, Joined, Link, crowds, is_listed, join, stars
from zerodistance.core.touchpoints.signs import Signs as Said
from zerodistance.kernel import bulk

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Signs:
    """The identifiers of a batch as columns, one entry each; those that name nobody have a slot below RESERVED.

    Attributes
    ----------
    row, slot
        Touch row in the batch; slot in the cache.
    at, source
        Of the touch: happened_at, microseconds; number of the source.
    """

    row: Ints
    slot: Ints
    at: Ints
    source: Ints


def new_links(cache: Cache, signs: Signs, hub: Ints, said: Said, origin: int) -> list[Link]:
    """Return the evidence of a batch that memory does not hold of this origin, or not with so early a time.

    Parameters
    ----------
    hub
        Slot of the strongest identifier of each touch; the others on the touch are linked to it, like a star.
    said
        The same entries as they came: how each stands on its touch.
    """
    star = np.flatnonzero((signs.slot >= RESERVED) & (signs.slot != hub[signs.row]))
    if not len(star):
        return []
    names, codes = said.rules, said.rule[star]
    key = (hub[signs.row[star]] * len(cache.subject) + signs.slot[star]) * len(names) + codes
    order = np.lexsort((signs.at[star], key))
    first = order[np.flatnonzero(np.diff(key[order], prepend=-1))]
    first.sort()
    x, y = hub[signs.row[star[first]]], signs.slot[star[first]]
    swap = (cache.rank[x] == cache.rank[y]) & (cache.subject[x] > cache.subject[y])
    x, y = np.where(swap, y, x), np.where(swap, x, y)
    columns = (
        *(cache.subject[x], cache.subject[y], cache.rank[x], cache.rank[y]),
        *(codes[first], signs.at[star[first]], signs.source[star[first]]),
    )
    held = cache.turn_to(origin)
    return [
        Link(a, b, rank_a, rank_b, names[code], at, source)
        for a, b, rank_a, rank_b, code, at, source in zip(*(c.tolist() for c in columns), strict=True)
        if at < held.get((a, b, names[code]), NEVER)
    ]


def join_new(tx: Connection, cache: Cache, links: list[Link], first_new: int, origin: int) -> Joined:
    """Leave out the evidence that the state holds of this origin, and join persons on the rest; writes only to the cache.

    Parameters
    ----------
    first_new
        Subjects from this number on are seen for the first time in this batch.
    """
    joined = Joined()
    if not links:
        return joined
    pairs = cache.turn_to(origin)
    links = _set_aside(cache, links, joined, pairs)
    held, neighbours, revoked = _held(tx, cache, [k for k in links if k.b < first_new], origin)
    for link in links:
        key = (link.a, link.b, link.rule)
        before = pairs.get(key, held.get(key, NEVER))
        if link.at < before:
            pairs[key] = link.at
            joined.links.append(link)
        elif key not in pairs:
            pairs[key] = before
    active = [k for k in joined.links if (k.a, k.b) not in revoked]
    joined.shared = crowds(active, neighbours, _records(tx, cache, active))
    for subject in [s for s in joined.shared if cache.shared[cache.slot_of[s]]]:
        del joined.shared[subject]
    for subject in joined.shared:
        cache.shared[cache.slot_of[subject]] = True
    joined.star, others = stars(active, first_new)
    apart = [k for k in others if _apart(cache, k)]
    if apart:
        _groups(tx, cache, apart, joined)
        ends = {end for k in apart for end in (k.a, k.b)}
        join(apart, joined, {end: True for end in ends if cache.shared[cache.slot_of[end]]})
    return joined


def _set_aside(cache: Cache, links: list[Link], joined: Joined, pairs: Held) -> list[Link]:
    """Put evidence within one person aside; return the rest."""
    rest = []
    for link in links:
        if _apart(cache, link):
            rest.append(link)
        else:
            pairs[link.a, link.b, link.rule] = link.at
            joined.confirming.append(link)
    return rest


def _apart(cache: Cache, link: Link) -> bool:
    person = cache.person[cache.slot_of[link.a]]
    return bool(person == 0 or person != cache.person[cache.slot_of[link.b]])


def _held(
    tx: Connection, cache: Cache, links: Iterable[Link], origin: int
) -> tuple[Held, dict[int, dict[int, set[int]]], set[tuple[int, int]]]:
    """Read what the state holds about the weaker ends of links; guards look at what every origin said.

    Returns
    -------
    held
        (a, b, rule) -> earliest time that this origin said.
    neighbours
        Weaker subject -> rank -> stronger subjects, without revoked evidence.
    revoked
        Pairs that may not link.
    """
    held: Held = {}
    neighbours: dict[int, dict[int, set[int]]] = {}
    revoked: set[tuple[int, int]] = set()
    # A shared identifier has any number of neighbours and links none of them: no need to read them.
    ends = list(dict.fromkeys(k.b for k in links if not cache.shared[cache.slot_of[k.b]]))
    sql = (
        "select e.b, e.a, e.rule, e.at, e.origin, e.revoked_at, s.namespace from evidence e join subject s on s.number = e.a "
        "where e.b in {values}"
    )
    for b, a, rule, at, by, revoked_at, rank in bulk.among(tx, sql, ends):
        if by == origin:
            held[a, b, rule] = min(at, held.get((a, b, rule), NEVER))
        if revoked_at is not None:
            revoked.add((a, b))
        neighbours.setdefault(b, {}).setdefault(rank, set()).add(a)
    for a, b in revoked:
        for stronger in neighbours[b].values():
            stronger.discard(a)
    return held, neighbours, revoked


def _records(tx: Connection, cache: Cache, links: Iterable[Link]) -> dict[int, set[int]]:
    """Read which source records the state holds with the phones and e-mail addresses of links, without revoked evidence."""
    ends = list(dict.fromkeys(k.a for k in links if is_listed(k) and not cache.shared[cache.slot_of[k.a]]))
    sql = (
        f"select e.a, e.b from evidence e join subject s on s.number = e.b where s.namespace = {rules.RECORD} "
        "and e.revoked_at is null and e.a in {values}"
    )
    found: dict[int, set[int]] = {}
    for a, b in bulk.among(tx, sql, ends):
        found.setdefault(a, set()).add(b)
    return found


def _groups(tx: Connection, cache: Cache, links: list[Link], joined: Joined) -> None:
    """Make the groups of both ends of every link: new subjects alone, known ones with their whole person."""
    ends = dict.fromkeys(end for k in links for end in (k.a, k.b))
    slots = [cache.slot_of[end] for end in ends]
    persons = cache.person[slots].tolist()
    for subject, slot, person in zip(ends, slots, persons, strict=True):
        if not person:
            joined.groups[subject] = Group(
                [subject], [], {int(cache.rank[slot]): [int(cache.first_at[slot])]}
            )
    wanted = [p for p in dict.fromkeys(persons) if p]
    sql = "select person, number, namespace, first_at from subject where person in {values} order by person, number"
    made: dict[int, Group] = {}
    for person, number, rank, first_at in bulk.among(tx, sql, wanted):
        group = made.get(person)
        if group is None:
            group = made[person] = Group([], [], {})
        group.members.append(number)
        group.times.setdefault(rank, []).append(first_at)
        joined.groups[number] = group
    for person, group in made.items():
        group.persons.append((person, len(group.members)))
        joined.members[person] = list(group.members)

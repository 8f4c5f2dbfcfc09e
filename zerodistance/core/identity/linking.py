"""From the identifiers of a batch to new evidence and joined persons: what the state knows is read here, only what is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import rules, store
from zerodistance.core.identity.cache import NEVER, RESERVED, Cache, Pairs
from zerodistance.core.identity.live import Group, Joined, Link, Neighbours, by_name, crowds, join, stars
from zerodistance.core.identity.ruling import versions
from zerodistance.kernel import bulk

Ints = npt.NDArray[np.int64]
Held = dict[tuple[int, int, str], int]
"""Evidence (a, b, rule) -> earliest time."""
_NOBODY: frozenset[int] = frozenset()
Slots = dict[int, int]
"""Subjects that stand in the links of a batch -> their slots."""


@dataclass(frozen=True)
class Signs:
    """The identifiers of a batch as columns, one entry each; those that name nobody have a slot below RESERVED.

    Attributes
    ----------
    row, slot
        Touch row in the batch; slot in the cache.
    at, source
        Of the touch: happened_at, microseconds; number of the source.
    rule, rules
        How it stands on the touch, as a place in `rules`.
    """

    row: Ints
    slot: Ints
    at: Ints
    source: Ints
    rule: Ints
    rules: list[str]


def hold(tx: Connection, cache: Cache) -> None:
    """Read what somebody has decided, released and set, as it is in this generation."""
    cache.apart, cache.released = store.apart(tx), store.released(tx)
    _, cache.by = versions.in_force(tx)


def new_links(cache: Cache, signs: Signs, hub: Ints, record: Ints, origin: int) -> tuple[list[Link], Slots]:
    """Return the evidence of a batch that memory does not hold of this origin, or not with so early a time; and the slots of its ends.

    Parameters
    ----------
    hub
        Slot of the strongest identifier of each touch; the others on the touch are linked to it, like a star.
    record
        Slot of the record of whom a touch names, 0 if it names nobody: contact data on it are linked to that one.
    """
    to = np.where(
        rules.IS_CONTACT[cache.rank[signs.slot]] & (record[signs.row] > 0), record[signs.row], hub[signs.row]
    )
    star = np.flatnonzero((signs.slot >= RESERVED) & (signs.slot != to))
    if not len(star):
        return [], {}
    to = to[star]
    names, codes = signs.rules, signs.rule[star]
    key = (to * len(cache.subject) + signs.slot[star]) * len(names) + codes
    order = np.lexsort((signs.at[star], key))
    first = order[np.flatnonzero(np.diff(key[order], prepend=-1))]
    first.sort()
    x, y = to[first], signs.slot[star[first]]
    swap = (cache.rank[x] == cache.rank[y]) & (cache.subject[x] > cache.subject[y])
    x, y = np.where(swap, y, x), np.where(swap, x, y)
    rules_of, at = (
        np.array([cache.rule(name) for name in names], np.int64)[codes[first]],
        signs.at[star[first]],
    )
    fresh = ~cache.turn_to(origin).holds(y, cache.subject[x], cache.subject[y], rules_of, at)
    x, y, first = x[fresh], y[fresh], first[fresh]
    columns = (
        *(cache.subject[x], cache.subject[y], cache.rank[x], cache.rank[y]),
        *(codes[first], signs.at[star[first]], signs.source[star[first]]),
    )
    links = [
        Link(a, b, rank_a, rank_b, names[code], at, source)
        for a, b, rank_a, rank_b, code, at, source in zip(*(c.tolist() for c in columns), strict=True)
    ]
    slots = dict(zip(cache.subject[x].tolist(), x.tolist(), strict=True))
    slots.update(zip(cache.subject[y].tolist(), y.tolist(), strict=True))
    return links, slots


def join_new(
    tx: Connection, cache: Cache, links: list[Link], slots: Slots, first_new: int, origin: int
) -> Joined:
    """Leave out the evidence that the state holds of this origin, and join persons on the rest; writes only to the cache.

    Parameters
    ----------
    first_new
        Subjects from this number on are seen for the first time in this batch.
    """
    joined, by = Joined(), cache.by
    if not links:
        return joined
    pairs = cache.turn_to(origin)
    links = _set_aside(cache, links, slots, joined, pairs)
    shared = {subject for subject, slot in slots.items() if cache.shared.item(slot)}
    held, neighbours, revoked, named = _held(tx, shared, [k for k in links if k.b < first_new], origin)
    for link in links:
        for end in (link.a, link.b):
            named[end] = cache.named.item(slots[end])
    mains(tx, links, neighbours, named, first_new)
    for link in links:
        key = slots[link.b], link.a, link.b, cache.rule(link.rule)
        mine = pairs.get(*key)
        before = held.get((link.a, link.b, link.rule), NEVER) if mine == NEVER else mine
        if link.at < before:
            pairs.put(*key, link.at)
            joined.links.append(link)
        elif mine == NEVER:
            pairs.put(*key, before)
    active = [k for k in joined.links if (k.a, k.b) not in revoked]
    over = crowds(by, active, neighbours, named)
    joined.shared = {subject: how for subject, how in over.items() if subject not in shared | cache.released}
    for subject in joined.shared:
        cache.shared[slots[subject]] = True
    shared |= joined.shared.keys()
    joined.star, others = stars(by, active, first_new, named)
    apart = [k for k in others if _apart(cache, slots, k)]
    if apart:
        crowded = {k for k in apart if k.a in shared or k.b in shared}
        apart = [*crowded, *by_name([k for k in apart if k not in crowded], neighbours, named)]
        _groups(tx, cache, slots, apart, joined)
        ends = {end for k in apart for end in (k.a, k.b)}
        join(by, apart, joined, dict.fromkeys(ends & shared, True))
    return joined


def mains(
    tx: Connection,
    links: Sequence[Link],
    neighbours: Neighbours,
    named: dict[int, int],
    first_new: int,
) -> None:
    """Name the members and accounts near new evidence: after most of their records, then the earliest."""
    theirs: dict[
        int, dict[int, list[int]]
    ] = {}  # somebody -> name -> times at which records of that name were seen
    for link in links:
        if link.rank_a < rules.RECORD and rules.IS_RECORD[link.rank_b] and named.get(link.b):
            theirs.setdefault(link.a, {}).setdefault(named[link.b], []).append(link.at)
    asked = {link.a for link in links if link.rank_a < rules.RECORD and link.a < first_new}
    asked.update(
        a
        for by_rank in neighbours.values()
        for rank, some in by_rank.items()
        if rank < rules.RECORD
        for a in some
    )
    sql = (
        "select e.a, s.named, count(distinct e.b), min(e.at) from evidence e join subject s on s.number = e.b "
        f"where s.namespace in ({rules.RECORD}, {rules.MENTION}) and s.named <> 0 and e.revoked_at is null and e.a in {{values}} group by e.a, s.named"
    )
    for a, name, count, at in bulk.among(tx, sql, sorted(asked)):
        theirs.setdefault(a, {}).setdefault(name, []).extend([at] * count)
    for a, names in theirs.items():
        if not named.get(a):  # its own word comes before
            named[a] = min(names, key=lambda name: (-len(names[name]), min(names[name]), name))


def _set_aside(cache: Cache, links: list[Link], slots: Slots, joined: Joined, pairs: Pairs) -> list[Link]:
    """Put evidence within one person aside; return the rest."""
    rest = []
    for link in links:
        if _apart(cache, slots, link):
            rest.append(link)
        else:
            pairs.put(slots[link.b], link.a, link.b, cache.rule(link.rule), link.at)
            joined.confirming.append(link)
    return rest


def _apart(cache: Cache, slots: Slots, link: Link) -> bool:
    person = cache.person.item(slots[link.a])
    return person == 0 or person != cache.person.item(slots[link.b])


def _held(
    tx: Connection, shared: set[int], links: Iterable[Link], origin: int
) -> tuple[Held, Neighbours, set[tuple[int, int]], dict[int, int]]:
    """Read what the state holds about the weaker ends of links; guards look at what every origin said.

    Returns
    -------
    held
        (a, b, rule) -> earliest time that this origin said.
    neighbours
        What was seen with them, without revoked evidence.
    revoked
        Pairs that may not link.
    named
        Neighbour -> mark of its name.
    """
    held: Held = {}
    neighbours: dict[int, dict[int, dict[int, int]]] = {}
    revoked: set[tuple[int, int]] = set()
    names: dict[int, int] = {}
    # A shared identifier has any number of neighbours and links none of them: no need to read them.
    ends = list(dict.fromkeys(k.b for k in links if k.b not in shared))
    sql = (
        "select e.b, e.a, e.rule, e.at, e.origin, e.revoked_at, s.namespace, s.named from evidence e join subject s on s.number = e.a "
        "where e.b in {values}"
    )
    for b, a, rule, at, by, revoked_at, rank, name in bulk.among(tx, sql, ends):
        if by == origin:
            held[a, b, rule] = min(at, held.get((a, b, rule), NEVER))
        if revoked_at is not None:
            revoked.add((a, b))
        beside = neighbours.setdefault(b, {}).setdefault(rank, {})
        beside[a] = min(at, beside.get(a, at))
        names[a] = name
    for a, b in revoked:
        for stronger in neighbours[b].values():
            stronger.pop(a, None)
    return held, neighbours, revoked, names


def _groups(tx: Connection, cache: Cache, slots: Slots, links: list[Link], joined: Joined) -> None:
    """Make the groups of both ends of every link: new subjects alone, known ones with their whole person."""
    ends = dict.fromkeys(end for k in links for end in (k.a, k.b) if end)
    far = [end for end in ends if end not in slots]  # of the same name, and not in this batch
    persons_of: dict[int, int] = dict(
        bulk.among(tx, "select number, person from subject where number in {values}", far)
    )
    places = [slots.get(end, 0) for end in ends]
    persons = [
        persons_of[end] if end in persons_of else cache.person.item(slot)
        for end, slot in zip(ends, places, strict=True)
    ]
    for subject, slot, person in zip(ends, places, persons, strict=True):
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
        group.apart |= cache.apart.get(number, _NOBODY)
        group.times.setdefault(rank, []).append(first_at)
        joined.groups[number] = group
    for person, group in made.items():
        group.persons.append((person, len(group.members)))
        joined.members[person] = list(group.members)


def as_they_came(key: Ints, wanted: npt.NDArray[np.bool_]) -> Ints:
    """Return the keys of `wanted` that stand anywhere, in the order in which they first do."""
    first = np.full(len(wanted), len(key), np.int64)
    first[key[::-1]] = np.arange(len(key))[::-1]
    there = np.flatnonzero(wanted & (first < len(key)))
    return there[np.argsort(first[there])]


def rows_of(times: Ints, numbers: Ints) -> list[tuple[int, int]]:
    """Return two columns as rows."""
    return list(zip(times.tolist(), numbers.tolist(), strict=True))

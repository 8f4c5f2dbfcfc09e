"""Looking persons up: by identifier or public id, why they are one, and what the guards hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from zerodistance.core.identity import cleaning, rules, store
from zerodistance.core.identity.contracts import (
    VISITORS_FROM,
    Edge,
    EdgeState,
    Explanation,
    Guards,
    Identifier,
    Kind,
    NoSuchPerson,
    NotAnIdentifier,
    Person,
    Shared,
)
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home

MOST_EDGES = 300
"""Edges that an explanation shows (own value: more are no picture)."""

Member = tuple[int, int, bytes, int, int]
"""Subject, namespace rank, token, first_at, shared."""


def token_of(home: Home, namespace: str, value: str) -> bytes:
    """Return the token of an identifier as somebody writes it.

    Raises
    ------
    NotAnIdentifier
        There is no such namespace, or the value identifies nobody.
    """
    allowed = ", ".join(rules.GIVEN)
    if namespace not in rules.GIVEN:
        raise NotAnIdentifier(namespace=namespace, why="no such namespace", allowed=allowed)
    clean = cleaning.cleaner(namespace, home.settings.country)(value)
    if isinstance(clean, cleaning.Dropped):
        raise NotAnIdentifier(namespace=namespace, why=clean.guard, allowed=allowed)
    return home.seal.token(namespace, clean)


def lookup(home: Home, who: Who, namespace: str, value: str, *, masked: bool = False) -> Person:
    """Return the person or visitor known by an identifier: two indexed reads, nothing is decrypted unless `masked`.

    Parameters
    ----------
    masked
        Read the vault and return masked identifiers too.

    Raises
    ------
    Forbidden
        The account may not see persons.
    NotAnIdentifier
        There is no such namespace, or the value identifies nobody.
    NoSuchPerson
        Nobody is known by it.
    """
    who.need(Permission.SEE_PERSONS)
    token = token_of(home, namespace, value)
    person, members = store.members_by_token(home.state, token)
    if not members:
        raise NoSuchPerson(given=rules.mask(namespace, value.strip()))
    if not masked:
        return _person(home, members, person)
    with home.state.read() as tx:
        return _shown(home, tx, members, person)


def search(home: Home, who: Who, given: str) -> list[Person]:
    """Return the persons whom a text points at, as somebody types it into a search field: public id or any identifier."""
    who.need(Permission.SEE_PERSONS)
    tokens = []
    for namespace in rules.GIVEN.values():
        clean = cleaning.cleaner(namespace.key, home.settings.country)(given)
        if not isinstance(clean, cleaning.Dropped):
            tokens.append(home.seal.token(namespace.key, clean))
    with home.state.read() as tx:
        rows = bulk.among(tx, "select person, namespace from subject where token in {values}", tokens)
        persons = dict.fromkeys(person for person, _ in sorted(rows, key=lambda row: int(row[1])))
        found = [_shown(home, tx, store.members(tx, p), p) for p in persons]
    if found or not given.strip().lower().startswith("p_"):
        return found
    try:
        return [show(home, who, given.strip())]
    except (Invalid, NoSuchPerson):
        return []


def show(home: Home, who: Who, person_id: str) -> Person:
    """Return a person by any public id that was ever theirs, with masked identifiers.

    Raises
    ------
    NoSuchPerson
        The id belongs to nobody, or the person has been forgotten.
    """
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        person, asked = _resolve(home, tx, person_id)
        return _shown(home, tx, store.members(tx, person), person, asked)


def of_number(home: Home, who: Who, number: int) -> Person:
    """Return the person with a person number, with masked identifiers.

    Raises
    ------
    NoSuchPerson
        Nobody has that number now.
    """
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        return _shown(home, tx, store.members(tx, number), number)


def public_ids(home: Home, persons: Sequence[int]) -> dict[int, str]:
    """Return person number -> public id, for those that exist."""
    sql = "select person, min(number) from subject where person in {values} group by person"
    with home.state.read() as tx:
        return {p: home.seal.public_id("p", first) for p, first in bulk.among(tx, sql, persons)}


def _resolve(home: Home, tx: Connection, person_id: str) -> tuple[int, str | None]:
    """Return (person number, the id that was asked for if it is an old one)."""
    subject = home.seal.number_of(person_id)
    person = bulk.value(tx, "select person from subject where number = ?", (subject,))
    if person is None:
        raise NoSuchPerson(given=person_id)
    first = bulk.value(tx, "select min(number) from subject where person = ?", (person,))
    return person, None if first == subject else home.seal.public_id("p", subject)


def _person(
    home: Home,
    members: Sequence[Member],
    number: int,
    shown: tuple[Identifier, ...] = (),
    *,
    asked: str | None = None,
) -> Person:
    if not members:
        raise NoSuchPerson(given=number)
    counts: dict[str, int] = {}
    for _, rank, _, _, _ in sorted(members, key=lambda m: m[1]):
        if rank == rules.MENTION:
            continue
        key = rules.NAMESPACES[rank].key
        counts[key] = counts.get(key, 0) + 1
    return Person(
        id=home.seal.public_id("p", members[0][0]),
        number=number,
        kind=Kind.VISITOR if number >= VISITORS_FROM else Kind.PERSON,
        since=min(m[3] for m in members),
        counts=counts,
        asked=asked,
        identifiers=shown,
    )


def _shown(
    home: Home, tx: Connection, members: Sequence[Member], number: int, asked: str | None = None
) -> Person:
    shown = [member for member in members if member[1] != rules.MENTION]
    return _person(home, members, number, identifiers(home, tx, shown), asked=asked)


def identifiers(home: Home, tx: Connection, members: Sequence[Member]) -> tuple[Identifier, ...]:
    """Return masked identifiers, the strongest first."""
    raw = store.vault_of(tx, [m[0] for m in members])
    found = []
    for subject, rank, token, first_at, shared in sorted(members, key=lambda m: (m[1], m[3], m[0])):
        key = rules.NAMESPACES[rank].key
        sealed = raw.get((subject, key))
        if sealed is None:
            shown = "#" + token.hex()[:6]
        else:
            shown = rules.mask(key, home.seal.open(sealed, store.where_vault(subject, key)).decode())
        found.append(Identifier(subject, key, shown, first_at, bool(shared)))
    return tuple(found)


def explain(home: Home, who: Who, person_id: str) -> Explanation:
    """Return the evidence that makes a person one, and the neighbours that the guards keep apart.

    Raises
    ------
    NoSuchPerson
        The id belongs to nobody, or the person has been forgotten.
    """
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        number, asked = _resolve(home, tx, person_id)
        members = store.members(tx, number)
        person = _shown(home, tx, members, number, asked)
        pairs = _pairs_of(tx, [m[0] for m in members])
        shown = sorted(pairs.items(), key=lambda item: (item[1][1], item[0]))[:MOST_EDGES]
        inside = {m[0] for m in members}
        ends = sorted({end for pair, _ in shown for end in pair} - inside)
        others = store.of_subjects(tx, ends)
        times = {p: _times(store.members(tx, p)) for p in {number, *(o[0] for o in others.values())}}
        of = {m[0]: (number, *m[1:]) for m in members} | others
        same = _same_names(tx, shown, of)
        edges = tuple(_edge(pair, said, of, times, same) for pair, said in shown)
        names_ = identifiers(home, tx, [m for m in members if m[1] == rules.MENTION])
        outside = identifiers(home, tx, [(s, *o[1:]) for s, o in others.items()])
        names = {
            p: home.seal.public_id("p", first) for p, first in _firsts(tx, [o[0] for o in others.values()])
        }
    apart = {subject: names[o[0]] for subject, o in others.items()}
    return Explanation(
        person, (*person.identifiers, *names_, *outside), edges, apart, len(pairs) - len(shown)
    )


_Said = tuple[tuple[str, ...], int, int, str | None]


def _pairs_of(tx: Connection, subjects: Sequence[int]) -> dict[tuple[int, int], _Said]:
    """Return (a, b) -> rules, earliest time, its source, why it was revoked, for all evidence on the subjects."""
    columns = "select a, b, rule, at, source, revoked_at, revoked_why from evidence"
    found: dict[tuple[int, int], _Said] = {}
    rows: set[tuple[Any, ...]] = set()
    for side in ("a", "b"):
        rows.update(tuple(r) for r in bulk.among(tx, f"{columns} where {side} in {{values}}", subjects))
    for a, b, rule, at, source, revoked_at, why in sorted(rows, key=lambda r: (r[3], r[2])):
        names, first, of, revoked = found.get((a, b)) or ((), at, source, None)
        if rule not in names:
            names = (*names, rule)
        found[a, b] = names, first, of, (why or "-") if revoked_at is not None else revoked
    return found


def _edge(
    pair: tuple[int, int],
    said: _Said,
    of: dict[int, tuple[int, int, bytes, int, int]],
    times: dict[int, dict[int, list[int]]],
    same: dict[tuple[int, int], bool],
) -> Edge:
    a, b = pair
    names, at, source, revoked = said
    state, reason = EdgeState.ACTIVE, ""
    if revoked is not None:
        state, reason = EdgeState.REVOKED, revoked
    elif of[a][0] != of[b][0]:
        state = EdgeState.ACTIVE if same.get(pair) else EdgeState.VETOED
        against = rules.veto(times[of[a][0]], times[of[b][0]])
        if of[a][4] or of[b][4]:
            reason = "shared"
        elif pair in same:
            reason = "name"
        else:
            reason = "epoch" if against is None else rules.guard_of(against)
    return Edge(a, b, names, at, source, state, reason)


def _same_names(
    tx: Connection,
    shown: Sequence[tuple[tuple[int, int], _Said]],
    of: dict[int, tuple[int, int, bytes, int, int]],
) -> dict[tuple[int, int], bool]:
    """Return the pairs of somebody and contact data of another person -> whether they join that one with others of the same name."""
    apart = [pair for pair, _ in shown if of[pair[0]][0] != of[pair[1]][0]]
    apart = [pair for pair in apart if of[pair[1]][1] in rules.RECORDS and not of[pair[1]][4]]
    sql = (
        "select e.b, e.a, s.named, s.person, e.revoked_at from evidence e join subject s on s.number = e.a "
        "where s.named <> 0 and e.b in {values}"
    )
    on: dict[int, list[tuple[int, int, int]]] = {}
    for b, a, name, person, revoked_at in bulk.among(tx, sql, sorted({b for _, b in apart})):
        if revoked_at is None:
            on.setdefault(b, []).append((a, name, person))
    found = {}
    for a, b in apart:
        mine = {(name, person) for one, name, person in on.get(b, ()) if one == a}
        if mine:
            found[a, b] = any(one != a and (name, person) in mine for one, name, person in on[b])
    return found


def _times(members: Iterable[Member]) -> dict[int, list[int]]:
    times: dict[int, list[int]] = {}
    for _, rank, _, first_at, _ in members:
        times.setdefault(rank, []).append(first_at)
    return times


def _firsts(tx: Connection, persons: Sequence[int]) -> list[tuple[int, int]]:
    sql = "select person, min(number) from subject where person in {values} group by person"
    return [(p, first) for p, first in bulk.among(tx, sql, list(dict.fromkeys(persons)))]


def guards(home: Home, who: Who, limit: int = 100) -> Guards:
    """Return the guard counters, and the identifiers that stand on too many persons, the newest first."""
    who.need(Permission.SEE_PERSONS)
    sql = (
        "select s.subject, s.persons, s.by, s.epoch, s.since_at, t.namespace, t.token, t.first_at, t.shared "
        "from identity_shared s join subject t on t.number = s.subject order by s.since_at desc, s.subject limit ?"
    )
    with home.state.read() as tx:
        counters = {
            name: (value, last_at)
            for name, value, last_at in bulk.rows(
                tx, "select counter, value, last_at from identity_guard order by 1"
            )
        }
        total = int(bulk.value(tx, "select count(*) from identity_shared"))
        rows = bulk.rows(tx, sql, (limit,))
        masks = {
            i.subject: i.masked for i in identifiers(home, tx, [(r[0], r[5], r[6], r[7], r[8]) for r in rows])
        }
    key = [n.key for n in rules.NAMESPACES]
    shared = tuple(Shared(r[0], key[r[5]], masks[r[0]], r[1], key[r[2]], r[3], r[4]) for r in rows)
    return Guards(counters, shared, total)

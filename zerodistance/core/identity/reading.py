"""Looking persons up: by identifier or public id, why they are one, and what the guards hold."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import Connection

from zerodistance.core.identity import cleaning, rules, settling, store
from zerodistance.core.identity.contracts import (
    VISITORS_FROM,
    Guards,
    Identifier,
    InTurn,
    Kind,
    NoSuchPerson,
    NotAnIdentifier,
    Person,
    Shared,
    Use,
)
from zerodistance.core.identity.turns import reading as turns
from zerodistance.core.identity.turns.store import devices as of_devices
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home

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


def usable(home: Home, namespace: str, value: str) -> bool:
    """Say whether a value can be somebody's identifier: it is what it claims to be, and no placeholder."""
    if namespace not in rules.GIVEN:
        return False
    return not isinstance(cleaning.cleaner(namespace, home.settings.country)(value), cleaning.Dropped)


def lookup(home: Home, who: Who, namespace: str, value: str, *, masked: bool = False) -> Person:
    """Return the person or visitor known by an identifier: two indexed reads, nothing is decrypted unless `masked`.

    Of a device or a cookie that several accounts use in turn it is who uses it now, and `earlier` who did before.

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
    person, members, turned = store.members_by_token(home.state, token)
    if not members:
        raise NoSuchPerson(given=rules.mask(namespace, value.strip()))
    if not masked and not turned:
        return brief(home, members, person)
    with home.state.read() as tx:
        now, before = turns.used(tx, turned) if turned else (0, [])
        if now and now != person:
            person, members = now, store.members(tx, now)
        found = shown(home, tx, members, person) if masked else brief(home, members, person)
        return replace(found, earlier=tuple(_ids(home, tx, before)))


def _ids(home: Home, tx: Connection, persons: Sequence[int]) -> list[str]:
    """Return the public ids of persons, in their order."""
    first = settling.named(tx, persons)
    return [home.seal.public_id("p", first[person]) for person in persons]


def tokens(home: Home, given: str) -> list[bytes]:
    """Return the tokens that a text may stand for, as somebody types it into a search field."""
    found = []
    for namespace in rules.GIVEN.values():
        clean = cleaning.cleaner(namespace.key, home.settings.country)(given)
        if not isinstance(clean, cleaning.Dropped):
            found.append(home.seal.token(namespace.key, clean))
    return found


def search(home: Home, who: Who, given: str) -> list[Person]:
    """Return the persons whom a text points at, as somebody types it into a search field: public id or any identifier.

    Of a device or a cookie that several accounts use in turn it is all of them, whoever uses it now first.
    """
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        sql = "select namespace, person, turned * (1 - shared) * number from subject where token in {values}"
        persons: dict[int, None] = {}
        for _, person, turned in sorted(bulk.among(tx, sql, tokens(home, given))):
            now, before = turns.used(tx, turned) if turned else (0, [])
            persons.update(dict.fromkeys([now or person, *before]))
        found = [shown(home, tx, store.members(tx, p), p) for p in persons]
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
        person, asked = resolve(home, tx, person_id)
        return shown(home, tx, store.members(tx, person), person, asked)


def of_number(home: Home, who: Who, number: int) -> Person:
    """Return the person with a person number, with masked identifiers.

    Raises
    ------
    NoSuchPerson
        Nobody has that number now.
    """
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        return shown(home, tx, store.members(tx, number), number)


def public_ids(home: Home, persons: Sequence[int]) -> dict[int, str]:
    """Return person number -> public id, for those that exist."""
    with home.state.read() as tx:
        return {p: home.seal.public_id("p", first) for p, first in settling.named(tx, persons).items()}


def numbers_of_ids(home: Home, who: Who, ids: Sequence[str]) -> dict[str, int]:
    """Return public id -> person number, of as many as belong to somebody; an id of earlier days leads to the person of today."""
    who.need(Permission.SEE_PERSONS)
    subjects: dict[str, int] = {}
    for given in ids:
        with suppress(Invalid):
            subjects[given] = home.seal.number_of(given)
    with home.state.read() as tx:
        sql = "select number, person from subject where number in {values}"
        persons: dict[int, int] = dict(bulk.among(tx, sql, sorted(set(subjects.values()))))
    return {given: persons[subject] for given, subject in subjects.items() if subject in persons}


def resolve(home: Home, tx: Connection, person_id: str) -> tuple[int, str | None]:
    """Return (person number, the id that was asked for if it is an old one)."""
    subject = home.seal.number_of(person_id)
    person = bulk.value(tx, "select person from subject where number = ?", (subject,))
    if person is None:
        raise NoSuchPerson(given=person_id)
    first = settling.named(tx, [person])[person]
    return person, None if first == subject else home.seal.public_id("p", subject)


def brief(
    home: Home,
    members: Sequence[Member],
    number: int,
    shown: tuple[Identifier, ...] = (),
    *,
    asked: str | None = None,
) -> Person:
    """Return what a look-up answers of a person whose members are known; `shown` are its identifiers, masked."""
    if not members:
        raise NoSuchPerson(given=number)
    counts: dict[str, int] = {}
    for _, rank, _, _, _ in sorted(members, key=lambda m: m[1]):
        if rank in rules.MADE:
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


def shown(
    home: Home, tx: Connection, members: Sequence[Member], number: int, asked: str | None = None
) -> Person:
    """Return a person whose members are known, with masked identifiers."""
    shown = [member for member in members if member[1] not in rules.MADE]
    return brief(home, members, number, identifiers(home, tx, shown), asked=asked)


def identifiers(home: Home, tx: Connection, members: Sequence[Member]) -> tuple[Identifier, ...]:
    """Return masked identifiers, the strongest first; what stands for a device in turn is shown as that."""
    stands = of_devices(tx, [m[0] for m in members if m[1] == rules.TURN])
    devices = store.of_subjects(tx, sorted(set(stands.values())))
    raw = store.vault_of(tx, [*(m[0] for m in members), *devices])
    found = []
    for subject, rank, token, first_at, shared in sorted(members, key=lambda m: (m[1], m[3], m[0])):
        key, device = rules.NAMESPACES[rank].key, stands.get(subject, 0)
        if device in devices:
            named, value = device, devices[device]
            shown = _masked(home, raw, named, value[1], value[2])
        else:
            shown = _masked(home, raw, subject, rank, token)
        found.append(Identifier(subject, key, shown, first_at, bool(shared)))
    return tuple(found)


def _masked(home: Home, raw: dict[tuple[int, str], bytes], subject: int, rank: int, token: bytes) -> str:
    key = rules.NAMESPACES[rank].key
    sealed = raw.get((subject, key))
    if sealed is None:
        return "#" + token.hex()[:6]
    return rules.mask(key, home.seal.open(sealed, store.where_vault(subject, key)).decode())


def in_turn(home: Home, tx: Connection, subjects: Sequence[int]) -> tuple[InTurn, ...]:
    """Return the devices and cookies that subjects are, or that accounts among them use, in turn with other persons."""
    found = turns.stretches(tx, subjects)
    devices = store.of_subjects(tx, list(found))
    shown = {one.subject: one for one in identifiers(home, tx, [(s, *one[1:]) for s, one in devices.items()])}
    persons = list(dict.fromkeys(person for parts in found.values() for person, _, _ in parts))
    ids = dict(zip(persons, _ids(home, tx, persons), strict=True))
    return tuple(
        InTurn(shown[device], tuple(Use(ids[person], since, until) for person, since, until in parts))
        for device, parts in found.items()
    )


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

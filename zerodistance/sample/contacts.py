"""How people can be reached, and since when: phones and e-mail addresses that change, numbers that somebody else gets, ids of club and shop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.sample import names, scatter
from zerodistance.sample.calendar import BEGIN, DAY, TRUTH_UNTIL
from zerodistance.sample.people import CHILD, HEAD, PARTNER, YEAR, Bools, People, latest
from zerodistance.sample.scatter import PER_BLOCK, Ints, luck
from zerodistance.sample.world import World

DOMAINS = (
    "mail.example",
    "post.example",
    "qmail.example",
    "netbox.example",
    "example.com",
    "example.net",
    "example.org",
)
"""Reserved by RFC 2606: nobody can have an address there."""

BORROWED = 10_000  # phone counters before those of people: dealers, technicians
_NUMBERS = 1 << 16  # phone counters of a block
_SECOND, _SPARE = 45_000, 50_000  # where those of second numbers begin among them, and those that nobody has
_REISSUED = 305 * DAY  # own value: about 10 months
MEMBER, ACCOUNT, COOKIE, DEVICE, HANDLE = range(10, 15)  # kinds of scattered ids


@dataclass(frozen=True)
class Phones:
    """One row per person and number; sorted by person and time. Seconds; `until` the largest number: still theirs."""

    person: Ints
    since: Ints
    until: Ints
    number: Ints


@dataclass(frozen=True)
class Emails:
    """One row per person and address; sorted by person and time."""

    person: Ints
    since: Ints
    until: Ints
    suffix: Ints
    domain: Ints


@dataclass(frozen=True)
class Contacts:
    """How the people of a block can be reached.

    Attributes
    ----------
    answers
        For each person whose phone is used: their own, or that of another of the household; -1: nobody has one.
    second
        A second number, 0 if there is none.
    member, account
        Ids that club and shop give a person who joins; scattered, so that they say nothing.
    """

    phones: Phones
    emails: Emails
    answers: Ints
    second: Ints
    member: Ints
    account: Ints

    def phone(self, person: Ints, at: Ints, old: Bools | None = None) -> Ints:
        """Return the number under which somebody is reached at a moment, 0 if there is none; with `old` the one before."""
        of = self.answers[person]
        row = latest(self.phones.person, self.phones.since, np.maximum(of, 0), at)
        if old is not None:
            before = np.maximum(row - 1, 0)
            row = np.where(old & (self.phones.person[before] == of), before, row)
        return np.where(of < 0, 0, self.phones.number[row])

    def filed(self, person: Ints, at: Ints) -> Ints:
        """Return the number that the brand has on file at a moment: the one of some time in the three years before."""
        ago = (scatter.mixed(person + at // DAY * len(self.answers), 51) >> np.uint64(11)).astype(
            np.float64
        ) / 2.0**53
        return self.phone(person, np.maximum(at - (ago * 3 * YEAR).astype(np.int64), 0))

    def email_row(self, person: Ints, at: Ints) -> Ints:
        """Return the row of somebody's e-mail address at a moment, -1 if there is none."""
        row = np.minimum(
            latest(self.emails.person, self.emails.since, person, at), len(self.emails.person) - 1
        )
        return np.where(self.emails.person[row] == person, row, -1)


def reach(people: People, block: int, seed: int, world: World) -> Contacts:
    """Return how the people of a block can be reached through the years."""
    chance = luck(seed, world.number, block, "contacts")
    many = len(people)
    age = people.age(np.arange(many), TRUTH_UNTIL)
    chances = np.select([age < 12, age < 18, age < 65, age < 75], [0.0, 0.6, 0.99, 0.92], 0.75)  # own values
    alone = np.bincount(people.household)[people.household] == 1
    has = chance.random(many) < np.where(alone, 0.99, chances)
    phones = _phones(chance, people, has, block, seed, world)
    emails = _emails(chance, people, (age >= 16) & (chance.random(many) < 0.9), world)
    second = np.zeros(many, dtype=np.int64)
    two = np.flatnonzero(has & (age > 20) & (chance.random(many) < world.person.second_phone))
    second[two] = scatter.phones(BORROWED + block * _NUMBERS + _SECOND + chance.permutation(len(two)), seed)
    counter = block * PER_BLOCK + np.arange(many)
    return Contacts(
        phones,
        emails,
        _answers(people, has),
        second,
        scatter.scattered(counter, seed, MEMBER),
        scatter.scattered(counter, seed, ACCOUNT),
    )


def nobodys(chance: np.random.Generator, many: int, block: int, seed: int) -> Ints:
    """Return numbers that nobody has, for fingers that slip."""
    return scatter.phones(BORROWED + block * _NUMBERS + chance.integers(_SPARE, _NUMBERS, many), seed)


def _spans(chance: np.random.Generator, people: People, has: Bools, rate: float) -> tuple[Ints, Ints, Ints]:
    """Return person, beginning and end of what changes at a yearly rate, in order."""
    first = np.maximum(BEGIN - 2 * YEAR, people.born + 12 * YEAR).astype(np.int64)
    years = np.clip((TRUTH_UNTIL - first) / YEAR, 0, None)
    times = np.where(has, 1 + chance.poisson(rate * years), 0)
    person = np.repeat(np.arange(len(people)), times)
    start = first[person]
    since = (start + chance.random(len(person)) * (TRUTH_UNTIL - start)).astype(np.int64) // DAY * DAY
    is_first = np.append(True, person[1:] != person[:-1])
    since[is_first] = start[is_first] // DAY * DAY
    order = np.lexsort((since, person))
    person, since = person[order], since[order]
    until = np.append(since[1:], 0)
    until[np.append(person[1:] != person[:-1], True)] = np.iinfo(np.int64).max
    return person, since, until


def _phones(
    chance: np.random.Generator, people: People, has: Bools, block: int, seed: int, world: World
) -> Phones:
    person, since, until = _spans(chance, people, has, world.person.phone_change)
    rows = len(person)
    counter = BORROWED + block * _NUMBERS + chance.permutation(rows)
    number = scatter.phones(counter, seed)
    dropped = np.flatnonzero((until < TRUTH_UNTIL) & (chance.random(rows) < world.person.phone_recycled))
    dropped = dropped[np.argsort(until[dropped], kind="stable")]
    fresh = np.flatnonzero(since > BEGIN)
    fresh = fresh[np.argsort(since[fresh], kind="stable")]
    at = np.searchsorted(since[fresh], until[dropped] + _REISSUED) - np.arange(len(dropped))
    taken = np.maximum.accumulate(at) + np.arange(len(dropped)) if len(dropped) else at
    fine = taken < len(fresh)
    number[fresh[taken[fine]]] = number[dropped[fine]]
    return Phones(person, since, until, number)


def _emails(chance: np.random.Generator, people: People, has: Bools, world: World) -> Emails:
    person, since, until = _spans(chance, people, has, world.person.email_change)
    return Emails(
        person,
        since,
        until,
        chance.integers(0, 10_000_000, len(person)),
        chance.integers(0, len(DOMAINS), len(person)),
    )


def _answers(people: People, has: Bools) -> Ints:
    """Return whose phone each person is reached by: their own, else that of head, partner or anybody of the household."""
    many = len(people)
    best = np.full(int(people.household[-1]) + 1, -1)
    for role in (CHILD, PARTNER, HEAD):
        found = np.flatnonzero(has & (people.role == role))
        best[people.household[found]] = found
    return np.where(has, np.arange(many), best[people.household])


def emails_text(contacts: Contacts, people: People, row: Ints) -> pa.Array:
    """Return e-mail addresses; null where the row is -1."""
    emails, fine = contacts.emails, np.maximum(row, 0)
    person = emails.person[fine]
    name = names.romanised(people.names[person], np.full(len(row), 3))
    abroad = pc.utf8_lower(
        pc.replace_substring(
            pc.take(names.foreign(), pa.array(np.maximum(people.foreign[person], 0))), " ", "."
        )
    )
    local = pc.if_else(pa.array(people.foreign[person] >= 0), abroad, name)
    text = pc.binary_join_element_wise(
        local,
        scatter.digits(emails.suffix[fine], 7),
        "@",
        pc.take(pa.array(DOMAINS), pa.array(emails.domain[fine])),
        "",
    )
    return pc.if_else(pa.array(row >= 0), text, pa.nulls(len(row), pa.string()))

"""Looking households up: by id, by person, and by person number for the rooms above."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import reading
from zerodistance.core.identity.households import store
from zerodistance.core.identity.households.contracts import Household, Member, NoSuchHousehold, Residence
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]


def household_of(home: Home, persons: Sequence[int] | Ints, at: int | None = None) -> Ints:
    """Return the household number of each person number, 0 where none is known.

    Parameters
    ----------
    at
        As of a moment, microseconds UTC; before somebody was known, their first one; None: now.
    """
    wanted = np.asarray(persons, dtype=np.int64)
    distinct, where = np.unique(wanted, return_inverse=True)
    found = np.zeros(len(distinct), np.int64)
    with home.state.read() as tx:
        rows = sorted(store.of_persons(tx, distinct.tolist()), key=lambda row: (row[0], row[2], row[1]))
    chosen: dict[int, int] = {}
    for person, household, since, until in rows:
        if (until is None) if at is None else (person not in chosen or since <= at):
            chosen[person] = household
    if chosen:
        found[np.searchsorted(distinct, list(chosen))] = list(chosen.values())
    return found[where]


def households_made_at(home: Home) -> int:
    """Return when households were computed, microseconds UTC; 0: never."""
    with home.state.read() as tx:
        return store.made_at(tx)


def show_household(home: Home, who: Who, household_id: str) -> Household:
    """Return a household by any public id that was ever its own.

    Raises
    ------
    NoSuchHousehold
        No household has that id, or all who were of it have been forgotten.
    """
    who.need(Permission.SEE_PERSONS)
    try:
        asked = home.seal.number_of(household_id) if household_id.lower().startswith("h_") else -1
    except Invalid:
        asked = -1
    with home.state.read() as tx:
        number = store.today(tx, asked)
        if not store.members(tx, number):
            raise NoSuchHousehold(given=household_id[:40])
        return _household(home, tx, number, None if number == asked else home.seal.public_id("h", asked))


def households_of_person(home: Home, who: Who, person_id: str) -> tuple[Household, ...]:
    """Return the households of a person, the one of today first, then the latest; none where none is known.

    Raises
    ------
    NoSuchPerson
        The id belongs to nobody.
    """
    person = reading.show(home, who, person_id)
    with home.state.read() as tx:
        rows = store.of_persons(tx, [person.number])
        order = sorted(rows, key=lambda row: (row[3] is not None, -row[2], row[1]))
        return tuple(_household(home, tx, number) for number in dict.fromkeys(row[1] for row in order))


def _household(home: Home, tx: Connection, number: int, asked: str | None = None) -> Household:
    rows = store.members(tx, number)
    spans: dict[tuple[int, int], int | None] = {}
    for person, _, since, until in rows:
        spans.setdefault((person, since), until)
    public = reading.public_ids(home, sorted({person for person, _ in spans}))
    members = tuple(
        Member(public[person], person, since, until)
        for (person, since), until in spans.items()
        if person in public
    )
    return Household(home.seal.public_id("h", number), number, members, _homes(home, tx, number), asked)


def _homes(home: Home, tx: Connection, number: int) -> tuple[Residence, ...]:
    """Return the homes, each once; what flat it is is left out."""
    found: dict[bytes, Residence] = {}
    for token, since, until, sealed in store.homes(tx, number):
        if token not in found:
            district, estate, *_ = json.loads(home.seal.open(sealed, store.where_home(number, token)))
            found[token] = Residence(district, estate, since, until)
    return tuple(found.values())

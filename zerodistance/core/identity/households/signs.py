"""What counts of what is known of people, as columns: homes that are nobody's left out, signs that are one told once. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zerodistance.core.identity.households.columns import Ints, ascending, begins, once
from zerodistance.core.identity.households.grouping import MOST
from zerodistance.core.identity.households.units import Known
from zerodistance.core.identity.mentions import MONTH

_DAY = 86_400_000_000
CROWD_DAYS = 2 * 365
"""Own value: tenants who follow one another stay below the limit."""
USERS = 8
"""People on one phone or device at most, as identity's guards count them; beyond it belongs to nobody's home."""


@dataclass(frozen=True)
class Signs:
    """Rows of two kinds, as columns.

    Attributes
    ----------
    person, home, at
        Who was seen where, once in a month; ascending.
    thing, user, used_at
        Who used a phone or a device that others use too; ascending.
    crowded
        Homes with too many people, which are nobody's.
    """

    person: Ints
    home: Ints
    at: Ints
    thing: Ints
    user: Ints
    used_at: Ints
    crowded: Ints


def signs(known: Known) -> Signs:
    """Return what counts."""
    crowded = crowds(known)
    return Signs(*_distinct(known, crowded), *uses(known.thing, known.user, known.used_at), crowded)


def crowds(known: Known) -> Ints:
    """Return the homes in which more than `MOST` people were seen within `CROWD_DAYS`."""
    fine = known.home >= 0
    full = _full(known.home[fine], known.person[fine])
    mine = np.flatnonzero(np.isin(known.home, full))  # few homes: the rest is not sorted
    home, at, person = ascending(known.home[mine], known.at[mine], known.person[mine])
    out = []
    for one in full.tolist():
        begin, end = np.searchsorted(home, (one, one + 1))
        inside: dict[int, int] = {}
        for when, who in zip(at[begin:end].tolist(), person[begin:end].tolist(), strict=True):
            inside[who] = when
            inside = {other: last for other, last in inside.items() if when - last <= CROWD_DAYS * _DAY}
            if len(inside) > MOST:
                out.append(one)
                break
    return np.array(out, np.int64)


def _full(home: Ints, person: Ints) -> Ints:
    """Return the homes of more than `MOST` people of any time, ascending."""
    home, _ = once(home, person)
    return np.flatnonzero(np.bincount(home) > MOST)


def _distinct(known: Known, crowded: Ints) -> tuple[Ints, Ints, Ints]:
    """Return who was seen where, once in a month: an order, its delivery and the call for its installation are one sign.

    Mentions come by months; so it does not matter in which batches they came. Of the first ones of their months that follow each other within
    a month every other one counts: that is what "more than a month after the last one that counts" comes to.
    """
    fine = (known.home >= 0) & ~np.isin(known.home, crowded)
    rows = ascending(known.person[fine], known.home[fine], known.at[fine])
    person, home, at = (column[begins(*rows[:2], rows[2] // MONTH)] for column in rows)
    near = ~begins(person, home)
    near[1:] &= at[1:] - at[:-1] <= MONTH
    place = np.arange(len(at))
    counts = (place - np.maximum.accumulate(np.where(near, 0, place))) % 2 == 0
    return person[counts], home[counts], at[counts]


def uses(thing: Ints, user: Ints, used_at: Ints) -> tuple[Ints, Ints, Ints]:
    """Return thing, person, time of what more than one and not too many people use."""
    each, _ = once(thing, user)
    many = np.bincount(each)[thing] if len(each) else thing
    fine = (many > 1) & (many <= USERS)
    thing, user, used_at = once(thing[fine], user[fine], used_at[fine])
    return thing, user, used_at

"""Who shares a home, and when: a pure function of where people were seen and of what they use together. No I/O, no order.

People who were seen in one home belong together the more, the nearer in time; a shared phone or device says the same. The strongest ties are taken first,
and none that would have a household live in two homes at once. Where two people did live together and then did not (a child moves out, a couple parts),
the one who left is cut in two: a member of one household until then, of another from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zerodistance.core.identity.households.grouping import MOST, Groups
from zerodistance.core.identity.households.timeline import Seen, homes
from zerodistance.core.identity.households.units import Ints, Known, Unit, Units
from zerodistance.core.identity.mentions import MONTH

_DAY = 86_400_000_000
CROWD_DAYS = 2 * 365
"""Own value: tenants who follow one another stay below the limit."""
USERS = 8
"""People on one phone or device at most, as identity's guards count them; beyond it belongs to nobody's home."""
_ROUNDS = 3


class Member(NamedTuple):
    """Somebody was of a household from `since` on, and before `until` (None: still is)."""

    household: int
    person: int
    since: int
    until: int | None


class Lived(NamedTuple):
    """Somebody said that a household had a home."""

    household: int
    home: int
    person: int
    since: int
    until: int | None


@dataclass(frozen=True)
class Solved:
    """Households, numbered 0, 1, ... by their earliest member.

    Attributes
    ----------
    members
        One row a member and time; of a household of which neither a home nor a second member is known there is none.
    lived
        One row a home, and person who said it.
    crowded
        Homes with too many people, which are nobody's.
    """

    members: list[Member]
    lived: list[Lived]
    crowded: Ints


def solve(known: Known) -> Solved:
    """Return the households."""
    crowded = crowds(known)
    seen = _distinct(known, crowded)
    used = _uses(known)
    cuts: dict[int, list[int]] = {}
    for _ in range(_ROUNDS):
        units = Units(seen, used, cuts)
        grouped = Groups(units, known)
        left = [(person, at) for person, at in grouped.departures() if at not in cuts.get(person, ())]
        if not left:
            break
        for person, at in left:
            cuts[person] = sorted({*cuts.get(person, ()), at})
    return Solved(*_told(units, grouped), crowded)


def crowds(known: Known) -> Ints:
    """Return the homes in which more than `MOST` people were seen within `CROWD_DAYS`."""
    fine = known.home >= 0
    rows = np.stack([known.home[fine], known.at[fine], known.person[fine]])
    rows = rows[:, np.lexsort(rows[::-1])]
    pairs, _ = np.unique(rows[[0, 2]], axis=1)
    full = np.flatnonzero(np.bincount(pairs) > MOST) if pairs.size else pairs
    out = []
    for home in full.tolist():
        begin, end = np.searchsorted(rows[0], (home, home + 1))
        inside: dict[int, int] = {}
        for at, person in rows[1:, begin:end].T.tolist():
            inside[person] = at
            inside = {one: last for one, last in inside.items() if at - last <= CROWD_DAYS * _DAY}
            if len(inside) > MOST:
                out.append(home)
                break
    return np.array(out, np.int64)


def _distinct(known: Known, crowded: Ints) -> list[Seen]:
    """Return who was seen where, once in a month: an order, its delivery and the call for its installation are one sign.

    Mentions come by months; so it does not matter in which batches they came.
    """
    fine = (known.home >= 0) & ~np.isin(known.home, crowded)
    rows = np.stack([known.person[fine], known.home[fine], known.at[fine] // MONTH, known.at[fine]])
    rows = rows[:, np.lexsort(rows[::-1])]
    out: list[Seen] = []
    month = None
    for person, home, of, at in rows.T.tolist():
        last = out[-1] if out and (out[-1].person, out[-1].home) == (person, home) else None
        if last is None or (of != month and at - last.at > MONTH):
            out.append(Seen(at, home, person))
        month = of
    return out


def _uses(known: Known) -> list[tuple[int, int, int]]:
    """Return (thing, person, at) of what more than one and not too many people use."""
    if not len(known.thing):
        return []
    thing, _ = np.unique(np.stack([known.thing, known.user]), axis=1)
    many = np.bincount(thing)
    fine = (many[known.thing] > 1) & (many[known.thing] <= USERS)
    rows = np.unique(np.stack([known.thing[fine], known.user[fine], known.used_at[fine]]), axis=1)
    return [(t, p, at) for t, p, at in rows.T.tolist()]


def _told(units: Units, grouped: Groups) -> tuple[list[Member], list[Lived]]:
    members: list[Member] = []
    lived: list[Lived] = []
    household = 0
    for inside in sorted(grouped.all(), key=min):
        seen = [one for unit in inside for one in units.seen.get(unit, ())]
        if not seen and len({person for person, _ in inside}) < 2:
            continue
        members += _joined(household, [(unit, *units.span(unit)) for unit in sorted(inside)])
        lived += _lived(household, seen)
        household += 1
    return members, lived


def _joined(household: int, spans: Sequence[tuple[Unit, int, int | None]]) -> list[Member]:
    """Return members; parts of a person that follow each other are one row."""
    out: list[Member] = []
    for (person, _), since, until in spans:
        if out and out[-1].person == person and out[-1].until == since:
            out[-1] = out[-1]._replace(until=until)
        else:
            out.append(Member(household, person, since, until))
    return out


def _lived(household: int, seen: Sequence[Seen]) -> list[Lived]:
    out: list[Lived] = []
    stays = homes(seen)
    for n, (home, times) in enumerate(stays):
        until = stays[n + 1][1][0].at if n + 1 < len(stays) else None
        since: dict[int, int] = {}
        for one in times:
            since[one.person] = min(one.at, since.get(one.person, one.at))
        out += [Lived(household, home, person, at, until) for person, at in sorted(since.items())]
    return out

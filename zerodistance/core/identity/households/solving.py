"""Who shares a home, and when: a pure function of where people were seen and of what they use together. No I/O, no order.

People who were seen in one home belong together the more, the nearer in time; a shared phone or device says the same. The strongest ties are taken first,
and none that would have a household live in two homes at once. Where two people did live together and then did not (a child moves out, a couple parts),
the one who left is cut in two: a member of one household until then, of another from then on.

People who are connected by no home and no thing have no ties, so they are solved a bunch at a time, and whoever is alone in one home is a household
without any look at ties. Columns of everybody are NumPy's; Python objects there are only of one bunch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from zerodistance.core.identity.households.bunches import ROWS, Bunch, alone, bunches, connected
from zerodistance.core.identity.households.columns import STILL, Ints, begins
from zerodistance.core.identity.households.grouping import Groups
from zerodistance.core.identity.households.signs import Signs, signs
from zerodistance.core.identity.households.timeline import Seen, homes
from zerodistance.core.identity.households.units import Known, Unit, Units

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
class Members:
    """Columns of `Member`; `until` is `STILL` where there is none. Looked at one by one they are rows."""

    household: Ints
    person: Ints
    since: Ints
    until: Ints

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.household)

    def __iter__(self) -> Iterator[Member]:
        """Yield the rows, in the order of households."""
        rows = zip(self.household, self.person, self.since, self.until, strict=True)
        return (Member(int(h), int(p), int(since), _until(until)) for h, p, since, until in rows)


@dataclass(frozen=True)
class Stays:
    """Columns of `Lived`, as `Members` is of `Member`."""

    household: Ints
    home: Ints
    person: Ints
    since: Ints
    until: Ints

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.household)

    def __iter__(self) -> Iterator[Lived]:
        """Yield the rows, in the order of households."""
        rows = zip(self.household, self.home, self.person, self.since, self.until, strict=True)
        return (
            Lived(int(h), int(home), int(p), int(since), _until(until)) for h, home, p, since, until in rows
        )


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

    members: Members
    lived: Stays
    crowded: Ints


def solve(known: Known, rows: int = ROWS) -> Solved:
    """Return the households.

    Parameters
    ----------
    rows
        How much is solved at a time; the answer is the same whatever it is.
    """
    found = signs(known)
    component = connected(found, len(known.surname))
    simple = alone(found, component)
    told = _Told()
    told.take_alone(*(column[simple] for column in (found.person, found.home, found.at)))
    for bunch in bunches(_without(found, simple), component, rows):
        _solve(bunch, known, told)
        told.pack()
    return Solved(*told.columns(), found.crowded)


def _without(found: Signs, simple: np.typing.NDArray[np.bool_]) -> Signs:
    person, home, at = (column[~simple] for column in (found.person, found.home, found.at))
    return replace(found, person=person, home=home, at=at)


def _solve(bunch: Bunch, known: Known, told: _Told) -> None:
    """Solve a bunch, those again of whom somebody left, until nobody does."""
    cuts: dict[int, list[int]] = {}
    for turn in range(_ROUNDS):
        units = Units(bunch.seen, bunch.used, cuts)
        grouped = Groups(units, known)
        left = [(person, at) for person, at in grouped.departures() if at not in cuts.get(person, ())]
        again = {bunch.of[person] for person, _ in left} if turn < _ROUNDS - 1 else set()
        for inside in grouped.all():
            if bunch.of[inside[0][0]] not in again:
                told.take(units, inside)
        if not again:
            return
        for person, at in left:
            cuts[person] = sorted({*cuts.get(person, ()), at})
        bunch = bunch.only(again)


class _Told:
    """Households as they are found, in any order: rows of one bunch, columns of those before."""

    def __init__(self) -> None:
        self._count = 0
        self._heads: list[Unit] = []
        self._members: list[Member] = []
        self._lived: list[Lived] = []
        self._packed: list[tuple[Ints, Ints, Ints]] = []

    def take_alone(self, person: Ints, home: Ints, at: Ints) -> None:
        """Take people who are alone in one home, in order of person and time."""
        person, home, at = (column[begins(person)] for column in (person, home, at))
        number, still = np.arange(len(person)), np.full(len(person), STILL)
        self._count = len(person)
        self._packed.append(
            (
                np.stack([person, np.zeros_like(person)]),
                np.stack([number, person, at, still]),
                np.stack([number, home, person, at, still]),
            )
        )

    def take(self, units: Units, inside: Sequence[Unit]) -> None:
        """Take a household, unless there is neither a home nor a second member."""
        seen = [one for unit in inside for one in units.seen.get(unit, ())]
        if not seen and len({person for person, _ in inside}) < 2:
            return
        self._heads.append(min(inside))
        self._members += _joined(self._count, [(unit, *units.span(unit)) for unit in sorted(inside)])
        self._lived += _lived(self._count, seen)
        self._count += 1

    def pack(self) -> None:
        """Make columns of the rows."""
        self._packed.append((_columns(self._heads, 2), _columns(self._members, 4), _columns(self._lived, 5)))
        self._heads, self._members, self._lived = [], [], []

    def columns(self) -> tuple[Members, Stays]:
        """Return all of them, numbered by their earliest members."""
        head, members, lived = (np.concatenate(parts, axis=1) for parts in zip(*self._packed, strict=True))
        number = np.empty(self._count, np.int64)
        number[np.lexsort(head[::-1])] = np.arange(self._count)
        return Members(*_numbered(members, number)), Stays(*_numbered(lived, number))


def _columns(rows: Sequence[tuple[int | None, ...]], width: int) -> Ints:
    flat = [STILL if value is None else value for row in rows for value in row]
    return np.array(flat, np.int64).reshape(-1, width).T


def _numbered(columns: Ints, number: Ints) -> Ints:
    columns[0] = number[columns[0]]
    return columns[:, np.argsort(columns[0], kind="stable")]


def _until(value: np.signedinteger) -> int | None:
    return None if value == STILL else int(value)


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

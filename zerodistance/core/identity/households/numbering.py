"""Numbers of households that stay from one rebuild to the next. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zerodistance.core.identity.households.solving import Member

Before = tuple[int, int, int, int | None]
"""household, person, since, until, as they were."""


@dataclass(frozen=True)
class Numbered:
    """The number of each household of an answer.

    Attributes
    ----------
    number
        Place in the answer -> number.
    merged
        Old number -> the one that it is part of now.
    last
        The last number given.
    """

    number: list[int]
    merged: dict[int, int]
    last: int


def number(before: Sequence[Before], members: Sequence[Member], last: int) -> Numbered:
    """Give every household a number, keeping as many as can be kept.

    A number stays with the part that holds the earliest member of before. A household that would have several keeps that of the most members,
    then the lowest.

    Parameters
    ----------
    before
        Members as they were; persons numbered as those of `members` are, in the order of their earliest subjects.
    last
        The last number given before.
    """
    now: dict[int, list[Member]] = defaultdict(list)
    for one in sorted(members, key=lambda m: (m.person, m.since)):
        now[one.person].append(one)
    was: dict[int, list[Before]] = defaultdict(list)
    for row in sorted(before, key=lambda row: (row[1], row[2])):
        was[row[1]].append(row)
    heir: dict[
        int, tuple[int, int]
    ] = {}  # old number -> earliest member that is somewhere, place in the answer
    many: dict[int, int] = defaultdict(int)
    for person, rows in sorted(was.items()):
        for place, row in enumerate(rows):
            many[row[0]] += 1
            if person in now and row[0] not in heir:
                heir[row[0]] = person, _now(row, first=place == 0, found=now[person]).household
    places = 1 + max((one.household for one in members), default=-1)
    return _given(places, {old: place for old, (_, place) in heir.items()}, many, last)


def _now(row: Before, *, first: bool, found: Sequence[Member]) -> Member:
    """Return where somebody is now who was of a household: the last one if they never left it."""
    _, _, since, until = row
    if until is None:
        return found[-1]
    middle = since if first else (since + until) // 2
    return next((one for one in reversed(found) if one.since <= middle), found[0])


def _given(places: int, heir: Mapping[int, int], many: Mapping[int, int], last: int) -> Numbered:
    given: dict[int, int] = {}
    for old in sorted(heir, key=lambda old: (-many[old], old)):
        given.setdefault(heir[old], old)
    merged = {old: given[place] for old, place in heir.items() if given[place] != old}
    out = []
    for place in range(places):
        if place not in given:
            last += 1
            given[place] = last
        out.append(given[place])
    return Numbered(out, merged, last)

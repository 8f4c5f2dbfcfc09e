"""Numbers of households that stay from one rebuild to the next. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zerodistance.core.identity.households.columns import STILL, Ints, begins
from zerodistance.core.identity.households.solving import Members


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

    number: Ints
    merged: dict[int, int]
    last: int


def number(before: Ints, members: Members, last: int) -> Numbered:
    """Give every household a number, keeping as many as can be kept.

    A number stays with the part that holds the earliest member of before. A household that would have several keeps that of the most members,
    then the lowest.

    Parameters
    ----------
    before
        Household, person, since and until (`STILL`) of members as they were, shape (4, rows); persons numbered as those of `members` are, in
        the order of their earliest subjects.
    last
        The last number given before.
    """
    was = before[:, np.lexsort((before[0], before[2], before[1]))]
    at = _now(was, members)
    old, first = np.unique(was[0][at >= 0], return_index=True)
    heir = members.household[at[at >= 0][first]]  # where the earliest member is that is somewhere
    households, many = np.unique(was[0], return_counts=True)
    return _given(old, heir, many[np.searchsorted(households, old)], members, last)


def _now(was: Ints, members: Members) -> Ints:
    """Return the row of `members` where somebody is now who was of a household, -1 if nowhere: the last one if they never left it."""
    order = np.lexsort((members.since, members.person))
    person, since = members.person[order], members.since[order]
    begin, end = (np.searchsorted(person, was[1], side) for side in ("left", "right"))
    until = np.where(was[3] == STILL, was[2], was[3])
    middle = np.where(begins(was[1]), was[2], was[2] + (until - was[2]) // 2)
    times = np.unique(np.concatenate([since, middle]))  # person and time in one number
    moment, wanted = (
        who * len(times) + np.searchsorted(times, when) for who, when in ((person, since), (was[1], middle))
    )
    then = np.maximum(np.searchsorted(moment, wanted, "right") - 1, begin)
    at = np.where(was[3] == STILL, end - 1, then)
    there = end > begin
    out = np.full(was.shape[1], -1, np.int64)
    out[there] = order[at[there]]
    return out


def _given(old: Ints, heir: Ints, many: Ints, members: Members, last: int) -> Numbered:
    order = np.lexsort((old, -many, heir))
    kept = order[begins(heir[order])]
    number = np.zeros(int(members.household.max(initial=-1)) + 1, np.int64)
    number[heir[kept]] = old[kept]
    new = np.flatnonzero(number == 0)
    number[new] = last + 1 + np.arange(len(new))
    gone = np.flatnonzero(number[heir] != old)
    merged = dict(zip(old[gone].tolist(), number[heir[gone]].tolist(), strict=True))
    return Numbered(number, merged, last + len(new))

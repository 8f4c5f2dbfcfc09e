"""People who may have to do with one another, a bunch at a time: nobody else can be of one household, so each bunch is solved for itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity.connected import components_of
from zerodistance.core.identity.households.columns import Ints, begins
from zerodistance.core.identity.households.signs import Signs
from zerodistance.core.identity.households.timeline import Seen

ROWS = 50_000
"""Rows of a bunch, about; own value."""


@dataclass(frozen=True)
class Bunch:
    """Whole components of people, homes and things.

    Attributes
    ----------
    seen, used
        Who was seen where; thing, person, time of what is used together.
    of
        Person -> the component, by its first person.
    """

    seen: list[Seen]
    used: list[tuple[int, int, int]]
    of: dict[int, int]

    def only(self, wanted: set[int]) -> Bunch:
        """Return some of the components."""
        of = {person: one for person, one in self.of.items() if one in wanted}
        return Bunch(
            [one for one in self.seen if one.person in of], [one for one in self.used if one[1] in of], of
        )


def alone(found: Signs, component: Ints) -> npt.NDArray[np.bool_]:
    """Say of each row of `found.person` whether it is of somebody who shares nothing with anybody, and was seen in one home only."""
    persons = np.bincount(component, minlength=len(component))
    first = begins(found.person)
    last = np.append(first[1:], True)[: len(first)]
    begin, end = found.home[first], found.home[last]  # by person, the homes ascending
    one_home: npt.NDArray[np.bool_] = np.repeat(begin == end, np.diff(np.flatnonzero(np.append(first, True))))
    one_home &= persons[component[found.person]] == 1
    return one_home


def connected(found: Signs, persons: int) -> Ints:
    """Return per person the first one that is connected with them by homes and things, themselves if nobody is."""
    homes = int(found.home.max(initial=-1)) + 1
    things = int(found.thing.max(initial=-1)) + 1
    edges = (found.person, persons + found.home, None), (found.user, persons + homes + found.thing, None)
    return components_of(persons + homes + things, *edges)[:persons].astype(np.int64)


def bunches(found: Signs, component: Ints, rows: int) -> Iterator[Bunch]:
    """Yield all rows, whole components together: some `rows` at a time, or one component where it has more.

    Parameters
    ----------
    component
        Per person, see `connected`.
    """
    mine, using = component[found.person], component[found.user]
    many = np.bincount(mine, minlength=len(component)) + np.bincount(using, minlength=len(component))
    bunch = (np.cumsum(many) - many) // rows  # of each component
    seen, used = (np.argsort(label, kind="stable") for label in (mine, using))
    numbers = np.unique(np.concatenate([bunch[mine], bunch[using]]))
    ends = (
        np.searchsorted(bunch[one[order]], numbers, "right") for one, order in ((mine, seen), (using, used))
    )
    begin, start = 0, 0
    for end, stop in zip(*(one.tolist() for one in ends), strict=True):
        yield _bunch(found, component, seen[begin:end], used[start:stop])
        begin, start = end, stop


def _bunch(found: Signs, component: Ints, seen: Ints, used: Ints) -> Bunch:
    persons = np.unique(np.concatenate([found.person[seen], found.user[used]]))
    told = (found.at[seen].tolist(), found.home[seen].tolist(), found.person[seen].tolist())
    uses = (found.thing[used].tolist(), found.user[used].tolist(), found.used_at[used].tolist())
    return Bunch(
        seen=list(map(Seen, *told)),
        used=list(zip(*uses, strict=True)),
        of=dict(zip(persons.tolist(), component[persons].tolist(), strict=True)),
    )

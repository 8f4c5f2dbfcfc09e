"""People, and parts of people who changed households: what is put together. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity.households.columns import Ints
from zerodistance.core.identity.households.timeline import Seen, homes

Unit = tuple[int, int]
"""Person, number of cuts before."""


@dataclass(frozen=True)
class Known:
    """What is known of people, columns of equal length within each group.

    Attributes
    ----------
    person, at, home
        Each mention of a home. Persons are numbered 0, 1, ... in the order of their earliest subjects; `at` is microseconds.
    user, used_at, thing
        Each use of a phone, a device or an appliance.
    surname, name
        Per person, a code of each; 0: not known.
    female
        Per person, how likely it is a woman; .5: nothing is known.
    born
        Per person, the year of birth; 0: not known.
    appliances
        Things from this number on are appliances, which stay in a home.
    """

    person: Ints
    at: Ints
    home: Ints
    user: Ints
    used_at: Ints
    thing: Ints
    surname: Ints
    name: Ints
    female: npt.NDArray[np.float64]
    born: Ints
    appliances: int = 1 << 62


class Units:
    """People, cut where they changed households: each part is a unit that belongs to one household."""

    def __init__(
        self, seen: Sequence[Seen], used: Sequence[tuple[int, int, int]], cuts: dict[int, list[int]]
    ) -> None:
        self.cuts = dict(cuts)
        self.seen: dict[Unit, list[Seen]] = defaultdict(list)
        self.first: dict[Unit, int] = {}
        for one in seen:
            unit = self._of(one.person, one.at)
            self.seen[unit].append(one)
            self._note(unit, one.at)
        for unit, mine in self.seen.items():
            self.seen[unit] = [
                one for _, times in homes(mine) for one in times
            ]  # an address of old says nothing
        self.users: dict[int, dict[Unit, list[int]]] = {}
        for thing, person, at in used:
            unit = self._of(person, at)
            self.users.setdefault(thing, {}).setdefault(unit, []).append(at)
            self._note(unit, at)
        self.all = sorted(self.first)

    def _of(self, person: int, at: int) -> Unit:
        """Return person, number of cuts before a time."""
        cuts = self.cuts.get(person)
        return person, bisect_right(cuts, at) if cuts else 0

    def _note(self, unit: Unit, at: int) -> None:
        self.first[unit] = min(at, self.first.get(unit, at))

    def span(self, unit: Unit) -> tuple[int, int | None]:
        """Return from when until when a unit lasts; a part begins where the one before it ends."""
        person, part = unit
        cuts = self.cuts.get(person, ())
        return (cuts[part - 1] if part else self.first[unit]), (cuts[part] if part < len(cuts) else None)

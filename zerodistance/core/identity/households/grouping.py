"""Units put together into households, and who left one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from zerodistance.core.identity.households.ties import CONTRADICTION, FIRM, Tie, ties
from zerodistance.core.identity.households.timeline import Seen, against, homes
from zerodistance.core.identity.households.units import Known, Unit, Units

MOST = 12
"""People in a household at most, and in a home within two years; a larger number is a dormitory, a shop, a dealer. Own value: 99.9 % of
households in the census of 2020 have less than 10 people."""


class Groups:
    """Units put together, the strongest ties first."""

    def __init__(self, units: Units, known: Known) -> None:
        self._units = units
        self.group: dict[Unit, Unit] = {unit: unit for unit in units.all}
        self._inside: dict[Unit, list[Unit]] = {unit: [unit] for unit in units.all}
        self._seen: dict[Unit, list[Seen]] = {unit: units.seen.get(unit, []) for unit in units.all}
        self._against: dict[Unit, int] = {}
        self._refused: list[Tie] = []
        for tie in sorted(ties(units, known), key=lambda t: (-t.weight, t.a, t.b)):
            self._join(tie)

    def of(self, unit: Unit) -> Unit:
        """Return the group of a unit, by its first one."""
        while self.group[unit] != unit:
            self.group[unit] = self.group[self.group[unit]]
            unit = self.group[unit]
        return unit

    def _join(self, tie: Tie) -> None:
        a, b = sorted((self.of(tie.a), self.of(tie.b)))
        if a == b:
            return
        both = self._seen[a] + self._seen[b]
        apart = against(both)
        more = apart - self._count(a) - self._count(b)
        people = {person for person, _ in self._inside[a]} | {person for person, _ in self._inside[b]}
        if tie.weight - more * CONTRADICTION <= 0 or len(people) > MOST:
            self._refused.append(tie)
            return
        self.group[b] = a
        self._inside[a] += self._inside.pop(b)
        self._seen[a], self._against[a] = both, apart
        del self._seen[b]

    def _count(self, group: Unit) -> int:
        if group not in self._against:
            self._against[group] = against(self._seen[group])
        return self._against[group]

    def departures(self) -> list[tuple[int, int]]:
        """Return (person, time) of those who lived with others and then, or before, elsewhere, while these stayed."""
        out: set[tuple[int, int]] = set()
        for tie in self._refused:
            if tie.firm and self.of(tie.a) != self.of(tie.b):
                out.update(self._departed(tie))
        for group, inside in self._inside.items():
            if self._count(group) >= FIRM:
                out.update(self._elsewhere(group, inside))
        return sorted(out)

    def _elsewhere(self, group: Unit, inside: Sequence[Unit]) -> Iterator[tuple[int, int]]:
        """Yield those who lived somewhere while the rest of their household lived in its home: they left it then, or came later."""
        kept = {(home, one.person) for home, times in homes(self._seen[group]) for one in times}
        for unit in inside:
            stays = homes(self._units.seen.get(unit, ()))
            for n, (home, times) in enumerate(stays):
                if len(times) >= FIRM and (home, unit[0]) not in kept:
                    yield from ((unit[0], stay[0].at) for _, stay in stays[max(n, 1) : n + 2])

    def _departed(self, tie: Tie) -> Iterator[tuple[int, int]]:
        for one, other in ((tie.a, tie.b), (tie.b, tie.a)):
            stays = [
                (home, times) for home, times in homes(self._units.seen.get(one, ())) if len(times) >= FIRM
            ]
            for (left, _), (_, times) in pairwise(stays):
                at = times[0].at
                # somebody stays behind, or was there before
                mates = self._seen[self.of(one)] + self._seen[self.of(other)]
                stayed = [s for s in mates if s.home == left and s.at > at and s.person != one[0]]
                there = [s for s in mates if s.home == times[0].home and s.at < at and s.person != one[0]]
                mate = self._units.seen.get(other, ())
                before = sum(s.home == left and s.at <= at for s in mate)
                after = sum(s.home == times[0].home and s.at >= at for s in mate)
                if (before >= FIRM and len(stayed) >= FIRM) or (after >= FIRM and len(there) >= FIRM):
                    yield one[0], at

    def all(self) -> Iterator[list[Unit]]:
        """Yield the units of each group."""
        yield from self._inside.values()

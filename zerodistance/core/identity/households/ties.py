"""What speaks for two people sharing a home. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from zerodistance.core.identity.households.units import Ints, Known, Unit, Units

_YEAR = 365.2425 * 86_400_000_000
FIRM = 2
"""Signs that somebody was in a home before one may say that they lived there; own value."""


class Tie(NamedTuple):
    """Two units that may share a home, and how much speaks for it, log odds."""

    weight: float
    a: Unit
    b: Unit
    firm: bool  # both were seen there more than once, at the same time


# What speaks for two people sharing a home, in log odds: how often it was so of pairs in the sample city, 20,000 people, seed 1, with true persons.
_GAPS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0)
"""Years between what is known of one and of the other: none, up to a year, ..."""
_HOME = (2.6, 0.8, -0.7, -1.0, -1.1, -1.6, -1.9)
"""Both were seen in a home: .93 at the same time, .33 one or two years apart, .13 eight years apart."""
_THING = (4.0, 4.0, 2.6, 1.2, 0.7, 0.7, 0.4)
"""Both use a phone or a device, and where one of them lives is not known: .99, .93 one or two years apart; numbers are given to others."""
_ELSEWHERE = -3.2
"""... both have homes, and none in common: .69 instead of .99."""
_AGAIN = 5.0
"""A second home, phone or device in common, or one with the other: none of 400 such pairs was wrong."""
_SAME_SURNAME = 2.0
"""They have one surname: .96 instead of .68, .71 instead of .26."""
_SAME_NAME = 5.0
"""They have one name: one person who was not recognised as such, or father and son; own value."""
CONTRADICTION = 5.0
"""Each time that would have to be wrong: .06 instead of .93."""


def ties(units: Units, known: Known) -> Iterator[Tie]:
    """Yield what speaks for two units sharing a home."""
    at_home: dict[tuple[Unit, Unit], list[float]] = defaultdict(list)
    things: dict[tuple[Unit, Unit], list[float]] = defaultdict(list)
    firm: set[tuple[Unit, Unit]] = set()
    for pair, near, both in _at_home(units):
        at_home[pair].append(_by_gap(_HOME, near))
        if both:
            firm.add(pair)
    for pair, near in _together(units):
        things[pair].append(_by_gap(_THING, near))
    for pair in sorted({*at_home, *things}):
        a, b = pair
        mine, used = at_home.get(pair, ()), things.get(pair, ())
        apart = not mine and a in units.seen and b in units.seen
        weight = max(max(mine, default=-9.0), max(used, default=-9.0) + apart * _ELSEWHERE)
        weight += _AGAIN * (len(mine) + len(used) - 1)
        if mine:
            weight += _SAME_SURNAME * _same(known.surname, a, b) + _SAME_NAME * _same(known.name, a, b)
        if weight > 0:
            yield Tie(weight, a, b, pair in firm)


def _same(code: Ints, a: Unit, b: Unit) -> bool:
    return bool(code[a[0]] and code[a[0]] == code[b[0]])


def _by_gap(worth: Sequence[float], years: float) -> float:
    return worth[bisect_left(_GAPS, years)]


def _at_home(units: Units) -> Iterator[tuple[tuple[Unit, Unit], float, bool]]:
    """Yield pairs of units that were seen in one home, the years between them, and whether both were there firmly at one time."""
    there: dict[int, dict[Unit, list[int]]] = defaultdict(lambda: defaultdict(list))
    for unit, seen in units.seen.items():
        for one in seen:
            there[one.home][unit].append(one.at)
    for by_unit in there.values():
        stays = sorted((unit, min(times), max(times), len(times)) for unit, times in by_unit.items())
        yield from _near(stays)


def _together(units: Units) -> Iterator[tuple[tuple[Unit, Unit], float]]:
    for by_unit in units.users.values():
        stays = sorted((unit, min(times), max(times), len(times)) for unit, times in by_unit.items())
        for pair, near, _ in _near(stays):
            yield pair, near


def _near(stays: Sequence[tuple[Unit, int, int, int]]) -> Iterator[tuple[tuple[Unit, Unit], float, bool]]:
    for n, (a, first, last, many) in enumerate(stays):
        for b, begin, end, times in stays[n + 1 :]:
            if a[0] != b[0]:
                gap = max(first, begin) - min(last, end)
                yield (a, b), max(gap, 0) / _YEAR, gap <= 0 and min(many, times) >= FIRM

"""What speaks for two people sharing a home. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import comb, exp, log
from typing import NamedTuple

from zerodistance.core.identity.households.units import Known, Unit, Units

_YEAR = 365.2425 * 86_400_000_000
FIRM = 2
"""Signs that somebody was in a home before one may say that they lived there; own value."""


class Tie(NamedTuple):
    """Two units that may share a home, and how much speaks for it, log odds."""

    weight: float
    a: Unit
    b: Unit
    firm: bool  # both were seen there more than once, at the same time


# What speaks for two people sharing a home, in log odds: how often it was so of pairs in the sample city, 20,000 people, seeds 1 and 2, with true persons;
# those who were seen together in one home and nowhere else by a logistic regression over 14,260 such pairs.
_GAPS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0)
"""Years between what is known of one and of the other: none, up to a year, ..."""
_HOME_GAPS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0)
_HOME = (3.0, 2.8, 2.2, 1.4, 1.0, 0.6, 0.1, -0.3, -0.7, -1.4)
"""Both were seen in a home, and neither anywhere else: .96 at the same time, .72 half a year to a year apart, .63 one or two years; less .4, since who is wrong
in a household is so for all who are in it."""
_IN_TURN = 0.8
"""For each unit of `in_turn`: of those up to a year apart, .53 where one was seen twice and the other once, .05 where it is 2 to 3."""
_ONE_ELSEWHERE = -1.6
"""One of them was also seen where the other never was: .87 instead of .96 at the same time, if they can have had these homes one after the other; if
not, `CONTRADICTION` counts too."""
_BOTH_ELSEWHERE = -2.4
"""Both were, so that they have this one home in common of three: .39."""
_CHANGES = 2.0
"""... yet for each time more than three that times of the one are followed by the other's, own value: strangers' are not, but for an address of old. There are
hardly any in the sample city, whose couples come to it together: of those with two or three changes .04 share the home."""
_THING = (4.0, 4.0, 2.6, 1.2, 0.7, 0.7, 0.4)
"""Both use a phone or a device, and where one of them lives is not known: .99, .93 one or two years apart; numbers are given to others."""
_APPLIANCE = (5.0, 5.0, 5.0, 4.5, 4.0, 3.5, 3.0)
"""Both have to do with one appliance, by its serial number. Own values: in the sample city, where none is sold on, all 31,636 pairs of records with one
number (150,000 people, seed 2) share the home; an appliance stands for ten years and more, yet some stay behind for who moves in."""
_APART = -3.2
"""... both have homes, and none in common: .69 instead of .99."""
_AGAIN = 5.0
"""A second home, phone or device in common, or one with the other: none of 400 such pairs was wrong."""
_SAME_SURNAME = 1.4
"""They have one surname: .96 instead of .68, .71 instead of .26."""
_NO_SURNAME = 1.2
"""Of one of them no surname is known: .69 of 3,898 pairs, where what else stands here says .55; most often one person who was not recognised as such."""
_ONE_SEX, _TWO_SEXES = -1.6, 0.5
"""They have two surnames, and one sex or two: a logistic regression over 67,299 pairs of people who were seen in one home (sample city, 150,000 people,
seed 2), beside all that stands here. A couple has two, but for a few; who follows whom in a flat, or has whose number now, has any."""
_AGES = (4, 8, 12, 24, 32)
_BY_AGES = {True: (-0.6, -1.2, -2.5, -2.0, 0.3, 0.4), False: (1.2, 0.3, -2.5, -2.5, -0.3, -1.3)}
"""By whether they have one surname, and the years between their births: below 4, below 8, ...; the same regression. -2.5 at the lowest: in the city, whose
couples are hardly ever far apart, up to -8."""
_SAME_NAME = 5.0
"""They have one name: one person who was not recognised as such, or father and son; own value."""
CONTRADICTION = 5.0
"""Each time that would have to be wrong: .06 instead of .93."""


class _Both(NamedTuple):
    """Two units were seen in one home.

    Attributes
    ----------
    near
        Years between them.
    times
        How often each was.
    changes, apart
        See `in_turn`.
    firm
        Whether both were there more than once and at one time.
    """

    near: float
    times: tuple[int, int]
    changes: int
    apart: float
    firm: bool


def ties(units: Units, known: Known) -> Iterator[Tie]:
    """Yield what speaks for two units sharing a home."""
    at_home: dict[tuple[Unit, Unit], list[_Both]] = defaultdict(list)
    things: dict[tuple[Unit, Unit], list[float]] = defaultdict(list)
    for pair, both in _at_home(units):
        at_home[pair].append(both)
    for pair, thing, near in _together(units):
        things[pair].append(_by_gap(_GAPS, _THING if thing < known.appliances else _APPLIANCE, near))
    for pair in sorted({*at_home, *things}):
        a, b = pair
        mine, used = at_home.get(pair, ()), things.get(pair, ())
        apart = not mine and a in units.seen and b in units.seen
        weight = max(_home(units, pair, mine), max(used, default=-9.0) + apart * _APART)
        weight += _AGAIN * (len(mine) + len(used) - 1)
        weight += _known_of(known, a[0], b[0])
        firm = any(both.firm for both in mine)
        if weight > 0 or firm:
            yield Tie(weight, a, b, firm)


def _home(units: Units, pair: tuple[Unit, Unit], mine: Sequence[_Both]) -> float:
    """Return what the homes say in which both were seen."""
    weight = max(
        (_by_gap(_HOME_GAPS, _HOME, both.near) - _IN_TURN * both.apart for both in mine), default=-9.0
    )
    if len(mine) == 1:
        also = [len(units.seen[unit]) > times for unit, times in zip(pair, mine[0].times, strict=True)]
        weight += any(also) * _ONE_ELSEWHERE
        if all(also):
            weight += min(_BOTH_ELSEWHERE + _CHANGES * max(mine[0].changes - 3, 0), 0.0)
    return weight


def _known_of(known: Known, a: int, b: int) -> float:
    """Return what names, sexes and ages say of two people who were seen in one home, or use one phone or device."""
    if not (known.surname[a] and known.surname[b]):
        return _NO_SURNAME if known.surname[a] or known.surname[b] else 0.0
    one = bool(known.surname[a] == known.surname[b])
    weight = _SAME_SURNAME * one
    if known.name[a] and known.name[a] == known.name[b]:
        return weight + _SAME_NAME
    if not one:
        weight += _by_sex(float(known.female[a]), float(known.female[b]))
    if known.born[a] and known.born[b]:
        years = abs(int(known.born[a]) - int(known.born[b]))
        weight += _BY_AGES[one][bisect_right(_AGES, years)]
    return weight


def _by_sex(a: float, b: float) -> float:
    """Return what sexes weigh of which one is a woman's as likely as said.

    Examples
    --------
    >>> [round(_by_sex(a, b), 1) for a, b in ((1.0, 1.0), (1.0, 0.0), (0.5, 1.0))]
    [-1.6, 0.5, -0.1]
    """
    one = a * b + (1 - a) * (1 - b)
    return log(one * exp(_ONE_SEX) + (1 - one) * exp(_TWO_SEXES))


def _by_gap(gaps: Sequence[float], worth: Sequence[float], years: float) -> float:
    return worth[bisect_left(gaps, years)]


def _at_home(units: Units) -> Iterator[tuple[tuple[Unit, Unit], _Both]]:
    """Yield pairs of units that were seen in one home."""
    there: dict[int, dict[Unit, list[int]]] = defaultdict(lambda: defaultdict(list))
    for unit, seen in units.seen.items():
        for one in seen:
            there[one.home][unit].append(one.at)
    for by_unit in there.values():
        for (a, b), near, firm in _near(by_unit):
            times = len(by_unit[a]), len(by_unit[b])
            yield (a, b), _Both(near, times, *in_turn(by_unit[a], by_unit[b]), firm)


def in_turn(a: Sequence[int], b: Sequence[int]) -> tuple[int, float]:
    """Return how often times of the one are followed by the other's, and how surprising it is that they are so seldom, if they came in any order.

    That is minus the logarithm of the probability of so few changes or fewer; of what comes at one moment the order counts that makes more of them. Tenants
    who follow one another are seen one after the other, people who live together now and then.

    Examples
    --------
    >>> in_turn([1], [2]), in_turn([1, 4], [2, 5]), [round(one, 2) for one in in_turn([1, 2, 3], [4, 5, 6])]
    ((1, 0.0), (3, 0.0), [1, 2.3])

    References
    ----------
    .. [1] Wald, Wolfowitz, On a test whether two samples are from the same population, Annals of Mathematical Statistics 1940: runs.
    """
    changes = max(_changes(a, b), _changes(b, a))
    return changes, _surprise(len(a), len(b), changes)


@lru_cache(maxsize=10_000)
def _surprise(a: int, b: int, changes: int) -> float:
    fewer = sum(_ways(a, b, n) for n in range(2, changes + 2))
    return log(comb(a + b, a)) - log(fewer)


def _changes(a: Sequence[int], b: Sequence[int]) -> int:
    order = [who for _, who in sorted([*((at, 0) for at in a), *((at, 1) for at in b)])]
    return sum(one != other for one, other in pairwise(order))


def _ways(a: int, b: int, runs: int) -> int:
    """Return in how many orders so many of two kinds make so many runs."""
    half, odd = divmod(runs, 2)
    if not odd:
        return 2 * comb(a - 1, half - 1) * comb(b - 1, half - 1)
    return comb(a - 1, half) * comb(b - 1, half - 1) + comb(a - 1, half - 1) * comb(b - 1, half)


def _together(units: Units) -> Iterator[tuple[tuple[Unit, Unit], int, float]]:
    for thing, by_unit in units.users.items():
        for pair, near, _ in _near(by_unit):
            yield pair, thing, near


def _near(by_unit: Mapping[Unit, Sequence[int]]) -> Iterator[tuple[tuple[Unit, Unit], float, bool]]:
    """Yield pairs of units, the years between their times, and whether both have several and at one time."""
    stays = sorted((unit, min(times), max(times), len(times)) for unit, times in by_unit.items())
    for n, (a, first, last, many) in enumerate(stays):
        for b, begin, end, times in stays[n + 1 :]:
            if a[0] != b[0]:
                gap = max(first, begin) - min(last, end)
                yield (a, b), max(gap, 0) / _YEAR, gap <= 0 and min(many, times) >= FIRM

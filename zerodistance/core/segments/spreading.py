"""Released counts of many places at once: how many of those a closed question means live in each group of communities.

Each figure is what `releasing.ask` would say of the same persons: hidden below k, else a multiple of the panel's part of them. Groups are made of communities
of the account's own territory, whichever way the caller puts them together; who has no community that is known is in none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import bitmaps, threshold
from zerodistance.core.profiles import cells as geometry
from zerodistance.core.profiles.threshold import Dense
from zerodistance.core.segments import audiences, released, releasing
from zerodistance.core.segments.contracts import AllOf, Rule
from zerodistance.core.segments.questions import Need, NotYours, Question
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Who32 = npt.NDArray[np.uint32]
EVERYBODY = Question()
_FEW = 200_000  # own value: persons who are looked up at once, and kept while they are asked about
_SHORT = 1 << 15  # so many groups are put in order by counting them
_FIRST = 256  # own value: so many of the nearest communities are looked through before more are


class _Drawn(NamedTuple):
    """Those of the panel who are in the index.

    Attributes
    ----------
    numbers, at
        Their numbers, ascending, and where each lives, counted from 1; 0: nowhere.
    """

    numbers: Who32
    at: Ints


_kept: dict[str, tuple[tuple[Any, ...], _Drawn]] = {}
"""Of each home that is open, of the newest version of its index."""


class Counted:
    """Released counts of what a question means in groups of communities.

    Attributes
    ----------
    shown
        Of which groups a figure is said, shape (groups,).
    """

    def __init__(self, spread: Spread, numbers: Who32, group: Ints, many: Ints, shown: Mask) -> None:
        self._spread, self._numbers = spread, numbers
        self._begins = np.searchsorted(group, np.arange(len(many) + 1))
        self._many, self.shown = many, shown

    def figure(self, group: int) -> int | None:
        """Return the released count of one group, a multiple of k; None: hidden."""
        if not self.shown[group]:
            return None
        drawn = self._numbers[self._begins[group] : self._begins[group + 1]]
        return released.scaled(self._spread.home.seal, drawn, self._spread.k)

    def largest(self) -> int | None:
        """Return the group of which the panel has most; None where nothing is shown."""
        if not self.shown.any():
            return None
        return int(np.where(self.shown, self._many, -1).argmax())


class Grouped:
    """Communities of a territory put together: who of the panel lives in each group is looked up once, for all that is asked of them.

    Parameters
    ----------
    groups, many
        As in `Spread.count`.
    only
        The one question that is asked.
    """

    def __init__(self, spread: Spread, groups: Ints, many: int, only: Question = EVERYBODY) -> None:
        self._spread, self._many, self._only = spread, many, only
        self._own = np.where(spread.mine, groups, -1)
        self._here = np.flatnonzero(self._own >= 0)
        drawn = spread.drawn(only)
        group = np.append(-1, self._own)[drawn.at]
        inside = np.flatnonzero(group >= 0)
        short = group[inside].astype(np.int16 if many < _SHORT else np.int64)
        order = inside[np.argsort(short, kind="stable")]  # numbers ascend in each group
        self._numbers, self._group = drawn.numbers[order], group[order]

    def count(self, question: Question) -> Counted:
        """Count whom a question, which names no place, means in each group."""
        assert self._only in (EVERYBODY, question)
        numbers, group = self._numbers, self._group
        if question != self._only:
            meant = self._spread.means(question, numbers)
            numbers, group = numbers[meant], group[meant]
        drawn = np.bincount(group, minlength=self._many)[: self._many]
        shown = drawn >= released.least(self._spread.k)
        unsure = shown & (drawn < self._spread.k)
        if unsure.any():  # so many of the panel may be in a group of fewer than k persons, which is hidden
            shown &= ~unsure | (self._living(question, unsure) >= self._spread.k)
        return Counted(self._spread, numbers, group, drawn, shown)

    def _living(self, question: Question, unsure: Mask) -> Ints:
        """Return how many persons a question means in each of some groups, exactly, and anything for others."""
        if question != EVERYBODY and self._few is not None:
            who, group = self._few
            return self._in_groups(group[self._spread.means(question, who)])
        exact = self._spread.exact(question)
        if exact is not None:
            return np.bincount(self._own[self._here], exact[self._here], self._many).astype(np.int64)
        who, place = self._spread.ground.living((self._own >= 0) & np.append(unsure, False)[self._own])
        return self._in_groups(self._own[place[self._spread.means(question, who)]])

    def _in_groups(self, group: Ints) -> Ints:
        return np.bincount(group, minlength=self._many)[: self._many]

    @cached_property
    def _few(self) -> tuple[Who32, Ints] | None:
        """Who lives in any group, and the group of each, where they are few: every question asks for some of them."""
        if int(self._spread.ground.many[0][self._here].sum()) > _FEW:
            return None
        who, place = self._spread.ground.living(self._own >= 0)
        return who, self._own[place]


class Spread:
    """The communities of an account's territory, as the tag index has them at one moment.

    Attributes
    ----------
    mine
        Which communities of the index are of the account's territory; a group is asked of these alone. Shape (communities,).
    as_of
        The moment of the tag index.
    """

    def __init__(self, home: Home, who: Who) -> None:
        self.home, self._who = home, who
        self._here = audiences.answered(home)
        self._panel = released.panel(home)
        self.ground = self._here.index.ground
        self.as_of = clock.from_micros(self._here.index.made_at or 0)
        self.batch = self._here.index.batch
        self.k = home.settings.released_k
        self._rules: dict[Question, Rule] = {}
        self._meant: dict[Question, tuple[Dense, ...]] = {}
        self._asked: dict[Question, _Drawn] = {}
        self._exact: dict[Question, Ints | None] = {}

    @cached_property
    def mine(self) -> Mask:
        """Which communities are of the account's territory."""
        if not self._who.units:
            return np.ones(len(self.codes), np.bool_)
        codes = [
            c for unit in brand.units(self.home, self._who) for c in brand.communities_of(self.home, unit.key)
        ]
        return self.ground.of(codes)

    @property
    def codes(self) -> Sequence[str]:
        """The communities."""
        return self.ground.codes

    @property
    def cells(self) -> npt.NDArray[np.uint64]:
        """The H3 cell (resolution 9) of each community; 0: it lies nowhere."""
        return self.ground.cells

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """Latitude and longitude of each community, shape (communities, 2); NaN where it lies nowhere."""
        return self.ground.points

    def place(self, code: str) -> int:
        """Return where a community of the territory stands among `codes`; raises NotYours."""
        at = self.ground.place.get(code)
        if at is None or not self.mine[at]:
            raise NotYours(
                place=code, near=", ".join([self.codes[n] for n in np.flatnonzero(self.mine)[:10]]) or "–"
            )
        return at

    def nearest(self, lat: float, lon: float, many: int) -> tuple[Ints, npt.NDArray[np.float64]]:
        """Return the places of the communities of the territory that are nearest to a point, and how far each is, in km."""
        wanted, of = min(many, int(self.mine.sum())), _FIRST
        while True:
            places, km = self.ground.nearest(lat, lon, of)
            inside = self.mine[places]
            if inside.sum() >= wanted or of >= len(self.codes):
                return places[inside][:wanted], km[inside][:wanted]
            of *= 8

    def near(self, lat: float, lon: float, km: float) -> Mask:
        """Return the communities of the territory that are at most so many km from a point, shape (communities,)."""
        chords = geometry.chords(geometry.on_sphere(self.points), lat, lon)
        found: Mask = chords <= geometry.chord(km)
        return found & self.mine

    def count(self, question: Question, groups: Ints, many: int) -> Counted:
        """Count whom a question means in each group.

        Parameters
        ----------
        question
            Without a place: that is what groups are.
        groups
            The group of each community, 0 to `many` - 1; -1: none. Shape (communities,). What is not of the territory is in none.
        """
        return Grouped(self, groups, many, question).count(question)

    def means(self, question: Question, who: Who32) -> Mask:
        """Say of each of these persons whether a question, which names no place, means them."""
        assert question.place is None
        if question not in self._meant:
            self._meant[question] = self._here.words(self._rule(question))
        found = np.zeros(len(who), np.bool_)
        for one in self._meant[question]:
            found |= threshold.has(one, who)
        return found

    def drawn(self, question: Question) -> _Drawn:
        """Return those of the panel whom a question means."""
        if question == EVERYBODY:
            return self._everybody
        if question not in self._asked:
            mine = self.means(question, self._everybody.numbers)
            self._asked[question] = _Drawn(self._everybody.numbers[mine], self._everybody.at[mine])
        return self._asked[question]

    def exact(self, question: Question) -> Ints | None:
        """Return how many persons a question means in each community, shape (communities,); None: too many to look up where each lives."""
        if question == EVERYBODY:
            found: Ints = self.ground.many[0]
            return found
        if question not in self._exact:
            who = self._here.fits(self._rule(question)).persons
            few = len(who) <= _FEW
            self._exact[question] = self.ground.counted(bitmaps.to_numbers(who), 0) if few else None
        return self._exact[question]

    @cached_property
    def _everybody(self) -> _Drawn:
        """Those of the panel who are in the index."""
        index = self._here.index
        kept = _kept.get(str(self.home.root))
        if kept is None or kept[0] != (index.version, index.stamp, self.home.seal.name):
            numbers = bitmaps.to_numbers(self._panel.of(index.universe.persons))
            drawn = _Drawn(numbers, self.ground.home(numbers, 0))
            kept = _kept[str(self.home.root)] = (index.version, index.stamp, self.home.seal.name), drawn
        return kept[1]

    def _rule(self, question: Question) -> Rule:
        """Return what `releasing.rule_of` does, without looking up each need again."""
        if question not in self._rules:
            rest, need = replace(question, need=None), self._needs.get(question.need)
            if need is None or rest != EVERYBODY:
                self._rules[question] = releasing.rule_of(self.home, self._who, rest if need else question)
            if need is not None:
                asked = releasing.need_rule(need)
                self._rules[question] = asked if rest == EVERYBODY else AllOf((self._rules[question], asked))
        return self._rules[question]

    def need(self, key: str) -> Need:
        """Return one of the needs that may be asked for; raises NotClosed."""
        return releasing.one_of(self.needs, key)

    @cached_property
    def _needs(self) -> Mapping[str | None, Need]:
        return {one.key: one for one in self.needs}

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        """The needs that may be asked for."""
        return releasing.needs(self.home, self._who)


def together(figures: Sequence[int], k: int) -> tuple[int, int, int]:
    """Return the sum of released counts of sets that share nobody, and between what the true one lies 95 times of a hundred.

    Examples
    --------
    >>> together([1_000, 1_000], 20)
    (2000, 1660, 2340)
    """
    total = sum(figures)
    error = math.sqrt(sum((high - low) ** 2 for low, high in (released.span(one, k) for one in figures))) / 2
    return total, math.floor(max(0.0, total - error) / k) * k, math.ceil((total + error) / k) * k

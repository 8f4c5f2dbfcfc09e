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
    """Released counts of groups of communities.

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
        self._ground = self._here.index.ground
        self.as_of = clock.from_micros(self._here.index.made_at or 0)
        self.batch = self._here.index.batch
        self.k = home.settings.released_k
        self._rules: dict[Question, Rule] = {}

    @cached_property
    def mine(self) -> Mask:
        """Which communities are of the account's territory."""
        if not self._who.units:
            return np.ones(len(self.codes), np.bool_)
        codes = [
            c for unit in brand.units(self.home, self._who) for c in brand.communities_of(self.home, unit.key)
        ]
        return self._ground.of(codes)

    @property
    def codes(self) -> Sequence[str]:
        """The communities."""
        return self._ground.codes

    @property
    def cells(self) -> npt.NDArray[np.uint64]:
        """The H3 cell (resolution 9) of each community; 0: it lies nowhere."""
        return self._ground.cells

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """Latitude and longitude of each community, shape (communities, 2); NaN where it lies nowhere."""
        return self._ground.points

    def place(self, code: str) -> int:
        """Return where a community of the territory stands among `codes`; raises NotYours."""
        at = self._ground.place.get(code)
        if at is None or not self.mine[at]:
            raise NotYours(
                place=code, near=", ".join([self.codes[n] for n in np.flatnonzero(self.mine)[:10]]) or "–"
            )
        return at

    def nearest(self, lat: float, lon: float, many: int) -> tuple[Ints, npt.NDArray[np.float64]]:
        """Return the places of the communities of the territory that are nearest to a point, and how far each is, in km."""
        wanted, of = min(many, int(self.mine.sum())), _FIRST
        while True:
            places, km = self._ground.nearest(lat, lon, of)
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
        assert question.place is None
        own = np.append(-1, np.where(self.mine, groups, -1))
        group = own[self._drawn.at]
        inside = np.flatnonzero(group >= 0)
        if question != EVERYBODY:
            meant = threshold.dense(self._here.fits(self._rule(question)).persons)
            inside = inside[threshold.has(meant, self._drawn.numbers[inside])]
        order = inside[np.argsort(group[inside], kind="stable")]  # numbers ascend in each group
        drawn = np.bincount(group[inside], minlength=many)[:many]
        shown = drawn >= released.least(self.k)
        self._hide(question, own[1:], shown, drawn)
        return Counted(self, self._drawn.numbers[order], group[order], drawn, shown)

    @cached_property
    def _drawn(self) -> _Drawn:
        index = self._here.index
        kept = _kept.get(str(self.home.root))
        if kept is None or kept[0] != (index.version, index.stamp, self.home.seal.name):
            numbers = bitmaps.to_numbers(self._panel.of(index.universe.persons))
            drawn = _Drawn(numbers, self._ground.home(numbers, 0))
            kept = _kept[str(self.home.root)] = (index.version, index.stamp, self.home.seal.name), drawn
        return kept[1]

    def _hide(self, question: Question, own: Ints, shown: Mask, drawn: Ints) -> None:
        """Hide groups of fewer than k persons; so many of the panel may be in a smaller one."""
        unsure = shown & (drawn < self.k)
        area = (own >= 0) & np.append(unsure, False)[own]
        if not area.any():
            return
        everybody = question == EVERYBODY
        living = self._ground.many[0] if everybody else self._here.living_within(self._rule(question), area)
        exact = np.bincount(own[area], weights=living[area], minlength=len(shown))[: len(shown)]
        shown &= ~unsure | (exact >= self.k)

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

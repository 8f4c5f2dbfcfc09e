"""Attacks on released counts: whoever asks tries to find out who is in a set that is nobody's business.

A made town, and attackers who know everything about their targets but one bit: whether they are in the set. They may ask what an account that
may not see persons can ask, and they had every audience approved that they wished for, also those that the program refuses to approve because
they single persons out. What threshold of its score an attack takes it learns on other targets, whose bit it is told. Half of the targets are
in the set, so the base rate is one half.

References
----------
Dinur, Nissim: Revealing information while preserving privacy, PODS 2003. Gadotti et al.: When the signal is in the noise, USENIX Security 2019.
Denning, Denning, Schwartz: The tracker, ACM TODS 1979.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps
from zerodistance.core.segments import released
from zerodistance.kernel.seal import Seal

Numbers = npt.NDArray[np.float64]
COMMUNITIES, TERRITORIES, CATEGORIES = 60, 6, 5
_SHARE = 0.3  # of the town who are in the set
Ask = Callable[[BitMap], int | None]


@dataclass
class Town:
    """People with what an attacker may know of them, and the set that is nobody's business.

    Attributes
    ----------
    known
        Sets that an account may ask by: communities, territories, categories, years of birth, sexes.
    secret
        The set.
    asked
        How many questions were asked so far.
    """

    people: int
    seal: Seal
    k: int
    luck: np.random.Generator
    asked: int = 0
    numbers: npt.NDArray[np.uint32] = field(init=False)
    known: dict[str, list[BitMap]] = field(init=False)
    where: Numbers = field(init=False)
    secret: BitMap = field(init=False)
    everybody: BitMap = field(init=False)

    def __post_init__(self) -> None:
        """Make the people."""
        luck, many = self.luck, self.people
        self.numbers = np.sort(luck.choice(many * 3, many, replace=False)).astype(np.uint32) + 1
        homes = luck.normal(size=(COMMUNITIES, 2)) * 5
        lives = luck.integers(COMMUNITIES, size=many)
        self.where = homes[lives] + luck.normal(size=(many, 2)) * 0.2  # kilometres
        has = luck.random((CATEGORIES, many)) < 0.35
        self.known = {
            "community": [self.of(lives == n) for n in range(COMMUNITIES)],
            "territory": [self.of(lives % TERRITORIES == n) for n in range(TERRITORIES)],
            "category": [self.of(one) for one in has],
            "year": [self.of(years == n) for years in [luck.integers(60, size=many)] for n in range(60)],
            "sex": [self.of(sex) for one in [luck.random(many) < 0.5] for sex in (one, ~one)],
        }
        self.everybody = bitmaps.of_sorted(self.numbers)
        self.secret = self.of(luck.random(many) < _SHARE)
        self.panel = released.Panel(self.seal)

    def of(self, chosen: npt.NDArray[np.bool_]) -> BitMap:
        """Return those of the people whom a mask says."""
        return bitmaps.of_sorted(self.numbers[chosen])

    def ask(self, persons: BitMap) -> int | None:
        """Return what the product says of how many are in a set."""
        self.asked += 1
        return released.figure(self.seal, self.panel, persons, self.k)

    def guessed(self, persons: BitMap) -> float:
        """Return what an attacker takes a set to hold: what is hidden is about two k."""
        found = self.ask(persons)
        return 2.0 * self.k if found is None else float(found)

    def audience(self, share: float, target: int) -> BitMap:
        """Return a harmless-looking audience in which the target is."""
        chosen = self.of(self.luck.random(self.people) < share)
        chosen.add(target)
        return chosen

    def cells(self, target: int, audiences: int) -> Iterator[BitMap]:
        """Yield what can be asked by and holds the target: community, territory, all x any category x audiences."""
        places = [s for kind in ("community", "territory") for s in self.known[kind] if target in s]
        things = [s for s in self.known["category"] if target in s]
        groups = [self.audience(0.5, target) for _ in range(audiences)]
        for place in (*places, self.everybody):
            for thing in (self.everybody, *things):
                for group in (self.everybody, *groups):
                    yield place & thing & group

    def like(self, target: int) -> BitMap:
        """Return the few who can't be told from the target by community, year of birth and sex."""
        found = self.everybody
        for kind in ("community", "year", "sex"):
            found = found & next(s for s in self.known[kind] if target in s)
        return found


def _apart(town: Town, other: BitMap, without: BitMap) -> float:
    """Return 1 where two answers differ."""
    return float(town.ask(other) != town.ask(without))


def differencing(town: Town, target: int, effort: int) -> float:
    """Ask the same with and without the target: how many answers differ."""
    one = BitMap([target])
    return sum(_apart(town, c & town.secret, (c & town.secret) - one) for c in town.cells(target, effort))


def differencing_group(town: Town, target: int, effort: int) -> float:
    """Ask with and without the few who are like the target, since rules name qualities: by how much the answers fall."""
    few = town.like(target)
    cells = [c & town.secret for c in town.cells(target, effort)]
    return sum(town.guessed(c) - town.guessed(c - few) for c in cells)


def moving_circles(town: Town, target: int, effort: int) -> float:
    """Draw circles around many points that just hold the target, and just do not: how many answers differ."""
    at = town.where[int(np.searchsorted(town.numbers, target))]
    score = 0.0
    for _ in range(4 * effort + 2):
        centre = at + town.luck.normal(size=2) * 3
        far = np.hypot(*(town.where - centre).T)
        edge = float(np.hypot(*(at - centre)))
        score += _apart(town, town.of(far <= edge) & town.secret, town.of(far < edge) & town.secret)
    return score


def shifted_territories(town: Town, target: int, effort: int) -> float:
    """Cut territories otherwise again and again, with and without the target's community: what that adds."""
    home = next(s for s in town.known["community"] if target in s)
    others = [s for s in town.known["community"] if target not in s]
    score = 0.0
    for _ in range(4 * effort + 2):
        rest = BitMap.union(*(others[n] for n in town.luck.choice(len(others), 8, replace=False)))
        score += town.guessed((rest | home) & town.secret) - town.guessed(rest & town.secret)
    return score


def rewritten_rules(town: Town, target: int, effort: int) -> float:
    """Ask one question in many words, to average the noise away: what is left above what such people have on average."""
    cell = next(town.cells(target, 0))
    score = 0.0
    for n in range(4 * effort + 2):
        cut = town.of(town.luck.random(town.people) < 0.5)
        words = ((cell - cut) | (cell & cut)) & town.secret if n % 2 else cell - (cell - town.secret)
        score += town.guessed(words)
    return score / (4 * effort + 2) - _SHARE * town.guessed(cell)


def audience_by_audience(town: Town, target: int, effort: int) -> float:
    """Ask about many audiences in which the target is: by how much more of them are in the set than of others."""
    score = 0.0
    for _ in range(8 * effort + 2):
        group = town.audience(0.02, target)
        score += town.guessed(group & town.secret) - _SHARE * town.guessed(group)
    return score


def repeated_days(town: Town, target: int, effort: int) -> float:
    """Ask the same on many days, in a new process each: the average of what is said with and without the target."""
    cell, held, score = next(town.cells(target, 0)) & town.secret, town.panel, 0.0
    for _ in range(4 * effort + 2):
        town.panel = released.Panel(town.seal) if town.luck.random() < 0.02 else held
        score += town.guessed(cell) - town.guessed(cell - BitMap([target]))
    town.panel = held
    return score


def coming_and_going(town: Town, target: int, effort: int) -> float:
    """Watch everything that can be asked of the target over days on which few others come and go; the attacker knows on which day the target may have come."""
    cells, one = list(town.cells(target, effort)), BitMap([target])
    place = int(np.searchsorted(town.numbers, target))
    days, today = [], town.secret - one
    for _ in range(5):
        flipped = town.luck.random(town.people) < 0.0005
        flipped[place] = False
        today = today ^ town.of(flipped)
        days.append(today)
    days[3:] = [day | one if target in town.secret else day for day in days[3:]]
    moved = [sum(_apart(town, c & a, c & b) for c in cells) for a, b in itertools.pairwise(days)]
    rise = sum(town.guessed(c & days[4]) - town.guessed(c & days[0]) for c in cells)
    return moved[2] - (moved[0] + moved[1] + moved[3]) / 3 + rise / (town.k * len(cells))


def at_the_edge(town: Town, target: int, effort: int) -> float:
    """Ask about audiences of about k, with and without the target: how often the one is shown and the other is not."""
    share = town.k / (_SHARE * town.people)
    score = 0.0
    for _ in range(12 * effort + 4):
        group = town.audience(share, target) & town.secret
        shown = town.ask(group) is None, town.ask(group - BitMap([target])) is None
        score += shown[0] != shown[1]
    return score


def whole_and_parts(town: Town, target: int, effort: int) -> float:
    """Take from a whole its other parts: who have a quality, less those of them who are not in the set."""
    score = 0.0
    for cell in town.cells(target, effort):
        whole, rest, part = (
            town.guessed(cell),
            town.guessed(cell - town.secret),
            town.guessed(cell & town.secret),
        )
        score += (whole - rest - _SHARE * whole) + (part - _SHARE * whole)
    return score


ATTACKS: dict[str, Callable[[Town, int, int], float]] = {
    "differencing": differencing,
    "differencing_group": differencing_group,
    "moving_circles": moving_circles,
    "shifted_territories": shifted_territories,
    "rewritten_rules": rewritten_rules,
    "audience_by_audience": audience_by_audience,
    "repeated_days": repeated_days,
    "coming_and_going": coming_and_going,
    "at_the_edge": at_the_edge,
    "whole_and_parts": whole_and_parts,
}


def advantage(town: Town, attack: Callable[[Town, int, int], float], targets: int, effort: int) -> float:
    """Return how many points an attack guesses better than the base rate of one half, over `targets` it was not told about."""
    inside = town.luck.choice(bitmaps.to_numbers(town.secret), targets, replace=False)
    outside = town.luck.choice(bitmaps.to_numbers(town.everybody - town.secret), targets, replace=False)
    scores = np.array([[attack(town, int(t), effort) for t in some] for some in (inside, outside)])
    half = targets // 2
    told, asked = scores[:, :half], scores[:, half:]
    edge, sign = threshold(told)
    right = (sign * asked[0] > edge).mean() + (sign * asked[1] <= edge).mean()
    return float(100 * (right / 2 - 0.5))


def threshold(told: Numbers) -> tuple[float, float]:
    """Return the threshold and the sign of a score that guess best for those whose bit is told."""
    best = (-1.0, 0.0, 1.0)
    for sign in (1.0, -1.0):
        said = np.unique(sign * told)
        for edge in [
            *(said[1:] + said[:-1]) / 2,
            said[-1],
        ]:  # between two: scores of others differ in the last bit
            right = float((sign * told[0] > edge).mean() + (sign * told[1] <= edge).mean())
            best = max(best, (right, float(edge), sign))
    return best[1], best[2]


def reconstruction(town: Town, persons: int, questions: int) -> float:
    """Return the points over one half of who solves for everybody at once: random halves of persons of whom half are in the set, least squares."""
    some = np.sort(town.luck.choice(town.numbers, persons, replace=False))
    bits = town.luck.permutation(persons) < persons // 2
    secret = bitmaps.of_sorted(some[bits])
    asked = town.luck.random((questions, persons)) < 0.5
    answers = np.array([town.guessed(bitmaps.of_sorted(some[row]) & secret) for row in asked])
    known = np.hstack([asked, np.ones((questions, 1))])
    found = np.linalg.solve(known.T @ known + 0.5 * np.eye(persons + 1), known.T @ answers)[:-1]
    inside, outside = found[bits], found[~bits]
    half = persons // 4
    edge, sign = threshold(np.array([inside[:half], outside[:half]]))
    right = (sign * inside[half:] > edge).mean() + (sign * outside[half:] <= edge).mean()
    return float(100 * (right / 2 - 0.5))


def all_of_them(town: Town, targets: int, effort: int) -> dict[str, Any]:
    """Return attack -> points over the base rate."""
    return {name: advantage(town, attack, targets, effort) for name, attack in ATTACKS.items()}

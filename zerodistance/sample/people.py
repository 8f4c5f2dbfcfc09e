"""The people of a block: households in homes, who lives in them, how they are, where they move, whom they know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerodistance.sample import names, places
from zerodistance.sample.calendar import DAY, HISTORY, MONTHS, STARTS, UNTIL, within
from zerodistance.sample.names import Codes
from zerodistance.sample.scatter import Ints, luck
from zerodistance.sample.world import World

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

ROLES = ("head", "partner", "child", "parent")
HEAD, PARTNER, CHILD, PARENT = range(4)
TEMPERAMENTS = ("persuadable", "sure", "lost", "annoyed")
PERSUADABLE, SURE, LOST, ANNOYED = range(4)
YEAR = 365.2425 * DAY


@dataclass(frozen=True)
class Households:
    """One place of each array per household; a home has the number of the household that began in it.

    Attributes
    ----------
    estate
        Estate of the first home, counted from 0 within the block.
    first_person, size
        Where its people stand.
    began
        Month in which the history of the household begins.
    neighbours, friends
        Shape (households, 4) and (households, n): other households; the number of households where there is none.
    """

    estate: Ints
    building: Ints
    unit: Ints
    floor: Ints
    room: Ints
    first_person: Ints
    size: Ints
    began: Ints
    means: Floats
    tablet: Bools
    neighbours: Ints
    friends: Ints
    renovations: Bools
    moves: Bools

    def __len__(self) -> int:
        return len(self.size)


@dataclass(frozen=True)
class Residences:
    """Who lived in which home from when; sorted by household and time. Seconds."""

    household: Ints
    home: Ints
    since: Ints
    until: Ints


@dataclass(frozen=True)
class People:
    """One place of each array per person. `born` and `here_from` are seconds; `foreign` is a code of `names.foreign` or -1."""

    household: Ints
    role: Ints
    female: Bools
    born: Ints
    here_from: Ints
    names: Codes
    foreign: Ints
    rare: Bools
    temperament: Ints
    engagement: Floats
    integrity: Floats
    warmth: Floats

    def __len__(self) -> int:
        return len(self.role)

    def age(self, person: Ints, at: Any) -> Floats:
        """Return years at a moment."""
        return np.asarray((at - self.born[person]) / YEAR)


def settle(block: places.Block, seed: int, world: World) -> tuple[Households, Residences, People]:
    """Return the households and people of a block."""
    chance = luck(seed, world.number, block.number, "homes")
    estate, home, size = _filled(chance, block, world)
    people_chance = luck(seed, world.number, block.number, "people")
    people, head_age = _people(people_chance, size, world)
    settled = np.maximum(0, HISTORY - ((head_age - chance.uniform(23, 29, len(size))) * 12).astype(np.int64))
    late = settled > HISTORY - 6  # younger than most who begin: somewhen in the last years
    settled = np.where(late, HISTORY - 6 - chance.integers(0, 60, len(size)), settled)
    began = np.minimum(np.maximum(settled, block.estates.built[estate]), HISTORY - 6)
    building, unit, floor, room = places.rooms(block.estates.layout[estate], home)
    many = len(size)
    months = np.arange(MONTHS)[None, :] > began[:, None] + 6
    moves = (chance.random((many, MONTHS)) < world.household.move / 12) & months
    renovations = (chance.random((many, MONTHS)) < world.household.renovation / 12) & months
    grade = 3 - block.estates.grade[estate]
    means = np.clip(0.2 + 0.15 * grade + chance.normal(0, 0.18, many), 0.02, 0.98)
    households = Households(
        estate,
        building,
        unit,
        floor,
        room,
        np.cumsum(size) - size,
        size,
        began,
        means,
        chance.random(many) < world.household.tablet,
        _neighbours(estate, building, unit),
        chance.integers(0, many, (many, world.household.friends)),
        renovations,
        moves,
    )
    here = np.maximum(people.born, STARTS[began][people.household])
    people = People(**{**vars(people), "here_from": here})
    return households, _residences(chance, households), people


def _filled(chance: np.random.Generator, block: places.Block, world: World) -> tuple[Ints, Ints, Ints]:
    """Return estate, home within it and number of people of each household: as many as the estate is to have, not one more."""
    share = np.array(world.household.size)
    mean = float(np.dot(share, np.arange(1, len(share) + 1)))
    parts = []
    for place, wanted in enumerate(block.estates.people.tolist()):
        sizes = chance.choice(len(share), size=wanted, p=share) + 1
        behind = np.cumsum(sizes[: int(wanted / mean * 2) + 20] if wanted > 40 else sizes)
        count = int(np.searchsorted(behind, wanted)) + 1
        sizes = sizes[:count].copy()
        sizes[-1] -= behind[count - 1] - wanted
        parts.append((np.full(count, place), np.arange(count), sizes))
    estate, home, size = (np.concatenate([part[column] for part in parts]) for column in range(3))
    return estate, home, size


def _roles(chance: np.random.Generator, size: Ints) -> Ints:
    """Return the role of each person, household after household."""
    household, place = _unrolled(size)
    many, luck_of = size[household], chance.random(len(size))[household]
    second = np.where((many == 2) & (luck_of > 0.72), np.where(luck_of > 0.86, PARENT, CHILD), PARTNER)
    fourth = np.where((many == 4) & (luck_of > 0.55), PARENT, CHILD)
    fourth = np.where((many == 5) & (luck_of > 0.5), PARENT, fourth)
    by_place = np.stack(
        [np.full(len(many), HEAD), second, np.full(len(many), CHILD), fourth, np.full(len(many), PARENT)], 1
    )
    return by_place[np.arange(len(many)), np.minimum(place, 4)]


def _unrolled(size: Ints) -> tuple[Ints, Ints]:
    household = np.repeat(np.arange(len(size)), size)
    return household, np.arange(len(household)) - (np.cumsum(size) - size)[household]


def _people(chance: np.random.Generator, size: Ints, world: World) -> tuple[People, Floats]:
    household, _ = _unrolled(size)
    many, heads = len(household), len(size)
    role = _roles(chance, size)
    kind = np.minimum(size, 4) - 1
    draw = chance.random(heads)
    old, young = (
        np.array(world.household.old_heads)[kind],
        np.array(world.household.young_heads)[kind],
    )
    head_age = np.where(
        draw < old,
        60 + 28 * chance.beta(1.2, 2.2, heads),
        np.where(draw < old + young, chance.uniform(25, 40, heads), chance.uniform(40, 60, heads)),
    )
    own, gap = head_age[household], chance.normal(0, 1, many)
    youngest = np.clip(own - chance.uniform(23, 36, many), 0.1, 32)
    age = np.choose(role, (own, own - 1.5 + 3 * gap, youngest, np.clip(own + 27 + 3 * gap, 48, 96)))
    age = np.where((role == PARTNER) & (age < 20), 20 + abs(gap), age)
    head_female = chance.random(heads) < 0.42
    female = np.where(
        role == PARTNER, ~head_female[household], np.where(role == HEAD, head_female[household], chance.random(many) < 0.5)
    )  # fmt: skip
    written, foreign, rare = _names(chance, household, role, female, age, world)
    people = People(
        household=household,
        role=role,
        female=female,
        born=(UNTIL - age * YEAR).astype(np.int64) // DAY * DAY,
        here_from=np.zeros(many, dtype=np.int64),
        names=written,
        foreign=foreign,
        rare=rare,
        temperament=chance.choice(4, size=many, p=np.array(world.person.temperament)),
        engagement=chance.beta(1.5, 3.0, many),
        integrity=chance.beta(4.0, 2.0, many),
        warmth=np.clip(chance.normal(0.1, 0.4, many), -1, 1),
    )
    return people, head_age


def _names(
    chance: np.random.Generator, household: Ints, role: Ints, female: Bools, age: Floats, world: World
) -> tuple[Codes, Ints, Bools]:
    """Return names, codes of foreign names, and who has a character that GBK cannot write; children bear the name of a father."""
    many = len(household)
    own = names.families(chance, many)
    first = np.searchsorted(household, np.arange(household[-1] + 1))
    father = first[household]
    father = father + ((female[father]) & (np.append(role, 0)[father + 1] == PARTNER))
    family = np.where((role == CHILD)[:, None], own[father], own)
    old = age > 48
    given, rare = names.given_names(chance, female, old, world.person.single_given, world.person.rare_name)
    is_foreign = (chance.random(household[-1] + 1) < world.person.foreign)[household]
    foreign = np.where(is_foreign, chance.integers(0, len(names.foreign()), many), -1)
    return np.concatenate([family, given], axis=1), foreign, rare & ~is_foreign


def _neighbours(estate: Ints, building: Ints, unit: Ints) -> Ints:
    """Return the two homes before and after each in the same stairwell."""
    many = len(estate)
    key = (estate * 10_000 + building) * 10 + unit
    out = np.full((many, 4), many)
    for column, step in enumerate((-2, -1, 1, 2)):
        other = np.arange(many) + step
        fine = (other >= 0) & (other < many)
        fine[fine] = key[other[fine]] == key[np.flatnonzero(fine)]
        out[fine, column] = other[fine]
    return out


def _residences(chance: np.random.Generator, households: Households) -> Residences:
    """Return who lived where: those who move in one month take each other's homes, so that nobody shares one."""
    many = len(households)
    home, since = np.arange(many), STARTS[households.began].copy()
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    for month in range(MONTHS):
        movers = np.flatnonzero(households.moves[:, month])
        if len(movers) < 2:
            households.moves[movers, month] = False
            continue
        order = chance.permutation(movers)
        at = np.full(len(order), int(within(np.array([month]), chance.random(1))[0]) // DAY * DAY)
        parts.append((order, home[order].copy(), since[order].copy(), at))
        home[order], since[order] = home[np.roll(order, 1)], at
    parts.append((np.arange(many), home, since, np.full(many, np.iinfo(np.int64).max)))
    household, where, begin, end = (np.concatenate([part[column] for part in parts]) for column in range(4))
    order = np.lexsort((begin, household))
    return Residences(household[order], where[order], begin[order], end[order])


def at_home(residences: Residences, household: Ints, at: Ints) -> Ints:
    """Return the place in `residences` of where each household lived at a moment; before it began, its first home."""
    return latest(residences.household, residences.since, household, at)


def latest(owner: Ints, since: Ints, wanted: Ints, at: Ints) -> Ints:
    """Return for each wanted owner the last row that had begun at a moment, or the first; rows are sorted by owner and beginning."""
    span = np.int64(1) << 34  # seconds, 540 years
    keys = owner * span + np.clip(since, 0, None)
    found = np.searchsorted(keys, wanted * span + np.clip(at, 0, None), side="right") - 1
    first = np.searchsorted(owner, wanted)
    return np.maximum(found, first)

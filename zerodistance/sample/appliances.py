"""Appliances through the years: they age, fail, are replaced; need is the hidden cause. A month at a time, all places of a block at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import gamma
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerodistance.sample.calendar import BEGIN, DAY, HISTORY, HOUR, MONTHS, STARTS, month_of, within
from zerodistance.sample.contacts import Contacts
from zerodistance.sample.people import (
    ANNOYED,
    CHILD,
    LOST,
    PARTNER,
    PERSUADABLE,
    SURE,
    Bools,
    Floats,
    Households,
    People,
)
from zerodistance.sample.scatter import Ints, luck
from zerodistance.sample.world import World

CAUSES = ("death", "deterioration", "move", "renovation", "upgrade", "newborn", "first", "begin")
DEATH, DETERIORATION, MOVE, RENOVATION, UPGRADE, NEWBORN, FIRST, BEGINNING = range(8)
NONE, NEVER = -1, np.iinfo(np.int64).max
_LOOKING = 3  # months of need in which people only look, own value
_RECENT = 3  # months in which a purchase of others is felt: 90 days


@dataclass(frozen=True)
class Places:
    """Where an appliance stands or may come to stand: one row per household, category and number."""

    household: Ints
    category: Ints
    decider: Ints
    from_month: Ints


@dataclass
class Units:
    """Appliances, in the order in which they came."""

    place: list[Ints] = field(default_factory=list)
    ours: list[Bools] = field(default_factory=list)
    bought: list[Ints] = field(default_factory=list)
    worn_out: list[Ints] = field(default_factory=list)
    online: list[Bools] = field(default_factory=list)
    need: list[Ints] = field(default_factory=list)


@dataclass(frozen=True)
class Lives:
    """What happened to the appliances of a block. Times are seconds; numbers of units and needs count within the block.

    Attributes
    ----------
    units
        place, ours, bought, worn_out, online, need (-1: there from the start), retired (the largest number: in use).
    needs
        place, cause, started, old_unit, purchased (the largest number: still open), new_unit, ours, considers.
    faults
        unit, at, last (the fault ended its life).
    drawn
        campaign, person, treated, reached: who was drawn for a campaign, got its message, and had it delivered.
    outcomes
        campaign, place, p_without, p_with, luck: everybody in need who could be drawn.
    customer_from
        Second of the first purchase of the brand that each person decided.
    """

    places: Places
    units: dict[str, NDArray[Any]]
    needs: dict[str, NDArray[Any]]
    faults: dict[str, NDArray[Any]]
    drawn: dict[str, NDArray[Any]]
    outcomes: dict[str, NDArray[Any]]
    customer_from: Ints


def campaigns(world: World) -> list[tuple[int, int, bool]]:
    """Return month, category and whether it took place, of each campaign; those of the end were only drawn."""
    kinds = len(world.appliance.categories)
    first = month_of(world.silo.messages_from)
    order = [0, 4, 2, 6, 8, 11, 9, 7, 0, 4, 2, 6, 5, 1, 3, 10]  # own value: large appliances twice
    past = [(month, order[(month - first) % len(order)] % kinds, True) for month in range(first, HISTORY)]
    return past + [(HISTORY, category, False) for category in range(kinds)]


class _Run:
    """The state of all places while the months pass."""

    def __init__(
        self, world: World, block: int, seed: int, households: Households, people: People, contacts: Contacts
    ) -> None:
        self.contacts = contacts
        self.world, self.chance = world, luck(seed, world.number, block, "appliances")
        self.households, self.people = households, people
        self.places = _places(self.chance, world, households, people)
        many = len(self.places.household)
        self.unit, self.bought, self.dies = (np.full(many, NONE) for _ in range(3))
        self.need, self.need_month, self.dead = np.full(many, NONE), np.full(many, NONE), np.zeros(many, bool)
        self.unit_ours = np.zeros(many, bool)
        self.last_fault = np.zeros(many, dtype=np.int64)
        self.need_at = np.zeros(many, dtype=np.int64)
        self.considers = np.zeros(many, bool)
        self.recent = np.full((len(households) + 1, len(world.appliance.categories)), -99, dtype=np.int16)
        self.customer_from = np.full(len(people), NEVER)
        self.units, self.made, self.opened = Units(), 0, 0
        self.needs: dict[str, list[NDArray[Any]]] = {n: [] for n in ("place", "cause", "started", "old_unit", "considers")}  # fmt: skip
        self.bought_rows: list[tuple[Ints, Ints, Ints, Bools]] = []
        self.faults: list[tuple[Ints, Ints, Bools]] = []
        self.drawn: list[tuple[Ints, Ints, Bools, Bools]] = []
        self.outcomes: list[tuple[Any, ...]] = []
        self.births = np.zeros((len(households), MONTHS), bool)
        young = np.flatnonzero((people.role == CHILD) & (people.born >= BEGIN))
        month = np.searchsorted(STARTS, people.born[young], side="right") - 1
        self.births[people.household[young], month] = True

    def _life(self, category: Ints) -> Ints:
        shape, years = (
            np.array(self.world.appliance.life_shape)[category],
            np.array(self.world.appliance.life_years)[category],
        )
        scale = years / np.array([gamma(1 + 1 / k) for k in self.world.appliance.life_shape])[category]
        life = scale * 12 * (-np.log1p(-self.chance.random(len(category)))) ** (1 / shape)
        return np.asarray(np.clip(life, 6, 600)).astype(np.int64)

    def _add(self, place: Ints, at: Ints, month: Ints, life: Ints, ours: Bools, online: Bools) -> None:
        self.unit[place] = self.made + np.arange(len(place))
        self.made += len(place)
        self.bought[place], self.dies[place], self.unit_ours[place] = month, month + life, ours
        rows = (place, ours, at, at + life * (30 * DAY), online, self.need[place].copy())
        for column, value in zip(vars(self.units).values(), rows, strict=True):
            column.append(value)

    def start(self) -> None:
        """Put into the homes what stood there when the history begins."""
        place = np.flatnonzero(
            (self.places.from_month == 0) & (self.households.began[self.places.household] == 0)
        )
        life = self._life(self.places.category[place])
        age = (self.chance.random(len(place)) * np.minimum(life * 0.85, 168)).astype(np.int64) + 1
        ours = self.chance.random(len(place)) < self.world.brand.share
        at = BEGIN - age * 30 * DAY
        self._add(place, at, -age, life, ours, np.zeros(len(place), bool))

    def month(self, month: int) -> None:
        """Let one month pass."""
        fails = self._faults(month)
        self._open(month, fails)
        sent = self._campaigns(month)
        self._buy(month, sent)

    def _faults(self, month: int) -> Ints:
        """Let appliances fail; return the places where one died for good."""
        settings, age = self.world.appliance, (month - self.bought).astype(np.float32)
        has = (self.unit >= 0) & ~self.dead
        late = month >= self.dies - settings.deteriorating
        hazard = settings.repair * (1 + (age / settings.repair_age) ** 1.5) + settings.repair_late * late
        fault = has & (self.chance.random(len(has), dtype=np.float32) < hazard)
        dies = has & (month >= self.dies)
        place = np.flatnonzero(fault | dies)
        at = within(np.full(len(place), month), self.chance.random(len(place)) * 0.98)
        self.last_fault[place] = at
        for_good = dies[place] & (self.chance.random(len(place)) < self.world.need.death)
        self.faults.append((self.unit[place], at, for_good))
        mended = place[dies[place] & ~for_good]
        self.dies[mended] = month + self.chance.integers(
            12, 37, len(mended)
        )  # own value: a year to three more
        self.dead[place[for_good]] = True
        return place[for_good]

    def _open(self, month: int, fails: Ints) -> None:
        """Let needs arise."""
        settings, place = self.world.need, self.places
        free, has = self.need == NONE, (self.unit >= 0) & ~self.dead
        draw = self.chance.random((len(free), 2), dtype=np.float32)
        late = has & (month >= self.dies - self.world.appliance.deteriorating)
        home = place.household
        cause = np.full(len(free), NONE, dtype=np.int8)
        cause[has & (draw[:, 0] < settings.upgrade / 12)] = UPGRADE
        babies = np.isin(
            place.category,
            [self.world.appliance.categories.index(c) for c in settings.newborn_categories],
        )
        cause[has & babies & self.births[home, month] & (draw[:, 0] < settings.newborn)] = NEWBORN
        cause[late & (draw[:, 1] < settings.deterioration)] = DETERIORATION
        cause[has & self.households.renovations[home, month] & (draw[:, 0] < settings.renovation)] = (
            RENOVATION
        )
        cause[has & self.households.moves[home, month] & (draw[:, 0] < settings.move)] = MOVE
        began = self.households.began[home] == month
        cause[(self.unit == NONE) & (place.from_month == month) & (place.from_month > 0)] = FIRST
        cause[(self.unit == NONE) & began & (place.from_month <= month)] = BEGINNING
        cause[fails] = DEATH
        hit = np.flatnonzero(free & (cause >= 0))
        at = within(np.full(len(hit), month), self.chance.random(len(hit)) * 0.9)
        at = np.where(cause[hit] == DEATH, self.last_fault[hit], at)
        self._note(hit, cause[hit], at, month)

    def _note(self, hit: Ints, cause: NDArray[np.int8], at: Ints, month: int) -> None:
        brand = self.world.brand
        own = (self.unit[hit] >= 0) & self.unit_ours[hit]
        considers = self.chance.random(len(hit)) < np.where(own, brand.considers_owner, brand.considers)
        self.need[hit] = self.opened + np.arange(len(hit))
        self.opened += len(hit)
        self.need_month[hit], self.need_at[hit], self.considers[hit] = month, at, considers
        for name, value in (
            ("place", hit), ("cause", cause), ("started", at), ("old_unit", self.unit[hit].copy()), ("considers", considers)
        ):  # fmt: skip
            self.needs[name].append(value)

    def _campaigns(self, month: int) -> Bools:
        """Draw who gets the message of each campaign of the month; return the places whose decider did and that it is about."""
        sent = np.zeros(len(self.need), bool)
        for number, (when, category, real) in enumerate(campaigns(self.world)):
            if when != month:
                continue
            known = np.flatnonzero(self.customer_from < STARTS[month])
            about = (self.places.category == category) & (self.need >= 0) & (self.need_month < month)
            if real:
                person = known[self.chance.random(len(known)) < self.world.message.share]
                treated = self.chance.random(len(person)) >= self.world.message.held_out
                when_sent = np.full(len(person), STARTS[month] + 10 * HOUR)
                on_file = self.contacts.filed(person, when_sent) == self.contacts.phone(person, when_sent)
                arrives = self.chance.random(len(person)) < self.world.message.delivered
                self.drawn.append(
                    (np.full(len(person), number), person, treated, treated & on_file & arrives)
                )
                reached = np.zeros(len(self.people), bool)
                reached[person[treated & on_file & arrives]] = True
                sent |= about & reached[self.places.decider]
                listed = np.zeros(len(self.people), bool)
                listed[known] = True
                about &= listed[self.places.decider]
            self.outcomes.append((number, np.flatnonzero(about)))
        return sent

    def _hazard(self, place: Ints, month: int) -> tuple[Floats, Floats]:
        """Return the chance of a purchase this month, without and with a message."""
        settings, home = self.world.need, self.places.household[place]
        nothing = self.dead[place] | ((self.unit[place] == NONE) & (self.places.from_month[place] == 0))
        looking = month - self.need_month[place] < _LOOKING
        base = np.where(looking, settings.purchase_early, settings.purchase)
        base = np.where(nothing, settings.purchase_dead, base)
        others = np.concatenate([self.households.neighbours[home], self.households.friends[home]], axis=1)
        felt = (month - self.recent[others, self.places.category[place][:, None]] <= _RECENT).any(axis=1)
        temper = self.people.temperament[self.places.decider[place]]
        ready = np.select([temper == SURE, temper == LOST], [settings.sure, settings.lost], 1.0)
        without = np.minimum(base * ready * np.where(felt, settings.influence, 1.0), 0.95)
        effect = np.select(
            [temper == PERSUADABLE, temper == ANNOYED],
            [self.world.message.persuadable, self.world.message.annoyed],
            0.0,
        )
        return without, np.clip(without + effect, 0.0, 0.98)

    def _buy(self, month: int, sent: Bools) -> None:
        place = np.flatnonzero(self.need >= 0)
        without, with_message = self._hazard(place, month)
        draw = self.chance.random(len(place))
        at_place = np.full(len(self.need), NONE)
        at_place[place] = np.arange(len(place))
        self.outcomes = [
            one if len(one) > 2 else (*one, *(v[at_place[one[1]]] for v in (without, with_message, draw)))
            for one in self.outcomes
        ]
        bought = draw < np.where(sent[place], with_message, without)
        place = place[bought]
        self._take(place, month)

    def _take(self, place: Ints, month: int) -> None:
        """Let a new appliance come into each of these places."""
        chance, brand, many = self.chance, self.world.brand, len(place)
        earliest = np.maximum(
            np.maximum(self.need_at[place] + HOUR, self.last_fault[place] + HOUR), STARTS[month] + DAY // 2
        )
        end = STARTS[month + 1] - HOUR
        at = np.minimum(earliest, end) + (chance.random(many) * np.maximum(end - earliest, 0)).astype(
            np.int64
        )
        own = (self.unit[place] >= 0) & self.unit_ours[place]
        share = np.where(own, brand.repeat, brand.share) * np.where(
            self.considers[place], brand.considers_lift, 0.95
        )
        ours = chance.random(many) < share
        decider = self.places.decider[place]
        age = self.people.age(decider, at)
        online_share = brand.online_first + (brand.online_last - brand.online_first) * min(month / HISTORY, 1)
        online = chance.random(many) < online_share * np.where(age < 45, 1.25, 0.75)
        at = np.maximum(
            np.where(at % DAY < 7 * HOUR, at // DAY * DAY + 7 * HOUR + at % HOUR, at), earliest
        )  # nobody buys at night
        self.bought_rows.append((self.need[place].copy(), at, self.made + np.arange(many), ours))
        life = self._life(self.places.category[place])
        self._add(place, at, np.full(many, month), life, ours, online)
        np.minimum.at(self.customer_from, decider[ours], at[ours])
        self.recent[self.places.household[place], self.places.category[place]] = month
        self.need[place], self.dead[place], self.last_fault[place] = NONE, False, 0


def _places(chance: np.random.Generator, world: World, households: Households, people: People) -> Places:
    own, late = np.array(world.appliance.owned), np.array(world.appliance.late)
    many, kinds = len(households), len(own)
    wish = own[None, :] * (0.79 + 0.5 * households.means[:, None])
    count = np.floor(wish) + (chance.random((many, kinds)) < wish - np.floor(wish))
    home, category = np.nonzero(count)
    times = count[home, category].astype(np.int64)
    home, category = np.repeat(home, times), np.repeat(category, times)
    is_late = chance.random(len(home)) < late[category]
    began = households.began[home]
    later = began + 1 + ((MONTHS - 1 - began) * np.sqrt(chance.random(len(home)))).astype(np.int64)
    first = households.first_person[home]
    second = first + (households.size[home] > 1)
    has_partner = people.role[second] == PARTNER
    decider = np.where(has_partner & (chance.random(len(home)) < 0.42), second, first)
    return Places(home, category, decider, np.where(is_late, np.minimum(later, MONTHS - 1), 0))


def live(
    world: World, block: int, seed: int, households: Households, people: People, contacts: Contacts
) -> Lives:
    """Return what happened to the appliances of a block in every month."""
    run = _Run(world, block, seed, households, people, contacts)
    run.start()
    for month in range(MONTHS):
        run.month(month)
    return Lives(
        run.places,
        _units(run),
        _needs(run),
        _joined(run.faults, ("unit", "at", "last")),
        _joined(run.drawn, ("campaign", "person", "treated", "reached")),
        _outcomes(run),
        run.customer_from,
    )


def _joined(rows: list[Any], names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([row[column] for row in rows]) for column, name in enumerate(names)}


def _units(run: _Run) -> dict[str, NDArray[Any]]:
    units = {name: np.concatenate(parts) for name, parts in vars(run.units).items()}
    retired = np.full(run.made, NEVER)
    order = np.lexsort((units["bought"], units["place"]))
    follows = units["place"][order][1:] == units["place"][order][:-1]
    retired[order[:-1][follows]] = units["bought"][order[1:][follows]]
    return {**units, "retired": retired}


def _needs(run: _Run) -> dict[str, NDArray[Any]]:
    needs = {name: np.concatenate(parts) for name, parts in run.needs.items()}
    bought = _joined(run.bought_rows, ("need", "at", "unit", "ours"))
    purchased, new = np.full(run.opened, NEVER), np.full(run.opened, NONE)
    ours = np.zeros(run.opened, bool)
    purchased[bought["need"]], new[bought["need"]], ours[bought["need"]] = (
        bought["at"],
        bought["unit"],
        bought["ours"],
    )
    return {**needs, "purchased": purchased, "new_unit": new, "ours": ours}


def _outcomes(run: _Run) -> dict[str, NDArray[Any]]:
    rows = [(np.full(len(place), number), place, *rest) for number, place, *rest in run.outcomes]
    return _joined(rows, ("campaign", "place", "p_without", "p_with", "luck"))

"""One block of the city with everything that happened in it; what each system of the brand exports is drawn from here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zerodistance.sample import appliances, contacts, names, people, places, scatter
from zerodistance.sample.appliances import Lives
from zerodistance.sample.calendar import BEGIN, HISTORY, STARTS, UNTIL, month_of
from zerodistance.sample.contacts import Contacts
from zerodistance.sample.people import Bools, Floats, Households, People, Residences
from zerodistance.sample.render import join
from zerodistance.sample.scatter import PER_BLOCK, Ints
from zerodistance.sample.world import World

PERSON, HOUSEHOLD, UNIT, NEED, FAULT = (n * 100_000_000_000 for n in (71, 72, 73, 74, 75))
"""What ids of the truth begin with: 13 digits, so that none of them is met by chance in a silo."""
TECHNICIANS = 400  # per million people, own value
_ID_KINDS = (
    "crm", "club", "pos_haiping", "pos_baiju", "pos_linan", "shop", "calls", "visits", "web", "social", "devices", "telemetry", "faults",
    "messages", "serial", "device", "cookie", "handle", "message", "customer", "receipt", "ticket",
)  # fmt: skip


@dataclass(frozen=True)
class Products:
    """What the brand sells, in the order of data/products.csv."""

    code: list[str]
    category: Ints
    price: Ints
    first: Ints
    last: Ints
    connected: Bools


@dataclass(frozen=True)
class FaultCodes:
    """What an appliance may show when it fails, in the order of data/faults.csv."""

    code: list[str]
    category: Ints
    weight: Floats
    topic: list[str]
    symptom: list[str]


@cache
def products(categories: tuple[str, ...]) -> Products:
    """Return what the brand sells."""
    rows = names.rows("products.csv")
    numbers = {
        name: np.array([int(row[name]) for row in rows])
        for name in ("price", "from_year", "to_year", "connected")
    }
    return Products(
        [row["code"] for row in rows],
        np.array([categories.index(row["category"]) for row in rows]),
        numbers["price"],
        numbers["from_year"],
        numbers["to_year"],
        numbers["connected"].astype(bool),
    )


@cache
def fault_codes(categories: tuple[str, ...]) -> FaultCodes:
    """Return what an appliance may show when it fails."""
    rows = names.rows("faults.csv")
    return FaultCodes(
        [row["code"] for row in rows],
        np.array([categories.index(row["category"]) for row in rows]),
        np.array([float(row["weight"]) for row in rows]),
        [row["topic"] for row in rows],
        [row["symptom"] for row in rows],
    )


@dataclass(frozen=True)
class Sales:
    """What the brand sold in the block, in the order of units; a sale before the history is none."""

    unit: Ints
    person: Ints
    at: Ints
    online: Bools


class Town:
    """One block and its history.

    Attributes
    ----------
    product
        Of each unit: what it is in `products`, -1 if it is of another brand.
    connected
        Of each unit: it can report itself.
    """

    def __init__(self, world: World, seed: int, block: places.Block, city_people: int) -> None:
        self.world, self.seed, self.block, self.number = world, seed, block, block.number
        self.estates, self.city_people = block.estates, city_people
        found: tuple[Households, Residences, People] = people.settle(block, seed, world)
        self.households, self.residences, self.people = found
        self.contacts: Contacts = contacts.reach(self.people, self.number, seed, world)
        self.lives: Lives = appliances.live(
            world, self.number, seed, self.households, self.people, self.contacts
        )
        chance = self.luck("traits")
        self.products = products(world.appliance.categories)
        self.fault_codes = fault_codes(world.appliance.categories)
        units = self.lives.units
        self.category: Ints = self.lives.places.category[units["place"]]
        self.decider: Ints = self.lives.places.decider[units["place"]]
        self.home: Ints = self.lives.places.household[units["place"]]
        self.product = self._products(chance)
        self.connected = self._connected(chance)
        self.app_user = chance.random(len(self.people)) < world.web.app_user * (
            0.5 + self.people.engagement * 1.5
        )
        sold = np.flatnonzero(units["ours"] & (units["bought"] >= BEGIN) & (units["bought"] < UNTIL))
        self.sales = Sales(sold, self.decider[sold], units["bought"][sold], units["online"][sold])
        self.fault_code = self._faults(chance)
        self.member_from = self._members(chance)

    def unfair(self, person: Ints) -> Floats:
        """Return how many times as often as the mean each cancels, sends back and misses a visit: three times without integrity, never with all of it."""
        found: Floats = 3.0 * (1.0 - self.people.integrity[person])
        return found

    def luck(self, stage: str) -> np.random.Generator:
        """Return the chance of one stage of this block."""
        return scatter.luck(self.seed, self.world.number, self.number, stage)

    def ids(self, kind: str, many: int | Ints) -> Ints:
        """Return ids that a system gives out: 11 digits at most, another for each row or each number within the block."""
        local = np.arange(many) if isinstance(many, int) else many
        return scatter.scattered(self.number * PER_BLOCK + local, self.seed, 20 + _ID_KINDS.index(kind))

    def coded(self, kind: str, prefix: str, many: int | Ints) -> pa.Array:
        """Return ids as text: a prefix and 11 digits."""
        return join(prefix, scatter.digits(self.ids(kind, many), 11))

    def person_id(self, person: Ints) -> pa.Array:
        """Return the truth's ids of people; -1 is null."""
        return self._truth_id(PERSON, person)

    def household_id(self, person: Ints) -> pa.Array:
        """Return the truth's ids of the households of people; -1 is null."""
        return self._truth_id(
            HOUSEHOLD, np.where(person < 0, -1, self.people.household[np.maximum(person, 0)])
        )

    def _truth_id(self, begin: int, local: Ints) -> pa.Array:
        return pa.array(begin + self.number * PER_BLOCK + local, mask=np.asarray(local) < 0)

    def _products(self, chance: np.random.Generator) -> Ints:
        """Choose a model for each unit of the brand: sold that year, dearer for those who can spend more."""
        units, table = self.lives.units, self.products
        year = units["bought"].astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
        out = np.full(len(year), -1)
        wish = np.clip(self.households.means[self.home] + chance.normal(0, 0.25, len(year)), 0, 0.999)
        for category in range(len(self.world.appliance.categories)):
            kinds = np.flatnonzero(table.category == category)
            for when in np.unique(year):
                sold = kinds[(table.first[kinds] <= when) & (table.last[kinds] >= when)]
                sold = sold if len(sold) else kinds[:1]
                mask = np.flatnonzero(units["ours"] & (self.category == category) & (year == when))
                out[mask] = sold[(wish[mask] * len(sold)).astype(np.int64)]
        return out

    def _connected(self, chance: np.random.Generator) -> Bools:
        brand = self.world.brand
        start = month_of(self.world.silo.devices_from)
        month = np.searchsorted(STARTS, self.lives.units["bought"], side="right") - 1
        grown = np.clip((month - start) / (HISTORY - start), 0, 1)
        share = brand.connected_first + (brand.connected_last - brand.connected_first) * grown
        fine = (self.product >= 0) & (month >= start) & self.products.connected[self.product]
        return np.asarray(fine & (chance.random(len(fine)) < share))

    def _faults(self, chance: np.random.Generator) -> Ints:
        """Choose what each fault shows."""
        category = self.category[self.lives.faults["unit"]]
        out = np.zeros(len(category), dtype=np.int64)
        for kind in range(len(self.world.appliance.categories)):
            codes = np.flatnonzero(self.fault_codes.category == kind)
            weight = self.fault_codes.weight[codes]
            mask = np.flatnonzero(category == kind)
            out[mask] = chance.choice(codes, size=len(mask), p=weight / weight.sum())
        return out

    def _members(self, chance: np.random.Generator) -> Ints:
        """Return when each person joins the club: at a purchase of the brand, if at all. Seconds."""
        start = STARTS[month_of(self.world.silo.club_from)]
        joins = chance.random(len(self.sales.at)) < self.world.silo.member * (
            0.6 + self.people.engagement[self.sales.person] * 1.2
        )
        joins &= self.sales.at >= start
        out = np.full(len(self.people), appliances.NEVER)
        np.minimum.at(out, self.sales.person[joins], self.sales.at[joins] + 3600)
        return out


def technicians(city_people: int) -> int:
    """Return how many technicians a city has."""
    return max(3, round(TECHNICIANS * city_people / 1_000_000))


def zipf(chance: np.random.Generator, many: int, kinds: int) -> NDArray[Any]:
    """Return choices of which the first is the most frequent."""
    weight = 1 / np.arange(1, kinds + 1)
    return chance.choice(kinds, size=many, p=weight / weight.sum())

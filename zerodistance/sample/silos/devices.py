"""Connected appliances: bound to an account, weekly summaries, faults that they report themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zerodistance.sample import dirt
from zerodistance.sample.appliances import NEVER
from zerodistance.sample.calendar import DAY, HOUR, UNTIL, start_of
from zerodistance.sample.digital import Digital, device_text
from zerodistance.sample.render import Rows, day, objects, pick, quoted, tenths, where, whole, zoned
from zerodistance.sample.scatter import Ints
from zerodistance.sample.silos.club import serial_text
from zerodistance.sample.silos.shop import account_text
from zerodistance.sample.town import Town

WEEK = 7 * DAY
_MONDAY = 4 * DAY  # 1970-01-05
_CYCLES = {"fridge": 0.0, "freezer": 0.0, "washer": 4.5, "dryer": 3.0, "dishwasher": 4.0, "air_conditioner": 6.0, "air_purifier": 5.0,
           "water_heater": 9.0, "water_purifier": 20.0, "range_hood": 9.0, "stove": 10.0, "tv": 12.0}  # fmt: skip
_KWH = {"fridge": 5.5, "freezer": 6.0, "washer": 2.2, "dryer": 4.5, "dishwasher": 3.5, "air_conditioner": 18.0, "air_purifier": 2.0,
        "water_heater": 14.0, "water_purifier": 0.6, "range_hood": 1.2, "stove": 0.1, "tv": 5.0}  # fmt: skip
"""Uses and kilowatt hours a week, own values."""


def rows(town: Town, side: Digital) -> Iterator[Rows]:
    """Yield bindings, weekly summaries and reported faults."""
    chance = town.luck("ids")
    yield _bindings(town, side, chance)
    yield _weeks(town, side, chance)
    yield _faults(town, side, chance)


def _bindings(town: Town, side: Digital, chance: np.random.Generator) -> Rows:
    many, missing = len(side.unit), town.world.dirt.device_missing
    known = side.bound + chance.integers(5, 7_200, many)
    phone = dirt.typed_phone(town, chance, side.person, side.bound, family=False)
    text = dirt.phone_text(chance, phone, np.zeros(many, bool), missing[0], (0.95, 0.0, 0.0, 0.05))
    serial = where(chance.random(many) < missing[1], None, serial_text(town, side.unit))
    record = town.coded("devices", "D", many)
    line = objects(
        binding=quoted(record), device_id=quoted(device_text(town, side.unit)),
        product=quoted(pick(town.products.code, np.maximum(town.product[side.unit], 0))), serial=quoted(serial),
        account=quoted(account_text(town, side.person)), mobile=quoted(text), bound_at=quoted(zoned(side.bound)),
        synced_at=quoted(zoned(known)),
    )  # fmt: skip
    return Rows("devices", known, side.person, record, {"line": line}).before(UNTIL)


def _weeks(town: Town, side: Digital, chance: np.random.Generator) -> Rows:
    start = start_of(town.world.silo.telemetry_from)
    first = (np.maximum(side.bound, start) - _MONDAY) // WEEK + 1
    last = (np.minimum(side.quiet, UNTIL) - _MONDAY) // WEEK - 1
    times = np.maximum(last - first + 1, 0)
    of = np.repeat(np.arange(len(times)), times)
    week = first[of] + np.arange(len(of)) - (np.cumsum(times) - times)[of]
    heard = chance.random(len(of)) < 0.94  # own value: a week that was not lost
    of, week = of[heard], week[heard]
    begin = _MONDAY + week * WEEK
    unit, categories = side.unit[of], town.world.appliance.categories
    category = town.category[unit]
    people = town.households.size[town.home[unit]]
    late = begin > town.lives.units["worn_out"][unit] - town.world.appliance.deteriorating * 30 * DAY
    cycles = chance.poisson(np.array([_CYCLES[c] for c in categories])[category] * (0.4 + 0.25 * people))
    kwh = np.array([_KWH[c] for c in categories])[category] * np.exp(chance.normal(0.15 * late, 0.25))
    hours = np.where(cycles > 0, cycles * chance.uniform(0.6, 1.4, len(of)), 168.0 * (category < 2))
    warnings = chance.poisson(np.where(late, 0.22, 0.02))
    known = begin + WEEK + chance.integers(HOUR, 40 * HOUR, len(of))
    device = pick(device_text(town, side.unit), of)
    record = town.coded("telemetry", "W", len(of))
    line = objects(
        summary=quoted(record), device_id=quoted(device), week=quoted(day(begin)), synced_at=quoted(zoned(known)),
        product=quoted(pick(town.products.code, np.maximum(town.product[unit], 0))), cycles=whole(cycles), hours=tenths(hours),
        kwh=tenths(kwh), warnings=whole(warnings),
    )  # fmt: skip
    found = Rows("telemetry", known, side.person[of], record, {"line": line})
    return found.before(UNTIL)


def _faults(town: Town, side: Digital, chance: np.random.Generator) -> Rows:
    faults = town.lives.faults
    at_side = np.full(len(town.product), -1)
    at_side[side.unit] = np.arange(len(side.unit))
    of = at_side[faults["unit"]]
    heard = (of >= 0) & (faults["at"] > side.bound[of]) & (faults["at"] < np.minimum(side.quiet, NEVER)[of])
    fault = np.flatnonzero(heard & (chance.random(len(of)) < 0.85))  # own value: the appliance notices itself
    at, bound = faults["at"][fault], of[fault]
    unit: Ints = faults["unit"][fault]
    known = at + chance.integers(2, 1_800, len(fault))
    record = town.coded("faults", "F", len(fault))
    line = objects(
        fault_no=quoted(record), device_id=quoted(device_text(town, unit)),
        product=quoted(pick(town.products.code, np.maximum(town.product[unit], 0))),
        code=quoted(pick(town.fault_codes.code, town.fault_code[fault])), at=quoted(zoned(at)), synced_at=quoted(zoned(known)),
    )  # fmt: skip
    return Rows("faults", known, side.person[bound], record, {"line": line}).before(UNTIL)

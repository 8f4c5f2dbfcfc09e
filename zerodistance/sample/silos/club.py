"""The member club: who joined, which products were registered by QR code, points that came and went."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zerodistance.sample import dirt
from zerodistance.sample.calendar import DAY, UNTIL
from zerodistance.sample.people import YEAR
from zerodistance.sample.render import Rows, join, pick, where
from zerodistance.sample.scatter import Ints, digits
from zerodistance.sample.town import Town

EVENTS = ("join", "register", "earn", "redeem")
CHANNELS = ("门店扫码", "App", "小程序", "网店")


def serial_text(town: Town, unit: Ints) -> pa.Array:
    """Return the serial numbers on the QR codes of appliances."""
    return town.coded("serial", "S", unit)


def rows(town: Town) -> Iterator[Rows]:
    """Yield what members did."""
    chance = town.luck("club")
    event, person, at, unit, points = _acts(town, chance)
    many, missing = len(person), town.world.dirt.club_missing
    joins, tested = event == 0, dirt.tests(town, chance, len(person)) & (event == 0)
    known = np.where(event == 1, at + chance.integers(0, 2 * DAY, many), at + chance.integers(1, 900, many))
    phone = dirt.phone_text(
        chance, dirt.typed_phone(town, chance, person, at, family=False), tested, missing[1], (0.99, 0.0, 0.0, 0.01)
    )  # fmt: skip
    sex = pick(
        ("F", "M", ""),
        np.where(chance.random(many) < town.world.dirt.sex_missing[1], 2, ~town.people.female[person]),
    )
    code = pick(town.products.code, np.maximum(town.product[unit], 0))
    record = town.coded("club", "C", many)
    payload: dict[str, Any] = {
        "event_no": record,
        "event": pick(EVENTS, event),
        "occurred_at": pa.array(at * 1_000).cast(pa.timestamp("ms")),
        "recorded_at": pa.array(known * 1_000).cast(pa.timestamp("ms")),
        "member_no": join("M", digits(town.contacts.member[person], 11)),
        "name": where(joins, dirt.name_text(town, chance, person, missing[0], tested), None),
        "mobile": where(joins, phone, None),
        "email": where(joins, dirt.email_text(town, chance, person, at, missing[3]), None),
        "gender": where(joins, sex, None),
        "birthday": where(joins, dirt.birthday_text(town, chance, person, missing[2]), None),
        "channel": pick(CHANNELS, chance.choice(4, size=many, p=(0.3, 0.3, 0.25, 0.15))),
        "product_code": where(event == 1, code, None),
        "serial": where(event == 1, serial_text(town, unit), None),
        "points": pa.array(points, mask=event < 2),
    }
    yield Rows("club", known, person, record, payload).before(UNTIL)


def _acts(
    town: Town, chance: np.random.Generator
) -> tuple[NDArray[Any], Ints, Ints, Ints, NDArray[np.int32]]:
    """Return event, person, time, unit and points of everything that members did."""
    member = np.flatnonzero(town.member_from < UNTIL)
    since, sales = town.member_from[member], town.sales
    late = town.member_from[sales.person] < UNTIL
    shown = late & (chance.random(len(late)) < town.world.silo.registers)
    registers = np.flatnonzero(shown & (sales.at >= town.member_from[sales.person] - 2 * YEAR))
    person, unit = sales.person[registers], sales.unit[registers]
    at = np.maximum(sales.at[registers], town.member_from[person]) + chance.integers(
        3600, 20 * DAY, len(registers)
    )
    bought = np.flatnonzero(late & (sales.at >= town.member_from[sales.person]))
    spent = town.products.price[town.product[sales.unit[bought]]] // 10
    acts = [
        (0, member, since, np.zeros_like(member), np.zeros_like(member)),
        (1, person, at, unit, np.zeros_like(unit)),
        (2, sales.person[bought], sales.at[bought] + 86_000, np.zeros_like(bought), spent),
    ]
    eager = town.people.engagement[member]
    for event, rate in ((2, town.world.silo.check_in), (3, town.world.silo.redeem)):
        years = (UNTIL - since) / YEAR
        times = chance.poisson(rate * years * (0.2 + eager * 2.2))
        who = np.repeat(np.arange(len(member)), times)
        when = since[who] + (chance.random(len(who)) * (UNTIL - since[who])).astype(np.int64)
        value = chance.choice((5, 10, 20, 50), size=len(who)) if event == 2 else -chance.choice((100, 200, 500), size=len(who))  # fmt: skip
        acts.append((event, member[who], when, np.zeros_like(who), value))
    events = np.concatenate([np.full(len(act[1]), act[0], dtype=np.int8) for act in acts])
    person, at, unit, points = (np.concatenate([act[column] for act in acts]) for column in range(1, 5))
    return events, person, at, unit, points.astype(np.int32)

"""After-sales: calls and visits of technicians, with what was said and noted as free text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zerodistance.sample import dirt, texts
from zerodistance.sample.calendar import BEGIN, DAY, HOUR, UNTIL, by_day, start_of
from zerodistance.sample.render import Rows, join, line, pick, stamp, where, whole
from zerodistance.sample.scatter import Ints
from zerodistance.sample.silos.club import serial_text
from zerodistance.sample.town import Town

CALLS = "call_no,ticket,opened_at,closed_at,line,phone,caller,address,product,fault,reason,seconds,text"
VISITS = "visit_no,ticket,visited_at,reported_at,technician,phone,product,serial,fault,result,minutes,fee,rating,text"
REASONS = ("报修", "安装", "移机", "咨询", "保养", "投诉")
FAULT, INSTALL, MOVE, QUESTION, CARE, MONEY = range(6)
_SAID = (
    "call_fault_bad",
    "call_fault_plain",
    "call_install",
    "call_install_bad",
    "call_move",
    "call_question",
    "call_maintenance",
    "call_money",
)
_NOTED = ("visit_fixed", "visit_open", "visit_install", "visit_move")
_FIXED_PLACE = ("air_conditioner", "water_heater", "water_purifier", "range_hood", "stove", "dishwasher")
"""Categories that a technician installs and moves."""


@dataclass(frozen=True)
class Calls:
    """Why people called: one row each. `fault` is the place among the block's faults, -1: none."""

    kind: Ints
    person: Ints
    at: Ints
    unit: Ints
    fault: Ints

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True)
class Texts:
    """What texts are really about, for the truth; `fault` as in `Calls`."""

    silo: str
    record: pa.Array
    person: Ints
    topic: pa.Array
    sentiment: NDArray[np.int8]
    about: pa.Array
    nature: pa.Array
    category: pa.Array
    fault: Ints


@dataclass(frozen=True)
class Service:
    """What after-sales knows of a block, and when each fault was mended (the largest number: never)."""

    calls: Rows
    visits: Rows
    texts: list[Texts]
    callers: tuple[Ints, Ints]
    told: NDArray[np.bool_]
    repaired: Ints


def serve(town: Town) -> Service:
    """Return the calls and visits of a block."""
    chance = town.luck("service")
    why = _reasons(town, chance)
    said = np.select(
        [why.kind == FAULT, why.kind == INSTALL, why.kind == MOVE, why.kind == QUESTION, why.kind == CARE],
        [
            1 - (chance.random(len(why)) < 0.45),
            2 + (chance.random(len(why)) < 0.12),
            np.full(len(why), 4),
            np.full(len(why), 5),
            np.full(len(why), 6),
        ],
        7,
    )
    ticket = town.coded("ticket", "T", len(why))
    calls = _calls(town, chance, why, said, ticket)
    visits, noted, of_call, came = _visits(town, chance, why, ticket)
    told = np.zeros(len(town.lives.faults["at"]), bool)
    told[why.fault[why.fault >= 0]] = True
    repaired = np.full(len(told), np.iinfo(np.int64).max)
    mended = (noted == 0) & (why.fault[of_call] >= 0)
    repaired[why.fault[of_call[mended]]] = came[mended]
    fine_calls, fine_visits = calls.known < UNTIL, visits.known < UNTIL
    missed = _missed(town, why, ticket, of_call, came)
    about = [
        _texts(town, "calls", why, said, _SAID, calls.record, np.arange(len(why)), fine_calls),
        _texts(town, "visits", why, noted, _NOTED, visits.record, of_call, fine_visits),
    ]
    return Service(
        calls.before(UNTIL),
        visits.and_those(missed).before(UNTIL),
        about,
        (why.person, why.at),
        told,
        repaired,
    )


def rows(service: Service) -> Iterator[Rows]:
    """Yield the rows of both files."""
    yield service.calls
    yield service.visits


def _reasons(town: Town, chance: np.random.Generator) -> Calls:
    settings, lives, start = town.world.silo, town.lives, start_of(town.world.silo.calls_from)
    faults, sales, units = lives.faults, town.sales, lives.units
    told = (
        units["ours"][faults["unit"]]
        & (faults["at"] >= BEGIN)
        & (chance.random(len(faults["at"])) < settings.told)
    )
    fault = np.flatnonzero(told)
    installed = np.isin(
        town.category[sales.unit], [town.world.appliance.categories.index(c) for c in _FIXED_PLACE]
    )
    install = np.flatnonzero(installed & (chance.random(len(installed)) < settings.installation_call))
    money = np.flatnonzero(chance.random(len(sales.at)) < 0.02)
    asked = np.repeat(
        np.arange(len(units["ours"])), chance.poisson(settings.question_call * 15, len(units["ours"]))
    )
    asked = asked[units["ours"][asked]]
    asked_at = BEGIN + (chance.random(len(asked)) * (UNTIL - BEGIN)).astype(np.int64)
    has = (units["bought"][asked] < asked_at) & (units["retired"][asked] > asked_at)
    asked, asked_at = asked[has], asked_at[has]
    moved, moved_at = _moves(town, chance)
    day = 20 * HOUR
    parts = (
        (FAULT, faults["unit"][fault], faults["at"][fault] + chance.integers(HOUR, 3 * DAY, len(fault)), fault),
        (INSTALL, sales.unit[install], sales.at[install] + chance.integers(DAY, 6 * DAY, len(install)), None),
        (MONEY, sales.unit[money], sales.at[money] + chance.integers(day, 9 * DAY, len(money)), None),
        (MOVE, moved, moved_at, None),
        (QUESTION, asked, asked_at, None),
    )  # fmt: skip
    kind = np.concatenate([np.full(len(part[1]), part[0]) for part in parts])
    kind[(kind == QUESTION) & (chance.random(len(kind)) < 0.4)] = CARE
    unit, at = (np.concatenate([part[column] for part in parts]) for column in (1, 2))
    caused = np.concatenate([np.full(len(part[1]), -1) if part[3] is None else part[3] for part in parts])
    person = _caller(town, chance, unit)
    fine = (at >= start) & (at < UNTIL) & (town.people.age(person, at) > 16)
    return Calls(kind[fine], person[fine], by_day(at, chance)[fine], unit[fine], caused[fine])


def _moves(town: Town, chance: np.random.Generator) -> tuple[Ints, Ints]:
    """Return the brand's fixed appliances that are taken along at a move, and when the brand is called for it."""
    units, homes = town.lives.units, town.residences
    moved = np.flatnonzero(
        (np.append(-1, homes.household[:-1]) == homes.household)
        & (chance.random(len(homes.home)) < town.world.silo.move_call)
    )
    movable = [town.world.appliance.categories.index(c) for c in ("air_conditioner", "water_heater")]
    unit = np.flatnonzero(units["ours"] & np.isin(town.category, movable))
    order = np.argsort(town.home[unit], kind="stable")
    unit = unit[order]
    first = np.searchsorted(town.home[unit], homes.household[moved])
    many = np.searchsorted(town.home[unit], homes.household[moved], side="right") - first
    row = np.repeat(np.arange(len(moved)), many)
    taken = unit[first[row] + np.arange(len(row)) - (np.cumsum(many) - many)[row]]
    at = homes.since[moved][row] + chance.integers(-10, 6, len(row)) * DAY
    fine = (units["bought"][taken] < at - 30 * DAY) & (units["retired"][taken] > at)
    return taken[fine], at[fine]


def _caller(town: Town, chance: np.random.Generator, unit: Ints) -> Ints:
    """Return who calls: mostly who decides, else somebody of the household."""
    household = town.home[unit]
    size = town.households.size[household]
    other = town.households.first_person[household] + (chance.random(len(unit)) * size).astype(np.int64)
    return np.where(chance.random(len(unit)) < 0.75, town.decider[unit], other)


def _symptom(town: Town, why: Calls) -> pa.Array:
    code = np.where(why.fault >= 0, town.fault_code[why.fault], 0)
    return where(why.fault >= 0, pick(town.fault_codes.symptom, code), None)


def _model(town: Town, chance: np.random.Generator, unit: Ints, missing: float) -> pa.Array:
    return where(
        chance.random(len(unit)) < missing, None, pick(town.products.code, np.maximum(town.product[unit], 0))
    )


def _calls(town: Town, chance: np.random.Generator, why: Calls, said: Ints, ticket: pa.Array) -> Rows:
    many, missing = len(why), town.world.dirt.call_missing
    tested = np.zeros(many, bool)
    _, installers = dirt.technician(town, chance, many)
    phone = np.where(
        chance.random(many) < town.world.dirt.installer_phone,
        installers,
        dirt.typed_phone(town, chance, why.person, why.at),
    )
    wrong = chance.random(many) < town.world.silo.wrong_reason
    reason = np.where(wrong, chance.integers(0, len(REASONS), many), why.kind)
    code = np.where(why.fault >= 0, town.fault_code[why.fault], 0)
    fault = where((why.fault >= 0) & (chance.random(many) < 0.6), pick(town.fault_codes.code, code), None)
    seconds = np.clip(np.exp(chance.normal(5.1, 0.6, many)), 20, 3000).astype(np.int64)
    known, record = why.at + seconds, town.coded("calls", "L", many)
    categories = town.world.appliance.categories
    text = texts.say(
        chance,
        said,
        _SAID,
        town.category[why.unit],
        categories,
        _symptom(town, why),
        town.world.silo.sentences,
    )
    cells = line(
        record, ticket, stamp(why.at), stamp(known), pick(("400", "9500", "微信"), chance.choice(3, size=many, p=(0.7, 0.2, 0.1))),
        dirt.phone_text(chance, phone, tested, missing[1], (0.97, 0.0, 0.0, 0.03)),
        dirt.name_text(town, chance, why.person, missing[0], tested),
        dirt.address_text(town, chance, why.person, why.at, missing[2]),
        _model(town, chance, why.unit, town.world.dirt.product_missing), fault, pick(REASONS, reason), whole(seconds), text,
    )  # fmt: skip
    return Rows("calls", known, why.person, record, {"line": cells})


def _visits(
    town: Town, chance: np.random.Generator, why: Calls, ticket: pa.Array
) -> tuple[Rows, Ints, Ints, Ints]:
    wanted = np.select([why.kind == FAULT, (why.kind == INSTALL) | (why.kind == MOVE)], [town.world.silo.visited, 0.85], 0.0)  # fmt: skip
    wanted = np.where(why.kind == CARE, 0.7, wanted)
    of = np.flatnonzero(chance.random(len(why)) < wanted)
    many, kind, fault, unit = len(of), why.kind[of], why.fault[of], why.unit[of]
    failed = (fault >= 0) & (chance.random(many) > town.world.silo.satisfied)
    noted = np.select([kind == INSTALL, kind == MOVE], [2, 3], np.where(failed, 1, 0))
    at = by_day(why.at[of] + chance.integers(1, 6, many) * DAY, chance, 8, 18)
    known = at + chance.integers(HOUR, 30 * HOUR, many)
    number, _ = dirt.technician(town, chance, many)
    numb = np.zeros(many, bool)
    code = np.where(fault >= 0, town.fault_code[fault], 0)
    rating = np.where(failed, chance.integers(1, 4, many), chance.choice((4, 5), size=many, p=(0.3, 0.7)))
    symptom = where(fault >= 0, pick(town.fault_codes.symptom, code), "正常")
    text = texts.say(
        chance,
        noted,
        _NOTED,
        town.category[unit],
        town.world.appliance.categories,
        symptom,
        town.world.silo.sentences,
    )
    record, missing = town.coded("visits", "V", many), town.world.dirt.visit_missing
    person = why.person[of]
    cells = line(
        record, pick(ticket, of), stamp(at), stamp(known), join("J", whole(number + 1000)),
        dirt.phone_text(chance, dirt.typed_phone(town, chance, person, why.at[of]), numb, missing[0]),
        _model(town, chance, unit, missing[2]), where(chance.random(many) < missing[1], None, serial_text(town, unit)),
        where((fault >= 0) & (chance.random(many) < 0.9), pick(town.fault_codes.code, code), None),
        pick(("完成", "待件", "未修复"), np.where(failed, chance.integers(1, 3, many), 0)),
        whole(chance.integers(15, 150, many)), whole(np.where(chance.random(many) < 0.6, 0, chance.integers(3, 40, many) * 10)),
        where(chance.random(many) < 0.45, whole(rating), None), text,
    )  # fmt: skip
    return Rows("visits", known, person, record, {"line": cells}), noted, of, at


def _missed(town: Town, why: Calls, ticket: pa.Array, of_call: Ints, came: Ints) -> Rows:
    """Return the visits before those at which somebody was at home; nothing is noted, and another one is agreed."""
    chance = town.luck("missed")
    person = why.person[of_call]
    often = np.minimum(town.world.silo.missed * town.unfair(person), 1.0)
    at = came - chance.integers(1, 4, len(of_call)) * DAY
    some = np.flatnonzero((chance.random(len(of_call)) < often) & (at > why.at[of_call]))
    of, person, at, many = of_call[some], person[some], at[some], len(some)
    number, _ = dirt.technician(town, chance, many)
    known = at + chance.integers(HOUR, 30 * HOUR, many)
    missing = town.world.dirt.visit_missing
    record = town.coded("visits", "V", len(of_call) + np.arange(many))
    nothing = pa.nulls(many, pa.string())
    cells = line(
        record, pick(ticket, of), stamp(at), stamp(known), join("J", whole(number + 1000)),
        dirt.phone_text(chance, dirt.typed_phone(town, chance, person, why.at[of]), np.zeros(many, bool), missing[0]),
        _model(town, chance, why.unit[of], missing[2]), nothing, nothing, pa.array(["客户不在"] * many, pa.string()),
        whole(chance.integers(5, 20, many)), whole(np.zeros(many, np.int64)), nothing, nothing,
    )  # fmt: skip
    return Rows("visits", known, person, record, {"line": cells})


_TOPICS = {INSTALL: "installation", MOVE: "moving", QUESTION: "question", CARE: "maintenance", MONEY: "price"}


def topics(town: Town, fault: Ints, otherwise: list[str], code: NDArray[Any]) -> pa.Array:
    """Return what texts are about: what the fault shows, or the topic of their group."""
    shown = pick(town.fault_codes.topic, np.where(fault >= 0, town.fault_code[fault], 0))
    return where(fault >= 0, shown, pick(otherwise, code))


def _texts(
    town: Town, silo: str, why: Calls, group: Ints, names: tuple[str, ...], record: pa.Array, of: Ints, fine: NDArray[np.bool_]
) -> Texts:  # fmt: skip
    kept = np.flatnonzero(fine)
    of, group = of[kept], group[kept]
    labels = [_TOPICS.get(kind, "not_working") for kind in range(len(REASONS))]
    return Texts(
        silo,
        pick(record, kept),
        why.person[of],
        topics(town, why.fault[of], labels, why.kind[of]),
        texts.sentiment(names, group),
        texts.fact(names, group, "about"),
        texts.fact(names, group, "nature"),
        pick(town.world.appliance.categories, town.category[why.unit[of]]),
        why.fault[of],
    )

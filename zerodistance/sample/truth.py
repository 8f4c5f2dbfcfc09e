"""The truth of a block as tables of the form that docs/sample.md gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zerodistance.sample import names, places, scatter
from zerodistance.sample.appliances import CAUSES, NEVER, campaigns
from zerodistance.sample.calendar import HISTORY, HOUR, STARTS, TRUTH_UNTIL, UNTIL, days
from zerodistance.sample.contacts import emails_text
from zerodistance.sample.digital import Digital, device_text
from zerodistance.sample.people import ROLES, TEMPERAMENTS
from zerodistance.sample.render import join, pick, where
from zerodistance.sample.scatter import PER_BLOCK, Ints
from zerodistance.sample.silos.club import serial_text
from zerodistance.sample.silos.messages import CHANNELS, campaign_code, channel_of
from zerodistance.sample.silos.service import Service, Texts
from zerodistance.sample.silos.shop import account_text
from zerodistance.sample.silos.web import Seen
from zerodistance.sample.town import FAULT, HOUSEHOLD, NEED, PERSON, UNIT, Town
from zerodistance.sample.world import World

FAULT_CAUSES = ("wear", "installation", "use", "defect")


def _ids(town: Town, begin: int, local: Any) -> pa.Array:
    local = np.asarray(local)
    return pa.array(begin + town.number * PER_BLOCK + local, mask=local < 0)


def _day(seconds: Ints) -> pa.Array:
    """Return dates; what lies behind the truth's end is null."""
    none = (seconds >= TRUTH_UNTIL) | (seconds == NEVER)
    return pa.array(days(np.where(none, 0, seconds)), mask=none).cast(pa.date32())


def _second(seconds: Ints) -> pa.Array:
    none = seconds == NEVER
    return pa.array(np.where(none, 0, seconds) * 1_000, mask=none).cast(pa.timestamp("ms"))


def persons(town: Town) -> pa.Table:
    """Return one row per person."""
    people, every = town.people, np.arange(len(town.people))
    foreign = pick(names.foreign(), np.maximum(people.foreign, 0))
    return pa.table({
        "person": _ids(town, PERSON, every),
        "household": _ids(town, HOUSEHOLD, people.household),
        "name": where(people.foreign >= 0, foreign, names.written(people.names)),
        "name_form": pick(("chinese", "rare", "foreign"), np.where(people.foreign >= 0, 2, people.rare)),
        "sex": pick(("m", "f"), people.female),
        "born": pa.array(days(people.born)).cast(pa.date32()),
        "role": pick(ROLES, people.role),
        "here_from": pa.array(days(people.here_from)).cast(pa.date32()),
        "temperament": pick(TEMPERAMENTS, people.temperament),
        **{name: pa.array(getattr(people, name), pa.float32()) for name in ("engagement", "integrity", "warmth")},
        "customer_from": _day(town.lives.customer_from),
        "member_from": _day(town.member_from),
    })  # fmt: skip


def households(town: Town) -> pa.Table:
    """Return one row per household."""
    homes = town.households
    return pa.table({
        "household": _ids(town, HOUSEHOLD, np.arange(len(homes))),
        "began": _day(STARTS[homes.began]),
        "persons": pa.array(homes.size, pa.int32()),
        "means": pa.array(homes.means, pa.float32()),
    })  # fmt: skip


def residences(town: Town) -> pa.Table:
    """Return one row per household and home."""
    lived, homes = town.residences, town.households
    estate = homes.estate[lived.home]
    codes = [places.code(town.block.first_estate + n) for n in range(len(town.estates.people))]
    return pa.table({
        "household": _ids(town, HOUSEHOLD, lived.household),
        "community": pick(codes, estate),
        **{name: pa.array(getattr(homes, name)[lived.home], pa.int32()) for name in ("building", "unit", "floor", "room")},
        "lat": town.estates.lat[estate],
        "lon": town.estates.lon[estate],
        "valid_from": _day(lived.since),
        "valid_to": _day(lived.until),
    })  # fmt: skip


def contacts(town: Town, side: Digital, seen: Seen, handles: tuple[Ints, pa.Array]) -> pa.Table:
    """Return one row per person, way to reach or know them, and time."""
    phones, emails = town.contacts.phones, town.contacts.emails
    open_end = np.full(len(town.people), NEVER)
    second = np.flatnonzero(town.contacts.second > 0)
    member = np.flatnonzero(town.member_from < UNTIL)
    account = np.flatnonzero(side.account_from < UNTIL)
    borrowed = _borrowed(town, phones.person)
    cookie = _cookies(seen)
    row = np.arange(len(emails.person))
    parts: list[tuple[str, Ints, pa.Array, Ints, Ints, Any]] = [
        ("phone", phones.person, scatter.digits(phones.number, 11), phones.since, phones.until, borrowed),
        ("phone", second, scatter.digits(town.contacts.second[second], 11), town.people.born[second], open_end[second], False),
        ("email", emails.person, emails_text(town.contacts, town.people, row), emails.since, emails.until, False),
        ("member", member, join("M", scatter.digits(town.contacts.member[member], 11)), town.member_from[member], open_end[member], False),
        ("account", account, account_text(town, account), side.account_from[account], open_end[account], False),
        ("device", side.person, device_text(town, side.unit), side.bound, np.minimum(side.quiet, NEVER), True),
        ("cookie", *cookie),
        ("handle", handles[0], handles[1], town.people.born[handles[0]], open_end[handles[0]], False),
    ]  # fmt: skip
    tables = [
        pa.table({
            "person": _ids(town, PERSON, person),
            "kind": pa.array(np.full(len(person), kind, dtype=object), pa.string()),
            "value": value,
            "valid_from": pa.array(days(np.clip(since, -(1 << 33), TRUTH_UNTIL))).cast(pa.date32()),
            "valid_to": _day(until),
            "shared": np.broadcast_to(np.asarray(shared), len(person)).copy(),
        })
        for kind, person, value, since, until, shared in parts
    ]  # fmt: skip
    return pa.concat_tables(tables)


def _borrowed(town: Town, person: Ints) -> NDArray[np.bool_]:
    """Return whose phone others of the household use too, having none."""
    answers = town.contacts.answers
    lent = np.zeros(len(answers), bool)
    lent[answers[(answers >= 0) & (answers != np.arange(len(answers)))]] = True
    return lent[person]


def _cookies(seen: Seen) -> tuple[Ints, pa.Array, Ints, Ints, NDArray[np.bool_]]:
    table = pa.table({"person": seen.person, "cookie": seen.cookie, "at": seen.at, "shared": seen.shared})
    found = table.group_by(["person", "cookie"], use_threads=False).aggregate(
        [("at", "min"), ("at", "max"), ("shared", "max")]
    )
    numbers = [found[name].to_numpy() for name in ("person", "at_min", "at_max", "shared_max")]
    return numbers[0], found["cookie"].combine_chunks(), numbers[1], numbers[2], numbers[3].astype(bool)


def units(town: Town) -> pa.Table:
    """Return one row per appliance."""
    rows = town.lives.units
    every, ours = np.arange(len(rows["place"])), rows["ours"]
    return pa.table({
        "unit": _ids(town, UNIT, every),
        "household": _ids(town, HOUSEHOLD, town.home),
        "category": pick(town.world.appliance.categories, town.category),
        "ours": ours,
        "product": where(ours, pick(town.products.code, np.maximum(town.product, 0)), None),
        "serial": where(ours, serial_text(town, every), None),
        "bought": pa.array(days(rows["bought"])).cast(pa.date32()),
        "retired": _day(rows["retired"]),
        "worn_out": pa.array(days(rows["worn_out"])).cast(pa.date32()),
        "online": rows["online"],
        "connected": town.connected,
        "decider": _ids(town, PERSON, town.decider),
    })  # fmt: skip


def needs(town: Town) -> pa.Table:
    """Return one row per latent need."""
    rows, where_ = town.lives.needs, town.lives.places
    place, bought = rows["place"], rows["purchased"] != NEVER
    return pa.table({
        "need": _ids(town, NEED, np.arange(len(place))),
        "household": _ids(town, HOUSEHOLD, where_.household[place]),
        "decider": _ids(town, PERSON, where_.decider[place]),
        "category": pick(town.world.appliance.categories, where_.category[place]),
        "cause": pick(CAUSES, rows["cause"]),
        "old_unit": _ids(town, UNIT, rows["old_unit"]),
        "started": _second(rows["started"]),
        "purchased": _second(rows["purchased"]),
        "new_unit": _ids(town, UNIT, rows["new_unit"]),
        "ours": pa.array(rows["ours"], mask=~bought),
        "considers": rows["considers"],
    })  # fmt: skip


def faults(town: Town, service: Service) -> pa.Table:
    """Return one row per fault."""
    rows, chance = town.lives.faults, town.luck("texts")
    unit, many = rows["unit"], len(rows["unit"])
    young = rows["at"] - town.lives.units["bought"][unit] < 2 * 365 * 24 * HOUR
    draw = chance.random(many)
    cause = np.select(
        [rows["last"], young & (draw < town.world.appliance.early_defect), draw > 0.9, draw > 0.84],
        [0, 3, 2, 1],
        0,
    )
    return pa.table({
        "fault": _ids(town, FAULT, np.arange(many)),
        "unit": _ids(town, UNIT, unit),
        "household": _ids(town, HOUSEHOLD, town.home[unit]),
        "category": pick(town.world.appliance.categories, town.category[unit]),
        "code": pick(town.fault_codes.code, town.fault_code),
        "cause": pick(FAULT_CAUSES, cause),
        "at": _second(rows["at"]),
        "repaired": _second(service.repaired),
        "told": service.told,
    })  # fmt: skip


def outcomes(town: Town) -> pa.Table:
    """Return one row per campaign and person in need of what it is about, appliances of one category taken together."""
    rows, where_, drawn = town.lives.outcomes, town.lives.places, town.lives.drawn
    person = where_.decider[rows["place"]]
    key = rows["campaign"].astype(np.int64) * len(town.people) + person
    order = np.argsort(key, kind="stable")
    key, first = np.unique(key[order], return_index=True)
    campaign, person = key // max(1, len(town.people)), key % max(1, len(town.people))
    chances, bought = {}, {}
    for name in ("without", "with"):
        chance_of = rows[f"p_{name}"][order]
        bought[name] = (
            np.logical_or.reduceat(rows["luck"][order] < chance_of, first)
            if len(first)
            else np.zeros(0, bool)
        )
        chances[name] = 1 - np.multiply.reduceat(1 - chance_of, first) if len(first) else np.zeros(0)
    drawn_key = drawn["campaign"] * len(town.people) + drawn["person"]
    sent = np.argsort(drawn_key, kind="stable")
    at = np.minimum(np.searchsorted(drawn_key[sent], key), max(0, len(sent) - 1))
    was = drawn_key[sent][at] == key if len(sent) else np.zeros(len(key), bool)
    treated, reached = (
        drawn[n][sent][at] if len(sent) else np.zeros(len(key), bool) for n in ("treated", "reached")
    )
    every = campaigns(town.world)
    months = np.array([month for month, _, _ in every])
    category = np.array([about for _, about, _ in every])
    return pa.table({
        "campaign": pick([campaign_code(n, month) for n, (month, _, _) in enumerate(every)], campaign),
        "category": pick(town.world.appliance.categories, category[campaign]),
        "person": _ids(town, PERSON, person),
        "household": town.household_id(person),
        "at": _second(STARTS[months[campaign]] + np.where(months[campaign] < HISTORY, 10 * HOUR, 0)),
        "p_without": chances["without"],
        "p_with": chances["with"],
        "buys_without": bought["without"],
        "buys_with": bought["with"],
        "treated": pa.array(treated, mask=~was),
        "reached": pa.array(reached, mask=~was),
    })  # fmt: skip


def texts(town: Town, found: list[Texts]) -> pa.Table:
    """Return one row per free text."""
    return pa.concat_tables([
        pa.table({
            "silo": pa.array(np.full(len(one.person), one.silo, dtype=object), pa.string()),
            "record": one.record,
            "person": town.person_id(one.person),
            "topic": one.topic,
            "sentiment": pa.array(one.sentiment, pa.int8()),
            "about": one.about,
            "nature": one.nature,
            "category": one.category,
            "fault": _ids(town, FAULT, one.fault),
        })
        for one in found
    ])  # fmt: skip


def influence(town: Town) -> pa.Table:
    """Return one row per directed pair of households."""
    homes, many = town.households, len(town.households)
    parts = []
    for kind, others in (("neighbour", homes.neighbours), ("friend", homes.friends)):
        to = np.repeat(np.arange(many), others.shape[1])
        source = others.reshape(-1)
        fine = (source < many) & (source != to)
        parts.append((source[fine], to[fine], np.full(int(fine.sum()), kind, dtype=object)))
    source, to, kinds = (np.concatenate([part[column] for part in parts]) for column in range(3))
    return pa.table({
        "from_household": _ids(town, HOUSEHOLD, source),
        "to_household": _ids(town, HOUSEHOLD, to),
        "kind": pa.array(kinds, pa.string()),
        "weight": pa.array(np.full(len(to), town.world.need.influence), pa.float32()),
    })  # fmt: skip


def campaign_table(world: World) -> pa.Table:
    """Return one row per campaign of the whole city."""
    every = campaigns(world)
    number = np.arange(len(every))
    month = np.array([one[0] for one in every])
    real = np.array([one[2] for one in every])
    return pa.table({
        "campaign": [campaign_code(n, one[0]) for n, one in enumerate(every)],
        "category": [world.appliance.categories[one[1]] for one in every],
        "at": _second(STARTS[month] + np.where(real, 10 * HOUR, 0)),
        "channel": pick(CHANNELS, channel_of(number)),
        "in_history": real,
    })  # fmt: skip

"""What people type: names, phones and addresses as they get into a system, with what goes wrong on the way."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from zerodistance.sample import contacts, names, scatter
from zerodistance.sample.people import CHILD, HEAD, Bools, at_home
from zerodistance.sample.places import KINDS, NAMES, ROADS, TOWNS
from zerodistance.sample.render import day, join, pick, where
from zerodistance.sample.scatter import Ints
from zerodistance.sample.town import Town, technicians, zipf

_TEST_PHONES = ("11111111111", "12345678901", "00000000000", "1")
_TEST_NAMES = ("测试", "test", "顾客", "无", "先生")
_NO_ADDRESS = ("无", "自提", "-", "店内")


def name_text(
    town: Town, chance: np.random.Generator, person: Ints, missing: float, tested: Bools
) -> pa.Array:
    """Return names as somebody typed them; null where nobody did."""
    dirt, many = town.world.dirt, len(person)
    codes, _ = names.mistyped(chance, town.people.names[person], dirt.typing, dirt.typing_kind)
    text = names.written(codes)
    form = chance.random(many)
    title = np.where(town.people.female[person], 1 + (chance.random(many) < 0.3), 0)
    family = codes.copy()
    family[:, 2:] = 0
    text = where(form < dirt.titled, join(names.written(family), pick(("先生", "女士", "小姐"), title)), text)
    latin = names.romanised(town.people.names[person], chance.integers(0, 3, many))
    text = where((form >= dirt.titled) & (form < dirt.titled + dirt.romanised), latin, text)
    abroad = town.people.foreign[person]
    text = where(abroad >= 0, pick(names.foreign(), np.maximum(abroad, 0)), text)
    text = where(tested, pick(_TEST_NAMES, chance.integers(0, len(_TEST_NAMES), many)), text)
    return where(chance.random(many) < missing, None, text)


def tests(town: Town, chance: np.random.Generator, many: int) -> Bools:
    """Return which rows are tests of whoever installed the system, or filled by somebody who had to write something."""
    return np.asarray(chance.random(many) < town.world.dirt.test_value)


def typed_phone(town: Town, chance: np.random.Generator, person: Ints, at: Ints, family: bool = True) -> Ints:
    """Return the number that is typed for somebody: theirs, one of the family, an old one, a second one, a wrong one; 0: none."""
    dirt, many, people = town.world.dirt, len(person), town.people
    household = people.household[person]
    head = town.households.first_person[household]
    other = np.where(
        people.role[person] == HEAD,
        np.minimum(head + 1, head + town.households.size[household] - 1),
        head,
    )
    other = np.where(people.role[other] == CHILD, person, other)
    shared = (chance.random(many) < dirt.family_phone) & family
    number = town.contacts.phone(
        np.where(shared, other, person), at, old=chance.random(many) < dirt.old_phone
    )
    second = town.contacts.second[person]
    number = np.where((second > 0) & (chance.random(many) < dirt.second_phone), second, number)
    return np.where(number > 0, _slipped(town, chance, number), 0)


def _slipped(town: Town, chance: np.random.Generator, number: Ints) -> Ints:
    """Return numbers of which some have a digit replaced, two transposed, all new, or one missing."""
    out = number.copy()
    hit = np.flatnonzero(chance.random(len(number)) < town.world.dirt.typing)
    kind = chance.choice(4, size=len(hit), p=np.array(town.world.dirt.digits))
    power = 10 ** chance.integers(0, 8, len(hit))
    was = out[hit]
    here, before = was // power % 10, was // (power * 10) % 10
    replaced = was + ((here + chance.integers(1, 10, len(hit))) % 10 - here) * power
    swapped = was + (before - here) * power + (here - before) * power * 10
    new = contacts.nobodys(chance, len(hit), town.number, town.seed)
    short = was // (power * 10) * power + was % power
    out[hit] = np.choose(kind, (replaced, swapped, new, short))
    return out


def dealers(town: Town, chance: np.random.Generator, many: int) -> tuple[Ints, Ints]:
    """Return which dealer sold, and the dealer's own phone."""
    kinds = max(3, round(town.world.dirt.dealers * town.city_people / 1_000_000))
    dealer = zipf(chance, many, kinds)
    return dealer, scatter.phones(dealer, town.seed)


def technician(town: Town, chance: np.random.Generator, many: int) -> tuple[Ints, Ints]:
    """Return which technician came, and the technician's own phone."""
    of = town.number * 7 + chance.integers(
        0, 12, many
    )  # a dozen to each part of the city, who help out next door
    number = of % technicians(town.city_people)
    return number, scatter.phones(5_000 + number % 4_000, town.seed)


def phone_text(
    chance: np.random.Generator, number: Ints, tested: Bools, missing: float, forms: tuple[float, ...] = (0.90, 0.04, 0.04, 0.02)
) -> pa.Array:  # fmt: skip
    """Return numbers as they are typed: plain, in groups, with strokes, with +86; null where there is none."""
    many = len(number)
    text = pc.cast(pa.array(number), pa.string())
    form = chance.choice(4, size=many, p=np.array(forms))
    head, mid, tail = (pc.utf8_slice_codeunits(text, *cut) for cut in ((0, 3), (3, 7), (7, 12)))
    text = pc.choose(
        pa.array(form),
        text,
        join(head, " ", mid, " ", tail),
        join(head, "-", mid, "-", tail),
        join("+86", text),
    )
    text = where(tested, pick(_TEST_PHONES, chance.integers(0, len(_TEST_PHONES), many)), text)
    return where((chance.random(many) < missing) | ((number == 0) & ~tested), None, text)


def email_text(town: Town, chance: np.random.Generator, person: Ints, at: Ints, missing: float) -> pa.Array:
    """Return e-mail addresses as they are typed; null where there is none."""
    row = town.contacts.email_row(person, at)
    text = contacts.emails_text(town.contacts, town.people, row)
    slip = chance.random(len(person)) < town.world.dirt.typing / 2
    text = where(slip, pc.replace_substring(text, ".example", ".exmaple"), text)
    text = where(chance.random(len(person)) < 0.05, pc.utf8_upper(text), text)
    return where(chance.random(len(person)) < missing, None, text)


def birthday_text(town: Town, chance: np.random.Generator, person: Ints, missing: float) -> pa.Array:
    """Return birthdays as `1987-03-02`; some have the first of January for want of a day."""
    born = town.people.born[person]
    rough = born.astype("datetime64[s]").astype("datetime64[Y]").astype("datetime64[s]").astype(np.int64)
    text = day(np.where(chance.random(len(person)) < town.world.dirt.rough_birthday, rough, born))
    return where(chance.random(len(person)) < missing, None, text)


@cache
def _numbers(form: str, most: int) -> pa.Array:
    return pa.array([form.format(n) for n in range(most)])


def _numbered(
    chance: np.random.Generator, value: NDArray[Any], forms: tuple[str, ...], share: tuple[float, ...]
) -> pa.Array:
    most = 1 << int(np.max(value, initial=1)).bit_length()
    table = pa.concat_arrays([_numbers(form, most) for form in forms])
    return pick(table, chance.choice(len(forms), size=len(value), p=np.array(share)) * most + value)


def address_text(
    town: Town, chance: np.random.Generator, person: Ints, at: Ints, missing: float, whole: float = 0.95
) -> pa.Array:
    """Return addresses as free text: which parts are named, and how, differs from row to row; null where there is none.

    Parameters
    ----------
    whole
        Share of addresses that name building and room.
    """
    many, city = len(person), town.world.city
    old = chance.random(many) < town.world.dirt.old_address
    row = at_home(town.residences, town.people.household[person], np.where(old, at - 5 * 31_556_952, at))
    home = town.residences.home[row]
    homes, estates = town.households, town.estates
    estate = homes.estate[home]
    exact, has = chance.random(many) < whole, chance.random((many, 8))
    district = pick(city.district_names, estates.district[estate])
    district = where(has[:, 7] < 0.1, pc.utf8_slice_codeunits(district, 0, -1), district)
    named = join(
        pick(NAMES, estates.name[estate]),
        where(has[:, 0] < 0.8, pick(KINDS, estates.kind[estate]), ""),
    )
    road = join(
        pick(ROADS, estates.road[estate]),
        "路",
        where(has[:, 1] < 0.85, _numbered(chance, estates.road_number[estate], ("{}号",), (1.0,)), ""),
    )
    unit = _numbered(chance, homes.unit[home], ("{}单元", "{}-"), (0.85, 0.15))
    text = join(
        where(has[:, 2] < 0.4, city.province, ""),
        where(has[:, 3] < 0.55, city.city, ""),
        where(has[:, 4] < 0.7, district, ""),
        where(has[:, 5] < 0.2, join(pick(TOWNS, estates.town[estate]), "街道"), ""),
        where(has[:, 6] < 0.55, road, ""),
        where((has[:, 6] >= 0.55) | (has[:, 0] < 0.75), named, ""),
        where(exact, _numbered(chance, homes.building[home], ("{}号楼", "{}栋", "{}幢", "{}#", "{}-"), (0.34, 0.2, 0.2, 0.1, 0.16)), ""),
        where(exact & (has[:, 1] < 0.8), unit, ""),
        where(exact, _numbered(chance, homes.room[home], ("{}室", "{}", "{}户"), (0.4, 0.5, 0.1)), ""),
    )  # fmt: skip
    text = where(
        chance.random(many) < town.world.dirt.no_address, pick(_NO_ADDRESS, chance.integers(0, 4, many)), text
    )
    return where(chance.random(many) < missing, None, text)


def district_text(town: Town, person: Ints, at: Ints) -> pa.Array:
    """Return the district in which somebody lives."""
    row = at_home(town.residences, town.people.household[person], at)
    estate = town.households.estate[town.residences.home[row]]
    return pick(town.world.city.district_names, town.estates.district[estate])

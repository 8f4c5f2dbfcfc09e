"""Addresses as people write them lead to the home that is meant."""

from __future__ import annotations

import numpy as np
import pytest

from zerodistance.core.identity.households.flats import Things
from zerodistance.core.identity.households.gazetteer import Where
from zerodistance.core.identity.households.places import Flat, Homes, Written, homes
from zerodistance.core.identity.matching.fields import faces

WHERE = ("city", "district", "town", "road", "number", "estate", "core")
FULL = "青岛市城阳区双山路250号双桥城4号楼2单元201"


NONE = np.empty(0, np.int64)
NOTHING = Things(NONE, NONE)


def found(
    *said: tuple[int, str],
    called: tuple[int, ...] = (),
    surname: tuple[int, ...] = (),
    things: Things = NOTHING,
) -> Homes:
    """Return the homes that addresses of persons lead to."""
    table = faces({"address": [address for _, address in said]})
    rows = [{key: value or "" for key, value in row.items()} for row in table.to_pylist()]
    wheres = [Where(*(row[name] for name in WHERE)) for row in rows]
    flats = [Flat(row["building"], row["unit"], row["room"]) for row in rows]
    every = np.arange(len(rows))
    names, surnames = (np.array(codes or [0] * len(rows), np.int64) for codes in (called, surname))
    person = np.array([who for who, _ in said], np.int64)
    return homes(Written(person, names, surnames, every, every, wheres, flats, things))


@pytest.mark.parametrize(
    "other",
    [
        "双桥城4栋2单元201室",
        "双桥4-2-201",
        "山东省青岛市城阳区双桥城4幢2单元201户",
        "双山路250号4号楼2单元201",
        "城阳区双山路250号4#2单元201室",
        "城阳双桥城4号楼2单元201",
        "双桥城4号楼201",
    ],
)
def test_an_address_with_parts_left_out_is_the_same_home(other: str) -> None:
    assert found((1, FULL), (2, other)).home.tolist() == [0, 0]


@pytest.mark.parametrize(
    "other",
    [
        "双桥城4号楼2单元202",
        "双桥城4号楼1单元201",
        "双桥城5号楼2单元201",
        "双桥城",
        "双山路250号",
        "无",
        "黄岛区双桥城4号楼2单元201",
    ],
)
def test_another_flat_or_none_is_not_the_same_home(other: str) -> None:
    one, two = found((1, FULL), (2, other)).home.tolist()
    assert one != two


def test_two_estates_of_one_name_are_told_apart_by_what_the_same_person_wrote_in_full() -> None:
    other = "青岛市黄岛区清溪路3号双桥城4号楼2单元201"
    said = found(
        (1, FULL), (2, other), (1, "双桥城4号楼2单元201"), (2, "双桥4-2-201"), (3, "双桥城4号楼2单元201")
    )
    mine, yours, same, theirs, nobodys = said.home.tolist()
    assert (same, theirs, nobodys) == (mine, yours, -1)
    assert mine != yours
    assert said.unclear == 1


def test_or_by_what_stands_with_the_same_name() -> None:
    other = "青岛市黄岛区清溪路3号双桥城4号楼2单元201"
    said = found((1, FULL), (2, other), (3, "双桥城4号楼2单元201"), called=(7, 8, 8))
    assert said.home[2] == said.home[1]


def test_a_unit_that_is_left_out_is_the_only_one_there_is_or_nobodys() -> None:
    both = found((1, FULL), (2, "双桥城4号楼1单元201"), (3, "双桥城4号楼201"), (1, "双桥城4号楼201"))
    assert both.home.tolist() == [both.home[0], both.home[1], -1, both.home[0]]


def test_a_home_is_called_as_most_write_it_and_says_its_flat() -> None:
    assert list(found((1, FULL), (2, "双桥4-2-201")).known) == [("城阳", "双桥城", "4", "2", "201")]


def test_homes_have_the_same_numbers_in_whatever_order_they_are_said() -> None:
    said = [(1, FULL), (2, "黄岛区明湖小区7#2单元901"), (3, "双桥4-2-201")]
    one, other = found(*said), found(*said[::-1])
    assert list(one.known) == list(other.known)
    assert one.home.tolist() == other.home.tolist()[::-1]


def test_a_house_abroad_is_a_home_and_an_apartment_house_is_not() -> None:
    house = Where("", "", "EC1A 1BB", "mill lane", "12", "", "")
    block = Where("", "", "EC1A 1BB", "high street", "9", "", "")
    flats = [Flat("", "", ""), Flat("", "", "4")]
    rows = ((1, house, 0), (2, house, 0), (3, block, 1), (4, block, 0))
    wheres = [where for _, where, _ in rows]
    written = Written(
        np.array([who for who, _, _ in rows]),
        np.zeros(4, np.int64),
        np.zeros(4, np.int64),
        np.arange(4),
        np.array([flat for *_, flat in rows]),
        wheres,
        flats,
        NOTHING,
    )
    one, two, flat, block_itself = homes(written).home.tolist()
    assert one == two >= 0
    assert flat >= 0
    assert block_itself == -1

"""Which places there are, from what people write of them."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.identity.households.gazetteer import NOWHERE, RARE, SEVERAL, Places, Where, places

FULL = Where("青岛", "城阳", "", "双山路", "250", "双桥城", "双桥")
NAME = Where("", "", "", "", "", "双桥城", "双桥")
PART = st.sampled_from
WHERES = st.lists(
    st.builds(
        Where,
        PART(("", "青岛", "长春")),
        PART(("", "城阳", "朝阳")),
        PART(("", "流亭")),
        PART(("", "双山路", "解放路")),
        PART(("", "1", "250")),
        PART(("", "双桥", "双桥城")),
        st.just(""),
    ).map(lambda one: one._replace(core="双桥" if one.estate else "")),
    min_size=1,
    max_size=12,
    unique=True,
)


def found(*said: tuple[Where, int]) -> Places:
    return places([one for one, _ in said], np.array([times for _, times in said], np.int64))


def test_a_district_that_hardly_anybody_writes_is_a_mistake() -> None:
    said = found((FULL, 2 * RARE), (FULL._replace(district="黄岛"), 1))
    assert said.of.tolist() == [0, 0]
    assert said.many.tolist() == [2 * RARE + 1]


def test_a_district_that_some_write_is_another_place() -> None:
    said = found((FULL, 2 * RARE), (FULL._replace(district="黄岛"), 3))
    assert sorted(said.of.tolist()) == [0, 1]


def test_one_name_and_house_number_in_two_cities_are_two_places() -> None:
    other = FULL._replace(city="长春", district="")
    said = found(
        (FULL, 9), (FULL._replace(city=""), 9), (other, 9), (NAME._replace(city="长春"), 1), (NAME, 5)
    )
    assert said.of[0] == said.of[1]
    assert said.of[2] == said.of[3] != said.of[0]
    assert said.of[4] == SEVERAL
    assert sorted(said.several[4]) == [0, 1]


def test_a_district_says_which_city_it_is_once_somebody_wrote_both() -> None:
    said = found(
        (FULL, 1),
        (FULL._replace(city="", road="", number=""), 1),
        (FULL._replace(city="长春", district="朝阳"), 1),
    )
    assert said.of[0] == said.of[1]


def test_what_names_no_place_is_nowhere() -> None:
    assert found((Where("青岛", "", "", "", "", "", ""), 3)).of.tolist() == [NOWHERE]


@given(WHERES, st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_places_are_the_same_in_whatever_order_addresses_come(wheres: list[Where], chance: Random) -> None:
    times = {one: 1 + n * 40 for n, one in enumerate(wheres)}
    mixed = chance.sample(wheres, len(wheres))
    one, other = (found(*((where, times[where]) for where in some)) for some in (wheres, mixed))
    again = dict(zip(mixed, other.of.tolist(), strict=True))
    assert one.of.tolist() == [again[where] for where in wheres]
    assert (one.names, one.many.tolist()) == (other.names, other.many.tolist())
    assert one.several == {wheres.index(mixed[n]): fit for n, fit in other.several.items()}

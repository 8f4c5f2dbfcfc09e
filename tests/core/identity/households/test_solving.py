"""Who shares a home: the cases in which people are easily put together or apart wrongly."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.identity.households.families import Says, at, known, together
from zerodistance.core.identity.households.grouping import MOST
from zerodistance.core.identity.households.solving import solve
from zerodistance.core.identity.households.units import Known


def sets(*groups: str) -> set[frozenset[str]]:
    return {frozenset(group.split()) for group in groups}


def years(who: str, home: str, *when: float) -> list[Says]:
    return [(who, year, home) for year in when]


def test_people_who_were_seen_in_one_flat_at_one_time_share_a_household() -> None:
    people = ["wei", "na"]
    found = solve(known(people, years("wei", "4-2-201", 2018, 2020) + years("na", "4-2-201", 2019)))
    assert together(people, found, 2021) == sets("wei na")
    assert {one.home for one in found.lived} == {0}


def test_twins_in_one_flat_are_two_members_of_one_household() -> None:
    people = ["yi", "er"]
    same = {"yi": "王", "er": "王"}
    found = solve(known(people, years("yi", "a", 2018) + years("er", "a", 2020), surnames=same))
    assert together(people, found, 2021) == sets("yi er")
    assert len(found.members) == 2


def test_father_and_son_of_one_name_in_one_flat_are_two_members_of_one_household() -> None:
    people, name = ["father", "son"], {"father": "王伟", "son": "王伟"}
    rows = years("father", "a", 2012) + years("son", "a", 2022)
    found = solve(known(people, rows, surnames=name, names=name))
    assert together(people, found, 2023) == sets("father son")


@pytest.mark.parametrize(
    ("sexes", "born", "expected"),
    [
        ({}, {}, sets("wei na")),
        ({"wei": "m", "na": "f"}, {"wei": 1985, "na": 1987}, sets("wei na")),
        ({"wei": "m", "na": "m"}, {}, sets("wei", "na")),
        ({}, {"wei": 1985, "na": 1970}, sets("wei", "na")),
        ({"wei": "f", "na": "f"}, {"wei": 1985, "na": 2011}, sets("wei", "na")),
        ({"wei": "m"}, {"na": 1970}, sets("wei na")),
    ],
)
def test_sex_and_age_tell_tenants_of_two_surnames_who_follow_one_another_from_a_couple(
    sexes: dict[str, str], born: dict[str, int], expected: set[frozenset[str]]
) -> None:
    people, names = ["wei", "na"], {"wei": "王", "na": "李"}
    rows = years("wei", "a", 2018) + years("na", "a", 2020.5)
    found = solve(known(people, rows, surnames=names, sexes=sexes, born=born))
    assert together(people, found, 2021) == expected


def test_a_number_that_went_to_somebody_of_another_age_makes_no_household() -> None:
    people, names = ["wei", "na"], {"wei": "王", "na": "李"}
    uses = [*years("wei", "phone", 2018), *years("na", "phone", 2020.5)]
    for born, expected in (({"wei": 1985, "na": 1986}, sets("wei na")), ({"wei": 1985, "na": 1970}, sets())):
        found = solve(known(people, (), uses, surnames=names, sexes={"wei": "m"}, born=born))
        assert together(people, found, 2021) == expected


def test_people_of_one_surname_are_a_family_whatever_their_sex_and_age() -> None:
    people, names = ["wei", "jun"], {"wei": "王", "jun": "王"}
    rows = years("wei", "a", 2018) + years("jun", "a", 2018.8)
    sexes, born = {"wei": "m", "jun": "m"}, {"wei": 1985, "jun": 1970}
    found = solve(known(people, rows, surnames=names, sexes=sexes, born=born))
    assert together(people, found, 2021) == sets("wei jun")


def test_in_a_divorce_one_moves_out_and_is_a_member_until_then() -> None:
    people = ["wei", "na", "child"]
    rows = years("wei", "a", 2014, 2016, 2018) + years("na", "a", 2015, 2017, 2019, 2020, 2022)
    rows += years("child", "a", 2018, 2021) + years("wei", "b", 2019.5, 2020.5, 2022)
    found = solve(known(people, rows))
    assert together(people, found, 2018.5) == sets("wei na child")
    assert together(people, found, 2021.5) == sets("wei", "na child")
    (until,) = [one.until for one in found.members if one.person == 0 and one.until is not None]
    assert until == at(2019.5)


def test_who_moved_along_and_left_later_is_a_member_until_then() -> None:
    people, name = ["wei", "na", "child", "grandmother"], {"wei": "王", "grandmother": "王"}
    rows = [
        *years("wei", "a", 2015, 2016), *years("na", "a", 2015.2, 2016.2), *years("grandmother", "a", 2015.1, 2016.1),
        *years("wei", "b", 2018, 2022), *years("na", "b", 2018, 2024), *years("child", "b", 2020, 2023), *years("grandmother", "b", 2018.1, 2019),
        *years("grandmother", "c", 2021, 2023.5),
    ]  # fmt: skip
    found = solve(known(people, rows, surnames=name))
    assert together(people, found, 2018.5) >= sets("wei na grandmother")
    assert together(people, found, 2024) == sets("wei na child", "grandmother")


def test_in_a_marriage_two_leave_their_parents_and_found_a_household() -> None:
    people = ["father", "mother", "wei", "na", "uncle"]
    rows = [
        *years("father", "a", 2012, 2015, 2020, 2022), *years("mother", "a", 2013, 2016, 2021), *years("wei", "a", 2013, 2015, 2017),
        *years("na", "b", 2014, 2016, 2017), *years("uncle", "b", 2013, 2016, 2019, 2021),
        *years("wei", "c", 2018, 2020, 2022), *years("na", "c", 2018.2, 2019, 2021),
    ]  # fmt: skip
    found = solve(known(people, rows))
    assert together(people, found, 2016.5) == sets("father mother wei", "na uncle")
    assert together(people, found, 2021.5) == sets("father mother", "wei na", "uncle")


def test_tenants_who_follow_one_another_in_a_flat_are_strangers() -> None:
    people = ["one", "two", "three"]
    rows = [
        *years("one", "flat", 2014, 2015), *years("one", "away", 2016), *years("two", "before", 2014.5), *years("two", "flat", 2016.5, 2017.5),
        *years("two", "later", 2018.2, 2019), *years("three", "flat", 2018.8, 2019.5),
    ]  # fmt: skip
    found = solve(known(people, rows))
    for year in (2015, 2017, 2019.6):
        assert frozenset({"one", "two"}) not in together(people, found, year)
        assert all(len(inside) == 1 for inside in together(people, found, year))


def test_tenants_who_are_seen_often_one_after_the_other_are_strangers_however_near() -> None:
    people = ["tenant", "next"]
    rows = years("tenant", "a", 2014, 2014.6, 2015.2, 2015.8) + years("next", "a", 2016.2, 2017, 2018)
    assert together(people, solve(known(people, rows)), 2018.5) == sets("tenant", "next")
    once = years("tenant", "a", 2015.8) + years("next", "a", 2016.2)
    assert together(people, solve(known(people, once)), 2018.5) == sets("tenant next")


def test_two_who_each_lived_elsewhere_and_were_seen_in_one_flat_once_are_strangers() -> None:
    people = ["left", "came"]
    rows = years("left", "a", 2018) + years("left", "b", 2019.5, 2021)
    rows += years("came", "c", 2014) + years("came", "a", 2018.5)
    assert together(people, solve(known(people, rows)), 2018.7) == sets("left", "came")


def test_a_couple_who_lived_elsewhere_before_share_a_household_once_they_are_seen_by_turns() -> None:
    people = ["wei", "na"]
    rows = years("wei", "his", 2010, 2012) + years("na", "hers", 2013, 2014.5)
    rows += years("wei", "a", 2016, 2018, 2020) + years("na", "a", 2017, 2019, 2021)
    assert together(people, solve(known(people, rows)), 2021.5) == sets("wei na")


def test_strangers_years_apart_in_one_flat_of_whom_nothing_else_is_known_stay_apart() -> None:
    people = ["before", "after"]
    found = solve(known(people, years("before", "flat", 2012) + years("after", "flat", 2016)))
    assert together(people, found, 2017) == sets("before", "after")


def test_an_address_with_three_hundred_names_is_no_home() -> None:
    people = [f"n{n}" for n in range(300)]
    rows = [(name, 2018 + n / 150, "dealer") for n, name in enumerate(people)]
    rows += [("n0", 2021, "a"), ("n1", 2021, "a")]
    found = solve(known(people, rows))
    assert together(people, found, 2022) == sets("n0 n1")
    assert len(found.crowded) == 1


def test_a_flat_in_which_families_followed_one_another_for_thirty_years_is_still_a_home() -> None:
    people = [f"n{n}" for n in range(2 * MOST)]
    rows = [(name, 1990 + n * 1.5, "flat") for n, name in enumerate(people)]
    assert len(solve(known(people, rows)).crowded) == 0


def test_people_who_use_one_phone_share_a_household_without_a_home() -> None:
    people = ["grandmother", "wei"]
    things = [("grandmother", 2020, "phone"), ("wei", 2018, "phone"), ("wei", 2022, "phone")]
    found = solve(known(people, [], things))
    assert together(people, found, 2021) == sets("grandmother wei")
    assert len(found.lived) == 0


def test_a_phone_number_that_was_given_to_somebody_else_makes_no_household() -> None:
    people = ["before", "after"]
    rows = years("before", "a", 2012, 2013) + years("after", "b", 2019, 2020)
    things = [("before", 2012, "phone"), ("after", 2019, "phone")]
    assert together(people, solve(known(people, rows, things)), 2021) == sets("before", "after")


def test_an_appliance_stays_in_a_home_where_a_phone_number_goes_to_somebody_else() -> None:
    people = ["wei", "na"]
    rows = years("wei", "a", 2012, 2013) + years("na", "b", 2018, 2019)
    things = [("wei", 2012, "hood"), ("na", 2018, "hood")]
    said = known(people, rows, things)
    assert together(people, solve(said), 2021) == sets("wei", "na")
    assert together(people, solve(replace(said, appliances=0)), 2021) == sets("wei na")


def test_a_tablet_on_which_too_many_sign_in_makes_no_household() -> None:
    people = [f"n{n}" for n in range(9)]
    things = [(name, 2020 + n / 100, "kiosk") for n, name in enumerate(people)]
    assert len(solve(known(people, [], things)).members) == 0


def test_one_address_of_old_does_not_put_a_family_with_those_who_live_there_now() -> None:
    people = ["wei", "na", "stranger", "wife"]
    rows = [
        *years("wei", "old", 2012, 2014), *years("na", "old", 2013), *years("wei", "new", 2016, 2018, 2020), *years("na", "new", 2017, 2019),
        *years("stranger", "old", 2016, 2018, 2020), *years("wife", "old", 2017, 2019), ("wei", 2018.5, "old"),
    ]  # fmt: skip
    assert together(people, solve(known(people, rows)), 2021) == sets("wei na", "stranger wife")


def test_a_family_that_moves_is_one_household_with_two_homes_one_after_the_other() -> None:
    people = ["wei", "na"]
    rows = (
        years("wei", "a", 2014, 2016)
        + years("na", "a", 2015)
        + years("wei", "b", 2018, 2020)
        + years("na", "b", 2019)
    )
    found = solve(known(people, rows))
    assert together(people, found, 2021) == sets("wei na")
    spans = {(one.home, one.until) for one in found.lived}
    assert spans == {(0, at(2018)), (1, None)}


# -- laws

PEOPLE = ["a", "b", "c", "d", "e", "f"]
MENTIONS = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE), st.integers(0, 60).map(lambda q: 2010 + q / 4), st.sampled_from("uvwx")
    ),
    max_size=40,
)
USES = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.integers(0, 60).map(lambda q: 2010 + q / 4), st.sampled_from("pq")),
    max_size=6,
)


@given(MENTIONS, USES, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_in_which_things_are_said_does_not_matter(
    rows: list[Says], uses: list[Says], chance
) -> None:  # type: ignore[no-untyped-def]
    names = {"a": "王", "b": "王", "c": "李"}
    said = known(PEOPLE, rows, uses, surnames=names)
    order = list(range(len(rows)))
    chance.shuffle(order)
    turned = Known(
        said.person[order],
        said.at[order],
        said.home[order],
        said.user[::-1],
        said.used_at[::-1],
        said.thing[::-1],
        said.surname,
        said.name,
        said.female,
        said.born,
    )
    one, other = solve(said), solve(turned)
    assert (list(one.members), list(one.lived)) == (list(other.members), list(other.lived))


@given(MENTIONS, USES)
@settings(max_examples=150, deadline=None)
def test_nobody_is_of_two_households_and_no_household_has_two_homes_at_one_time(
    rows: list[Says], uses: list[Says]
) -> None:
    found = solve(known(PEOPLE, rows, uses))
    for person in range(len(PEOPLE)):
        mine = sorted(one for one in found.members if one.person == person)
        spans = sorted((one.since, one.until) for one in mine)
        assert all(until is not None and until <= since for (_, until), (since, _) in pairwise(spans))
    for household in {one.household for one in found.members}:
        homes = {}
        for one in found.lived:
            if one.household == household:
                homes.setdefault(one.home, []).append((one.since, one.until))
        spans = sorted(
            (min(since for since, _ in said), {until for _, until in said}) for said in homes.values()
        )
        assert all(len(until) == 1 for _, until in spans)
        assert all(until == {later} for (_, until), (later, _) in pairwise(spans))


@given(MENTIONS)
@settings(max_examples=50, deadline=None)
def test_whoever_has_a_home_is_of_a_household(rows: list[Says]) -> None:
    found = solve(known(PEOPLE, rows))
    assert {one.person for one in found.members} == set(
        np.unique([PEOPLE.index(who) for who, _, _ in rows]).tolist()
    )

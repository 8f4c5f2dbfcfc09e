"""A household keeps its number as long as it can be said which one it is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.identity.households.columns import STILL, Ints
from zerodistance.core.identity.households.numbering import number
from zerodistance.core.identity.households.solving import Members


def rows(*told: tuple[int, int, int, int]) -> Ints:
    """Return rows of household, person, since, until as columns."""
    return np.array(told, np.int64).reshape(-1, 4).T


def members(*told: tuple[int, int, int, int]) -> Members:
    return Members(*rows(*told))


def of(*households: str, since: int = 1) -> Members:
    """Return members of households, each a text of their numbers."""
    return members(
        *((n, int(person), since, STILL) for n, inside in enumerate(households) for person in inside)
    )


def before(**households: str) -> Ints:
    return rows(
        *((int(name[1:]), int(person), 1, STILL) for name, inside in households.items() for person in inside)
    )


def test_new_households_are_numbered_on_from_the_last_number() -> None:
    found = number(rows(), of("12", "34"), 7)
    assert (found.number.tolist(), found.last) == ([8, 9], 9)


def test_a_household_keeps_its_number_when_somebody_joins() -> None:
    assert number(before(n5="12"), of("123"), 9).number.tolist() == [5]


def test_of_a_household_that_parts_the_part_with_the_earliest_member_keeps_the_number() -> None:
    assert number(before(n5="123"), of("1", "23"), 9).number.tolist() == [5, 10]


def test_when_two_become_one_the_larger_gives_the_number_and_the_other_leads_to_it() -> None:
    found = number(before(n5="1", n6="234"), of("1234"), 9)
    assert (found.number.tolist(), found.merged) == ([6], {5: 6})


def test_when_everybody_of_a_household_is_gone_its_number_leads_nowhere() -> None:
    found = number(before(n5="12"), of("34"), 9)
    assert (found.number.tolist(), found.merged) == ([10], {})


def test_who_moved_out_before_does_not_take_the_number_along() -> None:
    was = rows((5, 1, 10, 50), (6, 1, 50, STILL), (5, 2, 10, STILL), (6, 3, 60, STILL))
    now = members((0, 1, 10, 48), (1, 1, 48, STILL), (0, 2, 10, STILL), (1, 3, 60, STILL))
    assert number(was, now, 9).number.tolist() == [5, 6]


PARTS = st.lists(st.integers(0, 3), min_size=6, max_size=6)


@given(PARTS, PARTS)
def test_numbers_are_never_given_twice_and_the_same_answer_keeps_all_of_them(
    one: list[int], other: list[int]
) -> None:
    def parted(parts: list[int]) -> Members:
        places = {part: n for n, part in enumerate(dict.fromkeys(parts))}
        return members(*((places[part], person, 1, STILL) for person, part in enumerate(parts)))

    said = parted(one)
    first = number(rows(), said, 0)
    was = np.stack([first.number[said.household], said.person, said.since, said.until])
    again, then = number(was, said, first.last), number(was, parted(other), first.last)
    assert again.number.tolist() == first.number.tolist() and again.merged == {} and again.last == first.last
    assert len(set(then.number.tolist())) == len(then.number)
    assert set(then.merged) | set(then.number.tolist()) >= set(was[0].tolist())

"""A household keeps its number as long as it can be said which one it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.identity.households.numbering import number
from zerodistance.core.identity.households.solving import Member


def of(*households: str, since: int = 1) -> list[Member]:
    """Return members of households, each a text of their numbers."""
    return [Member(n, int(person), since, None) for n, inside in enumerate(households) for person in inside]


def before(**households: str) -> list[tuple[int, int, int, int | None]]:
    return [(int(name[1:]), int(person), 1, None) for name, inside in households.items() for person in inside]


def test_new_households_are_numbered_on_from_the_last_number() -> None:
    found = number([], of("12", "34"), 7)
    assert (found.number, found.last) == ([8, 9], 9)


def test_a_household_keeps_its_number_when_somebody_joins() -> None:
    assert number(before(n5="12"), of("123"), 9).number == [5]


def test_of_a_household_that_parts_the_part_with_the_earliest_member_keeps_the_number() -> None:
    assert number(before(n5="123"), of("1", "23"), 9).number == [5, 10]


def test_when_two_become_one_the_larger_gives_the_number_and_the_other_leads_to_it() -> None:
    found = number(before(n5="1", n6="234"), of("1234"), 9)
    assert (found.number, found.merged) == ([6], {5: 6})


def test_when_everybody_of_a_household_is_gone_its_number_leads_nowhere() -> None:
    found = number(before(n5="12"), of("34"), 9)
    assert (found.number, found.merged) == ([10], {})


def test_who_moved_out_before_does_not_take_the_number_along() -> None:
    was = [(5, 1, 10, 50), (6, 1, 50, None), (5, 2, 10, None), (6, 3, 60, None)]
    now = [Member(0, 1, 10, 48), Member(1, 1, 48, None), Member(0, 2, 10, None), Member(1, 3, 60, None)]
    assert number(was, now, 9).number == [5, 6]


PARTS = st.lists(st.integers(0, 3), min_size=6, max_size=6)


@given(PARTS, PARTS)
def test_numbers_are_never_given_twice_and_the_same_answer_keeps_all_of_them(
    one: list[int], other: list[int]
) -> None:
    def members(parts: list[int]) -> list[Member]:
        places = {part: n for n, part in enumerate(dict.fromkeys(parts))}
        return [Member(places[part], person, 1, None) for person, part in enumerate(parts)]

    first = number([], members(one), 0)
    was = [(first.number[m.household], m.person, m.since, m.until) for m in members(one)]
    again, then = number(was, members(one), first.last), number(was, members(other), first.last)
    assert again.number == first.number and again.merged == {} and again.last == first.last
    assert len(set(then.number)) == len(then.number)
    assert set(then.merged) | set(then.number) >= {m[0] for m in was}

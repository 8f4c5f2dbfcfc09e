"""Solved a bunch at a time, the answer is that of everybody at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.identity.households.families import DAY, Says, known, together
from zerodistance.core.identity.households.bunches import Bunch, bunches, connected
from zerodistance.core.identity.households.signs import Signs, signs
from zerodistance.core.identity.households.solving import Lived, Member, Solved, _solve, _Told, solve
from zerodistance.core.identity.households.timeline import Seen
from zerodistance.core.identity.households.units import Known
from zerodistance.core.identity.mentions import MONTH

PEOPLE = [f"n{n}" for n in range(9)]
TIMES = st.integers(0, 30).map(lambda quarter: 2010 + quarter / 4)
SOMEBODY = st.sampled_from(PEOPLE)
MENTIONS = st.lists(st.tuples(SOMEBODY, TIMES, st.sampled_from("rstuvwxyz")), max_size=30)
USES = st.lists(st.tuples(SOMEBODY, TIMES, st.sampled_from("opq")), max_size=5)
SURNAMES = {"n0": "王", "n1": "王", "n2": "李", "n3": "王", "n4": "李"}


def rows(solved: Solved) -> tuple[list[Member], list[Lived]]:
    return list(solved.members), list(solved.lived)


def seen(found: Signs) -> list[Seen]:
    return [Seen(*row) for row in np.stack([found.at, found.home, found.person]).T.tolist()]


def at_once(said: Known) -> tuple[list[Member], list[Lived]]:
    """Return the households of everybody as of one component, whom nobody looks at alone."""
    found, told = signs(said), _Told()
    used = list(map(tuple, np.stack([found.thing, found.user, found.used_at]).T.tolist()))
    _solve(Bunch(seen(found), used, dict.fromkeys(range(len(PEOPLE)), 0)), said, told)
    told.pack()
    members, lived = told.columns()
    return list(members), list(lived)


@given(MENTIONS, USES, st.integers(1, 60))
@settings(max_examples=80, deadline=None)
def test_whatever_the_size_of_a_bunch_the_households_are_those_of_everybody_at_once(
    homes: list[Says], uses: list[Says], size: int
) -> None:
    said = known(PEOPLE, homes, uses, surnames=SURNAMES)
    assert rows(solve(said, size)) == rows(solve(said)) == at_once(said)


@given(MENTIONS, USES, st.integers(1, 10))
@settings(max_examples=50, deadline=None)
def test_a_bunch_is_of_whole_components_and_every_sign_is_in_one(
    homes: list[Says], uses: list[Says], size: int
) -> None:
    found = signs(known(PEOPLE, homes, uses))
    parts = list(bunches(found, connected(found, len(PEOPLE)), size))
    components = [set(part.of.values()) for part in parts]
    assert sum(len(some) for some in components) == len(set().union(*components))
    assert sorted(one for part in parts for one in part.seen) == sorted(seen(found))
    assert sum(len(part.used) for part in parts) == len(found.thing)
    for part in parts:
        people = [one.person for one in part.seen] + [person for _, person, _ in part.used]
        assert sum(part.of[person] < max(part.of.values()) for person in people) < size


def test_of_a_bunch_only_those_are_solved_again_of_whom_somebody_left() -> None:
    part = Bunch([Seen(1, 7, 0), Seen(2, 8, 3)], [(5, 0, 1), (6, 3, 1)], {0: 0, 3: 3})
    assert part.only({3}) == Bunch([Seen(2, 8, 3)], [(6, 3, 1)], {3: 3})


def test_nobody_at_all_makes_no_household() -> None:
    found = solve(known([], []))
    assert (len(found.members), len(found.lived), len(found.crowded)) == (0, 0, 0)


def test_who_is_alone_in_one_home_is_of_a_household_from_the_first_time_on() -> None:
    said = known(PEOPLE, [("n3", 2014, "a"), ("n3", 2012, "a"), ("n1", 2013, "b")])
    found = solve(said)
    assert together(PEOPLE, found, 2013.5) == {frozenset({"n1"}), frozenset({"n3"})}
    assert [one.until for one in found.members] == [None, None]
    assert [(one.household, one.home, one.person) for one in found.lived] == [(0, 1, 1), (1, 0, 3)]


NONE = (np.zeros(0, np.int64),) * 3
DAYS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 400)), max_size=40)


@given(DAYS)
def test_somebody_is_seen_in_a_home_once_in_a_month(told: list[tuple[int, int, int]]) -> None:
    person, home, day = (np.array(column, np.int64) for column in zip(*told, strict=True)) if told else NONE
    found = signs(Known(person, day * DAY, home, *NONE, *NONE[:2], np.zeros(0), NONE[0]))
    counted: list[tuple[int, int, int]] = []
    month = 0
    for one in sorted(zip(person.tolist(), home.tolist(), (day * DAY).tolist(), strict=True)):
        first = not counted or counted[-1][:2] != one[:2]
        counted += [one] * (first or (one[2] // MONTH != month and one[2] - counted[-1][2] > MONTH))
        month = one[2] // MONTH
    assert list(zip(*(c.tolist() for c in (found.person, found.home, found.at)), strict=True)) == counted

"""Released counts of many places at once are those of one place after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.segments.test_releasing import ADMIN, WOMEN, audience, planner, town
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import released, releasing, spreading
from zerodistance.core.segments.questions import NotYours, Question
from zerodistance.core.segments.spreading import Spread
from zerodistance.kernel.home import Home

__all__ = ["town"]  # a fixture


def alone(spread: Spread) -> np.ndarray:
    """Return each community as a group of its own."""
    return np.arange(len(spread.codes))


def test_each_figure_is_what_is_answered_for_the_place_alone(town: Home) -> None:
    audience(town, "women", WOMEN)
    who = planner(town)
    spread = Spread(town, who)
    for question in (Question(), Question(audience="women"), Question(audience="women", category="washer")):
        counted = spread.count(question, alone(spread), len(spread.codes))
        for n, code in enumerate(spread.codes):
            asked = Question(code, question.audience, question.category)
            assert counted.figure(n) == releasing.ask(town, who, asked).persons
    few = spread.count(
        Question(dimension="value.orders_total", node="often"), alone(spread), len(spread.codes)
    )
    assert not few.shown.any()
    assert few.largest() is None


def test_only_the_own_territory_is_counted(town: Home) -> None:
    south = Spread(town, planner(town, "south"))
    assert [south.codes[n] for n in np.flatnonzero(south.mine).tolist()] == ["C1"]
    whole = Spread(town, planner(town))
    one = np.zeros(len(whole.codes), np.int64)
    all_of_it = south.count(Question(), one, 1).figure(0)
    assert all_of_it == releasing.ask(town, planner(town), Question("C1")).persons
    assert south.place("C1") == south.codes.index("C1")
    with pytest.raises(NotYours):
        south.place("C2")


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), many=st.integers(1, 9))
def test_any_grouping_gives_the_released_count_of_its_persons(town: Home, seed: int, many: int) -> None:
    spread = Spread(town, ADMIN)
    groups = np.random.default_rng(seed).integers(-1, many, len(spread.codes))
    counted = spread.count(Question(category="washer"), groups, many)
    index = profiles.current(town)
    has = index.split(("node", "needs.age.washer", "years_1"))
    for group in range(many):
        some = profiles.living(index, groups == group)
        persons = some.persons & has.persons
        assert counted.figure(group) == released.figure(town.seal, released.panel(town), persons, 20)


def test_a_sum_is_known_better_than_its_parts() -> None:
    total, low, high = spreading.together([400] * 16, 20)
    assert total == 6_400
    alone_low, alone_high = released.span(6_400, 20)
    assert abs((high - low) - (alone_high - alone_low)) <= 80
    assert spreading.together([], 20) == (0, 0, 0)

"""What a column stands for can be changed by itself, and nothing else changes with it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.touchpoints.mapping import Mapping, parse
from zerodistance.core.touchpoints.roles import (
    IGNORED,
    KIND,
    ROLES,
    TIME,
    kinds_by,
    role_of,
    with_kinds_by,
    with_role,
    with_type,
)

COLUMNS = ("时间", "phone", 'a "b"', "n.m", "it's")
START = parse(
    """
kind = "order.line"
source = "orders"
[times]
happened_at = "时间"
lag = "1 day"
[identifiers]
phone = "phone"
[columns]
amount = "price * pieces"
"""
)
STEPS = st.lists(st.tuples(st.sampled_from(COLUMNS), st.sampled_from(sorted(ROLES))), max_size=8)


def after(steps: list[tuple[str, str]]) -> Mapping:
    mapping = START
    for column, role in steps:
        mapping = with_role(mapping, column, role)
    return mapping


@given(STEPS, st.sampled_from(COLUMNS), st.sampled_from(sorted(ROLES)))
def test_a_column_stands_for_what_it_was_given(steps: list[tuple[str, str]], column: str, role: str) -> None:
    assert role_of(with_role(after(steps), column, role), column) == role


@given(STEPS, st.sampled_from(COLUMNS))
def test_giving_a_column_what_it_has_changes_nothing(steps: list[tuple[str, str]], column: str) -> None:
    mapping = after(steps)
    assert with_role(mapping, column, role_of(mapping, column)) == mapping


@given(STEPS)
def test_no_two_columns_stand_for_the_same_field_and_computed_ones_stay(steps: list[tuple[str, str]]) -> None:
    mapping = after([step for step in steps if step[1] != "column:amount"])
    roles = [role_of(mapping, column) for column in COLUMNS]
    single = [role for role in roles if role not in (IGNORED, "body", "source_id")]
    assert len(single) == len(set(single))
    assert mapping.columns["amount"] == "price * pieces"


def test_another_column_of_times_takes_the_place_of_the_first() -> None:
    mapping = with_role(START, "n.m", TIME)
    assert (mapping.times.happened_at, role_of(mapping, "时间")) == ("n.m", IGNORED)


def test_a_column_may_say_the_kind() -> None:
    chosen = with_role(START, "it's", KIND)
    mapping = with_kinds_by(chosen, "it's", [("buy", "order.line"), ("o'x", "order.returned")], None)
    assert kinds_by(mapping) == ("it's", (("buy", "order.line"), ("o'x", "order.returned")), None)
    assert role_of(mapping, "it's") == KIND
    freed = with_role(mapping, "it's", IGNORED)
    assert kinds_by(freed) is None and len(freed.kinds) == 1


def test_the_usual_type_is_not_said() -> None:
    typed = with_type(START, "n.m", "number")
    assert typed.types == {"n.m": "number"}
    assert with_type(typed, "n.m", "", "").types == {}

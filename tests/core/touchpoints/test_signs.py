"""Identifiers kept as columns say the same as a plain list of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.touchpoints.signs import Signs

_ROWS = st.integers(0, 5)
_VALUES = st.sampled_from(["a", "b", "1", ""])
_SPACES = st.sampled_from(["phone", "member_id", "record"])
_RULES = st.sampled_from(["login", "identify", "row"])
_ONE = st.tuples(_ROWS, _SPACES, _VALUES, _RULES)
_MANY = st.tuples(_SPACES, st.lists(st.one_of(st.none(), _VALUES), max_size=6), _RULES)
STEPS = st.lists(st.one_of(_ONE, _MANY), max_size=8)


def made(steps: list[Any]) -> tuple[Signs, list[tuple[int, str, str, str]]]:
    """Return signs and a plain list of the same entries."""
    signs, plain = Signs(), list[tuple[int, str, str, str]]()
    for step in steps:
        if len(step) == 4:
            signs.add(*step)
            plain.append(step)
            continue
        space, column, rule = step
        signs.extend(space, pa.array(column, pa.string()), rule)
        plain += [(row, space, value, rule) for row, value in enumerate(column) if value is not None]
    return signs, plain


def said(signs: Signs) -> list[tuple[int, str, str, str]]:
    return list(zip(*signs.lists(), strict=True))


@given(STEPS)
def test_entries_come_in_the_order_in_which_they_were_noted(steps: list[Any]) -> None:
    signs, plain = made(steps)
    assert said(signs) == plain
    assert said(Signs.of(*signs.lists())) == plain


@given(STEPS)
def test_by_row_is_a_stable_sort(steps: list[Any]) -> None:
    signs, plain = made(steps)
    signs.by_row()
    assert said(signs) == sorted(plain, key=lambda entry: entry[0])


@given(STEPS, st.lists(st.booleans(), min_size=6, max_size=6), _ONE)
def test_what_is_kept_moves_to_its_new_rows_and_the_rest_is_gone(
    steps: list[Any], kept: list[bool], late: tuple[int, str, str, str]
) -> None:
    signs, plain = made(steps)
    mask = np.array(kept)
    place = np.cumsum(mask) - 1
    some = signs.keep(mask, place)
    wanted = [(int(place[row]), *rest) for row, *rest in plain if kept[row]]
    assert said(some) == wanted
    some.add(*late)
    assert (said(some), said(signs)) == ([*wanted, late], plain)

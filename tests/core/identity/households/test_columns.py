"""What differs between two tables of whole numbers, and tokens as numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.identity.households.columns import Ints, apart, once
from zerodistance.core.identity.households.store import halves, tokens

Rows = set[tuple[int, int]]
ROWS = st.sets(st.tuples(st.integers(-2, 3), st.integers(-2, 3)))


def columns(rows: Rows) -> Ints:
    return np.array(sorted(rows), np.int64).reshape(-1, 2).T


@given(ROWS, ROWS)
def test_what_is_gone_and_what_is_new_is_the_difference_of_the_rows(was: Rows, now: Rows) -> None:
    gone, new = apart(columns(was), columns(now))
    assert columns(was)[:, gone].tolist() == columns(was - now).tolist()
    assert columns(now)[:, new].tolist() == columns(now - was).tolist()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_each_row_stands_once_and_in_order(rows: list[tuple[int, int]]) -> None:
    assert np.stack(once(*np.array(rows).T)).T.tolist() == sorted(map(list, set(rows)))


@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_a_token_is_what_its_halves_came_from(some: list[bytes]) -> None:
    assert tokens(halves(b"".join(some))) == some

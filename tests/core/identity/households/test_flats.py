"""Parts of a flat that are left out are filled in as a plain look at everything that was written would fill them in."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.identity.households.flats import NOWHERE, SEVERAL, Flats, Mentions

SPOTS = 3
SEVERAL_FIT = {0: [0, 1], 1: [1, 2, 3], 2: [3, 9]}
SAID = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 2), st.integers(-2, 3), st.integers(0, SPOTS - 1), st.integers(0, 2)
    ),
    max_size=14,
)
Row = tuple[int, int, int, int, int]
"""Person, name, place, spot, unit."""


def columns(rows: list[Row]) -> Mentions:
    return Mentions(*np.array(rows, np.int64).reshape(-1, 5).T)


def of_one_or_the_other(row: Row, rows: list[Row]) -> list[list[Row]]:
    """Return what the same person wrote, and what stands with the same name."""
    return [
        [one for one in rows if one[0] == row[0]],
        [one for one in rows if one[1] == row[1] and row[1]],
    ]


def unit(row: Row, rows: list[Row]) -> int:
    same = [
        {one[4] for one in some if one[2:4] == row[2:4] and one[4]}
        for some in (*of_one_or_the_other(row, rows), rows)
    ]
    fit = next((some for some in same if some), {0})
    return row[4] or (fit.pop() if len(fit) == 1 else SEVERAL)


def the_one(row: Row, fit: list[int], rows: list[Row]) -> int:
    mine = [
        {one[2] for one in some if one[2] in fit and one[3] == row[3]}
        for some in of_one_or_the_other(row, rows)
    ]
    found = next((some for some in mine if some), set())
    return found.pop() if len(found) == 1 else NOWHERE


@given(SAID)
@settings(max_examples=80)
def test_a_unit_is_the_persons_own_or_that_of_the_name_or_the_only_one(rows: list[Row]) -> None:
    placed = [row for row in rows if row[2] >= 0]
    found = Flats(columns(rows), SPOTS).units(columns(placed))
    assert found.tolist() == [unit(row, placed) for row in placed]


@given(SAID, st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_of_several_places_it_is_the_one_where_the_person_or_the_name_has_that_flat(
    rows: list[Row], chance
) -> None:  # type: ignore[no-untyped-def]
    placed = [row for row in rows if row[2] >= 0]
    where = np.array([chance.randrange(3) for _ in rows], np.int64)
    found = Flats(columns(rows), SPOTS).the_one(columns(rows), where, SEVERAL_FIT)
    expected = [the_one(row, SEVERAL_FIT[at], placed) for row, at in zip(rows, where.tolist(), strict=True)]
    assert found.tolist() == expected

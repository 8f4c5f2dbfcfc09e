"""Parts of an address that are left out are filled in as a plain look at everything that was written would fill them in."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.identity.households import flats
from zerodistance.core.identity.households.flats import Doors, Flats, Mentions, Things
from zerodistance.core.identity.households.gazetteer import NOWHERE, RARE, SEVERAL

FLATS = [("1", "", "101"), ("1", "", "102"), ("2", "", "101")]
DOORS = Doors.of([*FLATS, ("1", "1", "101"), ("1", "2", "101")])
FIT = {0: [0, 1], 1: [1, 2, 3], 2: [3, 9]}
MANY = np.array([1, RARE, RARE + 1, 3, 0, 0, 0, 0, 0, 2])
SAID = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(-2, 3),
        st.integers(0, len(FLATS) - 1),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    max_size=14,
)
USES = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=4)
Row = tuple[int, int, int, int, int, int, int]
"""Person, name, surname, place, spot, unit, address."""
Fits = Callable[[int], bool]


def columns(rows: list[Row]) -> Mentions:
    return Mentions(*np.array(rows, np.int64).reshape(-1, 7).T)


def things(uses: set[tuple[int, int]]) -> Things:
    return Things(*np.array(sorted(uses), np.int64).reshape(-1, 2).T)


def mates(row: Row, uses: set[tuple[int, int]]) -> set[int]:
    mine = {thing for person, thing in uses if person == row[0]}
    return {person for person, thing in uses if thing in mine}


def narrowed(fit: list[int], steps: list[Fits]) -> list[int]:
    for step in steps:
        fit = [one for one in fit if step(one)] or fit
    return fit


def unit(row: Row, rows: list[Row], uses: set[tuple[int, int]]) -> int:
    there = [one for one in rows if one[3:5] == row[3:5] and one[5]]

    def of(same: Callable[[Row], bool]) -> Fits:
        return lambda unit: any(one[5] == unit and same(one) for one in there)

    steps = [
        of(lambda one: one[0] == row[0]),
        of(lambda one: bool(row[1]) and one[1] == row[1]),
        of(lambda one: one[0] in mates(row, uses)),
        of(lambda one: bool(row[2]) and one[2] == row[2]),
    ]
    fit = narrowed(sorted({one[5] for one in there}), steps) or [0]
    return row[5] or (fit[0] if len(fit) == 1 else SEVERAL)


def the_one(row: Row, open_: list[Row], known: list[Row], uses: set[tuple[int, int]]) -> int:
    def has(same: Callable[[Row], bool]) -> Fits:
        return lambda place: any(one[3:5] == (place, row[4]) and same(one) for one in known)

    addresses = {one[6] for one in open_ if (one[0], one[4]) == (row[0], row[4])}
    building, _, room = FLATS[row[4]]
    fit = narrowed(
        FIT[row[6]],
        [
            has(lambda one: one[0] == row[0]),
            has(lambda one: bool(row[1]) and one[1] == row[1]),
            lambda place: all(place in FIT[one] for one in addresses),
            has(lambda one: one[0] in mates(row, uses)),
        ],
    )

    def with_unit(place: int) -> list[tuple[int, str, int]]:
        return [(place, building, row[5])] * (row[5] > 0)

    most = max(int(MANY[one]) for one in fit)
    fit = narrowed(fit, [lambda place: MANY[place] * RARE >= most])
    built = {(one[3], part) for one in known for part in (FLATS[one[4]][0], FLATS[one[4]][2])}
    built |= {(one[3], FLATS[one[4]][0], one[5]) for one in known}
    fit = narrowed(
        fit,
        [
            lambda place: {(place, building), (place, room), *with_unit(place)} <= built,
            has(lambda one: bool(row[2]) and one[2] == row[2]),
        ],
    )
    return fit[0] if len(fit) == 1 else SEVERAL


@given(SAID, USES)
@settings(max_examples=100)
def test_a_unit_is_that_of_the_person_the_name_the_phone_or_the_surname_or_the_only_one(
    rows: list[Row], uses: set[tuple[int, int]]
) -> None:
    placed = [row for row in rows if row[3] >= 0]
    found = Flats(columns(rows), DOORS, things(uses)).units(columns(placed))
    assert found.tolist() == [unit(row, placed, uses) for row in placed]


@given(SAID, USES)
@settings(max_examples=100)
def test_of_several_places_it_is_the_one_that_what_is_known_leaves(
    rows: list[Row], uses: set[tuple[int, int]]
) -> None:
    known, open_ = [row for row in rows if row[3] >= 0], [row for row in rows if row[3] == SEVERAL]
    found = Flats(columns(rows), DOORS, things(uses)).the_one(columns(open_), FIT, MANY)
    assert found.tolist() == [the_one(row, open_, known, uses) for row in open_]


@given(SAID, USES, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_it_is_the_same_however_many_are_looked_at_together_and_in_whatever_order(
    rows: list[Row], uses: set[tuple[int, int]], chance: Random
) -> None:
    open_ = [row for row in rows if row[3] == SEVERAL]
    mixed = chance.sample(open_, len(open_))
    said = Flats(columns(rows), DOORS, things(uses)).the_one(columns(open_), FIT, MANY).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flats, "_SLICE", 1)
        again = Flats(columns(rows), DOORS, things(uses)).the_one(columns(mixed), FIT, MANY).tolist()
    assert sorted(zip(open_, said, strict=True)) == sorted(zip(mixed, again, strict=True))


def test_nothing_is_known_where_nobody_wrote_anything() -> None:
    nobody = Flats(columns([]), DOORS, things(set()))
    assert nobody.units(columns([(0, 0, 0, 1, 0, 0, 0)])).tolist() == [0]
    assert nobody.the_one(columns([]), FIT, MANY).tolist() == []
    assert nobody.the_one(columns([(0, 0, 0, SEVERAL, 0, 0, 2)]), {2: []}, MANY).tolist() == [NOWHERE]

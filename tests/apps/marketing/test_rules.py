"""Regions nest, share nobody, and are the same from wherever they are looked at."""

from __future__ import annotations

import h3.api.basic_int as h3
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.apps.marketing import rules

PLACES = st.lists(
    st.tuples(st.floats(36, 36.25), st.floats(120.2, 120.6), st.integers(0, 60)), min_size=1, max_size=60
)
LEAST = 20


def made(places: list[tuple[float, float, int]]) -> tuple[rules.Regions, np.ndarray, np.ndarray]:
    """Return the regions of places with so many people each, where 20 may be shown."""
    cells = np.array([h3.latlng_to_cell(lat, lon, 9) for lat, lon, _ in places], np.uint64)
    people = np.array([many for *_, many in places])

    def shown(groups: rules.Ints, many: int) -> rules.Mask:
        found = np.bincount(groups[groups >= 0], weights=people[groups >= 0], minlength=many)
        answer: rules.Mask = found >= LEAST
        return answer

    return rules.regions(cells, np.ones(len(cells), np.bool_), shown), cells, people


@settings(max_examples=60)
@given(places=PLACES)
def test_every_community_is_in_one_region_whose_cell_holds_it(places: list[tuple[float, float, int]]) -> None:
    found, cells, people = made(places)
    assert (found.of >= 0).all()
    assert len(np.unique(found.cells[found.shown])) == found.shown.sum()
    for n, region in enumerate(found.of.tolist()):
        resolution = int(found.resolution[region])
        assert h3.cell_to_parent(int(cells[n]), resolution) == int(found.cells[region])
    counts = np.bincount(found.of, weights=people, minlength=len(found.cells))
    assert (counts[found.shown] >= LEAST).all()
    hidden = counts[~found.shown]
    assert hidden.sum() < LEAST * 20  # at most a handful of the coarsest cells are left


@settings(max_examples=40)
@given(places=PLACES, turn=st.randoms(use_true_random=False))
def test_the_order_of_communities_changes_nothing(
    places: list[tuple[float, float, int]], turn: object
) -> None:
    found, _, _ = made(places)
    order = list(range(len(places)))
    turn.shuffle(order)  # type: ignore[attr-defined]
    again, _, _ = made([places[n] for n in order])
    for n, region in zip(order, again.of.tolist(), strict=True):
        before = int(found.of[n])
        assert (int(again.cells[region]), bool(again.shown[region])) == (
            int(found.cells[before]),
            bool(found.shown[before]),
        )


def test_cells_are_told_by_their_parts_only_where_each_may_be_shown() -> None:
    parent = h3.latlng_to_cell(36.07, 120.38, 8)
    children = [h3.cell_to_latlng(child) for child in h3.cell_to_children(parent, 9)]
    many, _, _ = made([(*children[0], 30), (*children[1], 30)])
    assert set(many.resolution.tolist()) == {9}
    one, _, _ = made([(*children[0], 30), (*children[1], 5)])
    assert (one.resolution.tolist(), one.cells.tolist(), one.shown.tolist()) == ([8], [parent], [True])
    alone, _, _ = made([(*children[0], 30)])
    assert alone.resolution.tolist() == [8]
    few, _, _ = made([(*children[0], 3)])
    assert (few.resolution.tolist(), few.shown.tolist()) == ([8], [False])


def test_what_is_left_of_neighbours_is_put_together_in_a_larger_cell() -> None:
    large = h3.latlng_to_cell(36.07, 120.38, 7)
    middles = [h3.cell_to_latlng(child) for child in h3.cell_to_children(large, 8)]
    found, _, people = made([(*middles[0], 50), (*middles[1], 12), (*middles[2], 12)])
    assert sorted(found.resolution.tolist()) == [7, 8]
    counts = np.bincount(found.of, weights=people)
    assert sorted(counts.tolist()) == [24, 50]

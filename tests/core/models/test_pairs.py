"""Pairs of a household and an item: nothing of the day or after it is looked at, and blocks say the same as all together; neighbours of items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.models.ladder import items
from zerodistance.core.models.ladder.pairs import Bought, Market

HOUSEHOLDS, ITEMS, KINDS, TODAY, AHEAD = 40, 4, 8, 60, 14
WANTED = np.arange(ITEMS)


def shop(seed: int, rows: int = 400, days: tuple[int, int] = (0, 90)) -> Bought:
    """Return purchases at random."""
    luck = np.random.default_rng(seed)
    kind = luck.integers(0, KINDS, rows)
    return Bought(
        luck.integers(0, HOUSEHOLDS, rows),
        kind // 2,
        kind,
        luck.integers(*days, rows),
        luck.uniform(1, 9, rows).round(2),
        luck.integers(0, 2, rows).astype(np.float64),
    )


def columns(bought: Bought) -> dict[str, Any]:
    """Return the columns of everybody."""
    return Market.of(bought, HOUSEHOLDS, ITEMS, TODAY, AHEAD).columns(bought, HOUSEHOLDS, WANTED)


def same(one: dict[str, Any], other: dict[str, Any], exact: bool = True) -> None:
    """Assert that columns are the same ones."""
    assert list(one) == list(other)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=0 if exact else 1e-9, err_msg=name)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), future=st.integers(100, 199))
def test_what_happens_from_the_day_on_changes_no_column(seed: int, future: int) -> None:
    past, later = shop(seed, days=(0, TODAY)), shop(future, days=(TODAY, 90))
    both = Bought(*(np.concatenate(columns) for columns in zip(past, later, strict=True)))
    same(columns(past), columns(both))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99))
def test_the_order_of_purchases_does_not_matter(seed: int) -> None:
    bought = shop(seed)
    order = np.random.default_rng(seed).permutation(len(bought.day))
    same(columns(bought), columns(bought.only(order)), exact=False)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), first=st.integers(1, HOUSEHOLDS - 1))
def test_households_in_blocks_have_the_columns_that_all_together_have(seed: int, first: int) -> None:
    bought = shop(seed)
    market = Market.of(bought, HOUSEHOLDS, ITEMS, TODAY, AHEAD)
    blocks = []
    for low, high in ((0, first), (first, HOUSEHOLDS)):
        mine = bought.only((bought.household >= low) & (bought.household < high))
        blocks.append(market.columns(mine._replace(household=mine.household - low), high - low, WANTED))
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    same(market.columns(bought, HOUSEHOLDS, WANTED), joined, exact=False)


def test_what_a_household_did_with_an_item_is_counted_by_days() -> None:
    day = np.array([10, 10, 24, 38, 50, 55])  # item 0 on days 10 (two lines), 24, 38, then item 1
    item = np.array([0, 0, 0, 0, 1, 1])
    bought = Bought(
        np.zeros(6, np.int64), item, item * 2, day, np.full(6, 3.0), np.array([1.0, 1, 0, 1, 0, 0])
    )
    found = Market.of(bought, 1, 2, 60, 14).columns(bought, 1, np.arange(2))
    first = {name: values[0] for name, values in found.items()}
    expected = {
        "times": 3,
        "times_28": 1,
        "since": 22,
        "since_first": 50,
        "wait": 14,
        "wait_spread": 0,
        "wait_last": 14,
        "overdue": 22 / 14,
        "amount": 12,
        "amount_each": 4,
        "reduced": 2 / 3,
        "trips_since": 2,
        "trips_wait": 1,
        "share": 3 / 5,
        "all_trips": 5,
        "all_since": 5,
        "all_known": 50,
        "turns": 3 / (50 / 14),
    }
    assert {name: first[name] for name in expected} == pytest.approx(expected)


def test_who_never_bought_an_item_has_no_day_of_it() -> None:
    found = columns(shop(1, rows=30))
    never = found["times"] == 0
    for name in ("since", "since_first", "wait", "overdue", "due", "trips_since", "amount_each"):
        assert np.isnan(found[name][never]).all()
        assert name == "overdue" or name == "wait" or not np.isnan(found[name][~never]).any()
    assert (found["times_182"][never] == 0).all()


def test_due_is_the_share_of_as_long_waits_that_end_in_time() -> None:
    # Waits of 10, 10, 20 and 30 days ended; the four households then wait on, for 35, 35, 25 and 15 days.
    # Of 8, 6 last beyond day 10, of those not lost sight of before day 20 four of five beyond it: who waits for 12 days is due within 10 by one in five.
    waits, days, who = (10, 10, 20, 30), [], []
    for household, wait in enumerate(waits):
        days += [0, wait]
        who += [household] * 2
    many = len(days)
    bought = Bought(
        np.array(who),
        np.zeros(many, np.int64),
        np.zeros(many, np.int64),
        np.array(days),
        np.ones(many),
        np.zeros(many),
    )
    market = Market.of(bought, 4, 1, 45, 10)
    none = np.zeros(1, np.int64)
    asked = Bought(none, none, none, np.array([33]), np.ones(1), np.zeros(1))
    assert market.columns(asked, 1, np.zeros(1, np.int64))["due"] == pytest.approx([0.2])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_neighbours_are_the_ridge_regression_of_each_item_on_the_others(seed: int) -> None:
    luck = np.random.default_rng(seed)
    had = (luck.random((60, 6)) < 0.4).astype(np.float64)
    weights = items.neighbours(had.T @ had, 60, ridge=0.1)
    one = int(luck.integers(6))
    others = np.delete(np.arange(6), one)
    x = had[:, others]
    expected = np.linalg.solve(x.T @ x + 0.1 * 60 * np.eye(5), x.T @ had[:, one])
    assert weights[others, one] == pytest.approx(expected)
    assert weights[one, one] == 0


def test_factors_are_the_directions_in_which_households_differ_most() -> None:
    luck = np.random.default_rng(3)
    rows = luck.poisson(1.0, (50, 7)).astype(np.float64)
    household, item = np.nonzero(rows)
    both = items.together(items.matrix(household, item, rows[household, item], 50, 7))
    found = items.factors(both, 3)
    _, strengths, directions = np.linalg.svd(rows, full_matrices=False)
    assert np.abs(found.T @ directions[:3].T) == pytest.approx(np.eye(3), abs=1e-9)
    assert (rows @ found).std() > 0 and (found[np.abs(found).argmax(axis=0), np.arange(3)] > 0).all()
    assert np.linalg.norm(rows @ found, axis=0) == pytest.approx(strengths[:3])


def test_items_that_nobody_bought_are_nobodys_neighbours() -> None:
    had = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    both = had.T @ had
    for weights in (items.cosine(both), items.neighbours(both, 3)):
        assert np.isfinite(weights).all()
        assert not weights[2].any() and not weights[:, 2].any()
        assert weights[0, 1] > 0

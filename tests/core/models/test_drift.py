"""Drift: what does not move gives no sign, what moves does, and small numbers say nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.models import drift, measures
from zerodistance.core.models.drift import Bounds

BOUNDS = Bounds(0.25, 0.1, 0.05)


def _seen(seed: int, moved: float = 0.0, gone: float = 0.2, rows: int = 2_000) -> dict[str, np.ndarray]:
    luck = np.random.default_rng(seed)
    values = luck.normal(moved, 1.0, rows)
    values[luck.random(rows) < gone] = np.nan
    return {"age": values, "never": np.full(rows, np.nan)}


def _said(before: dict[str, np.ndarray], now: dict[str, np.ndarray], psi: float = 0.0) -> dict[str, object]:
    base = drift.base(before, ("age", "never"))
    return {"persons": len(now["age"]), "psi": psi, "features": drift.features(base, now)}


@given(st.integers(0, 30))
@settings(max_examples=10, deadline=None)
def test_another_draw_of_the_same_people_is_no_drift(seed: int) -> None:
    assert drift.signs_of_scores(_said(_seen(seed), _seen(seed + 100)), BOUNDS) == ()


@pytest.mark.parametrize(
    ("changes", "psi", "sign"),
    [({"moved": 1.0}, 0.0, "features"), ({"gone": 0.5}, 0.0, "nulls"), ({}, 0.3, "scores")],
)
def test_what_moves_gives_a_sign(changes: dict[str, float], psi: float, sign: str) -> None:
    assert drift.signs_of_scores(_said(_seen(1), _seen(2, **changes), psi), BOUNDS) == (sign,)


def test_a_few_persons_say_nothing() -> None:
    assert drift.signs_of_scores(_said(_seen(1), _seen(2, moved=3.0, rows=100), 9.0), BOUNDS) == ()


def test_places_of_the_population_itself_do_not_move_and_those_at_the_top_do() -> None:
    even = np.linspace(0, 100, 5_000)
    tied = np.where(even < 70, 0.0, 70.0)
    assert drift.places(tied) > 0.25 > drift.places(tied[::2], tied), "who are alike are no drift"
    assert drift.places(even) < 0.001 < 0.25 < drift.places(even[even > 60])


@given(
    st.lists(st.floats(-5, 5), min_size=20, max_size=200),
    st.lists(st.floats(-5, 5), min_size=20, max_size=200),
)
@settings(max_examples=30, deadline=None)
def test_shares_kept_say_the_same_as_both_columns(before: list[float], now: list[float]) -> None:
    one, other = np.array(before), np.array(now)
    edges = np.unique(np.quantile(one, np.arange(1, 10) / 10))
    kept = measures.psi_of(measures.shares(one, edges), measures.shares(other, edges))
    assert kept == pytest.approx(measures.psi(one, other)) and kept >= 0


def test_outcomes_are_a_sign_only_where_chance_can_not_explain_them() -> None:
    then = {
        "auc": {"value": 0.8, "low": 0.78, "high": 0.82},
        "ece": {"value": 0.02, "low": 0.01, "high": 0.03},
    }
    good = {
        "auc": {"value": 0.77, "low": 0.75, "high": 0.79},
        "ece": {"value": 0.06, "low": 0.04, "high": 0.08},
    }
    bad = {
        "auc": {"value": 0.7, "low": 0.68, "high": 0.72},
        "ece": {"value": 0.09, "low": 0.07, "high": 0.11},
    }
    assert drift.signs_of_outcomes(good, then, BOUNDS) == ()
    assert drift.signs_of_outcomes(bad, then, BOUNDS) == ("auc", "calibration")

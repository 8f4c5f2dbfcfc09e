"""Uplift: learners find whom contact moves, the gate refuses where it moves everybody alike, and nobody is judged by their own household."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zerodistance.core.models import measures
from zerodistance.core.models.ladder import uplift

ROWS = 3_000


def trial(moved: float, rows: int = ROWS, seed: int = 5) -> tuple[dict[str, Any], Any, Any]:
    """Return columns, who was contacted, and outcomes: contact moves those with a garden by `moved`, everybody with an account buys more anyway."""
    luck = np.random.default_rng(seed)
    columns = {name: (luck.random(rows) < 0.5).astype(np.float64) for name in ("garden", "account", "noise")}
    treated = luck.random(rows) < 0.5
    chance = 0.1 + 0.5 * columns["account"] + 0.05 * treated + moved * treated * columns["garden"]
    return columns, treated, (luck.random(rows) < chance).astype(np.float64)


@pytest.mark.parametrize("fit", [uplift.fit_two, uplift.fit_crossed])
@pytest.mark.parametrize("learners", [uplift.straight(), uplift.additive()], ids=["straight", "additive"])
def test_learners_find_whom_contact_moves(fit: Any, learners: uplift.Learners) -> None:
    columns, treated, outcomes = trial(moved=0.3)
    said = fit(columns, treated, outcomes, None, learners)(columns)
    garden = columns["garden"] > 0
    assert said[garden].mean() == pytest.approx(0.35, abs=0.09)
    assert said[~garden].mean() == pytest.approx(0.05, abs=0.09)


@pytest.mark.slow
def test_one_model_that_knows_who_was_contacted_finds_them_where_features_work_together() -> None:
    columns, treated, outcomes = trial(moved=0.3)
    said = uplift.fit_single(columns, treated, outcomes, None, uplift.together())(columns)
    assert said[columns["garden"] > 0].mean() > said[columns["garden"] == 0].mean() + 0.1


def _gate(moved: float) -> uplift.Gate:
    columns, treated, outcomes = trial(moved, 3 * ROWS)
    learners = uplift.straight()
    uplifts, responses = (
        uplift.held_out(columns, treated, outcomes, lambda *some, fit=fit: fit(*some, learners), seed=1)
        for fit in (uplift.fit_crossed, uplift.fit_response)
    )
    return uplift.gate(uplifts, responses, treated, outcomes, times=60)


def test_the_gate_opens_where_contact_moves_some() -> None:
    found = _gate(moved=0.3)
    assert found.opens
    assert 0 < found.better.low < found.uplift - found.response < found.better.high


def test_the_gate_refuses_where_contact_moves_all_alike() -> None:
    assert not _gate(moved=0.0).opens


def test_nobody_is_judged_by_a_model_that_saw_their_household() -> None:
    columns, treated, outcomes = trial(moved=0.1)
    households = np.arange(ROWS) // 3
    columns = {**columns, "household": households.astype(np.float64)}

    def remembers(some: Any, _: Any, __: Any, theirs: Any) -> Any:
        assert (some["household"] == theirs).all()
        seen = set(theirs.tolist())
        return lambda others: np.array([float(one in seen) for one in others["household"]])

    said = uplift.held_out(columns, treated, outcomes, remembers, households=households, parts=3, times=2)
    assert not said.any()


def test_what_contact_adds_is_counted_among_the_highest_scores() -> None:
    scores, treated = np.arange(10.0), np.array([False, True] * 5)
    outcomes = np.array([0.0] * 6 + [0, 1, 1, 1])
    assert uplift.added(scores, treated, outcomes, 0.4) == pytest.approx(1.0 - 0.5)
    assert np.isnan(uplift.added(scores, treated, outcomes, 0.1))


def test_a_perfect_order_has_a_qini_of_one_and_a_mean_order_of_none() -> None:
    treated = np.array([True] * 4 + [False] * 4)
    outcomes = np.array([1.0, 1, 0, 0, 0, 0, 0, 0])
    assert measures.qini(np.array([2.0, 2, 1, 1, 1.5, 1.5, 1.5, 1.5]), treated, outcomes) == pytest.approx(
        1.0
    )
    assert measures.qini(np.ones(8), treated, outcomes) == pytest.approx(0.0)

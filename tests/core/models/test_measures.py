"""Measures say what their definitions say, pair by pair and row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.models import measures
from zerodistance.evaluate import ranking


@st.composite
def said(draw: Any) -> tuple[Any, Any]:
    """Draw scores, some of them equal, and labels of either kind."""
    many = draw(st.integers(4, 30))
    scores = np.array(draw(st.lists(st.integers(0, 9), min_size=many, max_size=many))) / 9
    labels = np.array(draw(st.lists(st.booleans(), min_size=many, max_size=many)), float)
    labels[:2] = 0, 1
    return scores, labels


@settings(max_examples=60)
@given(said())
def test_rankings_are_what_the_examiner_says(drawn: tuple[Any, Any]) -> None:
    scores, labels = drawn
    ranked = ranking.Ranked(scores)
    assert measures.auc(scores, labels) == pytest.approx(ranked.auc(labels))
    assert measures.average_precision(scores, labels) == pytest.approx(ranked.average_precision(labels))
    share = float(ranked.captured(labels, 0.25)) / labels.sum()
    assert measures.lift(scores, labels, 0.25) == pytest.approx(share / 0.25)


@settings(max_examples=60)
@given(said(), st.integers(0, 99))
def test_concordance_counts_every_pair_of_which_it_is_known_who_ended_first(
    drawn: tuple[Any, Any], seed: int
) -> None:
    risks, ended = drawn[0], drawn[1] > 0
    times = np.random.default_rng(seed).integers(1, 6, len(risks)).astype(float)
    agreed = known = 0.0
    for one in np.flatnonzero(ended):
        for two in range(len(risks)):
            if times[one] < times[two] or (times[one] == times[two] and not ended[two]):
                known += 1
                agreed += float(risks[one] > risks[two]) + float(risks[one] == risks[two]) / 2
    found = measures.c_index(risks, times, ended)
    assert found == pytest.approx(agreed / known) if known else np.isnan(found)


def test_without_anybody_lost_the_brier_score_is_a_squared_error() -> None:
    luck = np.random.default_rng(1)
    times, ask = luck.integers(1, 9, 200).astype(float), np.arange(1.0, 8.0)
    lasts = luck.random((200, 7))
    errors = ((lasts - (times[:, None] > ask)) ** 2).mean(axis=0)
    found = measures.integrated_brier(lasts, ask, times, np.ones(200, bool))
    assert found == pytest.approx(np.trapezoid(errors, ask) / 6)


def test_who_is_lost_sight_of_changes_the_brier_score_little() -> None:
    luck = np.random.default_rng(2)
    ends, seen, ask = luck.exponential(5, 20_000), luck.exponential(12, 20_000), np.arange(0.5, 8.0, 0.5)
    lasts = np.tile(np.exp(-ask / 4), (20_000, 1))
    whole = measures.integrated_brier(lasts, ask, ends, np.ones(20_000, bool))
    found = measures.integrated_brier(lasts, ask, np.minimum(ends, seen), ends <= seen)
    assert found == pytest.approx(whole, rel=0.02)
    assert measures.kept(np.minimum(ends, seen), ends <= seen, ask) == pytest.approx(
        np.exp(-ask / 5), abs=0.02
    )


def test_chances_that_are_right_miss_by_luck_alone_and_wrong_ones_by_what_they_are_wrong() -> None:
    luck = np.random.default_rng(3)
    said = luck.uniform(0, 0.8, 50_000)
    labels = (luck.random(50_000) < said).astype(float)
    assert measures.ece(said, labels) < 0.01
    assert measures.ece(said + 0.1, labels) == pytest.approx(0.1, abs=0.01)


def test_a_population_is_like_itself_and_unlike_another() -> None:
    luck = np.random.default_rng(4)
    before = luck.normal(0, 1, 20_000)
    assert measures.psi(before, luck.normal(0, 1, 20_000)) < 0.01
    assert measures.psi(before, luck.normal(1, 1, 20_000)) > 0.25


def test_an_interval_grows_where_rows_of_a_household_are_alike() -> None:
    luck = np.random.default_rng(5)
    homes = np.repeat(np.arange(200), 5)
    values = luck.normal(size=200)[homes]
    together = measures.interval(lambda rows: float(values[rows].mean()), homes)
    alone = measures.interval(lambda rows: float(values[rows].mean()), np.arange(1_000))
    assert together.value == alone.value
    assert (together.high - together.low) > 1.7 * (alone.high - alone.low)

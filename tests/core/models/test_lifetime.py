"""Lifetimes: as many customers as one likes cost what their kinds cost, the score is the sum of its reasons, and the published figures of CDNOW are met."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import value as benchmark
from zerodistance.core.models.ladder import lifetime

MODEL = lifetime.Again(0.8, 6.0, 0.7, 2.5)


def customers(many: int = 4_000, seed: int = 1) -> dict[str, np.ndarray]:
    """Return columns of customers whom the model makes."""
    rows = benchmark.made(MODEL, many, seed)
    luck = np.random.default_rng(seed)
    mean = np.where(rows.again > 0, luck.gamma(3.0, 10.0 / luck.gamma(4.0, 1.0, many)), 0.0)
    return {**rows._asdict(), "mean": mean}


def test_rows_that_are_alike_count_once_and_as_often_as_they_are() -> None:
    some = benchmark.made(MODEL, 500, 1)
    twice = lifetime.Buying(*(np.concatenate([column, column[::-1]]) for column in some))
    assert lifetime.fit_again(twice) == pytest.approx(lifetime.fit_again(some), rel=1e-3)
    assert MODEL.log_likelihood(twice) == pytest.approx(2 * MODEL.log_likelihood(some))
    assert MODEL.expected(twice, 10)[: len(some.again)] == pytest.approx(MODEL.expected(some, 10))


def test_formulas_say_what_the_package_lifetimes_says() -> None:
    """Its BetaGeoFitter and GammaGammaFitter on the first customers of CDNOW: 2, 1 and 0 times again; 39 weeks ahead."""
    model = lifetime.Again(0.242592928279822, 4.413532265271825, 0.7928859664406758, 2.4257523826258134)
    rows = lifetime.Buying(np.array([2.0, 1, 0]), np.array([30.43, 1.71, 0]), np.full(3, 38.86))
    assert model.expected(rows, 39.0) == pytest.approx([1.2259104241744, 0.2032506242562, 0.1947808579394])
    assert model.alive(rows) == pytest.approx([0.72660914, 0.21222739, 1.0])
    spending = lifetime.Spending(6.248802496075072, 3.744588460923138, 15.44774806492988)
    mean = np.array([22.35, 11.77, 0.0])
    assert spending.expected(rows.again, mean) == pytest.approx([24.658616189, 18.91147987, 35.171002151])


def test_time_may_be_counted_in_any_unit() -> None:
    weeks = benchmark.made(MODEL, 3_000, 2)
    days = weeks._replace(last=weeks.last * 7, known=weeks.known * 7)
    by_weeks, by_days = lifetime.fit_again(weeks), lifetime.fit_again(days)
    assert by_days.expected(days, 70) == pytest.approx(by_weeks.expected(weeks, 10), rel=1e-3)


@settings(max_examples=50, deadline=None)
@given(
    again=st.integers(0, 40),
    last=st.floats(0, 50),
    more=st.floats(0.1, 50),
    ahead=st.floats(0.1, 200),
    a=st.sampled_from([0.4, 1.0, 1.7]),
)
def test_nobody_buys_less_than_never_and_more_than_their_chance_says(
    again: int, last: float, more: float, ahead: float, a: float
) -> None:
    model = lifetime.Again(0.5, 5.0, a, 2.0)
    last = last if again else 0.0
    row = lifetime.Buying(np.array([float(again)]), np.array([last]), np.array([last + more]))
    alive, any_, expected = model.alive(row)[0], model.any(row, ahead)[0], model.expected(row, ahead)[0]
    assert 0 <= alive <= 1
    assert 0 <= any_ <= alive + 1e-12
    assert expected >= any_ - 1e-9
    assert model.expected(row, ahead * 2)[0] >= expected


def test_the_chance_to_buy_at_all_comes_true() -> None:
    luck, many = np.random.default_rng(3), 40_000
    rate, stops = luck.gamma(MODEL.r, 1 / MODEL.alpha, many), luck.beta(MODEL.a, MODEL.b, many)
    known, ahead = 20.0, 15.0
    again, last, came = np.zeros(many), np.zeros(many), np.zeros(many, np.bool_)
    now, alive = luck.exponential(1 / rate), np.ones(many, np.bool_)
    while (buys := alive & (now < known + ahead)).any():
        early = buys & (now < known)
        again[early] += 1
        last[early] = now[early]
        came |= buys & (now >= known)
        alive &= ~(buys & (luck.random(many) < stops)) & (now < known + ahead)
        now = now + luck.exponential(1 / rate)
    said = MODEL.any(lifetime.Buying(again, last, np.full(many, known)), ahead)
    for some in (again == 0, again == 1, again >= 2):
        assert said[some].mean() == pytest.approx(came[some].mean(), abs=0.015)


def test_the_score_of_a_value_is_the_sum_of_its_reasons() -> None:
    columns = customers()
    model = lifetime.fit_value(columns, 52.0)
    assert model.contributions(columns).sum(axis=1) == pytest.approx(model.scores(columns))
    assert np.exp(model.scores(columns)) == pytest.approx(model.values(columns))
    assert model.usual == pytest.approx(model.contributions(columns).mean(axis=0))
    which, much = model.reasons(columns)
    first = model.contributions(columns) - np.array(model.usual)
    assert (which[:, 0] == np.where(first.max(axis=1) > 0, first.argmax(axis=1), -1)).all()
    assert (much >= 0).all()
    assert ((model.chances(columns) >= 0) & (model.chances(columns) <= 1)).all()


def test_who_buys_more_often_and_lately_and_for_more_is_worth_more() -> None:
    model = lifetime.Value(MODEL, lifetime.Spending(6.0, 4.0, 15.0), 52.0, (0.0,) * 4)
    columns = {
        "again": np.array([5.0, 2, 5, 5]),
        "last": np.array([30.0, 30, 10, 30]),
        "known": np.full(4, 35.0),
        "mean": np.array([20.0, 20, 20, 60]),
    }
    usual, seldom, gone, rich = model.values(columns)
    assert gone < usual < rich
    assert seldom < usual

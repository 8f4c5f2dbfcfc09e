"""The test for a refusal rate that moves: exact tails, p-values that hold, few false alarms, and alarms where there is something."""

from __future__ import annotations

from math import comb, exp, lgamma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.doors.operations import refusals
from zerodistance.doors.operations.refusals import Row, moved, past, tails


def probability(n: int, k: int, a: float, b: float) -> float:
    beta = lgamma(k + a) + lgamma(n - k + b) - lgamma(n + a + b) + lgamma(a + b) - lgamma(a) - lgamma(b)
    return comb(n, k) * exp(beta)


@given(st.integers(1, 60), st.data(), st.floats(0.3, 50), st.floats(0.3, 50))
def test_a_tail_is_the_sum_of_its_probabilities(n: int, data: st.DataObject, a: float, b: float) -> None:
    k = data.draw(st.integers(0, n))
    up, down = tails(n, k, a, b)
    above = sum(probability(n, x, a, b) for x in range(k, n + 1))
    below = sum(probability(n, x, a, b) for x in range(k + 1))
    expected = (above if k * (a + b) > n * a else 1.0, below if (n - k) * (a + b) > n * b else 1.0)
    assert (up, down) == (pytest.approx(expected[0], rel=1e-7), pytest.approx(expected[1], rel=1e-7))


def hours(luck: np.random.Generator, count: int, size: float, rate: float, spread: float) -> list[Row]:
    """Hours whose rate is beta distributed with intraclass correlation `spread`; 0: one rate."""
    rows = luck.poisson(size, count)
    strength = 1 / spread - 1 if spread else 0
    rates = luck.beta(rate * strength, (1 - rate) * strength, count) if spread else np.full(count, rate)
    return list(zip(rows.tolist(), luck.binomial(rows, rates).tolist(), strict=True))


WORLDS = [(200, 0.01, 0.0), (200, 0.14, 0.02), (5_000, 0.001, 0.005), (2_000, 0.05, 0.01), (60, 0.3, 0.05)]


@pytest.mark.parametrize(("size", "rate", "spread"), WORLDS)
def test_p_values_hold_where_nothing_moves(size: float, rate: float, spread: float) -> None:
    """400 judgements a world, each of an hour against four weeks of its own past."""
    luck = np.random.default_rng(5)
    ps = []
    for _ in range(20):
        made = hours(luck, 672 + 20, size, rate, spread)
        ps += [moved(made[:672], now).p for now in made[672:]]
    few = np.array(ps)
    assert (few < 0.05).mean() <= 0.08
    assert (few < 0.01).mean() <= 0.025
    assert (few < 1e-4).sum() <= 1


@pytest.mark.parametrize(("size", "rate", "spread"), WORLDS)
def test_nothing_is_an_alarm_where_nothing_moves(size: float, rate: float, spread: float) -> None:
    """60 weeks of hours in each of five worlds; bursts of bad rows are part of a source's past."""
    luck = np.random.default_rng(7)
    made = hours(luck, 672 + 24 * 7 * 60, size, rate, spread)
    alarms = [at for at in range(672, len(made), 7) if moved(made[at - 672 : at], made[at]).direction]
    assert alarms == []


@pytest.mark.parametrize(
    ("before", "now", "direction"),
    [
        ((1_000, 0.001), (1_000, 0.14), 1),
        ((200, 0.01), (200, 0.30), 1),
        ((60, 0.0), (120, 1.0), 1),
        ((1_000, 0.14), (1_000, 0.0), -1),
        ((1_000, 0.05), (1_000, 0.055), 0),  # within chance
        ((1_000_000, 0.0100), (1_000_000, 0.0130), 0),  # certain, and too small to matter
    ],
)
def test_a_rate_that_moves_is_seen_within_an_hour(
    before: tuple[int, float], now: tuple[int, float], direction: int
) -> None:
    luck = np.random.default_rng(3)
    usual = hours(luck, 24 * 14, before[0], before[1], 0.0)
    assert moved(usual, (now[0], round(now[0] * now[1]))).direction == direction


@pytest.mark.parametrize(
    ("usual", "now"),
    [
        ([(1_000, 1)] * 20, (1_000, 900)),  # too few hours
        ([(10, 0)] * 80, (1_000, 900)),  # too few rows
        ([(1_000, 1)] * 200, (40, 40)),  # too few now
        ([(1_000, 0)] * 200, (1_000, 9)),  # too few refused
        ([], (0, 0)),
    ],
)
def test_with_too_little_to_go_by_nothing_is_said(usual: list[Row], now: Row) -> None:
    assert moved(usual, now).direction == 0


def test_a_source_whose_bad_rows_come_in_bursts_may_burst() -> None:
    luck = np.random.default_rng(9)
    bursts = [(500, 200 if luck.random() < 0.05 else 0) for _ in range(672)]
    assert moved(bursts, (500, 200)).direction == 0
    assert moved([(500, 2)] * 672, (500, 200)).direction == 1


def test_many_rows_are_judged_as_quickly_and_no_less_carefully() -> None:
    usual = [(300_000, 3_000)] * 100
    assert moved(usual, (2_000_000, 400_000)).direction == 1
    assert past(usual).rate == pytest.approx(0.01, rel=1e-3)


def test_the_rate_of_false_alarms_is_the_one_that_is_documented() -> None:
    assert pytest.approx(0.053, abs=0.001) == 60 * 24 * 365 * refusals.PER_LOOK

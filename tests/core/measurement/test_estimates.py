"""Estimates: intervals hold what they say, however the counts fall and however often somebody looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.measurement import estimates, sequential
from zerodistance.core.measurement.estimates import Arm, Uptake

counts = st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@settings(max_examples=30)
@given(counts, counts)
def test_intervals_hold_their_value_and_turn_round_with_the_arms(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    mine, theirs = Arm(*one), Arm(*other)
    found, turned = estimates.difference(mine, theirs), estimates.difference(theirs, mine)
    assert found.value is not None and found.high is not None and turned.high is not None
    assert -1 - 1e-9 <= found.low <= found.value + 1e-9 and found.value - 1e-9 <= found.high <= 1 + 1e-9
    assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low))
    lift = estimates.lift(mine, theirs)
    assert lift.low >= -1 and (lift.high is None) == (theirs.reached == 0)
    if mine.reached and theirs.reached:
        assert lift.value is not None and lift.high is not None
        assert lift.low - 1e-9 <= lift.value <= lift.high + 1e-9
    assert 0 <= estimates.p_value(mine, theirs) <= 1


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_never_makes_a_p_value_smaller_and_keeps_their_order(values: list[float]) -> None:
    found = estimates.holm(values)
    assert all(p <= q <= 1 for p, q in zip(values, found, strict=True))
    order = sorted(range(len(values)), key=lambda n: values[n])
    assert [found[n] for n in order] == sorted(found)


@settings(max_examples=30)
@given(counts, counts, st.floats(0.001, 0.4))
def test_an_interval_for_any_look_is_wider_than_for_one(
    one: tuple[int, int], other: tuple[int, int], base: float
) -> None:
    mine, theirs = Arm(*one), Arm(*other)
    given_ = (np.array([float(x)]) for x in (mine.persons, mine.reached, theirs.persons, theirs.reached))
    expected = (float(mine.persons), float(theirs.persons))
    _, low, high = sequential.differences(*given_, base_rate=base, expected=expected)
    once = estimates.difference(mine, theirs)
    assert low[0] <= once.low + 1e-9 and once.high is not None and high[0] >= once.high - 1e-9


def test_an_interval_for_any_look_holds_along_whole_paths() -> None:
    luck = np.random.default_rng(3)
    paths, looks, sizes, shares = 400, 200, (9_000, 1_000), (0.024, 0.02)
    parts = np.diff(1 - np.exp(-3 * np.linspace(0, 1, looks + 1))) / (1 - np.exp(-3))
    came = [
        luck.multinomial(n, np.r_[parts * p, 1 - p], paths)[:, :-1].cumsum(axis=1).astype(float)
        for n, p in zip(sizes, shares, strict=True)
    ]
    of = [np.full(looks, float(n)) for n in sizes]
    _, low, high = sequential.differences(
        of[0], came[0], of[1], came[1], base_rate=0.02, expected=(9_000.0, 1_000.0)
    )
    truth = parts.cumsum() * (shares[0] - shares[1])
    assert ((low <= truth) & (truth <= high)).all(axis=1).mean() >= 0.95


def test_compliers_are_told_from_both_differences_and_not_at_all_without_exposure() -> None:
    found = estimates.complier(Uptake(50_000, 25_000, 1_500), Uptake(50_000, 0, 1_200))
    assert found is not None and found.value == pytest.approx(0.012)
    assert 0 < found.low < 0.012 < (found.high or 0)
    assert estimates.complier(Uptake(100, 0, 10), Uptake(100, 0, 8)) is None


def test_what_was_there_before_makes_amounts_surer() -> None:
    luck = np.random.default_rng(2)
    before = luck.gamma(2, 50, 4_000)
    after = before + luck.normal(0, 10, 4_000) + np.r_[np.full(2_000, 3.0), np.zeros(2_000)]
    found = estimates.amounts(after[:2_000], after[2_000:], before[:2_000], before[2_000:])
    assert found.plain.high is not None and found.adjusted.high is not None
    narrower = (found.adjusted.high - found.adjusted.low) / (found.plain.high - found.plain.low)
    assert found.removed > 0.9 and found.adjusted.clear and narrower < 0.2

"""Intervals hold the value as often as they say; the same seed gives the same ones."""

from __future__ import annotations

import numpy as np

from zerodistance.evaluate import clusters, intervals
from zerodistance.evaluate.clusters import Cells
from zerodistance.evaluate.intervals import Bootstrap, wilson

TRIES = 300


def test_intervals_hold_the_value_at_the_stated_rate_where_rows_of_a_household_are_alike() -> None:
    rng = np.random.default_rng(4)
    held = 0
    for seed in range(TRIES):
        share = rng.beta(2, 3, 150)  # of a household; on average .4
        unit = np.repeat(np.arange(150), rng.integers(1, 8, 150))
        hits = rng.random(len(unit)) < share[unit]
        boot = Bootstrap(150, unit="household", seed=seed, replicates=300)
        found = boot.ratio(boot.sums(unit, hits, np.ones(len(unit))), 0, 1)
        held += (found.low or 0) <= 0.4 <= (found.high or 0)
    assert 0.91 <= held / TRIES <= 0.985


def test_drawing_rows_instead_would_hold_it_too_rarely() -> None:
    rng = np.random.default_rng(4)
    held = 0
    for seed in range(80):
        share = np.round(rng.beta(0.4, 0.6, 60))
        unit = np.repeat(np.arange(60), 12)
        hits = share[unit]
        boot = Bootstrap(len(unit), unit="record", seed=seed, replicates=100)
        found = boot.ratio(boot.sums(np.arange(len(unit)), hits, np.ones(len(unit))), 0, 1)
        held += (found.low or 0) <= 0.4 <= (found.high or 0)
    assert held / 80 < 0.7


def city(rng: np.random.Generator, houses: int) -> Cells:
    """Return households of two, some of whom were split, and some joined with somebody of another household."""
    many = rng.integers(1, 9, houses * 2)
    truth = np.repeat(np.arange(houses * 2), many)
    split = (rng.random(houses * 2) < 0.3)[truth] & (rng.random(len(truth)) < 0.4)
    joined, other = rng.random(houses * 2) < 0.06, rng.integers(0, houses * 2, houses * 2)
    said = np.where(split, truth * 2 + 1, np.where(joined, other, np.arange(houses * 2))[truth] * 2)
    return Cells(truth, said, truth // 2, np.zeros_like(truth), np.ones_like(truth))


def test_intervals_of_identity_hold_the_value_where_wrong_links_join_households() -> None:
    rng = np.random.default_rng(1)
    wanted = clusters.figures(city(rng, 50_000), Bootstrap(50_000, unit="household", seed=1, replicates=2))
    held = {(kind, name): 0 for kind in ("pairs", "b3") for name in ("precision", "recall", "f1")}
    for seed in range(150):
        found = clusters.figures(city(rng, 200), Bootstrap(200, unit="household", seed=seed, replicates=150))
        for kind, name in held:
            figure = found[kind][name]
            held[kind, name] += (figure.low or 0) <= (wanted[kind][name].value or 0) <= (figure.high or 0)
    assert min(held.values()) / 150 >= 0.9, held
    assert 0.92 <= np.mean(list(held.values())) / 150 <= 0.975, held


def test_many_units_in_groups_have_the_interval_of_units_by_themselves() -> None:
    rng = np.random.default_rng(1)
    hits = rng.random(20_000) < 0.3
    boot = Bootstrap(20_000, unit="household", seed=1)
    assert boot.method().groups == intervals.MOST_GROUPS
    found = boot.ratio(boot.sums(np.arange(20_000), hits, np.ones(20_000)), 0, 1)
    wanted = wilson(int(hits.sum()), 20_000)
    assert abs((found.high - found.low) / (wanted.high - wanted.low) - 1) < 0.1  # type: ignore[operator]


def test_the_same_seed_gives_the_same_interval_and_another_one_another() -> None:
    unit, hits = np.arange(50), np.arange(50) % 3 == 0
    found = []
    for seed in (1, 1, 2):
        boot = Bootstrap(50, unit="household", seed=seed)
        found.append(boot.ratio(boot.sums(unit, hits, np.ones(50)), 0, 1))
    assert found[0] == found[1] != found[2]
    assert found[0].value == found[2].value


def test_one_household_has_a_value_and_no_interval() -> None:
    boot = Bootstrap(1, unit="household", seed=1)
    found = boot.ratio(boot.sums(np.zeros(3, np.int64), [1, 0, 1], np.ones(3)), 0, 1)
    assert (found.value, found.low, found.high) == (2 / 3, None, None)


def test_a_figure_of_rows_is_drawn_as_one_of_sums_is() -> None:
    rng = np.random.default_rng(2)
    unit, values = np.repeat(np.arange(40), 5), rng.random(200)
    boot = Bootstrap(40, unit="household", seed=1, replicates=100)
    of_sums = boot.ratio(boot.sums(unit, values, np.ones(200)), 0, 1)
    mean = boot.drawn(unit, lambda w: np.array([(values * w).sum() / w.sum()]), boot.draws(200))
    (of_rows,) = intervals.figures(*mean)
    assert np.allclose([of_sums.value, of_sums.low, of_sums.high], [of_rows.value, of_rows.low, of_rows.high])

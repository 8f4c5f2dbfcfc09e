"""Measures of weighted rows are those of rows that are there as often as the weights say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.models import drawing, measures

ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=40
)


@given(ROWS)
def test_a_row_that_was_drawn_twice_counts_twice(rows: list[tuple[int, bool, int, int]]) -> None:
    scores, came, group, times = (np.array(values, np.float64) for values in zip(*rows, strict=True))
    if not times.sum():
        return
    again = np.repeat(np.arange(len(rows)), times.astype(np.int64))
    some, theirs = scores[again], came[again]
    found = drawing.Ordered(scores, came)
    within = drawing.Ordered(scores, came, group.astype(np.int64))
    for mine, wanted in (
        (found.auc(times), measures.auc(some, theirs)),
        (within.auc(times), measures.auc_within(some, theirs, group[again].astype(np.int64))),
        (found.lift(times), measures.lift(some, theirs)),
        (found.average_precision(times), measures.average_precision(some, theirs)),
        (drawing.log_loss(scores / 5 + 0.1, came)(times), measures.log_loss(some / 5 + 0.1, theirs)),
    ):
        assert mine == pytest.approx(wanted, nan_ok=True)
    ones = np.ones(len(rows))
    assert drawing.ece(scores / 5, came)(ones) == pytest.approx(measures.ece(scores / 5, came))
    assert (
        found.precision(ones) == pytest.approx(measures.lift(scores, came) * came.mean(), nan_ok=True)
        or not came.any()
    )


def test_an_interval_is_as_wide_as_luck_makes_it() -> None:
    luck = np.random.default_rng(3)
    came = (luck.random(4_000) < 0.3).astype(np.float64)
    homes = np.arange(4_000) // 2
    found = drawing.intervals({"mean": lambda weights: float((weights * came).sum() / weights.sum())}, homes)[
        "mean"
    ]
    assert found["low"] < found["value"] == came.mean() < found["high"]
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * np.sqrt(0.21 / 4_000), rel=0.2)

"""Logistic regression: the likeliest weights, whatever the columns are like."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from zerodistance.core.models.ladder import logistic


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    scale=st.sampled_from([0.01, 1.0, 300.0]),
    penalty=st.sampled_from([0.1, 1.0, 30.0]),
)
def test_it_finds_what_another_program_finds_where_columns_are_equal_too(
    seed: int, scale: float, penalty: float
) -> None:
    luck = np.random.default_rng(seed)
    matrix = luck.normal(size=(200, 4)) * [1, scale, 1, 1]
    matrix[:, 3] = matrix[:, 2]
    matrix = np.c_[matrix, matrix[:, 0] > 2.0]  # a column of hardly anything
    labels = (luck.random(200) < 1 / (1 + np.exp(-2 * matrix[:, 0] - matrix[:, 2]))).astype(np.float64)
    labels[:2] = 0.0, 1.0
    weights, base = logistic.fit(matrix, labels, penalty=penalty)
    other = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000, solver="newton-cholesky").fit(
        matrix, labels
    )
    assert np.allclose(matrix @ weights + base, other.decision_function(matrix), atol=1e-3)


def test_columns_that_say_the_same_without_a_penalty_do_not_lead_away() -> None:
    luck = np.random.default_rng(1)
    column = luck.normal(size=500)
    matrix = np.c_[column, column, column * 2]
    labels = (luck.random(500) < 1 / (1 + np.exp(-column))).astype(np.float64)
    weights, base = logistic.fit(matrix, labels)
    alone, same = logistic.fit(column[:, None], labels)
    assert np.allclose(matrix @ weights + base, column * alone[0] + same, atol=1e-4)

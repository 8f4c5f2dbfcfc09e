"""Orders and chances: known values, and what counting pair by pair gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.evaluate import ranking
from zerodistance.evaluate.ranking import Ranked

rows = st.lists(
    st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 3)), min_size=2, max_size=12
).filter(lambda found: len({label for _, label, _ in found}) == 2)
Rows = list[tuple[int, bool, int]]


def columns(found: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    score, label, weight = zip(*found, strict=True)
    return np.array(score), np.array(label, float), np.array(weight, float)


@given(rows)
def test_the_area_is_the_share_of_pairs_in_right_order(found: Rows) -> None:
    score, label, weight = columns(found)
    right = total = 0.0
    for i in np.flatnonzero(label):
        for j in np.flatnonzero(label == 0):
            each = weight[i] * weight[j]
            total += each
            right += each * (1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0)
    assert Ranked(score).auc(label, weight) == pytest.approx(right / total)


@given(rows)
def test_a_weight_counts_as_so_many_rows(found: Rows) -> None:
    score, label, weight = columns(found)
    many = weight.astype(int)
    score_, label_ = np.repeat(score, many), np.repeat(label, many)
    once, repeated = Ranked(score), Ranked(score_)
    assert once.average_precision(label, weight) == pytest.approx(repeated.average_precision(label_))
    assert once.captured(label, [0.1, 0.5], weight) == pytest.approx(repeated.captured(label_, [0.1, 0.5]))
    assert once.area(label, weight) == pytest.approx(repeated.area(label_))


@given(rows)
def test_only_the_order_of_scores_counts(found: Rows) -> None:
    score, label, _ = columns(found)
    one, other = Ranked(score), Ranked(np.exp(score) * 7)
    assert one.auc(label) == other.auc(label) and one.average_precision(label) == other.average_precision(
        label
    )
    assert one.auc(label) == pytest.approx(1 - Ranked(-score).auc(label))


def test_the_best_tenth_of_equal_scores_holds_a_tenth_of_the_hits() -> None:
    assert Ranked([1.0] * 20).captured(np.array([1.0] * 4 + [0.0] * 16), [0.1, 1.0]).tolist() == [0.4, 4.0]


def test_no_hit_gives_no_figure() -> None:
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.isnan(Ranked([1, 2]).auc(np.zeros(2))) and np.isnan(
            Ranked([1, 2]).average_precision(np.zeros(2))
        )


def test_spearman_of_a_textbook_is_found() -> None:
    iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    television = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    assert ranking.correlation(ranking.ranks(iq), ranking.ranks(television)) == pytest.approx(-29 / 165)
    assert ranking.ranks([3, 1, 3]).tolist() == [2.5, 1, 2.5]


def test_qini_of_the_best_order_is_the_most_and_of_no_order_nothing() -> None:
    effect = np.array([1.0, 0.0, 0.0, -1.0])
    assert ranking.qini(effect, effect) == pytest.approx(0.75 / 4)
    assert ranking.qini([1, 1, 1, 1], effect) == pytest.approx(0.0)
    assert ranking.qini(-effect, effect) == pytest.approx(-0.75 / 4)
    assert ranking.qini([4, 3, 2, 1], [1, 1, 1, 1]) == pytest.approx(0.0)


def test_bins_hold_equal_numbers_and_equal_chances_never_part() -> None:
    assert np.bincount(ranking.bins(np.arange(100) / 100)).tolist() == [10] * 10
    assert ranking.bins([0.2] * 5 + [0.7]).tolist() == [0] * 5 + [1]
    assert ranking.bins([0.2] * 5).tolist() == [0] * 5

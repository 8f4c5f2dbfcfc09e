"""Sizes of clusters give what counting pairs gives; names of clusters do not matter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluate.cases import cells
from zerodistance.evaluate import clusters
from zerodistance.evaluate.clusters import Cells
from zerodistance.evaluate.intervals import Bootstrap

labels = st.integers(1, 14).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(0, 4), min_size=n, max_size=n) for _ in range(3)))
)


def values(made: Cells) -> dict[str, dict[str, float | None]]:
    boot = Bootstrap(int(made.unit.max()) + 1, unit="household", seed=1, replicates=2)
    return {
        kind: {name: figure.value for name, figure in found.items()}
        for kind, found in clusters.figures(made, boot).items()
    }


def by_hand(truth: Sequence[int], said: Sequence[int]) -> dict[str, dict[str, float | None]]:
    """Count pair by pair, cluster by cluster and record by record."""
    both = {
        (i, j) for i, j in combinations(range(len(truth)), 2) if truth[i] == truth[j] and said[i] == said[j]
    }
    of = [{(i, j) for i, j in combinations(range(len(truth)), 2) if x[i] == x[j]} for x in (said, truth)]
    groups = [{frozenset(i for i, one in enumerate(x) if one == label) for label in x} for x in (said, truth)]
    of_record = [
        [next(g for g in found if i in g) for i in range(len(truth))] for found in groups
    ]  # the cluster of each record
    shared = [len(a & b) for a, b in zip(*of_record, strict=True)]
    b3 = [np.mean([n / len(g) for n, g in zip(shared, side, strict=True)]) for side in of_record]
    right = len(groups[0] & groups[1])
    return {
        "pairs": three(len(both), len(of[0]), len(of[1])),
        "clusters": three(right, len(groups[0]), len(groups[1])),
        "b3": {"precision": b3[0], "recall": b3[1], "f1": 2 * b3[0] * b3[1] / (b3[0] + b3[1])},
    }


def three(hit: int, said: int, true: int) -> dict[str, float | None]:
    shares = [hit / n if n else None for n in (said, true)]
    return {
        "precision": shares[0],
        "recall": shares[1],
        "f1": 2 * hit / (said + true) if said + true else None,
    }


@given(labels)
def test_sizes_give_what_counting_pairs_gives(given_labels: tuple[list[int], list[int], list[int]]) -> None:
    truth, said, _ = given_labels
    found, wanted = values(cells(truth, said)), by_hand(truth, said)
    for kind, parts in wanted.items():
        assert found[kind] == {name: pytest.approx(value) for name, value in parts.items()}


@given(labels)
def test_a_perfect_answer_is_1_wherever_there_is_something_to_find(
    given_labels: tuple[list[int], list[int], list[int]],
) -> None:
    truth = given_labels[0]
    found = values(cells(truth, truth))
    for kind in ("pairs", "clusters", "b3"):
        assert set(found[kind].values()) <= {1.0, None}
    assert None not in found["clusters"].values()


@given(labels, st.permutations(range(5)))
def test_other_names_for_clusters_and_another_order_of_records_change_nothing(
    given_labels: tuple[list[int], list[int], list[int]], names: list[int]
) -> None:
    truth, said, _ = given_labels
    renamed = cells([names[one] for one in truth[::-1]], [names[::-1][one] for one in said[::-1]])
    found, wanted = values(renamed), values(cells(truth, said))
    for kind, parts in wanted.items():
        assert found[kind] == {name: pytest.approx(value) for name, value in parts.items()}


def test_all_in_one_has_every_pair_and_the_precision_of_chance() -> None:
    found = values(cells([0, 0, 0, 1, 1, 2], [0] * 6))
    assert found["pairs"] == {"precision": 4 / 15, "recall": 1.0, "f1": 8 / 19}
    assert found["clusters"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert found["b3"]["precision"] == pytest.approx((9 + 4 + 1) / 36) and found["b3"]["recall"] == 1.0


def test_nothing_joined_finds_only_those_who_have_one_record() -> None:
    found = values(cells([0, 0, 0, 1, 1, 2], [0, 1, 2, 3, 4, 5]))
    assert found["pairs"] == {"precision": None, "recall": 0.0, "f1": 0.0}
    assert found["clusters"]["precision"] == pytest.approx(1 / 6)
    assert found["clusters"]["recall"] == pytest.approx(1 / 3)


@given(labels)
def test_records_counted_together_are_worth_as_much_as_one_by_one(
    given_labels: tuple[list[int], list[int], list[int]],
) -> None:
    truth, said, stratum = given_labels
    different, many = np.unique(np.array([truth, said, stratum]).T, axis=0, return_counts=True)
    columns = [different[:, n].astype(np.int64) for n in range(3)]
    folded = Cells(columns[0], columns[1], np.zeros(len(many), np.int64), columns[2], many.astype(np.int64))
    found, wanted = values(folded), values(cells(truth, said))
    for kind, parts in wanted.items():
        assert found[kind] == {name: pytest.approx(value) for name, value in parts.items()}


@given(labels)
def test_pairs_by_kind_of_record_are_those_that_one_would_count(
    given_labels: tuple[list[int], list[int], list[int]],
) -> None:
    truth, said, stratum = given_labels
    made = cells(truth, said)
    made = Cells(made.truth, made.said, made.unit, np.array(stratum, np.int64), made.many)
    found = clusters.between(made, 5)
    for name, same in (
        ("true", lambda i, j: truth[i] == truth[j]),
        ("said", lambda i, j: said[i] == said[j]),
        ("both", lambda i, j: truth[i] == truth[j] and said[i] == said[j]),
    ):
        wanted = np.zeros((5, 5))
        for i, j in combinations(range(len(truth)), 2):
            if same(i, j):
                wanted[stratum[i], stratum[j]] += 1
                wanted[stratum[j], stratum[i]] += stratum[i] != stratum[j]
        assert found[name].tolist() == wanted.tolist()


def test_the_worst_clusters_come_first_and_right_ones_never() -> None:
    made = cells([0, 0, 1, 1, 2, 2, 2, 3], [0, 0, 1, 2, 3, 3, 3, 3])
    assert clusters.wrong(made, "said", 5).tolist() == [3]
    assert clusters.wrong(made, "truth", 5).tolist() == [1]

"""Labels of texts, from files; a known confusion gives known figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.evaluate.cases import household, write_said, write_table
from zerodistance.evaluate import api, labels
from zerodistance.evaluate.contracts import (
    MissingColumn,
    NothingToCompare,
    Repeated,
    Report,
    UnknownIds,
    WrongCell,
)
from zerodistance.evaluate.intervals import Bootstrap
from zerodistance.kernel.errors import ZeroDistanceError

PEOPLE = [10, 11, 12, 13, None, 14]
TRUE = [-1, -1, 0, 0, 0, 1]
HEAD = "source,source_id,sentiment,topic"


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    root = tmp_path / "truth"
    people = [p for p in PEOPLE if p]
    write_table(root, "persons", person=people, household=[household(p) for p in people])
    write_table(
        root,
        "texts",
        silo=["calls", "calls", "visits", "social", "social", "social"],
        record=[f"t{n}" for n in range(6)],
        person=pa.array(PEOPLE, pa.int64()),
        sentiment=pa.array(TRUE, pa.int8()),
        topic=["noise", "leak", "leak", "none", "none", "praise"],
        nature=["earnest", "earnest", "earnest", "joke", "spam", "earnest"],
    )
    return root


SOURCES = ["service"] * 3 + ["social"] * 3
TOPICS = ["noise", "leak", "leak", "none", "none", "praise"]


def rows(sentiment: list[Any], topic: list[Any] = TOPICS) -> list[Any]:
    return [(s, f"t{n}", sentiment[n], topic[n]) for n, s in enumerate(SOURCES)]


def asked(truth: Path, given: list[Any], head: str = HEAD) -> Report:
    return api.sentiment(truth, write_said(truth.parent / "said.csv", head, given))


def value(report: Report, of: str, name: str) -> float | None:
    (row,) = [row for row in report.tables["agreement"] if row["of"] == of]
    return row[name].value  # type: ignore[union-attr]


def test_right_labels_are_1_everywhere(truth: Path) -> None:
    found = asked(truth, rows(TRUE))
    assert {row[name].value for row in found.tables["agreement"] for name in ("accuracy", "macro_f1")} == {
        1.0
    }  # type: ignore[union-attr]
    assert {row["of"] for row in found.tables["agreement"]} >= {"sentiment, all", "sentiment, calls", "sentiment, joke", "topic, social"}  # fmt: skip
    assert found.counts == {"texts": 6, "rows": 6} and found.method.units == 4


def test_a_known_confusion_has_its_known_figures(truth: Path) -> None:
    found = asked(truth, rows([-1, 0, 0, 0, 1, 1]))
    assert value(found, "sentiment, all", "accuracy") == pytest.approx(4 / 6)
    assert value(found, "sentiment, all", "macro_f1") == pytest.approx((2 / 3 + 2 / 3 + 2 / 3) / 3)
    assert value(found, "sentiment, spam", "accuracy") == 0.0
    (negative,) = [r for r in found.tables["by_class"] if (r["label"], r["class"]) == ("sentiment", "-1")]
    assert (negative["precision"].value, negative["recall"].value, negative["rows"]) == (1.0, 0.5, 2)  # type: ignore[union-attr]
    wrong = [(r["true"], r["said"], r["rows"]) for r in found.tables["confusion"] if r["label"] == "sentiment" and r["true"] != r["said"]]  # fmt: skip
    assert wrong == [("-1", "0", 1), ("0", "1", 1)]


def test_a_text_without_an_answer_is_left_out_of_that_label_only(truth: Path) -> None:
    found = asked(truth, rows(["", -1, 0, 0, 0, 1]))
    (row, *_) = found.tables["agreement"]
    assert row["rows"] == 5 and value(found, "topic, all", "accuracy") == 1.0


def test_macro_f1_is_the_mean_over_classes_that_the_truth_has() -> None:
    boot = Bootstrap(1, unit="household", seed=1)
    true, said = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    sums = labels.confusion(boot, np.zeros(4, np.int64), true, said, 3)
    assert labels.macro_f1(boot, sums, 3).value == pytest.approx((2 / 3 + 1) / 2)


REFUSED: list[tuple[type[ZeroDistanceError], str, list[Any], str]] = [
    (MissingColumn, "source,source_id", [("service", "t0")], "sentiment | topic"),
    (WrongCell, HEAD, [("service", "t0", "bad", "leak")], "-1, 0, 1"),
    (UnknownIds, HEAD, [("service", "t9", 0, "leak")], "service:t9"),
    (Repeated, HEAD, [("service", "t0", 0, "leak")] * 2, "service:t0"),
    (NothingToCompare, HEAD, [("demo", "t0", 0, "leak")], "no row"),
]


@pytest.mark.parametrize(("error", "head", "given", "en"), REFUSED)
def test_what_can_not_be_compared_is_refused(
    truth: Path, error: type[ZeroDistanceError], head: str, given: list[Any], en: str
) -> None:
    with pytest.raises(error) as raised:
        asked(truth, given, head)
    assert en in raised.value.message("en")

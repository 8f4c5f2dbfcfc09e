"""Activity, from files, beside hidden engagement and later purchases."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.evaluate.cases import household, write_said, write_table
from zerodistance.evaluate import api
from zerodistance.evaluate.contracts import MissingColumn, NothingToCompare, Report, UnknownIds, WrongCell

PEOPLE = list(range(10, 20))


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    root = tmp_path / "truth"
    engaged = [n / 10 for n in range(10)]
    write_table(root, "persons", person=PEOPLE, household=[household(p) for p in PEOPLE], engagement=engaged)
    bought = pa.array(
        [dt.date(2026, 2, 1), dt.date(2026, 3, 1), dt.date(2025, 3, 1), dt.date(2027, 3, 1)], pa.date32()
    )
    write_table(root, "units", decider=[10, 10, 19, 18], ours=[True, False, True, True], bought=bought)
    return root


def asked(truth: Path, head: str, rows: list[Any]) -> Report:
    return api.activity(truth, write_said(truth.parent / "said.csv", head, rows))


def found(report: Report) -> dict[Any, float | None]:
    return {row["of"]: row["spearman"].value for row in report.tables["agreement"]}  # type: ignore[union-attr]


def test_the_order_of_engagement_is_1_and_its_opposite_minus_1(truth: Path) -> None:
    assert found(asked(truth, "person,score", [(p, p * p) for p in PEOPLE])) == {
        "engagement": pytest.approx(1.0)
    }
    assert found(asked(truth, "person,score", [(p, -p) for p in PEOPLE])) == {
        "engagement": pytest.approx(-1.0)
    }


def test_purchases_of_the_year_after_count_and_no_others(truth: Path) -> None:
    rows = [(p, "2026-01-01", 1 if p == 10 else 0) for p in PEOPLE]
    value = found(asked(truth, "person,as_of,score", rows))
    assert value["later_purchases"] == pytest.approx(1.0) and value[
        "later_purchases_of_brand"
    ] == pytest.approx(1.0)
    assert value["engagement"] < 0  # type: ignore[operator]


def test_equal_scores_say_nothing(truth: Path) -> None:
    assert found(asked(truth, "person,score", [(p, 1) for p in PEOPLE])) == {"engagement": None}


def test_what_can_not_be_compared_is_refused(truth: Path) -> None:
    with pytest.raises(MissingColumn, match="score"):
        asked(truth, "person,points", [(10, 1)])
    with pytest.raises(UnknownIds, match="99"):
        asked(truth, "person,score", [(99, 1)])
    with pytest.raises(WrongCell, match="one for the whole file"):
        asked(truth, "person,as_of,score", [(10, "2026-01-01", 1), (11, "2026-01-02", 1)])
    with pytest.raises(NothingToCompare):
        asked(truth, "person,score", [])

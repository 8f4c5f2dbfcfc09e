"""Need, from files: who buys is found by household and day; what the truth can't say is not asked of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.evaluate.cases import household, write_records, write_said, write_table
from zerodistance.evaluate import api
from zerodistance.evaluate.contracts import (
    MissingColumn,
    NoPersons,
    NothingToCompare,
    NoTruth,
    Repeated,
    Report,
    TooLate,
    UnknownIds,
    WrongCell,
)
from zerodistance.kernel.errors import ZeroDistanceError

PEOPLE = list(range(10, 30))  # ten households of two
HEAD = "person,category,as_of,score"
BOUGHT = {
    1_000: dt.date(2026, 1, 20),
    1_001: dt.date(2026, 6, 1),
    1_002: dt.date(2026, 12, 1),
    1_003: dt.date(2026, 1, 1),
}
IN_NEED = (1_000, 1_001)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    root = tmp_path / "truth"
    write_table(root, "persons", person=PEOPLE, household=[household(p) for p in PEOPLE])
    write_table(
        root,
        "units",
        household=list(BOUGHT),
        category=["fridge"] * 4,
        bought=pa.array(BOUGHT.values(), pa.date32()),
    )
    started = pa.array([dt.datetime(2025, 12, 1)] * 2, pa.timestamp("ms"))
    purchased = pa.array([dt.datetime(2026, 1, 20), None], pa.timestamp("ms"))
    write_table(
        root,
        "needs",
        household=list(IN_NEED),
        category=["fridge", "fridge"],
        started=started,
        purchased=purchased,
    )
    (tmp_path / "city.json").write_text('{"truth_until": "2027-01-01"}')
    write_records(root, "crm", [10, 10, 12, 14, 16, 18, None])
    return root


def rows(score: dict[int, float], as_of: str = "2026-01-01") -> list[Any]:
    """Return a row for the first person of each household; who has no score has 0."""
    return [(p, "fridge", as_of, score.get(household(p), 0)) for p in PEOPLE[::2]]


def asked(truth: Path, given: list[Any], head: str = HEAD, **more: Any) -> Report:
    return api.need(truth, write_said(truth.parent / "said.csv", head, given), **more)


def value(report: Report, months: int, name: str) -> float | None:
    (row,) = [row for row in report.tables["forecast"] if row["months"] == months]
    return row[name].value  # type: ignore[union-attr]


def hits(report: Report) -> dict[Any, Any]:
    return {row["months"]: row["hits"] for row in report.tables["forecast"]}


def test_hits_are_purchases_after_the_day_and_within_the_months(truth: Path) -> None:
    assert hits(asked(truth, rows({}))) == {0: 2, 1: 1, 3: 1, 6: 2, 12: 3}


def test_whoever_knows_the_truth_gets_1_and_whoever_says_the_opposite_0(truth: Path) -> None:
    best = asked(truth, rows({1_000: 3, 1_001: 2, 1_002: 1}))
    assert [value(best, months, "auc") for months in (0, 1, 3, 6, 12)] == [1.0] * 5
    assert value(best, 6, "average_precision") == 1.0 and value(best, 1, "lift_10") == 10.0
    worst = asked(truth, rows({1_000: -3, 1_001: -2, 1_002: -1}))
    assert [value(worst, months, "auc") for months in (0, 1, 3, 6, 12)] == [0.0] * 5
    assert value(asked(truth, rows({})), 6, "auc") == 0.5


def test_horizons_that_end_after_the_truth_are_not_asked_and_a_day_too_late_is_refused(truth: Path) -> None:
    assert hits(asked(truth, rows({}, "2026-10-15"))) == {0: 1, 1: 0, 3: 0, 6: 0, 12: 0}
    assert [r["rows"] for r in asked(truth, rows({}, "2026-09-01")).tables["forecast"]] == [0, 10, 10, 10, 0]
    with pytest.raises(TooLate, match="2026-12-15"):
        asked(truth, rows({}, "2026-12-15"))
    (truth.parent / "city.json").unlink()
    with pytest.raises(TooLate, match="ends at 2026-12-01"):
        asked(truth, rows({}, "2026-11-15"))


def test_of_several_scores_of_a_household_the_highest_counts(truth: Path) -> None:
    found = asked(truth, [*rows({1_000: 1, 1_001: 1}), (11, "fridge", "2026-01-01", 5)])
    assert (found.counts["rows"], found.counts["folded"], found.counts["compared"]) == (11, 1, 10)
    assert value(found, 1, "auc") == 1.0


def test_buyers_without_a_score_are_counted(truth: Path) -> None:
    found = asked(truth, rows({})[1:])
    assert (found.counts["buyers"], found.counts["buyers_scored"]) == (2, 1)


def test_people_may_be_named_by_a_record_or_by_the_home_s_own_ids(truth: Path, tmp_path: Path) -> None:
    by_person = asked(truth, [(p, "fridge", "2026-01-01", p % 7) for p in (10, 12, 14, 16, 18)])
    records = {10: "crm-0", 12: "crm-2", 14: "crm-3", 16: "crm-4", 18: "crm-5"}
    by_record = asked(
        truth,
        [("crm", r, "fridge", "2026-01-01", p % 7) for p, r in records.items()],
        "source,source_id,category,as_of,score",
    )
    export = write_said(
        tmp_path / "persons.csv",
        "source,source_id,person_id",
        [
            ("crm", "crm-0", "p_10"),
            ("crm", "crm-1", "p_10"),
            *(("crm", f"crm-{n}", f"p_{n}") for n in (3, 4, 5)),
            ("crm", "crm-2", "p_x"),
            ("crm", "crm-6", "p_none"),
        ],
    )
    ids = {10: "p_10", 12: "p_x", 14: "p_3", 16: "p_4", 18: "p_5"}
    given = [(i, "fridge", "2026-01-01", p % 7) for p, i in ids.items()] + [
        ("p_none", "fridge", "2026-01-01", 9)
    ]
    by_home = asked(truth, given, "person_id,category,as_of,score", persons=export)
    assert by_person.tables == by_record.tables == by_home.tables
    assert by_home.counts["of_nobody"] == 1
    with pytest.raises(NoPersons, match="identity export"):
        asked(truth, given, "person_id,category,as_of,score")


def test_chances_that_come_true_as_often_as_said_have_no_calibration_error(truth: Path) -> None:
    given = [(*row, 0.5 if household(row[0]) in (1_000, 1_001, 1_003, 1_004) else 0.0) for row in rows({})]
    found = asked(truth, given, HEAD + ",p_6")
    assert value(found, 6, "ece") == pytest.approx(0.0) and value(found, 6, "brier") == pytest.approx(
        4 * 0.25 / 10
    )
    assert [(r["rows"], r["said"].value, r["true"].value) for r in found.tables["calibration"]] == [
        (6, 0.0, 0.0),
        (4, 0.5, 0.5),
    ]  # type: ignore[union-attr]
    (three,) = [row for row in found.tables["forecast"] if row["months"] == 3]
    assert three["ece"] is None


REFUSED: list[tuple[type[ZeroDistanceError], str, list[Any], str]] = [
    (MissingColumn, "category,as_of,score", [("fridge", "2026-01-01", 1)], "person_id | source, source_id | person"),
    (MissingColumn, "person,category,score", [(10, "fridge", 1)], "as_of"),
    (WrongCell, HEAD, [(10, "fridge", "some day", 1)], "some day"),
    (WrongCell, HEAD, [(10, "fridge", "2026-01-01", "much")], "much"),
    (WrongCell, HEAD, [(10, "fridge", "2026-01-01", "nan")], "nan"),
    (WrongCell, HEAD, [(10, "boat", "2026-01-01", 1)], "allowed is fridge"),
    (WrongCell, HEAD + ",p_6", [(10, "fridge", "2026-01-01", 1, 1.2)], "from 0 to 1"),
    (WrongCell, HEAD, [("ten", "fridge", "2026-01-01", 1)], "whole number"),
    (UnknownIds, HEAD, [(99, "fridge", "2026-01-01", 1)], "99"),
    (UnknownIds, "source,source_id,category,as_of,score", [("crm", "x", "fridge", "2026-01-01", 1)], "crm:x"),
    (Repeated, HEAD, [(10, "fridge", "2026-01-01", 1), (10, "fridge", "2026-01-01", 2)], "10 fridge 2026-01-01"),
    (NothingToCompare, HEAD, [], "no row"),
    (NothingToCompare, "source,source_id,category,as_of,score", [("crm", "crm-6", "fridge", "2026-01-01", 1)], "no row"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "head", "given", "en"), REFUSED)
def test_what_can_not_be_compared_is_refused(
    truth: Path, error: type[ZeroDistanceError], head: str, given: list[Any], en: str
) -> None:
    with pytest.raises(error) as raised:
        asked(truth, given, head)
    assert en in raised.value.message("en") and raised.value.message("zh") != raised.value.message("en")


def test_a_truth_without_purchases_is_told(truth: Path) -> None:
    (truth / "units.parquet").unlink()
    with pytest.raises(NoTruth, match=r"units\.parquet"):
        asked(truth, rows({}))

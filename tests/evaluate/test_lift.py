"""Lift, from files: effects are per person to whom it was sent, and nobody else's; orders are judged by what a message would change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.evaluate.cases import household, write_said, write_table
from zerodistance.evaluate import api
from zerodistance.evaluate.contracts import (
    MissingColumn,
    NothingToCompare,
    Repeated,
    Report,
    UnknownIds,
    WrongCell,
)
from zerodistance.kernel.errors import ZeroDistanceError

PEOPLE = list(range(10, 30))
OUTCOMES = [  # campaign, person, p_without, p_with, buys_without, buys_with, treated, reached
    ("c1", 10, 0.1, 0.3, False, True, True, True),
    ("c1", 12, 0.1, 0.3, False, False, True, True),
    ("c1", 14, 0.1, 0.5, False, True, True, False),  # sent, and never arrived
    ("c1", 16, 0.1, 0.5, False, True, False, False),  # held out
    ("c1", 18, 0.1, 0.5, False, True, None, None),  # not drawn
    ("now", 10, 0.2, 0.3, False, True, None, None),
    ("now", 12, 0.2, 0.2, True, True, None, None),
    ("now", 14, 0.2, 0.1, True, False, None, None),
]


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    root = tmp_path / "truth"
    write_table(root, "persons", person=PEOPLE, household=[household(p) for p in PEOPLE])
    write_table(root, "campaigns", campaign=["c1", "c2", "now"], in_history=[True, True, False])
    names = ("campaign", "person", "p_without", "p_with", "buys_without", "buys_with", "treated", "reached")
    columns = dict(zip(names, map(list, zip(*OUTCOMES, strict=True)), strict=True))
    write_table(root, "outcomes", household=[household(p) for p in columns["person"]], **columns)
    return root


def asked(truth: Path, head: str, rows: list[Any], **more: Any) -> Report:
    return api.lift(truth, write_said(truth.parent / "said.csv", head, rows), **more)


def value(report: Report, table: str, against: str, name: str) -> float | None:
    (row,) = [row for row in report.tables[table] if row["against"] == against]
    return row[name].value  # type: ignore[union-attr]


ESTIMATES = "campaign,people,estimate,low,high"


def test_the_effect_counts_whom_it_reached_over_all_to_whom_it_was_sent(truth: Path) -> None:
    found = asked(
        truth, ESTIMATES, [("c1", 100, 0.01, 0, 0.02), ("c2", 50, 0, -0.01, 0.01), ("now", "", 0, 0, 0)]
    )
    of = {(row["campaign"], row["against"]): row["true"] for row in found.tables["by_campaign"]}
    assert of == {
        ("c1", "realised"): pytest.approx(1 / 100), ("c1", "expected"): pytest.approx(0.4 / 100),
        ("c2", "realised"): 0, ("c2", "expected"): 0, ("now", "realised"): 0, ("now", "expected"): pytest.approx(0, abs=1e-12),
    }  # fmt: skip


def test_a_right_estimate_has_no_error_and_its_interval_holds_it(truth: Path) -> None:
    found = asked(truth, ESTIMATES, [("c1", 100, 0.01, 0.005, 0.02), ("c2", 50, 0, -0.01, 0.01)])
    assert value(found, "errors", "realised", "root_mean_square_error") == pytest.approx(0)
    assert value(found, "errors", "realised", "coverage") == 1.0
    assert value(found, "errors", "expected", "coverage") == 0.5
    assert value(found, "errors", "expected", "mean_error") == pytest.approx(0.003)


def test_bounds_may_be_missing(truth: Path) -> None:
    found = asked(truth, "campaign,people,estimate", [("c1", 100, 0.02)])
    (row, _) = found.tables["errors"]
    assert row["coverage"] is None and value(
        found, "errors", "realised", "mean_absolute_error"
    ) == pytest.approx(0.01)


def test_whoever_knows_the_effects_has_the_whole_qini_and_the_opposite_loses_as_much(truth: Path) -> None:
    effect = {10: 1, 12: 0, 14: -1}
    head = "campaign,person,score"
    best = asked(truth, head, [("now", p, effect.get(p, 0)) for p in PEOPLE[::2]])
    assert value(best, "targeting", "realised", "qini_share") == pytest.approx(1.0)
    assert value(best, "targeting", "realised", "effect_10") == pytest.approx(1_000)
    worst = asked(truth, head, [("now", p, -effect.get(p, 0)) for p in PEOPLE[::2]])
    assert value(worst, "targeting", "realised", "qini_share") == pytest.approx(-1.0)
    nothing = asked(truth, head, [("now", p, 5) for p in PEOPLE[::2]])
    assert value(nothing, "targeting", "expected", "qini") == pytest.approx(0.0)
    assert nothing.counts["compared"] == 10


def test_a_campaign_that_changed_nobody_has_no_share(truth: Path) -> None:
    found = asked(truth, "campaign,person,score", [("c2", p, p) for p in PEOPLE])
    assert value(found, "targeting", "realised", "qini_share") is None
    assert value(found, "targeting", "realised", "effect") == 0.0


REFUSED: list[tuple[type[ZeroDistanceError], str, list[Any], str]] = [
    (MissingColumn, "campaign,person", [("c1", 10)], "estimate | score"),
    (UnknownIds, ESTIMATES, [("c9", 1, 0, 0, 0)], "c9"),
    (Repeated, ESTIMATES, [("c1", 100, 0, 0, 0), ("c1", 100, 0, 0, 0)], "c1"),
    (WrongCell, ESTIMATES, [("c1", 100, 0.5, 0.6, 0.7)], "low ≤ estimate"),
    (WrongCell, ESTIMATES, [("c1", 2, 0, 0, 0)], "in need"),
    (WrongCell, ESTIMATES, [("c1", 100, "", 0, 0)], "a number"),
    (NothingToCompare, ESTIMATES, [], "no row"),
]


@pytest.mark.parametrize(("error", "head", "rows", "en"), REFUSED)
def test_what_can_not_be_compared_is_refused(
    truth: Path, error: type[ZeroDistanceError], head: str, rows: list[Any], en: str
) -> None:
    with pytest.raises(error) as raised:
        asked(truth, head, rows)
    assert en in raised.value.message("en")

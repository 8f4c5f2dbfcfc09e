"""The pages of operations: who may see them, and what they say when all is well and when it is not."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import insert

from tests.doors import world
from tests.doors.conftest import Visitor
from zerodistance.core.touchpoints import store as touchpoints
from zerodistance.doors.operations.alerts import Desk, alerts
from zerodistance.doors.operations.conditions import Condition, Verdict
from zerodistance.kernel import clock, slow
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

PAGES = ("/operations", "/operations/alerts", "/operations/slow", "/operations/alerts.csv")


def fail(home: Home, job: str) -> None:
    figures = {"job": job, "error": "ValueError"}
    Desk(home, sends=False).judge(
        "job_failing", [Condition("job_failing", job, Verdict.BAD, figures=figures)]
    )


@pytest.mark.parametrize("path", PAGES)
def test_operations_are_for_admins(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 303
    visitor.log_in("analyst")
    assert visitor.get(path).status_code == 403
    assert visitor.post("/operations/alerts/1/acknowledge").status_code == 403


def test_a_home_where_all_is_well_is_calm(boss: Visitor) -> None:
    text = boss.get("/operations?lang=en").text
    assert "all on time" in text
    assert "too little history to say" in text
    assert "No alert" in text
    assert "Nothing that came in is lost" not in boss.get("/?lang=en").text


def test_an_alert_is_listed_acknowledged_and_given_as_a_table(boss: Visitor, home: Home) -> None:
    fail(home, "lake.compact")
    assert "the job lake.compact failed the last time: ValueError" in boss.get("/operations?lang=en").text
    assert "任务 lake.compact 上次失败" in boss.get("/?lang=zh").text
    (alert,) = alerts(home, Who.system())
    assert boss.post(f"/operations/alerts/{alert.id}/acknowledge").status_code == 303
    assert boss.post("/operations/alerts/999/acknowledge").status_code == 404
    assert alerts(home, Who.system())[0].acknowledged_by == "admin"
    assert "I look after it" not in boss.get("/operations/alerts?lang=en").text
    (row,) = csv.DictReader(io.StringIO(boss.get("/operations/alerts.csv").text.lstrip("\ufeff")))
    assert (row["kind"], row["about"], row["acknowledged_by"]) == ("job_failing", "lake.compact", "admin")


def test_a_refusal_rate_that_moved_leads_to_the_rows_of_its_source(boss: Visitor, home: Home) -> None:
    figures = {"source": "web", "now": 40.0, "before": 0.1, "refused": 400, "rows": 1_000, "p": 0.0}
    moved = Condition("refusals_moved", "web", Verdict.BAD, figures=figures)
    Desk(home, sends=False).judge("refusals_moved", [moved])
    for path in ("/", "/operations", "/operations/alerts"):
        assert 'href="/quarantine?source=web"' in boss.get(path).text, path


def test_slow_statements_are_shown_without_values(boss: Visitor, home: Home) -> None:
    slow.keep(home.path("runs"), "worker")
    slow.note("engine", "select x from touches where phone = '13800138000'", 3.25)
    slow._kept.clear()
    for path in ("/operations", "/operations/slow"):
        text = boss.get(path).text
        assert "3.25" in text
        assert "from touches where phone = ?" in text
        assert "13800138000" not in text


def test_a_late_stage_is_said_on_today_to_everybody(visitor: Visitor, home: Home) -> None:
    with home.state.write() as tx:
        values = {
            "number": 1,
            "feed": "journal",
            "position": 1,
            "touches": 1,
            "committed_at": clock.micros() - 10**9,
        }
        tx.execute(insert(touchpoints.batch).values(**values))
    visitor.log_in("analyst")
    text = visitor.get("/?lang=en").text
    assert "profiles is 16 min behind" in text
    assert "the figures and tags below are older than usual" in text


def test_today_says_how_far_behind_every_stage_is(boss: Visitor, home: Home) -> None:
    world.points(home)
    text = boss.get("/?lang=en").text
    for stage in ("door to journal", "digestion", "profiles", "tag index", "lake"):
        assert f"{stage} 0.0 s" in " ".join(text.split())

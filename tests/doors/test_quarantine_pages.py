"""The quarantine desk in the portal: groups, rows by form, reveal, rules with a preview, replay, giving up, export."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.core.touchpoints.doors import make_source
from tests.doors import world
from tests.doors.conftest import Visitor
from zerodistance import compose
from zerodistance.core.touchpoints import quarantine
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.doors.portal.pages.quarantine import group_path
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home

WHO = Who(1, "admin", Role.ADMIN)


def events() -> list[dict[str, Any]]:
    odd = [
        {"type": "trak", "userId": "wang@example.com", "messageId": f"m{i}", "event": "x"} for i in range(3)
    ]
    return [*odd, {"type": "track", "messageId": "<script>", "userId": "u1", "timestamp": "soon"}]


@pytest.fixture
def shop(home: Home, boss: Visitor) -> Source:
    """A source with four refused rows."""
    made = make_source(home)
    with TestClient(compose.door(home)) as client:
        world.send(client, made, events())
    world.digest(home, seal=False)
    return made


def key(source: Source, reason: str = "unknown_type", field: str = "type") -> dict[str, str]:
    return {"source": source.key, "reason": reason, "field": field}


def test_groups_are_listed_with_their_counts_and_lead_to_their_rows(boss: Visitor, shop: Source) -> None:
    listed = boss.get("/quarantine").text
    assert group_path(shop.key, "unknown_type", "type").replace("&", "&amp;") in listed
    assert group_path(shop.key, "bad_timestamp", "timestamp").replace("&", "&amp;") in listed
    page = boss.get(group_path(shop.key, "unknown_type", "type")).text
    assert "3 行在等" in page and "wang@example.com" not in page and "aaaa@aaaaaaa.aaa" in page
    assert boss.get(group_path(shop.key, "no_such", "")).status_code == 404
    assert boss.get(f"/quarantine?source={shop.key}").status_code == 200
    table = boss.get("/quarantine.csv").text
    assert f"{shop.key},unknown_type,type,3,0,0,3," in table


def test_a_group_is_mended_by_a_rule_and_replayed_once(home: Home, boss: Visitor, shop: Source) -> None:
    rule = {"operation": "map", "name": "type", "given": "trak", "to": "track"}
    shown = boss.post("/quarantine/group/preview", **key(shop), **rule).text
    assert "会改 3 行，之后 3 行能收下" in shown and "wang" not in shown
    assert boss.get(group_path(**key(shop))).text.count("等重放") == 0
    answer = boss.post("/quarantine/group/mend", **key(shop), **rule, replay="1")
    assert answer.headers["location"].endswith("done=mended&n=3")
    assert "等重放" in boss.get(answer.headers["location"]).text
    world.digest(home, seal=False)
    assert [g.replayed for g in quarantine.groups(home, WHO) if g.reason == "unknown_type"] == [3]
    again = boss.post("/quarantine/group/replay", **key(shop))
    assert again.headers["location"].endswith("n=0")


def test_a_wrong_rule_is_explained_and_changes_nothing(home: Home, boss: Visitor, shop: Source) -> None:
    rule = {"operation": "replace", "name": "type", "given": "(", "to": ""}
    assert boss.post("/quarantine/group/preview", **key(shop), **rule).status_code == 400
    answer = boss.post("/quarantine/group/mend", **key(shop), **rule)
    assert answer.status_code == 400 and "读不懂的样式" in answer.text
    assert all(row.mended_at is None for row in quarantine.rows(home, WHO))


def test_a_row_is_revealed_mended_by_hand_and_put_back(home: Home, boss: Visitor, shop: Source) -> None:
    number = quarantine.rows(home, WHO, reason="bad_timestamp")[0].id
    place = f"/quarantine/rows/{number}"
    assert "script" not in boss.get(place).text.split("<main")[1].split("</main")[0]
    shown = boss.post(f"{place}/reveal").text
    assert "&lt;script&gt;" in shown and '"messageId": "<script>"' not in shown
    raw = boss.post(f"{place}/download")
    assert json.loads(raw.content)["timestamp"] == "soon"
    assert raw.headers["content-type"] == "application/octet-stream"
    boss.post(f"{place}/mend", text=json.dumps({"type": "track", "event": "x", "userId": "u1"}))
    assert quarantine.rows(home, WHO, reason="bad_timestamp")[0].mended_at is not None
    boss.post(f"{place}/take-back")
    assert json.loads(quarantine.content(home, WHO, number))["timestamp"] == "soon"
    boss.post(f"{place}/mend", text=json.dumps({"type": "track", "event": "x", "userId": "u1"}), replay="1")
    world.digest(home, seal=False)
    assert "已收下" in boss.get(place).text
    assert boss.post(f"{place}/mend", text="{}").status_code == 409


def test_a_row_that_was_mended_into_half_a_letter_is_shown_and_replayed(
    home: Home, boss: Visitor, shop: Source
) -> None:
    number = quarantine.rows(home, WHO, reason="bad_timestamp")[0].id
    half = r'{"type":"track","event":"x","userId":"u1","properties":{"a":"\ud83d"}}'
    assert boss.post(f"/quarantine/rows/{number}/mend", text=half).status_code == 303
    assert "\ufffd" in boss.post(f"/quarantine/rows/{number}/reveal").text
    boss.post(f"/quarantine/rows/{number}/replay")
    world.digest(home, seal=False)
    assert "已收下" in boss.get(f"/quarantine/rows/{number}").text


def test_rows_are_given_up_with_a_reason_and_taken_up_again(home: Home, boss: Visitor, shop: Source) -> None:
    assert boss.post("/quarantine/group/dismiss", **key(shop), why="").status_code == 400
    boss.post("/quarantine/group/dismiss", **key(shop), why="a test of the vendor")
    assert len(quarantine.rows(home, WHO)) == 1
    number = quarantine.rows(home, WHO, dismissed=True)[0].id
    assert "a test of the vendor" in boss.get(f"/quarantine/rows/{number}").text
    boss.post(f"/quarantine/rows/{number}/recall")
    boss.post("/quarantine/group/recall", **key(shop))
    assert len(quarantine.rows(home, WHO)) == 4
    assert boss.post(f"/quarantine/rows/{number}/dismiss", why=" ").status_code == 400
    boss.post(f"/quarantine/rows/{number}/dismiss", why="one")
    assert len(quarantine.rows(home, WHO)) == 3


def test_an_export_has_forms_unless_what_came_is_asked_for(boss: Visitor, shop: Source) -> None:
    forms = [
        json.loads(line) for line in boss.post("/quarantine/group/export", **key(shop)).text.splitlines()
    ]
    assert [row["content"]["userId"] for row in forms] == ["aaaa@aaaaaaa.aaa"] * 3
    whole = boss.post("/quarantine/group/export", **key(shop), reveal="1").text
    assert whole.count("wang@example.com") == 3


def test_an_analyst_sees_forms_and_changes_nothing(home: Home, visitor: Visitor) -> None:
    made = make_source(home)
    with TestClient(compose.door(home)) as client:
        world.send(client, made, events())
    world.digest(home, seal=False)
    visitor.log_in("analyst")
    page = visitor.get(group_path(**key(made)))
    assert page.status_code == 200 and 'id="rule"' not in page.text and "wang" not in page.text
    for path, fields in (
        ("group/replay", key(made)),
        ("group/dismiss", {**key(made), "why": "x"}),
        ("group/mend", {**key(made), "operation": "drop", "name": "type"}),
        ("group/preview", {**key(made), "operation": "drop", "name": "type"}),
        ("group/export", {**key(made), "reveal": "1"}),
        ("rows/1/reveal", {}),
        ("rows/1/download", {}),
        ("rows/1/mend", {"text": "{}"}),
    ):
        assert visitor.post(f"/quarantine/{path}", **fields).status_code == 403, path


def test_alerts_and_today_lead_to_the_desk(boss: Visitor, shop: Source) -> None:
    assert f"/quarantine?source={shop.key}" in boss.get("/").text
    assert f"/quarantine?source={shop.key}" in boss.get(f"/touchpoints/{shop.key}").text

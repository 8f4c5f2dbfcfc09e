"""The portal for somebody who may not see persons: closed questions, and no way to an exact count of persons."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.core.segments.test_releasing import ADMIN, ANALYST, WOMEN, audience, town
from tests.doors import routed, world
from tests.doors.conftest import Visitor
from zerodistance import compose
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import audiences
from zerodistance.doors.portal import accounts, registry, sessions
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

__all__ = ["town"]  # a fixture
NAME = Text("女", "Women")
EXACT = 10_022
"""How many women there are in the town."""


@pytest.fixture
def planner(town: Home, visitor: Visitor) -> Iterator[Visitor]:
    """A planner of the unit `north` who is logged in."""
    accounts.create(town, Who.system(), "planner", Role.PLANNER, ["north"])
    accounts.use_once(
        town, accounts.one_time_login(town, Who.system(), "planner"), world.PASSWORD, world.PASSWORD
    )
    assert visitor.log_in("planner").status_code == 303
    yield visitor


def shows_exact(text: str) -> bool:
    return bool(re.search(r"(?<![\d.,])(10,?022)(?![\d.])", text))


def test_no_page_tells_somebody_without_sight_an_exact_count(town: Home, planner: Visitor) -> None:
    audience(town, "women", WOMEN)
    assert segments.count(town, ADMIN, WOMEN).persons == EXACT
    routes = routed.everything(town)
    paths = [route.path or "" for route in routes if "GET" in (route.methods or ())]
    names = {"{key}": "women", "{number}": "1", "{version}": "1"}
    looked = 0
    for path in dict.fromkeys(
        [*paths, "/profiles/demo.gender", "/profiles/demo.gender/nodes.csv", "/status"]
    ):
        asked = re.sub(r"\{[^}]*\}", lambda found: names.get(found[0], "1"), path)
        if asked.startswith(("/static", "/today/feed")) or "logout" in asked:
            continue
        answer = planner.client.get(asked)
        assert answer.status_code < 500, asked
        assert not shows_exact(answer.text), asked
        looked += 1
    assert looked > 120
    rule = 'Has("demo.gender", node="female")'
    for place in ("/segments/count", "/segments/draft"):
        answer = planner.post(place, rule=rule, op="add", what="has", dimension="demo.gender", node="female")
        assert not shows_exact(answer.text), place
    assert not shows_exact(planner.post("/profiles", asked="female").text)
    assert not shows_exact(planner.post("/find", q="gender").text)


def test_every_page_of_the_menu_opens_for_a_planner(town: Home, planner: Visitor) -> None:
    menu = registry.menus(Who(3, "planner", Role.PLANNER))
    assert {one.key for one in menu} >= {"today", "segments"}
    for one in menu:
        assert planner.client.get(one.path).status_code == 200, one.path
    assert planner.get("/today/feed").status_code == 200


def test_a_planner_asks_and_is_told_why_not(town: Home, planner: Visitor) -> None:
    assert planner.get("/segments").headers["location"] == "/segments/released"
    page = planner.get("/segments/released?lang=en").text
    assert "all of one" in page and "No audience is approved yet" in page
    audience(town, "women", WOMEN)
    assert planner.get("/segments/women").headers["location"] == "/segments/released?audience=women"
    shown = planner.get("/segments/released?audience=women&lang=en").text
    assert re.search(r"about \d,\d\d0<small>persons", shown)
    assert "likely between" in shown
    choosing = planner.get("/segments/released?dimension=demo.gender&lang=en").text
    assert "Choose a band for an answer" in choosing
    few = planner.get(
        "/segments/released?audience=women&place=C2&dimension=value.orders_total&node=often&lang=en"
    ).text
    assert "Fewer than 20 persons are never shown" in few
    for question, why in (("place=C1", "not in the territory"), ("audience=men", "not approved")):
        answer = planner.get(f"/segments/released?{question}&lang=en").text
        assert why in answer and 'role="alert"' in answer
    part = planner.get("/segments/released?audience=women", headers={"HX-Request": "true"}).text
    assert "<html" not in part


def test_a_segment_is_approved_on_its_page_by_another_account(town: Home, boss: Visitor) -> None:
    segments.create(town, ANALYST, "women", NAME, WOMEN)
    segments.create(town, ADMIN, "mine", NAME, WOMEN)
    assert "another account has to approve" in boss.get("/segments/mine?lang=en").text
    assert boss.post("/segments/mine/approve", version=1).status_code == 403
    assert boss.post("/segments/women/approve", version=1).status_code == 303
    assert "was approved by admin" in boss.get("/segments/women?lang=en").text
    listed = boss.get("/segments?lang=en").text
    assert "released" in listed and shows_exact(listed)
    boss.post("/segments/women/withdraw")
    assert audiences.approvals(town, ADMIN) == []


def test_a_program_asks_released_counts_over_the_api(town: Home, boss: Visitor) -> None:
    audience(town, "women", WOMEN)
    with TestClient(compose.door(town), base_url="http://testserver") as client:
        keys = {
            role: sessions.create_key(
                town, Who.system(), role.value, role, ["north"] if role is Role.PLANNER else []
            )
            for role in (Role.PLANNER, Role.ADMIN)
        }
        plain, admin = ({"Authorization": f"Bearer {keys[role]}", "Accept-Language": "en"} for role in keys)
        found = client.post("/v1/segments/released", json={"audience": "women"}, headers=plain)
        assert found.status_code == 200
        assert found.json()["persons"] % found.json()["k"] == 0
        refused = client.post("/v1/segments/count", json={"rule": 'Has("demo.gender")'}, headers=plain)
        assert (refused.status_code, refused.json()["code"]) == (403, "free_rule")
        assert client.post("/v1/segments/released", json={"place": "C1"}, headers=plain).status_code == 403
        assert [one["key"] for one in client.get("/v1/segments/audiences", headers=plain).json()] == ["women"]
        assert client.get("/v1/segments/women/members", headers=plain).status_code == 403
        assert client.get("/v1/segments/exact", headers=plain).status_code == 403
        assert client.delete("/v1/segments/women/approval", headers=admin).status_code == 204
        again = client.post("/v1/segments/women/approval", json={"version": 1}, headers=admin)
        assert again.status_code == 201
        client.post("/v1/segments/count", json={"rule": 'Has("demo.gender")'}, headers=admin)
        assert client.get("/v1/segments/exact", headers=admin).json()[0]["who"] == "key:admin"
        assert (
            client.post("/v1/segments/released", json={"audience": "nobody"}, headers=plain).json()["code"]
            == "not_approved"
        )

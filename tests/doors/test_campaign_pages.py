"""The pages of marketing: plays, campaigns from form to figures, the broadcast station; by whoever may."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.apps.marketing.town import ADMIN, ANALYST, NOW, PLAIN, Outreach, Town, days
from tests.doors import world
from tests.doors.conftest import Visitor
from zerodistance.apps.marketing.campaigns import api, running
from zerodistance.apps.marketing.campaigns.contracts import State
from zerodistance.apps.marketing.plays import api as plays
from zerodistance.core.measurement import api as measurement
from zerodistance.core.touchpoints import overview
from zerodistance.doors.portal import accounts, campaign_form, readings
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

FORM = {
    "zh": "焕新", "en": "Renewal", "key": "renewal", "kind": "once", "segment": "old", "goal": "order.line", "window": "14",
    "value": "touches", "share": "20", "stops": ["goal", "refused"], "weekdays": list("1234567"), "template-0-0": "mail",
    "template-0-1": "text", "days-1": "3", "template-1-0": "again", "price-sms": "0.05",
}  # fmt: skip


EXACT = re.compile(r"(?<![\w.,-])301(?![\w-])")
"""How many of the audience live in C1, which no released count is."""


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a send to more than a hundred persons wait for a second account."""
    monkeypatch.setenv("ZERODISTANCE_SEND_APPROVAL_SIZE", "100")


@pytest.fixture
def town(home: Home) -> Town:
    made = Town(home, 900)
    made.places()
    lives = {"C1": range(1, 603), "C2": range(603, 901)}
    made.index({"demo.gender": {"female": range(1, 901, 2)}, "geo.community": lives})
    made.segment()
    made.templates()
    made.approve()
    return made


@pytest.fixture
def analyst(town: Town, visitor: Visitor) -> Visitor:
    assert visitor.log_in("analyst").status_code == 303
    return visitor


@pytest.fixture
def marketer(town: Town, visitor: Visitor) -> Iterator[Visitor]:
    accounts.create(town.home, Who.system(), "marketer", Role.MARKETER, ["north"])
    link = accounts.one_time_login(town.home, Who.system(), "marketer")
    accounts.use_once(town.home, link, world.PASSWORD, world.PASSWORD)
    assert visitor.log_in("marketer").status_code == 303
    yield visitor


def shown(visitor: Visitor, path: str, status: int = 200) -> str:
    found = visitor.get(path)
    assert found.status_code == status, found.text[-2_000:]
    return html.unescape(found.text)


def needs(home: Home, who: Who) -> dict[str, str]:
    """Return what *Today* says of campaigns that wait for somebody: title -> text."""
    found = readings.needs_a_person(home, who, overview.today(home, who), "zh")
    return {need.title: need.text for need in found if need.href.startswith("/marketing/")}


def test_a_campaign_is_written_asked_for_approved_paused_and_ended_in_the_browser(
    town: Town, analyst: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = town.home, Outreach(monkeypatch)
    assert "从一个打法开始" in shown(analyst, "/marketing")
    assert "焕新" in shown(analyst, "/marketing/new?segment=old&community=C1,C2")
    with days(0):
        planned = analyst.post("/marketing/plan", **FORM)
        assert "450" in planned.text
        wrong = analyst.post("/marketing/new", **{**FORM, "window": "a while", "share": "150"})
        assert (wrong.status_code, 'id="share-e"' in wrong.text or 'id="window-e"' in wrong.text) == (
            400,
            True,
        )
        more = analyst.post("/marketing/new", **FORM, op="more")
        assert "template-2-0" in more.text
        made = analyst.post("/marketing/new", **FORM)
        assert made.headers["location"] == "/marketing/campaigns/renewal?done=saved"
        own = "/marketing/campaigns/renewal"
        found = api.campaign(home, ANALYST, "renewal")
        assert (
            campaign_form.said_of(campaign_form.shown(found.said, "renewal"))["steps"]
            == api.written(found.said)["steps"]
        )
        assert "看看新的" in shown(analyst, own)
        assert analyst.post(f"{own}/change", **{**FORM, "points": "7"}).status_code == 303
        assert analyst.post(f"{own}/ask", version="1").status_code == 409
        assert analyst.post(f"{own}/ask", version="2").headers["location"] == f"{own}?done=ask"
        assert "待批准" in shown(analyst, f"{own}?done=ask")
        assert analyst.post(f"{own}/approve", version="2").status_code == 403
        assert "活动“焕新”等第二个账号批准" in needs(home, ADMIN) and not needs(home, ANALYST)
        api.approve(home, ADMIN, "renewal", 2)
    with days(0.01):
        running.advance(home)
        assert "谁在哪一组" in shown(analyst, own)
        assert "焕新" in shown(analyst, "/marketing")
        assert "renewal,焕新,running,once,old," in analyst.get("/marketing/campaigns.csv").text
        assert "谁在哪一组" in shown(analyst, f"{own}/live")
        table = analyst.get(f"{own}/statistics.csv").text
        assert "treated,persons," in table
        assert "queue,queued," in table
        assert analyst.post(f"{own}/pause", why="等一等").status_code == 303
        assert "等一等" in shown(analyst, own)
        assert analyst.post(f"{own}/resume").status_code == 303
        assert not needs(home, ANALYST)  # somebody paused it and let it go on
        api.pause(home, Who.system("marketing"), "renewal", Text("超过预算", "over its budget"))
        assert needs(home, ANALYST) == {"活动“焕新”自己停下了": "超过预算"}
        assert not needs(home, Who(9, "planner", Role.PLANNER))
        assert analyst.post(f"{own}/dance").status_code == 400
        assert analyst.post(f"{own}/end", why="够了").status_code == 303
        assert analyst.post(f"{own}/start").status_code == 409
        assert 'value="Renewal"' in shown(analyst, "/marketing/new?again=renewal")
    assert shown(analyst, "/marketing/campaigns/none", 404)
    assert "Record" in shown(analyst, f"{own}?lang=en")


@pytest.mark.slow
def test_a_play_starts_with_one_click(town: Town, analyst: Visitor) -> None:
    play = plays.play("welcome")
    town.segment(play.segment)
    assert "登记后欢迎" in shown(analyst, "/marketing/plays")
    made = analyst.post("/marketing/plays/welcome/start")
    assert made.headers["location"] == "/marketing/campaigns/welcome?done=ask"
    assert api.campaign(town.home, ANALYST, "welcome").state is State.ASKED
    again = analyst.post("/marketing/plays/welcome/start")
    assert (again.status_code, "welcome" in again.text) == (409, True)
    assert "Welcome after registration" in shown(analyst, "/marketing/plays?lang=en")


def test_a_marketer_writes_from_the_station_and_sees_nobody(town: Town, marketer: Visitor) -> None:
    home = town.home
    station = shown(marketer, "/marketing/broadcast")
    assert "C1" in station
    assert "C2" not in station
    assert not EXACT.search(station)
    fields = {
        "audience": "old",
        "territory": "north",
        "template": "mail",
        "other": "text",
        "share": "20",
        "window": "14",
    }
    with days(0):
        looked = marketer.post("/marketing/broadcast/look", **fields, community=["C1"])
        assert "看看新的" in looked.text
        made = marketer.post("/marketing/broadcast", **fields, community=["C1"])
        assert made.headers["location"].startswith("/marketing/campaigns/c_1")
        refused = marketer.post("/marketing/broadcast", **{**fields, "territory": "south"})
        assert (refused.status_code, "辖区" in refused.text) == (403, True)
        assert marketer.post("/marketing/broadcast", **fields, community=["C2"]).status_code == 403
        asked = shown(marketer, "/marketing/campaigns/c_1")
        assert "待批准" in asked
        for path in (
            "/marketing",
            "/marketing/new",
            "/marketing/plays",
            "/marketing/campaigns/c_1/statistics.csv",
        ):
            assert not EXACT.search(shown(marketer, path))
        assert marketer.post("/marketing/plays/welcome/start").status_code == 403
        assert marketer.post("/marketing/campaigns/c_1/approve", version="1").status_code == 403
        assert api.campaign(home, ADMIN, "c_1").said.audience.communities == ("C1",)


@pytest.mark.slow
def test_the_api_says_what_the_pages_say(
    town: Town, analyst: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    Outreach(monkeypatch)
    client, token = analyst.client, {"X-CSRF": analyst.token("/me")}
    with days(0):
        own = "/v1/marketing/campaigns"
        assert client.post(f"{own}/plan", json=PLAIN, headers=token).json()["persons"] == 450
        made = client.post(own, json={**PLAIN, "key": "api"}, headers=token)
        assert (made.status_code, made.json()["state"], made.json()["said"]["kind"]) == (201, "draft", "once")
        wrong = client.post(
            own, json={**PLAIN, "goal": {"kind": "order.line", "window_days": True}}, headers=token
        )
        assert wrong.status_code == 400
        assert (
            client.put(f"{own}/api", json={**PLAIN, "points_goal": 3}, headers=token).json()["version"] == 2
        )
        assert client.post(f"{own}/api/ask", json={"version": 2}, headers=token).json()["state"] == "asked"
        assert client.post(f"{own}/api/return", json={"why": "no"}, headers=token).json()["why"] == "no"
        assert client.post(f"{own}/api/end", json={}, headers=token).json()["state"] == "ended"
        assert [one["act"] for one in client.get(f"{own}/api/acts").json()["acts"]][:2] == [
            "ended",
            "returned",
        ]
        assert client.get(f"{own}/api/statistics").json()["figures"][0]["part"] == "audience"
        assert len(client.get("/v1/marketing/plays").json()["plays"]) == 6
        assert client.get(f"{own}").json()["campaigns"][0]["key"] == "api"
        assert client.get(f"{own}/none").status_code == 404


@pytest.mark.slow
def test_what_came_of_it_stands_on_its_page_with_interval_money_and_warning(
    town: Town, analyst: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = town.home, Outreach(monkeypatch)
    with days(0):
        said = {
            **PLAIN,
            "prices": {"email": 0.5},
            "goal": {**PLAIN["goal"], "value": "amount"},
            "points_goal": 20,
        }
        api.create(home, ANALYST, "renewal", api.read(said))
        api.ask(home, ANALYST, "renewal", 1)
        api.approve(home, ADMIN, "renewal", 1)
    with days(0.01):
        running.advance(home)
    treated, held = measurement.arms(home, "renewal", 1)
    tomorrow = NOW + timedelta(days=1)
    town.did("message.sent", treated, tomorrow, campaign="renewal", channel="email")
    town.did("message.opened", list(treated)[:100], tomorrow, campaign="renewal", channel="email")
    town.did("order.line", list(treated)[:90], tomorrow, amount=3_000.0, currency="CNY")
    town.did("order.line", list(held)[:10], tomorrow, amount=3_000.0, currency="CNY")
    own = "/marketing/campaigns/renewal"
    with days(7):
        early = shown(analyst, own)
        assert "随时可看" in early
        assert "不是效果" in early
    with days(15):
        done = shown(analyst, f"{own}?lang=en")
        assert "persons more" in done
        assert "Back for each CNY spent" in done
        assert "270,000" in done
        table = analyst.get(f"{own}/statistics.csv").text
    assert "effect,lift," in table
    assert "money,points,1800" in table

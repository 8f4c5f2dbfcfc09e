"""Deciding on pairs in the portal, without a script and without anything whole; and the health of identity with its quarantine."""

from __future__ import annotations

import re

import pytest

from tests.core.identity.steps import subject, take_in, together, touch
from tests.core.identity.test_match import record
from tests.core.identity.test_reviewing import doubtful, match_of
from tests.doors.conftest import Visitor
from zerodistance.core.identity import api as identity
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

RAW = ("欧阳晓辰", "欧阳晓晨", "13912348001", "1987-03-02", "双桥城4号楼")


@pytest.fixture
def doubts(home: Home, boss: Visitor) -> Visitor:
    """An admin, and two pairs that wait."""
    doubtful(home)
    return boss


def form_of(page: str) -> dict[str, str]:
    """Return the two subjects of the pair on a page."""
    return {name: re.search(rf'name="{name}" value="(\d+)"', page)[1] for name in "ab"}  # type: ignore[index]


def test_a_pair_is_shown_with_its_reasons_and_without_anything_whole(doubts: Visitor) -> None:
    page = doubts.get("/identity/review").text
    assert "还有 2 对" in page and "读音相同，写法不同" in page and "97.8" in page
    assert not any(raw in page for raw in RAW)
    english = doubts.get("/identity/review?lang=en").text
    assert "sounds the same, written otherwise" in english and "one digit off" in english


def test_a_verdict_leads_to_the_next_pair_and_is_undone(home: Home, doubts: Visitor) -> None:
    first = doubts.get("/identity/review").text
    answer = doubts.post("/identity/review", **form_of(first), verdict="same")
    assert together(home, record(0), record(1))
    then = doubts.get(answer.headers["location"]).text
    assert "已判定是同一个人" in then and "还有 1 对" in then and form_of(then) != form_of(first)
    number = re.search(r'name="number" value="(\d+)"', then)[1]  # type: ignore[index]
    answer = doubts.post("/identity/review/undo", number=number)
    again = doubts.get(answer.headers["location"]).text
    assert "已撤回" in again and form_of(again) == form_of(first)
    assert not together(home, record(0), record(1))
    assert doubts.post("/identity/review/undo", number=number).status_code == 404


def test_arrows_lead_on_and_back_and_an_empty_queue_says_so(doubts: Visitor) -> None:
    first = doubts.get("/identity/review").text
    on = re.search(r'data-key="arrowright" href="([^"]+)"', first)[1]  # type: ignore[index]
    assert "arrowleft" not in first
    second = doubts.get(on).text
    assert form_of(second) != form_of(first) and "arrowright" not in second
    back = re.search(r'data-key="arrowleft" href="([^"]+)"', second)[1]  # type: ignore[index]
    assert form_of(doubts.get(back).text) == form_of(first)
    for page in (first, second):
        doubts.post("/identity/review", **form_of(page), verdict="unsure")
    assert "没有拿不准的" in doubts.get("/identity/review").text
    assert "没有可核对的连接" in doubts.get("/identity/review?links=1").text


def test_whole_values_are_shown_after_a_form_and_noted(home: Home, doubts: Visitor) -> None:
    first = doubts.get("/identity/review").text
    shown = doubts.post("/identity/review/reveal", **form_of(first)).text
    assert "1987-03-02" in shown and "已记下" in shown
    pair = identity.review(home, Who.system(), *map(int, form_of(first).values()))
    with home.state.read() as tx:
        assert [row[1] for row in identity.known_reveals(tx, pair.left.id)] == ["admin"]


def test_links_are_checked_and_count_for_precision(home: Home, doubts: Visitor) -> None:
    match_of(home, record(0), record(1), 9.0, linked=1)
    identity.rebuild(home, Who.system())
    page = doubts.get("/identity/review?links=1").text
    assert "连对了" in page
    answer = doubts.post("/identity/review", **form_of(page), verdict="same", links="1")
    assert "links=1" in answer.headers["location"]
    health = doubts.get("/identity/health").text
    assert "核对了 1 条" in health and "1 / 1" in health
    assert "precision,share,1.0" in doubts.get("/identity/health.csv").text


def test_what_is_no_pair_is_not_found_and_an_analyst_may_not_look(home: Home, doubts: Visitor) -> None:
    assert doubts.get("/identity/review?pair=1-x").status_code == 404
    assert doubts.get("/identity/review?pair=90000-90001").status_code == 404
    assert doubts.post("/identity/review", a=1, b=2, verdict="perhaps").status_code == 404
    doubts.post("/logout")
    assert doubts.log_in("analyst").status_code == 303
    for path in ("/identity/review", "/identity/health", "/identity/health.csv"):
        assert doubts.get(path).status_code == 403
    assert "/identity/review" not in doubts.get("/").text


def test_a_key_is_released_on_the_page_and_held_again(home: Home, boss: Visitor) -> None:
    take_in(home, *(touch(n, openid=f"o{n}", device_id="kiosk") for n in range(10)))
    identity.rebuild(home, Who.system())
    tablet = subject(home, "device_id", "kiosk")
    listed = boss.get("/identity/health").text
    assert "10 个不同的微信 openid与它同现" in listed and "kiosk" not in listed
    answer = boss.post("/identity/health/release", subject=tablet)
    assert "合并" in boss.get(answer.headers["location"]).text
    assert together(home, ("device_id", "kiosk"), *(("openid", f"o{n}") for n in range(10)))
    boss.post("/identity/health/share", subject=tablet)
    assert not together(home, ("openid", "o0"), ("openid", "o1"))
    assert "done=gone" in boss.post("/identity/health/share", subject=tablet).headers["location"]


def test_health_of_a_home_of_nobody_says_so(boss: Visitor) -> None:
    page = boss.get("/identity/health").text
    assert "近 30 天没有合并也没有拆分" in page and "还没有重算过" in page

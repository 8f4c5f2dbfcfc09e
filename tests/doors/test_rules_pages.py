"""Rules of identity in the portal: looked at, tried, applied with a reason, undone; and work that a page waits for."""

from __future__ import annotations

import threading

import pytest

from tests.core.identity.ruling.test_trying import crowd
from tests.core.identity.steps import together
from tests.doors.conftest import Visitor
from zerodistance.core.identity import api as identity
from zerodistance.core.identity.told import COMPARING
from zerodistance.doors.portal import working
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SYSTEM = Who.system()


@pytest.fixture
def crowded(home: Home, boss: Visitor) -> Visitor:
    """An admin, and a phone of nine persons."""
    crowd(home)
    identity.rebuild(home, SYSTEM)
    return boss


def fields(home: Home, **changed: str) -> dict[str, str]:
    """Return the whole form, some rules set otherwise."""
    return {**identity.rules(home, SYSTEM).values, **{k.replace("__", "."): v for k, v in changed.items()}}


def test_a_change_is_tried_looked_at_applied_and_undone(home: Home, crowded: Visitor) -> None:
    shown = crowded.get("/identity/rules").text
    assert "和出厂时一样" in shown and 'value="8/1095"' in shown and "还没有人改过" in shown
    answer = crowded.post("/identity/rules/try", **fields(home, phone__cap="12"))
    tried = answer.headers["location"]
    page = crowded.get(tried).text
    assert "phone.cap=12" in page and "重新连接的标识" in page and "+86139****8001" in page
    assert "13912348001" not in page
    assert "会合并 9 个用户，拆分 0 个" in page
    assert "would be merged" in crowded.get(f"{tried}?lang=en").text.lower()
    assert "再" not in crowded.get(f"{tried}?lang=en").text.replace("切换到中文", "")
    assert crowded.get(f"{tried}?lang=zh").status_code == 200
    assert not together(home, ("openid", "o0"), ("openid", "o1"))
    refused = crowded.post(f"{tried}/apply", sure="yes", reason=" ")
    assert refused.status_code == 400 and "写明为什么改" in refused.text
    assert crowded.post(f"{tried}/apply", reason="friends").status_code == 400
    answer = crowded.post(f"{tried}/apply", sure="yes", reason="friends share it")
    assert "第 1 版规则" in crowded.get(answer.headers["location"]).text
    assert together(home, ("openid", "o0"), ("openid", "o1"))
    shown = crowded.get("/identity/rules").text
    assert "phone.cap 8/1095 → 12/1095" in shown and "friends share it" in shown and "出厂值 8/1095" in shown
    again = crowded.post(f"{tried}/apply", sure="yes", reason="twice")
    assert "和现在的规则一样" in crowded.get(again.headers["location"]).text
    assert crowded.post("/identity/rules/undo", version=1).headers["location"] == "/identity/rules"
    assert identity.rules(home, SYSTEM).version == 1, "not confirmed"
    answer = crowded.post("/identity/rules/undo", version=1, sure="yes")
    assert "出厂的规则" in crowded.get(answer.headers["location"]).text
    assert not together(home, ("openid", "o0"), ("openid", "o1"))
    assert "admin 于" in crowded.get("/identity/rules").text


def test_what_cannot_be_set_is_said_and_what_was_typed_stays(home: Home, crowded: Visitor) -> None:
    wrong = crowded.post("/identity/rules/try", **fields(home, phone__cap="many"))
    assert wrong.status_code == 400 and "1 到 100000" in wrong.text and 'value="many"' in wrong.text
    same = crowded.post("/identity/rules/try", **fields(home))
    assert same.status_code == 409 and "和现在的规则一样" in same.text


def test_rules_that_somebody_else_changed_meanwhile_are_not_overwritten(home: Home, crowded: Visitor) -> None:
    tried = crowded.post("/identity/rules/try", **fields(home, phone__cap="12")).headers["location"]
    crowded.get(tried)
    identity.rules_apply(home, SYSTEM, ["openid.limit=20"], "meanwhile")
    answer = crowded.post(f"{tried}/apply", sure="yes", reason="friends")
    assert "规则已被改动" in crowded.get(answer.headers["location"]).text
    assert identity.rules(home, SYSTEM).version == 1


def test_a_try_that_this_door_does_not_know_leads_back(crowded: Visitor) -> None:
    assert "gone=1" in crowded.get("/identity/rules/work/abc").headers["location"]
    assert (
        "gone=1" in crowded.post("/identity/rules/work/abc/apply", sure="yes", reason="x").headers["location"]
    )
    assert "请重新试算" in crowded.get("/identity/rules?gone=1").text


def test_an_analyst_may_not_look(visitor: Visitor) -> None:
    assert visitor.log_in("analyst").status_code == 303
    for path in ("/identity/rules", "/identity/rules/work/abc"):
        assert visitor.get(path).status_code == 403
    assert visitor.post("/identity/rules/try", **{"phone.cap": "12"}).status_code == 403
    assert visitor.post("/identity/rules/undo", version=0, sure="yes").status_code == 403
    assert "/identity/rules" not in visitor.get("/").text


def test_work_that_takes_long_shows_its_stage_and_is_begun_once(
    home: Home, crowded: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slowly(home: Home, who: Who, given: list[str], *, match: bool, told: working.Told) -> object:
        told(COMPARING, 0, 1)
        go_on.wait(30)
        raise NotFound(what=Text("它", "it"), given="x")

    monkeypatch.setattr(working, "_SOON", 0.05)
    monkeypatch.setattr(identity, "rules_try", slowly)
    first = crowded.post("/identity/rules/try", **fields(home, phone__cap="12")).headers["location"]
    page = crowded.get(first).text
    assert "比较写法" in page and f'hx-get="{first}?part=1"' in page
    second = crowded.post("/identity/rules/try", **fields(home, phone__cap="13")).headers["location"]
    assert second == first
    assert "gone=1" in crowded.post(f"{first}/apply", sure="yes", reason="x").headers["location"]
    go_on.set()
    for thread in [one for one in threading.enumerate() if one.name == "work-rules_try"]:
        thread.join(30)
    part = crowded.get(f"{first}?part=1").text
    assert "<html" not in part and 'role="alert"' in part


def test_an_error_of_the_program_is_told_without_its_words_and_old_work_is_let_go() -> None:
    works = working.Works()

    def fails(told: working.Told) -> object:
        raise ValueError("secret")

    work = works.begin("x", None, fails)
    work._done.wait(10)
    assert isinstance(work.error, working.Failed) and "secret" not in str(work.error)
    for _ in range(working._KEPT):
        works.begin("x", None, lambda told: None)._done.wait(10)
    assert works.get(work.key) is None

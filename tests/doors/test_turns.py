"""A device that several accounts use in turn, in the portal, on the command line and over the API."""

from __future__ import annotations

import json

import pytest

from tests.core.identity.steps import take_in, touch
from tests.doors.conftest import Visitor
from tests.doors.test_flow import Shell, accept, shell
from zerodistance.core.identity import api as identity
from zerodistance.core.identity.http import answer
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

assert shell is not None  # a fixture


def event(number: int, **ids: str) -> dict[str, object]:
    """Return a page view, a minute after the one before."""
    at = f"2026-11-20T08:{number:02}:00Z"
    return {"type": "page", "messageId": f"t-{number}", "timestamp": at, "name": "Home", **ids}


def test_touches_before_a_login_are_the_persons_and_visitors_are_never_counted_with_them(
    shell: Shell,
) -> None:
    accept(
        [
            event(1, anonymousId="tablet"),
            event(2, anonymousId="tablet", userId="mother"),
            event(3, anonymousId="tablet", userId="father"),
            event(4, anonymousId="tablet"),
            event(5, anonymousId="stranger"),
        ]
    )
    shell("run")
    mother, father = (
        json.loads(shell("identity", "show", name, "--json"))["id"] for name in ("mother", "father")
    )
    for person, theirs in ((mother, {"t-1", "t-2"}), (father, {"t-3", "t-4"})):
        traced = shell("trace", person)
        assert {f"t-{n}" for n in range(1, 6) if f"t-{n}" in traced} == theirs
    said = json.loads(shell("status", "--json"))
    assert (said["people"]["persons"], said["people"]["visitors"]) == (
        3,
        2,
    )  # with u-1 and cookie-2 of the flow
    health = json.loads(shell("identity", "health", "--json"))["census"]
    assert (health["persons"], health["visitors"], health["in_turn"]) == (3, 2, 1)
    for words in (("explain", "father"), ("path", "mother", "father")):
        assert "is used by 2 persons in turn" in shell("identity", *words)
    assert "1 devices or browsers are used by several accounts in turn" in shell("identity", "health")


@pytest.fixture
def family(home: Home, admin: Who) -> list[str]:
    """Let two use a tablet one after the other; return their public ids."""
    take_in(home, touch(1, device_id="tablet-7788", user_id="mother"), touch(2, device_id="tablet-7788"))
    take_in(home, touch(30, device_id="tablet-7788", user_id="father"), touch(31, device_id="tablet-7788"))
    return [identity.lookup(home, admin, "user_id", name).id for name in ("mother", "father")]


def test_the_page_of_each_says_who_used_the_device_when(boss: Visitor, family: list[str]) -> None:
    for mine, other in (family, reversed(family)):
        page = boss.get(f"/people/{mine}?lang=zh").text
        assert "轮流使用的设备" in page and "ta****88" in page and "tablet-7788" not in page
        assert f'href="/people/{other}"' in page
        assert "Used in turn" in boss.get(f"/people/{mine}?lang=en").text


def test_the_look_up_finds_both_and_the_present_one_first(boss: Visitor, family: list[str]) -> None:
    page = boss.post("/people", given="tablet-7788").text
    assert page.index(family[1]) < page.index(family[0])


def test_a_look_up_by_the_device_answers_who_uses_it_now_and_who_did_before(
    home: Home, admin: Who, family: list[str]
) -> None:
    said = answer(identity.lookup(home, admin, "device_id", "tablet-7788"))
    assert (said["id"], said["earlier"]) == (family[1], [family[0]])
    assert "earlier" not in answer(identity.lookup(home, admin, "user_id", "mother"))


def test_the_health_page_and_its_table_count_such_devices(boss: Visitor, family: list[str]) -> None:
    assert "1 device or browser used by several accounts in turn" in boss.get("/identity/health?lang=en").text
    assert "used_in_turn,,1" in boss.get("/identity/health.csv").text

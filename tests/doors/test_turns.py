"""A device that several accounts use in turn, in the portal, on the command line and over the API."""

from __future__ import annotations

import pytest

from tests.core.identity.steps import take_in, touch
from tests.doors.conftest import Visitor
from zerodistance.core.identity import api as identity
from zerodistance.core.identity.http import answer
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home


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

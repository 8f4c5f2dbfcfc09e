"""Households in the portal without a browser: found by id, said where none is known."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.core.identity.steps import take_in
from tests.doors.conftest import Visitor
from tests.factory import Touch
from zerodistance.core.identity import api as identity
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

FLAT = "青岛市城阳区双山路250号双桥城4号楼2单元201"


def settled(home: Home, who: Who) -> identity.Household:
    """Return the household of two who live in one flat."""
    for name in ("王伟", "李娜"):
        at = datetime(2020, 1, 1, tzinfo=UTC)
        take_in(home, Touch({"record": name}, at, facts={"name": name, "address": FLAT}))
    identity.rebuild_households(home, who)
    person = identity.lookup(home, who, "record", "1:王伟")
    return identity.households_of_person(home, who, person.id)[0]


def test_the_command_box_finds_a_household_by_its_id(boss: Visitor, home: Home, admin: Who) -> None:
    found = settled(home, admin)
    answer = boss.post("/find", q=found.id)
    assert answer.status_code == 200
    assert f'href="/households/{found.id}"' in answer.text
    assert "/households/" not in boss.post("/find", q="h_ZZZZZZZZ").text


def test_an_id_in_another_spelling_leads_to_the_page(boss: Visitor, home: Home, admin: Who) -> None:
    found = settled(home, admin)
    answer = boss.get(f"/households/{found.id.lower()}")
    assert (answer.status_code, answer.headers["location"]) == (308, f"/households/{found.id}")
    page = boss.get(f"/households/{found.id}").text
    assert "双桥城" in page and "单元" not in page
    assert all(f'href="/people/{m.person}"' in page for m in found.members)


def test_who_is_in_no_household_is_said_so(boss: Visitor, home: Home, admin: Who) -> None:
    take_in(home, Touch({"user_id": "u1"}, 1))
    person = identity.lookup(home, admin, "user_id", "u1")
    page = boss.get(f"/people/{person.id}?lang=zh").text
    assert "不知道和谁住" in page and "还没有算过" in page
    assert boss.get("/households/h_ZZZZZZZZ").status_code == 404

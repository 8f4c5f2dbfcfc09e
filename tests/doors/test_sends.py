"""Sends over HTTP, on the command line and on their pages: asked for, decided on, stopped; and no address in any answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.core.outreach.sending import NOON, SYSTEM, Box, assigned, ready
from tests.doors.conftest import CHEAP, Visitor
from tests.doors.world import people
from zerodistance import compose
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.contracts import ChannelName
from zerodistance.core.outreach.sends import queue, sending
from zerodistance.core.outreach.sends.sender import Sender
from zerodistance.doors.portal import accounts, sessions
from zerodistance.kernel import clock, command
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home of 80 persons who may be written to, one send that went, with a message that was held back."""
    home = create_home(load(home=tmp_path_factory.mktemp("sends") / "home"))
    box = Box()
    opening.take(ChannelName.EMAIL, lambda home: box)
    with clock.freeze(clock.from_micros(NOON)), pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", lambda: CHEAP)
        people(home)
        found = ready(home, 80)
        sent = sending.send(home, SYSTEM, assigned(home, list(found)), "autumn", send_key="first")
        queue.fill(home, sent.number)
        sending.send(home, SYSTEM, assigned(home, list(found)), "autumn", send_key="second")
        made = Sender(home, now=lambda: NOON)
        made.run_due()
        assert made.sent == sent.reach and made.stop(5)
    yield home
    opening.take(ChannelName.EMAIL, None)
    home.close()


@pytest.fixture(scope="module")
def door(shop: Home) -> Iterator[Visitor]:
    """An admin who is logged in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", lambda: CHEAP)
        with TestClient(compose.door(shop), base_url="http://testserver") as client:
            boss = Visitor(client)
            assert boss.log_in().status_code == 303
            yield boss


def test_a_send_is_asked_for_decided_on_and_stopped_over_http(shop: Home, door: Visitor) -> None:
    keys = {
        role: sessions.create_key(shop, Who.system(), role.value, role)
        for role in (Role.MARKETER, Role.ANALYST)
    }

    def ask(role: Role, method: str, path: str, status: int = 200, **body: Any) -> Any:
        more = {"json": body} if method == "POST" else {}
        head = {"Authorization": f"Bearer {keys[role]}"}
        found = door.client.request(method, f"/v1/outreach/sends{path}", headers=head, **more)
        assert found.status_code == status, found.text
        assert "@" not in found.text
        return found.json() if "json" in found.headers["content-type"] else found.text

    object.__setattr__(shop.settings, "send_approval_size", 50)
    try:
        new = {"key": "api", "experiment": "autumn", "templates": ["autumn"], "values": {"what": "neu"}}
        made = ask(Role.MARKETER, "POST", "", 201, **new)
        assert (made["state"], made["rounded"]) == ("asked", True)
        assert made["reach"] is None or made["reach"] % shop.settings.released_k == 0
        assert ask(Role.MARKETER, "POST", "", 201, **new)["number"] == made["number"]
        ask(Role.MARKETER, "POST", f"/{made['number']}/decision", 403, grant=True)
        ask(Role.ANALYST, "POST", f"/{made['number']}/decision", 400, grant="yes")
        assert ask(Role.ANALYST, "POST", f"/{made['number']}/decision", grant=True)["state"] == "approved"
        queue.fill(shop, made["number"])
        stopped = ask(Role.MARKETER, "POST", f"/{made['number']}/stop", why="a wrong price")
        assert (stopped["state"], stopped["why"]) == ("stopped", "a wrong price")
        assert [one["reason"] for one in stopped["messages"]] == ["stopped"]
        ask(Role.MARKETER, "GET", f"/{made['number']}/held.csv", 403)
        assert ask(Role.ANALYST, "GET", f"/{made['number']}/held.csv").count(",held,stopped,email,") > 50
        assert [one["key"] for one in ask(Role.ANALYST, "GET", "?experiment=autumn")] == [
            "api",
            "second",
            "first",
        ]
        assert ask(Role.ANALYST, "GET", "?experiment=none") == []
        ask(Role.MARKETER, "POST", "", 400, **{**new, "key": "x", "values": {"who": "me"}})
        ask(Role.MARKETER, "POST", "", 404, **{**new, "key": "x", "templates": ["none"]})
        ask(Role.MARKETER, "POST", "", 404, **{**new, "key": "x", "assignment": 99})
        ask(Role.ANALYST, "GET", "/99", 404)
    finally:
        object.__setattr__(shop.settings, "send_approval_size", type(shop.settings)().send_approval_size)


def test_pages_tell_how_far_a_send_is(shop: Home, door: Visitor) -> None:
    listed = door.get("/outreach/sends").text
    assert "秋季" in listed and "first" in listed
    for number, said in ((1, "已发出"), (2, "达到频次上限")):
        text = door.get(f"/outreach/sends/{number}").text
        assert said in text and "@example.cn" not in text
        assert said in door.get(f"/outreach/sends/{number}/state").text
    assert door.get("/outreach/sends/2/held.csv").text.count(",held,cap,email,") > 50
    assert door.get("/outreach/sends.csv").text.startswith("\ufeffsend,key,experiment")
    assert door.get("/outreach/sends/77").status_code == 404


def test_a_send_is_made_and_stopped_on_its_pages(shop: Home, door: Visitor) -> None:
    assert "秋季" in door.get("/outreach/sends/new").text
    looked = door.get("/outreach/sends/new?experiment=autumn&template=autumn").text
    assert "王小明，您好" in looked and 'name="v-what"' in looked and "@example.cn" not in looked
    page = "/outreach/sends/new"
    wrong = door.post(
        "/outreach/sends", page, experiment="autumn", template="autumn", key="p", until="tomorrow"
    )
    assert wrong.status_code == 400 and "2026-11-27T09:00" in wrong.text
    made = door.post(
        "/outreach/sends", page, experiment="autumn", template="autumn", key="p", **{"v-what": "neu"}
    )
    assert made.status_code == 303
    where = made.headers["location"]
    assert "neu" in door.get(where).text
    assert door.post(f"{where}/stop", where, why="wrong").status_code == 303
    assert "wrong" in door.get(where).text


@pytest.mark.slow
def test_the_command_line_does_the_same(
    shop: Home, capsys: pytest.CaptureFixture[str], zd: Callable[..., None]
) -> None:
    zd("outreach", "sends", "list", "--json")
    assert json.loads(capsys.readouterr().out)[-1]["key"] == "first"
    zd("outreach", "sends", "new", "autumn", "autumn", "--key", "cli", "--value", "what=neu")
    number = sending.called(shop, SYSTEM, "cli").number  # type: ignore[union-attr]
    zd("outreach", "sends", "show", str(number))
    zd("outreach", "sends", "stop", str(number), "--why", "wrong")
    zd("outreach", "sends", "held", "2")
    assert ",held,cap,email," in capsys.readouterr().out
    zd("outreach", "work", "--once")
    assert "0" in capsys.readouterr().out


@pytest.fixture
def zd(shop: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a command over the home."""
    from zerodistance.core.outreach.cli import app

    monkeypatch.setattr(command, "home", lambda: shop)
    return lambda *given: app(list(given[1:]), result_action="return_value")

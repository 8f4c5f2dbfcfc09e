"""Experiments over HTTP and on the command line: what is said, to whom, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pyroaring import BitMap
from starlette.testclient import TestClient

from tests.core.measurement.town import NOW, Town, frozen
from tests.doors.conftest import CHEAP, Visitor
from tests.doors.world import people
from zerodistance import compose
from zerodistance.core.measurement import api, cli
from zerodistance.core.measurement.contracts import Goal, Value
from zerodistance.doors.portal import accounts, sessions
from zerodistance.kernel import command
from zerodistance.kernel import home as homes
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

SYSTEM = Who.system("test")
GOAL = {"kind": "order.*", "window_days": 28}
NEW = {"key": "spring", "name": {"zh": "春", "en": "Spring"}, "goal": GOAL}


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with 1,200 persons and a campaign whose treated arm bought more."""
    home = homes.create_home(load(home=tmp_path_factory.mktemp("lots") / "home"))
    town = Town(home)
    town.settle((s, s) for s in range(1, 1_201))
    with frozen(NOW):
        goal = Goal("order.*", 28, value=Value.AMOUNT)
        api.create(
            home, SYSTEM, "autumn", Text("秋季焕新", "Autumn renewal"), goal, share_held=0.3, channel="sms"
        )
        receipt = api.assign(home, SYSTEM, "autumn", BitMap(range(1, 1_201)))
    treated, held = sorted(receipt.treated), sorted(receipt.held)
    many = {"kind": "order.line", "amount": 900.0}
    town.did(
        *({"subject": s, "kind": "message.sent", "campaign": "autumn", "channel": "sms", "at": NOW} for s in treated),
        *({"subject": s, "kind": "message.opened", "campaign": "autumn", "channel": "sms", "at": NOW} for s in treated[50:350]),
        *({"subject": s, "at": NOW + timedelta(hours=n, minutes=1), **many} for n, s in enumerate(treated[:150])),
        *({"subject": s, "at": NOW + timedelta(hours=3 * n, minutes=1), **many} for n, s in enumerate(held[:20])),
    )  # fmt: skip
    for days in (1, 3, 9):
        with frozen(NOW + timedelta(days=days)):
            api.look(home)
    yield home
    home.close()


@pytest.fixture(scope="module")
def door(stocked: Home) -> Iterator[Visitor]:
    """An admin who is logged in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", lambda: CHEAP)
        people(stocked)
        with TestClient(compose.door(stocked), base_url="http://testserver") as client:
            boss = Visitor(client)
            assert boss.log_in().status_code == 303
            yield boss


def asked(door: Visitor, path: str, body: Any = None) -> tuple[int, Any]:
    """Return status and answer of a question to the API; with a body it is posted."""
    if body is None:
        found = door.client.get(f"/v1/experiments{path}")
    else:
        found = door.client.post(f"/v1/experiments{path}", json=body, headers={"X-CSRF": door.token("/me")})
    return found.status_code, found.json()


def test_an_experiment_is_planned_made_assigned_and_measured_over_http(door: Visitor) -> None:
    status, refused = asked(door, "/plan", {"goal": GOAL, "audience": 500, "base_rate": 0.01, "detect": 0.1})
    assert (status, refused["code"]) == (409, "hopeless_plan")
    status, plan = asked(
        door, "/plan", {"goal": GOAL, "audience": 600_000, "base_rate": 0.011, "detect": 0.19}
    )
    assert status == 200 and plan["share_held"] == 0.04
    assert asked(door, "", {**NEW, "share_held": 0.2})[0] == 201
    assert asked(door, "", NEW)[0] == 409
    assert asked(door, "", {**NEW, "key": "Spring!"})[0] == 400
    assert asked(door, "", {**NEW, "key": "x", "share_held": True})[0] == 400
    assert asked(door, "/spring/assignments", {"segment": "none"})[0] == 404
    assert (
        asked(door, "/spring/costs", {"amount": 12.5, "what": "a designer"})[1]["costs"][0]["amount"] == 12.5
    )
    assert asked(door, "/spring/costs")[1]["costs"][0]["what"] == "a designer"
    assert asked(door, "/spring/end", {})[1]["ended_by"] == "admin"
    assert asked(door, "/spring")[1]["name"] == {"zh": "春", "en": "Spring"}
    assert {one["key"] for one in asked(door, "")[1]["experiments"]} >= {"autumn", "spring"}


def test_a_result_says_all_of_it_and_as_of_when(door: Visitor) -> None:
    status, found = asked(door, "/autumn/result")
    assert status == 200 and found["treated"]["reached"] == 150 and found["held"]["reached"] == 20
    assert found["effect"]["lift"]["low"] > 0 and found["naive"]["warning"]["en"]
    assert found["always"]["low"] < found["effect"]["difference"]["low"]
    assert len(found["looks"]) == 3 and found["amounts"]["adjusted"]["value"] > 0
    early = asked(door, f"/autumn/result?until={(NOW + timedelta(hours=5)).isoformat().replace('+', '%2B')}")[
        1
    ]
    assert 0 < early["treated"]["reached"] < 10
    assert asked(door, "/autumn/result?until=2026-11-02T00:00:00")[0] == 400
    table = door.client.get("/v1/experiments/autumn/result.csv")
    assert table.text.startswith("part,name,value,low,high\nexperiment,key,autumn")
    assert asked(door, "/joint", {"exposed": 1_270_000, "bought": 5_713})[1]["cannot"]
    assert asked(door, "/global")[0] == 404 and asked(door, "/nothing/result")[0] == 404


def test_the_pages_say_what_came_of_it_in_both_languages(door: Visitor) -> None:
    for lang, words in (("zh", "联系比不联系，多达成"), ("en", "Reached more often because of contact")):
        found = door.client.get(f"/experiments/autumn?lang={lang}")
        assert found.status_code == 200 and words in found.text
        assert ("is not the effect" if lang == "en" else "不是效果") in found.text
    listed = door.client.get("/experiments?lang=en").text
    assert "Autumn renewal" in listed and "range-of" in listed
    for name in ("result", "days", "looks"):
        assert door.get(f"/experiments/autumn/{name}.csv").text.count("\n") > 3
    assert "autumn" in door.get("/experiments.csv").text
    assert "1,270,000" in door.client.get("/experiments/joint?lang=en").text
    assert (
        "2.05"
        in door.get("/experiments/joint?exposed=1270000&bought=5713&others=3910000&others_bought=8600").text
    )
    assert door.get("/experiments/joint?exposed=x&bought=1").status_code == 200
    file = door.get(
        "/experiments/joint.csv?exposed=1270000&bought=5713&others=3910000&others_bought=8600"
    ).text
    assert "exposed,bought,5713,," in file and "cannot_be_said" in file and "misleading,times,2.0" in file
    assert "others" not in door.get("/experiments/joint.csv").text


def test_an_account_that_sees_no_persons_has_the_same_pages_with_less_on_them(
    door: Visitor, stocked: Home
) -> None:
    key = sessions.create_key(stocked, SYSTEM, "store", Role.MARKETER)
    head = {"Authorization": f"Bearer {key}"}
    treated = len(api.treated(stocked, "autumn"))
    # a released count may be just the exact one, where that is a multiple of k
    exact = f"{treated:,}" if treated % stocked.settings.released_k else "no figure"
    told = re.compile(rf"(?<![\d.,]){exact}(?![\d.,])")
    for path in ("/experiments", "/experiments/autumn", "/experiments/new", "/experiments/joint"):
        found = door.client.get(f"{path}?lang=en", headers=head)
        assert found.status_code == 200 and not told.search(found.text), path
    said = door.client.get("/v1/experiments/autumn/result", headers=head).json()
    assert said["released"] and said["naive"] is None and said["looks"] == []
    assert not told.search(door.client.get("/experiments/autumn/result.csv", headers=head).text)


def test_an_experiment_is_planned_and_made_on_its_page(door: Visitor) -> None:
    form = {
        "zh": "夏季",
        "key": "summer",
        "kind": "order.line",
        "days": "14",
        "purpose": "marketing",
        "audience": "600,000",
        "detect": "19",
        "base": "1.1%",
    }
    found = door.post("/experiments/plan", "/experiments/new?lang=en", **form)
    assert "4%" in found.text and "17.6%" in found.text
    assert "500 persons" in door.post("/experiments", "/experiments/new", **{**form, "audience": "500"}).text
    made = door.post("/experiments", "/experiments/new", **form)
    assert (made.status_code, made.headers["location"]) == (303, "/experiments/summer?done=made")
    assert "Nobody has been assigned yet" in door.client.get("/experiments/summer?lang=en").text
    assert (
        door.post(
            "/experiments/summer/cost", "/experiments/summer", amount="1,200", what="a designer"
        ).status_code
        == 303
    )
    assert "a designer" in door.get("/experiments/summer").text
    assert (
        door.post("/experiments/summer/cost", "/experiments/summer", amount="?", what="x").status_code == 400
    )
    assert door.post("/experiments/summer/assign", "/experiments/summer", segment="nobody").status_code == 404
    assert door.post("/experiments/summer/end", "/experiments/summer").status_code == 303
    refused = door.post("/experiments/hold", "/experiments", key="everybody", share="most")
    assert refused.status_code == 400 and "It was not begun" in refused.text, "said where it was asked"
    assert door.post("/experiments/hold", "/experiments", key="everybody", share="5").status_code == 303
    assert "/experiments/everybody" in door.get("/experiments").text


def test_the_command_line_plans_makes_and_says_what_came(
    stocked: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "home", lambda: stocked)
    monkeypatch.setattr(command, "lang", lambda: "en")
    monkeypatch.setattr(command, "settings", lambda: stocked.settings)
    cli.plan("order.line", 600_000, base_rate=0.011, detect=0.19)
    assert "17.6%" in capsys.readouterr().out
    cli.create("winter", "order.line", zh="冬", en="Winter", share_held=0.2)
    cli.hold("everything", "order.*", 0.05, zh="全部", en="All contact")
    cli.list_()
    said = capsys.readouterr().out
    assert "winter" in said and "everything" in said
    verbs: tuple[tuple[Callable[[], None], str], ...] = (
        (lambda: cli.result("autumn"), "lift"), (lambda: cli.show("autumn"), "Any order"),
        (lambda: cli.cost("winter", 3.0, "texts", per_message=True), "a message"), (lambda: cli.end("winter"), "winter"),
        (lambda: cli.joint(1_270_000, 5_713), "can't be said"), (cli.global_, "nobody has been assigned"),
    )  # fmt: skip
    for verb, words in verbs:
        verb()
        assert words in capsys.readouterr().out
    cli.result("autumn", until=(NOW + timedelta(hours=5)).isoformat(), as_json=True)
    assert 0 < json.loads(capsys.readouterr().out)["treated"]["reached"] < 10
    cli.export("autumn")
    assert capsys.readouterr().out.startswith("part,name")

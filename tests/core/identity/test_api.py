"""The verbs of identity against the embedded stores."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.testclient import TestClient

from tests.core.identity.steps import take_in, touch
from tests.factory import START, Touch, touches_batch
from zerodistance.core.identity import api
from zerodistance.core.identity.contracts import Kind, NoSuchPerson, NotAnIdentifier
from zerodistance.core.identity.http import router
from zerodistance.core.identity.jobs import JOBS
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.kernel import clock, command
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Jobs
from zerodistance.kernel.text import Text

FACTS = {"name": "王小明", "address": "青岛市海尔路 1 号"}


def somebody(home: Home) -> None:
    take_in(home, touch(0, anonymous_id="c1"))
    take_in(home, Touch({"user_id": "u1", "anonymous_id": "c1", "phone": "139 1234 8001"}, 1, facts=FACTS))


def test_a_look_up_reads_any_spelling_and_shows_only_masks(home: Home, analyst: Who) -> None:
    somebody(home)
    found = api.lookup(home, analyst, "phone", "0086-13912348001", masked=True)
    assert found.counts == {"user_id": 1, "phone": 1, "anonymous_id": 1}
    masks = [i.masked for i in found.identifiers]
    assert masks[:2] == ["u*", "+86139****8001"]
    assert masks[2].startswith("#")
    assert api.lookup(home, analyst, "phone", "13912348001").identifiers == ()


def test_a_search_takes_any_identifier_or_public_id(home: Home, analyst: Who) -> None:
    somebody(home)
    person = api.lookup(home, analyst, "user_id", "u1")
    for given in ("u1", "13912348001", "c1", person.id, f" {person.id.lower()} "):
        assert [p.number for p in api.search(home, analyst, given)] == [person.number]
    assert api.search(home, analyst, "nobody@example.com") == api.search(home, analyst, "p_12345678") == []


@pytest.mark.parametrize(
    ("namespace", "value", "error"),
    [
        ("phone", "13912348999", NoSuchPerson),
        ("phone", "null", NotAnIdentifier),
        ("telepathy", "x", NotAnIdentifier),
    ],
)
def test_who_is_not_known_is_said_without_the_value(
    home: Home, analyst: Who, namespace: str, value: str, error: type[ZeroDistanceError]
) -> None:
    with pytest.raises(error) as caught:
        api.lookup(home, analyst, namespace, value)
    assert "13912348999" not in caught.value.message("zh") + caught.value.message("en")


def test_an_explanation_names_rule_time_source_and_state(home: Home, analyst: Who) -> None:
    somebody(home)
    take_in(home, Touch({"user_id": "u2", "anonymous_id": "c1"}, 5, source=3))
    person = api.lookup(home, analyst, "user_id", "u1")
    found = api.explain(home, analyst, person.id)
    assert [(e.rules, e.source, e.state.value, e.reason) for e in found.edges] == [
        (("login",), 1, "active", ""),
        (("login",), 1, "active", ""),
        (("login",), 3, "vetoed", "unique"),
    ]
    assert list(found.outside.values()) == [api.lookup(home, analyst, "user_id", "u2").id]
    assert {n.masked for n in found.nodes} >= {"u*", "+86139****8001"}


def test_a_reveal_needs_the_right_a_purpose_and_a_case_and_is_written_down(
    home: Home, admin: Who, analyst: Who
) -> None:
    somebody(home)
    person = api.lookup(home, admin, "user_id", "u1")
    with pytest.raises(Forbidden):
        api.reveal(home, analyst, person.id, "phone", "call back", "case 7")
    with pytest.raises(Invalid):
        api.reveal(home, admin, person.id, "phone", "call back", " ")
    assert api.reveal(home, admin, person.id, "phone", "call back", "case 7") == ("+8613912348001",)
    assert api.reveal(home, admin, person.id, "name", "letter", "case 8") == ("王小明",)
    with home.state.read() as tx:
        assert [row[1:] for row in api.known_reveals(tx, person.id)] == [
            ("admin", "name", "letter", "case 8"),
            ("admin", "phone", "call back", "case 7"),
        ]
    assert api.card(home, analyst, person.id)["name"] == "王**"


def test_visitors_expire_and_persons_do_not(home: Home, analyst: Who) -> None:
    with clock.freeze(START):
        take_in(
            home,
            touch(0, anonymous_id="old"),
            touch(0, anonymous_id="back"),
            touch(0, user_id="u1", anonymous_id="c1"),
        )
    later = START + timedelta(days=home.settings.visitor_days - 10)
    with clock.freeze(later):
        take_in(home, touch(9, anonymous_id="back"), touch(9, anonymous_id="new"))
    with clock.freeze(START + timedelta(days=home.settings.visitor_days + 1)):
        assert api.expire_visitors(home) == 1
        assert api.expire_visitors(home) == 0
    for known in (("anonymous_id", "back"), ("anonymous_id", "new"), ("anonymous_id", "c1")):
        api.lookup(home, analyst, *known)
    with pytest.raises(NoSuchPerson):
        api.lookup(home, analyst, "anonymous_id", "old")


def test_the_nightly_jobs_run(home: Home) -> None:
    somebody(home)
    jobs = Jobs(home, JOBS)
    with clock.freeze(clock.from_micros(home.made_at) + timedelta(days=1)):
        assert jobs.run_due() == [
            "identity.archive",
            "identity.rebuild",
            "identity.households",
            "identity.visitors",
        ]
    assert [state.last_error for state in jobs.states().values()] == [None] * 4


def test_the_export_names_the_person_of_each_touch(home: Home, admin: Who, tmp_path: Path) -> None:
    touchpoints.create_source(home, admin, key="web", name=Text("网站", "web"), kind="web")
    digest = Digest(home, Recognition(home), list)
    digest.commit(touches_batch(touch(0, anonymous_id="c1"), touch(1, user_id="u2"), Touch((), 2)))
    digest.commit(touches_batch(touch(3, user_id="u1", anonymous_id="c1"), position=1))
    assert api.export(home, admin, tmp_path / "out" / "persons.csv") == 4
    with (tmp_path / "out" / "persons.csv").open(encoding="utf-8") as file:
        rows = {row["source_id"]: row for row in csv.DictReader(file)}
    u1, u2 = (api.lookup(home, admin, "user_id", u).id for u in ("u1", "u2"))
    assert {k: r["person_id"] for k, r in rows.items()} == {
        "journal-0-0": u1,
        "journal-0-1": u2,
        "journal-0-2": "",
        "journal-1-0": u1,
    }
    assert {r["source"] for r in rows.values()} == {"web"}


def client(home: Home, who: Who) -> TestClient:
    app = FastAPI()
    app.state.home = home
    app.include_router(router)

    @app.middleware("http")
    async def known(request: Request, call_next: object) -> Response:
        request.state.who = who
        return await call_next(request)  # type: ignore[operator,no-any-return]

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, ZeroDistanceError)
        return JSONResponse(error.as_dict("en"), error.status)

    app.add_exception_handler(ZeroDistanceError, refused)
    return TestClient(app)


def test_recognition_over_http(home: Home, analyst: Who) -> None:
    somebody(home)
    person, asks = api.lookup(home, analyst, "user_id", "u1"), client(home, analyst)
    short = asks.post("/v1/persons/lookup", json={"phone": "13912348001"})
    assert (short.status_code, short.json()["id"], short.json()["kind"]) == (200, person.id, "person")
    assert "identifiers" not in short.json()
    long = asks.post("/v1/persons/lookup", json={"namespace": "user_id", "value": "u1", "identifiers": True})
    assert [i["masked"] for i in long.json()["identifiers"]][:2] == ["u*", "+86139****8001"]
    user = api.public_ids(home, [person.number])[person.number]
    assert asks.post("/v1/persons/lookup", json={"id": user}).json()["redirected_from"] is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"phone": "13912348999"}', 404, "no_such_person"),
        (b'{"phone": "guest"}', 400, "not_an_identifier"),
        (b'{"phone": "13912348001", "email": "a@example.com"}', 400, "not_an_identifier"),
        (b'{"phone": null}', 400, "not_an_identifier"),
        (b"phone=13912348001", 400, "invalid"),
    ],
)
def test_a_wrong_look_up_is_told_why(home: Home, analyst: Who, body: bytes, status: int, code: str) -> None:
    answer = client(home, analyst).post("/v1/persons/lookup", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_nobody_without_the_right_sees_persons(home: Home) -> None:
    somebody(home)

    class Blind(Who):
        def may(self, permission: object) -> bool:
            return False

    blind = Blind(3, "blind", Role.ANALYST)
    assert client(home, blind).post("/v1/persons/lookup", json={"user_id": "u1"}).status_code == 403


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_commands_speak_both_languages(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, lang: str
) -> None:
    from zerodistance.core.identity.cli import app

    somebody(home)
    take_in(home, *(touch(i, member_id=f"M{i}", phone="13912340000") for i in range(9)))
    monkeypatch.setattr(command, "home", lambda: home)
    monkeypatch.setattr(command, "lang", lambda: lang)
    monkeypatch.setattr(command, "settings", lambda: home.settings)
    for line in (["show", "u1"], ["explain", "13912348001"], ["guards"], ["rebuild"], ["rebuild", "--json"]):
        app(line, exit_on_error=False, result_action="return_value")
    app(["export", str(tmp_path / "p.csv")], exit_on_error=False, result_action="return_value")
    said = capsys.readouterr().out
    assert "+86139****8001" in said
    assert ("共用" if lang == "zh" else "shared") in said
    assert Kind.PERSON.value in said
    with pytest.raises(NoSuchPerson):
        app(["show", "no such"], exit_on_error=False, result_action="return_value")

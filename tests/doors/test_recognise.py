"""Look-up by API key: a path of its own in front of the gate, with the same answers and the same rights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

import zerodistance.compose as compose
from tests.factory import Touch, touches_batch
from zerodistance.core.identity import http as identity_http
from zerodistance.core.identity.api import Recognition
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.doors.portal import sessions
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

PATH = "/v1/persons/lookup"


@pytest.fixture
def client(home: Home) -> Iterator[TestClient]:
    Digest(home, Recognition(home), list).commit(
        touches_batch(Touch({"user_id": "u1", "phone": "13912348001"}, 10), Touch({"anonymous_id": "c9"}, 11))
    )
    with TestClient(compose.door(home)) as opened:
        yield opened


@pytest.fixture
def key(home: Home, admin: Who) -> str:
    return sessions.create_key(home, admin, "call centre")


def ask(client: TestClient, key: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client.post(PATH, content=raw, headers={"Authorization": f"Bearer {key}", **headers})
    return answer.status_code, answer.json()


def test_every_way_to_name_an_identifier_finds_the_person(client: TestClient, key: str) -> None:
    status, found = ask(client, key, {"phone": "0086 139 1234 8001"})
    assert status == 200 and found["kind"] == "person" and found["counts"] == {"user_id": 1, "phone": 1}
    assert ask(client, key, {"namespace": "user_id", "value": "u1"})[1] == found
    assert ask(client, key, {"id": found["id"]})[1]["id"] == found["id"]
    assert ask(client, key, {"anonymous_id": "c9"})[1]["kind"] == "visitor"
    masked = ask(client, key, {"phone": "13912348001", "identifiers": True})[1]["identifiers"]
    assert [i["masked"] for i in masked if i["namespace"] == "phone"] == ["+86139****8001"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"phone": "13912340000"}, 404, "no_such_person"),
        ({"shoe": "42"}, 400, "not_an_identifier"),
        ({}, 400, "not_an_identifier"),
        (b"\xff{", 400, "invalid"),
        (b"[1]", 400, "invalid"),
        (b'{"phone": "\xff"}', 400, "invalid"),
        (b'{"phone": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", 400, "invalid"),
        ({"phone": "x" * 20_000}, 400, "invalid"),
        ({"id": "p_nobody"}, 400, "invalid"),
    ],
)
def test_what_can_not_be_answered_says_why(
    client: TestClient, key: str, body: Any, status: int, code: str
) -> None:
    got = ask(client, key, body)
    assert (got[0], got[1]["code"]) == (status, code) and got[1]["message"]


def test_what_nobody_expected_is_json_too_and_names_no_value(
    client: TestClient, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("13912348001")

    monkeypatch.setattr(identity_http, "_asked", broken)
    with capture_logs() as lines:
        status, said = ask(client, key, {"phone": "13912348001"})
    assert (status, said["code"]) == (500, "broken")
    assert [line["error"].partition(" ")[0] for line in lines] == ["KeyError"]
    assert "139" not in str(lines)


def test_without_a_valid_key_nothing_is_said(client: TestClient, key: str) -> None:
    assert ask(client, "zd_wrong", {"phone": "13912348001"})[0] == 401
    assert client.post(PATH, json={"phone": "13912348001"}).status_code in (401, 403)


def test_errors_are_told_in_the_language_asked_for(client: TestClient, key: str) -> None:
    assert (
        "139" not in ask(client, key, {"phone": "13912340000"}, **{"Accept-Language": "en"})[1]["message"][:5]
    )
    zh = ask(client, key, {"phone": "13912340000"}, **{"Accept-Language": "zh-CN"})[1]["message"]
    assert any("\u4e00" <= c <= "\u9fff" for c in zh)

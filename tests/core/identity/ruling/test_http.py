"""The rules over the JSON API."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

import zerodistance.compose as compose
from tests.core.identity.ruling.test_trying import crowd
from zerodistance.doors.portal import sessions
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home

PATH = "/v1/identity/rules"


def test_a_change_is_tried_applied_and_undone_over_the_api(home: Home, admin: Who) -> None:
    crowd(home)
    key = sessions.create_key(home, admin, "rules", Role.ADMIN)
    change = {"changes": ["phone.cap=12"]}
    with TestClient(compose.door(home), headers={"authorization": f"Bearer {key}"}) as client:
        said = client.post(f"{PATH}/try", json={**change, "examples": 1}).json()
        assert (said["after"]["persons"], len(said["examples"])) == (1, 1)
        done = client.post(PATH, json={**change, "reason": "friends", "seen": said["version"]}).json()
        assert (done["rules"], done["moved"]) == (1, said["rebuilt"]["moved"])
        again = client.post(PATH, json={**change, "reason": "friends", "seen": 0})
        assert (again.status_code, again.json()["code"]) == (409, "nothing_changes")
        wrong = client.post(f"{PATH}/try", json={"changes": ["phone.cap=zero"]})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid")
        found = client.get(PATH).json()
        assert (found["version"], found["values"]["phone.cap"]) == (1, "12/1095")
        assert client.post(f"{PATH}/undo").json()["rules"] == 0
        assert [one["name"] for one in client.get("/v1/identity/models").json()] == ["default"]


@pytest.mark.parametrize("path", ["", "/try", "/undo"])
def test_who_may_not_decide_gets_no_answer(home: Home, admin: Who, path: str) -> None:
    key = sessions.create_key(home, admin, "looks", Role.ANALYST)
    with TestClient(compose.door(home), headers={"authorization": f"Bearer {key}"}) as client:
        body = {"changes": ["phone.cap=12"], "reason": "friends"}
        assert client.post(f"{PATH}{path}", json=body).status_code == 403

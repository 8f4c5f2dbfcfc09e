"""No answer that a marketer can get holds anything that the vault holds: every route, with what there is to put into it, and what there is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.doors import bad_forms, full, right, routed, world
from zerodistance import compose
from zerodistance.core.identity import store as identity
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.contracts import AllOf
from zerodistance.doors.portal import accounts, sessions
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home

SEEN = 4  # letters: shorter values are words that stand on any page
OWN = ("/me", "/login", "/logout", "/once", "/accounts", "/static")
"""What would end the session, or is about the account itself."""
KNOWN: dict[str, Any] = {
    "rule": "AllOf()", "namespace": "phone", "segments": ["quiet", "quiet"], "models": ["n1"], "lat": 36.0, "lon": 120.0, "place": "CITY",
    "audience": "quiet", "key": "quiet", "segment": "quiet", "as_of": None, "numbers": [], "steps": True, "sample": False, "many": 10,
}  # fmt: skip


def raw_values(home: Home) -> dict[str, str]:
    """Return every raw value of the vault -> its field."""
    with home.state.read() as tx:
        last = identity.numbers(tx)["subject"]
        sealed = identity.vault_of(tx, list(range(1, last + 1)))
    said = {
        home.seal.open(v, identity.where_vault(s, field)).decode(): field for (s, field), v in sealed.items()
    }
    return {value: field for value, field in said.items() if len(value) >= SEEN}


def public_ids(home: Home) -> list[str]:
    """Return the public ids of all persons, which are no raw values and yet nothing that a marketer is told."""
    return list(segments.members(home, Who(1, "admin", Role.ADMIN), AllOf(()), limit=1_000).ids)


@pytest.fixture
def filled(home: Home, tmp_path: Path) -> Home:
    """The small world, with one of everything."""
    full.fill(home, tmp_path)
    return home


class Listener:
    """Asks every route as somebody, and keeps what each answer says that it should not."""

    def __init__(self, home: Home, client: TestClient, role: Role) -> None:
        self.values, self.ids = raw_values(home), public_ids(home)
        assert len(self.values) > 20
        assert self.ids
        self.found: list[str] = []
        self._right = right.requests(home)
        self.answered: set[str] = set()
        self.refused: dict[str, int] = {}
        self._client, self._raw = client, next(iter(self.values))
        self._key = sessions.create_key(home, Who.system(), "api", role)
        client.post("/login", data={"csrf": self._token(), "name": "seller", "password": world.PASSWORD})

    def _token(self) -> str:
        found = re.search(
            r'"X-CSRF": "([0-9a-f]+)"',
            self._client.get("/login" if not self._client.cookies.get("zd_session") else "/").text,
        )
        assert found is not None
        return found[1]

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None, route: str = "") -> None:
        """Ask once: the API by a key, pages in a session; hold the answer against what was not asked for.

        Parameters
        ----------
        route
            The path with its names in braces; empty: `path`.
        """
        api = path.startswith("/v1/")
        more: dict[str, Any] = {
            "headers": {"Authorization": f"Bearer {self._key}"} if api else {"X-CSRF": self._csrf}
        }
        if method != "GET":
            more["json" if api else "data"] = body
        answer = self._client.request(method, path, follow_redirects=False, **more)
        well = answer.status_code < 300 or (
            answer.status_code == 303 and "login" not in answer.headers["location"]
        )
        name = f"{method} {route or path}"
        if well:
            self.answered.add(name)
        else:
            self.refused[name] = answer.status_code
        self.hear(f"{method} {path}", f"{path} {json.dumps(body, ensure_ascii=False)}", answer)

    def hear(self, what: str, given: str, answer: Any) -> None:
        """Hold an answer against what was not given with the question."""
        text = f"{answer.text} {answer.headers.get('location', '')}"
        self.found += [
            f"{what}: {one}"
            for one in (*self.values, *self.ids)
            if one not in given and (one in text or json.dumps(one)[1:-1] in text)
        ]

    def everything(self) -> None:
        """Ask every route: first all that only read, with what there is; then what forms of pages say; then the rest with values of the vault."""
        self._csrf = self._token()
        schema = self._client.get("/v1/openapi.json", headers={"Authorization": f"Bearer {self._key}"}).json()
        asked = [
            (method.upper(), path, _fields(schema, one))
            for path, told in schema["paths"].items()
            for method, one in told.items()
        ]
        asked += [
            (method, page.path or "", ["given", "q", "name", "number"])
            for page in routed.pages()
            for method in (page.methods or set()) & {"GET", "POST"}
        ]
        asked = [one for one in asked if not one[1].startswith(OWN) and "feed" not in one[1]]
        for method, path, _ in asked:
            if method == "GET":
                for person in (self._raw, self.ids[0]):
                    self.ask(method, full.named(path, person), None, path)
        for method, path, body in self._right:
            self.ask(method, path, body)
        self._forms()
        for method, path, fields in asked:
            for value in (self._raw, self.ids[0]) if method != "GET" else ():
                known = {**KNOWN, "ids": self.ids[:5], "id": self.ids[0]}
                self.ask(
                    method, full.named(path, self.ids[0]), {f: known.get(f, value) for f in fields}, path
                )

    def _forms(self) -> None:
        """Follow the links of pages, send every form as a browser would."""

        def get(path: str) -> str:
            answer = self._client.get(path, follow_redirects=False)
            self.hear(f"GET {path}", path, answer)
            return answer.text if answer.status_code == 200 else ""

        for form in bad_forms.crawl(get, ("/", "/marketing", "/outreach", "/experiments", "/segments")):
            if form.method == "POST" and not form.path.startswith(OWN):
                self.ask("POST", form.path, dict(form.fields), routed.route_of("POST", form.path))


def _fields(schema: dict[str, Any], told: dict[str, Any]) -> list[str]:
    found = re.search(r'#/components/schemas/(\w+)"', json.dumps(told.get("requestBody", {})))
    return list(schema["components"]["schemas"].get(found[1], {}).get("properties", {})) if found else []


def heard(home: Home, role: Role) -> Iterator[Listener]:
    """Return what somebody with a role hears."""
    accounts.create(home, Who.system(), "seller", role, [])
    accounts.use_once(
        home, accounts.one_time_login(home, Who.system(), "seller"), world.PASSWORD, world.PASSWORD
    )
    with TestClient(compose.door(home), base_url="http://testserver") as client:
        listener = Listener(home, client, role)
        listener.everything()
    yield listener


@pytest.mark.slow
@pytest.mark.parametrize(("role", "many"), [(Role.MARKETER, 120), (Role.PLANNER, 55)])
def test_no_answer_to_somebody_without_sight_holds_a_raw_value_or_a_person(
    filled: Home, role: Role, many: int
) -> None:
    (listener,) = heard(filled, role)
    assert listener.found == []
    assert len(listener.answered) >= many, listener.refused


@pytest.mark.slow
def test_the_same_ears_hear_what_an_analyst_is_told(filled: Home) -> None:
    (listener,) = heard(filled, Role.ANALYST)
    assert any("/v1/segments/quiet/members" in one for one in listener.found)
    assert len(listener.answered) >= 100, listener.refused

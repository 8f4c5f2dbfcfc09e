"""Forms of pages with what nobody should send: an answer with a reason, never the program failing."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.doors import bad_forms, full, routed
from tests.doors.bad_forms import Form
from tests.doors.conftest import Visitor
from zerodistance import compose
from zerodistance.kernel.home import Home

MANY = int(os.environ.get("ZERODISTANCE_FORMS", "1"))
"""How often each form is spoiled."""
SEED = int(os.environ.get("ZERODISTANCE_SEED", "1"))

SCRIPTED = ("q", "rule", "text", "op", "how", "name", "key")
"""Fields of forms that are read as they come."""


class Sender:
    """Somebody logged in who sends forms and keeps what should not have been answered."""

    def __init__(self, client: TestClient) -> None:
        self.visitor = Visitor(client)
        self.statuses: Counter[int] = Counter()
        self.routes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._in()

    def _in(self) -> None:
        assert self.visitor.log_in().status_code == 303
        self._csrf = self.visitor.token("/me")

    def get(self, path: str) -> str:
        answer = self.visitor.get(path)
        self._note(answer, f"GET {path}", "")
        return str(answer.text) if answer.status_code == 200 else ""

    def send(self, form: Form, how: str, fields: list[tuple[str, str | bytes]]) -> None:
        client, said = self.visitor.client, bad_forms.encoded(fields)
        if len(said) > 60_000 and form.method == "GET":  # longer than an address may be
            return
        about = f"{form.method} {form.path} (of {form.seen_on}) {how}"
        if form.method == "GET":
            answer: Any = client.get(f"{form.path}?{said.decode()}", follow_redirects=False)
        else:
            headers = {"X-CSRF": self._csrf, "Content-Type": "application/x-www-form-urlencoded"}
            answer = client.post(form.path, content=said, headers=headers, follow_redirects=False)
        self._note(answer, about, said.decode()[:2_000])
        self.routes[f"{form.method} {routed.route_of(form.method, form.path)}"] += 1
        if answer.headers.get("location", "").startswith("/login") or answer.status_code == 401:
            self._in()

    def _note(self, answer: Any, about: str, said: str) -> None:
        self.statuses[answer.status_code] += 1
        if answer.status_code >= 500 and answer.status_code != 503:
            self.wrong.append(f"{answer.status_code} {about}: {said}")


@pytest.mark.slow
def test_no_form_of_a_page_breaks_the_program_whatever_stands_in_its_fields(
    home: Home, tmp_path: Path
) -> None:
    full.fill(home, tmp_path)
    dice = random.Random(SEED)
    with TestClient(compose.door(home), raise_server_exceptions=False) as client:
        sender = Sender(client)
        forms = list(bad_forms.crawl(sender.get, ("/", "/me", *_pages())))
        assert {one.method for one in forms} == {"GET", "POST"}
        forms += _not_found({routed.route_of("POST", one.path) for one in forms if one.method == "POST"})
        for form in forms:
            for how, fields in bad_forms.spoiled(form, dice, MANY):
                sender.send(form, how, fields)
        for form in forms:  # at the end: some of them end something
            if form.method == "POST":
                sender.send(form, "as it is", list(form.fields))
    print(len(forms), sum(sender.routes.values()), sender.statuses)
    assert sender.wrong == []


def _not_found(found: set[str]) -> list[Form]:
    """Return forms for the routes to which no form of a page leads: what scripts send, and what stands on pages that the world does not have."""
    return [
        Form(
            "POST",
            full.named(one.path or "", "p_00000000"),
            tuple((name, "1") for name in (*_fields(one), *SCRIPTED)),
        )
        for one in routed.pages()
        if "POST" in (one.methods or ())
        and one.path not in found
        and not (one.path or "").startswith(bad_forms.KEPT_OUT)
    ]


def _fields(route: Any) -> list[str]:
    return [one.alias for one in route.dependant.body_params] if hasattr(route, "dependant") else []


def _pages() -> list[str]:
    """Return the addresses without a name in them."""
    return sorted(
        {
            one.path or ""
            for one in routed.pages()
            if "GET" in (one.methods or ()) and "{" not in (one.path or "")
        }
    )

"""Fixtures of the doors: the application over a home, with an admin and an analyst who can log in."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

import zerodistance.doors.portal.store
from tests.doors import world
from zerodistance import compose
from zerodistance.doors.portal import accounts
from zerodistance.kernel.home import Home

assert zerodistance.doors.portal.store.account is not None  # declares the tables before a home is made


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hash passwords with little work: their strength is argon2's own matter."""
    accounts._nobody.cache_clear()
    monkeypatch.setattr(accounts, "_hasher", lambda: CHEAP)
    yield
    accounts._nobody.cache_clear()


class Visitor:
    """Somebody with a browser: keeps cookies, and sends the token of the page with every form."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str, **more: object):  # type: ignore[no-untyped-def]
        """Open a page."""
        return self.client.get(path, follow_redirects=False, **more)

    def token(self, path: str = "/login") -> str:
        """Return the token of a page."""
        found = re.search(r'"X-CSRF": "([0-9a-f]+)"', self.get(path).text)
        assert found is not None
        return found[1]

    def post(self, path: str, page: str = "/me", **fields: object):  # type: ignore[no-untyped-def]
        """Send a form of a page."""
        return self.client.post(path, data={"csrf": self.token(page), **fields}, follow_redirects=False)

    def log_in(self, name: str = "admin", password: str = world.PASSWORD):  # type: ignore[no-untyped-def]
        """Log in."""
        return self.post("/login", "/login", name=name, password=password)


@pytest.fixture
def visitor(home: Home) -> Iterator[Visitor]:
    """Somebody who is not logged in."""
    world.people(home)
    with TestClient(compose.door(home), base_url="http://testserver") as client:
        yield Visitor(client)


@pytest.fixture
def boss(visitor: Visitor) -> Visitor:
    """An admin who is logged in."""
    assert visitor.log_in().status_code == 303
    return visitor

"""Secrets are used and never shown: not in the state, its write-ahead log, the logs or any output."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.feeds.places import everything_under
from zerodistance.connectors.feeds import api, secrets
from zerodistance.connectors.feeds.contracts import Secret
from zerodistance.connectors.feeds.secrets import NoSecret, NoVariable
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden, Invalid, WrongKey
from zerodistance.kernel.home import Home

WORD = "correct horse battery staple"


def test_a_secret_is_kept_sealed_and_used(home: Home, admin: Who) -> None:
    api.set_secret(home, admin, "shop-db", WORD)
    assert secrets.reveal(home, Secret("shop-db")) == WORD
    assert secrets.reveal(home, Secret("shop-db", prefix="Bearer ")) == "Bearer " + WORD
    assert WORD.encode() not in everything_under(home.root)
    (kept,) = api.list_secrets(home, admin)
    assert (kept.name, kept.set_by) == ("shop-db", "admin") and WORD not in repr(kept)


def test_a_secret_that_is_replaced_or_removed_is_gone(home: Home, admin: Who) -> None:
    api.set_secret(home, admin, "shop-db", WORD)
    api.set_secret(home, admin, "shop-db", "new")
    assert secrets.reveal(home, Secret("shop-db")) == "new"
    api.remove_secret(home, admin, "shop-db")
    with pytest.raises(NoSecret):
        secrets.reveal(home, Secret("shop-db"))
    with pytest.raises(NoSecret):
        api.remove_secret(home, admin, "shop-db")


def test_a_secret_opens_at_its_own_name_only(home: Home, admin: Who) -> None:
    api.set_secret(home, admin, "one", WORD)
    with home.state.write() as tx:
        tx.execute(secrets.store.feed_secret.update().values(name="other"))
    with pytest.raises(WrongKey):
        secrets.reveal(home, Secret("other"))


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("SHOP_DB_PASSWORD", WORD)
    yield "SHOP_DB_PASSWORD"


def test_a_variable_of_the_environment_is_read_where_the_feed_runs(home: Home, variable: str) -> None:
    assert secrets.reveal(home, Secret(variable, env=True)) == WORD
    with pytest.raises(NoVariable, match="NOT_THERE is not set"):
        secrets.reveal(home, Secret("NOT_THERE", env=True))


def test_secrets_are_for_those_who_manage_sources(home: Home, admin: Who, analyst: Who) -> None:
    for verb in (lambda: api.set_secret(home, analyst, "a", "b"), lambda: api.list_secrets(home, analyst)):
        with pytest.raises(Forbidden):
            verb()
    with pytest.raises(Forbidden):
        api.remove_secret(home, analyst, "a")
    for name, value in (("A B", "x"), ("a", ""), ("a", "x" * 70_000)):
        with pytest.raises(Invalid):
            api.set_secret(home, admin, name, value)

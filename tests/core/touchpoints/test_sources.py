"""Sources: who may make them, what they may be, and the code they give away."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from tests.core.touchpoints.doors import SYSTEM, make_source
from zerodistance.core.brand import api as brand
from zerodistance.core.touchpoints import api, sources
from zerodistance.core.touchpoints.snippets import snippets
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def test_a_source_gets_a_random_key_of_32_hex_digits_and_is_found_by_it(home: Home) -> None:
    first, second = make_source(home, "web"), make_source(home, "app", kind="app")
    assert re.fullmatch("[0-9a-f]{32}", first.write_key)
    assert first.write_key != second.write_key
    assert api.find_by_write_key(home, second.write_key) == second
    assert api.find_by_write_key(home, "0" * 32) is None


def test_sources_are_listed_by_key(home: Home, admin: Who) -> None:
    for key in ("shop", "app", "web"):
        make_source(home, key)
    assert [s.key for s in api.list_sources(home, admin)] == ["app", "shop", "web"]


def test_an_analyst_sees_sources_without_their_keys_and_makes_none(home: Home, analyst: Who) -> None:
    make_source(home)
    assert [s.write_key for s in api.list_sources(home, analyst)] == [""]
    with pytest.raises(Forbidden):
        api.create_source(home, analyst, key="x", name=Text("x", "x"), kind="web")
    with pytest.raises(Forbidden):
        api.rotate_key(home, analyst, "web")


def test_an_account_of_one_unit_sees_its_own_sources_and_everybodys(home: Home) -> None:
    brand.load_default(home, SYSTEM)
    mine, other = brand.units(home, SYSTEM)[:2]
    make_source(home, "mine", unit=mine.key)
    make_source(home, "other", unit=other.key)
    make_source(home, "shared")
    who = Who(3, "unit admin", Role.ADMIN, frozenset({mine.number}))
    assert [s.key for s in api.list_sources(home, who)] == ["mine", "shared"]
    with pytest.raises(sources.NoSource):
        api.switch_off(home, who, "other")
    with pytest.raises(Forbidden):
        make_other = {"key": "x", "name": Text("x", "x"), "kind": "web", "unit": other.key}
        api.create_source(home, who, **make_other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "Web Site"},
        {"key": ""},
        {"name": Text(" ", "")},
        {"kind": "fax"},
        {"unit": "nobody"},
        {"origins": ["shop.example.com"]},
        {"event_bytes": 1},
        {"fresh_seconds": 0},
        {"fresh_seconds": 10**12},
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(home: Home, wrong: dict[str, Any]) -> None:
    with pytest.raises(sources.WrongSource) as caught:
        make_source(home, **{"key": "web", **wrong})
    assert caught.value.message("zh") != caught.value.message("en")


def test_a_key_is_taken_once_also_after_it_was_switched_off(home: Home, admin: Who) -> None:
    make_source(home)
    api.switch_off(home, admin, "web")
    with pytest.raises(sources.SourceExists):
        make_source(home)


def test_switching_off_twice_keeps_the_first_time_and_it_can_be_undone(home: Home, admin: Who) -> None:
    make_source(home)
    off = api.switch_off(home, admin, "web")
    assert off.off_at is not None
    assert api.switch_off(home, admin, "web") == off
    assert api.switch_on(home, admin, "web").off_at is None


def test_rotating_changes_the_key_and_nothing_else(home: Home, admin: Who) -> None:
    before = make_source(home)
    after = api.rotate_key(home, admin, "web")
    assert after == dataclasses.replace(before, write_key=after.write_key)
    assert api.find_by_write_key(home, before.write_key) is None


def test_origins_are_cleaned_sorted_and_replaced(home: Home, admin: Who) -> None:
    make_source(home, origins=["https://b.example", "HTTPS://A.example:443"])
    assert api.get_source(home, admin, "web").origins == ("https://a.example", "https://b.example")
    assert api.set_origins(home, admin, "web", []).origins == ()


def test_every_snippet_carries_address_and_key_and_the_likeliest_comes_first(home: Home) -> None:
    for kind, first in (("web", "browser"), ("server", "python"), ("store", "curl")):
        source = make_source(home, kind, kind=kind)
        found = snippets(source, "https://touch.example.com/")
        assert found[0].key == first
        assert {"browser", "rudder_browser", "jitsu", "python", "node", "curl", "pixel"} <= {
            s.key for s in found
        }
        for snippet in found:
            assert source.write_key in snippet.code
            assert "touch.example.com" in snippet.code
            assert "{{" not in snippet.code

"""Whoever asks by what somebody says of themselves gets the persons that are likest, and why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.identity.placing.test_place import FLAT, SHORT, crowd, record, row
from tests.core.identity.steps import subject, take_in
from tests.core.identity.test_api import client
from zerodistance.core.identity import api
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home

SAID = {"name": "欧阳晓辰", "phone": "139 1234 8007", "address": SHORT}


@pytest.fixture
def filled(home: Home, admin: Who) -> Home:
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), row(1, "李秀英", address=FLAT), *crowd())
    api.match(home, admin)
    return home


def test_the_likest_person_is_found_with_reasons_and_nothing_is_written(filled: Home, admin: Who) -> None:
    found = api.alike(filled, admin, SAID)
    assert found[0].person.id == api.search(filled, admin, "13912348001")[0].id
    assert found[0].joins and found[0].probability > 0.9
    assert {one.comparison for one in found[0].weights} >= {"surname", "given", "home"}
    assert not found[0].person.identifiers
    assert len(api.alike(filled, admin, SAID, 1)) == 1
    assert api.alike(filled, admin, {"name": "冯大海", "address": "北京路1号"}) == []


def test_what_came_in_since_the_last_pass_is_found_too(filled: Home, admin: Who) -> None:
    api.alike(filled, admin, SAID)
    take_in(filled, row(5, "诸葛小亮", address="海棠小区3号楼1单元301"))
    found = api.alike(filled, admin, {"name": "诸葛小亮", "address": "海棠小区3-1-301"})
    assert [one.person.id for one in found] == [filled.seal.public_id("p", subject(filled, *record(5)))]


@pytest.mark.parametrize(
    ("said", "limit"), [({}, 5), ({"name": " "}, 5), ({"shoe_size": "44"}, 5), (SAID, 0), (SAID, 21)]
)
def test_what_can_not_be_asked_gets_a_clear_error(
    filled: Home, admin: Who, said: dict[str, str], limit: int
) -> None:
    with pytest.raises(Invalid) as error:
        api.alike(filled, admin, said, limit)
    assert error.value.text.zh and error.value.text.en


def test_a_program_asks_over_http(filled: Home, admin: Who) -> None:
    asks = client(filled, admin)
    said: dict[str, Any] = asks.post("/v1/persons/match", json=SAID).json()
    assert said["persons"][0]["same"] and said["persons"][0]["why"][0]["label"]["zh"]
    assert asks.post("/v1/persons/match", json={**SAID, "limit": 1}).json()["persons"] == said["persons"][:1]
    for wrong in ({"name": 3}, {"name": "王伟", "limit": "x"}, {"shoe_size": "44"}, {}):
        assert asks.post("/v1/persons/match", json=wrong).status_code == 400

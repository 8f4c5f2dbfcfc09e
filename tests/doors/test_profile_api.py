"""The API of profiles: some persons at once, chosen dimensions, an earlier moment, and by an identifier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.core.touchpoints.test_forget import send
from tests.doors.conftest import CHEAP, Visitor
from tests.doors.world import people
from zerodistance import compose
from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import jobs
from zerodistance.core.segments import api as segments
from zerodistance.core.touchpoints import sources
from zerodistance.doors.portal import accounts
from zerodistance.doors.worker import Work
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # eight in the evening in Shanghai
Shop = tuple[Visitor, dict[str, str]]


def _bought(who: str, n: int, at: datetime, **said: Any) -> dict[str, Any]:
    more = {"userId": who, "timestamp": at.isoformat(), "properties": {"total": 100.0 * n}, **said}
    return {"type": "track", "event": "Order Completed", "messageId": f"{who}{n}", **more}


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home for the tests of a module."""
    home = create_home(load(home=tmp_path_factory.mktemp("shop") / "home"))
    yield home
    home.close()


@pytest.fixture(scope="module")
def shop(stocked: Home) -> Iterator[Shop]:
    """Wei, who bought in March and in April, and Li, who is met in April only."""
    home = stocked
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", lambda: CHEAP)
        people(home)
        with TestClient(compose.door(home), base_url="http://testserver") as client:
            boss = Visitor(client)
            assert boss.log_in().status_code == 303
            with filled(home) as ids:
                yield boss, ids


@contextmanager
def filled(home: Home) -> Iterator[dict[str, str]]:
    """Let both come in, and stop the clock two days after the last."""
    sources.create_source(home, Who.system(), key="web", name=Text("官网", "web"), kind="web")
    work: Work = compose.work(home)
    phone = {"type": "identify", "messageId": "w0", "userId": "wei", "traits": {"phone": "13982716354"}}
    with clock.freeze(NOW):
        send(home, phone | {"timestamp": NOW.isoformat()}, _bought("wei", 1, NOW))
        _all(work)
    later = NOW + timedelta(days=40)
    with clock.freeze(later):
        send(home, _bought("wei", 2, later), _bought("li", 1, later))
        _all(work)
        admin = Who.system()
        ids = {name: identity.lookup(home, admin, "user_id", name).id for name in ("wei", "li")}
    with clock.freeze(later + timedelta(days=1)):
        profiles.refresh(home)
        yield ids


def _all(work: Work) -> None:
    while work.digest():
        pass
    work.seal()


def ask(boss: Visitor, path: str, **body: Any) -> Any:
    return boss.client.post(path, json=body, headers={"X-CSRF": boss.token("/me")})


def test_some_persons_at_once_in_chosen_dimensions(shop: Shop) -> None:
    boss, ids = shop
    found = ask(
        boss, "/v1/profiles", ids=[ids["wei"], "p_00000000", ids["li"], "nobody"], dimensions=["value"]
    ).json()
    assert [one["id"] for one in found["profiles"]] == [ids["wei"], ids["li"]]
    assert found["unknown"] == ["p_00000000", "nobody"] and found["not_then"] == []
    wei, li = (one["tags"] for one in found["profiles"])
    assert (wei["value.spend_total"]["value"], li["value.spend_total"]["value"]) == (300.0, 100.0)
    assert found["dimensions"]["value.spend_total"]["unit"] == {"zh": "CNY", "en": "CNY"}
    assert {one["layer"] for one in found["dimensions"].values()} == {"value"}
    assert wei["value.spend_total"]["since"] is None, "nobody asked"
    one = ask(boss, "/v1/profiles", ids=[ids["wei"]], dimensions=["value.orders_total"], since=True).json()
    assert one["profiles"][0]["tags"]["value.orders_total"] == {
        "node": "some", "label": {"zh": "2 至 4", "en": "2 to 4"}, "value": 2.0, "since": "2026-04-10", "dated": True,
    }  # fmt: skip


def test_as_of_an_earlier_moment_it_is_what_was_known_then(shop: Shop) -> None:
    boss, ids = shop
    asked = {"ids": list(ids.values()), "as_of": "2026-03-20", "dimensions": ["value.spend_total"]}
    found = ask(boss, "/v1/profiles", **asked).json()
    (wei,) = found["profiles"]
    assert (wei["id"], wei["tags"]["value.spend_total"]["value"]) == (ids["wei"], 100.0)
    assert found["not_then"] == [ids["li"]]
    assert found["as_of"].startswith("2026-03-20T15:59:59")
    assert ask(boss, "/v1/profiles", ids=[ids["wei"]], as_of="2027-01-01").status_code == 400


@pytest.mark.parametrize("since", [False, True])
def test_as_of_an_earlier_moment_nobody_who_is_known_is_an_answer(shop: Shop, since: bool) -> None:
    """A fuzzer found it: none of the ids belonged to anybody, and there was nothing to put together."""
    found = ask(shop[0], "/v1/profiles", ids=["", "nobody"], as_of="2026-03-20", since=since)
    assert found.status_code == 200
    assert (found.json()["profiles"], found.json()["unknown"]) == ([], ["", "nobody"])


def test_by_an_identifier_which_stands_in_no_address(shop: Shop) -> None:
    boss, ids = shop
    found = ask(boss, "/v1/profiles/find", namespace="phone", value="139 8271 6354", since=True).json()
    assert [one["id"] for one in found["profiles"]] == [ids["wei"]]
    assert ask(boss, "/v1/profiles/find", namespace="phone", value="13982716399").status_code == 404
    assert ask(boss, "/v1/profiles/find", namespace="shoe_size", value="43").status_code == 400


def test_wrong_questions_are_answered_with_what_is_allowed(shop: Shop, stocked: Home) -> None:
    boss, ids = shop
    wrong = ask(boss, "/v1/profiles", ids=[ids["wei"]], dimensions=["value.spend_totl"])
    assert wrong.status_code == 404 and "value.spend_total" in wrong.text
    assert ask(boss, "/v1/profiles", ids=["p_00000000"] * 1_001).status_code in (400, 422)
    assert ask(boss, "/v1/profiles", ids=["p_00000000"] * 51, since=True).status_code == 400
    planner = Who(9, "planner", Role.PLANNER)
    with pytest.raises(Forbidden):
        profiles.profiles_of(stocked, planner, [ids["wei"]])


def test_a_segment_is_counted_as_of_an_earlier_day_once_that_is_made(shop: Shop, stocked: Home) -> None:
    boss, ids = shop
    rule = 'Did("order.completed", at_least=1, within_days=30)'
    asked = {"rule": rule, "as_of": "2026-03-20"}
    waits = ask(boss, "/v1/segments/count", **asked)
    assert (waits.status_code, waits.json()["code"]) == (409, "past_not_made")
    jobs.make_pasts(stocked)
    found = ask(boss, "/v1/segments/count", **asked).json()
    assert (found["persons"], found["of_persons"]) == (1, 1)
    assert ask(boss, "/v1/segments/count", rule=rule).json()["persons"] == 2
    at = profiles.moment(stocked, "2026-03-20")
    read = segments.read_rule(rule)
    assert segments.members(stocked, Who.system(), read, as_of=at).ids == (ids["wei"],)

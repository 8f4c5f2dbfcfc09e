"""The policy of a touchpoint in the portal: limits are set and refused, schemas set, changed and taken away."""

from __future__ import annotations

import pytest

from tests.core.touchpoints.doors import SYSTEM, make_source
from tests.doors.conftest import Visitor
from zerodistance.core.touchpoints import schemas, sources
from zerodistance.kernel.home import Home


@pytest.fixture
def shop(home: Home) -> str:
    """A source."""
    return make_source(home).key


def test_limits_are_set_and_taken_away(home: Home, boss: Visitor, shop: str) -> None:
    page = f"/touchpoints/{shop}/policy"
    form = {"events_per_second": "500", "burst": "", "events_per_day": "1,000,000", "event_bytes": "1024"}
    assert boss.post(page, **form).status_code == 303
    found = sources.get_source(home, SYSTEM, shop)
    assert (found.events_per_second, found.events_per_day, found.event_bytes) == (500, 1_000_000, 1_024)
    assert 'value="500"' in boss.get(page).text
    boss.post(page, event_bytes="1024")
    assert not sources.get_source(home, SYSTEM, shop).limited


@pytest.mark.parametrize(
    "form", [{"events_per_second": "many"}, {"burst": "5"}, {"events_per_day": "0"}, {"event_bytes": "1"}]
)
def test_a_limit_that_makes_no_sense_is_said_at_its_field(
    boss: Visitor, shop: str, form: dict[str, str]
) -> None:
    answer = boss.post(f"/touchpoints/{shop}/policy", **form)
    (field,) = form
    assert answer.status_code == 400
    assert f'id="{field}-e"' in answer.text


def test_a_schema_is_set_changed_and_taken_away(home: Home, boss: Visitor, shop: str) -> None:
    place = f"/touchpoints/{shop}/schemas"
    given = {
        "type": "track",
        "name": "Product Viewed",
        "mode": "observe",
        "text": '{"required": ["context"]}',
    }
    boss.post(place, **given)
    boss.post(place, **{**given, "mode": "quarantine", "text": ""})
    (found,) = schemas.list_schemas(home, SYSTEM, shop)
    assert (found.name, found.mode, found.text) == ("Product Viewed", "quarantine", given["text"])
    boss.post(f"{place}/remove", type="track", name="Product Viewed")
    assert schemas.list_schemas(home, SYSTEM, shop) == []


def test_a_schema_that_can_not_be_used_is_given_back_with_why(boss: Visitor, shop: str) -> None:
    answer = boss.post(
        f"/touchpoints/{shop}/schemas", type="track", mode="observe", text='{"type": "<script>"}'
    )
    assert answer.status_code == 400
    assert 'id="text-e"' in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "<script>" not in answer.text

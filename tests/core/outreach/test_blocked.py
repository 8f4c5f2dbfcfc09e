"""Who hears of nothing but service now, and in which zone somebody lives: asked of a real tag index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.core.outreach.people import messages, say, settle
from tests.core.outreach.test_limits import set_policy
from tests.core.profiles import world
from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.core.outreach import limits
from zerodistance.core.outreach.policy import Policy
from zerodistance.core.outreach.zones import Where
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

NOW = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)  # noon in Shanghai
ASKED = {  # person -> what happened, days and hours ago
    1: [("service.called", 2)],
    2: [("service.called", 2), ("service.visited", 1)],
    3: [("service.called", 3), ("service.visited", 2), ("device.fault", 1)],
    4: [("service.called", 30)],
    5: [("service.visited", 1.2), ("service.called", 1.1)],  # called again on the day of the visit
}
FACTS = {
    6: ("birth_year", "2009"),
    7: ("birth_year", "2008"),
    8: ("birth_year", "2007"),
    9: ("community", "LA"),
    10: ("country", "US"),
    11: ("country", "GB"),
}


@pytest.fixture
def town(home: Home) -> Iterator[Home]:
    limits._looks.clear()
    settle(home, {n: [("email", f"{n}@x.cn")] for n in range(1, 12)})
    for n in range(1, 12):
        say(home, n)
    place = {
        "name_zh": "LA",
        "name_en": "LA",
        "kind": "community",
        "lat": 34.05,
        "lon": -118.24,
        "area": "US-CA",
        "grade": None,
    }
    assert not brand.upsert(home, Who.system(), "places", [Change(("LA",), place, None, None, 0)]).bad
    sql = "insert into identity_fact (subject, fact, origin, at, value) values (?, ?, 0, 1, ?)"
    with home.state.write() as tx:
        for subject, (fact, value) in {**FACTS, 9: ("country", "US")}.items():
            bulk.run(tx, sql, (subject, fact, value))
        bulk.run(tx, sql, (9, "community", "LA"))
    touches = [
        world.touch(1, row, subject, kind, NOW - timedelta(days=days))
        for row, (subject, kind, days) in enumerate((s, *one) for s, some in ASKED.items() for one in some)
    ]
    touches += [world.touch(1, 50 + n, n, "page.viewed", NOW) for n in FACTS]
    keeper = profiles.follower(home)
    with clock.freeze(NOW):
        keeper.follow(world.table(touches), 1)
        keeper.update()
        yield home


def test_who_waits_for_service_or_may_be_a_minor_is_sold_nothing(town: Home) -> None:
    found = limits.not_now(town, "marketing")
    assert set(found["open_case"]) == {1, 3, 5} and set(found["minor"]) == {6, 7}
    assert limits.not_now(town, "service") == {}
    seen = limits.look(town)
    with town.state.write() as tx:
        said = limits.book(tx, town, messages(*((str(n), n) for n in range(1, 9))), clock.micros(), seen)
    assert {one.message_id: one.reason for one in said if not one.may} == {
        "1": "open_case", "3": "open_case", "5": "open_case", "6": "minor", "7": "minor",
    }  # fmt: skip


def test_a_brand_may_look_at_neither(town: Home) -> None:
    set_policy(town, replace(Policy(), open_case=False, minor_age=0))
    assert set(limits.not_now(town, "marketing")) == {"cool_down"}


def test_somebody_is_disturbed_by_the_clock_of_where_they_live(town: Home) -> None:
    clocks = limits.look(town).clocks
    assert clocks.of(np.array([1, 9, 11])) == [
        Where("CN", ("Asia/Shanghai",)),
        Where("US", ("America/Los_Angeles",)),
        Where("GB", ("Europe/London",)),
    ]
    (wide,) = clocks.of(np.array([10]))
    assert wide.country == "US" and {"America/New_York", "Pacific/Honolulu"} <= set(wide.zones)
    seen = limits.look(town)
    with town.state.write() as tx:
        said = limits.book(tx, town, messages(("a", 9), ("b", 11)), clock.micros(), seen)
    nine_in_london = clock.to_micros(datetime(2026, 11, 27, 9, 0, tzinfo=UTC))
    assert [(one.reason, one.due_at) for one in said] == [
        ("", None),
        ("quiet", nine_in_london),
    ]  # eight in the evening in Los Angeles


def test_who_became_somebody_a_moment_ago_is_still_a_minor_or_waits_for_service(town: Home) -> None:
    seen = limits.look(town)
    sql = "insert into identity_change (subject, old_person, new_person, old_from, at, epoch) values (?, ?, ?, 0, 1, 0)"
    with town.state.write() as tx:
        for subject, old, new in ((6, 6, 2), (1, 1, 4), (4, 4, 8), (1, 4, 8)):  # 1 becomes 4, and that 8
            bulk.run(tx, sql, (subject, old, new))
            bulk.run(tx, "update subject set person = ? where number = ?", (new, subject))
        said = limits.book(tx, town, messages(*((str(n), n) for n in (2, 7, 8))), clock.micros(), seen)
    assert [one.reason for one in said] == ["minor", "minor", "open_case"]

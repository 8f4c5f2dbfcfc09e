"""Campaigns as JSON and in time: what is written is read again, what is wrong is named, nobody is written to on a day that is none."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.apps.marketing.campaigns import rules
from zerodistance.apps.marketing.campaigns.contracts import (
    Audience,
    Blackout,
    Budget,
    Calendar,
    Message,
    Said,
    Stop,
    Wait,
    WrongCampaign,
)
from zerodistance.core.measurement.contracts import Goal, Value
from zerodistance.kernel import clock
from zerodistance.kernel.text import Text

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
WORD = st.text("abcdefghij-", min_size=1, max_size=8)
DAYS = st.dates(date(2026, 1, 1), date(2028, 12, 31))
WAITS = st.builds(Wait, st.integers(1, 300), st.none() | st.integers(0, 23))
MESSAGES = st.builds(
    Message,
    st.lists(WORD, min_size=1, max_size=4, unique=True).map(tuple),
    st.dictionaries(st.sampled_from(["CN", "HK", "US"]), st.tuples(WORD), max_size=2).map(
        lambda some: tuple(sorted(some.items()))
    ),
)
BLACKOUTS = st.builds(
    lambda country, first, many: Blackout(country, first, first + timedelta(days=many)),
    st.sampled_from(["CN", "HK", "*"]),
    DAYS,
    st.integers(0, 20),
)
CALENDARS = st.builds(
    lambda first, many, weekdays, black: Calendar(
        first, None if many is None else first + timedelta(days=many), tuple(sorted(weekdays)), tuple(black)
    ),
    DAYS,
    st.none() | st.integers(0, 60),
    st.sets(st.integers(1, 7), min_size=1),
    st.lists(BLACKOUTS, max_size=3),
)
SAID = st.builds(
    Said,
    name=st.just(Text("焕新", "Renewal")),
    kind=st.sampled_from(["once", "standing"]),
    audience=st.builds(Audience, WORD, st.none() | WORD, st.tuples(WORD), st.just(()), st.booleans()),
    goal=st.builds(Goal, WORD, st.integers(1, 300), st.none() | WORD, value=st.sampled_from(list(Value))),
    steps=st.lists(MESSAGES | WAITS, max_size=6).flatmap(lambda some: MESSAGES.map(lambda one: (*some, one))),
    stops=st.sets(st.sampled_from(list(Stop))).map(lambda some: tuple(one for one in Stop if one in some)),
    share_held=st.none() | st.floats(0.01, 0.9),
    detect=st.none() | st.floats(0.001, 2),
    calendar=CALENDARS,
    budget=st.builds(Budget, st.none() | st.integers(1, 10**6), st.none() | st.floats(0, 10**6)),
    prices=st.sampled_from([(), (("sms", 0.05),), (("email", 0.0), ("sms", 0.1))]),
    points_goal=st.integers(0, 100),
    play=st.sampled_from(["", "welcome"]),
)
KEYS = st.sampled_from("name audience goal steps message calendar segment templates wait".split())
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda some: st.lists(some, max_size=2) | st.dictionaries(KEYS, some, max_size=4),
)
PLAIN: dict[str, Any] = {
    "name": {"zh": "焕新", "en": "Renewal"},
    "audience": {"segment": "old"},
    "goal": {"kind": "order.line"},
    "steps": [{"message": {"templates": ["t"]}}],
}


@settings(max_examples=25)
@given(SAID)
def test_what_is_written_is_read_again(said: Said) -> None:
    assert rules.read(json.loads(json.dumps(rules.write(said)))) == said


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"name": {"zh": "焕新"}}, "name.en"),
        ({"kind": "sometimes"}, "kind"),
        ({"audience": {}}, "audience.segment"),
        ({"audience": {"segment": "old", "communities": "C1"}}, "audience.communities"),
        ({"audience": {"segment": "old", "present": 1}}, "audience.present"),
        ({"goal": {"kind": "order.line", "window_days": True}}, "goal.window_days"),
        ({"goal": {"kind": "order.line", "value": "love"}}, "goal.value"),
        ({"steps": []}, "steps"),
        ({"steps": [{"wait": {"days": 1}}]}, "steps"),
        ({"steps": [{"wait": {}}]}, "steps[0].wait"),
        ({"steps": [{"message": {"templates": []}}]}, "steps[0].message.templates"),
        ({"steps": [{"message": {"templates": ["t"], "variants": {"China": ["t"]}}}]}, "steps[0].message.variants.China"),
        ({"steps": [{"message": {"templates": ["t"]}, "wait": {"days": 1}}]}, "steps[0].message"),
        ({"stops": ["rain"]}, "stops"),
        ({"share_held": 0}, "share_held"),
        ({"calendar": {"first": "2026-12-02", "last": "2026-12-01"}}, "calendar.last"),
        ({"calendar": {"weekdays": [0]}}, "calendar.weekdays"),
        ({"calendar": {"blackouts": [{"country": "cn", "first": "2026-12-01", "last": "2026-12-02"}]}}, "calendar.blackouts[0].country"),
        ({"budget": {"messages": 0}}, "budget.messages"),
        ({"prices": {"pigeon": 1}}, "prices.pigeon"),
        ({"colour": "red"}, "colour"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_path(more: dict[str, Any], at: str) -> None:
    with pytest.raises(WrongCampaign) as found:
        rules.read({**PLAIN, **more})
    assert found.value.data["at"] == at


@settings(max_examples=25)
@given(ANYTHING)
def test_whatever_is_given_is_read_or_refused(given_: Any) -> None:
    try:
        rules.read(given_)
    except WrongCampaign as error:
        assert error.message("zh")
        assert error.message("en")


@settings(max_examples=25)
@given(
    CALENDARS, st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)), st.sampled_from(["CN", "HK", ""])
)
def test_nobody_is_written_to_on_a_day_that_is_none(
    calendar: Calendar, moment: datetime, country: str
) -> None:
    asked = clock.to_micros(moment.replace(tzinfo=UTC))
    at = rules.allowed(calendar, asked, country, SHANGHAI)
    if at is None:
        assert calendar.last is not None or len(calendar.weekdays) < 7 or calendar.blackouts
        return
    day = clock.from_micros(at).astimezone(SHANGHAI).date()
    assert at >= asked
    assert calendar.first is None or day >= calendar.first
    assert calendar.last is None or day <= calendar.last
    assert day.isoweekday() in calendar.weekdays
    assert not any(b.first <= day <= b.last and b.country in (country, "*") for b in calendar.blackouts)
    over = rules.over_at(calendar, SHANGHAI)
    assert over is None or at < over
    assert at >= rules.begins_at(calendar, SHANGHAI)


@settings(max_examples=25)
@given(st.lists(MESSAGES | WAITS, max_size=8), st.integers(0, 2**50))
def test_waits_only_add_up_and_end_at_a_message_or_the_end(steps: list[Message | Wait], at: int) -> None:
    place, due = rules.arrive(steps, 0, at, SHANGHAI)
    days = sum(step.days for step in steps[:place] if isinstance(step, Wait))
    hours = sum(step.until_hour is not None for step in steps[:place] if isinstance(step, Wait))
    assert place == len(steps) or isinstance(steps[place], Message)
    assert all(isinstance(step, Wait) for step in steps[:place])
    assert days * clock.MICROS_PER_DAY <= due - at <= (days + hours) * clock.MICROS_PER_DAY


@pytest.mark.parametrize(
    "zone, hour, until, due",
    [(SHANGHAI, 7, 6, (14, 6)), (SHANGHAI, 7, 9, (13, 9)), (NEW_YORK, 21, 22, (13, 22)), (NEW_YORK, 21, 20, (14, 20))],
)  # fmt: skip
def test_days_are_over_before_an_hour_is_waited_for_and_are_those_of_the_zone(
    zone: ZoneInfo, hour: int, until: int, due: tuple[int, int]
) -> None:
    at = clock.to_micros(datetime(2026, 10, 12, hour, tzinfo=zone))
    found = clock.from_micros(rules.arrive([Wait(1, until)], 0, at, zone)[1]).astimezone(zone)
    assert (found.day, found.hour) == due


def test_a_wait_keeps_the_hour_of_the_clock_when_the_clock_is_changed() -> None:
    before = clock.to_micros(datetime(2026, 10, 31, 9, tzinfo=NEW_YORK))
    place, due = rules.arrive([Wait(days=2), Message(("t",))], 0, before, NEW_YORK)
    assert (place, clock.from_micros(due).astimezone(NEW_YORK).hour) == (1, 9)


def test_a_budget_that_would_not_last_says_by_how_much() -> None:
    said = rules.read(
        {**PLAIN, "budget": {"messages": 100, "money": 3}, "prices": {"sms": 0.05, "email": 0.01}}
    )
    assert rules.exceeded(said, {"sms": 40}, 20, ("email", "sms")) is None
    assert rules.spending(said, {"sms": 40, "email": 10}) == pytest.approx(2.1)
    assert "messages" in str(rules.exceeded(said, {"email": 90}, 11, ("email",)))
    assert "spent" in str(rules.exceeded(said, {"sms": 40}, 21, ("email", "sms")))

"""Campaigns and the real outreach: a step goes to those who go on, once, and a second account's yes to the campaign is one to its sends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pyroaring import BitMap

from tests.apps.marketing.town import ADMIN, ANALYST, PLAIN, SMS
from tests.core.outreach.sending import NOON, TEMPLATE, Box, ready
from zerodistance.apps.marketing.campaigns import api, handing, running
from zerodistance.apps.marketing.campaigns.contracts import State, TextChanged
from zerodistance.core.measurement import api as measurement
from zerodistance.core.outreach import catalogue
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.contracts import ChannelName, SendState
from zerodistance.core.outreach.sends import forgetting, sending, store
from zerodistance.core.outreach.sends.sender import Sender
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.contracts import AllOf
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

DAY = clock.MICROS_PER_DAY
SAID: dict[str, Any] = {
    **PLAIN,
    "audience": {"segment": "all"},
    "steps": [
        {"message": {"templates": ["autumn", "text"]}},
        {"wait": {"days": 8}},
        {"message": {"templates": ["autumn"]}},
    ],
    "prices": {"email": 0.5},
}


@pytest.fixture
def box() -> Iterator[Box]:
    made = Box()
    opening.take(ChannelName.EMAIL, lambda home: made)
    yield made
    opening.take(ChannelName.EMAIL, None)


def at(days: float) -> Any:
    return clock.freeze(clock.from_micros(NOON + round(days * DAY)))


def shop(home: Home, many: int = 100) -> dict[int, int]:
    """Make a home from which something can be sent, with a segment of everybody, and a template of a channel that is not set up."""
    found = ready(home, many)
    segments.create(home, ANALYST, "all", Text("所有人", "Everybody"), AllOf(()))
    catalogue.save(home, ADMIN, "text", SMS)
    return found


def begin(home: Home, size: int = 500) -> Home:
    """Make the campaign and have it approved, where it is large by a second account."""
    home = replace(home, settings=home.settings.model_copy(update={"send_approval_size": size}))
    with at(0):
        api.create(home, ANALYST, "autumn-washers", api.read(SAID))
        if api.ask(home, ANALYST, "autumn-washers", 1).state is State.ASKED:
            api.approve(home, ADMIN, "autumn-washers", 1)
    return home


@pytest.mark.parametrize("size", [pytest.param(500, marks=pytest.mark.slow), 10])
def test_each_step_is_one_send_to_those_who_go_on_and_is_not_asked_about_again(
    home: Home, box: Box, size: int
) -> None:
    subjects = shop(home)
    home = begin(home, size)
    with at(0.01):
        running.advance(home)
        Sender(home).run_due()
        treated, _ = measurement.arms(home, "autumn-washers", 1)
        assert {one.address for one in box.kept} == {f"p{n}@example.cn" for n in treated}
        (first,) = sending.listed(home, ANALYST)
        assert (first.state, [way.template for way in first.ways]) == (SendState.DONE, ["autumn"])
        assert handing.queued(home, [first.number]) == {"email": len(treated)}
    with home.state.write() as tx:  # somebody is forgotten, somebody has become somebody else
        tx.exec_driver_sql(f"update subject set person = {treated[0]} where number = {subjects[treated[1]]}")
    with at(8.1):
        running.advance(home)
        second = sending.listed(home, ANALYST)[0]
        with home.state.read() as tx:
            assert store.with_meant(tx) != []
        assert forgetting.forget(home, [subjects[treated[2]]])["outreach_meant"] == 1
        box.kept.clear()
        Sender(home).run_due()
        assert second.persons == len(treated) - 1
        assert len(box.kept) == len(treated) - 2
        with home.state.read() as tx:
            assert store.with_meant(tx) == []
        figures = api.statistics(home, ANALYST, "autumn-washers")
        assert figures.queue["sent"] == 2 * len(treated) - 3


@pytest.mark.slow
def test_a_yes_to_another_campaign_is_none_to_this_one(home: Home, box: Box) -> None:
    shop(home)
    home = begin(home, 10)
    with home.state.read() as tx:
        (approval,) = tx.exec_driver_sql("select approval from campaign").one()
    with at(0.01):
        running.advance(home)
        measurement.create(home, ANALYST, "other", Text("别的", "Other"), api.read(SAID).goal, share_held=0.1)
        receipt = measurement.assign(home, ANALYST, "other", BitMap(range(1, 60)))
        asked = sending.send(home, ANALYST, receipt, "autumn", send_key="x", approval=approval)
        assert asked.state is SendState.ASKED
        only = sending.send(
            home, ANALYST, receipt, "autumn", send_key="y", only=BitMap(range(1, 6)) | BitMap([99])
        )
        assert only.persons == len(receipt.treated & BitMap(range(1, 6)))


def test_what_is_queued_waits_with_the_campaign_and_goes_on_with_it(home: Home, box: Box) -> None:
    shop(home)
    home = begin(home)
    with at(0.01):
        running.advance(home)
        (send,) = sending.listed(home, ANALYST)
        api.pause(home, ANALYST, "autumn-washers", Text("价格错了", "a wrong price"))
        Sender(home).run_due()
        assert box.kept == []
        assert api.statistics(home, ANALYST, "autumn-washers").queue == {"paused": send.reach}
        api.resume(home, ANALYST, "autumn-washers")
        assert api.statistics(home, ANALYST, "autumn-washers").queue == {"queued": send.reach}
    with at(0.5):  # it is night by then
        Sender(home).run_due()
        assert box.kept == []
        api.pause(home, ANALYST, "autumn-washers")
    with at(1):
        api.end(home, ANALYST, "autumn-washers")
        Sender(home).run_due()
        assert box.kept == []
        (stopped,) = sending.listed(home, ANALYST)
        assert [(one.state, one.reason, one.many) for one in stopped.tallies] == [
            ("held", "stopped", send.reach)
        ]


@pytest.mark.slow
def test_what_is_queued_stops_with_the_campaign(home: Home, box: Box) -> None:
    shop(home)
    home = begin(home)
    with at(0.01):
        running.advance(home)
        api.end(home, ANALYST, "autumn-washers")
        Sender(home).run_due()
        assert [one.state for one in sending.listed(home, ANALYST)] == [SendState.STOPPED]
    assert box.kept == []
    with home.state.read() as tx:
        assert (
            tx.exec_driver_sql("select count(*) from campaign_send where subjects is not null").scalar() == 0
        )


def test_a_text_that_was_changed_after_the_yes_waits_for_another_one(home: Home, box: Box) -> None:
    shop(home)
    home = begin(home, 10)
    catalogue.save(home, ANALYST, "autumn", {**TEMPLATE, "name": {"zh": "另一段", "en": "Another one"}})
    with at(0.01):
        running.advance(home)
        (first,) = sending.listed(home, ANALYST)
    assert first.state is SendState.ASKED


def test_a_text_that_was_changed_while_it_was_asked_for_is_not_approved(home: Home, box: Box) -> None:
    shop(home)
    home = replace(home, settings=home.settings.model_copy(update={"send_approval_size": 10}))
    with at(0):
        api.create(home, ANALYST, "autumn-washers", api.read(SAID))
        api.ask(home, ANALYST, "autumn-washers", 1)
        catalogue.save(home, ANALYST, "text", {**SMS, "name": {"zh": "另一段", "en": "Another one"}})
        with pytest.raises(TextChanged):
            api.approve(home, ADMIN, "autumn-washers", 1)
        api.send_back(home, ANALYST, "autumn-washers", "")
    with at(0.01):
        api.ask(home, ANALYST, "autumn-washers", 1)
        assert api.approve(home, ADMIN, "autumn-washers", 1).state is State.RUNNING


def test_what_is_decided_and_not_yet_queued_counts_for_the_budget(home: Home, box: Box) -> None:
    shop(home)
    with at(0):
        once = {
            **SAID,
            "steps": [{"message": {"templates": ["autumn"]}}, {"message": {"templates": ["autumn"]}}],
        }
        api.create(home, ANALYST, "autumn-washers", api.read({**once, "budget": {"messages": 120}}))
        api.ask(home, ANALYST, "autumn-washers", 1)
    for n in range(1, 4):
        with at(n / 100):
            running.advance(home)
    treated, _ = measurement.arms(home, "autumn-washers", 1)
    assert [one.reach for one in sending.listed(home, ANALYST)] == [len(treated)]
    assert api.campaign(home, ANALYST, "autumn-washers").state is State.PAUSED


def test_what_waits_for_the_morning_does_not_go_on_a_day_that_is_left_out(home: Home, box: Box) -> None:
    shop(home)
    with at(0):  # Friday noon; nobody is written to on Saturday
        black = [{"country": "*", "first": "2026-11-28", "last": "2026-11-28"}]
        once = {**SAID, "steps": SAID["steps"][:1], "calendar": {"blackouts": black}}
        api.create(home, ANALYST, "autumn-washers", api.read(once))
        api.ask(home, ANALYST, "autumn-washers", 1)
    with at(0.4):  # half past nine in the evening: it is quiet until Saturday morning
        running.advance(home)
        (send,) = sending.listed(home, ANALYST)
        Sender(home).run_due()
    assert send.not_before == NOON + round(1.5 * DAY)  # midnight of Sunday
    with at(1):
        Sender(home).run_due()
    assert box.kept == []
    with at(2):
        Sender(home).run_due()
    assert len(box.kept) == send.reach

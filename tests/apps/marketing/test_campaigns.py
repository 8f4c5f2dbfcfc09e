"""A campaign from draft to end: who enters, who goes on, what stops, what pauses, and who may do what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pyroaring import BitMap

from tests.apps.marketing.town import ADMIN, ANALYST, NOW, OTHER, PLAIN, Outreach, Town, days
from zerodistance.apps.marketing.campaigns import api, handlers, running, states, store
from zerodistance.apps.marketing.campaigns.contracts import (
    ApprovedByWriter,
    Campaign,
    CampaignElsewhere,
    CampaignExists,
    NoSuchCampaign,
    State,
    VersionChanged,
    WrongCampaign,
)
from zerodistance.core.measurement import api as measurement
from zerodistance.core.outreach.approving import ApprovedByAsker
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.contracts import Has
from zerodistance.events.segments import SegmentChanged
from zerodistance.kernel import fault
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home


@pytest.fixture
def town(home: Home) -> Town:
    made = Town(home, 400)
    made.segment()
    made.templates()
    return made


@pytest.fixture
def outreach(monkeypatch: pytest.MonkeyPatch) -> Outreach:
    return Outreach(monkeypatch)


def begun(home: Home, more: dict[str, Any] | None = None, who: Who = ANALYST) -> Campaign:
    """Make a campaign, and send it for approval."""
    made = api.create(home, who, "renewal", api.read({**PLAIN, **(more or {})}))
    return api.ask(home, who, made.key, made.version)


def limited(home: Home, size: int) -> Home:
    """Return a home in which more persons than so many need a second account."""
    return replace(home, settings=home.settings.model_copy(update={"send_approval_size": size}))


def turn(home: Home, at: float) -> Campaign:
    """Let the worker take campaigns on, so many days after it began."""
    with days(at):
        running.advance(home)
        return api.campaign(home, ANALYST, "renewal")


def test_who_enters_is_assigned_once_and_goes_from_message_to_message(town: Town, outreach: Outreach) -> None:
    home = town.home
    with days(0):
        assert begun(home).state is State.RUNNING  # few: nobody else has to look at it
    turn(home, 0.01)
    treated, held = measurement.arms(home, "renewal", 1)
    assert sorted(treated | held) == list(range(1, 400, 2))
    assert 15 < len(held) < 70
    assert outreach.whom == [("mail", list(treated))]
    turn(home, 2.9)
    assert len(outreach.sends) == 1
    turn(home, 3.1)
    turn(home, 3.2)
    assert outreach.whom == [("mail", list(treated)), ("again", list(treated))]
    with days(3.3):
        found = api.statistics(home, ANALYST, "renewal")
    assert [(place.step, place.persons) for place in found.places] == [(0, 0), (2, 0), (3, len(treated))]
    assert found.result is not None
    assert (found.result.treated.persons, found.queue) == (len(treated), {"queued": 2 * len(treated)})
    assert turn(home, 14).state is State.RUNNING
    assert turn(home, 14.1).state is State.ENDED
    assert [act.act for act in api.acts(home, ANALYST, "renewal")] == [
        "ended",
        "started",
        "approved",
        "asked",
        "made",
    ]


def test_what_stops_somebody_is_looked_at_before_each_message(town: Town, outreach: Outreach) -> None:
    home = town.home
    with days(0):
        begun(home, {"stops": ["goal", "click", "refused", "service"]})
    turn(home, 0.01)
    treated, _ = measurement.arms(home, "renewal", 1)
    bought, clicked, refused, called, elsewhere, before, *_ = treated
    at = NOW + timedelta(days=1)
    town.did("order.line", [bought], at)
    town.did("message.clicked", [clicked], at, campaign="renewal")
    town.did("message.refused", [refused], at, campaign="renewal")
    town.did("service.called", [called, bought], at)
    town.did("message.clicked", [elsewhere], at, campaign="another")
    town.did("order.line", [before], NOW - timedelta(days=1))
    turn(home, 3.1)
    assert BitMap(outreach.whom[1][1]) == treated - BitMap([bought, clicked, refused, called])
    with days(3.2):
        assert api.statistics(home, ANALYST, "renewal").stopped == {
            "goal": 1,
            "click": 1,
            "refused": 1,
            "service": 1,
        }


@pytest.mark.slow
def test_a_standing_campaign_takes_in_who_comes_and_nobody_twice(town: Town, outreach: Outreach) -> None:
    home = town.home
    with days(0):
        begun(home, {"kind": "standing", "steps": PLAIN["steps"][:1]})
    turn(home, 0.01)
    first = measurement.assigned(home, "renewal")
    town.index({"demo.gender": {"female": range(101, 301)}})
    turn(home, 0.02)
    assert measurement.assigned(home, "renewal") == first  # it was not told yet
    with days(0.03):
        handlers.segment_changed(home, SegmentChanged("old", 1, 1, "people", 100, 0, 0, 0, 1), "e1")
    turn(home, 0.05)
    entered = measurement.assigned(home, "renewal") - first
    assert entered == BitMap(range(102, 301, 2))
    every = [person for _, some in outreach.whom for person in some]
    assert len(every) == len(set(every))
    assert turn(home, 30).state is State.RUNNING


@pytest.mark.slow
def test_what_nobody_has_approved_does_not_start_and_gets_no_experiment(town: Town) -> None:
    """The start of a draft once made the program fail; that of one that waits made an experiment before it was refused."""
    home = town.home
    api.create(home, ANALYST, "renewal", api.read(PLAIN))
    with pytest.raises(CampaignElsewhere, match="is draft and can't be started"):
        api.start(home, ANALYST, "renewal")
    assert api.ask(limited(home, 10), ANALYST, "renewal", 1).state is State.ASKED
    with pytest.raises(CampaignElsewhere, match="can't be started"):
        api.start(home, ANALYST, "renewal")
    assert list(measurement.experiments(home, ANALYST)) == []


def test_who_was_there_at_the_start_enters_only_after_having_left(town: Town, outreach: Outreach) -> None:
    home = town.home
    with days(0):
        begun(home, {"kind": "standing", "audience": {"segment": "old", "present": False}})
    turn(home, 0.01)
    assert not measurement.assigned(home, "renewal")
    town.index({"demo.gender": {"female": range(1, 100)}})
    turn(home, 1.1)
    assert measurement.assigned(home, "renewal") == BitMap(range(2, 100, 2))
    town.index({"demo.gender": {"female": range(1, 301)}})
    turn(home, 2.2)
    assert measurement.assigned(home, "renewal") == BitMap([*range(2, 100, 2), *range(100, 301)])
    assert api.forget(home, list(range(1, 50)))["campaign_subjects"] == 25


def test_a_large_campaign_waits_for_a_second_account(town: Town, outreach: Outreach) -> None:
    home = limited(town.home, 100)
    with days(0):
        assert begun(home).state is State.ASKED
        with pytest.raises(ApprovedByAsker):
            api.approve(home, ANALYST, "renewal", 1)
        with pytest.raises(VersionChanged):
            api.approve(home, OTHER, "renewal", 2)
        with pytest.raises(CampaignElsewhere) as found:
            api.start(home, ANALYST, "renewal")
        assert "to be approved" in str(found.value)
        api.send_back(home, OTHER, "renewal", "shorter")
        assert api.campaign(home, ANALYST, "renewal").why.en == "shorter"
        changed = api.save(home, OTHER, "renewal", api.read({**PLAIN, "points_goal": 5}))
        api.ask(home, ANALYST, "renewal", changed.version)
        with pytest.raises(ApprovedByWriter):
            api.approve(home, OTHER, "renewal", changed.version)
        assert api.approve(home, ADMIN, "renewal", changed.version).state is State.RUNNING
        approved = next(act for act in api.acts(home, ADMIN, "renewal") if act.act == "approved")
        assert (approved.by, approved.why.en) == ("admin", "")  # a second account it was
    turn(home, 0.01)
    assert len(outreach.sends) == 1


@pytest.mark.slow
def test_a_small_standing_campaign_that_grows_waits_for_a_second_account(
    town: Town, outreach: Outreach
) -> None:
    home = limited(town.home, 220)
    with days(0):
        assert begun(home, {"kind": "standing"}).state is State.RUNNING
    turn(home, 0.01)
    town.index({"demo.gender": {"female": range(1, 301)}})
    paused = turn(home, 1.1)
    assert paused.state is State.PAUSED
    assert "220" in paused.why.en
    with days(1.2):
        assert api.ask(home, ANALYST, "renewal", 1).state is State.ASKED
        assert api.approve(home, ADMIN, "renewal", 1).state is State.RUNNING
    turn(home, 1.3)
    assert len(measurement.assigned(home, "renewal")) == 350


@pytest.mark.slow
def test_a_budget_pauses_it_before_it_breaks_and_says_so(town: Town, outreach: Outreach) -> None:
    home = town.home
    with days(0):
        begun(home, {"budget": {"messages": 200}})
    turn(home, 0.01)
    paused = turn(home, 3.1)
    assert (paused.state, len(outreach.sends)) == (State.PAUSED, 1)
    assert "200 messages" in paused.why.en
    with days(3.2):
        more = {**PLAIN, "budget": {"messages": 1_000}}
        version = api.save(home, ANALYST, "renewal", api.read(more)).version
        api.ask(home, ANALYST, "renewal", version)
    turn(home, 3.3)
    assert len(outreach.sends) == 2


@pytest.mark.slow
def test_another_country_gets_another_text_and_its_own_days(town: Town, outreach: Outreach) -> None:
    home = town.home
    black = {"country": "HK", "first": "2026-11-01", "last": "2026-11-03"}
    steps = [{"message": {"templates": ["mail"], "variants": {"HK": ["again"]}}}]
    with days(0):
        begun(home, {"steps": steps, "calendar": {"blackouts": [black]}})
    turn(home, 0.01)
    treated, _ = measurement.arms(home, "renewal", 1)
    parts = {template: (some, when) for template, some, when in outreach.sends.values()}
    assert parts["again"][0] == BitMap(range(1, 41)) & treated
    assert parts["mail"] == (treated - BitMap(range(1, 41)), None)
    assert parts["again"][1] == states.clock.to_micros(
        NOW.replace(day=3, hour=16)
    )  # midnight of the 4th in Shanghai


@pytest.mark.slow
def test_a_calendar_ends_it_and_no_day_of_it_is_another(town: Town, outreach: Outreach) -> None:
    home = town.home
    with days(0):
        begun(home, {"calendar": {"first": "2026-11-04", "last": "2026-11-09", "weekdays": [5]}})
    turn(home, 1)
    assert not measurement.assigned(home, "renewal")
    turn(home, 3)
    assert not measurement.assigned(home, "renewal")  # a Thursday
    turn(home, 4.01)
    assert len(outreach.sends) == 1
    assert turn(home, 8).state is State.ENDED


@pytest.mark.slow
def test_a_rule_that_was_changed_since_it_was_approved_pauses_it(town: Town, outreach: Outreach) -> None:
    home = town.home
    with days(0):
        begun(home, {"kind": "standing"})
    turn(home, 0.01)
    segments.save(home, ANALYST, "old", Has("demo.gender"))
    assert "changed" in turn(home, 1.1).why.en


@pytest.mark.slow
def test_two_who_are_merged_go_on_with_the_cohort_that_came_first(town: Town, outreach: Outreach) -> None:
    home = town.home
    with days(0):
        begun(home, {"kind": "standing", "share_held": 0.01})
    turn(home, 0.01)
    town.index({"demo.gender": {"female": range(1, 401)}})
    turn(home, 1.1)
    one = next(n for n in (101, 103, 105) if n in measurement.arms(home, "renewal", 1)[0])
    other = next(n for n in (102, 104, 106) if n in measurement.arms(home, "renewal", 2)[0])
    with home.state.write() as tx:
        tx.exec_driver_sql(f"update subject set person = {one} where number = {other}")
    turn(home, 3.1)
    turn(home, 4.2)
    again = [person for template, some in outreach.whom if template == "again" for person in some]
    assert again.count(one) == 1
    assert other not in again


@pytest.mark.slow
@pytest.mark.parametrize("point", ["marketing.assigned", "marketing.stepped", "marketing.sent"])
def test_what_is_cut_off_anywhere_is_taken_up_again_once(
    town: Town, outreach: Outreach, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    home = town.home

    class Cut(BaseException):
        pass

    def cut(name: str) -> None:
        if name == point:
            monkeypatch.setattr(fault, "point", lambda _: None)
            raise Cut

    with days(0):
        begun(home)
    for at in (0.01, 3.1):
        monkeypatch.setattr(fault, "point", cut)
        with days(at):
            if point != "marketing.assigned" or at < 1:
                with pytest.raises(Cut):
                    running.advance(home)
            running.advance(home)
            running.advance(home)
    treated, _ = measurement.arms(home, "renewal", 1)
    assert outreach.whom == [("mail", list(treated)), ("again", list(treated))]


@pytest.mark.slow
def test_what_it_measures_stays_as_it_is_once_it_has_begun(town: Town, outreach: Outreach) -> None:
    home = town.home
    with days(0):
        begun(home)
        api.pause(home, ANALYST, "renewal")
        with pytest.raises(WrongCampaign):
            api.save(home, ANALYST, "renewal", api.read({**PLAIN, "share_held": 0.5}))
        assert api.resume(home, ANALYST, "renewal").state is State.RUNNING
        assert api.end(home, ANALYST, "renewal").state is State.ENDED
        with pytest.raises(CampaignElsewhere):
            api.resume(home, ANALYST, "renewal")
        assert measurement.experiment(home, ANALYST, "renewal").ended
        with pytest.raises(CampaignExists):
            api.create(home, ANALYST, "renewal", api.read(PLAIN))


@pytest.mark.slow
def test_an_account_of_a_unit_sees_the_campaigns_of_its_unit(town: Town) -> None:
    home = town.home
    town.places()
    north, south = Who(5, "n", Role.ANALYST, frozenset({1})), Who(6, "s", Role.ANALYST, frozenset({2}))
    api.create(home, north, "own", api.read(PLAIN))
    api.create(home, ADMIN, "brand", api.read(PLAIN))
    assert [one.key for one in api.campaigns(home, north)] == ["brand", "own"]
    assert [one.key for one in api.campaigns(home, south)] == ["brand"]
    with pytest.raises(NoSuchCampaign):
        api.end(home, south, "own")
    with pytest.raises(Forbidden):
        api.campaigns(home, Who(7, "planner", Role.PLANNER))
    with home.state.read() as tx:
        assert store.listed(tx, "own")[0]["unit_id"] == 1


def test_an_account_that_sees_no_persons_does_not_see_when_somebody_enters(
    town: Town, outreach: Outreach
) -> None:
    home, marketer = town.home, Who(8, "marketer", Role.MARKETER)

    def seen(at: float) -> tuple[object, ...]:
        with days(at):
            found = api.campaign(home, marketer, "renewal")
            places = [(one.cohorts, one.due_at) for one in api.places(home, marketer, found)]
            one = measurement.experiment(home, marketer, "renewal")
            return places, one.assignments, one.persons, (one.last_at or 0) >= states.clock.micros()

    with days(0):
        begun(home, {"kind": "standing"})
    turn(home, 0.01)
    before = seen(1)
    town.index({"demo.gender": {"female": [*range(1, 401, 2), 2]}})  # one more
    turn(home, 1.1)
    assert 2 in measurement.assigned(home, "renewal")
    assert seen(1.2) == before

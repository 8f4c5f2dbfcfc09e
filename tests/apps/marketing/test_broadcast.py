"""The broadcast station: what an account that sees no person may do, and everything else refused below the pages."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.apps.marketing.town import ADMIN, ANALYST, PLAIN, Outreach, Town, days
from zerodistance.apps.marketing import broadcast
from zerodistance.apps.marketing.broadcast import Broadcast
from zerodistance.apps.marketing.campaigns import api, running
from zerodistance.apps.marketing.campaigns.contracts import NotOpenToYou, State
from zerodistance.apps.marketing.plays import api as plays
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement.contracts import Goal
from zerodistance.core.outreach.sends import sending
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.contracts import Has
from zerodistance.core.segments.questions import NotApproved, NotYours, TooFewToSend
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, NotFound
from zerodistance.kernel.home import Home

GOAL = Goal("order.line", 14)
MANY = 900


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a send to more than a hundred persons wait for a second account."""
    monkeypatch.setenv("ZERODISTANCE_SEND_APPROVAL_SIZE", "100")


@pytest.fixture
def town(home: Home) -> Town:
    """C1 is of the unit `north`, C2 of `south`; of both, half are of the approved audience `old`."""
    made = Town(home, MANY)
    made.places()
    made.index(
        {
            "demo.gender": {"female": range(1, MANY + 1, 2)},
            "geo.community": {"C1": range(1, 601), "C2": range(601, MANY + 1)},
            "geo.grade": {"A": range(1, 45), "B": range(45, MANY + 1)},
        }
    )
    made.segment()
    made.templates()
    made.approve()
    return made


@pytest.fixture
def marketer(town: Town) -> Who:
    """An account of `north` that may not see persons."""
    (unit,) = (one.number for one in broadcast.brand.units(town.home, ADMIN) if one.key == "north")
    return Who(4, "marketer", Role.MARKETER, frozenset({unit}))


def given(**more: Any) -> Broadcast:
    """What somebody fills in."""
    said = {"name": api.read(PLAIN).name, "audience": "old", "goal": GOAL, "templates": ("mail",)}
    return Broadcast(**{**said, "territory": "north", "share_held": 0.2, **more})


def test_a_marketer_sends_to_the_own_territory_and_sees_released_figures(
    town: Town, marketer: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, outreach = town.home, Outreach(monkeypatch)
    with days(0):
        found = broadcast.station(home, marketer, "north", "old")
        assert [unit.key for unit in found.units] == ["north"]
        assert [one.key for one in found.audiences] == ["old"]
        assert [one.code for one in found.communities] == ["C1"]
        whole = broadcast.station(home, ADMIN, None, "old", ["C2"])
        assert [one.code for one in whole.communities] == ["C2", "C1"]
        size, plan = api.sizes(home, marketer, given().said())
        assert size.released
        assert size.persons is not None
        assert size.persons % home.settings.released_k == 0
        assert abs(size.persons - 300) < 4 * math.sqrt(15 * 300)
        assert plan is not None
        assert plan.audience == size.persons
        made = broadcast.send(home, marketer, given())
        assert made.state is State.ASKED
        assert api.approve(home, ANALYST, made.key, made.version).state is State.RUNNING
    with days(0.01):
        running.advance(home)
        treated, held = measurement.arms(home, made.key, 1)
        assert sorted(treated | held) == list(range(1, 601, 2))
        assert len(outreach.sends) == 1
        figures = api.statistics(home, marketer, made.key)
    assert not figures.queue
    assert figures.result is not None
    assert figures.result.released
    counts = [place.persons for place in figures.places if place.persons]
    assert counts
    assert all(count % home.settings.released_k == 0 for count in counts)


REFUSED: tuple[tuple[dict[str, Any], type[Exception]], ...] = (
    ({"audience": "women"}, NotApproved),
    ({"audience": "nowhere"}, NotApproved),
    ({"territory": "south"}, NotOpenToYou),
    ({"territory": None}, NotOpenToYou),
    ({"communities": ("C2",)}, NotYours),
    ({"communities": ("C9",)}, NotYours),
    ({"audience": "few"}, TooFewToSend),
    ({"templates": ("unknown",)}, NotFound),
)


def test_free_rules_few_persons_and_other_territories_are_refused_below_the_pages(
    town: Town, marketer: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = town.home
    segments.create(home, ANALYST, "women", api.read(PLAIN).name, Has("demo.gender", node="female"))
    segments.create(home, ANALYST, "few", api.read(PLAIN).name, Has("geo.grade", node="A"))
    monkeypatch.setattr("zerodistance.core.segments.audiences.LEAST", 1)
    town.approve("few")
    for more, error in REFUSED:
        with pytest.raises(error):
            broadcast.send(home, marketer, given(**more))
    assert all(one.state is State.ENDED for one in api.campaigns(home, marketer))


def test_what_only_accounts_that_see_persons_may_is_refused_to_others(town: Town, marketer: Who) -> None:
    home = town.home
    audience = {"segment": "old", "territory": "north"}
    cells = api.read({**PLAIN, "audience": {**audience, "cells": ["88310e1b41fffff"]}})
    with pytest.raises(NotOpenToYou):
        api.create(home, marketer, None, api.read({**PLAIN, "kind": "standing", "audience": audience}))
    for refused in (
        lambda: api.create(home, marketer, None, cells),
        lambda: api.sizes(home, marketer, cells),
    ):
        with pytest.raises(NotOpenToYou):
            refused()
    made = api.create(home, marketer, "own", api.read({**PLAIN, "audience": audience}))
    assert made.unit == next(iter(marketer.units))
    with pytest.raises(Forbidden):
        api.approve(home, marketer, "own", 1)
    with pytest.raises(Forbidden):
        plays.start(home, marketer, "welcome")
    planner = Who(5, "planner", Role.PLANNER)
    with pytest.raises(Forbidden):
        broadcast.station(home, planner)
    with pytest.raises(Forbidden):
        broadcast.send(home, planner, given())


def test_an_assignment_by_the_api_reaches_the_own_territory_alone(town: Town, marketer: Who) -> None:
    home, name = town.home, api.read(PLAIN).name
    with days(0):
        measurement.create(home, marketer, "own", name, GOAL, share_held=0.2)
        receipt = measurement.assign_segment(home, marketer, "own", "old")
    assert sorted(receipt.treated | receipt.held) == list(range(1, 601, 2))


def test_what_is_of_the_whole_brand_is_not_changed_by_an_account_of_a_unit(town: Town, marketer: Who) -> None:
    home, name = town.home, api.read(PLAIN).name
    with days(0):
        measurement.create(home, ANALYST, "brand", name, GOAL, share_held=0.2)
        receipt = measurement.assign_segment(home, ANALYST, "brand", "old")
        made = api.create(home, ANALYST, "all", api.read(PLAIN))
        assert api.ask(home, ANALYST, "all", made.version).state is State.ASKED
        assert {one.key for one in api.campaigns(home, marketer)} == {"all"}  # it is seen
        for refused in (
            lambda: measurement.assign_segment(home, marketer, "brand", "old"),
            lambda: measurement.end(home, marketer, "brand"),
            lambda: measurement.cost(home, marketer, "brand", 1.0, "tea"),
            lambda: sending.send(home, marketer, receipt, "mail", send_key="x"),
            lambda: api.save(home, marketer, "all", given().said()),
            lambda: api.send_back(home, marketer, "all", ""),
            lambda: api.pause(home, marketer, "all"),
            lambda: api.end(home, marketer, "all"),
            lambda: api.start(home, marketer, "all"),
        ):
            with pytest.raises(Forbidden):
                refused()

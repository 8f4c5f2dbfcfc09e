"""A rule as of an earlier moment finds whom a slow reader finds in what was known then, behaviour included."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.core.profiles import world
from tests.core.profiles.test_then import store_batches
from tests.core.segments.test_answers import NOW, SAVED, _touch, fits, settle
from tests.core.segments.test_rules import HOMES, any_rule
from zerodistance.core.profiles import past
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.answer import Answer
from zerodistance.core.segments.contracts import Rule
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

LATER = NOW + timedelta(days=45)
World = tuple[Home, world.Crowd, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, int]:
    """Twenty subjects, of whom some are met, moved and told of after the moment that is asked for."""
    home = create_home(load(home=tmp_path_factory.mktemp("town") / "home"))
    luck, crowd, touches = random.Random(11), world.Crowd(), list[dict[str, Any]]()
    settle(home)
    for batch, at in ((1, NOW), (2, LATER)):
        with clock.freeze(at):
            for subject in range(1, 15) if batch == 1 else range(8, 21):
                crowd.move(subject, luck.choice([*range(1, 9), *range(VISITORS_FROM, VISITORS_FROM + 4)]))
            fresh = [_touch(luck, batch, row) for row in range(150)]
            fresh = [
                {**one, "known_at": at, "received_at": at}
                for one in fresh
                if (one["subject"] or 0) <= 7 + 7 * batch
            ]
            touches += fresh
            home.lake.append(
                "touches", world.table(fresh), app="touches", version=batch, partition_by="month"
            )
            store_batches(home, batch)
            Keeper(home, crowd).follow(world.table(fresh), batch)
    for number in {*crowd.of.values()}:
        crowd.told[number, "community"] = luck.choice([*HOMES, "unknown"])
        crowd.told[number, "gender"] = luck.choice(["female", "male"])
    moment = clock.to_micros(NOW) + 1
    with clock.freeze(LATER):
        past.make(home, crowd, moment)
    then = world.Crowd(crowd.as_of(moment))
    table = crowd.then(moment).to_pylist()
    first = {n: next(r["today"] for r in table if r["number"] == n and r["there"]) for n in then.of.values()}
    facts = {(n, fact): crowd.told[first[n], fact] for n in first for fact in ("community", "gender")}
    then.told.update(facts)  # those of today
    return (home, then, [t for t in touches if clock.to_micros(t["known_at"]) <= moment]), moment


@settings(
    max_examples=600 if os.environ.get("ZERODISTANCE_TEST_SLOW") else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rule=any_rule)
def test_a_rule_as_of_then_finds_whom_a_slow_reader_finds(town: tuple[World, int], rule: Rule) -> None:
    then, moment = town
    answer = Answer(then[0], SAVED.__getitem__, index=past.current(then[0], moment))
    found = answer.fits(rule)
    wanted = {n for n in then[1].of.values() if fits(rule, n, then, answer.index.day)}
    assert {*found.persons, *found.visitors} == wanted


def test_portrait_nearest_overlap_and_distinction_are_of_then_too(town: tuple[World, int]) -> None:
    (home, then, _), moment = town
    who, rule = Who.system("test"), 'Has("demo.gender", node="female")'
    for key in ("women", "all"):
        segments.create(
            home, who, key, Text(key, key), segments.read_rule(rule if key == "women" else "AllOf()")
        )
    women = {n for n in then.of.values() if then.told[n, "gender"] == "female"}
    many = len([n for n in women if n < VISITORS_FROM]), len([n for n in women if n >= VISITORS_FROM])
    asked = segments.read_rule(rule)
    found = segments.portrait(home, who, asked, as_of=moment)
    assert ((found.persons, found.visitors), found.as_of) == (many, clock.from_micros(moment))
    near = segments.nearest(home, who, 36.0, 120.0, rule=asked, as_of=moment)
    lives = {one.code: (one.persons, one.of_persons) for one in near.communities}
    living = [n for n in {*then.of.values()} if n < VISITORS_FROM]
    assert lives and lives == {
        code: (
            sum(then.told[n, "community"] == code for n in living if n in women),
            sum(then.told[n, "community"] == code for n in living),
        )
        for code in lives
    }
    overlap = segments.overlap(home, who, ["women", "all"], as_of=moment)
    assert tuple(overlap.pairs[0][1]) == many
    told = segments.distinguish(home, who, asked, as_of=moment)
    assert (told.persons, told.others) == (many[0], len(living) - many[0])

"""Frozen segments stay who they are; followed ones tell each entry and exit once, and what they told adds up to who is in them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from pyroaring import BitMap
from sqlalchemy import insert

from tests.core.profiles import world
from zerodistance.core.identity import store as identity_store
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.segments import api, behaviour, kept, living, store
from zerodistance.core.segments.contracts import NoSuchChange, SegmentFrozen
from zerodistance.kernel import bus, clock, fault
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SLOW = bool(os.environ.get("ZERODISTANCE_TEST_SLOW"))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAME = Text("买家", "Buyers")
SYSTEM = Who.system("test")
RULES = {
    "often": 'Did("order.line", at_least=2, within_days=3)',
    "spent": 'AllOf(Has("value.spend_total", at_least=15), NoneOf(In("often")))',
    "quiet": 'Did("order.line", at_most=0)',
}


AT_HOME = {
    "others": 'OthersAtHome(Did("order.line", at_least=2, within_days=3))',
    "homes": 'AllOf(Household(2, NoneOf(In("quiet"))), NoneOf(In("others")))',
}


class Homes(world.Crowd):
    """People of four households; who was joined from persons of two is of both, and the least is told."""

    def households(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for subject, number in self.of.items():
            if subject % 5:
                found.setdefault(number, set()).add(subject % 4)
        return found

    def facts(self, numbers: npt.NDArray[np.int64] | None) -> pa.Table:
        self.told = {(number, "household"): str(min(some)) for number, some in self.households().items()}
        return super().facts(numbers)

    def sharing(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        of = self.households()
        mine = set[int]().union(*(of.get(n, set()) for n in numbers.tolist()))
        return np.union1d(numbers, np.array([n for n, some in of.items() if some & mine], np.int64))


class Town:
    """A home, its people, the worker's two loops, and the time."""

    def __init__(self, home: Home, subjects: int = 12) -> None:
        self.home, self.batch, self.at = home, 0, NOW
        self.crowd = Homes()
        self.keeper = Keeper(
            home, self.crowd, [profiles.dimension(None, "value.spend_total"), profiles.HOUSEHOLD]
        )
        self.follower = self.fresh()
        row = {"namespace": 1, "person_from": 0, "first_at": 0, "seen_at": 0, "shared": 0, "batch": 1}
        with home.state.write() as tx:
            for n in range(1, subjects + 1):
                number = n if n % 4 else VISITORS_FROM + n
                self.crowd.move(n, number)
                subject = insert(identity_store.subject)
                tx.execute(subject.values(number=n, person=number, token=bytes([n] * 16), **row))

    def fresh(self) -> living.Follower:
        """Return a follower that remembers nothing, as after a start."""
        made = kept.follower(self.home)
        made._people = self  # type: ignore[assignment]
        return made

    def moves(self, since: int, upto: int) -> Any:
        pairs = np.array(self.crowd.log[since:upto], np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def sharing(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self.crowd.sharing(numbers)

    def buy(self, *subjects: int, amount: float = 10.0) -> None:
        self.batch += 1
        rows = [
            world.touch(self.batch, n, s, "order.line", self.at, amount=amount)
            for n, s in enumerate(subjects)
        ]
        with clock.freeze(self.at):
            self.keeper.follow(world.table(rows), self.batch)

    def turn(self) -> int:
        with clock.freeze(self.at):
            self.keeper.update()
            self.follower.watch.looked_at = -living._LOOK_SECONDS
            return self.follower.catch_up()

    def told(self) -> list[dict[str, Any]]:
        with self.home.state.read() as tx:
            return [said.body for said in bus.said(tx, "topic = 'segments.segment_changed'")]


@pytest.fixture
def town(home: Home) -> Iterator[Town]:
    made = Town(home)
    made.buy(1, 1, 2, 4)
    made.turn()
    yield made


def inside(town: Town, key: str) -> BitMap:
    """Return who is in a followed segment by what is kept and told of it."""
    with town.home.state.read() as tx:
        (row,) = [row for row in store.kept(tx) if row["key"] == key]
        later = store.changes(tx, row["segment"], row["change"])
    found = living.members(row, later)
    people = later[-1]["people"] if later else row["people"]
    index = profiles.current(town.home)
    return living.called(found, people, index.people, town.moves) & living.flat(index.universe)


def fitting(town: Town, key: str) -> BitMap:
    """Return who fits: from what is kept of the index of before, which is the same as from nothing."""
    rule = api.segment(town.home, SYSTEM, key).rule
    found = living.flat(api.answering(town.home, SYSTEM, rule).fits(rule))
    kept_then = behaviour._kept.copy()
    behaviour._kept.clear()
    assert living.flat(api.answering(town.home, SYSTEM, rule).fits(rule)) == found
    behaviour._kept.clear()
    behaviour._kept.update(kept_then)
    return found


def make(town: Town, *keys: str) -> None:
    for key in keys:
        api.create(town.home, SYSTEM, key, NAME, api.read_rule({**RULES, **AT_HOME}[key]))


def test_entries_and_exits_are_told_with_their_people(town: Town) -> None:
    make(town, "often")
    assert api.follow(town.home, SYSTEM, "often").kept is not None
    town.buy(2, 3)
    assert (town.turn(), town.turn()) == (1, 0)
    first = town.told()[0]
    assert (first["segment"], first["change"], first["reason"]) == ("often", 1, "people")
    assert (first["entered_persons"], first["left_persons"], first["batch"]) == (1, 0, 2)
    assert api.changed(town.home, SYSTEM, "often", 1).entered == (town.home.seal.public_id("p", 2),)
    town.at += timedelta(days=3)  # what was bought leaves the window
    town.turn()
    assert [(e["entered_persons"], e["left_persons"]) for e in town.told()] == [(1, 0), (0, 2)]
    assert [c.left.persons for c in api.changes(town.home, SYSTEM, "often", after=1)] == [2]
    with pytest.raises(NoSuchChange):
        api.changed(town.home, SYSTEM, "often", 9)
    kept_now = api.segment(town.home, SYSTEM, "often").kept
    assert kept_now is not None and kept_now.change == 2
    assert api.thaw(town.home, SYSTEM, "often").kept is None
    assert api.changes(town.home, SYSTEM, "often") == ()


def test_another_rule_is_told_as_such_even_of_a_segment_that_it_stands_on(town: Town) -> None:
    make(town, "often", "spent")
    api.follow(town.home, SYSTEM, "spent")
    api.save(town.home, SYSTEM, "often", api.read_rule('Did("order.line", at_least=9)'))
    town.turn()
    assert [(e["segment"], e["reason"], e["entered_persons"]) for e in town.told()] == [("spent", "rule", 1)]


@pytest.mark.parametrize("small", [0, pytest.param(1 << 16, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", range(100 if SLOW else 1))
def test_what_was_told_adds_up_to_who_fits_whatever_happens(
    home: Home, seed: int, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(living, "_SMALL", small)
    monkeypatch.setattr(behaviour, "_PART", 1)
    monkeypatch.setattr(living, "_HEAVY", 4 if small else 0)
    luck, town = random.Random(seed), Town(home)
    town.turn()
    make(town, *RULES, *AT_HOME)
    for key in (*RULES, *AT_HOME):
        api.follow(home, SYSTEM, key)
    for _ in range(12 if SLOW else 6):
        what = luck.randrange(6)
        if what < 3:
            town.buy(
                *luck.choices(range(1, 13), k=luck.randrange(1, 5)), amount=luck.choice([5.0, 10.0, -5.0])
            )
        elif what == 3:
            town.crowd.move(luck.randrange(1, 13), luck.choice([*range(1, 13), VISITORS_FROM + 4]))
        elif what == 4:
            town.at += timedelta(days=1)
        else:
            town.follower = town.fresh()
        town.turn()
        for key in (*RULES, *AT_HOME):
            assert inside(town, key) == fitting(town, key)
    for key in (*RULES, *AT_HOME):
        numbers = [e["change"] for e in town.told() if e["segment"] == key]
        assert numbers == sorted(set(numbers))


def test_who_is_merged_within_a_segment_neither_enters_nor_leaves(town: Town) -> None:
    make(town, "often")
    town.buy(2)
    town.turn()
    api.follow(town.home, SYSTEM, "often")
    town.crowd.move(1, 3)  # all of person 1, who is in it, becomes person 3
    town.turn()
    assert town.told() == []
    town.crowd.move(3, 9)  # a part without a purchase is split off: it was in it, and is no more
    town.turn()
    assert [(e["entered_persons"], e["left_persons"]) for e in town.told()] == [(0, 1)]


def test_a_visitor_who_becomes_known_enters(town: Town) -> None:
    make(town, "quiet")
    api.follow(town.home, SYSTEM, "quiet")
    town.crowd.move(8, 20)
    town.turn()
    assert [(e["entered_persons"], e["left_visitors"]) for e in town.told()] == [(1, 0)]


POINTS = ("segments.change", "segments.saying", "segments.said")


@pytest.mark.parametrize("point", POINTS)
def test_a_change_is_told_once_wherever_it_breaks_off(
    town: Town, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(town, "often")
    api.follow(town.home, SYSTEM, "often")
    town.buy(2)

    def fails(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    monkeypatch.setattr(fault, "point", fails)
    with pytest.raises(KeyboardInterrupt):
        town.turn()
    monkeypatch.undo()
    town.follower = town.fresh()
    town.turn()
    assert [e["change"] for e in town.told()] == [1]
    assert inside(town, "often") == fitting(town, "often")


def test_a_frozen_segment_keeps_its_people_over_merges_and_splits(town: Town) -> None:
    make(town, "often")
    home = town.home
    assert api.freeze(home, SYSTEM, "often").frozen
    rule = api.segment(home, SYSTEM, "often").asks
    assert api.members(home, SYSTEM, rule).numbers == (1,)
    town.buy(2, 2)
    town.turn()
    assert api.count(home, SYSTEM, api.segment(home, SYSTEM, "often").rule).persons == 2
    assert api.count(home, SYSTEM, rule).persons == 1
    assert api.count(home, SYSTEM, api.read_rule('NoneOf(In("often"))')).persons == 8
    town.crowd.move(1, 5)
    town.turn()
    assert api.members(home, SYSTEM, rule).numbers == (5,)
    with pytest.raises(SegmentFrozen):
        api.save(home, SYSTEM, "often", api.read_rule('Did("order.*")'))
    with pytest.raises(SegmentFrozen):
        api.follow(home, SYSTEM, "often")
    assert "subject in (1)" in api.as_sql(home, SYSTEM, rule)
    api.thaw(home, SYSTEM, "often")
    assert not api.segment(home, SYSTEM, "often").frozen


def test_who_is_forgotten_is_in_no_set_and_leaves_without_a_word(town: Town) -> None:
    make(town, "often", "quiet")
    home = town.home
    api.freeze(home, SYSTEM, "quiet")
    town.buy(2, 2)
    api.follow(home, SYSTEM, "often")
    town.turn()
    assert inside(town, "often") == BitMap([1, 2])
    before = len(town.told())
    assert api.forget(home, [1]) == {"segment_members": 1}
    assert api.forget(home, [3]) == {"segment_members": 1}
    assert api.forget(home, [1, 3]) == {"segment_members": 0}
    assert inside(town, "often") == BitMap([2])
    assert api.forget(home, [2]) == {
        "segment_members": 2
    }  # from the members, and from the change that told of it
    town.crowd.of = {s: n for s, n in town.crowd.of.items() if s not in (1, 2, 3)}
    with clock.freeze(town.at):
        town.keeper.forget([1, 2, 3])
    town.turn()
    assert len(town.told()) == before


def test_sizes_are_noted_once_a_day(town: Town) -> None:
    make(town, "often", "quiet")
    for days, buyers in ((0, ()), (0, (2, 2)), (1, (3, 3))):
        town.at += timedelta(days=days)
        town.buy(*buyers) if buyers else None
        town.turn()
        with clock.freeze(town.at):
            kept.note_sizes(town.home)
    with clock.freeze(town.at):
        found = api.growth(town.home, SYSTEM, "often")
        assert [(size.day.day, size.persons) for size in found] == [(1, 2), (2, 3)]
        assert api.growth(town.home, SYSTEM, "often", days=1) == found[1:]
    api.delete(town.home, SYSTEM, "often")


SLOW_POINTS = (
    "index.rename",
    "index.write",
    "index.fsync",
    "index.renamed",
    "segments.change",
    "segments.said",
)


@pytest.mark.parametrize(
    "point",
    [
        "segments.saying",
        *(pytest.param(point, marks=pytest.mark.slow) for point in SLOW_POINTS),
    ],
)
def test_a_kill_in_any_step_leaves_no_wrong_count_and_tells_each_change_once(town: Town, point: str) -> None:
    make(town, *RULES)
    for key in RULES:
        api.follow(town.home, SYSTEM, key)
    counts = {key: len(fitting(town, key)) for key in RULES}
    town.buy(2, 3, 3, amount=20.0)
    pairs = [f"{subject}:{number}" for subject, number in town.crowd.of.items()]
    run = subprocess.run(
        [sys.executable, "-m", "tests.core.segments.killed", str(town.home.root), *pairs],
        env={**os.environ, "ZERODISTANCE_FAULT": point},
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    after = {"often": 3, "spent": 0, "quiet": 8}
    written = point in ("index.renamed", *POINTS)
    assert {key: len(fitting(town, key)) for key in RULES} == (after if written else counts)
    town.follower = town.fresh()
    town.turn()
    assert {key: len(fitting(town, key)) for key in RULES} == after
    assert [inside(town, key) == fitting(town, key) for key in RULES] == [True] * 3
    told = [(e["segment"], e["change"], e["entered_persons"], e["left_persons"]) for e in town.told()]
    assert sorted(told) == [("often", 1, 2, 0), ("quiet", 1, 0, 1)]

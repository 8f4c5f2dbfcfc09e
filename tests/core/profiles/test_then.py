"""What is said of an earlier moment later is what was said then, and what a slow reader finds in what was known then."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.core.profiles import world
from tests.core.profiles.test_keeper import ALSO, KINDS, check, same
from zerodistance.core.profiles import index, past, store, then
from zerodistance.core.profiles.asked import NotThen, PastNotMade
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.dimensions.unseen import HOUSEHOLD
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.kernel import clock
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load

START = datetime(2026, 3, 1, 15, 59, tzinfo=UTC)  # a minute before midnight in Shanghai
OF_TOUCHES = tuple(d for d in DIMENSIONS if d.of.name == "touches")


@st.composite
def stories(draw: st.DrawFn) -> list[Any]:
    """Draw what came in when: touches that are told late, records that an import brings of what was long known, and people who are found to be one or two."""
    subjects = st.integers(1, 5)
    touch = st.fixed_dictionaries(
        {
            "subject": subjects,
            "kind": st.sampled_from(KINDS),
            "back": st.sampled_from([-1, 0, 1, 29, 30, 365, 730]),
            "lag": st.sampled_from(
                [None, None, 0, 1, 400]
            ),  # days after which an import says that it was known
            "category": st.sampled_from([None, "fridge", "washer"]),
            "amount": st.sampled_from([None, 0.1, 500.0]),
        }
    )
    people = st.sampled_from([1, 2, 3, VISITORS_FROM])
    step = st.one_of(
        st.tuples(st.just("touches"), st.lists(touch, min_size=1, max_size=5)),
        st.tuples(st.just("move"), st.tuples(subjects, people)),
    )
    return draw(st.lists(st.tuples(step, st.sampled_from([0, 1, 30, 400])), min_size=2, max_size=6))


@settings(
    max_examples=20 if os.environ.get("ZERODISTANCE_TEST_SLOW") else 2,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(story=stories(), seed=st.integers(0, 99))
def test_an_earlier_moment_is_told_as_it_was(tmp_path_factory: Any, story: list[Any], seed: int) -> None:
    dimensions = (*OF_TOUCHES[seed % 15 :: 15], *ALSO[seed % 15 :: 15])
    home = create_home(load(home=tmp_path_factory.mktemp("homes") / "home"))
    crowd, touches, now, luck = world.Crowd(), list[dict[str, Any]](), START, random.Random(seed)
    kept = list[tuple[int, Index]]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(past, "INDEXED", dimensions)
        keeper = Keeper(home, crowd, dimensions)
        for batch, ((what, how), days) in enumerate(story, 1):
            with clock.freeze(now):
                if what == "move":
                    if how[0] in crowd.of:
                        crowd.move(*how)
                else:
                    fresh = [_touch(now, batch, row, one) for row, one in enumerate(how)]
                    for one in fresh:
                        if one["subject"] not in crowd.of:
                            crowd.move(one["subject"], luck.choice([1, 2, VISITORS_FROM]))
                    touches += fresh
                    home.lake.append(
                        "touches", world.table(fresh), app="touches", version=batch, partition_by="month"
                    )
                    store_batches(home, batch)
                    keeper.follow(world.table(fresh), batch)
                keeper.update()
                kept.append((clock.micros(), index.current(home.path("index"))))
            now += timedelta(days=days, seconds=1)
        with clock.freeze(now):
            for at, was in kept:
                then_known = [t for t in touches if clock.to_micros(t["known_at"]) <= at]
                brought = {t["subject"] for t in then_known}
                table = crowd.then(at).to_pylist()
                of = {r["subject"]: r["number"] for r in table if r["there"] or r["subject"] in brought}
                past.make(home, crowd, at)
                found = past.current(home, at)
                check(home, world.Crowd(of), then_known, dimensions, found)
                if len(then_known) == len([t for t in touches if clock.to_micros(t["received_at"]) <= at]):
                    same(was, found)
                for subject, number in of.items():
                    one = then.of_one(home, crowd, subject, at, dimensions)
                    assert (one.numbers, one.day) == ({subject: number}, found.day)
                    for dimension in dimensions:
                        assert one.tagged.node_of(dimension, number) == found.node_of(dimension, number)
                        if dimension.numeric:
                            value = one.tagged.number(dimension, number, one.day)
                            assert value == pytest.approx(found.number(dimension, number))
                for subject in {r["subject"] for r in table if r["number"] not in of.values()}:
                    with pytest.raises(NotThen):
                        then.of_one(home, crowd, subject, at, dimensions)
    home.close()


def _touch(now: datetime, batch: int, row: int, one: dict[str, Any]) -> dict[str, Any]:
    happened = now - timedelta(days=one["back"])
    lag = one["lag"]
    known = now if lag is None else min(now, happened + timedelta(days=lag))
    more = {"category": one["category"], "amount": one["amount"], "received_at": now, "known_at": known}
    return world.touch(batch, row, one["subject"], one["kind"], happened, **more)


def shop(home: Home) -> world.Crowd:
    """Two persons, one of whom is met a month after the other."""
    crowd = world.Crowd()
    for batch, subject in ((1, 1), (2, 2)):
        at = START + timedelta(days=30 * (batch - 1))
        with clock.freeze(at):
            crowd.move(subject, subject)
            rows = world.table([world.touch(batch, 0, subject, "service.visited", at)])
            home.lake.append("touches", rows, app="touches", version=batch, partition_by="month")
            store_batches(home, batch)
            Keeper(home, crowd).follow(rows, batch)
    return crowd


def test_a_past_is_made_for_whoever_asked_kept_for_some_days_and_made_anew_when_more_is_known(
    home: Home,
) -> None:
    crowd, at = shop(home), clock.to_micros(START) + 1
    crowd.told[1, "household"] = "7"
    with clock.freeze(START + timedelta(days=60)):
        with pytest.raises(PastNotMade):
            past.current(home, at)
        store.want(home, at, "somebody")
        store.want(home, at, "somebody else")
        assert (past.make_wanted(home, crowd), past.make_wanted(home, crowd)) == (1, 0)
        assert past.current(home, at).everybody == (1, 0)
        assert past.current(home, at).number(HOUSEHOLD, 1) == 7
        (made,) = past.listed(home)
        assert (made.at, made.batch, made.persons) == (at, 2, 1)
        assert past.make(home, crowd, at).made_at == made.made_at, "it is there"
        late = world.touch(3, 0, 2, "service.visited", START, received_at=clock.now())
        home.lake.append("touches", world.table([late]), app="touches", version=3, partition_by="month")
        store_batches(home, 3)
        with pytest.raises(PastNotMade):
            past.current(home, at)
        assert past.make(home, crowd, at).persons == 2
        past.expire(home)
        assert len(past.listed(home)) == 1
    with clock.freeze(START + timedelta(days=68)):
        past.expire(home)
    assert past.listed(home) == []


def store_batches(home: Home, last: int) -> None:
    """Say in the state that there are so many batches."""
    from sqlalchemy import insert

    from zerodistance.core.touchpoints import store as touchpoints

    columns = touchpoints.batch.c
    row = {c.name: 0 for c in columns if not c.nullable and c.default is None and c.server_default is None}
    texts = {c.name: "" for c in columns if c.name in row and str(c.type) == "TEXT"}
    with home.state.write() as tx:
        tx.execute(insert(touchpoints.batch).values(**{**row, **texts, "number": last}))


def test_whoever_is_forgotten_is_gone_from_earlier_moments_too(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd, at = shop(home), clock.to_micros(START) + 1
    with clock.freeze(START + timedelta(days=60)):
        past.make(home, crowd, at)
        assert past.let_go(home) == 1
        assert not [
            *home.path("index", "past").rglob("*.parquet"),
            *home.path("index", "past").rglob("*.part"),
        ]
        build = past._build

        def meanwhile(*given: Any) -> past.Made:
            made = build(*given)
            monkeypatch.setattr(past, "_build", build)
            past.let_go(home)
            crowd.of.clear()
            return made

        monkeypatch.setattr(past, "_build", meanwhile)
        home.lake.delete_where("touches", "subject = 1")
        assert past.make(home, crowd, at).persons == 0, "what was begun before is begun again"


def test_a_moment_is_a_day_to_its_end_or_a_time_and_never_in_the_future(home: Home) -> None:
    with clock.freeze(datetime(2026, 11, 27, 4, tzinfo=UTC)):
        day = then.moment(home, "2026-10-01")
        assert clock.from_micros(day + 1) == datetime(2026, 10, 1, 16, tzinfo=UTC)
        assert then.moment(home, "2026-11-27") == clock.micros()
        assert then.moment(home, "2026-11-27T11:59:00") == clock.micros() - 60_000_000
        for wrong in ("2026-11-28", "2026-13-01", "yesterday", "", "2026-11-27T12:00:01", "1969-01-01"):
            with pytest.raises(Invalid):
                then.moment(home, wrong)

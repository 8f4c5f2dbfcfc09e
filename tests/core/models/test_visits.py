"""Service visits: what is known of one when it is reported, whatever comes later, and whether somebody was unhappy."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.identity.steps import subject, take_in, touch
from tests.core.profiles import world
from tests.core.profiles.test_then import store_batches
from zerodistance.core.models import api, registry, spines, things, visits
from zerodistance.core.models.contracts import NotScored
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load

NOW = datetime(2026, 11, 1, 16, tzinfo=UTC)
DAY = timedelta(days=1)
WHO = Who.system("test")
KEY = "d2_satisfaction"
PERSONS = 100
_EVER = 1 << 62


def _at(moment: datetime) -> int:
    return clock.to_micros(moment)


def _touch(
    row: int, of: int, kind: str, at: datetime, late: timedelta = timedelta(0), **more: Any
) -> dict[str, Any]:
    said = {"product": "W1", "category": "washer"} | more
    known = {"known_at": at + late, "received_at": at + late, "month": f"{at:%Y-%m}"}
    return world.touch(1, row, of, kind, at, **said) | known


def _joined(
    touches: list[dict[str, Any]],
    whose: list[tuple[int, int]],
    after: datetime,
    until: datetime,
    days: int = 30,
) -> things.Things:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("touches", world.table(touches))
        of, person = zip(*whose, strict=True)
        ever = [_EVER] * len(of)
        spans = {
            "subject": of,
            "person": person,
            "since": things.times([-one for one in ever]),
            "until": things.times(ever),
        }
        connection.register("whose", pa.table(spans))
        return visits.joined(connection, _at(after), _at(until), days)


def test_a_visit_is_looked_at_as_it_was_reported() -> None:
    touches = [
        _touch(0, 5, "order.line", NOW - 900 * DAY),
        _touch(1, 6, "service.called", NOW - 100 * DAY, fault="E1"),
        _touch(
            2,
            6,
            "service.visited",
            NOW - 97 * DAY,
            fault="E1",
            quantity=2.0,
            amount=80.0,
            duration=1_800.0,
            name="Visit Unfinished",
        ),
        _touch(3, 7, "service.called", NOW - 12 * DAY, fault="E1"),
        _touch(4, 7, "service.missed", NOW - 9 * DAY, product=None),
        _touch(
            5,
            7,
            "service.visited",
            NOW - 8 * DAY,
            DAY,
            fault="E1",
            quantity=5.0,
            amount=0.0,
            duration=3_600.0,
            name="Visit Finished",
        ),
        _touch(6, 7, "service.called", NOW - 7.5 * DAY, DAY),
    ]
    found = _joined(touches, [(5, 1), (6, 1), (7, 1)], NOW - 30 * DAY, NOW)
    assert (
        found.subject.tolist() == [7]
        and found.as_of.tolist() == [_at(NOW - 7 * DAY)]
        and found.product.tolist() == ["W1"]
    )
    mine = {name: float(column[0]) for name, column in found.columns.items()}
    assert mine == pytest.approx(
        {
            "visit.unfinished": 0, "visit.waited": 4, "visit.minutes": 60, "visit.fee": 0, "visit.fault": 1, "visit.age": 893, "visit.again": 1,
            "visit.same_fault": 1, "visit.calls": 1, "visit.missed": 1, "visit.low_before": 1, "visit.rating_before": 2.0,
        }
    )  # fmt: skip
    assert found.came.tolist() == [0.0], "rated 5, and what was heard of later counts for nothing"


def test_unhappy_is_a_low_rating_or_without_any_another_call() -> None:
    def came(*more: dict[str, Any]) -> list[float]:
        visited = _touch(0, 7, "service.visited", NOW - 40 * DAY, DAY)
        other = _touch(1, 8, "service.visited", NOW - 39 * DAY, DAY)
        return _joined([visited, other, *more], [(7, 1), (8, 2)], NOW - 50 * DAY, NOW).came.tolist()

    again = _touch(2, 7, "service.called", NOW - 20 * DAY)
    assert came() == [0.0, 0.0] and came(again) == [1.0, 0.0]
    assert came(_touch(2, 7, "service.called", NOW - 5 * DAY)) == [0.0, 0.0], "beyond the horizon"
    assert came(_touch(2, 7, "service.called", NOW - 20 * DAY, product="W2")) == [0.0, 0.0]
    rated = came(again, _touch(3, 8, "service.rated", NOW - 30 * DAY, quantity=3.0))
    assert np.array_equal(rated, [np.nan, 1.0], equal_nan=True), "where ratings are given, they alone count"
    assert came(_touch(3, 8, "service.rated", NOW - 30 * DAY, quantity=4.0))[1] == 0.0


_TOLD = st.tuples(
    st.sampled_from((6, 7, 8)), st.integers(-60, 40), st.integers(0, 60), st.sampled_from((None, 1.0, 5.0)),
    st.sampled_from(("service.visited", "service.called", "service.rated", "service.missed", "order.line")),
    st.sampled_from(("W1", "W2", None)),
)  # fmt: skip


@given(st.lists(_TOLD, min_size=1, max_size=20), st.integers(0, 2**30))
@settings(max_examples=8, deadline=None)
def test_nothing_that_becomes_known_later_changes_a_feature_of_a_visit(told: list[Any], seed: int) -> None:
    touches = []
    for n, (of, day, later, rating, kind, product) in enumerate(told):
        at = NOW + day * DAY
        touches.append(_touch(n, of, kind, at, later * DAY, quantity=rating, product=product, fault="E1"))
    known = [one for one in touches if one["known_at"] <= NOW]
    every = touches.copy()
    random.Random(seed).shuffle(every)
    whose = [(6, 1), (7, 1), (8, 2)]
    nothing = _touch(99, 9, "page.viewed", NOW)
    before, after = (_joined([*some, nothing], whose, NOW - 70 * DAY, NOW) for some in (known, every))
    assert before.subject.tolist() == after.subject.tolist() and before.as_of.tolist() == after.as_of.tolist()
    for name, values in before.columns.items():
        assert np.array_equal(values, after.columns[name], equal_nan=True), name


def test_its_own_rating_is_no_feature_of_a_visit() -> None:
    def columns(rating: float | None) -> list[float]:
        visited = _touch(1, 7, "service.visited", NOW - 8 * DAY, DAY, quantity=rating)
        found = _joined(
            [_touch(0, 7, "service.called", NOW - 9 * DAY), visited], [(7, 1)], NOW - 30 * DAY, NOW
        )
        return [float(values[0]) for values in found.columns.values()]

    assert np.array_equal(columns(1.0), columns(5.0), equal_nan=True)
    assert np.array_equal(columns(1.0), columns(None), equal_nan=True)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = create_home(load(home=tmp_path_factory.mktemp("visits") / "home"))
    with clock.freeze(NOW - 900 * DAY):
        take_in(home, *(touch(n, user_id=f"u{n}") for n in range(PERSONS)))
        subjects = [subject(home, "user_id", f"u{n}") for n in range(PERSONS)]
    luck, touches = random.Random(4), list[dict[str, Any]]()
    for of in subjects:
        for first in (700, 400, 200, 40, 1):
            at = NOW - (first + 25 * luck.random()) * DAY
            unfinished = luck.random() < 0.3
            rating = luck.choice((1.0, 2.0, 5.0)) if unfinished else luck.choice((3.0, 4.0, 5.0, 5.0))
            name = "Visit Unfinished" if unfinished else "Visit Finished"
            more = {
                "quantity": rating if first > 1 else None,
                "name": name,
                "duration": 60.0 * luck.randint(10, 90),
            }
            touches.append(_touch(len(touches), of, "service.visited", at, DAY, **more))
    with clock.freeze(NOW):
        home.lake.append("touches", world.table(touches), app="touches", version=1, partition_by="month")
        store_batches(home, 1)
        keeper = profiles.follower(home)
        keeper.follow(world.table(touches), 1)
        keeper.update()
        yield home
    home.close()


def test_who_was_visited_lately_is_scored_and_told_of(town: Home) -> None:
    version = api.train(town, WHO, KEY, kind="rules", until=NOW.date())
    assert version.rows + version.evaluated_rows <= 4 * PERSONS and version.evaluated_rows >= PERSONS
    assert version.figures["auc"]["value"] > 0.6
    api.promote(town, WHO, KEY, version.number)
    assert api.score(town, WHO, [KEY]) == {KEY: PERSONS}
    who, things_ = spines.Owned(town, profiles.current(town)).meant(api.model(KEY), "")
    unhappy = int(who[np.argmax(things_.columns["visit.unfinished"])])
    said = api.explain(town, WHO, KEY, unhappy)
    assert [one.label.en for one in said.about] == ["which one", "visit reported on"] and said.score > 50
    assert said.reasons[0].feature == "visit.unfinished"
    assert registry.champion(town, KEY)[0].number == version.number
    with pytest.raises(NotScored), clock.freeze(NOW + 60 * DAY):
        api.explain(town, WHO, KEY, unhappy)

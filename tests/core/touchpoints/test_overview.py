"""The figures of a period: sums, buckets, what is usual, who is silent, for whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from zerodistance.core.brand import api as brand
from zerodistance.core.touchpoints import overview, sources, store
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

NOW = datetime(2026, 11, 21, 6, 32, tzinfo=UTC)  # 14:32 in Shanghai
HOUR = timedelta(hours=1)


def _hours(home: Home, source: int, counts: dict[datetime, int], counter: str = "accepted") -> None:
    rows = [
        {"source": source, "hour": clock.to_micros(at), "counter": counter, "value": n}
        for at, n in counts.items()
    ]
    with home.state.write() as tx:
        tx.execute(insert(store.source_hour), rows)


@pytest.fixture
def web(home: Home) -> sources.Source:
    with clock.freeze(NOW - timedelta(days=40)):
        return sources.create_source(
            home, Who.system(), key="web", name=Text("官网", "Web"), kind="web", fresh_seconds=600
        )


def test_today_begins_at_midnight_of_the_home_and_leaves_out_the_hour_under_way(
    home: Home, web: sources.Source
) -> None:
    midnight = datetime(2026, 11, 20, 16, tzinfo=UTC)
    _hours(
        home,
        web.number,
        {midnight - HOUR: 500, midnight: 10, midnight + 13 * HOUR: 30, midnight + 14 * HOUR: 2},
    )
    _hours(home, web.number, {midnight: 4, midnight + 14 * HOUR: 1}, "recognised")
    with clock.freeze(NOW):
        found = overview.today(home, Who.system())
    assert (found.came, found.recognised) == (42, 5)
    assert len(found.buckets.came) == 14
    assert sum(found.buckets.came) == 40
    assert found.sources[0].week == (0, 0, 0, 0, 0, 500, 42)


def test_a_usual_range_needs_a_week(home: Home, web: sources.Source) -> None:
    midnight = datetime(2026, 11, 20, 16, tzinfo=UTC)
    _hours(home, web.number, {midnight + h * HOUR: 100 for h in range(-24 * 5, 14)})
    with clock.freeze(NOW):
        assert overview.today(home, Who.system()).buckets.low == ()
    _hours(home, web.number, {midnight + h * HOUR: 100 for h in range(-24 * 28, -24 * 5)})
    with clock.freeze(NOW):
        found = overview.today(home, Who.system())
    assert set(found.buckets.low) == set(found.buckets.high) == {100}
    assert found.usual_came == 1_500  # fifteen hours of it have begun by 14:32


def test_days_are_summed_and_today_is_left_out_of_them(home: Home, web: sources.Source) -> None:
    midnight = datetime(2026, 11, 20, 16, tzinfo=UTC)
    _hours(home, web.number, {midnight - timedelta(days=d): 10 + d for d in range(9)})
    with clock.freeze(NOW):
        found = overview.today(home, Who.system(), 7)
    assert found.came == sum(range(10, 17))
    assert found.buckets.came == (16, 15, 14, 13, 12, 11)


def test_what_is_under_way_stands_apart_from_hours_and_days_that_are_over(
    home: Home, web: sources.Source
) -> None:
    midnight = datetime(2026, 11, 20, 16, tzinfo=UTC)
    _hours(home, web.number, {midnight - HOUR: 7, midnight + HOUR: 5, midnight + 14 * HOUR: 30})
    _hours(home, web.number, {midnight + 14 * HOUR: 20}, "recognised")
    _hours(home, web.number, {midnight + 14 * HOUR: 1}, "refused")
    with clock.freeze(NOW):
        day, week = overview.today(home, Who.system()), overview.today(home, Who.system(), 7)
    assert day.buckets.under_way == overview.UnderWay(clock.to_micros(midnight + 14 * HOUR), 30, 20, 1)
    assert week.buckets.under_way == overview.UnderWay(clock.to_micros(midnight), 35, 20, 1)
    assert (sum(day.buckets.came), sum(week.buckets.came)) == (5, 7)


@pytest.mark.parametrize(("minutes", "state"), [(5, "on_time"), (11, "late"), (None, "waiting")])
def test_a_source_is_silent_after_its_limit(
    home: Home, web: sources.Source, minutes: int | None, state: str
) -> None:
    if minutes is not None:
        at = clock.to_micros(NOW - timedelta(minutes=minutes))
        with home.state.write() as tx:
            tx.execute(insert(store.source_last).values(source=web.number, received_at=at, happened_at=at))
    with clock.freeze(NOW):
        one = overview.today(home, Who.system()).sources[0]
    assert one.state == state
    assert one.late_seconds == (660 if state == "late" else None)
    sources.switch_off(home, Who.system(), "web")
    with clock.freeze(NOW):
        assert overview.today(home, Who.system()).sources[0].state == "off"


@pytest.mark.parametrize(("fresh", "state"), [(None, "by_file"), (600, "late")])
def test_a_store_whose_books_are_imported_is_not_on_time(home: Home, fresh: int | None, state: str) -> None:
    shop = sources.create_source(
        home, Who.system(), key="shop", name=Text("门店", "Shop"), kind="store", fresh_seconds=fresh
    )
    at = clock.to_micros(NOW - timedelta(hours=1))
    with home.state.write() as tx:
        tx.execute(insert(store.source_last).values(source=shop.number, received_at=at, happened_at=at))
        job = {"source": shop.number, "file_name": "x", "file_hash": "x", "mapping": "x", "mapping_hash": "x"}
        tx.execute(
            insert(store.import_job).values(**job, columns="[]", state="done", created_by="x", created_at=at)
        )
    with clock.freeze(NOW):
        assert overview.today(home, Who.system()).sources[0].state == state


def test_an_account_of_a_unit_sees_its_own_and_everybodys_sources(home: Home, web: sources.Source) -> None:
    brand.load_default(home, Who.system())
    first, second = brand.units(home, Who.system())[:2]
    for unit in (first, second):
        sources.create_source(
            home, Who.system(), key=unit.key, name=Text(unit.key, unit.key), kind="server", unit=unit.key
        )
    who = Who(7, "unit", Role.ANALYST, units=frozenset({first.number}))
    seen = {s.key for s in overview.today(home, who).sources}
    assert seen == {"web", first.key}
    assert set(overview.source_names(home, who)) == {s.number for s in overview.today(home, who).sources}

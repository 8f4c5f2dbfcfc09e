"""Limits of one source: events a second with a burst, events a day, told before they are reached, counted when they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.touchpoints.doors import SYSTEM, Door, make_source, opened
from zerodistance.core.touchpoints import figures, limits, sources
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.core.touchpoints.limits import Bucket
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home

EVENT = {"type": "track", "event": "e", "anonymousId": "v"}


@pytest.fixture
def source(home: Home) -> Source:
    return make_source(home)


@pytest.fixture
def door(home: Home, source: Source) -> Iterator[Door]:
    with opened(home) as running:
        yield running


def _limited(door: Door, source: Source, **values: Any) -> None:
    sources.set_policy(door.home, SYSTEM, source.key, **values)
    door.collector.keys.look()
    door.collector._count()


def _send(door: Door, source: Source, events: int = 1, path: str = "/v1/batch") -> Any:
    body = {"batch": [EVENT] * events} if path == "/v1/batch" else EVENT
    return door.post(path, body, {"x-write-key": source.write_key})


requests = st.lists(st.tuples(st.integers(1, 300), st.floats(0, 5)), max_size=60)


@given(rate=st.integers(1, 100), burst=st.integers(1, 200), sent=requests)
def test_over_time_a_bucket_lets_through_its_rate_and_one_burst_and_one_request(
    rate: int, burst: int, sent: list[tuple[int, float]]
) -> None:
    bucket, now, through, largest = Bucket(rate, burst, 0.0), 0.0, 0, 0
    for events, pause in sent:
        now += pause
        if bucket.take(events, now) == 0:
            through, largest = through + events, max(largest, events)
    assert through <= rate * now + burst + largest + 1e-6


@given(rate=st.integers(1, 100), burst=st.integers(1, 200), events=st.integers(1, 1_000))
def test_who_waits_as_long_as_it_is_told_is_let_through(rate: int, burst: int, events: int) -> None:
    bucket = Bucket(rate, burst, 0.0)
    bucket.take(events, 0.0)
    wait = bucket.take(1, 0.0)
    assert wait == 0 or bucket.take(1, float(wait)) == 0


def test_a_source_over_its_rate_hears_429_and_when_to_come_again(door: Door, source: Source) -> None:
    _limited(door, source, events_per_second=2, burst=4)
    first, second = _send(door, source, 10), _send(door, source)
    assert (first.status, second.status, second.json["code"]) == (200, 429, "over_rate")
    assert second.headers["retry-after"] in ("3", "4")  # 6 owed and 1 wanted, at 2 a second
    assert first.headers["x-rate-limit-policy"] == "second"
    assert (first.headers["x-rate-limit-limit"], first.headers["x-rate-limit-remaining"]) == ("4", "0")
    door.collector.tally.flush()
    counted = figures.door_today(door.home, SYSTEM, source.key)
    assert (counted["door_429"], counted["door_over_rate"], counted["door_events"]) == (1, 1, 10)


def test_other_sources_are_not_held_up_by_one_over_its_limit(door: Door, source: Source) -> None:
    other = make_source(door.home, "other")
    _limited(door, source, events_per_second=1, burst=1)
    assert [_send(door, s).status for s in (source, source, other, other)] == [200, 429, 200, 200]
    assert "x-rate-limit-limit" not in _send(door, other).headers


def test_what_is_left_is_told_before_it_runs_out_and_the_nearest_limit_is_the_one_told(
    door: Door, source: Source
) -> None:
    _limited(door, source, events_per_second=1_000, burst=1_000, events_per_day=20)
    told = [_send(door, source, 8).headers for _ in range(2)]
    assert [(h["x-rate-limit-policy"], h["x-rate-limit-remaining"]) for h in told] == [
        ("day", "12"),
        ("day", "4"),
    ]


def test_a_limit_a_day_holds_over_a_restart_until_midnight(home: Home, source: Source) -> None:
    with clock.freeze(datetime(2026, 11, 25, 15, 59, tzinfo=UTC)):  # 23:59 in Shanghai
        with opened(home) as door:
            _limited(door, source, events_per_day=3)
            assert [_send(door, source, 2).status for _ in range(3)] == [200, 200, 429]
        with opened(home) as door:
            answer = _send(door, source)
            assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (
                429,
                "over_day",
                "60",
            )
    with clock.freeze(datetime(2026, 11, 25, 16, 0, tzinfo=UTC)), opened(home) as door:
        assert _send(door, source).status == 200


def test_a_client_that_never_sends_again_has_a_tenth_more(door: Door, source: Source) -> None:
    _limited(door, source, events_per_day=10)
    assert _send(door, source, 10).status == 200
    assert (_send(door, source).status, _send(door, source, path="/api/s/track").status) == (429, 200)
    assert _send(door, source, path="/api/s/track").status == 429


def test_a_limit_that_is_lifted_holds_no_more(door: Door, source: Source) -> None:
    _limited(door, source, events_per_second=1, burst=1)
    assert [_send(door, source).status for _ in range(2)] == [200, 429]
    _limited(door, source, events_per_second=None)
    assert _send(door, source).status == 200


def test_a_journal_that_is_half_full_says_so_to_every_source(door: Door, source: Source) -> None:
    door.collector.writer.filling = (1_000, 300)
    headers = _send(door, source).headers
    assert [headers[f"x-rate-limit-{n}"] for n in ("policy", "limit", "remaining")] == [
        "journal",
        "1000",
        "300",
    ]


def test_an_answer_without_limits_carries_none(door: Door, source: Source) -> None:
    assert not [name for name in _send(door, source).headers if name.startswith("x-rate")]


@pytest.mark.parametrize(
    "values",
    [
        {"events_per_second": 0},
        {"burst": 5},
        {"events_per_day": -5},
        {"event_bytes": 1},
        {"fresh_seconds": 0},
        {"fresh_seconds": 10**12},
    ],
)
def test_limits_that_make_no_sense_are_refused(home: Home, source: Source, values: dict[str, int]) -> None:
    with pytest.raises(sources.WrongSource):
        sources.set_policy(home, SYSTEM, source.key, **values)


def test_what_is_not_given_stays_and_a_burst_goes_with_its_rate(home: Home, source: Source) -> None:
    sources.set_policy(home, SYSTEM, source.key, events_per_second=5, burst=50, events_per_day=1_000)
    changed = sources.set_policy(home, SYSTEM, source.key, events_per_second=None)
    assert (changed.events_per_second, changed.burst, changed.events_per_day) == (None, None, 1_000)
    assert changed.event_bytes == source.event_bytes
    assert changed.limited


def test_only_who_manages_sources_sets_limits(home: Home, source: Source) -> None:
    reader = Who(1, "reader", Role.ANALYST)
    assert not reader.may(Permission.MANAGE_SOURCES)
    with pytest.raises(Forbidden):
        sources.set_policy(home, reader, source.key, events_per_day=1)


def test_the_headers_have_one_form() -> None:
    assert limits.told("day", 10, 3, 60) == [
        (b"x-rate-limit-limit", b"10"),
        (b"x-rate-limit-remaining", b"3"),
        (b"x-rate-limit-reset", b"60"),
        (b"x-rate-limit-policy", b"day"),
    ]

"""The forecast of the disk: its laws, and how often its interval holds, measured by simulation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from zerodistance.doors.operations import disk, store
from zerodistance.doors.operations.forecast import HORIZON, LEAST_DAYS, forecast
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

GROWTHS = st.lists(st.floats(-1e9, 1e9), min_size=LEAST_DAYS, max_size=28)


@given(GROWTHS, st.floats(1, 1e12))
def test_the_early_end_is_never_after_the_late_one(daily: list[float], room: float) -> None:
    found = forecast(daily, room)
    early = HORIZON + 1 if found.early is None else found.early
    late = HORIZON + 1 if found.late is None else found.late
    assert early <= late
    if found.days is not None:
        assert early <= found.days + 1
        assert found.days <= late


@given(GROWTHS, st.floats(1, 1e11), st.floats(1, 1e11))
def test_more_room_never_ends_sooner(daily: list[float], room: float, more: float) -> None:
    less, larger = forecast(daily, room).early, forecast(daily, room + more).early
    assert larger is None or (less is not None and less <= larger)


@pytest.mark.parametrize("days", range(LEAST_DAYS))
def test_too_little_history_says_so(days: int) -> None:
    found = forecast([1.0] * days, 10)
    assert (found.known, found.days, found.early) == (False, None, None)
    assert f"{days} days" in disk.words(found).en


def test_steady_growth_gives_one_day_and_no_growth_none() -> None:
    found = forecast([10.0] * 8, 100)
    assert (found.days, found.early, found.late) == (10.0, 10, 10)
    assert "about 10 days" in disk.words(found).en
    assert forecast([0.0] * 8, 100).early is None
    assert "two years" in disk.words(forecast([0.0] * 8, 100)).en


def test_what_is_short_already_is_short_today() -> None:
    found = forecast([1.0, 2.0, 3.0, 4.0], 0)
    assert (found.days, found.early, found.late) == (0.0, 0, 0)


@pytest.mark.parametrize("history", [4, 7, 14, 28])
def test_the_interval_holds_four_times_in_five(history: int) -> None:
    luck = np.random.default_rng(11)
    inside, rounds, room = 0, 300, 300.0
    for _ in range(rounds):
        drift = luck.uniform(5, 20)
        daily = luck.normal(drift, drift * 0.6, history + HORIZON)
        reached = int(np.argmax(np.cumsum(daily[history:]) >= room)) + 1
        found = forecast(daily[:history].tolist(), room)
        late = HORIZON if found.late is None else found.late
        inside += (found.early or HORIZON) <= reached <= late
    assert 0.74 <= inside / rounds <= 0.93


def write(home: Home, days: int, growth: int) -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    rows = [
        {"at": clock.to_micros(now - timedelta(days=back, hours=hour)), "store": name, "bytes": size * (days - back)}
        for back in range(days)
        for hour in (0, 6)
        for name, size in (("lake", growth), ("state", growth // 10))
    ]  # fmt: skip
    with home.state.write() as tx:
        tx.execute(insert(store.store_size), rows)


def test_sizes_that_were_written_down_become_growth_and_a_forecast(home: Home) -> None:
    write(home, 10, 1_000_000_000)
    with clock.freeze(datetime(2026, 11, 20, 12, tzinfo=UTC)):
        found = disk.disk(home, Who.system())
    growth = {one.store: one.per_day for one in found.stores}
    assert growth["lake"] == pytest.approx(1e9)
    assert found.forecast.days_known == 8  # today is not over
    assert found.forecast.per_day == pytest.approx(1.1e9)
    room = found.free - found.least
    assert found.forecast.days == pytest.approx(room / 1.1e9) if room < 700e9 else found.forecast.days is None


def test_a_sample_holds_every_file_of_the_home_once(home: Home) -> None:
    home.path("lake", "deep").mkdir()
    home.path("lake", "deep", "part").write_bytes(b"x" * 1_000)
    home.path("runs", "note").write_bytes(b"x" * 10)
    found = disk.sizes(home)
    assert found["lake"] == 1_000
    assert found["other"] >= 10
    assert sum(found.values()) == sum(p.stat().st_size for p in home.root.rglob("*") if p.is_file())
    disk.sample(home)
    assert disk.disk(home, Who.system()).as_of is not None

"""The chart of Today, from the first minute on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from tests.doors.conftest import Visitor
from zerodistance.core.touchpoints import overview, sources, store
from zerodistance.doors.portal.formats import Formats
from zerodistance.doors.portal.pages import today
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

WHO = Who.system()
MIDNIGHT = datetime(2026, 11, 20, 16, tzinfo=UTC)  # of Shanghai
HOUR = timedelta(hours=1)


def came(home: Home, counts: dict[datetime, int]) -> None:
    """Write what came in by hour; half of it was recognised."""
    web = sources.create_source(home, WHO, key="web", name=Text("官网", "Web"), kind="web")
    with home.state.write() as tx:
        for at, many in counts.items():
            row = {"source": web.number, "hour": clock.to_micros(at)}
            for counter, value in (("accepted", many), ("recognised", many // 2)):
                tx.execute(insert(store.source_hour).values(**row, counter=counter, value=value))


def drawn(home: Home, now: datetime, days: int = 1) -> today.Plot | None:
    """Return the chart at a time."""
    with clock.freeze(now):
        return today._plot(overview.today(home, WHO, days).buckets, days, Formats("en", home.settings.tz))


@pytest.mark.parametrize("minutes", [1, 59, 61, 14 * 60 + 1])
def test_from_the_first_minute_of_a_home_the_chart_leads_to_what_there_is(home: Home, minutes: int) -> None:
    now = MIDNIGHT + timedelta(minutes=minutes)
    came(home, {now.replace(minute=0): 90})
    plot = drawn(home, now)
    assert plot is not None and plot.so_far and plot.came_so_far and plot.recognised_so_far
    assert (plot.last_came, plot.last_recognised) == (90, 45)
    assert plot.came.last < plot.recognised.last < 100, "the labels stand where the dashed lines end"
    assert plot.x[0].label == "00:00"


@pytest.mark.parametrize("days", [7, 30])
def test_from_the_first_day_of_a_home_the_chart_of_days_leads_to_what_there_is(home: Home, days: int) -> None:
    came(home, {MIDNIGHT + HOUR: 90})
    plot = drawn(home, MIDNIGHT + 2 * HOUR, days)
    assert plot is not None and plot.so_far and plot.last_came == 90


def test_once_two_hours_are_over_the_one_under_way_is_left_out_of_the_chart(home: Home) -> None:
    came(home, {MIDNIGHT + HOUR: 90, MIDNIGHT + 2 * HOUR: 3})
    plot = drawn(home, MIDNIGHT + 2 * HOUR + timedelta(minutes=5))
    assert plot is not None and not plot.so_far and plot.last_came == 90


def test_where_nothing_came_in_nothing_is_drawn(home: Home) -> None:
    came(home, {})
    assert drawn(home, MIDNIGHT + 5 * HOUR) is None


def test_the_page_says_that_the_dashes_are_not_over_and_its_table_has_them(home: Home, boss: Visitor) -> None:
    assert "还没有数进来" in boss.get("/").text
    came(home, {clock.now().replace(minute=0, second=0, microsecond=0): 90})
    for lang, word in (("zh", "虚线"), ("en", "dashed")):
        for days in (1, 7):
            page = boss.get(f"/?days={days}&lang={lang}").text
            assert word in page and "so-far" in page
            table = boss.get(f"/today/figures.csv?days={days}&lang={lang}").text
            assert table.splitlines()[-1].split(",")[1:4] == ["90", "45", "0"]

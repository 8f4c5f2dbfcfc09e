"""*Today*: what came in, what was recognised, what is silent, what was refused, and what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.touchpoints.api import kind, log, overview
from zerodistance.core.touchpoints.overview import Buckets, Overview
from zerodistance.doors.examples import holding
from zerodistance.doors.operations.stages import stages
from zerodistance.doors.portal import charts
from zerodistance.doors.portal.formats import Formats
from zerodistance.doors.portal.readings import brand_names, needs_a_person, touch_words, worker
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import formats_of, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
MENU = Menu("today", "/", "today", Text("今天", "Today"), 10, tab=True)
PERIODS = (1, 7, 30)


@dataclass(frozen=True)
class Plot:
    """The chart of what came in and what was recognised.

    Attributes
    ----------
    so_far
        Its last point is the hour or day under way, which the dashed paths lead to: nothing else is there to be drawn yet.
    """

    came: charts.Line
    recognised: charts.Line
    band: str
    y: list[charts.Tick]
    x: list[charts.Tick]
    last_came: int
    last_recognised: int
    so_far: bool = False
    came_so_far: str = ""
    recognised_so_far: str = ""


def _plot(buckets: Buckets, days: int, f: Formats) -> Plot | None:
    if _is_young(buckets):
        return _young(buckets, days, f) if buckets.under_way.came else None
    top = charts.ceiling(max(*buckets.came, *buckets.high, 1))
    return Plot(
        came=charts.line(buckets.came, top),
        recognised=charts.line(buckets.recognised, top),
        band=charts.band(buckets.low, buckets.high, top) if buckets.low else "",
        y=_heights(top, f),
        x=_times(buckets.starts, days, f),
        last_came=buckets.came[-1],
        last_recognised=buckets.recognised[-1],
    )


def _is_young(buckets: Buckets) -> bool:
    """Say whether what is complete is too little to be drawn."""
    return len(buckets.starts) < 2 or not any(buckets.came)


def _young(buckets: Buckets, days: int, f: Formats) -> Plot:
    """Draw a home of less than two hours, or days: what there is, up to now."""
    now = buckets.under_way
    top = charts.ceiling(max(*buckets.came, now.came, 1))
    came, came_so_far = charts.line_to(buckets.came, now.came, top)
    recognised, recognised_so_far = charts.line_to(buckets.recognised, now.recognised, top)
    return Plot(
        came=came,
        recognised=recognised,
        band="",
        y=_heights(top, f),
        x=_times((*buckets.starts, now.start), days, f),
        last_came=now.came,
        last_recognised=now.recognised,
        so_far=True,
        came_so_far=came_so_far,
        recognised_so_far=recognised_so_far,
    )


def _heights(top: float, f: Formats) -> list[charts.Tick]:
    return charts.ticks(top, [f.short(top * i / 3) for i in range(4)])


def _times(starts: Sequence[int], days: int, f: Formats) -> list[charts.Tick]:
    """Return about six ticks, the last at the end; one bucket alone has one at its beginning."""
    label = f.clock if days == 1 else f.date
    count = len(starts)
    if count == 1:
        return [charts.Tick(0, label(starts[0]))]
    every = max(1, -(-count // 6))
    ticks = [charts.Tick(100 * i / (count - 1), label(starts[i])) for i in range(0, count, every)]
    if 100 - ticks[-1].at < 8:
        ticks.pop()
    return [*ticks, charts.Tick(100, label(starts[-1]))]


def _days(days: int) -> int:
    return days if days in PERIODS else 1


def _shares(buckets: Buckets) -> list[float]:
    return [r / c if c else 0.0 for r, c in zip(buckets.recognised, buckets.came, strict=True)]


@router.get("/")
def today(request: Request, days: Number = 1) -> Response:
    """Show the figures of today, of 7 or of 30 days."""
    home, who, f = home_of(request), who_of(request), formats_of(request)
    found = overview.today(home, who, _days(days))
    late = [s for s in found.sources if s.state == overview.LATE]
    watched = [s for s in found.sources if s.state not in (overview.OFF, overview.BY_FILE)]
    return page(
        request,
        "today.html",
        here="today",
        o=found,
        plot=_plot(found.buckets, found.days, f),
        periods=PERIODS,
        late=late,
        watched=watched,
        longest=max((s.late_seconds or 0 for s in late), default=0),
        shares=_shares(found.buckets),
        needs=needs_a_person(home, who, found, lang_of(request)),
        worker=worker(home, found),
        stages=stages(home, who, request.app.state.collector.writing_seconds()),
        touches=_feed(request),
        paused=False,
        only_body=False,
        change=_change(found),
        example=holding.held(home),
        own=holding.own(home, who),
        may_remove=who.may(Permission.OPERATE) and who.may(Permission.FORGET),
    )


def _change(found: Overview) -> float | None:
    return found.came / found.usual_came - 1 if found.usual_came else None


def _feed(request: Request) -> list[dict[str, Any]]:
    home, who = home_of(request), who_of(request)
    touches: Sequence[log.LoggedTouch] = log.just_now(home, who, 8)
    names = overview.source_names(home, who)
    lang = lang_of(request)
    said = brand_names(home, who, lang)
    return [
        {
            "at": t.received_at,
            "icon": kind(t.kind).icon,
            "words": touch_words(t, lang, said),
            "source": names[t.source].get(lang),
        }
        for t in touches
        if t.source in names
    ]


@router.get("/today/feed")
def feed(request: Request, paused: bool = False, only_body: bool = False) -> Response:
    """Show what was committed last; asked again and again by the page."""
    return page(request, "today_feed.html", touches=_feed(request), paused=paused, only_body=only_body)


@router.get("/today/figures.csv")
def figures(request: Request, days: Number = 1) -> Response:
    """Give the table behind the chart."""
    found = overview.today(home_of(request), who_of(request), _days(days))
    f, b = formats_of(request), found.buckets
    zh = lang_of(request) == "zh"
    head = (
        ("开始", "进来", "认出", "拒收", "常见下限", "常见上限")
        if zh
        else ("start", "came_in", "recognised", "refused", "usual_low", "usual_high")
    )
    rows = [
        (
            f"{f.local(start):%Y-%m-%d %H:%M}",
            b.came[i],
            b.recognised[i],
            b.refused[i],
            *((b.low[i], b.high[i]) if b.low else ("", "")),
        )
        for i, start in enumerate(b.starts)
    ]
    if _is_young(b):  # then the chart shows it too
        now = b.under_way
        rows.append((f"{f.local(now.start):%Y-%m-%d %H:%M}", now.came, now.recognised, now.refused, "", ""))
    return table_file("came-in", head, rows)


@router.get("/today/touchpoints.csv")
def touchpoints(request: Request, days: Number = 1) -> Response:
    """Give the table of every touchpoint."""
    found = overview.today(home_of(request), who_of(request), _days(days))
    f, lang = formats_of(request), lang_of(request)
    head = ("key", "name", "state", "last_touch", "came_in", "recognised", "refused", "duplicates")
    rows = [
        (s.key, s.name.get(lang), s.state, f.when(s.last_at), s.came, s.recognised, s.refused, s.duplicates)
        for s in found.sources
    ]
    return table_file("touchpoints", head, rows)


register("today", router, MENU)

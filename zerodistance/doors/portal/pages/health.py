"""*Identity health*: how many are known, how they are joined, what is kept out and let in again, how right the matcher is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.contracts import NotShared
from zerodistance.core.identity.figures import Day, Health
from zerodistance.core.touchpoints.api import overview
from zerodistance.doors.portal import charts
from zerodistance.doors.portal.evidence import label
from zerodistance.doors.portal.formats import Formats
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import formats_of, go, home_of, page, table_file, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.text import Text

router = APIRouter()
Field = Annotated[str, Form()]
Subject = Annotated[int, Form()]
MENU = Menu(
    "health", "/identity/health", "parts", Text("身份健康", "Identity health"), 57, group=1, need=Permission.OPERATE
)  # fmt: skip


@dataclass(frozen=True)
class Moves:
    """The picture of merges and splits a day."""

    merged: charts.Line
    split: charts.Line
    y: list[charts.Tick]
    x: list[charts.Tick]


def _moves(days: tuple[Day, ...], f: Formats) -> Moves | None:
    if not any(day.merged or day.split for day in days):
        return None
    top = charts.ceiling(max(max(day.merged, day.split) for day in days))
    ticks = [charts.Tick(100 * n / (len(days) - 1), days[n].day[5:]) for n in range(0, len(days) - 3, 6)]
    return Moves(
        charts.line([day.merged for day in days], top),
        charts.line([day.split for day in days], top),
        charts.ticks(top, [f.short(top * i / 3) for i in range(4)]),
        [*ticks, charts.Tick(100, days[-1].day[5:])],
    )


@router.get("/identity/health")
def health(request: Request, done: str = "") -> Response:
    """Show the health of identity."""
    home, who = home_of(request), who_of(request)
    found = identity.health(home, who)
    return page(
        request,
        "identity_health.html",
        here="health",
        h=found,
        moves=_moves(found.census.days, formats_of(request)),
        names=overview.source_names(home, who),
        label=label,
        done=done,
    )


@router.get("/identity/health.csv")
def table(request: Request) -> Response:
    """Give the figures as a table."""
    found = identity.health(home_of(request), who_of(request))
    return table_file("identity_health", ("figure", "of", "value"), _rows(found))


def _rows(found: Health) -> list[tuple[str, str, object]]:
    census, right = found.census, found.estimates
    rows: list[tuple[str, str, object]] = [("persons", "", census.persons), ("visitors", "", census.visitors)]
    rows += [("identifiers", name, n) for name, n in census.held.items()]
    rows += [("identifiers_of_visitors", name, n) for name, n in census.anonymous.items()]
    rows.append(("used_in_turn", "", census.in_turn))
    rows += [("persons_with_subjects", f"{low}-{high or ''}", n) for low, high, n in census.sizes]
    rows += [("merged", day.day, day.merged) for day in census.days]
    rows += [("split", day.day, day.split) for day in census.days]
    for figure, values in (
        ("precision", (right.precision.share, right.precision.low, right.precision.high)),
        ("recall", (right.recall, right.recall_low, right.recall_high)),
    ):
        rows += [(figure, of, value) for of, value in zip(("share", "low", "high"), values, strict=True)]
    return rows


@router.post("/identity/health/release")
def release(request: Request, subject: Subject, why: Field = "") -> Response:
    """Let a shared identifier link again."""
    return _turn(request, subject, why=why)


@router.post("/identity/health/share")
def share(request: Request, subject: Subject) -> Response:
    """Take a release back."""
    return _turn(request, subject)


def _turn(request: Request, subject: int, why: str | None = None) -> Response:
    home, who = home_of(request), who_of(request)
    try:
        found = (
            identity.share(home, who, subject) if why is None else identity.release(home, who, subject, why)
        )
    except NotShared:
        return go("/identity/health?done=gone#quarantine")
    return go(f"/identity/health?done={found.merged}.{found.split}#quarantine")


register("health", router, MENU)

"""*Plays*: ready-made campaigns, why each works, how many it is for, started with one click."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.apps.marketing.campaigns import wording
from zerodistance.apps.marketing.campaigns.contracts import STATES
from zerodistance.apps.marketing.plays import api as plays
from zerodistance.core.measurement.contracts import Goal
from zerodistance.core.segments import api as segments
from zerodistance.doors.portal.pages.marketing import unit_of
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

router = APIRouter()
Field = Annotated[str, Form()]


def _shown(request: Request, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    who.need(Permission.SEND)
    started = plays.started(home, who)
    rows = []
    for play in plays.plays():
        said = plays.said(play)
        try:
            rule, persons = segments.describe(home, who, plays.rule(home, play)), None
        except ZeroDistanceError as error:
            rule, persons = Text(error.message("zh"), error.message("en")), None
        if who.may(Permission.SEE_PERSONS):
            persons = plays.reach(home, who, play)
        names = {key: _name(one) for key, one in play.templates.items()}
        steps = [wording.step(step, names) for step in said.steps]
        rows.append((play, rule, persons, steps, _goal(request, said.goal), started.get(play.key)))
    may = who.may(Permission.MANAGE_SEGMENTS) and who.may(Permission.SEE_PERSONS)
    shown = {
        "rows": rows,
        "may": may,
        "states": STATES,
        "size": home.settings.send_approval_size,
        "problem": "",
    }
    return page(request, "plays.html", here="marketing", **{**shown, **values})


def _name(said: Any) -> Text:
    return Text(said["name"]["zh"], said["name"]["en"])


def _goal(request: Request, goal: Goal) -> Text:
    return wording.goal(home_of(request), goal)


@router.get("/marketing/plays")
def listing(request: Request) -> Response:
    """Show the plays."""
    return _shown(request)


@router.post("/marketing/plays/{key}/start")
def start(request: Request, key: str, unit: Field = "") -> Response:
    """Make everything that a play needs, and send it for approval."""
    try:
        made = plays.start(home_of(request), who_of(request), key, unit=unit_of(unit))
    except ZeroDistanceError as error:
        if error.code == "forbidden":
            raise
        return _shown(request, status=error.status, problem=error.message(lang_of(request)))
    return go(f"/marketing/campaigns/{made.key}?done=ask")


register("marketing_plays", router)

"""*Broadcast station*: an approved audience of one's own territory, a message, a holdout; sent for approval, measured."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from zerodistance.apps.marketing import broadcast
from zerodistance.apps.marketing.broadcast import Broadcast
from zerodistance.apps.marketing.campaigns import api as campaigns
from zerodistance.apps.marketing.campaigns.contracts import STATES
from zerodistance.core.brand import api as brand
from zerodistance.core.measurement.contracts import Goal
from zerodistance.core.outreach import catalogue
from zerodistance.core.outreach.contracts import CHANNELS
from zerodistance.core.segments import api as segments
from zerodistance.doors.portal.pages.marketing import unit_of
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

router = APIRouter()
Field = Annotated[str, Form()]
MENU = Menu(
    "broadcast",
    "/marketing/broadcast",
    "radar",
    Text("广播站", "Broadcast station"),
    41,
    need=Permission.SEND,
)
SHARES = (5, 10, 20, 30, 50)
"""Shares held out that the station offers, per cent; own values."""
WINDOWS = (7, 14, 28, 56, 90)
"""Days that it offers for the goal; own values."""


def _typed(form: FormData) -> dict[str, Any]:
    one = {key: value.strip() for key, value in form.items() if isinstance(value, str)}
    return {
        **{
            key: one.get(key, "")
            for key in ("name", "audience", "territory", "template", "other", "category")
        },
        "share": one.get("share", "10"),
        "window": one.get("window", "28"),
        "communities": [
            str(value) for value in form.getlist("community") if isinstance(value, str) and value
        ],
    }


_EMPTY: dict[str, Any] = {
    **dict.fromkeys(("name", "audience", "territory", "template", "other", "category"), ""),
    "share": "10",
    "window": "28",
    "communities": [],
}


def _name(home: Home, who: Who, given: dict[str, Any]) -> Text:
    """Return what a broadcast is called; where nobody named it, its audience and today."""
    if given["name"]:
        return Text(given["name"][:80], given["name"][:80])
    try:
        about = segments.segment(home, who, given["audience"]).name
    except ZeroDistanceError:
        about = Text(given["audience"], given["audience"])
    day = f"{clock.now().astimezone(home.settings.tz):%Y-%m-%d}"
    return Text(f"{about.zh[:69]} {day}", f"{about.en[:69]} {day}")


def _asked(home: Home, who: Who, given: dict[str, Any]) -> Broadcast:
    share = int(given["share"]) if given["share"].isdecimal() and int(given["share"]) in SHARES else 10
    days = int(given["window"]) if given["window"].isdecimal() and int(given["window"]) in WINDOWS else 28
    return Broadcast(
        name=_name(home, who, given),
        audience=given["audience"],
        goal=Goal("order.line", days, category=given["category"] or None),
        templates=tuple(key for key in dict.fromkeys((given["template"], given["other"])) if key),
        territory=given["territory"] or None,
        communities=tuple(given["communities"][:500]),
        share_held=share / 100,
    )


def _shown(request: Request, given: dict[str, Any], status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    found = broadcast.station(home, who)
    if who.units and not given["territory"] and len(found.units) == 1:
        given = {**given, "territory": found.units[0].key}
    if not given["audience"] and len(found.audiences) == 1:
        given = {**given, "audience": found.audiences[0].key}
    shown: dict[str, Any] = {"problem": "", **values}
    if given["audience"]:
        try:
            found = broadcast.station(
                home, who, given["territory"] or None, given["audience"], given["communities"]
            )
        except ZeroDistanceError as error:
            shown["problem"] = error.message(lang_of(request))
    mine = [one for one in campaigns.campaigns(home, who) if one.made_by == who.name][:10]
    about = {
        "station": found,
        "given": given,
        "mine": mine,
        "states": STATES,
        "categories": brand.categories(home, who),
        "ways": CHANNELS,
        "shares": SHARES,
        "windows": WINDOWS,
        "least": broadcast.LEAST,
        **_planned(request, given),
    }
    return page(request, "broadcast.html", status=status, here="broadcast", **about, **shown)


def _planned(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Return how many the message is for, what could be found out, and how it reads; nothing before audience and message are chosen."""
    home, who, lang = home_of(request), who_of(request), lang_of(request)
    values: dict[str, Any] = {"size": None, "plan": None, "trouble": "", "preview": None}
    if not given["audience"]:
        return values
    try:
        values["size"], values["plan"] = campaigns.sizes(home, who, _asked(home, who, given).said())
        if given["template"]:
            template = catalogue.show(home, who, given["template"])
            values["preview"] = catalogue.preview(home, who, template, lang)
    except ZeroDistanceError as error:
        values["trouble"] = error.message(lang)
    return values


@router.get("/marketing/broadcast")
def station(
    request: Request, audience: str = "", territory: str = "", community: str = "", done: str = ""
) -> Response:
    """Show the station; communities may have been chosen on the map."""
    who_of(request).need(Permission.SEND)
    chosen = community.replace(",", " ").split()
    given = {**_EMPTY, "audience": audience, "territory": territory, "communities": chosen}
    return _shown(request, given, done=done)


@router.post("/marketing/broadcast/look")
async def look(request: Request) -> Response:
    """Show the station with what is chosen so far: communities, figures, preview."""
    form = await request.form()
    return await to_thread.run_sync(lambda: _shown(request, _typed(form), done=""))


@router.post("/marketing/broadcast")
async def send(request: Request) -> Response:
    """Send it for approval."""
    form = await request.form()
    return await to_thread.run_sync(_sent, request, _typed(form), str(form.get("unit", "")))


def _sent(request: Request, given: dict[str, Any], unit: str) -> Response:
    home, who = home_of(request), who_of(request)
    who.need(Permission.SEND)
    try:
        made = broadcast.send(home, who, _asked(home, who, given), unit=unit_of(unit))
    except ZeroDistanceError as error:
        return _shown(request, given, error.status, problem=error.message(lang_of(request)), done="")
    return go(f"/marketing/campaigns/{made.key}?done=ask")


register("marketing_broadcast", router, MENU)

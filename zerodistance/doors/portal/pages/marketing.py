"""*Campaigns*: what there is, how each stands and what came of it; written, approved, started, paused, ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.apps.marketing.campaigns import api as campaigns
from zerodistance.apps.marketing.campaigns import wording
from zerodistance.apps.marketing.campaigns.contracts import (
    ACTS,
    CHANNELS,
    KEY,
    STATES,
    STOPS,
    Campaign,
    Message,
    State,
    WrongCampaign,
)
from zerodistance.apps.marketing.plays import api as plays
from zerodistance.core.brand import api as brand
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement import printing
from zerodistance.core.outreach import api as outreach
from zerodistance.core.outreach import catalogue
from zerodistance.core.outreach.contracts import Sending
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import audiences
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.doors.portal import campaign_form
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form()]
MENU = Menu(
    "marketing", "/marketing", "campaign", Text("活动", "Campaigns"), 40, tab=True, need=Permission.SEND
)
HEAD = (
    "campaign", "name", "state", "kind", "segment", "persons", "held", "version", "asked_by", "approved_by", "changed_at",
    "started_at", "ended_at", "why",
)  # fmt: skip
SHOWN = (
    (Text("已发出", "sent"), (outreach.MessageState.SENT,)),
    (
        Text("等着", "waiting"),
        (outreach.MessageState.QUEUED, outreach.MessageState.PAUSED, outreach.MessageState.HANDING),
    ),
    (Text("没发", "did not go"), (outreach.MessageState.HELD, outreach.MessageState.FAILED)),
)
"""Columns of the table of a campaign's sends, and the states of messages that each counts."""
MOST_SENDS = 6  # own value: all of them stand on the page of sends
GOALS = (
    "order.line", "order.completed", "product.registered", "device.bound", "member.joined", "points.spent", "store.visited",
    "message.clicked", "service.rated",
)  # fmt: skip
"""Kinds that the form offers as a goal; by command and API it may be any."""


def _reached(request: Request, found: Campaign) -> tuple[int, int] | None:
    """Return how many persons were assigned, and held out of these; None before it began, and for who may not see persons."""
    home, who = home_of(request), who_of(request)
    if found.experiment is None or not who.may(Permission.SEE_PERSONS):
        return None
    one = measurement.experiment(home, who, found.experiment)
    return one.persons, one.held


@router.get("/marketing")
def listing(request: Request) -> Response:
    """List the campaigns."""
    home, who = home_of(request), who_of(request)
    found = campaigns.campaigns(home, who)
    names = {one.key: one.name for one in segments.segments(home, who)}
    lines = [(one, names.get(one.said.audience.segment), _reached(request, one)) for one in found]
    waiting = sum(one.state is State.ASKED for one in found)
    return page(request, "marketing.html", here="marketing", lines=lines, states=STATES, waiting=waiting)


@router.get("/marketing/campaigns.csv")
def listing_file(request: Request) -> Response:
    """Give the list as a CSV file; how many entered it says to accounts that see persons."""
    home, who = home_of(request), who_of(request)
    return table_file("campaigns", HEAD, [_line(request, one) for one in campaigns.campaigns(home, who)])


def _line(request: Request, one: Campaign) -> Sequence[object]:
    when = ("" if at is None else clock.from_micros(at).isoformat() for at in _times(one))
    reached = _reached(request, one) or ("", "")
    lang = lang_of(request)
    return (
        one.key, one.said.name.get(lang), one.state.value, one.said.kind, one.said.audience.segment, *reached, one.version,
        one.asked_by or "", one.approved_by or "", *when, one.why.get(lang),
    )  # fmt: skip


def _times(one: Campaign) -> tuple[int | None, ...]:
    return one.changed_at, one.started_at, one.ended_at


# -- written


def _form(
    request: Request,
    given: campaign_form.Fields,
    *,
    changed: Campaign | None = None,
    status: int = 200,
    **values: Any,
) -> Response:
    home, who = home_of(request), who_of(request)
    saved = segments.segments(home, who)
    if not who.may(Permission.SEE_PERSONS):
        approved = {one.key for one in audiences.approvals(home, who) if one.holds}
        saved = [one for one in saved if one.key in approved]
    shown = {
        "given": given,
        "changed": changed,
        "segments": saved,
        "units": [unit for unit in brand.units(home, who) if not who.units or unit.number in who.units],
        "territories": sorted({one.unit for one in brand.territories(home, who)}),
        "categories": brand.categories(home, who),
        "goals": [KINDS[key] for key in dict.fromkeys((*GOALS, given.plain["goal"])) if key in KINDS],
        "texts": [one for one in catalogue.listed(home, who) if not one.off and one.purpose == "marketing"],
        "channels": CHANNELS,
        "ways": outreach.CHANNELS,
        "goal_kind": printing.kind,
        "currency": home.settings.currency,
        "stops": STOPS,
        "weekdays": campaign_form.WEEKDAYS,
        "pattern": KEY,
        "wrong": {},
        "problem": "",
        "size": None,
        "plan": None,
        **values,
    }
    return page(request, "campaign_new.html", status=status, here="marketing", **shown)


def _refused(request: Request, given: campaign_form.Fields, error: ZeroDistanceError) -> dict[str, Any]:
    """Return what the form says of an error: at its field, or above."""
    if isinstance(error, WrongCampaign) and (field := campaign_form.field_of(error.data["at"], given)):
        return {"wrong": {field: campaign_form.why_of(field, given, error.data["why"])}}
    return {"problem": error.message(lang_of(request))}


@router.get("/marketing/new")
def new(
    request: Request, segment: str = "", community: str = "", again: str = "", template: str = ""
) -> Response:
    """Show the form of a new campaign: empty, with what was chosen elsewhere (a segment, communities, a message template), or as another one is."""
    who_of(request).need(Permission.SEND)
    if again:
        return _form(
            request,
            campaign_form.shown(campaigns.campaign(home_of(request), who_of(request), again).said, ""),
        )
    communities = "\n".join(community.replace(",", " ").split())
    return _form(request, campaign_form.empty(template, segment=segment, communities=communities))


@router.post("/marketing/new")
async def create(request: Request) -> Response:
    """Save a new campaign, or show the form with one message more."""
    form = await request.form()
    return await to_thread.run_sync(_created, request, campaign_form.typed(form), str(form.get("op", "")))


def _created(request: Request, given: campaign_form.Fields, op: str) -> Response:
    home, who = home_of(request), who_of(request)
    if op == "more":
        return _form(request, campaign_form.more(given))
    try:
        said = campaigns.read(campaign_form.said_of(given))
        made = campaigns.create(
            home, who, given.plain["key"] or None, said, unit=unit_of(given.plain["unit"])
        )
    except ZeroDistanceError as error:
        who.need(Permission.SEND)
        return _form(request, given, status=error.status, **_refused(request, given, error))
    return go(f"/marketing/campaigns/{made.key}?done=saved")


def unit_of(given: str) -> int | None:
    """Return the number of a unit as a form gives it, None for nothing; raises Invalid."""
    if not given:
        return None
    if not given.isdecimal() or len(given) > 9:
        why = Text("从列表里选", "choose one of the list")
        raise Invalid(field=Text("小微", "unit"), given=given, why=why)
    return int(given)


@router.post("/marketing/plan")
async def plan(request: Request) -> Response:
    """Show how many it would be for and what could be found out, while somebody fills in the form."""
    form = await request.form()
    return await to_thread.run_sync(_planned, request, campaign_form.typed(form))


def _planned(request: Request, given: campaign_form.Fields) -> Response:
    home, who = home_of(request), who_of(request)
    values: dict[str, Any] = {"size": None, "plan": None, "problem": ""}
    try:
        said = campaigns.read(campaign_form.said_of(given))
        values["size"], values["plan"] = campaigns.sizes(home, who, said)
    except ZeroDistanceError as error:
        values["problem"] = error.message(lang_of(request))
    return page(request, "campaign_plan.html", **values)


@router.get("/marketing/campaigns/{key}/change")
def change(request: Request, key: str) -> Response:
    """Show a campaign in the form."""
    who_of(request).need(Permission.SEND)
    found = campaigns.campaign(home_of(request), who_of(request), key)
    return _form(request, campaign_form.shown(found.said, key), changed=found)


@router.post("/marketing/campaigns/{key}/change")
async def save(request: Request, key: str) -> Response:
    """Save a new version, or show the form with one message more."""
    form = await request.form()
    return await to_thread.run_sync(_saved, request, key, campaign_form.typed(form), str(form.get("op", "")))


def _saved(request: Request, key: str, given: campaign_form.Fields, op: str) -> Response:
    home, who = home_of(request), who_of(request)
    found = campaigns.campaign(home, who, key)
    if op == "more":
        return _form(request, campaign_form.more(given), changed=found)
    try:
        campaigns.save(home, who, key, campaigns.read(campaign_form.said_of(given)))
    except ZeroDistanceError as error:
        who.need(Permission.SEND)
        return _form(request, given, changed=found, status=error.status, **_refused(request, given, error))
    return go(f"/marketing/campaigns/{key}?done=saved")


# -- one campaign


@router.get("/marketing/campaigns/{key}")
def detail(request: Request, key: str, done: str = "") -> Response:
    """Show one campaign: how it stands, where people are, what came of it."""
    return _detail(request, key, done=done)


def _detail(request: Request, key: str, status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    found = campaigns.campaign(home, who, key)
    about = {
        **_live(request, found),
        "lines": wording.lines(home, who, found.said),
        "acts": campaigns.acts(home, who, key),
        "act_names": ACTS,
        "messages": _messages(request, found),
        "planned": _before(request, found),
        "play": next((one for one in plays.plays() if one.key == found.said.play), None),
        "may_approve": who.may(Permission.APPROVE_SENDS)
        and who.name not in (found.asked_by, found.changed_by),
        "may_send": who.may(Permission.SEND),
        "done": "",
        "problem": "",
    }
    return page(request, "campaign.html", status=status, here="marketing", **{**about, **values})


def _live(request: Request, found: Campaign) -> dict[str, Any]:
    """Return what changes by itself: figures, and where people stand."""
    home, who = home_of(request), who_of(request)
    names = {one.key: one.name for one in catalogue.listed(home, who)}
    figures = campaigns.statistics(home, who, found.key)
    return {
        "campaign": found,
        "said": found.said,
        "states": STATES,
        "stops": STOPS,
        "steps": [(n, step, wording.step(step, names)) for n, step in enumerate(found.said.steps)],
        "figures": figures,
        "result": figures.result,
        "places": {place.step: place for place in figures.places},
        "currency": home.settings.currency,
        "sends": _sends(request, found),
        "shown": SHOWN,
        "count": lambda send, states: sum(send.many(state) for state in states),
    }


def _sends(request: Request, found: Campaign) -> tuple[Sending, ...]:
    """Return the last sends of a campaign, the newest first; none for accounts that see no persons, whom its queue is not told."""
    home, who = home_of(request), who_of(request)
    if found.experiment is None or not who.may(Permission.SEE_PERSONS):
        return ()
    return tuple(outreach.list_sends(home, who, experiment=found.experiment, most=MOST_SENDS))


def _before(request: Request, found: Campaign) -> tuple[Text, ...]:
    """Return how many a campaign that has not started is for, and what it could find."""
    if found.started_at is not None or found.state is State.ENDED:
        return ()
    try:
        return wording.planned(*campaigns.sizes(home_of(request), who_of(request), found.said))
    except ZeroDistanceError as error:
        return (Text(error.message("zh"), error.message("en")),)


def _messages(request: Request, found: Campaign) -> list[tuple[Any, Any]]:
    """Return each message template of a campaign with what a made person would read; one that is gone is left out."""
    home, who, lang = home_of(request), who_of(request), lang_of(request)
    there = {one.key: one for one in catalogue.listed(home, who)}
    keys = [key for step in found.said.steps if isinstance(step, Message) for key in step.every]
    return [
        (there[key], catalogue.preview(home, who, there[key], lang))
        for key in dict.fromkeys(keys)
        if key in there
    ]


@router.get("/marketing/campaigns/{key}/live")
def live(request: Request, key: str) -> Response:
    """Show the part of a campaign's page that changes by itself."""
    found = campaigns.campaign(home_of(request), who_of(request), key)
    return page(request, "campaign_live.html", **_live(request, found))


@router.get("/marketing/campaigns/{key}/statistics.csv")
def statistics_file(request: Request, key: str) -> Response:
    """Give the figures of a campaign as a CSV file: for accounts that see no persons released ones."""
    found = campaigns.statistics(home_of(request), who_of(request), key)
    rows = [(one.part, one.name, one.value, one.low, one.high) for one in found.figures]
    return table_file(f"campaign-{key}", ("part", "name", "value", "low", "high"), rows)


def _acted(request: Request, key: str, act: str, version: int, why: str) -> None:
    home, who = home_of(request), who_of(request)
    said = Text(why.strip()[:200], why.strip()[:200])
    match act:
        case "ask":
            campaigns.ask(home, who, key, version)
        case "approve":
            campaigns.approve(home, who, key, version)
        case "return":
            campaigns.send_back(home, who, key, why)
        case "start":
            campaigns.start(home, who, key)
        case "pause":
            campaigns.pause(home, who, key, said)
        case "resume":
            campaigns.resume(home, who, key)
        case "end":
            campaigns.end(home, who, key, said)
        case _:
            raise Invalid(
                field=Text("动作", "act"), given=act, why=Text("没有这个动作", "there is none of that name")
            )


@router.post("/marketing/campaigns/{key}/{act}")
def act(
    request: Request, key: str, act: str, version: Annotated[Number, Form()] = 0, why: Field = ""
) -> Response:
    """Ask, approve, send back, start, pause, resume or end."""
    try:
        _acted(request, key, act, version, why)
    except ZeroDistanceError as error:
        if error.code in ("no_such_campaign", "forbidden"):
            raise
        return _detail(request, key, error.status, problem=error.message(lang_of(request)))
    return go(f"/marketing/campaigns/{key}?done={act}")


register("marketing", router, MENU)

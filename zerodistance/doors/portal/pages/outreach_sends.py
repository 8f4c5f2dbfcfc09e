"""*Sends*: what goes out to whom, how far it is, why something did not go; asked for, decided on and stopped here."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import Response

from zerodistance.core.brand import api as brand
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement.contracts import Experiment
from zerodistance.core.outreach import api as outreach
from zerodistance.core.outreach.contracts import Sending, SendState
from zerodistance.core.outreach.sends import sending
from zerodistance.core.outreach.templates import GIVEN, Template, Variable
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, page, table_file, who_of
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form(max_length=500)]
SHOWN = (
    outreach.MessageState.SENT,
    outreach.MessageState.QUEUED,
    outreach.MessageState.PAUSED,
    outreach.MessageState.HELD,
    outreach.MessageState.FAILED,
    outreach.MessageState.UNKNOWN,
)
"""States that the file has a column for."""
COLUMNS = tuple(state for state in SHOWN if state is not outreach.MessageState.PAUSED)
"""States that the page has one for: what is paused stands beside its state, among what is queued."""
HEAD = (
    *("send", "key", "experiment", "assignment", "templates", "purpose", "state", "persons", "reach"),
    *(state.value for state in SHOWN),
    *("made_by", "made_at", "ended_at"),
)
_GOING = (SendState.APPROVED, SendState.QUEUED)


def _shared(home: Home) -> dict[str, Any]:
    names = {one.key: one.name for one in measurement.experiments(home, Who.system("sends"))}
    units = {one.number: one.name for one in brand.units(home, Who.system("sends"))}
    return {
        "names": names, "units": units, "states": outreach.SEND_STATES, "kinds": outreach.MESSAGE_STATES,
        "reasons": outreach.REASONS, "channels": outreach.CHANNELS, "purposes": outreach.PURPOSES,
        "shown": COLUMNS, "going": _GOING, "least": home.settings.released_k,
    }  # fmt: skip


@router.get("/outreach/sends")
def listing(request: Request) -> Response:
    """List the sends of the account's units."""
    home = home_of(request)
    found = outreach.list_sends(home, who_of(request))
    return page(request, "outreach_sends.html", here="outreach", sends=found, **_shared(home))


@router.get("/outreach/sends.csv")
def listing_file(request: Request) -> Response:
    """Give the list as a CSV file."""
    found = outreach.list_sends(home_of(request), who_of(request))
    return table_file("sends", HEAD, [_line(one) for one in found])


def _line(one: Sending) -> Sequence[object]:
    ways = " ".join(f"{way.channel}:{way.template}/{way.version}" for way in one.ways)
    ended = "" if one.ended_at is None else clock.from_micros(one.ended_at).isoformat()
    return (
        one.number, one.key, one.experiment, one.assignment, ways, one.purpose, one.state.value, one.persons, one.reach,
        *(one.many(state) for state in SHOWN), one.made_by, clock.from_micros(one.made_at).isoformat(), ended,
    )  # fmt: skip


# -- a new one


@router.get("/outreach/sends/new")
def new(
    request: Request,
    experiment: Annotated[str, Query(max_length=80)] = "",
    template: Annotated[list[str] | None, Query(max_length=4)] = None,
) -> Response:
    """Choose whom an assignment lets contact, and with what; then look at it."""
    return _form(request, experiment, template or [])


def _form(
    request: Request, experiment: str, keys: Sequence[str], problem: Text | None = None, status: int = 200
) -> Response:
    home, who = home_of(request), who_of(request)
    who.need(Permission.SEND)
    open_ones = [one for one in measurement.experiments(home, who) if one.assignments and not one.everywhere]
    chosen = next((one for one in open_ones if one.key == experiment), None)
    offered = _offered(home, who, chosen)
    used = [one for one in offered if one.key in keys]
    looks = [(one, lang, outreach.preview(home, who, one, lang)) for one in used for lang in one.bodies]
    return page(
        request, "outreach_send_new.html", here="outreach", status=status, experiments=open_ones, chosen=chosen, offered=offered,
        used=used, looks=looks, given=_given(used), problem=problem, key=secrets.token_hex(4), **_shared(home),
    )  # fmt: skip


def _offered(home: Home, who: Who, chosen: Experiment | None) -> list[Template]:
    if chosen is None:
        return []
    return [one for one in outreach.templates(home, who) if not one.off and one.purpose == chosen.purpose]


def _given(used: Sequence[Template]) -> list[Variable]:
    found = {v.key: v for one in used for v in one.variables if v.of == GIVEN}
    return list(found.values())


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form()
    one = {name: value for name, value in form.items() if isinstance(value, str)}
    return one | {"templates": ",".join(str(value) for value in form.getlist("template"))}


@router.post("/outreach/sends")
def ask(request: Request, fields: Annotated[dict[str, str], Depends(_fields)]) -> Response:
    """Send, or ask a second account to approve it."""
    home, who = home_of(request), who_of(request)
    keys = [key for key in fields.get("templates", "").split(",") if key]
    experiment = fields.get("experiment", "")
    values = {
        name.removeprefix("v-"): value for name, value in fields.items() if name.startswith("v-") and value
    }
    try:
        found = measurement.experiment(home, who, experiment)
        sent = outreach.send(
            home, who, sending.receipt(home, who, experiment), keys, send_key=fields.get("key", ""), purpose=found.purpose,
            values=values, not_before=_at(home, fields.get("from", "")), not_after=_at(home, fields.get("until", "")),
            again=bool(fields.get("again")),
        )  # fmt: skip
    except ZeroDistanceError as error:
        return _form(request, experiment, keys, Text(error.message("zh"), error.message("en")), error.status)
    return go(f"/outreach/sends/{sent.number}")


def _at(home: Home, given: str) -> int | None:
    """Return a moment that a form has, `2026-11-27T09:00` in the zone of the brand; None where nothing stands."""
    if not given:
        return None
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        why = Text("写作 2026-11-27T09:00", "write 2026-11-27T09:00")
        raise Invalid(field=Text("时间", "the time"), given=given, why=why) from None
    return clock.to_micros(at if at.tzinfo else at.replace(tzinfo=home.settings.tz))


# -- one


@router.get("/outreach/sends/{number}")
def show(request: Request, number: Number) -> Response:
    """Show a send: how far it is, why messages did not go, what came back."""
    return _one(request, number, "outreach_send.html")


@router.get("/outreach/sends/{number}/state")
def state(request: Request, number: Number) -> Response:
    """Give the part that changes while it goes."""
    return _one(request, number, "outreach_send_state.html")


def _one(request: Request, number: int, template: str) -> Response:
    home, who = home_of(request), who_of(request)
    found = outreach.get_send(home, who, number)
    known = sum(one.many or 0 for one in found.tallies)
    told = outreach.heard_of_send(home, who, number)
    heard = {what: told[what] for what in outreach.HEARD if what in told}
    return page(
        request, template, here="outreach", send=found, known=known, heard=heard,
        heard_words=outreach.HEARD, campaign=found.experiment if found.key.startswith("campaign/") else "",
        asked_by_me=found.made_by == who.name, **_shared(home),
    )  # fmt: skip


@router.post("/outreach/sends/{number}/decision")
def decide(request: Request, number: Number, verdict: Field, why: Field = "") -> Response:
    """Approve a send, or refuse it."""
    outreach.decide_send(home_of(request), who_of(request), number, verdict == "approve", why)
    return go(f"/outreach/sends/{number}")


@router.post("/outreach/sends/{number}/stop")
def stop(request: Request, number: Number, why: Field = "") -> Response:
    """Stop a send."""
    outreach.stop_send(home_of(request), who_of(request), number, why)
    return go(f"/outreach/sends/{number}")


@router.get("/outreach/sends/{number}/held.csv")
def held(request: Request, number: Number) -> Response:
    """Give the messages that did not go as a CSV file."""
    rows = outreach.held_messages(home_of(request), who_of(request), number)
    return table_file(f"send-{number}-held", sending.HEAD, rows)


register("outreach_sends", router)

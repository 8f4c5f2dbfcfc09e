"""*Person*: find somebody by an identifier, and see what is known: identifiers, tags, evidence, every touch."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.contracts import Identifier, Kind, Person
from zerodistance.core.identity.rules import NAMESPACES
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Layer, Tag
from zerodistance.core.touchpoints.api import forget, overview
from zerodistance.doors.portal import evidence
from zerodistance.doors.portal.pages import households, portraits
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import go, home_of, page, who_of
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form()]
MENU = Menu("people", "/people", "people", Text("用户", "People"), 20, tab=True, need=Permission.SEE_PERSONS)


def _look_up(request: Request, status: int = 200, **values: Any) -> Response:
    shown = {"given": False, "found": [], **values}
    index = profiles.state(home_of(request))
    return page(
        request,
        "people.html",
        status=status,
        here="people",
        namespaces=NAMESPACES,
        index=index,
        Kind=Kind,
        **shown,
    )


@router.get("/people")
def look_up_page(request: Request) -> Response:
    """Show the look-up form."""
    who_of(request).need(Permission.SEE_PERSONS)
    return _look_up(request)


@router.post("/people")
def look_up(request: Request, given: Field) -> Response:
    """Find persons by what was typed; an identifier never stands in an address."""
    found = identity.search(home_of(request), who_of(request), given.strip())
    if len(found) == 1:
        return go(f"/people/{found[0].id}")
    return _look_up(request, 200 if found else 404, given=True, found=found)


def _layers(tags: tuple[Tag, ...]) -> list[tuple[Layer, list[Tag]]]:
    """Return each layer with its tags; a count of nought is no news and is left out."""
    return [(layer, [t for t in tags if t.layer == layer and t.value != 0]) for layer in Layer]


def _grouped(somebody: Person) -> dict[str, list[Identifier]]:
    """Return the identifiers by their kind, the strongest first."""
    out: dict[str, list[Identifier]] = {}
    for one in somebody.identifiers:
        out.setdefault(one.namespace, []).append(one)
    return out


def _path(request: Request, start: Number, end: Number) -> dict[str, Any]:
    """Return the way between two subjects, if two are named."""
    given = {"start": start, "end": end}
    if not start or not end:
        return {"way": None, "steps": (), **given}
    found = identity.path(home_of(request), who_of(request), start, end)
    return {"way": found, "steps": evidence.steps(found), **given}


@router.get("/people/{person_id}")
def person(
    request: Request,
    person_id: str,
    start: Number = 0,
    end: Number = 0,
    as_of: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show one person, today or as of a day, and with `start` and `end` the way between two subjects; an older id leads to the one of today."""
    home, who = home_of(request), who_of(request)
    explained = identity.explain(home, who, person_id, weigh=False)
    somebody = explained.person
    if somebody.id != person_id:
        return go(f"/people/{somebody.id}", 308)
    seen = portraits.seen(home, who, somebody, as_of)
    return page(
        request,
        "person.html",
        here="people",
        person=somebody,
        names=overview.source_names(home, who),
        picture=evidence.picture(explained),
        nodes=explained.nodes,
        **_path(request, start, end),
        more=explained.more,
        later=any(edge.weight is not None for edge in explained.edges),
        turns=explained.turns,
        layers=_layers(seen.tags),
        nothing=sum(t.value == 0 for t in seen.tags),
        facts=sorted({t.label for t in seen.tags if not t.dated}, key=lambda text: text.en),
        groups=_grouped(somebody),
        index=profiles.state(home),
        label=evidence.label,
        card=identity.card(home, who, somebody.id),
        Kind=Kind,
        as_of=as_of,
        then=seen.at,
        known_then=bool(seen.subjects),
        today=f"{clock.now().astimezone(home.settings.tz):%Y-%m-%d}",
        owned=profiles.owned(home, who, seen.history, seen.at),
        panels=portraits.panels(home, who, somebody, seen),
        **_household(home, who, somebody),
        **portraits.timeline(request, f"/people/{somebody.id}", seen, as_of=as_of),
    )


@router.get("/people/{person_id}/evidence")
def evidence_list(request: Request, person_id: str) -> Response:
    """Show why identifiers are one person, with what each comparison of a match says: that is read from where the two came by."""
    home, who = home_of(request), who_of(request)
    explained = identity.explain(home, who, person_id)
    return page(
        request,
        "person_evidence.html",
        person=explained.person,
        names=overview.source_names(home, who),
        picture=evidence.picture(explained),
        later=False,
    )


def _household(home: Home, who: Who, somebody: Person) -> dict[str, Any]:
    """Return the household of today with its members, and those of before."""
    found = identity.households_of_person(home, who, somebody.id)
    now = next(
        (one for one in found if any(m.person == somebody.id and m.until is None for m in one.members)), None
    )
    return {
        "household": now,
        "settled_at": identity.households_made_at(home),
        "family": households.members(home, who, now) if now else [],
        "earlier": [one for one in found if one is not now],
    }


@router.post("/people/{person_id}/reveal")
def reveal(request: Request, person_id: str, field: Field, purpose: Field, case: Field) -> Response:
    """Show the raw values of one field, to somebody who says for what and in which case; it is written down."""
    values = identity.reveal(home_of(request), who_of(request), person_id, field, purpose, case)
    return page(request, "revealed.html", values=values, field=field, label=evidence.label)


@router.post("/people/{person_id}/forget")
def forget_person(request: Request, person_id: str, purpose: Field) -> Response:
    """Ask for a person to be forgotten, and show the certificate when it is done."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.FORGET)
    somebody = identity.show(home, who, person_id)
    asked = forget.ask(home, who, somebody.id, portraits.subjects(home, somebody), purpose)
    return go(f"/people/forgotten/{asked.id}")


@router.get("/people/forgotten/{number}")
def certificate(request: Request, number: Number) -> Response:
    """Show what became of a wish to be forgotten."""
    found = forget.get(home_of(request), who_of(request), number)
    template = "forgotten_state.html" if request.headers.get("HX-Request") == "true" else "forgotten.html"
    return page(request, template, here="people", r=found, store=evidence.store)


register("people", router, MENU)

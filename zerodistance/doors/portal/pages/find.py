"""The command box (Ctrl-K): pages, segments, dimensions, touchpoints, households, and persons by any identifier. A POST: identifiers enter no address."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import api as segments
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.doors.portal import registry
from zerodistance.doors.portal.pages.tag_making import may_make
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import home_of, lang_of, page, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.text import Text

router = APIRouter()
MOST = 6
LEAST = 5  # own value: shorter texts are not looked up as identifiers


@dataclass(frozen=True)
class Hit:
    """One line of the box."""

    href: str
    icon: str
    label: str
    note: str = ""


def _fits(query: str, *texts: str) -> bool:
    return any(query in text.casefold() for text in texts)


@router.post("/find")
def find(request: Request, q: Annotated[str, Form()] = "") -> Response:
    """Show what fits the text."""
    home, who, lang = home_of(request), who_of(request), lang_of(request)
    query = q.strip().casefold()
    groups: list[tuple[Text, list[Hit]]] = []
    if len(query) >= LEAST and who.may(Permission.SEE_PERSONS):
        found = identity.search(home, who, q.strip())[:MOST]
        groups.append((Text("人", "People"), [Hit(f"/people/{p.id}", "people", p.id) for p in found]))
        with suppress(identity.NoSuchHousehold):
            household = identity.show_household(home, who, q.strip())
            groups.append(
                (Text("家庭", "Household"), [Hit(f"/households/{household.id}", "home", household.id)])
            )
    menus = [m for m in registry.menus(who) if _fits(query, m.text.zh, m.text.en.casefold(), m.key)]
    groups.append((Text("去", "Go to"), [Hit(m.path, m.icon, m.text.get(lang)) for m in menus]))
    if query:
        some = [
            s
            for s in segments.segments(home, who)
            if _fits(query, s.name.zh.casefold(), s.name.en.casefold(), s.key)
        ]
        groups.append(
            (
                Text("人群", "Segments"),
                [Hit(f"/segments/{s.key}", "segments", s.name.get(lang), s.key) for s in some[:MOST]],
            )
        )
        may = who.may(Permission.SEE_PERSONS)
        lines = profiles.search(home, who, query, 0).dimensions if may else ()
        groups.append(
            (
                Text("标签", "Tags"),
                [
                    Hit(
                        f"/profiles/{line.dimension.key}",
                        "tags",
                        line.dimension.label.get(lang),
                        line.dimension.key,
                    )
                    for line in lines[:MOST]
                ],
            )
        )
        points = [
            s
            for s in touchpoints.list_sources(home, who)
            if _fits(query, s.name.zh.casefold(), s.name.en.casefold(), s.key)
        ]
        groups.append(
            (
                Text("触点", "Touchpoints"),
                [Hit(f"/touchpoints/{s.key}", "source", s.name.get(lang), s.key) for s in points[:MOST]],
            )
        )
    doing = []
    if who.may(Permission.MANAGE_SEGMENTS) and _fits(query, "建人群", "new segment"):
        doing.append(Hit("/segments/new", "plus", Text("建人群", "New segment").get(lang)))
    if may_make(who) and _fits(query, "做标签", "new tag"):
        doing.append(Hit("/tags/new", "plus", Text("做标签", "New tag").get(lang)))
    if who.may(Permission.MANAGE_SOURCES) and _fits(query, "建触点", "create a touchpoint"):
        doing.append(Hit("/touchpoints/new", "plus", Text("建触点", "Create a touchpoint").get(lang)))
    groups.append((Text("做", "Do"), doing))
    return page(request, "found.html", groups=[(title, hits) for title, hits in groups if hits], query=query)


register("find", router)

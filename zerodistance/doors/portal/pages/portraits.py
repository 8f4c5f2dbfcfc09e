"""What *Person* and *Household* show of tags and touches: as of a day, why and since when, the timeline by kind and touchpoint, the panels of rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.contracts import Person
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Tag
from zerodistance.core.profiles.panels import About, Panel, Shown
from zerodistance.core.touchpoints.api import kind, log, overview
from zerodistance.doors.portal import registry
from zerodistance.doors.portal.readings import brand_names, touch_details, touch_words
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import formats_of, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
PAGE = 12
TROUBLE = {"device.fault", "service.called", "order.returned", "order.refunded", "message.refused"}
"""Kinds that are drawn in the colour of trouble on the timeline."""
FAMILIES = {
    "order": Text("购买", "Buying"),
    "product": Text("看产品", "Products"),
    "service": Text("服务", "Service"),
    "device": Text("家电", "Appliances"),
    "message": Text("消息", "Messages"),
    "member": Text("会员", "Membership"),
    "page": Text("浏览", "Pages"),
}
"""First word of a kind -> what the choice of the timeline calls all of them; others stand one by one."""
AsOf = Annotated[str, Query(max_length=40)]


@dataclass(frozen=True)
class Seen:
    """What is known of one person, as of a moment.

    Attributes
    ----------
    at
        The moment that was asked for, microseconds UTC; None: now.
    subjects
        Who belonged to the person then; empty: nothing was known yet.
    """

    at: int | None
    subjects: Sequence[int]
    history: log.History
    tags: tuple[Tag, ...]


def subjects(home: Home, somebody: Person) -> list[int]:
    """Return every subject of a person: identifiers, and the names as written that are none."""
    with home.state.read() as tx:
        return identity.subjects_of(tx, somebody.number)


def seen(home: Home, who: Who, somebody: Person, as_of: str, *, tags: bool = True) -> Seen:
    """Return what is known of somebody today, or was at the end of a day."""
    if not as_of:
        mine = subjects(home, somebody)
        found = profiles.tags_of(home, who, somebody.number) if tags else ()
        return Seen(None, mine, log.history(home, who, mine), found)
    at = profiles.moment(home, as_of)
    mine = profiles.person_then(home, who, somebody.id, at)
    history = log.history(home, who, mine).known_by(at)
    if not tags:
        return Seen(at, mine, history, ())
    persons = profiles.profiles_of(home, who, [somebody.id], as_of=at).persons
    return Seen(at, mine, history, persons[0].tags if persons else ())


def timeline(
    request: Request,
    path: str,
    found: Seen,
    *,
    before: str | None = None,
    source: int = 0,
    of: str = "",
    as_of: str = "",
    whose: Mapping[int, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """Return a page of a timeline and what can be chosen in it.

    Parameters
    ----------
    source, of
        Number of a source, and a kind or family, that alone are shown; 0 and empty: all.
    whose
        Of a household: subject -> (public id, name) of the member.
    """
    home, who, lang, f = home_of(request), who_of(request), lang_of(request), formats_of(request)
    history = found.history
    part = history.page(
        before=before, limit=PAGE, sources=[source] if source else (), kinds=[of] if of else ()
    )
    names, said = overview.source_names(home, who), brand_names(home, who, lang)
    days, shown = "", []
    for t in part.touches:
        day = f.date(t.happened_at)
        shown.append(
            {
                "at": t.happened_at,
                "day": day if day != days else "",
                "icon": kind(t.kind).icon,
                "bad": t.kind in TROUBLE,
                "words": touch_words(t, lang, said),
                "details": touch_details(t, f),
                "source": names[t.source].get(lang) if t.source in names else "",
                "who": (whose or {}).get(t.subject or 0),
            }
        )
        days = day
    journey = history.journey()
    return {
        "path_of": path,
        "touches": shown,
        "before": part.before,
        "journey": journey,
        "kinds": _kinds(history.kinds(), lang),
        "sources": [(n, names[n].get(lang)) for n in journey.sources if n in names],
        "chosen": {"source": source, "of": of, "as_of": as_of},
    }


def _kinds(kinds: Mapping[str, int], lang: str) -> list[tuple[str, str, int]]:
    """Return what the timeline can be narrowed to: families and single kinds, with how many touches."""
    families: dict[str, int] = {}
    for key, many in kinds.items():
        family = key.partition(".")[0]
        of = f"{family}.*" if family in FAMILIES else key
        families[of] = families.get(of, 0) + many
    named = [
        (of, (FAMILIES[of[:-2]] if of.endswith(".*") else kind(of).text).get(lang), many)
        for of, many in families.items()
    ]
    return sorted(named, key=lambda one: -one[2])


def panels(home: Home, who: Who, somebody: Person, found: Seen) -> list[tuple[Panel, Shown]]:
    """Return the panels that rooms declare, with what each says of somebody; those that have nothing to do with them are left out."""
    at = clock.micros() if found.at is None else found.at
    about = About(somebody.id, somebody.number, found.history, at)
    shown = ((panel, panel.show(home, who, about)) for panel in registry.panels())
    return [(panel, said) for panel, said in shown if said is not None]


@router.get("/people/{person_id}/timeline")
def timeline_page(
    request: Request,
    person_id: str,
    before: Annotated[str | None, Query(max_length=60)] = None,
    source: Number = 0,
    of: Annotated[str, Query(max_length=60)] = "",
    as_of: AsOf = "",
) -> Response:
    """Show a page of the timeline."""
    home, who = home_of(request), who_of(request)
    somebody = identity.show(home, who, person_id)
    found = seen(home, who, somebody, as_of, tags=False)
    values = timeline(
        request, f"/people/{somebody.id}", found, before=before, source=source, of=of, as_of=as_of
    )
    return page(request, "person_timeline.html", **values)


@router.get("/people/{person_id}/tags/{key}")
def tag(request: Request, person_id: str, key: str, as_of: AsOf = "") -> Response:
    """Show why somebody is at a node of a dimension, and since when."""
    home, who, lang, f = home_of(request), who_of(request), lang_of(request), formats_of(request)
    dimension = profiles.dimension(home_of(request), key, who)
    somebody = identity.show(home, who, person_id)
    found = seen(home, who, somebody, as_of, tags=False)
    said = brand_names(home, who, lang)
    why = profiles.why(home, who, dimension, found.history, found.at)
    last = [(t.happened_at, touch_words(t, lang, said), touch_details(t, f)) for t in why.last]
    return page(request, "person_tag.html", why=why, last=last, person=somebody)


@router.get("/people/{person_id}/tags.csv")
def tags_file(request: Request, person_id: str, as_of: AsOf = "") -> Response:
    """Return every tag of somebody as a table, each with since when."""
    home, who, lang = home_of(request), who_of(request), lang_of(request)
    somebody = identity.show(home, who, person_id)
    at = profiles.moment(home, as_of) if as_of else None
    found = profiles.profiles_of(home, who, [somebody.id], as_of=at, dated=True)
    rows = [
        (t.layer.label.get(lang), t.dimension, t.label.get(lang), t.node, t.node_label.get(lang), t.value,
         t.unit.get(lang), t.since or "", t.as_of.isoformat(timespec="seconds"))
        for one in found.persons
        for t in one.tags
    ]  # fmt: skip
    head = ("layer", "dimension", "label", "node", "node_label", "value", "unit", "since", "as_of")
    return table_file(f"{somebody.id}-tags", head, rows)


register("portraits", router)

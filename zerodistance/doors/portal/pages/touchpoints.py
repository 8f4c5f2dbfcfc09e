"""*Touchpoints*: the sources touches come from; create one, put its snippet to work, watch the first touch arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.connectors.feeds import api as feeds
from zerodistance.core.brand import api as brand
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.api import REASONS, kind, log, overview
from zerodistance.core.touchpoints.contracts import KINDS_OF_SOURCE, Source
from zerodistance.doors.portal.readings import brand_names, refused_place, touch_words
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

router = APIRouter()
Field = Annotated[str, Form()]
MENU = Menu("touchpoints", "/touchpoints", "source", Text("触点", "Touchpoints"), 50, group=1)
KIND_NAMES = {
    "web": Text("网站", "Web site"),
    "app": Text("App、小程序", "App, mini program"),
    "server": Text("服务器", "Server"),
    "device": Text("联网家电", "Appliance"),
    "call": Text("呼叫中心", "Call centre"),
    "store": Text("门店", "Store"),
    "social": Text("社交媒体", "Social media"),
    "import": Text("文件导入", "File import"),
}
IN_BROWSERS = frozenset({"browser", "rudder_browser", "jitsu"})
"""Snippets that run in a page, so that the source needs its origin."""
FRESH = (
    (0, Text("不看时限", "no limit")),
    (300, Text("5 分钟", "5 minutes")),
    (1_800, Text("30 分钟", "30 minutes")),
    (3_600, Text("1 小时", "1 hour")),
    (86_400, Text("1 天", "1 day")),
    (604_800, Text("1 周", "1 week")),
)


@router.get("/touchpoints")
def listing(request: Request) -> Response:
    """List every source with its state."""
    found = overview.today(home_of(request), who_of(request))
    return page(request, "touchpoints.html", here="touchpoints", o=found, kinds=KIND_NAMES)


def _form(request: Request, status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    who.need(Permission.MANAGE_SOURCES)
    shown = {
        "problem": "",
        "wrong": "",
        "given": {"name": "", "key": "", "kind": "web", "unit": "", "origins": "", "fresh": 3_600},
        **values,
    }
    fixed = {"kinds": KIND_NAMES, "order": KINDS_OF_SOURCE, "units": brand.units(home, who), "fresh": FRESH}
    return page(request, "touchpoint_new.html", status=status, here="touchpoints", **fixed, **shown)


@router.get("/touchpoints/new")
def new(request: Request) -> Response:
    """Show the form."""
    return _form(request)


@router.post("/touchpoints")
def create(
    request: Request,
    name: Field,
    key: Field,
    kind: Field,
    unit: Field = "",
    origins: Field = "",
    fresh: Annotated[int, Form()] = 0,
) -> Response:
    """Create a source and show its page."""
    who = who_of(request)
    who.need(Permission.MANAGE_SOURCES)
    try:
        source = touchpoints.create_source(
            home_of(request),
            who,
            key=key.strip(),
            name=Text(name.strip(), name.strip()),
            kind=kind,
            unit=unit or None,
            origins=origins.replace(",", " ").split(),
            fresh_seconds=fresh or None,
        )
    except ZeroDistanceError as error:
        given = {"name": name, "key": key, "kind": kind, "unit": unit, "origins": origins, "fresh": fresh}
        wrong = str(error.data.get("field", "key"))
        return _form(request, error.status, problem=error.message(lang_of(request)), wrong=wrong, given=given)
    return go(f"/touchpoints/{source.key}")


def _masked(key: str) -> str:
    return f"{key[:4]}••••••••{key[-2:]}" if key else ""


def _snippets(source: Source, address: str) -> list[tuple[touchpoints.Snippet, str, bool]]:
    """Return beginnings, each with its code without the key, and whether it would be refused; those that work come first."""
    if not source.write_key or source.kind == "import":
        return []
    whole = touchpoints.snippets(source, address)
    masked = touchpoints.snippets(replace(source, write_key=_masked(source.write_key)), address)
    found = [
        (one, shown.code, one.key in IN_BROWSERS and not source.origins)
        for one, shown in zip(whole, masked, strict=True)
    ]
    return sorted(found, key=lambda one: one[2])


def _live(request: Request, source: Source) -> dict[str, Any]:
    lang = lang_of(request)
    said = brand_names(home_of(request), who_of(request), lang)
    touches = log.source_touches(home_of(request), who_of(request), source.number)
    shown = [
        {
            "at": t.received_at,
            "icon": kind(t.kind).icon,
            "words": touch_words(t, lang, said),
            "known": t.subject,
        }
        for t in touches
    ]
    return {"source": source, "touches": shown}


@router.get("/touchpoints/{key}")
def detail(request: Request, key: str) -> Response:
    """Show one source: write key, snippets, the first touch live, counters, what was refused."""
    home, who = home_of(request), who_of(request)
    source = touchpoints.get_source(home, who, key)
    found = overview.today(home, who)
    address = f"{request.url.scheme}://{request.url.netloc}"
    door = touchpoints.door_today(home, who, key)
    return page(
        request,
        "touchpoint.html",
        here="touchpoints",
        s=next(s for s in found.sources if s.number == source.number),
        kinds=KIND_NAMES,
        snippets=_snippets(source, address),
        masked_key=_masked(source.write_key),
        refusals=[r for r in found.refusals if r.source == source.number],
        reasons=REASONS,
        place=refused_place,
        rows=touchpoints.quarantine_rows(home, who, source=source.key, limit=20),
        jobs=_imports(request, source),
        feeds=[feed for feed in feeds.list_feeds(home, who) if feed.source == source.number],
        feed_kinds=feeds.KINDS,
        observed=door.get("schema_observed", 0),
        schemas=len(touchpoints.list_schemas(home, who, key)),
        **_live(request, source),
    )


@router.get("/touchpoints/{key}/live")
def live(request: Request, key: str) -> Response:
    """Show what this source sent last; asked again and again by its page."""
    source = touchpoints.get_source(home_of(request), who_of(request), key)
    seen = {"last_at": overview.last_at(home_of(request), source.number)}
    return page(request, "touchpoint_live.html", s=seen, **_live(request, source))


def _imports(request: Request, source: Source) -> list[touchpoints.Job]:
    if not who_of(request).may(Permission.IMPORT):
        return []
    found = touchpoints.list_imports(home_of(request), who_of(request))
    return [job for job in found if job.source == source.number][:10]


@router.get("/touchpoints/{key}/imports")
def imports(request: Request, key: str) -> Response:
    """Show how far the imports of a source are; asked again while one is open."""
    source = touchpoints.get_source(home_of(request), who_of(request), key)
    return page(request, "touchpoint_imports.html", source=source, jobs=_imports(request, source))


@router.post("/touchpoints/{key}/replay")
def replay(request: Request, key: str) -> Response:
    """Ask for every refused row of a source to be taken up again."""
    touchpoints.replay_rows(home_of(request), who_of(request), source=key)
    return go(f"/touchpoints/{key}#refused")


@router.post("/touchpoints/{key}/rotate")
def rotate(request: Request, key: str) -> Response:
    """Give the source a new write key."""
    touchpoints.rotate_key(home_of(request), who_of(request), key)
    return go(f"/touchpoints/{key}")


@router.post("/touchpoints/{key}/off")
def off(request: Request, key: str) -> Response:
    """Take nothing more from the source."""
    touchpoints.switch_off(home_of(request), who_of(request), key)
    return go(f"/touchpoints/{key}")


@router.post("/touchpoints/{key}/on")
def on(request: Request, key: str) -> Response:
    """Take touches from the source again."""
    touchpoints.switch_on(home_of(request), who_of(request), key)
    return go(f"/touchpoints/{key}")


register("touchpoints", router, MENU)

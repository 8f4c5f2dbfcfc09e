"""*Segments*: whom a rule fits, counted while it is written; saved in versions; its members."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Layer
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import audiences
from zerodistance.core.segments.contracts import KEY, AnyOf, Did, Has, Rule, Segment
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.doors.portal import drafting
from zerodistance.doors.portal.pages import released, segment_more
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form()]
MENU = Menu("segments", "/segments", "segments", Text("人群", "Segments"), 30, tab=True)
PAGE = 50
MOST_COMMUNITIES = (
    1_000  # own value: that a browser proposes while somebody types one; any other can be typed too
)
FIRST_QUESTIONS = (
    (
        Text("一年内买过的人", "Bought within a year"),
        AnyOf((Did("order.completed", within_days=365), Did("order.line", within_days=365))),
    ),
    (Text("最近 30 天看过产品的人", "Looked at a product in 30 days"), Did("product.viewed", within_days=30)),
    (Text("退过货的人", "Returned something"), Did("order.returned")),
)


def _counted(request: Request, text: str) -> dict[str, Any]:
    """Return the rule's conditions and counts, or what is wrong with it."""
    home, who = home_of(request), who_of(request)
    empty: dict[str, Any] = {
        "rule": None,
        "count": None,
        "leaves": 0,
        "problem": "",
        "text": text,
        "stale": bool(text.strip()),
    }
    if not text.strip():
        return empty
    try:
        rule = segments.read_rule(text, home)
        count = segments.count(home, who, rule)
    except ZeroDistanceError as error:
        return {**empty, "problem": error.message(lang_of(request))}
    return {**empty, "rule": rule, "count": count, "leaves": len(list(drafting.leaves(rule))), "stale": False}


def _choices(request: Request) -> dict[str, Any]:
    home, who = home_of(request), who_of(request)
    grouped = [
        (layer.label, [d for d in profiles.dimensions(home, who) if d.layer == layer]) for layer in Layer
    ]
    return {
        "layers": [(label, found) for label, found in grouped if found],
        "kinds": list(KINDS.values()),
        "categories": brand.categories(home, who),
        "communities": brand.places(home, who, kind="community")[:MOST_COMMUNITIES],
        "territories": [unit for unit in brand.units(home, who) if unit.key in _answering(request)],
        "saved_segments": segments.segments(home, who),
        "joins": drafting.JOINS,
        "whom": drafting.WHOM if who.may(Permission.SEE_PERSONS) else {},
        "given": {},
        "wrong": {},
        **_fields(request, ""),
    }


def _answering(request: Request) -> set[str]:
    return {territory.unit for territory in brand.territories(home_of(request), who_of(request))}


def _fields(request: Request, dimension: str) -> dict[str, Any]:
    """Return what can be said of one dimension: its nodes, or a range."""
    if not dimension:
        return {"fields_of": None, "nodes": [], "unit": None}
    home = home_of(request)
    found = profiles.dimension(home, dimension, who_of(request))
    nodes = drafting.nodes(home, who_of(request), found)
    return {"fields_of": found, "nodes": nodes, "unit": profiles.unit_of(home, found)}


def _adder(request: Request, given: Mapping[str, str], wrong: Mapping[str, Text]) -> dict[str, Any]:
    """Return the form that adds a condition, with what was typed and what is wrong with it."""
    return {
        **_choices(request),
        **_fields(request, given.get("dimension", "")),
        "given": given,
        "wrong": wrong,
        "adder": True,
        "questions": FIRST_QUESTIONS,
    }


@router.get("/segments")
def listing(request: Request) -> Response:
    """List the saved segments with their counts."""
    home, who = home_of(request), who_of(request)
    if not who.may(Permission.SEE_PERSONS):
        return go("/segments/released")
    found = segments.segments(home, who)
    counts = {s.key: segments.count(home, who, s.asks, steps=False) for s in found[:PAGE]}
    said = {one.key: one for one in audiences.approvals(home, who)}
    return page(request, "segments.html", here="segments", segments=found, counts=counts, approvals=said)


def _builder(
    request: Request, segment: Segment | None, text: str, status: int = 200, **values: Any
) -> Response:
    about = released.approval(request, segment.key) if segment else {"approval": None, "own": False}
    shown = {
        **about,
        "saved": "",
        "save_problem": "",
        "naming": {"name": "", "key": ""},
        "pattern": KEY,
        **values,
    }
    parts = {
        **_counted(request, text),
        **_choices(request),
        "questions": FIRST_QUESTIONS,
        "oob": False,
        "retype": False,
    }
    return page(request, "segment.html", status=status, here="segments", segment=segment, **parts, **shown)


@router.get("/segments/new")
def new(request: Request, dimension: str = "", node: str = "") -> Response:
    """Show a builder, empty or with a node of the tag tree as its first condition."""
    who = who_of(request)
    who.need(Permission.MANAGE_SEGMENTS)
    if not dimension:
        return _builder(request, None, "")
    found = profiles.dimension(home_of(request), dimension, who)
    return _builder(request, None, segments.rule_text(Has(found.key, node or None)))


@router.post("/segments/count")
def count(request: Request, rule: Field = "") -> Response:
    """Count while somebody types: conditions and figures, not the text itself."""
    return page(request, "segment_conditions.html", **_counted(request, rule), oob=True, retype=False)


@router.post("/segments/draft")
async def draft(request: Request) -> Response:
    """Change one condition and count again."""
    form = await request.form()
    fields = {key: value for key, value in form.items() if isinstance(value, str)}
    return await to_thread.run_sync(_drafted, request, fields)


def _drafted(request: Request, fields: Mapping[str, str]) -> Response:
    text, operation = fields.get("rule", ""), fields.get("op", "add")
    more: dict[str, Any] = {}
    try:
        rule: Rule | None = segments.read_rule(text, home_of(request)) if text.strip() else None
        if operation.startswith("drop:") and rule is not None:
            rule = drafting.without(rule, int(operation.removeprefix("drop:")))
        elif operation.startswith("ask:"):
            rule = FIRST_QUESTIONS[int(operation.removeprefix("ask:"))][1]
        else:
            rule = drafting.joined(
                rule, drafting.leaf_of(fields, home_of(request)), fields.get("join", "and")
            )
            kept = {key: fields[key] for key in ("what", "join") if key in fields}
            more = _adder(request, kept, {})
        text = "" if rule is None else segments.rule_text(rule)
    except drafting.WrongFields as error:
        more = _adder(request, fields, error.wrong)
        return page(
            request, "segment_conditions.html", **_counted(request, text), oob=True, retype=False, **more
        )
    except ZeroDistanceError as error:
        parts = {**_counted(request, ""), "problem": error.message(lang_of(request)), "text": text}
        return page(request, "segment_conditions.html", **parts, oob=True, retype=False)
    return page(request, "segment_conditions.html", **_counted(request, text), oob=True, retype=True, **more)


@router.get("/segments/fields")
def fields(request: Request, dimension: str = "") -> Response:
    """Show what can be said of one dimension: its nodes, or a range."""
    return page(request, "segment_fields.html", given={}, wrong={}, **_fields(request, dimension))


@router.post("/segments")
def create(request: Request, name: Field, rule: Field, key: Field = "") -> Response:
    """Save a new segment."""
    home, who = home_of(request), who_of(request)
    try:
        if not rule.strip():
            raise NoRule()
        called = Text(name.strip(), name.strip())
        made = segments.create(home, who, key.strip() or None, called, segments.read_rule(rule, home))
    except ZeroDistanceError as error:
        who.need(Permission.MANAGE_SEGMENTS)
        naming = {"name": name, "key": key}
        return _builder(
            request, None, rule, error.status, save_problem=error.message(lang_of(request)), naming=naming
        )
    return go(f"/segments/{made.key}?saved=1")


class NoRule(Invalid):
    """A segment was to be saved without a rule."""

    code = "no_rule"
    text = Text("还没有条件：先加一个，再保存", "there is no condition yet: add one, then save")


@router.get("/segments/{key}")
def detail(request: Request, key: str, saved: str = "") -> Response:
    """Show one segment in the builder; to an account that may not see persons as the audience of a question."""
    segment = segments.segment(home_of(request), who_of(request), key)
    if not who_of(request).may(Permission.SEE_PERSONS):
        return go(f"/segments/released?audience={segment.key}")
    return _builder(request, segment, segments.rule_text(segment.rule), saved=saved)


@router.post("/segments/{key}")
def save(request: Request, key: str, rule: Field) -> Response:
    """Save a new version."""
    home, who = home_of(request), who_of(request)
    try:
        segments.save(home, who, key, segments.read_rule(rule, home))
    except ZeroDistanceError as error:
        segment = segments.segment(home, who, key)
        return _builder(request, segment, rule, error.status, save_problem=error.message(lang_of(request)))
    return go(f"/segments/{key}?saved=1")


@router.post("/segments/{key}/delete")
def delete(request: Request, key: str) -> Response:
    """Take a segment off the list."""
    segments.delete(home_of(request), who_of(request), key)
    return go("/segments")


@router.get("/segments/{key}/sql")
def sql(request: Request, key: str) -> Response:
    """Show the rule of a segment as SQL."""
    home, who = home_of(request), who_of(request)
    segment = segments.segment(home, who, key)
    text = segments.as_sql(home, who, segment.asks)
    return page(request, "segment_sql.html", segment=segment, sql=text)


@router.get("/segments/{key}/members")
def members(request: Request, key: str, after: Number | None = None, visitors: bool = False) -> Response:
    """Show a page of members by their public ids."""
    home, who = home_of(request), who_of(request)
    segment = segments.segment(home, who, key)
    found = segments.members(home, who, segment.asks, limit=PAGE, after=after, visitors=visitors)
    values: dict[str, Any] = {
        "segment": segment,
        "members": found,
        "visitors": visitors,
        "first": after is None,
    }
    return page(request, "segment_members.html", here="segments", **values)


@router.get("/segments/{key}/members.csv")
def members_file(request: Request, key: str, visitors: bool = False) -> Response:
    """Give the public id of every person, or of every visitor, who fits as a CSV file."""
    home, who = home_of(request), who_of(request)
    segment, out = segments.segment(home, who, key), io.StringIO()
    segments.export(home, who, segment.asks, out, visitors=visitors)
    name = f"{segment.key}-v{segment.version}{'-visitors' if visitors else ''}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.csv"',
        "Cache-Control": "no-store",
    }
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


router.include_router(segment_more.router)
register("segments", router, MENU)

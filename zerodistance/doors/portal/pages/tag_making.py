"""*New tag*, and a tag that is changed: the way, its fields with the real choices, who would be at each node, and saving."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Dimension, Layer, NoSuchDimension
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.contracts import In
from zerodistance.core.segments.tags import api as tags
from zerodistance.core.segments.tags import forms
from zerodistance.core.segments.tags.contracts import MOST_NODES, NoSuchTag, Said, UserTag
from zerodistance.core.touchpoints.contracts import TOUCHES
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.doors.portal import tag_form, tag_words
from zerodistance.doors.portal.drafting import WrongFields
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.doors.portal.tag_form import KEPT, NodeFields, TagFields
from zerodistance.doors.portal.working import Work, works_of
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

router = APIRouter()
_PREVIEW = "tag_preview"


def may_make(who: Who) -> bool:
    """Say whether an account may make and change tags."""
    return who.may(Permission.MANAGE_SEGMENTS) and who.may(Permission.SEE_PERSONS)


def need_make(who: Who) -> None:
    """Raise Forbidden for an account that may not make and change tags."""
    who.need(Permission.MANAGE_SEGMENTS)
    who.need(Permission.SEE_PERSONS)


@router.get("/tags/new")
def new(request: Request, of: str = "", segment: str = "") -> Response:
    """Show the form, empty, or begun with bands of a number, or with a segment as the rule of its first node."""
    need_make(who_of(request))
    fields = TagFields()
    if of:
        fields = replace(fields, way="bands", of=of)
    elif segment:
        found = segments.segment(home_of(request), who_of(request), segment)
        node = NodeFields("in", found.name.zh, found.name.en, segments.rule_text(In(found.key)))
        fields = replace(fields, zh=found.name.zh, en=found.name.en, nodes=(node,))
    return _form(request, fields, None)


@router.get("/tags/{key}/change")
def change(request: Request, key: str) -> Response:
    """Show the form with a tag as it is."""
    need_make(who_of(request))
    found = tags.tag(home_of(request), who_of(request), key)
    return _form(request, tag_form.shown(found.said, _unit(home_of(request), found.said)), found)


def _unit(home: Home, said: Said) -> str:
    """Return the key of the unit that a tag belongs to; empty: everybody's."""
    every = brand.units(home, Who.system("tags"))
    return next((one.key for one in every if one.number == said.unit), "")


def _form(
    request: Request,
    fields: TagFields,
    changed: UserTag | None,
    status: int = 200,
    *,
    whole: bool = True,
    **values: Any,
) -> Response:
    home, who = home_of(request), who_of(request)
    shown = {"wrong": {}, "problem": "", "work": None, "tried": None, "trouble": "", "before": {}, **values}
    choices = {
        "layers": list(Layer),
        "units": [one for one in brand.units(home, who) if who.sees_unit(one.number)],
        "numeric": _numeric(home, who),
        "kinds": _kinds(),
        "takes": tag_words.TAKES,
        "words": tag_words.WORDS,
        "columns": [*tag_form.COLUMNS, *(["kind"] if "kind" in fields.where else [])],
        "categories": brand.categories(home, who),
        "touch_columns": TOUCHES.names,
        "most_nodes": MOST_NODES,
        "space": tag_form.SPACE,
        "kept": tag_words.way(changed.said.how) if changed and fields.way == KEPT else None,
    }
    about = _bands(home, who, fields.of) if fields.way == "bands" else None
    template = "tag_making.html" if whole else "tag_form.html"
    return page(
        request,
        template,
        status=status,
        here="profiles",
        given=fields,
        changed=changed,
        bands=about,
        **choices,
        **shown,
    )


def _numeric(home: Home, who: Who) -> list[tuple[Text, list[Dimension]]]:
    every = [one for one in profiles.dimensions(home, who) if one.numeric]
    grouped = [(layer.label, [one for one in every if one.layer is layer]) for layer in Layer]
    return [(label, some) for label, some in grouped if some]


def _kinds() -> list[tuple[str, list[tuple[str, Text]]]]:
    """Return the kinds of touch by family, each with the key of all of it; those that are alone together, at the end."""
    families: dict[str, list[tuple[str, Text]]] = {}
    for key, kind in KINDS.items():
        families.setdefault(key.partition(".")[0], []).append((key, kind.text))
    alone = [some[0] for some in families.values() if len(some) == 1]
    return [(f"{family}.*", some) for family, some in families.items() if len(some) > 1] + [("", alone)]


def _bands(home: Home, who: Who, key: str) -> dict[str, Any] | None:
    """Return what helps to cut a number: its unit, the bands that it has, and what its quarters do not exceed."""
    try:
        of = profiles.dimension(home, key, who) if key else None
    except NoSuchDimension:
        return None
    if of is None or not of.numeric:
        return None
    here = profiles.current(home)
    persons, _ = profiles.measure(here, of, here.universe)
    return {"of": of, "unit": profiles.unit_of(home, of), "numbers": persons}


@router.get("/tags/bands")
def bands(request: Request, of: str = "") -> Response:
    """Show what helps to cut a number into bands."""
    need_make(who_of(request))
    return page(request, "tag_bands.html", bands=_bands(home_of(request), who_of(request), of))


@router.post("/tags/rule")
async def rule(request: Request) -> Response:
    """Count who fits the rule of one node while somebody types, or say what is wrong with it."""
    form = await request.form()
    given, text = str(form.get("n", "")), str(form.get(f"rule-{form.get('n', '')}", ""))
    return await to_thread.run_sync(_rule, request, given, text)


def _rule(request: Request, n: str, text: str) -> Response:
    home, who = home_of(request), who_of(request)
    need_make(who)
    shown: dict[str, Any] = {"count": None, "said": None, "problem": ""}
    try:
        if text.strip():
            found = segments.read_rule(text, home)
            shown |= {
                "count": segments.count(home, who, found, steps=False),
                "said": segments.describe(home, who, found),
            }
    except ZeroDistanceError as error:
        shown["problem"] = error.message(lang_of(request))
    return page(request, "tag_rule.html", n=n, **shown)


@router.post("/tags/nodes")
async def nodes(request: Request) -> Response:
    """Add a node, take one away, or put one before the one above it."""
    form = await request.form()
    need_make(who_of(request))
    some, operation = list(tag_form.typed(form).nodes), str(form.get("op", "add"))
    what, _, at = operation.partition(":")
    n = int(at) if at.isdecimal() and len(at) < 3 else len(some)
    if what == "add" and len(some) < MOST_NODES:
        some.append(NodeFields())
    elif what == "drop" and n < len(some) > 1:
        del some[n]
    elif what == "up" and 0 < n < len(some):
        some[n - 1], some[n] = some[n], some[n - 1]
    fields = TagFields(nodes=tuple(some))
    return page(request, "tag_nodes.html", given=fields, wrong={}, most_nodes=MOST_NODES, added=what == "add")


# -- trying and saving


@router.post("/tags/preview")
async def preview(request: Request) -> Response:
    """Count who would be at each node; nothing is written."""
    form = await request.form()
    said = str(form.get("changes", ""))
    return await to_thread.run_sync(_previewed, request, tag_form.typed(form), said)


def _previewed(request: Request, fields: TagFields, key: str) -> Response:
    home, who = home_of(request), who_of(request)
    need_make(who)
    changed = tags.tag(home, who, key) if key else None
    whole = request.headers.get("HX-Request") != "true"
    try:
        said = tag_form.read(home, fields, changed.said if changed else None, _taken(home))
    except ZeroDistanceError as error:
        return _form(request, fields, changed, whole=whole, **_wrong(request, fields, error))
    work = works_of(request).begin(
        _kind(who, said), {"before": _before(home, who, changed)}, lambda told: tags.try_out(home, who, said)
    )
    work.wait()
    if work.error is not None:
        return _form(request, fields, changed, whole=whole, **_wrong(request, fields, work.error))
    return _form(request, fields, changed, whole=whole, **_tried(request, work))


def _kind(who: Who, said: Said) -> str:
    """Return the kind of a preview: of one account, and of what it says, so that asking again while it is counted waits for the same."""
    told = hashlib.sha256(forms.written(said).encode()).hexdigest()[:16]
    return f"{_PREVIEW} {who.account} {who.name} {told}"


def _before(home: Home, who: Who, changed: UserTag | None) -> Mapping[str, int]:
    """Return how many persons are at each node of a tag now; of one that is new, or not made yet, nothing."""
    try:
        return (
            {}
            if changed is None
            else {n.node: n.persons for n in profiles.counted(home, who, changed.said.key).nodes}
        )
    except NoSuchDimension:
        return {}


def _tried(request: Request, work: Work) -> dict[str, Any]:
    problem = "" if work.error is None else work.error.message(lang_of(request))
    everybody = profiles.state(home_of(request)).persons
    return {
        "work": work,
        "tried": work.result,
        "trouble": problem,
        "before": work.of["before"],
        "everybody": everybody,
    }


@router.get("/tags/preview/{key}")
def counting(request: Request, key: str) -> Response:
    """Show a preview that takes longer, or what came of it; to whoever asked for it."""
    who = who_of(request)
    need_make(who)
    work = works_of(request).get(key)
    if work is None or not work.kind.startswith(f"{_PREVIEW} {who.account} {who.name} "):
        return page(request, "tag_tried.html", work=None, tried=None, trouble="", before={}, gone=True)
    return page(request, "tag_tried.html", **_tried(request, work))


def _wrong(request: Request, fields: TagFields, error: ZeroDistanceError) -> dict[str, Any]:
    """Return what is wrong, at the field it is about; else as the problem of all."""
    if isinstance(error, WrongFields):
        return {"wrong": error.wrong}
    at = tag_form.place(error, fields)
    return {"wrong": {at: tag_form.both(error)}} if at else {"problem": error.message(lang_of(request))}


def _taken(home: Home) -> set[str]:
    own = set(profiles.own_dimensions(home, now=True).by_key)
    return own | {one.said.key for one in tags.tags(home, Who.system("tags"))}


@router.post("/tags")
async def create(request: Request) -> Response:
    """Save a new tag."""
    form = await request.form()
    return await to_thread.run_sync(_saved, request, tag_form.typed(form), "", "")


@router.post("/tags/{key}")
async def save(request: Request, key: str) -> Response:
    """Save a new version of a tag, unless somebody has saved one since the form was opened."""
    form = await request.form()
    return await to_thread.run_sync(_saved, request, tag_form.typed(form), key, str(form.get("version", "")))


def _saved(request: Request, fields: TagFields, key: str, version: str) -> Response:
    home, who = home_of(request), who_of(request)
    need_make(who)
    changed = tags.tag(home, who, key) if key else None
    if changed is not None and version != str(changed.version):
        told = Text(
            "{who} 在您打开之后存了第 {v} 版；看过它再存，就是在它之上的新一版",
            "{who} saved version {v} after you opened this; look at it, and what you save now comes after it",
        ).format(who=changed.changed_by, v=changed.version)
        return _form(request, fields, changed, 409, problem=told.get(lang_of(request)))
    try:
        said = tag_form.read(home, fields, changed.said if changed else None, _taken(home))
        made = tags.save(home, who, said, now=False)
    except ZeroDistanceError as error:
        if isinstance(error, NoSuchTag):
            raise
        return _form(request, fields, changed, error.status, **_wrong(request, fields, error))
    return go(f"/tags/{made.said.key}?done=saved")

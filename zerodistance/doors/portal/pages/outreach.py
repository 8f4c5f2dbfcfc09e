"""*Outreach*: message templates, listed, written with a preview, in versions. Its other pages are `outreach_*`."""

from __future__ import annotations

from dataclasses import dataclass

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.brand import api as brand
from zerodistance.core.outreach import api as outreach
from zerodistance.core.outreach import judging, lengths, templates
from zerodistance.core.outreach.contracts import CHANNELS, PURPOSES, ChannelName
from zerodistance.core.outreach.judging import Problem
from zerodistance.core.outreach.templates import GIVEN, OF_VAULT, TAG, Rendered, Template
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Dimension, Layer
from zerodistance.doors.portal import template_form
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import formats_of, go, home_of, lang_of, page, table_file, who_of
from zerodistance.doors.portal.template_form import TemplateFields, VariableFields
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import LANGS, Text
from zerodistance.kernel.web import Number

router = APIRouter()
MENU = Menu("outreach", "/outreach", "send", Text("触达", "Outreach"), 40, need=Permission.SEND)


@dataclass(frozen=True)
class Look:
    """A message in one language as a made person reads it; `parts` None: it is no text message."""

    lang: str
    shown: Rendered
    parts: lengths.Parts | None
    longest: lengths.Parts | None


@router.get("/outreach")
def listing(request: Request) -> Response:
    """List the templates of the account's units."""
    found = outreach.templates(home_of(request), who_of(request))
    sender = outreach.limits_shown(home_of(request), who_of(request)).policy
    return page(
        request,
        "outreach.html",
        here="outreach",
        templates=found,
        channels=CHANNELS,
        purposes=PURPOSES,
        units=_units(home_of(request)),
        unnamed=not (sender.sender_zh and sender.sender_en),
    )


def _units(home: Home) -> dict[int, Text]:
    return {one.number: one.name for one in brand.units(home, Who.system("outreach"))}


@router.get("/outreach/templates.csv")
def listing_file(request: Request) -> Response:
    """Give the list as a CSV file."""
    lang, units = lang_of(request), _units(home_of(request))
    head = (
        "key",
        "name",
        "channel",
        "purpose",
        "languages",
        "unit",
        "version",
        "changed_by",
        "changed_at",
        "withdrawn",
    )
    rows = [
        (
            *(one.key, one.name.get(lang), one.channel, one.purpose, " ".join(one.bodies)),
            *(units[one.unit].get(lang) if one.unit in units else "", one.version, one.made_by),
            *(f"{formats_of(request).local(one.made_at):%Y-%m-%d %H:%M}", "yes" if one.off else "no"),
        )
        for one in outreach.templates(home_of(request), who_of(request))
    ]
    return table_file("templates", head, rows)


@router.get("/outreach/templates/new")
def new(request: Request, channel: str = "email", like: str = "") -> Response:
    """Show an empty form, or one filled with another template."""
    outreach.may_look(who_of(request))
    fields = TemplateFields(channel=channel if channel in [*CHANNELS] else "email")
    if like:
        fields = template_form.shown(outreach.template(home_of(request), who_of(request), like), "")
        fields = TemplateFields(
            **{name: getattr(fields, name) for name in TemplateFields.__slots__ if name != "key"}
        )
    return _form(request, fields, None)


@router.post("/outreach/templates")
async def create(request: Request) -> Response:
    """Save a new template."""
    form = await request.form()
    return await to_thread.run_sync(_save, request, template_form.typed(form), "")


@router.post("/outreach/templates/look")
async def look(request: Request) -> Response:
    """Show what is being written as a made person would read it, and what is wrong with it; nothing is saved."""
    form = await request.form()
    return await to_thread.run_sync(_looked, request, template_form.typed(form))


def _looked(request: Request, fields: TemplateFields) -> Response:
    outreach.may_look(who_of(request))
    looks, problems, trouble = _look(request, fields)
    return page(
        request, "outreach_look.html", looks=looks, problems=problems, trouble=trouble, channel=fields.channel
    )


def _look(request: Request, fields: TemplateFields) -> tuple[list[Look], list[Problem], str]:
    if not (fields.text_zh.strip() or fields.text_en.strip()):
        return [], [], ""
    try:
        one = templates.of_dict(fields.key or "draft", template_form.said(fields))
    except Invalid as error:
        if not (fields.name_zh or fields.name_en):  # it may be named last
            named = TemplateFields(
                **{**{n: getattr(fields, n) for n in TemplateFields.__slots__}, "name_zh": "–"}
            )
            return _look(request, named)
        return [], [], error.message(lang_of(request))
    problems = outreach.problems_of(home_of(request), one)
    return _looks(request, one, problems), problems, ""


def _looks(request: Request, one: Template, problems: list[Problem]) -> list[Look]:
    home, who = home_of(request), who_of(request)
    broken = {p.lang for p in problems if p.code == "unknown_variable"}
    found = []
    for lang in one.bodies:
        if lang in broken or "" in broken:
            continue
        shown = outreach.preview(home, who, one, lang)
        sms = one.channel == ChannelName.SMS
        most = judging.longest(one, lang, outreach.sender_of(home)) if sms else None
        found.append(
            Look(
                lang,
                shown,
                lengths.parts(shown.text) if sms else None,
                lengths.parts(most.text) if most else None,
            )
        )
    return found


@router.get("/outreach/templates/{key}")
def detail(request: Request, key: str, version: Number | None = None, done: str = "") -> Response:
    """Show a template: what a person reads, what is to be minded, its variables and versions."""
    home, who = home_of(request), who_of(request)
    one = outreach.template(home, who, key, version)
    problems = outreach.problems_of(home, one)
    versions = outreach.template_versions(home, who, key)
    return page(
        request,
        "outreach_template.html",
        here="outreach",
        one=one,
        newest=versions[0],
        versions=versions,
        looks=_looks(request, one, problems),
        problems=problems,
        channels=CHANNELS,
        purposes=PURPOSES,
        units=_units(home),
        of_vault=OF_VAULT,
        labels={d.key: d.label for d in profiles.dimensions(home)},
        may=_may_change(who, one),
        done=done,
    )


def _may_change(who: Who, one: Template) -> bool:
    return who.may(Permission.MANAGE_OUTREACH) or (
        who.may(Permission.SEND) and not (one.unit is None and who.units)
    )


@router.get("/outreach/templates/{key}/change")
def change(request: Request, key: str, version: Number | None = None) -> Response:
    """Show the form with a template as it is, or as an older version had it."""
    home, who = home_of(request), who_of(request)
    one = outreach.template(home, who, key, version)
    return _form(request, template_form.shown(one, ""), outreach.template(home, who, key))


@router.post("/outreach/templates/{key}")
async def save(request: Request, key: str) -> Response:
    """Save a new version of a template."""
    form = await request.form()
    return await to_thread.run_sync(_save, request, template_form.typed(form), key)


def _save(request: Request, fields: TemplateFields, key: str) -> Response:
    home, who = home_of(request), who_of(request)
    changed = outreach.template(home, who, key) if key else None
    try:
        if not key and any(one.key == fields.key for one in outreach.templates(home, who)):
            why = Text("这个键已经有了", "there is one with this key")
            raise Invalid(field=Text("键", "the key"), given=fields.key, why=why)
        said = template_form.said(fields)
        if not said["bodies"]:
            why = Text("至少写一种语言", "write it in one language at least")
            raise Invalid(field=Text("正文", "the text"), given="", why=why)
        outreach.save_template(home, who, key or fields.key, said, unit=fields.unit or None)
    except ZeroDistanceError as error:
        return _form(request, fields, changed, error.status, problem=error.message(lang_of(request)))
    return go(f"/outreach/templates/{key or fields.key}?done=saved")


@router.post("/outreach/templates/{key}/withdraw")
def withdraw(request: Request, key: str) -> Response:
    """Let nothing more be sent with a template."""
    outreach.withdraw_template(home_of(request), who_of(request), key)
    return go(f"/outreach/templates/{key}?done=withdrawn")


def _form(
    request: Request,
    fields: TemplateFields,
    changed: Template | None,
    status: int = 200,
    *,
    problem: str = "",
) -> Response:
    home, who = home_of(request), who_of(request)
    looks, problems, trouble = _look(request, fields)
    spare = tuple(VariableFields() for _ in range(template_form.SPARE))
    return page(
        request,
        "outreach_write.html",
        status=status,
        here="outreach",
        given=fields,
        rows=(*fields.variables, *spare),
        changed=changed,
        channels=CHANNELS,
        purposes=PURPOSES,
        units=[one for one in brand.units(home, who) if who.sees_unit(one.number)],
        limits={name.value: limit for name, limit in lengths.LIMITS.items()},
        of_vault=OF_VAULT,
        given_of=GIVEN,
        tag=TAG,
        dimensions=_dimensions(home, who),
        langs=LANGS,
        channel=fields.channel,
        looks=looks,
        problems=problems,
        trouble=trouble,
        problem=problem,
    )


def _dimensions(home: Home, who: Who) -> list[tuple[Text, list[Dimension]]]:
    """Return the dimensions that a message may name, layer by layer."""
    every = [one for one in profiles.dimensions(home, who) if not one.sensitive]
    grouped = [(layer.label, [one for one in every if one.layer is layer]) for layer in Layer]
    return [(label, some) for label, some in grouped if some]


register("outreach", router, MENU)

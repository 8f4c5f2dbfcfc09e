"""*Tags of your own*: what users made, who is at each, how it is made, its versions; made anew, ended, withdrawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import NoSuchDimension
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.tags import api as tags
from zerodistance.core.segments.tags import forms
from zerodistance.core.segments.tags.contracts import ByBands, ByRule, ByTouches, NoSuchTag, TagInUse, UserTag
from zerodistance.doors.portal import tag_words
from zerodistance.doors.portal.pages import profiles as tree
from zerodistance.doors.portal.pages import tag_lists, tag_making
from zerodistance.doors.portal.pages.tag_making import may_make, need_make
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import formats_of, go, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
router.include_router(tag_lists.router)
router.include_router(tag_making.router)  # before this room's own: a key could be anything
Field = Annotated[str, Form()]


@dataclass(frozen=True)
class Line:
    """A tag in the list; `persons` None: it is in no index yet, or this account may not see persons."""

    tag: UserTag
    way: Text
    standing: tag_words.Standing
    persons: int | None


def _lines(request: Request) -> list[Line]:
    """Return the tags that this account sees; without the permission to see persons none that tells something sensitive."""
    home, who = home_of(request), who_of(request)
    seen = {one.key for one in profiles.dimensions(home, who)}
    may = who.may(Permission.SEE_PERSONS)
    persons = {line.dimension.key: line.persons for line in profiles.outlines(home, who)} if may else {}
    return [
        Line(one, tag_words.way(one.said.how), tag_words.standing(home, one), persons.get(one.said.key))
        for one in tags.tags(home, who)
        if may or one.said.key in seen
    ]


@router.get("/tags")
def listing(request: Request) -> Response:
    """List the tags that users made, last changed first."""
    return page(request, "tags.html", here="profiles", lines=_lines(request), may=may_make(who_of(request)))


@router.get("/tags.csv")
def listing_file(request: Request) -> Response:
    """Give the list as a CSV file."""
    lang, lines = lang_of(request), _lines(request)
    head = (
        "key",
        "name",
        "layer",
        "way",
        "version",
        "persons",
        "changed_by",
        "changed_at",
        "made_at",
        "ends_on",
        "problem",
    )
    rows = [
        (
            *(
                line.tag.said.key,
                line.tag.said.label.get(lang),
                line.tag.said.layer.value,
                line.way.get(lang),
            ),
            *(line.tag.version, line.persons, line.tag.changed_by, _moment(request, line.tag.changed_at)),
            *(_moment(request, line.standing.made_at), line.tag.said.expires_on),
            line.tag.failed.get(lang) if line.tag.failed else "",
        )
        for line in lines
    ]
    return table_file("tags", head, rows)


def _moment(request: Request, at: int | None) -> str:
    return "" if at is None else f"{formats_of(request).local(at):%Y-%m-%d %H:%M}"


@router.get("/tags/{key}")
def detail(request: Request, key: str, done: str = "") -> Response:
    """Show one tag: who is at it, how it is made, its versions."""
    return _detail(request, key, done=done)


def _detail(request: Request, key: str, status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    who.need(Permission.SEE_PERSONS)
    one = tags.tag(home, who, key)
    shown = {"done": "", "problem": "", "in_use": [], "ends": "", **values}
    about = {
        "tag": one,
        "kind": forms.kind_of(one.said.how),
        "way": tag_words.way(one.said.how),
        "standing": tag_words.standing(home, one),
        "how": _how(request, one),
        "versions": _versions(request, key),
        "tree": _in_tree(request, one),
        "may": may_make(who),
        "files": tag_lists.files(home, who, one),
        "most": home.settings.max_import_bytes,
    }
    return page(request, "tag.html", status=status, here="profiles", **about, **shown)


def _how(request: Request, one: UserTag) -> dict[str, Any]:
    """Return what is to be shown of how a tag is made, beside its own words."""
    home, who, how = home_of(request), who_of(request), one.said.how
    if isinstance(how, ByRule):
        return {
            "nodes": [
                (node, segments.describe(home, who, node.rule), segments.rule_text(node.rule))
                for node in how.nodes
            ]
        }
    if isinstance(how, ByBands):
        try:
            of = profiles.dimension(home, how.dimension, who)
            return {"of": of, "unit": profiles.unit_of(home, of)}
        except NoSuchDimension:
            return {"of": None, "unit": Text("", "")}
    return {"words": tag_words.in_words(how)} if isinstance(how, ByTouches) else {}


def _versions(request: Request, key: str) -> list[tuple[Any, list[Text]]]:
    """Return the versions of a tag, the newest first, each with what it changed."""
    found = list(tags.versions(home_of(request), who_of(request), key))
    before = [*(one.said for one in found[1:]), None]
    return [(one, list(tag_words.changed(old, one.said))) for one, old in zip(found, before, strict=True)]


def _in_tree(request: Request, one: UserTag) -> dict[str, Any] | None:
    """Return what the tree shows of a tag, nodes of its own that nobody is at too; None as long as its values have never been made."""
    how = one.said.how
    try:
        found = tree.about(request, one.said.key, empty=isinstance(how, ByRule | ByBands))
    except NoSuchDimension:
        return None
    if isinstance(how, ByRule) and found["inside"]:
        place = {node.key: n for n, node in enumerate(how.nodes)}
        found["inside"][""].sort(key=lambda node: place.get(node.node, len(place)))
    return found


@router.post("/tags/{key}/run")
def run(request: Request, key: str) -> Response:
    """Have the worker make the values of a tag anew; bands by quantiles are cut at once."""
    need_make(who_of(request))
    home, who = home_of(request), who_of(request)
    before = tags.tag(home, who, key)
    after = tags.run(home, who, key, now=False)
    if isinstance(before.said.how, ByBands):
        return go(f"/tags/{key}?done={'same' if after.version == before.version else 'saved'}")
    return go(f"/tags/{key}?done=asked")


@router.post("/tags/{key}/ends")
def ends(request: Request, key: str, expires_on: Field = "") -> Response:
    """Set until when a tag holds, or that it stays: a new version."""
    home, who = home_of(request), who_of(request)
    need_make(who)
    said, given = tags.tag(home, who, key).said, expires_on.strip()
    try:
        day = _day(given)
        tags.save(home, who, replace(said, expires_on=day), now=False)
    except ZeroDistanceError as error:
        return _detail(request, key, error.status, problem=error.message(lang_of(request)), ends=given)
    return go(f"/tags/{key}?done=ends")


def _day(given: str) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        why = Text("写成 2027-01-31", "written like 2027-01-31")
        raise Invalid(field=Text("到期日", "last day"), given=given, why=why) from None


@router.post("/tags/{key}/versions/{number}")
def again(request: Request, key: str, number: Number) -> Response:
    """Take up an older version again: it is saved as a new one."""
    home, who = home_of(request), who_of(request)
    need_make(who)
    said = next((one.said for one in tags.versions(home, who, key) if one.number == number), None)
    if said is None:
        raise NoSuchTag(given=f"{key} v{number}", near=key)
    try:
        tags.save(home, who, said, now=False)
    except ZeroDistanceError as error:
        return _refused(request, key, error)
    return go(f"/tags/{key}?done=saved")


def _refused(request: Request, key: str, error: ZeroDistanceError) -> Response:
    """Show a tag with why something could not be done; what stands on it leads to its page."""
    by = [one for one in error.data["by"].split(", ") if one != "–"] if isinstance(error, TagInUse) else []
    links = [(one, f"/tags/{one}" if one.startswith("own.") else f"/segments/{one}") for one in by]
    return _detail(request, key, error.status, problem=error.message(lang_of(request)), in_use=links)


@router.post("/tags/{key}/withdraw")
def withdraw(request: Request, key: str) -> Response:
    """Withdraw a tag with its values."""
    home, who = home_of(request), who_of(request)
    need_make(who)
    try:
        tags.withdraw(home, who, key)
    except TagInUse as error:
        return _refused(request, key, error)
    return go("/tags")


register("tags", router)

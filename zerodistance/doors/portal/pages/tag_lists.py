"""Files of a list: uploaded on the page of its tag, told what their columns are, then tried and imported like any file."""

from __future__ import annotations

import re
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.segments.tags import api as tags
from zerodistance.core.segments.tags import lists
from zerodistance.core.segments.tags.contracts import LISTED, ByList, Columns, NoList, UserTag
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints import suggest
from zerodistance.core.touchpoints.drafts import Draft
from zerodistance.core.touchpoints.import_jobs import Job
from zerodistance.core.touchpoints.mapping import SourceSpec
from zerodistance.doors.portal.pages import imports
from zerodistance.doors.portal.pages.tag_making import need_make
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
SPACES = {
    "phone": Text("手机", "Phone"),
    "email": Text("邮箱", "E-mail"),
    "member_id": Text("会员号", "Member id"),
    "user_id": Text("账号", "User id"),
    "openid": Text("OpenID", "OpenID"),
}
_SAYS = re.compile(
    r"等级|级别|分组|分类|标签|名单|状态|tier|level|grade|tag|group|segment|class|label|list|status", re.I
)
_GONE = ("undone", "undoing")


def files(home: Home, who: Who, one: UserTag) -> list[Job] | None:
    """Return the imports of a list, the newest first; None where the tag is made otherwise, or this account may not import."""
    if not isinstance(one.said.how, ByList) or not who.may(Permission.IMPORT):
        return None
    return touchpoints.list_imports(home, who, source=lists.source_of(one.said.key))


def _list(request: Request, key: str) -> tuple[UserTag, ByList]:
    """Return a tag by a list for an account that may bring in its files."""
    who = who_of(request)
    need_make(who)
    who.need(Permission.IMPORT)
    one = tags.tag(home_of(request), who, key)
    if not isinstance(one.said.how, ByList):
        raise NoList(key=key)
    return one, one.said.how


@router.post("/tags/{key}/files")
async def upload(request: Request, key: str) -> Response:
    """Take a file in, as an import does, and ask what its columns are."""
    await to_thread.run_sync(_list, request, key)
    draft = await imports.received(request)
    if draft is None:
        return Response(status_code=400)
    return Response(status_code=201, headers={"Location": f"/tags/{key}/files/{draft.number}"})


@router.get("/tags/{key}/files/{number}")
def columns(request: Request, key: str, number: Number) -> Response:
    """Ask what the columns of a file are; what can be guessed is filled in."""
    one, how = _list(request, key)
    draft = touchpoints.get_draft(home_of(request), who_of(request), number)
    return _columns(request, one, how, draft, _guessed(home_of(request), how, draft))


def _guessed(home: Home, how: ByList, draft: Draft) -> dict[str, str]:
    found = dict(suggest.suggest(draft.guess, SourceSpec(""), home.settings.zone).identifiers)
    words = {key for key, _ in how.words}
    rest = [one for one in draft.guess.columns if one.name not in found.values()]
    says = [
        one.name
        for one in rest
        if (words and one.samples and words.issuperset(one.samples)) or _SAYS.search(one.name)
    ]
    return {**found, "value": says[0] if says else "", "word": next(iter(dict(how.words)), "")}


def _columns(
    request: Request,
    one: UserTag,
    how: ByList,
    draft: Draft,
    given: dict[str, str],
    status: int = 200,
    problem: str = "",
) -> Response:
    home, who = home_of(request), who_of(request)
    before = files(home, who, one) or []
    shown: dict[str, Any] = {
        "tag": one,
        "draft": draft,
        "columns": [column.name for column in draft.guess.columns],
        "spaces": SPACES,
        "words": how.words,
        "given": {"word": "", **given},
        "same": next(
            (job for job in before if job.file_hash == draft.file_hash and job.state not in _GONE), None
        ),
        "problem": problem,
    }
    return page(request, "tag_file.html", status=status, here="profiles", **shown)


@router.post("/tags/{key}/files/{number}")
async def mapped(request: Request, key: str, number: Number) -> Response:
    """Keep what the columns are as the mapping of the upload, and lead to where it is tried and imported."""
    form = await request.form()
    said = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
    return await to_thread.run_sync(_mapped, request, key, number, said)


def _mapped(request: Request, key: str, number: int, said: dict[str, str]) -> Response:
    home, who = home_of(request), who_of(request)
    one, how = _list(request, key)
    draft = touchpoints.get_draft(home, who, number)
    identifiers = {space: said[space] for space in SPACES if said.get(space)}
    value = said.get("value") or None
    chosen = Columns(
        identifiers, value, None if value else said.get("word") or LISTED, said.get("at") or None
    )
    try:
        if not identifiers:
            raise NoIdentifier()
        touchpoints.set_draft(home, who, number, tags.list_mapping_of(home, who, key, draft.guess, chosen))
    except ZeroDistanceError as error:
        return _columns(request, one, how, draft, said, error.status, error.message(lang_of(request)))
    return go(f"/imports/drafts/{number}")


class NoIdentifier(ZeroDistanceError):
    """No column of a list was said to tell who somebody is."""

    code, status = "no_identifier", 400
    text = Text(
        "选出至少一列能认出人的：手机、邮箱、会员号…",
        "choose at least one column that tells who it is: phone, e-mail, member id...",
    )

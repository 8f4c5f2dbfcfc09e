"""*Imports*: upload a file, say what its columns mean, see what would become of it, take it in; follow, stop and undo imports."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote

from anyio import to_thread
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.api import KINDS, REASONS, Draft
from zerodistance.core.touchpoints.contracts import KINDS_OF_SOURCE
from zerodistance.core.touchpoints.mapping import TYPES, parse
from zerodistance.core.touchpoints.mapping_text import write
from zerodistance.core.touchpoints.roles import GROUPS, ROLES
from zerodistance.core.touchpoints.texts import ENCODINGS
from zerodistance.doors.portal import mapping_form
from zerodistance.doors.portal.pages.touchpoints import KIND_NAMES
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form()]
MENU = Menu("imports", "/imports", "down", Text("导入", "Imports"), 52, group=1, need=Permission.IMPORT)
TYPE_NAMES = {
    "text": Text("文字", "text"),
    "integer": Text("整数", "integer"),
    "number": Text("数", "number"),
    "boolean": Text("真假", "true or false"),
    "date": Text("日期", "date"),
    "time": Text("时间", "time"),
}
DELIMITERS = {
    ",": Text("逗号", "comma"),
    "\t": Text("制表符", "tab"),
    ";": Text("分号", "semicolon"),
    "|": Text("竖线", "bar"),
}
_CHUNK = 1 << 20
_DEEPEST_HEADER = 1_000  # own value: row of a sheet


class NotMultipart(ZeroDistanceError):
    """A file was sent inside a form."""

    code, status = "not_multipart", 415
    text = Text(
        "文件要直接作为请求的正文发送，不要放在表单里；名称写在 X-File-Name",
        "send the file as the body of the request, not inside a form; its name stands in X-File-Name",
    )


@router.get("/imports")
def listing(request: Request) -> Response:
    """List uploads and imports, and offer to upload a file."""
    return page(request, "imports.html", here="imports", **_all(request))


def _all(request: Request) -> dict[str, Any]:
    home, who = home_of(request), who_of(request)
    jobs = touchpoints.list_imports(home, who)
    names = {source.key: source.name for source in touchpoints.list_sources(home, who)}
    return {
        "jobs": jobs,
        "drafts": touchpoints.drafts(home, who),
        "names": names,
        "most": home.settings.max_import_bytes,
    }


@router.get("/imports/list")
def follow(request: Request) -> Response:
    """Show how far the imports are; asked again while one is open."""
    return page(request, "import_list.html", **_all(request))


@router.post("/imports/drafts")
async def upload(request: Request) -> Response:
    """Take a file in: the body of the request is sealed as it comes, and never lies plain on the disk."""
    draft = await received(request)
    if draft is None:
        return Response(status_code=400)
    return Response(status_code=201, headers={"Location": f"/imports/drafts/{draft.number}"})


async def received(request: Request) -> Draft | None:
    """Return the upload that the body of a request is, None where it broke off; raises NotMultipart, and as `Receiver`."""
    home, who = home_of(request), who_of(request)
    if request.headers.get("content-type", "").startswith(
        ("multipart/", "application/x-www-form-urlencoded")
    ):
        raise NotMultipart()
    name = unquote(request.headers.get("x-file-name", ""))
    aside = to_thread.run_sync
    receiver = await aside(touchpoints.Receiver, home, who, name)
    try:
        held = bytearray()
        async for chunk in request.stream():
            held += chunk
            if len(held) >= _CHUNK:
                await aside(receiver.write, bytes(held))
                held.clear()
        await aside(receiver.write, bytes(held))
        return await aside(receiver.finish)
    except ClientDisconnect:
        return None
    finally:
        await aside(receiver.drop)


def _shown(request: Request, draft: Draft, problem: ZeroDistanceError | None = None) -> dict[str, Any]:
    """Return what the mapping of an upload needs to be shown: its form, its text, and whether it fits."""
    home, who = home_of(request), who_of(request)
    columns = touchpoints.draft_columns(home, who, draft.number)
    sources = [s for s in touchpoints.list_sources(home, who) if s.off_at is None]
    form, wrong = None, problem
    try:
        form = mapping_form.shown(parse(draft.mapping, unfinished=True), columns, sources)
    except ZeroDistanceError as error:
        wrong = wrong or error
    if wrong is None:
        wrong = touchpoints.draft_problem(home, who, draft.number)
    looked = {column.name: column for column in draft.guess.columns}
    return {
        "draft": draft,
        "form": form,
        "looked": looked,
        "problem": wrong,
        "groups": GROUPS,
        "known_roles": ROLES,
        "types": {name: TYPE_NAMES[name] for name in TYPES},
        "sources": sources,
        "kinds": KINDS,
        "kind_names": KIND_NAMES,
        "kinds_of_source": KINDS_OF_SOURCE,
        "new": mapping_form.NEW,
        "spare": mapping_form.SPARE,
        "unshown": max(0, len(columns) - mapping_form.MOST_COLUMNS),
    }


@router.get("/imports/drafts/{number}")
def draft_page(request: Request, number: Number) -> Response:
    """Show an upload: its first rows, what its columns mean, what would become of it."""
    return _draft_page(request, number)


def _draft_page(request: Request, number: int, problem: ZeroDistanceError | None = None) -> Response:
    home, who = home_of(request), who_of(request)
    draft = touchpoints.get_draft(home, who, number)
    values = _shown(request, draft)
    rows = touchpoints.preview_draft(home, who, number)
    status = 200 if problem is None else problem.status
    said = "" if problem is None else problem.message(lang_of(request))
    values |= {"encodings": ENCODINGS, "delimiters": DELIMITERS}
    return page(
        request, "import_draft.html", status=status, here="imports", preview=rows, failed=said, **values
    )


@router.post("/imports/drafts/{number}/map")
async def edit(request: Request, number: Number) -> Response:
    """Change the mapping by its form."""
    form = await request.form(max_fields=20 * mapping_form.MOST_COLUMNS)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return await to_thread.run_sync(partial(_edited, request, number, fields))


def _edited(request: Request, number: int, fields: dict[str, str]) -> Response:
    home, who = home_of(request), who_of(request)
    draft, problem = touchpoints.get_draft(home, who, number), None
    try:
        mapping = parse(draft.mapping, unfinished=True)
        columns = touchpoints.draft_columns(home, who, number)
        text = write(mapping_form.filled(mapping, columns, fields))
        parse(text, unfinished=True)
        draft = touchpoints.set_draft(home, who, number, text)
    except ZeroDistanceError as error:
        problem = error
    return page(request, "import_mapping.html", changed="form", **_shown(request, draft, problem))


@router.post("/imports/drafts/{number}/text")
def retype(request: Request, number: Number, mapping: Field = "") -> Response:
    """Change the mapping as text."""
    text = mapping.replace("\r\n", "\n")
    draft = touchpoints.set_draft(home_of(request), who_of(request), number, text)
    return page(request, "import_mapping.html", changed="text", **_shown(request, draft))


@router.post("/imports/drafts/{number}/guess")
def guess(request: Request, number: Number) -> Response:
    """Replace the mapping by a guessed one."""
    touchpoints.guess_draft(home_of(request), who_of(request), number)
    return go(f"/imports/drafts/{number}")


@router.post("/imports/drafts/{number}/shape")
def shape(
    request: Request,
    number: Number,
    encoding: Field = "",
    delimiter: Field = "",
    path: Field = "",
    sheet: Annotated[int, Form()] = 0,
    header_row: Annotated[int, Form()] = 0,
) -> Response:
    """Look at an upload as if it were written otherwise."""
    home, who = home_of(request), who_of(request)
    guess = touchpoints.get_draft(home, who, number).guess
    said: dict[str, Any] = {}
    if encoding in ENCODINGS and guess.encoding is not None:
        said["encoding"] = encoding
    if delimiter in DELIMITERS and guess.format == "csv":
        said["delimiter"] = delimiter
    if guess.format == "json":
        said["json_path"] = tuple(filter(None, path.strip().split(".")))
    if guess.format == "xlsx":
        said["sheet"] = min(max(sheet, 1), len(guess.sheets))
        if guess.header and 0 < header_row <= _DEEPEST_HEADER:
            said["header_row"] = header_row
    try:
        touchpoints.reshape_draft(home, who, number, **said)
    except ZeroDistanceError as error:
        if error.status in (403, 404):
            raise
        return _draft_page(request, number, error)
    return go(f"/imports/drafts/{number}")


@router.post("/imports/drafts/{number}/rows")
def rows(request: Request, number: Number, reveal: Field = "") -> Response:
    """Show the first rows, as they are if it is asked for; that is noted."""
    found = touchpoints.preview_draft(home_of(request), who_of(request), number, reveal=bool(reveal))
    draft = touchpoints.get_draft(home_of(request), who_of(request), number)
    return page(request, "import_preview.html", preview=found, draft=draft)


@router.post("/imports/drafts/{number}/try")
def try_out(request: Request, number: Number) -> Response:
    """Say what would become of the file."""
    report = touchpoints.try_draft(home_of(request), who_of(request), number)
    return page(request, "import_report.html", report=report, reasons=REASONS, kinds=KINDS)


@router.post("/imports/drafts/{number}/start")
def start(request: Request, number: Number) -> Response:
    """Take the file in."""
    try:
        made = touchpoints.begin_draft(home_of(request), who_of(request), number)
    except ZeroDistanceError as error:
        if error.status in (403, 404):
            raise
        return _draft_page(request, number, error)
    return go(f"/imports/{made.job.number}" + ("" if made.new else "?before=1"))


@router.post("/imports/drafts/{number}/drop")
def drop(request: Request, number: Number) -> Response:
    """Remove an upload."""
    touchpoints.drop_draft(home_of(request), who_of(request), number)
    return go("/imports")


@router.get("/imports/drafts/{number}/mapping.toml")
def draft_mapping(request: Request, number: Number) -> Response:
    """Give the mapping of an upload as a file."""
    return _toml(f"draft-{number}", touchpoints.get_draft(home_of(request), who_of(request), number).mapping)


def _toml(name: str, text: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.toml"', "Cache-Control": "no-store"}
    return Response(text, media_type="application/toml", headers=headers)


@router.get("/imports/{number}/mapping.toml")
def mapping(request: Request, number: Number) -> Response:
    """Give the mapping of an import as a file."""
    return _toml(
        f"import-{number}", touchpoints.get_import(home_of(request), who_of(request), number).mapping
    )


def _job(request: Request, number: int) -> dict[str, Any]:
    home, who = home_of(request), who_of(request)
    job = touchpoints.get_import(home, who, number)
    return {
        "job": job,
        "source": touchpoints.get_source(home, who, job.source_key),
        "undo": touchpoints.undo_of(home, who, number),
    }


@router.get("/imports/{number}")
def detail(request: Request, number: Number, before: str = "") -> Response:
    """Show one import: how far it is, what came of it, its mapping, how it was undone."""
    return page(
        request, "import.html", here="imports", before=bool(before), problem="", **_job(request, number)
    )


@router.get("/imports/{number}/progress")
def progress(request: Request, number: Number) -> Response:
    """Show how far an import is; asked again while it is open."""
    return page(request, "import_job.html", **_job(request, number))


@router.post("/imports/{number}/stop")
def stop(request: Request, number: Number) -> Response:
    """End an import under way; what was taken in stays."""
    touchpoints.stop_import(home_of(request), who_of(request), number)
    return go(f"/imports/{number}")


@router.post("/imports/{number}/undo")
def undo(request: Request, number: Number, purpose: Field = "") -> Response:
    """Ask for a whole import to be taken back."""
    try:
        touchpoints.undo_import(home_of(request), who_of(request), number, purpose)
    except ZeroDistanceError as error:
        if error.status in (403, 404):
            raise
        values = {"here": "imports", "before": False, "problem": error.message(lang_of(request))}
        return page(request, "import.html", status=error.status, **values, **_job(request, number))
    return go(f"/imports/{number}")


register("imports", router, MENU)

"""*Quarantine*: refused rows by group; look at them, mend one or all of a group, replay, give up. What rows hold enters no address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.api import OPERATIONS, REASONS, Choice, Group, Row, Rule
from zerodistance.core.touchpoints.mapping import parse
from zerodistance.core.touchpoints.rules import reason_words
from zerodistance.core.touchpoints.wire import whole_letters
from zerodistance.doors.portal.readings import refused_place
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import NotFound, ZeroDistanceError
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form()]
MENU = Menu("quarantine", "/quarantine", "lock", Text("隔离区", "Quarantine"), 54, group=1)
_ROWS = 10  # own value: rows of a group that its page shows
_REMAP = "remap"


def group_path(source: str, reason: str, field: str) -> str:
    """Return the address of a group: its source, reason and field, never what a row holds."""
    return "/quarantine/group?" + urlencode({"source": source, "reason": reason, "field": field})


def _shared() -> dict[str, Any]:
    return {
        "here": "quarantine",
        "reasons": REASONS,
        "why": reason_words,
        "place": refused_place,
        "group_path": group_path,
    }


@router.get("/quarantine")
def listing(request: Request, source: str = "") -> Response:
    """List the groups of refused rows, those of one source if it is named."""
    return page(request, "quarantine.html", **_shared(), **_groups(request, source))


def _groups(request: Request, source: str) -> dict[str, Any]:
    home, who = home_of(request), who_of(request)
    sources = touchpoints.list_sources(home, who)
    found = [g for g in touchpoints.quarantine_groups(home, who) if not source or g.source == source]
    return {
        "groups": found,
        "trend": touchpoints.quarantine_trend(home, who),
        "names": {s.key: s.name for s in sources},
        "source": source,
        "days": home.settings.quarantine_days,
    }


@router.get("/quarantine.csv")
def table(request: Request, source: str = "") -> Response:
    """Give the groups as a table."""
    found = _groups(request, source)
    head = ("source", "reason", "field", "waiting", "replayed", "dismissed", "last_24_h", "first", "last")
    rows = [
        (
            g.source, g.reason, g.field, g.waiting, g.replayed, g.dismissed,
            sum(found["trend"].get((g.source, g.reason, g.field), ())), _moment(request, g.first_at),
            _moment(request, g.last_at),
        )
        for g in found["groups"]
    ]  # fmt: skip
    return table_file("quarantine", head, rows)


def _moment(request: Request, at: int) -> str:
    return clock.from_micros(at).astimezone(home_of(request).settings.tz).isoformat(timespec="seconds")


@router.get("/quarantine/group")
def group(
    request: Request, source: str, reason: str, field: str = "", done: str = "", n: Number = 0
) -> Response:
    """Show one group: how it moves, its first rows, and how it may be mended."""
    return _group(request, Choice(source, reason, field), done=done, n=n)


def _group(request: Request, which: Choice, status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    key = (which.source or "", which.reason or "", which.field or "")
    source = touchpoints.get_source(home, who, key[0])
    found = [g for g in touchpoints.quarantine_groups(home, who) if (g.source, g.reason, g.field) == key]
    if not found:
        raise NotFound(what=Text("隔离区里的这一组", "group in the quarantine"), given=which.reason)
    rows = touchpoints.quarantine_rows(
        home, who, source=key[0], reason=key[1], field=key[2], dismissed=not found[0].waiting, limit=_ROWS
    )
    mapping = _mapping(request, rows)
    draft = _first_rule(found[0], rows, mapping)
    shown = {"problem": "", "draft": draft, "done": "", "n": 0, **values}
    return page(
        request,
        "quarantine_group.html",
        status=status,
        source=source,
        g=found[0],
        hours=touchpoints.quarantine_trend(home, who).get(key, ()),
        rows=rows,
        operations=OPERATIONS,
        fields=_fields(rows),
        mapping_text=mapping,
        **_shared(),
        **shown,
    )


def _first_rule(group: Group, rows: list[Row], mapping: str) -> dict[str, str]:
    """Return the rule that a group's form begins with: the one that is likeliest meant for its reason."""
    operation = {"bad_timestamp": "date", "unknown_type": "map", "no_type": "set"}.get(
        group.reason, "replace"
    )
    names = _fields(rows)
    field = group.field.rpartition("/")[2] if group.field not in names else group.field
    if field not in names and mapping:
        field = _column(mapping, field)
    field = {"unknown_type": "type", "no_type": "type"}.get(group.reason, field if field in names else "")
    return {"operation": operation, "name": field, "given": "", "to": ""}


def _column(text: str, place: str) -> str:
    """Return the column that stands at a place of a mapping such as `times.happened_at`; nothing if there is none."""
    mapping = parse(text)
    table, _, name = place.partition(".")
    if table == "times":
        return {"happened_at": mapping.times.happened_at, "known_at": mapping.times.known_at or ""}.get(
            name, ""
        )
    tables = {"columns": mapping.columns, "identifiers": mapping.identifiers, "facts": mapping.facts}
    return tables.get(table, {}).get(name, "")


def _fields(rows: list[Row]) -> list[str]:
    """Return the names of the fields in rows, to be offered: their names, not what they hold."""
    out: dict[str, None] = {}
    for row in rows:
        out |= dict.fromkeys(_names(row.content, row.feed.startswith("import:")))
    return list(out)[:200]


def _names(content: Any, imported: bool, before: str = "") -> Iterator[str]:
    if not isinstance(content, dict):
        return
    if imported and isinstance(content.get("values"), dict):
        yield from content["values"]
        return
    for name, value in content.items():
        yield before + name
        if isinstance(value, dict) and before.count(".") < 2:
            yield from _names(value, False, f"{before}{name}.")


def _mapping(request: Request, rows: list[Row]) -> str:
    """Return the mapping of the import that the first row came by, to begin a newer one with; nothing if none may be seen."""
    if not who_of(request).may(Permission.IMPORT):
        return ""
    feed = next((row.feed for row in rows if row.feed.startswith("import:")), "")
    if not feed:
        return ""
    return touchpoints.get_import(home_of(request), who_of(request), int(feed.partition(":")[2])).mapping


def _rule(operation: str, name: str, given: str, to: str) -> Rule:
    return Rule(operation, name.strip(), given, to)


class _Mending(BaseModel):
    """The form by which a group is mended: which group, and a rule or a newer mapping."""

    source: str
    reason: str
    field: str = ""
    operation: str = ""
    name: str = ""
    given: str = ""
    to: str = ""
    mapping: str = ""
    replay: str = ""

    @property
    def which(self) -> Choice:
        return Choice(self.source, self.reason, self.field)

    @property
    def how(self) -> dict[str, Any]:
        """What is given to whoever tries or does it: `rule`, or `mapping`."""
        if self.operation == _REMAP:
            return {"mapping": self.mapping.replace("\r\n", "\n")}
        return {"rule": _rule(self.operation, self.name, self.given, self.to)}


Mending = Annotated[_Mending, Form()]


@router.post("/quarantine/group/preview")
def preview(request: Request, form: Mending) -> Response:
    """Show what a rule, or a newer mapping, would do to the first rows of a group."""
    found = touchpoints.preview_rule(home_of(request), who_of(request), form.which, **form.how)
    return page(request, "quarantine_preview.html", p=found, operation=form.operation, **_shared())


@router.post("/quarantine/group/mend")
def mend_group(request: Request, form: Mending) -> Response:
    """Mend every waiting row of a group by one rule, and ask for its replay if that is wished."""
    home, who, which = home_of(request), who_of(request), form.which
    mend = touchpoints.remap if form.operation == _REMAP else touchpoints.mend_by_rule
    try:
        n = mend(home, who, which, **form.how)
    except ZeroDistanceError as error:
        if error.status in (403, 404):
            raise
        draft = form.model_dump(include={"operation", "name", "given", "to"})
        return _group(request, which, error.status, problem=error.message(lang_of(request)), draft=draft)
    if form.replay:
        touchpoints.replay_rows(home, who, source=form.source, reason=form.reason, field=form.field)
    return go(f"{group_path(form.source, form.reason, form.field)}&done=mended&n={n}")


@router.post("/quarantine/group/replay")
def replay_group(request: Request, source: Field, reason: Field, field: Field = "") -> Response:
    """Ask for every waiting row of a group to be taken up again."""
    n = touchpoints.replay_rows(home_of(request), who_of(request), source=source, reason=reason, field=field)
    return go(f"{group_path(source, reason, field)}&done=asked&n={n}")


@router.post("/quarantine/group/dismiss")
def dismiss_group(
    request: Request, source: Field, reason: Field, field: Field = "", why: Field = ""
) -> Response:
    """Give a group up."""
    which = Choice(source, reason, field)
    try:
        n = touchpoints.dismiss_rows(home_of(request), who_of(request), which, why)
    except ZeroDistanceError as error:
        if error.status in (403, 404):
            raise
        return _group(request, which, error.status, problem=error.message(lang_of(request)))
    return go(f"{group_path(source, reason, field)}&done=dismissed&n={n}")


@router.post("/quarantine/group/recall")
def recall_group(request: Request, source: Field, reason: Field, field: Field = "") -> Response:
    """Take a group up again that was given up."""
    n = touchpoints.recall_rows(home_of(request), who_of(request), Choice(source, reason, field))
    return go(f"{group_path(source, reason, field)}&done=recalled&n={n}")


@router.post("/quarantine/group/take-back")
def take_back_group(request: Request, source: Field, reason: Field, field: Field = "") -> Response:
    """Put back what came into the rows of a group that were mended."""
    n = touchpoints.take_back(home_of(request), who_of(request), Choice(source, reason, field))
    return go(f"{group_path(source, reason, field)}&done=taken&n={n}")


@router.post("/quarantine/group/export")
def export(request: Request, source: Field, reason: Field, field: Field = "", reveal: Field = "") -> Response:
    """Give the waiting rows of a group as JSON lines: by their form, or as they are to whom may see that."""
    home, who = home_of(request), who_of(request)
    if reveal:
        who.need(Permission.REVEAL)
    touchpoints.get_source(home, who, source)
    rows = touchpoints.export_quarantine(
        home, who, source=source, reason=reason, field=field, reveal=bool(reveal)
    )
    headers = {"Content-Disposition": 'attachment; filename="quarantine.ndjson"', "Cache-Control": "no-store"}
    return StreamingResponse(map(_line, rows), media_type="application/x-ndjson", headers=headers)


def _line(row: Row) -> str:
    return json.dumps(asdict(row) | {"id": f"q{row.id}"}, ensure_ascii=False) + "\n"


@router.get("/quarantine/rows/{number}")
def detail(request: Request, number: Number) -> Response:
    """Show one refused row by its form."""
    return _show(request, number)


def _show(request: Request, number: int, status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    row = touchpoints.quarantine_row(home, who, number)
    shown = {"problem": "", "text": None, "cut": False, **values}
    return page(
        request,
        "quarantine_row.html",
        status=status,
        row=row,
        source=touchpoints.get_source(home, who, row.source),
        form=_pretty(row.content),
        **_shared(),
        **shown,
    )


def _pretty(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)


@router.post("/quarantine/rows/{number}/reveal")
def reveal(request: Request, number: Number) -> Response:
    """Show what a row holds, to be mended by hand; that is noted."""
    raw = touchpoints.quarantine_content(home_of(request), who_of(request), number)
    try:
        text = _pretty(json.loads(whole_letters(raw)))
    except (ValueError, RecursionError):
        text = raw.decode("utf-8", "replace")
    return _show(request, number, text=text[:_LONG], cut=len(text) > _LONG)


_LONG = 200_000  # own value: letters of a row that are shown to be mended


@router.post("/quarantine/rows/{number}/download")
def download(request: Request, number: Number) -> Response:
    """Give what a row holds, byte by byte; that is noted."""
    raw = touchpoints.quarantine_content(home_of(request), who_of(request), number)
    headers = {"Content-Disposition": f'attachment; filename="q{number}.bin"', "Cache-Control": "no-store"}
    return Response(raw, media_type="application/octet-stream", headers=headers)


@router.post("/quarantine/rows/{number}/mend")
def mend(request: Request, number: Number, text: Field = "", replay: Field = "") -> Response:
    """Replace what a row holds, and ask for its replay if that is wished."""
    home, who = home_of(request), who_of(request)
    try:
        touchpoints.mend_row(home, who, number, text.replace("\r\n", "\n").strip().encode())
    except ZeroDistanceError as error:
        if error.status in (403, 404):
            raise
        return _show(request, number, error.status, problem=error.message(lang_of(request)), text=text)
    if replay:
        touchpoints.replay_rows(home, who, ids=[number])
    return go(f"/quarantine/rows/{number}")


@router.post("/quarantine/rows/{number}/replay")
def replay(request: Request, number: Number) -> Response:
    """Ask for one row to be taken up again."""
    touchpoints.replay_rows(home_of(request), who_of(request), ids=[number])
    return go(f"/quarantine/rows/{number}")


@router.post("/quarantine/rows/{number}/take-back")
def take_back(request: Request, number: Number) -> Response:
    """Put back what came."""
    touchpoints.take_back(home_of(request), who_of(request), Choice(ids=[number]))
    return go(f"/quarantine/rows/{number}")


@router.post("/quarantine/rows/{number}/dismiss")
def dismiss(request: Request, number: Number, why: Field = "") -> Response:
    """Give one row up."""
    try:
        touchpoints.dismiss_rows(home_of(request), who_of(request), Choice(ids=[number]), why)
    except ZeroDistanceError as error:
        if error.status in (403, 404):
            raise
        return _show(request, number, error.status, problem=error.message(lang_of(request)))
    return go(f"/quarantine/rows/{number}")


@router.post("/quarantine/rows/{number}/recall")
def recall(request: Request, number: Number) -> Response:
    """Take one row up again that was given up."""
    touchpoints.recall_rows(home_of(request), who_of(request), Choice(ids=[number]))
    return go(f"/quarantine/rows/{number}")


register("quarantine", router, MENU)

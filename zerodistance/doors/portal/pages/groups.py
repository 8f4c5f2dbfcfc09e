"""*Groups*: a few kinds of persons with names, how they differ, how stable they are, how they move; each becomes a segment."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.profiles.contracts import Layer
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.contracts import In
from zerodistance.core.segments.groups import api as groups
from zerodistance.core.segments.groups import told
from zerodistance.core.segments.groups.contracts import FEWEST, LAYERS, MOST, Asked, Grouping
from zerodistance.core.segments.groups.stability import SMALLEST, STRONG
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

router = APIRouter()
Field = Annotated[str, Form()]
_RUNS = 10  # own value: assignments on the page


def _form(request: Request, **values: Any) -> dict[str, Any]:
    """Return what the form that asks for groups shows."""
    return {
        "layers": list(Layer),
        "usual": LAYERS,
        "numbers": range(FEWEST, MOST + 1),
        "saved_segments": segments.segments(home_of(request), who_of(request)),
        "pattern": groups.KEY,
        "given": {
            "name": "",
            "key": "",
            "layers": [one.value for one in LAYERS],
            "groups": "",
            "segment": "",
        },
        "problem": "",
        **values,
    }


@router.get("/segments/groups")
def listing(request: Request) -> Response:
    """List the groupings, and ask for one."""
    return _listing(request)


def _listing(request: Request, status: int = 200, **values: Any) -> Response:
    found = groups.groupings(home_of(request), who_of(request))
    return page(
        request, "groups.html", status=status, here="segments", groupings=found, **_form(request, **values)
    )


@router.post("/segments/groups")
async def ask(request: Request) -> Response:
    """Ask for groups, of a new key or again."""
    form = await request.form()
    said = {key: value for key, value in form.items() if isinstance(value, str)}
    layers = [value for value in form.getlist("layers") if isinstance(value, str)]
    return await to_thread.run_sync(_asked, request, said, layers)


def _asked(request: Request, said: dict[str, str], layers: list[str]) -> Response:
    home, who = home_of(request), who_of(request)
    name, key = said.get("name", "").strip(), said.get("key", "").strip()
    try:
        key = key or _next_key([one.key for one in groups.groupings(home, who)])
        number, segment = said.get("groups", ""), said.get("segment", "")
        asked = Asked(
            layers=tuple(one for one in Layer if one.value in layers),
            rule=In(segment) if segment else None,
            groups=int(number) if number.isdecimal() else None,
        )
        made = groups.ask(home, who, key, asked, name=Text(name, name) if name else None)
    except ZeroDistanceError as error:
        who.need(Permission.MANAGE_SEGMENTS)
        given = {
            "name": name,
            "key": key,
            "layers": layers,
            "groups": said.get("groups", ""),
            "segment": said.get("segment", ""),
        }
        return _listing(request, error.status, given=given, problem=error.message(lang_of(request)))
    return go(f"/segments/groups/{made.key}")


def _next_key(taken: list[str]) -> str:
    """Return a key that is not taken.

    Examples
    --------
    >>> _next_key([]), _next_key(["types", "types2"])
    ('types', 'types3')
    """
    keys = ["types", *(f"types{n}" for n in range(2, len(taken) + 3))]
    return next(key for key in keys if key not in taken)


@router.get("/segments/groups/{key}")
def detail(request: Request, key: str) -> Response:
    """Show one grouping."""
    return _detail(request, groups.grouping(home_of(request), who_of(request), key))


def _detail(
    request: Request, found: Grouping, status: int = 200, *, problem: str = "", wrong: str = ""
) -> Response:
    values: dict[str, Any] = {
        "grouping": found,
        "run": found.runs[-1] if found.runs else None,
        "runs": list(reversed(found.runs))[:_RUNS],
        "nothing_stable": told.NOTHING_STABLE,
        "strong": STRONG,
        "smallest": SMALLEST,
        "rule": None if found.asked.rule is None else segments.rule_text(found.asked.rule),
        "problem": problem,
        "wrong": wrong,
        "layers": [one.label for one in found.asked.layers or LAYERS],
    }
    return page(request, "grouping.html", status=status, here="segments", **values)


@router.post("/segments/groups/{key}/again")
def again(request: Request, key: str) -> Response:
    """Ask for a new version of the same."""
    groups.ask(home_of(request), who_of(request), key)
    return go(f"/segments/groups/{key}")


@router.post("/segments/groups/{key}/{node}/name")
def rename(request: Request, key: str, node: str, zh: Field = "", en: Field = "") -> Response:
    """Name a group."""
    home, who = home_of(request), who_of(request)
    try:
        groups.rename(home, who, key, node, Text(zh.strip(), en.strip()))
    except ZeroDistanceError as error:
        found = groups.grouping(home, who, key)
        return _detail(request, found, error.status, problem=error.message(lang_of(request)), wrong=node)
    return go(f"/segments/groups/{key}#{node}")


@router.post("/segments/groups/{key}/{node}/segment")
def as_segment(request: Request, key: str, node: str) -> Response:
    """Save the persons of a group as a segment, and open it."""
    made = groups.as_segment(home_of(request), who_of(request), key, node)
    return go(f"/segments/{made.key}?saved=1")


@router.post("/segments/groups/{key}/remove")
def remove(request: Request, key: str) -> Response:
    """Remove a grouping with its tags."""
    home, who = home_of(request), who_of(request)
    try:
        groups.remove(home, who, key)
    except ZeroDistanceError as error:
        return _detail(
            request, groups.grouping(home, who, key), error.status, problem=error.message(lang_of(request))
        )
    return go("/segments/groups")


@router.get("/segments/groups/{key}/sql")
def sql(request: Request, key: str) -> Response:
    """Show the assignment as SQL."""
    text = groups.as_sql(home_of(request), who_of(request), key)
    return page(request, "grouping_sql.html", key=key, sql=text)


@router.get("/segments/groups/{key}/groups.csv")
def groups_file(request: Request, key: str) -> Response:
    """Give the groups with what tells them from the others as a CSV file."""
    found, lang = groups.grouping(home_of(request), who_of(request), key), lang_of(request)
    head = (
        "group",
        "name",
        "dimension",
        "label",
        "node",
        "node_label",
        "share",
        "share_others",
        "low",
        "high",
    )
    rows = [
        (
            *(one.node, one.name.get(lang), t.dimension, t.label.get(lang), t.node, t.node_label.get(lang)),
            *(round(x, 6) for x in (t.share, t.share_others, t.low, t.high)),
        )
        for one in (found.holds.groups if found.holds else ())
        for t in one.traits
    ]
    return table_file(f"{key}-groups", head, rows)


@router.get("/segments/groups/{key}/stability.csv")
def stability_file(request: Request, key: str) -> Response:
    """Give how stable each number of groups is as a CSV file."""
    found = groups.grouping(home_of(request), who_of(request), key)
    head = ("groups", "strength", "ari", "without", "smallest", "stable")
    rows = [
        (
            one.groups,
            *(round(x, 6) for x in (one.strength, one.ari, one.without, one.smallest)),
            int(one.stable),
        )
        for one in (found.latest.tried if found.latest else ())
    ]
    return table_file(f"{key}-stability", head, rows)


@router.get("/segments/groups/{key}/runs.csv")
def runs_file(request: Request, key: str) -> Response:
    """Give the assignments day by day as a CSV file: sizes of the groups, and who changed group."""
    found = groups.grouping(home_of(request), who_of(request), key)
    nodes = sorted({node for run in found.runs for node in run.sizes}, key=lambda node: int(node[1:]))
    head = ("day", "version", "persons", "known", "moved", "distance", *nodes)
    rows = [
        (
            *(f"{run.day:%Y-%m-%d}", run.version, run.persons, run.known, run.moved, round(run.distance, 6)),
            *(run.sizes.get(node, 0) for node in nodes),
        )
        for run in found.runs
    ]
    return table_file(f"{key}-runs", head, rows)


register("groups", router)

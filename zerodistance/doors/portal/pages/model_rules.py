"""*Rule workshop*: the table of points of a model's rules as fields, what comes of it while it is edited, and publishing it as a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.models import api as models
from zerodistance.core.models import persons, trying, workshop
from zerodistance.core.models.contracts import RULES, Model
from zerodistance.core.models.ladder.points import Points
from zerodistance.core.models.workshop import Bench
from zerodistance.core.profiles.asked import PastNotMade
from zerodistance.doors.portal import rules_form
from zerodistance.doors.portal.rules_form import Typed
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, table_file, who_of
from zerodistance.doors.portal.working import Told, Work, works_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import ZeroDistanceError

router = APIRouter()
TRAIN = "model_train"
_PREPARE, _EXACT = "rules_prepare", "rules_exact"


@router.get("/models/{key}/rules")
def show(request: Request, key: str, part: str = "") -> Response:
    """Show the workshop with the rules as they stand, or how far what it is tried on is."""
    home, who = home_of(request), who_of(request)
    try:
        if not workshop.ready(home, who, key) and not _read(request, key).done:
            return _not_yet(request, models.model(key), part=bool(part))
        bench = workshop.bench(home, who, key)
    except PastNotMade:
        return _not_yet(request, models.model(key), part=bool(part))
    if part:
        return Response(headers={"HX-Redirect": f"/models/{key}/rules"})
    return _whole(request, bench, rules_form.shown(bench.present))


def _read(request: Request, key: str) -> Work:
    """Have the rows read that tables are tried on: most of them are there at once."""
    home, who = home_of(request), who_of(request)

    def do(told: Told) -> None:
        workshop.bench(home, who, key)

    work = works_of(request).begin(_PREPARE, key, do)
    if work.of == key:
        work.wait()
    return work


def _not_yet(request: Request, model: Model, *, part: bool = False) -> Response:
    """Show that the past index is not there, and how far it is where it is being made."""
    work = works_of(request).under_way(_PREPARE)
    mine = work if work is not None and work.of == model.key else None
    failed = next(
        (one for one in works_of(request).done(_PREPARE) if one.of == model.key and one.error), None
    )
    problem = failed.error.message(lang_of(request)) if failed and failed.error and mine is None else ""
    return page(
        request,
        "model_rules_prepare.html" if part else "model_rules_none.html",
        here="models",
        model=model,
        work=mine,
        problem=problem,
    )


@router.post("/models/{key}/rules/prepare")
def prepare(request: Request, key: str) -> Response:
    """Make the past index that tables are tried on."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.SEE_PERSONS)
    model = models.model(key)
    work = works_of(request).begin(_PREPARE, model.key, lambda told: workshop.prepare(home, who, key, told))
    work.wait()
    return go(f"/models/{key}/rules")


def _whole(request: Request, bench: Bench, given: Typed, status: int = 200, **values: Any) -> Response:
    shown = {"why": "", "publish_problem": "", **values}
    return page(
        request, "model_rules.html", status=status, here="models", **_form(request, bench, given), **_tried(request, bench, given), **shown
    )  # fmt: skip


def _form(request: Request, bench: Bench, given: Typed) -> dict[str, Any]:
    model = bench.model
    choices = workshop.choices(model)
    used = {one.feature for one in given.conditions}
    return {
        "model": model,
        "bench": bench,
        "given": given,
        "labels": {name: persons.general(model, name) for name in choices},
        "units": persons.units(home_of(request), model, model.targets[0], choices),
        "free": [name for name in choices if name not in used],
    }


def _tried(request: Request, bench: Bench, given: Typed) -> dict[str, Any]:
    """Return what comes of a table, or what is wrong with it."""
    home, who = home_of(request), who_of(request)
    try:
        rules = rules_form.read(bench.model, given)
        found = trying.tried(home, who, bench, rules)
    except ZeroDistanceError as error:
        return {"tried": None, "problem": error.message(lang_of(request)), "same": False, "exact": None}
    return {"tried": found, "problem": "", "same": _same(rules, bench.present), "exact": None}


def _same(one: Points, other: Points) -> bool:
    return [(s.name, s.edges, s.points, s.missing) for s in one.steps] == [
        (s.name, s.edges, s.points, s.missing) for s in other.steps
    ] and one.base == other.base


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form()
    return {key: value for key, value in form.items() if isinstance(value, str)}


@router.post("/models/{key}/rules/try")
async def attempt(request: Request, key: str) -> Response:
    """Say what comes of a table while somebody types."""
    return await to_thread.run_sync(_attempted, request, key, await _fields(request))


def _attempted(request: Request, key: str, form: Mapping[str, str]) -> Response:
    bench = workshop.bench(home_of(request), who_of(request), key)
    given = rules_form.typed(form)
    if request.headers.get("HX-Request") != "true":
        return _whole(request, bench, given)
    values = {**_form(request, bench, given), **_tried(request, bench, given)}
    return page(request, "model_rules_tried.html", **values)


@router.post("/models/{key}/rules/draft")
async def draft(request: Request, key: str) -> Response:
    """Add or remove a condition or an edge."""
    return await to_thread.run_sync(_drafted, request, key, await _fields(request))


def _drafted(request: Request, key: str, form: Mapping[str, str]) -> Response:
    bench = workshop.bench(home_of(request), who_of(request), key)
    given = rules_form.changed(
        rules_form.typed(form), form.get("op", ""), bench.model, form.get("feature", "")
    )
    if form.get("op") == "reset":
        given = rules_form.shown(bench.present)
    elif form.get("op") == "shipped":
        given = rules_form.shown(bench.model.rules)
    if request.headers.get("HX-Request") != "true":
        return _whole(request, bench, given)
    values = {**_form(request, bench, given), **_tried(request, bench, given)}
    return page(request, "model_rules_form.html", oob=True, **values)


@router.post("/models/{key}/rules/exact")
async def exact(request: Request, key: str) -> Response:
    """Count everybody, and draw intervals: in the background, begun or looked at."""
    return await to_thread.run_sync(_exact, request, key, await _fields(request))


def _exact(request: Request, key: str, form: Mapping[str, str]) -> Response:
    home, who = home_of(request), who_of(request)
    bench = workshop.bench(home, who, key)
    try:
        rules = rules_form.read(bench.model, rules_form.typed(form))
    except ZeroDistanceError:
        return page(request, "model_rules_exact.html", model=bench.model, exact=None, waits=False, problem="")
    of = (key, bench.at, rules)
    done = next((one for one in works_of(request).done(_EXACT) if one.of == of), None)
    work: Work = done or works_of(request).begin(
        _EXACT, of, lambda told: trying.exact(home, who, bench, rules, told)
    )
    if work.of == of:
        work.wait()
    mine = work.of == of and work.done
    problem = work.error.message(lang_of(request)) if mine and work.error is not None else ""
    return page(
        request,
        "model_rules_exact.html",
        model=bench.model,
        exact=work.result if mine else None,
        waits=not mine,
        problem=problem,
    )


@router.post("/models/{key}/rules/parts.csv")
async def parts_file(request: Request, key: str) -> Response:
    """Give what each line of a table contributed as a CSV file."""
    return await to_thread.run_sync(_parts_file, request, key, await _fields(request))


def _parts_file(request: Request, key: str, form: Mapping[str, str]) -> Response:
    bench = workshop.bench(home_of(request), who_of(request), key)
    rules = rules_form.read(bench.model, rules_form.typed(form))
    lang = lang_of(request)
    rows = [
        (part.feature, part.label.get(lang), "" if s.above is None else s.above, "" if s.up_to is None else s.up_to,
         "missing" if s is part.missing else "", s.points, s.many, s.came, round(part.lost, 6))
        for part in trying.parts(bench, rules)
        for s in (*part.steps, part.missing)
    ]  # fmt: skip
    head = (
        "feature",
        "label",
        "above",
        "up_to",
        "missing",
        "points",
        "rows",
        "came",
        "precision_lost_without",
    )
    return table_file(f"{key}-rules", head, rows)


@router.post("/models/{key}/rules/publish")
async def publish(request: Request, key: str) -> Response:
    """Publish a table as a new version, and show how far its evaluation is."""
    return await to_thread.run_sync(_published, request, key, await _fields(request))


def _published(request: Request, key: str, form: Mapping[str, str]) -> Response:
    home, who = home_of(request), who_of(request)
    who.need(Permission.SEE_PERSONS)
    who.need(Permission.MANAGE_SEGMENTS)
    bench, given, why = workshop.bench(home, who, key), rules_form.typed(form), form.get("why", "")
    try:
        rules = rules_form.read(bench.model, given)
        workshop.may_publish(who, bench.model, rules, why)
    except ZeroDistanceError as error:
        said = error.message(lang_of(request))
        return _whole(request, bench, given, error.status, why=why, publish_problem=said)
    work = works_of(request).begin(
        TRAIN,
        {"key": key, "kind": RULES, "of": rules},
        lambda told: workshop.publish(home, who, key, rules, why, told),
    )
    if work.of.get("of") != rules:
        return _whole(
            request, bench, given, 409, why=why, publish_problem=workshop.BUSY.get(lang_of(request))
        )
    work.wait()
    return go(f"/models/{key}/work/{work.key}")

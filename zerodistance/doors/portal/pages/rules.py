"""*Identity rules*: what is in force and how it came; a change is tried, looked at, and only then applied; the last one can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.rules import SHIPPED
from zerodistance.core.identity.ruling import changes
from zerodistance.core.identity.ruling.cli import WHY
from zerodistance.doors.portal.evidence import label
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.doors.portal.working import Work, works_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

router = APIRouter()
Field = Annotated[str, Form()]
MENU = Menu(
    "rules", "/identity/rules", "wrench", Text("身份规则", "Identity rules"), 58, group=1, need=Permission.OPERATE
)  # fmt: skip
_SURE = "yes"
GUARDS = tuple(key for key in changes.KEYS if not key.startswith("match."))
MATCHER = tuple(key for key in changes.KEYS if key.startswith("match."))


def _shown(request: Request, status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    found = identity.rules(home, who)
    models = [one.name for one in identity.models(home, who)]
    shown = {"problem": "", "given": found.values, "match": False, "gone": False, **values}
    return page(
        request,
        "identity_rules.html",
        status=status,
        here="rules",
        r=found,
        models=models,
        guards=GUARDS,
        matcher=MATCHER,
        shipped=SHIPPED,
        meaning=changes.label,
        label=label,
        **shown,
    )


@router.get("/identity/rules")
def rules(request: Request, gone: str = "") -> Response:
    """Show what is in force, how it came, and the form to try a change."""
    return _shown(request, gone=bool(gone))


@router.post("/identity/rules/try")
async def attempt(request: Request) -> Response:
    """Try what somebody has set otherwise."""
    form = await request.form()
    fields = {key: value.strip() for key, value in form.items() if isinstance(value, str)}
    return await to_thread.run_sync(_attempted, request, fields)


def _attempted(request: Request, fields: Mapping[str, str]) -> Response:
    home, who = home_of(request), who_of(request)
    found = identity.rules(home, who)
    given = {key: fields.get(key, value)[:200] for key, value in found.values.items()}
    asked = [f"{key}={value}" for key, value in given.items() if value != found.values[key]]
    match = fields.get("match") == _SURE
    try:
        identity.rules_check(home, who, asked)
    except ZeroDistanceError as error:
        said = error.message(lang_of(request))
        return _shown(request, error.status, problem=said, given=given, match=match)
    work = works_of(request).begin(
        "rules_try",
        {"changes": asked, "match": match},
        lambda told: identity.rules_try(home, who, asked, match=match, told=told),
    )
    return _led(work)


def _led(work: Work) -> Response:
    work.wait()
    return go(f"/identity/rules/work/{work.key}")


@router.get("/identity/rules/work/{key}")
def work(request: Request, key: str, part: str = "") -> Response:
    """Show a try or an apply that is under way, or what came of it."""
    who_of(request).need(Permission.OPERATE)
    found = works_of(request).get(key)
    if found is None:
        return go("/identity/rules?gone=1")
    return _work(request, found, part=bool(part))


def _work(
    request: Request, found: Work, status: int = 200, *, part: bool = False, wrong: str = ""
) -> Response:
    template = "identity_rules_state.html" if part else "identity_rules_work.html"
    problem = found.error.message(lang_of(request)) if found.error is not None else ""
    return page(
        request, template, status=status, here="rules", w=found, problem=problem, wrong=wrong,
        why=WHY, meaning=changes.label, label=label,
    )  # fmt: skip


@router.post("/identity/rules/work/{key}/apply")
def apply(request: Request, key: str, reason: Field = "", sure: Field = "") -> Response:
    """Put in force what was tried, after a second confirmation."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.OPERATE)
    tried = works_of(request).get(key)
    if tried is None or tried.kind != "rules_try" or not tried.done or tried.error is not None:
        return go("/identity/rules?gone=1")
    if not reason.strip() or sure != _SURE:
        return _work(request, tried, 400, wrong="reason" if not reason.strip() else "sure")
    do = partial(
        identity.rules_apply, home, who, tried.of["changes"], reason[:1_000], match=tried.of["match"], seen=tried.result.version
    )  # fmt: skip
    return _led(works_of(request).begin("rules_apply", tried.of, lambda told: do(told=told)))


@router.post("/identity/rules/undo")
def undo(request: Request, version: Annotated[int, Form()], sure: Field = "") -> Response:
    """Undo the last change, after a second confirmation, if it still is the one that was shown."""
    home, who = home_of(request), who_of(request)
    found = identity.rules(home, who)
    if sure != _SURE or found.version != version:
        return go("/identity/rules")
    return _led(
        works_of(request).begin(
            "rules_apply", {"changes": [], "match": False}, lambda told: identity.rules_undo(home, who, told=told)
        )
    )  # fmt: skip


register("rules", router, MENU)

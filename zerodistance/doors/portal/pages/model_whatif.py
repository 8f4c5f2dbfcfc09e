"""*What would change this score*: of one person, one thing at a time, and with values that somebody types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from zerodistance.core.models import api as models
from zerodistance.core.models import appeals, persons, whatif
from zerodistance.core.models.whatif import WhatIf
from zerodistance.core.profiles import api as profiles
from zerodistance.doors.portal import numbers
from zerodistance.doors.portal.shell import home_of, lang_of, page, who_of
from zerodistance.kernel.text import Text

router = APIRouter()
_MOST, _FIELDS = 12, 12  # own values: changes on the page, fields that are seen at once
_NO_NUMBER = Text("要一个数字，或用 – 表示没有", "a number, or – for none")
_NONE = {"-", "–", "无", "none"}
Person = Annotated[str, Query(max_length=40)]
Category = Annotated[str, Query(max_length=60)]


@router.get("/models/{key}/whatif")
def show(request: Request, key: str, person: Person, category: Category = "") -> Response:
    """Show what would change a score of a person."""
    return _shown(request, key, person, category, {})


@router.post("/models/{key}/whatif")
async def ask(request: Request, key: str, person: Person, category: Category = "") -> Response:
    """Show the score with other values."""
    form = await request.form()
    given = {
        name.removeprefix("v-"): value.strip()
        for name, value in form.items()
        if name.startswith("v-") and isinstance(value, str) and value.strip()
    }
    return await to_thread.run_sync(_shown, request, key, person, category, given)


def _shown(request: Request, key: str, person: str, category: str, given: Mapping[str, str]) -> Response:
    home, who = home_of(request), who_of(request)
    whose = models.number_of(home, who, person)
    wrong: dict[str, str] = {}
    values = dict[str, float | None]()
    for name, text in given.items():
        number = None if text.lower() in _NONE else numbers.read(text)
        if number is None and text.lower() not in _NONE:
            wrong[name] = _NO_NUMBER.get(lang_of(request))
        values[name] = number
    problem, status = "", 400 if wrong else 200
    try:
        found = whatif.what_if(home, who, key, whose, category, {} if wrong else values)
    except whatif.NoSuchFeature as error:
        problem, status = error.message(lang_of(request)), error.status
        found = whatif.what_if(home, who, key, whose, category)
    part = request.headers.get("HX-Request") == "true"
    return page(
        request,
        "model_whatif_parts.html" if part else "model_whatif.html",
        status=status,
        here="people",
        **_values(request, found, person, given),
        wrong=wrong,
        problem=problem,
    )


def _values(request: Request, found: WhatIf, person: str, given: Mapping[str, str]) -> dict[str, Any]:
    home, model, category = home_of(request), found.now.model, found.now.category
    reasons = found.now.reasons
    units = persons.units(home, model, category, [one.feature for one in reasons])
    first = list(dict.fromkeys([*given, *(one.field.feature for one in found.changes)]))
    order = {name: n for n, name in enumerate(first)}
    fields = sorted(found.fields, key=lambda one: order.get(one.feature, len(order)))
    return {
        "person": person,
        "model": model,
        "category": category,
        "found": found,
        "now_": found.now,
        "why": [(one, persons.stated(one, units[one.feature])) for one in reasons],
        "changes": found.changes[:_MOST],
        "fields": fields[:_FIELDS],
        "others": fields[_FIELDS:],
        "given": given,
        "amount": persons.amount,
        "plain": persons.number,
        "index": profiles.state(home),
        "grounds": appeals.GROUNDS,
    }

"""*Appeals* against scores that grant service, and how high scores are spread over groups: parts of a model's card."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.models import api as models
from zerodistance.core.models import appeals, parity
from zerodistance.core.models.contracts import Model
from zerodistance.core.profiles import api as profiles
from zerodistance.doors.portal import numbers
from zerodistance.doors.portal.shell import go, home_of, lang_of, table_file, who_of
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form(max_length=60)]
_MOST = 20  # own value: decided appeals on the card


def about(request: Request, model: Model) -> dict[str, Any]:
    """Return what the card shows of appeals and groups; nothing of a model whose scores grant nothing."""
    if not model.appeals:
        return {"appeals": None, "parity": None}
    home, who = home_of(request), who_of(request)
    every = [one for one in appeals.listed(home, who) if one.model == model.key]
    waiting = [one for one in reversed(every) if one.state == "open"]
    shown = [*waiting, *[one for one in every if one.state != "open"][:_MOST]]
    known = [one.number_of_person for one in shown if one.number_of_person is not None]
    return {
        "appeals": shown,
        "waiting": len(waiting),
        "public": profiles.public_ids(home, profiles.current(home), known),
        "grounds": appeals.GROUNDS,
        "states": appeals.STATES,
        "days": appeals.DAYS,
        "parity": parity.parity(home, who, model.key, model.targets[0]),
    }


@router.post("/models/{key}/appeals")
def file(request: Request, key: str, person: Field, ground: Field, category: Field = "") -> Response:
    """File an appeal of a person."""
    home, who = home_of(request), who_of(request)
    model = models.model(key)
    appeals.file(home, who, model, models.number_of(home, who, person), ground, category)
    return go(f"/models/{model.key}?done=appealed#appeals")


@router.post("/models/{key}/appeals/{number}")
def decide(
    request: Request, key: str, number: Number, verdict: Field, least: Field = "", days: Field = ""
) -> Response:
    """Grant an appeal, or refuse it."""
    home, who = home_of(request), who_of(request)
    model = models.model(key)
    if verdict == "refuse":
        appeals.decide(home, who, number, None)
        return go(f"/models/{model.key}?done=decided#appeals")
    score, long = numbers.read(least), numbers.read(days or str(appeals.DAYS))
    if score is None or long is None:
        why = Text("要数字", "numbers are needed")
        raise Invalid(field=Text("分数、天数", "score, days"), given=f"{least}, {days}", why=why)
    appeals.decide(home, who, number, score, int(long))
    return go(f"/models/{model.key}?done=decided#appeals")


@router.get("/models/{key}/parity.csv")
def parity_file(request: Request, key: str) -> Response:
    """Give how high scores are spread over groups as a CSV file."""
    home, who = home_of(request), who_of(request)
    model = models.model(key)
    found, lang = parity.parity(home, who, key, model.targets[0]), lang_of(request)
    rows = [
        (one.dimension, one.label.get(lang), one.node, one.node_label.get(lang), one.persons, one.high,
         round(one.share, 6), round(one.low, 6), round(one.upper, 6))
        for one in (found.groups if found else ())
    ]  # fmt: skip
    head = ("dimension", "label", "node", "node_label", "persons", "high", "share", "low", "high_end")
    return table_file(f"{key}-parity", head, rows)

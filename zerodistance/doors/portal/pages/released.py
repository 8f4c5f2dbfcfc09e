"""*Segments* for whoever may not see persons: a closed question and its released count; and the approval of an audience."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.segments import api as segments
from zerodistance.core.segments import audiences, releasing
from zerodistance.core.segments.questions import Question
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form()]


def shown(request: Request, question: Question, *, asked: bool) -> dict[str, Any]:
    """Return what the form shows: choices, bands of the chosen dimension, and the answer or why there is none."""
    home, who = home_of(request), who_of(request)
    values: dict[str, Any] = {
        "question": question,
        "choices": releasing.choices(home, who),
        "nodes": (),
        "answer": None,
        "problem": "",
        "k": home.settings.released_k,
    }
    try:
        if question.dimension:
            values["nodes"] = releasing.nodes(who, question.dimension)
        if asked and not (question.dimension and not question.node):
            values["answer"] = releasing.ask(home, who, question)
    except ZeroDistanceError as error:
        values["problem"] = error.message(lang_of(request))
    return values


@router.get("/segments/released")
def released(
    request: Request,
    place: str = "",
    audience: str = "",
    category: str = "",
    dimension: str = "",
    node: str = "",
    need: str = "",
) -> Response:
    """Show the closed question with its released count, or only these two parts while somebody chooses."""
    said = (place, audience, category, dimension, node if dimension else "", need)
    question = Question(*(word or None for word in said))
    part = request.headers.get("HX-Request") == "true"
    values = shown(request, question, asked=True)
    return page(request, "released_parts.html" if part else "released.html", here="segments", **values)


@router.post("/segments/{key}/approve")
def approve(request: Request, key: str, version: Annotated[Number, Form()]) -> Response:
    """Approve the version of a segment that was looked at for released counts."""
    audiences.approve(home_of(request), who_of(request), key, version)
    return go(f"/segments/{key}")


@router.post("/segments/{key}/withdraw")
def withdraw(request: Request, key: str) -> Response:
    """End the approval of a segment."""
    audiences.withdraw(home_of(request), who_of(request), key)
    return go(f"/segments/{key}")


def approval(request: Request, key: str) -> dict[str, Any]:
    """Return what the page of a segment says about its approval."""
    home, who = home_of(request), who_of(request)
    found = segments.segment(home, who, key)
    said = next((one for one in audiences.approvals(home, who) if one.key == key), None)
    return {"approval": said, "own": found.changed_by == who.name}


register("released", router)

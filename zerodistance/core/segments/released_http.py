"""The JSON API of released counts: `POST /v1/segments/released`, approvals of audiences, and the record of exact counts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zerodistance.core.segments import audiences, audit, releasing
from zerodistance.core.segments.questions import Approval, Exact
from zerodistance.core.segments.questions import Question as Closed
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.web import Number, current_home, current_who

router = APIRouter()

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]


class ClosedQuestion(BaseModel):
    """A closed question; what is left out does not narrow it."""

    place: str | None = Field(None, description="code of a place of one's own territory; null: all of it")
    audience: str | None = Field(None, description="key of an approved audience; null: everybody")
    category: str | None = Field(None, description="who has a product of this category; null: any and none")
    dimension: str | None = Field(None, description="with `node`: a band of a dimension with a closed list")
    node: str | None = Field(None, description="with `dimension`")
    need: str | None = Field(
        None, description="who is in the two highest bands of a score of need, like n1_washer"
    )


class ReleasedAnswer(BaseModel):
    """A released count: a multiple of `k`, or null where it is hidden; the true count lies between `low` and `high` 95 times of a hundred."""

    text: str
    persons: int | None
    low: int
    high: int | None
    k: int
    floor: int
    as_of: datetime


class ToApprove(BaseModel):
    """The version that was looked at."""

    version: int


class ApprovalAnswer(BaseModel):
    """An approved audience; `holds` is false when its rule was changed since."""

    key: str
    name_zh: str
    name_en: str
    version: int
    approved_by: str
    approved_at: int
    holds: bool


class ExactAnswer(BaseModel):
    """A line of the record of exact counts."""

    said_at: int
    who: str
    verb: str
    rule: str
    persons: int
    visitors: int
    times: int


@router.post("/released")
def released(question: ClosedQuestion, home: Here, who: AskedBy) -> ReleasedAnswer:
    """Answer a closed question with a released count; needs no permission to see persons."""
    found = releasing.ask(home, who, Closed(**question.model_dump()))
    return ReleasedAnswer(
        text=found.text.get(who.lang),
        persons=found.persons,
        low=found.low,
        high=found.high,
        k=found.k,
        floor=found.floor,
        as_of=found.as_of,
    )


@router.get("/audiences")
def approved(home: Here, who: AskedBy) -> list[ApprovalAnswer]:
    """List the audiences that are approved for released counts."""
    return [_approval(one) for one in audiences.approvals(home, who)]


@router.get("/exact")
def exact(home: Here, who: AskedBy, limit: Number = 100) -> list[ExactAnswer]:
    """List who was told which exact counts, the newest first; for those who manage accounts."""
    return [_exact(one) for one in audit.written(home, who, max(1, min(limit, 1_000)))]


@router.post("/{key}/approval", status_code=201)
def approve(key: str, given: ToApprove, home: Here, who: AskedBy) -> ApprovalAnswer:
    """Approve a version for released counts; not by who saved it."""
    return _approval(audiences.approve(home, who, key, given.version))


@router.delete("/{key}/approval", status_code=204)
def withdraw(key: str, home: Here, who: AskedBy) -> None:
    """End the approval."""
    audiences.withdraw(home, who, key)


def _approval(found: Approval) -> ApprovalAnswer:
    return ApprovalAnswer(
        key=found.key,
        name_zh=found.name.zh,
        name_en=found.name.en,
        version=found.version,
        approved_by=found.approved_by,
        approved_at=found.approved_at,
        holds=found.holds,
    )


def _exact(line: Exact) -> ExactAnswer:
    return ExactAnswer(**asdict(line))

"""The JSON API of sends: `/v1/outreach/sends`. No answer holds an address, nor a message of anybody."""

from __future__ import annotations

import io
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from zerodistance.core.outreach.contracts import Sending
from zerodistance.core.outreach.sends import sending
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.web import Number, current_home, current_who

router = APIRouter(prefix="/sends")
AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]
Word = Annotated[str, Field(max_length=200)]
At = Annotated[int, Field(ge=0, le=1 << 62, strict=True)]


class ToSend(BaseModel):
    """What to send to whom."""

    key: Word = Field(description="whoever asks twice under one key has asked once")
    experiment: Word
    assignment: int | None = Field(
        None, ge=1, le=1 << 31, strict=True, description="its number; null: the latest"
    )
    templates: list[Word] = Field(
        min_length=1,
        max_length=4,
        description="one for each channel, the best first: the first that reaches somebody is used",
    )
    channels: list[Word] | None = Field(
        None, max_length=4, description="take only the templates of these; null: all"
    )
    purpose: Word = "marketing"
    unit: int | None = Field(
        None, ge=1, le=1 << 31, strict=True, description="number; null: that of the experiment"
    )
    values: dict[Word, Word] = Field({}, max_length=20, description="of variables that are given")
    not_before: At | None = Field(None, description="microseconds UTC")
    not_after: At | None = Field(None, description="microseconds UTC; what can't go until then is held back")
    again: bool = Field(
        False, strict=True, description="service only: sent again where nobody knows whether it went out"
    )


class Decision(BaseModel):
    """What a second account decides."""

    grant: bool = Field(strict=True)
    why: Word = ""


class Reason(BaseModel):
    """Why a send is stopped."""

    why: Word = ""


class WayAnswer(BaseModel):
    """A way in which it goes."""

    channel: str
    template: str
    version: int


class TallyAnswer(BaseModel):
    """Messages in a state; `many` null: too few to be told."""

    state: str
    reason: str
    many: int | None


class SendAnswer(BaseModel):
    """A send and how far it is; times are microseconds UTC, counts are rounded for accounts that see no persons."""

    number: int
    key: str
    experiment: str
    assignment: int
    ways: list[WayAnswer]
    purpose: str
    unit: int | None
    values: dict[str, str]
    not_before: int | None
    not_after: int | None
    again: bool
    state: str
    persons: int | None
    reach: int | None
    made_by: str
    made_at: int
    queued_at: int | None
    ended_at: int | None
    ended_by: str | None
    why: str
    approval: int | None
    messages: list[TallyAnswer]
    rounded: bool
    paused: bool


def _answer(one: Sending) -> SendAnswer:
    names = [name for name in SendAnswer.model_fields if name not in ("ways", "messages", "state", "values")]
    return SendAnswer(
        **{name: getattr(one, name) for name in names},
        state=one.state.value,
        values=dict(one.values),
        ways=[WayAnswer(channel=way.channel, template=way.template, version=way.version) for way in one.ways],
        messages=[TallyAnswer(state=t.state.value, reason=t.reason, many=t.many) for t in one.tallies],
    )


@router.get("")
def sends(home: Here, who: AskedBy, experiment: str | None = None) -> list[SendAnswer]:
    """Return the sends of this account's units, the newest first, 100 at most."""
    return [_answer(one) for one in sending.listed(home, who, experiment=experiment)]


@router.post("", status_code=201)
def ask(home: Here, who: AskedBy, asked: ToSend) -> SendAnswer:
    """Send to whoever an assignment lets contact; asked again under one key it is asked once."""
    receipt = sending.receipt(home, who, asked.experiment, asked.assignment)
    given = asked.model_dump(exclude={"key", "experiment", "assignment", "templates"})
    return _answer(sending.send(home, who, receipt, asked.templates, send_key=asked.key, **given))


@router.get("/{number}")
def show(home: Here, who: AskedBy, number: Number) -> SendAnswer:
    """Return a send and how far it is."""
    return _answer(sending.get(home, who, number))


@router.post("/{number}/decision")
def decide(home: Here, who: AskedBy, number: Number, decision: Decision) -> SendAnswer:
    """Approve a send that waits, or refuse it; another account has to than asked."""
    return _answer(sending.decide(home, who, number, decision.grant, decision.why))


@router.post("/{number}/stop")
def stop(home: Here, who: AskedBy, number: Number, reason: Reason) -> SendAnswer:
    """Stop a send: what waits is held back."""
    return _answer(sending.stop(home, who, number, reason.why))


@router.get("/{number}/held.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def held(home: Here, who: AskedBy, number: Number) -> Response:
    """Return the messages that were held back, failed or of unknown outcome, with the reason; needs SEE_PERSONS."""
    written = io.StringIO()
    sending.export(home, who, number, written)
    return Response(written.getvalue(), media_type="text/csv")

"""The JSON API of channels, receipts and the inbox: `/v1/outreach/channels`, `/v1/outreach/receipts`, `/v1/inbox/tokens`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from zerodistance.core.outreach import answers, letters, receipts
from zerodistance.core.outreach.bounces import MOST_BYTES
from zerodistance.core.outreach.channels import setting
from zerodistance.core.outreach.channels.setting import Setup
from zerodistance.core.outreach.contracts import MESSAGE_ID, ChannelName, Settled
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import current_home, current_who

router = APIRouter()
inbox_router = APIRouter(tags=["outreach"])

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]
_MOST = 1_000  # own value: receipts in one call


class ChannelAnswer(BaseModel):
    """A channel; `description` and `receipts_path` only for whoever may manage outreach."""

    name: str
    on: bool
    description: str
    problem: dict[str, str] | None
    receipts_path: str
    heard: dict[str, int]
    changed_by: str
    changed_at: str | None


class Description(BaseModel):
    """What a channel is told, as TOML."""

    description: str = Field(max_length=20_000)


class Switch(BaseModel):
    """Whether a channel is on."""

    on: bool = Field(strict=True)


class Wrong(BaseModel):
    """What is wrong with a channel; empty: nothing."""

    wrong: list[dict[str, str]]


class To(BaseModel):
    """Where a test message goes to."""

    to: str = Field(max_length=254, description="an address or identifier of one's own")


class TriedAnswer(BaseModel):
    """What became of a test message."""

    outcome: str
    code: str
    detail: str


class ReceiptGiven(BaseModel):
    """What became of a message, as another system heard it."""

    id: str = Field(pattern=f"^{MESSAGE_ID}$")
    state: Settled
    code: str = Field("", max_length=60)
    at: int | None = Field(
        None, ge=0, le=2**62, strict=True, description="microseconds UTC; now, if it is not given"
    )


class ReceiptsGiven(BaseModel):
    """Receipts."""

    receipts: list[ReceiptGiven] = Field(max_length=_MOST)


class TakenAnswer(BaseModel):
    """How many receipts were news, and how many said of no message of ours or what was known."""

    taken: int
    passed_over: int


class BackAnswer(BaseModel):
    """What a mail was taken for: `settled`, `opt_out`, `replied`, `ignored`; whether it named a message of ours."""

    what: str
    state: str | None
    known: bool


class ReceiptAnswer(BaseModel):
    """One thing that was heard of a message."""

    what: str
    first_at: str
    last_at: str
    times: int
    code: str
    detail: str
    link: str


class InboxFor(BaseModel):
    """Whose inbox is read: the identifiers that somebody has signed in with."""

    identifiers: dict[str, str] = Field(min_length=1, max_length=10)
    minutes: int = Field(60, ge=1, le=1_440, strict=True)


class InboxToken(BaseModel):
    """A token with which an app reads that inbox: `GET /v1/inbox`, `Authorization: Bearer`."""

    token: str


def _answer(one: Setup) -> ChannelAnswer:
    return ChannelAnswer(
        name=one.name,
        on=one.is_on,
        description=one.said,
        problem=None if one.problem is None else {"zh": one.problem.zh, "en": one.problem.en},
        receipts_path=one.receipts_path,
        heard=one.heard,
        changed_by=one.changed_by,
        changed_at=None if one.changed_at is None else clock.from_micros(one.changed_at).isoformat(),
    )


@router.get("/channels")
def channels(home: Here, who: AskedBy) -> list[ChannelAnswer]:
    """List the channels, and what was heard of their messages in the last 7 days."""
    return [_answer(one) for one in setting.channels(home, who)]


@router.get("/channels/{name}")
def channel(name: ChannelName, home: Here, who: AskedBy) -> ChannelAnswer:
    """Return one channel."""
    return _answer(setting.channel(home, who, name))


@router.put("/channels/{name}")
def describe(name: ChannelName, given: Description, home: Here, who: AskedBy) -> ChannelAnswer:
    """Describe a channel, and switch it on."""
    return _answer(setting.set_channel(home, who, name, given.description))


@router.post("/channels/{name}/switch")
def switch(name: ChannelName, given: Switch, home: Here, who: AskedBy) -> ChannelAnswer:
    """Switch a channel on or off; what is queued for one that is off waits."""
    return _answer(setting.switch(home, who, name, on=given.on))


@router.delete("/channels/{name}", status_code=204)
def remove(name: ChannelName, home: Here, who: AskedBy) -> None:
    """Take the description of a channel away."""
    setting.remove(home, who, name)


@router.post("/channels/{name}/check")
def check(name: ChannelName, home: Here, who: AskedBy) -> Wrong:
    """Look whether a channel works, without sending anything."""
    return Wrong(wrong=[{"zh": one.zh, "en": one.en} for one in setting.check(home, who, name)])


@router.post("/channels/{name}/try")
def try_out(name: ChannelName, given: To, home: Here, who: AskedBy) -> TriedAnswer:
    """Send a test message to an address of one's own."""
    tried = setting.try_out(home, who, name, given.to)
    return TriedAnswer(outcome=tried.outcome, code=tried.code, detail=tried.detail)


@router.post("/receipts")
def take(given: ReceiptsGiven, home: Here, who: AskedBy) -> TakenAnswer:
    """Take receipts from a system that has an API key."""
    who.need(Permission.MANAGE_OUTREACH)
    now, taken = clock.micros(), 0
    for one in given.receipts:
        at = now if one.at is None else min(one.at, now)
        with home.state.write() as tx:
            taken += receipts.settle(tx, home, one.id, one.state, at, code=one.code)
    return TakenAnswer(taken=taken, passed_over=len(given.receipts) - taken)


@router.get("/messages/{message}/receipts")
def heard(message: str, home: Here, who: AskedBy) -> list[ReceiptAnswer]:
    """Return what was heard of a message, the latest first."""
    who.need(Permission.SEE_PERSONS)
    return [
        ReceiptAnswer(
            what=one.what,
            first_at=clock.from_micros(one.first_at).isoformat(),
            last_at=clock.from_micros(one.last_at).isoformat(),
            times=one.times,
            code=one.code,
            detail=one.detail,
            link=one.link,
        )
        for one in receipts.of_message(home, message)
    ]


_RAW = {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}}
_MAIL = {"requestBody": {"required": True, "content": _RAW}}


@router.post("/bounces", openapi_extra=_MAIL)
async def bounce(request: Request, home: Here, who: AskedBy) -> BackAnswer:
    """Take a mail that came back, as it arrived."""
    who.need(Permission.MANAGE_OUTREACH)
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > MOST_BYTES:
            why = Text(f"最多 {MOST_BYTES} 字节", f"at most {MOST_BYTES} bytes are allowed")
            raise Invalid(field="body", given=f"{len(raw)} bytes", why=why)
    if not raw:
        raise Invalid(
            field="body", given="", why=Text("请求体是邮件原文", "the body is the mail as it arrived")
        )
    back = await home.state.aside(lambda: answers.take_mail(home, raw))
    return BackAnswer(
        what=str(back.what),
        state=None if back.state is None else str(back.state),
        known=back.message is not None,
    )


@inbox_router.post("/v1/inbox/tokens")
def inbox_token(given: InboxFor, home: Here, who: AskedBy) -> InboxToken:
    """Return a token with which an app reads the inbox of whoever has signed in; for the back end of the app."""
    return InboxToken(token=letters.make_token(home, who, given.identifiers, given.minutes))

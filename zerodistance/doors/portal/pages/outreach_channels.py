"""*Channels* of outreach: by which ways messages go, whether these work, and what was heard of what went by them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.outreach import api as outreach
from zerodistance.core.outreach import links
from zerodistance.core.outreach.channels import setting
from zerodistance.core.outreach.channels.examples import EXAMPLES
from zerodistance.core.outreach.contracts import CHANNELS, ChannelName
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

router = APIRouter()
Field = Annotated[str, Form()]
OUTCOMES = {
    "accepted": Text("对方收下了", "It was taken"),
    "refused": Text("对方不收", "It was refused"),
    "later": Text("没送出去，稍后再试", "It did not go; try again later"),
    "unknown": Text("送出去了，没等到回答", "It went, and no answer came"),
}
TITLES = {name: Text(label.zh, label.en[:1].upper() + label.en[1:]) for name, label in CHANNELS.items()}
ADDRESSES = {
    ChannelName.EMAIL: Text("您自己的邮箱", "A mailbox of your own"),
    ChannelName.SMS: Text("您自己的手机号", "A phone number of your own"),
    ChannelName.WEBHOOK: Text("一个测试标识", "An identifier for trying"),
}
SHOWN = ("delivered", "opened", "clicked", "replied", "refused", "bounced_hard", "bounced_soft", "complained")


def _show(request: Request, status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    shown = {"problem": "", "wrong": "", "draft": "", "about": "", "found": None, "tried": None, **values}
    return page(
        request,
        "outreach_channels.html",
        status=status,
        here="outreach",
        channels=setting.channels(home, who),
        titles=TITLES,
        examples=EXAMPLES,
        outcomes=OUTCOMES,
        addresses=ADDRESSES,
        heard=outreach.HEARD,
        shown=SHOWN,
        base=links.base(home),
        **shown,
    )


@router.get("/outreach/channels")
def listing(request: Request) -> Response:
    """Show every channel."""
    return _show(request)


@router.post("/outreach/channels/{name}")
def describe(request: Request, name: str, said: Field = "") -> Response:
    """Describe a channel and switch it on."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.MANAGE_OUTREACH)
    try:
        setting.set_channel(home, who, name, said)
    except ZeroDistanceError as error:
        if error.status == 404:
            raise
        return _show(request, error.status, problem=error.message(lang_of(request)), wrong=name, draft=said)
    return go(f"/outreach/channels#{name}")


@router.post("/outreach/channels/{name}/switch")
def switch(request: Request, name: str, on: Field = "") -> Response:
    """Switch a channel on or off."""
    setting.switch(home_of(request), who_of(request), name, on=on == "1")
    return go(f"/outreach/channels#{name}")


@router.post("/outreach/channels/{name}/remove")
def remove(request: Request, name: str) -> Response:
    """Take a description away."""
    setting.remove(home_of(request), who_of(request), name)
    return go(f"/outreach/channels#{name}")


@router.post("/outreach/channels/{name}/check")
def check(request: Request, name: str) -> Response:
    """Look whether a channel works, without sending anything."""
    found = setting.check(home_of(request), who_of(request), name)
    return _show(request, about=name, found=found)


@router.post("/outreach/channels/{name}/try")
def try_out(request: Request, name: str, to: Field = "") -> Response:
    """Send a test message."""
    home, who = home_of(request), who_of(request)
    try:
        tried = setting.try_out(home, who, name, to)
    except ZeroDistanceError as error:
        if error.status in (403, 404):
            raise
        return _show(request, error.status, about=name, problem=error.message(lang_of(request)), wrong="to")
    return _show(request, about=name, tried=tried)


register("outreach_channels", router)

"""*Limits* of outreach: caps, quiet hours, rest after a complaint, open cases, minors, who sends; in versions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from zerodistance.core.brand import api as brand
from zerodistance.core.outreach import api as outreach
from zerodistance.core.outreach.contracts import CHANNELS, PURPOSES
from zerodistance.core.outreach.policy import PERIODS, Cap, Policy, Quiet, clock_of, in_words, minutes_of
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.text import Text

router = APIRouter()
_SPARE, _ROWS = 2, 100
NUMBERS = (
    (
        "cool_down_days",
        Text("投诉后休息，天", "Rest after a complaint, days"),
        Text(
            "这期间只收服务消息，用哪个地址投诉的都算",
            "Nothing but service meanwhile, whichever address complained",
        ),
    ),
    (
        "case_days",
        Text("服务请求几天内算没办完", "Service requests count as open for, days"),
        Text(
            "之后没有上门或评价，过了这么多天也不再算", "If nothing followed, they count no more after that"
        ),
    ),
    (
        "minor_age",
        Text("不满多少岁不发", "Nobody younger than, years"),
        Text(
            "按登记的出生年份，拿不准的算未成年；0 为不管",
            "By the year of birth; in doubt they count as minors; 0: not looked at",
        ),
    ),
    (
        "new_days",
        Text("认识多久才发，天", "Known for at least, days"),
        Text("地址第一次出现后多少天；0 为不管", "Days since the address was first seen; 0: not looked at"),
    ),
    (
        "soft_bounces",
        Text("30 天内暂时退信几次就停", "Soft bounces within 30 days, at most"),
        Text(
            "其间没有送达过，就停 30 天不发",
            "After so many, with none delivered between, the address rests for 30 days",
        ),
    ),
)
SENDER = ("sender_zh", "sender_en", "contact_zh", "contact_en")


@router.get("/outreach/limits")
def limits(request: Request, done: str = "") -> Response:
    """Show the limits that hold, as a form for who may set them."""
    return _show(request, outreach.limits_shown(home_of(request), who_of(request)).policy, done=done)


def _show(request: Request, policy: Policy, status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    history = outreach.limits_history(home, who)
    return page(
        request,
        "outreach_limits.html",
        status=status,
        here="outreach",
        policy=policy,
        caps=(*policy.caps, *(Cap(0, 7) for _ in range(_SPARE))),
        hours=(*policy.quiet, Quiet(0, 0)),
        spare=_SPARE,
        history=history,
        periods=PERIODS,
        purposes=PURPOSES,
        channels=CHANNELS,
        units=brand.units(home, Who.system("limits")),
        numbers=NUMBERS,
        in_words=in_words,
        clock_of=clock_of,
        may=who.may(Permission.MANAGE_OUTREACH),
        **{"problem": "", "done": "", **values},
    )


@router.post("/outreach/limits")
async def set_limits(request: Request) -> Response:
    """Set the limits."""
    form = await request.form()
    return await to_thread.run_sync(_set, request, form)


def _set(request: Request, form: FormData) -> Response:
    home, who = home_of(request), who_of(request)
    who.need(Permission.MANAGE_OUTREACH)
    policy = outreach.limits_shown(home, who).policy
    try:
        said = _said(form)
        policy = _typed(policy, said)
        outreach.set_limits(home, who, said)
    except ZeroDistanceError as error:
        return _show(request, policy, error.status, problem=error.message(lang_of(request)))
    return go("/outreach/limits?done=saved")


def _typed(policy: Policy, said: dict[str, Any]) -> Policy:
    """Return what was typed, whether it can be or not: it is shown again beside what is wrong with it."""
    caps = tuple(Cap(**one) for one in said["caps"])
    hours = tuple(
        Quiet(**{**one, "purposes": tuple(one["purposes"]), "channels": tuple(one["channels"])})
        for one in said["quiet"]
    )
    return replace(policy, **{**said, "caps": caps, "quiet": hours})


def _said(form: FormData) -> dict[str, Any]:
    said: dict[str, Any] = {name: _number(name, str(form.get(name, ""))) for name, _, _ in NUMBERS}
    said |= {name: str(form.get(name, "")).strip() for name in SENDER}
    said["open_case"] = form.get("open_case") == "1"
    caps, hours = [], []
    for n in range(_ROWS):
        if str(form.get(f"most-{n}", "")).strip():
            cap = {key: str(form.get(f"{key}-{n}", "")) for key in ("purpose", "channel", "unit")}
            numbers = {key: _number(key, str(form.get(f"{key}-{n}", ""))) for key in ("most", "days")}
            caps.append({**cap, **numbers})
        begins, ends = (str(form.get(f"{key}-{n}", "")).strip() for key in ("begins", "ends"))
        if begins and ends:
            lists = {
                key: [str(one) for one in form.getlist(f"quiet-{key}-{n}")]
                for key in ("purposes", "channels")
            }
            hours.append(
                {
                    "begins": minutes_of(begins),
                    "ends": minutes_of(ends),
                    "country": str(form.get(f"country-{n}", "")).strip().upper(),
                    "weekend": form.get(f"weekend-{n}") == "1",
                    **lists,
                }
            )
    return {**said, "caps": caps, "quiet": hours}


def _number(name: str, given: str) -> int:
    text = given.strip().replace(",", "")
    if not (text.isascii() and text.isdigit()) or len(text) > 6:
        raise Invalid(field=name, given=given[:40], why=Text("写一个整数", "write a whole number"))
    return int(text)


register("outreach_limits", router)

"""*Policy* of a touchpoint: how much it may send, and what it has agreed to send."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.api import COUNTERS, MODES
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.text import Text

router = APIRouter()
Field = Annotated[str, Form()]
CALLS = ("track", "identify", "page", "screen", "group", "alias")
LIMITS = (  # name of the field, label, what it means
    (
        "events_per_second",
        Text("每秒最多，条", "Events a second"),
        Text(
            "空着表示不限；超过的请对方稍后再发（429）",
            "Empty: no limit; what is over it is asked to come later (429)",
        ),
    ),
    (
        "burst",
        Text("停顿后一次最多，条", "At once after a pause"),
        Text("空着表示十秒的量", "Empty: ten seconds' worth"),
    ),
    (
        "events_per_day",
        Text("每天最多，条", "Events a day"),
        Text("空着表示不限；从零点起算", "Empty: no limit; from midnight"),
    ),
    (
        "event_bytes",
        Text("单条最大，字节", "Largest event, bytes"),
        Text("更大的进隔离区", "A larger one goes to the quarantine"),
    ),
)
EXAMPLE = """{
  "properties": {
    "properties": {
      "type": "object",
      "required": ["product_id"],
      "properties": {
        "product_id": { "type": "string" },
        "price": { "type": "number", "minimum": 0 }
      }
    }
  },
  "required": ["properties"]
}"""


def _show(request: Request, source: Source, status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    shown = {
        "problem": "",
        "wrong": "",
        "given": {name: getattr(source, name) or "" for name, _, _ in LIMITS},
        "draft": {"type": "track", "name": "", "mode": "observe", "text": EXAMPLE},
        **values,
    }
    return page(
        request,
        "touchpoint_policy.html",
        status=status,
        here="touchpoints",
        source=source,
        schemas=touchpoints.list_schemas(home, who, source.key),
        door=touchpoints.door_today(home, who, source.key),
        counters=COUNTERS,
        modes=MODES,
        calls=CALLS,
        limits=LIMITS,
        words=touchpoints.detail_words,
        **shown,
    )


@router.get("/touchpoints/{key}/policy")
def policy(request: Request, key: str) -> Response:
    """Show the limits and schemas of a source, and what came of them today."""
    return _show(request, touchpoints.get_source(home_of(request), who_of(request), key))


@router.post("/touchpoints/{key}/policy")
def limit(
    request: Request,
    key: str,
    events_per_second: Field = "",
    burst: Field = "",
    events_per_day: Field = "",
    event_bytes: Field = "",
) -> Response:
    """Set the limits of a source."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.MANAGE_SOURCES)
    source = touchpoints.get_source(home, who, key)
    given = {
        "events_per_second": events_per_second,
        "burst": burst,
        "events_per_day": events_per_day,
        "event_bytes": event_bytes,
    }
    try:
        numbers = {name: _number(name, value) for name, value in given.items()}
        size = numbers.pop("event_bytes")
        touchpoints.set_policy(home, who, key, event_bytes=size or source.event_bytes, **numbers)
    except ZeroDistanceError as error:
        wrong = str(error.data.get("field", ""))
        words = error.message(lang_of(request))
        return _show(request, source, error.status, problem=words, wrong=wrong, given=given)
    return go(f"/touchpoints/{key}/policy")


def _number(field: str, value: str) -> int | None:
    text = value.strip().replace(",", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise Invalid(
            field=field, given=value[:40], why=Text("写一个整数，或空着", "write a whole number or nothing")
        )
    return int(text)


@router.post("/touchpoints/{key}/schemas")
def agree(
    request: Request,
    key: str,
    type: Field = "",
    name: Field = "",
    mode: Field = "",
    text: Field = "",
) -> Response:
    """Set a schema, or only the mode of one when no text is given."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.MANAGE_SOURCES)
    source = touchpoints.get_source(home, who, key)
    try:
        touchpoints.set_schema(
            home, who, key, type=type, name=name.strip(), mode=mode, text=text.strip() or None
        )
    except ZeroDistanceError as error:
        draft = {"type": type, "name": name, "mode": mode, "text": text}
        words = error.message(lang_of(request))
        return _show(request, source, error.status, problem=words, wrong="text", draft=draft)
    return go(f"/touchpoints/{key}/policy#schemas")


@router.post("/touchpoints/{key}/schemas/remove")
def disagree(request: Request, key: str, type: Field, name: Field = "") -> Response:
    """Take a schema away."""
    touchpoints.remove_schema(home_of(request), who_of(request), key, type=type, name=name)
    return go(f"/touchpoints/{key}/policy#schemas")


register("touchpoint_policy", router)

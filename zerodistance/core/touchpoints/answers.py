"""What the door of collection says: the headers that browsers ask for, errors, and what clients want to know before they send."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec

from zerodistance.core.touchpoints import limits, rules
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.kernel import clock
from zerodistance.kernel.errors import ZeroDistanceError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
OK = b'{"success": true}'
OK_HEADERS: Headers = [JSON, (b"content-length", b"%d" % len(OK))]
OK_START: MutableMapping[str, Any] = {"type": "http.response.start", "status": 200, "headers": OK_HEADERS}
OK_BODY: MutableMapping[str, Any] = {"type": "http.response.body", "body": OK}

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent GIF of one by one."""
_GIF = (b"content-type", b"image/gif")
_FRESH = (b"cache-control", b"no-store")
_VARY = (b"vary", b"Origin")
EXPOSED = b", ".join([b"retry-after", limits.LIMIT, limits.REMAINING, limits.RESET, limits.POLICY])
"""What a script in a page may read of an answer: without this a browser client never sees `Retry-After`."""
PREFLIGHT_SECONDS = 7_200  # the longest that Chromium keeps it

_RETRY_SECONDS = {"busy": 1, "journal_full": 10, "disk_short": 30}
_RETRY_OTHERWISE = 5
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def cors(origin: bytes, allowed: bool) -> Headers:
    """Return the headers for a page of an origin, none for a client that is no browser."""
    if not origin:
        return []
    if not allowed:
        return [_VARY]
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", EXPOSED),
        _VARY,
    ]


async def preflight(scope: Scope, send: Send, methods: Iterable[str], headers: Headers) -> None:
    """Answer OPTIONS: which methods there are, and for a page of an allowed origin that it may go on."""
    allowed = ", ".join([*methods, "OPTIONS"]).encode()
    if len(headers) > 1:
        asked = next((v for n, v in scope["headers"] if n == b"access-control-request-headers"), b"")
        headers = [
            *headers,
            (b"access-control-allow-methods", allowed),
            (b"access-control-allow-headers", rules.reflected_headers(asked.decode("latin-1")).encode()),
            (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
        ]
    await answer(send, 204, b"", [(b"allow", allowed), *headers])


async def refuse(scope: Scope, send: Send, error: ZeroDistanceError, headers: Headers) -> None:
    """Answer an error as `{"code", "message"}`, in the language the client asks for."""
    await answer(send, error.status, _described(scope, error), [JSON, *_again(error), *headers])


async def pixel(
    scope: Scope, send: Send, status: int, headers: Headers, error: ZeroDistanceError | None = None
) -> None:
    """Answer the picture, whatever became of the touch: a reader must not see a broken one. The reason stands in a header."""
    extra = [] if error is None else [(b"x-error", error.code.encode()), *_again(error)]
    body = b"" if scope["method"] == "HEAD" else PIXEL
    size = (b"content-length", b"%d" % len(PIXEL))
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [_GIF, size, _FRESH, *extra, *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def document(scope: Scope, send: Send, value: object, headers: Headers) -> None:
    """Answer JSON that must not be kept: it names a key that can be changed."""
    body = msgspec.json.encode(value)
    size = (b"content-length", b"%d" % len(body))
    await send(
        {"type": "http.response.start", "status": 200, "headers": [JSON, size, _FRESH, *headers]},
    )
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send one answer."""
    if body:
        headers = [(b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def settings(source: Source, scope: Scope) -> dict[str, Any]:
    """Return what clients of Segment ask for before they start; it names this door, so that they need no second address."""
    reached = _reached(scope)
    api = {"apiHost": f"{reached[1]}/v1", "protocol": reached[0]} if reached else {}
    return {
        "integrations": {"Segment.io": {"apiKey": source.write_key, **api}},
        "plan": {"track": {"__default": {"enabled": True}}},
        "metrics": {"sampleRate": 0},  # the client would report on itself
    }


def source_config(source: Source, scope: Scope) -> dict[str, Any]:
    """Return what clients of RudderStack ask for before they start: no destinations, no reports on themselves."""
    reached = _reached(scope)
    made = clock.from_micros(source.created_at).isoformat()
    quiet = {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    return {
        "isHosted": False,
        "updatedAt": made,
        "source": {
            "id": source.key,
            "name": source.key,
            "writeKey": source.write_key,
            "workspaceId": "zerodistance",
            "enabled": True,
            "config": {"statsCollection": quiet},
            "destinations": [],
            "connections": [],
            "sourceDefinitionId": source.kind,
            "sourceDefinition": {"id": source.kind, "name": source.kind, "displayName": source.kind},
            "dataplanes": {"default": [{"url": f"{reached[0]}://{reached[1]}", "default": True}]}
            if reached
            else {},
            "createdAt": made,
            "updatedAt": made,
        },
    }


def _reached(scope: Scope) -> tuple[str, str] | None:
    """Return scheme and host under which this request reached us, None if the host is no host."""
    host = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"host"), "")
    scheme = scope.get("scheme", "http")
    return (scheme, host) if _HOST.fullmatch(host) else None


def _described(scope: Scope, error: ZeroDistanceError) -> bytes:
    lang = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"accept-language"), "en")
    return msgspec.json.encode(error.as_dict("zh" if lang.lower().startswith("zh") else "en"))


def _again(error: ZeroDistanceError) -> Headers:
    if not error.retry:
        return []
    seconds = error.data.get("retry_after") or _RETRY_SECONDS.get(error.code, _RETRY_OTHERWISE)
    return [(b"retry-after", b"%d" % seconds)]

"""Recognition over HTTP: who is known by this identifier, in milliseconds. A POST, so that no URL holds personal data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from zerodistance.core.identity import api
from zerodistance.core.identity.contracts import NotAnIdentifier, Person
from zerodistance.core.identity.mentions import FIELDS
from zerodistance.core.identity.rules import GIVEN
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import NotSignedIn

if TYPE_CHECKING:
    from zerodistance.core.identity.placing.asking import Alike

PATH = "/v1/persons/lookup"
_MOST_BYTES = 16_384  # own value: one identifier is small
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]

router = APIRouter(prefix="/v1/persons", tags=["persons"])


_QUESTION = {
    "type": "object",
    "description": "one identifier",
    "minProperties": 1,
    "properties": {
        "namespace": {"type": "string", "enum": sorted(GIVEN)},
        "value": {"type": ["string", "integer"]},
        "id": {"type": "string"},
        "identifiers": {"type": "boolean"},
    },
    "additionalProperties": {"type": ["string", "integer"]},
}


@router.post(
    "/lookup",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _QUESTION}}}},
)
async def lookup(request: Request) -> JSONResponse:
    """Return the person or visitor known by one identifier.

    The body is JSON, whatever its content type says: `{"phone": "138..."}` (any namespace), or `{"namespace": "phone", "value":
    "138..."}`, or `{"id": "p_..."}` for an id of earlier days. With `"identifiers": true` the answer has them, masked.
    A device or a cookie that several accounts use in turn leads to who uses it now; `earlier` then lists the ids of those who did before.
    """
    return JSONResponse(_look(request.app.state.home, request.state.who, await request.body()))


def _look(home: Home, who: Who, body: bytes) -> dict[str, Any]:
    given = _body(body)
    masked = given.pop("identifiers", False) is True
    if "id" in given:
        found = api.show(home, who, str(given["id"]))
    else:
        namespace, value = _asked(given)
        found = api.lookup(home, who, namespace, value, masked=masked)
    return answer(found, masked=masked)


_SAID = {
    "type": "object",
    "description": "what somebody says of themselves: any of these, and how many persons to name",
    "minProperties": 1,
    "properties": {
        **{name: {"type": "string"} for name in FIELDS},
        "limit": {"type": "integer", "minimum": 1, "maximum": 20},
    },
    "additionalProperties": False,
    "example": {"name": "王伟", "phone": "13812348001", "address": "双桥城4号楼2单元201"},
}


@router.post(
    "/match",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _SAID}}}},
)
async def match(request: Request) -> JSONResponse:
    """Return the persons that a record without a known identifier is likely about, the likeliest first, and why; nothing is written.

    The body is JSON, whatever its content type says: `{"name": "...", "phone": "...", "address": "..."}`, any field of a mention, and `"limit"` (5).
    `same` says whether a record like this would be joined with that person by itself.
    """
    given = _body(await request.body())
    limit = given.pop("limit", 5)
    wrong = [name for name, value in given.items() if not isinstance(value, str)]
    if wrong or not isinstance(limit, int):
        what = wrong[0] if wrong else "limit"
        raise Invalid(
            field=what,
            given=given.get(what, limit),
            why=Text("要字符串，limit 要整数", "send strings, and a whole number as limit"),
        )
    found = await run_in_threadpool(api.alike, request.app.state.home, request.state.who, given, limit)
    return JSONResponse({"persons": [_alike(one) for one in found]})


def _alike(found: Alike) -> dict[str, Any]:
    return {
        **answer(found.person),
        "probability": round(found.probability, 6),
        "bits": round(found.bits, 3),
        "same": found.joins,
        "why": [
            {
                "comparison": one.comparison,
                "label": _both(one.label),
                "level": _both(one.level),
                "bits": round(one.bits, 3),
            }
            for one in found.weights
        ],
    }


class Recognise:
    """The same for programs with an API key, as a bare ASGI callable: a call centre asks while the phone rings.

    It answers in the event loop where the state is a file: two indexed reads take less time than handing them to a thread.

    Parameters
    ----------
    who_of_key
        API key -> who asks, None if the key is unknown.
    """

    def __init__(self, home: Home, who_of_key: Callable[[str], Who | None]) -> None:
        self._home, self._who_of_key = home, who_of_key

    @staticmethod
    def handles(scope: Scope) -> bool:
        """Say whether a request is a look-up with an API key; everything else goes through the gate."""
        return scope["path"] == PATH and scope["method"] == "POST" and _key(scope) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one look-up."""
        status = 200
        try:
            body, state = await _read(receive), self._home.state
            if state.is_remote:
                said = await state.aside(lambda: self._answer(scope, body))
            else:
                said = self._answer(scope, body)
        except ZeroDistanceError as error:
            status, said = error.status, error.as_dict(_lang(scope, self._home.settings.lang))
        answered = msgspec.json.encode(said)
        headers = [*_HEADERS, (b"content-length", b"%d" % len(answered))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answered})

    def _answer(self, scope: Scope, body: bytes) -> dict[str, Any]:
        who = self._who_of_key(_key(scope) or "")
        if who is None:
            raise NotSignedIn
        return _look(self._home, who, body)


def _key(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].strip().decode("latin-1"))
    return None


def _lang(scope: Scope, otherwise: str) -> str:
    for name, value in scope["headers"]:
        if name == b"accept-language" and value[:2].lower() in (b"zh", b"en"):
            return str(value[:2].lower().decode())
    return otherwise


async def _read(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _MOST_BYTES:
            raise Invalid(
                field="body",
                given=f"{len(body)} bytes",
                why=Text(f"最多 {_MOST_BYTES} 字节", f"at most {_MOST_BYTES} bytes are allowed"),
            )
        if not message.get("more_body"):
            return body


def _body(raw: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid(
            field="body",
            given=f"{len(raw)} bytes",
            why=Text('要发 JSON 对象，如 {"phone": "..."}', 'send a JSON object such as {"phone": "..."}'),
        ) from None


def _asked(given: dict[str, Any]) -> tuple[str, str]:
    pairs = [(given["namespace"], given.get("value"))] if "namespace" in given else list(given.items())
    if len(pairs) != 1 or not isinstance(pairs[0][1], str | int) or not isinstance(pairs[0][0], str):
        raise NotAnIdentifier(
            namespace=", ".join(map(str, given)), why="give exactly one", allowed=", ".join(GIVEN)
        )
    return pairs[0][0], str(pairs[0][1])


def answer(person: Person, *, masked: bool = False) -> dict[str, Any]:
    """Return a person as the API says it; times are ISO 8601 in UTC."""
    said: dict[str, Any] = {
        "id": person.id,
        "kind": person.kind.value,
        "since": clock.from_micros(person.since).isoformat(),
        "counts": person.counts,
        "redirected_from": person.asked,
    }
    if person.earlier:
        said["earlier"] = list(person.earlier)
    if masked:
        said["identifiers"] = [
            {
                "namespace": i.namespace,
                "masked": i.masked,
                "since": clock.from_micros(i.first_at).isoformat(),
                "shared": i.shared,
            }
            for i in person.identifiers
        ]
    return said


def _both(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}

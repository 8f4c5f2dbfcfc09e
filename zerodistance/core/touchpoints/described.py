"""The collection protocol as OpenAPI 3.1: a bare ASGI callable has no framework that would write it down."""

from __future__ import annotations

from typing import Any

from zerodistance.core.touchpoints import routes
from zerodistance.core.touchpoints.routes import BATCH, EVENT, Route
from zerodistance.core.touchpoints.wire import TYPES

Described = dict[str, Any]

_MOMENT = {
    "type": ["string", "integer", "number", "null"],
    "description": "ISO 8601, or seconds or milliseconds since 1970",
    "examples": ["2026-11-26T08:00:00.000Z"],
}
_ID = {"type": ["string", "integer", "null"], "maxLength": 512}
_OBJECT = {"type": ["object", "null"]}
_EVENT: Described = {
    "type": "object",
    "description": "One event. One of userId and anonymousId is needed; what else an event holds is kept as it is.",
    "properties": {
        "type": {"type": "string", "enum": sorted(TYPES)},
        "messageId": {**_ID, "description": "given again, the event is dropped as repeated"},
        "userId": _ID,
        "anonymousId": _ID,
        "previousId": {**_ID, "description": "of alias: the id before"},
        "groupId": _ID,
        "event": {"type": ["string", "null"], "description": "of track: its name"},
        "name": {"type": ["string", "null"], "description": "of page and screen: its name"},
        "properties": _OBJECT,
        "traits": _OBJECT,
        "context": _OBJECT,
        "timestamp": _MOMENT,
        "sentAt": _MOMENT,
    },
}
SCHEMAS: Described = {
    "CollectedEvent": _EVENT,
    "CollectedBatch": {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {"type": "array", "items": {"$ref": "#/components/schemas/CollectedEvent"}, "maxItems": 100_000},
            "writeKey": {"type": "string"},
            "sentAt": _MOMENT,
            "context": _OBJECT,
        },
    },
    "Collected": {
        "type": "object",
        "required": ["success"],
        "properties": {"success": {"const": True}},
        "description": "The request is on disk.",
    },
    "Problem": {
        "type": "object",
        "required": ["code", "message", "retry"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "retry": {"type": "boolean"}},
        "description": "Why not, in the language of Accept-Language; `retry`: sending the same again later may succeed.",
    },
}  # fmt: skip
SECURITY: Described = {
    "writeKey": {
        "type": "http",
        "scheme": "basic",
        "description": "the write key of a source as the user, no password; it may also be `writeKey` in the body, X-Write-Key or ?writeKey=",
    }
}
_SAID = {
    400: "the body is damaged, no JSON, no object or without `batch`",
    401: "no source has this key, or it is switched off",
    403: "the source takes nothing from pages of this origin",
    404: "nothing is collected here",
    408: "the body did not come to its end in time",
    413: "the body is too large, or holds too many events",
    429: "over a limit of the source, or short of room: again after `Retry-After` seconds",
    503: "the journal can't be written, or the state is away: again after `Retry-After` seconds",
}
_GIF = {"image/gif": {"schema": {"type": "string", "format": "binary"}}}
_WRITE_KEY = {"name": "writeKey", "in": "query", "schema": {"type": "string"}}
_KEY = {"name": "key", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _json(schema: str) -> Described:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _answers(good: Described, *refused: int, content: Described | None = None) -> Described:
    problem = _json("Problem") if content is None else content
    return {
        "200": {"description": "taken", "content": good},
        **{str(status): {"description": _SAID[status], "content": problem} for status in refused},
    }


def paths() -> Described:
    """Return the path items of the protocol, as OpenAPI 3.1 has them; the shapes they name are in `SCHEMAS`."""
    return {path: _item(path, route) for path, route in routes.table()}


def _item(path: str, route: Route) -> Described:
    if route in (routes.SETTINGS, routes.CONFIG):
        given = [_KEY] if "{key}" in path else [_WRITE_KEY]
        free = {"application/json": {"schema": {"type": "object"}}}
        answers = _answers(free, 401, 404, 503)
        if "{key}" in path:
            return {
                "get": _operation(
                    path, "what a client asks before it sends", answers, parameters=given, security=[]
                )
            }
        return {"get": _operation(path, "what a client asks before it sends", answers, parameters=given)}
    if route is routes.METRICS:
        measured = _body({"type": "object"})
        answers = _answers(_json("Collected"), 400, 408, 413, 429)
        return {
            "post": _operation(
                path, "what a client measured of itself", answers, requestBody=measured, security=[]
            )
        }
    if route.methods[0] == "GET":
        data = {"name": "data", "in": "query", "required": True, "schema": {"type": "string"}}
        answers = _answers(_GIF, 400, 401, 403, 413, 429, 503, content=_GIF)
        picture = "a picture whose address holds one event, as Base64 of its JSON"
        return {"get": _operation(path, picture, answers, parameters=[data, _WRITE_KEY], security=[])}
    shape = "CollectedBatch" if route.name == BATCH else "CollectedEvent"
    what = {BATCH: "a list of events", EVENT: "one event that says its type"}.get(
        route.name, f"one {route.name} event"
    )
    answers = _answers(_json("Collected"), 400, 401, 403, 408, 413, 429, 503)
    sent = _body({"$ref": f"#/components/schemas/{shape}"})
    return {"post": _operation(path, what, answers, requestBody=sent, parameters=[_WRITE_KEY])}


def _body(schema: Described) -> Described:
    """Return a body: JSON, whatever its content type says, since browsers send beacons as text."""
    return {
        "required": True,
        "content": {"application/json": {"schema": schema}, "text/plain": {"schema": schema}},
    }


def _operation(path: str, summary: str, responses: Described, **more: Any) -> Described:
    name = "collect" + path.replace("/", "_").replace("{", "").replace("}", "")
    return {
        "tags": ["collection"],
        "operationId": name,
        "summary": summary,
        "responses": responses,
        "security": [{"writeKey": []}],
        **more,
    }

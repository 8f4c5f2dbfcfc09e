"""`/v1/openapi.json`: what the framework knows of the API, and beside it what bare ASGI callables answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from zerodistance.core.outreach import people_http as people
from zerodistance.core.touchpoints import described as collection

Described = dict[str, Any]

_BEARER: Described = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "a key of `zerodistance accounts key`"}
}
_PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REFUSED = {
    400: "something given lacks or can't be read",
    401: "no account: send an API key",
    403: "the account may not do this",
    404: "there is no such thing",
    409: "it stands against something that is there",
    413: "more than is taken at once",
    422: "it can be read, and yet it can't be made: the message says why",
    503: "the state is away: again after `Retry-After` seconds",
}
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
_METRICS = {**_TEXT, "application/openmetrics-text": {"schema": {"type": "string"}}}
_FREE = {"application/json": {"schema": {"type": "object"}}}
_PROBES: Described = {
    "/healthz": {
        "get": {
            "tags": ["operations"],
            "operationId": "alive",
            "summary": "the door is alive",
            "responses": {"200": {"description": "alive", "content": _FREE}},
            "security": [],
        }
    },
    "/readyz": {
        "get": {
            "tags": ["operations"],
            "operationId": "ready",
            "summary": "the door can take requests in; how far digestion is",
            "responses": {
                "200": {"description": "ready", "content": _FREE},
                "503": {"description": "not ready: `reason` says why", "content": _FREE},
            },
            "security": [],
        }
    },
    "/metrics": {
        "get": {
            "tags": ["operations"],
            "operationId": "metrics",
            "summary": "measures in the text form of Prometheus or OpenMetrics, for whom the setting `metrics` allows",
            "responses": {
                "200": {"description": "measures", "content": _METRICS},
                **{str(status): {"description": _REFUSED[status], "content": _PROBLEM} for status in (401, 403, 404)},
            },
            "security": [{}, {"apiKey": []}],
        }
    },
}  # fmt: skip


def describe(app: FastAPI) -> None:
    """Let `app.openapi` return the whole API: rooms, collection, probes."""
    framework = app.openapi
    whole: Described = {}

    def openapi() -> Described:
        if not whole:
            whole.update(_joined(framework()))
        return whole

    app.openapi = openapi  # type: ignore[method-assign]


def _joined(said: Mapping[str, Any]) -> Described:
    parts = said.get("components", {})
    schemas = {name: one for name, one in parts.get("schemas", {}).items() if "ValidationError" not in name}
    rooms = {
        path: {method: _room(operation) for method, operation in item.items()}
        for path, item in said["paths"].items()
    }
    return {
        **said,
        "paths": {**collection.paths(), **rooms, **people.PATHS, **_PROBES},
        "components": {
            **parts,
            "schemas": {**schemas, **collection.SCHEMAS},
            "securitySchemes": {**collection.SECURITY, **_BEARER, **people.SECURITY},
        },
    }


def _room(operation: Described) -> Described:
    """Return an operation with the answers that every one of them may have; the framework's own of 422 is never given."""
    given = {status: answer for status, answer in operation["responses"].items() if status != "422"}
    refused = {str(status): {"description": why, "content": _PROBLEM} for status, why in _REFUSED.items()}
    return {**operation, "responses": {**refused, **given}, "security": [{"apiKey": []}]}

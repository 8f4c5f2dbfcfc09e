"""Every route of routers, those of routers that were put into them too: `router.routes` has one entry for each of these, which is no route."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter
from fastapi.routing import RouteContext, iter_route_contexts

from zerodistance import compose
from zerodistance.doors.portal import registry
from zerodistance.kernel.home import Home


def routes(*routers: APIRouter) -> list[RouteContext]:
    """Return every route of routers, with its whole path."""
    return [one for router in routers for one in iter_route_contexts(router.routes)]


def everything(home: Home) -> list[RouteContext]:
    """Return every route of a home: pages and API, without what plain ASGI callables answer."""
    gate: Any = compose.door(home)._rest
    return [one for one in iter_route_contexts(gate.app.routes) if one.path]


def pages() -> list[RouteContext]:
    """Return every route of the portal, in the order in which they are asked."""
    return routes(*registry.routers())


def route_of(method: str, path: str) -> str:
    """Return the path with its names in braces of the page that answers an address; empty where there is none."""
    plain = path.partition("?")[0]
    for one in pages():
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(one.path or ""))
        if method in (one.methods or ()) and re.fullmatch(pattern, plain):
            return one.path or ""
    return ""

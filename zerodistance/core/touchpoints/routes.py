"""What is collected under which path: the routes of the Segment protocol and of the clients that grew from it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from zerodistance.core.touchpoints.wire import TYPES

BATCH, EVENT = "batch", "event"
"""Routes of the journal besides the six types: a list of events; one event that says its own type."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a path takes.

    Attributes
    ----------
    name
        `batch`, `event` or the type of its one event; for what is asked and not sent: `settings`, `config`, `pixel`, `metrics`.
    methods
        What it answers besides OPTIONS.
    sends_again
        Whether its clients send again when they hear 429; those that don't are refused last.
    """

    name: str
    methods: tuple[str, ...] = ("POST",)
    sends_again: bool = True


_READ = ("GET", "HEAD")
SETTINGS = Route("settings", _READ)
CONFIG = Route("config", _READ)
METRICS = Route("metrics")
PIXELS = {name: Route(name, _READ, sends_again=False) for name in sorted(TYPES)}

_ORDER = ("track", "identify", "page", "screen", "group", "alias")
_POSTED: dict[str, Route] = {
    "/v1/batch": Route(BATCH),
    "/v1/b": Route(BATCH),
    "/v1/import": Route(BATCH),
    "/beacon/v1/batch": Route(BATCH, sends_again=False),
    **{f"/v1/{name}": Route(name) for name in _ORDER},
    **{f"/v1/{name[0]}": Route(name) for name in _ORDER},
    **{f"/api/s/{name}": Route(name, sends_again=False) for name in (*_ORDER, EVENT)},
    **{f"/api/s/s2s/{name}": Route(name, sends_again=False) for name in (*_ORDER, EVENT)},
}
POSTED: dict[str, Route] = {path + slash: route for path, route in _POSTED.items() for slash in ("", "/")}
"""Path -> what is posted to it: touches, kept before the answer."""

_ASKED: dict[str, Route] = {
    "/sourceConfig": CONFIG,
    "/v1/m": METRICS,
    "/rsaMetrics": METRICS,
    **{f"/v1/pixel/{name}": route for name, route in PIXELS.items()},
    **{f"/v1/pixel/{name[0]}": route for name, route in PIXELS.items()},
}
ASKED: dict[str, Route] = {path + slash: route for path, route in _ASKED.items() for slash in ("", "/")}
"""Path -> what is answered without a touch, and the pixel, whose touch stands in its address."""

_PROJECTS = ("/v1/projects/", "/projects/")
_SETTINGS = "/settings"


def find(path: str) -> Route | None:
    """Return the route of a path, None if nothing is collected there. A doubled slash counts as one: addresses are joined by hand.

    Examples
    --------
    >>> find("/v1//batch/").name, find("/api/s/s2s/page").sends_again, find("/v1/projects/KEY/settings").name, find("/v1/people")
    ('batch', False, 'settings', None)
    """
    route = POSTED.get(path) or ASKED.get(path)
    if route is None and "//" in path:
        while "//" in path:
            path = path.replace("//", "/")
        route = POSTED.get(path) or ASKED.get(path)
    return route or (SETTINGS if settings_key(path) else None)


def settings_key(path: str) -> str | None:
    """Return the write key in `/v1/projects/{key}/settings`, None for another path."""
    path = path.rstrip("/").replace("//", "/")
    for prefix in _PROJECTS:
        if path.startswith(prefix) and path.endswith(_SETTINGS):
            key = unquote(path[len(prefix) : -len(_SETTINGS)])
            return key if key and "/" not in key else None
    return None


def table() -> list[tuple[str, Route]]:
    """Return every path once, without its form with a slash at the end, as documents list them."""
    rows = [*_POSTED.items(), *_ASKED.items()]
    return [*rows, *((f"{prefix}{{key}}{_SETTINGS}", SETTINGS) for prefix in _PROJECTS)]

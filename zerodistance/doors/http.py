"""The ASGI application: collection goes straight to touchpoints, everything else through the gate to pages and API."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import get_contextvars

from zerodistance.doors.bodies import Bodies
from zerodistance.doors.described import describe
from zerodistance.doors.portal import assets, registry
from zerodistance.doors.portal.gate import Gate, genuine
from zerodistance.doors.portal.shell import LoginNeeded, page
from zerodistance.kernel import spans
from zerodistance.kernel.errors import NotFound, ZeroDistanceError, frames, told
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import bound, log
from zerodistance.kernel.text import Text

API = "/v1/"


class NoSuchPage(NotFound):
    """No page has this address."""

    code = "no_such_page"
    text = Text("没有这个页面：{given}", "there is no page {given}")


class BadRequest(ZeroDistanceError):
    """A request lacks a field or has one that can't be read."""

    code, status = "bad_request", 400
    text = Text("缺少或读不懂：{fields}", "missing or not readable: {fields}")


class Broken(ZeroDistanceError):
    """Something unexpected happened; the log has it under the number."""

    code, status = "broken", 500
    text = Text(
        "程序出错了，日志编号 {number}；数据没有丢",
        "the program failed; the log has it as {number}; no data is lost",
    )


_HTTP = {
    405: Text(
        "这个地址不能这样打开；请从页面上的按钮进去",
        "this address can't be opened this way; use the button on its page",
    ),
}
"""What the framework says, in both languages."""


class Collecting(Protocol):
    """What answers the collection protocol; touchpoints' `collector(home)` is one."""

    def handles(self, path: str) -> bool:
        """Say whether a path is its own."""
        ...

    async def startup(self) -> None:
        """Begin, in the event loop that serves."""
        ...

    async def shutdown(self) -> None:
        """Write what is waiting and end."""
        ...

    def writing_seconds(self) -> float:
        """Return how long the oldest request has been waiting for the disk."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        ...


class Answering(Protocol):
    """A bare ASGI callable for a request that must be answered in milliseconds; identity's `Recognise` is one."""

    def handles(self, scope: Scope) -> bool:
        """Say whether a request is its own."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        ...


async def _guarded(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in our form what such an application did not expect."""
    try:
        await app(scope, receive, send)
    except Exception as error:
        number = secrets.token_hex(4)
        path = scope.get("shown", scope["path"])  # an address that is a secret is not written down
        log("http").error("broken", number=number, path=path, error=told(error), trace=frames(error))
        await JSONResponse(Broken(number=number).as_dict(), 500)(scope, receive, send)


class Door:
    """Sends collection and look-ups to their own plain ASGI applications, and everything else to the pages and the API."""

    def __init__(self, collector: Collecting, quick: Sequence[Answering], rest: ASGIApp) -> None:
        self._collector, self._quick, self._rest = collector, tuple(quick), rest
        self._handles = collector.handles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        if self._handles(scope["path"]):
            await self._collector(scope, receive, send)
            return
        quick = next((one for one in self._quick if one.handles(scope)), None)
        if quick is not None:
            await _guarded(quick, scope, receive, send)
            return
        try:
            await self._page(scope, receive, send)
        except Exception:  # it is answered and in the log; the server would write it once more, as plain text
            return

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a page or a call of the API: every line that is logged meanwhile carries the number of the request."""
        number = secrets.token_hex(4)
        with bound(request=number), spans.span("page", request=number) as span:

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    route = getattr(scope.get("route"), "path", "")  # never the path: it may name a person
                    said = {"http.request.method": scope["method"], "http.route": route}
                    span.set(**said, **{"http.response.status_code": message["status"]})
                await send(message)

            await self._rest(scope, receive, answer)


def create_app(
    home: Home, collector: Collecting, routers: Sequence[APIRouter] = (), quick: Sequence[Answering] = ()
) -> Door:
    """Return the application of one home.

    Parameters
    ----------
    collector
        What answers the collection protocol; begun and ended with the application.
    routers
        The API of the rooms; they read `request.state.who` and `request.app.state.home`.
    quick
        Bare ASGI callables that are asked first; each says who may ask by itself.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await collector.startup()
        try:
            yield
        finally:
            await collector.shutdown()

    app = FastAPI(
        title="Zero Distance", lifespan=life, docs_url=None, redoc_url=None, openapi_url=f"{API}openapi.json"
    )
    app.state.home, app.state.collector = home, collector
    app.add_middleware(Bodies, begins=API, most=home.settings.max_request_bytes, refuse=_answer)
    app.add_exception_handler(ZeroDistanceError, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Exception, _broken)
    app.include_router(_own)
    for router in routers:
        app.include_router(router, dependencies=[Depends(_known), Depends(genuine)])
    for router in registry.routers():
        app.include_router(router, dependencies=[Depends(genuine)], include_in_schema=False)
    describe(app)
    return Door(collector, quick, Gate(app, home, _answer))


async def _known(request: Request) -> None:
    if request.state.who is None:
        raise LoginNeeded()


_own = APIRouter(include_in_schema=False)


@_own.get("/static/{named}")
async def _static(request: Request, named: str) -> Response:
    found = assets.find(named)
    if found is None:
        raise NoSuchPage(given=named)
    headers = {"Cache-Control": assets.FOREVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, media_type=found.type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.body, media_type=found.type, headers=headers)


def _answer(request: Request, error: ZeroDistanceError) -> Response:
    lang = request.state.lang
    headers = {"Retry-After": {429: "60", 503: "5"}[error.status]} if error.status in (429, 503) else {}
    if request.url.path.startswith(API) or request.state.by_key:
        return JSONResponse(error.as_dict(lang), error.status, headers=headers)
    if request.headers.get("HX-Request") == "true":
        answer: Response = page(
            request, "problem.html", status=error.status, message=error.message(lang), code=error.code
        )
    else:
        answer = page(
            request,
            "error.html",
            status=error.status,
            message=error.message(lang),
            code=error.code,
            number=error.status,
        )
    answer.headers.update(headers)
    return answer


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ZeroDistanceError)
    if isinstance(error, LoginNeeded) and not request.url.path.startswith(API):
        after = request.url.path if request.method == "GET" else "/"
        login = f"/login?next={quote(after)}"
        if request.headers.get("HX-Request") == "true":
            return Response(status_code=401, headers={"HX-Redirect": "/login"})
        return Response(status_code=303, headers={"Location": login})
    return _answer(request, error)


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = ", ".join(
        ".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0]) for one in error.errors()
    )
    return _answer(request, BadRequest(fields=fields))


async def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _answer(request, NoSuchPage(given=request.url.path))
    message = _HTTP.get(error.status_code, Text(str(error.detail), str(error.detail))).get(request.state.lang)
    if request.url.path.startswith(API):
        body = {"code": "http", "message": message, "retry": False}
        headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
        return JSONResponse(body, error.status_code, headers=headers)
    values = {"message": message, "code": "http", "number": error.status_code}
    return page(request, "error.html", status=error.status_code, **values)


def _allowed(request: Request) -> str:
    """Return every method that the path of a request has: the framework names those of one route only."""

    def has(method: str) -> bool:
        asked = {**request.scope, "method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)

    return ", ".join(filter(has, ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")))


async def _broken(request: Request, error: Exception) -> Response:
    number = get_contextvars().get("request") or secrets.token_hex(4)
    log("http").error("broken", number=number, path=request.url.path, error=told(error), trace=frames(error))
    return _answer(request, Broken(number=number))

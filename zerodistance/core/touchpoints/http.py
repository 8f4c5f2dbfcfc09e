"""The door of collection: a bare ASGI callable for the routes of the Segment HTTP protocol.

It says 200 when a request is on disk, and before that only what a client must know at once: who may send, whether the body
can be read, whether there is room. Everything else is judged event by event, later, by the worker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

import msgspec

from zerodistance.core.touchpoints import bodies, journal, rules, sources
from zerodistance.core.touchpoints.collect import (
    NOBODY,
    InMemoryShort,
    Keys,
    OriginNotAllowed,
    SourceOff,
    Tally,
    TooSlow,
    UnknownKey,
)
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.core.touchpoints.writer import Writer
from zerodistance.kernel import clock, measure, spans
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BATCH = "batch"
TYPES = ("track", "identify", "page", "screen", "group", "alias")
ROUTES: dict[str, str] = {
    path + slash: route
    for slash in ("", "/")
    for path, route in [
        ("/v1/batch", BATCH),
        ("/v1/b", BATCH),
        *((f"/v1/{name}", name) for name in TYPES),
        *((f"/v1/{name[0]}", name) for name in TYPES),
    ]
}
"""Path -> `batch`, or the type of its one event."""
SETTINGS_PREFIXES = ("/v1/projects/", "/projects/")

BODY_SECONDS = 60  # own value: a body that is not whole by then is given up
KEYS_SECONDS = 1.0  # a new or changed source holds within this time
TALLY_SECONDS = 3.0
FAILED_SECONDS = 3.0  # own value: pause while the state does not answer
_RETRY_SECONDS = {"busy": 1, "journal_full": 10, "disk_short": 30}
_RETRY_OTHERWISE = 5
_THREAD_BYTES = (
    256 << 10
)  # bodies larger than that, unpacked, are read in a thread, so that small ones do not wait
_JSON = (b"content-type", b"application/json")
_OK = b'{"success": true}'
_OK_HEADERS = [_JSON, (b"content-length", b"%d" % len(_OK))]
_OK_START: MutableMapping[str, Any] = {"type": "http.response.start", "status": 200, "headers": _OK_HEADERS}
_OK_BODY: MutableMapping[str, Any] = {"type": "http.response.body", "body": _OK}


class NoSuchPath(ZeroDistanceError):
    """Nothing is collected under this path."""

    code, status = "no_such_path", 404
    text = Text("没有这个地址：{path}", "there is nothing at {path}")


class WrongMethod(ZeroDistanceError):
    """A path was asked with a method it does not have."""

    code, status = "wrong_method", 405
    text = Text(
        "{path} 不接受 {method}；可用：{allowed}", "{path} does not take {method}; allowed are {allowed}"
    )


class Collector:
    """Takes requests of clients in and answers when they are on disk.

    Call `startup` in the event loop that serves and `shutdown` at its end.
    """

    def __init__(self, home: Home) -> None:
        settings = home.settings
        self._state = home.state
        self.keys = Keys(lambda: sources.every(home), home.state.aside)
        self.tally = Tally(home)
        self.writer = Writer(
            home.path("journal.db"),
            home.seal,
            position=lambda: journal.position(home),
            max_bytes=settings.max_journal_bytes,
            min_free_bytes=settings.min_free_bytes,
        )
        self.inflight = 0
        """Bytes of request bodies held in memory."""
        self.took = measure.Histogram(measure.ACCEPT_SECONDS)
        """Seconds from the head of a request until its `200` was ready to be sent."""
        self._max_inflight = settings.max_inflight_bytes
        self._max_request = settings.max_request_bytes
        self._max_body = settings.max_body_bytes
        self._tasks: list[asyncio.Task[None]] = []

    @staticmethod
    def handles(path: str) -> bool:
        """Say whether a path is ours."""
        return path in ROUTES or _settings_key(path) is not None

    async def startup(self) -> None:
        """Read the sources, open the journal, begin to look after both."""
        aside = self._state.aside
        await aside(self.keys.look)
        await asyncio.to_thread(self.writer.start, asyncio.get_running_loop())
        self._tasks = [
            asyncio.create_task(_again(KEYS_SECONDS, self.keys.look, aside)),
            asyncio.create_task(_again(TALLY_SECONDS, self.tally.flush, aside)),
        ]

    async def shutdown(self) -> None:
        """Write what is waiting, then the counts."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self.writer.stop)
        try:
            await self._state.aside(self.tally.flush)
        except Exception as error:
            log("door").error("tally_failed", error=type(error).__name__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = ROUTES.get(scope["path"])
        if route is None or scope["method"] != "POST":
            await self._seldom(scope, send)
            return
        began = time.monotonic()
        authorization = x_key = origin = encoding = b""
        length = 0
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"content-length":
                length = int(value)
            elif name == b"content-encoding":
                encoding = value
            elif name == b"x-write-key":
                x_key = value
            elif name == b"origin":
                origin = value
        source = self.keys.by_header.get(authorization)
        held = 0
        try:
            if self.writer.trouble is not None:
                raise self.writer.trouble
            if source is None:
                query = scope.get("query_string", b"")
                keys = rules.key_candidates(_text(authorization), _text(x_key), _text(query))
                source = await self.keys.find_fresh(list(keys))
            if source is not None:
                _admit(source, origin)
            body = await self._body(receive, length)
            held = len(body)
            at = clock.micros()
            packed, head = await self._look_into(body, encoding, route)
            if source is None:
                source = await self._by_body(head.write_key, origin)
            if head.events:
                await self.writer.put(source.number, route, at, head.events, packed, body, head.size)
            self.tally.accept(source.number, at, head.events, held)
        except ZeroDistanceError as error:
            self.tally.refuse(NOBODY if source is None else source.number, error.status)
            await _refuse(scope, send, error, self._cors(source, origin))
            return
        except _Gone:
            return
        except Exception as problem:
            number = NOBODY if source is None else source.number
            log("door").error(
                "request_failed", source=number, route=route, error=type(problem).__name__, exc_info=True
            )
            self.tally.refuse(NOBODY if source is None else source.number, 500)
            await _refuse(scope, send, ZeroDistanceError(), self._cors(source, origin))
            return
        finally:
            self.inflight -= held
        seconds = time.monotonic() - began
        self.took.observe(seconds)
        if spans.share and spans.is_traced(source.number, at):
            spans.request(
                source.number, at, seconds, source=source.key, route=route, events=head.events, bytes=held
            )
        if origin:
            headers = [*_OK_HEADERS, *self._cors(source, origin)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        else:
            await send(_OK_START)
        await send(_OK_BODY)

    def trouble(self) -> str | None:
        """Return the code of why nothing can be taken in just now, None if it can."""
        if not self.writer.running or self.writer.failing:
            return "journal_failed"
        if self.writer.trouble is not None:
            return self.writer.trouble.code
        return InMemoryShort.code if self.inflight >= self._max_inflight else None

    def writing_seconds(self) -> float:
        """Return for how long the oldest request has been waiting for the disk; 0 while none does."""
        began = self.writer.began
        return 0.0 if began is None else max(0.0, time.monotonic() - began)

    async def _body(self, receive: Receive, length: int) -> bytes:
        """Return the whole body and count it in `inflight`; a body that is given up is not counted any more."""
        if length > self._max_request:
            raise bodies.BodyTooLarge(limit=self._max_request, what="as sent")
        if self.inflight + length > self._max_inflight:
            raise InMemoryShort
        held, chunks = 0, []
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    chunk: bytes = message.get("body", b"")
                    held += len(chunk)
                    self.inflight += len(chunk)
                    if held > self._max_request:
                        raise bodies.BodyTooLarge(limit=self._max_request, what="as sent")
                    if self.inflight > self._max_inflight:
                        raise InMemoryShort
                    chunks.append(chunk)
                    if not message.get("more_body"):
                        return chunk if len(chunks) == 1 else b"".join(chunks)
        except BaseException as error:
            self.inflight -= held
            if isinstance(error, TimeoutError):
                raise TooSlow(seconds=BODY_SECONDS) from None
            raise

    async def _look_into(self, body: bytes, declared: bytes, route: str) -> tuple[str, bodies.Head]:
        """Read a body here if it is small when unpacked, else in a thread: a few bytes may hold very many."""
        packed = bodies.encoding_of(body, _text(declared) if declared else "")
        if len(body) <= _THREAD_BYTES:
            try:
                text = bodies.unpack(body, packed, min(self._max_body, _THREAD_BYTES))
                return packed, bodies.head(text, batch=route is BATCH)
            except bodies.BodyTooLarge:
                pass
        return packed, await asyncio.to_thread(self._read, body, packed, route)

    def _read(self, body: bytes, packed: str, route: str) -> bodies.Head:
        return bodies.head(bodies.unpack(body, packed, self._max_body), batch=route is BATCH)

    async def _by_body(self, key: str | None, origin: bytes) -> Source:
        source = await self.keys.find_fresh([key] if key else [])
        if source is None:
            raise UnknownKey
        _admit(source, origin)
        return source

    def _cors(self, source: Source | None, origin: bytes) -> list[tuple[bytes, bytes]]:
        if not origin:
            return []
        text = _text(origin)
        allowed = self.keys.any_allows(text) if source is None else rules.origin_allowed(text, source.origins)
        vary = (b"vary", b"Origin")
        if not allowed:
            return [vary]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            vary,
        ]

    async def _seldom(self, scope: Scope, send: Send) -> None:
        """Answer preflights, the settings that browser clients ask for, and what is not there."""
        path, method = scope["path"], scope["method"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin", b"")
        key = _settings_key(path)
        if key is None and path not in ROUTES:
            await _refuse(scope, send, NoSuchPath(path=path[:200]), [])
            return
        source = None if key is None else await self.keys.find_fresh([key])
        cors = self._cors(source, origin)
        allowed = "GET, OPTIONS" if key is not None else "POST, OPTIONS"
        if method == "OPTIONS":
            if len(cors) > 1:
                asked = _text(headers.get(b"access-control-request-headers", b""))
                cors += [
                    (b"access-control-allow-methods", allowed.encode()),
                    (b"access-control-allow-headers", rules.reflected_headers(asked).encode()),
                    (b"access-control-max-age", b"7200"),
                ]
            await _answer(send, 204, b"", [(b"allow", allowed.encode()), *cors])
        elif key is None or method != "GET":
            error = WrongMethod(path=path[:200], method=method[:20], allowed=allowed)
            await _refuse(scope, send, error, [(b"allow", allowed.encode()), *cors])
        elif source is None or source.off_at is not None:
            await _refuse(scope, send, UnknownKey(), cors)
        else:
            settings = {
                "integrations": {"Segment.io": {"apiKey": source.write_key}},
                "plan": {"track": {"__default": {"enabled": True}}},
                "metrics": {"sampleRate": 0},  # the client would report on itself
            }
            await _answer(send, 200, msgspec.json.encode(settings), cors)


def collector(home: Home) -> Collector:
    """Return the door of collection for a home."""
    return Collector(home)


class _Gone(Exception):
    """The client went away; there is nobody to answer."""


async def _again(
    seconds: float, work: Callable[[], None], aside: Callable[[Callable[[], None]], Awaitable[None]]
) -> None:
    """Do `work` in a thread every `seconds`, whatever became of it the last time; while it fails, ever less often."""
    failures = 0
    while True:
        await asyncio.sleep(min(seconds * 2 ** min(failures, 10), max(seconds, FAILED_SECONDS)))
        try:
            await aside(work)
            failures = 0
        except Exception as error:
            failures += 1
            log("door").error("upkeep_failed", work=work.__qualname__, error=type(error).__name__)


def _admit(source: Source, origin: bytes) -> None:
    if source.off_at is not None:
        raise SourceOff(source=source.key)
    if origin and not rules.origin_allowed(_text(origin), source.origins):
        raise OriginNotAllowed(source=source.key, origin=_text(origin)[:200])


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


def _settings_key(path: str) -> str | None:
    """Return the write key in `/v1/projects/{key}/settings`, None for another path."""
    for prefix in SETTINGS_PREFIXES:
        if path.startswith(prefix) and path.endswith("/settings"):
            key = unquote(path[len(prefix) : -len("/settings")])
            return key if key and "/" not in key else None
    return None


async def _refuse(
    scope: Scope, send: Send, error: ZeroDistanceError, headers: list[tuple[bytes, bytes]]
) -> None:
    """Answer an error as `{"code", "message"}`, in the language the client asks for."""
    lang = next((_text(v) for n, v in scope["headers"] if n == b"accept-language"), "en")
    body = msgspec.json.encode(error.as_dict("zh" if lang.lower().startswith("zh") else "en"))
    if error.retry:
        seconds = _RETRY_SECONDS.get(error.code, _RETRY_OTHERWISE)
        headers = [*headers, (b"retry-after", b"%d" % seconds)]
    await _answer(send, error.status, body, headers)


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    if body:
        headers = [_JSON, (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""The door of collection: a bare ASGI callable for the routes of the Segment HTTP protocol and the clients that grew from it.

It says 200 when a request is on disk, and before that only what a client must know at once: who may send, whether the body
can be read, whether there is room. Everything else is judged event by event, later, by the worker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from zerodistance.core.touchpoints import answers, bodies, journal, routes, rules, sources
from zerodistance.core.touchpoints.answers import Headers, Receive, Scope, Send
from zerodistance.core.touchpoints.collect import NOBODY, Allowance, Keys, Tally
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.core.touchpoints.journal import REFUSED
from zerodistance.core.touchpoints.limits import COUNTERS, RESERVE, Limits, told
from zerodistance.core.touchpoints.refusals import (
    InMemoryShort,
    NoSuchPath,
    OriginNotAllowed,
    SourceOff,
    TooSlow,
    UnknownKey,
    WrongMethod,
)
from zerodistance.core.touchpoints.routes import BATCH, Route
from zerodistance.core.touchpoints.writer import Writer
from zerodistance.kernel import clock, measure, spans
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

BODY_SECONDS = 60  # own value: a body that is not whole by then is given up
KEYS_SECONDS = 1.0  # a new or changed source holds within this time
TALLY_SECONDS = 3.0
FAILED_SECONDS = 3.0  # own value: pause while the state does not answer
_THREAD_BYTES = (
    256 << 10
)  # bodies larger than that, unpacked, are read in a thread, so that small ones do not wait
_JOURNAL_RESET = (
    60  # own value, seconds: digestion takes what a journal holds in about that time or the disk is short
)
_POSTED = routes.POSTED
REFUSED_BYTES = 4 << 20  # own value: bytes of refused bodies that one door keeps of a source in an hour
REFUSED_LARGEST = 1 << 20  # own value: a larger one is not kept


class Collector:
    """Takes requests of clients in and answers when they are on disk.

    Call `startup` in the event loop that serves and `shutdown` at its end.
    """

    def __init__(self, home: Home) -> None:
        settings = home.settings
        self._state = home.state
        self.keys = Keys(lambda: sources.every(home), home.state.aside)
        self.tally = Tally(home)
        self.limits = Limits(home, self.tally.pending)
        self.writer = Writer(
            home.path("journal.db"),
            home.seal,
            position=lambda: journal.position(home),
            max_bytes=settings.max_journal_bytes,
            min_free_bytes=settings.min_free_bytes,
        )
        self._refusable = Allowance(REFUSED_BYTES, REFUSED_LARGEST)
        self.inflight = 0
        """Bytes of request bodies held in memory."""
        self.took = measure.Histogram(measure.ACCEPT_SECONDS)
        """Seconds from the head of a request until its `200` was ready to be sent."""
        self._max_inflight = settings.max_inflight_bytes
        self._usual_inflight = settings.max_inflight_bytes - settings.max_inflight_bytes // RESERVE
        self._max_request = settings.max_request_bytes
        self._max_body = settings.max_body_bytes
        self._tasks: list[asyncio.Task[None]] = []

    @staticmethod
    def handles(path: str) -> bool:
        """Say whether a path is ours."""
        return path in _POSTED or routes.find(path) is not None

    async def startup(self) -> None:
        """Read the sources, open the journal, begin to look after both."""
        aside = self._state.aside
        await aside(self.keys.look)
        await aside(self._count)
        await asyncio.to_thread(self.writer.start, asyncio.get_running_loop())
        self._tasks = [
            asyncio.create_task(_again(KEYS_SECONDS, self.keys.look, aside)),
            asyncio.create_task(_again(TALLY_SECONDS, self._count, aside)),
        ]

    def _count(self) -> None:
        self.tally.flush()
        self.limits.refresh(self.keys.sources())

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

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Answer one request."""
        route = _POSTED.get(scope["path"])
        if route is None or scope["method"] != "POST":
            return self._seldom(scope, receive, send)
        return self._take(scope, receive, send, route)

    async def _take(self, scope: Scope, receive: Receive, send: Send, route: Route) -> None:
        """Keep what was posted and say so."""
        began = time.monotonic()
        authorization = x_key = origin = encoding = b""
        length = 0
        body = b""
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
                self._room(route)
            if source is None:
                query = scope.get("query_string", b"")
                keys = rules.key_candidates(_text(authorization), _text(x_key), _text(query))
                source = await self.keys.find_fresh(list(keys))
            if source is not None and (origin or source.off_at is not None or source.limited):
                self._admit(source, origin, route)
            body = await self._body(receive, length, route)
            held = len(body)
            at = clock.micros()
            packed, head = await self._look_into(body, encoding, route)
            if source is None:
                source = await self._by_body(head.write_key, origin, route)
            limited = source.limited
            if limited:
                self.limits.admit(source, head.events, sends_again=route.sends_again)
            if head.events:
                await self.writer.put(source.number, route.name, at, head.events, packed, body, head.size)
            self.tally.accept(source.number, at, head.events, held)
        except _Gone:
            return
        except Exception as problem:
            error = self._refused(source, problem)
            if error.status == 400 and source is not None:
                await self._keep_refused(source, route, body, encoding)
            await answers.refuse(scope, send, error, [*self._cors(source, origin), *self._left(source)])
            return
        finally:
            self.inflight -= held
        seconds = time.monotonic() - began
        self.took.observe(seconds)
        if spans.share and spans.is_traced(source.number, at):
            spans.request(
                source.number,
                at,
                seconds,
                source=source.key,
                route=route.name,
                events=head.events,
                bytes=held,
            )
        if origin or limited or self.writer.filling is not None:
            headers = [*answers.OK_HEADERS, *self._cors(source, origin), *self._left(source)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        else:
            await send(answers.OK_START)
        await send(answers.OK_BODY)

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

    def _room(self, route: Route) -> None:
        trouble = self.writer.trouble if route.sends_again else self.writer.trouble_last
        if trouble is not None:
            raise trouble

    def _admit(self, source: Source, origin: bytes, route: Route) -> None:
        if source.off_at is not None:
            raise SourceOff(source=source.key)
        if origin and not rules.origin_allowed(_text(origin), source.origins):
            raise OriginNotAllowed(source=source.key, origin=_text(origin)[:200])
        if source.limited:
            self.limits.admit(source, 0, sends_again=route.sends_again)

    def _refused(self, source: Source | None, problem: Exception) -> ZeroDistanceError:
        """Count a request that was not taken; return what its client hears."""
        error = problem if isinstance(problem, ZeroDistanceError) else ZeroDistanceError()
        if error is not problem:
            log("door").error("request_failed", error=type(problem).__name__, exc_info=problem)
        number = NOBODY if source is None else source.number
        self.tally.refuse(number, error.status)
        counter = COUNTERS.get(error.code)
        if counter is not None:
            self.tally.add(number, counter)
        return error

    async def _keep_refused(self, source: Source, route: Route, body: bytes, declared: bytes = b"") -> None:
        """Keep a body that can't be read as it came, through the journal, so that the worker quarantines it with its reason.

        Its client is told all the same that it is wrong, and will not send it again. What is over the bound is counted and let go.
        """
        if not body:
            return
        kept = self.writer.trouble is None and self._refusable.take(source.number, len(body))
        if kept:
            packed = bodies.encoding_of(body, _text(declared))
            size = self._max_body if packed else len(body)
            try:
                await self.writer.put(
                    source.number, route.name, clock.micros(), 1, REFUSED + packed, body, size
                )
            except ZeroDistanceError:
                kept = False
        self.tally.add(source.number, "door_body_kept" if kept else "door_body_let_go")

    def _left(self, source: Source | None) -> Headers:
        """Return how much is left: of the source's own limit, or of the journal when that is nearer to its end."""
        filling = self.writer.filling
        if filling is not None and filling[1] * 4 < filling[0]:
            return told("journal", *filling, _JOURNAL_RESET)
        if source is not None and source.limited:
            return self.limits.headers(source)
        return [] if filling is None else told("journal", *filling, _JOURNAL_RESET)

    async def _body(self, receive: Receive, length: int, route: Route) -> bytes:
        """Return the whole body and count it in `inflight`; a body that is given up is not counted any more."""
        if length > self._max_request:
            raise bodies.BodyTooLarge(limit=self._max_request, what="as sent")
        most = self._usual_inflight if route.sends_again else self._max_inflight
        if self.inflight + length > most:
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
                    if self.inflight > most:
                        raise InMemoryShort
                    chunks.append(chunk)
                    if not message.get("more_body"):
                        return chunk if len(chunks) == 1 else b"".join(chunks)
        except BaseException as error:
            self.inflight -= held
            if isinstance(error, TimeoutError):
                raise TooSlow(seconds=BODY_SECONDS) from None
            raise

    async def _look_into(self, body: bytes, declared: bytes, route: Route) -> tuple[str, bodies.Head]:
        """Read a body here if it is small when unpacked, else in a thread: a few bytes may hold very many."""
        packed = bodies.encoding_of(body, _text(declared) if declared else "")
        if len(body) <= _THREAD_BYTES:
            try:
                text = bodies.unpack(body, packed, min(self._max_body, _THREAD_BYTES))
                return packed, bodies.head(text, batch=route.name is BATCH)
            except bodies.BodyTooLarge:
                pass
        return packed, await asyncio.to_thread(self._read, body, packed, route)

    def _read(self, body: bytes, packed: str, route: Route) -> bodies.Head:
        return bodies.head(bodies.unpack(body, packed, self._max_body), batch=route.name is BATCH)

    async def _by_body(self, key: str | None, origin: bytes, route: Route) -> Source:
        source = await self.keys.find_fresh([key] if key else [])
        if source is None:
            raise UnknownKey
        self._admit(source, origin, route)
        return source

    def _cors(self, source: Source | None, origin: bytes) -> Headers:
        if not origin:
            return []
        text = _text(origin)
        allowed = self.keys.any_allows(text) if source is None else rules.origin_allowed(text, source.origins)
        return answers.cors(origin, allowed)

    async def _seldom(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights, what clients ask for before they send, pixels, metrics, and what is not there."""
        path, method = scope["path"], scope["method"]
        route = routes.find(path)
        if route is None:
            await answers.refuse(scope, send, NoSuchPath(path=path[:200]), [])
            return
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
        if method == "OPTIONS":
            source = await self._asked_for(scope, route)
            await answers.preflight(scope, send, route.methods, self._cors(source, origin))
        elif method not in route.methods:
            allowed = ", ".join([*route.methods, "OPTIONS"])
            error = WrongMethod(path=path[:200], method=method[:20], allowed=allowed)
            await answers.refuse(
                scope, send, error, [(b"allow", allowed.encode()), *self._cors(None, origin)]
            )
        elif route in (routes.SETTINGS, routes.CONFIG):
            await self._configure(scope, send, route, origin)
        elif route is routes.METRICS:
            await self._measure(scope, receive, send, route, origin)
        elif route.methods[0] == "GET":
            await self._pixel(scope, send, route, origin)
        else:
            await self._take(scope, receive, send, route)

    async def _asked_for(self, scope: Scope, route: Route) -> Source | None:
        """Return the source that a request for settings names, None for other routes: their key may still come in the body."""
        if route is routes.SETTINGS:
            return await self.keys.find_fresh([routes.settings_key(scope["path"]) or ""])
        if route is not routes.CONFIG:
            return None
        headers = dict(scope["headers"])
        keys = rules.key_candidates(
            _text(headers.get(b"authorization", b"")),
            _text(headers.get(b"x-write-key", b"")),
            _text(scope.get("query_string", b"")),
        )
        return await self.keys.find_fresh(list(keys))

    async def _configure(self, scope: Scope, send: Send, route: Route, origin: bytes) -> None:
        source = await self._asked_for(scope, route)
        headers = self._cors(source, origin)
        if source is None or source.off_at is not None:
            await answers.refuse(scope, send, UnknownKey(), headers)
            return
        told_of = answers.settings if route is routes.SETTINGS else answers.source_config
        await answers.document(scope, send, told_of(source, scope), headers)

    async def _measure(self, scope: Scope, receive: Receive, send: Send, route: Route, origin: bytes) -> None:
        """Count what a client measured of itself. It names no source and becomes no touch."""
        held, headers = 0, self._cors(None, origin)
        try:
            body = await self._body(receive, 0, route)
            held = len(body)
            text = bodies.unpack(body, bodies.encoding_of(body), self._max_body)
            self.tally.add(NOBODY, "door_metrics", bodies.series(text))
        except _Gone:
            return
        except Exception as problem:
            await answers.refuse(scope, send, self._refused(None, problem), headers)
            return
        finally:
            self.inflight -= held
        await answers.answer(send, 200, answers.OK, [answers.JSON, *headers])

    async def _pixel(self, scope: Scope, send: Send, route: Route, origin: bytes) -> None:
        """Keep the event that stands in the address of a picture; a HEAD request only asks whether the picture is there."""
        source: Source | None = None
        body = b""
        try:
            if scope["method"] != "HEAD":
                query = _text(scope.get("query_string", b""))
                self._room(route)
                source = await self.keys.find_fresh(list(rules.key_candidates("", "", query)))
                if source is not None:
                    self._admit(source, origin, route)
                body, at = bodies.of_pixel(query), clock.micros()
                head = bodies.head(body, batch=False)
                if source is None:
                    source = await self._by_body(head.write_key, origin, route)
                if source.limited:
                    self.limits.admit(source, 1, sends_again=False)
                await self.writer.put(source.number, route.name, at, 1, "", body)
                self.tally.accept(source.number, at, 1, len(body))
        except Exception as problem:
            error = self._refused(source, problem)
            if error.status == 400 and source is not None:
                await self._keep_refused(source, route, body)
            await answers.pixel(scope, send, error.status, self._cors(source, origin), error)
            return
        await answers.pixel(scope, send, 200, self._cors(source, origin))


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


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")

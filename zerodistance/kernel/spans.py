"""Spans: what took how long and why, sent to an OpenTelemetry receiver; nothing is imported and nothing costs while it is off.

Ids are made from what a span is about, with the home's key: batch 12 of a home has one trace id, whoever asks. So a request that is traced in the
door and the batch that takes it in point at each other without a word between the processes, and `zerodistance trace b12` says the same id.

Attributes hold numbers, keys and routes, never a value that came from outside; of an error only its kind.

References
----------
OpenTelemetry specification 1.x: tracing, OTLP over HTTP.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.trace import Link, Span, SpanContext, Tracer

    from zerodistance.kernel.seal import Seal
    from zerodistance.kernel.settings import Settings

MOST_LINKS = 64  # own value: links of one span; more are left out
HEAD = "zerodistance."
Value = str | int | float | bool
Timing = tuple[str, int, int]
"""(name, begin, end) in nanoseconds since 1970 of something that was done before its span could begin."""

_STEP, _MIX1, _MIX2 = (
    0x9E3779B97F4A7C15,
    0xBF58476D1CE4E5B9,
    0x94D049BB133111EB,
)  # splitmix64 (Steele et al. 2014)
_64 = (1 << 64) - 1


class NoTracing(ZeroDistanceError):
    """Traces are asked for and the packages for them are not installed."""

    code, status = "no_tracing", 500
    text = Text(
        "设置了 otel_endpoint，但没有装 OpenTelemetry；运行 pip install 'zerodistance[otel]'，或清空这个设置",
        "otel_endpoint is set and OpenTelemetry is not installed; run pip install 'zerodistance[otel]', or empty the setting",
    )


class Spanning(Protocol):
    """One span under way, or nothing where tracing is off."""

    def set(self, **attributes: Value) -> None:
        """Say more of it."""
        ...

    def done(self, timings: Sequence[Timing]) -> None:
        """Add what was done for it before it could begin, as spans below it."""
        ...

    def __enter__(self) -> Spanning: ...

    def __exit__(self, *error: Any) -> None: ...


class _Nothing:
    __slots__ = ()

    def set(self, **attributes: Value) -> None:
        """Say nothing."""

    def done(self, timings: Sequence[Timing]) -> None:
        """Add nothing."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *error: Any) -> None:
        return None


_NOTHING = _Nothing()
_tracing: _Tracing | None = None
share = 0.0
"""Share of requests that are traced; 0 while tracing is off."""


def begin(settings: Settings, seal: Seal, process: str) -> None:
    """Send spans of this process from now on, if the settings say where to.

    Raises
    ------
    NoTracing
        The packages are not installed.
    """
    global _tracing, share
    if not settings.otel_endpoint:
        return
    try:
        _tracing = _Tracing(settings.otel_endpoint, seal, process)
    except ImportError:
        raise NoTracing from None
    share = settings.otel_share


def end() -> None:
    """Send what is waiting, and be off."""
    global _tracing, share
    tracing, _tracing, share = _tracing, None, 0.0
    if tracing is not None:
        tracing.close()


def on() -> bool:
    """Say whether spans are sent."""
    return _tracing is not None


def span(
    name: str, key: str = "", /, *, since: int = 0, links: Sequence[str] = (), **attributes: Value
) -> Spanning:
    """Return a span around a block; inside another one it stands below it, with a `key` it is the root of its own trace.

    Parameters
    ----------
    key
        What it is about, as `zerodistance trace` takes it: `b12`, `e7`.
    since
        When it began, nanoseconds since 1970; 0: now.
    links
        Keys of other roots that it has to do with.
    """
    return _NOTHING if _tracing is None else _Open(_tracing, name, key, since, links, attributes)


def trace_id(seal: Seal, key: str) -> str:
    """Return the id of the trace of a key, 32 hexadecimal digits, as a receiver shows it."""
    return seal.token("trace", key).hex()


def request_key(source: int, received_at: int) -> str:
    """Return the key of an accepted request."""
    return f"r{source}:{received_at}"


def is_traced(source: int, received_at: int) -> bool:
    """Say whether an accepted request belongs to the share that is traced; door and worker say the same."""
    x = (received_at + source * _STEP + _STEP) & _64
    x = ((x ^ (x >> 30)) * _MIX1) & _64
    x = ((x ^ (x >> 27)) * _MIX2) & _64
    return (x ^ (x >> 31)) < share * 2.0**64


def traced(sources: npt.NDArray[np.int64], received_at: npt.NDArray[np.int64]) -> list[str]:
    """Return the keys of the requests among these that are traced, each once, at most `MOST_LINKS`."""
    if not share:
        return []
    import numpy as np

    with np.errstate(over="ignore"):
        x = received_at.astype(np.uint64) + sources.astype(np.uint64) * np.uint64(_STEP) + np.uint64(_STEP)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(_MIX1)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(_MIX2)
        x = x ^ (x >> np.uint64(31))
    mask = x.astype(np.float64) < share * 2.0**64
    pairs = sorted(set(zip(sources[mask].tolist(), received_at[mask].tolist(), strict=True)))
    return [request_key(source, at) for source, at in pairs[:MOST_LINKS]]


def request(number: int, received_at: int, seconds: float, /, **attributes: Value) -> None:
    """Send the span of a request of source `number` that was accepted just now and took `seconds`; the caller has asked `is_traced`."""
    if _tracing is not None:
        now = time.time_ns()
        _tracing.write("request", request_key(number, received_at), now - int(seconds * 1e9), now, attributes)


class _Tracing:
    """The tracer of this process; made only when the settings ask for it."""

    def __init__(self, endpoint: str, seal: Seal, process: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        import zerodistance

        url = endpoint if endpoint.endswith("/v1/traces") else endpoint.rstrip("/") + "/v1/traces"
        self._seal = seal
        self._given = threading.local()
        resource = Resource(
            {"service.name": f"zerodistance-{process}", "service.version": zerodistance.__version__}
        )
        self._provider: TracerProvider = TracerProvider(
            ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=self._ids()
        )
        exporter = OTLPSpanExporter(endpoint=url, timeout=5)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1_000))
        self.tracer: Tracer = self._provider.get_tracer("zerodistance")

    def _ids(self) -> IdGenerator:
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

        given = self._given

        class Ids(RandomIdGenerator):
            def generate_span_id(self) -> int:
                found: int | None = getattr(given, "span", None)
                given.span = None
                return found or super().generate_span_id()

            def generate_trace_id(self) -> int:
                found: int | None = getattr(given, "trace", None)
                given.trace = None
                return found or super().generate_trace_id()

        return Ids()

    def _numbers(self, key: str) -> tuple[int, int]:
        trace = int.from_bytes(self._seal.token("trace", key), "big") or 1
        return trace, int.from_bytes(self._seal.token("span", key)[:8], "big") or 1

    def context_of(self, key: str) -> SpanContext:
        """Return where the root span of a key is to be found."""
        from opentelemetry.trace import SpanContext, TraceFlags

        return SpanContext(*self._numbers(key), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    def start(
        self, name: str, key: str, since: int, links: Sequence[str], attributes: dict[str, Value]
    ) -> Span:
        """Begin a span; with a key as the root of its own trace."""
        from opentelemetry.context import Context
        from opentelemetry.trace import Link

        others: list[Link] = [Link(self.context_of(one)) for one in links[:MOST_LINKS]]
        said = {(k if "." in k else HEAD + k): v for k, v in attributes.items()}
        if key:
            said[HEAD + "id"] = key
            self._given.trace, self._given.span = self._numbers(key)
        root = Context() if key else None
        return self.tracer.start_span(
            name, root, attributes=said, links=others, start_time=since or None, record_exception=False
        )

    def write(self, name: str, key: str, begin: int, end: int, attributes: dict[str, Value]) -> None:
        """Send a span that has ended."""
        self.start(name, key, begin, (), attributes).end(end)

    def close(self) -> None:
        """Send what is waiting."""
        self._provider.shutdown()


class _Open:
    """A span under way."""

    def __init__(
        self,
        tracing: _Tracing,
        name: str,
        key: str,
        since: int,
        links: Sequence[str],
        attributes: dict[str, Value],
    ) -> None:
        from opentelemetry import context
        from opentelemetry.trace import set_span_in_context

        self._tracing, self._context = tracing, context
        self._span = tracing.start(name, key, since, links, attributes)
        self._inside = set_span_in_context(self._span)
        self._token: Any = None

    def set(self, **attributes: Value) -> None:
        """Say more of it."""
        for name, value in attributes.items():
            self._span.set_attribute(name if "." in name else HEAD + name, value)

    def done(self, timings: Sequence[Timing]) -> None:
        """Add what was done for it before it could begin, as spans below it."""
        for name, began, ended in timings:
            self._tracing.tracer.start_span(name, self._inside, start_time=began).end(ended)

    def __enter__(self) -> _Open:
        self._token = self._context.attach(self._inside)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._context.detach(self._token)
        if kind is not None:  # its kind only: its words may hold a value
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

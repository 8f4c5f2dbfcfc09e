"""Traces against a real receiver: protobuf over HTTP, taken apart with OpenTelemetry's own definitions."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from structlog.contextvars import get_contextvars

from tests.doors import world
from tests.doors.conftest import Visitor
from tests.patience import PATIENCE
from zerodistance import compose
from zerodistance.core.touchpoints import import_jobs, sources
from zerodistance.doors import parts, tracing
from zerodistance.kernel import command, spans
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import WrongSetting
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job, Jobs
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

ORDERS = """
source = { key = "orders", name = { zh = "订单", en = "Orders" }, kind = "import" }
kind = "order.line"
times = { happened_at = "at", zone = "Asia/Shanghai", lag = "1 day" }
identifiers = { member_id = "id" }
"""


class Collector:
    """A receiver of OTLP over HTTP; keeps every span by name."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                said = ExportTraceServiceRequest.FromString(body)
                for resource in said.resource_spans:
                    (name,) = [
                        a.value.string_value for a in resource.resource.attributes if a.key == "service.name"
                    ]
                    receiver.spans += [(name, one) for scope in resource.scope_spans for one in scope.spans]
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def of(self, name: str) -> list[Any]:
        """Return the spans of a name."""
        return [one for _, one in self.spans if one.name == name]

    def close(self) -> None:
        """End it."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def said(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in span.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A receiver of traces."""
    found = Collector()
    yield found
    spans.end()
    found.close()


@pytest.fixture
def traced(home: Home, collector: Collector) -> Home:
    """A home whose spans, every request among them, go to the receiver."""
    settings = load(home=home.root, otel_endpoint=collector.url, otel_share=1.0)
    object.__setattr__(home, "settings", settings)
    spans.begin(settings, home.seal, "test")
    return home


def test_a_touch_is_followed_from_request_to_lake(
    traced: Home, collector: Collector, visitor: Visitor
) -> None:
    world.points(traced)
    web = sources.get_source(traced, Who.system(), "web")
    event = {
        "type": "identify",
        "userId": "M-1",
        "traits": {"phone": "13800138000", "email": "wang@example.com"},
    }
    client = visitor.client
    client.app._collector.keys.look()
    world.send(client, web, [event, event | {"type": "track", "event": "Order Completed"}])
    world.digest(traced)
    spans.end()

    (request,), (batch,) = collector.of("request"), collector.of("batch")
    assert said(request)["zerodistance.source"] == "web"
    assert said(request)["zerodistance.events"] == 2
    assert [link.span_id for link in batch.links] == [request.span_id]
    assert [link.trace_id for link in batch.links] == [request.trace_id]

    told = said(batch)
    assert (told["zerodistance.id"], told["zerodistance.batch"], told["zerodistance.feed"]) == (
        "b1",
        1,
        "journal",
    )
    assert told["zerodistance.touches"] == 2
    below = {one.name: one for one in (s for _, s in collector.spans) if one.parent_span_id == batch.span_id}
    assert list(below) == ["parse", "recognise", "write", "commit"]
    for one in below.values():
        assert one.trace_id == batch.trace_id
        assert (
            batch.start_time_unix_nano
            <= one.start_time_unix_nano
            <= one.end_time_unix_nano
            <= batch.end_time_unix_nano
        )
    for name in ("profiles", "seal", "index"):
        (found,) = collector.of(name)
        assert [link.span_id for link in found.links] == [batch.span_id], name
        assert said(found)["zerodistance.last_batch"] == 1

    everything = "".join(str(one) for _, one in collector.spans)
    assert [word for word in ("13800138000", "wang@", "M-1", "Order Completed") if word in everything] == []


def test_an_import_that_finds_no_worker_tells_its_steps_too(
    home: Home, collector: Collector, tmp_path: Path
) -> None:
    object.__setattr__(home, "settings", load(home=home.root, otel_endpoint=collector.url))
    path = tmp_path / "orders.csv"
    path.write_text("id,at\n1,2026-01-01\n")
    import_jobs.create(home, Who.system("test"), path, ORDERS)
    compose.work_here(home)
    assert not spans.on()
    (batch,) = collector.of("batch")
    assert said(batch)["zerodistance.feed"] == "import:1"
    names = {one.name for _, one in collector.spans}
    assert names >= {"map", "recognise", "write", "commit", "profiles", "seal", "index"}


def test_trace_says_the_same_id_as_the_receiver(
    traced: Home,
    collector: Collector,
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world.points(traced)
    client = visitor.client
    client.app._collector.keys.look()
    web = sources.get_source(traced, Who.system(), "web")
    world.send(client, web, [{"type": "track", "event": "x", "userId": "M-1"}])
    world.digest(traced)
    spans.end()
    (batch,) = collector.of("batch")
    parts.use(compose.PARTS)
    monkeypatch.setattr(command, "_home", traced)
    tracing.trace("b1", as_json=True)
    steps = json.loads(capsys.readouterr().out)
    assert [s["trace_id"] for s in steps if s["id"] == "b1"] == [batch.trace_id.hex()]
    tracing.trace("b1")
    assert batch.trace_id.hex() in capsys.readouterr().out


def test_a_page_is_named_by_its_route_and_never_by_its_address(
    traced: Home, collector: Collector, visitor: Visitor
) -> None:
    visitor.log_in()
    assert visitor.get("/people/p_ABCDEFGH").status_code == 404
    spans.end()
    pages = [said(one) for one in collector.of("page")]
    routes = {(p["http.route"], p["http.response.status_code"]) for p in pages}
    assert ("/login", 303) in routes
    assert [code for route, code in routes if route.startswith("/people/{")] == [404]
    assert "p_ABCDEFGH" not in "".join(str(one) for _, one in collector.spans)


def test_a_failing_job_is_an_error_of_its_kind_only(traced: Home, collector: Collector) -> None:
    seen: list[dict[str, Any]] = []

    def fails(_: Home) -> None:
        seen.append(dict(get_contextvars()))
        raise ValueError("13800138000")

    Jobs(traced, [Job("test.fails", timedelta(hours=1), fails, Text("试", "try"))]).run_due()
    spans.end()
    (job,) = collector.of("job")
    assert (said(job)["zerodistance.job"], said(job)["error.type"], job.status.code) == (
        "test.fails",
        "ValueError",
        2,
    )
    assert "13800138000" not in str(job)
    assert seen == [{"job": "test.fails"}]
    assert get_contextvars() == {}


@pytest.mark.slow
def test_a_receiver_that_is_away_stops_nothing(home: Home) -> None:
    settings = load(home=home.root, otel_endpoint="http://127.0.0.1:9", otel_share=1.0)
    spans.begin(settings, home.seal, "test")
    with spans.span("batch", "b1"):
        pass
    spans.end()
    assert not spans.on()


@given(st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 2**62)), max_size=50), st.floats(0, 1))
def test_door_and_worker_trace_the_same_requests(pairs: list[tuple[int, int]], share: float) -> None:
    spans.share, before = share, spans.share
    try:
        one_by_one = {spans.request_key(s, at) for s, at in pairs if spans.is_traced(s, at)}
        sources_, times = (
            np.array(column, np.int64) for column in (zip(*pairs, strict=True) if pairs else ((), ()))
        )
        assert set(spans.traced(sources_, times)) == one_by_one
    finally:
        spans.share = before


def test_the_share_is_the_one_that_was_asked_for() -> None:
    spans.share, before = 0.1, spans.share
    try:
        traced = sum(spans.is_traced(3, 1_795_000_000_000_000 + n * 1_013) for n in range(20_000))
    finally:
        spans.share = before
    assert 1_800 < traced < 2_200


@pytest.mark.slow
def test_while_it_is_off_nothing_is_imported() -> None:
    program = (
        "import sys; from zerodistance import compose; from zerodistance.doors import serving, worker; "
        "from zerodistance.kernel import spans; s = spans.span('x', 'b1'); s.__enter__(); s.set(a=1); s.__exit__(None, None, None); "
        "print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert done.stdout.strip() == "[]"


def test_packages_that_are_missing_are_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(spans.NoTracing, match=r"zerodistance\[otel\]"):
        spans.begin(load(home=home.root, otel_endpoint="http://127.0.0.1:4318"), home.seal, "door")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(WrongSetting, match="allowed are addresses"):
        load(otel_endpoint="localhost:4318")

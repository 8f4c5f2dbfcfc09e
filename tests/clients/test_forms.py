"""Forms of HTTP that clients nobody has named use: chunks, expectations, kept connections, names in any case, marks before the text."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.clients.serving import served
from tests.core.touchpoints.doors import SYSTEM, make_source
from tests.patience import PATIENCE
from zerodistance import compose
from zerodistance.core.touchpoints import bodies, overview, quarantine
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.core.touchpoints.journal import Journal
from zerodistance.kernel.home import Home

EVENT = {"type": "track", "event": "e", "messageId": "m", "anonymousId": "v"}
BATCH = json.dumps({"batch": [EVENT]}).encode()


@pytest.fixture
def source(home: Home) -> Source:
    return make_source(home)


@contextmanager
def line(address: str) -> Iterator[socket.socket]:
    """Give a connection to the server."""
    where = urlsplit(address)
    assert where.hostname and where.port
    with socket.create_connection((where.hostname, where.port), timeout=PATIENCE) as opened:
        yield opened


def head(source: Source, *headers: str, path: str = "/v1/batch") -> bytes:
    """Return the head of a request with the key in Basic."""
    basic = base64.b64encode(f"{source.write_key}:".encode()).decode()
    lines = [f"POST {path} HTTP/1.1", "Host: touch", f"AUTHORIZATION: Basic {basic}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def answer(opened: socket.socket) -> tuple[int, bytes]:
    """Read one answer from a connection."""
    found = http.client.HTTPResponse(opened)
    found.begin()
    return found.status, found.read()


def kept(home: Home) -> list[object]:
    """Return the events in the journal."""
    journal = Journal.of(home)
    rows = journal.read(0)
    journal.close()
    texts = (json.loads(bodies.unpack(row.body, row.encoding, 1 << 24)) for row in rows)
    return [event for text in texts for event in text["batch"]]


def test_a_body_in_chunks_of_any_size_is_one_body(home: Home, source: Source) -> None:
    with served(home) as address, line(address) as opened:
        opened.sendall(head(source, "Transfer-Encoding: chunked"))
        for at in range(0, len(BATCH), 7):
            part = BATCH[at : at + 7]
            opened.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        opened.sendall(b"0\r\n\r\n")
        assert answer(opened)[0] == 200
    assert kept(home) == [EVENT]


def test_a_client_that_waits_to_be_told_to_go_on_is_told(home: Home, source: Source) -> None:
    with served(home) as address, line(address) as opened:
        opened.sendall(head(source, "Expect: 100-continue", f"Content-Length: {len(BATCH)}"))
        assert opened.recv(1_000).startswith(b"HTTP/1.1 100 ")
        opened.sendall(BATCH)
        assert answer(opened)[0] == 200
    assert kept(home) == [EVENT]


def test_a_client_that_would_send_too_much_is_stopped_before_it_does(home: Home, source: Source) -> None:
    with served(home) as address, line(address) as opened:
        opened.sendall(head(source, "Expect: 100-continue", f"Content-Length: {1 << 40}"))
        status, body = answer(opened)
    assert (status, json.loads(body)["code"]) == (413, "too_large")


def test_a_connection_serves_requests_one_after_the_other_and_those_sent_ahead_in_order(
    home: Home, source: Source
) -> None:
    with served(home) as address, line(address) as opened:
        sent = b""
        for n in range(20):
            body = json.dumps({"batch": [{**EVENT, "messageId": str(n)}]}).encode()
            sent += head(source, f"Content-Length: {len(body)}") + body
        opened.sendall(sent)
        stream = opened.makefile("rb")
        for _ in range(20):
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
            while stream.readline() != b"\r\n":
                pass
            assert stream.read(17) == b'{"success": true}'
    assert [event["messageId"] for event in kept(home)] == [str(n) for n in range(20)]  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BATCH, ("content-TYPE: application/json; charset=UTF-8",)),
        (BATCH, ("Content-Type: text/plain;charset=utf-8", "Accept-Encoding: gzip, br")),
        (BATCH, ("Content-Encoding: identity",)),
        (b"\xef\xbb\xbf" + BATCH, ()),
        (b"\r\n  " + BATCH + b"\n", ()),
        (gzip.compress(BATCH), ("CONTENT-ENCODING: GZIP",)),
        (gzip.compress(b"\xef\xbb\xbf" + BATCH), ("Content-Type: application/octet-stream",)),
        (zlib.compress(BATCH), ("Content-Encoding: deflate",)),
        (zlib.compress(BATCH)[2:-4], ("Content-Encoding: deflate",)),
    ],
)
def test_a_body_is_read_whatever_its_headers_call_it(
    home: Home, source: Source, body: bytes, headers: tuple[str, ...]
) -> None:
    with served(home) as address, line(address) as opened:
        opened.sendall(head(source, *headers, f"Content-Length: {len(body)}") + body)
        assert answer(opened)[0] == 200
    assert kept(home) == [EVENT]


def test_a_client_of_the_first_http_is_answered_and_let_go(home: Home, source: Source) -> None:
    request = head(source, f"Content-Length: {len(BATCH)}").replace(b"HTTP/1.1", b"HTTP/1.0") + BATCH
    with served(home) as address, line(address) as opened:
        opened.sendall(request)
        assert answer(opened)[0] == 200
        assert opened.recv(1) == b""
    assert kept(home) == [EVENT]


def test_bodies_as_clients_of_other_languages_write_them_become_touches(home: Home, source: Source) -> None:
    at = "2026-11-20T08:00:00"
    one, *others = ({**EVENT, "messageId": f"m{n}"} for n in range(6))
    library = {"context": {"library": {"name": "x", "version": "1"}}}
    written = [
        {
            "batch": [{**one}],
            "messageId": "b1",
            "sentAt": f"{at}.123456789Z",
            **library,
        },  # Go: one context for all
        {
            "batch": [{**others[0], "channel": "server", "integrations": None}],
            "sentAt": f"{at}.123Z",
            "sequence": 4,
        },  # Java
        {"batch": [{**others[1], "timestamp": f"{at}.1234567Z"}], "batchId": "b2", "context": None},  # .NET
        {"batch": [{**others[2], "timestamp": f"{at}+00:00", "userId": None}], "sentAt": at},  # PHP
        {
            "batch": [{**others[3], "type": "screen", "name": "Start", "_metadata": {}}],
            "writeKey": "other",
        },  # Swift
        {
            "batch": [{**others[4], "userId": "", "rudderId": "r", "originalTimestamp": at}],
            "sentAt": at,
        },  # RudderStack
    ]
    with served(home) as address, line(address) as opened:
        for body in written:
            raw = json.dumps(body).encode()
            opened.sendall(head(source, f"Content-Length: {len(raw)}", path="/v1/import/") + raw)
            assert answer(opened) == (200, b'{"success": true}')
    compose.work_here(home)
    assert quarantine.rows(home, SYSTEM) == []
    assert [s.came for s in overview.today(home, SYSTEM).sources] == [len(written)]

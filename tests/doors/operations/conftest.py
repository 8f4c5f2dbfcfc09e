"""Fixtures of operations: the door as a program on this machine sees it, and a receiver of webhooks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.doors import world
from zerodistance import compose
from zerodistance.doors.http import Door
from zerodistance.kernel.home import Home


class Machine:
    """A program that asks the door, from an address."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.door: Door = compose.door(home)
        self.collector: Any = self.door._collector
        self.client = TestClient(self.door, client=("127.0.0.1", 50_000))

    def get(self, path: str, address: str = "127.0.0.1", **headers: str):  # type: ignore[no-untyped-def]
        """Ask one path."""
        client = TestClient(self.door, client=(address, 50_000))
        return client.get(path, headers=headers)


@pytest.fixture
def machine(home: Home) -> Iterator[Machine]:
    """The door of a home with the touchpoints of the small world, running."""
    found = Machine(home)
    world.points(home)
    with found.client:
        yield found


class Receiver:
    """A real HTTP server that takes webhooks, or answers what it is told to.

    Attributes
    ----------
    answers
        Status of the next answers; empty: 200. A number below 1 means: wait so long, then close without an answer.
    got
        (path, headers, body) of every request.
    """

    def __init__(self) -> None:
        self.answers: list[float] = []
        self.got: list[tuple[str, dict[str, str], Any]] = []
        self.raw: list[bytes] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.raw.append(body)
                receiver.got.append((self.path, dict(self.headers), json.loads(body)))
                status = receiver.answers.pop(0) if receiver.answers else 200
                if status < 1:
                    time.sleep(status)
                    return
                self.send_response(int(status))
                if 300 <= status < 400:
                    self.send_header("Location", f"{receiver.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        """End it."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    found = Receiver()
    yield found
    found.close()

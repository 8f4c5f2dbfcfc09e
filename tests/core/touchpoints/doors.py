"""The door of collection without a server: requests go to the ASGI callable from another thread, as from a client."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.patience import PATIENCE
from zerodistance.core.touchpoints import bodies, sources
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.core.touchpoints.http import Collector, collector
from zerodistance.core.touchpoints.journal import Journal, JournalRow
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SYSTEM = Who.system("test")


@dataclass(frozen=True)
class Answer:
    """What a client gets."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Door:
    """A running collector."""

    def __init__(self, home: Home, door: Collector, loop: asyncio.AbstractEventLoop) -> None:
        self.home, self.collector, self._loop = home, door, loop

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Sequence[bytes] | None = b"",
        headers: dict[str, str] | None = None,
        query: str = "",
    ) -> Answer:
        """Send one request, in chunks if `body` is several, never its body if it is None, and return the answer."""
        asked = asyncio.run_coroutine_threadsafe(
            self._ask(method, path, body, headers or {}, query), self._loop
        )
        return asked.result(PATIENCE)

    def post(
        self,
        path: str,
        body: bytes | Sequence[bytes] | Any,
        headers: dict[str, str] | None = None,
        *,
        key: str | None = None,
        query: str = "",
    ) -> Answer:
        """Post bytes as they are or a value as JSON; `key` goes into Basic."""
        raw = body if isinstance(body, bytes | list | None) else json.dumps(body).encode()
        if key is not None:
            headers = {"authorization": basic(key), **(headers or {})}
        return self.ask("POST", path, raw, headers, query)

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes | Sequence[bytes] | None,
        headers: dict[str, str],
        query: str,
    ) -> Answer:
        chunks = [body] if isinstance(body, bytes) else list(body or ())
        waiting = [
            {"type": "http.request", "body": chunk, "more_body": n < len(chunks) - 1}
            for n, chunk in enumerate(chunks)
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            await asyncio.sleep(1 if body is None else 0)
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        }
        await self.collector(scope, receive, send)
        start, *rest = sent
        return Answer(
            start["status"],
            {name.decode(): value.decode("latin-1") for name, value in start["headers"]},
            b"".join(message.get("body", b"") for message in rest),
        )

    def rows(self) -> list[JournalRow]:
        """Return everything in the journal."""
        journal = Journal.of(self.home)
        try:
            return journal.read(0, events=1_000_000_000, limit_bytes=1 << 40)
        finally:
            journal.close()

    def events(self) -> list[Any]:
        """Return every event in the journal, in order."""
        found = []
        for row in self.rows():
            value = json.loads(bodies.unpack(row.body, row.encoding, 1 << 30))
            found += value["batch"] if row.route == "batch" else [value | {"type": row.route}]
        return found


@contextmanager
def opened(home: Home) -> Iterator[Door]:
    """Run a collector in a loop of its own thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    door = collector(home)
    try:
        asyncio.run_coroutine_threadsafe(door.startup(), loop).result(PATIENCE)
        yield Door(home, door, loop)
    finally:
        asyncio.run_coroutine_threadsafe(door.shutdown(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def basic(key: str) -> str:
    """Return the header unmodified clients send."""
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def make_source(home: Home, key: str = "web", **more: Any) -> Source:
    """Create a source."""
    values: dict[str, Any] = {"name": Text("官网", "web site"), "kind": "web", **more}
    return sources.create_source(home, SYSTEM, key=key, **values)

"""A small keep-alive HTTP client for measuring, and a way into the portal."""

from __future__ import annotations

import asyncio
import http.client
import re
import secrets
from typing import cast
from urllib.parse import urlencode

Answer = tuple[int, bytes]


class _Line(asyncio.Protocol):
    def __init__(self) -> None:
        self.heard = b""
        self.waiting: asyncio.Future[Answer] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.heard += data
        head, found, body = self.heard.partition(b"\r\n\r\n")
        if not found:
            return
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if length is None:
            raise RuntimeError("an answer without a length")
        if len(body) < int(length[1]):
            return
        self.heard = b""
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(exc or ConnectionResetError())


class Client:
    """Asks over up to `lines` connections to one address; more questions than that wait for a free one."""

    def __init__(self, port: int, lines: int) -> None:
        self._port, self._count = port, lines
        self._free: asyncio.Queue[_Line] = asyncio.Queue()
        self._lines: list[_Line] = []

    async def __aenter__(self) -> Client:
        """Open the connections."""
        loop = asyncio.get_running_loop()
        for _ in range(self._count):
            _, line = await loop.create_connection(_Line, "127.0.0.1", self._port)
            self._lines.append(line)
            self._free.put_nowait(line)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        for line in self._lines:
            if line.transport is not None:
                line.transport.close()

    async def ask(self, method: str, path: str, body: bytes = b"", headers: str = "") -> Answer:
        """Send one request; return status and body. `headers` are lines that end in a line break."""
        line = await self._free.get()
        try:
            line.waiting = asyncio.get_running_loop().create_future()
            head = (
                f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
            )
            assert line.transport is not None
            line.transport.write(head.encode() + body)
            return await line.waiting
        finally:
            self._free.put_nowait(line)


def log_in(port: int, once: str) -> str:
    """Use a one-time link as a browser would; return the cookie header of the session."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", once)
    answer = connection.getresponse()
    page = answer.read().decode()
    cookies = _cookies(answer)
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    if token is None:
        raise SystemExit(f"no form behind the one-time link: {answer.status}")
    password = secrets.token_urlsafe(16)
    form = urlencode({"csrf": token[1], "password": password, "again": password})
    headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", once, form, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status not in (302, 303):
        raise SystemExit(f"the one-time link did not log in: {answer.status}")
    connection.close()
    return f"Cookie: {_cookies(answer)}\r\n"


def _cookies(answer: http.client.HTTPResponse) -> str:
    given = answer.headers.get_all("set-cookie") or []
    return "; ".join(line.split(";")[0] for line in given if "Max-Age=0" not in line)

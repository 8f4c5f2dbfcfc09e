"""A mail server that takes everything and writes down what it took, before it says so: run as a process of its own, to be killed.

A line a mail: the local part that answers come back to, then the recipient. The line is in the file before the answer is on its way, so that whatever a client
was told is there; what stands there without an answer is what nobody knew.
"""

from __future__ import annotations

import asyncio
import os
import sys


class Taking(asyncio.Protocol):
    """One connection."""

    def __init__(self, log: int) -> None:
        self._log, self._rest, self._text = log, b"", False
        self._sender = self._to = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self._out: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._out.write(b"220 taking\r\n")

    def data_received(self, data: bytes) -> None:
        """Read commands and texts, whatever comes in one go."""
        self._rest += data
        while True:
            end, skip = (b"\r\n.\r\n", 5) if self._text else (b"\r\n", 2)
            at = self._rest.find(end)
            if at < 0:
                return
            line, self._rest = self._rest[:at], self._rest[at + skip :]
            self._out.write(self._taken() if self._text else self._answer(line))

    def _taken(self) -> bytes:
        self._text = False
        os.write(self._log, self._sender + b" " + self._to + b"\n")
        return b"250 2.0.0 taken\r\n"

    def _answer(self, line: bytes) -> bytes:
        word, _, given = line.partition(b" ")
        match word.upper():
            case b"EHLO":
                return b"250-taking\r\n250 PIPELINING\r\n"
            case b"MAIL":
                self._sender = given.partition(b"<")[2].partition(b"@")[0]
            case b"RCPT":
                self._to = given.partition(b"<")[2].partition(b">")[0]
            case b"DATA":
                self._text = True
                return b"354 go on\r\n"
            case b"QUIT":
                self._out.close()
                return b"221 bye\r\n"
        return b"250 2.0.0 fine\r\n"


async def _serve(port: int, path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Taking(log), "127.0.0.1", port, reuse_address=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))

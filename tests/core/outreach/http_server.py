"""A web server of a few lines, which keeps what it is asked and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, bytes] | None
"""Status and body; None: the connection breaks without an answer."""


class WebServer:
    """Answers on a free port of this machine; `asked` keeps (method, path, headers, body)."""

    def __init__(self, answers: Callable[[str, bytes], Reply] = lambda path, body: (200, b"{}")) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        kept = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                kept.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                reply = answers(self.path, body)
                if reply is None:
                    self.close_connection = True
                    return
                self.send_response(reply[0])
                self.send_header("Content-Length", str(len(reply[1])))
                self.end_headers()
                self.wfile.write(reply[1])

            do_GET = do_POST = do_PUT = _do

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

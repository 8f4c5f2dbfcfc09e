"""A real server on a free port of the loopback; run as a program it is a process that a test may kill."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import uvicorn

from tests.patience import PATIENCE
from zerodistance.core.touchpoints.http import Collector, collector
from zerodistance.doors.corked import CorkedProtocol
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load

ROOT = Path(__file__).parent.parent.parent


def application(door: Collector) -> Any:
    """Return the collector with the beginning and end that a server gives an application."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await door(scope, receive, send)
            return
        await receive()
        await door.startup()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await door.shutdown()
        await send({"type": "lifespan.shutdown.complete"})

    return app


def _server(home: Home) -> uvicorn.Server:
    app = application(collector(home))
    return uvicorn.Server(
        uvicorn.Config(app, http=CorkedProtocol, lifespan="on", log_level="warning", access_log=False)
    )


@contextmanager
def served(home: Home) -> Iterator[str]:
    """Serve collection from a thread; give the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = _server(home)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    """Serve the files of a folder to a browser; give the address."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(PATIENCE)


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Process:
    """A server in a process of its own, on one port for as long as a test lasts, that may be killed and started again.

    Parameters
    ----------
    fault
        What `kernel.fault` does in it: `journal.commit.before@300` is a disk that takes 300 ms longer.
    """

    def __init__(self, home: Home, fault: str = "") -> None:
        self._home, self._fault, self._port = home, fault, 0
        self.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, on the port it had before."""
        words = [sys.executable, "-m", "tests.clients.serving", str(self._home.root), str(self._port)]
        environment = {**os.environ, "ZERODISTANCE_FAULT": self._fault}
        self._process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()


def main(folder: str, port: str = "0") -> None:
    """Serve the home in `folder` until killed; the first line printed is the port."""
    with socket.create_server(("127.0.0.1", int(port))) as listening:
        print(listening.getsockname()[1], flush=True)
        _server(open_home(load(home=Path(folder)))).run([listening])


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A real server on a free port of the loopback; run as a program it is a process that a test may kill."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from zerodistance.core.touchpoints.http import Collector, collector
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load


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
        uvicorn.Config(app, http="httptools", lifespan="on", log_level="warning", access_log=False)
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
            thread.join(20)


def main(folder: str) -> None:
    """Serve the home in `folder` until killed; the first line printed is the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        _server(open_home(load(home=Path(folder)))).run([listening])


if __name__ == "__main__":
    main(sys.argv[1])

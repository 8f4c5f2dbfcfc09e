"""Clients that send to running doors without a pause, and what the home holds of it afterwards."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.patience import PATIENCE
from zerodistance import compose
from zerodistance.core.touchpoints import journal, sources, tail
from zerodistance.doors import worker
from zerodistance.kernel.access import Who
from zerodistance.kernel.findings import Level
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

WHO = Who.system("load")


class Client(threading.Thread):
    """One client of one door: sends batches of ten, each once, and notes which were answered 200."""

    def __init__(self, name: str, address: str, key: str, pause: float = 0.0) -> None:
        super().__init__(name=name, daemon=True)
        self.address, self.acked, self.statuses = address, list[str](), Counter[int]()
        self._ended, self._pause = threading.Event(), pause
        self._headers = {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}

    def run(self) -> None:
        number = 0
        while not self._ended.wait(self._pause):
            number += 1
            ids = [f"{self.name}-{number}-{i}" for i in range(10)]
            events = [
                {"type": "track", "event": "x", "messageId": i, "anonymousId": f"a{number % 50}"} for i in ids
            ]
            status = self._send(json.dumps({"batch": events}))
            self.statuses[status] += 1
            self.acked += ids if status == 200 else []

    def _send(self, body: str) -> int:
        where = urlsplit(self.address)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)
        try:
            connection.request("POST", "/v1/batch", body, self._headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def end(self) -> None:
        self._ended.set()
        self.join(PATIENCE)


@contextmanager
def clients(addresses: Sequence[str], key: str, pause: float = 0.0) -> Iterator[list[Client]]:
    """Send to every address until the block ends."""
    made = [Client(f"c{n}", address, key, pause) for n, address in enumerate(addresses)]
    for client in made:
        client.start()
    try:
        yield made
    finally:
        for client in made:
            client.end()


def make_source(root: Path) -> str:
    """Make a source; return its write key."""
    home = open_home(load(home=root))
    source = sources.create_source(home, WHO, key="web", name=Text("官网", "web site"), kind="web")
    home.close()
    return source.write_key


def digested(home: Home) -> bool:
    """Say whether nothing waits in the journal."""
    read = journal.Journal.of(home)
    try:
        return read.waiting(journal.position(home)).rows == 0
    finally:
        read.close()


def trouble(root: Path, acked: Sequence[str]) -> list[str]:
    """Digest what waits and return what is wrong: everything that was acknowledged must be there exactly once."""
    home = open_home(load(home=root))
    worker.once(compose.work(home))
    found = [f"doctor: {f.text.en}" for f in compose.checks(home) if f.level is Level.DAMAGE]
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        held = dict(
            connection.execute("select source_id, count(*) from touches group by source_id").fetchall()
        )
    home.close()
    found += [f"doubled: {i} x {n}" for i, n in held.items() if n != 1][:5]
    return found + [f"lost: {i}" for i in sorted(set(acked) - held.keys())][:5]

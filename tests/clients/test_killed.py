"""Whatever a client heard 200 for is in the journal, however the server ends."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.core.touchpoints.doors import make_source
from tests.patience import PATIENCE
from zerodistance.core.touchpoints import bodies
from zerodistance.core.touchpoints.journal import Journal
from zerodistance.kernel.home import Home

ROOT = Path(__file__).parent.parent.parent
SENDERS = 4


class Killable:
    """A server process, and the message ids that clients heard 200 for."""

    def __init__(self, home: Home, key: str, fault: str = "") -> None:
        environment = {**os.environ, "ZERODISTANCE_FAULT": fault}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.clients.serving", str(home.root)],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self._port = int(self.process.stdout.readline())
        self._key = base64.b64encode(f"{key}:".encode()).decode()
        self.heard: list[str] = []
        self._enough = threading.Event()

    def send(self, most: int, enough: int) -> None:
        """Send until the server is gone or `most` were sent by each sender; tell when `enough` were answered."""
        threads = [threading.Thread(target=self._send, args=(n, most, enough)) for n in range(SENDERS)]
        for thread in threads:
            thread.start()
        if enough < most:
            assert self._enough.wait(PATIENCE)
            self.process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join(PATIENCE)
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _send(self, sender: int, most: int, enough: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        for n in range(most):
            message_id = f"{sender}-{n}"
            body = json.dumps({"batch": [{"type": "track", "messageId": message_id}]})
            try:
                connection.request("POST", "/v1/batch", body, {"Authorization": f"Basic {self._key}"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                return
            assert answer.status == 200
            self.heard.append(message_id)
            if len(self.heard) >= enough:
                self._enough.set()


def _kept(home: Home) -> list[str]:
    journal = Journal.of(home)
    rows = journal.read(0)
    journal.close()
    texts = (json.loads(bodies.unpack(row.body, row.encoding, 1 << 20)) for row in rows)
    return [event["messageId"] for text in texts for event in text["batch"]]


@pytest.mark.parametrize("answered", [1, 40])
def test_a_server_killed_after_its_answers_has_kept_them(home: Home, answered: int) -> None:
    server = Killable(home, make_source(home).write_key)
    server.send(most=100_000, enough=answered)
    kept = _kept(home)
    assert len(server.heard) >= answered
    assert set(server.heard) <= set(kept)
    assert len(kept) == len(set(kept))


@pytest.mark.parametrize("fault", ["journal.commit.before:3", "journal.commit.after:3"])
def test_a_server_that_dies_around_a_commit_has_answered_only_what_it_kept(home: Home, fault: str) -> None:
    server = Killable(home, make_source(home).write_key, fault)
    server.send(most=100_000, enough=100_000)
    assert server.process.returncode == -signal.SIGKILL
    assert set(server.heard) <= set(_kept(home))

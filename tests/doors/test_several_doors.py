"""Several doors on one home, and a state store that goes away: what was acknowledged is there exactly once."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors import load
from tests.patience import PATIENCE, until
from tests.postgres import Server

BOTH = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
]

pytestmark = pytest.mark.slow


class Process:
    """`serve` or `door`, running."""

    def __init__(self, root: Path, word: str, *settings: str) -> None:
        given = [f"--set={setting}" for setting in ("seal_seconds=1", "dedup_ids=1000000", *settings)]
        command = [
            sys.executable,
            "-m",
            "zerodistance",
            f"--home={root}",
            "--lang=en",
            "--port=0",
            *given,
            word,
        ]
        with (root / f"{word}.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found is not None, (root / f"{word}.log").read_text()
        self.address = found[0]

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        asked = urllib.request.Request(self.address + path, headers=headers)
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=PATIENCE)


def init(root: Path, url: str = "") -> str:
    root.mkdir()
    (root / "zerodistance.toml").write_text(f'state_url = "{url}"\n')
    command = [sys.executable, "-m", "zerodistance", f"--home={root}", "init"]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    return load.make_source(root)


@pytest.fixture
def durable() -> Iterator[Server]:
    server = Server(durable=True)
    yield server
    server.remove()


@pytest.mark.parametrize("store", BOTH)
def test_three_doors_and_one_killed_take_everything_in_once(
    request: pytest.FixtureRequest, tmp_path: Path, store: str
) -> None:
    url = request.getfixturevalue("databases").new() if store == "postgres" else ""
    key = init(tmp_path / "home", url)
    doors = [Process(tmp_path / "home", word) for word in ("serve", "door", "door")]
    with load.clients([door.address for door in doors for _ in range(2)], key) as clients:
        until(lambda: all(len(client.acked) >= 100 for client in clients))
        doors[1].process.send_signal(signal.SIGKILL)
        before = [len(client.acked) for client in clients]
        others = (0, 1, 4, 5)
        until(lambda: all(len(clients[n].acked) >= before[n] + 100 for n in others))
    for door in doors:
        door.end()
    assert load.trouble(tmp_path / "home", [i for client in clients for i in client.acked]) == []
    assert all(set(client.statuses) <= {200, 429} for n, client in enumerate(clients) if n in others)
    assert [path.name for path in (tmp_path / "home").glob("journal*.db")] == ["journal.db"]


def test_a_door_needs_no_worker_and_a_second_worker_is_still_refused(tmp_path: Path) -> None:
    key = init(tmp_path / "home")
    alone = Process(tmp_path / "home", "door")
    with load.clients([alone.address], key) as clients:
        until(lambda: len(clients[0].acked) >= 50)
    status, said = alone.get("/healthz")
    alone.end()
    assert (status, json.loads(said)) == (200, {"status": "ok"})
    assert load.trouble(tmp_path / "home", clients[0].acked) == []


@pytest.mark.postgres
def test_while_the_state_is_away_collection_goes_on_and_the_rest_says_so(
    durable: Server, tmp_path: Path
) -> None:
    key = init(tmp_path / "home", durable.new_database())
    served = Process(tmp_path / "home", "serve", "poll_ms=5")
    with load.clients([served.address] * 2, key, 0.01) as clients:
        until(lambda: all(len(client.acked) >= 200 for client in clients))
        durable.kill()
        before = [len(client.acked) for client in clients]
        until(lambda: all(len(c.acked) >= n + 200 for c, n in zip(clients, before, strict=True)))
        page, api = (
            served.get("/", cookie="zd_session=x"),
            served.get("/v1/segments", authorization="Bearer zd_x"),
        )
        health, ready = served.get("/healthz"), served.get("/readyz")
        unknown = load.Client("unknown", served.address, "0" * 32)
        unknown.start()
        until(lambda: bool(unknown.statuses))
        unknown.end()
        durable.start()
        until(lambda: served.get("/v1/segments", authorization="Bearer zd_x")[0] != 503)
    log = (tmp_path / "home" / "serve.log").read_text()
    served.end()
    assert all(set(client.statuses) == {200} for client in clients)
    assert (health[0], ready[0], page[0], api[0]) == (200, 200, 503, 503), "ready: it takes touches in"
    assert "state_away" in page[1] and json.loads(api[1])["code"] == "state_away"
    assert set(unknown.statuses) == {503}
    assert "Traceback" not in log and "request_failed" not in log
    assert load.trouble(tmp_path / "home", [i for client in clients for i in client.acked]) == []


@pytest.mark.postgres
def test_a_state_that_hangs_does_not_hold_up_collection(durable: Server, tmp_path: Path) -> None:
    key = init(tmp_path / "home", durable.new_database())
    served = Process(tmp_path / "home", "serve")
    with load.clients([served.address] * 2, key, 0.01) as clients:
        until(lambda: all(len(client.acked) >= 50 for client in clients))
        with durable.frozen():
            time.sleep(0.5)
            before = [len(client.acked) for client in clients]
            until(lambda: all(len(c.acked) >= n + 200 for c, n in zip(clients, before, strict=True)))
    served.end()
    assert all(set(client.statuses) == {200} for client in clients)
    assert load.trouble(tmp_path / "home", [i for client in clients for i in client.acked]) == []

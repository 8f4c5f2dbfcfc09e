"""`serve` from outside: two processes that start, watch each other, and end together."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE, until
from zerodistance.kernel.locks import worker_pid


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zerodistance", f"--home={home}", "--lang=en", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def ended(pid: int) -> bool:
    """Wait for a process that is not our child to end."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], PATIENCE)[0])
    finally:
        os.close(handle)


class Served:
    """A running `serve`."""

    def __init__(self, home: Path, *, new_group: bool = False) -> None:
        self.home = home
        command = [sys.executable, "-m", "zerodistance", f"--home={home}", "--lang=en", "--port=0", "serve"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=new_group
        )
        assert self.process.stdout is not None
        self.lines = [self.process.stdout.readline()]
        found = re.search(r"http://\S+", self.lines[0])
        assert found is not None, (
            self.process.wait(PATIENCE),
            self.process.stderr and self.process.stderr.read(),
        )
        self.address = found[0]
        self.worker = self.worker_now()

    def worker_now(self, other_than: int = 0) -> int:
        def look() -> int | None:
            pid = worker_pid(self.home / "worker.lock")
            return pid if pid and pid != other_than else None

        return until(look)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("served") / "home"
    done = run(home, "init")
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def served(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(shutil.copytree(made, tmp_path_factory.mktemp("running") / "home"))
    yield found
    found.end()


@pytest.fixture
def another(made: Path, tmp_path: Path) -> Path:
    """A home of the test's own, as `init` leaves it."""
    return shutil.copytree(made, tmp_path / "home")


@pytest.fixture
def own(another: Path) -> Iterator[Served]:
    found = Served(another)
    yield found
    found.end()


def test_it_prints_where_it_listens_and_a_first_login_and_answers_there(served: Served) -> None:
    assert served.process.stdout is not None
    assert "first login" in served.process.stdout.readline()
    assert int(served.address.rpartition(":")[2]) > 0
    assert json.loads(served.get("/healthz")) == {"status": "ok"}


@pytest.mark.slow
def test_a_second_worker_on_the_same_home_is_refused(served: Served) -> None:
    for command in ("serve", "run", "worker"):
        refused = run(served.home, "--port=0", command)
        assert refused.returncode == 1
        assert f"[worker_running] another worker (pid {served.worker}) holds" in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_status_shows_the_worker(served: Served) -> None:
    note = until(lambda: served.home.joinpath("runs", "worker.json").exists() or None)
    said = json.loads(run(served.home, "status", "--json").stdout)
    assert note
    assert said["worker"]["running"]
    assert said["worker"]["pid"] == served.worker
    assert {"digest", "follow", "seal", "index", "bus", "jobs", "feeds", "sending"} == set(
        said["worker"]["loops"]
    )


def test_a_worker_that_dies_is_started_again(served: Served) -> None:
    os.kill(served.worker, signal.SIGKILL)
    assert ended(served.worker)
    served.worker = served.worker_now(other_than=served.worker)
    assert json.loads(served.get("/healthz")) == {"status": "ok"}
    assert json.loads(served.get("/readyz"))["status"] == "ready"
    assert "zerodistance_worker_restarts_total 1\n" in served.get("/metrics")


def test_measures_of_the_worker_are_told_by_the_door(served: Served) -> None:
    def told() -> str | None:
        text = served.get("/metrics")
        return text if 'process_resident_memory_bytes{process="worker"}' in text else None

    text = until(told)
    for name in (
        "worker_up 1",
        "digest_rows_total ",
        "dedup_window_seconds ",
        'worker_step_failures_total{loop="digest"} 0',
    ):
        assert f"zerodistance_{name}" in text


@pytest.mark.slow
def test_systemd_hears_that_the_door_is_ready_alive_and_ends(
    another: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        served = Served(another)
        heard = [systemd.recv(100) for _ in range(4)]
        served.process.terminate()
        while heard[-1] != b"STOPPING=1":
            heard.append(systemd.recv(100))
        served.end()
    assert heard[0] == b"READY=1"
    assert heard[1:4] == [b"WATCHDOG=1"] * 3


@pytest.mark.slow
def test_sigterm_ends_both_cleanly(own: Served) -> None:
    own.process.terminate()
    assert own.process.wait(PATIENCE) == 0
    assert ended(own.worker)
    assert json.loads(own.home.joinpath("runs", "worker.json").read_text())["ended_at"]
    assert run(own.home, "doctor").returncode == 0


def test_a_signal_to_both_at_once_ends_both_and_starts_nothing(another: Path) -> None:
    served = Served(another, new_group=True)
    os.killpg(served.process.pid, signal.SIGINT)
    assert served.process.wait(PATIENCE) == 0
    assert ended(served.worker)
    assert served.process.stderr is not None
    assert served.process.stderr.read() == ""
    served.end()


@pytest.mark.slow
def test_killing_the_parent_leaves_no_worker(own: Served) -> None:
    own.process.kill()
    own.process.wait(PATIENCE)
    assert ended(own.worker)
    assert worker_pid(own.home / "worker.lock") is None


def test_a_taken_port_is_named_and_nothing_is_left_running(another: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = run(another, f"--port={taken.getsockname()[1]}", "serve")
    assert refused.returncode == 1
    assert "[port_taken]" in refused.stderr
    assert "--port 0" in refused.stderr
    assert worker_pid(another / "worker.lock") is None


@pytest.mark.slow
def test_an_address_that_is_not_ours_is_named(another: Path) -> None:
    refused = run(another, "--host=203.0.113.7", "serve")
    assert refused.returncode == 1
    assert "[no_such_address]" in refused.stderr

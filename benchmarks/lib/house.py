"""A home of its own that the real program serves: `zerodistance init` and `serve` as processes, watched from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.lib.machine import cpu_seconds, peak_mb, say
from zerodistance.kernel.bulk import for_postgres

START_SECONDS, STOP_SECONDS = 60.0, 90.0


@dataclass(frozen=True)
class Measured:
    """What a command printed and took: seconds, processor seconds of all its threads, the most memory it had, MB."""

    said: str
    seconds: float
    cpu: float
    peak_mb: float


class House:
    """One temporary home.

    Parameters
    ----------
    root
        A folder that is there; the home is made below it, unless there is one.
    settings
        Settings that differ from their defaults.
    """

    def __init__(self, root: Path, settings: Mapping[str, object] | None = None) -> None:
        self.home = root / "home"
        self.log = root / "serve.log"
        self.once = ""
        self.host, self.port = "127.0.0.1", 0
        self._settings = dict(settings or {})
        self._door: subprocess.Popen[bytes] | None = None
        if not self.home.exists():
            self.run("init")

    def __enter__(self) -> Self:
        """Start the door and the worker."""
        try:
            self.start()
        except BaseException:
            self.stop()  # what did not come up in time may still come
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both."""
        self.stop()
        if kind is not None and self.log.exists():
            say("last lines of the program's log:\n" + self.log.read_text()[-3000:])

    def _command(self, *words: str) -> list[str]:
        given = [f"--set={name}={value}" for name, value in self._settings.items()]
        return [
            sys.executable,
            "-m",
            "zerodistance",
            f"--home={self.home}",
            "--lang=en",
            "--port=0",
            *given,
            *words,
        ]

    def run(self, *words: str) -> str:
        """Run one command of the program and return what it printed."""
        done = subprocess.run(self._command(*words), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"zerodistance {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def measured(self, *words: str) -> Measured:
        """Run one command of the program, and say what it took, start of the interpreter included."""
        began = time.perf_counter()
        with subprocess.Popen(self._command(*words), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            said = process.stdout.read().decode()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"zerodistance {' '.join(words)} failed:\n{said}")
        seconds, cpu = time.perf_counter() - began, used.ru_utime + used.ru_stime
        return Measured(said, seconds, cpu, used.ru_maxrss * 1024 / 1e6)

    def source(self, key: str, kind: str = "server") -> tuple[int, str]:
        """Create a source; return its number and write key."""
        made = json.loads(self.run("sources", "create", key, "--kind", kind, "--json"))
        return int(made["number"]), str(made["write_key"])

    def api_key(self) -> str:
        """Return a key of the API."""
        return self.run("accounts", "key", f"benchmark-{time.time_ns():x}", "--role", "admin").split()[-1]

    # -- door and worker

    def start(self) -> None:
        """Start `serve` and wait until it says its address."""
        with open(self.log, "ab") as log:
            self._door = subprocess.Popen(
                self._command("serve"), stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL
            )
        assert self._door.stdout is not None
        os.set_blocking(self._door.stdout.fileno(), False)
        said, until = b"", time.monotonic() + START_SECONDS
        while True:
            said += self._door.stdout.read() or b""
            found = re.search(rb"http://([\d.]+):(\d+)\s", said)
            if found:
                self.host, self.port = found[1].decode(), int(found[2])
                break
            if self._door.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"serve did not start:\n{said.decode()}\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        self.wait(self._worker_is_up, "the worker", START_SECONDS)
        link = re.search(rb"(/once/\S+)", said + (self._door.stdout.read() or b""))
        self.once = link[1].decode() if link else ""

    def stop(self) -> None:
        """End the door, and with it the worker."""
        door, self._door = self._door, None
        if door is None:
            return
        door.terminate()
        try:
            door.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            door.kill()
            door.wait()

    @property
    def door_pid(self) -> int:
        """Process id of the door."""
        assert self._door is not None
        return self._door.pid

    @property
    def worker_pid(self) -> int:
        """Process id of the worker, 0 while there is none."""
        door = self.door_pid
        for task in Path(f"/proc/{door}/task").iterdir():
            with suppress(FileNotFoundError):
                for child in (task / "children").read_text().split():
                    if "worker" in Path(f"/proc/{child}/cmdline").read_text().split("\0"):
                        return int(child)
        return 0

    def _worker_is_up(self) -> bool:
        """Say whether the worker has written down how it is, which it does first after two seconds of work."""
        with suppress(FileNotFoundError, ValueError):
            said = json.loads((self.home / "runs" / "worker.json").read_text())
            return bool(said["pid"] == self.worker_pid and not said["ended_at"])
        return False

    def hold_worker(self) -> Callable[[], None]:
        """Let the worker stand still, so that the door has the machine to itself; call what is returned to let it go."""
        pid = self.worker_pid
        os.kill(pid, signal.SIGSTOP)
        return lambda: os.kill(pid, signal.SIGCONT)

    def cpu(self) -> tuple[float, float]:
        """Return the processor seconds of door and worker so far."""
        return cpu_seconds(self.door_pid), cpu_seconds(self.worker_pid)

    def peak_mb(self) -> tuple[float, float]:
        """Return the peak memory of door and worker, MB."""
        return peak_mb(self.door_pid), peak_mb(self.worker_pid)

    # -- what the state says

    def ask(self, sql: str, *values: object) -> list[tuple[int, ...]]:
        """Read from the state store, without a lock on it; with ZERODISTANCE_STATE_URL that is a PostgreSQL database."""
        if url := os.environ.get("ZERODISTANCE_STATE_URL"):
            import psycopg

            with psycopg.connect(url, autocommit=True) as server:
                return server.execute(for_postgres(sql).encode(), values).fetchall()
        connection = sqlite3.connect(f"file:{self.home}/state.db?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def counts(self, source: int) -> dict[str, int]:
        """Return what is counted of a source: accepted, duplicates, refused, ..."""
        rows = self.ask(
            "select counter, sum(value) from source_hour where source = ? group by counter", source
        )
        return {str(name): int(value) for name, value in rows}

    def digested(self, source: int) -> int:
        """Return how many events of a source are digested: accepted, known as duplicates, or refused."""
        counts = self.counts(source)
        return sum(counts.get(name, 0) for name in ("accepted", "duplicates", "refused"))

    def waiting(self) -> int:
        """Return how many events lie in the journal after the committed position."""
        found = self.ask("select position from feed where name = 'journal'")
        connection = sqlite3.connect(f"file:{self.home}/journal.db?mode=ro", uri=True, timeout=10)
        try:
            last = connection.execute("select seq from sqlite_sequence where name = 'row'").fetchone()
            first = found[0][0] if found else 0
            after = connection.execute(
                "select coalesce(sum(events), 0) from row where id > ? and id <= ?", (first, last[0])
            )
            return int(after.fetchone()[0])
        finally:
            connection.close()

    def wait(self, until: Callable[[], bool], what: str, seconds: float) -> float:
        """Wait for something, looking 20 times a second; return the seconds it took."""
        began = time.monotonic()
        while not until():
            if time.monotonic() - began > seconds:
                raise SystemExit(f"{what} did not come within {seconds:.0f} s")
            time.sleep(0.05)
        return time.monotonic() - began

    def drain(self, source: int, events: int, seconds: float) -> float:
        """Wait until so many events of a source are digested; return the seconds it took."""
        return self.wait(lambda: self.digested(source) >= events, f"digestion of {events:,} events", seconds)

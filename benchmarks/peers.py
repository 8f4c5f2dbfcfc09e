"""The same requests to our door and to a peer's, one after the other on the same machine: who keeps how many, how fast.

The peer is RudderStack's server (github.com/rudderlabs/rudder-server, `go build -o rudder-server .`, Go 1.26), the one that needs
nothing but PostgreSQL. It runs as its gateway alone, with a source and no destination: what it does with events later needs more
servers and isn't measured; before it opens its port it asks one of them which formats it knows, and is answered here. Its
database is a PostgreSQL server of the benchmark's own that forces commits to disk, as our door does. Ours runs whole, its worker
digesting on the same two cores; `accepted_alone_per_s` is our door while the worker stands still, which is what the peer's figure is
to be held against.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.collect import LINES
from benchmarks.lib import traffic
from benchmarks.lib.house import House
from benchmarks.lib.load import Outcome, Running
from benchmarks.lib.machine import arguments, cpu_seconds, peak_mb, quantile, report, say, workspace
from tests import postgres

WRITE_KEY = "benchmark00000000000000000000000"
START_SECONDS = 120.0
_REQUESTS = 20_000
_FEATURES = b'{"supportSourceTransformV1": true, "upgradedToSourceTransformV2": true}'


def main() -> None:
    """Measure both, ours first."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--rudder", type=Path, required=True, help="the program rudder-server, built from source"
    )
    parser.add_argument("--people", type=int, default=300_000, help="visitors in the traffic")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each phase")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    for phase in (_ours, _ours_alone, _rudder):
        with workspace(options.folder) as root:
            say(f"phase {phase.__name__.strip('_')}")
            figures |= phase(options, root)
    figures["ratio_alone"] = figures["accepted_alone_per_s"] / figures["rudderstack_accepted_per_s"]
    figures["ratio"] = figures["accepted_per_s"] / figures["rudderstack_accepted_per_s"]
    report("peers", **figures)


def _per_second(outcome: Outcome) -> float:
    return outcome.answered * traffic.EVENTS / outcome.seconds


def _load(options: argparse.Namespace, root: Path, key: str, port: int) -> Outcome:
    requests = traffic.batches(root / "web.requests", key, _REQUESTS, options.people)
    load = Running(requests, port, connections=LINES, seconds=options.seconds, most=requests.count)
    return load.outcome()


def _ours(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    house = House(root)
    web, key = house.source("web")
    with house:
        outcome = _load(options, root, key, house.port)
        digested, after = house.digested(web), time.monotonic()
    return {
        "accepted_per_s": _per_second(outcome),
        "digested_per_s": digested / (after - outcome.began),
        "accept_p99_ms": quantile(outcome.waits, 0.99) * 1e3,
        "not_200": outcome.not_200,
    }


def _ours_alone(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    house = House(root)
    _, key = house.source("web")
    with house:
        go_on = house.hold_worker()
        try:
            cpu = house.cpu()[0]
            outcome = _load(options, root, key, house.port)
            cpu = house.cpu()[0] - cpu
        finally:
            go_on()
    return {
        "accepted_alone_per_s": _per_second(outcome),
        "accept_alone_p99_ms": quantile(outcome.waits, 0.99) * 1e3,
        "alone_not_200": outcome.not_200,
        "events_per_cpu_s": _events(outcome) / cpu,
    }


def _events(outcome: Outcome) -> int:
    return (outcome.answered + outcome.answered_after) * traffic.EVENTS


def _rudder(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    server = postgres.Server(
        durable=True, settings={"shared_buffers": "1GB", "max_wal_size": "4GB", "wal_compression": "on"}
    )
    try:
        server.say("create database jobsdb")
        with _beside() as beside, _gateway(options.rudder, root, server.folder, beside) as (pid, port):
            cpu = _cpu(pid, server)
            outcome = _load(options, root, WRITE_KEY, port)
            cpu = _cpu(pid, server) - cpu
            mb = peak_mb(pid)
        kept = _kept(server)
    finally:
        server.remove()
    if not outcome.answered:
        raise SystemExit(f"RudderStack's server kept nothing: {outcome.statuses}")
    return {
        "rudderstack_accepted_per_s": _per_second(outcome),
        "rudderstack_accept_p99_ms": quantile(outcome.waits, 0.99) * 1e3,
        "rudderstack_not_200": outcome.not_200,
        "rudderstack_events_per_cpu_s": _events(outcome) / cpu,
        "rudderstack_peak_rss_mb": mb,
        "rudderstack_acknowledged": _events(outcome),
        "rudderstack_kept": kept,
    }


class _Beside(BaseHTTPRequestHandler):
    """What the gateway asks others for before it opens: its transformer says that it is a new one."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(_FEATURES)))
        self.end_headers()
        self.wfile.write(_FEATURES)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def _beside() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Beside) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def _gateway(program: Path, root: Path, database: Path, beside: str) -> Iterator[tuple[int, int]]:
    """Start RudderStack's gateway on the database whose socket is in a folder; give its process id and port."""
    workspace_file = root / "workspace.json"
    source = {
        "id": "benchmark", "name": "benchmark", "writeKey": WRITE_KEY, "enabled": True, "config": {}, "destinations": [],
        "sourceDefinitionId": "benchmark", "workspaceId": "benchmark", "deleted": False,
        "sourceDefinition": {"id": "benchmark", "name": "HTTP", "category": None, "type": "cloud"},
    }  # fmt: skip
    workspace_file.write_text(json.dumps({"workspaceId": "benchmark", "sources": [source]}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    told = {
        "APP_TYPE": "GATEWAY", "GO_ENV": "production", "LOG_LEVEL": "WARN", "INSTANCE_ID": "1", "DEPLOYMENT_TYPE": "DEDICATED",
        "WORKSPACE_TOKEN": "benchmark", "JOBS_DB_HOST": str(database), "JOBS_DB_PORT": "5432", "JOBS_DB_USER": postgres.ROLE,
        "JOBS_DB_PASSWORD": "none", "JOBS_DB_DB_NAME": "jobsdb", "JOBS_DB_SSL_MODE": "disable", "RUDDER_TMPDIR": str(root),
        "RSERVER_BACKEND_CONFIG_CONFIG_FROM_FILE": "true", "RSERVER_BACKEND_CONFIG_CONFIG_JSONPATH": str(workspace_file),
        "RSERVER_GATEWAY_WEB_PORT": str(port), "RSERVER_GATEWAY_ENABLE_SUPPRESS_USER_FEATURE": "false",
        "DEST_TRANSFORM_URL": beside, "CONFIG_BACKEND_URL": beside, "RSERVER_ENABLE_STATS": "false",
        "RSERVER_PROFILER_ENABLED": "false", "RSERVER_DIAGNOSTICS_ENABLE_DIAGNOSTICS": "false",
    }  # fmt: skip
    log = root / "rudder.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program.resolve()], env={**os.environ, **told}, cwd=root, stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )  # fmt: skip
    try:
        until = time.monotonic() + START_SECONDS
        while not _takes(port):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"RudderStack's server did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.2)
        yield process.pid, port
        if process.poll() is not None:
            raise SystemExit(f"RudderStack's server has ended:\n{log.read_text()[-3000:]}")
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _takes(port: int) -> bool:
    """Say whether a first event is taken."""
    event = {"type": "track", "event": "First", "anonymousId": "first", "messageId": "first"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/track",
        json.dumps(event).encode(),
        {"Content-Type": "application/json", "Authorization": traffic.basic(WRITE_KEY)},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _cpu(gateway: int, server: postgres.Server) -> float:
    return sum(map(cpu_seconds, (gateway, *server.pids())))


def _kept(server: postgres.Server) -> int:
    """Return the events in the peer's own tables, less the first one."""
    names = server.say("select tablename from pg_tables where tablename ~ '^gw_jobs_[0-9]+$'", "jobsdb")
    sums = (server.say(f"select coalesce(sum(event_count), 0) from {name}", "jobsdb") for (name,) in names)
    return sum(int(str(rows[0][0])) for rows in sums) - 1


if __name__ == "__main__":
    main()

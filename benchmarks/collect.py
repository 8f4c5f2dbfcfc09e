"""Collection and digestion at a constant rate, each alone, one event a request, and what the disk itself allows.

About 700-byte events, 2 % of them repeated, gzip, 100 a request over loopback; on disk before 200; door, worker and load share the
machine. First `--people` visitors are made known; then `--rate` events a second are offered for `--minutes`; then the worker
drains; then every acknowledged id is looked for among the touches. The other phases run after that, each in a home of its own.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.lib import traffic
from benchmarks.lib.exact import exact
from benchmarks.lib.house import House
from benchmarks.lib.load import Running
from benchmarks.lib.machine import arguments, quantile, report, say, workspace

LINES = 64
"""Keep-alive connections of the load."""
_LOOK_SECONDS = 5.0
_SETTLE_SECONDS = 900.0


def main() -> None:
    """Run the phases that are asked for."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=1_000_000, help="visitors known before the run")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the first phase")
    parser.add_argument("--rate", type=int, default=40_000, help="events offered a second in the first phase")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each other phase")
    parser.add_argument(
        "--phases", default="both,alone,single,disk", help="which of both, alone, single, disk to run"
    )
    parser.add_argument("--set", action="append", default=[], help="a setting of the program, NAME=VALUE")
    parser.add_argument(
        "--profile",
        type=Path,
        help="keep collapsed stacks of door and worker here (needs py-spy on the path)",
    )
    options = parser.parse_args()
    phases: dict[str, Callable[[argparse.Namespace, Path], dict[str, Any]]] = {
        "both": _both,
        "alone": _alone,
        "single": _single,
        "disk": _disk,
    }
    figures: dict[str, Any] = {}
    for name in options.phases.split(","):
        with workspace(options.folder) as root:
            say(f"phase {name}")
            figures |= phases[name](options, root)
    report("collect", **figures, settings=options.set)


def _house(options: argparse.Namespace, root: Path) -> House:
    return House(root, dict(pair.split("=", 1) for pair in options.set))


def _both(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    """Offer a constant rate while the worker digests, then let it drain and count every id."""
    house = _house(options, root)
    crm, crm_key = house.source("crm")
    web, web_key = house.source("web")
    seconds = options.minutes * 60
    rate = options.rate / traffic.EVENTS
    say(f"making {options.rate * seconds:,.0f} events")
    requests = traffic.batches(root / "web.requests", web_key, round(rate * seconds), options.people)
    with house:
        say(f"letting {options.people:,} visitors be known")
        introduce(house, root, crm, crm_key, options.people, share=0.4)
        say(f"offering {options.rate:,} events/s for {seconds:.0f} s")
        door_0, worker_0 = house.cpu()
        load = Running(
            requests, house.port, connections=LINES, rate=rate, seconds=seconds, most=requests.count
        )
        tops = _Profiles(options.profile, house)
        backlog_most = _watch(house, web, load)
        outcome = load.outcome()
        digested, after = house.digested(web), time.monotonic()
        sent = (outcome.answered + outcome.answered_after) * traffic.EVENTS
        door_1, worker_1 = house.cpu()
        say(f"{sent:,} accepted, {digested:,} digested; draining")
        drain = house.drain(web, sent, _SETTLE_SECONDS)
        door_mb, worker_mb = house.peak_mb()
        counts = house.counts(web)
        tops.end()
    say("looking for every acknowledged id among the touches")
    found = exact(house.home, web, requests, outcome)
    accepted = outcome.answered * traffic.EVENTS
    lowest = min(outcome.slices[1:-1], default=0) * traffic.EVENTS
    return {
        "seconds": outcome.seconds,
        "people": options.people,
        "offered_per_s": options.rate,
        "accepted_per_s": accepted / outcome.seconds,
        "accepted_lowest_second": lowest,
        "digested_per_s": digested / (after - outcome.began),
        "accept_p50_ms": quantile(outcome.waits, 0.5) * 1e3,
        "accept_p99_ms": quantile(outcome.waits, 0.99) * 1e3,
        "accept_max_ms": float(outcome.waits.max()) * 1e3,
        "not_200": outcome.not_200,
        "backlog_most": backlog_most,
        "backlog_at_end": sent - digested,
        "drain_s": drain,
        "acknowledged": found.acknowledged,
        "touches": found.touches,
        "duplicates": counts.get("duplicates", 0),
        "refused": counts.get("refused", 0),
        "lost": found.lost,
        "doubled": found.doubled,
        "peak_rss_mb": door_mb + worker_mb,
        "peak_rss_door_mb": door_mb,
        "peak_rss_worker_mb": worker_mb,
        "cpu_s_door": door_1 - door_0,
        "cpu_s_worker": worker_1 - worker_0,
        "cpu_s_load": outcome.cpu_s,
        "request_bytes": requests.path.stat().st_size / requests.count,
    }


def introduce(house: House, root: Path, source: int, key: str, people: int, share: float) -> float:
    """Let visitors 0 to `people` be known through collection and digestion; return how long it took, seconds."""
    if not people:
        return 0.0
    began = time.monotonic()
    requests = traffic.known(root / "known.requests", key, people, share)
    load = Running(requests, house.port, connections=16, seconds=_SETTLE_SECONDS, most=requests.count)
    outcome = load.outcome()
    if outcome.not_200:
        raise SystemExit(f"{outcome.not_200} requests were not answered 200: {outcome.statuses}")
    house.drain(source, people, _SETTLE_SECONDS)
    requests.path.unlink()
    say(f"known after {time.monotonic() - began:.0f} s")
    return time.monotonic() - began


def _watch(house: House, source: int, load: Running) -> int:
    """Say every few seconds how far digestion is behind; return the largest backlog seen."""
    most, before, at = 0, house.digested(source), time.monotonic()
    while load.going():
        time.sleep(0.2)
        if time.monotonic() - at < _LOOK_SECONDS:
            continue
        digested, backlog = house.digested(source), house.waiting()
        most = max(most, backlog)
        say(
            f"digested {(digested - before) / (time.monotonic() - at):9,.0f}/s, backlog {backlog:10,}, peak {sum(house.peak_mb()):,.0f} MB"
        )
        before, at = digested, time.monotonic()
    return most


def _alone(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    """Let the door accept as fast as it can while the worker stands still."""
    house = _house(options, root)
    _, key = house.source("web")
    requests = traffic.batches(root / "web.requests", key, 5_000, options.people)
    with house:
        go_on = house.hold_worker()
        try:
            cpu = house.cpu()[0]
            tops = _Profiles(options.profile, house, "alone")
            outcome = Running(requests, house.port, connections=LINES, seconds=options.seconds).outcome()
            cpu = house.cpu()[0] - cpu
            tops.end()
        finally:
            go_on()
    return {
        "accepted_alone_per_s": outcome.answered * traffic.EVENTS / outcome.seconds,
        "alone_p99_ms": quantile(outcome.waits, 0.99) * 1e3,
        "alone_not_200": outcome.not_200,
        "alone_cpu_s_door": cpu,
        "alone_cpu_s_load": outcome.cpu_s,
    }


def _single(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    """Send one plain event a request, as fast as answers come, while the worker digests."""
    house = _house(options, root)
    web, key = house.source("web")
    requests = traffic.singles(root / "web.requests", key, round(options.seconds * 20_000), options.people)
    with house:
        load = Running(requests, house.port, connections=LINES, seconds=options.seconds, most=requests.count)
        outcome = load.outcome()
        digested, after = house.digested(web), time.monotonic()
        drain = house.drain(web, outcome.answered + outcome.answered_after, _SETTLE_SECONDS)
    return {
        "single_per_s": outcome.answered / outcome.seconds,
        "single_p99_ms": quantile(outcome.waits, 0.99) * 1e3,
        "single_not_200": outcome.not_200,
        "single_digested_per_s": digested / (after - outcome.began),
        "single_drain_s": drain,
    }


def _disk(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    """Append the same requests to a file in groups of as many as are under way at once, each group forced to disk."""
    requests = traffic.batches(root / "web.requests", "0" * 32, 5_000, options.people)
    offsets, blob = requests.offsets(), requests.path.read_bytes()
    group, sent = LINES, 0
    handle = os.open(root / "disk", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    began = time.perf_counter()
    try:
        while time.perf_counter() - began < options.seconds / 2:
            first = sent % (requests.count - group)
            os.write(handle, blob[offsets[first] : offsets[first + group]])
            os.fdatasync(handle)
            sent += group
    finally:
        os.close(handle)
    return {"disk_limit_per_s": sent * traffic.EVENTS / (time.perf_counter() - began), "disk_group": group}


class _Profiles:
    """Samples of door and worker while a phase runs, if they were asked for."""

    def __init__(self, folder: Path | None, house: House, phase: str = "both") -> None:
        import subprocess

        self._running: list[subprocess.Popen[bytes]] = []
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name, pid in (("door", house.door_pid), ("worker", house.worker_pid)):
            words = [
                "py-spy",
                "record",
                "--pid",
                str(pid),
                "--format",
                "raw",
                "--duration",
                "20",
                "--rate",
                "99",
            ]
            where = str(folder / f"{phase}-{name}.txt")
            self._running.append(
                subprocess.Popen(
                    [*words, "--output", where], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            )

    def end(self) -> None:
        """Wait for the samplers."""
        for one in self._running:
            one.wait(120)


if __name__ == "__main__":
    main()

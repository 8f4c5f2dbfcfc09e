"""All dimensions over a sample city: a full build, an update after new touches, and how soon an event is in tags and segments.

Every silo is imported as it ships, persons are rebuilt and households computed, unless `--root` names a folder where that was done (`city/` and `home/`; it
stays, with what this adds). Then `profiles rebuild` makes states and index anew: `full_s`, and processor time and memory of the whole command. The last
messages of the site, `--share` of all touches, come in again with ids of their own as an import: `incremental_s` is what states and index of them take, by the
program's own spans. Last, while `--rate` events a second come in, probes are sent one after the other: an event of somebody never seen before. The clock
starts when the client has its 200, and stops when a saved segment counts one more. Those of the first seconds after the service has started, in which it reads
what it knows of identity, are told apart: `fresh_start_max_s`.
"""

from __future__ import annotations

import gzip
import json
import time
from base64 import b64encode
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from benchmarks.lib import filled, traffic
from benchmarks.lib.client import Client
from benchmarks.lib.house import House
from benchmarks.lib.load import Running
from benchmarks.lib.machine import quantile, report, say
from benchmarks.lib.steps import Steps

_PROBE = "Support Requested"
_EVERY, _GIVE_UP, _START = 0.02, 60.0, 15.0  # seconds


def main() -> None:
    """Make the city and take it in, build all, add some, then send events."""
    parser = filled.arguments(__doc__)
    parser.add_argument("--share", type=float, default=0.01, help="of all touches, that come in again")
    parser.add_argument("--rate", type=int, default=1_000, help="events a second while probes are sent")
    parser.add_argument("--seconds", type=float, default=120.0, help="for how long")
    options = parser.parse_args()
    with filled.given(options) as root:
        figures = _full(root) | _incremental(root, options.share)
        figures |= _fresh(root, options.rate, options.seconds)
    report("profiles", people=options.people, seed=options.seed, **figures)


def _full(root: Path) -> dict[str, Any]:
    house = House(root)
    took = house.measured("profiles", "rebuild")
    say(f"full build: {took.seconds:.1f} s, {took.cpu:.1f} processor s, {took.peak_mb:,.0f} MB")
    return {
        "touches": _touches(house),
        "persons": house.ask("select count(distinct person) from subject where person < 2147483648")[0][0],
        "full_s": took.seconds,
        "full_cpu_s": took.cpu,
        "peak_rss_mb": took.peak_mb,
    }


def _touches(house: House) -> int:
    return house.ask("select coalesce(sum(touches), 0) from batch")[0][0]


def _incremental(root: Path, share: float) -> dict[str, Any]:
    """Let the last messages of the site come in again with other ids."""
    path, many = root / "again.ndjson", round(_touches(House(root)) * share)
    rows = _again(root / "city" / "silos" / "web.ndjson.gz", path, many)
    with Steps() as steps:
        house = House(root, {"otel_endpoint": steps.url})
        mapping = root / "city" / "mappings" / "web.toml"
        took = house.measured("import", str(path), "--mapping", str(mapping), "--json")
    path.unlink()
    accepted = json.loads(took.said)["accepted"]
    spent = {step: steps.seconds[step] for step in ("profiles", "index")}
    say(f"{accepted:,} of {rows:,} touches more: {took.seconds:.1f} s, {spent}")
    return {
        "more": accepted,
        "incremental_s": sum(spent.values()),
        "incremental_steps": spent,
        "import_s": took.seconds,
        "import_cpu_s": took.cpu,
        "import_peak_mb": took.peak_mb,
    }


def _again(silo: Path, path: Path, many: int) -> int:
    """Write the last messages of the site again, with ids of their own; return how many."""
    mark = f"{time.time_ns():x}"
    last: deque[bytes] = deque(maxlen=many)
    with gzip.open(silo) as file:
        last.extend(file)
    with path.open("wb") as file:
        for row in last:
            message = json.loads(row)
            message["messageId"] = f"{mark}-{message['messageId']}"
            file.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
    return len(last)


def _fresh(root: Path, rate: int, seconds: float) -> dict[str, Any]:
    """Send probes while events come in, and wait until a segment counts each."""
    house = House(root)
    mark = f"{time.time_ns():x}"
    web, web_key = house.source(f"load-{mark}")
    _, probe_key = house.source(f"probe-{mark}")
    key = house.api_key()
    count = round(rate / traffic.EVENTS * (seconds + 20))
    requests = traffic.batches(root / "web.requests", web_key, count, 200_000)
    segment = f"probed-{mark}"
    house.run(
        "segments",
        "create",
        segment,
        f'Did("custom", within_days=2, product="{mark}")',
        "--zh",
        "探针",
        "--en",
        "Probes",
    )
    with house:
        say(f"{rate:,} events/s for {seconds:.0f} s")
        load = Running(
            requests, house.port, connections=8, rate=rate / traffic.EVENTS, seconds=seconds + 10, most=count
        )
        time.sleep(5)
        before, began = house.digested(web), time.monotonic()
        waits, asked = uvloop.run(_probed(house.port, key, probe_key, segment, mark, seconds))
        digested = (house.digested(web) - before) / (time.monotonic() - began)
        outcome = load.outcome()
    sent = np.array([at for at, _ in waits])
    every = np.array([wait for _, wait in waits])
    found = every[sent >= _START]
    return {
        "offered_per_s": rate,
        "digested_per_s": digested,
        "not_200": outcome.not_200,
        "probes": len(found),
        "fresh_start_max_s": float(every[sent < _START].max()),
        "fresh_p50_s": quantile(found, 0.5),
        "fresh_p99_s": quantile(found, 0.99),
        "fresh_max_s": float(found.max()),
        "count_p50_ms": quantile(np.array(asked), 0.5) * 1e3,
    }


async def _probed(
    port: int, key: str, write_key: str, segment: str, product: str, seconds: float
) -> tuple[list[tuple[float, float]], list[float]]:
    """Return of each probe when it was sent and how long it took to be counted, and how long each question took; seconds."""
    import asyncio

    bearer = f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    basic = f"Authorization: Basic {b64encode(f'{write_key}:'.encode()).decode()}\r\n"
    question = json.dumps({"rule": f'In("{segment}")', "steps": False}).encode()
    waits, asked = list[tuple[float, float]](), list[float]()
    async with Client(port, 2) as client:
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            event = {
                "userId": f"{product}-{len(waits)}",
                "event": _PROBE,
                "properties": {"product_id": product},
            }
            status, body = await client.ask("POST", "/v1/track", json.dumps(event).encode(), basic)
            accepted = time.perf_counter()
            if status != 200:
                raise SystemExit(f"a probe was refused: {status} {body!r}")
            while True:
                at = time.perf_counter()
                status, body = await client.ask("POST", "/v1/segments/count", question, bearer)
                now = time.perf_counter()
                asked.append(now - at)
                if status == 200 and json.loads(body)["persons"] + json.loads(body)["visitors"] > len(waits):
                    break
                if now - accepted > _GIVE_UP:
                    raise SystemExit(f"a probe was not counted within {_GIVE_UP:.0f} s: {status} {body!r}")
                await asyncio.sleep(_EVERY)
            waits.append((accepted - began, time.perf_counter() - accepted))
            await asyncio.sleep(np.random.default_rng(len(waits)).uniform(0, 0.5))
    return waits, asked


if __name__ == "__main__":
    main()

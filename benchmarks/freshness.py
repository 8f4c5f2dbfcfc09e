"""From acceptance until the look-up and the person page know it, while `--rate` events a second come in.

A probe is one event of somebody never seen before. Its clock starts when the client has its 200; then the look-up is asked every
`--every` milliseconds until it finds the person. For some probes the person page is then fetched until it shows the touch.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from array import array
from base64 import b64encode

import numpy as np
import uvloop

from benchmarks.collect import introduce
from benchmarks.lib import traffic
from benchmarks.lib.client import Client, log_in
from benchmarks.lib.house import House
from benchmarks.lib.load import Running
from benchmarks.lib.machine import arguments, quantile, report, say, workspace

_LINES = 32
_GIVE_UP = 30.0


def main() -> None:
    """Offer a constant rate and send probes beside it."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=200_000, help="visitors known before")
    parser.add_argument("--rate", type=int, default=20_000, help="events a second meanwhile")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long")
    parser.add_argument(
        "--every", type=float, default=10.0, help="milliseconds between two questions about one probe"
    )
    parser.add_argument("--probes", type=float, default=20.0, help="probes a second")
    parser.add_argument("--pages", type=float, default=1.0, help="person pages looked at a second")
    options = parser.parse_args()
    with workspace(options.folder) as root:
        house = House(root)
        crm, crm_key = house.source("crm")
        web, web_key = house.source("web")
        _, probe_key = house.source("probe")
        key = house.api_key()
        rate = options.rate / traffic.EVENTS
        count = round(rate * (options.seconds + 10))
        requests = traffic.batches(root / "web.requests", web_key, count, options.people)
        with house:
            introduce(house, root, crm, crm_key, options.people, share=0.4)
            session = log_in(house.port, house.once)
            say(f"{options.rate:,} events/s for {options.seconds:.0f} s")
            load = Running(
                requests, house.port, connections=32, rate=rate, seconds=options.seconds + 5, most=count
            )
            time.sleep(2)
            before, began = house.digested(web), time.monotonic()
            order = {
                "port": house.port, "key": key, "write_key": probe_key, "session": session, "seconds": options.seconds,
                "every": options.every / 1e3, "probes": options.probes, "pages": options.pages,
            }  # fmt: skip
            words = [sys.executable, "-m", "benchmarks.freshness", "probe", json.dumps(order)]
            said = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
            digested = (house.digested(web) - before) / (time.monotonic() - began)
            outcome = load.outcome()
            if said["failed"]:
                say(f"note: {said['failed']} probes were refused or not found within {_GIVE_UP:.0f} s")
    report("freshness", offered_per_s=options.rate, **said, digested_per_s=digested, not_200=outcome.not_200)


class _Probing:
    def __init__(
        self,
        port: int,
        key: str,
        write_key: str,
        session: str,
        seconds: float,
        every: float,
        probes: float,
        pages: float,
    ) -> None:
        self.port, self.seconds, self.every = port, seconds, every
        self.probes, self.turn = probes, max(1, round(probes / pages)) if pages else 0
        self.bearer, self.session = f"Authorization: Bearer {key}\r\n", session
        self.basic = f"Authorization: Basic {b64encode(f'{write_key}:'.encode()).decode()}\r\n"
        self.found, self.shown, self.served = array("d"), array("d"), array("d")
        self.failed = 0

    async def one(self, client: Client, number: int) -> None:
        """Send one probe and follow it."""
        who, what = f"probe-{time.time_ns()}-{number}", f"Probe {number:06d} Seen"
        event = {"userId": who, "event": what, "properties": {"product_id": "BCD-500"}}
        status, _ = await client.ask("POST", "/v1/track", json.dumps(event).encode(), self.basic)
        accepted = time.perf_counter()
        if status != 200:
            self.failed += 1
            return
        question = json.dumps({"user_id": who}).encode()
        status, body = 0, b""
        while time.perf_counter() - accepted < _GIVE_UP:
            status, body = await client.ask("POST", "/v1/persons/lookup", question, self.bearer)
            if status == 200:
                break
            await asyncio.sleep(self.every)
        if status != 200:
            self.failed += 1
            return
        self.found.append(time.perf_counter() - accepted)
        if self.turn and number % self.turn == 0:
            await self._page(client, json.loads(body)["id"], what.encode(), accepted)

    async def _page(self, client: Client, person: str, what: bytes, accepted: float) -> None:
        while time.perf_counter() - accepted < _GIVE_UP:
            asked = time.perf_counter()
            status, page = await client.ask("GET", f"/people/{person}", headers=self.session)
            now = time.perf_counter()
            self.served.append(now - asked)
            if status == 200 and what in page:
                self.shown.append(now - accepted)
                return
            await asyncio.sleep(self.every)
        self.failed += 1

    async def run(self) -> None:
        """Send probes at their rate until the time is over, then wait for those under way."""
        async with Client(self.port, _LINES) as client:
            began, sent, tasks = time.perf_counter(), 0, set[asyncio.Task[None]]()
            while sent < self.probes * self.seconds:
                while began + sent / self.probes <= time.perf_counter():
                    task = asyncio.create_task(self.one(client, sent))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    sent += 1
                await asyncio.sleep(0.002)
            await asyncio.gather(*tasks)


def probe(order: str) -> None:
    """Follow probes as the JSON order says and print what was seen; a process of its own."""
    probing = _Probing(**json.loads(order))
    uvloop.run(probing.run())
    found, shown, served = (np.array(a) for a in (probing.found, probing.shown, probing.served))
    figures = {"p50_s": quantile(found, 0.5), "p99_s": quantile(found, 0.99), "max_s": float(found.max())}
    if probing.turn:
        figures |= {
            "page_p50_s": quantile(shown, 0.5),
            "page_p99_s": quantile(shown, 0.99),
            "page_served_p50_s": quantile(served, 0.5),
        }
    print(json.dumps({**figures, "probes": len(found), "pages": len(shown), "failed": probing.failed}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["probe"]:
        probe(sys.argv[2])
    else:
        main()

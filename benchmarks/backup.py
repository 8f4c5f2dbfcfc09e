"""A backup, an incremental one after it and a restore, while `--rate` events a second come in and are digested.

How long digestion waits is read from the times of its commits: the longest time between two of them while backups run
(`gap_backup_ms`) and just before, for as long, without one (`gap_before_ms`). `still_ms` is how long the lake's writer had to wait.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise

from benchmarks.collect import introduce
from benchmarks.lib import traffic
from benchmarks.lib.house import House
from benchmarks.lib.load import Running
from benchmarks.lib.machine import arguments, quantile, report, say, workspace


def main() -> None:
    """Fill a home, back it up twice under load, restore the second backup and let doctor look at it."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=200_000, help="visitors known before")
    parser.add_argument("--rate", type=int, default=10_000, help="events a second meanwhile")
    parser.add_argument("--before", type=float, default=30.0, help="seconds of load before the first backup")
    parser.add_argument("--seconds", type=float, default=120.0, help="seconds of load in all")
    options = parser.parse_args()
    with workspace(options.folder) as root:
        house = House(root)
        crm, crm_key = house.source("crm")
        web, web_key = house.source("web")
        rate = options.rate / traffic.EVENTS
        count = round(rate * options.seconds)
        requests = traffic.batches(root / "web.requests", web_key, count, options.people)
        to = root / "backups"
        with house:
            introduce(house, root, crm, crm_key, options.people, share=0.4)
            say(f"{options.rate:,} events/s for {options.seconds:.0f} s")
            load = Running(
                requests, house.port, connections=32, rate=rate, seconds=options.seconds, most=count
            )
            time.sleep(options.before)
            began = time.time()
            first = json.loads(house.run("backup", f"--to={to}", "--with-key", "--json"))
            say(f"backed up in {first['seconds']} s")
            second = json.loads(house.run("backup", f"--to={to}", "--with-key", "--json"))
            ended = time.time()
            say(f"and again in {second['seconds']} s")
            if ended - began + options.before > options.seconds:
                say("note: the load ended before the backups did; raise --seconds")
            outcome = load.outcome()
            house.drain(web, (outcome.answered + outcome.answered_after) * traffic.EVENTS, 600)
        length = min(options.before - 1, ended - began)
        before, during = gap_ms(house, began - length, began), gap_ms(house, began, ended)
        say("restoring")
        there, from_ = root / "restored", time.monotonic()
        words = [sys.executable, "-m", "zerodistance", "--lang=en", f"--home={there}"]
        subprocess.run([*words, "restore", str(to)], check=True, stdout=subprocess.DEVNULL)
        restore = time.monotonic() - from_
    report(
        "backup",
        people=options.people,
        offered_per_s=options.rate,
        backup_s=first["seconds"],
        bytes=first["bytes"],
        mb_per_s=first["bytes"] / 1e6 / first["seconds"],
        second_s=second["seconds"],
        bytes_new=second["new_bytes"],
        still_ms=max(first["still_ms"], second["still_ms"]),
        gap_before_ms=before,
        gap_backup_ms=during,
        accept_p99_ms=quantile(outcome.waits, 0.99) * 1e3,
        not_200=outcome.not_200,
        restore_s=restore,
    )


def gap_ms(house: House, begin: float, end: float) -> float:
    """Return the longest time between two commits of digestion, milliseconds."""
    rows = house.ask(
        "select committed_at from batch where committed_at between ? and ? order by number",
        round(begin * 1e6),
        round(end * 1e6),
    )
    times = [row[0] for row in rows]
    return max(b - a for a, b in pairwise(times)) / 1e3


if __name__ == "__main__":
    main()

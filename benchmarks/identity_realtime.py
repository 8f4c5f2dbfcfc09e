"""Whom a new record is about, among so many people: placed one by one, as the worker does it between two batches.

The nine systems of a sample city whose rows name somebody are imported and matched. Then people come in with their name and address as one of their records
has it, and a phone that nobody ever saw: no identifier leads to them. Each is placed in its own transaction, evidence of what joined it is revoked
again by a decision that two records are two persons, and that is withdrawn. `place_` counts from the face to the commit; what a new identifier takes
in digestion is measured by `recognise`. `placed_right` is the share that was joined with the person the record was taken from.
`ids_changed_share`: see `lib/ids.py`.
"""

from __future__ import annotations

import csv
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.cities import COLUMNS
from benchmarks.lib.house import House
from benchmarks.lib.ids import ids_changed
from benchmarks.lib.machine import arguments, peak_mb, quantile, report, say, workspace
from zerodistance.core.identity import api as identity
from zerodistance.core.identity import mentions
from zerodistance.core.identity.contracts import Verdict
from zerodistance.core.identity.placing.place import Lookup, Placed, Said, faces, place
from zerodistance.core.profiles import index
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load
from zerodistance.sample import api as sample

CITY = 20_000  # people of the city in which it is counted whose id changes
_MAPPING = """
kind = "profile.updated"
source = { key = "desk", name = "Desk", kind = "store" }
source_id = "line"
[times]
happened_at = "at"
zone = "Asia/Shanghai"
known_at = "at"
[identifiers]
record = "no"
phone = "phone"
[facts]
name = "name"
address = "address"
"""


def main() -> None:
    """Fill a home, place people, take it back."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--records", type=int, default=2_000, help="people who come in")
    parser.add_argument("--seed", type=int, default=4, help="1 to 3 are those that defaults come from")
    parser.add_argument(
        "--root",
        type=Path,
        help="a folder with a home that holds a city and was matched; it stays, with what this adds",
    )
    options = parser.parse_args()
    with workspace(options.folder) as root:
        root = options.root.resolve() if options.root else root
        house = House(root, {"placing": "false"})
        rows = None if options.root else _filled(house, root / "city", options)
        home = open_home(load(home=house.home))
        whose = _come_in(home, root, options.records, random.Random(options.seed))
        house.run("import", str(root / "desk.csv"), "--mapping", str(root / "desk.toml"))
        found = _placed(home, whose)
        found |= _taken_back(home)
        with house:
            found |= _everywhere(home)
        persons = house.ask("select count(distinct person) from subject where person < 2147483648")[0][0]
        home.close()
    found["ids_changed_share"] = ids_changed(min(options.people, CITY), options.seed)
    report(
        "identity_realtime",
        people=options.people,
        rows=rows,
        persons=persons,
        **found,
        peak_rss_mb=peak_mb(os.getpid()),
    )


def _filled(house: House, city: Path, options: Any) -> int:
    """Take in the rows of a city that name somebody, and match; return how many there are."""
    sample.generate(options.people, options.seed, "base", city, processes=1)
    rows = 0
    for silo in COLUMNS:
        (path,) = (city / "silos").glob(f"{silo}.*")
        mapping = str(city / "mappings" / f"{silo}.toml")
        rows += json.loads(house.run("import", str(path), "--mapping", mapping, "--json"))["accepted"]
    say(f"{rows:,} rows; matching")
    house.run("identity", "match")
    return rows


def _come_in(home: Home, root: Path, count: int, rng: random.Random) -> dict[str, int]:
    """Write the rows of those who come in; return by their number the subject that each was taken from."""
    known: list[tuple[int, str, str]] = []
    seen = 0
    with home.state.read() as tx:
        for _, table in mentions.read(tx, home.seal):
            rows = zip(*(table[name].to_pylist() for name in ("subject", "name", "address")), strict=True)
            for row in rows:
                if row[1] and row[2]:
                    seen += 1  # a sample without reading twice: Vitter's algorithm R
                    if len(known) < count:
                        known.append(row)
                    elif (at := rng.randrange(seen)) < count:
                        known[at] = row
    (root / "desk.toml").write_text(_MAPPING)
    with (root / "desk.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "no", "at", "name", "phone", "address"))
        for n, (_, name, address) in enumerate(known):
            writer.writerow(
                (
                    f"l{n}",
                    f"d{n}",
                    "2026-11-01 10:00:00",
                    name,
                    f"{17_000_000_000 + n * 997 % 10**9}",
                    address,
                )
            )
    return {f"d{n}": row[0] for n, row in enumerate(known)}


def _placed(home: Home, whose: dict[str, int]) -> dict[str, Any]:
    """Place them one by one."""
    lookup = Lookup(home)
    with home.state.read() as tx:
        began = time.perf_counter()
        known = lookup.refresh(tx)
        opened = time.perf_counter() - began
        assert known.index is not None
        last = tx.exec_driver_sql("select max(batch) from identity_mention").scalar_one()
        waiting = faces(home, tx, mentions.of_batch(tx, home.seal, last))
    waits, right, joined = [], 0, 0
    done: list[tuple[Said, Placed]] = []
    for said in waiting:
        began = time.perf_counter()
        found = place(home, lookup, said)
        waits.append(time.perf_counter() - began)
        done.append((said, found))
    origin = _origins(home, whose)
    for said, found in done:
        if found.joined is not None:
            joined += 1
            right += found.joined.person == origin[said.subject]
    _DONE[:] = [(said.subject, found.joined.subject) for said, found in done if found.joined is not None]
    times = np.array(waits) * 1e3
    return {
        "placed": len(waits),
        **{
            f"place_p{name}_ms": quantile(times, share)
            for name, share in (("50", 0.5), ("99", 0.99), ("999", 0.999))
        },
        "placed_joined": joined / len(waits),
        "placed_right": right / len(waits),
        "index_faces": known.scorer.records,
        "index_open_s": opened,
    }


_DONE: list[tuple[int, int]] = []


def _origins(home: Home, whose: dict[str, int]) -> dict[int, int]:
    """Return the subject of each who came in -> the person of the subject that they were taken from."""
    out = {}
    with home.state.read() as tx:
        (source,) = tx.exec_driver_sql("select number from source where key = 'desk'").one()
        for number, subject in whose.items():
            token = home.seal.token("record", f"{source}:{number}")
            (mine,) = tx.exec_driver_sql("select number from subject where token = ?", (token,)).one()
            (person,) = tx.exec_driver_sql("select person from subject where number = ?", (subject,)).one()
            out[mine] = person
    return out


def _taken_back(home: Home) -> dict[str, Any]:
    """Decide of each pair that they are two persons, and withdraw it again."""
    who = Who.system("benchmark")
    apart, again = [], []
    for a, b in _DONE[:1_000]:
        began = time.perf_counter()
        identity.decide(home, who, a, b, Verdict.DIFFERENT)
        apart.append(time.perf_counter() - began)
    numbers = [one.number for one in identity.decisions(home, who, len(apart))]
    for number in numbers:
        began = time.perf_counter()
        identity.withdraw(home, who, number)
        again.append(time.perf_counter() - began)
    return {
        "unmerge_p50_ms": quantile(np.array(apart) * 1e3, 0.5),
        "unmerge_p99_ms": quantile(np.array(apart) * 1e3, 0.99),
        "withdraw_p99_ms": quantile(np.array(again) * 1e3, 0.99),
        "unmerged": len(apart),
    }


def _everywhere(home: Home) -> dict[str, Any]:
    """Decide while the program runs, and wait until the tag index has it; look-ups and pages read the state, which has it at once."""
    who, waits = Who.system("benchmark"), []

    def current() -> bool:
        with home.state.read() as tx:
            return index.current(home.path("index")).people >= identity.last_change(tx)

    until = time.monotonic() + 600
    while not current() and time.monotonic() < until:  # what was imported before
        time.sleep(0.1)
    for a, b in _DONE[-50:]:
        began = time.perf_counter()
        identity.decide(home, who, a, b, Verdict.DIFFERENT)
        while not current():
            time.sleep(0.005)
        waits.append(time.perf_counter() - began)
        time.sleep(0.5)  # one decision, not a queue of them
    return {
        f"everywhere_p{name}_s": quantile(np.array(waits), share)
        for name, share in (("50", 0.5), ("99", 0.99))
    }


if __name__ == "__main__":
    main()

"""From a phone number to the 360-degree page, over HTTP, in a home of `--people`.

The city is made and taken in, unless `--root` names a folder where that was done (`city/` and `home/`; it stays). The phone numbers of `--persons` persons,
drawn at random from the vault, are typed on the look-up page one after the other (`POST /people`), and the redirect is followed: `find_ms` until it is there,
`page_ms` from the first byte sent until the whole page of the person is, both on one connection that stays open. Then the same persons are asked for as a
program does: one by one (`POST /v1/profiles/find`) and all at once (`POST /v1/profiles`), and as of a year ago.
"""

from __future__ import annotations

import http.client
import json
import random
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from benchmarks.lib import filled
from benchmarks.lib.house import House
from benchmarks.lib.machine import quantile, report, say
from zerodistance.core.identity import store as identity
from zerodistance.core.identity.rules import BY_KEY
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load

_WARM = 20  # persons that nobody counts: a page is compiled and files are opened the first time


def main() -> None:
    """Make or open the home, ask, and report."""
    parser = filled.arguments(__doc__)
    parser.add_argument("--persons", type=int, default=200, help="whose pages are opened")
    options = parser.parse_args()
    with filled.given(options) as root:
        house = House(root)
        phones = _phones(house.home, options.persons + _WARM)
        key = house.api_key()
        with house:
            figures = _pages(house, key, phones) | _profiles(house, key, phones[_WARM:])
    report("page", people=options.people, persons=len(phones) - _WARM, **figures)


def _phones(folder: Path, many: int) -> list[str]:
    """Return the phone numbers of persons drawn at random, each of another one."""
    home = open_home(load(home=folder))
    try:
        return _drawn(home, many)
    finally:
        home.close()


def _drawn(home: Home, many: int) -> list[str]:
    luck, found = random.Random(7), dict[int, str]()
    rank = BY_KEY["phone"].rank
    with home.state.read() as tx:
        last = identity.numbers(tx)["subject"]
        while len(found) < many:
            some = identity.of_subjects(tx, [luck.randrange(1, last + 1) for _ in range(2_000)])
            phones = {s: row[0] for s, row in some.items() if row[1] == rank and not row[4]}
            sealed = identity.vault_of(tx, list(phones))
            for subject, person in phones.items():
                raw = sealed.get((subject, "phone"))
                if raw is not None and len(found) < many:
                    opened = home.seal.open(raw, identity.where_vault(subject, "phone"))
                    found.setdefault(person, opened.decode())
    return list(found.values())


def _pages(house: House, key: str, phones: list[str]) -> dict[str, Any]:
    """Type each phone number on the look-up page and follow where it leads."""
    connection = http.client.HTTPConnection(house.host, house.port, timeout=60)
    head = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept-Language": "en",
    }
    finds, pages, sizes, several = [], [], [], 0
    for n, phone in enumerate(phones):
        began = time.perf_counter()
        connection.request("POST", "/people", urlencode({"given": phone}), head)
        answer = connection.getresponse()
        body = answer.read()
        found = time.perf_counter()
        where = answer.getheader("location")
        if where is None:  # a phone of several: no page to open
            several += answer.status == 200
            continue
        connection.request("GET", where, headers=head)
        answer = connection.getresponse()
        body = answer.read()
        done = time.perf_counter()
        if answer.status != 200 or b"</html>" not in body:
            raise SystemExit(f"{answer.status} for {where}")
        if n >= _WARM:
            finds.append((found - began) * 1e3)
            pages.append((done - began) * 1e3)
            sizes.append(len(body) / 1e3)
    say(f"{len(pages)} pages, {quantile(np.array(pages), 0.5):.1f} ms in the median")
    figures = {"pages": len(pages), "of_several": several, "page_kb": quantile(np.array(sizes), 0.5)}
    for name, values in (("find", finds), ("page", pages)):
        for share in (50, 99):
            figures[f"{name}_p{share}_ms"] = quantile(np.array(values), share / 100)
    return figures


def _profiles(house: House, key: str, phones: list[str]) -> dict[str, Any]:
    """Ask for the same persons as a program does."""
    connection = http.client.HTTPConnection(house.host, house.port, timeout=600)
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(path: str, body: dict[str, Any]) -> tuple[dict[str, Any], float]:
        began = time.perf_counter()
        connection.request("POST", path, json.dumps(body), head)
        answer = connection.getresponse()
        said = answer.read()
        took = (time.perf_counter() - began) * 1e3
        if answer.status != 200:
            raise SystemExit(f"{answer.status} of {path}: {said[:300]!r}")
        return json.loads(said), took

    asked = [ask("/v1/profiles/find", {"namespace": "phone", "value": phone}) for phone in phones]
    ids = [one["profiles"][0]["id"] for one, _ in asked]
    alone = np.array([took for _, took in asked])
    _, first = ask("/v1/profiles", {"ids": ids})
    _, again = ask("/v1/profiles", {"ids": ids})
    dated = np.array([ask("/v1/profiles", {"ids": [one], "since": True})[1] for one in ids[:50]])
    then = (date.today() - timedelta(days=365)).isoformat()
    past = np.array([ask("/v1/profiles", {"ids": [one], "as_of": then})[1] for one in ids[:20]])
    return {
        "profile_p50_ms": quantile(alone, 0.5),
        "profile_p99_ms": quantile(alone, 0.99),
        "batch": len(ids),
        "batch_first_ms": first,
        "batch_ms": again,
        "since_p50_ms": quantile(dated, 0.5),
        "as_of_p50_ms": quantile(past, 0.5),
    }


if __name__ == "__main__":
    main()

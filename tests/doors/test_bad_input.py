"""Bad input of every kind: never a 500, never a page that runs it, always a reason, and everything adds up."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import itertools
import json
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

import zerodistance.compose as compose
from tests.doors import bad_requests, world
from tests.doors.bad_requests import SCRIPT, Request
from tests.doors.conftest import Visitor
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import rules, sources, store
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

ANSWERS = {200, 303, 400, 401, 403, 404, 405, 408, 410, 413}
AT_ONCE = 64


@pytest.fixture
def source(home: Home) -> Source:
    return sources.create_source(
        home,
        Who.system("test"),
        key="web",
        name=Text(SCRIPT, SCRIPT),
        kind="web",
        origins=["https://a.example"],
    )


async def _ask(app: Any, request: Request, key: bytes) -> tuple[int, bytes]:
    answer: list[Any] = []
    waiting = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> Any:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answer.append(message)

    headers = {"host": "testserver", **request.headers}
    given = [(n.encode(), v.encode("latin-1")) for n, v in headers.items()]
    if "authorization" not in headers:
        given.append((b"authorization", key))
    scope = {
        "type": "http", "http_version": "1.1", "method": request.method, "scheme": "http", "path": request.path,
        "raw_path": request.path.encode(), "query_string": b"", "root_path": "", "headers": given,
        "client": ("127.0.0.1", 1), "server": ("testserver", 80), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    return answer[0]["status"], b"".join(m.get("body", b"") for m in answer[1:])


def ask_all(home: Home, source: Source, requests: Iterable[Request]) -> tuple[Counter[int], list[str]]:
    """Send requests, many at once; return the statuses, and what was answered as it should not be."""
    key, wrong, statuses = rules.header_value(source.write_key), list[str](), Counter[int]()

    async def run() -> None:
        app, waiting = compose.door(home), iter(requests)
        started, stop = asyncio.Event(), asyncio.Event()
        sent: list[str] = []

        async def receive() -> Any:
            if sent:
                await stop.wait()
                return {"type": "lifespan.shutdown"}
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            sent.append(message["type"])
            started.set()

        life = asyncio.create_task(
            app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        )
        await started.wait()
        while some := list(itertools.islice(waiting, AT_ONCE)):
            for request, (status, body) in zip(
                some, await asyncio.gather(*(_ask(app, r, key) for r in some)), strict=True
            ):
                statuses[status] += 1
                if status not in ANSWERS or (status >= 400 and not _has_a_reason(body)):
                    wrong.append(f"{status} {request.path[:60]} {request.body[:80]!r} {body[:100]!r}")
        stop.set()
        await life

    asyncio.run(run())
    return statuses, wrong


def _has_a_reason(body: bytes) -> bool:
    if body.lstrip().startswith(b"<"):
        return True
    said = json.loads(body)
    return bool(said["code"] and said["message"])


def counted(home: Home) -> Counter[str]:
    c = store.source_hour.c
    with home.state.read() as tx:
        found = tx.execute(select(c.counter, func.sum(c.value).label("total")).group_by(c.counter))
        return Counter({row.counter: row.total for row in found})


def reasons(home: Home) -> set[str]:
    with home.state.read() as tx:
        return set(tx.execute(select(store.quarantine.c.reason).distinct()).scalars())


def adds_up(home: Home) -> None:
    world.digest(home, seal=False)
    said = counted(home)
    came = (
        said["door_events"] + said["door_body_kept"]
    )  # what was taken in, and bodies kept although they were refused
    assert said["received"] == came == said["accepted"] + said["duplicates"] + said["refused"]
    assert reasons(home) <= set(rules.REASONS) - {"unreadable"}


def test_hand_picked_requests_are_refused_with_a_reason_or_taken_and_all_adds_up(
    home: Home, source: Source
) -> None:
    requests = list(bad_requests.hand_picked())
    assert len(requests) > 300
    statuses, wrong = ask_all(home, source, requests)
    assert wrong == [] and statuses[200] > 150
    adds_up(home)


@pytest.mark.slow
def test_generated_requests_are_refused_with_a_reason_or_taken_and_all_adds_up(
    home: Home, source: Source
) -> None:
    statuses, wrong = ask_all(home, source, itertools.islice(bad_requests.mixed(1), 3_000))
    assert wrong == [] and statuses[200] > 2_000
    adds_up(home)


@pytest.mark.slow
def test_fifty_thousand_generated_requests_keep_their_bounds(home: Home, source: Source) -> None:
    ask_all(home, source, itertools.islice(bad_requests.mixed(2), 2_000))
    world.digest(home, seal=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(3, 8):
        statuses, wrong = ask_all(home, source, itertools.islice(bad_requests.mixed(seed), 10_000))
        assert wrong == [] and statuses[200] > 5_000
        adds_up(home)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # KiB


def test_pages_show_what_was_sent_and_run_nothing_of_it(home: Home, source: Source, boss: Visitor) -> None:
    said = {
        "type": "track",
        "event": SCRIPT,
        "userId": SCRIPT,
        "messageId": SCRIPT,
        "properties": {"product_id": SCRIPT, "category": SCRIPT},
    }
    more = {"context": {"page": {"path": SCRIPT}, "campaign": {"name": SCRIPT}, "library": {"name": SCRIPT}}}
    named = {
        "type": "identify",
        "userId": SCRIPT,
        "traits": dict.fromkeys(("name", "city", "gender", "email", SCRIPT), SCRIPT),
    }
    refused = {"type": SCRIPT, "userId": SCRIPT, SCRIPT: SCRIPT}
    answer = boss.client.post(
        "/v1/batch", json={"batch": [{**said, **more}, named, refused]}, auth=(source.write_key, "")
    )
    assert answer.status_code == 200
    world.digest(home)
    pages = [
        "/",
        "/people",
        f"/people?q={SCRIPT}",
        "/touchpoints",
        "/touchpoints/web",
        "/segments",
        "/segments/new",
        "/today/feed",
        "/operations",
    ]
    shown = {path: boss.get(path) for path in pages}
    person = identity.lookup(home, Who.system("test"), "user_id", SCRIPT).id
    shown[f"/people/{person}"] = boss.get(f"/people/{person}")
    assert {
        path: page.status_code for path, page in shown.items() if page.status_code not in (200, 303)
    } == {}
    assert [path for path, page in shown.items() if SCRIPT in page.text or "<img src=x" in page.text] == []
    for path in (f"/people/{person}", "/touchpoints/web"):
        assert "&lt;script&gt;" in shown[path].text, path


def test_no_cell_of_an_export_is_a_formula(home: Home, boss: Visitor, tmp_path: Path) -> None:
    who = Who.system("test")
    made = sources.create_source(home, who, key="web", name=Text("=1+1", "=1+1"), kind="web")
    ids = ["=1+1", "+1", "-1", "@x", "\t=1", "plain"]
    events = [{"type": "track", "event": "=1", "userId": "u", "messageId": i} for i in ids]
    assert boss.client.post("/v1/batch", json={"batch": events}, auth=(made.write_key, "")).status_code == 200
    world.digest(home)
    identity.export(home, who, tmp_path / "persons.csv")
    texts = [
        (tmp_path / "persons.csv").read_text(),
        boss.get("/today/touchpoints.csv").text,
        boss.get("/today/figures.csv").text,
    ]
    for text in texts:
        cells = [cell for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) for cell in row]
        assert [
            c for c in cells if c[:1] in ("=", "+", "@", "\t") or (c[:1] == "-" and not c[1:2].isdigit())
        ] == []
    assert "'=1+1" in texts[0] and "'=1+1" in texts[1]


WORKER = """
import sys
from pathlib import Path
from zerodistance import compose
from zerodistance.kernel.home import open_home
from zerodistance.kernel.settings import load

def most():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

home = open_home(load(home=Path(sys.argv[1])))
work, before, rows = compose.work(home), most(), 0
while taken := work.digest():
    rows += taken
print(rows, most() - before)
"""


@pytest.mark.slow
def test_small_bodies_that_unpack_to_very_much_fill_neither_memory_nor_disk(
    home: Home, source: Source
) -> None:
    one = gzip.compress(
        b'{"batch":[{"type":"track","event":"e","userId":"u","a":"' + b"x" * (31 << 20) + b'"}]}', 1
    )
    many = gzip.compress(b'{"batch":[' + b"{}," * 99_000 + b"{}]}", 1)
    before = int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0])
    statuses, _ = ask_all(home, source, [Request("/v1/batch", body) for body in [one] * 20 + [many] * 4])
    held = int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0])
    assert statuses == {200: 24} and held - before < 700_000  # KiB
    home.close()
    took = subprocess.run(
        [sys.executable, "-c", WORKER, str(home.root)], capture_output=True, text=True, check=True
    )
    rows, more = map(int, took.stdout.split())
    print(f"door: {held - before} KiB more, worker: {more} KiB more")
    assert rows == 20 + 4 * 99_001 and more < 700_000  # KiB
    assert sum(path.stat().st_size for path in home.root.glob("state.db*")) < 64 << 20

"""Published clients, unmodified, through a slow disk, a limit that is lifted, and a server that is killed: everything arrives, once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.serving import Process, pages
from tests.core.touchpoints.doors import SYSTEM, make_source
from tests.doors.chromium import Browser
from tests.needs import CLIENTS, node
from tests.patience import PATIENCE, until
from zerodistance import compose
from zerodistance.core.touchpoints import figures, sources, tail
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.kernel.home import Home

SLOW_DISK = "journal.commit.before@150"
MANY = 40
pytestmark = pytest.mark.slow


def counted(home: Home) -> dict[str, Counter[int]]:
    """Digest all; return source -> how often each number stands among its touches."""
    compose.work_here(home)
    names = {s.number: s.key for s in sources.list_sources(home, SYSTEM)}
    found: dict[str, Counter[int]] = {key: Counter() for key in names.values()}
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        for number, body in connection.execute(
            "select source, body from touches where name = 'Counted'"
        ).fetchall():
            found[names[number]][json.loads(body)["n"]] += 1
    return found


@pytest.fixture
def server(home: Home) -> Iterator[Process]:
    made = Process(home, SLOW_DISK)
    yield made
    made.kill()


def limited(home: Home, *keys: str) -> list[Source]:
    """Make sources that may send next to nothing."""
    for key in keys:
        make_source(home, key, origins=["*"])
    return [sources.set_policy(home, SYSTEM, key, events_per_second=2, burst=1) for key in keys]


def through(home: Home, server: Process, *keys: str) -> None:
    """Wait until every source was told to come later; lift its limit, kill the server, start it again."""
    until(
        lambda: all(figures.door_today(home, SYSTEM, key).get("door_over_rate") for key in keys),
        "every client hears 429",
    )
    for key in keys:
        sources.set_policy(home, SYSTEM, key, events_per_second=None)
    server.kill()
    server.start()


def start(server: Process, *words: str | Path) -> subprocess.Popen[str]:
    """Start a program that sends."""
    return subprocess.Popen([*words], cwd=CLIENTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(program: subprocess.Popen[str]) -> str:
    """Wait for a program that sends, see that it tells of no error, return what it said."""
    said, errors = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0, errors
    return said


ONCE = Counter(range(MANY))


def test_clients_for_python_come_through(home: Home, server: Process) -> None:
    made = limited(home, "segment", "rudder")
    sending = [
        start(server, sys.executable, CLIENTS / "send.py", s.key, server.address, s.write_key, str(MANY))
        for s in made
    ]
    through(home, server, "segment", "rudder")
    for program in sending:
        ended(program)
    assert counted(home) == {"segment": ONCE, "rudder": ONCE}


@pytest.mark.node
def test_clients_for_node_come_through_and_what_jitsu_was_told_is_kept_is_there(
    home: Home, server: Process
) -> None:
    path, made = node(), limited(home, "segment", "rudder", "jitsu")
    assert path is not None
    sending = {
        s.key: start(server, path, CLIENTS / "send.mjs", s.key, server.address, s.write_key, str(MANY))
        for s in made
    }
    through(home, server, "segment", "rudder")
    said = {key: ended(program) for key, program in sending.items()}
    found = counted(home)
    jitsu = found.pop("jitsu")
    assert found == {"segment": ONCE, "rudder": ONCE}
    heard = set(json.loads(said["jitsu"]))
    assert heard
    assert heard <= set(jitsu)
    assert set(jitsu.values()) == {1}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[tuple[Browser, str]]:
    with pages(CLIENTS) as origin:
        made = Browser(tmp_path / "chromium", origin)
        yield made, origin
        made.close()


@pytest.mark.node
@pytest.mark.chromium
def test_clients_for_browsers_come_through(home: Home, server: Process, browser: tuple[Browser, str]) -> None:
    keys = ("next", "next-batching", "rudder")
    tabs: list[Any] = []
    for source in limited(home, *keys):
        tab = browser[0].tab()
        where = f"{browser[1]}/page.html?client={source.key}&address={server.address}&key={source.write_key}"
        tab.call("Page.navigate", url=where)
        tab.until("window.ready")
        tabs.append(tab)
    for tab in tabs:
        tab.run(f"(() => {{ for (let n = 0; n < {MANY}; n += 1) made.track(n) }})()")
    through(home, server, *keys)

    def all_there() -> bool:
        return all(set(numbers) == set(ONCE) for numbers in counted(home).values())

    until(all_there, "everything arrives")
    assert counted(home) == dict.fromkeys(keys, ONCE)

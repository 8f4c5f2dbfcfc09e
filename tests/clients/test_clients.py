"""Published clients, unmodified, against a real server: every call they have becomes the right touch, of the right person, at its time."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.clients.serving import pages, served
from tests.core.touchpoints.doors import SYSTEM, make_source
from tests.doors.chromium import Browser
from tests.needs import CLIENTS, node
from tests.patience import PATIENCE, until
from zerodistance import compose
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import tail
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.core.touchpoints.journal import Journal
from zerodistance.core.touchpoints.snippets import snippets
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home

WHEN = clock.to_micros(datetime(2026, 11, 20, 8, tzinfo=UTC))
PHONE = "13912345601"
KINDS = {
    "track": "product.viewed",
    "identify": "profile.updated",
    "page": "page.viewed",
    "screen": "screen.viewed",
    "group": "group.joined",
    "alias": "identity.aliased",
}


@dataclass(frozen=True)
class Touch:
    """What a test wants to know of a touch."""

    kind: str
    name: str | None
    subject: int
    product: str | None
    happened_at: int
    received_at: int


def digested(home: Home) -> list[Touch]:
    """Digest what the journal holds; return the touches in the order of the log."""
    compose.work_here(home)
    columns = "kind, name, subject, product, epoch_us(happened_at), epoch_us(received_at)"
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        found = connection.execute(f"select {columns} from touches order by batch, row").fetchall()
    return [Touch(*row) for row in found]


def judged(home: Home, member: str, left_out: frozenset[str] = frozenset()) -> list[Touch]:
    """Assert that each call is one touch of its kind and that all are about one person, who has the phone of the identify."""
    touches = digested(home)
    assert sorted(t.kind for t in touches) == sorted(k for call, k in KINDS.items() if call not in left_out)
    by_kind = {t.kind: t for t in touches}
    assert (by_kind["product.viewed"].name, by_kind["product.viewed"].product) == (
        "Product Viewed",
        "BCD-500",
    )
    assert by_kind["page.viewed"].name == "Home"
    person = identity.lookup(home, SYSTEM, "user_id", member)
    assert person.id == identity.lookup(home, SYSTEM, "phone", PHONE).id
    with home.state.read() as tx:
        persons = identity.person_of(tx, [t.subject for t in touches])
    assert set(persons.tolist()) == {person.number}
    return touches


def at_their_time(touches: list[Touch], when: int, began: int) -> None:
    """Assert that the clock rule gives the time the client named, but for how long it took to get here since `began`."""
    took = max(touch.received_at for touch in touches) - began
    for touch in touches:
        assert abs(touch.happened_at - when) <= took, touch


def run(*words: str | Path) -> None:
    """Run a program that sends, and see that it tells of no error."""
    done = subprocess.run(
        [*words], cwd=CLIENTS, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("packed", ["", "gzip"])
@pytest.mark.parametrize("client", ["segment", "rudder"])
def test_clients_for_python_deliver_every_call(home: Home, client: str, packed: str) -> None:
    began = clock.micros()
    source = make_source(home, kind="server")
    with served(home) as address:
        run(sys.executable, CLIENTS / "send.py", client, address, source.write_key, "calls", packed)
    assert {row.encoding for row in Journal.of(home).read(0)} == {packed}
    at_their_time(judged(home, f"member-{client}-python"), WHEN, began)


@pytest.mark.node
@pytest.mark.parametrize("client", ["segment", "rudder"])
def test_clients_for_node_deliver_every_call(home: Home, client: str) -> None:
    began = clock.micros()
    source, path = make_source(home, kind="server"), node()
    assert path is not None
    with served(home) as address:
        run(path, CLIENTS / "send.mjs", client, address, source.write_key, "calls")
    at_their_time(judged(home, f"member-{client}"), WHEN, began)


@pytest.mark.node
def test_jitsu_for_node_delivers_every_call_it_has(home: Home) -> None:
    began = clock.micros()
    source, path = make_source(home, kind="server"), node()
    assert path is not None
    with served(home) as address:
        run(path, CLIENTS / "send.mjs", "jitsu", address, source.write_key, "calls")
    touches = judged(home, "member-jitsu", frozenset({"screen", "alias"}))
    at_their_time(touches, touches[0].received_at, began)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    with pages(CLIENTS) as origin:
        made = Browser(tmp_path_factory.mktemp("chromium"), origin)
        yield made, origin
        made.close()


def opened(browser: tuple[Browser, str], client: str, address: str, key: str) -> Any:
    """Open the page of a client and wait until it has started."""
    tab = browser[0].tab()
    tab.call("Page.navigate", url=f"{browser[1]}/page.html?client={client}&address={address}&key={key}")
    tab.until("window.ready")
    return tab


@pytest.mark.node
@pytest.mark.chromium
@pytest.mark.parametrize(
    ("client", "left_out"),
    [
        ("next", frozenset()),
        ("next-batching", frozenset()),
        ("rudder", frozenset({"screen"})),
        ("rudder-beacon", frozenset({"screen"})),
        ("jitsu", frozenset({"screen", "alias"})),
    ],
)
def test_clients_for_browsers_deliver_every_call_they_have(
    home: Home, browser: tuple[Browser, str], client: str, left_out: frozenset[str]
) -> None:
    began = clock.micros()
    source = make_source(home, origins=[browser[1]])
    with served(home) as address:
        tab = opened(browser, client, address, source.write_key)
        tab.run("made.calls()")
        enough(home, len(KINDS) - len(left_out))
        tab.call("Page.navigate", url="about:blank")
    touches = judged(home, f"member-{client}", left_out)
    at_their_time(touches, touches[0].received_at, began)


def enough(home: Home, events: int) -> None:
    """Wait until the journal holds so many events."""
    journal = Journal.of(home)
    until(lambda: journal.waiting(0).events >= events, f"{events} events do not come")
    journal.close()


def snippet(source: Source, address: str, key: str) -> str:
    """Return the code that the portal and `sources show --snippet` give for a client."""
    return next(s.code for s in snippets(source, address) if s.key == key)


def piped(code: str, *words: str | Path) -> str:
    """Run code as it would be pasted; return what it printed."""
    done = subprocess.run(
        [*words], input=code, cwd=CLIENTS, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_code_that_people_copy_for_python_and_mails_delivers(home: Home) -> None:
    source = make_source(home, kind="server")
    with served(home) as address:
        for key in ("python", "rudder_python"):
            piped(snippet(source, address, key), sys.executable, "-")
        found = re.search(r'src="([^"]+)"', piped(snippet(source, address, "pixel"), "bash"))
        assert found is not None
        with urlopen(found[1]) as answer:
            assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
    assert sorted(t.name or t.kind for t in digested(home)) == [
        "Email Opened",
        *["Product Viewed"] * 2,
        *["profile.updated"] * 2,
    ]


@pytest.mark.node
def test_the_code_that_people_copy_for_node_delivers(home: Home) -> None:
    source, path = make_source(home, kind="server"), node()
    assert path is not None
    with served(home) as address:
        for key in ("node", "rudder_node"):
            piped(snippet(source, address, key), path, "--input-type=module", "-")
    assert [t.name or t.kind for t in digested(home)] == ["profile.updated", "Product Viewed"] * 2

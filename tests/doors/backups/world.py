"""A home with something in every store, and what a restored one holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import zerodistance.compose as compose
from zerodistance.core.touchpoints import journal, sources, tail
from zerodistance.doors import parts as handed
from zerodistance.doors.worker import once
from zerodistance.kernel import clock, command
from zerodistance.kernel.access import Who
from zerodistance.kernel.findings import Finding, Level
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

ME = Who.system("test")


def hand_over() -> None:
    """Hand in what compose hands in at the command line."""
    handed.use(compose.PARTS)
    command.use_work_here(compose.PARTS.work_here)


def accept(home: Home, *events: dict[str, Any]) -> None:
    """Put events into the journal as the door does."""
    connection = journal.connect(home.path("journal.db"))
    at = clock.micros()
    sealed = home.seal.seal(json.dumps({"batch": list(events)}).encode(), journal.where(1, "batch", at))
    connection.execute(
        "insert into row (source, route, received_at, events, encoding, body) values (1, 'batch', ?, ?, '', ?)",
        (at, len(events), sealed),
    )
    connection.close()


def bought(who: str, n: int) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "messageId": f"{who}-{n}", "userId": who}


def fill(home: Home) -> None:
    """Lake, index, tail and journal hold something: three touches each of Wei and Li, one refused row."""
    hand_over()
    if not sources.every(home):
        sources.create_source(home, ME, key="web", name=Text("官网", "web"), kind="web")
    work = compose.work(home)
    accept(home, bought("wei", 1), bought("li", 1), {**bought("wei", 9), "timestamp": "never"})
    once(work)
    accept(home, bought("wei", 2), bought("li", 2))
    work.digest()
    accept(home, bought("wei", 3), bought("li", 3))


IDS = ["li-1", "li-2", "li-3", "wei-1", "wei-2", "wei-3"]


def digested(home: Home) -> list[str]:
    """Let everything be digested and return the message ids of all touches, each as often as it stands there."""
    once(compose.work(home))
    return ids(home)


def ids(home: Home) -> list[str]:
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        return [row[0] for row in connection.execute("select source_id from touches order by 1").fetchall()]


def damage(home: Home) -> list[str]:
    return [f"{f.store}: {f.text.en}" for f in found(home) if f.level is Level.DAMAGE]


def found(home: Home) -> list[Finding]:
    return list(compose.checks(home))


def files_with(root: Path, secret: bytes) -> list[str]:
    return [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and secret in p.read_bytes()]

"""What the tests of feeds share: a mapping, files to fetch, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from tests.core.touchpoints.people import EachIdentifier
from zerodistance.core.touchpoints import import_jobs, store, tail
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.core.touchpoints.imports import Feeds
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.kernel.home import Home

MAPPING = """
kind = "store.visited"
source = { key = "visits", name = "Visits", kind = "store" }
times = { happened_at = "at", zone = "UTC", lag = "1 day" }
identifiers = { member_id = "member" }
columns = { place = "store" }
source_id = "id"
"""


def digest(home: Home) -> None:
    """Take in everything that waits."""
    with home.engine.connect() as connection:
        parser, feeds = Parser(connection, home.seal, lambda source: 32_768, "CNY"), Feeds()
        work = Digest(home, EachIdentifier(), lambda: feeds(home, parser))
        while work.step() or import_jobs.open_ones(home):
            pass


def taken(home: Home) -> list[str]:
    """Take in everything that waits; return the source ids of all touches."""
    digest(home)
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        return sorted(row[0] for row in connection.execute("select source_id from touches").fetchall())


def imports(home: Home) -> list[tuple[str, str]]:
    """Return file name and state of each import, the oldest first."""
    j = store.import_job
    with home.state.read() as tx:
        return [(r.file_name, r.state) for r in tx.execute(select(j).order_by(j.c.number))]


def visits(ids: Sequence[int]) -> str:
    """Return a CSV file of visits with these ids."""
    lines = [f"{i},2026-01-{1 + i % 28:02},m{i % 7},s{i}" for i in ids]
    return "\n".join(["id,at,member,store", *lines, ""])


def everything_under(root: Path) -> bytes:
    """Return the bytes of every file below a folder."""
    return b"\0".join(path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file())

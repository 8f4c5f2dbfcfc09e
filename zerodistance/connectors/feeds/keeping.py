"""How long feeds keep why they refused a file, since the reason may quote it: as long as refused rows are kept, and not of who is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select, update

from zerodistance.connectors.feeds import store
from zerodistance.connectors.feeds.watched import where_why
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text

_FILE = store.feed_file


def forget(home: Home, matches: Callable[[bytes], bool]) -> dict[str, int]:
    """Remove the reasons that quote somebody; return how many, by table. May be run again.

    Parameters
    ----------
    matches
        Says whether raw bytes hold one of the identifiers that are to be forgotten.
    """
    with home.state.read() as tx:
        query = select(_FILE.c.feed, _FILE.c.path, _FILE.c.why).where(_FILE.c.why.is_not(None))
        rows = tx.execute(query).all()
    hits = [(feed, path) for feed, path, why in rows if matches(home.seal.open(why, where_why(feed)))]
    for feed, path in hits:
        with home.state.write() as tx:
            tx.execute(update(_FILE).where(_FILE.c.feed == feed, _FILE.c.path == path).values(why=None))
    return {_FILE.name: len(hits)}


def expire(home: Home) -> None:
    """Remove the reasons that are older than refused rows are kept; that the file was refused stays."""
    before = clock.micros() - home.settings.quarantine_days * clock.MICROS_PER_DAY
    with home.state.write() as tx:
        tx.execute(update(_FILE).where(_FILE.c.at < before, _FILE.c.why.is_not(None)).values(why=None))


JOBS = (
    Job(
        "feeds.expire",
        timedelta(days=1),
        expire,
        Text("清除过期的文件拒收原因", "let reasons of refused files go that are due"),
    ),
)

"""Feeds of rows: what is new since the cursor becomes one import or several, and the cursor moves in the transaction that names each."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from itertools import chain

from sqlalchemy import Connection, select, update

from zerodistance.connectors.feeds import contracts, store
from zerodistance.connectors.feeds.contracts import Outcome
from zerodistance.connectors.feeds.cursors import Following, Position, pack, unpack
from zerodistance.connectors.feeds.lines import Lines
from zerodistance.connectors.feeds.watched import Run
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints import import_jobs
from zerodistance.core.touchpoints.staging import FRAME
from zerodistance.kernel import clock, fault
from zerodistance.kernel.home import Home

WAITING = 8  # own value: imports that wait, above which no more is read for now
_F = store.source_feed


def _where(feed: int) -> bytes:
    return b"feed-position/%d" % feed


def position(home: Home, feed: int) -> Position:
    """Return where a feed stands."""
    with home.state.read() as tx:
        sealed = tx.execute(select(_F.c.position).where(_F.c.number == feed)).scalar()
    return Position() if sealed is None else unpack(home.seal.open(sealed, _where(feed)))


def write_position(tx: Connection, home: Home, feed: int, now: Position) -> None:
    """Move a feed; with what it brought, or to where somebody wants it."""
    sealed = None if now == Position() else home.seal.seal(pack(now), _where(feed))
    tx.execute(update(_F).where(_F.c.number == feed).values(position=sealed))


def pull(run: Run, following: Following) -> Outcome:
    """Ask for imports of all rows that are new, part by part."""
    outcome, number = Outcome(), 0
    moment = f"{clock.now():%Y%m%dT%H%M%SZ}"
    before, began = position(run.home, run.feed), time.monotonic()
    while not following.ended:
        late = time.monotonic() - began > contracts.RUN_SECONDS
        if outcome.imports and (late or len(import_jobs.open_ones(run.home)) >= WAITING):
            outcome.more = True
            break
        part = _watched(run, following)
        first = next(part, None)
        if first is not None:
            number += 1
            made = _keep(run, following, chain([first], part), f"{run.name}-{moment}-{number}.ndjson")
            if made.new:
                outcome.imports.append(made.job.number)
            else:
                outcome.known += 1
        fault.point("feeds.rows.kept")
    outcome.rows = following.read
    after = following.position()
    if after != before:  # nothing new, but the stretch that is looked at again has moved
        with run.home.state.write() as tx:
            write_position(tx, run.home, run.feed, after)
    return outcome


def _watched(run: Run, following: Following) -> Iterator[bytes]:
    for line in following.part():
        run.wait(0)
        run.tell(following.read)
        yield line


def _keep(run: Run, following: Following, lines: Iterator[bytes], name: str) -> touchpoints.Created:
    def note(tx: Connection, job: touchpoints.Job) -> None:
        write_position(tx, run.home, run.feed, following.position())

    with io.BufferedReader(Lines(lines), FRAME) as file:
        return touchpoints.create_import_from(run.home, run.who, file, name, run.mapping, run.source, note)

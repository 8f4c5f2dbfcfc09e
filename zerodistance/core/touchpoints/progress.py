"""How far touches have come, and what was counted of them: cheap enough to be asked every few seconds. Times in microseconds UTC."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from zerodistance.core.touchpoints import journal, ledger, sources, store, tail
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

HOUR = 3_600 * clock.MICROS_PER_SECOND
_SETTLED = 26  # own value, hours: counts of hours older than this no longer change


@dataclass(frozen=True, slots=True)
class Progress:
    """How far digestion and the lake are.

    Attributes
    ----------
    waiting_since
        When the oldest request that is not digested was received; None if nothing waits.
    last_batch, last_commit_at
        The last committed batch.
    tail_files, tail_bytes, tail_since
        What is committed and not yet in the lake only, and when the oldest of it was committed.
    """

    waiting_since: int | None
    last_batch: int
    last_commit_at: int | None
    tail_files: int
    tail_bytes: int
    tail_since: int | None


def progress(home: Home, who: Who) -> Progress:
    """Return how far digestion and the lake are. Every account may ask: it says how old figures are, not what they are."""
    with home.state.read() as tx:
        b = store.batch
        newest = tx.execute(select(b.c.number, b.c.committed_at).order_by(b.c.number.desc()).limit(1)).first()
        files = tail.listed(tx)
        digested = ledger.position(tx, journal.FEED)
    read = journal.Journal.of(home)
    try:
        waiting = read.oldest_at(digested)
    finally:
        read.close()
    return Progress(
        waiting_since=waiting,
        last_batch=newest.number if newest else 0,
        last_commit_at=newest.committed_at if newest else None,
        tail_files=len(files),
        tail_bytes=sum(f.bytes for f in files),
        tail_since=files[0].committed_at if files else None,
    )


def committed_after(home: Home, who: Who, batch: int) -> int | None:
    """Return when the first batch after `batch` was committed, None if there is none. Every account may ask."""
    b = store.batch
    with home.state.read() as tx:
        query = select(b.c.committed_at).where(b.c.number > batch).order_by(b.c.number).limit(1)
        at: int | None = tx.execute(query).scalar()
    return at


def last_of_sources(home: Home, who: Who) -> list[tuple[Source, int | None]]:
    """Return every source that is on, with when it last sent, None for never."""
    who.need(Permission.OPERATE)
    t = store.source_last
    with home.state.read() as tx:
        last = {row.source: row.received_at for row in tx.execute(select(t.c.source, t.c.received_at))}
    return [(s, last.get(s.number)) for s in sources.every(home) if s.off_at is None]


@dataclass(frozen=True, slots=True)
class HourOf:
    """What became of the rows of one source in one hour of acceptance; `hour` is its beginning."""

    source: int
    hour: int
    taken: int
    refused: int


def refusals_by_hour(home: Home, who: Who, since: int, before: int) -> list[HourOf]:
    """Return rows taken in (repeats too) and refused, by source and hour from `since` to `before`, in order."""
    who.need(Permission.OPERATE)
    t = store.source_hour
    query = select(t.c.source, t.c.hour, t.c.counter, t.c.value).where(
        t.c.hour >= since, t.c.hour < before, t.c.counter.in_(("accepted", "duplicates", "refused"))
    )
    sums: Counter[tuple[int, int, bool]] = Counter()
    with home.state.read() as tx:
        for source, hour, counter, value in tx.execute(query):
            sums[source, hour, counter == "refused"] += value
    keys = sorted({(source, hour) for source, hour, _ in sums})
    return [HourOf(s, h, max(0, sums[s, h, False]), max(0, sums[s, h, True])) for s, h in keys]


class Totals:
    """Sums of `source_hour` over all time, read again only where hours can still change."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._upto = 0
        self._settled: Counter[tuple[int, str]] = Counter()

    def __call__(self, who: Who) -> Counter[tuple[int, str]]:
        """Return (source number, counter) -> sum; source 0 stands for no known source."""
        who.need(Permission.OPERATE)
        now = clock.micros()
        settled = now - now % HOUR - _SETTLED * HOUR
        t = store.source_hour
        sums = select(t.c.source, t.c.counter, func.sum(t.c.value)).group_by(t.c.source, t.c.counter)
        with self._home.state.read() as tx:
            if settled > self._upto:
                for source, counter, value in tx.execute(
                    sums.where(t.c.hour >= self._upto, t.c.hour < settled)
                ):
                    self._settled[source, counter] += int(value)
                self._upto = settled
            recent = tx.execute(sums.where(t.c.hour >= self._upto)).all()
        out = Counter(self._settled)
        for source, counter, value in recent:
            out[source, counter] += int(value)
        return out

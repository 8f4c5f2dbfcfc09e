"""The worker's share of touchpoints: feeds in turn, digestion, sealing, forgetting, and the figures only it knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from zerodistance.core.touchpoints import (
    bodies,
    forget,
    import_jobs,
    ledger,
    rules,
    salvage,
    sources,
    tail,
    undo,
    wire,
)
from zerodistance.core.touchpoints.agreed import Agreed
from zerodistance.core.touchpoints.contracts import Batch, Follower, Forget, Recogniser, Refused
from zerodistance.core.touchpoints.digest import Digest, Feed
from zerodistance.core.touchpoints.journal import DAMAGED, FEED, REFUSED, Journal, JournalRow
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.routes import BATCH
from zerodistance.core.touchpoints.sealer import Sealer
from zerodistance.core.touchpoints.sent import Sent
from zerodistance.kernel import clock
from zerodistance.kernel.errors import ZeroDistanceError, told
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_DEFAULT_EVENT_BYTES = 32_768  # the protocol's own limit, for a source that is gone
_LARGE = 100_000  # own value: rows of a batch where nobody waits; the larger, the less a row costs and the more memory it takes
_TAILS = 8  # own value: so many times the size at which it is sealed may the tail have; sealing stands behind digestion
_ANY_SIZE = (
    1 << 31
)  # the door has judged the size; a setting that was lowered since must not hold the journal up


class JournalFeed:
    """What the door has accepted, in order; while much waits, the next batch is parsed during the commit of this one.

    A batch depends on nothing but its journal rows, so one that was parsed ahead is as good as one parsed now; it is used only if
    it begins where the commit ended.
    """

    def __init__(self, home: Home, journal: Journal, parser: Parser) -> None:
        self._home, self._journal, self._parser = home, journal, parser
        self._pool = ThreadPoolExecutor(1, "parse-ahead")
        self._ahead: tuple[int, Future[Batch | None]] | None = None

    def next(self, most: int) -> Batch | None:
        """Return the next batch of at most about `most` events."""
        with self._home.state.read() as tx:
            position = ledger.position(tx, FEED)
        batch = self._parsed_ahead(position)
        if batch is None:
            batch = self._after(position, most)
        if batch is not None and batch.touches.num_rows >= most // 2:
            self._ahead = batch.position, self._pool.submit(self._after, batch.position, most, most // 2)
        return batch

    def _parsed_ahead(self, position: int) -> Batch | None:
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return None
        try:
            batch = ahead[1].result()
        except Exception:  # it will be met again where the batch is parsed now
            return None
        return batch if ahead[0] == position else None

    def _after(self, position: int, most: int, least: int = 0) -> Batch | None:
        """Return the batch after a position, None if fewer than `least` events wait."""
        rows = self._journal.read(position, events=most)
        if not rows or sum(row.events for row in rows) < least:
            return None
        return self._parsed([(row, _opened(row)) for row in rows])

    def _parsed(self, rows: list[tuple[JournalRow, Sent | Refused]]) -> Batch:
        """Return the batch of some rows; of their first half when they can't be parsed together."""
        began = time.time_ns()
        try:
            batch = self._parser.parse([sent for _, sent in rows if isinstance(sent, Sent)])
        except Exception as error:
            if salvage.no_row_is_to_blame(error):
                raise
            if len(rows) > 1:
                return self._parsed(rows[: len(rows) // 2])
            row = rows[0][0]
            log("digest").error("unreadable", feed=FEED, row=row.id, place="body", error=told(error))
            rows, batch = (
                [(row, _whole(row, salvage.UNREADABLE, salvage.said(error)))],
                self._parser.parse([]),
            )
        for _, found in rows:
            if isinstance(found, Refused):
                batch.counts[found.source, "received"] += 1
                batch.refused.append(found)
        batch.position = rows[-1][0].id
        batch.timings.append(("parse", began, time.time_ns()))
        return batch


def _opened(row: JournalRow) -> Sent | Refused:
    if row.encoding == DAMAGED:
        log("digest").error("damaged", feed=FEED, row=row.id)
        return _whole(row, salvage.UNREADABLE, "the journal's row is damaged; it is kept as it stood there")
    if row.encoding.startswith(REFUSED):
        return _refused(row)
    try:
        body = bodies.unpack(row.body, row.encoding, _ANY_SIZE)
    except (bodies.BadEncoding, bodies.BodyTooLarge) as error:
        return _whole(row, salvage.UNREADABLE, error.message("en"))
    return Sent(row.id, row.source, row.route, row.received_at, body)


def _refused(row: JournalRow) -> Refused:
    """Return a body that the door has told its client it can't read: unpacked where that can be done, with what is wrong with it."""
    body, place, said = row.body, "body", "the door could not read it"
    try:
        body = bodies.unpack(row.body, row.encoding.removeprefix(REFUSED), _ANY_SIZE)
        place = row.route if row.route in wire.TYPES else "body"
        bodies.head(body, batch=row.route == BATCH)
    except ZeroDistanceError as error:
        said = error.message("en")
    return Refused(row.source, rules.BODY, said, body, place, row.received_at)


def _whole(row: JournalRow, reason: str, detail: str) -> Refused:
    """Return a whole request as refused, its body as it came."""
    return Refused(row.source, reason, detail, row.body, "body", row.received_at)


class Intake:
    """Everything the worker does for touchpoints; two threads may use it, one for digestion and one for sealing.

    Parameters
    ----------
    recogniser, followers
        The rooms above: identity; profiles.
    feeds
        Feeds besides the journal: imports, replays.
    everybody
        Subjects -> all subjects of the same persons: a person may have grown since it was asked to be forgotten.
    matcher, tokens, rooms
        For forgetting, see `forget.carry_out`.
    forgotten
        Called when somebody has been forgotten.
    undoing
        For undoing imports.
    """

    def __init__(
        self,
        home: Home,
        recogniser: Recogniser,
        followers: Sequence[Follower],
        *,
        feeds: Callable[[Home, Parser], Sequence[Feed]],
        everybody: Callable[[Home, Sequence[int]], Sequence[int]],
        matcher: Callable[[Home, Sequence[int]], forget.Match],
        tokens: forget.Tokens,
        forgotten: Callable[[Home], None],
        rooms: Mapping[str, Forget],
        undoing: undo.Undoing,
    ) -> None:
        self._home, self._recogniser = home, recogniser
        self._everybody, self._matcher, self._tokens, self._rooms = everybody, matcher, tokens, rooms
        self._forgotten = forgotten
        self._undoing = undoing
        self._still, self._moving = threading.Lock(), threading.Lock()  # taken in this order
        self._connection = home.engine.connect(raw=True)
        connection = self._connection.__enter__()
        parser = Parser(connection, home.seal, self._event_bytes, home.settings.currency, Agreed(home))
        self.journal = Journal.of(home)
        journal_feed = JournalFeed(home, self.journal, parser)
        self.intake = Digest(home, recogniser, lambda: [journal_feed, *feeds(home, parser)])
        self._sealer = Sealer(home, followers)
        self._limits: dict[int, int] = {}
        self._limits_at = 0

    def _event_bytes(self, source: int) -> int:
        """Return the source's size policy; looked up again every ten seconds."""
        now = clock.micros()
        if source not in self._limits or now - self._limits_at > 10 * clock.MICROS_PER_SECOND:
            self._limits = {s.number: s.event_bytes for s in sources.every(self._home)}
            self._limits.setdefault(source, _DEFAULT_EVENT_BYTES)
            self._limits_at = now
        return self._limits[source]

    def digest(self, *, large: bool = False) -> int:
        """Commit one micro-batch of each feed; return how many rows were taken in, 0 too while the tail is too long to go on.

        Parameters
        ----------
        large
            Nobody waits to see what comes in just now: batches as large as memory allows, which costs less a row.
        """
        most = max(_LARGE, self._home.settings.micro_batch_events) if large else None
        return 0 if self._tail_is_long() else self.intake.step(most)

    def _tail_is_long(self) -> bool:
        with self._home.state.read() as tx:
            return tail.size(tx) > _TAILS * self._home.settings.seal_bytes

    def seal(self, force: bool, patient: bool = False) -> bool:
        """Let followers follow and move the tail when it is due; return whether anything was done. See `Sealer.step`."""
        with self._still, self._moving:
            return self._sealer.step(force=force, patient=patient)

    def follow(self, *, now: bool = False) -> bool:
        """Let followers follow, when it is time or `now`; return whether anything was done. See `Sealer.follow`."""
        with self._still:
            return self._sealer.follow(force=now)

    def move(self) -> bool:
        """Move the tail when it is due, beside followers; return whether anything was done. See `Sealer.move`."""
        with self._moving:
            return self._sealer.move()

    def rest(self) -> None:
        """Let go of what is kept in memory for the next batch: none comes for now."""
        self._recogniser.reset()

    def errands(self) -> bool:
        """Carry out what was asked to be forgotten or undone; digestion and sealing stand still meanwhile."""
        undone = self._undo()
        return self._forget() or undone

    def _undo(self) -> bool:
        asked = undo.waiting(self._home)
        if not asked:
            return False
        with self._still, self._moving:
            self._sealer.step(force=True)
            for one in asked:
                undo.carry_out(self._home, one, self._undoing)
        self._recogniser.reset()
        self.intake.reload_seen()
        return True

    def _forget(self) -> bool:
        asked = forget.waiting(self._home)
        if not asked:
            return False
        self._digest_upto(self.journal.last(), import_jobs.open_ones(self._home))
        with self._still, self._moving:
            self._sealer.step(force=True)
            self.journal.erase(self._position())
            for number, subjects in asked:
                if forget.is_person(self._home, number):
                    subjects = sorted({*subjects, *self._everybody(self._home, subjects)})
                forget.carry_out(
                    self._home,
                    number,
                    subjects,
                    matcher=self._matcher,
                    tokens=self._tokens,
                    rooms=self._rooms,
                )
            self._recogniser.reset()
        self._forgotten(self._home)
        return True

    def _digest_upto(self, row: int, imports: Sequence[int]) -> None:
        """Digest what the journal held when it was asked, and the imports that were under way: what is still to come in can't be found.

        What comes meanwhile waits, or a busy door would never let us end.
        """
        wanted = set(imports)
        left = self._position(), wanted & set(import_jobs.open_ones(self._home))
        while left[0] < row or left[1]:
            if self._tail_is_long():
                self.seal(False)
            before, taken = left, self.intake.step()
            left = self._position(), wanted & set(import_jobs.open_ones(self._home))
            if not taken and left == before:
                return

    def _position(self) -> int:
        with self._home.state.read() as tx:
            return ledger.position(tx, FEED)

    def facts(self) -> Mapping[str, Any]:
        """Return the figures of this worker for `status`: deduplication coverage and memory."""
        seen = self.intake.seen
        return {
            "last_batch": self.intake.last_batch,
            "dedup_ids": len(seen),
            "dedup_capacity": self._home.settings.dedup_ids,
            "dedup_bytes": seen.bytes,
            "dedup_oldest_at": seen.oldest_at,
            "dedup_dropped_until": seen.dropped_until or None,
        }

"""Digestion: a micro-batch is parsed, deduplicated, recognised and committed once, in one state transaction."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection, select

from zerodistance.core.touchpoints import categories, ledger, salvage, store, tail
from zerodistance.core.touchpoints.batches import part, refuse, take
from zerodistance.core.touchpoints.contracts import (
    TOUCHES,
    Batch,
    Recognised,
    Recogniser,
    Refuse,
)
from zerodistance.core.touchpoints.journal import FEED
from zerodistance.core.touchpoints.rules import NOBODY
from zerodistance.core.touchpoints.seen import Mask, Prints, Seen
from zerodistance.kernel import clock, fault, spans
from zerodistance.kernel.errors import StoreBehind, told
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import bound, log

_GEN0 = 200_000  # a micro-batch makes some hundred thousand objects that live for one step


class Feed(Protocol):
    """Where batches come from."""

    def next(self, most: int) -> Batch | None:
        """Return what comes after the committed position, at most about `most` touches; None if nothing waits."""
        ...


class Digest:
    """The one writer of evidence and tail.

    Parameters
    ----------
    recogniser
        Says who the touches are about.
    feeds
        Asked in turn at each step: the journal first, then imports and replays.
    """

    def __init__(self, home: Home, recogniser: Recogniser, feeds: Callable[[], Sequence[Feed]]) -> None:
        self._home, self._recogniser, self._feeds = home, recogniser, feeds
        gc.set_threshold(_GEN0, 20, 20)
        self._doubt: tuple[int, Batch, int] | None = None
        with home.state.read() as tx:
            self._last = ledger.last_batch(tx)
        self._check()
        self.reload_seen()

    @property
    def last_batch(self) -> int:
        """Number of the last committed batch."""
        return self._last

    def _check(self) -> None:
        held = self._home.lake.held(tail.TABLE, tail.APP)
        if held > self._last:
            raise StoreBehind(store="lake", held=held, committed=self._last)
        with self._home.state.read() as tx:
            named = {f.file for f in tail.listed(tx)}
        for path in self._home.path("tail").glob("*.arrow"):
            if path.name not in named:  # written, but its commit never came
                path.unlink()

    def reload_seen(self) -> None:
        """Read the message ids of the window, anew if somebody took some back."""
        most = self._home.settings.dedup_ids
        self.seen, self._imported, self._own = Seen(most), Seen(most), (0, Seen(most))
        for prints, at, origin in self._prints():
            self.seen.add(prints, at)
            if origin:
                self._imported.add(prints, at)

    def _prints(self, origin: int | None = None) -> Iterator[tuple[Prints, int, int]]:
        """Yield the fingerprints of the window with time and origin, all or those of one import."""
        s, b = store.seen, store.batch
        since = clock.micros() - self._home.settings.dedup_days * clock.MICROS_PER_DAY
        query = (
            select(s.c.at, s.c.fingerprints, b.c.origin)
            .join(b, b.c.number == s.c.batch)
            .where(s.c.at >= since)
        )
        if origin is not None:
            query = query.where(b.c.origin == origin)
        with self._home.state.read() as tx:
            for at, blob, of in tx.execute(query.order_by(s.c.batch).execution_options(yield_per=100)):
                yield np.frombuffer(blob, "<u8").astype(np.uint64), at, of

    def _keep_seen(self, batch: Batch, now: int) -> None:
        """Remember the message ids of a committed batch."""
        self.seen.add(batch.fingerprints, now)
        if batch.origin:
            self._imported.add(batch.fingerprints, now)
            if self._own[0] == batch.origin:
                self._own[1].add(batch.fingerprints, now)

    def _of_imports(self, batch: Batch, again: Mask) -> Mask:
        """Say which of the repeated rows repeat one of an import, of another one than their own."""
        mask = again.copy()
        mask[mask] = self._imported.holds(batch.fingerprints[mask])
        if batch.origin and mask.any():
            if self._own[0] != batch.origin:
                self._own = batch.origin, Seen(self._home.settings.dedup_ids)
                for prints, at, _ in self._prints(batch.origin):
                    self._own[1].add(prints, at)
            mask[mask] = ~self._own[1].holds(batch.fingerprints[mask])
        return mask

    def step(self, most: int | None = None) -> int:
        """Commit one micro-batch of each feed that has something; return how many rows were taken in, 0 if nothing waited.

        `most` rows a batch; unless said, `micro_batch_events`. A feed that fails does not keep the others from their turn.
        """
        done, failed = 0, list[Exception]()
        for feed in self._feeds():
            try:
                batch = feed.next(most or self._home.settings.micro_batch_events)
                if batch is not None:
                    rows = max(1, batch.touches.num_rows + len(batch.refused))
                    self.commit(batch)
                    done += rows
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return done

    def commit(self, batch: Batch) -> int:
        """Commit one batch; return its number. When anything fails, nothing of it is kept.

        When it fails because of some of its rows, those are set aside in the quarantine and the others are committed.
        """
        self._settle_doubt()
        number = self._last + 1
        begin = min((began for _, began, _ in batch.timings), default=0)
        named = spans.span(
            "batch", f"b{number}", since=begin, links=_requests(batch), batch=number, feed=batch.feed
        )
        with bound(batch=number, feed=batch.feed), named as span:
            span.done(batch.timings)
            self._take_in(batch)
            span.set(touches=batch.touches.num_rows, refused=len(batch.refused), position=batch.position)
        return number

    def _take_in(self, batch: Batch) -> None:
        now = clock.micros()
        for ids in (self.seen, self._imported, self._own[1]):
            ids.expire(now - self._home.settings.dedup_days * clock.MICROS_PER_DAY)
        fresh = self.seen.fresh(batch.fingerprints)
        aside = self._of_imports(batch, ~fresh)
        if batch.forever:
            older, by_another = self._in_lake(batch)
            aside |= by_another & fresh
            fresh &= ~older
        if aside.any():
            batch.aside = part(batch, aside)
        _count_rows(batch, fresh)
        if not fresh.all():
            take(batch, fresh)
        batch.touches = categories.filled(self._home, batch.touches)
        try:
            self._commit(batch)
        except Exception as error:
            if salvage.no_row_is_to_blame(error) or batch.refuse is None:
                raise
            self._set_aside(batch, batch.refuse, error)
            self._commit(batch)
        self._keep_seen(batch, now)
        log("digest").debug("committed", touches=batch.touches.num_rows)

    def _commit(self, batch: Batch) -> None:
        number = self._last + 1
        file: tuple[str, int] | None = None
        counts, committing = batch.counts.copy(), False
        try:
            with spans.span("recognise"):
                found = self._recogniser.recognise(batch)
                if batch.nobody and not found.subjects.all():
                    self._refuse_nobody(batch, np.flatnonzero(found.subjects == 0))
                    counts = batch.counts.copy()
                    found = self._recogniser.recognise(batch)
            if batch.subjects is not None:  # an app has said whom it spoke to
                found.subjects, found.known = batch.subjects, np.ones(len(batch.subjects), np.bool_)
            batch.counts.update(found.counts)
            _count_known(batch, found)
            if batch.touches.num_rows:
                with spans.span("write"):
                    file = tail.write_file(
                        self._home.path("tail"), number, _complete(batch.touches, number, found.subjects)
                    )
            with spans.span("commit"), self._home.state.write() as tx:
                self._write(tx, number, batch, found, file)
                fault.point("commit.before")
                committing = True
            fault.point("commit.after")
        except (
            BaseException
        ):  # also after the commit: until its number is ours nobody may write a file of that name
            batch.counts = counts
            self._recogniser.reset()
            if committing:
                self._doubt = number, batch, clock.micros()
            raise
        self._last = number

    def _write(
        self, tx: Connection, number: int, batch: Batch, found: Recognised, file: tuple[str, int] | None
    ) -> None:
        if ledger.last_batch(tx) != self._last:
            raise RuntimeError("another worker has committed: this one must stop")
        self._recogniser.write(tx, found, number)
        fault.point("commit.half")
        ledger.write(tx, self._home.seal, number, batch, found.subjects, batch.fingerprints, file)

    def _set_aside(self, batch: Batch, one: Refuse, error: Exception) -> None:
        """Move the touches with which no commit succeeds to those that are refused; raise `error` if there are none."""
        rows = batch.touches.num_rows
        bad = salvage.culprits(rows, lambda chosen: self._would_commit(batch, chosen))
        if not bad:
            raise error
        some = [one(i, salvage.UNREADABLE, salvage.said(error)) for i in bad]
        for refused in some:
            log("digest").error(
                "unreadable", feed=batch.feed, position=batch.position, place=refused.place, error=told(error)
            )
        refuse(batch, bad, some)

    def _refuse_nobody(self, batch: Batch, rows: npt.NDArray[np.int64]) -> None:
        """Move touches that point at nobody to those that are refused, since their mapping wants somebody."""
        self._recogniser.reset()
        if batch.refuse is not None:
            refuse(batch, rows.tolist(), [batch.refuse(i, NOBODY, batch.nobody) for i in rows.tolist()])

    def _would_commit(self, batch: Batch, chosen: Sequence[int]) -> bool:
        """Say whether some touches of a batch could be committed; nothing of it is kept."""
        some = replace(batch, counts=batch.counts.copy())
        keep = np.zeros(batch.touches.num_rows, np.bool_)
        keep[list(chosen)] = True
        take(some, keep)
        number = self._last + 1
        try:
            found = self._recogniser.recognise(some)
            _complete(some.touches, number, found.subjects)
            with self._home.state.write() as tx:
                self._write(tx, number, some, found, None)
                raise _Undone
        except _Undone:
            return True
        except Exception as problem:
            if salvage.no_row_is_to_blame(problem):
                raise
            return False
        finally:
            self._recogniser.reset()

    def _settle_doubt(self) -> None:
        """When the server went away while it committed, look whether it did: the number of the batch says so.

        No other worker can have given that number: the lock of the home is ours.
        """
        if self._doubt is None:
            return
        number, batch, at = self._doubt
        with self._home.state.read() as tx:
            was_done = ledger.last_batch(tx) == number
        self._doubt = None
        if was_done:
            self._last = number
            self._keep_seen(batch, at)

    def _in_lake(self, batch: Batch) -> tuple[Mask, Mask]:
        """Say which rows the log holds from before the deduplication window (imports must never double), and which of another import."""
        n = batch.touches.num_rows
        known, by_another = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        since = clock.micros() - self._home.settings.dedup_days * clock.MICROS_PER_DAY
        with self._home.state.read() as tx:
            older = tx.execute(
                select(store.batch.c.number).where(store.batch.c.committed_at < since).limit(1)
            ).first()
        covered = self.seen.dropped_until == 0 and older is None
        if not n or covered or not self._home.lake.exists(tail.TABLE):
            return known, by_another
        asked = batch.touches.select(["source", "source_id"]).append_column("place", pa.array(np.arange(n)))
        with self._home.engine.connect() as connection:
            tail.touches_view(connection, self._home)
            connection.register("asked", asked)
            found = connection.execute(
                "select place, min(batch) as batch from asked join touches using (source, source_id) group by place"
            ).fetchnumpy()
        known[found["place"]] = True
        by_another[found["place"]] = np.isin(found["batch"], self._batches_of_others(batch.origin))
        return known, by_another

    def _batches_of_others(self, origin: int) -> list[int]:
        b = store.batch
        with self._home.state.read() as tx:
            return list(tx.execute(select(b.c.number).where(b.c.origin.not_in((0, origin)))).scalars())


class _Undone(Exception):
    """Takes a trial back."""


def _requests(batch: Batch) -> list[str]:
    """Return the traced requests that a batch of the journal takes in."""
    if not spans.share or batch.feed != FEED or not batch.touches.num_rows:
        return []
    received = batch.touches["received_at"].cast(pa.int64()).to_numpy()
    return spans.traced(batch.touches["source"].cast(pa.int64()).to_numpy(), received)


def _complete(touches: pa.Table, number: int, subjects: npt.NDArray[np.int64]) -> pa.Table:
    n = touches.num_rows
    return pa.table(
        {
            "batch": pa.array(np.full(n, number, np.int64)),
            "row": pa.array(np.arange(n, dtype=np.int32)),
            "subject": pa.array(subjects, mask=subjects == 0),
            **{name: touches[name] for name in touches.column_names},
        }
    ).select(TOUCHES.names).cast(TOUCHES)  # fmt: skip


def _count_rows(batch: Batch, fresh: npt.NDArray[np.bool_]) -> None:
    sources = batch.touches["source"].to_numpy()
    again = np.zeros(len(fresh), np.bool_) if batch.returned else ~fresh  # those were counted when they came
    for counter, mask in (("accepted", fresh), ("duplicates", again)):
        numbers, times = np.unique(sources[mask], return_counts=True)
        for source, n in zip(numbers.tolist(), times.tolist(), strict=True):
            batch.counts[source, counter] += n
    for refused in batch.refused:
        batch.counts[refused.source, "refused"] += 1


def _count_known(batch: Batch, found: Recognised) -> None:
    sources = batch.touches["source"].to_numpy()
    numbers, times = np.unique(sources[found.known], return_counts=True)
    for source, n in zip(numbers.tolist(), times.tolist(), strict=True):
        batch.counts[source, "recognised"] += n

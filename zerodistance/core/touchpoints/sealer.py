"""The sealer: followers take in the hot tail, the tail moves into the lake, and only then its rows go."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyarrow as pa
from sqlalchemy import delete

from zerodistance.core.touchpoints import ledger, store, tail
from zerodistance.core.touchpoints.contracts import TOUCHES, Follower
from zerodistance.kernel import clock, fault, spans
from zerodistance.kernel.errors import StoreBehind
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import bound

_CHUNK = 2_000_000  # own value: touches a lagging follower takes in at once


class Sealer:
    """Moves committed touches to where they stay. Runs in the worker only."""

    def __init__(self, home: Home, followers: Sequence[Follower]) -> None:
        self._home, self._followers = home, followers
        self._followed_at = 0.0
        with home.state.read() as tx:
            last = ledger.last_batch(tx)
        for follower in followers:
            if follower.held() > last:
                raise StoreBehind(store=follower.name, held=follower.held(), committed=last)

    def step(self, *, force: bool = False, patient: bool = False) -> bool:
        """Do what is due: followers every `index_seconds`, the lake by age or size of the tail; return whether anything was done.

        With `patient` followers wait for the tail to be due: fewer and larger pieces, where nobody looks at what comes in.
        """
        done = False if patient else self.follow(force=force)
        if force or self._due():
            self._follow()
            done = self.move(force=force) or done
        return done

    def follow(self, *, force: bool = False) -> bool:
        """Let followers take in what was committed, every `index_seconds`; return whether there was anything."""
        if not force and time.monotonic() - self._followed_at < self._home.settings.index_seconds:
            return False
        self._followed_at = time.monotonic()
        return self._follow()

    def move(self, *, force: bool = False) -> bool:
        """Move the tail into the lake when it is due, as far as every follower has come; return whether anything was moved.

        May run beside `follow`: that reads no batch that is moved.
        """
        if not (force or self._due()):
            return False
        held = [follower.held() for follower in self._followers]
        with self._home.state.read() as tx:
            files = [file for file in tail.listed(tx) if all(file.batch <= upto for upto in held)]
        if files:
            self.seal(files)
        return bool(files)

    def _due(self) -> bool:
        with self._home.state.read() as tx:
            files = tail.listed(tx)
        if not files:
            return False
        settings = self._home.settings
        age = abs(
            clock.micros() - files[0].committed_at
        )  # a clock that was put back must not hold the tail up
        return (
            sum(f.bytes for f in files) >= settings.seal_bytes
            or age >= settings.seal_seconds * clock.MICROS_PER_SECOND
        )

    def _follow(self) -> bool:
        with self._home.state.read() as tx:
            last = ledger.last_batch(tx)
        done = False
        for follower in self._followers:
            held = follower.held()
            while held < last:
                touches, upto = self._after(held, last)
                with spans.span(follower.name, links=[f"b{upto}"], last_batch=upto):
                    follower.follow(touches, upto)
                held, done = upto, True
        return done

    def _after(self, held: int, last: int) -> tuple[pa.Table, int]:
        """Return the touches of the batches after `held`, and the last batch that is among them."""
        with self._home.state.read() as tx:
            files = [f for f in tail.listed(tx, held) if f.batch <= last]
        sealed = self._home.lake.held(tail.TABLE, tail.APP)
        if sealed <= held:
            some: list[tail.TailFile] = []
            for file in files:
                some.append(file)
                if sum(f.touches for f in some) >= _CHUNK:
                    return tail.read_files(self._home, some), file.batch
            return tail.read_files(self._home, some), last
        with self._home.engine.connect() as connection:
            tail.touches_view(connection, self._home)
            upto = connection.execute(
                "with b as (select batch, count(*) as n from touches where batch > $held and batch <= $last group by batch), "
                "r as (select batch, sum(n) over (order by batch) as running from b) "
                "select coalesce(min(batch), $last) from r where running >= $most",
                {"held": held, "last": last, "most": _CHUNK},
            ).fetchone()
            assert upto is not None
            rows: pa.Table = connection.execute(
                "select * from touches where batch > $held and batch <= $upto",
                {"held": held, "upto": upto[0]},
            ).to_arrow_table()
        return rows.select(TOUCHES.names), int(upto[0])

    def seal(self, files: Sequence[tail.TailFile]) -> None:
        """Append the batches of `files` to the lake under the number of the last one, then let the tail rows go."""
        first, upto = files[0].batch, files[-1].batch
        told = {"first_batch": first, "last_batch": upto}
        recent = [f"b{file.batch}" for file in files[-spans.MOST_LINKS :]]
        with bound(**told), spans.span("seal", links=recent, **told) as span:
            span.set(files=len(files), touches=sum(f.touches for f in files))
            self._seal(files, upto)

    def _seal(self, files: Sequence[tail.TailFile], upto: int) -> None:
        held = self._home.lake.held(tail.TABLE, tail.APP)
        waiting = [f for f in files if f.batch > held]
        if waiting:
            rows = tail.read_files(self._home, waiting)
            self._home.lake.append(tail.TABLE, rows, app=tail.APP, version=upto, partition_by="month")
        fault.point("seal.appended")
        with self._home.state.write() as tx:
            tx.execute(delete(store.tail).where(store.tail.c.batch <= upto))
        fault.point("seal.dropped")
        for file in files:
            self._home.path("tail", file.file).unlink(missing_ok=True)

"""Recurring work that survives restarts: a small table says when each job last began, ended and what went wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Integer, Table, select, update
from sqlalchemy import Text as SqlText

from zerodistance.kernel import clock, spans
from zerodistance.kernel.logs import bound, log
from zerodistance.kernel.state import metadata, upsert
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.kernel.home import Home

job_table = Table(
    "job",
    metadata,
    Column("key", SqlText, primary_key=True),
    Column("last_started_at", BigInteger),
    Column("last_finished_at", BigInteger),
    Column("last_error", SqlText),
    Column("runs", Integer, nullable=False, default=0),
)


@dataclass(frozen=True)
class Job:
    """Something the worker does again and again.

    A job is idempotent: when the process ends in the middle of it, it is simply run again.

    Attributes
    ----------
    at_once
        Whether it runs as soon as a home is there. Else its first turn comes one period after the home was made: what a night's job tidies
        up is not there yet, and whoever fills a new home should not wait for it.
    """

    key: str
    every: timedelta
    run: Callable[[Home], None]
    text: Text
    at_once: bool = True


@dataclass(frozen=True)
class JobState:
    """When a job last ran; times in microseconds, None for never."""

    key: str
    last_started_at: int | None
    last_finished_at: int | None
    last_error: str | None
    runs: int


class Jobs:
    """Runs what is due, one job at a time, in the order given."""

    def __init__(self, home: Home, jobs: Sequence[Job]) -> None:
        self._home = home
        self._jobs = jobs
        self._under_way = threading.Lock()

    @contextmanager
    def paused(self) -> Iterator[bool]:
        """Let no job begin while this lasts; gives False, and holds up nothing, if one is under way."""
        still = self._under_way.acquire(blocking=False)
        try:
            yield still
        finally:
            if still:
                self._under_way.release()

    def states(self) -> dict[str, JobState]:
        """Return the state of every job that has ever run."""
        with self._home.state.read() as tx:
            return {row["key"]: JobState(**row) for row in tx.execute(select(job_table)).mappings()}

    def run_due(self) -> list[str]:
        """Run the jobs whose time has come; return their keys. A failing job is logged and tried at its next turn."""
        states, ran = self.states(), []
        for job in self._jobs:
            state = states.get(job.key)
            started = state.last_started_at if state else None
            unfinished = state is not None and started is not None and (state.last_finished_at or 0) < started
            if started is None and not job.at_once:
                started = self._home.made_at
            due = (
                started is None
                or unfinished
                or clock.micros() - started >= job.every / timedelta(microseconds=1)
            )
            if due:
                self.run(job)
                ran.append(job.key)
        return ran

    def run(self, job: Job) -> None:
        """Run one job now and note how it ended."""
        with self._under_way:
            self._run(job)

    def _run(self, job: Job) -> None:
        self._note(job.key, last_started_at=clock.micros())
        error: str | None = None
        try:
            with bound(job=job.key), spans.span("job", job=job.key):
                job.run(self._home)
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"[:500]
            log("jobs").error("job_failed", job=job.key, error=type(problem).__name__)
        self._note(job.key, last_finished_at=clock.micros(), last_error=error, ran=True)

    def _note(self, key: str, *, ran: bool = False, **values: object) -> None:
        with self._home.state.write() as tx:
            tx.execute(upsert(job_table).values(key=key, runs=0).on_conflict_do_nothing())
            change = {**values, "runs": job_table.c.runs + 1} if ran else values
            tx.execute(update(job_table).where(job_table.c.key == key).values(change))

"""Imports as feeds of the digest: the rows of a kept file, piece by piece, from where the last commit stands."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import BinaryIO

from zerodistance.core.touchpoints import import_jobs, ledger, staging
from zerodistance.core.touchpoints.contracts import Batch
from zerodistance.core.touchpoints.digest import Feed
from zerodistance.core.touchpoints.mapper import Mapper
from zerodistance.core.touchpoints.mapping import parse
from zerodistance.core.touchpoints.own import OwnFeed
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.repeats import RepeatFeed
from zerodistance.core.touchpoints.replay import ReplayFeed
from zerodistance.core.touchpoints.rows import Rows, open_rows
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_SAID = 800_000  # own value: identifiers and personal fields of a batch at most; each takes some hundred bytes until the commit


class ImportFeed:
    """One import job; `next` may be called again after a commit that failed."""

    def __init__(self, home: Home, number: int) -> None:
        self._home, self.number = home, number
        self._feed = f"import:{number}"
        self._upto, self._most = 0, 1
        self._file: BinaryIO | None = None
        self._rows: Rows | None = None
        self._mapper: Mapper | None = None

    def next(self, most: int) -> Batch | None:
        """Return the rows after the committed position, at most `most`; None when the job has ended."""
        with self._home.state.read() as tx:
            position = ledger.position(tx, self._feed)
        try:
            if (self._rows is None or position != self._upto) and not self._open(position):
                return None
            assert self._rows is not None and self._mapper is not None
            began = time.time_ns()
            piece = self._rows.read(min(most, self._most))
            batch = None if piece is None else self._mapper.map(piece, self._feed)
            if batch is not None:
                batch.timings.append(("map", began, time.time_ns()))
        except Exception as error:
            if isinstance(error, ZeroDistanceError) and error.retry:  # a store is away: it is met again later
                self.close()
                raise
            said = error.message("en") if isinstance(error, ZeroDistanceError) else _kind_of(error)
            log("imports").error("import_failed", number=self.number, error=said)
            self.close()
            import_jobs.finished(self._home, self.number, error=said)
            return None
        if batch is None:
            self.close()
            import_jobs.finished(self._home, self.number, rows=position)
            return None
        self._upto = batch.position
        return batch

    def _open(self, position: int) -> bool:
        """Open the file after the committed rows; return False if the job has ended."""
        self.close()
        job = import_jobs.load(self._home, self.number)
        if not job.open:
            return False
        mapping = parse(job.mapping)
        self._file = staging.open_staged(self._home, self.number)
        limit = self._home.settings.max_import_bytes
        self._rows = open_rows(self._file, mapping, position, limit=limit)
        self._mapper = Mapper(
            self._home,
            mapping,
            self._rows.schema,
            import_jobs.origin(self._home, job),
            self._rows.targets,
        )
        self._upto = position
        self._most = rows_of(len(mapping.identifiers) + len(mapping.facts))
        import_jobs.started(self._home, self.number)
        return True

    def close(self) -> None:
        """Give the file and the connection back."""
        if self._mapper is not None:
            self._mapper.close()
        if self._file is not None:
            self._file.close()
        self._mapper = self._rows = self._file = None


def rows_of(said: int) -> int:
    """Return how many rows of a file make a batch at most, by how many identifiers and personal fields each has.

    Examples
    --------
    >>> rows_of(0), rows_of(2), rows_of(8)
    (800000, 400000, 100000)
    """
    return max(1, _SAID // max(1, said))


def _kind_of(error: Exception) -> str:
    """Return what broke without its words: they may hold a value of the file."""
    return f"the file can't be read further ({type(error).__name__})"


class Feeds:
    """The feeds besides the journal, for the worker: what apps say, what an undone import gives back, the oldest open one, what is to be replayed."""

    def __init__(self) -> None:
        self._import: ImportFeed | None = None
        self._replay: ReplayFeed | None = None
        self._own: OwnFeed | None = None

    def __call__(self, home: Home, parser: Parser) -> Sequence[Feed]:
        """Return the feeds that may have something."""
        if self._replay is None:
            import_jobs.tidy(home)
            self._replay = ReplayFeed(home, parser)
        self._own = self._own or OwnFeed(home)
        number = import_jobs.next_open(home)
        if self._import is not None and self._import.number != number:
            self._import.close()
            self._import = None
        if number is None:
            return [self._own, RepeatFeed(home), self._replay]
        self._import = self._import or ImportFeed(home, number)
        return [self._own, RepeatFeed(home), self._import, self._replay]

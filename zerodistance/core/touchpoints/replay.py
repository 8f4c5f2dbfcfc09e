"""Replay: refused rows that were asked for again, as a feed. What fits now is committed once; what does not stays, with its new reason."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import pyarrow as pa
from sqlalchemy import select, update

from zerodistance.core.touchpoints import csv_lines, import_jobs, store, wire
from zerodistance.core.touchpoints.contracts import Batch, Refuse
from zerodistance.core.touchpoints.json_objects import NotARow, by_name, read_object
from zerodistance.core.touchpoints.ledger import QUARANTINE
from zerodistance.core.touchpoints.mapper import Mapper, row_of
from zerodistance.core.touchpoints.mapping import Mapping, MappingWrong, parse
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.pieces import Piece
from zerodistance.core.touchpoints.sent import Sent
from zerodistance.core.touchpoints.texts import codec
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home

FEED = "replay"
_MOST = 2_000  # own value: rows taken up in one commit
_FORMS = 'allowed are {"values": {column: text}} and {"line": text}'

Failed = dict[int, tuple[str, str]]
"""Quarantine id -> reason and detail of rows that are still refused."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of the quarantine that was asked for again, opened."""

    id: int
    source: int
    feed: str
    place: str
    raw: bytes
    at: int


class ReplayFeed:
    """The rows that somebody asked to be replayed, oldest first."""

    def __init__(self, home: Home, parser: Parser) -> None:
        self._home, self._parser = home, parser

    def next(self, most: int) -> Batch | None:
        """Return what can be taken in now, at most `most` rows of one feed; None if nothing waits."""
        while rows := self._waiting(min(most, _MOST)):
            if rows[0].feed.startswith("import:"):
                batch, failed = self._imported(rows)
            else:
                batch, failed = self._collected(rows)
            self._still(failed)
            good = [row.id for row in rows if row.id not in failed]
            if batch is None or not good:
                continue
            batch.feed, batch.position, batch.replayed = FEED, max(good), good
            batch.refuse = _as_it_came(batch.refuse, rows[0].feed)
            return batch
        return None

    def _waiting(self, most: int) -> list[Waiting]:
        q = store.quarantine
        columns = (q.c.id, q.c.source, q.c.feed, q.c.place, q.c.raw, q.c.at)
        query = (
            select(*columns)
            .where(q.c.asked_at.is_not(None), q.c.replayed_at.is_(None))
            .order_by(q.c.asked_at, q.c.id)
        )
        with self._home.state.read() as tx:
            found = tx.execute(query.limit(most)).all()
        same = [row for row in found if row.feed == found[0].feed]
        return [
            Waiting(r.id, r.source, r.feed, r.place, self._home.seal.open(r.raw, QUARANTINE), r.at)
            for r in same
        ]

    def _still(self, failed: Failed) -> None:
        q = store.quarantine
        with self._home.state.write() as tx:
            for number, (reason, detail) in failed.items():
                tx.execute(
                    update(q).where(q.c.id == number).values(asked_at=None, reason=reason, detail=detail)
                )

    def _collected(self, rows: Sequence[Waiting]) -> tuple[Batch | None, Failed]:
        sent, failed = [_sent(row) for row in rows], Failed()
        batch = self._parser.parse(sent)
        if not batch.refused:
            return batch, failed
        for one in sent:
            refused = self._parser.parse([one]).refused
            if refused:
                failed[one.id] = (refused[0].reason, refused[0].detail)
        good = [one for one in sent if one.id not in failed]
        return (self._parser.parse(good) if good else None), failed

    def _imported(self, rows: Sequence[Waiting]) -> tuple[Batch | None, Failed]:
        number = int(rows[0].feed.partition(":")[2])
        try:
            job = import_jobs.load(self._home, number)
        except NotFound:
            return None, {row.id: ("bad_row", f"the import {number} is not known any more") for row in rows}
        mapping, names, failed = parse(job.mapping), [name for name, _ in job.columns], Failed()
        values: dict[int, dict[str, str | None]] = {}
        for row in rows:
            found = _values(row.raw, names, mapping)
            if isinstance(found, str):
                failed[row.id] = ("bad_row", found)
            else:
                values[row.id] = found
        ids = {row_of(row.place): row.id for row in rows if row.id in values}
        if not ids:
            return None, failed
        table = pa.table(
            {name: pa.array([values[i][name] for i in ids.values()], pa.large_string()) for name in names}
        )
        targets = {name: kind for name, kind in job.columns if kind != "VARCHAR"}
        try:
            mapper = Mapper(self._home, mapping, table.schema, import_jobs.origin(self._home, job), targets)
        except MappingWrong as error:
            return None, {row.id: ("bad_row", error.message("en")) for row in rows}
        try:
            piece = Piece(table, np.array(list(ids), np.int64), [], 0)
            batch = mapper.map(piece, FEED)
        finally:
            mapper.close()
        for refused in batch.refused:
            failed[ids[row_of(refused.place)]] = (refused.reason, refused.detail)
        batch.refused = []
        return batch, failed


def _as_it_came(refuse: Refuse | None, feed: str) -> Refuse | None:
    """Return how a row is refused whose commit failed: as one of the feed that it came by first."""
    return None if refuse is None else lambda *said: replace(refuse(*said), feed=feed)


def _sent(row: Waiting) -> Sent:
    """Return a refused event as a request of its own; a refused body as it was."""
    if row.place == "body" or row.place in wire.TYPES:
        route = "batch" if row.place == "body" else row.place
        return Sent(row.id, row.source, route, row.at, row.raw, FEED)
    return Sent(row.id, row.source, "batch", row.at, b'{"batch":[' + row.raw + b"]}", FEED)


def _values(raw: bytes, names: Sequence[str], mapping: Mapping) -> dict[str, str | None] | str:
    """Return the cells of a refused row by column, or why it has none."""
    try:
        kept = msgspec.json.decode(raw, type=dict[str, str | dict[str, str | None]])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"the row is not JSON of our form; {_FORMS}"
    given = kept.get("values")
    if isinstance(given, dict):
        unknown = sorted(set(given) - set(names))
        if unknown:
            return f"the file has no column {unknown[0]}"
        return {name: given.get(name) for name in names}
    line = kept.get("line")
    if not isinstance(line, str):
        try:
            line = base64.b64decode(str(kept.get("line_base64", ""))).decode(codec(mapping.encoding))
        except (binascii.Error, UnicodeDecodeError):
            return f"the row is not {mapping.encoding}"
    if not line:
        return f"the row holds nothing; {_FORMS}"
    return _fields(line, names) if mapping.format in ("json", "ndjson") else _cells(line, names, mapping)


def _fields(line: str, names: Sequence[str]) -> dict[str, str | None] | str:
    try:
        return by_name(read_object(line), names)
    except NotARow as error:
        return str(error)


def _cells(line: str, names: Sequence[str], mapping: Mapping) -> dict[str, str | None] | str:
    if csv_lines.ends_inside(line.encode(), False, mapping.csv):
        return csv_lines.UNCLOSED
    found = csv_lines.cells(line.encode(), mapping.csv)
    if found is None or len(found) != len(names):
        return f"the row has {len(found or ())} columns, the file has {len(names)}"
    return dict(zip(names, found, strict=True))

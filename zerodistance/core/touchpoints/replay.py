"""Replay: refused rows that were asked for again, as a feed. What fits now is committed once; what does not stays, with its new reason."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec
import numpy as np
import pyarrow as pa
from sqlalchemy import select, update

from zerodistance.core.touchpoints import bodies, csv_lines, import_jobs, kept, store, wire
from zerodistance.core.touchpoints.contracts import Batch, Refuse
from zerodistance.core.touchpoints.details import field_of
from zerodistance.core.touchpoints.json_objects import NotARow, by_name, read_object
from zerodistance.core.touchpoints.mapper import Mapper, row_of
from zerodistance.core.touchpoints.mapping import Mapping, MappingWrong, parse
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.pieces import Piece
from zerodistance.core.touchpoints.sent import Sent
from zerodistance.core.touchpoints.texts import codec
from zerodistance.kernel.errors import NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home

FEED = "replay"
_MOST = 2_000  # own value: rows taken up in one commit
_BYTES = 32 << 20  # own value: bytes of rows taken up in one commit
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
    remapping: int | None = None


class ReplayFeed:
    """The rows that somebody asked to be replayed, oldest first."""

    def __init__(self, home: Home, parser: Parser) -> None:
        self._home, self._parser = home, parser

    def next(self, most: int) -> Batch | None:
        """Return what can be taken in now, at most `most` rows of one feed; None if nothing waits."""
        while rows := self._waiting(min(most, _MOST)):
            batch, failed = self.judge(rows)
            self._still(failed)
            good = [row.id for row in rows if row.id not in failed]
            if batch is None or not good:
                continue
            batch.feed, batch.position, batch.replayed = FEED, max(good), good
            batch.refuse = _as_it_came(batch.refuse, rows[0].feed)
            return batch
        return None

    def judge(self, rows: Sequence[Waiting], mapping: str | None = None) -> tuple[Batch | None, Failed]:
        """Return what rows that are `alike` would become, and which of them are refused again; nothing is written.

        Parameters
        ----------
        mapping
            TOML under which rows of an import are read instead of their own.
        """
        if rows[0].feed.startswith("import:"):
            return self._imported(rows, mapping)
        return self._collected(rows)

    def _waiting(self, most: int) -> list[Waiting]:
        q = store.quarantine
        query = (
            select(*WAITING)
            .where(q.c.asked_at.is_not(None), q.c.replayed_at.is_(None), q.c.dismissed_at.is_(None))
            .order_by(q.c.asked_at, q.c.id)
        )
        waiting: list[Waiting] = []
        size = 0
        with self._home.state.read() as tx:
            for r in tx.execute(query.limit(most).execution_options(yield_per=50)):
                if waiting and (size > _BYTES or not alike(r, waiting[0])):
                    break
                waiting.append(opened(self._home, r))
                size += len(waiting[-1].raw)
        return waiting

    def _still(self, failed: Failed) -> None:
        q = store.quarantine
        with self._home.state.write() as tx:
            for number, (reason, detail) in failed.items():
                said = {"reason": reason, "detail": detail, "field": field_of(detail)}
                tx.execute(update(q).where(q.c.id == number).values(asked_at=None, **said))

    def _collected(self, rows: Sequence[Waiting]) -> tuple[Batch | None, Failed]:
        self._parser.look()
        sent, failed = {row.id: _sent(row) for row in rows}, Failed()
        batch = self._parser.parse(list(sent.values()))
        for refused in batch.refused:
            failed.setdefault(cast(int, refused.row), (refused.reason, refused.detail))
        good = [one for number, one in sent.items() if number not in failed]
        if failed and len(rows) > 1:
            return (self._parser.parse(good) if good else None), failed
        if (
            failed and batch.touches.num_rows
        ):  # a body of which some is good: the rest becomes rows of its own
            batch.refused = [replace(one, feed=rows[0].feed) for one in batch.refused]
            return batch, Failed()
        return (batch if good else None), failed

    def _imported(self, rows: Sequence[Waiting], text: str | None) -> tuple[Batch | None, Failed]:
        number = int(rows[0].feed.partition(":")[2])
        try:
            job = import_jobs.load(self._home, number)
        except NotFound:
            return None, {row.id: ("bad_row", f"the import {number} is not known any more") for row in rows}
        if text is None:
            text = job.mapping if rows[0].remapping is None else _remapped(self._home, rows[0].remapping)
        mapping, names, failed = parse(text), [name for name, _ in job.columns], Failed()
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


WAITING = tuple(
    store.quarantine.c[name] for name in ("id", "source", "feed", "place", "raw", "at", "remapping")
)
"""The columns that `opened` reads."""


def opened(home: Home, row: Any) -> Waiting:
    """Return a row of the quarantine with what it holds; a body that was kept as it came, packed by its client, is unpacked."""
    raw = kept.open(home.seal, row.raw)
    if row.place == "body":
        try:
            raw = bodies.unpack(raw, bodies.encoding_of(raw), home.settings.max_body_bytes)
        except ZeroDistanceError:
            pass
    return Waiting(row.id, row.source, row.feed, row.place, raw, row.at, row.remapping)


def alike(row: Any, first: Waiting) -> bool:
    """Say whether rows can be taken up together: by one feed, under one mapping, and neither is a whole body."""
    return bool(
        row.feed == first.feed and row.remapping == first.remapping and "body" not in (row.place, first.place)
    )


def _remapped(home: Home, number: int) -> str:
    with home.state.read() as tx:
        r = store.remapping
        return str(tx.execute(select(r.c.mapping).where(r.c.number == number)).scalar_one())


def _as_it_came(refuse: Refuse | None, feed: str) -> Refuse | None:
    """Return how a row is refused whose commit failed: as one of the feed that it came by first."""
    return None if refuse is None else lambda *said: replace(refuse(*said), feed=feed)


def _sent(row: Waiting) -> Sent:
    """Return a refused event as a request of its own; a refused body as it was."""
    if row.place == "body" or row.place in wire.TYPES:
        return Sent(row.id, row.source, "batch" if row.place == "body" else row.place, row.at, row.raw, FEED)
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

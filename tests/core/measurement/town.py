"""A home whose people are said outright: subjects, whose they are, and what they did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pyroaring import BitMap
from sqlalchemy import delete, insert, update

from zerodistance.core.identity import store as identity_store
from zerodistance.core.touchpoints import store as touchpoints_store
from zerodistance.core.touchpoints.contracts import TOUCHES
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home

NOW = datetime(2026, 11, 1, 2, tzinfo=UTC)
_ROW = {"namespace": 1, "person_from": 0, "first_at": 0, "seen_at": 0, "shared": 0, "batch": 1}


class Town:
    """Persons and their subjects in the state store, their touches in the lake."""

    def __init__(self, home: Home) -> None:
        self.home, self.batch = home, 0

    def settle(self, of: Iterable[tuple[int, int]]) -> None:
        """Add subjects, (subject, person)."""
        rows = [{"number": s, "person": p, "token": s.to_bytes(16, "big"), **_ROW} for s, p in of]
        with self.home.state.write() as tx:
            tx.execute(insert(identity_store.subject), rows)

    def move(self, subject: int, person: int) -> None:
        """Let a subject belong to somebody else."""
        s = identity_store.subject
        with self.home.state.write() as tx:
            tx.execute(update(s).where(s.c.number == subject).values(person=person))

    def leave(self, subject: int) -> None:
        """Let a subject be forgotten by identity."""
        s = identity_store.subject
        with self.home.state.write() as tx:
            tx.execute(delete(s).where(s.c.number == subject))

    def did(self, *touches: dict[str, Any]) -> None:
        """Put touches into the log: subject, kind, at, and other columns."""
        self.batch += 1
        rows = []
        for n, one in enumerate(touches):
            at = one.pop("at", NOW)
            times = dict.fromkeys(("happened_at", "original_at", "received_at", "known_at"), at)
            own = {
                "batch": self.batch,
                "row": n,
                "source": 1,
                "source_id": f"{self.batch}-{n}",
                "month": "2026-11",
            }
            rows.append(dict.fromkeys(TOUCHES.names) | times | own | one)
        table = pa.Table.from_pylist(rows, schema=TOUCHES)
        self.home.lake.append("touches", table, app="touches", version=self.batch, partition_by="month")


def said(home: Home) -> pa.Table:
    """Return what was said as touches of our own."""
    with home.state.read() as tx:
        rows: Sequence[Any] = tx.execute(touchpoints_store.own_touch.select()).all()
    return pa.concat_tables([pa.ipc.open_stream(row.rows).read_all() for row in rows])


def some(*numbers: int) -> BitMap:
    """Return a set of persons."""
    return BitMap(numbers)


def frozen(at: datetime = NOW) -> Any:
    """Stop the clock."""
    return clock.freeze(at)

"""Table of the senders that are at work, and its queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, delete, insert, select, update

from zerodistance.kernel.state import Number, metadata

sender = Table(
    "outreach_sender",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""Who hands messages over; one that has not said for a while that it lives is dead."""


def begin(tx: Connection, host: str, pid: int, now: int) -> int:
    """Give a sender its number."""
    made = tx.execute(
        insert(sender).values(host=host, pid=pid, begun_at=now, beat_at=now)
    ).inserted_primary_key
    assert made is not None
    return int(made[0])


def beat(tx: Connection, numbers: Sequence[int], now: int) -> int:
    """Say that senders live; return how many of them are registered."""
    living = update(sender).where(sender.c.number.in_(list(numbers))).values(beat_at=now)
    return tx.execute(living).rowcount


def end(tx: Connection, numbers: Iterable[int]) -> None:
    """Forget senders that are no more."""
    tx.execute(delete(sender).where(sender.c.number.in_(list(numbers))))


def living(tx: Connection) -> list[Mapping[str, Any]]:
    """Return the senders that are registered."""
    return [dict(row) for row in tx.execute(select(sender).order_by(sender.c.number)).mappings()]

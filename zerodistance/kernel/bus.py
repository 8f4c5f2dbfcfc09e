"""The bus: events are said into an outbox inside the transaction they belong to, and delivered to a plain table of handlers.

`HANDLERS = {Event: verb}` in a room's `handlers.py` says what it hears. Delivery is at least once and in order; a
handler is idempotent by the event's id. Every event carries the id of its cause, so that a flow can be traced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Table,
    Text,
    delete,
    insert,
    select,
    text,
    update,
)

from zerodistance.kernel import clock, fault, spans
from zerodistance.kernel.logs import bound, log
from zerodistance.kernel.state import Number, metadata

if TYPE_CHECKING:
    from zerodistance.kernel.home import Home

outbox = Table(
    "outbox",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("topic", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("cause", Text, nullable=True),
    Column("said_at", BigInteger, nullable=False),
    Column("delivered_at", BigInteger, nullable=True, index=True),
    Column("tries", Integer, nullable=False, default=0),
    Column("last_error", Text, nullable=True),
    sqlite_autoincrement=True,
)
KEEP_DAYS = 30  # own value: how long delivered events can be traced


@dataclass(frozen=True)
class Event:
    """The base of every message between rooms; a subclass names its topic and version.

    An event about many persons names a set, never a row each.
    """

    topic: ClassVar[str] = ""
    version: ClassVar[int] = 1


Handler = Callable[["Home", Event, str], None]
"""A verb that hears an event: home, event, and the event's own id as the cause of whatever it says."""


@dataclass(frozen=True)
class Said:
    """One event as it stands in the outbox."""

    id: int
    topic: str
    version: int
    body: dict[str, Any]
    cause: str | None
    said_at: int
    delivered_at: int | None
    tries: int
    last_error: str | None


def say(tx: Connection, event: Event, cause: str | None = None) -> str:
    """Put an event into the outbox, in the transaction of what it tells; return its id, `e<number>`."""
    row = {
        "topic": event.topic,
        "version": event.version,
        "body": msgspec.json.encode(asdict(event)).decode(),
        "cause": cause,
        "said_at": clock.micros(),
        "tries": 0,
    }
    key = tx.execute(insert(outbox).values(row)).inserted_primary_key
    assert key is not None
    return f"e{key[0]}"


class Bus:
    """Delivers the outbox.

    Parameters
    ----------
    handlers
        Which verbs hear which event; put together by compose from every room's table.
    """

    def __init__(self, home: Home, handlers: Mapping[type[Event], Sequence[Handler]]) -> None:
        self._home = home
        self._handlers = handlers
        self._types = {(event.topic, event.version): event for event in handlers}

    def deliver(self, limit: int = 1_000) -> int:
        """Deliver up to `limit` waiting events in order; return how many were delivered.

        A handler that raises leaves its event waiting, with the error and the number of tries; the next call tries again.
        """
        with self._home.state.read() as tx:
            waiting = said(tx, "delivered_at is null", limit=limit)
        done = 0
        for item in waiting:
            try:
                self._hand_over(item)
            except Exception as error:
                log("bus").error(
                    "handler_failed", said=f"e{item.id}", topic=item.topic, error=type(error).__name__
                )
                with self._home.state.write() as tx:
                    tx.execute(
                        update(outbox)
                        .where(outbox.c.id == item.id)
                        .values(tries=item.tries + 1, last_error=f"{type(error).__name__}: {error}"[:500])
                    )
                break
            fault.point("bus.handled")
            with self._home.state.write() as tx:
                tx.execute(
                    update(outbox)
                    .where(outbox.c.id == item.id)
                    .values(delivered_at=clock.micros(), tries=item.tries + 1)
                )
            done += 1
        return done

    def _hand_over(self, item: Said) -> None:
        kind = self._types.get((item.topic, item.version))
        if kind is None:
            return
        event, key = msgspec.convert(item.body, kind), f"e{item.id}"
        cause = item.cause or ""
        told = spans.span("event", key, links=[cause] if cause else (), topic=item.topic, cause=cause)
        with bound(event_id=key, cause=cause), told:
            for handler in self._handlers[kind]:
                handler(self._home, event, key)

    def hears(self) -> list[tuple[str, int, str]]:
        """Return who hears what: topic, version and the handler's dotted name."""
        return sorted(
            (event.topic, event.version, f"{handler.__module__}.{handler.__qualname__}")
            for event, handlers in self._handlers.items()
            for handler in handlers
        )


def said(tx: Connection, where: str = "1 = 1", *, limit: int = 1_000, **bound: Any) -> list[Said]:
    """Return events of the outbox in the order they were said; `where` is SQL with bound names."""
    rows = tx.execute(select(outbox).where(text(where)).order_by(outbox.c.id).limit(limit), bound).mappings()
    return [Said(**{**row, "body": msgspec.json.decode(row["body"])}) for row in rows]


def prune(tx: Connection) -> int:
    """Remove delivered events older than `KEEP_DAYS`; return how many."""
    before = clock.micros() - KEEP_DAYS * clock.MICROS_PER_DAY
    return tx.execute(delete(outbox).where(outbox.c.delivered_at < before)).rowcount

"""Accepted requests and the events in them, still raw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import repeat

import numpy as np
import numpy.typing as npt

from zerodistance.core.touchpoints import wire
from zerodistance.core.touchpoints.contracts import Refused

FEED = "journal"


@dataclass(frozen=True, slots=True)
class Sent:
    """One accepted request.

    Attributes
    ----------
    id
        Of the row that holds it.
    received_at
        Microseconds UTC.
    body
        After decompression.
    feed
        The feed whose row `id` is.
    """

    id: int
    source: int
    route: str
    received_at: int
    body: bytes
    feed: str = FEED


@dataclass(slots=True)
class Parts:
    """Events that are still raw, in parallel lists."""

    raw: list[bytes] = field(default_factory=list)
    route: list[str] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    sent: list[str | None] = field(default_factory=list)
    row: list[Sent] = field(default_factory=list)
    place: list[int] = field(default_factory=list)

    def keep(self, good: npt.NDArray[np.bool_]) -> None:
        """Drop the events that are not good, from every list."""
        at = np.flatnonzero(good).tolist()
        for column in fields(self):
            values: list[object] = getattr(self, column.name)
            values[:] = [values[i] for i in at]

    def only(self, chosen: Sequence[int]) -> Parts:
        """Return some of the events."""
        return Parts(*([getattr(self, column.name)[i] for i in chosen] for column in fields(self)))


def take_apart(row: Sent, parts: Parts, refused: list[Refused], counts: Counter[tuple[int, str]]) -> None:
    """Add the events of a request to `parts`; a body that holds none that can be read is refused whole."""
    route = row.route
    sent: str | None = None
    raws: list[bytes] = [row.body]
    if route == "batch":
        try:
            body = _decoded(row, counts)
        except Exception as error:
            counts[row.source, "received"] += 1
            refused.append(
                Refused(
                    row.source, "not_json", wire.why(error), row.body, "body", row.received_at, row=row.id
                )
            )
            return
        events = wire.with_context(body.batch, body.context) if body.context else body.batch
        raws = events  # type: ignore[assignment]
        sent, unread = wire.batch_sent_at(body.sentAt)
        if unread:
            counts[row.source, "sent_at_ignored"] += 1
    n = len(raws)
    counts[row.source, "received"] += n
    parts.raw += raws
    parts.route += repeat(route, n)
    parts.source += repeat(row.source, n)
    parts.received += repeat(row.received_at, n)
    parts.sent += repeat(sent, n)
    parts.row += repeat(row, n)
    parts.place += range(n)


def _decoded(row: Sent, counts: Counter[tuple[int, str]]) -> wire.Body:
    try:
        return wire.BODY.decode(row.body)
    except wire.BROKEN:
        mended = wire.whole_letters(row.body)
        if mended is row.body:
            raise
        counts[row.source, "half_letters"] += 1
        return wire.BODY.decode(mended)


def refusal(parts: Parts, i: int, reason: str, detail: str) -> Refused:
    """Return one event as refused."""
    raw = bytes(parts.raw[i])
    place = f"message {parts.place[i]}" if parts.route[i] == "batch" else parts.route[i]
    return Refused(parts.source[i], reason, detail, raw, place, parts.received[i], row=parts.row[i].id)

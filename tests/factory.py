"""Builds batches of touches for tests, as the digest would hand them to recognition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from zerodistance.core.touchpoints.contracts import BUILT, Batch
from zerodistance.kernel import clock

START = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Touch:
    """One touch of a test: identifiers as they stand on it, when it happened, what it says.

    Attributes
    ----------
    ids
        (namespace, value) pairs, or a mapping.
    at
        Minutes after `START`, or a time.
    columns
        Typed columns such as `amount`.
    """

    ids: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    at: float | datetime = 0
    source: int = 1
    kind: str = "event"
    rule: str = "login"
    facts: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def happened_at(self) -> int:
        """Microseconds since the epoch."""
        when = self.at if isinstance(self.at, datetime) else START + timedelta(minutes=self.at)
        return clock.to_micros(when)


def touches_batch(*touches: Touch, feed: str = "journal", position: int = 0) -> Batch:
    """Return a batch of these touches; columns that a touch does not name are null or the same for all.

    Batches of different positions hold different touches; the same position twice is a repetition.
    """
    base = {
        "month": "2026-11",
        "name": "test",
        "sent_at": None,
    }
    rows = []
    for number, touch in enumerate(touches):
        at = touch.happened_at
        times = dict.fromkeys(("happened_at", "original_at", "received_at", "known_at"), at)
        own = {"source": touch.source, "source_id": f"{feed}-{position}-{number}", "kind": touch.kind}
        rows.append({**base, **times, **own, **touch.columns})
    batch = Batch(
        feed=feed,
        position=position,
        touches=pa.Table.from_pylist(rows, schema=BUILT),
        fingerprints=np.arange(1, len(touches) + 1, dtype=np.uint64) + np.uint64(position * 1_000_000),
    )
    for row, touch in enumerate(touches):
        pairs = touch.ids.items() if isinstance(touch.ids, Mapping) else touch.ids
        for namespace, value in pairs:
            batch.signs.add(row, namespace, value, touch.rule)
        for name, value in touch.facts.items():
            batch.facts.add(row, name, value)
    return batch

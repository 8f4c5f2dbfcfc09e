"""Figures that identity keeps in the state: what takes a look at everybody is counted once a night."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from zerodistance.kernel import bulk
from zerodistance.kernel.bulk import Bulk

UPSERT_FIGURE = Bulk(
    "insert into identity_figure (key, at, value) {rows} on conflict (key) do update set at = excluded.at, value = excluded.value",
    named="text", at="bigint", value="text",
)  # fmt: skip


def keep_figure(tx: Connection, key: str, at: int, value: object) -> None:
    """Keep what was counted, as JSON; it names nobody, but for `largest`, which `remove` takes away."""
    UPSERT_FIGURE.run(tx, [(key, at, json.dumps(value))])


def figure(tx: Connection, key: str) -> tuple[int, Any] | None:
    """Return when something was counted, and what."""
    rows = bulk.rows(tx, "select at, value from identity_figure where key = ?", (key,))
    return (rows[0][0], json.loads(rows[0][1])) if rows else None

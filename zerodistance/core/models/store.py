"""Table of looks at models in the state store, and its queries. Private to the room. Times are microseconds UTC; nothing in it is about a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, delete, insert, select

from zerodistance.kernel.state import metadata

model_look = Table(
    "model_look",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("model", Text, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("about", Text, nullable=False),  # base, scores or outcomes
    Column("looked_at", BigInteger, nullable=False, index=True),
    Column("signs", Text, nullable=False),  # JSON: what has drifted
    Column("said", Text, nullable=False),  # JSON: the figures
    sqlite_autoincrement=True,
)

BASE, SCORES, OUTCOMES = "base", "scores", "outcomes"


@dataclass(frozen=True)
class Look:
    """One look at a version.

    Attributes
    ----------
    about
        `base`: what those were like on whom it was evaluated; `scores`: what everybody is like now; `outcomes`: how right it was of those whose outcome is
        known by now.
    signs
        What has drifted: `scores`, `features`, `nulls`, `auc`, `calibration`.
    said
        The figures.
    """

    number: int
    model: str
    version: int
    about: str
    looked_at: int
    signs: tuple[str, ...]
    said: dict[str, Any]


def add(
    tx: Connection,
    model: str,
    version: int,
    about: str,
    at: int,
    signs: tuple[str, ...],
    said: dict[str, Any],
) -> int:
    """Keep a look; return its number."""
    row = {
        "model": model, "version": version, "about": about, "looked_at": at,
        "signs": json.dumps(signs), "said": json.dumps(said, ensure_ascii=False, allow_nan=False),
    }  # fmt: skip
    key = tx.execute(insert(model_look).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def last(tx: Connection, model: str, version: int, about: str) -> Look | None:
    """Return the last look at a version."""
    found = looks(tx, model, about, 1, version)
    return found[0] if found else None


def looks(tx: Connection, model: str, about: str, most: int, version: int | None = None) -> list[Look]:
    """Return looks at a model, the newest first."""
    table = model_look.c
    asked = select(model_look).where(table.model == model, table.about == about)
    asked = asked if version is None else asked.where(table.version == version)
    rows = tx.execute(asked.order_by(table.number.desc()).limit(most)).mappings()
    return [
        Look(
            row["number"], row["model"], row["version"], row["about"], row["looked_at"],
            tuple(json.loads(row["signs"])), json.loads(row["said"]),
        )
        for row in rows
    ]  # fmt: skip


def forget_before(tx: Connection, at: int) -> int:
    """Remove looks of before a moment, but for what versions were made on; return how many."""
    table = model_look.c
    return tx.execute(delete(model_look).where(table.looked_at < at, table.about != BASE)).rowcount

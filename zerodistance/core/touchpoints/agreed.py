"""Schemas in digestion: the events of sources that have one are looked at, and no others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from zerodistance.core.touchpoints import schemas, wire
from zerodistance.core.touchpoints.schemas import QUARANTINE, Compiled, WrongSchema
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

Breaches = Counter[tuple[int, str, str, str]]
"""(source number, type, name of the schema, reason) -> events."""

LOOK_SECONDS = 1.0  # a schema that was set or removed holds for what is digested after this time
_UNREAD = "/ can't be read by its schema"


class Agreed:
    """The schemas of every source, made ready once and again when they change."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._looked_at = float("-inf")
        self._made: dict[str, Compiled | None] = {}
        self._table: dict[tuple[int, str, str], tuple[str, Compiled]] = {}
        self._sources: list[int] = []

    def look(self, *, now: bool = False) -> None:
        """Read the schemas if that was a second ago, or `now`."""
        if not now and time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        rows = schemas.rows(self._home)
        self._made = {row["text"]: self._compiled(row["text"]) for row in rows}
        self._table = {
            (row["source"], row["type"], row["name"]): (row["mode"], made)
            for row in rows
            if (made := self._made[row["text"]]) is not None
        }
        self._sources = sorted({source for source, _, _ in self._table})

    def _compiled(self, text: str) -> Compiled | None:
        if text in self._made:
            return self._made[text]
        try:
            return Compiled(text)
        except (
            WrongSchema
        ) as error:  # it was good when it was set; a later version of the library may see it otherwise
            log("digest").error("schema_unusable", why=error.message("en"))
            return None

    def judge(self, events: Iterable[tuple[int, str, str, bytes]]) -> tuple[dict[int, str], Breaches]:
        """Return which events are to be refused, place -> reason, and how often each observed schema was broken.

        Parameters
        ----------
        events
            Source number, type, name, and the event as it was sent.
        """
        refused: dict[int, str] = {}
        seen: Breaches = Counter()
        for i, (source, type, name, raw) in enumerate(events):
            at, found = self._meant(source, type, name)
            if found is None:
                continue
            reason = _reason(found[1], raw, type)
            if reason is not None and found[0] == QUARANTINE:
                refused[i] = reason
            elif reason is not None:
                seen[source, type, at, reason] += 1
        return refused, seen

    def concerned(self, source: Sequence[int]) -> list[int]:
        """Return the places of events whose source has a schema."""
        if not self._sources:
            return []
        places: list[int] = np.flatnonzero(np.isin(np.array(source), self._sources)).tolist()
        return places

    def _meant(self, source: int, type: str, name: str) -> tuple[str, tuple[str, Compiled] | None]:
        found = self._table.get((source, type, name))
        return (name, found) if found is not None else ("", self._table.get((source, type, "")))


def _reason(schema: Compiled, raw: bytes, type: str) -> str | None:
    try:
        event = msgspec.json.decode(raw)
    except (*wire.BROKEN, msgspec.ValidationError):
        return _UNREAD
    if isinstance(event, dict):
        event.setdefault("type", type)
    return schema.broken(event)

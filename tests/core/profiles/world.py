"""A small world with its own idea of who is who, and a plain-Python oracle for every tag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.profiles import rules
from zerodistance.core.profiles.contracts import VISITORS_FROM, Bands, Dimension, Values
from zerodistance.core.touchpoints.contracts import TOUCHES
from zerodistance.kernel import clock

EPOCH = datetime(1970, 1, 1).date()


def touch(
    batch: int, row: int, subject: int | None, kind: str, at: datetime, **columns: Any
) -> dict[str, Any]:
    """Return one touch as a dictionary of the columns of `TOUCHES`."""
    moments = dict.fromkeys(("happened_at", "original_at", "sent_at", "received_at", "known_at"), at)
    empty = dict.fromkeys(TOUCHES.names)
    return {
        **empty, **moments, "batch": batch, "row": row, "source": 1, "source_id": f"{batch}:{row}", "kind": kind,
        "subject": subject, "month": "2026-11", **columns,
    }  # fmt: skip


def table(touches: Sequence[dict[str, Any]]) -> pa.Table:
    """Return touches as an Arrow table."""
    return pa.Table.from_pylist(list(touches), schema=TOUCHES)


@dataclass
class Crowd:
    """Identity as a dictionary: subject -> number, with a list of what changed."""

    of: dict[int, int] = field(default_factory=dict)
    log: list[tuple[int, int]] = field(default_factory=list)
    told: dict[tuple[int, str], str] = field(default_factory=dict)
    said: int = 0

    def move(self, subject: int, number: int) -> None:
        """Give a subject to a person, new or another one."""
        old = self.of.get(subject)
        self.of[subject] = number
        if old is not None and old != number:
            self.log.append((old, number))

    def version(self) -> int:
        return len(self.log)

    def decided(self) -> int:
        return self.said

    def changed(self, since: int) -> npt.NDArray[np.int64]:
        return np.array([n for pair in self.log[since:] for n in pair], np.int64)

    def numbers_of(self, subjects: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.array([self.of.get(int(s), 0) for s in subjects], np.int64)

    def pairs(self, numbers: npt.NDArray[np.int64] | None) -> pa.Table:
        wanted = None if numbers is None else set(numbers.tolist())
        rows = [(s, n) for s, n in self.of.items() if wanted is None or n in wanted]
        return pa.table(
            {
                "subject": pa.array([s for s, _ in rows], pa.int64()),
                "number": pa.array([n for _, n in rows], pa.int64()),
            }
        )

    def facts(self, numbers: npt.NDArray[np.int64] | None) -> pa.Table:
        wanted = None if numbers is None else set(numbers.tolist())
        here = set(self.of.values())
        rows = [(n, f, v) for (n, f), v in self.told.items() if n in here and (wanted is None or n in wanted)]
        return pa.table(
            {
                "number": pa.array([r[0] for r in rows], pa.int64()),
                "fact": pa.array([r[1] for r in rows], pa.string()),
                "value": pa.array([r[2] for r in rows], pa.string()),
            }
        )


def day(at: datetime, zone: str) -> int:
    """Return the local day of a moment."""
    return (at.astimezone(ZoneInfo(zone)).date() - EPOCH).days


def value(
    dimension: Dimension, number: int, touches: Sequence[dict[str, Any]], crowd: Crowd, today: int, home: Any
) -> float | str | None:
    """Return the value of one dimension for one person, worked out the slow way."""
    verb, of = dimension.parsed.verb, dimension.parsed.of
    if dimension.of.name == "facts":
        told = crowd.told.get((number, of))
        if verb == "fact" or told is None:
            return told
        return float(told) if told.isdigit() else None
    zone, window = home.settings.zone, dimension.of.days
    mine = []
    for t in touches:
        d = day(t["happened_at"], zone)
        inside = t["subject"] is not None and crowd.of.get(t["subject"]) == number and d <= today
        if inside and rules.is_of(t["kind"], dimension.of) and (window is None or d > today - window):
            mine.append((d, t))
    micros = {id(t): clock.to_micros(t["happened_at"]) for _, t in mine}
    named = [(d, t) for d, t in mine if verb in ("first", "last", "most", "distinct") and t[of] is not None]
    match verb:
        case "count":
            return float(len(mine))
        case "sum":
            units = {"quantity": 1_000, "amount": 10_000, "duration": 1_000}[of]
            ours = [
                t
                for _, t in mine
                if of != "amount" or t["currency"] is None or t["currency"] == home.settings.currency
            ]
            return sum(round(t[of] * units) for t in ours if t[of] is not None) / units
        case "days":
            return float(len({d for d, _ in mine}))
        case "distinct":
            return float(len({t[of] for _, t in named}))
        case "last":
            return max(((micros[id(t)], t[of]) for _, t in named), default=(0, None))[1]
        case "first":
            return min(((micros[id(t)], t[of]) for _, t in named), default=(0, None))[1]
        case "most":
            many = Counter(t[of] for _, t in named)
            latest = {t[of]: max(micros[id(u)] for _, u in named if u[of] == t[of]) for _, t in named}
            return max(((n, latest[k], k) for k, n in many.items()), default=(0, 0, None))[2]
        case "age":
            days = [d for d, _ in mine]
            return None if not days else float(today - (min(days) if of == "first" else max(days)))
        case "year":
            days = [d for d, _ in mine]
            edge = None if not days else (min(days) if of == "first" else max(days))
            return None if edge is None else float(np.datetime64(edge, "D").astype(object).year)
        case "share":
            return 100.0 * sum(t["kind"] == of for _, t in mine) / len(mine) if mine else None
    raise AssertionError(verb)


def node(dimension: Dimension, found: float | str | None) -> str | None:
    """Return the node of a value."""
    if found is None:
        return None
    if isinstance(dimension.nodes, Values):
        return None if dimension.nodes.closed and found not in dimension.nodes.labels else str(found)
    assert isinstance(dimension.nodes, Bands) and isinstance(found, float)
    below = [key for low, key, _ in dimension.nodes.bands if low <= found]
    return below[-1] if below else None


def is_person(number: int) -> bool:
    """Say whether a number is a person's."""
    return number < VISITORS_FROM

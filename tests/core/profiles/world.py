"""A small world with its own idea of who is who, and a plain-Python oracle for every tag."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.identity.then import THEN
from zerodistance.core.profiles import rules
from zerodistance.core.profiles.contracts import VISITORS_FROM, Bands, Dimension, Values
from zerodistance.core.profiles.rollup import Rollup
from zerodistance.core.profiles.values import Value
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
    counted: int = 0
    held: list[tuple[int, int, int]] = field(default_factory=list)
    """From when on (microseconds) which subject was whose, in order; a subject that is not in it has always been whose it is."""

    def move(self, subject: int, number: int) -> None:
        """Give a subject to a person, new or another one."""
        old = self.of.get(subject)
        self.of[subject] = number
        self.held.append((clock.micros(), subject, number))
        if old is not None and old != number:
            self.log.append((old, number))

    def version(self) -> int:
        return len(self.log)

    def decided(self) -> int:
        return self.said

    def settled(self) -> int:
        return self.counted

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

    def then(self, at: int, subject: int | None = None) -> pa.Table:
        was = self.as_of(at)
        rows = [(s, was.get(s, n), n, s in was) for s, n in sorted(self.of.items())]
        if subject is not None:
            mine = next((row[1] for row in rows if row[0] == subject), None)
            rows = [row for row in rows if row[1] == mine]
        return pa.Table.from_pylist([dict(zip(THEN.names, row, strict=True)) for row in rows], schema=THEN)

    def as_of(self, at: int) -> dict[int, int]:
        """Return subject -> number as it was at a moment, of those who were there."""
        moved = {s for _, s, _ in self.held}
        found = {s: n for s, n in self.of.items() if s not in moved}
        return found | {s: n for moment, s, n in self.held if moment <= at and s in self.of}


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
        inside = inside and all(t[column] in text.split("|") for column, text in dimension.of.where)
        if inside and rules.is_of(t["kind"], dimension.of) and (window is None or d > today - window):
            mine.append((d, t))
    micros = {id(t): clock.to_micros(t["happened_at"]) for _, t in mine}
    if verb in Value.PAIRED:
        spelt = [(d, {**t, of: word(of, d, t)}) for d, t in mine]
        named = [(d, t) for d, t in spelt if t[of] is not None]
        micros |= {id(t): clock.to_micros(t["happened_at"]) for _, t in named}
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
            column, _, text = of.partition("=") if "=" in of else ("kind", "=", of)
            return 100.0 * sum(word(column, d, t) == text for d, t in mine) / len(mine) if mine else None
        case "focus":
            many = Counter(t[of] for _, t in named)
            return 100.0 * max(many.values()) / len(named) if named else None
        case "mean" | "max":
            some = [
                t
                for _, t in mine
                if t[of] is not None and (of != "amount" or t["currency"] in (None, home.settings.currency))
            ]
            found = [round(t[of] * (10_000 if of == "amount" else 1_000)) for t in some]
            result = max(found, default=0) if verb == "max" else sum(found) / max(len(found), 1)
            return result / (10_000 if of == "amount" else 1_000) if found else None
        case _:
            return _of_days(verb, of, mine, today, window, zone)


def _of_days(
    verb: str, of: str, mine: Sequence[tuple[int, dict[str, Any]]], today: int, window: int | None, zone: str
) -> float | str | None:
    days = sorted({d for d, _ in mine})
    steps = [b - a for a, b in itertools.pairwise(days)]
    match verb:
        case "span":
            return float(days[-1] - days[0]) if days else None
        case "gap":
            return float(median(steps) if of == "median" else max(steps)) if steps else None
        case "trend":
            assert window is not None
            later = sum(1 if d > today - window // 2 else -1 for d, _ in mine)
            return 100.0 * later / len(mine) if mine else None
        case "lag":
            begun = min((d for d, t in mine if t["kind"] == of), default=None)
            after = [d for d, t in mine if t["kind"] != of and begun is not None and d >= begun]
            return float(min(after) - begun) if begun is not None and after else None
        case "usual":
            begins = {d: min(t["happened_at"] for e, t in mine if e == d) for d in days}
            hours = {d: begins[d].astimezone(ZoneInfo(zone)).hour for d in days}
            many = Counter(hours.values())
            latest = {hour: max(d for d in days if hours[d] == hour) for hour in many}
            return max(((n, latest[h], f"{h:02d}") for h, n in many.items()), default=(0, 0, None))[2]
    raise AssertionError(verb)


def word(column: str, day: int, t: dict[str, Any]) -> str | None:
    """Return what stands in a column of a touch, in the calendar of its day, or in a pair of both."""
    if "+" in column:
        both = [word(one, day, t) for one in column.split("+")]
        return None if None in both else ":".join(map(str, both))
    date = EPOCH + timedelta(days=day)
    calendar = {
        "month": f"{date:%Y-%m}",
        "year": f"{date:%Y}",
        "season": f"{date:%m}",
        "weekday": str(date.isoweekday()),
    }
    return calendar[column] if column in calendar else t[column]


def node(dimension: Dimension, found: float | str | None) -> str | None:
    """Return the node of a value."""
    if found is None:
        return None
    if isinstance(dimension.nodes, Values):
        return (
            None if dimension.nodes.closed and found not in dimension.nodes.labels else rules.leaf(str(found))
        )
    assert isinstance(dimension.nodes, Bands) and isinstance(found, float)
    below = [key for low, key, _ in dimension.nodes.bands if low <= found]
    return below[-1] if below else None


def inner(dimension: Dimension, at: dict[str, set[int]], rollup: Rollup) -> dict[str, set[int]]:
    """Return who is at the inner nodes above these."""
    found: dict[str, set[int]] = {}
    for key, some in at.items():
        for holder in rollup.holders(dimension, key):
            found[holder] = found.get(holder, set()) | some
    return found


def is_person(number: int) -> bool:
    """Say whether a number is a person's."""
    return number < VISITORS_FROM

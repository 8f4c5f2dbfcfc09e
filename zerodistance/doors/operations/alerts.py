"""Alerts: conditions that stayed bad, kept until they stayed good; each opening and each closing is to be sent once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from zerodistance.doors.operations import store
from zerodistance.doors.operations.conditions import KINDS, Condition, Verdict
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

SEEN_SECONDS = 60  # own value: how exactly it is known when an open alert was last seen
FLAP_HOURS, FLAP_MOST = (
    24,
    3_600.0,
)  # own values: who comes back within a day closes later and later, up to an hour
OPENED, CLOSED = "opened", "closed"


@dataclass(frozen=True)
class Alert:
    """One alert. Times in microseconds UTC, None for not yet.

    Attributes
    ----------
    waiting, tries, error
        How much of it is still to be sent, how often that was tried, and what the last try met.
    delivered_at
        When its last change was taken by the receiver.
    """

    id: int
    kind: str
    about: str
    severity: str
    figures: Mapping[str, Any]
    opened_at: int
    seen_at: int
    closed_at: int | None
    acknowledged_at: int | None
    acknowledged_by: str | None
    waiting: int = 0
    tries: int = 0
    delivered_at: int | None = None
    error: str | None = None

    @property
    def title(self) -> Text:
        """A few words."""
        return KINDS[self.kind].title

    @property
    def text(self) -> Text:
        """What is wrong, in a sentence."""
        return sentence(self.kind, self.figures)


def sentence(kind: str, figures: Mapping[str, Any]) -> Text:
    """Return the sentence of an alert with its figures."""
    values = {k: Text(*v) if isinstance(v, list) else v for k, v in figures.items()}
    return KINDS[kind].text.format(**values)


def alerts(home: Home, who: Who, *, closed: bool = False, limit: int = 200) -> list[Alert]:
    """Return the open alerts, or with `closed` those that are past, the newest first."""
    who.need(Permission.OPERATE)
    a = store.alert
    which = a.c.closed_at.is_not(None) if closed else a.c.closed_at.is_(None)
    order = a.c.closed_at if closed else a.c.opened_at
    with home.state.read() as tx:
        rows = tx.execute(select(a).where(which).order_by(order.desc(), a.c.id.desc()).limit(limit))
        return _with_deliveries(tx, [of_row(row) for row in rows.mappings()])


def of_row(row: RowMapping) -> Alert:
    """Return a row of the table as an alert."""
    return Alert(**{**row, "figures": json.loads(row["figures"])})


def _with_deliveries(tx: Connection, found: Sequence[Alert]) -> list[Alert]:
    d = store.delivery
    sums: dict[int, RowMapping] = {}
    query = (
        select(
            d.c.alert,
            func.count(d.c.next_at).label("waiting"),
            func.sum(d.c.tries).label("tries"),
            func.max(d.c.delivered_at).label("delivered_at"),
            func.max(d.c.last_error).label("error"),
        )
        .where(d.c.alert.in_([one.id for one in found]))
        .group_by(d.c.alert)
    )
    for row in tx.execute(query).mappings():
        sums[row["alert"]] = row
    empty = {"waiting": 0, "tries": 0, "delivered_at": None, "error": None}
    out = []
    for one in found:
        more = dict(sums[one.id]) if one.id in sums else empty
        more.pop("alert", None)
        more["tries"] = int(more["tries"] or 0)  # a sum has a type of its own on PostgreSQL
        out.append(Alert(**{**{k: getattr(one, k) for k in _OWN}, **more}))
    return out


_OWN = (
    "id", "kind", "about", "severity", "figures", "opened_at", "seen_at", "closed_at", "acknowledged_at",
    "acknowledged_by",
)  # fmt: skip


def open_since(home: Home, who: Who, kind: str) -> dict[str, int]:
    """Return what it is about -> when it was opened, of the open alerts of a kind."""
    who.need(Permission.OPERATE)
    a = store.alert
    with home.state.read() as tx:
        query = select(a.c.about, a.c.opened_at).where(a.c.kind == kind, a.c.closed_at.is_(None))
        return {row.about: row.opened_at for row in tx.execute(query)}


def acknowledge(home: Home, who: Who, number: int) -> None:
    """Note that somebody knows of an open alert and looks after it.

    Raises
    ------
    NotFound
        No open alert has this number.
    """
    who.need(Permission.OPERATE)
    a = store.alert
    with home.state.write() as tx:
        done = tx.execute(
            update(a)
            .where(a.c.id == number, a.c.closed_at.is_(None))
            .values(acknowledged_at=clock.micros(), acknowledged_by=who.name)
        )
        if not done.rowcount:
            raise NotFound(what=Text("未关闭的告警", "open alert"), given=number)
    log("alerts").info("acknowledged", alert=number, who=who.name)


class Desk:
    """Opens and closes alerts as conditions stay bad or good; what it saw so far is in memory, what it decided in the state.

    Parameters
    ----------
    sends
        Whether there is a receiver: without one nothing waits to be sent.
    """

    def __init__(self, home: Home, *, sends: bool) -> None:
        self._home, self._sends = home, sends
        self._since: dict[tuple[str, str], tuple[Verdict, int]] = {}

    def judge(self, kind: str, found: Sequence[Condition]) -> list[tuple[int, str]]:
        """Take in every condition of one kind as it is now; return (alert, `opened` or `closed`) of what changed.

        What is no longer among them, such as a source that was switched off, counts as good.
        """
        now = clock.micros()
        here = {c.about: c for c in found}
        with self._home.state.read() as tx:
            held = {alert.about: alert for alert in self._open(tx, kind)}
        gone = [Condition(kind, about, Verdict.GOOD) for about in held if about not in here]
        changes: list[tuple[int, str]] = []
        for condition in (*here.values(), *gone):
            alert = held.get(condition.about)
            stayed = self._stayed(condition, now)
            if alert is None and condition.verdict is Verdict.BAD and stayed >= KINDS[kind].open_after:
                changes += self._begin(condition, now)
            elif alert is not None and condition.verdict is Verdict.GOOD:
                if stayed >= self._close_after(kind, condition.about, now):
                    changes += self._end(alert, now)
            elif alert is not None and now - alert.seen_at >= SEEN_SECONDS * clock.MICROS_PER_SECOND:
                self._seen(alert, condition, now)
        return changes

    def _stayed(self, condition: Condition, now: int) -> float:
        """Return for how many seconds a condition has been as it is; the middle ground begins both anew."""
        key = (condition.kind, condition.about)
        before = self._since.get(key)
        if before is None or before[0] is not condition.verdict:
            self._since[key] = (condition.verdict, now)
            return 0.0
        return max(0.0, (now - before[1]) / clock.MICROS_PER_SECOND)

    @staticmethod
    def _open(tx: Connection, kind: str) -> list[Alert]:
        a = store.alert
        rows = tx.execute(select(a).where(a.c.kind == kind, a.c.closed_at.is_(None))).mappings()
        return [of_row(row) for row in rows]

    def _close_after(self, kind: str, about: str, now: int) -> float:
        """Return for how long it has to be good: twice as long each time it came back within a day."""
        a = store.alert
        since = now - FLAP_HOURS * 3_600 * clock.MICROS_PER_SECOND
        query = select(func.count()).where(a.c.kind == kind, a.c.about == about, a.c.closed_at > since)
        with self._home.state.read() as tx:
            times = min(16, tx.execute(query).scalar_one())
        base = KINDS[kind].close_after
        return max(base, min(FLAP_MOST, base * float(1 << times)))

    def _begin(self, condition: Condition, now: int) -> list[tuple[int, str]]:
        values = {
            "kind": condition.kind,
            "about": condition.about,
            "severity": condition.severity,
            "figures": json.dumps(condition.figures, ensure_ascii=False),
            "opened_at": now,
            "seen_at": now,
        }
        with self._home.state.write() as tx:
            if any(one.about == condition.about for one in self._open(tx, condition.kind)):
                return []  # another door was first
            key = tx.execute(insert(store.alert).values(values)).inserted_primary_key
            assert key is not None
            self._to_send(tx, int(key[0]), OPENED, now)
        log("alerts").warning("alert_opened", alert=key[0], kind=condition.kind, about=condition.about)
        return [(int(key[0]), OPENED)]

    def _end(self, alert: Alert, now: int) -> list[tuple[int, str]]:
        a = store.alert
        with self._home.state.write() as tx:
            done = tx.execute(
                update(a).where(a.c.id == alert.id, a.c.closed_at.is_(None)).values(closed_at=now)
            )
            if not done.rowcount:
                return []
            self._to_send(tx, alert.id, CLOSED, now)
        log("alerts").warning("alert_closed", alert=alert.id, kind=alert.kind, about=alert.about)
        return [(alert.id, CLOSED)]

    def _seen(self, alert: Alert, condition: Condition, now: int) -> None:
        values: dict[str, object] = {"seen_at": now}
        if condition.verdict is Verdict.BAD:
            values["figures"] = json.dumps(condition.figures, ensure_ascii=False)
        with self._home.state.write() as tx:
            tx.execute(update(store.alert).where(store.alert.c.id == alert.id).values(values))

    def _to_send(self, tx: Connection, number: int, change: str, now: int) -> None:
        if self._sends:
            values = {"alert": number, "change": change, "made_at": now, "next_at": now, "tries": 0}
            tx.execute(insert(store.delivery).values(values))

"""Approval by a second account: what is large waits until somebody else than who asked says yes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from zerodistance.core.outreach import store
from zerodistance.core.outreach.contracts import Purpose
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text


class NothingToApprove(NotFound):
    """Nothing waits under that number, or somebody has decided."""

    code = "nothing_to_approve"
    text = Text("没有待批准的 {given}", "nothing waits for approval as {given}")


class ApprovedByAsker(ZeroDistanceError):
    """Whoever asked for approval wants to approve."""

    code, status = "approved_by_asker", 403
    text = Text(
        "{given} 是你提交的，要由另一个账号批准", "you asked for {given}: another account has to approve it"
    )


@dataclass(frozen=True, slots=True)
class Approval:
    """What waits for a second account, or was decided; times are microseconds UTC.

    Attributes
    ----------
    about
        What it is: the key of a send.
    said
        What the second account reads: template, channels, purpose, ...
    size
        Persons; None: told to accounts that see persons alone.
    granted
        None: nobody has decided.
    """

    number: int
    about: str
    said: Mapping[str, Any]
    size: int | None
    unit: int | None
    asked_by: str
    asked_at: int
    decided_by: str | None
    decided_at: int | None
    granted: bool | None
    why: str

    @property
    def state(self) -> str:
        """`waiting`, `granted` or `refused`."""
        return "waiting" if self.granted is None else "granted" if self.granted else "refused"


STATES = {
    "waiting": Text("待批准", "waits for approval"),
    "granted": Text("已批准", "approved"),
    "refused": Text("未批准", "not approved"),
}


def needed(home: Home, size: int, purpose: str) -> bool:
    """Say whether a send to so many persons waits for a second account; what is about service never does."""
    return purpose != Purpose.SERVICE and size > home.settings.send_approval_size


def ask(
    tx: Connection, who: Who, about: str, said: Mapping[str, Any], size: int, unit: int | None = None
) -> Approval:
    """Let something wait for approval; asked again it is what it was."""
    found = of(tx, about)
    if found is not None:
        return found
    row = {
        "about": about, "said": json.dumps(said, ensure_ascii=False, sort_keys=True), "size": size, "unit": unit,
        "asked_by": who.name, "asked_at": clock.micros(), "why": "",
    }  # fmt: skip
    tx.execute(insert(store.approval).values(**row))
    made = of(tx, about)
    assert made is not None
    return made


def of(tx: Connection, about: str) -> Approval | None:
    """Return what is said of something, None where nobody asked."""
    row = tx.execute(select(store.approval).where(store.approval.c.about == about)).mappings().first()
    return None if row is None else _approval(row)


def decide(tx: Connection, who: Who, number: int, grant: bool, why: str = "") -> Approval:
    """Approve or refuse, in the transaction of whoever acts on it; needs APPROVE_SENDS, and another account than asked.

    Raises
    ------
    NothingToApprove, ApprovedByAsker
        Nothing waits under that number for this account's units; one's own.
    """
    who.need(Permission.APPROVE_SENDS)
    table = store.approval
    row = tx.execute(select(table).where(table.c.number == number)).mappings().first()
    if row is None or row["granted"] is not None or not who.sees_unit(row["unit"]):
        raise NothingToApprove(given=number)
    if row["asked_by"] == who.name:
        raise ApprovedByAsker(given=number)
    said = {
        "decided_by": who.name,
        "decided_at": clock.micros(),
        "granted": int(grant),
        "why": why.strip()[:500],
    }
    tx.execute(update(table).where(table.c.number == number).values(**said))
    log("outreach").info("send_decided", who=who.name, approval=number, granted=grant)
    return _approval({**row, **said})


def listed(home: Home, who: Who, *, waiting: bool = False, most: int = 100) -> Sequence[Approval]:
    """Return approvals of this account's units, the newest first; needs SEND or APPROVE_SENDS."""
    if not who.may(Permission.APPROVE_SENDS):
        who.need(Permission.SEND)
    query = select(store.approval).order_by(store.approval.c.number.desc())
    if waiting:
        query = query.where(store.approval.c.granted.is_(None))
    if who.units:
        unit = store.approval.c.unit
        query = query.where(unit.is_(None) | unit.in_(sorted(who.units)))
    with home.state.read() as tx:
        found = [_approval(row) for row in tx.execute(query.limit(most)).mappings()]
    return found if who.may(Permission.SEE_PERSONS) else [replace(one, size=None) for one in found]


def granted(tx: Connection) -> Sequence[Approval]:
    """Return everything that a second account has said yes to."""
    query = select(store.approval).where(store.approval.c.granted == 1)
    return [_approval(row) for row in tx.execute(query).mappings()]


def _approval(row: RowMapping | Mapping[str, Any]) -> Approval:
    granted = row["granted"]
    said = {key: row[key] for key in Approval.__slots__ if key not in ("said", "granted")}
    return Approval(**said, said=json.loads(row["said"]), granted=None if granted is None else bool(granted))

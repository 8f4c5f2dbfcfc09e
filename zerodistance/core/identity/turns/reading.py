"""Who used a device or a cookie when, as people and pages ask it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from zerodistance.core.identity import rules
from zerodistance.kernel import bulk

DEVICES = 20
"""Devices that are shown of one person (own value: more are no family's)."""
_PERSONS = "select number, person from subject where number in {values}"
_ACCOUNTS = ", ".join(map(str, sorted(rules.ACCOUNTS)))
_FIRST = (
    "select e.b, min(e.at) from evidence e join subject s on s.number = e.a "
    f"where s.namespace in ({_ACCOUNTS}) and e.b in {{values}} group by e.b"
)
Stretch = tuple[int, int, int | None]
"""Person, since, until; microseconds. Until is None for whoever uses it now."""


def used(tx: Connection, device: int) -> tuple[int, list[int]]:
    """Return the person who uses a device now, and those who did before, the latest first; 0 and none: it is not used in turn."""
    persons = [person for person, _, _ in _stretches(tx, [device]).get(device, ())]
    now = persons[-1] if persons else 0
    return now, [person for person in dict.fromkeys(reversed(persons)) if person != now]


def stretches(tx: Connection, subjects: Sequence[int]) -> dict[int, list[Stretch]]:
    """Return device -> who used it when, in order of time, for the devices that subjects are or that accounts among them use in turn.

    Devices of which all logins are one person's are left out.
    """
    devices: set[int] = set()
    for column in ("subject", "account"):
        sql = f"select distinct subject from identity_turn where {column} in {{values}}"
        devices.update(row[0] for row in bulk.among(tx, sql, list(subjects)))
    found = _stretches(tx, sorted(devices)[:DEVICES])
    return {device: parts for device, parts in found.items() if len({one[0] for one in parts}) > 1}


def _stretches(tx: Connection, devices: Sequence[int]) -> dict[int, list[Stretch]]:
    """Return device -> who used it when; what came before the first turn is the device's own."""
    sql = "select subject, at, account, turn from identity_turn where subject in {values}"
    logins: dict[int, list[tuple[int, int, int]]] = {}
    for device, *login in sorted(bulk.among(tx, sql, list(devices))):
        logins.setdefault(device, []).append((login[0], login[1], login[2]))
    first: dict[int, int] = dict(bulk.among(tx, _FIRST, list(logins)))
    owners = {*logins, *(turn for turns in logins.values() for _, _, turn in turns)}
    person: dict[int, int] = dict(bulk.among(tx, _PERSONS, sorted(owners)))
    found = {}
    for device, turns in logins.items():
        since = min(first.get(device, turns[0][0]), turns[0][0])
        parts = [(person[device], since), *((person[turn], at) for at, _, turn in turns)]
        changes = [one for place, one in enumerate(parts) if not place or parts[place - 1][0] != one[0]]
        ends = [*(at for _, at in changes[1:]), None]
        found[device] = [(who, at, until) for (who, at), until in zip(changes, ends, strict=True)]
    return found


def several(tx: Connection) -> int:
    """Return how many devices and cookies more than one account uses in turn."""
    sql = "select count(distinct t.subject) from identity_turn t join subject s on s.number = t.subject where s.shared = 0"
    return int(bulk.value(tx, sql))

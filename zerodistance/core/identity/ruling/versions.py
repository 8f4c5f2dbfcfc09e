"""Which rules are in force, and which were: kept in the state by version, the latest that is not undone holds."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from zerodistance.core.identity.rules import RuleSet
from zerodistance.core.identity.ruling import changes
from zerodistance.core.identity.ruling.contracts import Epoch, InForce, NothingToUndo, Version
from zerodistance.core.identity.ruling.store import identity_epoch, identity_rules
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

_HOLDS = "select version, changes from identity_rules where undone_at is null order by version desc limit 2"
_LISTED = 30
_NEVER = 1 << 62


def in_force(tx: Connection) -> tuple[int, RuleSet]:
    """Return the rules that hold and their version; 0 and as shipped where nobody has set any."""
    found = bulk.rows(tx, _HOLDS)
    return (found[0][0], changes.loaded(found[0][1])) if found else (0, RuleSet())


def before(tx: Connection) -> RuleSet:
    """Return the rules that hold once the version in force is undone.

    Raises
    ------
    NothingToUndo
        They are as shipped.
    """
    found = bulk.rows(tx, _HOLDS)
    if not found:
        raise NothingToUndo
    return changes.loaded(found[1][1]) if len(found) > 1 else RuleSet()


def keep(tx: Connection, by: RuleSet, who: Who, reason: str) -> int:
    """Put rules in force; return their version."""
    row = {"at": clock.micros(), "who": who.name, "reason": reason, "changes": changes.dumped(by)}
    kept = insert(identity_rules).values(**row).returning(identity_rules.c.version)
    return int(tx.execute(kept).scalar_one())


def take_back(tx: Connection, version: int, who: Who) -> None:
    """Mark a version as undone."""
    table = identity_rules
    tx.execute(
        update(table).where(table.c.version == version).values(undone_at=clock.micros(), undone_by=who.name)
    )


def note_epoch(tx: Connection, one: Epoch) -> None:
    """Keep by which rules an epoch was computed."""
    values = {name: getattr(one, name) for name in Epoch.__slots__}
    tx.execute(insert(identity_epoch).values(**values))


def show(home: Home, who: Who) -> InForce:
    """Return the rules in force, and how they came about."""
    who.need(Permission.OPERATE)
    rules, epochs = identity_rules, identity_epoch
    with home.state.read() as tx:
        version, by = in_force(tx)
        rows = tx.execute(select(rules).order_by(rules.c.version)).all()
        latest = tx.execute(select(epochs).order_by(epochs.c.epoch.desc()).limit(_LISTED)).all()
    holds: list[tuple[RuleSet, int]] = [(RuleSet(), _NEVER)]  # each until when
    history = []
    for row in rows:
        mine = changes.loaded(row.changes)
        while holds[-1][1] <= row.at:  # undone before this one was set
            holds.pop()
        history.append(
            Version(
                row.version, row.at, row.who, row.reason, changes.between(holds[-1][0], mine), row.undone_at, row.undone_by or ""
            )
        )  # fmt: skip
        holds.append((mine, _NEVER if row.undone_at is None else row.undone_at))
    return InForce(
        version,
        changes.values(by),
        changes.values(RuleSet()),
        tuple(reversed(history)),
        tuple(Epoch(*row) for row in latest),
    )

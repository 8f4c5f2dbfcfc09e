"""Keys in quarantine: identifiers that stand on too many persons, with their story; released by hand, and shared again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from zerodistance.core.identity import reading, rules, store
from zerodistance.core.identity.contracts import NotShared, Rebuilt, Shared
from zerodistance.core.identity.figures import Quarantined, Released
from zerodistance.core.identity.rebuild import rebuild
from zerodistance.core.identity.turns import store as turns
from zerodistance.kernel import bulk, clock, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

_LISTED = 20
_STORY = (
    "select source, count(*), min(at), max(at) from evidence where b = ? group by source order by 2 desc, 1"
)


def release(home: Home, who: Who, subject: int, why: str = "") -> Rebuilt:
    """Let a shared identifier link again, however many persons stand with it, until somebody shares it again; other guards go on.

    Raises
    ------
    NotShared
        It is not shared now.
    """
    who.need(Permission.OPERATE)
    with home.state.write() as tx:
        rows = bulk.rows(
            tx, 'select persons, "by", epoch, since_at from identity_shared where subject = ?', (subject,)
        )
        if not rows:
            raise NotShared(given=subject)
        names = ("persons", "by", "epoch", "since_at")
        row = {"subject": subject, "why": why.strip(), "who": who.name, "at": clock.micros()}
        tx.execute(insert(store.identity_release).values(**row, **dict(zip(names, rows[0], strict=True))))
        store.DELETE_SHARED.run(tx, [(subject,)])
        near = _turn(tx, subject, 0)
    fault.point("identity.released")
    return rebuild(home, only=near, reason="release")


def share(home: Home, who: Who, subject: int) -> Rebuilt:
    """Take a release back: the identifier stops linking, and from the next rebuild on it is counted again.

    Raises
    ------
    NotShared
        Nobody released it.
    """
    who.need(Permission.OPERATE)
    with home.state.write() as tx:
        rows = bulk.rows(
            tx, 'select persons, "by", epoch, since_at from identity_release where subject = ?', (subject,)
        )
        if not rows:
            raise NotShared(given=subject)
        store.UPSERT_SHARED.run(tx, [(subject, *rows[0])])
        bulk.run(tx, "delete from identity_release where subject = ?", (subject,))
        near = _turn(tx, subject, 1)
    fault.point("identity.released")
    return rebuild(home, only=near, reason="release")


def _turn(tx: Connection, subject: int, shared: int) -> list[int]:
    """Mark a subject as shared or not, and return everybody whose person that may change."""
    store.UPDATE_SHARED.run(tx, [(shared, subject)])
    turns.share(tx, [subject], shared)
    store.next_generation(tx)
    sql = (
        "select distinct person from subject where number = ? or number in (select a from evidence where b = ?) "
        "or number in (select b from evidence where a = ?) or number in (select turn from identity_turn where subject = ?)"
    )
    persons = [row[0] for row in bulk.rows(tx, sql, (subject,) * 4)]
    members = bulk.among(tx, "select number from subject where person in {values}", persons)
    return sorted(row[0] for row in members)


def quarantined(home: Home, tx: Connection) -> tuple[tuple[Quarantined, ...], int]:
    """Return the shared identifiers that stand on the most persons with their stories, and how many there are in all."""
    total = int(bulk.value(tx, "select count(*) from identity_shared"))
    out = []
    for key in _keys(home, tx, "identity_shared", "s.persons desc, s.subject"):
        story = bulk.rows(tx, _STORY, (key.subject,))
        out.append(
            Quarantined(
                key,
                {source: times for source, times, _, _ in story},
                sum(row[1] for row in story),
                min((row[2] for row in story), default=0),
                max((row[3] for row in story), default=0),
            )
        )
    return tuple(out), total


def released(home: Home, tx: Connection) -> tuple[Released, ...]:
    """Return the identifiers that somebody released, the latest first."""
    said = {row[0]: row[1:] for row in bulk.rows(tx, "select subject, why, who, at from identity_release")}
    return tuple(
        Released(key, *said[key.subject])
        for key in _keys(home, tx, "identity_release", "s.at desc, s.subject")
    )


def _keys(home: Home, tx: Connection, table: str, order: str) -> Sequence[Shared]:
    sql = (
        f'select s.subject, s.persons, s."by", s.epoch, s.since_at, t.namespace, t.token, t.first_at, t.shared from {table} s '
        f"join subject t on t.number = s.subject order by {order} limit {_LISTED}"
    )
    rows = bulk.rows(tx, sql)
    masked = reading.identifiers(home, tx, [(r[0], r[5], r[6], r[7], r[8]) for r in rows])
    shown = {one.subject: one.masked for one in masked}
    key = [n.key for n in rules.NAMESPACES]
    return [Shared(r[0], key[r[5]], shown[r[0]], r[1], key[r[2]], r[3], r[4]) for r in rows]

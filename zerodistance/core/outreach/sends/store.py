"""Tables of sends and their messages, and their queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from zerodistance.core.outreach.contracts import SETTLED, MessageState
from zerodistance.core.outreach.sends import senders
from zerodistance.kernel import bulk
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.state import metadata

send = Table(
    "outreach_send",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),  # whoever asks twice under one key has asked once
    Column("experiment", Text, nullable=False),
    Column("assignment", Integer, nullable=False),
    Column("ways", Text, nullable=False),  # JSON: [[channel, template, version], ...], the best first
    Column("purpose", Text, nullable=False),
    Column("unit", BigInteger),
    Column("given", Text, nullable=False),  # JSON: what the send says of variables, the same for everybody
    Column("not_before", BigInteger),
    Column("not_after", BigInteger),
    Column("again", SmallInteger, nullable=False),  # 1: sent again where nobody knows whether it went out
    Column("state", Text, nullable=False, index=True),  # contracts.SendState
    Column(
        "persons", Integer, nullable=False
    ),  # who may be contacted by the assignment, when it was asked for
    Column(
        "reach", Integer, nullable=False
    ),  # of these: have an address that consent allows, and are not held back
    Column(
        "meant", LargeBinary
    ),  # Roaring: subjects of whom alone it goes to, until they are queued; null: everybody of the arm
    Column("persons_told", Integer),  # the same two as released counts; null: too few to be told
    Column("reach_told", Integer),
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("queued_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("ended_by", Text),
    Column("why", Text, nullable=False),
    sqlite_autoincrement=True,
)

message = Table(
    "outreach_message",
    metadata,
    Column("id", Text, primary_key=True),  # 24 hexadecimal digits of the send and the subject
    Column("send", Integer, nullable=False),
    Column("subject", BigInteger, nullable=False, index=True),  # the address
    Column("way", SmallInteger, nullable=False),  # place in `send.ways`
    Column("channel", Text, nullable=False),
    Column("urgent", SmallInteger, nullable=False),  # 1: service, goes before the others
    Column("due_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),  # contracts.MessageState
    Column("reason", Text, nullable=False),  # why it is held or failed; empty: it is not
    Column("tries", SmallInteger, nullable=False),
    Column("sender", BigInteger),  # who hands it over
    Column("handed_at", BigInteger),
    Column("code", Text, nullable=False),  # what the other side answered
    Column("panel", SmallInteger, nullable=False, server_default="0"),  # 1: its person is of the panel of released counts
    Index("ix_outreach_message_send", "send", "state", "reason", "panel"),
    Index(
        "ix_outreach_message_due",
        "channel", "urgent", "due_at",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_outreach_message_handing",
        "sender",
        sqlite_where=text("state = 'handing'"),
        postgresql_where=text("state = 'handing'"),
    ),
)  # fmt: skip

pace = Table(
    "outreach_pace",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("tokens", Float, nullable=False),  # messages that may go now
    Column("told_at", BigInteger, nullable=False),
)
"""How fast each channel may go, shared by all senders."""

Row = Mapping[str, Any]
CLAIMED = ("id", "send", "subject", "way", "channel", "tries")
_QUEUED, _HANDING = MessageState.QUEUED.value, MessageState.HANDING.value
_WAITS = (_QUEUED, MessageState.PAUSED.value)
_INSERT = Bulk(
    "insert into outreach_message (id, send, subject, way, channel, urgent, due_at, state, reason, panel, tries, code) "
    "select {id}, {send}, {subject}, {way}, {channel}, {urgent}, {due}, {state}, {reason}, {panel}, 0, '' {from} where true "
    "on conflict (id) do nothing",
    id="text", send="bigint", subject="bigint", way="bigint", channel="text", urgent="bigint", due="bigint", state="text",
    reason="text", panel="bigint",
)  # fmt: skip
_MARK = Bulk(
    "update outreach_message set state = {state}, reason = {reason}, code = {code}, due_at = {due} {from} where id = {id} and sender = {sender} "
    "and state = 'handing'",
    state="text", reason="text", code="text", due="bigint", id="text", sender="bigint",
)  # fmt: skip
_CLAIM = Bulk(
    "update outreach_message set state = 'handing', sender = {sender}, handed_at = {at}, tries = tries + 1 {from} where id = {id}",
    sender="bigint", at="bigint", id="text",
)  # fmt: skip
_HOLD = Bulk(
    "update outreach_message set state = 'held', reason = {reason} {from} where id = {id} and state = 'queued'",
    reason="text", id="text",
)  # fmt: skip
_DELAY = Bulk(
    "update outreach_message set due_at = {due} {from} where id = {id} and state = 'queued'",
    due="bigint", id="text",
)  # fmt: skip


# -- sends


def add_send(tx: Connection, row: Row) -> int:
    """Keep a send; return its number."""
    made = tx.execute(insert(send).values(**row)).inserted_primary_key
    assert made is not None
    return int(made[0])


def send_of(tx: Connection, number: int) -> Row | None:
    """Return one send."""
    row = tx.execute(select(send).where(send.c.number == number)).mappings().first()
    return None if row is None else dict(row)


def send_called(tx: Connection, key: str) -> Row | None:
    """Return the send that was asked for under a key."""
    row = tx.execute(select(send).where(send.c.key == key)).mappings().first()
    return None if row is None else dict(row)


def sends(
    tx: Connection, *, states: Sequence[str] = (), experiment: str | None = None, most: int = 1_000
) -> list[Row]:
    """Return sends, the newest first."""
    query = select(send).order_by(send.c.number.desc()).limit(most)
    if states:
        query = query.where(send.c.state.in_(list(states)))
    if experiment is not None:
        query = query.where(send.c.experiment == experiment)
    return [dict(row) for row in tx.execute(query).mappings()]


def to_queue(tx: Connection, numbers: Sequence[int]) -> int:
    """Return how many persons some sends reach of which nothing is queued yet."""
    sql = "select reach from outreach_send where state in ('asked', 'approved') and number in {values}"
    return sum(int(row[0]) for row in bulk.among(tx, sql, list(numbers)))


def turn(tx: Connection, number: int, *, of: Sequence[str], **values: Any) -> bool:
    """Change a send that is in one of these states; say whether it was."""
    changed = update(send).where(send.c.number == number, send.c.state.in_(list(of))).values(**values)
    return tx.execute(changed).rowcount == 1


# -- messages


def add(tx: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Put messages into the queue: id, send, subject, way, channel, urgent, due_at, state, reason, panel; one that is there stays as it is."""
    _INSERT.run(tx, rows)


def due(tx: Connection, channel: str, now: int, most: int) -> list[Row]:
    """Return messages whose time has come, columns `CLAIMED`: service first, the earliest first."""
    found: list[Row] = []
    sql = (
        f"select {', '.join(CLAIMED)} from outreach_message where state = 'queued' and channel = ? and urgent = ? and due_at <= ? "
        "order by due_at limit ?"
    )
    for urgent in (1, 0):
        rows = bulk.rows(tx, sql, (channel, urgent, now, most - len(found)))
        found += [dict(zip(CLAIMED, row, strict=True)) for row in rows]
        if len(found) >= most:
            break
    return found


def next_due(tx: Connection, channel: str) -> int | None:
    """Return when the earliest message of a channel is due, None: nothing is queued."""
    sql = "select min(due_at) from outreach_message where state = 'queued' and channel = ? and urgent = ?"
    found = [bulk.value(tx, sql, (channel, urgent)) for urgent in (1, 0)]
    return min((int(at) for at in found if at is not None), default=None)


def claim(tx: Connection, who: int, ids: Sequence[str], now: int) -> None:
    """Mark messages as being handed over."""
    _CLAIM.run(tx, [(who, now, one) for one in ids])


def hold(tx: Connection, rows: Sequence[tuple[str, str]]) -> None:
    """Hold messages back that wait: reason, id."""
    _HOLD.run(tx, rows)


def delay(tx: Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Let messages wait until later: due_at, id."""
    _DELAY.run(tx, rows)


def mark(tx: Connection, rows: Sequence[tuple[str, str, str, int, str, int]]) -> int:
    """Say what became of messages that a sender has handed over: state, reason, code, due_at, id, sender; return how many that still were its own."""
    return _MARK.run(tx, rows)


def still_mine(tx: Connection, who: int, ids: Sequence[str]) -> dict[str, int]:
    """Return id -> subject of those messages that a sender is handing over still: nobody has taken them for lost, and nobody was forgotten."""
    sql = "select id, subject, sender, state from outreach_message where id in {values}"
    return {
        row[0]: int(row[1]) for row in bulk.among(tx, sql, list(ids)) if row[2] == who and row[3] == _HANDING
    }


def to_same(tx: Connection, subjects: Sequence[int], numbers: Sequence[int]) -> list[tuple[str, int, int]]:
    """Return id, send and subject of the messages of some sends that went to some subjects, or may have."""
    sql = "select id, send, subject, state from outreach_message where subject in {values}"
    wanted, out = set(numbers), (_HANDING, MessageState.SENT.value, MessageState.UNKNOWN.value)
    return [
        (row[0], int(row[1]), int(row[2]))
        for row in bulk.among(tx, sql, list(subjects))
        if row[1] in wanted and row[3] in out
    ]


def known(tx: Connection, ids: Sequence[str]) -> set[str]:
    """Return which of some messages are there: those of somebody who was forgotten are not."""
    return {
        str(row[0])
        for row in bulk.among(tx, "select id from outreach_message where id in {values}", list(ids))
    }


def one(tx: Connection, message_id: str) -> Row | None:
    """Return one message."""
    row = tx.execute(select(message).where(message.c.id == message_id)).mappings().first()
    return None if row is None else dict(row)


def of_subjects(tx: Connection, subjects: Sequence[int], most: int) -> list[Row]:
    """Return the messages to subjects, those handed over last first."""
    m = message.c
    found: list[Row] = []
    for start in range(0, len(subjects), bulk.CHUNK):
        some = list(subjects[start : start + bulk.CHUNK])
        query = (
            select(message)
            .where(m.subject.in_(some))
            .order_by(m.handed_at.desc(), m.due_at.desc())
            .limit(most)
        )
        found += [dict(row) for row in tx.execute(query).mappings()]
    return sorted(found, key=lambda row: -(row["handed_at"] or row["due_at"]))[:most]


def settled(tx: Connection, message_id: str, state: str, reason: str = "", code: str = "") -> bool:
    """Say what a receipt tells of a message that was handed over; say whether that is news."""
    m = message.c
    out = [MessageState.HANDING.value, MessageState.SENT.value, MessageState.UNKNOWN.value]
    changed = update(message).where(m.id == message_id, m.state.in_(out), m.state != state)
    return tx.execute(changed.values(state=state, reason=reason, code=code)).rowcount == 1


def taken_back(tx: Connection, who: int, one: str, state: str, reason: str, code: str, due_at: int) -> bool:
    """Say what became of a message that others took for lost, and that its sender knows not to have gone; say whether it still was lost."""
    m = message.c
    lost = (m.id == one) & (m.sender == who) & (m.state == MessageState.UNKNOWN.value)
    said = {"state": state, "reason": reason, "code": code, "due_at": due_at}
    return (
        state != MessageState.UNKNOWN and tx.execute(update(message).where(lost).values(said)).rowcount == 1
    )


def held_back(tx: Connection, number: int) -> list[Row]:
    """Return the messages of a send that were held back or failed, ids ascending."""
    m = message.c
    bad = (MessageState.HELD.value, MessageState.FAILED.value, MessageState.UNKNOWN.value)
    query = select(message).where(m.send == number, m.state.in_(bad)).order_by(m.state, m.reason, m.id)
    return [dict(row) for row in tx.execute(query).mappings()]


class Many(NamedTuple):
    """How many messages there are, and how many of these are of persons of the panel."""

    all: int
    panel: int


def tallies(tx: Connection, numbers: Sequence[int]) -> dict[int, dict[tuple[str, str], Many]]:
    """Return send -> (state, reason) -> messages."""
    m = message.c
    query = select(m.send, m.state, m.reason, func.count(), func.sum(m.panel)).where(
        m.send.in_(list(numbers))
    )
    found: dict[int, dict[tuple[str, str], Many]] = {}
    for number, state, reason, many, panel in tx.execute(query.group_by(m.send, m.state, m.reason)):
        found.setdefault(int(number), {})[state, reason] = Many(int(many), int(panel))
    return found


def by_channel(tx: Connection, numbers: Sequence[int]) -> dict[str, int]:
    """Return channel -> messages of some sends that go or went, and may have."""
    m, found = message.c, dict[str, int]()
    goes = m.state.not_in((MessageState.HELD.value, MessageState.FAILED.value))
    for start in range(0, len(numbers), bulk.CHUNK):
        some = m.send.in_(list(numbers[start : start + bulk.CHUNK]))
        for channel, many in tx.execute(
            select(m.channel, func.count()).where(some, goes).group_by(m.channel)
        ):
            found[channel] = found.get(channel, 0) + int(many)
    return found


def with_meant(tx: Connection) -> list[tuple[int, bytes]]:
    """Return number and subjects of the sends that keep whom they go to."""
    rows = tx.execute(select(send.c.number, send.c.meant).where(send.c.meant.is_not(None)))
    return [(row[0], bytes(row[1])) for row in rows]


def rewrite_meant(tx: Connection, number: int, meant: bytes) -> None:
    """Write anew whom a send goes to, without somebody."""
    tx.execute(update(send).where(send.c.number == number).values(meant=meant))


def open_ones(tx: Connection, number: int) -> bool:
    """Say whether a message of a send is still to go."""
    m = message.c
    waits = m.state.in_((*_WAITS, _HANDING))
    return tx.execute(select(m.id).where(m.send == number, waits).limit(1)).first() is not None


def hold_all(tx: Connection, number: int, reason: str) -> int:
    """Hold back everything of a send that waits; return how many."""
    m = message.c
    waits = update(message).where(m.send == number, m.state.in_(_WAITS))
    return tx.execute(waits.values(state=MessageState.HELD.value, reason=reason)).rowcount


def drop_settled(tx: Connection, before: int, most: int) -> int:
    """Remove messages that were due before a moment and are not to go any more; return how many, at most so many."""
    m = message.c
    old = select(m.id).where(m.due_at < before, m.state.in_(SETTLED)).limit(most)
    return tx.execute(delete(message).where(m.id.in_(old.scalar_subquery()))).rowcount


def heard(tx: Connection, number: int) -> dict[str, Many]:
    """Return what was heard of messages of a send -> of how many."""
    sql = (
        "select what, count(*), sum(panel) from (select distinct r.what as what, m.id as id, m.panel as panel from outreach_receipt r "
        "join outreach_message m on m.id = r.message where m.send = ?) as heard group by what"
    )
    return {what: Many(int(many), int(panel)) for what, many, panel in bulk.rows(tx, sql, (number,))}


# -- of senders


def left_by(tx: Connection, numbers: Sequence[int]) -> list[Row]:
    """Return the messages that senders were handing over."""
    m = message.c
    query = select(message).where(m.state == _HANDING, m.sender.in_(list(numbers)))
    return [dict(row) for row in tx.execute(query).mappings()]


def handing_of_none(tx: Connection) -> list[int]:
    """Return the senders that hand something over and are not registered."""
    m = message.c
    query = select(m.sender).where(m.state == _HANDING).distinct()
    there = {one["number"] for one in senders.living(tx)}
    return sorted({int(n) for n in tx.execute(query).scalars()} - there)


def turn_handing(tx: Connection, ids: Sequence[str], state: str) -> int:
    """Turn what is being handed over into another state."""
    m, changed = message.c, 0
    for start in range(0, len(ids), bulk.CHUNK):
        some = list(ids[start : start + bulk.CHUNK])
        turned = update(message).where(m.id.in_(some), m.state == _HANDING).values(state=state)
        changed += tx.execute(turned).rowcount
    return changed


# -- forgetting


def forget(tx: Connection, subjects: Sequence[int]) -> int:
    """Remove the messages to subjects; return how many."""
    return bulk.run_among(tx, "delete from outreach_message where subject in {values}", list(subjects))

"""Tables of channels, links, receipts and the inbox, and their queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)

from zerodistance.kernel import bulk
from zerodistance.kernel.state import Number, metadata, upsert

channel = Table(
    "outreach_channel",
    metadata,
    Column("name", Text, primary_key=True),  # email, sms, webhook, inbox
    Column("said", Text, nullable=False),  # the description, TOML; no credential stands in it
    Column("is_on", SmallInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

link = Table(
    "outreach_link",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("url", Text, nullable=False),  # as it stands in a text: the same for everybody who gets it
    Column("made_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

receipt = Table(
    "outreach_receipt",
    metadata,
    Column("message", Text, primary_key=True),
    Column("what", Text, primary_key=True),  # see contracts.HEARD
    Column("link", BigInteger, primary_key=True, autoincrement=False),  # of a click; else 0
    Column("subject", BigInteger, nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("times", Integer, nullable=False),
    Column("code", Text, nullable=False),  # as the other side gave it, such as 5.1.1
    Column("detail", Text, nullable=False),  # words without an address
    Index("ix_outreach_receipt_first_at", "first_at"),
)
"""What was heard of a message after it was handed over; each thing once, and how often."""

reference = Table(
    "outreach_reference",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("reference", Text, primary_key=True),  # what a gateway calls a message
    Column("message", Text, nullable=False),
    Column("subject", BigInteger, nullable=False, index=True),
    Column("kept_at", BigInteger, nullable=False, index=True),
)

early = Table(
    "outreach_early",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("reference", Text, primary_key=True),  # as in `reference`, which may follow in some seconds
    Column("what", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("said_at", BigInteger, nullable=False, index=True),
)
"""Receipts that came before what they are about was marked as sent; nobody is known by them, and they go after a day."""

inbox = Table(
    "outreach_inbox",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("message", Text, nullable=False, unique=True),
    Column("subject", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # title and text as JSON, bound to the message
    Column("put_at", BigInteger, nullable=False, index=True),
    Column("read_at", BigInteger),
    Column("ends_at", BigInteger),  # null: it stays
    Index("ix_outreach_inbox_subject", "subject", "number"),
    sqlite_autoincrement=True,
)

_BLOCK = 500


# -- channels


def channels(tx: Connection) -> dict[str, Mapping[str, Any]]:
    """Return name -> row, of those that were set up."""
    found = tx.execute(select(channel).order_by(channel.c.name)).mappings()
    return {row["name"]: dict(row) for row in found}


def set_channel(tx: Connection, name: str, **row: Any) -> None:
    """Keep what is said of a channel in the place of what was."""
    put = upsert(channel).values(name=name, **row)
    tx.execute(put.on_conflict_do_update(index_elements=["name"], set_=row))


def drop_channel(tx: Connection, name: str) -> int:
    """Forget what is said of a channel."""
    return tx.execute(delete(channel).where(channel.c.name == name)).rowcount


# -- links


def add_link(tx: Connection, digest: bytes, url: str, now: int) -> int:
    """Return the number of an address; it is kept if it is new."""
    put = upsert(link).values(digest=digest, url=url, made_at=now)
    tx.execute(put.on_conflict_do_nothing(index_elements=["digest"]))
    return int(tx.execute(select(link.c.number).where(link.c.digest == digest)).scalar_one())


def url_of(tx: Connection, number: int) -> str | None:
    """Return the address with a number."""
    return tx.execute(select(link.c.url).where(link.c.number == number)).scalar()


# -- receipts


def hear(tx: Connection, row: Mapping[str, Any]) -> bool:
    """Note what was heard of a message; say whether it is heard for the first time."""
    r = receipt.c
    same = (r.message == row["message"]) & (r.what == row["what"]) & (r.link == row["link"])
    again = {"last_at": row["last_at"], "times": r.times + 1, "code": row["code"], "detail": row["detail"]}
    if tx.execute(update(receipt).where(same).values(again)).rowcount:
        return False
    put = upsert(receipt).values(times=1, **row).on_conflict_do_nothing().returning(r.message)
    return tx.execute(put).first() is not None


def heard(tx: Connection, messages: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return what was heard of messages, the latest first."""
    rows: list[Mapping[str, Any]] = []
    for start in range(0, len(messages), _BLOCK):
        some = list(messages[start : start + _BLOCK])
        rows += [dict(r) for r in tx.execute(select(receipt).where(receipt.c.message.in_(some))).mappings()]
    return sorted(rows, key=lambda row: (-row["last_at"], row["what"]))


def lately(tx: Connection, subject: int, since: int, *whats: str) -> tuple[int, ...]:
    """Return of how many messages to a subject each of some things was heard since a moment."""
    r = receipt.c
    found = select(r.what, func.count()).where((r.subject == subject) & (r.last_at >= since)).group_by(r.what)
    counts = {row[0]: int(row[1]) for row in tx.execute(found)}
    return tuple(counts.get(what, 0) for what in whats)


def heard_since(tx: Connection, since: int) -> dict[tuple[str, str], int]:
    """Return (channel, what) -> of how many messages that was first heard since a moment."""
    r = receipt.c
    found = select(r.channel, r.what, func.count()).where(r.first_at >= since).group_by(r.channel, r.what)
    return {(row[0], row[1]): int(row[2]) for row in tx.execute(found)}


def refer(tx: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep what a gateway calls messages."""
    for row in rows:
        put = upsert(reference).values(**row)
        tx.execute(put.on_conflict_do_nothing(index_elements=["channel", "reference"]))


def referred(tx: Connection, name: str, given: str) -> str | None:
    """Return the message that a gateway means."""
    r = reference.c
    return tx.execute(select(r.message).where((r.channel == name) & (r.reference == given))).scalar()


def keep_early(tx: Connection, name: str, given: str, what: str, code: str, at: int) -> None:
    """Keep what a gateway says of a message that is not known by that name yet."""
    row = {"channel": name, "reference": given, "what": what, "code": code, "said_at": at}
    tx.execute(
        upsert(early).values(row).on_conflict_do_nothing(index_elements=["channel", "reference", "what"])
    )


def take_early(tx: Connection, name: str, given: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return what was said early of messages with these names, in the order in which it was, and keep it no more."""
    e, found = early.c, list[Mapping[str, Any]]()
    for start in range(0, len(given), _BLOCK):
        mine = (e.channel == name) & e.reference.in_(list(given[start : start + _BLOCK]))
        found += [dict(row) for row in tx.execute(select(early).where(mine)).mappings()]
        if found:
            tx.execute(delete(early).where(mine))
    return sorted(found, key=lambda row: int(row["said_at"]))


def drop_early(tx: Connection, before: int) -> int:
    """Remove what nothing was heard of since; return how many."""
    return tx.execute(delete(early).where(early.c.said_at < before)).rowcount


def drop_references(tx: Connection, before: int) -> int:
    """Remove references of an earlier time; return how many."""
    return tx.execute(delete(reference).where(reference.c.kept_at < before)).rowcount


# -- inbox


def put_in_inbox(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put messages in; one that is there stays as it is."""
    for row in rows:
        tx.execute(upsert(inbox).values(**row).on_conflict_do_nothing(index_elements=["message"]))


def in_inbox(
    tx: Connection, subjects: Sequence[int], now: int, *, before: int | None, unread: bool, most: int
) -> list[Mapping[str, Any]]:
    """Return messages to subjects, the latest first, without those whose time is over."""
    i = inbox.c
    wanted = i.subject.in_(list(subjects)) & (i.ends_at.is_(None) | (i.ends_at > now))
    if before is not None:
        wanted &= i.number < before
    if unread:
        wanted &= i.read_at.is_(None)
    found = select(inbox).where(wanted).order_by(i.number.desc()).limit(most)
    return [dict(row) for row in tx.execute(found).mappings()]


def unread(tx: Connection, subjects: Sequence[int], now: int) -> int:
    """Return how many messages to subjects were not read."""
    i = inbox.c
    wanted = i.subject.in_(list(subjects)) & i.read_at.is_(None) & (i.ends_at.is_(None) | (i.ends_at > now))
    return int(tx.execute(select(func.count()).select_from(inbox).where(wanted)).scalar_one())


def one_in_inbox(tx: Connection, message: str) -> Mapping[str, Any] | None:
    """Return one message of the inbox."""
    row = tx.execute(select(inbox).where(inbox.c.message == message)).mappings().first()
    return None if row is None else dict(row)


def mark_read(tx: Connection, subjects: Sequence[int], messages: Sequence[str], at: int) -> list[str]:
    """Note that messages were read; return those that were not before."""
    i = inbox.c
    fresh = i.message.in_(list(messages)) & i.subject.in_(list(subjects)) & i.read_at.is_(None)
    found = list(tx.execute(select(i.message).where(fresh)).scalars())
    if found:
        tx.execute(update(inbox).where(i.message.in_(found)).values(read_at=at))
    return found


def drop_inbox(tx: Connection, now: int) -> int:
    """Remove messages whose time is over; return how many."""
    return tx.execute(delete(inbox).where(inbox.c.ends_at < now)).rowcount


# -- forgetting


def forget(tx: Connection, subjects: Sequence[int]) -> tuple[int, int]:
    """Remove what stands of subjects; return how many receipts and how many messages of the inbox."""
    bulk.run_among(tx, "delete from outreach_reference where subject in {values}", list(subjects))
    receipts = bulk.run_among(tx, "delete from outreach_receipt where subject in {values}", list(subjects))
    letters = bulk.run_among(tx, "delete from outreach_inbox where subject in {values}", list(subjects))
    return receipts, letters

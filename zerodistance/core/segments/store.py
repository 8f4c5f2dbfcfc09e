"""Tables of segments in the state store, and their queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from zerodistance.kernel.state import Number, metadata

segment = Table(
    "segment",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, index=True),
    Column("unit_id", Integer),  # number of the unit; null: everybody's
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    sqlite_autoincrement=True,
)

segment_version = Table(
    "segment_version",
    metadata,
    Column("segment", Integer, ForeignKey("segment.number"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("rule", Text, nullable=False),  # JSON form
    Column("saved_by", Text, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
)

segment_kept = Table(  # of segments that are frozen or followed
    "segment_kept",
    metadata,
    Column("segment", Integer, ForeignKey("segment.number"), primary_key=True),
    Column("frozen", Integer, nullable=False),  # 1: as of `made_at`; 0: living, and followed
    Column("change", Integer, nullable=False),  # the last change that is in `members`
    Column("meaning", Text, nullable=False),  # of the rule, those that it stands on included
    Column(
        "members", LargeBinary, nullable=False
    ),  # Roaring: numbers; of a frozen one the subjects of its members
    Column("persons", BigInteger, nullable=False),  # how many there were at `made_at`
    Column("visitors", BigInteger, nullable=False),
    Column("people", BigInteger, nullable=False),  # version of identity's map whose numbers `members` are
    Column("batch", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)

segment_change = Table(
    "segment_change",
    metadata,
    Column("segment", Integer, ForeignKey("segment.number"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1 on
    Column("version", Integer, nullable=False),
    Column("reason", Text, nullable=False),  # `moved`: not told
    Column("entering", LargeBinary, nullable=False),  # Roaring: numbers
    Column("leaving", LargeBinary, nullable=False),
    Column("entered_persons", BigInteger, nullable=False),
    Column("entered_visitors", BigInteger, nullable=False),
    Column("left_persons", BigInteger, nullable=False),
    Column("left_visitors", BigInteger, nullable=False),
    Column("people", BigInteger, nullable=False),  # version of identity's map
    Column("batch", BigInteger, nullable=False),
    Column("said_at", BigInteger, nullable=False, index=True),
)

segment_size = Table(
    "segment_size",
    metadata,
    Column("segment", Integer, ForeignKey("segment.number"), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),  # local day, days since 1970-01-01
    Column("version", Integer, nullable=False),
    Column("persons", BigInteger, nullable=False),
    Column("visitors", BigInteger, nullable=False),
)

segment_approval = Table(
    "segment_approval",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("segment", Integer, ForeignKey("segment.number"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("means", Text, nullable=False),  # SHA-256 of the rule with the segments in it written out
    Column("approved_by", Text, nullable=False),
    Column("approved_at", BigInteger, nullable=False),
    Column("ended_by", Text),
    Column("ended_at", BigInteger),
    sqlite_autoincrement=True,
)

segment_exact = Table(
    "segment_exact",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("said_at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column(
        "verb", Text, nullable=False
    ),  # count, portrait, members, export, check, overlap, distinguish, nearest
    Column("rule", Text, nullable=False),  # text form; names nodes and codes, no person
    Column("persons", BigInteger, nullable=False),
    Column("visitors", BigInteger, nullable=False),
    Column("times", Integer, nullable=False),
    Index("ix_segment_exact_said_at", "said_at"),
)


tag = Table(
    "tag",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, index=True),  # of the dimension, `own.NAME`
    Column("unit_id", Integer),  # null: everybody's
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("ended_by", Text),
    Column("ended_at", BigInteger),
    Column("ran_at", BigInteger),  # when it was last made anew
    Column("failed", Text),  # why that went wrong, JSON of both languages; null: it went well
    sqlite_autoincrement=True,
)

tag_version = Table(
    "tag_version",
    metadata,
    Column("tag", Integer, ForeignKey("tag.number"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("said", Text, nullable=False),  # JSON: what it is called and how it is made
    Column("saved_by", Text, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
)


def living(tx: Connection, key: str | None = None, version: int | None = None) -> list[Mapping[str, Any]]:
    """Return segments that are not deleted, each in its newest version or in `version`; last changed first."""
    s, v = segment, segment_version
    every = v.alias("every_version")
    newest = select(func.max(every.c.version)).where(every.c.segment == s.c.number).scalar_subquery()
    wanted = newest if version is None else version
    k, last = segment_kept, func.max(segment_change.c.number)
    newest_change = select(last).where(segment_change.c.segment == s.c.number).scalar_subquery()
    found = (
        select(s.c.number, s.c.key, s.c.unit_id, s.c.made_by, s.c.made_at, newest.label("versions"))
        .add_columns(v.c.version, v.c.name_zh, v.c.name_en, v.c.rule, v.c.saved_by, v.c.saved_at)
        .add_columns(k.c.frozen, k.c.change.label("kept_change"), k.c.persons.label("kept_persons"))
        .add_columns(
            k.c.visitors.label("kept_visitors"), k.c.made_by.label("kept_by"), k.c.made_at.label("kept_at")
        )
        .add_columns(newest_change.label("last_change"))
        .select_from(s)
        .outerjoin(k, k.c.segment == s.c.number)
        .join(v, (v.c.segment == s.c.number) & (v.c.version == wanted))
        .where(s.c.deleted_at.is_(None))
        .order_by(v.c.saved_at.desc(), s.c.number.desc())
    )
    if key is not None:
        found = found.where(s.c.key == key)
    return [dict(row) for row in tx.execute(found).mappings()]


def keys_like(tx: Connection, start: str) -> list[str]:
    """Return every key that begins so, of segments that are deleted too."""
    return list(
        tx.execute(select(segment.c.key).where(segment.c.key.startswith(start, autoescape=True))).scalars()
    )


def add(tx: Connection, key: str, unit: int | None, by: str, at: int) -> int:
    """Add a segment without a version; return its number."""
    made = tx.execute(
        insert(segment).values(key=key, unit_id=unit, made_by=by, made_at=at)
    ).inserted_primary_key
    assert made is not None
    return int(made[0])


def add_version(
    tx: Connection, number: int, version: int, name: tuple[str, str], rule: str, by: str, at: int
) -> None:
    """Add a version of a segment."""
    row = {"segment": number, "version": version, "name_zh": name[0], "name_en": name[1]}
    tx.execute(insert(segment_version).values(**row, rule=rule, saved_by=by, saved_at=at))


def end(tx: Connection, number: int, at: int) -> None:
    """Note that a segment is deleted."""
    tx.execute(update(segment).where(segment.c.number == number).values(deleted_at=at))


# -- members that are kept, and how they changed


def kept(tx: Connection, number: int | None = None, *, frozen: bool | None = None) -> list[Mapping[str, Any]]:
    """Return what is kept of segments that are not deleted: of one, of those that are frozen, or of those that are followed."""
    k, s = segment_kept, segment
    found = select(k, s.c.key).join(s, s.c.number == k.c.segment).where(s.c.deleted_at.is_(None))
    if number is not None:
        found = found.where(k.c.segment == number)
    if frozen is not None:
        found = found.where(k.c.frozen == int(frozen))
    return [dict(row) for row in tx.execute(found.order_by(k.c.segment)).mappings()]


def every_kept(tx: Connection) -> list[Mapping[str, Any]]:
    """Return what is kept of all segments, those that were deleted too."""
    return [dict(row) for row in tx.execute(select(segment_kept)).mappings()]


def keep(tx: Connection, number: int, **row: Any) -> None:
    """Keep these members of a segment in the place of others."""
    tx.execute(delete(segment_kept).where(segment_kept.c.segment == number))
    tx.execute(insert(segment_kept).values(segment=number, **row))


def based(tx: Connection, number: int, **row: Any) -> None:
    """Change what is kept of a segment."""
    tx.execute(update(segment_kept).where(segment_kept.c.segment == number).values(**row))


def let_go(tx: Connection, number: int) -> None:
    """Keep nothing of a segment any more but its sizes."""
    for table in (segment_kept, segment_change):
        tx.execute(delete(table).where(table.c.segment == number))


def add_change(tx: Connection, **row: Any) -> None:
    """Add a change."""
    tx.execute(insert(segment_change).values(row))


def changes(
    tx: Connection,
    number: int,
    after: int = 0,
    *,
    most: int | None = None,
    newest: bool = False,
    without: str = "",
) -> list[Mapping[str, Any]]:
    """Return the changes after one, in order; `newest`: the latest come first; `without` those of a reason."""
    c = segment_change.c
    order = c.number.desc() if newest else c.number
    found = select(segment_change).where((c.segment == number) & (c.number > after)).order_by(order)
    found = found.where(c.reason != without)
    return [dict(row) for row in tx.execute(found if most is None else found.limit(most)).mappings()]


def change(tx: Connection, number: int, which: int) -> Mapping[str, Any] | None:
    """Return one change, None if there is none or it is kept no more."""
    c = segment_change.c
    row = (
        tx.execute(select(segment_change).where((c.segment == number) & (c.number == which)))
        .mappings()
        .first()
    )
    return None if row is None else dict(row)


def every_change(tx: Connection) -> list[tuple[int, int]]:
    """Return segment and number of each change."""
    c = segment_change.c
    return [(row[0], row[1]) for row in tx.execute(select(c.segment, c.number))]


def rewrite(tx: Connection, number: int, which: int, **row: Any) -> None:
    """Write a change anew, without somebody."""
    c = segment_change.c
    tx.execute(update(segment_change).where((c.segment == number) & (c.number == which)).values(**row))


def prune(tx: Connection, before: int) -> int:
    """Remove the changes of an earlier time that are in the members; return how many."""
    c, k = segment_change.c, segment_kept.c
    inside = select(k.change).where(k.segment == c.segment).scalar_subquery()
    return tx.execute(delete(segment_change).where((c.said_at < before) & (c.number <= inside))).rowcount


# -- sizes


def note_size(tx: Connection, number: int, day: int, version: int, persons: int, visitors: int) -> None:
    """Note the size of a segment on a day, in the place of what was noted on it before."""
    c = segment_size.c
    tx.execute(delete(segment_size).where((c.segment == number) & (c.day == day)))
    row = {"segment": number, "day": day, "version": version, "persons": persons, "visitors": visitors}
    tx.execute(insert(segment_size).values(row))


def sizes(tx: Connection, number: int, first_day: int) -> list[Mapping[str, Any]]:
    """Return the sizes since a day, in order."""
    c = segment_size.c
    found = select(segment_size).where((c.segment == number) & (c.day >= first_day)).order_by(c.day)
    return [dict(row) for row in tx.execute(found).mappings()]


def approve(tx: Connection, number: int, version: int, means: str, by: str, at: int) -> None:
    """Note that a version was approved as an audience; an older approval of the segment ends."""
    disapprove(tx, number, by, at)
    row = {"segment": number, "version": version, "means": means, "approved_by": by, "approved_at": at}
    tx.execute(insert(segment_approval).values(**row))


def disapprove(tx: Connection, number: int, by: str, at: int) -> int:
    """End the approval of a segment; return how many ended."""
    a = segment_approval
    open_ = (a.c.segment == number) & a.c.ended_at.is_(None)
    return tx.execute(update(a).where(open_).values(ended_by=by, ended_at=at)).rowcount


def approvals(tx: Connection) -> dict[int, Mapping[str, Any]]:
    """Return number of the segment -> its approval, of those that were not ended."""
    a = segment_approval
    found = tx.execute(select(a).where(a.c.ended_at.is_(None)).order_by(a.c.number)).mappings()
    return {row["segment"]: dict(row) for row in found}


def note_exact(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Add lines to the record of exact counts."""
    tx.execute(insert(segment_exact), rows)


def exact(tx: Connection, most: int) -> list[Mapping[str, Any]]:
    """Return the newest lines of the record of exact counts, the newest first."""
    e = segment_exact
    return [dict(row) for row in tx.execute(select(e).order_by(e.c.id.desc()).limit(most)).mappings()]


def drop_exact(tx: Connection, before: int) -> int:
    """Remove lines of the record that are older than a moment; return how many."""
    return tx.execute(delete(segment_exact).where(segment_exact.c.said_at < before)).rowcount

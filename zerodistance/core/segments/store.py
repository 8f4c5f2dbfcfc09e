"""Tables of segments in the state store, and their queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from zerodistance.kernel.state import metadata

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


def living(tx: Connection, key: str | None = None, version: int | None = None) -> list[Mapping[str, Any]]:
    """Return segments that are not deleted, each in its newest version or in `version`; last changed first."""
    s, v = segment, segment_version
    every = v.alias("every_version")
    newest = select(func.max(every.c.version)).where(every.c.segment == s.c.number).scalar_subquery()
    wanted = newest if version is None else version
    found = (
        select(s.c.number, s.c.key, s.c.unit_id, s.c.made_by, s.c.made_at, newest.label("versions"))
        .add_columns(v.c.version, v.c.name_zh, v.c.name_en, v.c.rule, v.c.saved_by, v.c.saved_at)
        .select_from(s)
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

"""Queries for the tables of tags that users make. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from zerodistance.core.segments.store import tag, tag_version


def living(tx: Connection, key: str | None = None) -> list[Mapping[str, Any]]:
    """Return tags that are not withdrawn, each in its newest version; last changed first."""
    v = tag_version
    every = v.alias("every_version")
    newest = (
        select(func.max(every.c.version)).where(every.c.tag == tag.c.number).correlate(tag).scalar_subquery()
    )
    found = (
        select(tag, v.c.version, v.c.said, v.c.saved_by, v.c.saved_at)
        .select_from(tag.join(v, v.c.tag == tag.c.number))
        .where(v.c.version == newest)
        .where(tag.c.ended_at.is_(None))
        .order_by(v.c.saved_at.desc(), tag.c.number.desc())
    )
    return [
        dict(row) for row in tx.execute(found if key is None else found.where(tag.c.key == key)).mappings()
    ]


def versions(tx: Connection, number: int) -> list[Mapping[str, Any]]:
    """Return every version of a tag, the newest first."""
    v = tag_version
    rows = tx.execute(select(v).where(v.c.tag == number).order_by(v.c.version.desc())).mappings()
    return [dict(row) for row in rows]


def add(tx: Connection, key: str, unit: int | None, by: str, at: int) -> int:
    """Add a tag and return its number."""
    row = {"key": key, "unit_id": unit, "made_by": by, "made_at": at}
    return int(tx.execute(insert(tag).values(row).returning(tag.c.number)).scalar_one())


def add_version(tx: Connection, number: int, version: int, said: str, by: str, at: int) -> None:
    """Add a version of a tag."""
    row = {"tag": number, "version": version, "said": said, "saved_by": by, "saved_at": at}
    tx.execute(insert(tag_version).values(row))


def note(tx: Connection, number: int, at: int, failed: str | None) -> None:
    """Note when a tag was made anew, and what went wrong."""
    tx.execute(update(tag).where(tag.c.number == number).values(ran_at=at, failed=failed))


def change(tx: Connection, number: int, **values: Any) -> None:
    """Change columns of a tag."""
    tx.execute(update(tag).where(tag.c.number == number).values(values))

"""Tables of groupings in the state store, and their queries. Private to the room. Times are microseconds UTC.

None of them names a person or a subject: who is in which group is a tag, which profiles keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from zerodistance.kernel.state import metadata

grouping = Table(
    "grouping",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, index=True),
    Column("unit_id", Integer),  # number of the unit; null: everybody's
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("asked", Text, nullable=False),  # JSON: what the next version is made of
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("wanted_by", Text),  # who asked the worker for a new version
    Column("wanted_at", BigInteger),
    Column("trouble_zh", Text),  # why it could not be made
    Column("trouble_en", Text),
    Column("deleted_at", BigInteger),
    sqlite_autoincrement=True,
)

grouping_version = Table(
    "grouping_version",
    metadata,
    Column("grouping", Integer, ForeignKey("grouping.number"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("asked", Text, nullable=False),  # JSON
    Column("model", Text),  # JSON: nodes, weights, centres; null: nothing stable
    Column("tried", Text, nullable=False),  # JSON: how stable each number of groups is
    Column("left_out", Text, nullable=False),  # JSON: dimensions
    Column("sample", BigInteger, nullable=False),
    Column("persons", BigInteger, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)

grouping_group = Table(
    "grouping_group",
    metadata,
    Column("grouping", Integer, ForeignKey("grouping.number"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("node", Text, primary_key=True),  # g1, g2, ...
    Column("place", Integer, nullable=False),  # the largest first
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("named_by", Text),  # null: named after its traits
    Column("share", Float, nullable=False),  # of the persons, when it was made
    Column("distance", Float, nullable=False),
    Column("traits", Text, nullable=False),  # JSON: nodes with shares and intervals
)

grouping_run = Table(
    "grouping_run",
    metadata,
    Column("grouping", Integer, ForeignKey("grouping.number"), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),  # local day, days since 1970-01-01
    Column("version", Integer, nullable=False),
    Column("persons", BigInteger, nullable=False),
    Column("sizes", Text, nullable=False),  # JSON: group -> persons
    Column("known", BigInteger, nullable=False),  # persons who had a group of the same version before
    Column("moved", BigInteger, nullable=False),  # of them in another one now
    Column("distance", Float, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)


def living(tx: Connection, key: str | None = None) -> list[Mapping[str, Any]]:
    """Return groupings that are not deleted, the newest first."""
    found = select(grouping).where(grouping.c.deleted_at.is_(None)).order_by(grouping.c.number.desc())
    if key is not None:
        found = found.where(grouping.c.key == key)
    return [dict(row) for row in tx.execute(found).mappings()]


def add(tx: Connection, **row: Any) -> int:
    """Add a grouping; return its number."""
    made = tx.execute(insert(grouping).values(**row)).inserted_primary_key
    assert made is not None
    return int(made[0])


def change(tx: Connection, number: int, **row: Any) -> None:
    """Change a grouping."""
    tx.execute(update(grouping).where(grouping.c.number == number).values(**row))


def versions(tx: Connection, number: int) -> int:
    """Return how many versions there are."""
    v = grouping_version.c
    found = select(func.max(v.version)).where(v.grouping == number)
    return int(tx.execute(found).scalar() or 0)


def version(
    tx: Connection, number: int, which: int | None = None, *, with_groups: bool = False
) -> Mapping[str, Any] | None:
    """Return a version, the newest without `which`; `with_groups`: the newest that has any."""
    v = grouping_version.c
    found = select(grouping_version).where(v.grouping == number).order_by(v.version.desc())
    if which is not None:
        found = found.where(v.version == which)
    if with_groups:
        found = found.where(v.model.is_not(None))
    row = tx.execute(found.limit(1)).mappings().first()
    return None if row is None else dict(row)


def groups(tx: Connection, number: int, which: int) -> list[Mapping[str, Any]]:
    """Return the groups of a version, the largest first."""
    g = grouping_group.c
    found = select(grouping_group).where((g.grouping == number) & (g.version == which)).order_by(g.place)
    return [dict(row) for row in tx.execute(found).mappings()]


def nodes(tx: Connection, number: int) -> dict[str, tuple[str, str]]:
    """Return every node that a group of any version has, with the last name of that group."""
    g = grouping_group.c
    found = select(g.node, g.name_zh, g.name_en).where(g.grouping == number).order_by(g.version)
    return {row.node: (row.name_zh, row.name_en) for row in tx.execute(found)}


def asking(tx: Connection, word: str) -> list[str]:
    """Return the keys of groupings in what was asked for in any version of which a word stands, in quotes."""
    s, v = grouping.c, grouping_version.c
    stands = s.asked.contains(f'"{word}"', autoescape=True) | v.asked.contains(f'"{word}"', autoescape=True)
    found = select(s.key).select_from(grouping).outerjoin(grouping_version, v.grouping == s.number)
    return list(tx.execute(found.where(s.deleted_at.is_(None) & stands).distinct().order_by(s.key)).scalars())


def add_version(tx: Connection, row: Mapping[str, Any], some: Iterable[Mapping[str, Any]]) -> None:
    """Add a version with its groups."""
    tx.execute(insert(grouping_version).values(**row))
    if rows := [dict(one) for one in some]:
        tx.execute(insert(grouping_group), rows)


def rename(tx: Connection, number: int, which: int, node: str, zh: str, en: str, by: str) -> int:
    """Name a group of a version; return how many there were."""
    g = grouping_group.c
    wanted = (g.grouping == number) & (g.version == which) & (g.node == node)
    values = {"name_zh": zh, "name_en": en, "named_by": by}
    return tx.execute(update(grouping_group).where(wanted).values(**values)).rowcount


def note(tx: Connection, **row: Any) -> None:
    """Note an assignment, in the place of one of the same day."""
    r = grouping_run.c
    tx.execute(delete(grouping_run).where((r.grouping == row["grouping"]) & (r.day == row["day"])))
    tx.execute(insert(grouping_run).values(**row))


def runs(tx: Connection, number: int, most: int) -> list[Mapping[str, Any]]:
    """Return the last assignments, in order."""
    r = grouping_run.c
    found = select(grouping_run).where(r.grouping == number).order_by(r.day.desc()).limit(most)
    return [dict(row) for row in reversed(list(tx.execute(found).mappings()))]


def behind(tx: Connection) -> list[str]:
    """Return the keys of groupings by whose newest groups nobody is assigned yet."""
    s, v, r = grouping.c, grouping_version.c, grouping_run.c
    newest = (
        select(func.max(v.version)).where((v.grouping == s.number) & v.model.is_not(None)).scalar_subquery()
    )
    done = select(func.max(r.version)).where(r.grouping == s.number).scalar_subquery()
    wanted = s.deleted_at.is_(None) & (newest > func.coalesce(done, 0))
    return list(tx.execute(select(s.key).where(wanted).order_by(s.number)).scalars())

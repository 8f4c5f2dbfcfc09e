"""Tables of brand in the state store, and their queries. Private to the room. Times are microseconds UTC.

Every kind is one table of versions: one row per key and beginning, valid in [valid_from, valid_to).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    RowMapping,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
)

from zerodistance.core.brand.rules import KINDS, Version
from zerodistance.kernel.state import metadata, note, upsert


def _validity() -> tuple[Column[Any], Column[Any]]:
    return Column("valid_from", BigInteger, primary_key=True), Column("valid_to", BigInteger)


category = Table(
    "category",
    metadata,
    Column("key", Text, primary_key=True),
    Column("parent", Text),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("lifetime_years", Float),
    Column("origin", Text, nullable=False),
    Column("unit", Text),
    Column("warranty_months", Integer),
    *_validity(),
)

product = Table(
    "product",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("category", Text, nullable=False, index=True),
    Column("warranty_months", Integer),
    *_validity(),
)

place = Table(
    "place",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("lat", Float),  # degrees, WGS-84
    Column("lon", Float),
    Column("area", Text, nullable=False, index=True),
    Column("grade", Text),
    Column("households", Integer),
    *_validity(),
)

unit = Table(
    "unit",
    metadata,
    Column("key", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("parent", Text),
    *_validity(),
)

unit_number = Table(
    "unit_number",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

territory = Table(
    "territory",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("place", Text, primary_key=True, index=True),
    *_validity(),
)

TABLES: Mapping[str, Table] = {
    "units": unit,
    "categories": category,
    "products": product,
    "places": place,
    "territories": territory,
}
_CHANGES = "brand_changes"
_CHUNK = 500  # bound values in one statement


def rows(tx: Connection, kind: str, at: int | None, /, **equal: str | None) -> Sequence[RowMapping]:
    """Return the versions of a kind that hold at `at` (None: all versions), by key; `equal` narrows by column."""
    table = TABLES[kind]
    query = select(table).order_by(*table.primary_key.columns)
    if at is not None:
        query = query.where(table.c.valid_from <= at, or_(table.c.valid_to.is_(None), table.c.valid_to > at))
    for name, value in equal.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    return tx.execute(query).mappings().all()


def histories(tx: Connection, kind: str) -> dict[tuple[str, ...], list[Version]]:
    """Return every version of every key, oldest first."""
    keys = KINDS[kind].keys
    out: dict[tuple[str, ...], list[Version]] = {}
    for row in rows(tx, kind, None):
        values = {name: row[name] for name in row if name not in (*keys, "valid_from", "valid_to")}
        key = tuple(row[name] for name in keys)
        out.setdefault(key, []).append(Version(row["valid_from"], row["valid_to"], values))
    return out


def write(tx: Connection, kind: str, changed: Mapping[tuple[str, ...], Sequence[Version]]) -> None:
    """Replace the histories of the given keys."""
    if not changed:
        return
    said = {"key": _CHANGES, "value": str(changes(tx) + 1)}
    tx.execute(upsert(note).values(said).on_conflict_do_update(index_elements=["key"], set_=said))
    table, keys = TABLES[kind], KINDS[kind].keys
    for key, versions in changed.items():
        names = dict(zip(keys, key, strict=True))
        tx.execute(delete(table).where(*(table.c[name] == value for name, value in names.items())))
        tx.execute(
            insert(table),
            [{**names, **v.values, "valid_from": v.valid_from, "valid_to": v.valid_to} for v in versions],
        )
    if kind == "units":
        known = numbers(tx)
        fresh = [{"key": key[0]} for key in changed if key[0] not in known]
        if fresh:
            tx.execute(insert(unit_number), fresh)


def changes(tx: Connection) -> int:
    """Return how often these tables were written."""
    said = tx.execute(select(note.c.value).where(note.c.key == _CHANGES)).scalar()
    return int(said or 0)


def holds_until(tx: Connection, at: int) -> int | None:
    """Return when after `at` a row begins or ends to hold, None if none does."""
    edges = [column for table in TABLES.values() for column in (table.c.valid_from, table.c.valid_to)]
    found = [tx.execute(select(func.min(column)).where(column > at)).scalar() for column in edges]
    return min((int(one) for one in found if one is not None), default=None)


def numbers(tx: Connection) -> dict[str, int]:
    """Return the number of every unit there ever was."""
    return {row.key: row.number for row in tx.execute(select(unit_number.c.key, unit_number.c.number))}


def some_products(tx: Connection, codes: Iterable[str], at: int) -> Iterator[RowMapping]:
    """Yield the products of these codes that are known at `at`."""
    wanted = sorted(set(codes))
    for start in range(0, len(wanted), _CHUNK):
        query = select(product).where(
            product.c.code.in_(wanted[start : start + _CHUNK]), *_holds(product, at)
        )
        yield from tx.execute(query).mappings()


def some_places(tx: Connection, codes: Iterable[str], at: int) -> Iterator[RowMapping]:
    """Yield the places of these codes that are known at `at`."""
    wanted = sorted(set(codes))
    for start in range(0, len(wanted), _CHUNK):
        query = select(place).where(place.c.code.in_(wanted[start : start + _CHUNK]), *_holds(place, at))
        yield from tx.execute(query).mappings()


def communities_of(tx: Connection, unit: str, at: int) -> list[str]:
    """Return the communities of a unit's territory, those in its larger places too; an area code ends in 00 for what holds others (GB/T 2260)."""
    mine = (
        select(place.c.code, place.c.kind, place.c.area)
        .join(territory, territory.c.place == place.c.code)
        .where(territory.c.unit == unit, *_holds(territory, at), *_holds(place, at))
    )
    listed = tx.execute(mine).all()
    found = {row.code for row in listed if row.kind == "community"}
    within = {_held(row.area) for row in listed if row.kind != "community"}
    for area in sorted(one for one in within if not any(one != o and one.startswith(o) for o in within)):
        query = select(place.c.code).where(
            place.c.kind == "community", place.c.area.startswith(area, autoescape=True), *_holds(place, at)
        )
        found.update(tx.execute(query).scalars())
    return sorted(found)


def _held(area: str) -> str:
    """Return what the area codes begin with of all that lies in an area.

    Examples
    --------
    >>> _held("370200"), _held("370210"), _held("")
    ('3702', '370210', '')
    """
    while area.endswith("00"):
        area = area[:-2]
    return area


def _holds(table: Table, at: int) -> tuple[ColumnElement[bool], ...]:
    return (table.c.valid_from <= at, or_(table.c.valid_to.is_(None), table.c.valid_to > at))


def categories_of(tx: Connection, codes: Iterable[str], at: int) -> dict[str, str]:
    """Return the category of each product code that is known at `at`."""
    wanted, out = sorted(set(codes)), {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(product.c.code, product.c.category).where(
            product.c.code.in_(wanted[start : start + _CHUNK]),
            product.c.valid_from <= at,
            or_(product.c.valid_to.is_(None), product.c.valid_to > at),
        )
        out.update({row.code: row.category for row in tx.execute(query)})
    return out

"""Tables of households in the state store, and their queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import BigInteger, Column, Connection, LargeBinary, Table

from zerodistance.core.identity.households.columns import STILL, Ints
from zerodistance.kernel import bulk
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.state import metadata

household_member = Table(
    "household_member",
    metadata,
    Column("household", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "subject", BigInteger, primary_key=True, autoincrement=False, index=True
    ),  # the earliest of the person
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger),  # null: still
    sqlite_with_rowid=False,
)

household_home = Table(
    "household_home",
    metadata,
    Column("household", BigInteger, primary_key=True, autoincrement=False),
    Column("home", LargeBinary(16), primary_key=True),  # token of the address
    Column(
        "subject", BigInteger, primary_key=True, autoincrement=False, index=True
    ),  # the member whose address says so
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("address", LargeBinary, nullable=False),  # district, estate, building, unit, room; sealed
    sqlite_with_rowid=False,
)

household_alias = Table(
    "household_alias",
    metadata,
    Column("old", BigInteger, primary_key=True, autoincrement=False),
    Column("household", BigInteger, nullable=False, index=True),  # what it is part of now
    sqlite_with_rowid=False,
)

MADE_AT = "household_at"
"""Key of identity_number: when households were computed."""

MemberRow = tuple[int, int, int, int | None]
"""household, subject, since, until"""

INSERT_MEMBER = Bulk(
    "insert into household_member (household, subject, since, until) {rows}",
    household="bigint", subject="bigint", since="bigint", until="bigint",
)  # fmt: skip
DELETE_MEMBER = Bulk(
    "delete from household_member {using} where household = {household} and subject = {subject} and since = {since}",
    household="bigint", subject="bigint", since="bigint",
)  # fmt: skip
INSERT_HOME = Bulk(
    "insert into household_home (household, home, subject, since, until, address) {rows}",
    household="bigint", home="bytea", subject="bigint", since="bigint", until="bigint", address="bytea",
)  # fmt: skip
DELETE_HOME = Bulk(
    "delete from household_home {using} where household = {household} and home = {home} and subject = {subject}",
    household="bigint", home="bytea", subject="bigint",
)  # fmt: skip
UPSERT_ALIAS = Bulk(
    "insert into household_alias (old, household) {rows} on conflict (old) do update set household = excluded.household",
    key=("old",), old="bigint", household="bigint",
)  # fmt: skip
UPDATE_ALIAS = Bulk(
    "update household_alias set household = {household} {from} where household = {old}", household="bigint", old="bigint"
)  # fmt: skip


def member_columns(tx: Connection) -> Ints:
    """Return every row of members, shape (4, rows): household, subject, since, until, `STILL` where there is none."""
    return bulk.columns(
        tx, "select household, subject, since, coalesce(until, ?) from household_member", 4, (STILL,)
    )


def home_columns(tx: Connection) -> Ints:
    """Return every row of homes without the addresses, shape (6, rows): household, the home's two halves, subject, since, until."""
    parts = [np.zeros((6, 0), np.int64)]
    for found in bulk.stream(tx, "select household, home, subject, since, until from household_home"):
        household, home, subject, since, until = zip(*found, strict=True)
        rest = (household, subject, since, [STILL if one is None else one for one in until])
        numbers = [np.array(column, np.int64) for column in rest]
        parts.append(np.stack([numbers[0], *halves(b"".join(home)), *numbers[1:]]))
    return np.concatenate(parts, axis=1)


def halves(tokens: bytes) -> Ints:
    """Return tokens of 16 bytes, one after the other, as numbers: shape (2, tokens)."""
    return np.frombuffer(tokens, ">i8").astype(np.int64).reshape(-1, 2).T


def tokens(halves: Ints) -> list[bytes]:
    """Return what `halves` came from."""
    return [row.tobytes() for row in np.ascontiguousarray(halves.T, ">i8")]


def member_rows(tx: Connection) -> list[MemberRow]:
    """Return every row of members."""
    found = bulk.stream(tx, "select household, subject, since, until from household_member")
    return [(h, s, since, until) for part in found for h, s, since, until in part]


def of_persons(tx: Connection, persons: Sequence[int]) -> list[tuple[int, int, int, int | None]]:
    """Return (person, household, since, until) of persons."""
    sql = (
        "select s.person, m.household, m.since, m.until from subject s join household_member m on m.subject = s.number "
        "where s.person in {values}"
    )
    return [(p, h, since, until) for p, h, since, until in bulk.among(tx, sql, persons)]


def members(tx: Connection, household: int) -> list[tuple[int, int, int, int | None]]:
    """Return (person, subject, since, until), the earliest first."""
    sql = (
        "select s.person, m.subject, m.since, m.until from household_member m join subject s on s.number = m.subject "
        "where m.household = ? order by m.since, m.subject"
    )
    return [(p, s, since, until) for p, s, since, until in bulk.rows(tx, sql, (household,))]


def homes(tx: Connection, household: int) -> list[tuple[bytes, int, int | None, bytes]]:
    """Return (home, since, until, sealed address), in order; one row for each who says so."""
    sql = "select home, since, until, address from household_home where household = ? order by since, home"
    return [(bytes(h), since, until, a) for h, since, until, a in bulk.rows(tx, sql, (household,))]


def today(tx: Connection, household: int) -> int:
    """Return what a household is part of by now: itself, or another."""
    found = bulk.value(tx, "select household from household_alias where old = ?", (household,))
    return household if found is None else int(found)


def made_at(tx: Connection) -> int:
    """Return when households were computed, 0: never."""
    return int(bulk.value(tx, "select value from identity_number where key = ?", (MADE_AT,)) or 0)


def where_home(household: int, home: bytes) -> bytes:
    """Return the place an address is sealed for."""
    return f"household/{household}/".encode() + home

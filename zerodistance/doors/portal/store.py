"""Tables of the portal in the state store: accounts, sessions, one-time links, API keys. Times are microseconds UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from zerodistance.kernel.state import Number, metadata

account = Table(
    "account",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),  # admin, analyst, planner, marketer
    Column("units", Text),  # numbers of units, with commas; null: every unit
    Column("password", Text),  # argon2id; null until the one-time link was used
    Column("lang", Text),  # zh, en; null: as the browser asks
    Column("theme", Text),  # light, dark; null: as the system
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    sqlite_autoincrement=True,
)

session = Table(
    "portal_session",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),  # SHA-256 of what the cookie holds
    Column("account", Integer, nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

once = Table(
    "portal_once",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),
    Column("account", Integer, nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

failure = Table(
    "portal_failure",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("key", LargeBinary, nullable=False),  # keyed hash of account and address
    Column("at", BigInteger, nullable=False),
    Index("ix_portal_failure_key_at", "key", "at"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("units", Text),  # numbers of units, with commas; null: every unit
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("off_at", BigInteger),
    sqlite_autoincrement=True,
)

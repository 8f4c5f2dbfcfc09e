"""Tables of operations in the state store: sizes over time, alerts, what has to be sent of them. Times are microseconds UTC.

They name stores, jobs and sources, never a person.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from zerodistance.kernel.state import Number, metadata

store_size = Table(
    "store_size",
    metadata,
    Column("at", BigInteger, primary_key=True),
    Column("store", Text, primary_key=True),  # disk.STORES, and `free` for the disk
    Column("bytes", BigInteger, nullable=False),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),  # conditions.KINDS
    Column("about", Text, nullable=False),  # stage, source key or job; empty: the whole home
    Column("severity", Text, nullable=False),  # bad, warn, note
    Column("figures", Text, nullable=False),  # JSON: numbers and words that fill its sentence
    Column("opened_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("acknowledged_at", BigInteger),
    Column("acknowledged_by", Text),  # name of an account
    Index("ix_alert_kind_about", "kind", "about"),
    Index("ix_alert_closed_at", "closed_at"),
    sqlite_autoincrement=True,
)

delivery = Table(
    "alert_delivery",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("alert", BigInteger, nullable=False, index=True),
    Column("change", Text, nullable=False),  # opened, closed
    Column("made_at", BigInteger, nullable=False),
    Column("next_at", BigInteger, index=True),  # when it is sent or tried again; null: it is done
    Column("tries", Integer, nullable=False, default=0),
    Column("delivered_at", BigInteger),
    Column("last_error", Text),
    sqlite_autoincrement=True,
)

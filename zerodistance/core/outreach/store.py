"""Tables of what may be said to whom, in the state store. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, Table, Text

from zerodistance.kernel.state import Number, metadata

consent = Table(
    "outreach_consent",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("subject", BigInteger, nullable=False),  # the address that it belongs to, never a person
    Column("purpose", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),  # given, withdrawn
    Column("said_at", BigInteger, nullable=False),
    Column("place", Text, nullable=False),  # where: a page, a form, a store
    Column("text_version", Text, nullable=False),  # what was agreed to
    Column("source", Text, nullable=False),  # how it came: touch, link, import, account, complaint
    Column("proof", Text, nullable=False),  # what shows it: a touch, a ticket, an account
    Column("origin", Integer, nullable=False),  # 0, or the import whose undoing takes it back
    Column("noted_at", BigInteger, nullable=False),
    Index("ix_outreach_consent_subject", "subject"),
    Index("ix_outreach_consent_origin", "origin"),
    sqlite_autoincrement=True,
)
"""Every word of consent that was ever said; the latest said holds."""

consent_now = Table(
    "outreach_consent_now",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("subject", BigInteger, primary_key=True, autoincrement=False, index=True),
    Column("state", Text, nullable=False),
    Column("said_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What holds now, one row an address, purpose and channel of which anything was said."""

suppressed = Table(
    "outreach_suppressed",
    metadata,
    Column(
        "mark", LargeBinary(16), primary_key=True
    ),  # keyed hash of the token: nobody is known by it anywhere else
    Column("purpose", Text, primary_key=True),  # empty: whatever for
    Column("reason", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("subject", BigInteger, index=True),  # null: nobody has the address, or they were forgotten
    Column("said_at", BigInteger, nullable=False),
    Column("until_at", BigInteger),  # null: for good
    Column("source", Text, nullable=False),  # a list, a bounce, an account
)
"""Addresses to which nothing is sent, whatever consent says. A mark stays when its person is forgotten: they are not to be written to again."""

contact = Table(
    "outreach_contact",
    metadata,
    Column("message", Text, primary_key=True),
    Column("subject", BigInteger, nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("unit", BigInteger, nullable=False),  # 0: of no unit
    Column("day", Integer, nullable=False),  # of the brand's zone, days since 1970-01-01
    Column("booked_at", BigInteger, nullable=False),
)
"""The ledger of budgets: what was handed over, or is just being."""

policy = Table(
    "outreach_policy",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("said", Text, nullable=False),  # JSON of limits.Policy
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)

template = Table(
    "outreach_template",
    metadata,
    Column("key", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("said", Text, nullable=False),  # JSON of templates.Template
    Column("unit", BigInteger),
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("off", SmallInteger, nullable=False),  # 1: this version withdraws it
)

word_list = Table(
    "outreach_word_list",
    metadata,
    Column("key", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("said", Text, nullable=False),  # JSON of words.WordList
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)

approval = Table(
    "outreach_approval",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("about", Text, nullable=False, unique=True),  # what is to be approved: the key of a send
    Column("said", Text, nullable=False),  # JSON of what the second account reads
    Column("size", Integer, nullable=False),  # persons
    Column("unit", BigInteger),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", BigInteger),
    Column("granted", SmallInteger),  # 1, 0; null: nobody has decided
    Column("why", Text, nullable=False),
    sqlite_autoincrement=True,
)

cursor = Table(
    "outreach_cursor",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""How far recurring work has come."""

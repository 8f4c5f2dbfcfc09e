"""Tables of feeds in the state store. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, Table, Text

from zerodistance.kernel.state import metadata

source_feed = Table(
    "source_feed",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("source", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("place", Text, nullable=False),  # what people call where it is: no credential
    Column("every", Float, nullable=False),  # seconds
    Column("text", Text, nullable=False),  # the feed file
    Column("mapping", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("paused_at", BigInteger),
    Column("next_at", BigInteger, nullable=False, index=True),
    Column("last_started_at", BigInteger),
    Column("last_finished_at", BigInteger),
    Column("failures", Integer, nullable=False, default=0),
    Column("error_code", Text),
    Column("error_zh", Text),
    Column("error_en", Text),
    Column("taken", BigInteger, nullable=False, default=0),  # imports asked for
    Column("rows", BigInteger, nullable=False, default=0),
    Column("progress", BigInteger, nullable=False, default=0),  # of the run under way
    Column("last_import", Integer),
    Column("position", LargeBinary),  # sealed: where the cursor stands; see cursors.py
    sqlite_autoincrement=True,
)

feed_file = Table(
    "feed_file",
    metadata,
    Column("feed", Integer, primary_key=True, autoincrement=False),
    Column("path", Text, primary_key=True),  # below the watched folder
    Column("size", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),  # its time of change as the file system says it
    Column("state", Text, nullable=False),  # taken, moved, refused
    Column("number", Integer),  # of the import
    Column("why", LargeBinary),  # sealed: a reason may quote the file
    Column("at", BigInteger, nullable=False),
)

feed_secret = Table(
    "feed_secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", BigInteger, nullable=False),
)

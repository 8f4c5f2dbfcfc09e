"""Tables of touchpoints in the state store, and their queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from zerodistance.kernel.state import Number, metadata

source = Table(
    "source",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("unit", Text),
    Column("write_key", Text, nullable=False, unique=True),
    Column("origins", Text, nullable=False, default=""),
    Column("event_bytes", Integer, nullable=False),
    Column("fresh_seconds", Integer),
    Column("created_at", BigInteger, nullable=False),
    Column("off_at", BigInteger),
    Column("events_per_second", Integer),
    Column("burst", Integer),
    Column("events_per_day", BigInteger),
    sqlite_autoincrement=True,
)

source_schema = Table(
    "source_schema",
    metadata,
    Column("source", Integer, primary_key=True),
    Column("type", Text, primary_key=True),  # track, identify, ...
    Column("name", Text, primary_key=True),  # of the event or page; empty: any that has none of its own
    Column("mode", Text, nullable=False),  # off, observe, quarantine
    Column("text", Text, nullable=False),  # JSON Schema, draft 2020-12
    Column("set_by", Text, nullable=False),
    Column("set_at", BigInteger, nullable=False),
)

schema_breach = Table(
    "schema_breach",
    metadata,
    Column("source", Integer, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("reason", Text, primary_key=True),  # path and rule; no value of the event
    Column("count", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)

feed = Table(
    "feed",
    metadata,
    Column("name", Text, primary_key=True),  # journal, import:<number>, replay
    Column("position", BigInteger, nullable=False),
    Column("moved_at", BigInteger, nullable=False),
)

batch = Table(
    "batch",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("feed", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("touches", Integer, nullable=False),
    Column("committed_at", BigInteger, nullable=False),
    Column("oldest_received_at", BigInteger),
    Column(
        "origin", Integer, nullable=False, server_default="0", index=True
    ),  # 0: live; else number of the import
)

tail = Table(
    "tail",
    metadata,
    Column("batch", Integer, primary_key=True),
    Column("file", Text, nullable=False),
    Column("touches", Integer, nullable=False),
    Column("bytes", Number, nullable=False),
    Column("committed_at", BigInteger, nullable=False),
)

seen = Table(
    "seen",
    metadata,
    Column("batch", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("count", Integer, nullable=False),
    Column("fingerprints", LargeBinary, nullable=False),  # uint64, little endian
)

source_hour = Table(
    "source_hour",
    metadata,
    Column("source", Integer, primary_key=True),
    Column("hour", BigInteger, primary_key=True),  # start of the hour of acceptance, microseconds UTC
    Column("counter", Text, primary_key=True),  # rules.COUNTERS
    Column("value", BigInteger, nullable=False),
)

source_last = Table(
    "source_last",
    metadata,
    Column("source", Integer, primary_key=True),
    Column("received_at", BigInteger, nullable=False),
    Column("happened_at", BigInteger, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("source", Integer, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("feed", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),  # sealed
    Column("at", BigInteger, nullable=False),
    Column("asked_at", BigInteger, index=True),  # when it was asked to be replayed
    Column("replayed_at", BigInteger),
    Column(
        "field", Text, nullable=False, server_default=""
    ),  # where in the row it is wrong; empty: not known
    Column("mended_at", BigInteger),
    Column("came", LargeBinary),  # sealed: what came, of a row that was mended
    Column("remapping", Integer),  # the mapping that an import's row is replayed under, instead of its own
    Column("dismissed_at", BigInteger),  # given up: not replayed, and goes when its time has come
    Column("dismissed_by", Text),
    Column("dismissed_why", Text),
    # all that the groups are counted by: the rows themselves are long and need not be read
    Index("ix_quarantine_group", "source", "reason", "field", "replayed_at", "dismissed_at", "at"),
    sqlite_autoincrement=True,
)

remapping = Table(
    "remapping",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("mapping", Text, nullable=False),  # the TOML
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

sealed_text = Table(
    "sealed_text",
    metadata,
    Column("batch", Integer, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("subject", BigInteger, index=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("raw", LargeBinary, nullable=False),  # sealed
)

import_job = Table(
    "import_job",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("source", Integer, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("file_hash", Text, nullable=False),
    Column("mapping", Text, nullable=False),  # the TOML
    Column("mapping_hash", Text, nullable=False),
    Column("columns", Text, nullable=False),  # JSON: [name, type] of the file's columns
    Column("rows", BigInteger),  # of the file; of CSV its line ends until it is read
    Column("state", Text, nullable=False),  # waiting, running, done, failed, stopped, undoing, undone
    Column("error", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("accepted", BigInteger, nullable=False, default=0),
    Column("duplicates", BigInteger, nullable=False, default=0),
    Column("refused", BigInteger, nullable=False, default=0),
    Column("staged", Boolean, nullable=False, default=True),
    UniqueConstraint("source", "file_hash", "mapping_hash"),
    sqlite_autoincrement=True,
)

import_draft = Table(
    "import_draft",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("file_name", Text, nullable=False),
    Column("file_hash", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("guess", LargeBinary, nullable=False),  # sealed: its columns have samples
    Column("mapping", Text, nullable=False),  # TOML, perhaps unfinished
    Column("taken_from", Integer),  # the import whose mapping it is
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

set_aside = Table(
    "set_aside",
    metadata,
    Column("batch", Integer, primary_key=True, autoincrement=False),
    Column("origin", Integer, nullable=False),  # of these rows
    Column("at", BigInteger, nullable=False, index=True),
    Column("touches", Integer, nullable=False),
    Column("fingerprints", LargeBinary, nullable=False),  # as in seen
    Column("raw", LargeBinary, nullable=False),  # sealed; see batches.pack
    Column("due", Integer, index=True),  # the undo_request that lets them come back
)

own_touch = Table(
    "own_touch",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("said_at", BigInteger, nullable=False),
    Column("touches", Integer, nullable=False),
    Column("rows", LargeBinary, nullable=False),  # Arrow stream of contracts.SAID
    sqlite_autoincrement=True,
)

undo_request = Table(
    "undo_request",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("import_job", Integer, nullable=False, index=True),
    Column("touches", BigInteger),  # counted before the first of them is removed, as in forget_request
    Column("counted", Text),  # JSON: what will be removed
    Column("purpose", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Column("report", Text),  # JSON
    sqlite_autoincrement=True,
)

forget_request = Table(
    "forget_request",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subjects", Text, nullable=True),  # JSON list of subject numbers; emptied when it is done
    Column("what", Text, nullable=False),  # the public id that was named
    Column(
        "touches", BigInteger
    ),  # counted before the first of them is removed: a crash in between loses no count
    Column("purpose", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Column("certificate", Text),  # JSON
    Column("tombstone", LargeBinary),  # sealed: the tokens, for as long as a backup may bring them back
    sqlite_autoincrement=True,
)

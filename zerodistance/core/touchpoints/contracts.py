"""What crosses the door of touchpoints: sources, touches, batches, and what other rooms plug into digestion."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection

from zerodistance.core.touchpoints.signs import Signs
from zerodistance.kernel.text import Text

UTC_US = pa.timestamp("us", tz="UTC")

TOUCHES = pa.schema(
    [
        ("batch", pa.int64()),  # micro-batch that committed it; (batch, row) is the key
        ("row", pa.int32()),
        ("source", pa.int32()),  # number of the source
        ("source_id", pa.string()),  # the source's own id of it: messageId, ticket, or file hash:row
        ("kind", pa.string()),  # key of the typed touch kind, see kinds.py
        ("name", pa.string()),  # event or page name as sent
        (
            "subject",
            pa.int64(),
        ),  # strongest identifier or record on it; null: nothing on it points at anybody
        ("happened_at", UTC_US),
        ("original_at", UTC_US),  # as the client said it
        ("sent_at", UTC_US),
        ("received_at", UTC_US),
        ("known_at", UTC_US),  # when the brand could first know it
        ("month", pa.string()),  # of acceptance, 2026-11; the lake's partition
        ("product", pa.string()),  # product code
        ("category", pa.string()),  # category key
        ("quantity", pa.float64()),  # pieces; negative: returned
        ("amount", pa.float64()),  # money in `currency`; negative: paid back
        ("currency", pa.string()),  # ISO 4217
        ("duration", pa.float64()),  # seconds
        ("energy", pa.float64()),  # kilowatt hours
        ("warnings", pa.float64()),  # how often an appliance warned
        ("fault", pa.string()),  # fault code
        ("place", pa.string()),  # place, area or country code
        ("order_id", pa.string()),
        ("channel", pa.string()),  # library or channel it came through
        ("page", pa.string()),  # path without query
        ("referrer", pa.string()),  # host only
        ("campaign", pa.string()),
        ("body", pa.string()),  # JSON of the rest, without personal data; nothing we ship reads it
    ]
)
"""One row per accepted touch. Times are UTC microseconds. Key: (batch, row). Source: journal and imports."""

BUILT = pa.schema([f for f in TOUCHES if f.name not in ("batch", "row", "subject")])
"""The columns a feed fills; the digest adds batch, row and subject."""


OWN_SOURCE = "zerodistance"
"""Key of the source that stands for ourselves: what apps say happened comes from it."""

SAID = pa.schema(
    [
        ("subject", pa.int64()),  # whom it happened to, as identity numbered it
        ("kind", pa.string()),
        ("happened_at", pa.int64()),  # microseconds UTC
        ("message_id", pa.string()),  # its id for ever: said twice counts once
        ("campaign", pa.string()),
        ("channel", pa.string()),
        ("product", pa.string()),
        ("category", pa.string()),
        ("quantity", pa.float64()),
        ("amount", pa.float64()),
        ("currency", pa.string()),
        ("place", pa.string()),
        ("order_id", pa.string()),
    ]
)
"""What an app says happened, one row a touch; only the first four are needed. See own.say."""


def widened(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows in the columns of `TOUCHES` or `BUILT`; what was written before a column was there has null in it."""
    missing = [one for one in schema if one.name not in rows.column_names]
    for one in missing:
        rows = rows.append_column(one, pa.nulls(len(rows), one.type))
    return rows.select(schema.names) if missing else rows


KINDS_OF_SOURCE = ("web", "app", "server", "device", "call", "store", "social", "import")


@dataclass(frozen=True)
class Source:
    """A place where touches come from.

    Attributes
    ----------
    number
        Its number in the log; never reused.
    origins
        Web origins that may send from a browser, `*` for any; empty: none.
    event_bytes
        Largest size of one event, bytes of JSON; a larger one goes to the quarantine.
    fresh_seconds
        After how long without a touch it counts as stale; None: never.
    events_per_second, burst
        Events its clients may send a second, and at once after a pause (None: ten seconds' worth); None: no limit.
    events_per_day
        Events its clients may send from midnight to midnight in the home's zone; None: no limit.
    """

    number: int
    key: str
    name: Text
    kind: str
    unit: str | None
    write_key: str
    origins: tuple[str, ...]
    event_bytes: int
    fresh_seconds: int | None
    created_at: int
    off_at: int | None
    events_per_second: int | None = None
    burst: int | None = None
    events_per_day: int | None = None

    @property
    def limited(self) -> bool:
        """Say whether there is a limit to what it may send."""
        return self.events_per_second is not None or self.events_per_day is not None


@dataclass(frozen=True)
class Refused:
    """A row that can't become a touch; kept in the quarantine with its reason.

    Attributes
    ----------
    reason
        Stable code, see rules.REASONS.
    detail
        What was given and what is allowed, without the raw value of personal fields.
    raw
        The row as it came; sealed before it is stored.
    place
        Where it stood: `message 3` or `row 17`.
    feed
        The feed that it came by first, if the batch is another one's (a replay); None: the batch's.
    row
        Of the journal or the quarantine, which held it; None: it comes from a file.
    """

    source: int
    reason: str
    detail: str
    raw: bytes
    place: str
    at: int
    feed: str | None = None
    row: int | None = None


@dataclass
class Facts:
    """Personal fields on the touches of one batch, for the vault: name, birthday, gender, address, city, ..."""

    row: list[int] = dataclasses.field(default_factory=list)
    field: list[str] = dataclasses.field(default_factory=list)
    value: list[str] = dataclasses.field(default_factory=list)

    def add(self, row: int, name: str, value: str) -> None:
        """Note one field."""
        self.row.append(row)
        self.field.append(name)
        self.value.append(value)


Refuse = Callable[[int, str, str], Refused]


@dataclass
class Batch:
    """What one commit will take in.

    Attributes
    ----------
    feed, position
        Where it comes from and how far the feed is read once it is committed.
    touches
        Arrow table with the columns of `BUILT`.
    fingerprints
        uint64 per touch, of source and source id, for deduplication.
    texts
        (touch row, bytes): free text and other raw parts that were taken out of the body.
    counts
        (source number, counter name) -> number; see rules.COUNTERS.
    forever
        True: the feed's source ids are unique for ever (imports), not for the deduplication window only.
    replayed
        Quarantine ids that this batch takes up again; marked in the same commit.
    refuse
        Touch row, reason and detail -> the row as one that is refused: its commit failed and it is to blame.
    timings
        What was done for it before its commit began: (name, begin, end) in nanoseconds since 1970.
    breaches
        (source number, type, name, reason) -> touches that were taken in although they break an observed schema.
    origin
        0: collected live; else the number of the import whose rows these are, replayed ones too: what undoing it takes back.
    aside
        Rows that repeat a row of an import; kept in the same commit, for when that import is undone.
    returned
        Batches whose set-aside rows this one takes up again.
    nobody
        Why a touch is refused that points at nobody; empty: it is taken in like the others.
    subjects
        int64 per touch, whom it is about; None: its signs say so.
    said
        Rows of what apps have said that this batch takes in; they go in the same commit.
    """

    feed: str
    position: int
    touches: pa.Table
    fingerprints: npt.NDArray[np.uint64]
    signs: Signs = field(default_factory=Signs)
    facts: Facts = field(default_factory=Facts)
    texts: list[tuple[int, bytes]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    counts: Counter[tuple[int, str]] = field(default_factory=Counter)
    forever: bool = False
    replayed: list[int] = field(default_factory=list)
    refuse: Refuse | None = None
    timings: list[tuple[str, int, int]] = field(default_factory=list)
    breaches: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)
    origin: int = 0
    aside: Batch | None = None
    returned: list[int] = field(default_factory=list)
    nobody: str = ""
    subjects: npt.NDArray[np.int64] | None = None
    said: list[int] = field(default_factory=list)


@dataclass
class Recognised:
    """What recognition found for one batch.

    Attributes
    ----------
    subjects
        int64 per touch, 0 where nothing points at anybody.
    known
        bool per touch: the subject belongs to a person (not only to an anonymous visitor).
    counts
        Guard counters that bit, like Batch.counts.
    pending
        Whatever the recogniser will write in the commit.
    """

    subjects: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]
    counts: Counter[tuple[int, str]]
    pending: Any = None


class Recogniser(Protocol):
    """Says who a touch is about; identity is the one that does."""

    def recognise(self, batch: Batch) -> Recognised:
        """Look up or number the subjects of a batch; writes nothing."""
        ...

    def write(self, tx: Connection, found: Recognised, batch: int) -> None:
        """Write new subjects, evidence, vault entries and persons inside the commit."""
        ...

    def reset(self) -> None:
        """Forget what was kept in memory: the commit failed or somebody else wrote."""
        ...


class Follower(Protocol):
    """Takes in sealed or hot touches after their commit; profiles is one."""

    name: str

    def held(self) -> int:
        """Return the last batch that is in its stores."""
        ...

    def follow(self, touches: pa.Table, last_batch: int) -> None:
        """Take in the touches of every batch after `held()` up to `last_batch`; idempotent by batch number."""
        ...


class Forget(Protocol):
    """A room's share of forgetting."""

    def __call__(self, home: Any, subjects: Sequence[int]) -> dict[str, int]:
        """Remove what the room keeps of these subjects; return rows removed per store; may be run again."""
        ...

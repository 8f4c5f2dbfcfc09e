"""What crosses the door of feeds: what a feed file says, and how a feed is doing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from zerodistance.kernel.text import Text

KINDS: dict[str, Text] = {
    "folder": Text("文件夹", "folder"),
}
"""Kinds of feeds, by the name that a feed file gives them."""

Value = int | float | Decimal | datetime | date | str
"""What a cursor can stand at."""


@dataclass(frozen=True)
class Secret:
    """Where a credential is: an environment variable of the process that runs the feed, or a secret sealed in the home."""

    name: str
    env: bool = False
    prefix: str = ""


@dataclass(frozen=True)
class Files:
    """Which files are taken, and what becomes of them.

    Attributes
    ----------
    path
        The folder that is watched.
    patterns
        Globs below it; `**` stands for folders of any depth.
    settle
        Seconds for which size and time of a file must stay as they are before it is taken.
    marker
        Ending of a file that says that another one is whole, such as `.done`; empty: `settle` decides.
    move_to
        Folder below `path` that a file is moved to once it is kept; empty: it stays.
    """

    path: str
    patterns: tuple[str, ...] = ("*",)
    settle: float = 10.0
    marker: str = ""
    move_to: str = ""

    @property
    def deep(self) -> bool:
        """Whether folders below are looked into."""
        return any("/" in pattern for pattern in self.patterns)


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    files: Files

    @property
    def place(self) -> str:
        """What to call it."""
        return self.files.path


Where = Folder


@dataclass(frozen=True)
class Spec:
    """What a feed file says.

    Attributes
    ----------
    every
        Seconds from the end of one run to the next.
    source
        Key of the source, instead of the one that the mapping names.
    mapping
        Text of the mapping.
    """

    name: str
    kind: str
    every: float
    where: Where
    mapping: str = field(repr=False)
    source: str | None = None


@dataclass(frozen=True)
class Feed:
    """A feed and how it is doing. Times in microseconds UTC.

    Attributes
    ----------
    text
        The feed file as it was given; it holds no credential.
    next_at
        When it is due; None while it is paused.
    failures
        Runs that failed one after the other; 0: the last one did not.
    error
        Why the last run failed.
    taken
        Imports that it has asked for.
    rows
        Rows that it has read, of feeds that read rows.
    refused
        Files that were refused and have not changed since.
    running
        Since when a run is under way; None: none is.
    progress
        Rows or files that the run under way has read.
    last_import
        Number of the newest import.
    """

    number: int
    name: str
    kind: str
    source: int
    source_key: str
    place: str
    every: float
    text: str
    mapping: str
    created_by: str
    created_at: int
    paused_at: int | None
    next_at: int | None
    last_started_at: int | None
    last_finished_at: int | None
    failures: int
    error_code: str | None
    error: Text | None
    taken: int
    rows: int
    refused: int
    running: int | None
    progress: int
    last_import: int | None

    @property
    def state(self) -> str:
        """One word for how it is doing: paused, running, failing, refusing, waiting or well."""
        if self.paused_at is not None:
            return "paused"
        if self.running is not None:
            return "running"
        if self.failures:
            return "failing"
        if self.refused:
            return "refusing"
        return "waiting" if self.last_finished_at is None else "well"


@dataclass(frozen=True)
class FileSeen:
    """A file that a feed has met.

    Attributes
    ----------
    state
        `taken` or `refused`.
    number
        Of the import; None: it was refused.
    why
        Why it was refused.
    """

    path: str
    size: int
    state: str
    at: int
    number: int | None
    why: Text | None


@dataclass
class Outcome:
    """What one run did.

    Attributes
    ----------
    imports
        Numbers of the imports that were asked for.
    rows
        Rows read, of feeds that read rows.
    known
        Files or pulls whose content had been imported before.
    refused
        Files that were refused now.
    left
        Files that are still being written.
    more
        There is more, and the next run is due soon.
    """

    imports: list[int] = field(default_factory=list)
    rows: int = 0
    known: int = 0
    refused: int = 0
    left: int = 0
    more: bool = False

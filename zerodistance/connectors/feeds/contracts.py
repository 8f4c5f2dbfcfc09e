"""What crosses the door of feeds: what a feed file says, and how a feed is doing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


class DriverMissing(ZeroDistanceError):
    """What speaks to another system is not installed."""

    code, status = "driver_missing", 500
    text = Text(
        "没有安装 {kind} 的驱动；运行 pip install 'zerodistance[{extra}]'",
        "the driver for {kind} is not installed; run pip install 'zerodistance[{extra}]'",
    )


KINDS: dict[str, Text] = {
    "folder": Text("文件夹", "folder"),
    "sftp": Text("SFTP", "SFTP"),
    "sql": Text("数据库", "database"),
    "http": Text("HTTP 接口", "HTTP API"),
}
"""Kinds of feeds, by the name that a feed file gives them."""

RUN_SECONDS = (
    900.0  # own value: after so long a run ends at the next import or file, and others have their turn
)
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


@dataclass(frozen=True)
class Sftp:
    """A folder of an SFTP server.

    Attributes
    ----------
    host_keys
        Public keys that the server may show, `ssh-ed25519 AAAA...`; empty: nobody knows yet, and nobody logs in.
    """

    host: str
    port: int
    user: str
    files: Files
    host_keys: tuple[str, ...] = ()
    password: Secret | None = None
    key: Secret | None = None
    passphrase: Secret | None = None

    @property
    def place(self) -> str:
        """What to call it."""
        port = "" if self.port == 22 else f":{self.port}"
        return f"sftp://{self.user}@{self.host}{port}/{self.files.path.lstrip('/')}"


@dataclass(frozen=True)
class Cursor:
    """What tells rows that are new from those that were read.

    Attributes
    ----------
    field
        The column; of an API the field of a record, with dots between the steps to it.
    start
        Where the first run begins; None: with the first row.
    overlap
        How far before the place that it has reached a run begins: rows come late.
    param
        Of an API: the parameter that says from where on.
    format
        Of an API: how a time is written there, `iso`, `epoch_s` or `epoch_ms`.
    ordered
        Whether rows come in the order of the cursor; then what was read stands, even if a later page fails.
    """

    field: str
    start: Value | None = None
    overlap: timedelta | int | None = None
    param: str = ""
    format: str = "iso"
    ordered: bool = True


@dataclass(frozen=True)
class Sql:
    """A table or a query of a database.

    Attributes
    ----------
    url
        Its address, without a password.
    rows
        New rows after which an import ends and the next begins.
    """

    url: str
    place: str
    cursor: Cursor
    table: str = ""
    query: str = ""
    password: Secret | None = None
    rows: int = 500_000


@dataclass(frozen=True)
class Paging:
    """How an API goes on to its next page.

    Attributes
    ----------
    kind
        `none`; `page` or `offset`: a number in a parameter; `token`: a parameter that the page before named; `next`: an address in
        the answer; `link`: an address in the header `Link`.
    path
        Where token or address stand in the answer.
    size
        Records of a full page; a page with fewer is the last one. 0: nobody says, an empty page is the last one.
    """

    kind: str = "none"
    param: str = ""
    path: tuple[str, ...] = ()
    first: int = 1
    size_param: str = ""
    size: int = 0


@dataclass(frozen=True)
class Http:
    """An HTTP API that lists records as JSON.

    Attributes
    ----------
    records
        Keys that lead to the array of records; empty: the answer is the array.
    """

    url: str
    place: str
    headers: dict[str, str | Secret] = field(default_factory=dict)
    params: dict[str, str | Secret] = field(default_factory=dict)
    records: tuple[str, ...] = ()
    cursor: Cursor | None = None
    paging: Paging = field(default_factory=Paging)
    max_page_bytes: int = 32 << 20
    max_pages: int = 10_000


Where = Folder | Sftp | Sql | Http


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

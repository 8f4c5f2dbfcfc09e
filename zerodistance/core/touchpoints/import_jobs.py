"""Import jobs: which file under which mapping is taken in, how far it is, and that nothing is taken in twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, RowMapping, insert, select, update

from zerodistance.core.touchpoints import ledger, sources, staging, store
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.core.touchpoints.import_errors import (
    ImportEnded,
    ImportUndoing,
    NoFile,
    NoSuchSource,
    SourceOff,
)
from zerodistance.core.touchpoints.mapper import Mapper, Origin
from zerodistance.core.touchpoints.mapping import Mapping, parse
from zerodistance.core.touchpoints.rows import look_through, open_rows
from zerodistance.kernel import clock, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

OPEN = ("waiting", "running")
_AGAIN = (
    "failed",
    "stopped",
    "undone",
)  # the same file may be taken up again: from where it stood, or from its beginning
_ABANDONED = 86_400  # own value, seconds: nobody copies a file for longer than a day


@dataclass(frozen=True)
class Job:
    """One file under one mapping. Times in microseconds UTC.

    Attributes
    ----------
    state
        waiting, running, done, failed, stopped, undoing or undone.
    read
        Rows of the file that are committed, good or refused.
    rows
        Rows of the file; of CSV and workbooks about, until it is read.
    """

    number: int
    source: int
    source_key: str
    file_name: str
    file_hash: str
    mapping: str
    columns: tuple[tuple[str, str], ...]
    rows: int | None
    state: str
    error: str | None
    created_by: str
    created_at: int
    started_at: int | None
    finished_at: int | None
    accepted: int
    duplicates: int
    refused: int
    read: int

    @property
    def feed(self) -> str:
        """Name of its feed."""
        return f"import:{self.number}"

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN


Found = tuple[list[tuple[str, str]], int | None]
"""Columns of a file with their types, and its rows where something tells them."""

Within = Callable[[Connection, Job], None]
"""Writes into the transaction that names an import."""


@dataclass(frozen=True)
class Held:
    """A file that lies sealed in the home: where, under which name it came, its SHA-256 in hex, and its line ends."""

    path: Path
    name: str
    hash: str
    lines: int


@dataclass(frozen=True)
class Created:
    """What asking for an import led to.

    Attributes
    ----------
    new
        False: this file was imported under this mapping before, or is being.
    made_source
        The source did not exist and was made.
    """

    job: Job
    new: bool
    made_source: Source | None


def resolve_source(home: Home, who: Who, mapping: Mapping, key: str | None = None) -> tuple[Source, bool]:
    """Return the source that an import belongs to, made if the mapping says what it is; and whether it was made."""
    wanted = key or mapping.source.key
    try:
        found = sources.get_source(home, who, wanted)
    except sources.NoSource:
        if mapping.source.name is None or wanted != mapping.source.key:
            raise NoSuchSource(key=wanted) from None
        spec = mapping.source
        return sources.create_source(
            home, who, key=spec.key, name=mapping.source.name, kind=spec.kind, unit=spec.unit
        ), True
    if found.off_at is not None:
        raise SourceOff(key=wanted)
    return found, False


def create(home: Home, who: Who, path: Path, mapping_text: str, source_key: str | None = None) -> Created:
    """Keep a file durably for import; the worker takes it in. The same file under the same mapping is taken in once.

    Raises
    ------
    Forbidden
        The account may not import.
    MappingWrong
        The mapping can't be read or does not fit the file.
    PackingWrong, TooMuch, JsonBroken, WorkbookBroken
        The file is damaged, encrypted, cut off or too large.
    NoSuchSource, SourceOff, NoFile
        There is nothing to import into, or nothing to import.
    ImportUndoing
        An earlier import of the same file is being undone.
    """
    who.need(Permission.IMPORT)
    with open_file(path) as file:
        return create_from(home, who, file, path.name, mapping_text, source_key)


def create_from(
    home: Home,
    who: Who,
    stream: BinaryIO,
    name: str,
    mapping_text: str,
    source_key: str | None = None,
    within: Within | None = None,
) -> Created:
    """Keep what a stream holds, such as standard input or an upload, for import under a name; see `create`.

    Parameters
    ----------
    within
        Called in the transaction that names the import, or that finds it named before: what it writes holds if, and only if, the
        import does.
    """
    who.need(Permission.IMPORT)
    mapping = parse(mapping_text)
    found = None
    if stream.seekable():  # what breaks as a whole is found before anything is kept
        found = _fits(home, stream, mapping)
        stream.seek(0)
    staged, file_hash, lines = staging.stage(home, stream)
    try:
        if found is None:
            with staging.opened(home, staged) as file:
                found = _fits(home, file, mapping)
        source, made = resolve_source(home, who, mapping, source_key)
        values = _values(who, source, Held(staged, name, file_hash, lines), mapping, mapping_text, found)
        job, new = _name(home, staged, values, within)
        return Created(job, new, source if made else None)
    finally:
        staged.unlink(missing_ok=True)


def create_of(home: Home, who: Who, held: Held, mapping_text: str, within: Within | None = None) -> Created:
    """Keep a file for import that lies sealed in the home already, under a second name; see `create_from`."""
    who.need(Permission.IMPORT)
    mapping = parse(mapping_text)
    with staging.opened(home, held.path) as file:
        found = _fits(home, file, mapping)
    source, made = resolve_source(home, who, mapping)
    staged = staging.link(home, held.path)
    try:
        values = _values(who, source, held, mapping, mapping_text, found)
        job, new = _name(home, staged, values, within)
        return Created(job, new, source if made else None)
    finally:
        staged.unlink(missing_ok=True)


def _values(
    who: Who, source: Source, held: Held, mapping: Mapping, text: str, found: Found
) -> dict[str, Any]:
    columns, total = found
    return {
        "source": source.number, "file_name": held.name, "file_hash": held.hash, "mapping": text,
        "mapping_hash": mapping.hash, "columns": json.dumps(columns, ensure_ascii=False),
        "rows": held.lines if total is None else total, "state": "waiting", "error": None, "created_by": who.name,
        "staged": True,
    }  # fmt: skip


def _name(home: Home, staged: Path, values: dict[str, Any], within: Within | None) -> tuple[Job, bool]:
    """Name the import of a staged file, in one transaction; return its job, and whether it is new."""
    j = store.import_job
    with home.state.write() as tx:
        known = _known(tx, values["source"], values["file_hash"], values["mapping_hash"])
        if known is not None and known["state"] == "undoing":
            raise ImportUndoing(number=known["number"])
        if known is not None and known["state"] not in _AGAIN:
            job = _job(tx, known)
            if within is not None:
                within(tx, job)
            return job, False
        if known is None or known["state"] == "undone":
            values |= {"created_at": clock.micros(), "accepted": 0, "duplicates": 0, "refused": 0}
            values |= {"started_at": None, "finished_at": None}
        if known is None:
            done = tx.execute(insert(j).values(values)).inserted_primary_key
            assert done is not None
            number = int(done[0])
        else:
            number = int(known["number"])
            tx.execute(update(j).where(j.c.number == number).values(values))
        job = _job(tx, tx.execute(select(j).where(j.c.number == number)).mappings().one())
        if within is not None:
            within(tx, job)
        fault.point("import.named")
        staging.keep(home, staged, number)
        return job, True


def open_file(path: Path) -> BinaryIO:
    """Open the file of an import.

    Raises
    ------
    NoFile
        It can't be read.
    """
    try:
        return open(path, "rb")
    except OSError as error:
        why = {
            "FileNotFoundError": Text("没有这个文件", "there is none"),
            "PermissionError": Text("没有权限", "not permitted"),
        }
        kind = type(error).__name__
        raise NoFile(path=path, why=why.get(kind, Text(kind, kind))) from None


def _fits(home: Home, file: BinaryIO, mapping: Mapping) -> Found:
    """Return the file's columns and rows, or raise before anything is kept: what breaks as a whole is found here."""
    columns, total = binds(home, file, mapping)
    if total is None:
        total = look_through(file, mapping, limit=home.settings.max_import_bytes)
    return columns, total


def binds(home: Home, file: BinaryIO, mapping: Mapping) -> Found:
    """Return the file's columns, and its rows where it says so; raises where the mapping does not fit them."""
    rows = open_rows(file, mapping, limit=home.settings.max_import_bytes)
    mapper = Mapper(home, mapping, rows.schema, Origin(0, 1, "", 0), rows.targets)
    try:
        kinds = dict(mapper.types()) | rows.targets
        return [(name, kinds.get(name, "VARCHAR")) for name in rows.columns], rows.total
    finally:
        mapper.close()


def _known(tx: Connection, source: int, file_hash: str, mapping_hash: str) -> RowMapping | None:
    j = store.import_job
    same = (j.c.source == source, j.c.file_hash == file_hash, j.c.mapping_hash == mapping_hash)
    return tx.execute(select(j).where(*same)).mappings().first()


def _job(tx: Connection, row: RowMapping) -> Job:
    values: dict[str, Any] = {k: v for k, v in row.items() if k not in ("mapping_hash", "staged")}
    key = tx.execute(
        select(store.source.c.key).where(store.source.c.number == row["source"])
    ).scalar_one_or_none()
    values["columns"] = tuple((name, kind) for name, kind in json.loads(row["columns"]))
    return Job(
        **values, source_key=key or str(row["source"]), read=ledger.position(tx, f"import:{row['number']}")
    )


def get(home: Home, who: Who, number: int) -> Job:
    """Return one job with how far it is.

    Raises
    ------
    NotFound
        There is none with this number at a source that the account sees.
    """
    who.need(Permission.IMPORT)
    job = load(home, number)
    if job.source not in _visible(home, who):
        raise NotFound(what=Text("导入", "import"), given=number)
    return job


def _visible(home: Home, who: Who) -> set[int]:
    return {source.number for source in sources.list_sources(home, who)}


def load(home: Home, number: int) -> Job:
    """Return one job, for the worker."""
    with home.state.read() as tx:
        row = (
            tx.execute(select(store.import_job).where(store.import_job.c.number == number)).mappings().first()
        )
        if row is None:
            raise NotFound(what=Text("导入", "import"), given=number)
        return _job(tx, row)


def jobs(home: Home, who: Who, limit: int = 100, *, source: str | None = None) -> list[Job]:
    """Return the newest jobs first, of the sources that this account sees, or of one of them by its key."""
    who.need(Permission.IMPORT)
    j = store.import_job
    seen = {one.number for one in sources.list_sources(home, who) if source in (None, one.key)}
    query = select(j).where(j.c.source.in_(seen)).order_by(j.c.number.desc()).limit(limit)
    with home.state.read() as tx:
        rows = tx.execute(query).mappings().all()
        return [_job(tx, row) for row in rows]


def open_ones(home: Home) -> list[int]:
    """Return the numbers of the jobs that are not finished, the oldest first."""
    j = store.import_job
    with home.state.read() as tx:
        return list(tx.execute(select(j.c.number).where(j.c.state.in_(OPEN)).order_by(j.c.number)).scalars())


def next_open(home: Home) -> int | None:
    """Return the number of the oldest job that is not finished."""
    return next(iter(open_ones(home)), None)


def origin(home: Home, job: Job) -> Origin:
    """Return whose rows a job maps."""
    limit = next((s.event_bytes for s in sources.every(home) if s.number == job.source), sources.EVENT_BYTES)
    return Origin(job.source, limit, job.file_hash, job.created_at, job.number)


def started(home: Home, number: int) -> None:
    """Note that the worker has begun or resumed a job."""
    j = store.import_job
    still = (j.c.number == number, j.c.state.in_(OPEN))
    with home.state.write() as tx:
        tx.execute(update(j).where(*still, j.c.started_at.is_(None)).values(started_at=clock.micros()))
        tx.execute(update(j).where(*still).values(state="running"))


def stop(home: Home, who: Who, number: int) -> Job:
    """End an open import between two of its batches: what is committed stays, its file goes. Imported again, it goes on there.

    Raises
    ------
    Forbidden
        The account may not import.
    NotFound
        There is none with this number.
    ImportEnded
        It is not open.
    """
    job, j = get(home, who, number), store.import_job
    values = {"state": "stopped", "finished_at": clock.micros(), "staged": False}
    with home.state.write() as tx:
        still = (j.c.number == number, j.c.state.in_(OPEN))
        if not tx.execute(update(j).where(*still).values(**values)).rowcount:
            raise ImportEnded(number=number, state=job.state)
    fault.point("import.stopped")
    staging.drop(home, number)
    return load(home, number)


def finished(home: Home, number: int, rows: int | None = None, error: str | None = None) -> None:
    """Note how an open job ended and remove its file; without an error every row of it is committed."""
    j = store.import_job
    values: dict[str, Any] = {
        "state": "failed" if error else "done",
        "error": error,
        "finished_at": clock.micros(),
        "staged": False,
    }
    if rows is not None:
        values["rows"] = rows
    with home.state.write() as tx:
        still = (j.c.number == number, j.c.state.in_(OPEN))
        if not tx.execute(update(j).where(*still).values(values)).rowcount:
            return  # somebody has stopped it
    fault.point("import.finished")
    staging.drop(home, number)


def tidy(home: Home) -> None:
    """Remove staged files that no open job needs: a process ended before it could."""
    j, folder = store.import_job, home.path("imports")
    with home.state.write() as tx:  # nobody names a new file meanwhile
        needed = {f"{n}.sealed" for n in tx.execute(select(j.c.number).where(j.c.state.in_(OPEN))).scalars()}
        for path in folder.glob("*.sealed"):
            if path.name not in needed:
                path.unlink(missing_ok=True)
    before = clock.micros() / clock.MICROS_PER_SECOND - _ABANDONED
    for path in folder.glob(".staging-*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)

"""Files that were uploaded and are not imported yet: sealed in the home, each with the mapping that somebody is working on.

A draft belongs to the account that uploaded it. It goes when its import has begun, when it is dropped, after a day, and whenever a
person is forgotten: the file may name them, and whoever uploaded it still has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from zerodistance.core.touchpoints import import_jobs, sources, staging, store
from zerodistance.core.touchpoints.dry_run import Report, dry_run_from
from zerodistance.core.touchpoints.mapping import Mapping, SourceSpec, moment, parse
from zerodistance.core.touchpoints.mapping_text import write
from zerodistance.core.touchpoints.quarantine import mask
from zerodistance.core.touchpoints.rows import open_rows
from zerodistance.core.touchpoints.sniff import Guess, column_of
from zerodistance.core.touchpoints.suggest import bare, suggest
from zerodistance.core.touchpoints.tail import sync_folder
from zerodistance.kernel import clock, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

KEPT = clock.MICROS_PER_DAY  # own value: how long an upload waits for its import
TRIED = 100_000  # own value: rows that a try looks at, a second or two
_PREVIEW, _LOOKED = 10, 200
_NAME = 200
_MAPPING = 256 << 10  # own value: bytes of a mapping file
_GUESS = b"import_draft"


class MappingTooLong(ZeroDistanceError):
    """A mapping is longer than one can be."""

    code, status = "mapping_too_long", 413
    text = Text("映射文件最长 {limit} 字节", "a mapping file has at most {limit} bytes")


@dataclass(frozen=True)
class Draft:
    """One uploaded file and its mapping so far. Times in microseconds UTC.

    Attributes
    ----------
    guess
        How the file is written; its columns with samples, which are personal data.
    mapping
        TOML, perhaps unfinished.
    taken_from
        The import whose mapping this is, because its file had the same columns; None: the mapping was guessed.
    """

    number: int
    file_name: str
    file_hash: str
    size: int
    lines: int
    guess: Guess
    mapping: str
    taken_from: int | None
    created_by: str
    created_at: int

    @property
    def goes_at(self) -> int:
        """When it goes by itself."""
        return self.created_at + KEPT


@dataclass(frozen=True)
class Preview:
    """The first rows of a file: names of its columns, cells by column (masked unless revealed), and rows that can't be read."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    unread: int
    revealed: bool


def keep(home: Home, who: Who, made: staging.Stager, digest: str, name: str, guess: Guess) -> Draft:
    """Keep a sealed file as a draft with a mapping: that of the newest import with the same columns, else a guessed one."""
    found = _same_columns(home, who, guess)
    text = write(_guessed(home, who, guess, name)) if found is None else _of_now(found[1])
    row = {
        "file_name": name, "file_hash": digest, "size": made.size, "lines": made.lines, "mapping": text,
        "guess": home.seal.seal(msgspec.json.encode(guess), _GUESS), "taken_from": found and found[0],
        "created_by": who.name, "created_at": clock.micros(),
    }  # fmt: skip
    with home.state.write() as tx:
        key = tx.execute(insert(store.import_draft).values(row)).inserted_primary_key
        assert key is not None
        number = int(key[0])
        made.path.replace(_path(home, number))
        sync_folder(home.path("imports"))
        fault.point("import.drafted")
    return get(home, who, number)


def count(home: Home, who: Who) -> int:
    """Return how many uploads an account has."""
    d = store.import_draft
    with home.state.read() as tx:
        return int(tx.execute(select(func.count()).where(d.c.created_by == who.name)).scalar_one())


def _guessed(home: Home, who: Who, guess: Guess, name: str) -> Mapping:
    """Return a guessed mapping into the one source that files come from, or into one that is named after the file."""
    files = [s for s in sources.list_sources(home, who) if s.kind == "import" and s.off_at is None]
    if len(files) == 1:
        spec = SourceSpec(files[0].key)
    else:
        stem = name.split(".")[0]
        key = re.sub(r"[^a-z0-9_-]+", "_", stem.casefold()).strip("_-")[:40] or "files"
        spec = SourceSpec(key) if any(s.key == key for s in files) else SourceSpec(key, Text(stem, stem))
    return suggest(guess, spec, home.settings.zone)


def _same_columns(home: Home, who: Who, guess: Guess) -> tuple[int, str] | None:
    """Return number and mapping of the newest import whose file was written alike and had the same columns."""
    names = [column.name for column in guess.columns]
    for job in import_jobs.jobs(home, who):
        if [name for name, _ in job.columns] == names and parse(job.mapping).format == guess.format:
            return job.number, job.mapping
    return None


def _of_now(text: str) -> str:
    """Return the mapping of an earlier import; where it says one moment for every row that was the moment of asking, and is now."""
    mapping = parse(text)
    if not mapping.times.fixed:
        return text
    return write(replace(mapping, times=replace(mapping.times, happened_at=moment(clock.micros()))))


def _path(home: Home, number: int) -> Path:
    return home.path("imports", f"draft-{number}.upload")


def drafts(home: Home, who: Who) -> list[Draft]:
    """Return the account's own uploads, newest first."""
    who.need(Permission.IMPORT)
    d = store.import_draft
    query = select(d).where(d.c.created_by == who.name).order_by(d.c.number.desc())
    with home.state.read() as tx:
        rows = tx.execute(query).mappings().all()
    return [_draft(home, row) for row in rows if _path(home, row["number"]).exists()]


def get(home: Home, who: Who, number: int) -> Draft:
    """Return one of the account's own uploads.

    Raises
    ------
    NotFound
        It has none with this number: it was imported, dropped, or went after a day.
    """
    with home.state.read() as tx:
        return _draft(home, _one(home, who, tx, number))


def _one(home: Home, who: Who, tx: Connection, number: int) -> Any:
    who.need(Permission.IMPORT)
    d = store.import_draft
    found = tx.execute(select(d).where(d.c.number == number, d.c.created_by == who.name)).mappings().first()
    if found is None or not _path(home, number).exists():
        raise NotFound(what=Text("上传的文件", "uploaded file"), given=number)
    return found


def _draft(home: Home, row: Any) -> Draft:
    guess = msgspec.json.decode(home.seal.open(row["guess"], _GUESS), type=Guess)
    return Draft(**{**row, "guess": guess})


@contextmanager
def _opened(home: Home, draft: Draft) -> Iterator[BinaryIO]:
    with staging.opened(home, _path(home, draft.number)) as file:
        yield file


def preview(home: Home, who: Who, number: int, *, reveal: bool = False) -> Preview:
    """Return the first rows of an upload by their form; as they are only to who may, and that is noted.

    They are read as its mapping says, and where that can't be read, as was guessed.
    """
    draft = get(home, who, number)
    if reveal:
        who.need(Permission.REVEAL)
        log("imports").warning("revealed", who=who.name, draft=number, rows=_PREVIEW)
    guessed = bare(draft.guess, SourceSpec("guessed"))
    with _opened(home, draft) as file:
        for mapping in (_unfinished(draft.mapping), guessed):
            try:
                rows = open_rows(file, mapping or guessed, limit=home.settings.max_import_bytes)
                piece = rows.read(_PREVIEW)
            except ZeroDistanceError:
                continue
            if not rows.schema.names:
                continue
            names, table = tuple(rows.schema.names), () if piece is None else piece.table.to_pylist()
            cells = tuple(tuple(_cell(cell, reveal) for cell in row.values()) for row in table[:_PREVIEW])
            return Preview(names, cells, 0 if piece is None else len(piece.bad), reveal)
    return Preview(tuple(column.name for column in draft.guess.columns), (), 0, reveal)


def _unfinished(text: str) -> Mapping | None:
    try:
        return parse(text, unfinished=True)
    except ZeroDistanceError:
        return None


def _cell(value: Any, reveal: bool) -> str:
    if value is None:
        return ""
    text = str(value)[:_NAME]
    return text if reveal else str(mask(text))


def set_mapping(home: Home, who: Who, number: int, text: str) -> Draft:
    """Keep the mapping that is being worked on, whether it can be read or not; look at the file anew where it says how that is written.

    Raises
    ------
    NotFound
        There is no such upload of this account.
    MappingTooLong
        Nothing was kept.
    """
    if len(text.encode("utf-8", "replace")) > _MAPPING:
        raise MappingTooLong(limit=f"{_MAPPING:,}")
    d = store.import_draft
    with home.state.write() as tx:
        _one(home, who, tx, number)
        tx.execute(update(d).where(d.c.number == number).values(mapping=text))
    return get(home, who, number)


def guess_again(home: Home, who: Who, number: int) -> Draft:
    """Replace the mapping by a guessed one."""
    draft = get(home, who, number)
    text = write(_guessed(home, who, draft.guess, draft.file_name))
    d = store.import_draft
    with home.state.write() as tx:
        tx.execute(update(d).where(d.c.number == number).values(mapping=text, taken_from=None))
    return get(home, who, number)


def reshape(home: Home, who: Who, number: int, **written: Any) -> Draft:
    """Look at an upload anew, as if it were written otherwise; a mapping that its columns no longer fit is guessed again.

    Parameters
    ----------
    written
        Fields of `Guess` that say how: encoding, delimiter, json_path, sheet, header_row.

    Raises
    ------
    MappingWrong, JsonBroken, WorkbookBroken
        It can't be read like that; nothing is changed.
    """
    draft = get(home, who, number)
    guess = replace(draft.guess, **written)
    mapping = _unfinished(draft.mapping)
    source = SourceSpec("files") if mapping is None else mapping.source
    anew = bare(guess, source)
    with _opened(home, draft) as file:
        rows = open_rows(file, anew, limit=home.settings.max_import_bytes)
        piece = rows.read(_LOOKED)
    values = {name: [] if piece is None else piece.table[name].to_pylist() for name in rows.schema.names}
    texts = {name: ["" if v is None else str(v) for v in found] for name, found in values.items()}
    columns = tuple(column_of(name, found) for name, found in texts.items())
    guess = replace(guess, columns=columns, rows=max(map(len, texts.values()), default=0))
    same = [c.name for c in columns] == [c.name for c in draft.guess.columns]
    if mapping is not None and same:
        mapping = replace(mapping, csv=anew.csv, json=anew.json, xlsx=anew.xlsx)
    else:
        mapping = suggest(guess, source, home.settings.zone)
    d, sealed = store.import_draft, home.seal.seal(msgspec.json.encode(guess), _GUESS)
    with home.state.write() as tx:
        said = {"guess": sealed, "mapping": write(mapping), "taken_from": None}
        tx.execute(update(d).where(d.c.number == number).values(**said))
    return get(home, who, number)


def columns_of(home: Home, who: Who, number: int) -> tuple[str, ...]:
    """Return the columns of an upload under its mapping; those that were guessed where it gives none."""
    draft = get(home, who, number)
    guessed = tuple(column.name for column in draft.guess.columns)
    mapping = _unfinished(draft.mapping)
    if mapping is None or _written(mapping) == _written(bare(draft.guess, mapping.source)):
        return guessed
    try:
        with _opened(home, draft) as file:
            rows = open_rows(file, mapping, limit=home.settings.max_import_bytes)
            return tuple(rows.schema.names) or guessed
    except ZeroDistanceError:
        return guessed


def _written(mapping: Mapping) -> tuple[object, ...]:
    return mapping.format, mapping.csv, mapping.csv.encoding, mapping.json, mapping.xlsx, mapping.members


def problem(home: Home, who: Who, number: int) -> ZeroDistanceError | None:
    """Return why an upload can't be imported under its mapping, as far as its beginning tells; None if it can."""
    draft = get(home, who, number)
    try:
        mapping = parse(draft.mapping)
        with _opened(home, draft) as file:
            import_jobs.binds(home, file, mapping)
    except ZeroDistanceError as error:
        if error.retry:
            raise
        return error
    return None


def try_out(home: Home, who: Who, number: int) -> Report:
    """Say what would become of the first rows of an upload; nothing is kept. See `dry_run`."""
    draft = get(home, who, number)
    with _opened(home, draft) as file:
        return dry_run_from(home, who, file, draft.mapping, most=TRIED)


def begin(home: Home, who: Who, number: int) -> import_jobs.Created:
    """Import an upload; the worker takes it in, and the draft is gone. See `import_jobs.create`."""
    with home.state.read() as tx:
        row = _one(home, who, tx, number)
    held = import_jobs.Held(_path(home, number), row["file_name"], row["file_hash"], row["lines"])

    def gone(tx: Connection, _: import_jobs.Job) -> None:
        tx.execute(delete(store.import_draft).where(store.import_draft.c.number == number))

    made = import_jobs.create_of(home, who, held, row["mapping"], gone)
    held.path.unlink(missing_ok=True)
    return made


def drop(home: Home, who: Who, number: int) -> None:
    """Remove an upload of this account."""
    with home.state.read() as tx:
        _one(home, who, tx, number)
    _remove(home, number)


def _remove(home: Home, number: int) -> None:
    d = store.import_draft
    with home.state.write() as tx:
        tx.execute(delete(d).where(d.c.number == number))
    _path(home, number).unlink(missing_ok=True)


def expire(home: Home) -> None:
    """Remove the uploads that nobody imported for a day, and files that no draft names."""
    _let_go(home, clock.micros() - KEPT)


def forget(home: Home) -> int:
    """Remove every upload: each may name who is forgotten. Return how many there were."""
    return _let_go(home, clock.micros())


def _let_go(home: Home, before: int) -> int:
    d = store.import_draft
    with home.state.write() as tx:  # nobody names a new file meanwhile
        gone = tx.execute(delete(d).where(d.c.created_at <= before)).rowcount
        kept = {_path(home, number).name for number in tx.execute(select(d.c.number)).scalars()}
        for path in home.path("imports").glob("draft-*.upload"):
            if path.name not in kept:
                path.unlink(missing_ok=True)
    return gone

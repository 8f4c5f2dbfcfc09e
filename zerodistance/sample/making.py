"""A city from block to file: blocks are made in several processes, then each file is put together slice by slice; memory has a bound."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zerodistance.kernel.text import Text
from zerodistance.sample import places, spool, truth, world
from zerodistance.sample.contracts import FileFact
from zerodistance.sample.digital import digital, handle_text
from zerodistance.sample.files import BY_SILO, FILES, File, edge, encoded
from zerodistance.sample.render import Rows
from zerodistance.sample.silos import club, crm, devices, messages, pos, service, shop, social, web
from zerodistance.sample.spool import Spool
from zerodistance.sample.town import Town

A = TypeVar("A")
B = TypeVar("B")
BLOCKS = Text("街区", "blocks of neighbours")
SILOS = Text("各系统的导出文件", "files of the systems")
Tell = Callable[[Text, int, int], None]
"""Hears how far it is: which stage, how many done, of how many."""

TRUTH = (
    "persons", "households", "residences", "contacts", "units", "needs", "faults", "outcomes", "texts", "influence",
)  # fmt: skip
_RECORDS = ("record", "person", "household")
_GROUP = 1 << 17  # rows of a group of a Parquet file


@dataclass(frozen=True)
class Job:
    """One block to be made."""

    world: str
    seed: int
    people: int
    block: places.Block
    folder: Path


@dataclass(frozen=True)
class Made:
    """What a block left beside its rows: tables of truth (one file each), households."""

    truth: dict[str, Path]
    households: int


@dataclass(frozen=True)
class Piece:
    """One slice of one file to be put together."""

    spool: Spool
    number: int
    low: int
    high: int


def make_block(job: Job) -> Made:
    """Make one block and leave it in the folder; runs in a process of its own."""
    pa.set_cpu_count(1)
    town = Town(world.load(job.world), job.seed, job.block, job.people)
    side, after = digital(town), service.serve(town)
    mail = messages.post(town)
    seen_rows, seen = web.browse(town, side, mail)
    post_rows, about, platform = social.post(town)
    for rows in _silos(town, after, side, mail, seen_rows, post_rows):
        spool.leave(town, rows, job.folder)
    author = np.flatnonzero(post_rows.person >= 0)
    person, on = post_rows.person[author], platform[author]
    pairs = np.unique(person * 8 + on)
    handles = pairs // 8, handle_text(town, pairs // 8, pairs % 8)
    tables = {
        "persons": truth.persons(town),
        "households": truth.households(town),
        "residences": truth.residences(town),
        "contacts": truth.contacts(town, side, seen, handles),
        "units": truth.units(town),
        "needs": truth.needs(town),
        "faults": truth.faults(town, after),
        "outcomes": truth.outcomes(town),
        "texts": truth.texts(town, [*after.texts, about]),
        "influence": truth.influence(town),
    }
    kept = {
        name: _keep(table, job.folder / f"truth.{name}-{town.number}.arrow") for name, table in tables.items()
    }
    return Made(kept, len(town.households))


def _silos(
    town: Town, after: service.Service, side: Any, mail: messages.Mail, seen: Rows, posts: Rows
) -> Iterator[Rows]:
    yield from crm.rows(town, after.callers)
    yield from club.rows(town)
    yield from pos.rows(town)
    yield from shop.rows(town)
    yield from service.rows(after)
    yield from web.rows(seen)
    yield posts
    yield from devices.rows(town, side)
    yield from messages.rows(mail)


def _keep(table: pa.Table, path: Path) -> Path:
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema, options=options) as out:
        out.write_table(table, max_chunksize=1 << 16)
    return path


def make_piece(piece: Piece) -> tuple[Path, Path, int]:
    """Put a slice of a file together; return the bytes (or columns), the records of the truth, and the number of rows."""
    pa.set_cpu_count(1)
    silo = piece.spool.silo
    file, table = BY_SILO[silo], spool.gather(piece.spool, piece.low, piece.high)
    stem = piece.spool.folder / f"{silo}.{piece.number}"
    records = _keep(table.select(_RECORDS), stem.with_name(stem.name + ".records"))
    body = stem.with_name(stem.name + ".part")
    if file.columns:
        _keep(table.drop_columns(["known", "tie", *_RECORDS]), body)
    else:
        body.write_bytes(encoded(file, table["line"], piece.number == 0))
    return body, records, len(table)


@contextmanager
def workers(processes: int) -> Iterator[Executor | None]:
    """Yield processes to work in; None where one is enough, and that is this one."""
    if processes <= 1:
        yield None
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def in_order(pool: Executor | None, work: Callable[[A], B], jobs: Iterable[A], ahead: int) -> Iterator[B]:
    """Yield what comes of each job, in their order, with a bounded number of them ahead."""
    if pool is None:
        yield from map(work, jobs)
        return
    waiting: list[Future[B]] = []
    rest = iter(jobs)
    waiting += [pool.submit(work, job) for job in islice(rest, ahead)]
    while waiting:
        done = waiting.pop(0).result()
        waiting += [pool.submit(work, job) for job in islice(rest, 1)]
        yield done


class _Parquet:
    """A Parquet file that grows by tables."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self.writer: pq.ParquetWriter | None = None
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, table: pa.Table) -> None:
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.path, table.schema, compression="zstd", compression_level=1)
        self.writer.write_table(table, row_group_size=_GROUP)
        self.rows += len(table)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


def blocks_of(
    pool: Executor | None, jobs: Sequence[Job], out: Path, tell: Tell
) -> tuple[int, dict[str, int]]:
    """Make every block; write the truth on the way; return the households and the rows of each table of the truth."""
    writers = {name: _Parquet(out / "truth" / f"{name}.parquet") for name in TRUTH}
    households = 0
    for number, made in enumerate(in_order(pool, make_block, jobs, 3)):
        for name, path in made.truth.items():
            writers[name].add(_read(path))
            path.unlink()
        households += made.households
        tell(BLOCKS, number + 1, len(jobs))
    for writer in writers.values():
        writer.close()
    return households, {f"truth/{name}.parquet": writer.rows for name, writer in writers.items()}


def _read(path: Path) -> pa.Table:
    with pa.OSFile(str(path), "rb") as file:
        return pa.ipc.open_file(file).read_all()


def silos_of(pool: Executor | None, blocks: int, folder: Path, out: Path, tell: Tell) -> dict[str, int]:
    """Put every silo file together, and beside it whom each row is about; return rows by path."""
    spools = {file.silo: Spool(folder, file.silo, blocks) for file in FILES}
    cuts = {silo: spool.slices(held) for silo, held in spools.items()}
    pieces = [
        Piece(spools[silo], number, low, high)
        for silo, cut in cuts.items()
        for number, (low, high) in enumerate(cut)
    ]
    rows: dict[str, int] = {}
    done = in_order(pool, make_piece, pieces, 4)
    for place, file in enumerate(FILES):
        written = _assemble(file, islice(done, len(cuts[file.silo])), out)
        rows[f"silos/{file.name}"] = rows[f"truth/records/{file.silo}.parquet"] = written
        spools[file.silo].remove()
        tell(SILOS, place + 1, len(FILES))
    return rows


def _assemble(file: File, pieces: Iterable[tuple[Path, Path, int]], out: Path) -> int:
    records = _Parquet(out / "truth" / "records" / f"{file.silo}.parquet")
    path = out / "silos" / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = _Parquet(path) if file.columns else None
    with path.open("wb") if columns is None else open_nothing() as body:
        if body is not None:
            body.write(edge(file, file.head))
        for part, about, many in pieces:
            table = _read(about)
            place = np.arange(records.rows, records.rows + many, dtype=np.int64)
            records.add(table.add_column(0, "row", pa.array(place)))
            if columns is not None:
                columns.add(_read(part))
            elif body is not None:
                body.write(part.read_bytes())
            part.unlink()
            about.unlink()
        if body is not None:
            body.write(edge(file, file.foot))
    if columns is not None:
        columns.close()
    records.close()
    return records.rows


@contextmanager
def open_nothing() -> Iterator[None]:
    """Stand where a file would be opened and none is needed."""
    yield None


def fact(root: Path, path: str, rows: int) -> FileFact:
    """Return size and hash of a file."""
    with (root / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileFact(path, rows, (root / path).stat().st_size, digest)

"""The log once more, the touches of a subject together: whoever asks for one person reads a few blocks, however long the log is.

A few files, each of the batches from one to another, in blocks of a thousand touches in the order of their subjects, packed and checked one by one. They are
made from the lake by a job, small ones becoming one as they grow, and never say more than the lake: what came since is read from there and from the tail.
Whoever is forgotten is taken out of every block.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from zerodistance.core.touchpoints import ledger, tail
from zerodistance.core.touchpoints.contracts import TOUCHES
from zerodistance.kernel import fault, files
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

TIMES = ("happened_at", "received_at", "known_at")
_LEFT_OUT = ("source_id", "original_at", "sent_at", "month", "body")
BOOK = pa.schema(
    [pa.field(f.name, pa.int64()) if f.name in TIMES else f for f in TOUCHES if f.name not in _LEFT_OUT]
)
"""One row a touch that points at somebody: the columns of `TOUCHES` that pages and profiles read; times are microseconds UTC."""
_MAGIC = b"ZDTOUCH2"
FORMAT = 2
"""Changes whenever the columns of a block do."""
_END = struct.Struct("<QQ8s")  # blocks, checksum of the list of blocks
_LISTED = np.dtype([("first", "<i8"), ("start", "<u8"), ("size", "<u4"), ("rows", "<u4"), ("check", "<u8")])
_ROWS = 1_024  # own value: unpacking a block takes some tenths of a millisecond
_AT_ONCE = 4_000_000  # own value: touches that are put in order in memory, some 150 bytes each
_MORE = 3  # own value: a file is written again with what comes while it is at most so many times as large
_TRIES = 20
_POINTER = "CURRENT"
Ints = npt.NDArray[np.int64]


class Broken(Exception):
    """A file is not what was written; what it said is in the lake."""


@dataclass(frozen=True)
class Leaf:
    """One file of it: the touches of the batches after `after` up to `upto`."""

    name: str
    after: int
    upto: int
    rows: int


@dataclass(frozen=True)
class Pages:
    """What the pointer says.

    Attributes
    ----------
    leaves
        In the order of their batches, without a gap from the first batch on.
    lake
        Names of the lake's files that held these batches when the last one was written: what is new lies in others.
    """

    leaves: tuple[Leaf, ...] = ()
    lake: frozenset[str] = frozenset()

    @property
    def upto(self) -> int:
        """The last batch that is in it, 0: none is."""
        return self.leaves[-1].upto if self.leaves else 0


class _Open:
    """A file, mapped."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self.size = os.fstat(file.fileno()).st_size
            if self.size < len(_MAGIC) + _END.size:
                raise Broken
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        many, check, magic = _END.unpack_from(self.map, self.size - _END.size)
        begins = self.size - _END.size - many * _LISTED.itemsize
        if magic != _MAGIC or begins < len(_MAGIC):
            raise Broken
        listed = self.map[begins : self.size - _END.size]
        if xxhash.xxh3_64_intdigest(listed) != check:
            raise Broken
        self.blocks = np.frombuffer(listed, _LISTED, many)
        self._first = np.ascontiguousarray(self.blocks["first"])

    def holding(self, subjects: Ints) -> list[int]:
        """Return the blocks in which these subjects (ascending) may stand."""
        if not len(subjects) or not len(self._first):
            return []
        low = np.maximum(np.searchsorted(self._first, subjects, "left") - 1, 0)
        high = np.searchsorted(self._first, subjects, "right")
        edges = np.zeros(len(self._first) + 1, np.int64)
        np.add.at(edges, low, 1)
        np.add.at(edges, np.maximum(high, low), -1)
        found: list[int] = np.flatnonzero(np.cumsum(edges)[:-1] > 0).tolist()
        return found

    def packed(self, block: int) -> bytes:
        """Return a block as it stands in the file; raises Broken."""
        one = self.blocks[block]
        if self.map.size() < self.size:  # reading what is gone would end the process
            raise Broken
        body = self.map[int(one["start"]) : int(one["start"]) + int(one["size"])]
        if xxhash.xxh3_64_intdigest(body) != int(one["check"]):
            raise Broken
        return body

    def read(self, block: int) -> pa.RecordBatch:
        """Return the touches of a block; raises Broken."""
        body = self.packed(block)
        raw = int.from_bytes(body[:8], "little")
        return pa.ipc.read_record_batch(pa.decompress(body[8:], raw, "zstd"), BOOK)


_open: dict[str, _Open] = {}
_kept: dict[str, tuple[tuple[int, int] | None, Pages]] = {}
_lock = threading.Lock()
_writing: dict[str, threading.RLock] = {}


def rows_of(home: Home, subjects: Sequence[int]) -> pa.Table:
    """Return every touch of some subjects, lake and tail, as a table of `BOOK`, in no order."""
    wanted = np.unique(np.array(subjects, np.int64))
    if not len(wanted):
        return BOOK.empty_table()
    for tries in range(_TRIES):
        try:
            return _rows_of(home, wanted)
        except FileNotFoundError:  # the sealer or the job has put other files in the place of these
            if tries == _TRIES - 1:
                raise
            time.sleep(0.01)
        except (Broken, pa.ArrowInvalid):
            log("touchpoints").error("book_damaged", path=str(_folder(home)))
            let_go(home)
    raise AssertionError


def _rows_of(home: Home, wanted: Ints) -> pa.Table:
    with home.state.read() as tx:
        hot, last = tail.listed(tx), ledger.last_batch(tx)
    pages = _pages(home)
    parts = [BOOK.empty_table()]
    for leaf in pages.leaves:
        one = _opened(_folder(home) / leaf.name)
        parts += [_only(pa.Table.from_batches([one.read(n)]), wanted) for n in one.holding(wanted)]
    held = pages.upto
    if held < (hot[0].batch - 1 if hot else last):
        sealed, more = _since(home, pages, wanted)
        parts.append(more)
        held = max(held, sealed)
    for file in hot:
        if file.batch > held:
            parts.append(_shaped(_only(tail.read_files(home, [file]), wanted)))
    return pa.concat_tables(parts)


def _only(rows: pa.Table, wanted: Ints) -> pa.Table:
    mine = np.isin(rows.column("subject").to_numpy(zero_copy_only=False), wanted)
    return rows.filter(pa.array(mine)) if mine.any() else rows.slice(0, 0)


def _shaped(rows: pa.Table) -> pa.Table:
    """Return touches as a table of `BOOK`."""
    made = [rows.column(f.name).cast(pa.int64()) if f.name in TIMES else rows.column(f.name) for f in BOOK]
    return pa.table(made, schema=BOOK)


def _since(home: Home, pages: Pages, wanted: Ints) -> tuple[int, pa.Table]:
    """Return up to which batch the lake holds the log, and of the batches that are not in the pages yet the touches of some subjects."""
    parts, held = home.lake.snapshot(tail.TABLE, tail.APP)
    fresh = [part for part in parts if os.path.basename(part) not in pages.lake]
    if held <= pages.upto or not fresh:
        return held, BOOK.empty_table()
    listed = ", ".join(str(one) for one in wanted.tolist())
    return held, _shaped(_asked(home, fresh, f"batch > {pages.upto} and subject in ({listed})"))


def _asked(home: Home, parts: Sequence[str], where: str) -> pa.Table:
    with home.engine.connect() as connection:
        return connection.sql(
            f"select {_columns()} from {tail.in_lake(connection, parts)} where {where}"
        ).to_arrow_table()


def _columns() -> str:
    return ", ".join(f"epoch_us({f.name}) as {f.name}" if f.name in TIMES else f.name for f in BOOK)


# -- writing


def lay(home: Home) -> bool:
    """Take in what the lake has got since the last time; return whether there was anything. Worker only."""
    with _writing_of(home):
        parts, held = home.lake.snapshot(tail.TABLE, tail.APP)
        pages = _pages(home)
        if held < pages.upto:  # a lake of another backup
            let_go(home)
            pages = Pages()
        if held == pages.upto:
            return False
        names = frozenset(os.path.basename(part) for part in parts)
        fresh = [part for part in parts if os.path.basename(part) not in pages.lake]
        _folder(home).mkdir(parents=True, exist_ok=True)
        kept, made = _laid(home, parts, fresh, pages, held)
        _point(home, Pages((*kept, made), names))
        return True


def _laid(
    home: Home, parts: Sequence[str], fresh: Sequence[str], pages: Pages, held: int
) -> tuple[Sequence[Leaf], Leaf]:
    """Write a file with what is new, and with the last files while they are small against that; return the files that stay, and it."""
    many, kept, first = _count(home, fresh, pages.upto), list(pages.leaves), pages.upto
    joined = list[Leaf]()
    while kept and kept[-1].rows <= _MORE * many:
        joined.append(kept.pop())
        many, first = many + joined[-1].rows, joined[-1].after
    path = _folder(home) / f"{first}-{held}-{os.urandom(4).hex()}.touches"
    if many <= _AT_ONCE:
        some = [_read_all(_folder(home) / one.name) for one in joined]
        where = f"batch > {pages.upto} and batch <= {held} and subject is not null"
        more = _asked(home, fresh, where) if fresh else BOOK.empty_table()
        rows = _write(path, iter([pa.concat_tables([*some, more.cast(BOOK)]).sort_by("subject")]))
    else:
        where = f"batch > {first} and batch <= {held} and subject is not null"
        with home.engine.connect() as connection:
            found = connection.sql(
                f"select {_columns()} from {tail.in_lake(connection, parts)} where {where} order by subject"
            )
            batches = found.to_arrow_reader(_ROWS * 64)
            rows = _write(path, (pa.Table.from_batches([batch]).cast(BOOK) for batch in batches))
    return kept, Leaf(path.name, first, held, rows)


def _count(home: Home, fresh: Sequence[str], after: int) -> int:
    if not fresh:
        return 0
    with home.engine.connect() as connection:
        sql = f"select count(*) from {tail.in_lake(connection, fresh)} where batch > {after} and subject is not null"
        ((many,),) = connection.execute(sql).fetchall()
    return int(many)


def _read_all(path: Path) -> pa.Table:
    one = _opened(path)
    return pa.Table.from_batches([one.read(n) for n in range(len(one.blocks))], BOOK)


def _write(path: Path, tables: Iterator[pa.Table]) -> int:
    """Write touches, in the order of their subjects, into a new file; return how many."""
    listed: list[tuple[int, int, int, int, int]] = []
    total, at = 0, len(_MAGIC)
    with path.open("wb", buffering=1 << 20) as file:
        file.write(_MAGIC)
        for table in tables:
            whole = table.combine_chunks()
            for start in range(0, len(whole), _ROWS):
                block = whole.slice(start, _ROWS).combine_chunks().to_batches()[0]
                body = _packed(block)
                file.write(body)
                listed.append(
                    (
                        block.column("subject")[0].as_py(),
                        at,
                        len(body),
                        len(block),
                        xxhash.xxh3_64_intdigest(body),
                    )
                )
                at += len(body)
                total += len(block)
        _end(file, listed)
    fault.point("touchpoints.book")
    return total


def _packed(block: pa.RecordBatch) -> bytes:
    raw = block.serialize()
    packed: bytes = pa.compress(raw, "zstd", asbytes=True)
    return len(raw).to_bytes(8, "little") + packed


def _end(file: BinaryIO, listed: Iterable[tuple[int, int, int, int, int]]) -> None:
    blocks = np.array(list(listed), _LISTED).tobytes()
    file.write(blocks)
    file.write(_END.pack(len(blocks) // _LISTED.itemsize, xxhash.xxh3_64_intdigest(blocks), _MAGIC))
    file.flush()
    os.fsync(file.fileno())


def forget(home: Home, subjects: Sequence[int]) -> int:
    """Take some subjects out of every block, and leave no older file; return how many touches that were. May be run again."""
    wanted, gone = np.unique(np.array(subjects, np.int64)), 0
    with _writing_of(home):
        pages = _pages(home)
        if not pages.leaves:
            return 0
        try:
            made = [_without(home, leaf, wanted) for leaf in pages.leaves]
        except (Broken, pa.ArrowInvalid, FileNotFoundError):
            let_go(home)
            return 0
        gone = sum(before.rows - after.rows for before, after in zip(pages.leaves, made, strict=True))
        _point(home, Pages(tuple(made), pages.lake))
    return gone


def _without(home: Home, leaf: Leaf, wanted: Ints) -> Leaf:
    """Write a file again without some subjects; other blocks are copied as they are."""
    one = _opened(_folder(home) / leaf.name)
    holding = {
        n for n in one.holding(wanted) if np.isin(one.read(n).column("subject").to_numpy(), wanted).any()
    }
    if not holding:
        return leaf
    path = _folder(home) / f"{leaf.after}-{leaf.upto}-{os.urandom(4).hex()}.touches"
    listed, total, at = list[tuple[int, int, int, int, int]](), 0, len(_MAGIC)
    with path.open("wb", buffering=1 << 20) as file:
        file.write(_MAGIC)
        for n, block in enumerate(one.blocks):
            body, first, rows = one.packed(n), int(block["first"]), int(block["rows"])
            if n in holding:
                left = one.read(n)
                left = left.filter(pa.array(~np.isin(left.column("subject").to_numpy(), wanted)))
                if not len(left):
                    continue
                body, first, rows = _packed(left), left.column("subject")[0].as_py(), len(left)
            file.write(body)
            listed.append((first, at, len(body), rows, xxhash.xxh3_64_intdigest(body)))
            at, total = at + len(body), total + rows
        _end(file, listed)
    return Leaf(path.name, leaf.after, leaf.upto, total)


def let_go(home: Home) -> None:
    """Remove all of it, since the lake is to lose touches; the job makes it anew."""
    folder = _folder(home)
    with _writing_of(home), _lock:
        _kept.pop(str(folder), None)
        for path in [key for key in _open if key.startswith(str(folder))]:
            del _open[path]
        (folder / _POINTER).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _point(home: Home, pages: Pages) -> None:
    """Make these files the valid ones, in one rename, and remove all others."""
    folder = _folder(home)
    body = json.dumps(
        {"format": FORMAT, "leaves": [asdict(leaf) for leaf in pages.leaves], "lake": sorted(pages.lake)}
    )
    fresh = folder / f"{_POINTER}.new"
    with fresh.open("w") as file:
        file.write(json.dumps({"body": body, "check": xxhash.xxh3_64_hexdigest(body.encode())}))
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, folder / _POINTER)
    files.sync(folder)
    names = {leaf.name for leaf in pages.leaves}
    with _lock:
        for path in folder.glob("*.touches"):
            if path.name not in names:
                _open.pop(str(path), None)
                path.unlink(missing_ok=True)


def _pages(home: Home) -> Pages:
    path = _folder(home) / _POINTER
    with _lock:
        try:
            stat = path.stat()
            sign = stat.st_ino, stat.st_mtime_ns
            held = _kept.get(str(path.parent))
            if held is not None and held[0] == sign:
                return held[1]
            outer = json.loads(path.read_text())
            if xxhash.xxh3_64_hexdigest(outer["body"].encode()) != outer["check"]:
                raise ValueError
            inner = json.loads(outer["body"])
            if (
                inner.get("format") != FORMAT
            ):  # of an earlier version of the program: the job makes all of it anew
                return Pages()
            found = Pages(tuple(Leaf(**one) for one in inner["leaves"]), frozenset(inner["lake"]))
        except FileNotFoundError:
            return Pages()
        except (ValueError, KeyError, TypeError):
            log("touchpoints").error("book_damaged", path=str(path))
            path.unlink(missing_ok=True)
            return Pages()
        _kept[str(path.parent)] = sign, found
        return found


def _opened(path: Path) -> _Open:
    with _lock:
        found = _open.get(str(path))
        if found is None:
            found = _open[str(path)] = _Open(path)
        return found


def _writing_of(home: Home) -> threading.RLock:
    """Return the lock that whoever writes it in this process holds; it is taken before `_lock`."""
    with _lock:
        return _writing.setdefault(str(home.root), threading.RLock())


def _folder(home: Home) -> Path:
    return home.path("index", "touches")

"""States once more, those of a subject together: a turn of the index reads a few people, for whom the table would be read from end to end.

A file of blocks of some hundred states in the order of their subjects, each packed and checked by itself, and at its end the first subject of each. The
first file holds the states of all batches up to one, each further one those that came after. They are made from the table and are never more than that:
whoever changes states that stand there lets go of them first.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from zerodistance.kernel import fault, files
from zerodistance.kernel.logs import log

Ints = npt.NDArray[np.int64]
Whole = npt.NDArray[Any]
"""Whole numbers of four or eight bytes."""
WORDS = ("kind", "category", "product", "place", "channel", "fault")
NUMBERS = (
    "n", "quantity", "amount", "duration", "quantities", "amounts", "durations", "largest", "first_at", "last_at",
)  # fmt: skip
COLUMNS = ("subject", "day", *WORDS, *NUMBERS)
_SHORT = ("day", *WORDS)  # of four bytes, and after them those of eight
_ROW = 8 + 4 * len(_SHORT) + 8 * len(NUMBERS)
_NONE = np.iinfo(np.int64).min
_MAGIC, _OLDER = b"ZDSTATE2", (b"ZDSTATE1",)
_PACKED = "lz4_raw"  # unpacked in a third of the time that zstd takes, and half as large again
_END = struct.Struct(
    "<QQQ8s"
)  # blocks, bytes of what is said of the file, checksum of that and of the list of blocks
_LISTED = np.dtype([("first", "<i8"), ("start", "<u8"), ("rows", "<u4"), ("check", "<u8")])
_ROWS = (
    512  # own value, measured: a person has some ten, and unpacking a block takes a tenth of a millisecond
)
_NAME = "states.blocks"


class _Said(msgspec.Struct):
    batch: int
    rows: int
    words: dict[str, list[str]]
    after: int = 0


class Broken(Exception):
    """The file is not what was written; what it said is in the table."""


class Older(Broken):
    """An earlier version of the program wrote the file."""


class Blocks:
    """A file of blocks, mapped.

    Attributes
    ----------
    after, batch
        States of the batches after the one and up to the other are in it.
    rows
        How many.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < len(_MAGIC) + _END.size:
                raise Broken
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        many, length, check, magic = _END.unpack_from(self._map, size - _END.size)
        begins = size - _END.size - length - many * _LISTED.itemsize
        if magic in _OLDER:
            raise Older
        if magic != _MAGIC or begins < len(_MAGIC):
            raise Broken
        tail = self._map[begins : size - _END.size]
        if xxhash.xxh3_64_intdigest(tail) != check:
            raise Broken
        said = msgspec.json.decode(tail[many * _LISTED.itemsize :], type=_Said)
        self._blocks = np.frombuffer(tail, _LISTED, many)
        self._first = np.ascontiguousarray(self._blocks["first"])
        self._ends = np.append(self._blocks["start"][1:], begins).astype(np.int64)
        self._words = {name: pa.array(words, pa.string()) for name, words in said.words.items()}
        self.after, self.batch, self.rows, self.size = said.after, said.batch, said.rows, size

    def __len__(self) -> int:
        """Return how many blocks there are."""
        return len(self._first)

    def of(self, subjects: Ints, columns: Sequence[str]) -> pa.Table:
        """Return the states of some subjects (ascending, distinct), in their order: `subject` and columns, texts as dictionaries; raises Broken."""
        whose, short, long = [np.empty(0, np.int64)], [_none(_SHORT, np.int32)], [_none(NUMBERS, np.int64)]
        edges = np.searchsorted(subjects, self._first).tolist()
        for block in self._holding(subjects).tolist():
            body, rows = self._body(block)
            mine = np.frombuffer(body, np.int64, rows)
            some = subjects[edges[block] : edges[block + 1] + 1 if block + 1 < len(edges) else None]
            there = places(mine, some)
            if len(there):
                whose.append(mine[there])
                for parts, names, first in ((short, _SHORT, 8), (long, NUMBERS, 8 + 4 * len(_SHORT))):
                    whole = np.frombuffer(body, parts[0].dtype, len(names) * rows, first * rows)
                    parts.append(whole.reshape(len(names), rows).take(there, axis=1))
        found: dict[str, Whole] = {"subject": np.concatenate(whose)}
        found.update(
            zip(
                (*_SHORT, *NUMBERS),
                (*np.concatenate(short, axis=1), *np.concatenate(long, axis=1)),
                strict=True,
            )
        )
        wanted = dict.fromkeys(("subject", *columns))
        return pa.table({name: self._column(name, found[name]) for name in wanted})

    def _holding(self, subjects: Ints) -> Ints:
        if not len(subjects) or not len(self):
            return np.empty(0, np.int64)
        low = np.maximum(np.searchsorted(self._first, subjects, "left") - 1, 0)
        high = np.searchsorted(self._first, subjects, "right")
        edges = np.zeros(len(self) + 1, np.int64)
        np.add.at(edges, low, 1)
        np.add.at(edges, high, -1)
        return np.flatnonzero(np.cumsum(edges)[:-1] > 0)

    def _body(self, block: int) -> tuple[pa.Buffer, int]:
        one = self._blocks[block]
        rows = int(one["rows"])
        if self._map.size() < self.size:  # reading what is gone would end the process
            raise Broken
        packed = self._map[int(one["start"]) : int(self._ends[block])]
        if xxhash.xxh3_64_intdigest(packed) != int(one["check"]):
            raise Broken
        return pa.decompress(packed, rows * _ROW, _PACKED), rows

    def _column(self, name: str, values: Whole) -> pa.Array:
        if name in WORDS:
            codes = pa.array(values, pa.int32(), mask=values < 0)
            return pa.DictionaryArray.from_arrays(codes, self._words[name])
        if name in NUMBERS:
            return pa.array(values, pa.int64(), mask=values == _NONE)
        return pa.array(values)


class Laid:
    """The files of a home, each of the batches after those of the one before.

    Attributes
    ----------
    batch
        States of the batches up to this one are in them, 0 where there is none.
    rows
        How many.
    """

    def __init__(self, folder: Path, files: Sequence[Blocks]) -> None:
        self.folder, self.files = folder, tuple(files)
        self.batch = files[-1].batch if files else 0
        self.rows = sum(file.rows for file in files)

    def of(self, subjects: Ints, columns: Sequence[str]) -> list[pa.Table]:
        """Return the states of some subjects, as `Blocks.of` does, of each file that has some."""
        return [found for file in self.files if len(found := file.of(subjects, columns))]


def schema(columns: Sequence[str]) -> pa.Schema:
    """Return how the states of some subjects come: `subject` and columns, texts as dictionaries."""
    kinds: dict[str, pa.DataType] = {"subject": pa.int64(), "day": pa.int32()}
    kinds |= dict.fromkeys(WORDS, pa.dictionary(pa.int32(), pa.string())) | dict.fromkeys(NUMBERS, pa.int64())
    return pa.schema([(name, kinds[name]) for name in dict.fromkeys(("subject", *columns))])


def places(mine: Ints, some: Ints) -> Ints:
    """Return where in `mine` the numbers of `some` stand; both ascend, and `some` is short."""
    begins, ends = np.searchsorted(mine, some, "left"), np.searchsorted(mine, some, "right")
    many = ends - begins
    ends = np.cumsum(many)
    return np.repeat(begins - ends + many, many) + np.arange(many.sum())


def _none(names: Sequence[str], kind: type[np.signedinteger[Any]]) -> Whole:
    return np.empty((len(names), 0), kind)


def write(folder: Path, rows: Iterator[pa.RecordBatch], batch: int, after: int = 0) -> Path:
    """Write states (`COLUMNS`, in the order of `subject`) of the batches after one and up to another into a file that does not count yet; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_NAME}.new"
    codes: dict[str, dict[str, int]] = {name: {} for name in WORDS}
    listed: list[tuple[int, int, int, int]] = []
    total, at = 0, len(_MAGIC)
    with path.open("wb", buffering=1 << 20) as file:
        file.write(_MAGIC)
        for some in rows:
            columns = [_plain(some, name, codes.get(name)) for name in COLUMNS]
            for start in range(0, len(some), _ROWS):
                cut = [column[start : start + _ROWS] for column in columns]
                packed = pa.compress(b"".join(one.tobytes() for one in cut), _PACKED, asbytes=True)
                listed.append((int(cut[0][0]), at, len(cut[0]), xxhash.xxh3_64_intdigest(packed)))
                file.write(packed)
                at += len(packed)
            total += len(some)
        said = msgspec.json.encode(
            _Said(batch, total, {name: list(words) for name, words in codes.items()}, after)
        )
        tail = np.array(listed, _LISTED).tobytes() + said
        file.write(tail)
        file.write(_END.pack(len(listed), len(said), xxhash.xxh3_64_intdigest(tail), _MAGIC))
        file.flush()
        os.fsync(file.fileno())
    fault.point("profiles.blocks")
    return path


def _plain(some: pa.RecordBatch, name: str, codes: dict[str, int] | None) -> Whole:
    column = some.column(name)
    if codes is not None:
        words = column.dictionary_encode()
        places = [codes.setdefault(word, len(codes)) for word in words.dictionary.to_pylist()]
        at = words.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        found: Whole = np.append(np.array(places, np.int32), np.int32(-1))[at]
        return found
    if name in NUMBERS:
        column = column.fill_null(_NONE)
    found = column.to_numpy(zero_copy_only=False)
    return found.astype(np.int32 if name in _SHORT else np.int64, copy=False)


_held: dict[str, tuple[tuple[int, int], Blocks]] = {}
_lock = threading.Lock()
_gone: dict[str, int] = {}


def opened(folder: Path) -> Laid:
    """Return the files that count: none where there is none, or the first is broken."""
    found = list[Blocks]()
    with _lock:
        for path in _paths(folder):
            one = _opened(path)
            if one is None or one.after != (found[-1].batch if found else 0):
                break
            found.append(one)
    return Laid(folder, found)


def _opened(path: Path) -> Blocks | None:
    try:
        stat = path.stat()
        sign = stat.st_ino, stat.st_mtime_ns
        held = _held.get(str(path))
        if held is None or held[0] != sign:
            held = _held[str(path)] = sign, Blocks(path)
        return held[1]
    except FileNotFoundError:
        _held.pop(str(path), None)
    except Older:
        path.unlink(missing_ok=True)
    except (Broken, msgspec.DecodeError):
        log("profiles").error("blocks_damaged", path=str(path))
        path.unlink(missing_ok=True)
    return None


def _paths(folder: Path) -> Iterator[Path]:
    """Yield where the first file lies, the second, and so on."""
    return (folder / f"{_NAME}{f'.{level}' if level else ''}" for level in count())


def times_gone(folder: Path) -> int:
    """Return how often this process let go of the files: what was made meanwhile is of states that are no more."""
    return _gone.get(str(folder), 0)


def let_go(folder: Path) -> None:
    """Remove the files, before states that stand in them are changed."""
    with _lock:
        _gone[str(folder)] = _gone.get(str(folder), 0) + 1
        for path in sorted(folder.glob(f"{_NAME}*"), reverse=True):
            _held.pop(str(path), None)
            path.unlink(missing_ok=True)
        if folder.exists():  # or it could be back after a power cut
            files.sync(folder)


def let_count(folder: Path, path: Path, level: int = 0) -> None:
    """Let a file that was written count from now on, in the place of the one before and of all further ones."""
    with _lock:
        paths = _paths(folder)
        os.replace(path, next(islice(paths, level, None)))
        for (
            later
        ) in paths:  # it says what they said, or comes after what they come after: none counts any more
            _held.pop(str(later), None)
            if not later.exists():
                return
            later.unlink()

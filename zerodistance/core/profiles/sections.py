"""A file of named sections, each with a checksum: written once from front to back, opened by its last bytes, read section by section.

    magic | sections | list of sections (JSON) | its length, its checksum, magic

The list stands at the end, so that a section can be written before the next one is made. A file that was cut has no end that
fits. A *bitmap* section is read and checked whole; an *array* is mapped, and checked in blocks, as far as somebody reads.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash
from pyroaring import BitMap

from zerodistance.core.profiles.contracts import IndexDamaged, IndexOlder
from zerodistance.kernel import fault

MAGIC: Final = b"ZDINDEX4"
_ANY = b"ZDINDEX"  # as of every version
_END = struct.Struct("<QQ8s")  # length of the list, its checksum, magic
_BLOCK = 1 << 18  # own value: bytes of an array that are checked together; 20 microseconds
_MANY = 1 << 12  # own value: values taken at once, after which the pages of an array are given back
Key = tuple[str, str, str, int]
"""Kind of section, dimension, node, and side: 0 for persons, 1 for visitors."""
Array = npt.NDArray[Any]
_digest = xxhash.xxh3_64_intdigest


class Section(NamedTuple):
    """Where a section is.

    Attributes
    ----------
    kind
        Empty for a bitmap, else the NumPy type of an array, whose bytes are followed by a digest of each block.
    check
        Checksum of a bitmap's bytes, or of an array's digests.
    many
        How many are in a bitmap, or in an array.
    """

    place: int
    size: int
    check: int
    many: int
    kind: str


class _List(msgspec.Struct):
    head: dict[str, Any]
    names: list[Key]
    sections: list[Section]


class Writer:
    """Writes a file of sections; it is whole, and synced, when the block ends without an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.head: dict[str, Any] = {}
        self.sections: dict[Key, Section] = {}

    def __enter__(self) -> Self:
        """Begin the file."""
        fault.point("index.write")
        self._file = open(self._path, "w+b")
        self._file.write(MAGIC)
        self._place = len(MAGIC)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the list and sync; or remove what there is."""
        with self._file as file:
            if error is not None:
                self._path.unlink(missing_ok=True)
                return
            listed = _List(self.head, list(self.sections), list(self.sections.values()))
            packed = msgspec.json.encode(listed)
            file.write(packed)
            file.write(_END.pack(len(packed), _digest(packed), MAGIC))
            file.flush()
            fault.point("index.fsync")
            os.fsync(file.fileno())

    def bitmap(self, key: Key, bitmap: BitMap) -> None:
        """Write a bitmap, in runs where that is smaller; none for an empty one."""
        if not bitmap:
            return
        packed = bitmap.copy()
        packed.run_optimize()
        raw = packed.serialize()
        self._put(key, raw, Section(self._place, len(raw), _digest(raw), len(bitmap), ""))

    def array(self, key: Key, values: Array) -> None:
        """Write an array."""
        raw = _bytes(np.ascontiguousarray(values))
        digests = _digests(raw)
        section = Section(self._place, len(raw), _digest(digests), len(values), values.dtype.str)
        self._put(key, raw, section, digests)

    def room(self, kind: npt.DTypeLike, count: int) -> Array:
        """Return an array at the end of the file that may be filled in any order, and then has to be given to `filled`."""
        kind = np.dtype(kind)
        self._file.flush()
        self._file.truncate(self._place + count * kind.itemsize)
        if not count:
            return np.empty(0, kind)
        return np.memmap(self._path, kind, "r+", self._place, (count,))

    def filled(self, key: Key, room: Array) -> None:
        """Take an array of `room` as written."""
        raw = _bytes(room)
        digests = _digests(raw)
        section = Section(self._place, len(raw), _digest(digests), len(room), room.dtype.str)
        self._file.seek(self._place + len(raw))
        self._put(key, b"", section, digests, skip=len(raw))

    def read(self, key: Key) -> BitMap:
        """Return a bitmap that was written before."""
        section = self.sections.get(key)
        if section is None:
            return BitMap()
        self._file.flush()
        return BitMap.deserialize(os.pread(self._file.fileno(), section.size, section.place))

    def _put(
        self, key: Key, raw: bytes | memoryview, section: Section, after: bytes = b"", skip: int = 0
    ) -> None:
        self._file.write(raw)
        size = skip + len(raw)
        gap = -size % 8 if after else 0
        rest = b"\0" * gap + after
        rest += b"\0" * (-(size + len(rest)) % 8)
        self._file.write(rest)
        self.sections[key] = section
        self._place += size + len(rest)


class Opened:
    """A file of sections, opened by its list; every section is checked before it is first used.

    Raises
    ------
    IndexDamaged
        Here and in each method: the bytes are not those that were written.
    IndexOlder
        An earlier version of the program wrote it.
    FileNotFoundError
        It has been replaced since its name was read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open(path, "rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:
                raise self.damaged("it is empty") from None
        size = len(self._map)
        begins, ends = self._map[: len(MAGIC)], self._map[-len(MAGIC) :]
        if begins != MAGIC and begins.startswith(_ANY) and ends != MAGIC:
            raise IndexOlder(path=path)
        if size < len(MAGIC) + _END.size or begins != MAGIC:
            raise self.damaged("it does not begin as such a file does")
        length, check, magic = _END.unpack_from(self._map, size - _END.size)
        packed = self._map[max(0, size - _END.size - length) : size - _END.size]
        if magic != MAGIC or _digest(packed) != check:
            raise self.damaged("its list of sections is not what was written")
        listed = msgspec.json.decode(packed, type=_List)
        self.head = listed.head
        self.stamp: int = check
        self.sections = dict(zip(listed.names, listed.sections, strict=True))
        self._good: dict[Key, npt.NDArray[np.bool_]] = {}
        self.unchecked = list(self.sections)

    def damaged(self, why: str) -> IndexDamaged:
        """Return the error of this file."""
        return IndexDamaged(path=self.path, why=why)

    def _wrong(self, key: Key) -> IndexDamaged:
        return self.damaged(f"section {'/'.join(part for part in key[:3] if part)} is not what was written")

    def _whole(self) -> None:
        """See that nobody has cut the file since it was mapped: reading what is gone would end the process."""
        if self._map.size() < len(self._map):
            raise self.damaged("it has been cut")

    def count(self, key: Key) -> int:
        """Return how many are in a section, without reading it; 0 where there is none."""
        section = self.sections.get(key)
        return 0 if section is None else section.many

    def raw(self, key: Key) -> memoryview:
        """Return the bytes of a bitmap as they were written, mapped; empty where there is none."""
        section = self.sections.get(key)
        if section is None:
            return memoryview(b"")
        self._whole()
        found = memoryview(self._map)[section.place : section.place + section.size]
        if key not in self._good:
            if _digest(found) != section.check:
                raise self._wrong(key)
            self._good[key] = np.ones(1, np.bool_)
        return found

    def bitmap(self, key: Key) -> BitMap:
        """Return a bitmap, an empty one where there is none; its bytes in the file are let go of."""
        section = self.sections.get(key)
        if section is None:
            return BitMap()
        found = BitMap.deserialize(bytes(self.raw(key)))
        self._let_go(section)
        return found

    def _let_go(self, section: Section) -> None:
        """Give the pages of a section back; they are mapped again when they are read again."""
        start = section.place // mmap.PAGESIZE * mmap.PAGESIZE
        self._map.madvise(mmap.MADV_DONTNEED, start, section.place + section.size - start)

    def array(self, key: Key, start: int = 0, stop: int | None = None) -> Array:
        """Return an array, or that part of it, mapped from the file."""
        self._whole()
        section = self.sections[key]
        kind = np.dtype(section.kind)
        stop = section.many if stop is None else stop
        good = self._blocks(key, section)
        first, last = start * kind.itemsize // _BLOCK, -(-stop * kind.itemsize // _BLOCK)
        if not good[first:last].all():
            self._check(key, section, good, first, last)
        return np.frombuffer(self._map, kind, stop - start, section.place + start * kind.itemsize)

    def _blocks(self, key: Key, section: Section) -> npt.NDArray[np.bool_]:
        """Return which blocks of an array have been looked at and are good."""
        if key not in self._good:
            self._good[key] = np.zeros(-(-section.size // _BLOCK), np.bool_)
        return self._good[key]

    def taken(self, key: Key, places: npt.NDArray[np.int64]) -> Array:
        """Return the values at some places of an array; only blocks that they lie in are read, and of many all is let go of afterwards."""
        self._whole()
        section = self.sections[key]
        kind, good = np.dtype(section.kind), self._blocks(key, section)
        if not good.all():
            some = np.zeros(len(good), np.bool_)
            some[places // (_BLOCK // kind.itemsize)] = True
            for block in np.flatnonzero(some & ~good).tolist():
                self._check(key, section, good, block, block + 1)
        found: Array = np.frombuffer(self._map, kind, section.many, section.place)[places]
        if len(places) > _MANY:
            self._let_go(section)
        return found

    def search(self, key: Key, number: int) -> int:
        """Return the place of a number in an ascending array, -1 where it is not; only blocks that are looked at are read."""
        section = self.sections[key]
        each = _BLOCK // np.dtype(section.kind).itemsize
        low, high = 0, -(-section.many // each)  # the block that it is in, if it is
        while high - low > 1:
            middle = (low + high) // 2
            if int(self.array(key, middle * each, middle * each + 1)[0]) <= number:
                low = middle
            else:
                high = middle
        some = self.array(key, low * each, min(section.many, (low + 1) * each))
        place = int(np.searchsorted(some, some.dtype.type(number)))
        return low * each + place if place < len(some) and int(some[place]) == number else -1

    def _check(self, key: Key, section: Section, good: npt.NDArray[np.bool_], first: int, last: int) -> None:
        view, many = memoryview(self._map), -(-section.size // _BLOCK)
        at = section.place + section.size + -section.size % 8
        if _digest(view[at : at + 8 * many]) != section.check:
            raise self._wrong(key)
        digests = np.frombuffer(self._map, np.uint64, many, at)
        for block in range(first, last):
            if not good[block]:
                end = min((block + 1) * _BLOCK, section.size)
                if _digest(view[section.place + block * _BLOCK : section.place + end]) != int(digests[block]):
                    raise self._wrong(key)
                good[block] = True

    def check(self, most: int) -> int:
        """Check sections that nobody has looked at since the file was opened, up to `most` bytes; return how many those were."""
        done = 0
        while self.unchecked and done < most:
            key = self.unchecked[-1]
            section = self.sections[key]
            if section.kind:
                done += self._check_some(key, section, most - done)
                if not self._good[key].all():
                    break
            else:
                self.raw(key)
                done += section.size
            self._let_go(section)
            self.unchecked.pop()
        return done

    def _check_some(self, key: Key, section: Section, most: int) -> int:
        self.array(key, 0, 0)
        good = self._good[key]
        left = np.flatnonzero(~good)[: 1 + most // _BLOCK]
        for block in left.tolist():
            self._check(key, section, good, block, block + 1)
        return max(1, min(section.size, max(1, len(left)) * _BLOCK))


def _bytes(values: Array) -> memoryview:
    return memoryview(values.view(np.uint8)) if len(values) else memoryview(b"")  # type: ignore[arg-type]


def _digests(raw: memoryview) -> bytes:
    found = [_digest(raw[at : at + _BLOCK]) for at in range(0, len(raw), _BLOCK)]
    return np.array(found, np.uint64).tobytes()

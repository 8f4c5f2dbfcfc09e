"""Files of the tag index: a whole one, then changes on top of it; each is written once, synced, and named by a rename.

A part is a header and sections. The header says the place, length and checksum of each section; the pointer file says which
parts are valid, in order. A part that the pointer does not name does not exist. Numbers are mapped from disk, not read.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps
from zerodistance.core.profiles.contracts import VISITORS_FROM, IndexDamaged
from zerodistance.kernel import fault

_MAGIC = b"ZDINDEX1"
_HEAD = struct.Struct("<8sIQ")  # magic, length of the header, its checksum
POINTER = "CURRENT"
Who = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.float64]


class Split(NamedTuple):
    """Persons and visitors apart."""

    persons: BitMap
    visitors: BitMap

    @classmethod
    def of_sorted(cls, who: Who) -> Split:
        """Return the two bitmaps of distinct ascending numbers."""
        edge = int(np.searchsorted(who, VISITORS_FROM))
        return cls(bitmaps.of_sorted(who[:edge]), bitmaps.of_sorted(who[edge:]))

    def __and__(self, other: Split) -> Split:
        """Return who is in both."""
        return Split(self.persons & other.persons, self.visitors & other.visitors)

    def __or__(self, other: Split) -> Split:
        """Return who is in one or both."""
        return Split(self.persons | other.persons, self.visitors | other.visitors)

    def __sub__(self, other: Split) -> Split:
        """Return who is in this one only."""
        return Split(self.persons - other.persons, self.visitors - other.visitors)

    def without(self, gone: BitMap) -> Split:
        """Return this one less the numbers in `gone`; the same object where nothing changes."""
        persons = self.persons - gone if self.persons.intersect(gone) else self.persons
        visitors = self.visitors - gone if self.visitors.intersect(gone) else self.visitors
        return Split(persons, visitors)

    def __bool__(self) -> bool:
        """Say whether anybody is in it."""
        return bool(self.persons) or bool(self.visitors)


NOBODY = Split(BitMap(), BitMap())


@dataclass(frozen=True)
class Part:
    """One file: everything about everybody, or everything about those in `changed`.

    Attributes
    ----------
    batch, day, people
        Last batch of states, local day that windows end with, and version of identity's map in it.
    mark
        Fingerprint of the dimensions it was made with.
    changed
        Numbers that this part speaks of; None: of everybody.
    nodes
        Dimension -> node -> who carries it.
    numbers
        Dimension -> (who, ascending; number of each).
    pairs
        Subject and the number it belongs to, in no order.
    """

    batch: int
    day: int
    people: int
    mark: str
    made_at: int
    changed: BitMap | None
    universe: Split
    nodes: dict[str, dict[str, Split]] = field(default_factory=dict)
    numbers: dict[str, tuple[Who, Numbers]] = field(default_factory=dict)
    pairs: tuple[npt.NDArray[np.int64], Who] = field(
        default_factory=lambda: (np.empty(0, np.int64), np.empty(0, np.uint32))
    )


def _sections(part: Part) -> Iterator[tuple[list[str], bytes | memoryview]]:
    def split(name: list[str], both: Split) -> Iterator[tuple[list[str], bytes]]:
        for side, bitmap in zip(("persons", "visitors"), both, strict=True):
            if bitmap:
                packed = bitmap.copy()
                packed.run_optimize()
                yield [*name, side], packed.serialize()

    if part.changed is not None:
        yield ["changed"], part.changed.serialize()
    yield from split(["universe"], part.universe)
    for dimension, nodes in part.nodes.items():
        for node, both in nodes.items():
            yield from split(["node", dimension, node], both)
    for dimension, (who, numbers) in part.numbers.items():
        yield ["who", dimension], np.ascontiguousarray(who).data
        yield ["number", dimension], np.ascontiguousarray(numbers).data
    subjects, numbers_of = part.pairs
    yield ["subjects"], np.ascontiguousarray(subjects).data
    yield ["numbers"], np.ascontiguousarray(numbers_of).data


def write(path: Path, part: Part) -> None:
    """Write a part durably; nobody reads it before the pointer names it."""
    listed: list[list[Any]] = []
    chunks: list[bytes] = []
    place = 0
    for name, data in _sections(part):
        raw = bytes(data)
        listed.append([name, place, len(raw), xxhash.xxh3_64_intdigest(raw)])
        chunks.append(raw + b"\0" * (-len(raw) % 8))
        place += len(chunks[-1])
    head = {k: getattr(part, k) for k in ("batch", "day", "people", "mark", "made_at")}
    header = json.dumps(
        {**head, "whole": part.changed is None, "sections": listed}, ensure_ascii=False
    ).encode()
    header += b" " * (-(len(header) + _HEAD.size) % 8)
    fault.point("index.write")
    with open(path, "wb") as file:
        file.write(_HEAD.pack(_MAGIC, len(header), xxhash.xxh3_64_intdigest(header)))
        file.write(header)
        file.writelines(chunks)
        file.flush()
        fault.point("index.fsync")
        os.fsync(file.fileno())


def read(path: Path) -> Part:
    """Read a part and check every byte of it.

    Raises
    ------
    IndexDamaged
        The bytes are not those that were written.
    FileNotFoundError
        It has been replaced since the pointer was read.
    """
    with open(path, "rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise IndexDamaged(path=path, why="it is empty") from None
    if len(data) < _HEAD.size:
        raise IndexDamaged(path=path, why="it is cut off")
    magic, length, check = _HEAD.unpack_from(data)
    header = data[_HEAD.size : _HEAD.size + length]
    if magic != _MAGIC or xxhash.xxh3_64_intdigest(header) != check:
        raise IndexDamaged(path=path, why="the header is not what was written")
    return _part(path, memoryview(data), json.loads(header), _HEAD.size + length)


def _part(path: Path, data: memoryview, head: dict[str, Any], start: int) -> Part:
    found: dict[tuple[str, ...], memoryview] = {}
    for name, place, size, check in head.pop("sections"):
        section = data[start + place : start + place + size]
        if len(section) != size or xxhash.xxh3_64_intdigest(section) != check:
            raise IndexDamaged(path=path, why=f"section {'/'.join(name)} is not what was written")
        found[tuple(name)] = section

    def bitmap(*name: str) -> BitMap:
        return BitMap.deserialize(bytes(found[name])) if name in found else BitMap()

    def split(*name: str) -> Split:
        return Split(bitmap(*name, "persons"), bitmap(*name, "visitors"))

    nodes: dict[str, dict[str, Split]] = {}
    numbers: dict[str, tuple[Who, Numbers]] = {}
    for key in found:
        if key[0] == "node" and key[2] not in nodes.setdefault(key[1], {}):
            nodes[key[1]][key[2]] = split(*key[:3])
        elif key[0] == "who":
            values = np.frombuffer(found["number", key[1]], np.float64)
            numbers[key[1]] = (np.frombuffer(found[key], np.uint32), values)
    pairs = (np.frombuffer(found[("subjects",)], np.int64), np.frombuffer(found[("numbers",)], np.uint32))
    changed = None if head.pop("whole") else bitmap("changed")
    return Part(
        changed=changed, universe=split("universe"), nodes=nodes, numbers=numbers, pairs=pairs, **head
    )


def point(folder: Path, version: int, names: list[str]) -> None:
    """Make these parts the valid ones, in one rename, and remove all others."""
    body = json.dumps({"version": version, "parts": names})
    text = json.dumps({"body": body, "check": xxhash.xxh3_64_hexdigest(body.encode())})
    fresh = folder / f"{POINTER}.new"
    with open(fresh, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    _sync(folder)
    fault.point("index.rename")
    os.replace(fresh, folder / POINTER)
    _sync(folder)
    fault.point("index.renamed")
    for path in folder.glob("tags-*.part"):
        if path.name not in names:
            path.unlink(missing_ok=True)


def pointed(folder: Path) -> tuple[int, list[str]]:
    """Return the version and the names of the valid parts; (0, []) when there is no index.

    Raises
    ------
    IndexDamaged
        The pointer is not what was written.
    """
    path = folder / POINTER
    try:
        outer = json.loads(path.read_text())
        if xxhash.xxh3_64_hexdigest(outer["body"].encode()) != outer["check"]:
            raise IndexDamaged(path=path, why="the checksum differs")
        inner = json.loads(outer["body"])
    except FileNotFoundError:
        return 0, []
    except (ValueError, KeyError, TypeError, AttributeError):
        raise IndexDamaged(path=path, why="it can't be read") from None
    return int(inner["version"]), list(inner["parts"])


def signature(folder: Path) -> tuple[int, int, int] | None:
    """Return what changes when the pointer is replaced; None when there is none."""
    try:
        stat = (folder / POINTER).stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def name_of(version: int) -> str:
    """Return the file name of the part that made a version."""
    return f"tags-{version:010d}.part"


def version_of(name: str) -> int:
    """Return the version in a part's file name."""
    return int(name[5:-5])


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Parts of the tag index: a whole one, then changes on top of it; each is a file that is written once, synced, and named by a rename.

The pointer file says which parts are valid, in order. A part that the pointer does not name does not exist.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import xxhash
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps, columns, homes, turning
from zerodistance.core.profiles.cells import Spot
from zerodistance.core.profiles.columns import Column
from zerodistance.core.profiles.contracts import VISITORS_FROM, IndexDamaged
from zerodistance.core.profiles.forward import Forward
from zerodistance.core.profiles.homes import NOWHERE, Homes, Runs
from zerodistance.core.profiles.sections import Opened, Writer
from zerodistance.core.profiles.splits import NOBODY, NONE, Numbers, Sizes, Split, Who
from zerodistance.kernel import fault

POINTER = "CURRENT"
Name = tuple[str, str, str]
"""Kind, dimension and node of somebody's bitmaps: a node, `any` node of a dimension, whoever has a number, or the universe."""
UNIVERSE: Name = ("universe", "", "")
Subjects = npt.NDArray[np.int64]
ABOUT = ("batch", "day", "people", "mark", "made_at", "given")
"""What the head of a part says of when and from what it was made."""


@dataclass(frozen=True)
class Part:
    """What a part is made of: everything about everybody, or everything about those in `changed`.

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
    spots
        Code of each community of the brand -> where it lies.
    only
        The one dimension that this part speaks of; None: of all. Older parts are not heard in it any more.
    given
        Of each of the home's own dimensions that are in the index with this part, which values and nodes (`own.Own.mark`).
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
    pairs: tuple[Subjects, Who] = field(
        default_factory=lambda: (np.empty(0, np.int64), np.empty(0, np.uint32))
    )
    spots: Mapping[str, Spot] = field(default_factory=dict)
    only: str | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def about(self) -> dict[str, Any]:
        """What the head of its file says."""
        return {k: getattr(self, k) for k in (*ABOUT, "only")}


class Building:
    """Writes a part from front to back, one node at a time: nothing is held but a bitmap and where tags begin.

    Parameters
    ----------
    about
        `ABOUT` and `only`, as `Part` has them.
    """

    def __init__(
        self, path: Path, about: Mapping[str, Any], universe: Split, changed: BitMap | None = None
    ) -> None:
        self._file = Writer(path)
        self._universe, self._changed = universe, changed
        self._about = {**about, "part": path.name}  # so that no two have one stamp
        self._nodes: list[tuple[str, str]] = []
        self._any: dict[str, Split] = {}

    def __enter__(self) -> Self:
        """Begin the file."""
        self._file.__enter__()
        self._file.head = {**self._about, "whole": self._changed is None, "counts": []}
        if self._about.get("only") is None:
            self._both(UNIVERSE, self._universe)
        if self._changed is not None:
            self._file.bitmap(("changed", "", "", 0), self._changed)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Write who is at any node of each dimension, and the nodes of each person; end the file."""
        try:
            if error is None:
                self._end()
        except BaseException as failed:
            self._file.__exit__(type(failed), failed, None)
            raise
        self._file.__exit__(kind, error, trace)

    def _end(self) -> None:
        for dimension, both in self._any.items():
            self._both(("any", dimension, ""), both)
        turning.write(self._file, self._universe, self._nodes)

    def _both(self, name: Name, both: Split) -> None:
        for side, bitmap in enumerate(both):
            self._file.bitmap((*name, side), bitmap)

    def node(self, dimension: str, node: str, both: Split) -> None:
        """Write who is at a node; the nodes of one dimension come one after the other."""
        if not both:
            return
        self._both(("node", dimension, node), both)
        self._nodes.append((dimension, node))
        held = self._any.get(dimension)
        if held is None:
            self._any[dimension] = Split(both.persons.copy(), both.visitors.copy())
        else:
            for mine, more in zip(held, both, strict=True):
                mine |= more

    def numbers(self, dimension: str, who: Who, numbers: Numbers) -> None:
        """Write the numbers of a dimension; `who` ascends."""
        self._both(("known", dimension, ""), Split.of_sorted(who))
        edge = int(np.searchsorted(who, VISITORS_FROM))
        columns.write(self._file, dimension, 0, who[:edge], numbers[:edge])
        columns.write(self._file, dimension, 1, who[edge:], numbers[edge:])

    def pairs(self, subjects: Subjects, numbers: Who) -> None:
        """Write which subject belongs to which number."""
        self._file.array(("subjects", "", "", 0), subjects)
        self._file.array(("numbers", "", "", 0), numbers)

    def homes(self, spots: Mapping[str, Spot], runs: Sequence[Runs]) -> None:
        """Write who lives in each community: `spots` stand in the order of `homes.in_order`, `runs` are those of persons and of visitors."""
        if spots:
            persons, visitors = homes.write(self._file, spots, runs)
            self._any[homes.DIMENSION] = Split(bitmaps.of_sorted(persons), bitmaps.of_sorted(visitors))

    def any_sizes(self) -> dict[str, Sizes]:
        """Return how many are at any node of each dimension that was written so far."""
        return {dimension: both.sizes for dimension, both in self._any.items()}

    def counts(self, after: Iterable[tuple[Name, Sizes]]) -> None:
        """Write how many each of these names has with this part on top of those before it."""
        self._file.head["counts"] = [[*name, *sizes] for name, sizes in after]

    def all_of(self, part: Part) -> None:
        """Write everything that a part has."""
        leaves: dict[str, Split] = {}
        for dimension, nodes in part.nodes.items():
            for node, both in nodes.items():
                if homes.is_home(("node", dimension, node)):
                    leaves[node] = both
                else:
                    self.node(dimension, node, both)
        known = part.spots if part.changed is None and part.only is None else {}
        spots = {code: part.spots.get(code, NOWHERE) for code in {**known, **leaves}}
        codes = homes.in_order(spots)
        living = [leaves.get(code, NOBODY) for code in codes]
        self.homes(
            {code: spots[code] for code in codes},
            [Runs.of([bitmaps.to_numbers(both[side]) for both in living]) for side in (0, 1)],
        )
        for dimension, (who, numbers) in part.numbers.items():
            self.numbers(dimension, who, numbers)
        if part.only is None:
            self.pairs(*part.pairs)


class Layer:
    """A part that lies on disk: opened by its list of sections, everything else read when it is asked for.

    Attributes
    ----------
    only
        The one dimension that it speaks of; None: of all.
    changed
        Of whom it speaks; None: of everybody.
    """

    def __init__(self, path: Path) -> None:
        self.file = Opened(path)
        head = self.file.head
        self.batch, self.day, self.people = (int(head[k]) for k in ("batch", "day", "people"))
        self.mark, self.made_at = str(head["mark"]), int(head["made_at"])
        self.stamp = int(head.get("stamp", self.file.stamp))  # of several that became one that of the last
        self.within = tuple(int(stamp) for stamp in head.get("within", ()))
        self.only: str | None = head.get("only")
        self.given: dict[str, Any] = head.get("given", {})
        self.changed = None if head["whole"] else self.file.bitmap(("changed", "", "", 0))
        self.homes = Homes(self.file)
        self.forward = (Forward(self.file, 0), Forward(self.file, 1))
        self.nodes: list[tuple[str, str]] = list(
            dict.fromkeys((key[1], key[2]) for key in self.file.sections if key[0] == "node")
        )
        self.columns = list(dict.fromkeys(key[1] for key in self.file.sections if key[0] == "number"))

    def split(self, name: Name) -> Split:
        """Return who is under a name in this part."""
        if homes.is_home(name):
            return self.homes.split(name[2])
        sections = self.file.sections
        if (*name, 0) not in sections and (*name, 1) not in sections:
            return NOBODY
        return Split(self.file.bitmap((*name, 0)), self.file.bitmap((*name, 1)))

    def sizes(self) -> dict[Name, Sizes]:
        """Return how many each name has with this part on top of those before it; of communities and of names that it does not speak of, nothing."""
        if self.changed is not None:
            return {(k, d, n): Sizes(p, v) for k, d, n, p, v in self.file.head["counts"]}
        found: dict[Name, Sizes] = {}
        for (kind, dimension, node, side), section in self.file.sections.items():
            if kind in ("universe", "node", "any"):
                name = (kind, dimension, node)
                mine = Sizes(0, section.many) if side else Sizes(section.many, 0)
                found[name] = found.get(name, NONE).plus(mine)
        return found

    @cached_property
    def groups(self) -> tuple[list[str], npt.NDArray[np.int64]]:
        """The dimensions, and which of them each node is of, by its place."""
        keys = list(dict.fromkeys(dimension for dimension, _ in self.nodes))
        place = {key: n for n, key in enumerate(keys)}
        return keys, np.array([place[dimension] for dimension, _ in self.nodes], np.int64)

    @cached_property
    def last_subject(self) -> int:
        """The largest number of a subject that it speaks of, 0 where it speaks of none."""
        return int(self.pairs()[0].max(initial=0))

    def column(self, dimension: str, side: int) -> Column:
        """Return the numbers of a dimension, of persons (side 0) or visitors (1)."""
        return Column(self.file, dimension, side)

    def pairs(self) -> tuple[Subjects, Who]:
        """Return subjects and the number each belongs to."""
        if ("subjects", "", "", 0) not in self.file.sections:
            return np.empty(0, np.int64), np.empty(0, np.uint32)
        return self.file.array(("subjects", "", "", 0)), self.file.array(("numbers", "", "", 0))


def check(path: Path) -> None:
    """Read every byte of a part; raises IndexDamaged."""
    Opened(path).check(1 << 62)


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

"""The tag index in memory: who carries which node, and the numbers behind the nodes. A value; an update makes a new one.

Bitmaps that an update does not touch are shared between the old value and the new one, so a page that counts keeps what
it began with. The person number is the position.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps, parts
from zerodistance.core.profiles.contracts import VISITORS_FROM, Dimension
from zerodistance.core.profiles.parts import NOBODY, Numbers, Part, Split, Who

_MOST_PARTS = 48  # own value: a reader that starts has to read them all


@dataclass(frozen=True)
class Column:
    """Numbers of one dimension: layers, the later ones override the earlier for the numbers that they speak of."""

    layers: tuple[tuple[BitMap | None, Who, Numbers], ...] = ()
    known: Split = NOBODY

    def over(self, changed: BitMap | None, who: Who, numbers: Numbers) -> Column:
        """Return this column with one more layer."""
        fresh = Split.of_sorted(who)
        if changed is None:
            return Column(((None, who, numbers),), fresh)
        return Column((*self.layers, (changed, who, numbers)), self.known.without(changed) | fresh)

    def between(self, low: float, high: float) -> Split:
        """Return whose number lies in the range, both ends included."""
        found = NOBODY
        for changed, who, numbers in self.layers:
            fresh = Split.of_sorted(who[(numbers >= low) & (numbers <= high)])
            found = fresh if changed is None else found.without(changed) | fresh
        return found

    def of(self, number: int) -> float | None:
        """Return the number of one person or visitor, None if there is none."""
        for changed, who, numbers in reversed(self.layers):
            at = int(np.searchsorted(who, np.uint32(number)))
            if at < len(who) and int(who[at]) == number:
                return float(numbers[at])
            if changed is not None and number in changed:
                return None
        return None

    def flat(self) -> tuple[Who, Numbers]:
        """Return all layers as one."""
        whos: list[Who] = []
        values: list[Numbers] = []
        gone = BitMap()
        for changed, who, numbers in reversed(self.layers):
            keep = _outside(who, gone)
            whos.append(who[keep])
            values.append(numbers[keep])
            gone = gone if changed is None else gone | changed
        if not whos:
            return np.empty(0, np.uint32), np.empty(0, np.float64)
        who, number = np.concatenate(whos), np.concatenate(values)
        order = np.argsort(who, kind="stable")
        return who[order], number[order]


@dataclass(frozen=True)
class Index:
    """The tag index at one version; see `parts.Part` for the attributes that they share."""

    version: int = 0
    names: tuple[str, ...] = ()
    batch: int = 0
    day: int = 0
    people: int = 0
    mark: str = ""
    made_at: int | None = None
    universe: Split = NOBODY
    nodes: dict[str, dict[str, Split]] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)
    layers: tuple[tuple[BitMap | None, npt.NDArray[np.int64], Who], ...] = ()
    changed: int = 0
    """How many numbers the parts after the first speak of, together."""

    def over(self, part: Part, version: int, name: str) -> Index:
        """Return this index with one more part applied."""
        whole = part.changed is None
        nodes: dict[str, dict[str, Split]] = {}
        for dimension in {**({} if whole else self.nodes), **part.nodes}:
            before = {} if whole else self.nodes.get(dimension, {})
            fresh = part.nodes.get(dimension, {})
            after = {
                node: _over(before.get(node, NOBODY), part.changed, fresh.get(node, NOBODY))
                for node in {**before, **fresh}
            }
            nodes[dimension] = {node: both for node, both in after.items() if both}
        empty = (np.empty(0, np.uint32), np.empty(0, np.float64))
        columns = {
            dimension: self.columns.get(dimension, Column()).over(
                part.changed, *part.numbers.get(dimension, empty)
            )
            for dimension in {**({} if whole else self.columns), **part.numbers}
        }
        layer = (part.changed, *part.pairs)
        return Index(
            version=version,
            names=(name,) if whole else (*self.names, name),
            batch=part.batch,
            day=part.day,
            people=part.people,
            mark=part.mark,
            made_at=part.made_at,
            universe=_over(NOBODY if whole else self.universe, part.changed, part.universe),
            nodes=nodes,
            columns=columns,
            layers=(layer,) if whole else (*self.layers, layer),
            changed=0 if part.changed is None else self.changed + len(part.changed),
        )

    def has(self, dimension: Dimension, node: str) -> Split:
        """Return who is at a node."""
        return self.nodes.get(dimension.key, {}).get(node, NOBODY)

    def tagged(self, dimension: Dimension) -> Split:
        """Return who is at any node of a dimension."""
        found = list(self.nodes.get(dimension.key, {}).values())
        if not found:
            return NOBODY
        return Split(BitMap.union(*(s.persons for s in found)), BitMap.union(*(s.visitors for s in found)))

    def between(self, dimension: Dimension, low: float, high: float) -> Split:
        """Return whose number lies in the range, both ends included; whoever did nothing counts as 0 where it counts."""
        column = self.columns.get(dimension.key, Column())
        if dimension.parsed.ageing:  # the index keeps the day; an age of n days is the day n days back
            return column.between(self.day - high, self.day - low)
        found = column.between(low, high)
        return (
            found | (self.universe - column.known)
            if dimension.parsed.counting and low <= 0 <= high
            else found
        )

    def number(self, dimension: Dimension, number: int) -> float | None:
        """Return the number of one person or visitor in a numeric dimension, None if there is none."""
        kept = self.columns.get(dimension.key, Column()).of(number)
        if kept is not None and dimension.parsed.ageing:
            return self.day - kept
        return 0.0 if kept is None and dimension.parsed.counting else kept

    def node_of(self, dimension: Dimension, number: int) -> str | None:
        """Return the node that one person or visitor is at, None if at none."""
        for node, both in self.nodes.get(dimension.key, {}).items():
            if number in (both.persons if number < VISITORS_FROM else both.visitors):
                return node
        return None

    def holds(self, number: int) -> bool:
        """Say whether this person or visitor is in the index."""
        return number in (self.universe.persons if number < VISITORS_FROM else self.universe.visitors)

    def pairs(self) -> pa.Table:
        """Return `subject` and `number` (int64), all that are in the index, in no order."""
        subjects, numbers = self._flat_pairs()
        return pa.table({"subject": pa.array(subjects), "number": pa.array(numbers.astype(np.int64))})

    def _flat_pairs(self) -> tuple[npt.NDArray[np.int64], Who]:
        kept_subjects: list[npt.NDArray[np.int64]] = []
        kept_numbers: list[Who] = []
        gone = BitMap()
        for changed, subjects, numbers in reversed(self.layers):
            keep = _outside(numbers, gone)
            kept_subjects.append(subjects[keep])
            kept_numbers.append(numbers[keep])
            gone = gone if changed is None else gone | changed
        if not kept_subjects:
            return np.empty(0, np.int64), np.empty(0, np.uint32)
        if len(kept_subjects) == 1:
            return kept_subjects[0], kept_numbers[0]
        return np.concatenate(kept_subjects), np.concatenate(kept_numbers)

    def heavy(self) -> bool:
        """Say whether the changes on top have grown so large that a whole part should be written."""
        people = len(self.universe.persons) + len(self.universe.visitors)
        return (
            len(self.names) >= min(_MOST_PARTS + people // 20_000, 10 * _MOST_PARTS)
            or self.changed > 10_000 + people // 4
        )

    def whole(self) -> Part:
        """Return everything as one part."""
        columns = {dimension: column.flat() for dimension, column in self.columns.items()}
        return Part(
            self.batch, self.day, self.people, self.mark, self.made_at or 0, None, self.universe, self.nodes, columns,
            self._flat_pairs(),
        )  # fmt: skip


def _outside(numbers: Who, gone: BitMap) -> npt.NDArray[np.bool_]:
    """Return which numbers are not in a bitmap; persons and visitors apart, because dense ranges are looked up in a table."""
    outside = np.ones(len(numbers), np.bool_)
    if gone:
        some = bitmaps.to_numbers(gone)
        for side, mine in (
            (numbers < VISITORS_FROM, some[some < VISITORS_FROM]),
            (numbers >= VISITORS_FROM, some[some >= VISITORS_FROM]),
        ):
            outside[side] = np.isin(numbers[side], mine, invert=True)
    return outside


def _over(before: Split, changed: BitMap | None, fresh: Split) -> Split:
    if changed is None:
        return fresh
    kept = before.without(changed)
    return kept | fresh if fresh else kept


_kept: dict[str, tuple[tuple[int, int, int] | None, Index]] = {}
_lock = threading.Lock()


def current(folder: Path) -> Index:
    """Return the newest index, read again only when its pointer was replaced.

    Raises
    ------
    IndexDamaged
        A file of it is not what was written.
    """
    key = str(folder)
    with _lock:
        for _ in range(20):
            signature = parts.signature(folder)
            held = _kept.get(key)
            if held is not None and held[0] == signature:
                return held[1]
            try:
                found = _load(folder, held[1] if held else Index())
            except FileNotFoundError:  # replaced between pointer and part
                continue
            _kept[key] = (signature, found)
            return found
    raise FileNotFoundError(folder)


def _load(folder: Path, held: Index) -> Index:
    version, names = parts.pointed(folder)
    if not names:
        return Index()
    known = len(held.names)
    found = held if 0 < known <= len(names) and list(held.names) == names[:known] else Index()
    for name in names[len(found.names) :]:
        found = found.over(parts.read(folder / name), version, name)
    return replace(found, version=version)


def publish(folder: Path, before: Index, part: Part, *, whole: bool = False) -> Index:
    """Write a part on top of `before` durably, make it valid, and return the index with it.

    With `whole`, or when the changes have grown heavy, everything is written as one part and no older file stays.
    """
    version = 1 + max([before.version, *(parts.version_of(path.name) for path in folder.glob("tags-*.part"))])
    name = parts.name_of(version)
    after = before.over(part, version, name)
    if part.changed is not None and (whole or after.heavy()):
        part = after.whole()
        after = Index().over(part, version, name)
    parts.write(folder / name, part)
    parts.point(folder, version, list(after.names))
    with _lock:
        _kept[str(folder)] = (parts.signature(folder), after)
    return after

"""The tag index: who carries which node, and the numbers behind the nodes. A value; an update makes a new one.

It is opened by what its parts say of themselves. A bitmap is read, checked and decoded when somebody asks for it, and kept within a bound
(`decoded.py`); how many are at a node is known without. The person number is the position.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from zerodistance.core.profiles import homes, parts, rules, stacked, threshold
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.profiles.decoded import Decoded, Kept, bytes_of
from zerodistance.core.profiles.grounds import Ground
from zerodistance.core.profiles.parts import UNIVERSE, Layer, Name
from zerodistance.core.profiles.splits import NOBODY, NONE, Numbers, Sizes, Split, Who
from zerodistance.core.profiles.stacked import Stacks
from zerodistance.core.profiles.threshold import Dense

TOGETHER = 8  # own value: so many parts of about one size become one
_LIGHT = 1_000  # own value: numbers that a part of the smallest size speaks of, at most
_ALL = 1 << 40
DECODED = Decoded(1 << 30)
"""What this process keeps of all indexes it has open; `limit` is set from the settings."""


@dataclass(frozen=True)
class Index:
    """The tag index at one version; see `parts.Part` for the attributes that they share."""

    version: int = 0
    names: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    sizes: dict[Name, Sizes] = field(default_factory=dict)
    """How many are under each name but communities; names that nobody is under may be missing."""
    folder: str = ""
    changed: int = 0
    """How many numbers the parts after the first speak of, together."""

    @property
    def batch(self) -> int:
        """Last batch of states that is in it."""
        return self.layers[-1].batch if self.layers else 0

    @property
    def day(self) -> int:
        """Local day that windows end with."""
        return self.layers[-1].day if self.layers else 0

    @property
    def people(self) -> int:
        """Version of identity's map in it."""
        return self.layers[-1].people if self.layers else 0

    @property
    def mark(self) -> str:
        """Fingerprint of the dimensions it was made with."""
        return self.layers[-1].mark if self.layers else ""

    @property
    def made_at(self) -> int | None:
        """When it was written, microseconds UTC; None: there is none."""
        return self.layers[-1].made_at if self.layers else None

    def over(self, layer: Layer, version: int, name: str) -> Index:
        """Return this index with one more part on top, or with a whole one in the place of all, or of all that speak of its one dimension."""
        whole, only = layer.changed is None, layer.only
        below = [
            (n, one)
            for n, one in zip(self.names, self.layers, strict=True)
            if not whole or (only and one.only != only)
        ]
        sizes = {} if whole and only is None else self.sizes
        if whole and only is not None:
            sizes = {each: many for each, many in sizes.items() if each[1] != only}
        changed = 0 if layer.changed is None or only is not None else len(layer.changed)
        return replace(
            self,
            version=version,
            names=(*(n for n, _ in below), name),
            layers=(*(one for _, one in below), layer),
            sizes={**sizes, **layer.sizes()},
            folder=str(layer.file.path.parent),
            changed=changed if whole and only is None else self.changed + changed,
        )

    @cached_property
    def stacks(self) -> Stacks:
        """Which parts are heard in which dimension."""
        return Stacks(self.layers)

    @property
    def given(self) -> dict[str, Any]:
        """Which values and nodes of the home's own dimensions are in it, by their keys."""
        return self.layers[-1].given if self.layers else {}

    @property
    def last_subject(self) -> int:
        """The largest number of a subject that it knows, 0 where it knows none: later ones are new."""
        return max((layer.last_subject for layer in self.stacks.of("")), default=0)

    @property
    def stamp(self) -> int:
        """What tells its last part from all others, 0 where there is none: what lies below a part never changes."""
        return self.layers[-1].stamp if self.layers else 0

    @cached_property
    def _above(self) -> dict[int, int]:
        """Stamp of a part -> the first part that is not all in what was read up to it; a part made of several says of each again what it says of all."""
        found: dict[int, int] = {}
        for n, layer in enumerate(self.layers):
            found |= dict.fromkeys(layer.within, n)
            found[layer.stamp] = n + 1
        return found

    def changed_since(self, stamp: int) -> BitMap | None:
        """Return of which numbers the parts speak that came after that stamp; None: anybody may be another one since."""
        above = self._above.get(stamp)
        some = () if above is None else self.layers[above:]
        changed = [layer.changed for layer in some if layer.changed is not None]
        return None if above is None or len(changed) < len(some) else BitMap.union(BitMap(), *changed)

    # -- who

    def split(self, name: Name, *, keep: bool = True) -> Split:
        """Return who is under a name; to be read only, since others read the same. With `keep` it stays in memory for the next who asks."""
        found, missing = self._kept(name)
        if not missing:
            return found
        if not keep:
            return over(found, missing, name)
        with DECODED.making(self.folder, name):  # of many who ask at once, one decodes
            found, missing = self._kept(name)
            if missing:
                found = over(found, missing, name)
                DECODED.put(self.folder, name, Kept(self.version, self.stamp, found, bytes_of(found)))
        return found

    def _kept(self, name: Name) -> tuple[Split, tuple[Layer, ...]]:
        """Return what is kept of a name, and the parts that lie on top of that."""
        kept = DECODED.get(self.folder, name)
        above = None if kept is None else self._above.get(kept.stamp)
        if kept is None or above is None:
            return NOBODY, self.stacks.of(name[1])
        found: Split = kept.value
        return found, tuple(layer for layer in self.layers[above:] if layer.only in (None, name[1]))

    def dense(self, name: Name, side: int) -> Dense:
        """Return who is under a name as words, of persons (side 0) or visitors (1): mapped where they lie so in the file."""
        heard = self.stacks.of(name[1])
        if len(heard) == 1 and (seen := threshold.view(heard[0].file.raw((*name, side)))):
            return seen
        words = (f"words{side} {name[0]}", *name[1:])
        with DECODED.making(self.folder, words):
            kept = DECODED.get(self.folder, words)
            if kept is not None and kept.stamp == self.stamp:
                spread: Dense = kept.value
                return spread
            spread = threshold.dense(self.split(name)[side])
            DECODED.put(self.folder, words, Kept(self.version, self.stamp, spread, spread.words.nbytes))
            return spread

    @property
    def universe(self) -> Split:
        """Everybody."""
        return self.split(UNIVERSE)

    def has(self, dimension: Dimension, node: str) -> Split:
        """Return who is at a node."""
        return self.split(("node", dimension.key, node))

    def tagged(self, dimension: Dimension) -> Split:
        """Return who is at any node of a dimension."""
        return self.split(("any", dimension.key, ""))

    def between(self, dimension: Dimension, low: float, high: float) -> Split:
        """Return whose number lies in the range, both ends included; whoever did nothing counts as 0 where it counts."""
        found = stacked.between(
            self.stacks.of(dimension.key), dimension.key, *self._range(dimension, low, high)
        )
        if dimension.parsed.counting and low <= 0 <= high:
            return found | (self.universe - self.split(("known", dimension.key, "")))
        return found

    def _range(self, dimension: Dimension, low: float, high: float) -> tuple[float, float]:
        """Return the range of what the index keeps: of an age the day, since an age of n days is the day n days back."""
        return (self.day - high, self.day - low) if dimension.parsed.ageing else (low, high)

    # -- how many

    def size(self, name: Name) -> Sizes:
        """Return how many are under a name, without reading a bitmap."""
        if homes.is_home(name):
            place = self.ground.place.get(name[2], -1)
            return NONE if place < 0 else Sizes(*self.ground.many[:, place].tolist())
        return self.sizes.get(name, NONE)

    def size_between(self, dimension: Dimension, low: float, high: float) -> Sizes:
        """Return how many `between` finds."""
        found = stacked.count(
            self.stacks.of(dimension.key), dimension.key, *self._range(dimension, low, high)
        )
        if dimension.parsed.counting and low <= 0 <= high:
            return found.plus(self.everybody).minus(self.split(("known", dimension.key, "")).sizes)
        return found

    @property
    def everybody(self) -> Sizes:
        """How many there are in all."""
        return self.size(UNIVERSE)

    def nodes(self, dimension: str) -> dict[str, Sizes]:
        """Return the nodes of a dimension at which somebody is, and how many."""
        return self.by_dimension.get(dimension, {})

    @cached_property
    def by_dimension(self) -> dict[str, dict[str, Sizes]]:
        """Dimension -> node -> how many, of nodes at which somebody is."""
        found: dict[str, dict[str, Sizes]] = {}
        for (kind, dimension, node), sizes in self.sizes.items():
            if kind == "node" and any(sizes):
                found.setdefault(dimension, {})[node] = sizes
        lived = zip(self.ground.codes, *self.ground.many.tolist(), strict=True)
        living = {code: Sizes(persons, visitors) for code, persons, visitors in lived if persons or visitors}
        if living:
            found.setdefault(homes.DIMENSION, {}).update(living)
        return found

    def portrait(self, who: Who, *, dimensions: bool = False) -> dict[Name, Sizes]:
        """Return how many of these (ascending) are at each node but communities, exactly, from person to nodes.

        With `dimensions` at any node of each dimension as well.
        """
        return stacked.portrait(self.stacks, who, dimensions=dimensions)

    # -- where

    @cached_property
    def ground(self) -> Ground:
        """The communities in which people live, how many in each, and where they lie."""
        return Ground.over(self.stacks.of(""))

    # -- one person

    def nodes_of(self, number: int) -> list[tuple[str, str]]:
        """Return the nodes of one person or visitor, as dimension and node."""
        return stacked.nodes_of(self.stacks, number)

    def node_of(self, dimension: Dimension, number: int) -> str | None:
        """Return the node that one person or visitor is at, no inner one; None if at none."""
        mine = (node for key, node in self.nodes_of(number) if key == dimension.key)
        return next((node for node in mine if not rules.is_inner(node)), None)

    def number(self, dimension: Dimension, number: int) -> float | None:
        """Return the number of one person or visitor in a numeric dimension, None if there is none."""
        kept = stacked.of(self.stacks.of(dimension.key), dimension.key, number)
        if kept is not None and dimension.parsed.ageing:
            return self.day - kept
        return 0.0 if kept is None and dimension.parsed.counting else kept

    def numbers(self, dimension: Dimension, some: Who) -> Numbers:
        """Return the number of each of a few (ascending) in a numeric dimension, NaN where there is none."""
        found = stacked.pick(self.stacks.of(dimension.key), dimension.key, some)
        if dimension.parsed.ageing:
            return self.day - found
        return np.nan_to_num(found) if dimension.parsed.counting else found

    def pairs(self) -> pa.Table:
        """Return `subject` and `number` (int64), all that are in the index, in no order."""
        subjects, numbers = stacked.pairs(self.stacks.of(""))
        return pa.table({"subject": pa.array(subjects), "number": pa.array(numbers.astype(np.int64))})

    def pairs_of(self, some: BitMap) -> pa.Table:
        """Return `subject` and `number` (int64) of some numbers, in no order; of those of whom the last parts speak no other is read."""
        subjects, numbers = stacked.pairs_of(self.stacks.of(""), some)
        return pa.table({"subject": pa.array(subjects), "number": pa.array(numbers.astype(np.int64))})

    def heavy(self) -> bool:
        """Say whether the changes on top have grown so large that a whole part should be written."""
        return self.changed > 10_000 + sum(self.everybody) // 4

    def alike(self) -> int:
        """Return how many of the last parts that speak of all dimensions, of about one size, are to become one; 0: none.

        So there are at most some eight of each size.
        """
        layers = self.stacks.of("")
        many = [_ALL if layer.changed is None else len(layer.changed) for layer in reversed(layers)]
        least, most = -1, _LIGHT
        while many and least < max(many):
            last = many[: next((n for n, one in enumerate(many) if one > most), len(many))]
            if sum(one > least for one in last) >= TOGETHER:
                return len(last)
            least, most = most, most * TOGETHER
        return 0


def over(found: Split, layers: Iterable[Layer], name: Name) -> Split:
    """Return who is under a name when these parts lie on top."""
    gone, fresh = BitMap(), NOBODY
    for layer in layers:
        mine = layer.split(name)
        if layer.changed is None:
            found, gone, fresh = mine, BitMap(), NOBODY
            continue
        gone |= layer.changed
        fresh = fresh.without(layer.changed) | mine
    kept = found.without(gone) if gone else found
    return kept | fresh if fresh else kept


_kept: dict[str, tuple[tuple[int, int, int] | None, Index]] = {}
_lock = threading.Lock()


def current(folder: Path) -> Index:
    """Return the newest index, opened again only when its pointer was replaced.

    Raises
    ------
    IndexDamaged
        A file of it is not what was written, as far as it has to be read now.
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


def forget(folder: Path) -> None:
    """Let go of what this process holds of an index, so that everything is read from disk again."""
    with _lock:
        _kept.pop(str(folder), None)
    DECODED.clear()


def _load(folder: Path, held: Index) -> Index:
    version, names = parts.pointed(folder)
    if not names:
        return Index()
    known = dict(zip(held.names, held.layers, strict=True))
    same = held.names == tuple(names[: len(held.names)])
    found = held if same else Index()
    for name in names[len(found.names) :]:
        found = found.over(known.get(name) or Layer(folder / name), version, name)
    return replace(found, version=version)


def hold(folder: Path, found: Index) -> None:
    """Answer from an index from now on whose parts have just been made the valid ones."""
    with _lock:
        _kept[str(folder)] = (parts.signature(folder), found)

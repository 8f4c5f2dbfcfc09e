"""Writes parts of the tag index and makes them valid; joins those that have become many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps, grounds, homes, index, parts, stacked
from zerodistance.core.profiles.index import Index, over
from zerodistance.core.profiles.parts import ABOUT, UNIVERSE, Layer, Name, Part
from zerodistance.core.profiles.splits import NOBODY, NONE, Numbers, Sizes, Split, Who
from zerodistance.kernel import fault

_HOUSED: Name = ("any", homes.DIMENSION, "")
_DRAFT = "whole-"
_MERGED = 64  # own value: of so many parts that became one it is remembered that they are in it


def publish(folder: Path, before: Index, part: Part, *, whole: bool = False) -> Index:
    """Write a part on top of `before` durably, make it valid, and return the index with it.

    With `whole` everything is written as one part and no older file stays. Of the parts that speak of one dimension alone some become one that speaks of
    everybody in it.
    """
    version = 1 + max([before.version, *(parts.version_of(path.name) for path in folder.glob("tags-*.part"))])
    name = parts.name_of(version)
    with parts.Building(folder / name, part.about, part.universe, part.changed) as building:
        building.all_of(part)
        if part.changed is not None:
            building.counts(_after(before, part, building.any_sizes()))
    after = before.over(Layer(folder / name), version, name)
    if whole:  # a draft still says what has to go
        _let_drafts_go(folder)
    if part.only is not None:
        if len(after.stacks.alone(part.only)) > index.TOGETHER:
            after = _alone(folder, after, part.only)
        return pointed(folder, after)
    return pointed(folder, _as_one(folder, after, 0) if whole and part.changed is not None else after)


def join(folder: Path) -> Index:
    """Let parts become one where there are many, and return the index after that; what is in it was seen before.

    Of those on top the smallest of about one size become one, at most once at a time, so that no turn has to wait long.
    """
    here = index.current(folder)
    alike = here.alike()
    return pointed(folder, _as_one(folder, here, len(here.stacks.of("")) - alike)) if alike else here


def heavier(folder: Path, lock: AbstractContextManager[object]) -> bool:
    """Write a whole part where the changes on top have grown heavy, and return whether it was done; turns go on beside it.

    What they add meanwhile comes on top. Where the index was made anew meanwhile, or somebody was forgotten, what was written goes again.

    Parameters
    ----------
    lock
        What whoever writes the index holds; only while the part is put in its place.
    """
    _let_drafts_go(folder)
    before = index.current(folder)
    if not before.heavy():
        return False
    draft = folder / f"{_DRAFT}{before.version:010d}.part"
    with parts.Building(draft, _about(before) | {"stamp": before.stamp}, before.universe) as building:
        _say_all(building, before, before.stacks.of(""), None)
    fault.point("index.whole")
    with lock:
        here = index.current(folder)
        if here.names[:1] != before.names[:1] or not draft.exists():
            draft.unlink(missing_ok=True)
            return False
        version = here.version + 1
        name = parts.name_of(version)
        draft.rename(folder / name)
        after = Index().over(Layer(folder / name), version, name)
        for kept, layer in zip(here.names, here.layers, strict=True):
            if kept not in before.names:
                after = after.over(layer, version, kept)
        pointed(folder, after)
    return True


def _let_drafts_go(folder: Path) -> None:
    for path in folder.glob(f"{_DRAFT}*.part"):
        path.unlink(missing_ok=True)


def pointed(folder: Path, after: Index) -> Index:
    """Make an index whose parts are written the valid one."""
    parts.point(folder, after.version, list(after.names))
    index.hold(folder, after)
    return after


def _after(before: Index, part: Part, dimensions: dict[str, Sizes]) -> Iterable[tuple[Name, Sizes]]:
    """Yield how many are under each name with a part on top of an index, where that changes."""
    assert part.changed is not None
    gone = before.portrait(bitmaps.to_numbers(part.changed), dimensions=True)
    fresh: dict[Name, Sizes] = {}
    if part.only is None:
        for name in (UNIVERSE, _HOUSED):  # a person at an inner place is in one community of it
            gone[name] = Sizes(*(side.intersection_cardinality(part.changed) for side in before.split(name)))
        fresh[UNIVERSE] = part.universe.sizes
    else:
        gone = {name: sizes for name, sizes in gone.items() if name[1] == part.only}
    for dimension, nodes in part.nodes.items():
        named = ((("node", dimension, node), both.sizes) for node, both in nodes.items())
        fresh.update({name: sizes for name, sizes in named if not homes.is_home(name)})
    fresh.update({("any", dimension, ""): sizes for dimension, sizes in dimensions.items()})
    for name in {**gone, **fresh}:
        yield name, before.size(name).minus(gone.get(name, NONE)).plus(fresh.get(name, NONE))


def _as_one(folder: Path, before: Index, first: int) -> Index:
    """Write the parts that speak of all dimensions, from `first` on, as one, node after node: all of them a whole one, others what they change.

    It lies on top of parts that speak of one dimension, and says of that what holds with these.
    """
    heard = before.stacks.of("")
    layers, version = heard[first:], before.version + 1
    name = parts.name_of(version)
    below = Index()
    for kept, layer in zip(before.names, before.layers, strict=True):
        if first and layer not in layers:
            below = below.over(layer, before.version, kept)
    about, changed, universe = _about(before), None, before.universe
    if first:
        changed = BitMap.union(*(layer.changed for layer in layers if layer.changed is not None))
        universe = over(NOBODY, layers, UNIVERSE)
        # whoever saw all of before has seen what this one says; whoever saw an earlier one may have missed a part that lies below it now
        lately = [layer for layer in before.stacks.lately if layer in layers]
        within = [stamp for layer in lately for stamp in (*layer.within, layer.stamp)]
        about |= {"stamp": before.stamp, "within": within[:-1][-_MERGED:]}
    with parts.Building(folder / name, about, universe, changed) as building:
        _say_all(building, before, layers, changed)
        if first:
            names = dict.fromkeys(name for layer in layers for name in layer.sizes())
            building.counts((name, before.size(name)) for name in names)
    return below.over(Layer(folder / name), version, name)


def _about(before: Index) -> dict[str, Any]:
    return {k: getattr(before, k) for k in ABOUT}


def _say_all(
    building: parts.Building, before: Index, layers: Sequence[Layer], changed: BitMap | None
) -> None:
    """Write what some parts of an index say, of everybody or of those of whom they speak."""
    for dimension, nodes in _nodes_of(before, layers).items():
        for node in nodes:
            building.node(dimension, node, _said(before, layers, ("node", dimension, node), changed))
    for key in dict.fromkeys(key for layer in (*before.stacks.every_alone, *layers) for key in layer.columns):
        building.numbers(key, *_numbers(before, layers, key, changed))
    building.homes(*grounds.together(layers))
    building.pairs(*stacked.pairs(layers))


def _said(before: Index, layers: Sequence[Layer], name: Name, changed: BitMap | None) -> Split:
    """Return who is under a name as some parts say it, or, of a dimension of which others speak alone, as all of them do."""
    if name[1] not in before.stacks.given:
        return over(NOBODY, layers, name)
    found = before.split(name, keep=False)
    return found if changed is None else Split(*(side & changed for side in found))


def _numbers(before: Index, layers: Sequence[Layer], key: str, changed: BitMap | None) -> tuple[Who, Numbers]:
    """Return numbers likewise."""
    if key not in before.stacks.given:
        return stacked.flat(layers, key)
    who, numbers = stacked.flat(before.stacks.of(key), key)
    if changed is None:
        return who, numbers
    mine = ~stacked.outside(who, changed)
    return who[mine], numbers[mine]


def _nodes_of(before: Index, layers: Iterable[Layer]) -> dict[str, dict[str, None]]:
    """Return the nodes of each dimension at which anybody is in some parts, all of a dimension together."""
    found: dict[str, dict[str, None]] = {}
    for layer in layers:
        for dimension, node in layer.nodes:
            found.setdefault(dimension, {})[node] = None
    return found | {key: dict.fromkeys(before.nodes(key)) for key in before.stacks.given}


def _alone(folder: Path, before: Index, key: str) -> Index:
    """Write what holds of one dimension as one part that speaks of everybody in it."""
    version = before.version + 1
    name = parts.name_of(version)
    about = _about(before) | {"only": key}
    with parts.Building(folder / name, about, before.split(("any", key, ""))) as building:
        for node in before.nodes(key):
            building.node(key, node, before.split(("node", key, node), keep=False))
        if any(key in layer.columns for layer in before.stacks.of(key)):
            building.numbers(key, *stacked.flat(before.stacks.of(key), key))
    return before.over(Layer(folder / name), version, name)

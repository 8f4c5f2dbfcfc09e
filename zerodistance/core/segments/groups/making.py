"""Making groups: a sample of persons, where they stand, how many groups are stable, their centres. Reads the index, writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.segments.groups import describing, features, kmeans, matched, stability
from zerodistance.core.segments.groups.contracts import (
    DIMENSION,
    FEWEST,
    FEWEST_PERSONS,
    LAYERS,
    MOST,
    Asked,
    Model,
    TooFewToGroup,
    Trait,
    Tried,
)
from zerodistance.core.segments.groups.features import SCALE, Numbers, Space
from zerodistance.core.segments.groups.kmeans import Places, Whole
from zerodistance.kernel.text import Text

SAMPLE = 200_000
"""Own value: persons that centres are found from; more of them move no centre by what anybody would notice."""
STARTS = 10
"""Own value: beginnings of which the best is taken."""
_READING, _TRYING, _PLACING = (
    Text("读标签", "reading tags"),
    Text("试几群", "trying numbers of groups"),
    Text("找中心", "finding centres"),
)
Hear = Callable[[Text, int, int], None]


@dataclass(frozen=True)
class Made:
    """Groups of a sample: places in `sizes`, `distances` and `traits` are those of `labels`.

    Attributes
    ----------
    centres
        One row a group; no row: no number of groups was stable.
    sample, labels
        Persons, ascending, and the group of each.
    """

    space: Space
    tried: tuple[Tried, ...]
    centres: Whole
    sample: Numbers
    labels: Places
    sizes: tuple[int, ...]
    distances: tuple[float, ...]
    traits: tuple[tuple[Trait, ...], ...]


def dimensions(asked: Asked, known: Sequence[Dimension]) -> tuple[Dimension, ...]:
    """Return what persons are compared by: never what is sensitive, nor groups; of whole layers nothing that is for service only."""
    layers = asked.layers or (() if asked.dimensions else LAYERS)
    open_to_us = [one for one in known if not one.sensitive and not one.key.startswith(DIMENSION)]
    return tuple(
        one
        for one in open_to_us
        if one.key in asked.dimensions or (one.layer in layers and one.purpose != "service")
    )


def make(here: profiles.Index, asked: Asked, known: Sequence[Dimension], persons: BitMap, hear: Hear) -> Made:
    """Return groups of these persons.

    Parameters
    ----------
    known
        The dimensions of the home.

    Raises
    ------
    TooFewToGroup
        There are fewer than 200, or nothing tells them apart.
    """
    if len(persons) < FEWEST_PERSONS:
        zh = f"只有 {len(persons)} 位用户，至少要 {FEWEST_PERSONS} 位"
        raise TooFewToGroup(why_zh=zh, why=f"there are {len(persons)} persons, {FEWEST_PERSONS} are needed")
    luck = np.random.default_rng((asked.seed, 0x5A44))
    hear(_READING, 0, 1)
    some = _drawn(persons, luck)
    used = dimensions(asked, known)
    space = features.space(here, used, some)
    if space is None or not any(space.explained):
        zh, en = "在所选的维度里大家都一样", "in the chosen dimensions everybody is alike"
        raise TooFewToGroup(why_zh=zh, why=en)
    whole = np.concatenate([block for _, block in features.points(here, some, space)])
    hear(_READING, 1, 1)
    points = whole / SCALE
    numbers = range(FEWEST, MOST + 1)
    tried = stability.tried(points, numbers, luck, lambda done, of: hear(_TRYING, done, of))
    many = asked.groups or (stability.chosen(tried) if space.related else None)
    if many is None:
        empty = np.zeros((0, whole.shape[1]), np.int64)
        return Made(space, tried, empty, some, np.zeros(len(some), np.intp), (), (), ())
    hear(_PLACING, 0, 1)
    found = kmeans.best(points, many, luck, STARTS)
    centres = np.rint(found.centres * SCALE).astype(np.int64)
    labels, apart = kmeans.nearest(whole, centres)
    sizes = np.bincount(labels, minlength=many)
    distances = np.bincount(labels, weights=np.sqrt(apart) / SCALE, minlength=many) / np.maximum(sizes, 1)
    told = [one.key for one in known if not one.sensitive]
    traits = describing.traits(told, here, some, labels, many)
    hear(_PLACING, 1, 1)
    return Made(
        space, tried, centres, some, labels, tuple(sizes.tolist()), tuple(distances.tolist()), tuple(traits)
    )


def _drawn(persons: BitMap, luck: np.random.Generator) -> Numbers:
    everybody = np.frombuffer(persons.to_array(), np.uint32)
    if len(everybody) <= SAMPLE:
        return everybody
    return everybody[np.sort(luck.choice(len(everybody), SAMPLE, replace=False, shuffle=False))]


def space_of(model: Model) -> Space:
    """Return where a model puts persons."""
    many = len(model.base)
    weights = np.array(model.weights, np.int64).reshape(len(model.names), many)
    return Space(model.names, weights, np.array(model.base, np.int64), model.explained, (), True)


def continued(here: profiles.Index, made: Made, before: Model) -> dict[int, str]:
    """Return of which new groups which old group they go on, from where both put the sample."""
    space, olds = space_of(before), list(before.centres)
    centres = np.array(list(before.centres.values()), np.int64)
    old = [kmeans.nearest(block, centres)[0] for _, block in features.points(here, made.sample, space)]
    found = matched.same(np.concatenate(old), made.labels, len(olds), len(made.centres))
    return {new: olds[place] for new, place in found.items()}

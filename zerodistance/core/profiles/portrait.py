"""The portrait of many: how many of an audience are at each node of the tag tree, exactly or from a sample with its error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from zerodistance.core.profiles import areas, bitmaps
from zerodistance.core.profiles.homes import DIMENSION
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Name
from zerodistance.core.profiles.splits import Sizes, Split, Who

SAMPLE = 200_000
"""Own value: members of a sample; the largest error of a share is then 0.22 points (95 %)."""
MOST_COMMUNITIES = 5_000
"""Own value: where there are more, a portrait has their districts and cities alone; `segments.nearest` counts communities."""
_MANY = 4  # own value, measured: above one of 4, bitmaps against one another are faster
_Z = 1.959964  # of 95 %
_SEED = 0x5A44  # own value: the same audience over the same index gives the same sample


class Counted(NamedTuple):
    """How many are at each node; nodes at which nobody is are missing.

    Attributes
    ----------
    error
        Half of the 95 % interval of a share of one half, the widest there is, in points; 0.0: counted one by one.
    """

    sizes: dict[Name, Sizes]
    error: float


def exact(here: Index, members: Split) -> Counted:
    """Count everybody: from person to nodes, or, where they are many, at one node after the other."""
    lived = _lived(here, members)
    if sum(members.sizes) * _MANY < sum(here.everybody):
        return Counted(here.portrait(members.numbers()) | lived, 0.0)
    nodes = [name for name in here.sizes if name[0] == "node"]
    found = {name: here.split(name, keep=False).both(members) for name in nodes} | lived
    return Counted({name: sizes for name, sizes in found.items() if any(sizes)}, 0.0)


def nodes(here: Index) -> list[Name]:
    """Return the nodes that a portrait counts."""
    found = [name for name in here.sizes if name[0] == "node"]
    return [*found, *_communities(here)]


def _communities(here: Index) -> Iterator[Name]:
    if len(here.ground.codes) <= MOST_COMMUNITIES:
        for place in np.flatnonzero(here.ground.many.any(axis=0)).tolist():
            yield "node", DIMENSION, here.ground.codes[place]


def _lived(here: Index, members: Split) -> dict[Name, Sizes]:
    """Return how many live in each community, unless there are so many that their districts and cities say more."""
    return areas.lived(here, members) if len(here.ground.codes) <= MOST_COMMUNITIES else {}


def sampled(here: Index, members: Split, most: int = SAMPLE) -> Counted:
    """Count a sample of at most so many persons, and of as many visitors, drawn without putting back, and scale it up; a small audience exactly."""
    luck = np.random.default_rng((_SEED, here.version))
    some, scales, errors = list[Who](), list[float](), [0.0]
    for side in members:
        everybody = np.frombuffer(side.to_array(), np.uint32) if side else np.empty(0, np.uint32)
        drawn = _drawn(everybody, most, luck)
        some.append(drawn)
        scales.append(len(everybody) / max(1, len(drawn)))
        errors.append(_error(len(drawn), len(everybody)))
    found = here.portrait(np.concatenate(some)) | _lived(here, Split(*map(bitmaps.of_sorted, some)))
    scaled = {
        name: Sizes(round(one.persons * scales[0]), round(one.visitors * scales[1]))
        for name, one in found.items()
    }
    return Counted(scaled, max(errors))


def _drawn(everybody: Who, most: int, luck: np.random.Generator) -> Who:
    if len(everybody) <= most:
        return everybody
    places = luck.choice(len(everybody), most, replace=False, shuffle=False)
    return everybody[np.sort(places)]


def _error(drawn: int, of: int) -> float:
    """Return the half width of the 95 % interval of a share of one half, in points, for a sample without putting back.

    Examples
    --------
    >>> round(_error(200_000, 10_000_000), 3), _error(5, 5)
    (0.217, 0.0)
    """
    if drawn >= of:
        return 0.0
    return 100 * _Z * float(np.sqrt(0.25 / drawn * (of - drawn) / (of - 1)))

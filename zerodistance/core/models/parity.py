"""Parity: the share of each group that has a high score, beside everybody's, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pyroaring import BitMap

from zerodistance.core.models import api, picture
from zerodistance.core.models.contracts import NoSuchCategory
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.contracts import Bands, Dimension, NoSuchDimension
from zerodistance.core.profiles.rules import is_inner
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.shares import wilson, z_of
from zerodistance.kernel.text import Text

GROUPS = ("demo.gender", "demo.birth_decade", "geo.city")
"""Dimensions by which persons are grouped. No model looks at the first two."""
_HIGH, _FEWEST, _MOST = (
    2,
    50,
    12,
)  # own values: bands that are high, persons of a group, groups of a dimension


class Group(NamedTuple):
    """Persons at a node who have a score: how many, how many of them in a high band, and that share with its 95 % interval (Wilson)."""

    dimension: str
    label: Text
    node: str
    node_label: Text
    persons: int
    high: int
    share: float
    low: float
    upper: float

    def apart(self, whole: float) -> bool:
        """Say whether the share is another one than a given one, beyond chance."""
        return not self.low <= whole <= self.upper


@dataclass(frozen=True)
class Parity:
    """High scores by group.

    Attributes
    ----------
    bands
        The bands that count as high.
    share
        Of everybody who has a score.
    groups
        By dimension, the largest first, at most twelve each; those of fewer than 50 persons are left out.
    """

    bands: tuple[Text, ...]
    persons: int
    high: int
    groups: tuple[Group, ...]

    @property
    def share(self) -> float:
        """Of everybody who has a score, those in a high band."""
        return self.high / self.persons if self.persons else 0.0


def parity(home: Home, who: Who, key: str, target: str = "") -> Parity | None:
    """Return how high scores are spread over groups now; None before the first scoring. Needs SEE_PERSONS.

    Raises
    ------
    NoSuchModel, NoSuchCategory
        There is none.
    """
    who.need(Permission.SEE_PERSONS)
    model = api.model(key)
    if target not in model.targets:
        there = ", ".join(filter(None, model.targets)) or "–"
        raise NoSuchCategory(given=target or "–", model=key, there=there)
    try:
        scores = profiles.dimension(home, model.dimension(target), who)
    except NoSuchDimension:
        return None
    here, high = profiles.current(home), picture.bands(model).bands[-_HIGH:]
    every = here.tagged(scores).persons
    if not every:
        return None
    top = BitMap.union(*(here.has(scores, node).persons for _, node, _ in high))
    groups = [
        group
        for name in GROUPS
        for group in _groups(home, who, here, profiles.dimension(home, name, who), every, top)
    ]
    return Parity(tuple(label for _, _, label in reversed(high)), len(every), len(top), tuple(groups))


def _groups(
    home: Home, who: Who, here: Index, dimension: Dimension, every: BitMap, top: BitMap
) -> Iterator[Group]:
    nodes = here.nodes(dimension.key)
    grouped = isinstance(dimension.nodes, Bands) and bool(dimension.nodes.groups)  # years of birth in decades
    sizes = {
        node: len(here.has(dimension, node).persons & every) for node in nodes if is_inner(node) == grouped
    }
    large = sorted((node for node, many in sizes.items() if many >= _FEWEST), key=lambda node: -sizes[node])[
        :_MOST
    ]
    labels = profiles.node_labels(home, who, dimension, large)
    for node in large:
        many, high = sizes[node], len(here.has(dimension, node).persons & top)
        yield Group(
            dimension.key,
            dimension.label,
            node,
            labels[node],
            many,
            high,
            high / many,
            *wilson(high, many, z_of(0.95)),
        )

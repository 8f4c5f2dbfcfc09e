"""What crosses the door of groups: what is asked for, groupings, groups, how stable and how they move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from zerodistance.core.profiles.contracts import Layer
from zerodistance.core.segments.contracts import Rule
from zerodistance.kernel.errors import NotFound, ZeroDistanceError
from zerodistance.kernel.text import Text

LAYERS = (Layer.INTERESTS, Layer.USAGE, Layer.BRAND, Layer.VALUE, Layer.NEEDS)
"""What groups are made of where nobody says otherwise: what people do. Who they are and where they live describes groups, it does not make them."""
FEWEST, MOST = 2, 12
"""Own values: how many groups are tried; more than a dozen names nobody keeps in mind."""
FEWEST_PERSONS = 200  # own value: below it nothing can be said of stability
DIMENSION = "group."
"""What the key of the dimension of a grouping begins with."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What groups are to be made of.

    Attributes
    ----------
    layers
        Layers of the tag tree; empty: `LAYERS`, unless dimensions are named.
    dimensions
        Dimensions beside those of the layers, also such as are for service only.
    rule
        Only persons who fit are grouped; None: all persons.
    groups
        How many; None: as many as are stable.
    seed
        Another one draws another sample.
    """

    layers: tuple[Layer, ...] = ()
    dimensions: tuple[str, ...] = ()
    rule: Rule | None = None
    groups: int | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Model:
    """How a person is placed among groups: whole numbers, so that every sum is exact in any order.

    Attributes
    ----------
    names
        Dimension and node of each node that counts.
    weights
        For each of them what it adds to each component, in `SCALE` to one.
    base
        What everybody has.
    centres
        Group -> its centre, a number for each component.
    explained
        Which part of all differences between persons each component holds, from 0 to 1.
    """

    names: tuple[tuple[str, str], ...]
    weights: tuple[tuple[int, ...], ...]
    base: tuple[int, ...]
    centres: Mapping[str, tuple[int, ...]]
    explained: tuple[float, ...]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions that count."""
        return tuple(dict.fromkeys(dimension for dimension, _ in self.names))


@dataclass(frozen=True, slots=True)
class Tried:
    """How stable so many groups are.

    Attributes
    ----------
    strength
        Prediction strength: of two halves of the sample, which part of the pairs in the worst group of one half is together by the groups of the
        other half too; mean of the repetitions.
    ari
        Adjusted Rand index of the two, mean.
    without
        `strength` of persons made up at random with the same spread and no groups in them: what cutting anything reaches.
    smallest
        Share of the persons in the smallest group.
    stable
        Whether the strength reaches `STRONG` and no group is smaller than `SMALLEST`.
    """

    groups: int
    strength: float
    ari: float
    without: float
    smallest: float
    stable: bool


@dataclass(frozen=True, slots=True)
class Trait:
    """A node by which a group differs from all other persons that are grouped; the interval is one of all nodes together at 95 %."""

    dimension: str
    node: str
    share: float
    share_others: float
    low: float
    high: float
    label: Text = Text("", "")
    node_label: Text = Text("", "")


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a grouping.

    Attributes
    ----------
    node
        Its node in the dimension of the grouping: `g1`. It goes on in later versions as long as it is the same group.
    named_by
        Who named it; None: its name was made from its traits.
    share
        Its share of the persons when it was made, from 0 to 1.
    distance
        How far its members were from its centre then, on average, in spreads of one dimension.
    """

    node: str
    name: Text
    named_by: str | None
    share: float
    distance: float
    traits: tuple[Trait, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One assignment of everybody.

    Attributes
    ----------
    sizes
        Group -> how many persons.
    known
        How many of them had a group before, by the same version.
    moved
        How many of those are in another one now.
    distance
        How far persons are from the centre of their group, on average.
    made_at
        Microseconds UTC.
    """

    day: date
    version: int
    persons: int
    sizes: Mapping[str, int]
    known: int
    moved: int
    distance: float
    batch: int
    made_at: int

    def share(self, node: str) -> float:
        """Return the share of a group."""
        return self.sizes.get(node, 0) / self.persons if self.persons else 0.0


@dataclass(frozen=True, slots=True)
class Version:
    """Groups as they were made at one time; times are microseconds UTC.

    Attributes
    ----------
    model
        None: no number of groups was stable, and none was asked for.
    tried
        How stable each number of groups was.
    sample, persons
        Of how many persons the groups were made, and how many there were.
    left_out
        Dimension -> why it was not used: `same` for nearly everybody.
    """

    number: int
    asked: Asked
    model: Model | None
    tried: tuple[Tried, ...]
    groups: tuple[Group, ...]
    sample: int
    persons: int
    left_out: Mapping[str, str]
    batch: int
    made_by: str
    made_at: int

    @property
    def stable(self) -> bool:
        """Whether its number of groups is stable."""
        return any(one.stable for one in self.tried if one.groups == len(self.groups))


@dataclass(frozen=True, slots=True)
class Grouping:
    """A grouping under a key; times are microseconds UTC.

    Attributes
    ----------
    unit
        Number of the unit it belongs to; None: everybody's.
    asked
        What the next version is made of.
    latest
        The newest version; None: none was made yet.
    holds
        The newest version that has groups: it is the one by which everybody is assigned.
    runs
        Assignments, one a day at most, the newest last.
    wanted_at, wanted_by
        Since when and by whom a new version is asked for that the worker has not made yet.
    trouble
        Why the last one that was asked for could not be made.
    """

    key: str
    name: Text
    unit: int | None
    asked: Asked
    versions: int
    latest: Version | None
    holds: Version | None
    runs: tuple[Run, ...]
    made_by: str
    made_at: int
    wanted_at: int | None
    wanted_by: str | None
    trouble: Text | None = field(default=None)

    @property
    def dimension(self) -> str:
        """The key of its dimension in the tag tree."""
        return DIMENSION + self.key


class NoSuchGrouping(NotFound):
    """There is no grouping with this key."""

    code = "no_such_grouping"
    text = Text("没有分群 {given}；现有：{near}", "there is no grouping {given}; there are: {near}")


class NoSuchGroup(NotFound):
    """A grouping has no such group."""

    code = "no_such_group"
    text = Text(
        "分群 {key} 里没有 {given}；有：{near}", "grouping {key} has no group {given}; it has: {near}"
    )


class NoGroups(ZeroDistanceError):
    """A grouping has no version with groups yet."""

    code, status = "no_groups", 409
    text = Text(
        "分群 {key} 还没有群：没有哪个数目是稳定的；指定一个数目，或换别的层级",
        "grouping {key} has no groups: no number of them was stable; ask for a number, or choose other layers",
    )


class GroupingExists(ZeroDistanceError):
    """A grouping with this key is there already."""

    code, status = "grouping_exists", 409
    text = Text("分群 {key} 已存在；换一个键", "a grouping {key} exists; take another key")


class GroupingInUse(ZeroDistanceError):
    """Saved segments, tags of users or other groupings ask for groups of this grouping."""

    code, status = "grouping_in_use", 409
    text = Text(
        "分群 {key} 还在这些人群、自建标签或分群的规则里：{by}；先删掉它们",
        "grouping {key} stands in rules of these segments, tags or groupings, in some version: {by}; remove those first",
    )


class GroupingCircle(ZeroDistanceError):
    """A grouping would be made of persons whom its own groups pick out."""

    code, status = "grouping_circle", 400
    text = Text(
        "分群 {key} 的规则用到了它自己的群；改用别的条件",
        "the rule of grouping {key} asks for its own groups; use other conditions",
    )


class TooFewToGroup(ZeroDistanceError):
    """There are too few persons, or nothing by which they differ."""

    code, status = "too_few_to_group", 400
    text = Text(
        "分不出群：{why_zh}",
        "groups can't be made: {why}",
    )

"""What crosses the door of profiles: layers, dimensions, nodes, tags, and the figures of the tag tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.profiles.values import Value
from zerodistance.kernel.errors import Invalid, NotFound, ZeroDistanceError
from zerodistance.kernel.text import Text

VISITORS_FROM = 1 << 31
"""Numbers from here on are anonymous visitors, those below are persons; the two are never added up."""
INNER = "^"
"""What the key of an inner node begins with: a node that holds everybody at the nodes below it. No value does (`rules.leaf`)."""


class Layer(StrEnum):
    """The seven layers of the tag tree."""

    GEOGRAPHY = "geography"
    DEMOGRAPHICS = "demographics"
    INTERESTS = "interests"
    USAGE = "usage"
    BRAND = "brand"
    VALUE = "value"
    NEEDS = "needs"

    @property
    def label(self) -> Text:
        """The name that a person reads."""
        return _LAYER_LABELS[self]


_LAYER_LABELS = {
    Layer.GEOGRAPHY: Text("地域", "Geography"),
    Layer.DEMOGRAPHICS: Text("人口属性", "Demographics"),
    Layer.INTERESTS: Text("兴趣", "Interests"),
    Layer.USAGE: Text("使用偏好", "Usage preference"),
    Layer.BRAND: Text("品牌偏好", "Brand preference"),
    Layer.VALUE: Text("价值与会员", "Value and membership"),
    Layer.NEEDS: Text("需求与生活阶段", "Needs and life stage"),
}


@dataclass(frozen=True, slots=True)
class Input:
    """What a dimension reads.

    Attributes
    ----------
    name
        `touches`: the log, through states per subject and day; `facts`: what identity publishes of a person; `given`: values that a room above gave.
    kinds
        Touch kinds, exact (`service.visited`) or a family (`order.*`); empty: every kind. Of given values the key of the dimension that they were given for.
    without
        Kinds or families that are left out of these.
    window
        How far back from the day of the answer, in whole days of the home's time zone, that day included; None: all time.
    where
        (column, text) that have to stand on a touch, of `values.COLUMNS`: `(("category", "washer"),)`; `washer|dryer` is one of both.
    """

    name: str = "touches"
    kinds: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    window: timedelta | None = None
    where: tuple[tuple[str, str], ...] = ()

    @property
    def days(self) -> int | None:
        """The window in days, None for all time."""
        return None if self.window is None else self.window.days


@dataclass(frozen=True, slots=True)
class Bands:
    """Nodes over a number: each band begins at its number and ends before the next; below the first there is no tag.

    Attributes
    ----------
    bands
        (first number, node key, label), ascending.
    groups
        Inner nodes, in the same form: each holds the bands from its first number up to that of the next.
    """

    bands: tuple[tuple[float, str, Text], ...]
    groups: tuple[tuple[float, str, Text], ...] = ()

    @property
    def edges(self) -> tuple[float, ...]:
        """Where each band begins."""
        return tuple(low for low, _, _ in self.bands)


@dataclass(frozen=True, slots=True)
class Values:
    """Nodes that are the values themselves.

    Attributes
    ----------
    names
        Where labels and inner nodes come from: `category`, `place`, `product` or `area` of the brand, or `` for `labels` and the bare value.
    labels
        Labels of values known beforehand, and of inner nodes in `parents`.
    closed
        True: only the values in `labels` become nodes.
    parents
        Value -> the inner node that holds it, without the sign `INNER`.
    path
        A sign in the values before which the inner node stands that holds them: `-` in months, `:` in pairs.
    ordered
        Shown in the order of the values, not the largest first.
    """

    names: str = ""
    labels: Mapping[str, Text] = field(default_factory=dict)
    closed: bool = False
    parents: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    ordered: bool = False


@dataclass(frozen=True)
class Dimension:
    """One dimension of the tag tree.

    Attributes
    ----------
    key
        Reads as a path: `usage.repairs_2y`.
    meaning
        One sentence that a marketer understands.
    unit
        Of the number; empty for a dimension of values.
    value
        The aggregate, see `Value`.
    freshness
        How old the answer may be.
    purpose
        The purpose for which it may be used: `service`, `marketing`, `analysis`.
    sensitive
        Shown only to those who may see persons, never exported.
    inferred
        True: a guess from behaviour; False: counted or stated.
    owner
        Which function of the brand answers for its meaning, a key of `OWNERS`; what is about one category is its unit's.
    read_by
        What reads it: keys of `dimensions.readers.READERS`. A dimension that nothing reads does not count.
    unit_id
        Of a home's own dimension the unit that it is for; None: for everybody.
    made
        Of a home's own dimension how it is made, in words; empty for those shipped.
    """

    key: str
    layer: Layer
    label: Text
    meaning: Text
    of: Input
    value: str
    nodes: Bands | Values
    unit: Text = Text("", "")
    freshness: timedelta = timedelta(days=1)
    purpose: str = "marketing"
    sensitive: bool = False
    inferred: bool = False
    owner: str = "marketing"
    read_by: tuple[str, ...] = ()
    unit_id: int | None = None
    made: Text = Text("", "")
    parsed: Value = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Parse the aggregate."""
        object.__setattr__(self, "parsed", Value.parse(self.value))
        if self.parsed.verb == "trend" and self.of.days is None:
            why = Text("trend 需要时间窗", "a trend needs a window")
            raise Invalid(field="value", given=self.value, why=why)

    @property
    def numeric(self) -> bool:
        """Whether a person's value is a number, so that a rule may ask for a range."""
        return not self.parsed.textual


OWNERS: Mapping[str, Text] = {
    "marketing": Text("营销", "marketing"),
    "service": Text("服务", "service"),
    "membership": Text("会员", "membership"),
    "planning": Text("企划与研发", "planning and R&D"),
}
"""Functions of a brand that answer for dimensions: those that the reference names."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One person at one node.

    Attributes
    ----------
    value
        The number or text behind the node.
    as_of
        The moment the value holds for.
    since
        The first day of those on which the person has been at this node without a break; None: as long as anything is known, or nobody has asked.
    dated
        Whether it is of the moment asked for; False: a fact of today, since no history of it is kept.
    """

    dimension: str
    layer: Layer
    label: Text
    node: str
    node_label: Text
    value: float | str
    unit: Text
    as_of: datetime
    inferred: bool
    sensitive: bool
    since: date | None = None
    dated: bool = True


@dataclass(frozen=True, slots=True)
class NodeCount:
    """How many carry a node; persons and visitors are never added up.

    Attributes
    ----------
    node
        Its key; that of an inner node begins with `INNER`.
    parent
        Key of the inner node above it, `` at the top.
    depth
        How many inner nodes stand above it.
    """

    node: str
    label: Text
    persons: int
    visitors: int
    parent: str = ""
    depth: int = 0

    @property
    def inner(self) -> bool:
        """Whether it holds other nodes."""
        return self.node.startswith(INNER) and not self.node.startswith(INNER * 2)


@dataclass(frozen=True, slots=True)
class DimensionCount:
    """A dimension with its nodes, largest first for values, in order for bands, each below the inner node that holds it.

    Attributes
    ----------
    persons, visitors
        Who is at any node.
    """

    dimension: Dimension
    nodes: tuple[NodeCount, ...]
    persons: int
    visitors: int

    @property
    def leaves(self) -> tuple[NodeCount, ...]:
        """The nodes that hold no others: each person is at one of them at most."""
        return tuple(node for node in self.nodes if not node.inner)


@dataclass(frozen=True, slots=True)
class Branch:
    """A layer with its dimensions."""

    layer: Layer
    label: Text
    dimensions: tuple[DimensionCount, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """The tag tree with counts.

    Attributes
    ----------
    as_of, batch
        The day's end for which windows were counted, and the last batch of touches in it.
    """

    branches: tuple[Branch, ...]
    persons: int
    visitors: int
    as_of: datetime
    batch: int


@dataclass(frozen=True, slots=True)
class IndexState:
    """What the tag index holds at the moment.

    Attributes
    ----------
    made_at
        When it was last written; None: it has never been built.
    states_batch
        Last batch in the states; when it is larger than `batch`, the index is catching up.
    """

    batch: int
    states_batch: int
    as_of: datetime
    made_at: datetime | None
    persons: int
    visitors: int
    bytes: int


class NoSuchDimension(NotFound):
    """A rule or a page names a dimension that does not exist."""

    code = "no_such_dimension"
    text = Text(
        "没有维度 {given}；相近的有：{near}",
        "there is no dimension {given}; near it are: {near}",
    )


class IndexDamaged(ZeroDistanceError):
    """A file of the tag index does not have the bytes that were written."""

    code, status, retry = "index_damaged", 503, True
    text = Text(
        "标签索引文件 {path} 已损坏：{why}；会自动重建，也可运行 `zerodistance profiles rebuild`",
        "the tag index file {path} is damaged: {why}; it is rebuilt by itself, or run `zerodistance profiles rebuild`",
    )


class IndexOlder(IndexDamaged):
    """The tag index was written by an earlier version of the program, in another form."""

    code = "index_older"
    text = Text(
        "标签索引 {path} 是旧版本程序写的；会自动重建，也可运行 `zerodistance profiles rebuild`",
        "the tag index {path} is of an earlier version of the program; it is made anew by itself, or run `zerodistance profiles rebuild`",
    )


class People(Protocol):
    """What profiles asks of identity: which subjects are whom, what changed, and the published facts."""

    def version(self) -> int:
        """Return the number of the last change of the map."""
        ...

    def decided(self) -> int:
        """Return a number that is another one after somebody, not digestion, has said who is who."""
        ...

    def settled(self) -> int:
        """Return a number that is another one after households were computed anew: facts of anybody may be others then."""
        ...

    def changed(self, since: int) -> npt.NDArray[np.int64]:
        """Return the numbers, old and new, of every subject whose person changed after version `since`."""
        ...

    def numbers_of(self, subjects: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the person or visitor number of each subject, 0 for one that belongs to nobody."""
        ...

    def pairs(self, numbers: npt.NDArray[np.int64] | None) -> pa.Table:
        """Return `subject` (int64) and `number` (int64): all of these numbers, None for everybody."""
        ...

    def facts(self, numbers: npt.NDArray[np.int64] | None) -> pa.Table:
        """Return `number` (int64), `fact` and `value` (string): one row per number and published fact."""
        ...

    def then(self, at: int, subject: int | None = None) -> pa.Table:
        """Return the map as of a moment, microseconds UTC, of everybody or of whoever a subject belonged to then.

        One row a subject: `subject`, `number` (then), `today` (int64), `there` (whether it was known then; if not, `number` is that of today).
        """
        ...


class FreeRule(ZeroDistanceError):
    """An account that may not see persons asks what a free rule counts, or for the counts of the tag tree."""

    code, status = "free_rule", 403
    text = Text(
        "{who} 不能看用户，得不到自由规则和标签树的精确人数：两次只差一个人的提问就会说出这个人。可以问的是：自己的辖区 × 已批准的人群 × 品类 × 档位"
        "（“人群”页，或 POST /v1/segments/released）",
        "{who} may not see persons and gets no exact counts of free rules or of the tag tree: two questions that differ by one person "
        "would tell about that person. What can be asked: own territory x approved audience x category x band "
        "(the page Segments, or POST /v1/segments/released)",
    )

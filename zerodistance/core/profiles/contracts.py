"""What crosses the door of profiles: layers, dimensions, nodes, tags, and the figures of the tag tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.kernel.errors import Invalid, NotFound, ZeroDistanceError
from zerodistance.kernel.text import Text

VISITORS_FROM = 1 << 31
"""Numbers from here on are anonymous visitors, those below are persons; the two are never added up."""


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
        `touches`: the log, through states per subject and day; `facts`: what identity publishes of a person.
    kinds
        Touch kinds, exact (`service.visited`) or a family (`order.*`); empty: every kind.
    without
        Kinds or families that are left out of these.
    window
        How far back from the day of the answer, in whole days of the home's time zone, that day included; None: all time.
    """

    name: str = "touches"
    kinds: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    window: timedelta | None = None

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
    """

    bands: tuple[tuple[float, str, Text], ...]

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
        Where labels come from: `category`, `place` or `product` of the brand, or `` for `labels` and the bare value.
    labels
        Labels of values known beforehand.
    closed
        True: only the values in `labels` become nodes.
    """

    names: str = ""
    labels: Mapping[str, Text] = field(default_factory=dict)
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """A parsed aggregate: `count(*)` is `Value("count", "*")`.

    The set is closed, and every member can be computed from states that were added up in any order:
    `count(*)`, `sum(column)`, `days(*)` (different days), `distinct(column)`, `first(column)`, `last(column)`,
    `most(column)`, `year(first)`, `year(last)`, `age(first)`, `age(last)` (days), `share(kind)` (per cent of touches),
    and for facts `fact(field)`, a text, and `number(field)`.
    """

    verb: str
    of: str

    COLUMNS: ClassVar[tuple[str, ...]] = ("category", "product", "place", "channel", "fault", "kind")
    MEASURES: ClassVar[tuple[str, ...]] = ("quantity", "amount", "duration")
    VERBS: ClassVar[dict[str, tuple[str, ...] | None]] = {
        "count": ("*",),
        "days": ("*",),
        "sum": MEASURES,
        "distinct": COLUMNS,
        "first": COLUMNS,
        "last": COLUMNS,
        "most": COLUMNS,
        "year": ("first", "last"),
        "age": ("first", "last"),
        "share": None,
        "fact": None,
        "number": None,
    }
    TEXTUAL: ClassVar[tuple[str, ...]] = ("first", "last", "most", "fact")

    @classmethod
    def parse(cls, text: str) -> Value:
        """Read an aggregate.

        Raises
        ------
        Invalid
            It is not in the closed set; says what is.
        """
        found = re.fullmatch(r"(\w+)\(([\w.*]+)\)", text.strip())
        if found is None or found[1] not in cls.VERBS:
            verbs = ", ".join(f"{v}(...)" for v in cls.VERBS)
            raise Invalid(field="value", given=text, why=Text(f"可用 {verbs}", f"allowed are {verbs}"))
        allowed = cls.VERBS[found[1]]
        if allowed is not None and found[2] not in allowed:
            takes = ", ".join(allowed)
            raise Invalid(
                field="value", given=text, why=Text(f"{found[1]} 只收 {takes}", f"{found[1]} takes {takes}")
            )
        return cls(found[1], found[2])

    @property
    def textual(self) -> bool:
        """Whether the result is a text; all others are numbers."""
        return self.verb in self.TEXTUAL

    @property
    def counting(self) -> bool:
        """Whether somebody without any touch has the value 0, and not no value."""
        return self.verb in ("count", "days", "sum", "distinct")

    @property
    def ageing(self) -> bool:
        """Whether the value grows by one each day: the index keeps the day it counts from."""
        return self.verb == "age"


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
    parsed: Value = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Parse the aggregate."""
        object.__setattr__(self, "parsed", Value.parse(self.value))

    @property
    def numeric(self) -> bool:
        """Whether a person's value is a number, so that a rule may ask for a range."""
        return not self.parsed.textual


@dataclass(frozen=True, slots=True)
class Tag:
    """One person at one node.

    Attributes
    ----------
    value
        The number or text behind the node.
    as_of
        The moment the value holds for.
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


@dataclass(frozen=True, slots=True)
class NodeCount:
    """How many carry a node; persons and visitors are never added up."""

    node: str
    label: Text
    persons: int
    visitors: int


@dataclass(frozen=True, slots=True)
class DimensionCount:
    """A dimension with its nodes, largest first for values, in order for bands."""

    dimension: Dimension
    nodes: tuple[NodeCount, ...]
    persons: int
    visitors: int


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


class People(Protocol):
    """What profiles asks of identity: which subjects are whom, what changed, and the published facts."""

    def version(self) -> int:
        """Return the number of the last change of the map."""
        ...

    def decided(self) -> int:
        """Return a number that is another one after somebody, not digestion, has said who is who."""
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

"""What crosses the door of tags that users make: how one is made, in words and as JSON; what it is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from zerodistance.core.profiles.contracts import Layer
from zerodistance.core.profiles.splits import Sizes
from zerodistance.core.segments.contracts import Rule
from zerodistance.kernel.errors import NotFound, ZeroDistanceError
from zerodistance.kernel.text import Text

MOST_NODES, MOST_EDGES, MOST_SQL = 50, 50, 20_000  # own values
TAKES = ("first", "last", "most")


@dataclass(frozen=True, slots=True)
class Node:
    """A node that a rule says who is at."""

    key: str
    label: Text
    rule: Rule


@dataclass(frozen=True, slots=True)
class ByRule:
    """Whoever fits the rule of a node is at it; of several that fit the first counts."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ByBands:
    """Bands over the number of another dimension: each begins at its edge and ends before the next; below the first there is no tag."""

    dimension: str
    edges: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ByTouches:
    """The first, last or most frequent word of touches.

    Attributes
    ----------
    take
        `first`, `last` or `most`.
    word
        A column of the touch: `category`, `product`, `place`, `channel`, `fault`, `kind`.
    kinds
        Of touches, or families (`order.*`); none: every kind.
    days
        In the last so many days, today included; None: ever.
    where
        (column, text) that stand on the touch.
    """

    take: str
    word: str
    kinds: tuple[str, ...] = ()
    days: int | None = None
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BySql:
    """One SELECT that gives `subject` or `number` and `value`, a text, over `touches`, `subject_person`, `person_fact`."""

    sql: str


How = ByRule | ByBands | ByTouches | BySql


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a tag: its words, how it is made, until when it holds.

    Attributes
    ----------
    unit
        Number of the unit it belongs to; None: everybody's.
    expires_on
        From this day on it is no more.
    """

    key: str
    layer: Layer
    label: Text
    meaning: Text
    how: How
    unit: int | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class UserTag:
    """A tag in its newest version; times are microseconds UTC.

    Attributes
    ----------
    ran_at
        When values were last made; None: not yet, or it needs none of its own, since the index works it out at each turn.
    failed
        Why that went wrong the last time; None: it did not.
    """

    said: Said
    version: int
    made_by: str
    made_at: int
    changed_by: str
    changed_at: int
    ran_at: int | None
    failed: Text | None


@dataclass(frozen=True, slots=True)
class Tried:
    """How many would be at each node, in order."""

    nodes: tuple[tuple[str, Text, Sizes], ...]
    took_ms: float


@dataclass(frozen=True, slots=True)
class TagVersion:
    """One version of a tag."""

    number: int
    said: Said
    by: str
    at: int


class NoSuchTag(NotFound):
    """There is no tag of users with this key."""

    code = "no_such_tag"
    text = Text(
        "没有自建标签 {given}；现有：{near}", "there is no tag {given} made by users; there are: {near}"
    )


class TagInUse(ZeroDistanceError):
    """Segments or other tags stand on a tag."""

    code, status = "tag_in_use", 409
    text = Text(
        "标签 {key} 还在这些规则里：{by}；先改那些规则",
        "tag {key} stands in the rules of {by}; change those first",
    )


class TagCircle(ZeroDistanceError):
    """A tag would stand on itself."""

    code, status = "tag_circle", 400
    text = Text("标签 {key} 的规则绕回自己：{path}", "the rules of tag {key} lead back to itself: {path}")


class WrongSql(ZeroDistanceError):
    """The SQL of a tag can't be run, or does not give what it has to."""

    code, status = "wrong_sql", 400
    text = Text("这段 SQL 不能用：{why_zh}", "this SQL can't be used: {why}")


SHOWN: Mapping[str, Text] = {
    "rule": Text("按规则", "by rule"),
    "bands": Text("按档位", "by bands"),
    "touches": Text("按交互", "by touches"),
    "sql": Text("按 SQL", "by SQL"),
}

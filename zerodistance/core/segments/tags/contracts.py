"""What crosses the door of tags that users make: how one is made, in words and as JSON; what it is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from zerodistance.core.profiles.contracts import Layer
from zerodistance.core.profiles.splits import Sizes
from zerodistance.core.segments.contracts import Rule
from zerodistance.kernel.errors import NotFound, ZeroDistanceError
from zerodistance.kernel.text import Text

LISTED = "listed"
"""What a list says of a person where its file has no column for it."""
LISTED_LABEL = Text("在名单上", "on the list")
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
    """Bands over the number of another dimension: each begins at its edge and ends before the next; below the first there is no tag.

    Attributes
    ----------
    edges
        Empty before they are cut.
    quantiles
        So many bands of about equally many persons each; cut when it is saved first, and by `run`. None: `edges` are somebody's choice.
    """

    dimension: str
    edges: tuple[float, ...]
    quantiles: int | None = None


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


@dataclass(frozen=True, slots=True)
class ByList:
    """What a list says of a person, that entered last; lists come in as files, see `lists.enter`.

    Attributes
    ----------
    words
        (node, label) of what a list may say; a row that says something else is refused. None: it may say anything.
    """

    words: tuple[tuple[str, Text], ...] = ()


How = ByRule | ByBands | ByTouches | BySql | ByList


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
class Columns:
    """What the columns of a list are.

    Attributes
    ----------
    identifiers
        Namespace -> column, like phone -> 手机号. Empty: guessed by their names.
    value
        The column that says what the list says of a person; None: it says `word` of everybody.
    word
        None: `LISTED`.
    happened_at
        The column of dates since when it says so; None: since it was entered.
    """

    identifiers: Mapping[str, str] = field(default_factory=dict)
    value: str | None = None
    word: str | None = None
    happened_at: str | None = None


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


class NoSuchList(NotFound):
    """A list is to be entered for a tag that is not there, and nothing says what it would be."""

    code = "no_such_list"
    text = Text(
        "没有标签 {given}；写明 --layer、--zh、--en 就会新建",
        "there is no tag {given}; with --layer, --zh and --en it is made",
    )


class NoList(ZeroDistanceError):
    """A tag is not made by a list, so that no list can be entered for it."""

    code, status = "no_list", 400
    text = Text(
        "标签 {key} 不是按名单做的；另用一个键，或先让它按名单",
        "tag {key} is not made by a list; take another key, or make it by a list first",
    )


class ListEntered(ZeroDistanceError):
    """A file stands on a list already, with other columns or another word."""

    code, status = "list_entered", 409
    text = Text(
        "文件 {file} 已在名单 {key} 上（导入 {number}），但列或用词不同；用 --replace 取代原来的，或先撤销那次导入",
        "the file {file} stands on list {key} already (import {number}), with other columns or another word: let it take the place of what "
        "is there (--replace), or undo that import first",
    )


SHOWN: Mapping[str, Text] = {
    "rule": Text("按规则", "by rule"),
    "bands": Text("按档位", "by bands"),
    "touches": Text("按交互", "by touches"),
    "sql": Text("按 SQL", "by SQL"),
    "list": Text("按名单", "by a list"),
}

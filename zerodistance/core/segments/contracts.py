"""What crosses the door of segments: rules, counts, members and saved segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from zerodistance.core.profiles.contracts import Branch
from zerodistance.core.profiles.measuring import Measured
from zerodistance.core.profiles.splits import Sizes
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

KEY = r"[a-z0-9]([a-z0-9_\-]{0,62}[a-z0-9])?"
"""What the key of a segment looks like; also a pattern for browsers."""
TAKEN = frozenset(
    "audiences count distinguish draft exact expect fields groups nearest new overlap profile released sql tags".split()
)
"""What no key may be: words that stand in its place in addresses."""
MOST_DAYS = 36_500  # own value: a rule looks back at most a hundred years


@dataclass(frozen=True, slots=True)
class Has:
    """Carries a tag: at a node, or with a number in a range (both ends included); neither: any value at all."""

    dimension: str
    node: str | None = None
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Did:
    """Did something, counted in touches of one kind (`order.placed`) or family (`order.*`).

    Attributes
    ----------
    at_least, at_most
        How many times, both included; without either: at least once.
    within_days
        In the last so many days, today included; None: ever.
    amount_at_least
        The amounts of these touches sum up to at least this, in the home's currency.
    product, category, place
        Only touches with this code.
    amount_at_most
        The amounts sum up to at most this.
    quantity_at_least, quantity_at_most
        The pieces of these touches sum up to that; what was returned counts below 0.
    last_at_least, last_at_most
        The last of these touches was so many days ago, both included; 0: today. Fits nobody who did it no time at all.
    first_at_least, first_at_most
        The same of the first of them.
    """

    kind: str
    at_least: int | None = None
    at_most: int | None = None
    within_days: int | None = None
    amount_at_least: float | None = None
    product: str | None = None
    category: str | None = None
    place: str | None = None
    amount_at_most: float | None = None
    quantity_at_least: float | None = None
    quantity_at_most: float | None = None
    last_at_least: int | None = None
    last_at_most: int | None = None
    first_at_least: int | None = None
    first_at_most: int | None = None


@dataclass(frozen=True, slots=True)
class In:
    """Is in a saved segment, by its key, in its newest version."""

    segment: str


@dataclass(frozen=True, slots=True)
class Near:
    """Lives near a point: the middle of the H3 cell of the home community is at most `km` away, over ground.

    Attributes
    ----------
    lat, lon
        Degrees, WGS-84.
    """

    lat: float
    lon: float
    km: float


@dataclass(frozen=True, slots=True)
class Lives:
    """Lives in a community, or in the territory of a unit: its communities, and those in its districts and cities. One of the two."""

    community: str | None = None
    territory: str | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """Lives in an area, by the middle of the H3 cell of the home community: a ring of (longitude, latitude), or H3 cells. One of the two."""

    polygon: tuple[tuple[float, float], ...] = ()
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of these holds."""

    terms: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these holds."""

    terms: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Not one of these holds."""

    terms: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class SomeOf:
    """At least so many of these hold."""

    at_least: int
    terms: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Household:
    """Is of a household in which at least so many fit the one rule in `terms`, whoever it is; who is of none that is known is alone."""

    at_least: int
    terms: tuple[Rule]


@dataclass(frozen=True, slots=True)
class OthersAtHome:
    """Is of a household in which at least so many others fit the one rule in `terms`."""

    at_least: int
    terms: tuple[Rule]


Place = Near | Lives | Within
Leaf = Has | Did | In | Place
AtHome = Household | OthersAtHome
Rule = Leaf | AtHome | AllOf | AnyOf | NoneOf | SomeOf


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a rule as a page shows it: the condition, and who is left after it.

    Attributes
    ----------
    depth
        How deep it is nested; 0 is the outermost.
    joined
        `and`, `or` or `not`: how it joins what stands before it.
    alone
        Persons who fit this condition by itself.
    left
        Persons left after this condition and those before it on the same level.
    """

    text: Text
    depth: int
    joined: str
    alone: int
    left: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many fit a rule, exactly; persons and visitors are never added up.

    Attributes
    ----------
    as_of
        The moment that windows are counted back from.
    batch
        Last batch of touches that the answer contains.
    of_persons, of_visitors
        How many there are in all.
    """

    persons: int
    visitors: int
    of_persons: int
    of_visitors: int
    as_of: datetime
    batch: int
    took_ms: float
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Portrait:
    """How those who fit a rule are spread over the tag tree, beside everybody.

    Attributes
    ----------
    branches, everybody
        The layers with the counts of those who fit, and of everybody.
    error
        0.0: counted exactly. Else half of the widest 95 % interval of a share of the persons, in points: scaled up from a sample.
    numbers
        Dimension -> what the numbers of those who fit come to, of persons and of visitors, of those dimensions that were asked for.
    """

    persons: int
    visitors: int
    branches: tuple[Branch, ...]
    everybody: tuple[Branch, ...]
    error: float
    as_of: datetime
    batch: int
    took_ms: float
    numbers: Mapping[str, tuple[Measured, Measured]]


@dataclass(frozen=True, slots=True)
class Members:
    """A page of members: public ids in the order of their numbers; `after` asks for the next page, None: there is none."""

    ids: tuple[str, ...]
    numbers: tuple[int, ...]
    after: int | None
    total: int


@dataclass(frozen=True, slots=True)
class Kept:
    """That the members of a segment are kept; times are microseconds UTC.

    Attributes
    ----------
    frozen
        True: whoever fitted at `at` is in it for good. False: living, and every entry and exit is told.
    persons, visitors
        How many there were at `at`.
    change
        Number of the last change, 0: none yet.
    """

    frozen: bool
    persons: int
    visitors: int
    change: int
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Change:
    """Who entered and left a followed segment at one turn of the index; `number` counts from 1, `at` is microseconds UTC."""

    number: int
    version: int
    reason: str
    entered: Sizes
    left: Sizes
    batch: int
    at: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Public ids of who entered and left by one change, persons before visitors; those who are somebody else or forgotten by now are left out."""

    change: Change
    entered: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """How many were in a segment at the end of a local day (so far, of today), by the rule of that version."""

    day: date
    version: int
    persons: int
    visitors: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A saved segment in one version; times are microseconds UTC.

    Attributes
    ----------
    unit
        Number of the unit it belongs to; None: everybody's.
    versions
        How many versions there are.
    made_by, made_at
        Of the first version.
    changed_by, changed_at
        Of this version.
    kept
        None: living, and followed by nobody.
    """

    key: str
    name: Text
    version: int
    versions: int
    rule: Rule
    unit: int | None
    made_by: str
    made_at: int
    changed_by: str
    changed_at: int
    kept: Kept | None = None

    @property
    def frozen(self) -> bool:
        """Whether its members stay who they are."""
        return self.kept is not None and self.kept.frozen

    @property
    def asks(self) -> Rule:
        """The rule that finds its members: its own, or that somebody is in it, where it is frozen."""
        return In(self.key) if self.frozen else self.rule


class WrongRule(ZeroDistanceError):
    """A rule can't be read; says where, what was given and what is allowed.

    `at` is a (line, column) pair from 1 for text, a path such as `all_of[1].has` for JSON.
    """

    code, status = "wrong_rule", 400
    text = Text("规则的 {at} 处：{why_zh}", "the rule at {at}: {why}")


class SegmentExists(ZeroDistanceError):
    """A segment with this key is there already."""

    code, status = "segment_exists", 409
    text = Text(
        "人群 {key} 已存在；换一个名字，或保存为新版本",
        "a segment {key} exists; take another key, or save a new version",
    )


class SegmentCircle(ZeroDistanceError):
    """Segments would stand in one another."""

    code, status = "segment_circle", 400
    text = Text(
        "人群互相引用，没有尽头：{path}；去掉其中一处",
        "segments stand in one another without end: {path}; take one of them out",
    )


class SegmentOfUnit(ZeroDistanceError):
    """A segment would stand on one that not everybody sees who sees it."""

    code, status = "segment_of_unit", 400
    text = Text(
        "人群 {key} 只属于一个小微，看得到本人群的人不都看得到它；改用所有人都看得到的人群",
        "segment {key} is of one unit, and not all who see this segment see it; use one that everybody sees",
    )


class GivenThen(ZeroDistanceError):
    """A rule asks as of an earlier moment for what was given, not worked out from touches: nobody can say what it was then."""

    code, status = "given_then", 409
    text = Text(
        "{key} 的值是给定的，不是从交互算出的，没有以前的记录；去掉这个条件，或按现在问",
        "the values of {key} are given, not worked out from touches, and what they were then is not kept: take that condition out, or ask as of now",
    )


class SegmentInUse(ZeroDistanceError):
    """Other segments, or tags of users, say `In(...)` of this one."""

    code, status = "segment_in_use", 409
    text = Text(
        "人群 {key} 还在别的人群或自建标签的规则里：{by}；先改那些规则",
        "segment {key} stands in the rules of other segments, or tags: {by}; change those first",
    )


class SegmentFrozen(ZeroDistanceError):
    """What is asked needs a living segment."""

    code, status = "segment_frozen", 409
    text = Text(
        "人群 {key} 已冻结，成员不随规则变；先解冻",
        "segment {key} is frozen: no rule changes its members; thaw it first",
    )


class NoSuchChange(ZeroDistanceError):
    """There is no such change of a segment, or it is kept no more."""

    code, status = "no_such_change", 404
    text = Text(
        "人群 {key} 没有第 {given} 次变动，或已过保留期（{days} 天）",
        "segment {key} has no change {given}, or it is older than the {days} days for which changes are kept",
    )


class NoSuchSegment(ZeroDistanceError):
    """There is no segment with this key."""

    code, status = "no_such_segment", 404
    text = Text("没有人群 {key}；现有：{near}", "there is no segment {key}; there are: {near}")

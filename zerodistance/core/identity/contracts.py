"""What crosses the door of identity: persons, what they are known by, why they are one, and what a rebuild changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

VISITORS_FROM = 1 << 31
"""Person numbers below are persons, from here on anonymous visitors, who expire."""


class Kind(StrEnum):
    """Whether somebody is known by more than a cookie or a device."""

    PERSON = "person"
    VISITOR = "visitor"


class EdgeState(StrEnum):
    """Whether a piece of evidence holds two subjects together now."""

    ACTIVE = "active"
    VETOED = "vetoed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One thing a person is known by.

    Attributes
    ----------
    masked
        Readable but not whole, as `+86138****8001`; for anonymous ids, which are kept as tokens only, `#` and the
        first digits of the token.
    first_at
        When it was first seen, by the time of the touches; microseconds UTC.
    shared
        It stands on too many persons and links nobody.
    """

    subject: int
    namespace: str
    masked: str
    first_at: int
    shared: bool


@dataclass(frozen=True, slots=True)
class Person:
    """A person or visitor as a look-up answers it.

    Attributes
    ----------
    id
        The public id of today, `p_...`.
    number
        The person number, stable, 32 bit; inside the program only.
    since
        When the first of its identifiers was first seen; microseconds UTC.
    counts
        Namespace -> how many identifiers of it.
    asked
        The id or subject that was asked for belongs to this person under another id: the old id, else None.
    identifiers
        Masked; empty unless they were asked for.
    earlier
        Of a look-up by a device or a cookie that several accounts use in turn: the public ids of those who used it before, the latest first.
    """

    id: str
    number: int
    kind: Kind
    since: int
    counts: dict[str, int]
    asked: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """One stretch of time in which somebody, by public id, used a device: from a login to that of somebody else, None if there was none."""

    person: str
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class InTurn:
    """A device or a cookie that several persons use in turn, and who did when; in order of time."""

    device: Identifier
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Weight:
    """What one comparison says of a pair.

    Attributes
    ----------
    label, level
        What is compared, and how alike it is.
    bits
        For one person against two strangers; below 0 it speaks against one person.
    share
        Share of records that have the value they agree in, where its rarity counts; None elsewhere.
    common
        Whether the weights know that value; if not, `share` is what is taken for the rare ones.
    """

    comparison: str
    label: Text
    level: Text
    bits: float
    share: float | None = None
    common: bool = True


@dataclass(frozen=True, slots=True)
class Edge:
    """One pair of subjects that evidence, the matcher or a decision has brought together or kept apart.

    Attributes
    ----------
    rules
        How the two stood on one touch: login, identify, alias, row; `turn`: the account uses the device in turn with others;
        `match`: they are written alike; `decided`: somebody said so.
    at
        Earliest touch that says so, or when it was found or said; microseconds UTC.
    source
        Number of the source of that touch; 0 for a match or a decision.
    reason
        Why it does not link, empty when it does: `shared`, `unique`, `limit`, `name` (another name on that phone), `epoch` (the next rebuild will decide),
        `doubt` (the matcher is not sure, somebody has to decide), `decided` (somebody decided that they are two), or what was said when it was revoked.
    weight, parts
        Of a match: bits that they are one person, and what each comparison says, as the two are written now.
    """

    a: int
    b: int
    rules: tuple[str, ...]
    at: int
    source: int
    state: EdgeState
    reason: str
    weight: float | None = None
    parts: tuple[Weight, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """The way from one subject to another.

    Attributes
    ----------
    joined
        Whether all its steps join; if not, some are kept apart, which is why the two are not one person by it.
    steps
        In order from `a` to `b`; empty: nothing leads from one to the other.
    nodes
        Subject -> masked identifier, for both ends of every step.
    turns
        Devices and cookies that the persons of both use in turn.
    """

    a: int
    b: int
    joined: bool
    steps: tuple[Edge, ...]
    nodes: dict[int, Identifier]
    turns: tuple[InTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a person is one: a graph for the picture in the portal.

    Attributes
    ----------
    nodes
        Every identifier of the person, then neighbours that were kept apart (`outside` holds their subjects).
    outside
        Subject -> public id of the person it belongs to instead.
    more
        Edges that were left out because there are too many to show.
    turns
        Devices and cookies that the person uses in turn with others.
    """

    person: Person
    nodes: tuple[Identifier, ...]
    edges: tuple[Edge, ...]
    outside: dict[int, str]
    more: int
    turns: tuple[InTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found and changed.

    Attributes
    ----------
    merged, split
        Persons that became part of another one; persons that gave away a part.
    moved
        Subjects that belong to another person than before.
    shared, freed
        Identifiers that stopped linking since the last epoch, and that link again.
    vetoed
        Why -> number of pieces of evidence that may not link.
    merged_ids, split_ids
        Up to ten examples: (id before, id now).
    seconds
        How long it took.
    rules
        Version of the rules that it was computed by, 0: as shipped.
    """

    epoch: int
    subjects: int
    evidence: int
    persons: int
    visitors: int
    merged: int
    split: int
    moved: int
    shared: int
    freed: int
    vetoed: dict[str, int]
    merged_ids: tuple[tuple[str, str], ...]
    split_ids: tuple[tuple[str, str], ...]
    seconds: float
    rules: int = 0


@dataclass(frozen=True, slots=True)
class Matched:
    """What a pass of the matcher found.

    Attributes
    ----------
    mentions
        Ways of writing somebody that were compared.
    links, doubts
        Matches that hold persons together; pairs of persons who are likely one and of whom somebody has to decide.
    new, gone
        Of the links: those that the last pass had not, and those that it had and this one has not.
    model
        Name of the weights.
    seconds
        How long it took.
    """

    mentions: int
    links: int
    doubts: int
    new: int
    gone: int
    model: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Shared:
    """An identifier that stands on too many persons, with its story; it links nobody."""

    subject: int
    namespace: str
    masked: str
    persons: int
    by: str
    epoch: int
    since_at: int


@dataclass(frozen=True, slots=True)
class Guards:
    """What the guards did: counters (name -> total, last time), and what is shared now."""

    counters: dict[str, tuple[int, int]]
    shared: tuple[Shared, ...]
    shared_total: int


class Verdict(StrEnum):
    """What somebody decides about two subjects."""

    SAME = "same"
    DIFFERENT = "different"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about two subjects.

    Attributes
    ----------
    weight, model
        What the matcher said then, bits, and which model; None and empty: nothing.
    withdrawn_at
        When it was taken back; None: it holds, unless there is a later one on the pair.
    """

    number: int
    a: int
    b: int
    verdict: Verdict
    why: str
    by: str
    at: int
    weight: float | None
    model: str
    withdrawn_at: int | None


class NotShared(ZeroDistanceError):
    """An identifier is not among those that could be released, or shared again."""

    code, status = "not_shared", 404
    text = Text(
        "主体 {given} 现在不是多人共用的标识，也没有被放行；清单见身份健康页",
        "subject {given} is neither shared nor released now; the page Identity health lists those that are",
    )


class MatchRunning(ZeroDistanceError):
    """Another process compares what was said of people just now."""

    code, status, retry = "match_running", 409, True
    text = Text(
        "{path} 里正在进行另一次匹配；等它结束再试",
        "the matcher is at work in {path}; try again when it has ended",
    )


class NoSuchDecision(ZeroDistanceError):
    """There is no decision with that number, or it was withdrawn before."""

    code, status = "no_such_decision", 404
    text = Text("没有编号为 {given} 的有效判定", "there is no decision {given} that holds")


class NoSuchPerson(ZeroDistanceError):
    """Nobody is known by what was given, or the person has been forgotten."""

    code, status = "no_such_person", 404
    text = Text("没有这样的用户：{given}", "nobody is known by {given}")


class NotAnIdentifier(ZeroDistanceError):
    """What was given can't be an identifier of that namespace."""

    code, status = "not_an_identifier", 400
    text = Text(
        "{namespace} 的值不能用来识别（{why}）；可用的命名空间：{allowed}",
        "the value given as {namespace} can't identify anybody ({why}); namespaces are {allowed}",
    )


class StaleRecognition(ZeroDistanceError):
    """Persons were changed by somebody else between recognition and commit; recognise the batch again."""

    code, status, retry = "stale_recognition", 409, True
    text = Text(
        "识别之后、提交之前，身份数据已被改动（第 {had} 版变为第 {now} 版）；请重新识别这一批",
        "identity changed between recognition and commit (generation {had}, now {now}); recognise the batch again",
    )

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
    """

    id: str
    number: int
    kind: Kind
    since: int
    counts: dict[str, int]
    asked: str | None = None
    identifiers: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """One pair of subjects on which evidence exists.

    Attributes
    ----------
    rules
        How the two stood on one touch: login, identify, alias, row.
    at
        Earliest touch that says so; microseconds UTC.
    source
        Number of the source of that touch.
    reason
        Why it does not link, empty when it does: `shared`, `unique`, `limit`, `epoch` (the next rebuild will decide),
        or what was said when it was revoked.
    """

    a: int
    b: int
    rules: tuple[str, ...]
    at: int
    source: int
    state: EdgeState
    reason: str


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
    """

    person: Person
    nodes: tuple[Identifier, ...]
    edges: tuple[Edge, ...]
    outside: dict[int, str]
    more: int


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

"""What crosses the door about rules: versions, what a change would do, and the weights there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zerodistance.core.identity.contracts import Identifier, Rebuilt
from zerodistance.core.identity.ruling.changes import Changed
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


@dataclass(frozen=True, slots=True)
class Version:
    """Rules that were set once.

    Attributes
    ----------
    changes
        What differs from the version that was in force before.
    undone_at
        When it was undone, microseconds UTC; None: it holds, unless there is a later one.
    """

    version: int
    at: int
    who: str
    reason: str
    changes: tuple[Changed, ...]
    undone_at: int | None
    undone_by: str


@dataclass(frozen=True, slots=True)
class Epoch:
    """One authoritative rebuild: when, by which version of the rules, why, and what it changed."""

    epoch: int
    at: int
    rules: int
    reason: str
    merged: int
    split: int
    moved: int


@dataclass(frozen=True, slots=True)
class InForce:
    """The rules that hold, and how they came about.

    Attributes
    ----------
    version
        0: as shipped.
    values, shipped
        Rule -> value as it holds, and as it ships.
    history, epochs
        The newest first.
    """

    version: int
    values: Mapping[str, str]
    shipped: Mapping[str, str]
    history: tuple[Version, ...]
    epochs: tuple[Epoch, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """Somebody who would be merged or split.

    Attributes
    ----------
    id, other
        Merged: the person, and the id it would have. Split: the person, and the id of a part that would leave.
    left, right
        What two of their subjects are known by, masked: those between which they are joined or parted.
    via
        The identifier that both stand with, masked; None: they stood on one touch, or were matched.
    why
        `freed`: an identifier links again; `shared`: it no longer does; `match`: the matcher; `limit`: they stood together, and how many of a kind
        one person may have is what joins or parts them; `other`: over others.
    bits
        Of a match.
    """

    merged: bool
    id: str
    other: str
    left: Identifier | None
    right: Identifier | None
    via: Identifier | None
    why: str
    bits: float | None


@dataclass(frozen=True, slots=True)
class Side:
    """How everybody stands under some rules: persons, visitors, subjects of the largest person."""

    persons: int
    visitors: int
    largest: int


@dataclass(frozen=True, slots=True)
class Trial:
    """What a change of the rules would do; nothing was written.

    Attributes
    ----------
    version
        The version in force that it was compared with.
    changes
        Rule by rule.
    before, after
        As everybody stands now, and as they would.
    rebuilt
        What applying it would say, but for the number of the epoch and the time it takes.
    anyway
        Subjects that would move with the next rebuild under the rules in force too, because something came in since the last.
    matched
        Whether the matcher was asked again.
    links
        Matches that would hold persons together; None: as they are.
    shared, freed
        Identifiers that would stop linking, and that would link again: as many as examples were asked for.
    examples
        Some of those who would be merged or split.
    """

    version: int
    changes: tuple[Changed, ...]
    before: Side
    after: Side
    rebuilt: Rebuilt
    anyway: int
    matched: bool
    links: int | None
    shared: tuple[Identifier, ...]
    freed: tuple[Identifier, ...]
    examples: tuple[Example, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Learned:
    """Weights that a home has learned, or those that ship.

    Attributes
    ----------
    used
        Whether the rules in force name them.
    faces
        Ways of writing somebody that they were learned from.
    about
        How they were trained, and what they reach.
    """

    name: str
    at: int | None
    who: str
    faces: int
    used: bool
    about: Mapping[str, Any] = field(default_factory=dict)


class NothingChanges(ZeroDistanceError):
    """A change sets the rules to what they are."""

    code, status = "nothing_changes", 409
    text = Text(
        "这样改和现在的规则一样：{given}；`zerodistance identity rules` 列出现在的值",
        "the rules are like this already: {given}; `zerodistance identity rules` lists what holds",
    )


class NothingToUndo(ZeroDistanceError):
    """The rules are as shipped."""

    code, status = "nothing_to_undo", 409
    text = Text(
        "规则和出厂时一样，没有可以撤销的改动", "the rules are as shipped: there is no change to undo"
    )


class RulesMoved(ZeroDistanceError):
    """Somebody else changed the rules meanwhile."""

    code, status, retry = "rules_moved", 409, True
    text = Text(
        "在此期间规则已被改动（第 {had} 版变为第 {now} 版）；请看过新的规则后重新试算",
        "the rules were changed meanwhile (version {had}, now {now}); look at them and try again",
    )


class NoSuchModel(ZeroDistanceError):
    """There are no weights of that name."""

    code, status = "no_such_model", 404
    text = Text(
        "没有名为 {given} 的权重；有：{allowed}；`zerodistance identity train` 训练新的",
        "there are no weights called {given}; there are {allowed}; `zerodistance identity train` makes new ones",
    )


class ModelTooOld(ZeroDistanceError):
    """Weights were learned by a version that compared otherwise."""

    code, status = "model_too_old", 409
    text = Text(
        "权重 {given} 是旧版程序学的，这一版读不了（{why}）；运行 `zerodistance identity train` 重新训练，"
        "或用 `identity rules apply model=shipped` 换回自带的",
        "the weights {given} were learned by an older version and can't be read by this one ({why}); run `zerodistance identity train`, "
        "or go back to those that ship with `identity rules apply model=shipped`",
    )


class TooFewFaces(ZeroDistanceError):
    """Too little was said of people in words to learn from."""

    code, status = "too_few_faces", 409
    text = Text(
        "只有 {given} 种写法，少于 {least}，学不出可靠的权重；先导入更多数据，自带的权重照常可用",
        "there are {given} ways of writing somebody, fewer than {least}: too few to learn from; take more data in first, the weights that ship serve meanwhile",
    )

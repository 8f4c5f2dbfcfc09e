"""What crosses the door of measurement: goals, plans, experiments, assignments, costs, and what can be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pyroaring import BitMap

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

KEY = r"[a-z0-9]([a-z0-9_\-]{0,62}[a-z0-9])?"
"""What the key of an experiment looks like; touches carry it as their campaign."""
TAKEN = frozenset(("global", "hold", "joint", "new", "plan"))
"""What no key may be: words that stand in its place in addresses."""
ASSIGNED, HELD_OUT = "campaign.assigned", "message.held_out"
"""Kinds of the touches that an assignment says: of who may be contacted, and of who is held out."""
SENT, OPENED, CLICKED = "message.sent", "message.opened", "message.clicked"
MARKETING, SERVICE, RESEARCH = "marketing", "service", "research"
PURPOSES = {
    MARKETING: Text("营销", "marketing"),
    SERVICE: Text("服务", "service"),
    RESEARCH: Text("共创邀请", "research"),
}
MOST_HELD = 0.9
LEAST_HELD = 0.01
"""Own value: less than one person of a hundred held out measures nothing that anybody would plan for."""
MOST_WINDOW = 730  # own value: days within which something counts as having come of a contact


class Value(StrEnum):
    """What is measured of a person: whether the goal was reached, or for how much money as well."""

    TOUCHES = "touches"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is hoped for: a touch of a kind within so many days of the assignment.

    Attributes
    ----------
    kind
        A kind of touch (`order.line`), or a family (`order.*`).
    category, product, place
        Only touches with this code; a category holds those below it.
    window_days
        How many times 24 hours after a person's assignment count.
    value
        `amount`: the money of these touches is measured too, in the home's currency.
    """

    kind: str
    window_days: int
    category: str | None = None
    product: str | None = None
    place: str | None = None
    value: Value = Value.TOUCHES


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment could find out, worked out before anybody was assigned.

    Attributes
    ----------
    audience
        How many persons it was planned for.
    base_rate
        Share of those who reach the goal without contact.
    share_held
        Share of the audience that is held out.
    detect
        Relative lift that it has to be able to find (.1: a tenth more); None: nobody said.
    detectable
        Smallest relative lift that it finds with `power`; None: none that could be.
    power
        With what chance it finds `detect`, or `detectable` where nobody said.
    needed
        How many persons it takes for `detect` with the best share held; None: nobody said.
    alpha
        With what chance it finds something where there is nothing.
    """

    audience: int
    base_rate: float
    share_held: float
    detect: float | None
    detectable: float | None
    power: float
    needed: int | None
    alpha: float = 0.05


@dataclass(frozen=True, slots=True)
class Experiment:
    """A question and how it is put; times are microseconds UTC.

    Attributes
    ----------
    unit
        Number of the unit it belongs to; None: everybody's.
    share_held
        Share of those assigned who are not contacted.
    stratify
        Dimensions within whose nodes the share is held.
    score
        A dimension whose number orders persons from those who need it most; None: there is no uplift curve.
    plan
        None: it was not planned, as those without a holdout are not; nor is one told to an account that sees no persons and has not made it.
    everywhere
        Whether it is the global holdout: who is held here is held out of all marketing.
    persons, held
        How many were assigned, and held out of these, when they were; 0 for accounts that see no persons.
    """

    key: str
    name: Text
    purpose: str
    unit: int | None
    share_held: float
    stratify: tuple[str, ...]
    score: str | None
    channel: str | None
    goal: Goal
    plan: Plan | None
    everywhere: bool
    made_by: str
    made_at: int
    ended_by: str | None
    ended_at: int | None
    assignments: int = 0
    persons: int = 0
    held: int = 0
    last_at: int | None = None

    @property
    def ended(self) -> bool:
        """Whether nobody is assigned any more."""
        return self.ended_at is not None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A receipt: who is in which arm of those who were given, persons by their numbers at `assigned_at` (microseconds UTC).

    Whoever acts on it reads the arms again with `arms`; the object by itself proves nothing.

    Attributes
    ----------
    number
        Counts from 1 in each experiment.
    treated, held
        Who may be contacted, and who must not be. Who was assigned before keeps the arm.
    again
        How many of them had been assigned before.
    everywhere
        How many of `held` are held out of all marketing.
    reason
        Why nobody is held out; None: there is a holdout.
    """

    experiment: str
    number: int
    treated: BitMap
    held: BitMap
    assigned_at: int
    again: int = 0
    everywhere: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Money spent; `at` is microseconds UTC.

    Attributes
    ----------
    amount
        In the home's currency: once, or of each message that was sent.
    per_message
        Whether it counts once for each message, of `channel` where that is named.
    """

    number: int
    amount: float
    what: str
    per_message: bool
    channel: str | None
    by: str
    at: int


class NoSuchExperiment(ZeroDistanceError):
    """There is no experiment with this key."""

    code, status = "no_such_experiment", 404
    text = Text("没有实验 {key}；现有：{near}", "there is no experiment {key}; there are: {near}")


class ExperimentExists(ZeroDistanceError):
    """There is an experiment with this key."""

    code, status = "experiment_exists", 409
    text = Text(
        "实验 {key} 已存在；换一个标识，因为分过组的人不会再分一次",
        "an experiment {key} exists; take another key, since who was assigned is never assigned anew",
    )


class ExperimentEnded(ZeroDistanceError):
    """Nobody is assigned to an experiment that has ended."""

    code, status = "experiment_ended", 409
    text = Text(
        "实验 {key} 已结束，不再分组", "the experiment {key} has ended; nobody is assigned to it any more"
    )


class HopelessPlan(ZeroDistanceError):
    """An experiment could not find what it is for."""

    code, status = "hopeless_plan", 409
    text = Text(
        "{audience} 人里留 {share} 作对照，基准率 {base}：提升 {detect} 只有 {power} 的机会看得出来；"
        "看得出来的最小提升是 {detectable}，要看出 {detect} 至少需要 {needed} 人。"
        "加人、放宽目标或接受只能看出更大的提升（anyway）",
        "with {audience} persons, {share} of them held out and a base rate of {base}, a lift of {detect} would be seen with a chance of {power}; "
        "the smallest that would be seen is {detectable}, and {detect} takes {needed} persons at least. "
        "Take more persons, a more frequent goal, or say that seeing larger lifts only is fine (anyway)",
    )


class NeedsHoldout(ZeroDistanceError):
    """Only service messages go out without a holdout."""

    code, status = "needs_holdout", 409
    text = Text(
        "实验 {key} 的目的是{purpose_zh}，必须留对照组；只有服务消息可以不留",
        "the experiment {key} is for {purpose}, which needs a holdout; only service messages go out without one",
    )


class TooManyStrata(ZeroDistanceError):
    """The dimensions of a stratification have too many nodes together."""

    code, status = "too_many_strata", 409
    text = Text(
        "按 {dimensions} 分层有 {given} 层，最多 {most} 层；用节点少的维度",
        "{dimensions} give {given} strata, {most} are the most: take dimensions with fewer nodes",
    )


class NoGlobalHoldout(ZeroDistanceError):
    """There is no global holdout."""

    code, status = "no_global_holdout", 404
    text = Text(
        "没有全局对照组；用 `zerodistance experiments hold` 设一个",
        "there is no global holdout; `zerodistance experiments hold` makes one",
    )

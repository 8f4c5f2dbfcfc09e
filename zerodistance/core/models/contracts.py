"""What crosses the door of models: what a model and a version are, and errors that a person or a client reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from zerodistance.core.models.ladder.points import Points
from zerodistance.core.profiles.contracts import Bands
from zerodistance.kernel.errors import Invalid, NotFound, ZeroDistanceError
from zerodistance.kernel.text import Text

RULES, POINTS, TREES, HAZARD, VALUE, AMOUNT, UPLIFT = (
    "rules",
    "points",
    "trees",
    "hazard",
    "value",
    "amount",
    "uplift",
)
"""Kinds of versions: a table that a person wrote, one that was learned, trees, chances of periods, buying again and for how much,
the chance to buy and how much then, whom contact moves."""


class Family(StrEnum):
    """The three classes of models."""

    NEED = "need"
    RELATION = "relation"
    DEVICE = "device"

    @property
    def label(self) -> Text:
        """What it is called."""
        return _FAMILIES[self]


_FAMILIES = {
    Family.NEED: Text("需求", "Need"),
    Family.RELATION: Text("关系", "Relation"),
    Family.DEVICE: Text("设备与口碑", "Device and voice"),
}


class Among(StrEnum):
    """Who is scored: known persons, never visitors.

    `owners` have an appliance of the category, `others` have none that the brand knows of, `active` were here within a year, `buyers` bought something once;
    `appliances` have one of the category that reports what it does, `visited` had a technician at home within thirty days: of these, a row is an appliance or
    a visit (`spines`).
    """

    OWNERS = "owners"
    OTHERS = "others"
    ACTIVE = "active"
    BUYERS = "buyers"
    EVERYBODY = "everybody"
    APPLIANCES = "appliances"
    VISITED = "visited"


@dataclass(frozen=True, slots=True)
class Asked:
    """The outcome: a touch of one of these kinds, or with `comes=False` none of them, after the day of the features and within the horizon.

    Attributes
    ----------
    kinds
        Exact (`order.line`) or a family (`order.*`); empty: every kind.
    without
        Kinds or families that are left out of these.
    given
        Only those count to whom one of these kinds came in that time too: who never ordered could not send anything back.
    covers
        Target -> the categories of touches that count for it; of a target that is not there, the category that it is called like, of `` every one.
    """

    kinds: tuple[str, ...]
    without: tuple[str, ...] = ()
    comes: bool = True
    given: tuple[str, ...] = ()
    covers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """What is asked of whom, from what.

    Attributes
    ----------
    key
        `n1`; its scores are the dimensions `score.n1_washer` and so on, or `score.r4_dormancy` of a model without categories.
    categories
        It is asked of each of these apart, by one model that learns from all of them; empty: it is asked of the person.
    features
        Keys of numeric dimensions of the tag tree; of a person who has no number there, it is missing. `{}` stands for the category that is asked for:
        `needs.age.{}` is the column `needs.age`. Those in `features.MADE` are made of several.
    rules
        The rules of thumb, over the same columns: a trained model has to beat them.
    signs
        Column -> 1 or -1: more of it may only add, or only take away.
    kinds
        Which kinds of versions there may be, the usual one first.
    horizons
        Days of further horizons that a version of the kind `hazard` also says.
    nodes
        Bands of its scores where those are not A to E.
    plain
        Scores are the points themselves, 0 to 100, not a place in the population.
    targets_called
        What targets are called that are no categories.
    weeks
        Of things: with how many moments, a week apart, it is trained and evaluated; the last is the moment of the version.
    nearer
        Of things: days of shorter horizons, whose chance is that of the horizon spread evenly.
    guards
        Guard rails: what it is never used for, and what somebody scored may ask.
    appeals
        Whether scores grant service, so that they can be appealed against.
    """

    key: str
    label: Text
    meaning: Text
    among: Among
    asked: Asked
    horizon_days: int
    features: tuple[str, ...]
    rules: Points
    categories: tuple[str, ...] = ()
    signs: Mapping[str, int] = field(default_factory=dict)
    family: Family = Family.NEED
    kinds: tuple[str, ...] = (POINTS, TREES, RULES)
    horizons: tuple[int, ...] = ()
    nodes: Bands | None = None
    plain: bool = False
    targets_called: Mapping[str, Text] = field(default_factory=dict)
    weeks: tuple[int, int] = (1, 1)
    nearer: tuple[int, ...] = ()
    guards: tuple[Text, ...] = ()
    appeals: bool = False
    owner: str = "marketing"
    purpose: str = "marketing"

    @property
    def targets(self) -> tuple[str, ...]:
        """The categories, or `` alone where there are none."""
        return self.categories or ("",)

    def dimension(self, category: str) -> str:
        """Return the dimension of its scores for a category (`` where it has none)."""
        return f"score.{self.key}_{category}" if category else f"score.{self.key}"

    def longer(self, days: int, category: str) -> str:
        """Return the dimension of its scores over one of the further horizons."""
        return f"score.{self.key}_{round(days / 30.4)}m" + (f"_{category}" if category else "")


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of the evaluation whose chances are alike: what was said on average, the share that came true, and how many they are."""

    said: float
    came: float
    many: int


@dataclass(frozen=True, slots=True)
class Weight:
    """How far from its mean a feature takes a score, on average, in the model's own units."""

    feature: str
    adds: float


@dataclass(frozen=True, slots=True)
class BandSeen:
    """Who was in a band at the evaluation: how many, how many outcomes their chances come to, and how many came."""

    node: str
    persons: int
    expected: float
    came: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What the model card draws of an evaluation.

    Attributes
    ----------
    bins
        The least likely first; none of uplift, whose outcomes are no matter of chances alone.
    weighs
        The most first.
    bands
        Category (`` where there are none) -> bands, the lowest first.
    """

    bins: tuple[Bin, ...]
    weighs: tuple[Weight, ...]
    bands: Mapping[str, tuple[BandSeen, ...]]


@dataclass(frozen=True)
class Version:
    """One trained version of a model, as the registry keeps it; times are microseconds UTC.

    Attributes
    ----------
    number
        1, 2, ...; never given again.
    kind
        One of the kinds of its model.
    trained_as_of, evaluated_as_of
        The moments whose features it was trained and evaluated with; the outcomes are those of the horizon after each.
    fingerprint
        Hash of everything that decides scores; the registry refuses a file that has another one.
    figures
        Measure -> value, low, high, of the model; `rules_...` of the rules of thumb on the same rows; `ahead` of them, `ahead_of_champion` of the version that
        was champion then.
    population
        Category (`` where there are none) -> the chances that a thousandth, two thousandths, ... of those who were evaluated did not
        reach: what 0 to 100 means.
    longer
        Days of a further horizon -> the same of it.
    against
        Number of the champion that it was compared with on the same rows; 0: there was none.
    note
        Who wrote the table and why, of rules.
    picture
        What its card draws of the evaluation; None: of a version that was trained before cards had it.
    """

    model: str
    number: int
    kind: str
    made_at: int
    trained_as_of: int
    evaluated_as_of: int
    rows: int
    came: int
    evaluated_rows: int
    evaluated_came: int
    figures: Mapping[str, Mapping[str, Any]]
    population: Mapping[str, tuple[float, ...]]
    fingerprint: str = ""
    beats_rules: bool = False
    longer: Mapping[int, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    against: int = 0
    note: str = ""
    picture: Picture | None = None

    @property
    def of_rules(self) -> bool:
        """Whether it orders rows just as the rules of thumb do, so that there is nothing to be ahead of: they themselves score."""
        ahead = self.figures.get("ahead", {})
        return self.kind == RULES and ahead.get("low") == ahead.get("high") == 0


class NoSuchModel(NotFound):
    """There is no such model, or no such version of it."""

    code = "no_such_model"
    text = Text(
        "没有模型 {given}；`zerodistance models list` 列出所有模型",
        "there is no model {given}; `zerodistance models list` lists them",
    )


class NotAFeature(ZeroDistanceError):
    """A model asks for a dimension of which nobody can say what it was at an earlier moment."""

    code, status = "not_a_feature", 422
    text = Text(
        "维度 {dimension} 不能作特征：它来自今天的资料，不知道当时是什么",
        "the dimension {dimension} can't be a feature: it is made of facts of today, and what they were then is not known",
    )


class ModelOutdated(ZeroDistanceError):
    """A version looks at features that the program no longer has."""

    code, status = "model_outdated", 409
    text = Text(
        "{model} 的第 {version} 版看的 {features} 已经没有了；重新训练一版，让它上任",
        "version {version} of {model} looks at {features}, which is there no more: train a new version, and promote it",
    )


class NotPromoted(ZeroDistanceError):
    """A version may not become the champion."""

    code, status = "not_promoted", 409
    text = Text(
        "{model} 的第 {version} 版不能上任：{why}", "version {version} of {model} can't be promoted: {why}"
    )


class NoChampion(ZeroDistanceError):
    """No version of the model has been promoted."""

    code, status = "no_champion", 409
    text = Text(
        "{model} 还没有上任的版本；先 `zerodistance models train {model}`，再 `zerodistance models promote {model} 版本`",
        "no version of {model} has been promoted; `zerodistance models train {model}`, then `zerodistance models promote {model} VERSION`",
    )


class ModelDamaged(ZeroDistanceError):
    """A file of the registry is not what was written."""

    code, status = "model_damaged", 500
    text = Text("模型文件 {path} 已损坏：{why}", "the model file {path} is damaged: {why}")


class TooFewOutcomes(ZeroDistanceError):
    """There are too few rows of one outcome to train and to look how good that is."""

    code, status = "too_few_outcomes", 422
    text = Text(
        "要训练一个模型，两种结果各至少要有 {least} 条（来自不同的家庭），现在有 {came} 条发生、{not_came} 条未发生；延长标签窗口，或者等更多结果到来",
        "training needs at least {least} rows of either outcome, of different households; {came} came true and {not_came} did not:"
        " make the label window longer, or wait for more outcomes",
    )


class NoSuchCategory(NotFound):
    """A model is asked for a category that it does not know, or for none where it needs one."""

    code = "no_such_category"
    text = Text(
        "模型 {model} 没有品类 {given}；可用：{there}",
        "the model {model} has no category {given}; there are: {there}",
    )


class NotScored(Invalid):
    """The model is not about this person: they have no appliance that reports, were not visited, are no owner, ..."""

    code = "not_scored"
    text = Text("{model} 不给这个人评分：{meaning}", "{model} does not score this person: it says {meaning}")

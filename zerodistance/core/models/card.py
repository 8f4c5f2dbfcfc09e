"""The model card: what is asked of whom, how right it has been and beside what, what weighs most, who has which score, and the limits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import msgspec

from zerodistance.core.models import api, features, persons, picture, registry, training
from zerodistance.core.models.contracts import Among, Model, Version
from zerodistance.core.models.ladder.hazard import Hazard
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.models.ladder.points import Points, Steps
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import NoSuchDimension
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_FEW = 20  # own value: outcomes of a category below which its own figures say little
_AMONG = {
    Among.OWNERS: Text("有这类产品的用户", "persons who have an appliance of the category"),
    Among.OTHERS: Text("没有这类产品的用户", "persons without an appliance of the category"),
    Among.ACTIVE: Text("一年内来过的用户", "persons who were here within a year"),
    Among.BUYERS: Text("买过的用户", "persons who bought something"),
    Among.APPLIANCES: Text("联网设备，各为一行", "appliances that report, each a row of its own"),
    Among.VISITED: Text("上门服务，各为一行", "visits, each a row of its own"),
    Among.EVERYBODY: Text("所有用户", "all persons"),
}
MEASURES: Mapping[str, Text] = {
    "auc": Text("AUC", "AUC"),
    "auc_within": Text("同品类内的 AUC", "AUC within a category"),
    "auc_7d": Text("7 天内的 AUC", "AUC within 7 days"),
    "average_precision_7d": Text("7 天内的平均准确率", "Average precision within 7 days"),
    "ece_7d": Text("7 天内的校准误差", "Calibration error within 7 days"),
    "auc_12m": Text("12 个月内的 AUC", "AUC within 12 months"),
    "auc_24m": Text("24 个月内的 AUC", "AUC within 24 months"),
    "rank": Text("与实际消费的排序相关", "Correlation of ranks with what was spent"),
    "top10_share": Text("前一成占全部消费", "Share of all money from the top tenth"),
    "count_error": Text("购买次数的误差", "Error of the number of purchases"),
    "value_error": Text("消费总额的误差", "Error of the money in all"),
    "qini": Text("Qini（增益曲线下的面积）", "Qini, area under the curve of uplift"),
    "effect": Text("联系带来的，所有人", "What contact adds, of everybody"),
    "top30_effect": Text("联系带来的，前三成", "What contact adds, of the top 30%"),
    "lift_top10": Text("前一成的提升，倍", "Lift in the top tenth, times"),
    "precision_top10": Text("前一成的准确率", "Precision in the top tenth"),
    "average_precision": Text("平均准确率", "Average precision"),
    "ece": Text("校准误差", "Calibration error"),
    "log_loss": Text("对数损失", "Logarithmic loss"),
    "ahead": Text("比经验规则准多少", "Ahead of the rules of thumb"),
    "ahead_of_champion": Text("比当时的上任版准多少", "Ahead of the champion of then"),
}
"""Measure -> what it is called on pages; others are shown by their key."""


class Measured(NamedTuple):
    """A measure with its 95 % interval, that of the rules of thumb on the same rows and that of the champion on its own; None where there is none."""

    key: str
    label: Text
    own: Mapping[str, float]
    rules: Mapping[str, float] | None
    champion: Mapping[str, float] | None


_JUDGED = ("qini", "rank", "auc")
"""By what a model is judged first: the first that there is."""


def judged(figures: Mapping[str, Mapping[str, float]]) -> Measured | None:
    """Return the measure by which a version is judged first, beside that of the rules of thumb; None where there is none."""
    key = next((one for one in _JUDGED if one in figures), None)
    if key is None:
        return None
    return Measured(key, MEASURES.get(key, Text(key, key)), figures[key], figures.get(f"rules_{key}"), None)


class Price(NamedTuple):
    """What a feature adds: from a value (excluded) up to one (included), None without end; and where there is no value."""

    feature: str
    label: Text
    unit: Text
    rows: tuple[tuple[float | None, float | None, float], ...]
    missing: float


class Weighing(NamedTuple):
    """What a feature is called, and how far it takes a score on average, the strongest as 1."""

    feature: str
    label: Text
    share: float


class Crowned(NamedTuple):
    """Who let which version score, since when (microseconds UTC)."""

    number: int
    since: int
    who: str


@dataclass(frozen=True)
class Card:
    """Everything there is to say of a model and one of its versions.

    Attributes
    ----------
    version
        The one that is shown: that which was asked for, else the champion, else the newest; None where nothing is trained.
    prices
        Of a table of points, what weighs most first; empty of trees.
    scored
        Category (`` where there are none) -> node -> persons who have that score now; empty before the first scoring.
    """

    model: Model
    among: Text
    version: Version | None
    champion: Version | None
    versions: tuple[Version, ...]
    crowned: tuple[Crowned, ...]
    measures: tuple[Measured, ...]
    weighs: tuple[Weighing, ...]
    prices: tuple[Price, ...]
    scored: Mapping[str, Mapping[str, int]]
    limits: tuple[Text, ...]


def card(home: Home, who: Who, key: str, number: int | None = None) -> Card:
    """Return the card of a model, with one of its versions; needs SEE_PERSONS.

    Raises
    ------
    NoSuchModel
        There is no such model, or no such version of it.
    """
    who.need(Permission.SEE_PERSONS)
    model = api.model(key)
    versions = tuple(registry.versions(home, key))
    crowned = tuple(Crowned(one["number"], one["since"], one["who"]) for one in registry.history(home, key))
    champion = next((v for v in versions if crowned and v.number == crowned[-1].number), None)
    usual = champion or (versions[0] if versions else None)
    wanted = number if number is not None else usual.number if usual else None
    shown: Version | None = None
    kept: Kept | None = None
    if wanted is not None:
        shown, kept = registry.read(home, key, wanted)
    table = _table(kept)
    weighs = _weighs(model, shown, table)
    return Card(
        model,
        _AMONG[model.among],
        shown,
        champion,
        versions,
        crowned,
        _measures(shown, champion),
        weighs,
        prices(home, model, table, [one.feature for one in weighs]) if table else (),
        _scored(home, who, model, champion),
        tuple(_limits(model, shown, kept)),
    )


def _table(kept: object) -> Points | None:
    if isinstance(kept, Hazard):
        return _table(kept.of)
    return kept if isinstance(kept, Points) else None


def _measures(shown: Version | None, champion: Version | None) -> tuple[Measured, ...]:
    if shown is None:
        return ()
    figures = shown.figures
    beside = champion.figures if champion is not None and champion.number != shown.number else {}
    return tuple(
        Measured(key, MEASURES.get(key, Text(key, key)), own, figures.get(f"rules_{key}"), beside.get(key))
        for key, own in sorted(figures.items(), key=lambda one: _order(one[0]))
        if not key.startswith("rules_") and not (key == "ahead" and shown.of_rules)
    )


def _order(key: str) -> tuple[int, str]:
    keys = list(MEASURES)
    return (keys.index(key) if key in MEASURES else len(keys), key)


def _weighs(model: Model, shown: Version | None, table: Points | None) -> tuple[Weighing, ...]:
    if shown is None:
        return ()
    if shown.picture is not None:
        found = [(one.feature, one.adds) for one in shown.picture.weighs]
    elif table is not None:
        found = sorted(((one.name, _spread(one)) for one in table.steps), key=lambda one: -one[1])
    else:
        return ()
    most = max((adds for _, adds in found), default=0.0) or 1.0
    return tuple(Weighing(name, persons.general(model, name), adds / most) for name, adds in found)


def _spread(one: Steps) -> float:
    return max(*one.points, one.missing) - min(*one.points, one.missing)


def prices(home: Home, model: Model, table: Points, first: list[str]) -> tuple[Price, ...]:
    """Return a table of points as a price list, those named first before the others."""
    steps = {one.name: one for one in table.steps}
    names = [name for name in first if name in steps] + [name for name in steps if name not in first]
    units = persons.units(home, model, model.targets[0], names)
    found = []
    for name in names:
        one = steps[name]
        lows, highs = (None, *one.edges), (*one.edges, None)
        rows = tuple(zip(lows, highs, one.points, strict=True))
        found.append(Price(name, persons.general(model, name), units[name], rows, one.missing))
    return tuple(found)


def _scored(home: Home, who: Who, model: Model, champion: Version | None) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for category in champion.population if champion else ():
        try:
            counted = profiles.counted(home, who, model.dimension(category))
        except NoSuchDimension:
            continue
        found[category] = {one.node: one.persons for one in counted.nodes if not one.depth}
    return found


def _limits(model: Model, shown: Version | None, kept: Kept | None) -> Iterator[Text]:
    if lost := features.lacking(model, kept) if kept is not None else ():
        yield Text(
            "这一版看的 {features} 已经没有了，它不能再评分：重新训练一版，让它上任。",
            "This version looks at {features}, which is there no more, and can score nobody: train a new one and promote it.",
        ).format(features=", ".join(lost))
    yield Text(
        "只知道品牌知道的：在别处发生的事不算结果。",
        "It knows what the brand knows: what happens elsewhere is no outcome.",
    )
    yield Text(
        "说的是谁可能，不是该联系谁：联系能不能改变结果，要用对照组来量。",
        "It says who is likely, not whom contact moves: that is measured against a holdout.",
    )
    if shown is None:
        return
    yield Text(
        "用 {rows} 行评估，其中 {came} 行发生；没有评估过的时段里它可能不一样。",
        "It was evaluated on {rows} rows of whom {came} came true; in times that were not looked at it may be otherwise.",
    ).format(rows=f"{shown.evaluated_rows:,}", came=f"{shown.evaluated_came:,}")
    if max(shown.rows, shown.evaluated_rows) >= training.ROWS * 0.99:
        yield Text(
            "人很多时抽 {n} 行来训练和评估。",
            "Where there are many, {n} rows are drawn to train and to evaluate.",
        ).format(n=f"{training.ROWS:,}")
    few = [
        features.target_name(model, category)
        for category, bands in (shown.picture.bands.items() if shown.picture else ())
        if category and sum(one.came for one in bands) < _FEW
    ]
    if few:
        yield Text(
            "这些品类在评估里只有不到 {n} 个结果，单独看靠不住：{zh}。",
            "Of these categories the evaluation saw fewer than {n} outcomes, so alone they are not sure: {en}.",
        ).format(n=_FEW, zh="、".join(one.zh for one in few), en=", ".join(one.en for one in few))
    if model.categories and shown.kind != "rules":
        yield Text(
            "各品类共用一个模型，多数品类自己的结果太少。",
            "One model learns from all categories: alone most have too few outcomes.",
        )


# -- as plain values


def plain(found: Card) -> dict[str, Any]:
    """Return a card as what JSON can hold; texts are `{"zh", "en"}`, moments RFC 3339."""
    model = found.model
    return {
        "key": model.key,
        "label": words(model.label),
        "asked": words(model.meaning),
        "family": model.family.value,
        "among": words(found.among),
        "horizon_days": model.horizon_days,
        "owner": model.owner,
        "purpose": model.purpose,
        "guards": [words(one) for one in model.guards],
        "features": list(model.features),
        "champion": found.champion.number if found.champion else None,
        "version": None if found.version is None else version(found.version),
        "measures": {
            one.key: {"label": words(one.label), "value": dict(one.own), "rules": _maybe(one.rules), "champion": _maybe(one.champion)}
            for one in found.measures
        },
        "weighs": [{"feature": one.feature, "label": words(one.label), "share": one.share} for one in found.weighs],
        "points": [
            {
                "feature": one.feature,
                "label": words(one.label),
                "unit": words(one.unit),
                "steps": [{"above": low, "up_to": high, "points": points} for low, high, points in one.rows],
                "missing": one.missing,
            }
            for one in found.prices
        ],
        "scored": {category: dict(nodes) for category, nodes in found.scored.items()},
        "limits": [words(one) for one in found.limits],
        "versions": [version(one) for one in found.versions],
        "champions": [{"version": one.number, "since": moment(one.since), "by": one.who} for one in found.crowned],
    }  # fmt: skip


def version(one: Version) -> dict[str, Any]:
    """Return a version as what JSON can hold, without what a thousandth of the population stays below."""
    seen = one.picture
    return {
        "number": one.number,
        "kind": one.kind,
        "made_at": moment(one.made_at),
        "trained_as_of": moment(one.trained_as_of),
        "evaluated_as_of": moment(one.evaluated_as_of),
        "rows": one.rows,
        "came": one.came,
        "evaluated_rows": one.evaluated_rows,
        "evaluated_came": one.evaluated_came,
        "beats_rules": one.beats_rules,
        "note": one.note,
        "sha256": one.fingerprint,
        "figures": msgspec.to_builtins(one.figures),
        "calibration": [asdict(bin_) for bin_ in seen.bins] if seen else [],
        "bands": {key: [asdict(band) for band in bands] for key, bands in seen.bands.items()} if seen else {},
    }


def moment(at: int) -> str:
    """Return microseconds UTC as RFC 3339."""
    return clock.from_micros(at).isoformat(timespec="seconds")


def words(text: Text) -> dict[str, str]:
    """Return a text as what JSON can hold."""
    return {"zh": text.zh, "en": text.en}


def finite(values: Any) -> Any:
    """Return plain values with null for a number that is none: JSON has no such."""
    if isinstance(values, dict):
        return {key: finite(one) for key, one in values.items()}
    if isinstance(values, list):
        return [finite(one) for one in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def _maybe(values: Mapping[str, float] | None) -> dict[str, float] | None:
    return None if values is None else dict(values)


def rows(found: Card, lang: str) -> Iterator[tuple[str, str, str, object, object, object]]:
    """Yield a card as lines of a table: `part`, `name`, `of`, `value`, `low`, `high`."""
    for one in found.measures:
        for of, figure in (("model", one.own), ("rules", one.rules), ("champion", one.champion)):
            if figure is not None:
                yield "measure", one.key, of, figure["value"], figure["low"], figure["high"]
    for thing in found.weighs:
        yield "weighs", thing.feature, thing.label.get(lang), thing.share, "", ""
    for price in found.prices:
        for low, high, points in price.rows:
            yield (
                "points",
                price.feature,
                price.label.get(lang),
                points,
                "" if low is None else low,
                "" if high is None else high,
            )
        yield "points_missing", price.feature, price.label.get(lang), price.missing, "", ""
    for bin_ in found.version.picture.bins if found.version and found.version.picture else ():
        yield "calibration", f"{bin_.many}", "came", bin_.came, bin_.said, bin_.said
    for category, nodes in found.scored.items():
        for node, many in nodes.items():
            yield "scored", category, node, many, "", ""


def band_rows(found: Card) -> Iterator[tuple[str, str, int, float, int]]:
    """Yield what came of each band at the evaluation: `category`, `band`, `persons`, `expected`, `came`."""
    seen = found.version.picture if found.version else None
    for category, bands in (seen.bands if seen else {}).items():
        for one in bands:
            yield category, one.node, one.persons, one.expected, one.came


def total(found: Card) -> list[tuple[str, Text, int, float, int]]:
    """Return each band over all categories, the highest first: node, label, persons, expected and came at the evaluation."""
    labels = {node: label for _, node, label in picture.bands(found.model).bands}
    summed: dict[str, tuple[int, float, int]] = {}
    for _, node, many, expected, came in band_rows(found):
        before = summed.get(node, (0, 0.0, 0))
        summed[node] = (before[0] + many, before[1] + expected, before[2] + came)
    return [(node, labels[node], *summed[node]) for node in reversed(list(labels)) if node in summed]

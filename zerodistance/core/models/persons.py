"""The scores of persons as the champions say them now: band, chance, what adds most; many persons at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zerodistance.core.models import api, appeals, features, picture, registry, training
from zerodistance.core.models.api import Reason
from zerodistance.core.models.catalogue import MODELS
from zerodistance.core.models.contracts import Model, ModelOutdated, Version
from zerodistance.core.models.features import View
from zerodistance.core.models.ladder.columns import Columns, Floats
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.panels import NOTHING
from zerodistance.core.profiles.splits import Who as Numbers
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text, singular

REASONS = 3


@dataclass(frozen=True)
class Scored:
    """One score of one person.

    Attributes
    ----------
    category
        `` where the model has none.
    score
        0 to 100.
    chance
        Of what is asked, within the horizon.
    reasons
        What adds most beyond what it usually does, the most first.
    """

    model: Model
    category: str
    version: int
    score: float
    band: str
    label: Text
    chance: float
    reasons: tuple[Reason, ...]

    @property
    def called(self) -> Text:
        """What it is a score of: the model, and the category where there is one."""
        return called(self.model, self.category)


@dataclass(frozen=True)
class Block:
    """Persons whom a champion is about, each for a category, with features; rows as `who`. Without a view, rows are made up and nobody's."""

    model: Model
    version: Version
    kept: Kept
    who: Numbers
    categories: tuple[str, ...]
    columns: Columns
    view: View | None = None

    def told(self) -> Floats:
        """Return what rows are ordered by: the chance, the amount of a value, the difference of uplift, plain points."""
        return training.said(self.model, self.kept, self.columns)


def scores_of(
    home: Home, who: Who, persons: Sequence[int], keys: Sequence[str] = (), most: int = REASONS
) -> dict[int, list[Scored]]:
    """Return the scores that these persons (by number) have now, the highest of a model first; needs SEE_PERSONS.

    Parameters
    ----------
    keys
        Models; empty: all that have a champion. Those without one say nothing.
    most
        Reasons of each score.

    Raises
    ------
    NoSuchModel
        A key is of none.
    """
    who.need(Permission.SEE_PERSONS)
    numbers = np.unique(np.array(list(persons), np.uint32))
    found: dict[int, list[Scored]] = {int(number): [] for number in numbers}
    view = View(home, profiles.current(home), numbers)
    for block in blocks(home, view, [api.model(key) for key in keys] or list(MODELS.values())):
        for number, one in zip(block.who.tolist(), _said(block, most), strict=True):
            found[number].append(one)
    order = {key: n for n, key in enumerate(MODELS)}
    for some in found.values():
        some.sort(key=lambda one: (order[one.model.key], -one.score, -one.chance))
    return found


def blocks(home: Home, view: View, models: Sequence[Model]) -> Iterator[Block]:
    """Yield for each model with a champion those of a view of few persons whom it is about, with their features."""
    for model in models:
        if not registry.history(home, model.key):
            continue
        try:
            version, kept = api.champion(home, model.key)
        except ModelOutdated:
            continue  # it scores nobody until another version is promoted; the card says so
        view.scored_by(model, kept)
        some = [
            (category, mine)
            for category in version.population
            if len(mine := features.among(view, model, category))
        ]
        if not some:
            continue
        each = [features.columns(view, mine, model, category) for category, mine in some]
        yield Block(
            model,
            version,
            kept,
            np.concatenate([mine for _, mine in some]),
            tuple(category for category, mine in some for _ in range(len(mine))),
            training.asked(
                model, kept, {name: np.concatenate([one[name] for one in each]) for name in each[0]}
            ),
            view,
        )


def _said(block: Block, most: int) -> list[Scored]:
    model, columns = block.model, block.columns
    chances = block.kept.chances(columns)
    which, much = block.kept.reasons(columns, most)
    places, names = placed(block), block.kept.names
    found = []
    for row, category in enumerate(block.categories):
        reasons = tuple(
            reason(model, category, names[n], float(columns[names[n]][row]), points)
            for n, points in zip(which[row].tolist(), much[row].tolist(), strict=True)
            if n >= 0
        )
        score = float(places[row])
        band, label = picture.band(model, score)
        found.append(
            Scored(model, category, block.version.number, score, band, label, float(chances[row]), reasons)
        )
    return found


def placed(block: Block) -> Floats:
    """Return the score, 0 to 100, of each row of a block."""
    told, categories = block.told(), np.array(block.categories)
    found = np.zeros(len(told))
    for category in set(block.categories):
        mine = categories == category
        found[mine] = training.score(block.model, told[mine], block.version.population[category])
        if block.view is not None:
            view, who = block.view, block.who[mine]
            found[mine] = appeals.raised(view.home, block.model, category, who, found[mine])
    return found


def reason(model: Model, category: str, column: str, value: float, points: float) -> Reason:
    """Return what a column adds to a score; NaN is no value."""
    return Reason(column, label(column, model, category), None if np.isnan(value) else value, points)


def called(model: Model, category: str) -> Text:
    """Return what a score is called: the model, and the category where there is one."""
    if not category:
        return model.label
    name = features.target_name(model, category)
    return Text(f"{model.label.zh}：{name.zh}", f"{model.label.en}: {name.en}")


def general(model: Model, column: str) -> Text:
    """Return what a column is called where no category is meant."""
    category = model.targets[0]
    found = label(column, model, category)
    if not category or column in features.MADE or f"{column}.{{}}" not in model.features:
        return found
    name = features.target_name(model, category)
    return Text(
        found.zh.replace(name.zh, "这类产品"),
        re.sub(rf"\b(an?|the) {re.escape(name.en)}", r"\1 product of the category", found.en),
    )


def label(column: str, model: Model, category: str) -> Text:
    """Return what a column is called, as it stands at the beginning of a line."""
    found = features.label(column, model, category)
    return Text(found.zh, found.en[:1].upper() + found.en[1:])


def stated(reason: Reason, unit: Text) -> Text:
    """Return a reason as a few words: what it is of, and its value.

    Examples
    --------
    >>> looks = Reason("interest.looks", Text("看洗衣机的次数", "Looks at a washing machine"), 3.0, 0.4)
    >>> stated(looks, Text("次", "times")).en
    'Looks at a washing machine: 3 times'
    """
    if reason.feature.startswith("category."):
        return reason.label
    value = amount(reason.value, unit)
    return Text(f"{reason.label.zh} {value.zh}", f"{reason.label.en}: {value.en}")


def amount(value: float | None, unit: Text) -> Text:
    """Return a value with its unit as people read it: many days are years, many seconds hours.

    Examples
    --------
    >>> amount(4_000.0, Text("天", "days")).en, amount(1.0, Text("次", "times")).en, amount(None, Text("", "")).zh
    ('11 years', '1 time', '无')
    """
    if value is None:
        return Text("无", "none")
    for of, least, size, larger in _LARGER:
        if unit.en == of and abs(value) >= least:
            value, unit = value / size, larger
            break
    said = number(value)
    unit = singular(unit) if said == "1" else unit
    return Text(f"{said} {unit.zh}".rstrip(), f"{said}%" if unit.en == "%" else f"{said} {unit.en}".rstrip())


_LARGER = (
    ("days", 730, 365.25, Text("年", "years")),
    ("seconds", 3_600, 3_600, Text("小时", "hours")),
    ("seconds", 120, 60, Text("分钟", "minutes")),
)
"""Unit, from how many on, how many make one of the larger unit."""


def number(value: float) -> str:
    """Return a number as people read it.

    Examples
    --------
    >>> number(1234.0), number(0.8125), number(12.37)
    ('1,234', '0.81', '12.4')
    """
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2f}".rstrip("0").rstrip(".")


def units(home: Home, model: Model, category: str, columns: Sequence[str]) -> Mapping[str, Text]:
    """Return the unit of each column, empty where it has none."""
    found = {}
    for column in columns:
        plain = column in features.MADE or column == features.AHEAD or column.startswith("category.")
        found[column] = (
            NOTHING if plain else profiles.unit_of(home, features.dimension(column, model, category))
        )
    return found

"""What may be expected of some persons: how many outcomes their chances come to, by band, beside what came of the same bands at the evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zerodistance.core.models import api, features, persons, picture, training
from zerodistance.core.models.contracts import UPLIFT, Model, NoSuchCategory, Version
from zerodistance.core.models.features import View
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.splits import Who as Numbers
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_AT_ONCE = 1 << 17  # own value: persons that are looked at together
_SURE = 1.96


class NoChances(Invalid):
    """A model says by how much contact changes a chance, and no chance."""

    code = "no_chances"
    text = Text(
        "模型 {model} 说的是联系的增益，不是可能性",
        "the model {model} says what contact changes, and no chances",
    )


class BandExpected(NamedTuple):
    """Persons of a band now and how many outcomes their chances come to; everybody of that band at the evaluation, what was expected then, and what came."""

    node: str
    label: Text
    persons: int
    expected: float
    then_persons: int
    then_expected: float
    then_came: int


@dataclass(frozen=True)
class Expected:
    """What may be expected of some persons within the horizon of a champion.

    Attributes
    ----------
    persons
        Of them, whom the model is about.
    low, high
        Between these it lies 95 times of a hundred if every chance is right: luck alone, not the model's own error.
    bands
        The highest first.
    """

    model: Model
    category: str
    version: Version
    persons: int
    expected: float
    low: float
    high: float
    bands: tuple[BandExpected, ...]

    @property
    def held(self) -> float | None:
        """What it comes to if each band holds as much of what is expected of it as at the evaluation; None where that was not kept."""
        if self.version.picture is None or any(b.expected and not b.then_expected for b in self.bands):
            return None
        return sum(b.expected * b.then_came / b.then_expected for b in self.bands if b.expected)

    @property
    def called(self) -> Text:
        """What is expected: the model, and the category where there is one."""
        return persons.called(self.model, self.category)


def choices(home: Home, who: Who) -> list[tuple[Model, tuple[str, ...]]]:
    """Return the models whose champion says chances, with the categories that each knows; needs SEE_PERSONS."""
    found = [(one.model, one.champion) for one in api.models(home, who)]
    return [(model, tuple(v.population)) for model, v in found if v is not None and v.kind != UPLIFT]


def expect(home: Home, who: Who, here: Index, some: Numbers, key: str, category: str = "") -> Expected:
    """Return what may be expected of persons (numbers, ascending) of a tag index; needs SEE_PERSONS.

    Raises
    ------
    NoSuchModel, NoChampion, NoSuchCategory, NoChances
        Of what is asked there is none.
    """
    who.need(Permission.SEE_PERSONS)
    model = api.model(key)
    version, kept = api.champion(home, key)
    if version.kind == UPLIFT:
        raise NoChances(model=key)
    if category not in version.population:
        there = ", ".join(filter(None, version.population)) or "–"
        raise NoSuchCategory(given=category or "–", model=key, there=there)
    view = View(home, here, some if len(some) <= _AT_ONCE else None).scored_by(model, kept)
    mine = features.among(view, model, category)
    mine = mine if view.some is not None else np.intersect1d(some, mine)
    nodes = picture.bands(model)
    many, chances, luck = np.zeros(len(nodes.bands)), np.zeros(len(nodes.bands)), 0.0
    for start in range(0, len(mine), _AT_ONCE):
        part = mine[start : start + _AT_ONCE]
        columns = training.asked(model, kept, features.columns(view, part, model, category))
        told = training.said(model, kept, columns)
        scores = training.score(model, told, version.population[category])
        places = np.maximum(np.searchsorted(np.array(nodes.edges), scores, side="right") - 1, 0)
        chance = kept.chances(columns)
        many += np.bincount(places, minlength=len(many))
        chances += np.bincount(places, chance, len(many))
        luck += float((chance * (1 - chance)).sum())
    seen = {one.node: one for one in (version.picture.bands.get(category, ()) if version.picture else ())}
    bands = []
    for n in reversed(range(len(nodes.bands))):
        _, node, label = nodes.bands[n]
        then = seen.get(node)
        before = (then.persons, then.expected, then.came) if then else (0, 0.0, 0)
        bands.append(BandExpected(node, label, int(many[n]), float(chances[n]), *before))
    whole, wide = float(chances.sum()), _SURE * luck**0.5
    return Expected(
        model,
        category,
        version,
        len(mine),
        whole,
        max(0.0, whole - wide),
        min(len(mine), whole + wide),
        tuple(bands),
    )

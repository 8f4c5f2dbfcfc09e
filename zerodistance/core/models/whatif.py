"""What would change a score: one thing of a person at a time, one step of what the model looks at, and values that somebody types.

It says what the model would say, and nothing of what would happen: who looks at more washers because they are asked to is nobody who wanted one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zerodistance.core.models import api, features, persons, picture, spines, training
from zerodistance.core.models.contracts import Model, NoSuchCategory, NotScored, Version
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.ladder.forest import Trees
from zerodistance.core.models.ladder.hazard import Hazard
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.models.ladder.points import Points
from zerodistance.core.models.persons import Scored
from zerodistance.core.models.spines import About
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Bands, Layer
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_FIXED_LAYERS = {Layer.GEOGRAPHY, Layer.DEMOGRAPHICS}
_FIXED = {"brand.tenure"}
_STEPS = 12  # own value: steps at most that a feature of trees is cut into
_LEAST = 0.05  # own value: points of the score below which a change is none


@dataclass(frozen=True)
class Field:
    """A thing that the model looks at and that may change; `value` is None where somebody has none."""

    feature: str
    label: Text
    unit: Text
    value: float | None


@dataclass(frozen=True)
class Change:
    """What the model would say with another value of one thing, everything else as it is."""

    field: Field
    to: float
    score: float
    chance: float
    adds: float


@dataclass(frozen=True)
class After:
    """What the model would say with the values that were asked."""

    score: float
    band: str
    label: Text
    chance: float


@dataclass(frozen=True)
class WhatIf:
    """A score as it is, what would change it most, and what came of the values that were asked.

    Attributes
    ----------
    changes
        What changes the score most first; of what somebody has no value of, one step alone.
    fields
        Everything that can be asked for.
    after
        None where nothing was asked.
    about
        Of a model of things: which of theirs it is, and what is likeliest of it.
    """

    now: Scored
    changes: tuple[Change, ...]
    fields: tuple[Field, ...]
    after: After | None
    about: tuple[About, ...] = ()


class NoSuchFeature(Invalid):
    """A value is given for something that the model does not look at, or that can't change."""

    code = "no_such_feature"
    text = Text(
        "{model} 里没有可以改的 {given}；可以改：{there}",
        "{model} has no {given} that can change; there are: {there}",
    )


def what_if(
    home: Home,
    who: Who,
    key: str,
    person: int,
    category: str = "",
    values: Mapping[str, float | None] | None = None,
) -> WhatIf:
    """Return what would change the score that a champion gives a person (by number); needs SEE_PERSONS.

    Parameters
    ----------
    values
        Column -> another value, None for no value: what the score would be with all of them.

    Raises
    ------
    NoSuchModel, NoChampion, NoSuchCategory, NotScored, NoSuchFeature
        Of what is asked there is none; or the model is not about this person.
    """
    who.need(Permission.SEE_PERSONS)
    model = api.model(key)
    version, kept = api.champion(home, key)
    if category not in version.population:
        there = ", ".join(filter(None, model.targets)) or "–"
        raise NoSuchCategory(given=category or "–", model=key, there=there)
    now = next(
        (one for one in persons.scores_of(home, who, [person], [key])[person] if one.category == category),
        None,
    )
    if now is None:
        raise NotScored(model=key, meaning=model.meaning)
    some = np.array([person], np.uint32)
    view = features.View(home, profiles.current(home), some).scored_by(model, kept)
    columns = training.asked(model, kept, features.columns(view, some, model, category))
    mine = {name: float(column[0]) for name, column in columns.items()}
    looks = set(kept.names)
    names = [
        name
        for name in mine
        if (name in looks or looks & _followers(name, category)) and _may_change(model, name, category)
    ]
    asked = dict(values or {})
    for name in asked:
        if name not in names:
            raise NoSuchFeature(model=key, given=name, there=", ".join(names))
    tried = [(name, to) for name in names for to in _steps(model, kept, name, category, mine[name])]
    rows = [_with(model, category, mine, {name: to}) for name, to in tried]
    if asked:
        rows.append(
            _with(model, category, mine, {n: math.nan if v is None else float(v) for n, v in asked.items()})
        )
    scores, chances = _said(model, version, kept, category, rows)
    units = persons.units(home, model, category, names)
    fields = {name: _field(model, category, name, mine[name], units[name]) for name in names}
    changes = [
        Change(fields[name], to, score, chance, score - now.score)
        for (name, to), score, chance in zip(tried, scores, chances, strict=False)
        if abs(score - now.score) >= _LEAST
    ]
    after = None
    if asked:
        after = After(scores[-1], *picture.band(model, scores[-1]), chances[-1])
    changes.sort(key=lambda one: -abs(one.adds))
    changes = [
        one
        for n, one in enumerate(changes)
        if one.field.value is not None or all(one.field is not before.field for before in changes[:n])
    ]
    about = (
        spines.about(home, view.owned, model, category, person, now.chance)
        if model.among in spines.SPINES
        else ()
    )
    return WhatIf(now, tuple(changes), tuple(fields.values()), after, about)


def _said(
    model: Model, version: Version, kept: Kept, category: str, rows: Sequence[Mapping[str, float]]
) -> tuple[list[float], list[float]]:
    """Return the scores and chances of rows of one person."""
    if not rows:
        return [], []
    columns = {name: np.array([one[name] for one in rows]) for name in rows[0]}
    nobody = np.zeros(len(rows), np.uint32)
    block = persons.Block(model, version, kept, nobody, (category,) * len(rows), columns)
    return persons.placed(block).tolist(), kept.chances(columns).tolist()


def _may_change(model: Model, name: str, category: str) -> bool:
    """Say whether somebody can come to have another value: where they live and who they are stays, as does the category that is asked for."""
    if name in _FIXED or name == features.AHEAD or name.startswith("category."):
        return False
    if name == "life":
        return "needs.age.{}" not in model.features  # it follows the age
    if name == "beside":
        return not any(f"needs.age.{one}" in model.features for one in features.BESIDE[category])
    return name in features.MADE or features.dimension(name, model, category).layer not in _FIXED_LAYERS


def _followers(name: str, category: str) -> set[str]:
    """Return the columns that are made of another one."""
    found = {"life"} if name == "needs.age" else set[str]()
    if name.startswith("needs.age.") and name.removeprefix("needs.age.") in features.BESIDE.get(category, ()):
        found.add("beside")
    return found


def _field(model: Model, category: str, name: str, value: float, unit: Text) -> Field:
    return Field(name, persons.label(name, model, category), unit, None if math.isnan(value) else value)


def _with(
    model: Model, category: str, mine: Mapping[str, float], other: Mapping[str, float]
) -> dict[str, float]:
    """Return a row with other values, and what is made of them made anew."""
    row = {**mine, **other}
    if "life" in row and "needs.age" in other and category in features.LIFETIMES:
        row["life"] = row["needs.age"] / (365.0 * features.LIFETIMES[category])
    if "beside" in row:
        ages = [row[name] for one in features.BESIDE[category] if (name := f"needs.age.{one}") in other]
        if ages:
            known = [
                row[f"needs.age.{one}"] for one in features.BESIDE[category] if f"needs.age.{one}" in row
            ]
            row["beside"] = float(np.fmin.reduce(np.array(known)))
    return row


# -- steps


def _steps(model: Model, kept: object, name: str, category: str, value: float) -> list[float]:
    """Return the values one step below and one above; of no value the lowest step and the one above it.

    A step is from one edge of what the model looks at to the next; the value at an edge belongs below it.
    """
    edges = _edges(model, kept, name, category)
    if not len(edges):
        return []
    whole = bool((edges == np.round(edges)).all())  # counts and days
    below, above = (math.floor, _next) if whole else (_below, _above)
    if math.isnan(value):
        return [float(below(edges[0])), float(above(edges[0]))]
    place = int(np.searchsorted(edges, value, side="left"))
    found = []
    if place > 0:
        found.append(float(below(edges[place - 1])))
    if place < len(edges):
        found.append(float(above(edges[place])))
    return [one for one in found if one >= 0 or value < 0]


def _edges(model: Model, kept: object, name: str, category: str) -> Floats:
    found = looked_at(kept, name)
    for one in _followers(name, category):
        scale = 365.0 * features.LIFETIMES[category] if one == "life" else 1.0
        found = np.unique(np.r_[found, looked_at(kept, one) * scale])
    if not len(found) and name not in features.MADE:
        nodes = features.dimension(name, model, category).nodes
        found = np.array(nodes.edges, np.float64) if isinstance(nodes, Bands) else found
    if len(found) > _STEPS:
        places = np.unique(np.linspace(0, len(found) - 1, _STEPS).round().astype(np.int64))
        found = found[places]
    return found


def looked_at(kept: object, name: str) -> Floats:
    """Return the edges at which a model says something else of a feature, ascending; none where they are not known."""
    if isinstance(kept, Hazard):
        return looked_at(kept.of, name)
    if isinstance(kept, Points):
        return np.array([edge for one in kept.steps if one.name == name for edge in one.edges])
    if isinstance(kept, Trees) and name in kept.names:
        place = kept.names.index(name)
        edges = [
            edge
            for tree in kept.trees
            for feature, edge in zip(tree.feature, tree.edge, strict=True)
            if feature == place
        ]
        return np.unique(np.array(edges, np.float64))
    return np.empty(0)


def _next(edge: float) -> float:
    return math.floor(edge) + 1


def _below(edge: float) -> float:
    """Return a number of three digits that is not above an edge.

    Examples
    --------
    >>> _below(30.0), _below(0.123456), _below(1234.5)
    (30.0, 0.123, 1230.0)
    """
    return _rounded(edge, math.floor)


def _above(edge: float) -> float:
    """Return a number of three digits that is above an edge.

    Examples
    --------
    >>> _above(30.0), _above(0.123456), _above(0.0)
    (30.1, 0.124, 0.01)
    """
    if edge == 0:
        return 0.01
    return _rounded(edge, lambda scaled: math.floor(scaled) + 1)


def _rounded(value: float, how: object) -> float:
    assert callable(how)
    if value == 0:
        return 0.0
    digits = 2 - math.floor(math.log10(abs(value)))
    scale = 10.0**digits
    return float(round(how(round(value * scale, 6)) / scale, max(digits, 0)))

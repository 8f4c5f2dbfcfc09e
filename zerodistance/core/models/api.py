"""The verbs of models: list, train, promote, roll back, score, explain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from zerodistance.core.identity import api as identity
from zerodistance.core.models import features, registry, scoring, training
from zerodistance.core.models.catalogue import MODELS
from zerodistance.core.models.contracts import Model, NoSuchCategory, NoSuchModel, NotPromoted, Version
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

KINDS = ("points", "trees")
Told = Callable[[Text, int, int], None]
_TRAINING, _EVALUATING = Text("训练", "training"), Text("评估", "evaluating")


class Listed(NamedTuple):
    """A model, its newest version and its champion; None where there is none."""

    model: Model
    newest: Version | None
    champion: Version | None


class Reason(NamedTuple):
    """What a feature adds to somebody's score beyond what it usually does, in the model's own units; `value` is None where it is missing."""

    feature: str
    label: Text
    value: float | None
    points: float


class Explained(NamedTuple):
    """The score of one person: 0 to 100, the chance, and what speaks most for and against it."""

    version: Version
    score: float
    chance: float
    reasons: tuple[Reason, ...]


def model(key: str) -> Model:
    """Return a model of the catalogue; raises NoSuchModel."""
    if key not in MODELS:
        raise NoSuchModel(given=key)
    return MODELS[key]


def models(home: Home, who: Who) -> list[Listed]:
    """Return every model with its newest version and its champion; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    found = []
    for key, one in MODELS.items():
        there, crowned = registry.versions(home, key), registry.history(home, key)
        champion = next((v for v in there if crowned and v.number == crowned[-1]["number"]), None)
        found.append(Listed(one, there[0] if there else None, champion))
    return found


def versions(home: Home, who: Who, key: str) -> list[Version]:
    """Return the versions of a model, the newest first; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    return registry.versions(home, model(key).key)


def train(
    home: Home,
    who: Who,
    key: str,
    *,
    kind: str = "points",
    until: date | None = None,
    told: Told = lambda stage, done, of: None,
) -> Version:
    """Train a new version, and evaluate it on a later moment; return it. Needs OPERATE.

    Parameters
    ----------
    kind
        `points`, a table anybody can read, or `trees`.
    until
        Outcomes are known up to the beginning of this local day; None: today. Evaluated is with the features a horizon before it, trained with those a horizon
        before that.

    Raises
    ------
    TooFewOutcomes, Invalid
        There is not enough to learn from; the kind is none.
    """
    who.need(Permission.OPERATE)
    asked = model(key)
    if kind not in KINDS:
        raise Invalid(field=Text("种类", "kind"), given=kind, why=Text("points 或 trees", "points or trees"))
    zone = home.settings.tz
    day = until or clock.from_micros(clock.micros()).astimezone(zone).date()
    moments = [
        clock.to_micros(
            datetime.combine(day - timedelta(days=n * asked.horizon_days), datetime.min.time(), zone)
        )
        for n in (2, 1)
    ]
    heres = []
    for moment in moments:
        profiles.make_past(home, who, moment, told)
        heres.append(profiles.past(home, who, moment))
    told(_TRAINING, 0, 2)
    some = training.rows(home, heres[0], asked, moments[0])
    kept = training.fit(asked, some, kind)
    told(_EVALUATING, 1, 2)
    later = training.rows(home, heres[1], asked, moments[1], seed=1)
    chances = kept.chances(later.columns)
    figures = training.figures(chances, asked.rules.scores(later.columns), later)
    told(_EVALUATING, 2, 2)
    version = Version(
        key, 0, kind, clock.micros(), moments[0], moments[1], len(some.who), int(some.came.sum()), len(later.who),
        int(later.came.sum()), figures, training.population(asked, chances, later), beats_rules=figures["ahead"]["low"] > 0,
    )  # fmt: skip
    found = registry.add(home, version, kept)
    log("models").info("trained", who=who.name, model=key, version=found.number, rows=found.rows)
    return found


def promote(home: Home, who: Who, key: str, number: int) -> Version:
    """Let a version score from now on; needs OPERATE.

    Raises
    ------
    NoSuchModel
        There is no such version.
    NotPromoted
        It is no better than the rules of thumb in the top tenth, beyond chance.
    """
    who.need(Permission.OPERATE)
    found, _ = registry.read(home, model(key).key, number)
    if not found.beats_rules:
        why = Text(
            "在前一成里不比经验规则好（区间含 0）",
            "in the top tenth it is no better than the rules of thumb, beyond chance",
        )
        raise NotPromoted(model=key, version=number, why=why)
    registry.crown(home, key, number, who.name)
    log("models").info("promoted", who=who.name, model=key, version=number)
    return found


def roll_back(home: Home, who: Who, key: str) -> Version:
    """Let the version score again that did before the champion; needs OPERATE; raises NotPromoted where there is none."""
    who.need(Permission.OPERATE)
    past = registry.history(home, model(key).key)
    before = [one["number"] for one in past[:-1] if one["number"] != past[-1]["number"]]
    if not before:
        raise NotPromoted(
            model=key, version="–", why=Text("此前没有别的版本上任过", "no other version was champion before")
        )
    registry.crown(home, key, before[-1], who.name)
    return registry.read(home, key, before[-1])[0]


def score(home: Home, who: Who, keys: Sequence[str] = ()) -> dict[str, int]:
    """Score everybody with the champions of these models (none: of all that have one); return how many scores each gave. Needs OPERATE."""
    who.need(Permission.OPERATE)
    done = {}
    for key in keys or [one.model.key for one in models(home, who) if one.champion]:
        version, kept = registry.champion(home, model(key).key)
        done[key] = scoring.give(home, who, MODELS[key], version, kept)
    return done


def explain(home: Home, who: Who, key: str, person: int, category: str = "", most: int = 3) -> Explained:
    """Say how a champion scores a person (their number) for a category now, and why; needs SEE_PERSONS.

    Raises
    ------
    NoChampion, NoSuchCategory
        Nobody scores; or the model has no such category.
    """
    who.need(Permission.SEE_PERSONS)
    asked = model(key)
    version, kept = registry.champion(home, key)
    if category not in version.population:
        raise NoSuchCategory(
            given=category or "–", model=key, there=", ".join(filter(None, asked.targets)) or "–"
        )
    columns = features.columns(profiles.current(home), np.array([person], np.uint32), asked, category)
    chance: Floats = kept.chances(columns)
    which, much = kept.reasons(columns, most)
    reasons = []
    for place, points in zip(which[0].tolist(), much[0].tolist(), strict=True):
        if place >= 0:
            column = kept.names[place]
            value = float(columns[column][0])
            known = None if np.isnan(value) else value
            reasons.append(Reason(column, features.label(column, asked, category), known, points))
    place = float(training.percentile(chance, version.population[category])[0])
    return Explained(version, place, float(chance[0]), tuple(reasons))


def number_of(home: Home, who: Who, person: str) -> int:
    """Return the number of a person by their public id; needs SEE_PERSONS; raises NoSuchPerson."""
    found = identity.numbers_of_ids(home, who, [person])
    if person not in found:
        raise identity.NoSuchPerson(given=person)
    return found[person]

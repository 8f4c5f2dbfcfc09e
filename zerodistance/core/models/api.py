"""The verbs of models: list, train, promote, roll back, score, explain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from zerodistance.core.identity import api as identity
from zerodistance.core.models import appeals, features, picture, registry, scoring, spines, training, watching
from zerodistance.core.models.catalogue import MODELS
from zerodistance.core.models.contracts import (
    RULES,
    UPLIFT,
    Model,
    ModelOutdated,
    NoSuchCategory,
    NoSuchModel,
    NotPromoted,
    Version,
)
from zerodistance.core.models.features import View
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.models.ladder.points import Points
from zerodistance.core.models.spines import About
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

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
    """The score of one person: 0 to 100, the chance, and what speaks most for and against it; of a thing of theirs, which it is and what is likeliest of it."""

    version: Version
    score: float
    chance: float
    reasons: tuple[Reason, ...]
    about: tuple[About, ...] = ()


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
    kind: str = "",
    until: date | None = None,
    rules: Points | None = None,
    note: str = "",
    told: Told = lambda stage, done, of: None,
) -> Version:
    """Train a new version, and evaluate it on a later moment beside the rules and the champion; return it. Needs OPERATE.

    Parameters
    ----------
    kind
        One of the model's kinds: `points`, a table anybody can read, `trees`, `rules`, ...; empty: the first of them.
    until
        Outcomes are known up to the beginning of this local day; None: today. Evaluated is with the features a horizon before it, trained with those a horizon
        before that.
    rules, note
        Of the kind `rules`: the table of points, and who wrote it why; None: the one that ships.

    Raises
    ------
    TooFewOutcomes, Invalid
        There is not enough to learn from; the kind is none of the model's.
    """
    who.need(Permission.OPERATE)
    asked = model(key)
    kind = kind or asked.kinds[0]
    if kind not in asked.kinds:
        there = ", ".join(asked.kinds)
        why = Text(f"{key} 有：{there}", f"{key} has {there}")
        raise Invalid(field=Text("种类", "kind"), given=kind, why=why)
    trained_at, seen_at = moments(home, asked, kind, until)
    views = [view_of(home, who, asked, at, told) for at in (trained_at, seen_at)]
    told(_TRAINING, 0, 2)
    some = training.rows(views[0], asked, trained_at, kind=kind, weeks=asked.weeks[0])
    kept = training.fit(asked, some, kind, rules)
    told(_EVALUATING, 1, 2)
    later = training.rows(views[1], asked, seen_at, seed=1, kind=kind, weeks=asked.weeks[1])
    crowned = registry.history(home, key)
    against = crowned[-1]["number"] if crowned else 0
    champion = registry.read(home, key, against)[1] if against else None
    if champion is not None and features.lacking(asked, champion):
        champion = None  # of another release: nobody can say what it would
    rival = training.response(some) if kind == UPLIFT else None
    found = training.figures(asked, kept, later, champion, rival)
    told(_EVALUATING, 2, 2)
    whole = training.everybody(views[1], asked, later, seen_at, 1, kind)
    population = training.population(asked, training.said(asked, kept, whole.columns), whole)
    version = Version(
        key, 0, kind, clock.micros(), trained_at, seen_at, len(some.who), int((some.came > 0).sum()), len(later.who),
        int((later.came > 0).sum()), found, population, beats_rules=found["ahead"]["low"] > 0,
        longer=training.longer(asked, kept, whole), against=against, note=note, picture=picture.of(asked, kept, later, population),
    )  # fmt: skip
    made = registry.add(home, version, kept)
    watching.keep_base(home, made, kept, whole.columns)
    log("models").info("trained", who=who.name, model=key, version=made.number, rows=made.rows)
    return made


def view_of(home: Home, who: Who, asked: Model, at: int, told: Told = lambda stage, done, of: None) -> View:
    """Return everybody as of a moment, for a model: the tag index of then, made if it is not there. Models of things join what was known by themselves."""
    if asked.among in spines.SPINES:
        return View(home, profiles.current(home))
    profiles.make_past(home, who, at, told)
    return View(home, profiles.past(home, who, at))


def moments(home: Home, asked: Model, kind: str, until: date | None = None) -> tuple[int, int]:
    """Return the moments whose features a version is trained and evaluated with, microseconds UTC; of things, the last ones of either."""
    days = training.horizon(asked, kind)
    day = until or clock.from_micros(clock.micros()).astimezone(home.settings.tz).date()
    seen = day - timedelta(days=days)
    return moment(home, seen - timedelta(days=days, weeks=asked.weeks[1] - 1)), moment(home, seen)


def moment(home: Home, day: date) -> int:
    """Return the beginning of a local day, microseconds UTC."""
    return clock.to_micros(datetime.combine(day, datetime.min.time(), home.settings.tz))


def promote(home: Home, who: Who, key: str, number: int) -> Version:
    """Let a version score from now on; needs OPERATE.

    Raises
    ------
    NoSuchModel
        There is no such version.
    NotPromoted
        It learned, and is no better than the rules of thumb, beyond chance; or it is worse than the champion, beyond chance, or was never compared with it.
    """
    who.need(Permission.OPERATE)
    found, _ = registry.read(home, model(key).key, number)
    crowned = registry.history(home, key)
    if why := _why_not(found, crowned[-1]["number"] if crowned else 0, {one["number"] for one in crowned}):
        raise NotPromoted(model=key, version=number, why=why)
    _crown(home, who, key, number)
    log("models").info("promoted", who=who.name, model=key, version=number)
    return found


def _crown(home: Home, who: Who, key: str, number: int) -> Version:
    """Make a version the champion, and take the scores away that it will not give: nobody would keep them up to date."""
    found, kept = registry.read(home, key, number)
    registry.crown(home, key, number, who.name)
    gone = scoring.withdraw(home, Who.system("models"), model(key), found, kept)
    if gone:
        log("models").info("scores_withdrawn", model=key, version=number, dimensions=len(gone))
    return found


def _why_not(found: Version, champion: int, before: set[int]) -> Text | None:
    """Return why a version may not be promoted; None: it may."""
    if found.kind != RULES and not found.beats_rules:
        return Text(
            "不比经验规则好（领先的 95% 区间含 0）",
            "it is no better than the rules of thumb beyond chance (the 95 % interval holds 0)",
        )
    if found.number in before or not champion:
        return None
    if found.against != champion:
        return Text(
            f"它没有和上任的第 {champion} 版在同样的人上比过；再训练一次",
            f"it was never compared with the champion, version {champion}, on the same persons: train once more",
        )
    if (theirs := found.figures.get("ahead_of_champion")) and theirs["high"] < 0:
        return Text(
            f"它比上任的第 {champion} 版差（95% 区间全在 0 以下）",
            f"it is worse than the champion, version {champion}, beyond chance (the whole 95 % interval lies below 0)",
        )
    return None


def roll_back(home: Home, who: Who, key: str) -> Version:
    """Let the version score again that did before the champion; needs OPERATE; raises NotPromoted where there is none."""
    who.need(Permission.OPERATE)
    past = registry.history(home, model(key).key)
    before = [one["number"] for one in past[:-1] if one["number"] != past[-1]["number"]]
    if not before:
        raise NotPromoted(
            model=key, version="–", why=Text("此前没有别的版本上任过", "no other version was champion before")
        )
    return _crown(home, who, key, before[-1])


def score(home: Home, who: Who, keys: Sequence[str] = ()) -> dict[str, int]:
    """Score everybody with the champions of these models (none: of all that have one); return how many scores each gave. Needs OPERATE."""
    who.need(Permission.OPERATE)
    done, now = {}, scoring.Round(home)
    for key in keys or [one.model.key for one in models(home, who) if one.champion]:
        try:
            version, kept = champion(home, key)
        except ModelOutdated as error:
            if keys:
                raise
            log("models").warning("outdated", model=key, why=error.message("en"))
            continue
        done[key] = scoring.give(home, who, MODELS[key], version, kept, now)
    return done


def champion(home: Home, key: str) -> tuple[Version, Kept]:
    """Return the version that scores, and what it scores with; raises NoSuchModel, NoChampion, and ModelOutdated where it can't any more."""
    version, kept = registry.champion(home, model(key).key)
    if lost := features.lacking(MODELS[key], kept):
        raise ModelOutdated(model=key, version=version.number, features=", ".join(lost))
    return version, kept


def explain(home: Home, who: Who, key: str, person: int, category: str = "", most: int = 3) -> Explained:
    """Say how a champion scores a person (their number) for a category now, and why; needs SEE_PERSONS.

    Raises
    ------
    NoChampion, NoSuchCategory
        Nobody scores; or the model has no such category.
    """
    who.need(Permission.SEE_PERSONS)
    asked = model(key)
    version, kept = champion(home, key)
    if category not in version.population:
        raise NoSuchCategory(
            given=category or "–", model=key, there=", ".join(filter(None, version.population)) or "–"
        )
    some = np.array([person], np.uint32)
    view = View(home, profiles.current(home), some).scored_by(asked, kept)
    columns = training.asked(asked, kept, features.columns(view, some, asked, category))
    chance: Floats = kept.chances(columns)
    which, much = kept.reasons(columns, most)
    reasons = []
    for place, points in zip(which[0].tolist(), much[0].tolist(), strict=True):
        if place >= 0:
            column = kept.names[place]
            value = float(columns[column][0])
            known = None if np.isnan(value) else value
            reasons.append(Reason(column, features.label(column, asked, category), known, points))
    told = training.said(asked, kept, columns)
    scores = training.score(asked, told, version.population[category])
    place = float(appeals.raised(home, asked, category, some, scores)[0])
    about = (
        spines.about(home, view.owned, asked, category, person, float(chance[0]))
        if asked.among in spines.SPINES
        else ()
    )
    return Explained(version, place, float(chance[0]), tuple(reasons), about)


def number_of(home: Home, who: Who, person: str) -> int:
    """Return the number of a person by their public id; needs SEE_PERSONS; raises NoSuchPerson."""
    found = identity.numbers_of_ids(home, who, [person])
    if person not in found:
        raise identity.NoSuchPerson(given=person)
    return found[person]

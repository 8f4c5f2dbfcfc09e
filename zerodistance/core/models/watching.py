"""Watching champions: what scores and features are like now against those on whom a version was evaluated; drift is said on the bus."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zerodistance.core.models import drift, features, registry, scoring, spines, store, training
from zerodistance.core.models.catalogue import MODELS
from zerodistance.core.models.contracts import Model, NoSuchModel, Version
from zerodistance.core.models.drift import Bounds
from zerodistance.core.models.features import View
from zerodistance.core.models.ladder.columns import Columns, Floats
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.models.store import BASE, OUTCOMES, SCORES, Look
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Bands
from zerodistance.events.models import ModelDrifted
from zerodistance.kernel import bus, clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_LOOKED = 20_000  # own value: persons of a look at scores
_WORST = 5  # features that are told


@dataclass(frozen=True)
class Watched:
    """A champion and the last looks at it; None: there was none yet."""

    model: Model
    version: int
    scores: Look | None
    outcomes: Look | None

    @property
    def signs(self) -> tuple[str, ...]:
        """What has drifted."""
        return tuple(sign for look in (self.scores, self.outcomes) if look for sign in look.signs)


def bounds(home: Home) -> Bounds:
    """Return from where on something is drift."""
    found = home.settings
    return Bounds(found.models_psi, found.models_nulls, found.models_ece)


def watched(home: Home, who: Who) -> list[Watched]:
    """Return every champion with the last looks at it; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    found = []
    with home.state.read() as tx:
        for key, number in _champions(home).items():
            last = (store.last(tx, key, number, about) for about in (SCORES, OUTCOMES))
            found.append(Watched(MODELS[key], number, *last))
    return found


def history(home: Home, who: Who, key: str, about: str = SCORES, most: int = 400) -> list[Look]:
    """Return looks at a model, the newest first: `scores` or `outcomes`; needs SEE_PERSONS; raises NoSuchModel."""
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        return store.looks(tx, known(key).key, about, most)


def _champions(home: Home) -> dict[str, int]:
    """Return the number of the champion of each model that has one."""
    every = {key: registry.history(home, key) for key in MODELS}
    return {key: crowned[-1]["number"] for key, crowned in every.items() if crowned}


def keep_base(home: Home, version: Version, kept: Kept, columns: Columns) -> None:
    """Keep what the features of a version were like of those on whom it was evaluated."""
    said = {"features": drift.base(columns, _looked_at(kept, columns))}
    with home.state.write() as tx:
        store.add(tx, version.model, version.number, BASE, version.evaluated_as_of, (), said)


def _looked_at(kept: Kept, columns: Columns) -> tuple[str, ...]:
    """Return the features that a version looks at and that differ between persons."""
    asked = (name for name in kept.names if name in columns)
    return tuple(name for name in asked if name != features.AHEAD and not name.startswith("category."))


def look(home: Home, who: Who, keys: Sequence[str] = ()) -> list[Look]:
    """Look at what scores and features of champions (of these models; none: of all) are like now; keep and return it. Needs OPERATE.

    What has drifted and had not at the last look is said on the bus (`models.drifted`).
    """
    who.need(Permission.OPERATE)
    found = []
    for key in keys or _champions(home):
        version, kept = registry.champion(home, known(key).key)
        if features.lacking(MODELS[key], kept):
            log("models").warning("not_watched", model=key, version=version.number)
            continue  # it scores nobody any more, which scoring says
        with home.state.read() as tx:
            base = store.last(tx, key, version.number, BASE)
        said = _scores(home, MODELS[key], version, kept, base)
        found.append(keep(home, version, SCORES, drift.signs_of_scores(said, bounds(home)), said))
    return found


def known(key: str) -> Model:
    """Return a model of the catalogue; raises NoSuchModel."""
    if key not in MODELS:
        raise NoSuchModel(given=key)
    return MODELS[key]


def _scores(home: Home, model: Model, version: Version, kept: Kept, base: Look | None) -> dict[str, Any]:
    """Return `persons` (of models of things: things), `psi` of scores, `bands` (share in each, and what it was), and `features`."""
    places, then, scores, every = list[Floats](), list[Floats](), list[Floats](), list[Columns]()
    for target, there in _some(home, model, version, kept).items():
        columns = training.asked(model, kept, there)
        told = training.said(model, kept, columns)
        among = version.population[target]
        places.append(training.percentile(told, among))
        known = training.percentile(np.array(among), among)
        then.append(known[np.linspace(0, len(known) - 1, len(told)).round().astype(np.int64)])
        scores.append(training.score(model, told, among))
        every.append(columns)
    place = np.concatenate(places) if places else np.zeros(0)
    together = {name: np.concatenate([one[name] for one in every]) for name in every[0]} if every else {}
    before = base.said["features"] if base else {}
    return {
        "persons": len(place),
        "psi": drift.places(place, np.concatenate(then)) if len(place) else 0.0,
        "bands": _bands(model, version, np.concatenate(scores) if scores else np.zeros(0)),
        "features": drift.features({name: one for name, one in before.items() if name in together}, together),
    }


def _some(home: Home, model: Model, version: Version, kept: Kept) -> dict[str, Columns]:
    """Return of each target the features of those who are looked at, drawn the same way each time."""
    if model.among in spines.SPINES:
        things = spines.at(home, model, [clock.micros()], most=_LOOKED)
        every, whole = spines.columns(things, model), np.ones(len(things), np.bool_)
        mine = {target: things.category == target if target else whole for target in version.population}
        return {
            target: {name: one[some] for name, one in every.items()}
            for target, some in mine.items()
            if some.any()
        }
    here = profiles.current(home)
    who = {target: features.among(View(home, here), model, target) for target in version.population}
    share = min(1.0, _LOOKED / max(1, sum(map(len, who.values()))))
    luck = np.random.default_rng(0)
    found = {}
    for target, everybody in who.items():
        if len(everybody):
            drawn = np.sort(luck.choice(everybody, math.ceil(len(everybody) * share), replace=False))
            view = View(home, here, drawn).scored_by(model, kept)
            found[target] = features.columns(view, drawn, model, target)
    return found


def _bands(model: Model, version: Version, scores: Floats) -> dict[str, dict[str, float]]:
    """Return band -> share of scores now, and of those on whom the version was evaluated."""
    bands: Bands = model.nodes or scoring.BANDS
    edges = np.array(bands.edges)
    known = [training.score(model, np.array(among), among) for among in version.population.values()]
    then = np.concatenate(known) if known else np.zeros(0)
    shares = []
    for some in (scores, then):
        place = np.searchsorted(edges, some, side="right") - 1
        shares.append(np.bincount(place[place >= 0], minlength=len(edges)) / max(len(some), 1))
    names = [node for _, node, _ in bands.bands]
    return {node: {"now": float(a), "before": float(b)} for node, a, b in zip(names, *shares, strict=True)}


def keep(home: Home, version: Version, about: str, signs: tuple[str, ...], said: Mapping[str, Any]) -> Look:
    """Keep a look, and say what has newly drifted."""
    at = clock.micros()
    with home.state.write() as tx:
        before = store.last(tx, version.model, version.number, about)
        number = store.add(tx, version.model, version.number, about, at, signs, finite(said))
        fresh = tuple(sign for sign in signs if before is None or sign not in before.signs)
        if fresh:
            bus.say(tx, ModelDrifted(version.model, version.number, number, fresh))
    if fresh:
        log("models").warning("drifted", model=version.model, version=version.number, signs=",".join(fresh))
    return Look(number, version.model, version.number, about, at, signs, dict(said))


def finite(said: Any) -> Any:
    """Return figures as JSON can hold them: what is no number is null."""
    if isinstance(said, Mapping):
        return {key: finite(one) for key, one in said.items()}
    return None if isinstance(said, float) and not math.isfinite(said) else said


def worst(said: Mapping[str, Any], most: int = _WORST) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the features of a look at scores that are furthest from what they were, the furthest first."""

    def far(one: Mapping[str, Any]) -> float:
        return max(float(one["psi"] or 0.0), abs(float(one["nulls"]) - float(one["nulls_before"])))

    return sorted(said["features"].items(), key=lambda pair: -far(pair[1]))[:most]

"""Training and evaluation: on the features of one moment with the outcomes after it, looked at with those of a later one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from zerodistance.core.models import features, labels, measures
from zerodistance.core.models.contracts import Model
from zerodistance.core.models.ladder import trees
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints
from zerodistance.core.models.ladder.forest import Trees
from zerodistance.core.models.ladder.points import Points
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.splits import Who
from zerodistance.kernel.home import Home

ROWS = 200_000  # own value, measured: more rows do not make a model better
_PLACES = 1_000  # of scores, by which 0 to 100 are told
_TOP = 0.1
_DRAWS = 200  # own value: how often households are drawn for an interval
Kind = str


@dataclass(frozen=True)
class Rows:
    """Persons of a moment, each for a category, their features, and what came of them; rows as `who`.

    `target` is the place of the category in `Model.targets`.
    """

    who: Who
    target: Ints
    columns: Columns
    came: Floats
    households: Ints


def rows(home: Home, here: Index, model: Model, at: int, seed: int = 0) -> Rows:
    """Return at most `ROWS` of the persons and categories that a model scores, as of the moment of a tag index; the same seed gives the same."""
    came, luck = labels.Came(home, here, model, at), np.random.default_rng(seed)
    every = [features.among(here, model, category) for category in model.targets]
    share = min(1.0, ROWS / max(1, sum(map(len, every))))
    found = list[Rows]()
    for n, (category, who) in enumerate(zip(model.targets, every, strict=True)):
        if share < 1:
            who = who[np.sort(luck.choice(len(who), int(len(who) * share), replace=False))]
        columns = features.columns(here, who, model, category)
        target, homes = np.full(len(who), n, np.int64), features.households(here, who)
        found.append(Rows(who, target, columns, came.of(who, category), homes))
    together = {key: np.concatenate([one.columns[key] for one in found]) for key in found[0].columns}
    whole = (
        np.concatenate([getattr(one, name) for one in found])
        for name in ("who", "target", "came", "households")
    )
    who, target, outcomes, homes = whole
    return Rows(who, target, together, outcomes, homes)


def fit(model: Model, some: Rows, kind: Kind) -> Points | Trees:
    """Return a trained model: `points` (additive, a table) or `trees`; raises TooFewOutcomes."""
    learner: Callable[..., Points | Trees] = trees.fit_additive if kind == "points" else trees.fit_together
    known = {key: column for key, column in some.columns.items() if not np.isnan(column).all()}
    signs = {key: sign for key, sign in model.signs.items() if key in known}
    return learner(known, some.came, monotone=signs, households=some.households)


def figures(chances: Floats, rules: Floats, some: Rows) -> dict[str, dict[str, float]]:
    """Return measures with intervals over households, of the model and of the rules of thumb on the same rows.

    `auc`, `auc_within` (of each category, the mean weighted by pairs of outcomes), `lift_top10`, `precision_top10`, `average_precision`, `ece`, `log_loss`;
    those of the rules begin with `rules_`; `ahead` is by how much of itself the precision of the rules in the top tenth is less than the model's.
    """

    def of(measure: Callable[[Floats, Floats], float], scores: Floats) -> dict[str, float]:
        return told(lambda places: measure(scores[places], some.came[places]))

    def told(measure: Callable[[Ints], float]) -> dict[str, float]:
        found = measures.interval(measure, some.households, _DRAWS)
        return dict(zip(("value", "low", "high"), found, strict=True))

    def precision(scores: Floats, came: Floats) -> float:
        return measures.lift(scores, came, _TOP) * float(came.mean())

    def ahead(places: Ints) -> float:
        came, theirs = some.came[places], precision(rules[places], some.came[places])
        return precision(chances[places], came) / theirs - 1 if theirs else np.nan

    by_rules = {"auc": measures.auc, "lift_top10": measures.lift, "precision_top10": precision}
    found = {key: of(one, chances) for key, one in by_rules.items()}
    found |= {f"rules_{key}": of(one, rules) for key, one in by_rules.items()}
    for key, one in (
        ("average_precision", measures.average_precision),
        ("ece", measures.ece),
        ("log_loss", measures.log_loss),
    ):
        found[key] = of(one, chances)
    for key, scores in (("auc_within", chances), ("rules_auc_within", rules)):
        found[key] = told(partial(_within, scores, some))
    found["ahead"] = told(ahead)
    return found


def _within(scores: Floats, some: Rows, places: Ints) -> float:
    return measures.auc_within(scores[places], some.came[places], some.target[places])


def population(model: Model, chances: Floats, some: Rows) -> dict[str, tuple[float, ...]]:
    """Return for each category what a thousandth, two thousandths, ... of the chances stay below."""
    shares = np.arange(1, _PLACES) / _PLACES
    every = ((category, chances[some.target == n]) for n, category in enumerate(model.targets))
    return {category: tuple(np.quantile(mine, shares).tolist()) for category, mine in every if len(mine)}


def percentile(chances: Floats, among: tuple[float, ...]) -> Floats:
    """Return 0 to 100: how much of the population on which a version was evaluated has a smaller chance."""
    below = np.searchsorted(np.array(among), chances, side="left")
    return np.asarray(below * (100.0 / (len(among) + 1)), np.float64)

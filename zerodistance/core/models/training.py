"""Training and evaluation: on the features of one moment with the outcomes after it, looked at with those of a later one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from zerodistance.core.models import drawing, features, labels, measures, spines
from zerodistance.core.models.contracts import AMOUNT, HAZARD, POINTS, RULES, UPLIFT, VALUE, Asked, Model
from zerodistance.core.models.drawing import Ordered, Weighed
from zerodistance.core.models.features import AHEAD, View
from zerodistance.core.models.ladder import amount, calibration, folds, hazard, lifetime, trees, uplift
from zerodistance.core.models.ladder.amount import Amount
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints, how_many
from zerodistance.core.models.ladder.hazard import Hazard
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.models.ladder.lifetime import Value
from zerodistance.core.models.ladder.points import Points
from zerodistance.core.models.ladder.uplift import Uplift
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.splits import Who

ROWS = 200_000  # own value, measured: more rows do not make a model better
_PLACES = 1_000  # of scores, by which 0 to 100 are told
_TOP = 0.1
_DRAWS = 200  # own value: how often households are drawn for an interval
_PER_CAME = 60  # own value, measured: rows in which nothing came for one in which something did; more of them teach hardly more
_FLAT = 1e-4  # own value: logarithms of odds a point, at least
_PERIODS = 4  # own value: of a hazard, the last ending with the longest horizon
Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Rows:
    """Persons of a moment, each for a target, their features, and what came of them; rows as `who`.

    `target` is the place of the target in `Model.targets`. `came`: 1 or 0; of a value the amount. `more`: `days` until it came of a hazard and of things, NaN
    of a thing of which it did not; `times` of a value, `sent` of uplift (0: held out by lot). Of things, `who` are those of today, and 0 where nobody is known.
    """

    who: Who
    target: Ints
    columns: Columns
    came: Floats
    households: Ints
    more: Mapping[str, Floats] = field(default_factory=dict)


def horizon(model: Model, kind: str) -> int:
    """Return how many days of outcomes a kind of version needs."""
    return max((model.horizon_days, *model.horizons)) if kind == HAZARD else model.horizon_days


def rows(
    view: View,
    model: Model,
    at: int,
    seed: int = 0,
    kind: str = POINTS,
    most: int = ROWS,
    weeks: int = 0,
    *,
    occasion: bool = True,
) -> Rows:
    """Return at most so many of the persons and targets that a model scores, as of the moment of a view; the same seed gives the same.

    `weeks`: of things, how many moments a week apart, the last of them `at`; 0: as many as a version is evaluated with.
    `occasion`: where an outcome needs one, only those who had it; else everybody who is scored.
    """
    days = horizon(model, kind)
    if model.among in spines.SPINES:
        return _of_things(view, model, at, seed, most, weeks or model.weeks[1])
    if kind == UPLIFT:
        found = _drawn(view, model, at, days)
    else:
        came = labels.Came(view.home, view.here, model.asked, at, days)
        given = None
        if model.asked.given and occasion:
            alike = Asked(model.asked.given, covers=model.asked.covers)
            given = labels.Came(view.home, view.here, alike, at, days)
        found = _asked(view, model, came, given, kind, np.random.default_rng(seed), most)
    together = {key: np.concatenate([one.columns[key] for one in found]) for key in found[0].columns}
    more = {key: np.concatenate([one.more[key] for one in found]) for key in found[0].more}
    who, target, outcomes, homes = (
        np.concatenate([getattr(one, name) for one in found])
        for name in ("who", "target", "came", "households")
    )
    return Rows(who, target, together, outcomes, homes, more)


def everybody(view: View, model: Model, some: Rows, at: int, seed: int, kind: str, most: int = ROWS) -> Rows:
    """Return the rows by whose scores places in the population are told: of all who are scored, not only of those of `some`, who had an occasion."""
    if not model.asked.given:
        return some
    return rows(view, model, at, seed, kind, most, occasion=False)


def _asked(
    view: View,
    model: Model,
    came: labels.Came,
    given: labels.Came | None,
    kind: str,
    luck: np.random.Generator,
    most: int,
) -> list[Rows]:
    every = [features.among(view, model, target) for target in model.targets]
    if given is not None:
        every = [who[given.of(who, target) > 0] for who, target in zip(every, model.targets, strict=True)]
    share = min(1.0, most / max(1, sum(map(len, every))))
    found = list[Rows]()
    for n, (category, who) in enumerate(zip(model.targets, every, strict=True)):
        if share < 1:
            who = who[np.sort(luck.choice(len(who), int(len(who) * share), replace=False))]
        columns = features.columns(view, who, model, category)
        more = dict[str, Floats]()
        outcome = came.amount(who, category) if kind in (VALUE, AMOUNT) else came.of(who, category)
        if kind in (VALUE, AMOUNT):
            more = {"times": came.times(who, category)}
        if kind == HAZARD:
            columns = {**columns, AHEAD: np.zeros(len(who))}
            more = {"days": came.first(who, category)}
        places = np.full(len(who), n, np.int64)
        found.append(Rows(who, places, columns, outcome, features.households(view, who), more))
    return found


def _of_things(view: View, model: Model, at: int, seed: int, most: int, weeks: int) -> Rows:
    some = spines.at(view.home, model, spines.weeks(at, weeks), outcomes=True, most=most, seed=seed)
    places = {category: n for n, category in enumerate(model.categories)}
    target = np.array([places.get(one, -1) for one in some.category], np.int64)
    if not places:
        target = np.zeros(len(some), np.int64)
    fine = (target >= 0) & ~np.isnan(some.came)
    some, target = some.take(fine), target[fine]
    homes = features.households_of(View(view.home, profiles.current(view.home)), some.owner, some.subject)
    who = np.where(some.owner < VISITORS_FROM, some.owner, 0).astype(np.uint32)
    return Rows(who, target, spines.columns(some, model), some.came, homes, {"days": some.days})


def _drawn(view: View, model: Model, at: int, days: int) -> list[Rows]:
    every = labels.drawn(view.home, view.here, at, days)
    found = list[Rows]()
    for n, channel in enumerate(model.targets):
        none = labels.Drawn(np.zeros(0, np.uint32), np.zeros(0, np.bool_), np.zeros(0))
        who, sent, bought = every.get(channel, none)
        columns = features.columns(view, who, model, channel)
        places, homes = np.full(len(who), n, np.int64), features.households(view, who)
        found.append(Rows(who, places, columns, bought, homes, {"sent": sent.astype(np.float64)}))
    return found


def fit(model: Model, some: Rows, kind: str, rules: Points | None = None) -> Kept:
    """Return a version of a kind; raises TooFewOutcomes.

    Parameters
    ----------
    rules
        Of the kind `rules`: the table that a person wrote; None: the one that ships. Its chances are learned, its points are not.
    """
    if kind == RULES:
        return _calibrated(rules or model.rules, some)
    if kind == VALUE:
        return lifetime.fit_value(some.columns, model.horizon_days / features.YEAR)
    known = {
        key: column for key, column in some.columns.items() if not np.isnan(column).all() and key != AHEAD
    }
    signs = {key: sign for key, sign in model.signs.items() if key in known}
    if kind == UPLIFT:
        return uplift.fit_kept(known, some.more["sent"] > 0, some.came, some.households)
    if kind == AMOUNT:
        return amount.fit(known, some.came, monotone=signs, households=some.households)
    if kind == HAZARD:
        last = horizon(model, kind)
        edges = np.arange(1.0, _PERIODS + 1) * (last / _PERIODS)
        days = np.where(some.came > 0, np.maximum(some.more["days"], 1.0), last)
        return hazard.fit(
            known, days, some.came, edges=edges, ahead=model.horizon_days, clock=AHEAD, monotone=signs,
            households=some.households,
        )  # fmt: skip
    learner: Callable[..., Kept] = trees.fit_additive if kind == POINTS else trees.fit_together
    drawn, weights = _fewer(some.came)
    known = {key: column[drawn] for key, column in known.items()}
    return learner(
        known, some.came[drawn], monotone=signs, households=some.households[drawn], weights=weights
    )


def _fewer(came: Floats) -> tuple[npt.NDArray[np.bool_], Floats | None]:
    """Return which rows are learned from, and their weights: of rare outcomes all, of the rows without some, which weigh as much as all of them."""
    share = min(1.0, _PER_CAME * came.sum() / max((came == 0).sum(), 1))
    if share >= 1:
        return np.ones(len(came), np.bool_), None
    drawn = (came > 0) | (np.random.default_rng(0).random(len(came)) < share)
    return drawn, np.where(came > 0, 1.0, 1.0 / share)[drawn]


def _calibrated(rules: Points, some: Rows) -> Points:
    """Return a table with its chances learned. Where points say nothing of what comes, the chance is nearly the same for all, and they still order persons."""
    scores = rules.scores(some.columns)
    found = calibration.fit(scores, some.came, folds.parts(some.came, some.households))
    return replace(rules, calibration=replace(found, slope=max(found.slope, _FLAT)))


def asked(model: Model, kept: Kept, columns: Columns) -> Columns:
    """Return the columns with which a version is asked: a hazard from now on."""
    return {**columns, AHEAD: np.zeros(how_many(columns))} if isinstance(kept, Hazard) else columns


def said(model: Model, kept: Kept, columns: Columns) -> Floats:
    """Return what persons are ordered by: the chance; the amount of a value, the difference of uplift, the points of a model that has plain ones."""
    if isinstance(kept, Value | Amount):
        return kept.values(columns)
    if isinstance(kept, Uplift) or model.plain:
        return kept.scores(columns)
    return kept.chances(columns)


def figures(
    model: Model, kept: Kept, some: Rows, champion: Kept | None = None, rival: Kept | None = None
) -> Figures:
    """Return measures with intervals over households, of a version and of the rules of thumb on the same rows.

    Of chances: `auc`, `auc_within` (the mean over targets), `lift_top10`, `precision_top10`, `average_precision`, `ece`,
    `log_loss`; those of the rules begin with `rules_`, those of shorter horizons end with `_7d`. Of a value: `rank` (correlation of ranks with what was
    spent), `top10_share` (of all money, from the tenth said to bring most), `count_error`, `value_error`; of uplift `qini`, `effect`, `top30_effect`. `ahead`
    is by how much of itself the measure of the rules is less than the version's (precision in the top tenth, share of the money, for uplift: Qini less that of
    the response model); `ahead_of_champion` the same of the champion, for uplift Qini less its Qini.

    Parameters
    ----------
    rival
        Of uplift: the model of the response that others aim by.
    """
    tell = partial(_told, some)
    if isinstance(kept, Uplift):
        return _of_uplift(kept, some, rival, champion)
    mine = said(model, kept, some.columns)
    rules = model.rules.scores(some.columns)
    theirs = None if champion is None else said(model, champion, asked(model, champion, some.columns))
    if isinstance(kept, Value | Amount):
        return _of_value(kept, some, mine, rules, theirs)
    found = _of_chances(kept, some, mine, rules, theirs)
    if isinstance(kept, Hazard):
        for days in model.horizons:
            further = replace(kept, ahead=float(days)).chances(some.columns)
            came = (some.came > 0) & (some.more["days"] <= days)
            found[f"auc_{round(days / 30.4)}m"] = tell(partial(_auc, further, came.astype(np.float64)))
    return found | _nearer(model, kept, some)


def _nearer(model: Model, kept: Kept, some: Rows) -> Figures:
    """Return the measures of shorter horizons."""
    asked: dict[str, Weighed] = {}
    for days in model.nearer:
        chances = spines.nearer(model, kept.chances(some.columns), days)
        came = (some.more["days"] <= days).astype(np.float64)
        order = Ordered(chances, came)
        asked[f"auc_{days}d"], asked[f"average_precision_{days}d"] = order.auc, order.average_precision
        asked[f"ece_{days}d"] = drawing.ece(chances, came)
    return drawing.intervals(asked, some.households, _DRAWS) if asked else {}


def _of_chances(kept: Kept, some: Rows, mine: Floats, rules: Floats, theirs: Floats | None) -> Figures:
    came, chances = some.came, kept.chances(some.columns)
    if isinstance(kept, Hazard):
        came = ((came > 0) & (some.more["days"] <= kept.ahead)).astype(np.float64)
    ours, hand = Ordered(mine, came), Ordered(rules, came)
    asked: dict[str, Weighed] = {
        "auc": ours.auc,
        "auc_within": Ordered(mine, came, some.target).auc,
        "lift_top10": ours.lift,
        "precision_top10": ours.precision,
        "average_precision": ours.average_precision,
        "ece": drawing.ece(chances, came),
        "log_loss": drawing.log_loss(chances, came),
        "rules_auc": hand.auc,
        "rules_auc_within": Ordered(rules, came, some.target).auc,
        "rules_lift_top10": hand.lift,
        "rules_precision_top10": hand.precision,
        "rules_average_precision": hand.average_precision,
        "ahead": partial(_ahead, ours.precision, hand.precision),
    }
    if theirs is not None:
        asked["ahead_of_champion"] = partial(_ahead, ours.precision, Ordered(theirs, came).precision)
    return drawing.intervals(asked, some.households, _DRAWS)


def _of_value(
    kept: Value | Amount, some: Rows, mine: Floats, rules: Floats, theirs: Floats | None
) -> Figures:
    def share(scores: Floats, places: Ints) -> float:
        spent = some.came[places]
        best = np.argsort(-scores[places], kind="stable")[: max(1, round(_TOP * len(places)))]
        return float(spent[best].sum() / spent.sum()) if spent.sum() > 0 else np.nan

    def off(told: Floats, came: Floats, places: Ints) -> float:
        return float(told[places].sum() / came[places].sum() - 1) if came[places].sum() > 0 else np.nan

    found = {
        "rank": _told(some, lambda places: measures.rank_correlation(mine[places], some.came[places])),
        "rules_rank": _told(some, lambda places: measures.rank_correlation(rules[places], some.came[places])),
        "auc": _told(some, partial(_auc, kept.chances(some.columns), (some.came > 0).astype(np.float64))),
        "top10_share": _told(some, partial(share, mine)),
        "rules_top10_share": _told(some, partial(share, rules)),
        "value_error": _told(some, partial(off, mine, some.came)),
        "ahead": _told(some, partial(_ahead, partial(share, mine), partial(share, rules))),
    }
    if isinstance(kept, Value):
        expected = kept.again.expected(lifetime.buying(some.columns), kept.ahead)
        found["count_error"] = _told(some, partial(off, expected, some.more["times"]))
    if theirs is not None:
        found["ahead_of_champion"] = _told(
            some, partial(_ahead, partial(share, mine), partial(share, theirs))
        )
    return found


def response(some: Rows) -> Kept:
    """Return the model of the response by which contact is usually aimed: the chance of those who were contacted."""
    sent = some.more["sent"] > 0
    mine = {key: column[sent] for key, column in some.columns.items() if not np.isnan(column[sent]).all()}
    return trees.fit_additive(mine, some.came[sent], households=some.households[sent])


def _of_uplift(kept: Uplift, some: Rows, rival: Kept | None, champion: Kept | None) -> Figures:
    assert rival is not None
    sent, mine, theirs = some.more["sent"] > 0, kept.scores(some.columns), rival.chances(some.columns)
    gate = uplift.gate(mine, theirs, sent, some.came, some.households)

    def qini(scores: Floats, places: Ints) -> float:
        return measures.qini(scores[places], sent[places], some.came[places])

    def effect(share: float, places: Ints) -> float:
        return uplift.added(mine[places], sent[places], some.came[places], share)

    found = {
        "qini": _told(some, partial(qini, mine)),
        "rules_qini": _told(some, partial(qini, theirs)),
        "effect": _told(some, partial(effect, 1.0)),
        "top30_effect": _told(some, partial(effect, 0.3)),
        "ahead": dict(zip(("value", "low", "high"), gate.better, strict=True)),
    }
    if isinstance(champion, Uplift):
        before = champion.scores(some.columns)
        found["ahead_of_champion"] = _told(some, lambda places: qini(mine, places) - qini(before, places))
    return found


def _told(some: Rows, measure: Callable[[Ints], float]) -> dict[str, float]:
    found = measures.interval(measure, some.households, _DRAWS)
    return dict(zip(("value", "low", "high"), found, strict=True))


def _auc(scores: Floats, came: Floats, places: Ints) -> float:
    return measures.auc(scores[places], came[places])


def _ahead(mine: Callable[[Any], float], theirs: Callable[[Any], float], drawn: Any) -> float:
    other = theirs(drawn)
    return mine(drawn) / other - 1 if other else np.nan


def population(model: Model, told: Floats, some: Rows) -> dict[str, tuple[float, ...]]:
    """Return for each target what a thousandth, two thousandths, ... of what was said stay below."""
    shares = np.arange(1, _PLACES) / _PLACES
    every = ((category, told[some.target == n]) for n, category in enumerate(model.targets))
    return {category: tuple(np.quantile(mine, shares).tolist()) for category, mine in every if len(mine)}


def longer(model: Model, kept: Kept, some: Rows) -> dict[int, dict[str, tuple[float, ...]]]:
    """Return the same of each further horizon of a hazard."""
    if not isinstance(kept, Hazard):
        return {}
    further = {days: replace(kept, ahead=float(days)) for days in model.horizons}
    return {days: population(model, one.chances(some.columns), some) for days, one in further.items()}


def percentile(told: Floats, among: tuple[float, ...]) -> Floats:
    """Return 0 to 100: how much of the population on which a version was evaluated has a smaller one."""
    below = np.searchsorted(np.array(among), told, side="left")
    return np.asarray(below * (100.0 / (len(among) + 1)), np.float64)


def score(model: Model, told: Floats, among: tuple[float, ...]) -> Floats:
    """Return the scores, 0 to 100: the place in the population, or plain points."""
    return np.clip(told, 0.0, 100.0) if model.plain else percentile(told, among)


__all__ = [
    "Rows",
    "asked",
    "everybody",
    "figures",
    "fit",
    "horizon",
    "longer",
    "percentile",
    "population",
    "response",
    "rows",
    "said",
    "score",
]

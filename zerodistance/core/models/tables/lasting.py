"""When something ends: the hazard of each period on every step of the ladder, beside a straight line and beside nobody told from anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zerodistance.core.models import measures
from zerodistance.core.models.ladder import hazard, trees
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints, how_many
from zerodistance.core.models.tables import chances, drawn, steps
from zerodistance.core.models.tables.contracts import NothingLeft, Outcome
from zerodistance.core.models.tables.drawn import Draws
from zerodistance.core.models.tables.prepared import Prepared
from zerodistance.core.models.tables.question import Question
from zerodistance.core.models.tables.trial import Effort, Fit, Rows, Told, Trial, trial, varied
from zerodistance.kernel.text import Text

_PERIODS, _WHOLE, _CELLS = (
    60,
    120,
    20_000_000,
)  # own values: periods, whole units that are one each, numbers held
_CLOCK = "zd lasted"
_DRAWS, _ROWS = 100, 5_000  # own values: concordance looks at every moment


def tried(
    question: Question, learned: Prepared, test: Prepared | None, effort: Effort, told: Told
) -> Outcome:
    """Return how each step does on a table of durations; raises TooFewOutcomes and NothingLeft."""
    where = trial(question, learned, test, learned.numbers["ended"], effort)
    times, ended = where.number("duration"), where.number("ended") > 0
    edges = periods(learned.numbers["duration"], learned.numbers["ended"] > 0)
    grid = np.unique(np.linspace(0, len(edges) - 1, max(5, min(len(edges), _CELLS // (effort.seeds * len(times))))).astype(np.int64))  # fmt: skip
    said: dict[str, Floats] = {}
    for name, fit in _fits(question, learned, edges, grid).items():
        if effort.wants(name) or name == "nobody":
            said[name] = where.said(name, fit, told, len(grid) + 1)
    ask = edges[grid]
    ask = ask[:-1] if len(ask) > 2 else ask
    ladder = [name for name in said if name not in ("nobody", "straight")] or ["straight"]
    lost = {
        name: np.mean(
            [measures.integrated_brier(one[:, : len(ask)], ask, times, ended) for one in said[name]]
        )
        for name in ladder
    }
    best = min(ladder, key=lambda name: float(lost[name]))
    found = _figures(said, best, ask, times, ended, where, effort)
    return Outcome(
        question.task, where.asked.found, where.protocol, where.trained, effort.seeds, best, found,
        _weighs(question, where, learned, best, edges), chances.suspicious(question, learned, "ended"),
        {"ended": float(ended.mean()), "periods": len(edges)},
        where.spoken("risk", said[best][:, :, -1]),
    )  # fmt: skip


def periods(times: Floats, ended: Any) -> Floats:
    """Return the ends of the periods: whole units where there are few, else such that about as many end in each; raises NothingLeft."""
    some = times[ended & (times > 0)]
    if not len(some):
        raise NothingLeft(
            what=Text("行", "row"), why=Text("没有一行结束了（ended）", "none of them has ended (ended)")
        )
    if (times == np.floor(times)).all() and times.max() <= _WHOLE:
        return np.arange(1.0, times.max() + 1)
    edges = np.unique(np.quantile(some, np.arange(1, _PERIODS + 1) / _PERIODS))
    return np.unique(np.r_[edges, max(float(times.max()), edges[-1])])


def _fits(question: Question, learned: Prepared, edges: Floats, grid: Ints) -> dict[str, Fit]:
    def hazards(learner: Any) -> Fit:
        def fit(rows: Rows, seed: int) -> Any:
            model = _fitted(question, learned, rows, edges, learner, seed)
            times, ended = _of(learned, rows)
            share = _share(times[ended], edges)

            def say(columns: Columns) -> Floats:
                lasts = model.survival({**columns, _CLOCK: np.zeros(how_many(columns))})
                said: Floats = np.c_[lasts[:, grid], -lasts @ share]
                return said

            return say

        return fit

    def nobody(rows: Rows, seed: int) -> Any:
        times, ended = _of(learned, rows)
        lasts = measures.kept(times, ended, edges[grid])
        return lambda columns: np.tile(np.r_[lasts, 0.0], (how_many(columns), 1))

    return {
        "points": hazards(trees.fit_additive),
        "trees": hazards(trees.fit_together),
        "straight": hazards(_line),
        "nobody": nobody,
    }


def _line(columns: Columns, labels: Floats, *, weights: Floats | None = None, **_: Any) -> Any:
    """Return a straight line over the odds to end in a period, of the features and the logarithm of the clock."""
    return _Line(columns, labels, weights)


class _Line(steps.Straight):
    def _raw(self, columns: Columns) -> Floats:
        return super()._raw({**columns, _CLOCK: np.log1p(columns[_CLOCK])})


def _of(learned: Prepared, rows: Rows) -> tuple[Floats, Any]:
    return learned.numbers["duration"][rows.places], learned.numbers["ended"][rows.places] > 0


def _share(ends: Floats, edges: Floats) -> Floats:
    place = np.minimum(np.searchsorted(edges, ends, side="left"), len(edges) - 1)
    found: Floats = np.bincount(place, minlength=len(edges)) / max(len(ends), 1)
    return found


def _fitted(
    question: Question, learned: Prepared, rows: Rows, edges: Floats, learner: Any, seed: int
) -> hazard.Hazard:
    times, ended = _of(learned, rows)
    groups = None if learned.groups is None else learned.groups[rows.places]
    own = question.settings if learner is trees.fit_together else {}
    return hazard.fit(
        rows.columns, times, ended.astype(np.float64), edges=edges, ahead=question.ahead or float(edges[-1]) / 4, clock=_CLOCK,
        monotone=steps.signs(question, rows.columns), households=groups, seed=seed, learner=learner, parts=3, **own,
    )  # fmt: skip


def _figures(
    every: Mapping[str, Floats],
    best: str,
    ask: Floats,
    times: Floats,
    ended: Any,
    where: Trial,
    effort: Effort,
) -> dict[str, dict[str, Any]]:
    draws = Draws(len(times), where.groups, draws=min(effort.draws, _DRAWS), most=_ROWS)

    def concordance(said: Floats, rows: Ints) -> float:
        return measures.c_index(said[rows, -1], times[rows], ended[rows])

    def brier(said: Floats, rows: Ints) -> float:
        return measures.integrated_brier(said[rows, : len(ask)], ask, times[rows], ended[rows])

    found: dict[str, dict[str, Any]] = dict(
        drawn.figures(every, {"c_index": concordance, "ibs": brier}, draws, best, "c_index")
    )
    for name, seconds in where.seconds.items():
        found[name]["fit_s"] = {"value": seconds}
    return found


def _weighs(
    question: Question, where: Trial, learned: Prepared, best: str, edges: Floats
) -> list[tuple[str, float]]:
    rest = where.splits[0][0][0]
    rows = varied(Rows(rest, learned.columns(rest)))
    learner: Any = {"points": trees.fit_additive, "trees": trees.fit_together}.get(best, _line)
    model = _fitted(question, learned, rows, edges, learner, 0)
    times = learned.numbers["duration"][rest]
    found = steps.weighs(model, {**rows.columns, _CLOCK: times})
    return [("duration" if name == _CLOCK else name, share) for name, share in found]

"""How much of something: the ladder on labels that are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zerodistance.core.models import measures
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.tables import drawn, steps
from zerodistance.core.models.tables.contracts import Outcome
from zerodistance.core.models.tables.drawn import Draws
from zerodistance.core.models.tables.prepared import Prepared
from zerodistance.core.models.tables.question import Question
from zerodistance.core.models.tables.trial import Effort, Fit, Rows, Told, trial, varied


def tried(
    question: Question, learned: Prepared, test: Prepared | None, effort: Effort, told: Told
) -> Outcome:
    """Return how each step does on a table of numbers; raises NothingLeft."""
    if question.at_most is not None:
        for table in (learned, test):
            if table is not None:
                np.minimum(table.numbers["label"], question.at_most, out=table.numbers["label"])
    strata = learned.numbers["label"]
    where = trial(question, learned, test, strata, effort)
    labels, weights = where.number("label"), learned.numbers.get("weight")
    said: dict[str, Floats] = {}
    for name, learner in steps.of_numbers(question).items():
        if effort.wants(name):
            said[name] = where.said(name, _fit(question, learner, learned, weights), told)
    usual = where.said("mean", _mean(learned), told)
    ladder = [name for name in said if name != "straight"] or list(said)
    best = min(ladder, key=lambda name: float(((said[name] - labels) ** 2).mean()))
    every = {**said, "mean": usual}
    draws = Draws(len(labels), where.groups, draws=effort.draws)
    figures = drawn.figures(every, _measures(labels), draws, best, "rmse")
    for name, seconds in where.seconds.items():
        figures[name]["fit_s"] = {"value": seconds}
    return Outcome(
        question.task, where.asked.found, where.protocol, where.trained, effort.seeds, best, figures,
        _weighs(question, learned, weights, best, where.splits[0][0][0]),
        more={"mean": float(labels.mean()), "spread": float(labels.std())}, said=where.spoken("number", said[best]),
    )  # fmt: skip


def _fit(question: Question, learner: Any, learned: Prepared, weights: Floats | None) -> Fit:
    def fit(rows: Rows, seed: int) -> Any:
        groups = None if learned.groups is None else learned.groups[rows.places]
        mine = None if weights is None else weights[rows.places]
        model = learner(rows.columns, learned.numbers["label"][rows.places], groups, mine, seed)
        if question.at_most is None:
            return model.scores
        return lambda columns: np.minimum(model.scores(columns), question.at_most)

    return fit


def _mean(learned: Prepared) -> Fit:
    def fit(rows: Rows, seed: int) -> Any:
        usual = float(learned.numbers["label"][rows.places].mean())
        return lambda columns: np.full(len(next(iter(columns.values()))), usual)

    return fit


def _measures(labels: Floats) -> Mapping[str, drawn.Measure]:
    return {
        "rmse": lambda said, rows: measures.rmse(said[rows], labels[rows]),
        "mae": lambda said, rows: float(np.abs(said[rows] - labels[rows]).mean()),
        "r2": lambda said, rows: _explained(said[rows], labels[rows]),
    }


def _explained(said: Floats, came: Floats) -> float:
    spread = float(came.var())
    return 1 - float(((said - came) ** 2).mean()) / spread if spread else float("nan")


def _weighs(
    question: Question, learned: Prepared, weights: Floats | None, best: str, rest: Any
) -> list[tuple[str, float]]:
    learner = steps.of_numbers(question)[best]
    rows = varied(Rows(rest, learned.columns(rest)))
    groups = None if learned.groups is None else learned.groups[rest]
    mine = None if weights is None else weights[rest]
    return steps.weighs(learner(rows.columns, learned.numbers["label"][rest], groups, mine, 0), rows.columns)

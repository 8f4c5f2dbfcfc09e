"""How likely something is: the ladder on labels of yes and no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zerodistance.core.models import measures
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.tables import by_rules, drawn, steps
from zerodistance.core.models.tables.contracts import Outcome
from zerodistance.core.models.tables.drawn import Draws
from zerodistance.core.models.tables.prepared import Prepared
from zerodistance.core.models.tables.question import Question
from zerodistance.core.models.tables.trial import Effort, Fit, Rows, Told, Trial, trial, varied
from zerodistance.kernel.text import Text

_LEAKS, _CERTAIN, _LOOKED = 0.995, 20, 50_000  # own values


def tried(
    question: Question, learned: Prepared, test: Prepared | None, effort: Effort, told: Told
) -> Outcome:
    """Return how each step does on a table of chances.

    Raises
    ------
    TooFewOutcomes, NothingLeft
        There is too little to learn from.
    """
    where = trial(question, learned, test, learned.numbers["label"], effort)
    labels, weights = where.number("label"), learned.numbers.get("weight")
    said: dict[str, Floats] = {}
    for name, learner in steps.of_chances(question, weights is not None).items():
        if effort.wants(name):
            said[name] = where.said(name, _fit(learner, learned, weights), told)
    best = chosen(question, said, labels)
    whole = said[best]
    draws = Draws(len(labels), where.groups, min(labels.mean(), 1 - labels.mean()), effort.draws)
    if question.rules is not None:
        said["rules"] = by_rules.scores(question.rules, where)[None, :].repeat(where.seeds, 0)
    figures = drawn.figures(said, _measures(labels), draws, best, "auc", {"rules": ("ece", "log_loss")})
    for name, seconds in where.seconds.items():
        figures[name]["fit_s"] = {"value": seconds}
    return Outcome(
        question.task, where.asked.found, where.protocol, where.trained, effort.seeds, best, figures,
        _weighs(question, where, best, learned, weights), suspicious(question, learned),
        {"came_true": float(labels.mean()), "calibration": _calibration(whole.mean(axis=0), labels)},
        where.spoken("chance", whole),
    )  # fmt: skip


def _fit(learner: Any, learned: Prepared, weights: Floats | None) -> Fit:
    def fit(rows: Rows, seed: int) -> Any:
        groups = None if learned.groups is None else learned.groups[rows.places]
        mine = None if weights is None else weights[rows.places]
        return learner(rows.columns, learned.numbers["label"][rows.places], groups, mine, seed).chances

    return fit


def _measures(labels: Floats) -> Mapping[str, drawn.Measure]:
    of = (measures.auc, measures.lift, measures.average_precision, measures.ece, measures.log_loss)
    keys = ("auc", "lift_top10", "average_precision", "ece", "log_loss")
    return {key: _measured(one, labels) for key, one in zip(keys, of, strict=True)}


def _measured(measure: Any, labels: Floats) -> drawn.Measure:
    return lambda said, rows: measure(said[rows], labels[rows])


def chosen(question: Question, said: Mapping[str, Floats], labels: Floats) -> str:
    """Return the step of the ladder that loses least (logarithmic loss), of faults the one with the best average precision (never the straight line)."""
    measure = measures.average_precision if question.task == "fault" else _likely
    ladder = [name for name in said if name != "straight"] or list(said)
    return max(ladder, key=lambda name: float(np.mean([measure(one, labels) for one in said[name]])))


def _likely(said: Floats, labels: Floats) -> float:
    return -measures.log_loss(said, labels)


def _calibration(said: Floats, labels: Floats) -> list[dict[str, float]]:
    return [
        {"said": float(a), "came": float(b), "rows": int(many)}
        for a, b, many in zip(*measures.calibration(said, labels), strict=True)
    ]


def _weighs(
    question: Question, where: Trial, best: str, learned: Prepared, weights: Floats | None
) -> list[tuple[str, float]]:
    """Return what weighs most in the step that is chosen, learned once more."""
    learner = steps.of_chances(question, weights is not None)[best]
    rest = where.splits[0][0][0]
    rows = varied(Rows(rest, learned.columns(rest)))
    groups = None if learned.groups is None else learned.groups[rest]
    mine = None if weights is None else weights[rest]
    fitted = learner(rows.columns, learned.numbers["label"][rest], groups, mine, 0)
    return steps.weighs(fitted, rows.columns)


def suspicious(question: Question, learned: Prepared, key: str = "label") -> list[Text]:
    """Return features that say the outcome alone, or that are only there where it came true: they may be known only after it."""
    labels, found = learned.numbers[key], []
    some = np.arange(0, len(labels), -(-len(labels) // _LOOKED))
    said = labels[some]
    for name, values in learned.columns(some).items():
        known = ~np.isnan(values)
        there = measures.auc(known.astype(np.float64), said)
        alone = measures.auc(values[known], said[known]) if known.any() else 0.5
        much = np.nanmax([abs(one - 0.5) + 0.5 for one in (there, alone, 0.5) if not np.isnan(one)])
        if much > _LEAKS:
            found.append(
                Text(
                    f"{name} 几乎单独说出了结果（AUC {much:.3f}）：会不会是事后才知道的？用 leave_out 留在外面",
                    f"{name} says the outcome almost alone (AUC {much:.3f}): is it known only afterwards? Leave it out with leave_out")
            )  # fmt: skip
            continue
        kinds = np.unique(values[known])
        if len(kinds) == 2 and name not in question.made:  # what a person made they know
            set_ = known & (values == kinds[1])
            if set_.sum() >= _CERTAIN and said[set_].all() and said.mean() < 0.5:
                found.append(
                    Text(
                        f"{name} 为 {kinds[1]:g} 时结果总是“是”（{int(set_.sum())} 行）：会不会是事后才知道的？",
                        f"where {name} is {kinds[1]:g} the outcome always came true ({int(set_.sum())} rows): is it known only afterwards?")
                )  # fmt: skip
    return found

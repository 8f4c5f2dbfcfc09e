"""Whom contact moves: learners of uplift on the table of a trial, beside the response model, and the gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zerodistance.core.models import measures
from zerodistance.core.models.ladder import uplift
from zerodistance.core.models.ladder.columns import Floats, Ints
from zerodistance.core.models.tables import by_rules, chances, drawn
from zerodistance.core.models.tables.contracts import Outcome
from zerodistance.core.models.tables.drawn import Draws
from zerodistance.core.models.tables.prepared import Prepared
from zerodistance.core.models.tables.question import Question
from zerodistance.core.models.tables.trial import Effort, Fit, Rows, Told, Trial, trial

_SHARE = 0.3


_NAMES = ("x", "t", "x_straight", "t_straight", "response", "anybody")


def tried(
    question: Question, learned: Prepared, test: Prepared | None, effort: Effort, told: Told
) -> Outcome:
    """Return how each learner does on a trial; the X-learner is the step of the ladder; raises TooFewOutcomes and NothingLeft."""
    cell = 2 * learned.numbers["contacted"] + (learned.numbers["label"] > 0)
    where = trial(question, learned, test, cell, effort)
    treated, outcomes = where.number("contacted") > 0, where.number("label")
    said: dict[str, Floats] = {}
    for name in _NAMES:
        fit, learners = uplift.METHODS[name]
        if effort.wants(name) or name in ("x", "response"):
            said[name] = where.said(name, _fit(fit, learners, learned), told)
    if question.rules is not None:
        said["rules"] = np.tile(by_rules.scores(question.rules, where), (effort.seeds, 1))
    draws = Draws(
        len(outcomes), where.groups, min(outcomes.mean(), 1 - outcomes.mean()), effort.draws, 40_000
    )

    def qini(scores: Floats, rows: Ints) -> float:
        return measures.qini(scores[rows], treated[rows], outcomes[rows])

    def added(scores: Floats, rows: Ints) -> float:
        return uplift.added(scores[rows], treated[rows], outcomes[rows], _SHARE)

    found: dict[str, dict[str, Any]] = dict(
        drawn.figures(said, {"qini": qini, "added_30": added}, draws, "x", "qini")
    )
    for name, seconds in where.seconds.items():
        found[name]["fit_s"] = {"value": seconds}
    groups = where.groups
    gates = [
        uplift.gate(*both, treated, outcomes, groups, effort.draws)
        for both in zip(said["x"], said["response"], strict=True)
    ]
    return Outcome(
        question.task, where.asked.found, where.protocol, where.trained, effort.seeds,
        "x", found, _weighs(where, said["x"]), chances.suspicious(question, learned),
        more={
            "over_response": found["response"]["behind"],
            "contacted": float(treated.mean()),
            "outcome_contacted": float(outcomes[treated].mean()),
            "outcome_control": float(outcomes[~treated].mean()),
            "gate_opens": sum(one.opens for one in gates),
            "gate": [one.better._asdict() for one in gates],
            "over_response_30": _times(found["x"], found["response"]),
        },
        said=where.spoken("uplift", said["x"]),
    )  # fmt: skip


def _times(mine: dict[str, Any], other: dict[str, Any]) -> float:
    return (
        float(mine["added_30"]["value"] / other["added_30"]["value"])
        if other["added_30"]["value"]
        else float("nan")
    )


def _fit(
    fit: Callable[..., uplift.Said], learners: Callable[[int], uplift.Learners], learned: Prepared
) -> Fit:
    def fitted(rows: Rows, seed: int) -> Any:
        groups = None if learned.groups is None else learned.groups[rows.places]
        contacted = learned.numbers["contacted"][rows.places] > 0
        return fit(rows.columns, contacted, learned.numbers["label"][rows.places], groups, learners(seed))

    return fitted


def _weighs(where: Trial, said: Floats) -> list[tuple[str, float]]:
    """Return features by how closely what contact changes goes with each (rank correlation, its share of all)."""
    ranked = measures.ranks(said.mean(axis=0))
    found: dict[str, float] = {}
    for name, values in where.asked.columns(where.places).items():
        known = ~np.isnan(values)
        if known.sum() > 2 and np.ptp(values[known]) > 0:
            found[name] = abs(float(np.corrcoef(measures.ranks(values[known]), ranked[known])[0, 1]))
    whole = sum(found.values()) or 1.0
    order = sorted(found, key=lambda name: -found[name])[:15]
    return [(name, found[name] / whole) for name in order]

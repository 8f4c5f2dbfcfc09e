"""The whole ladder over one table, beside a rule, logistic regression and the plain learner: every row is said by models that never saw it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.lib.machine import say
from benchmarks.lib.repeated import Floats, Said, figure, held_out, missed
from benchmarks.lib.tables import Table
from zerodistance.core.models import measures
from zerodistance.core.models.ladder import scorecard, trees

Columns = Mapping[str, Floats]


def climbed(table: Table, rule: Said, seeds: int, best: str) -> dict[str, Any]:
    """Return the figures of every step: AUC, what the `best` one has over each other one (the same rows and parts), and how true chances are."""
    fits: dict[str, Callable[[Columns, Floats, int], Said]] = {
        "scorecard": lambda some, came, seed: scorecard.fit(some, came, seed=seed).chances,
        "additive": lambda some, came, seed: trees.fit_additive(some, came, seed=seed).chances,
        "full": lambda some, came, seed: trees.fit_together(some, came, seed=seed).chances,
        "rule": lambda *_: rule,
        "logistic": _logistic,
        "sklearn": _plainly,
    }
    said, cpu = dict[str, Floats](), dict[str, float]()
    for name, fit in fits.items():
        began = time.process_time()
        said[name] = held_out(table.columns, table.labels, fit, seeds)
        cpu[name] = (time.process_time() - began) / (5 * seeds)
        say(f"{name}: {cpu[name]:.2f} s a fit")
    others = {name: one for name, one in said.items() if name != best}
    labels = table.labels
    return {
        "rows": len(labels),
        "came_true": float(labels.mean()),
        "seeds": seeds,
        "best": best,
        "auc": figure(measures.auc, said[best], labels),
        **{f"{name}_auc": figure(measures.auc, one, labels) for name, one in others.items()},
        **{f"over_{name}": figure(measures.auc, said[best], labels, one) for name, one in others.items()},
        "lift_top10": figure(measures.lift, said[best], labels),
        "ece": missed(said[best], labels),
        **{f"{name}_ece": missed(said[name], labels) for name in others if name not in ("rule",)},
        "fit_cpu_s": cpu,
    }


def _logistic(columns: Columns, labels: Floats, seed: int) -> Said:
    """Return logistic regression over columns that were given mean 0 and spread 1."""
    names = [name for name in columns if np.nanstd(columns[name]) > 0]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    model.fit(np.nan_to_num(np.stack([columns[name] for name in names], axis=1)), labels)
    return lambda some: model.predict_proba(np.nan_to_num(np.stack([some[name] for name in names], axis=1)))[
        :, 1
    ]


def _plainly(columns: Columns, labels: Floats, seed: int) -> Said:
    """Return scikit-learn's gradient boosting as it comes."""
    model = HistGradientBoostingClassifier(random_state=seed)
    model.fit(np.stack(list(columns.values()), axis=1), labels)
    return lambda some: model.predict_proba(np.stack(list(some.values()), axis=1))[:, 1]

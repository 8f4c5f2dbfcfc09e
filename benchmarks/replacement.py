"""When something ends: the hazard by month on IBM's telephone customers, who stand in for the replacement of appliances, beside Cox's model.

What was charged in all is left out of the features, since it tells how long somebody has stayed. Every customer is said by models that never saw them. The
risk is the chance to have left by a month, in the mean over the months in which those trained on did: where risks do not stay proportional, a
single month or the time to be expected puts other pairs in order than those that are compared.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.lib import cox, tables
from benchmarks.lib.machine import report, say
from benchmarks.lib.repeated import Floats, over_seeds, some
from zerodistance.core.models import measures
from zerodistance.core.models.ladder import folds, hazard, trees

_MONTHS = np.arange(1.0, 73.0)
Columns = dict[str, Floats]
Said = Callable[[Columns], tuple[Floats, Floats]]
"""Gives the risk of other rows, and their chance to last beyond each month; shape (rows, months)."""


def main() -> None:
    """Say when every customer would leave with every seed, and measure in each part that was held out."""
    options = tables.options(__doc__).parse_args()
    table, months = tables.telco(options.data)
    columns = {name: values for name, values in table.columns.items() if name != "TotalCharges"}
    ended = table.labels > 0
    fits: dict[str, Callable[[Columns, Floats, Floats, int], Said]] = {
        "additive": partial(_hazard, trees.fit_additive),
        "full": partial(_hazard, trees.fit_together),
        "cox": _cox,
        "rule": _rule,
    }
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in fits}
    cpu = dict.fromkeys(fits, 0.0)
    for seed in range(options.seeds):
        parts = folds.parts(table.labels, seed=1_000 + seed)
        for name, fit in fits.items():
            figures: dict[str, list[float]] = defaultdict(list)
            for part in np.unique(parts):
                rest, here = parts != part, parts == part
                began = time.process_time()
                said = fit(some(columns, rest), months[rest], table.labels[rest], seed)
                cpu[name] += time.process_time() - began
                risk, lasts = said(some(columns, here))
                figures["c_index"].append(measures.c_index(risk, months[here], ended[here]))
                brier = measures.integrated_brier(lasts[:, :-1], _MONTHS[:-1], months[here], ended[here])
                figures["ibs"].append(brier)
            for key, values in figures.items():
                found[name][key].append(float(np.mean(values)))
        say(f"seed {seed}: " + ", ".join(f"{name} {one['c_index'][-1]:.4f}" for name, one in found.items()))
    report("replacement", rows=len(months), ended=float(ended.mean()), **_figures(found, cpu, options.seeds))


def _hazard(learner: Any, columns: Columns, months: Floats, ended: Floats, seed: int) -> Said:
    model = hazard.fit(
        columns, months, ended, edges=_MONTHS, ahead=12.0, clock="months", seed=seed, learner=learner, parts=3
    )
    when = np.bincount(months[ended > 0].astype(np.int64), minlength=len(_MONTHS) + 1)[1:] / ended.sum()

    def said(other: Columns) -> tuple[Floats, Floats]:
        new = {**other, "months": np.zeros(len(other["MonthlyCharges"]))}
        lasts = model.survival(new)
        return -lasts @ when, lasts

    return said


def _cox(columns: Columns, months: Floats, ended: Floats, seed: int) -> Said:
    said = cox.fit(np.stack(list(columns.values()), axis=1), months, ended > 0)
    return lambda other: said(np.stack(list(other.values()), axis=1), _MONTHS)


def _rule(columns: Columns, months: Floats, ended: Floats, seed: int) -> Said:
    """Return the contract as the risk, and for everybody the chance that all have to last."""
    nobody = measures.kept(months, ended > 0, _MONTHS)
    return lambda other: (
        other["Contract: Month-to-month"] - other["Contract: Two year"],
        np.tile(nobody, (len(other["MonthlyCharges"]), 1)),
    )


def _figures(found: dict[str, dict[str, list[float]]], cpu: dict[str, float], seeds: int) -> dict[str, Any]:
    ours, others = found["full"], {name: one for name, one in found.items() if name != "full"}
    return {
        "seeds": seeds,
        **{key: over_seeds(each) for key, each in ours.items()},
        **{f"{name}_{key}": over_seeds(each) for name, one in others.items() for key, each in one.items()},
        **{
            f"over_{name}": over_seeds([a - b for a, b in zip(ours["c_index"], one["c_index"], strict=True)])
            for name, one in others.items()
        },
        "fit_cpu_s": {name: seconds / (5 * seeds) for name, seconds in cpu.items()},
    }


if __name__ == "__main__":
    main()

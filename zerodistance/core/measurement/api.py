"""The door of measurement: plan an experiment, assign persons, read the arms, say what came of it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

from zerodistance.core.measurement.assigning import (
    arms,
    assign,
    assigned,
    forget,
    may_contact,
    receipt,
    treated,
    without_holdout,
)
from zerodistance.core.measurement.audience import assign_segment
from zerodistance.core.measurement.costs import cost, costs
from zerodistance.core.measurement.experiments import (
    create,
    end,
    experiment,
    experiments,
    global_one,
    hold_globally,
    plan,
)
from zerodistance.core.measurement.figures import Result, rows
from zerodistance.core.measurement.joint import joint
from zerodistance.core.measurement.looking import look, seen
from zerodistance.core.measurement.results import global_holdout, result
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

__all__ = [
    # before
    "plan",
    "create",
    "hold_globally",
    "experiments",
    "experiment",
    "end",
    # who is in which arm
    "assign",
    "assign_segment",
    "without_holdout",
    "receipt",
    "assigned",
    "arms",
    "treated",
    "may_contact",
    # what came of it
    "result",
    "global_one",
    "global_holdout",
    "seen",
    "export",
    "rows",
    "HEAD",
    "joint",
    # costs
    "cost",
    "costs",
    # for the worker
    "look",
    "forget",
]
HEAD: Sequence[str] = ("part", "name", "value", "low", "high")
"""Columns of an export."""


def export(home: Home, who: Who, key: str, to: TextIO, *, until: int | None = None) -> Result:
    """Write what came of an experiment as CSV, columns `HEAD`, one figure a line; return it."""
    found = result(home, who, key, until=until)
    out = csv.writer(to, lineterminator="\n")
    out.writerow(HEAD)
    out.writerows(rows(found))
    return found

"""Verbs of results: what came of an experiment, and what all contact does."""

from __future__ import annotations

from zerodistance.core.measurement import experiments, outcomes, rounded, telling
from zerodistance.core.measurement.figures import Result
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def result(home: Home, who: Who, key: str, *, until: int | None = None) -> Result:
    """Return what came of an experiment as of a moment (microseconds UTC; None: now), as far as it was known then.

    Accounts that see no persons get counts rounded as released counts are, of arms of which enough are of the panel. Raises NoSuchExperiment.
    """
    with home.state.read() as tx:
        row = experiments.row_of(tx, who, key)
    found = experiments.experiment(home, who, key)
    now = clock.micros()
    if until is not None and not found.made_at <= until <= now:
        why = Text(
            "要在实验开始之后、现在之前", "a moment after the experiment was made and before now is wanted"
        )
        raise Invalid(field="until", given=until, why=why)
    end = now if until is None else until
    people = outcomes.read(home, found, int(row["number"]), end)
    if who.may(Permission.SEE_PERSONS):
        return telling.told(home, who, found, int(row["number"]), people, end)
    return rounded.told(home, found, int(row["number"]), people, end, experiments.planned(row))


def global_holdout(home: Home, who: Who, *, until: int | None = None) -> Result:
    """Return what all contact does: those who are contacted beside those held out of everything; raises NoGlobalHoldout."""
    return result(home, who, experiments.global_one(home).key, until=until)

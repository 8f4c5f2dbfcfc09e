"""The door of the examiner: compare what the product said with a truth.

The product never comes here: nobody but `compose` imports this room, and it asks a home only through the public verbs of other rooms.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from zerodistance.core.identity import api as identity_room
from zerodistance.evaluate import activity as interaction
from zerodistance.evaluate import identity as who_is_who
from zerodistance.evaluate import lift as effects
from zerodistance.evaluate import need as forecasts
from zerodistance.evaluate import sentiment as readings
from zerodistance.evaluate.contracts import Figure, Method, Report
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

__all__ = [
    "Figure",
    "Method",
    "Report",
    "identity",
    "identity_of_home",
    "households",
    "need",
    "activity",
    "sentiment",
    "lift",
]


def identity(truth: Path, said: Path, *, partial: bool = False, seed: int = 1) -> Report:
    """Compare who is who: `said` has `source, source_id, person_id`, as `zerodistance identity export` writes it."""
    return who_is_who.examine("identity", truth, said, partial=partial, seed=seed)


def identity_of_home(home: Home, who: Who, truth: Path, *, partial: bool = False, seed: int = 1) -> Report:
    """Compare who is who in a home; its records pass through a file that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="zerodistance-evaluate-") as folder:
        path = Path(folder) / "persons.csv"
        identity_room.export(home, who, path)
        return identity(truth, path, partial=partial, seed=seed)


def households(truth: Path, said: Path, *, partial: bool = False, seed: int = 1) -> Report:
    """Compare who lives together: `said` has `source, source_id, household_id`."""
    return who_is_who.examine("households", truth, said, partial=partial, seed=seed)


def need(truth: Path, said: Path, *, persons: Path | None = None, seed: int = 1) -> Report:
    """Compare need scores: `said` has whom, `category, as_of, score`, and may have the chances `p_1, p_3, p_6, p_12`."""
    return forecasts.examine(truth, said, persons=persons, seed=seed)


def activity(truth: Path, said: Path, *, persons: Path | None = None, seed: int = 1) -> Report:
    """Compare activity scores: `said` has whom, `score`, and may have `as_of`."""
    return interaction.examine(truth, said, persons=persons, seed=seed)


def sentiment(truth: Path, said: Path, *, seed: int = 1) -> Report:
    """Compare what texts say: `said` has `source, source_id` and some of `sentiment, topic, about, nature`."""
    return readings.examine(truth, said, seed=seed)


def lift(truth: Path, said: Path, *, persons: Path | None = None, seed: int = 1) -> Report:
    """Compare effects: `said` has `campaign, estimate`, or `campaign`, whom, `score`."""
    return effects.examine(truth, said, persons=persons, seed=seed)

"""Outcomes: what persons did after the day of the features and within the horizon, whoever they turned out to be since."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pyarrow as pa

from zerodistance.core.identity import api as identity
from zerodistance.core.models.contracts import Asked, Model
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.rules import kind_ranges
from zerodistance.core.profiles.splits import Who
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home

_SQL = files(__package__) / "sql"


class Came:
    """To whom of a tag index of a moment the outcome of a model came true, by category.

    A touch is theirs whose subject was theirs then, or belongs today to the person that one of those subjects belongs to.

    Parameters
    ----------
    at
        Of the index, microseconds UTC. Touches that happened after it count, up to the end of the horizon.
    """

    def __init__(self, home: Home, here: Index, model: Model, at: int) -> None:
        self._asked = model.asked
        with home.engine.connect() as connection:
            touches_view(connection, home)
            connection.register("then_map", here.pairs())
            connection.register("now_map", identity.subject_map(home))
            connection.register("asked_kind", _kinds(model.asked))
            until = at + model.horizon_days * clock.MICROS_PER_DAY
            values = {"after": clock.from_micros(at), "until": clock.from_micros(until)}
            rows = connection.sql((_SQL / "came.sql").read_text(), params=values).to_arrow_table()
        self._numbers = rows.column("number").to_numpy()
        self._categories = rows.column("category").to_numpy(zero_copy_only=False)

    def of(self, who: Who, category: str = "") -> Floats:
        """Return 1 for each person to whom it came true (of a category: in that), 0 for the others."""
        mine = self._categories == category if category else np.ones(len(self._numbers), np.bool_)
        came = np.isin(who, self._numbers[mine])
        return np.asarray(came if self._asked.comes else ~came, np.float64)


def _kinds(asked: Asked) -> pa.Table:
    """Return `low`, `high` and `counts` of ranges of kinds: the first that count, then those that are left out."""
    every = kind_ranges(asked.kinds) if asked.kinds else [("", "\U0010ffff")]
    gone = kind_ranges(asked.without)
    rows = [(low, high, True) for low, high in every] + [(low, high, False) for low, high in gone]
    return pa.table(
        {
            "low": pa.array([low for low, _, _ in rows], pa.string()),
            "high": pa.array([high for _, high, _ in rows], pa.string()),
            "counts": pa.array([counts for _, _, counts in rows], pa.bool_()),
        }
    )

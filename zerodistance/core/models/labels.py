"""Outcomes: what persons did after the day of the features and within the horizon, whoever they turned out to be since."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.identity import api as identity
from zerodistance.core.models.contracts import Asked
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.dimensions.shared import BOUGHT
from zerodistance.core.profiles.rules import kind_ranges
from zerodistance.core.profiles.splits import Who
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home

_SQL = files(__package__) / "sql"
_MONTH = 30  # own value: days within which a purchase is one of those whom a message may have moved


class Came:
    """What of an outcome came to whom of a tag index of a moment, by target.

    A touch is theirs whose subject was theirs then, or belongs today to the person that one of those subjects belongs to.

    Parameters
    ----------
    at
        Of the index, microseconds UTC. Touches that happened after it count, up to the end of the horizon.
    days
        The horizon.
    """

    def __init__(self, home: Home, here: Index, asked: Asked, at: int, days: int) -> None:
        self._asked, self._at, self.days = asked, at, days
        with home.engine.connect() as connection:
            _persons(connection, home, here)
            connection.register("asked_kind", _kinds(asked))
            values = {
                "after": clock.from_micros(at),
                "until": clock.from_micros(at + days * clock.MICROS_PER_DAY),
                "currency": home.settings.currency,
            }
            rows = connection.sql((_SQL / "came.sql").read_text(), params=values).to_arrow_table()
        self._numbers = rows.column("number").to_numpy()
        self._categories = rows.column("category").to_numpy(zero_copy_only=False)
        self._first = rows.column("first_at").cast(pa.int64()).to_numpy()
        self._times = rows.column("times").to_numpy().astype(np.float64)
        self._amounts = rows.column("amount").to_numpy().astype(np.float64)

    def of(self, who: Who, target: str = "") -> Floats:
        """Return 1 for each person to whom it came true (of a target: of what that covers), 0 for the others."""
        came = np.isin(who, self._numbers[self._mine(target)])
        return np.asarray(came if self._asked.comes else ~came, np.float64)

    def first(self, who: Who, target: str = "") -> Floats:
        """Return after how many days it first came; those to whom it did not: the horizon."""
        days = (self._first - self._at) / clock.MICROS_PER_DAY
        return self._told(who, target, days, np.fmin, float(self.days))

    def times(self, who: Who, target: str = "") -> Floats:
        """Return how many touches that were."""
        return self._told(who, target, self._times, np.add, 0.0)

    def amount(self, who: Who, target: str = "") -> Floats:
        """Return their amount, in the home's currency."""
        return self._told(who, target, self._amounts, np.add, 0.0)

    def _mine(self, target: str) -> npt.NDArray[np.bool_]:
        if not target:
            return np.ones(len(self._numbers), np.bool_)
        return np.isin(self._categories, self._asked.covers.get(target, (target,)))

    def _told(self, who: Who, target: str, values: Floats, add: np.ufunc, none: float) -> Floats:
        mine = self._mine(target)
        numbers, place = np.unique(self._numbers[mine], return_inverse=True)
        sums = np.full(len(numbers), none)
        add.at(sums, place, values[mine])
        at = np.minimum(np.searchsorted(numbers, who), max(len(numbers) - 1, 0))
        known = numbers[at] == who if len(numbers) else np.zeros(len(who), np.bool_)
        return np.where(known, sums[at] if len(sums) else none, none)


class Drawn(NamedTuple):
    """Whom campaigns drew for a message of a channel, a row each time: number (ascending), whether sent or held out, whether they bought within a month."""

    who: Who
    sent: npt.NDArray[np.bool_]
    bought: Floats


def drawn(home: Home, here: Index, at: int, days: int) -> dict[str, Drawn]:
    """Return by channel whom campaigns that held some out drew in so many days after the moment of an index; the last month waits for what comes of it."""
    with home.engine.connect() as connection:
        _persons(connection, home, here)
        low, high = zip(*kind_ranges(BOUGHT), strict=True)
        connection.register(
            "bought_kind", pa.table({"low": pa.array(low, pa.string()), "high": pa.array(high, pa.string())})
        )
        values = {
            "after": clock.from_micros(at),
            "until": clock.from_micros(at + (days - _MONTH) * clock.MICROS_PER_DAY),
            "days": _MONTH,
        }
        rows = connection.sql((_SQL / "contacted.sql").read_text(), params=values).to_arrow_table()
    found = {}
    for channel in rows.column("channel").unique().to_pylist():
        some = rows.filter(pa.compute.equal(rows.column("channel"), channel))
        who, sent, bought = (some.column(name).to_numpy() for name in ("number", "sent", "bought"))
        known = np.isin(who, np.array(here.universe.persons, np.uint32))
        found[channel] = Drawn(
            who[known].astype(np.uint32), sent[known] > 0, bought[known].astype(np.float64)
        )
    return found


def _persons(connection: duckdb.DuckDBPyConnection, home: Home, here: Index) -> None:
    touches_view(connection, home)
    connection.register("then_map", here.pairs())
    connection.register("now_map", identity.subject_map(home))


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

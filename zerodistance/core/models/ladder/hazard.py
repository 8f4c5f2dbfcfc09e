"""When something ends: the chance of each period that it does in it, if it has lasted until then (discrete-time hazard).

Each row becomes a row for every period that it lived through, so what is learned is an ordinary model of chances on top of any step of the ladder. Who was
lost sight of counts for as long as they were in sight, and features may be other ones in each period.

References
----------
J. Singer, J. Willett: It's about time (1993); G. Tutz, M. Schmid: Modeling Discrete Time-to-Event Data (2016).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zerodistance.core.models.ladder import trees
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints, how_many
from zerodistance.core.models.ladder.forest import Trees
from zerodistance.core.models.ladder.points import Points

_SMALL = 1e-12
_PER_END = 20  # own value: periods that nothing ended in, for one in which something did; more of them teach hardly more


@dataclass(frozen=True)
class Hazard:
    """A model of the chance to end within each period.

    Attributes
    ----------
    clock
        The column that says how long something has lasted by now, in units of time.
    edges
        The ends of the periods, ascending, in the same units; the first begins at 0.
    ahead
        How far `chances` and `scores` look.
    of
        The chance to end in a period, of the features and `clock`, which is the end of the period.
    """

    clock: str
    edges: tuple[float, ...]
    ahead: float
    of: Points | Trees

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it looks at, the clock among them."""
        return self.of.names if self.clock in self.of.names else (self.clock, *self.of.names)

    def hazards(self, columns: Columns) -> Floats:
        """Return the chance to end within each period if it was reached; shape (rows, periods). Features are taken to stay as they are."""
        found = np.empty((how_many(columns), len(self.edges)))
        for n, edge in enumerate(self.edges):
            found[:, n] = self.of.chances({**columns, self.clock: np.full(len(found), edge)})
        return found

    def survival(self, columns: Columns) -> Floats:
        """Return the chance to last beyond the end of each period, from the beginning on; shape (rows, periods)."""
        found: Floats = np.cumprod(1.0 - self.hazards(columns), axis=1, dtype=np.float64)
        return found

    def expected(self, columns: Columns) -> Floats:
        """Return the mean time that is still to come, from the clock on and not counted beyond the last edge; a period in which it ends counts half."""
        widths, left = np.diff(np.r_[0.0, self.edges]), self._left(columns)
        hazards = self.hazards(columns)
        lasts = np.cumprod(1.0 - hazards * left, axis=1)
        before = np.c_[np.ones(len(lasts)), lasts[:, :-1]]
        found: Floats = ((before + lasts) / 2 * widths * left).sum(axis=1)
        return found

    def chances(self, columns: Columns) -> Floats:
        """Return the chance that it ends within `ahead` from now on, if it has lasted as long as the clock says; within a period it is spread evenly."""
        starts, ends = np.r_[0.0, self.edges[:-1]], np.array(self.edges)
        now = np.asarray(columns[self.clock], np.float64)[:, None]
        share = np.clip(
            (np.minimum(ends, now + self.ahead) - np.maximum(starts, now)) / (ends - starts), 0.0, 1.0
        )
        lasts = np.prod((1.0 - np.minimum(self.hazards(columns), 1 - _SMALL)) ** share, axis=1)
        found: Floats = 1.0 - lasts
        return found

    def scores(self, columns: Columns) -> Floats:
        """Return the logarithm of the odds of `chances`."""
        chances = np.clip(self.chances(columns), _SMALL, 1 - _SMALL)
        found: Floats = np.log(chances) - np.log1p(-chances)
        return found

    def contributions(self, columns: Columns) -> Floats:
        """Return what each feature adds to the logarithm of the odds to end in the period in which the clock is; shape (rows, features)."""
        found = np.zeros((how_many(columns), len(self.names)))
        found[:, len(self.names) - len(self.of.names) :] = self.of.contributions(self._in_period(columns))
        return found

    def reasons(self, columns: Columns, most: int = 3) -> tuple[Ints, Floats]:
        """Return which features add most to that beyond what they usually do, the most first (-1: none does), and how much; shape (rows, most) each."""
        which, much = self.of.reasons(self._in_period(columns), most)
        return np.where(which >= 0, which + len(self.names) - len(self.of.names), -1), much

    def _in_period(self, columns: Columns) -> Columns:
        place = np.searchsorted(
            np.array(self.edges), np.asarray(columns[self.clock], np.float64), side="right"
        )
        return {**columns, self.clock: np.array(self.edges)[np.minimum(place, len(self.edges) - 1)]}

    def _left(self, columns: Columns) -> Floats:
        """Return the share of each period that is still to come; shape (rows, periods)."""
        starts, ends = np.r_[0.0, self.edges[:-1]], np.array(self.edges)
        now = np.asarray(columns[self.clock], np.float64)[:, None]
        found: Floats = np.clip((ends - np.maximum(starts, now)) / (ends - starts), 0.0, 1.0)
        return found


def periods(
    columns: Columns, times: Floats, ended: Floats, edges: Floats, clock: str, entered: Floats | None = None
) -> tuple[dict[str, Floats], Floats, Ints]:
    """Return a row for every period that each row lived through: features and the clock, whether it ended in it, and the row that it is of.

    Parameters
    ----------
    times
        How long each was seen; those of 0 give no row, and what goes beyond the last edge is cut there.
    ended
        1: it ended then; 0: it was lost sight of. A period within which something is lost sight of is not counted.
    entered
        From when on each was in sight; a period that had begun by then is not counted.
    """
    starts = np.r_[0.0, edges[:-1]]
    first = (
        np.zeros(len(times), np.int64) if entered is None else np.searchsorted(starts, entered, side="left")
    )
    whole = np.searchsorted(edges, times, side="right")  # periods lived through to their end
    ends = (ended > 0) & (times > 0) & (times <= edges[-1])
    last = np.where(ends, np.searchsorted(edges, times, side="left") + 1, whole)
    many = np.maximum(last - first, 0)
    row = np.repeat(np.arange(len(times)), many)
    place = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many) + first[row]
    found = {name: values[row] for name, values in columns.items()}
    found[clock] = edges[place]
    return found, (ends[row] & (place == last[row] - 1)).astype(np.float64), row


def fit(
    columns: Columns,
    times: Floats,
    ended: Floats,
    *,
    edges: Floats,
    ahead: float,
    clock: str = "lasted",
    entered: Floats | None = None,
    monotone: Mapping[str, int] | None = None,
    households: Any = None,
    seed: int = 0,
    learner: Callable[..., Points | Trees] = trees.fit_additive,
    **settings: Any,
) -> Hazard:
    """Return the hazard of rows that were seen for some time, whose features stayed as they were; arguments as `Hazard`, `periods` and the learner have them.

    Of the periods in which nothing ended some are drawn, which weigh as much as all of them.

    Raises
    ------
    TooFewOutcomes
        As the learner does, of rows that ended and did not.
    """
    rows, labels, row = periods(columns, times, ended, edges, clock, entered)
    groups = row if households is None else np.asarray(households)[row]
    share = min(1.0, _PER_END * labels.sum() / max((labels == 0).sum(), 1))
    some = (labels > 0) | (np.random.default_rng(seed).random(len(labels)) < share)
    weights = np.where(labels > 0, 1.0, 1.0 / share)[some] if share < 1 else None
    rows = {name: values[some] for name, values in rows.items()}
    grown = learner(
        rows, labels[some], monotone=monotone, households=groups[some], seed=seed, weights=weights, **settings
    )
    return Hazard(clock, tuple(map(float, edges)), float(ahead), grown)

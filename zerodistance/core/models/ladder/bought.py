"""What was bought, added up: the days on which a household bought an item, its trips, and sums over both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Bought(NamedTuple):
    """Purchases, a row a household, trip, item and detail of it, in any order.

    Attributes
    ----------
    household, item, kind
        Places, from 0 on; `kind` is the detail below an item (the type below a category) and belongs to one item.
    day
        Days from any beginning on, whole; a household's purchases of a day are one trip.
    amount
        What was paid.
    reduced
        1 where it was bought at a reduced price, else 0.
    """

    household: Ints
    item: Ints
    kind: Ints
    day: Ints
    amount: Floats
    reduced: Floats

    def only(self, rows: npt.NDArray[Any]) -> Bought:
        """Return some rows."""
        return Bought(*(column[rows] for column in self))


@dataclass(frozen=True)
class Spans:
    """How long ago counts, days. The defaults are for what is bought every few weeks; for things that last, years.

    Attributes
    ----------
    windows
        Purchases in as many days are counted.
    fading
        Purchases are counted, each by exp(-days / fading).
    recent
        What somebody does lately is what they did in as many days.
    near
        What goes together is told by what households bought, fading like this.
    """

    windows: tuple[int, ...] = (28, 84, 182)
    fading: tuple[int, ...] = (10, 30, 90, 200)
    recent: int = 84
    near: int = 90


USUAL = Spans()


class Pairs(NamedTuple):
    """The days on which a pair bought, one row each, by pair and day; a pair is household * items + item."""

    pair: Ints
    day: Ints
    amount: Floats
    reduced: Floats
    first: npt.NDArray[np.bool_]


def pairs_of(bought: Bought, many: int) -> Pairs:
    """Return the days on which each pair bought; `many`: how many items there are."""
    pair = bought.household * many + bought.item
    order = np.lexsort((bought.day, pair))
    pair, day = pair[order], bought.day[order]
    fresh = np.ones(len(pair), np.bool_)
    fresh[1:] = (pair[1:] != pair[:-1]) | (day[1:] != day[:-1])
    starts = np.flatnonzero(fresh)
    sizes = np.diff(np.r_[starts, len(pair)])
    amount = np.add.reduceat(bought.amount[order], starts) if len(starts) else np.zeros(0)
    reduced = np.add.reduceat(bought.reduced[order], starts) / sizes if len(starts) else np.zeros(0)
    pair, day = pair[starts], day[starts]
    first = np.ones(len(pair), np.bool_)
    first[1:] = pair[1:] != pair[:-1]
    return Pairs(pair, day, amount, reduced, first)


class Trips(NamedTuple):
    """Days on which a household bought anything, one row each, by household and day."""

    household: Ints
    day: Ints

    def until(self, household: Ints, day: Floats) -> Floats:
        """Return how many trips each had until and with a day; NaN where there is no day."""
        span = int(self.day.max(initial=0)) + 2
        keys = self.household * span + self.day
        asked = np.nan_to_num(day, nan=0.0).astype(np.int64)
        found = np.searchsorted(keys, household * span + asked, side="right") - np.searchsorted(
            keys, household * span
        )
        return np.where(np.isnan(day), np.nan, found)


def trips_of(bought: Bought) -> Trips:
    """Return the days on which each household bought anything."""
    span = int(bought.day.max(initial=0)) + 1
    both = np.unique(bought.household * span + bought.day)
    return Trips(both // span, both % span)


def ratio(above: Floats, below: Floats) -> Floats:
    """Return a quotient; NaN where there is nothing below."""
    found = np.full(np.broadcast(above, below).shape, np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found


class Shapes:
    """Sums over the days of pairs, shape (households, items) each."""

    def __init__(self, pairs: Pairs, households: int, items: int, today: int, spans: Spans) -> None:
        self.pairs, self.shape, self.spans = pairs, (households, items), spans
        self.back = (today - pairs.day).astype(np.float64)
        self.times = self.sum(np.ones(len(pairs.pair)))
        place, starts = pairs.pair[pairs.first], np.flatnonzero(pairs.first)
        ends = np.r_[starts[1:], len(pairs.pair)][: len(starts)] - 1
        self.first, self.last = (
            self.put(place, pairs.day[rows].astype(np.float64)) for rows in (starts, ends)
        )
        self.since = today - self.last
        self.faded = {days: self.sum(np.exp(-self.back / days)) for days in spans.fading}
        self.often = np.log1p(3 * self.sum(np.exp(-self.back / spans.near)))

    def sum(self, weights: Floats) -> Floats:
        """Return the sum of weights of a day over the days of each pair."""
        return self.over(self.pairs.pair, weights)

    def over(self, place: Ints, weights: Floats) -> Floats:
        """Return the sum of weights at the pair of each, shape (households, items)."""
        found = np.bincount(place, weights, self.shape[0] * self.shape[1]).astype(np.float64)
        return found.reshape(self.shape)

    def within(self, days: int, until: int = 0) -> Floats:
        """Return on how many days each pair bought from `days` to `until` days ago."""
        return self.sum(((self.back <= days) & (self.back > until)).astype(np.float64))

    def waits(self) -> tuple[Ints, Floats]:
        """Return the pair and length of every wait between two purchases, the days."""
        later = np.flatnonzero(~self.pairs.first)
        return self.pairs.pair[later], (self.pairs.day[later] - self.pairs.day[later - 1]).astype(np.float64)

    def put(self, place: Ints, values: Floats) -> Floats:
        """Return values at pairs, NaN elsewhere; of several the last one."""
        found = np.full(self.shape[0] * self.shape[1], np.nan)
        found[place] = values
        return found.reshape(self.shape)


__all__ = ["USUAL", "Bought", "Pairs", "Shapes", "Spans", "Trips", "pairs_of", "ratio", "trips_of"]

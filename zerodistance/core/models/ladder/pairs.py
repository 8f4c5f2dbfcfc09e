"""What is known of a household and an item until a day: how often, how lately and how regularly it bought, and what everybody else does.

`Market.of` learns from everybody; `Market.columns` then gives the columns of any households, a block at a time. Nothing that happened on the day or after
it is looked at.

References
----------
E. Kaplan, P. Meier: Nonparametric estimation from incomplete observations (1958); `items` for what goes together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zerodistance.core.models.ladder import items

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
_TURNS, _TURNS_SHOWN = (
    6,
    4,
)  # own values: horizons back over which a habit is counted, and how many stand alone
_FACTORS = (8, 32)  # own values
_PLACES = 6  # own value: directions in which a household's place is told
_KIND_BUYERS = 30  # own value: households below which a detail is no neighbour


class _Pairs(NamedTuple):
    """The days on which a pair bought, one row each, by pair and day; a pair is household * items + item."""

    pair: Ints
    day: Ints
    amount: Floats
    reduced: Floats
    first: npt.NDArray[np.bool_]


def _pairs(bought: Bought, many: int) -> _Pairs:
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
    return _Pairs(pair, day, amount, reduced, first)


class _Trips(NamedTuple):
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


def _trips(bought: Bought) -> _Trips:
    span = int(bought.day.max(initial=0)) + 1
    both = np.unique(bought.household * span + bought.day)
    return _Trips(both // span, both % span)


def _ratio(above: Floats, below: Floats) -> Floats:
    """Return a quotient; NaN where there is nothing below."""
    found = np.full(np.broadcast(above, below).shape, np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found


@dataclass(frozen=True)
class Market:
    """What everybody did until a day, as far as it says something about one.

    Attributes
    ----------
    begun, today, ahead
        The first day on which anybody bought, the day that is asked about, and over how many days one looks ahead.
    rates
        Of items, by name; shape (items,). Only what changes slowly: trees learn trends of the few days that they were trained on by heart.
    lasts
        The share of waits between two purchases of an item that is longer than so many days, open ones counted as such; shape (items, days).
    near
        What goes together.
    """

    items: int
    begun: int
    today: int
    ahead: int
    spans: Spans
    rates: Mapping[str, Floats]
    lasts: Floats
    near: _Near

    @staticmethod
    def of(
        bought: Bought, households: int, items: int, today: int, ahead: int, spans: Spans = USUAL
    ) -> Market:
        """Return what everybody did before `today`.

        Parameters
        ----------
        households, items
            How many there are; those that bought nothing count too.
        """
        past = bought.only(bought.day < today)
        pairs = _pairs(past, items)
        shapes = _Shapes(pairs, households, items, today, spans)
        had = (shapes.times > 0).sum(axis=0)
        rates: dict[str, Floats] = {
            "item_ever": had / max(households, 1),
            "item_again": (shapes.times > 1).sum(axis=0) / np.maximum(had, 1),
        }
        lasts = _lasts(shapes, items, today, ahead)
        return Market(
            items,
            int(past.day.min(initial=today)),
            today,
            ahead,
            spans,
            rates,
            lasts,
            _near(past, shapes, items),
        )

    def columns(self, bought: Bought, households: int, wanted: Ints) -> dict[str, Floats]:
        """Return the columns of all pairs of a household and a wanted item, households outside, shape (households * wanted,) each.

        Parameters
        ----------
        bought
            Of these households, who are numbered from 0 on. What happened on `today` or later is not looked at.
        wanted
            Places of items.
        """
        past = bought.only(bought.day < self.today)
        shapes = _Shapes(_pairs(past, self.items), households, self.items, self.today, self.spans)
        trips = _trips(past)
        found = _of_pairs(self, past, shapes, trips)
        found |= _of_neighbours(self, past, shapes)
        flat = {name: values[:, wanted].ravel() for name, values in found.items()}
        mine = _of_households(self, past, shapes, trips)
        flat |= {name: np.repeat(values, len(wanted)) for name, values in mine.items()}
        return flat | {name: np.tile(values[wanted], households) for name, values in self.rates.items()}


class _Shapes:
    """Sums over the days of pairs, shape (households, items) each."""

    def __init__(self, pairs: _Pairs, households: int, items: int, today: int, spans: Spans) -> None:
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


def _lasts(shapes: _Shapes, items: int, today: int, ahead: int) -> Floats:
    """Return the share of waits that is longer than so many days, of each item (Kaplan and Meier)."""
    place, waits = shapes.waits()
    most = today - int(shapes.pairs.day.min(initial=today)) + 1
    ended = np.bincount((place % items) * most + waits.astype(np.int64), minlength=items * most).reshape(
        items, most
    )
    open_ = np.nonzero(shapes.times > 0)
    still = np.bincount(
        open_[1] * most + shapes.since[open_].astype(np.int64), minlength=items * most
    ).reshape(items, most)
    at_risk = (ended + still)[:, ::-1].cumsum(axis=1)[:, ::-1]
    kept = np.cumprod(1.0 - ended / np.maximum(at_risk, 1), axis=1)
    return np.hstack([kept, np.repeat(kept[:, -1:], ahead + 1, axis=1)])


class _Near(NamedTuple):
    """What goes together, by everybody; weights of shape (items, items), of details (details that are kept, items)."""

    ever: Floats
    often: Floats
    lately: Floats
    kinds: Floats
    other_kinds: Floats
    kept: Ints
    like: Mapping[str, Floats]
    places: Floats


def _near(past: Bought, shapes: _Shapes, many: int) -> _Near:
    households = shapes.shape[0]
    had, lately = (
        (some > 0).astype(np.float64) for some in (shapes.times, shapes.within(shapes.spans.recent))
    )
    ever, often = items.together(had), items.together(shapes.often)
    above = np.zeros(int(past.kind.max(initial=-1)) + 1, np.int64)
    above[past.kind] = past.item
    kinds = _kinds(past, households, len(above))
    kept = np.flatnonzero(np.asarray(kinds.sum(axis=0)).ravel() >= _KIND_BUYERS)
    weights = items.neighbours(items.together(kinds[:, kept]), households)
    to = (above[kept][:, None] == np.arange(many)[None, :]).astype(np.float64)
    other = weights * (above[kept][:, None] != above[kept][None, :])
    like = {f"like_{number}": items.factors(often, number) for number in _FACTORS}
    return _Near(
        ever=items.neighbours(ever, households),
        often=items.neighbours(often, households),
        lately=items.neighbours(items.together(lately), households),
        kinds=weights @ to,
        other_kinds=other @ to,
        kept=kept,
        like=like | {"like_ever": items.factors(ever, 2 * _FACTORS[0])},
        places=items.factors(often, _PLACES),
    )


def _kinds(past: Bought, households: int, kinds: int) -> Any:
    """Return which details each household ever bought, as a sparse matrix."""
    both = np.unique(past.household * max(kinds, 1) + past.kind)
    return items.matrix(both // max(kinds, 1), both % max(kinds, 1), np.ones(len(both)), households, kinds)


def _of_pairs(market: Market, past: Bought, shapes: _Shapes, trips: _Trips) -> dict[str, Floats]:
    """Return what a household did with an item itself; shape (households, items) each."""
    households, many = shapes.shape
    spans, times, since = market.spans, shapes.times, shapes.since
    found = {f"times_{days}": shapes.within(days) for days in spans.windows}
    found |= {f"faded_{days}": values for days, values in shapes.faded.items()}
    found |= {"times": times, "since": since, "since_first": market.today - shapes.first}

    place, waits = shapes.waits()
    total, squares = shapes.over(place, waits), shapes.over(place, waits**2)
    wait = _ratio(total, times - 1)
    spread = np.sqrt(np.maximum(_ratio(squares, times - 1) - wait**2, 0.0))
    found |= {
        "wait": wait,
        "wait_spread": np.where(times > 2, _ratio(spread, wait), np.nan),
        "wait_last": shapes.put(place, waits),
        "overdue": _ratio(since, wait),
        "due": _due(market, since),
    }
    turns = sum(
        (shapes.within((turn + 1) * market.ahead, turn * market.ahead) > 0).astype(np.float64)
        for turn in range(_TURNS)
    )
    found["turns"] = turns / np.clip((market.today - market.begun) / market.ahead, 1.0, _TURNS)

    who = np.repeat(np.arange(households), many)
    until_last, until_first = (
        trips.until(who, some.ravel()).reshape(shapes.shape) for some in (shapes.last, shapes.first)
    )
    every = np.bincount(trips.household, minlength=households).astype(np.float64)[:, None]
    lately = np.bincount(
        trips.household[trips.day >= market.today - spans.recent], minlength=households
    ).astype(np.float64)[:, None]
    trips_since, trips_wait = every - until_last, _ratio(until_last - until_first, times - 1)
    found |= {
        "trips_since": trips_since,
        "trips_wait": trips_wait,
        "trips_overdue": _ratio(trips_since, trips_wait),
        "share": _ratio(times, every),
        "share_lately": _ratio(shapes.within(spans.recent), lately),
    }
    amount, reduced = shapes.sum(shapes.pairs.amount), shapes.sum(shapes.pairs.reduced)
    different = np.unique(
        (past.household * many + past.item) * (int(past.kind.max(initial=0)) + 1) + past.kind
    )
    which = different // (int(past.kind.max(initial=0)) + 1)
    return found | {
        "amount": amount,
        "amount_each": _ratio(amount, times),
        "reduced": _ratio(reduced, times),
        "kinds": np.bincount(which, minlength=households * many).reshape(shapes.shape).astype(np.float64),
    }


def _due(market: Market, since: Floats) -> Floats:
    """Return the share of waits of an item that end within the days ahead, of those that are as long as this one already; NaN: never bought."""
    found = np.full(since.shape, np.nan)
    rows, columns = np.nonzero(~np.isnan(since))
    now = np.minimum(since[rows, columns].astype(np.int64), market.lasts.shape[1] - market.ahead - 1)
    found[rows, columns] = 1.0 - _ratio(market.lasts[columns, now + market.ahead], market.lasts[columns, now])
    return found


def _of_neighbours(market: Market, past: Bought, shapes: _Shapes) -> dict[str, Floats]:
    """Return what the other items of a household say of an item; shape (households, items) each."""
    near, often = market.near, shapes.often
    had, lately = (
        (some > 0).astype(np.float64) for some in (shapes.times, shapes.within(shapes.spans.recent))
    )
    known = past.only(np.isin(past.kind, near.kept))
    kinds = _kinds(
        known._replace(kind=np.searchsorted(near.kept, known.kind)), shapes.shape[0], len(near.kept)
    )
    found = {
        "near": had @ near.ever,
        "near_often": often @ near.often,
        "near_lately": lately @ near.lately,
        "near_kinds": kinds @ near.kinds,
        "near_other_kinds": kinds @ near.other_kinds,
    }
    return found | {
        name: ((had if name == "like_ever" else often) @ some) @ some.T for name, some in near.like.items()
    }


def _of_households(market: Market, past: Bought, shapes: _Shapes, trips: _Trips) -> dict[str, Floats]:
    """Return what a household does at all; shape (households,) each."""
    households, spans, today = shapes.shape[0], market.spans, market.today

    def total(place: Ints, weights: Floats | None = None) -> Floats:
        return np.bincount(place, weights, households).astype(np.float64)

    back = today - trips.day
    last, first = np.full(households, np.nan), np.full(households, np.nan)
    np.fmax.at(last, trips.household, trips.day.astype(np.float64))
    np.fmin.at(first, trips.household, trips.day.astype(np.float64))
    every, (short, *_) = total(trips.household), spans.windows
    found = {
        "all_since": today - last,
        "all_known": today - first,
        "all_trips": every,
        "all_trips_faded": total(trips.household, np.exp(-back / spans.fading[1])),
        "all_items": (shapes.times > 0).sum(axis=1).astype(np.float64),
        "all_items_a_trip": _ratio(shapes.times.sum(axis=1), every),
        "all_reduced": _ratio(total(past.household, past.reduced), total(past.household)),
    }
    for days in (short, spans.recent):
        found[f"all_trips_{days}"] = total(trips.household[back <= days])
        found[f"all_items_{days}"] = (shapes.within(days) > 0).sum(axis=1).astype(np.float64)
        found[f"all_amount_{days}"] = total(past.household, past.amount * (today - past.day <= days))
    places = shapes.often @ market.near.places
    return found | {f"place_{n + 1}": places[:, n] for n in range(places.shape[1])}


__all__ = ["USUAL", "Bought", "Market", "Spans"]

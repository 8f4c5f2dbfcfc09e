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
from zerodistance.core.models.ladder.bought import (
    USUAL,
    Bought,
    Shapes,
    Spans,
    Trips,
    pairs_of,
    ratio,
    trips_of,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_TURNS = 6  # own value: horizons back over which a habit is counted
_FACTORS = (8, 32)  # own values
_USUAL_TRIPS = 3.0  # own value: trips on which a household is taken to have bought like everybody
_PLACES = 6  # own value: directions in which a household's place is told
_KIND_BUYERS = 30  # own value: households below which a detail is no neighbour


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
    shares
        By days of fading, the share of everybody's trips on which an item was bought; shape (items,).
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
    shares: Mapping[int, Floats]
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
        pairs = pairs_of(past, items)
        shapes = Shapes(pairs, households, items, today, spans)
        had = (shapes.times > 0).sum(axis=0)
        rates: dict[str, Floats] = {
            "item_ever": had / max(households, 1),
            "item_again": (shapes.times > 1).sum(axis=0) / np.maximum(had, 1),
        }
        lasts = _lasts(shapes, items, today, ahead)
        trips = trips_of(past)
        shares = {
            days: values.sum(axis=0) / max(np.exp((trips.day - today) / days).sum(), 1e-9)
            for days, values in shapes.faded.items()
        }
        return Market(
            items,
            int(past.day.min(initial=today)),
            today,
            ahead,
            spans,
            rates,
            lasts,
            shares,
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
        shapes = Shapes(pairs_of(past, self.items), households, self.items, self.today, self.spans)
        trips = trips_of(past)
        found = _of_pairs(self, past, shapes, trips)
        found |= _of_trips_ahead(self, shapes, trips, found)
        found |= _of_neighbours(self, past, shapes)
        flat = {name: values[:, wanted].ravel() for name, values in found.items()}
        mine = _of_households(self, past, shapes, trips)
        flat |= {name: np.repeat(values, len(wanted)) for name, values in mine.items()}
        return flat | {name: np.tile(values[wanted], households) for name, values in self.rates.items()}


def _lasts(shapes: Shapes, items: int, today: int, ahead: int) -> Floats:
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


def _near(past: Bought, shapes: Shapes, many: int) -> _Near:
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


def _of_pairs(market: Market, past: Bought, shapes: Shapes, trips: Trips) -> dict[str, Floats]:
    """Return what a household did with an item itself; shape (households, items) each."""
    households, many = shapes.shape
    spans, times, since = market.spans, shapes.times, shapes.since
    found = {f"times_{days}": shapes.within(days) for days in spans.windows}
    found |= {f"faded_{days}": values for days, values in shapes.faded.items()}
    found |= {"times": times, "since": since, "since_first": market.today - shapes.first}

    place, waits = shapes.waits()
    total, squares = shapes.over(place, waits), shapes.over(place, waits**2)
    wait = ratio(total, times - 1)
    spread = np.sqrt(np.maximum(ratio(squares, times - 1) - wait**2, 0.0))
    found |= {
        "wait": wait,
        "wait_spread": np.where(times > 2, ratio(spread, wait), np.nan),
        "wait_last": shapes.put(place, waits),
        "overdue": ratio(since, wait),
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
    trips_since, trips_wait = every - until_last, ratio(until_last - until_first, times - 1)
    found |= {
        "trips_since": trips_since,
        "trips_wait": trips_wait,
        "trips_overdue": ratio(trips_since, trips_wait),
        "share": ratio(times, every),
        "share_lately": ratio(shapes.within(spans.recent), lately),
    }
    amount, reduced = shapes.sum(shapes.pairs.amount), shapes.sum(shapes.pairs.reduced)
    different = np.unique(
        (past.household * many + past.item) * (int(past.kind.max(initial=0)) + 1) + past.kind
    )
    which = different // (int(past.kind.max(initial=0)) + 1)
    return found | {
        "amount": amount,
        "amount_each": ratio(amount, times),
        "reduced": ratio(reduced, times),
        "kinds": np.bincount(which, minlength=households * many).reshape(shapes.shape).astype(np.float64),
    }


def _due(market: Market, since: Floats) -> Floats:
    """Return the share of waits of an item that end within the days ahead, of those that are as long as this one already; NaN: never bought."""
    found = np.full(since.shape, np.nan)
    rows, columns = np.nonzero(~np.isnan(since))
    now = np.minimum(since[rows, columns].astype(np.int64), market.lasts.shape[1] - market.ahead - 1)
    found[rows, columns] = 1.0 - ratio(market.lasts[columns, now + market.ahead], market.lasts[columns, now])
    return found


def _of_trips_ahead(
    market: Market, shapes: Shapes, trips: Trips, known: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Return on what share of its trips a household bought an item, lately more, and how likely it does on as many as it will make.

    Shape (households, items) each. Trips to come are the mean of those of the short and the long time before.
    """
    households = shapes.shape[0]
    short, long = market.spans.windows[0], market.spans.recent
    back = (market.today - trips.day).astype(np.float64)
    made = [np.bincount(trips.household[back <= days], minlength=households) / days for days in (short, long)]
    ahead = (market.ahead * (made[0] + made[1]) / 2)[:, None]

    def once(share: Floats) -> Floats:
        return np.asarray(1.0 - (1.0 - np.minimum(np.nan_to_num(share), 0.99)) ** ahead)

    found = {"chance": once(known["share"]), "chance_lately": once(known["share_lately"])}
    for days, usual in market.shares.items():
        faded = np.bincount(trips.household, np.exp(-back / days), households)[:, None]
        found[f"share_{days}"] = (shapes.faded[days] + _USUAL_TRIPS * usual) / (faded + _USUAL_TRIPS)
        found[f"chance_{days}"] = once(found[f"share_{days}"])
    return found


def _of_neighbours(market: Market, past: Bought, shapes: Shapes) -> dict[str, Floats]:
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


def _of_households(market: Market, past: Bought, shapes: Shapes, trips: Trips) -> dict[str, Floats]:
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
        "all_items_a_trip": ratio(shapes.times.sum(axis=1), every),
        "all_reduced": ratio(total(past.household, past.reduced), total(past.household)),
    }
    found |= {f"all_trips_{days}": total(trips.household[back <= days]) for days in (short // 4, short // 2)}
    for days in (short, spans.recent):
        found[f"all_trips_{days}"] = total(trips.household[back <= days])
        found[f"all_items_{days}"] = (shapes.within(days) > 0).sum(axis=1).astype(np.float64)
        found[f"all_amount_{days}"] = total(past.household, past.amount * (today - past.day <= days))
    found["all_trend"] = ratio(found[f"all_trips_{short}"], found[f"all_trips_{spans.recent}"])
    places = shapes.often @ market.near.places
    return found | {f"place_{n + 1}": places[:, n] for n in range(places.shape[1])}


__all__ = ["USUAL", "Bought", "Market", "Spans"]

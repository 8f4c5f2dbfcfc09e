"""How often somebody will buy again, and for how much: BG/NBD and Gamma-Gamma, over rows that are alike counted once.

`Value` is both together as a step of the ladder: a score, chances and reasons from columns.

References
----------
P. Fader, B. Hardie, K. Lee: "Counting your customers" the easy way (2005); P. Fader, B. Hardie: The Gamma-Gamma model of monetary value (2013).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

from zerodistance.core.models.ladder.columns import Columns, Floats, Ints, reasons


class Buying(NamedTuple):
    """What is known of buyers until a day, a row each.

    Attributes
    ----------
    again
        How many times somebody bought after the first time (days or orders, as one counts).
    last
        From the first to the last time, in units of time; 0 where there was one time only.
    known
        From the first time to the day, in the same units.
    """

    again: Floats
    last: Floats
    known: Floats


class Again(NamedTuple):
    """BG/NBD: buys at a rate of its own, gamma over people (`r`, `alpha`), and may stop after any time, beta over people (`a`, `b`)."""

    r: float
    alpha: float
    a: float
    b: float

    def log_likelihood(self, rows: Buying) -> float:
        """Return the logarithm of how likely these rows are."""
        alike, many, _ = _alike(rows)
        return float((_likelihoods(self, alike) * many).sum())

    def alive(self, rows: Buying) -> Floats:
        """Return the probability that somebody still buys: 1 for who bought once."""
        return _spread(rows, lambda some: _alive(self, some))

    def expected(self, rows: Buying, ahead: float) -> Floats:
        """Return how many times each is expected to buy in the next `ahead` units of time."""
        return _spread(rows, lambda some: _expected(self, some, ahead))

    def any(self, rows: Buying, ahead: float) -> Floats:
        """Return the probability that each buys at all in the next `ahead` units of time."""
        return _spread(rows, lambda some: _alive(self, some) * _any(self, some, ahead))


def fit_again(rows: Buying) -> Again:
    """Return the BG/NBD under which rows are likeliest; rows that are alike count once, so a million cost as many as are different."""
    alike, many, _ = _alike(rows)
    scale = max(float(alike.known.max(initial=0.0)), 1e-9) / 40.0  # in units in which the search is at home
    some = Buying(alike.again, alike.last / scale, alike.known / scale)

    def loss(logs: Floats) -> float:
        return -float((_likelihoods(Again(*np.exp(logs)), some) * many).sum() / many.sum())

    found = min(
        (
            minimize(
                loss,
                np.log(start),
                method="L-BFGS-B",
                bounds=[(-12, 12)] * 4,
                options={"ftol": 1e-13, "gtol": 1e-9},
            )
            for start in ([1.0, 5.0, 0.5, 2.0], [0.3, 3.0, 1.0, 4.0])
        ),
        key=lambda one: float(one.fun),
    )
    r, alpha, a, b = (float(one) for one in np.exp(found.x))
    return Again(r, alpha * scale, a, b)


def _alike(rows: Buying) -> tuple[Buying, Floats, npt.NDArray[np.int64]]:
    """Return the different rows, how many there are of each, and which of them each row is."""
    order = np.lexsort((rows.again, rows.last, rows.known))
    columns = [column[order] for column in rows]
    fresh = np.zeros(len(order), np.bool_)
    fresh[:1] = True
    for column in columns:
        fresh[1:] |= column[1:] != column[:-1]
    starts = np.flatnonzero(fresh)
    many = np.diff(np.r_[starts, len(order)]).astype(np.float64)
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(fresh) - 1
    return Buying(*(column[starts] for column in columns)), many, place


def _likelihoods(model: Again, rows: Buying) -> Floats:
    r, alpha, a, b = model
    x, last, known = rows
    counted = np.arange(
        int(x.max(initial=0)) + 1, dtype=np.float64
    )  # what depends on the count alone is worked out once a count
    place = x.astype(np.int64)
    rate = (gammaln(r + counted) - gammaln(r) + r * np.log(alpha))[place]
    stays = (betaln(a, b + counted) - betaln(a, b))[place]
    stops = (np.log(a) - np.log(np.where(counted > 0, b + counted - 1, 1.0)))[place]
    alive = -(r + x) * np.log(alpha + known)
    gone = np.where(x > 0, stops - (r + x) * np.log(alpha + last), -np.inf)
    found: Floats = rate + stays + np.logaddexp(alive, gone)
    return found


def _alive(model: Again, rows: Buying) -> Floats:
    r, alpha, a, b = model
    x, last, known = rows
    odds = (
        np.log(a)
        - np.log(np.maximum(b + x - 1, 1e-300))
        + (r + x) * (np.log(alpha + known) - np.log(alpha + last))
    )
    found: Floats = np.where(x > 0, 1.0 / (1.0 + np.exp(np.minimum(odds, 700.0))), 1.0)
    return found


def _expected(model: Again, rows: Buying, ahead: float) -> Floats:
    return _if_alive(model, rows, ahead) * _alive(model, rows)


def _if_alive(model: Again, rows: Buying, ahead: float) -> Floats:
    """Return how many times those are expected to buy who still do."""
    r, alpha, a, b = model
    x, _, known = rows
    a = a if abs(a - 1) > 1e-6 else 1 + 1e-6  # at 1 the formula is 0 / 0
    z = ahead / (alpha + known + ahead)
    left = 1.0 - ((alpha + known) / (alpha + known + ahead)) ** (r + x) * hyp2f1(
        r + x, b + x, a + b + x - 1, z
    )
    found: Floats = (a + b + x - 1) / (a - 1) * left
    return found


def _any(model: Again, rows: Buying, ahead: float) -> Floats:
    """Return the probability to buy in the next time of those who still buy: nobody stops but after buying."""
    over = model.alpha + rows.known
    found: Floats = -np.expm1((model.r + rows.again) * np.log(over / (over + ahead)))
    return found


def _spread(rows: Buying, work: Callable[[Buying], Floats]) -> Floats:
    """Return what is worked out of the different rows, for every row."""
    alike, _, place = _alike(rows)
    return work(alike)[place]


class Spending(NamedTuple):
    """Gamma-Gamma: what somebody spends at a time is gamma around a mean of their own, which is gamma over people."""

    p: float
    q: float
    v: float

    def expected(self, times: Floats, mean: Floats) -> Floats:
        """Return what each is expected to spend at a time, from how many times they bought (0: the mean of all) and the mean they spent."""
        p, q, v = self
        return np.where(times > 0, p * (v + times * mean) / (p * times + q - 1), p * v / (q - 1))


def fit_spending(times: Floats, mean: Floats) -> Spending:
    """Return the Gamma-Gamma under which mean amounts are likeliest; rows without a time or with no positive mean are left out."""
    some = (times > 0) & (mean > 0)
    x, m = times[some], mean[some]
    scale = float(np.exp(np.log(m).mean())) if len(m) else 1.0
    m = m / scale

    def loss(logs: Floats) -> float:
        p, q, v = np.exp(logs)
        said = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
        said += (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(x * m + v)
        return -float(said.mean())

    found = minimize(loss, np.log([2.0, 3.0, 2.0]), method="L-BFGS-B", bounds=[(-8, 8), (0.01, 8), (-12, 12)])
    p, q, v = (float(one) for one in np.exp(found.x))
    return Spending(p, q, v * scale)


@dataclass(frozen=True)
class Value:
    """What somebody will spend in the time ahead.

    Columns: `again`, `last`, `known` as `Buying` has them; `mean`, spent at a time, over the times after the first (0: none).

    Attributes
    ----------
    ahead
        In the units of time of the columns.
    usual
        What each column adds on average to the score of those that it was fitted on.
    """

    again: Again
    spending: Spending
    ahead: float
    usual: tuple[float, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return ("again", "last", "known", "mean")

    def values(self, columns: Columns) -> Floats:
        """Return what each is expected to spend, in the unit of `mean`."""
        rows = buying(columns)
        return self.again.expected(rows, self.ahead) * self.spending.expected(
            rows.again, np.asarray(columns["mean"], np.float64)
        )

    def scores(self, columns: Columns) -> Floats:
        """Return the logarithm of what each is expected to spend; unlike the amount it is a sum of reasons."""
        return np.asarray(self._added(columns).sum(axis=1))

    def chances(self, columns: Columns) -> Floats:
        """Return the probability that each buys at all."""
        return self.again.any(buying(columns), self.ahead)

    def contributions(self, columns: Columns) -> Floats:
        """Return what each column adds to the score; shape (rows, columns).

        `known`: what somebody would be expected to buy who never bought again in that time; `again`: how much more it is because they did;
        `last`: less, because they may have stopped since; `mean`: what they spend at a time.
        """
        return self._added(columns)

    def reasons(self, columns: Columns, most: int = 3) -> tuple[Ints, Floats]:
        """Return which columns add most beyond what they usually do, the most first (-1: none does), and how much; shape (rows, most) each."""
        return reasons(self, np.array(self.usual), columns, most)

    def _added(self, columns: Columns) -> Floats:
        rows = buying(columns)
        never = Buying(np.zeros(len(rows.again)), np.zeros(len(rows.again)), rows.known)
        both = (
            np.log(_spread(some, lambda one: _if_alive(self.again, one, self.ahead)))
            for some in (never, rows._replace(last=rows.known))
        )
        begun, now = both
        alive = np.log(np.maximum(self.again.alive(rows), 1e-300))
        each = np.log(self.spending.expected(rows.again, np.asarray(columns["mean"], np.float64)))
        return np.stack([now - begun, alive, begun, each], axis=1)


def fit_value(columns: Columns, ahead: float) -> Value:
    """Return the value over the next `ahead` units of time, from columns as `Value` has them."""
    rows, mean = buying(columns), np.asarray(columns["mean"], np.float64)
    found = Value(fit_again(rows), fit_spending(rows.again, mean), ahead, ())
    return replace(found, usual=tuple(found.contributions(columns).mean(axis=0).tolist()))


def buying(columns: Columns) -> Buying:
    """Return the rows of columns that are called like the fields."""
    return Buying(*(np.asarray(columns[name], np.float64) for name in ("again", "last", "known")))


__all__ = ["Again", "Buying", "Spending", "Value", "buying", "fit_again", "fit_spending", "fit_value"]

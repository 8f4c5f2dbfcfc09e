"""Whether a source's refusal rate has moved: the rows of the last hour or two against its own past, by a beta-binomial test.

Hours differ by more than chance: a batch of bad rows comes as a batch. So the past gives a distribution of rates, not one rate: a beta
distribution by the method of moments over past hours, whose spread beyond the binomial is estimated, never taken to be less than none. The
probability that an hour of it shows as many refused rows as this one is exact; both tails are looked at.

**False alarms.** What is judged is the last whole hour and the one under way together, once a minute: never less than an hour, since bad rows
come in bursts. Each look uses `PER_LOOK`, so by the union bound a source whose rate does not move gives at most 60 x 24 x 365 x 1e-7 = 0.053
false alarms a year. That the p-values hold is measured by simulation in `tests/doors/operations/test_refusals.py`. A change that is real but
small is no alarm: `RATIO` and `POINTS`.

References
----------
Skellam (1948), A probability distribution derived from the binomial by regarding the probability of success as variable between the sets of
trials; Kleinman (1973), Proportions with extraneous variance, for the moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log

import numpy as np
import numpy.typing as npt

PER_LOOK = 1e-7  # own value, see above
CALM = 1e-3  # own value: as likely as that, and the rate is back where it was
LEAST_NOW, LEAST_REFUSED = 50, 10  # own values: rows that are judged and refused ones among them
LEAST_PAST, LEAST_HOURS = 1_000, 24  # own values: rows of the past, and hours that had any
RATIO, POINTS = 1.5, 0.005  # own values: the rate must be so many times as high, and so much higher
_MOST = 100_000  # rows: more are scaled down, which makes the test more careful, not less
_CHUNK = 1 << 14
_PRIOR = 0.5  # Jeffreys: a past without a refusal does not make the first one impossible

Row = tuple[int, int]
"""(rows, refused among them) of one hour."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What this hour says.

    Attributes
    ----------
    direction
        1: more is refused, -1: less, 0: as before, or not enough rows to say.
    p
        How likely an hour like this one is if nothing has changed; 1 if there is not enough to say.
    before, now
        Shares refused.
    """

    direction: int
    p: float
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Past:
    """A source's usual rate: beta distributed with these parameters, from so many rows and hours."""

    alpha: float
    beta: float
    rows: int
    hours: int

    @property
    def rate(self) -> float:
        """The mean share refused."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def enough(self) -> bool:
        """Whether it says anything."""
        return self.rows >= LEAST_PAST and self.hours >= LEAST_HOURS


def past(hours: Sequence[Row]) -> Past:
    """Return the usual rate that past hours show.

    The strength of the beta distribution is that of the spread between hours, and at most that of all rows together: with no more
    spread than chance it is the posterior of one rate.
    """
    found = [(n, k) for n, k in hours if n > 0]
    rows, refused = sum(n for n, _ in found), sum(k for _, k in found)
    rate = (refused + _PRIOR) / (rows + 2 * _PRIOR)
    strength = min(float(rows) + 2 * _PRIOR, _strength(found, rate)) if len(found) > 1 else 2 * _PRIOR
    return Past(rate * strength, (1 - rate) * strength, rows, len(found))


def _strength(found: Sequence[Row], rate: float) -> float:
    """Return alpha + beta by moments: the spread of hourly rates beyond what their sizes explain (Kleinman 1973)."""
    sizes = np.array([n for n, _ in found], float)
    rates = np.array([k for _, k in found], float) / sizes
    total, m = sizes.sum(), len(found)
    between = float((sizes * (rates - rate) ** 2).sum())
    chance = rate * (1 - rate) * (m - 1)
    beyond = between - chance
    if beyond <= 0:
        return float("inf")
    room = float(total - (sizes**2).sum() / total) - (m - 1)
    share = beyond / (rate * (1 - rate) * room) if room > 0 else 1.0
    return max(2 * _PRIOR, 1 / min(share, 1.0) - 1)


def moved(hours: Sequence[Row], now: Row) -> Moved:
    """Return whether this hour's rows are refused at another rate than those of past hours."""
    usual, (n, k) = past(hours), now
    rate = k / n if n else 0.0
    if not usual.enough or n < LEAST_NOW:
        return Moved(0, 1.0, usual.rate, rate)
    up, down = tails(n, k, usual.alpha, usual.beta)
    p = min(1.0, 2 * min(up, down))
    if p >= PER_LOOK:
        return Moved(0, p, usual.rate, rate)
    if rate > usual.rate:
        real = k >= LEAST_REFUSED and rate >= RATIO * usual.rate and rate - usual.rate >= POINTS
        return Moved(int(real), p, usual.rate, rate)
    real = n * usual.rate >= LEAST_REFUSED and usual.rate >= RATIO * rate and usual.rate - rate >= POINTS
    return Moved(-int(real), p, usual.rate, rate)


def tails(n: int, k: int, alpha: float, beta: float) -> tuple[float, float]:
    """Return how likely at least `k`, and at most `k`, of `n` rows are refused, where the rate is beta distributed."""
    if n > _MOST:
        k, n = round(k * _MOST / n), _MOST
    return _tail(n, k, alpha, beta), _tail(n, n - k, beta, alpha)


def _tail(n: int, k: int, alpha: float, beta: float) -> float:
    """Return P(X >= k), summed upwards from `k`: each term follows from the one before."""
    if k * (alpha + beta) <= n * alpha:  # not above the mean: the other tail is the one that matters
        return 1.0
    first = _log_probability(n, k, alpha, beta)
    total, ahead = 0.0, 0.0
    for start in range(k, n + 1, _CHUNK):
        terms = ahead + _log_terms(n, start, min(n + 1, start + _CHUNK), alpha, beta)
        part = float(np.exp(terms).sum())
        total += part
        if part < total * 1e-12:
            break
        last = min(n, start + _CHUNK - 1)
        ahead = float(terms[-1]) + (log(_ratio(n, last, alpha, beta)) if last < n else 0.0)
    return min(1.0, exp(first + log(total))) if total > 0 else 0.0


def _ratio(n: int, x: float, alpha: float, beta: float) -> float:
    return (n - x) / (x + 1) * (x + alpha) / (n - x - 1 + beta)


def _log_terms(n: int, start: int, stop: int, alpha: float, beta: float) -> npt.NDArray[np.float64]:
    """Return the logarithms of P(start) ... P(stop - 1), relative to the first."""
    x = np.arange(start, stop - 1, dtype=np.float64)
    steps = np.log((n - x) / (x + 1) * (x + alpha) / (n - x - 1 + beta))
    return np.concatenate([[0.0], np.cumsum(steps)])


def _log_probability(n: int, k: int, alpha: float, beta: float) -> float:
    choose = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return (
        choose
        + lgamma(k + alpha)
        + lgamma(n - k + beta)
        - lgamma(n + alpha + beta)
        + lgamma(alpha + beta)
        - lgamma(alpha)
        - lgamma(beta)
    )

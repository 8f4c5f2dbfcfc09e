"""What a condition about behaviour asks of counts, sums and days. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from zerodistance.core.segments.contracts import Did

_AMOUNT, _QUANTITY = 10_000, 1_000  # units of the states per unit of currency, and per piece


class Bound(NamedTuple):
    """What a column of `did.sql` may be, both ends included."""

    column: str
    low: float
    high: float


def bounds(rule: Did, day: int) -> list[Bound]:
    """Return what a condition asks of the columns of `did.sql` as of a day (days since 1970-01-01)."""
    low, high = times(rule)
    return [
        Bound("times", low, high),
        Bound("amount", *_units(rule.amount_at_least, rule.amount_at_most, _AMOUNT)),
        Bound("quantity", *_units(rule.quantity_at_least, rule.quantity_at_most, _QUANTITY)),
        Bound("ended", *_ago(rule.last_at_least, rule.last_at_most, day)),
        Bound("began", *_ago(rule.first_at_least, rule.first_at_most, day)),
    ]


def times(rule: Did) -> tuple[float, float]:
    """Return how often something has to have been done, at least and at most."""
    low = rule.at_least if rule.at_least is not None else (0 if rule.at_most is not None else 1)
    return low, np.inf if rule.at_most is None else rule.at_most


def _units(low: float | None, high: float | None, units: int) -> tuple[float, float]:
    return -np.inf if low is None else round(low * units), np.inf if high is None else round(high * units)


def _ago(low: int | None, high: int | None, day: int) -> tuple[float, float]:
    """Return the days that lie so many days back."""
    return -np.inf if high is None else day - high, np.inf if low is None else day - low


def fits_nothing(rule: Did) -> bool:
    """Say whether somebody fits who did it no time at all: counts and sums are 0 then, and there is no day."""
    counted, dated = bounds(rule, 0)[:3], bounds(rule, 0)[3:]
    open_ = all((bound.low, bound.high) == (-np.inf, np.inf) for bound in dated)
    return open_ and all(bound.low <= 0 <= bound.high for bound in counted)

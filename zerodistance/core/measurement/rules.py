"""How large an experiment has to be, and who draws which lot. Pure.

References
----------
J. L. Fleiss, B. Levin, M. C. Paik, "Statistical methods for rates and proportions", 3rd edition (2003), chapter 4: power of two proportions of unequal
groups; here without pooling, as the interval of the difference has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

_NORMAL = NormalDist()
_BLOCK = 1 << 12  # own value: persons whose lots are drawn together
_BYTES = 4  # of the stream for a lot
_LOTS = 1 << 32
_LARGEST = 10.0  # own value: a lift that nobody looks for
_STEPS = 60  # of bisection: more than a double can tell apart
SHARES = tuple(round(0.01 * n, 2) for n in range(1, 51))
"""Own value: the shares that a plan chooses from; more than half held out finds less again."""
Lots = npt.NDArray[np.uint32]


def lots(stream: Callable[[int, int], bytes], salt: int, numbers: npt.NDArray[np.uint32]) -> Lots:
    """Return the lot of each person (numbers ascending), 0 to 2^32 - 1: the same for the same salt always.

    Parameters
    ----------
    stream
        Gives bytes of an endless keyed stream from a place on, as `Seal.stream` does.
    salt
        Of the experiment, 63 bits: what somebody draws in one says nothing about another.
    """
    found = np.empty(len(numbers), np.uint32)
    starts, sizes = _runs(numbers // _BLOCK)
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        mine = numbers[start : start + size]
        first = int(mine[0]) // _BLOCK * _BLOCK
        drawn = np.frombuffer(stream((salt << 68) + first * _BYTES, _BLOCK * _BYTES), "<u4")
        found[start : start + size] = drawn[mine - np.uint32(first)]
    return found


def _runs(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where equal values that stand together begin, and how many each are."""
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    return starts, np.diff(np.r_[starts, len(values)])


def below(lots: Lots, share: float) -> npt.NDArray[np.bool_]:
    """Say of each lot whether it is one of a share.

    Examples
    --------
    >>> below(np.array([0, 1 << 31, (1 << 32) - 1], np.uint32), .5).tolist()
    [True, False, False]
    """
    found: npt.NDArray[np.bool_] = lots < share * _LOTS
    return found


def lowest(
    lots: Lots, strata: npt.NDArray[np.int64], share: float, luck: Callable[[int], float]
) -> npt.NDArray[np.bool_]:
    """Say of each lot whether it is among the lowest of its stratum: a share of that, up or down to a whole person by luck.

    Parameters
    ----------
    strata
        Which stratum each person is of, from 0 on.
    luck
        Gives of a stratum a number from 0 to 1.

    Examples
    --------
    >>> some = np.array([5, 1, 3, 2, 9, 7], np.uint32)
    >>> lowest(some, np.array([0, 0, 0, 0, 1, 1]), .5, lambda stratum: .0).tolist()
    [False, True, False, True, False, True]
    """
    order = np.lexsort((lots, strata))
    ordered = strata[order]
    starts, sizes = _runs(ordered)
    many = np.array(
        [
            int(size * share + luck(int(ordered[s])))
            for s, size in zip(starts.tolist(), sizes.tolist(), strict=True)
        ],
        np.int64,
    )
    rank = np.arange(len(lots)) - np.repeat(starts, sizes)
    found = np.zeros(len(lots), np.bool_)
    found[order] = rank < np.repeat(many, sizes)
    return found


def power_of(audience: int, share_held: float, base_rate: float, lift: float, alpha: float = 0.05) -> float:
    """Return with what chance an experiment finds a relative lift of the rate, two-sided.

    Examples
    --------
    >>> round(power_of(612_440, .1, .011, .19), 3), round(power_of(1_000, .1, .011, .19), 3)
    (0.997, 0.054)
    """
    treated, held = (1 - share_held) * audience, share_held * audience
    mine = min(1.0, base_rate * (1 + lift))
    if treated < 1 or held < 1 or not 0 < base_rate < 1:
        return 0.0
    error = math.sqrt(mine * (1 - mine) / treated + base_rate * (1 - base_rate) / held)
    if error == 0:
        return 0.0
    far = abs(mine - base_rate) / error
    z = _NORMAL.inv_cdf(1 - alpha / 2)
    return _NORMAL.cdf(far - z) + _NORMAL.cdf(-far - z)


def detectable(
    audience: int, share_held: float, base_rate: float, power: float, alpha: float = 0.05
) -> float | None:
    """Return the smallest relative lift that is found with a power; None: no lift is.

    Examples
    --------
    >>> found = detectable(612_440, .1, .011, .8)
    >>> round(found, 3), round(power_of(612_440, .1, .011, found), 3)
    (0.114, 0.8)
    >>> detectable(20, .1, .011, .8) is None
    True
    """
    most = min(_LARGEST, 1 / base_rate - 1) if base_rate > 0 else 0.0
    if most <= 0 or power_of(audience, share_held, base_rate, most, alpha) < power:
        return None
    low, high = 0.0, most
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (
            (low, middle)
            if power_of(audience, share_held, base_rate, middle, alpha) >= power
            else (middle, high)
        )
    return high


def smallest_share(
    audience: int, base_rate: float, lift: float, power: float, alpha: float = 0.05
) -> float | None:
    """Return the smallest share held out that finds a lift with a power; None: no share does.

    Examples
    --------
    >>> smallest_share(612_440, .011, .19, .8), smallest_share(2_000, .011, .19, .8)
    (0.04, None)
    """
    return next((s for s in SHARES if power_of(audience, s, base_rate, lift, alpha) >= power), None)


def needed(
    base_rate: float, lift: float, power: float, share_held: float | None = None, alpha: float = 0.05
) -> int | None:
    """Return how many persons find a lift with a power, with a share held out or (None) with the best one; None: no number does.

    Examples
    --------
    >>> many = needed(.011, .19, .8)
    >>> power_of(many, .5, .011, .19) >= .8, power_of(many - 10, .5, .011, .19) >= .8
    (True, False)
    """
    if lift == 0 or not 0 < base_rate < 1:
        return None
    low, high = 1, 1 << 40
    share = SHARES[-1] if share_held is None else share_held
    if power_of(high, share, base_rate, lift, alpha) < power:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if power_of(middle, share, base_rate, lift, alpha) >= power else (middle + 1, high)
        )
    return low


def bands(numbers: npt.NDArray[np.float64], parts: int = 10) -> npt.NDArray[np.int64]:
    """Return in which of `parts` equal groups each number is, 0 the highest; equal numbers are never parted, who has none is in the last.

    Examples
    --------
    >>> bands(np.array([5.0, 1.0, np.nan, 9.0]), 2).tolist()
    [0, 1, 1, 0]
    """
    there = np.isfinite(numbers)
    found = np.full(len(numbers), parts - 1, np.int64)
    mine = numbers[there]
    if len(mine):
        ordered = np.sort(mine)
        above = len(mine) - np.searchsorted(ordered, mine, side="right")
        found[there] = above * parts // len(numbers)
    return found

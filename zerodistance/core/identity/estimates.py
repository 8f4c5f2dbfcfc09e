"""What decisions of people say of the matcher: how often it is right, with intervals. Pure.

References
----------
.. [1] Wilson, Probable inference, the law of succession, and statistical inference, JASA 1927.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2, sqrt

_Z = 1.959964  # 95 %


@dataclass(frozen=True, slots=True)
class Share:
    """A share among decided pairs, with its interval of 95 %; of none decided nothing is known: 0 to 1."""

    same: int
    decided: int
    share: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Band:
    """The doubts of a band of probability.

    Attributes
    ----------
    least
        Probability from which on a pair is in the band.
    waiting
        Pairs of it that nobody has decided.
    unsure
        Pairs of which somebody said that it can't be told.
    found
        How many of the decided ones are one person.
    """

    least: float
    waiting: int
    unsure: int
    found: Share


@dataclass(frozen=True, slots=True)
class Estimates:
    """How right the matcher is, estimated from decisions.

    Attributes
    ----------
    precision
        Share of its links that are right, from the sample that was checked.
    recall, recall_low, recall_high
        Share of what it should have joined that it did, among pairs that it weighed at `RuleSet.doubt` or more; None: a band has no decision yet, or no link
        was checked. Pairs that it weighed below that are not counted: nobody looks at them.
    """

    links: int
    precision: Share
    unsure: int
    bands: tuple[Band, ...]
    recall: float | None
    recall_low: float
    recall_high: float


BANDS = (0.9, 0.5, 1 / 9)
"""Probabilities at which the bands of doubts begin, the highest first (own values; below -3 bits, `RuleSet.doubt` as it ships, nobody is asked; where rules
say otherwise, the last begins there, see `least_of`)."""


def bits_from(band: int) -> float:
    """Return the bits at which a band begins.

    Examples
    --------
    >>> [round(bits_from(band), 2) for band in range(3)]
    [3.17, 0.0, -3.0]
    """
    return log2(BANDS[band] / (1 - BANDS[band]))


def least_of(doubt: float) -> tuple[float, ...]:
    """Return where the bands begin when somebody is asked from so many bits on.

    Examples
    --------
    >>> [round(least, 3) for least in least_of(-5.0)]
    [0.9, 0.5, 0.03]
    >>> least_of(-3.0) == least_of(2.0) == BANDS
    True
    """
    return (*BANDS[:-1], min(BANDS[-1], 1 / (1 + 2**-doubt)))


def share(same: int, decided: int) -> Share:
    """Return a share with its Wilson interval.

    Examples
    --------
    >>> found = share(48, 50)
    >>> found.share, round(found.low, 3), round(found.high, 3)
    (0.96, 0.865, 0.989)
    >>> share(0, 0)
    Share(same=0, decided=0, share=None, low=0.0, high=1.0)
    """
    if not decided:
        return Share(0, 0, None, 0.0, 1.0)
    p, z2 = same / decided, _Z * _Z
    middle, width = p + z2 / (2 * decided), _Z * sqrt(p * (1 - p) / decided + z2 / (4 * decided * decided))
    whole = 1 + z2 / decided
    return Share(same, decided, p, max(0.0, (middle - width) / whole), min(1.0, (middle + width) / whole))


def estimates(
    links: int,
    waiting: Mapping[int, int],
    said: Mapping[tuple[str, int, str], int],
    least: Sequence[float] = BANDS,
) -> Estimates:
    """Return how right the matcher is.

    Parameters
    ----------
    links
        How many links there are.
    waiting
        Band -> doubts that nobody has decided.
    said
        (how it was asked, band, verdict) -> decisions that hold.
    least
        Probabilities at which the bands begin.
    """

    def count(asked: str, verdict: str, bands: range) -> int:
        return sum(said.get((asked, band, verdict), 0) for band in bands)

    every = range(len(BANDS))
    right, wrong = count("link", "same", every), count("link", "different", every)
    precision = share(right, right + wrong)
    bands = []
    for n, begins in enumerate(least):
        one = range(n, n + 1)
        same, different = count("doubt", "same", one), count("doubt", "different", one)
        bands.append(
            Band(begins, waiting.get(n, 0), count("doubt", "unsure", one), share(same, same + different))
        )
    known = [band.waiting * (band.found.share or 0.0) for band in bands]
    told = precision.share is not None and all(band.found.share is not None for band in bands if band.waiting)
    recall = None
    if told and precision.share is not None and links:
        recall = _recall(links * precision.share, sum(known))
    low = _recall(links * precision.low, sum(band.waiting * band.found.high for band in bands))
    high = _recall(links * precision.high, sum(band.waiting * band.found.low for band in bands))
    return Estimates(
        links, precision, count("link", "unsure", every), tuple(bands), recall, low or 0.0, 1.0 if high is None else high
    )  # fmt: skip


def _recall(found: float, missed: float) -> float | None:
    return found / (found + missed) if found + missed > 0 else None

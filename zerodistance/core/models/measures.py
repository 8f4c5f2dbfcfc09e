"""How right scores are: ranking, probabilities, survival, uplift, drift; with intervals over households. Pure, on arrays.

References
----------
T. Fawcett: An introduction to ROC analysis (2006); F. Harrell et al.: Evaluating the yield of medical tests (1982); E. Graf et al.: Assessment and
comparison of prognostic classification schemes for survival data (1999); N. Radcliffe: Using control groups to target on predicted lift (2007);
C. Guo et al.: On calibration of modern neural networks (2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_CLIP = 1e-12


class Interval(NamedTuple):
    """A figure with the 95 % interval of it."""

    value: float
    low: float
    high: float


def ranks(scores: Floats) -> Floats:
    """Return the rank of each score from 1 on, equal ones the mean of theirs.

    Examples
    --------
    >>> ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(scores)])
    found = np.empty(len(scores))
    found[order] = np.repeat(starts + (sizes + 1) / 2, sizes)
    return found


def auc(scores: Floats, labels: Floats) -> float:
    """Return how often one that came true has the higher score of two, one of each kind; .5 for a draw. NaN where there is one kind only.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.75
    """
    true = labels > 0
    many, few = int(true.sum()), int((~true).sum())
    if not many or not few:
        return float("nan")
    return float((ranks(scores)[true].sum() - many * (many + 1) / 2) / (many * few))


def auc_within(scores: Floats, labels: Floats, groups: Ints) -> float:
    """Return the mean AUC of groups, such as categories, in which both kinds occur: what a model knows beyond how popular each group is."""
    order = np.argsort(groups, kind="stable")
    cuts = np.flatnonzero(np.diff(groups[order])) + 1
    each = np.array([auc(scores[some], labels[some]) for some in np.split(order, cuts)])
    return float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")


def lift(scores: Floats, labels: Floats, share: float = 0.1, weights: Floats | None = None) -> float:
    """Return how many times more often the highest `share` of scores came true than all did; where the edge cuts through equal scores, their mean."""
    weights = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    ordered, mine = scores[order], weights[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes, hits = np.add.reduceat(mine, starts), np.add.reduceat(mine * labels[order], starts)
    left = share * weights.sum() - np.r_[0.0, np.cumsum(sizes)[:-1]]
    taken = np.clip(left / np.where(sizes > 0, sizes, 1.0), 0.0, 1.0)
    every = (weights * labels).sum()
    return float((taken * hits).sum() / (share * every)) if every else float("nan")


def average_precision(scores: Floats, labels: Floats) -> float:
    """Return the mean precision at each one that came true, highest scores first; equal scores count together."""
    order = np.argsort(-scores, kind="stable")
    ordered, true = scores[order], labels[order] > 0
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    hits = np.cumsum(true)[ends]
    if not hits[-1]:
        return float("nan")
    return float((np.diff(np.r_[0, hits]) * hits / (ends + 1)).sum() / hits[-1])


def log_loss(chances: Floats, labels: Floats) -> float:
    """Return the mean logarithmic loss of probabilities."""
    some = np.clip(chances, _CLIP, 1 - _CLIP)
    return float(-(labels * np.log(some) + (1 - labels) * np.log1p(-some)).mean())


class Calibration(NamedTuple):
    """What was said and what came, in groups of about as many, the least likely first."""

    said: Floats
    came: Floats
    many: Ints


def calibration(chances: Floats, labels: Floats, groups: int = 10) -> Calibration:
    """Return the mean probability and the share that came true in groups of equal size; equal probabilities are never parted."""
    order = np.argsort(chances, kind="stable")
    ordered = chances[order]
    wanted = np.arange(1, groups) * len(chances) // groups
    cuts = np.unique(np.searchsorted(ordered, ordered[wanted], side="left"))
    cuts = cuts[(cuts > 0) & (cuts < len(chances))]
    edges = np.r_[0, cuts, len(chances)]
    many = np.diff(edges)
    said, came = (np.add.reduceat(values[order], edges[:-1]) / many for values in (chances, labels))
    return Calibration(said, came, many)


def ece(chances: Floats, labels: Floats, groups: int = 10) -> float:
    """Return the expected calibration error: by how much groups of `calibration` miss on average, weighted by their size."""
    found = calibration(chances, labels, groups)
    return float((np.abs(found.said - found.came) * found.many).sum() / found.many.sum())


def c_index(risks: Floats, times: Floats, ended: npt.NDArray[np.bool_]) -> float:
    """Return how often of two, of whom it is known who ended first, that one has the higher risk (Harrell); .5 for a draw.

    A pair is known where the shorter time ended; of equal times where one ended and the other did not.
    """
    order = np.lexsort((~ended, times))  # of equal times those that ended first
    risks, times, ended = risks[order], times[order], ended[order]
    places = np.unique(risks, return_inverse=True)[1]
    tree = _Counts(int(places.max(initial=0)) + 1)
    known = agreed = 0.0
    last = len(times)
    while last:  # from the longest time on: who is in the tree lasted longer
        first = int(np.searchsorted(times, times[last - 1]))
        here = slice(first, last)
        over = places[here][~ended[here]]
        tree.add(over)
        died = places[here][ended[here]]
        below, equal, total = tree.below(died), tree.at(died), tree.total
        agreed += float((below + equal / 2).sum())
        known += float(total * len(died))
        tree.add(died)
        last = first
    return agreed / known if known else float("nan")


class _Counts:
    """How many of each place were added, and below each: a Fenwick tree over arrays."""

    def __init__(self, size: int) -> None:
        self._tree = np.zeros(size + 1, np.int64)
        self._here = np.zeros(size, np.int64)
        self.total = 0

    def add(self, places: Ints) -> None:
        np.add.at(self._here, places, 1)
        self.total += len(places)
        at = places + 1
        while len(at):
            np.add.at(self._tree, at, 1)
            at = at + (at & -at)
            at = at[at < len(self._tree)]

    def at(self, places: Ints) -> Ints:
        return self._here[places]

    def below(self, places: Ints) -> Ints:
        found, at = np.zeros(len(places), np.int64), places.copy()
        while at.any():
            found += self._tree[at]
            at = at - (at & -at)
        return found


def kept(times: Floats, ended: npt.NDArray[np.bool_], ask: Floats, before: bool = False) -> Floats:
    """Return the share that lasts beyond each time that is asked (Kaplan and Meier); `before`: up to it, itself left out."""
    order = np.argsort(times, kind="stable")
    ordered, ends = times[order], ended[order]
    some, first = np.unique(ordered, return_index=True)
    at_risk = len(times) - first
    left = (
        np.r_[1.0, np.cumprod(1.0 - np.add.reduceat(ends.astype(np.float64), first) / at_risk)]
        if len(times)
        else np.ones(1)
    )
    return left[np.searchsorted(some, ask, side="left" if before else "right")]


def integrated_brier(lasts: Floats, ask: Floats, times: Floats, ended: npt.NDArray[np.bool_]) -> float:
    """Return the mean squared error of chances to last, over time; who was lost sight of is weighed into those who were not (Graf).

    Parameters
    ----------
    lasts
        The chance of each row to last beyond each time; shape (rows, times asked).
    ask
        The times, ascending; the error is integrated over them by trapezoids.
    """
    seen = kept(times, ~ended, times, before=True)  # the chance to be still in sight just before one's end
    beyond = kept(times, ~ended, ask)
    errors = np.empty(len(ask))
    for n, (when, in_sight) in enumerate(zip(ask, beyond, strict=True)):
        gone = (times <= when) & ended
        lost = np.divide(lasts[:, n] ** 2, seen, out=np.zeros(len(times)), where=gone & (seen > 0))
        here = (1 - lasts[:, n]) ** 2 / in_sight if in_sight > 0 else np.zeros(len(times))
        errors[n] = (lost + np.where(times > when, here, 0.0)).mean()
    return float(np.trapezoid(errors, ask) / (ask[-1] - ask[0]))


def rank_correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's correlation of ranks; NaN where a side is all the same."""
    both = ranks(one), ranks(other)
    if any(np.ptp(some) == 0 for some in both):
        return float("nan")
    return float(np.corrcoef(*both)[0, 1])


def rmse(said: Floats, came: Floats) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean((said - came) ** 2)))


class Curve(NamedTuple):
    """What contact added up to a share of the population, best first: `share` from 0 to 1, `gain` in outcomes per head of all."""

    share: Floats
    gain: Floats


def uplift_curve(scores: Floats, treated: npt.NDArray[np.bool_], outcomes: Floats) -> Curve:
    """Return the uplift curve: outcomes of those who were contacted less those of the others, scaled to as many, among the highest scores (Radcliffe).

    Equal scores stand together; between them the curve is straight.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, mine = scores[order], treated[order]
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    contacted, left = np.cumsum(mine)[ends], np.cumsum(~mine)[ends]
    bought, would = (np.cumsum(np.where(side, outcomes[order], 0.0))[ends] for side in (mine, ~mine))
    scale = np.divide(contacted, left, out=np.zeros(len(ends)), where=left > 0)
    gain = (bought - would * scale) / max(int(treated.sum()), 1)
    return Curve(np.r_[0.0, (ends + 1) / len(scores)], np.r_[0.0, gain])


def qini(scores: Floats, treated: npt.NDArray[np.bool_], outcomes: Floats) -> float:
    """Return the area between the uplift curve and that of a random order, as a share of the area under the best order that could be."""
    best = np.where(treated, outcomes, -outcomes) + np.where(outcomes > 0, 0.5, 0.0) * np.where(
        treated, 1.0, -1.0
    )
    areas = [_area(uplift_curve(some, treated, outcomes)) for some in (scores, best)]
    return areas[0] / areas[1] if areas[1] > 0 else float("nan")


def _area(curve: Curve) -> float:
    return float(np.trapezoid(curve.gain - curve.share * curve.gain[-1], curve.share))


def psi(before: Floats, now: Floats, groups: int = 10) -> float:
    """Return the population stability index of a column against groups of equal size of what it was; below .1 nothing, above .25 a different population."""
    edges = np.unique(np.quantile(before, np.arange(1, groups) / groups))
    return psi_of(shares(before, edges), shares(now, edges))


def shares(values: Floats, edges: Floats) -> Floats:
    """Return the share of the values in each group that the edges part, half a value added to each so that none is empty."""
    many = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return np.asarray((many + 0.5) / (len(values) + 0.5 * len(many)), np.float64)


def psi_of(before: Floats, now: Floats) -> float:
    """Return the population stability index of shares of the same groups."""
    return float(((now - before) * np.log(now / before)).sum())


def interval(measure: Callable[[Ints], float], households: Ints, times: int = 200, seed: int = 0) -> Interval:
    """Return a measure with its 95 % interval: rows of a household are drawn together, with replacement.

    Parameters
    ----------
    measure
        Takes the places of rows, some of them several times.
    """
    order = np.argsort(households, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(households[order]) != 0])
    sizes = np.diff(np.r_[starts, len(households)])
    luck = np.random.default_rng(seed)
    found = []
    for _ in range(times):
        some = luck.integers(0, len(starts), len(starts))
        inside = np.arange(int(sizes[some].sum())) - np.repeat(
            np.cumsum(sizes[some]) - sizes[some], sizes[some]
        )
        found.append(measure(order[np.repeat(starts[some], sizes[some]) + inside]))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return Interval(measure(np.arange(len(households))), float(low), float(high))

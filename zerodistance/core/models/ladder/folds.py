"""Parts of rows that are held out one after the other: as many outcomes in each, and those of a household in one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from zerodistance.core.models.contracts import TooFewOutcomes
from zerodistance.core.models.ladder.columns import Floats

PARTS = 5  # own value: how often rows are held out
LEAST = 10  # own value: rows of either outcome, below which nothing is trained


def parts(labels: Floats, households: Any = None, many: int = PARTS, seed: int = 0) -> npt.NDArray[np.int64]:
    """Return the part of each row, 0 to `many` - 1.

    Parameters
    ----------
    labels
        0 and 1: households with one that came true are dealt out apart from the others. Other numbers: by size.
    households
        Of each row, anything that can be sorted; None: each row is alone.

    Raises
    ------
    TooFewOutcomes
        Labels of 0 and 1 of which one is rarer than ten households or twice as many as parts.
    """
    groups = np.arange(len(labels)) if households is None else np.unique(households, return_inverse=True)[1]
    most = np.full(int(groups.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(most, groups, labels)
    if np.isin(labels, (0.0, 1.0)).all():
        came, least = int((most > 0).sum()), max(LEAST, 2 * many)
        if min(came, len(np.unique(groups[labels == 0]))) < least:
            raise TooFewOutcomes(least=least, came=int((labels > 0).sum()), not_came=int((labels == 0).sum()))
    luck = np.random.default_rng(seed)
    order = np.lexsort((luck.random(len(most)), most))
    turns = np.concatenate([luck.permutation(many) for _ in range(-(-len(most) // many))])[: len(most)]
    dealt = np.empty(len(most), np.int64)
    dealt[order] = turns
    return dealt[groups]

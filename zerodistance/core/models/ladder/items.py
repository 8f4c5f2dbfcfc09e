"""What goes together: neighbours of items, and the few factors behind all of them, from what households bought.

All three come from one matrix, how often every two items were with the same household, so a million households cost one product of sparse
matrices, and a model is as large as the items are many, squared. What an item says about itself is left out of neighbours: they say what *else*
speaks for it.

References
----------
B. Sarwar et al.: Item-based collaborative filtering (2001); H. Steck: Embarrassingly shallow autoencoders for sparse data (2019); P. Cremonesi et al.:
Performance of recommender algorithms on top-N recommendation tasks (2010).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
RIDGE, SHRINK = (
    0.08,
    20.0,
)  # own values: ridge in shares of households; households that two items are taken to share with nothing


def matrix(household: Ints, item: Ints, weight: Floats, households: int, items: int) -> Any:
    """Return a sparse matrix, shape (households, items), of sums of weights.

    Parameters
    ----------
    household, item, weight
        Of each row; the places of the first two, from 0 on.
    """
    return sparse.csr_array((weight, (household, item)), shape=(households, items))


def together(bought: Any) -> Floats:
    """Return for every two items the sum of products over households; shape (items, items)."""
    some = sparse.csr_array(bought)
    found: Floats = (some.T @ some).toarray().astype(np.float64)
    return found


def cosine(both: Floats, shrink: float = SHRINK) -> Floats:
    """Return how alike items are by who bought them, what comes from few households shrunk; each column adds up to 1. `both` is what `together` gives."""
    size = np.sqrt(np.diag(both))
    found = both / (np.outer(size, size) + shrink)
    np.fill_diagonal(found, 0.0)
    total = found.sum(axis=0)
    return np.asarray(np.divide(found, total, out=np.zeros_like(found), where=total > 0))


def neighbours(both: Floats, households: int, ridge: float = RIDGE) -> Floats:
    """Return weights with which all the other items say best whether a household has one (a linear model an item, in closed form; Steck).

    Unlike likenesses they do not count twice what two neighbours have in common, and some are negative: instead of, not beside. A household's
    row times them is what speaks for each item; shape (items, items), 0 on the diagonal.
    """
    inverse = np.linalg.inv(both + ridge * max(households, 1) * np.eye(len(both)))
    found: Floats = -inverse / np.diag(inverse)
    np.fill_diagonal(found, 0.0)
    return found


def factors(both: Floats, many: int) -> Floats:
    """Return the directions in which households differ most; shape (items, factors), the strongest first, its largest entry positive.

    A household's row times them is its place; that times their transpose is the row as it would be if nothing else mattered.
    """
    values, vectors = np.linalg.eigh(both)
    some = vectors[:, np.argsort(-values, kind="stable")[:many]]
    largest = np.take_along_axis(some, np.abs(some).argmax(axis=0)[None, :], axis=0)
    return np.asarray(some * np.where(largest < 0, -1.0, 1.0))


__all__ = ["RIDGE", "SHRINK", "cosine", "factors", "matrix", "neighbours", "together"]

"""Rows that stand as columns of whole numbers: in order, and each once. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
STILL = (1 << 63) - 1
"""In a column of times: not over."""


def ascending(*columns: Ints) -> tuple[Ints, ...]:
    """Return rows in order, the first column first."""
    order = np.lexsort(columns[::-1])
    return tuple(column[order] for column in columns)


def begins(*columns: Ints) -> npt.NDArray[np.bool_]:
    """Say of each row, which are in order, whether it differs from the one before; the first one does."""
    out = np.zeros(len(columns[0]), bool)
    out[:1] = True
    for column in columns:
        out[1:] |= column[1:] != column[:-1]
    return out


def once(*columns: Ints) -> tuple[Ints, ...]:
    """Return distinct rows in order."""
    rows = ascending(*columns)
    first = begins(*rows)
    return tuple(column[first] for column in rows)


def place_of(known: Ints, wanted: Ints) -> Ints:
    """Return the place of each wanted value among known ones, which ascend; -1 where it is not among them."""
    if not len(known):
        return np.full(len(wanted), -1, np.int64)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)


def apart(was: Ints, now: Ints) -> tuple[Ints, Ints]:
    """Return which rows are gone and which are new.

    Parameters
    ----------
    was, now
        Rows of before and of today, shape (columns, rows), each row once; whole rows are compared.
    """
    both = np.concatenate([was, now], axis=1)
    order = np.lexsort(both[::-1])
    first = begins(*(column[order] for column in both))
    alone = np.append(first[1:], True)[: len(first)] & first
    differ = np.sort(order[alone])
    return differ[differ < was.shape[1]], differ[differ >= was.shape[1]] - was.shape[1]

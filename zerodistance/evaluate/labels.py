"""How well labels were given: accuracy, macro F1 and the confusion matrix, all sums over texts. Pure.

References
----------
.. [1] Sokolova and Lapalme, A systematic analysis of performance measures, IPM 45 (2009). Macro F1 is the mean of the F1 of the classes that
   the truth has; a class that is only in the answer counts through the precision of others.
"""

from __future__ import annotations

import numpy as np

from zerodistance.evaluate.contracts import Figure
from zerodistance.evaluate.intervals import Bootstrap, Floats, Ints, means


def confusion(boot: Bootstrap, unit: Ints, truth: Ints, said: Ints, classes: int) -> Floats:
    """Return the sums of a bootstrap: groups x (classes x classes), truth along the rows."""
    key = boot.group[unit] * classes * classes + truth * classes + said
    many = np.bincount(key, minlength=boot.groups * classes * classes)
    return many.reshape(boot.groups, classes * classes).astype(np.float64)


def accuracy(boot: Bootstrap, sums: Floats, classes: int) -> Figure:
    """Return the share of right labels."""
    return boot.of(sums, lambda s: s[:, :: classes + 1].sum(axis=1) / s.sum(axis=1))


def macro_f1(boot: Bootstrap, sums: Floats, classes: int) -> Figure:
    """Return the mean F1 of the classes."""
    there = sums.sum(axis=0).reshape(classes, classes).sum(axis=1) > 0

    return boot.of(sums, lambda s: means(f1s(s, classes)[:, there].T))


def f1s(sums: Floats, classes: int) -> Floats:
    """Return the F1 of each class, one line a draw; nan where a class is in neither."""
    table = sums.reshape(len(sums), classes, classes)
    hit = np.einsum("dii->di", table)
    out: Floats = 2 * hit / (table.sum(axis=1) + table.sum(axis=2))
    return out

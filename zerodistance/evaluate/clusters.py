"""How well records were put together: pairs, whole clusters and B-cubed, from sizes of clusters, never from pairs.

Every figure is a ratio of sums over records, so that any part of the records (a household, a silo) has its share of it.

References
----------
.. [1] Bagga and Baldwin, Entity-based cross-document coreferencing using the vector space model, ACL 1998: B-cubed.
.. [2] Menestrina, Whang, Garcia-Molina, Evaluating entity resolution results, VLDB 2010: pairs and whole clusters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zerodistance.evaluate.contracts import Figure
from zerodistance.evaluate.intervals import Bootstrap, Floats, Ints

_CHUNK = 200_000  # clusters that are looked at at a time, own value


@dataclass(frozen=True)
class Cells:
    """Numbers of records by what truth and answer say of them; one row per combination.

    Attributes
    ----------
    truth, said
        Cluster in the truth, cluster in the answer; 0, 1, ...
    unit
        Household, for the intervals.
    stratum
        Kind of record: silo, named or not.
    many
        Records.
    """

    truth: Ints
    said: Ints
    unit: Ints
    stratum: Ints
    many: Ints

    def where(self, kept: NDArray[np.bool_]) -> Cells:
        """Return some of the rows, as if there were no others."""
        return Cells(*(getattr(self, name)[kept] for name in ("truth", "said", "unit", "stratum", "many")))


def joint(cells: Cells, other: str = "truth") -> Ints:
    """Return which records share their answered cluster and their true one (or their household, `unit`): a label for each row."""
    key = getattr(cells, other) * (int(cells.said.max(initial=0)) + 1) + cells.said
    label: Ints = np.unique(key, return_inverse=True)[1].astype(np.int64)
    return label


def sizes(label: Ints, many: Ints) -> Ints:
    """Return the records of each row's cluster."""
    return np.bincount(label, many).astype(np.int64)[label] if len(label) else many


def figures(cells: Cells, boot: Bootstrap) -> dict[str, dict[str, Figure]]:
    """Return precision, recall and F1 of `pairs`, `clusters` and `b3`.

    A cluster is right if the answer has the same records in one cluster as the truth. B-cubed is the mean over records of
    the share of its answered (true) cluster that is also in its true (answered) one.
    """
    sums = np.hstack([boot.sums(cells.unit, share) for share in _shares(cells)])
    return {
        "pairs": _three(boot, sums, (0, 1, 2)),
        "clusters": _three(boot, sums, (3, 4, 5)),
        "b3": {
            "precision": boot.of(sums, _b3_precision),
            "recall": boot.ratio(sums, 7, 8),
            "f1": boot.of(sums, _b3_f1),
        },
    }


def _shares(cells: Cells) -> Iterator[Floats]:
    """Yield what the records of each row have of each sum, one after the other: of many millions all at once would be too much.

    0 right pairs, 1 wrong pairs, 2 true pairs, 3 right clusters, 4 wrong answered clusters, 5 true clusters, 6 what B-cubed precision loses,
    7 what its recall has, 8 records.
    """
    n, t, s = cells.many, sizes(cells.truth, cells.many), sizes(cells.said, cells.many)
    both, inside = sizes(joint(cells), cells.many), sizes(joint(cells, "unit"), cells.many)
    right = (t == s) & (s == both)
    yield n * (both - 1) / 2
    yield n * (inside - both) / 2 + _between_units(cells, inside, n * (s - inside) / 2)
    yield n * (t - 1) / 2
    yield n * right / s
    yield n * ~right * _owned(cells, inside) / inside
    yield n / t
    yield n * (inside - both) / s + _between_units(cells, inside, n * (s - inside) / s)
    yield n * both / t
    yield n.astype(np.float64)


def _owned(cells: Cells, inside: Ints) -> NDArray[np.bool_]:
    """Return which rows are of the household that has the most records of their answered cluster."""
    order = np.lexsort((cells.unit, -inside, cells.said))
    said = cells.said[order]
    first = np.r_[True, said[1:] != said[:-1]] if len(said) else np.empty(0, bool)
    owner = np.zeros(int(cells.said.max(initial=-1)) + 1, np.int64)
    owner[said[first]] = cells.unit[order][first]
    mine: NDArray[np.bool_] = cells.unit == owner[cells.said]
    return mine


def _between_units(cells: Cells, inside: Ints, error: Floats) -> Floats:
    """Return an error between households, given to all of a cluster but its owner.

    A wrong link errs once, for both of whom it joins. With half of it in each, draws would take it for two independent errors of half the
    size, and intervals would be too narrow; a cluster of k households has at least k - 1 such links.
    """
    others = np.where(_owned(cells, inside), 0.0, error)
    clusters = int(cells.said.max(initial=-1)) + 1
    every, theirs = (np.bincount(cells.said, one, clusters) for one in (error, others))
    factor = np.divide(every, theirs, out=np.ones(clusters), where=theirs > 0)
    out: Floats = others * factor[cells.said]
    return out


def _three(boot: Bootstrap, sums: Floats, columns: tuple[int, int, int]) -> dict[str, Figure]:
    right, wrong_, true = columns
    return {
        "precision": boot.of(sums, lambda x: x[:, right] / (x[:, right] + x[:, wrong_])),
        "recall": boot.ratio(sums, right, true),
        "f1": boot.of(sums, lambda x: 2 * x[:, right] / (x[:, right] + x[:, wrong_] + x[:, true])),
    }


def _b3_precision(sums: Floats) -> Floats:
    out: Floats = 1 - sums[:, 6] / sums[:, 8]
    return out


def _b3_f1(sums: Floats) -> Floats:
    precision, recall = _b3_precision(sums), sums[:, 7] / sums[:, 8]
    out: Floats = 2 * precision * recall / (precision + recall)
    return out


def between(cells: Cells, strata: int) -> dict[str, Floats]:
    """Return the pairs of records by the strata of both: `both`, `said` and `true`, each strata x strata and symmetric."""
    labels = {"both": joint(cells), "said": cells.said, "true": cells.truth}
    return {name: _pairs(label, cells, strata) for name, label in labels.items()}


def _pairs(label: Ints, cells: Cells, strata: int) -> Floats:
    out = np.zeros((strata, strata))
    kept = sizes(label, cells.many) > 1
    if not kept.any():
        return out
    group, stratum, many = (
        np.unique(label[kept], return_inverse=True)[1].astype(np.int64),
        cells.stratum[kept],
        cells.many[kept],
    )
    order = np.argsort(group, kind="stable")
    group, stratum, many = group[order], stratum[order], many[order]
    for first in range(0, int(group[-1]) + 1, _CHUNK):
        begin, end = np.searchsorted(group, (first, first + _CHUNK))
        key = (group[begin:end] - first) * strata + stratum[begin:end]
        table = np.bincount(key, many[begin:end], _CHUNK * strata).reshape(_CHUNK, strata)
        out += table.T @ table
    alone = np.diag(out) - np.bincount(stratum, many, strata)
    np.fill_diagonal(out, alone / 2)
    return out


def wrong(cells: Cells, of: str, most: int) -> Ints:
    """Return the clusters with the most wrong pairs, the worst first.

    Parameters
    ----------
    of
        `said`: clusters of the answer with pairs that do not belong together; `truth`: true ones with pairs that were not found.
    """
    label: Ints = getattr(cells, of)
    together = joint(cells)
    inside = np.bincount(label, cells.many * (sizes(label, cells.many) - 1) / 2)
    right = np.bincount(label, cells.many * (sizes(together, cells.many) - 1) / 2)
    lost = inside - right
    worst = np.argsort(-lost, kind="stable")[:most]
    return worst[lost[worst] > 0].astype(np.int64)

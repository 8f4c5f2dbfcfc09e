"""Which records are one person, from weighed pairs: a pure function of the pairs, whatever their order, in columns.

Joining every likely pair multiplies the wrong ones: one of them makes two persons one. So pairs that speak against each other count too. What two groups
say of each other is the sum over their pairs; two groups are joined if each is the other's best, as long as any are left whose sum
speaks for it and which no veto forbids.

References
----------
.. [1] Bansal, Blum, Chawla, Correlation clustering, Machine Learning 2004.
.. [2] Keuper et al., Efficient decomposition of image and mesh graphs by lifted multicuts, ICCV 2015: edges are contracted, their weights added.
.. [3] Murtagh, A survey of recent advances in hierarchical clustering algorithms, Computer Journal 1983: reciprocal nearest neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from zerodistance.core.identity.connected import components
from zerodistance.core.identity.matching.columns import Bools, Floats, Ints
from zerodistance.core.identity.rules import RuleSet

MOST: Final = RuleSet().most
_FINE: Final = (
    1 << 24
)  # parts of a bit that are added: whole numbers, so that the order of a sum changes nothing
_CERTAIN: Final = 1_000 * _FINE  # a pair that must be one person
_MOST: Final = 500.0  # bits of a pair at most, own value: half of what must be
_CORE: Final = (
    10 * _FINE
)  # bits from which on pairs are taken together at once where nothing in their component speaks against it, own value


@dataclass(frozen=True)
class _Groups:
    """Groups of records, and the pairs between them.

    Attributes
    ----------
    label
        Group of each record: its smallest record.
    a, b, weight
        Pairs of groups, the smaller first, each once, and their sum in parts of a bit.
    """

    label: Ints
    a: Ints
    b: Ints
    weight: Ints


def cluster(
    count: int,
    a: Ints,
    b: Ints,
    weight: Floats,
    must: tuple[Ints, Ints] | None = None,
    vetoes: Sequence[Ints] = (),
    most: int = MOST,
    least: float = 0.0,
    name: Ints | None = None,
) -> Ints:
    """Return per record the smallest record of its person.

    Parameters
    ----------
    count
        Records.
    a, b, weight
        Pairs of records, and what speaks for (positive) or against (negative) their being one person.
    must
        Pairs that are one person whatever else is said, as far as the vetoes allow.
    vetoes
        Columns of codes, -1 unknown: records with different codes are never one person.
    most
        Records of a person at most.
    least
        Sum above which two groups are joined.
    name
        Numbers of the records, by which pairs of equal weight are told apart: the same record has the same among others. None: its row.
    """
    said = np.rint(np.clip(weight, -_MOST, _MOST) * _FINE).astype(np.int64)
    something = said != 0
    a, b, said = a[something], b[something], said[something]
    if must is not None:
        a, b = np.concatenate([a, must[0]]), np.concatenate([b, must[1]])
        said = np.concatenate([said, np.full(len(must[0]), _CERTAIN)])
    groups = _together(np.arange(count, dtype=np.int64), a, b, said)
    named = np.arange(count, dtype=np.int64) if name is None else name
    for level in (_CERTAIN // 2, _CORE):
        groups = _together(
            _cores(groups, vetoes, most, level), groups.a, groups.b, groups.weight, groups.label
        )
    while True:
        fine = (groups.weight > least * _FINE) & _allowed(groups, vetoes, most)
        label = _best(groups, fine, named)
        if label is None:
            return groups.label
        groups = _together(label, groups.a, groups.b, groups.weight, groups.label)


def _together(label: Ints, a: Ints, b: Ints, weight: Ints, before: Ints | None = None) -> _Groups:
    """Return groups after a step: `label` of each group before it; pairs within a group are gone, those between the same groups are added."""
    count, x, y = len(label), label[a], label[b]
    apart = x != y
    x, y, weight = x[apart], y[apart], weight[apart]
    key = np.minimum(x, y) * count + np.maximum(x, y)
    order = np.argsort(key)
    key, weight = key[order], weight[order]
    new = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else order
    summed = np.add.reduceat(weight, new) if len(new) else weight
    key = key[new]
    return _Groups(label if before is None else label[before], key // count, key % count, summed)


def _cores(groups: _Groups, vetoes: Sequence[Ints], most: int, level: int) -> Ints:
    """Return the label of each group after what certainly belongs together is joined: components in which nothing speaks against it."""
    strong = groups.weight >= level
    label = components(len(groups.label), groups.a[strong], groups.b[strong]).astype(np.int64)
    bad = np.zeros(len(label), dtype=bool)
    if level < _CERTAIN // 2:
        against = (groups.weight < 0) & (label[groups.a] == label[groups.b])
        bad[label[groups.a[against]]] = True
    of_record = label[groups.label]
    bad[np.bincount(of_record, minlength=len(label)) > most] = True
    for codes in vetoes:
        bad[_disagreeing(of_record, codes)] = True
    return np.where(bad[label], np.arange(len(label)), label)


def _disagreeing(label: Ints, codes: Ints) -> Ints:
    """Return the groups with more than one code."""
    known = codes >= 0
    mine, theirs = label[known], codes[known]
    high = np.full(len(label), -1, dtype=np.int64)
    low = np.full(len(label), np.iinfo(np.int64).max, dtype=np.int64)
    np.maximum.at(high, mine, theirs)
    np.minimum.at(low, mine, theirs)
    return np.flatnonzero((high >= 0) & (high != low))


def _allowed(groups: _Groups, vetoes: Sequence[Ints], most: int) -> Bools:
    """Return which pairs of groups no veto forbids."""
    size = np.bincount(groups.label, minlength=len(groups.label))
    fine: Bools = size[groups.a] + size[groups.b] <= most
    for codes in vetoes:
        held = np.full(len(groups.label), -1, dtype=np.int64)
        np.maximum.at(held, groups.label, codes)
        x, y = held[groups.a], held[groups.b]
        fine &= (x < 0) | (y < 0) | (x == y)
    return fine


def _best(groups: _Groups, fine: Bools, name: Ints) -> Ints | None:
    """Return the label of each group after those are joined that are each other's best; None: there are none."""
    a, b, weight = groups.a[fine], groups.b[fine], groups.weight[fine]
    if not len(a):
        return None
    order = np.lexsort((b, a, _mixed(name[a], name[b]), -weight))
    first = np.full(len(groups.label), len(a), dtype=np.int64)
    np.minimum.at(first, a[order], np.arange(len(a)))
    np.minimum.at(first, b[order], np.arange(len(a)))
    mutual = order[(first[a[order]] == np.arange(len(a))) & (first[b[order]] == np.arange(len(a)))]
    label = np.arange(len(groups.label), dtype=np.int64)
    label[b[mutual]] = a[mutual]
    return label


def _mixed(a: Ints, b: Ints) -> Ints:
    """Return numbers without an order of their own, for pairs of equal weight: in theirs, a long chain would be joined one end after the other."""
    with np.errstate(over="ignore"):
        found: Ints = (a * 0x9E3779B97F4A7C1 ^ b * 0x2545F4914F6CDD1D) >> 7
    return found


def within(label: Ints, most: int = MOST) -> tuple[Ints, Ints]:
    """Return every pair of records of one component of at most `most` records, the smaller first: those to weigh before `cluster` decides."""
    order = np.argsort(label, kind="stable")
    sorted_ = label[order]
    start = np.flatnonzero(np.r_[True, sorted_[1:] != sorted_[:-1]]) if len(order) else order
    many = np.diff(np.r_[start, len(order)])
    left = np.maximum(np.repeat(np.where(many <= most, start + many, 0), many) - 1 - np.arange(len(order)), 0)
    a = np.repeat(np.arange(len(order)), left)
    b = a + 1 + np.arange(len(a)) - np.repeat(np.cumsum(left) - left, left)
    return order[a], order[b]

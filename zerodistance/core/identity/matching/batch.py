"""The whole table at once: who is who among the records of faces. Pure: columns in, columns out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa

from zerodistance.core.identity.connected import components
from zerodistance.core.identity.matching import blocks
from zerodistance.core.identity.matching.clusters import MOST, cluster, within
from zerodistance.core.identity.matching.columns import Bools, Columns, Floats, Ints, columns, mixed
from zerodistance.core.identity.matching.compare import GIVEN
from zerodistance.core.identity.matching.fields import PARTS
from zerodistance.core.identity.matching.model import Model
from zerodistance.core.identity.matching.score import Scorer

LEAST: Final = -2.0
"""Bits from which on a pair speaks for one person. Groups are judged by all their pairs, so a single one may be weak; chosen on the training
seeds of the sample city."""
_NOTHING: Ints = np.empty(0, dtype=np.int64)
_PAIRS: Final = 1_000_000  # pairs that are judged at a time, own value: some 150 MB
_LARGE: Final = 500  # faces of a component beyond which only pairs that share a block are weighed; own value
OFTEN: Final = 2  # records of a component with a name, from which on it is no slip; own value
TWO: Final = (
    -10.0
)  # bits against one person where two such names are alike only, as of two that are not; own value
ALIKE: Final = tuple(n for n, name in enumerate(GIVEN.levels, start=1) if name in ("looks", "near", "close"))


@dataclass(frozen=True)
class Distinct:
    """Records that say the same, each once.

    Attributes
    ----------
    faces
        The distinct ones.
    first, which
        Row of each distinct one; the distinct one of each row.
    """

    faces: Columns
    first: Ints
    which: Ints

    @cached_property
    def times(self) -> Ints:
        """How many rows say each."""
        return np.bincount(self.which, minlength=self.faces.rows)


def distinct(table: Columns, apart: Sequence[Ints] = ()) -> Distinct:
    """Return each face once; those with different codes in `apart` are different."""
    key = mixed(*(table.code[part] for part in PARTS if part in table.filled), *apart, rows=table.rows)
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    first = first[order].astype(np.int64)
    return Distinct(table.take(first), first, place[which].astype(np.int64))


def likely_pairs(
    faces: Columns, scorer: Scorer, least: float, rules: tuple[blocks.Rule, ...] = blocks.RULES
) -> tuple[Ints, Ints, Floats]:
    """Return the pairs of rows that share a block and weigh at least so much, with their weight."""
    found = [(_NOTHING, _NOTHING, np.empty(0))]
    for a, b in blocks.slices(faces, rules):
        weight = scorer.weights(faces, a, b)
        kept = weight >= least
        found.append((a[kept].astype(np.int32), b[kept].astype(np.int32), weight[kept]))
    a, b, weight = (np.concatenate(column) for column in zip(*found, strict=True))
    return a, b, weight


@dataclass(frozen=True)
class Weighed:
    """Who is who, and the pairs that were looked at.

    Attributes
    ----------
    label
        Per row of the table the smallest row of its person.
    distinct
        How many differ in what they say: among so many a pair was weighed.
    a, b, weight
        Pairs of rows with what speaks for their being one person, bits; rows that say the same as another are paired with that one.
    """

    label: Ints
    distinct: int
    a: Ints
    b: Ints
    weight: Floats


def match(
    table: pa.Table,
    model: Model,
    must: tuple[Ints, Ints] | None = None,
    vetoes: Sequence[Ints] = (),
    least: float = LEAST,
    most: int = MOST,
) -> Ints:
    """Return per record the smallest record of its person; see `weigh`."""
    return weigh(columns(table), model, must, vetoes, least, most).label


def weigh(
    every: Columns,
    model: Model,
    must: tuple[Ints, Ints] | None = None,
    vetoes: Sequence[Ints] = (),
    least: float = LEAST,
    most: int = MOST,
    doubt: float | None = None,
) -> Weighed:
    """Weigh records and join them.

    Parameters
    ----------
    every
        Their faces.
    must
        Pairs of rows that are one person whatever else is said.
    vetoes
        Columns of codes, -1 unknown: rows with different ones are never one person.
    least
        Bits from which on a pair joins.
    doubt
        Bits from which on a pair that does not join is returned nevertheless.
    """
    sure = must or (_NOTHING, _NOTHING)
    group = components(every.rows, *sure).astype(np.int64)
    alone = np.bincount(group, minlength=every.rows)[group] == 1
    one = distinct(every, [*vetoes, np.where(alone, -1, group)])
    scorer = Scorer(model, one.faces.rows)
    open_ = least if doubt is None else min(least, doubt)
    near = likely_pairs(one.faces, scorer, open_)
    every_group = group[one.first]
    joining = _Joining(one, scorer, every_group, [veto[one.first] for veto in vetoes], most, least, open_)
    found, a, b, weight = joining.all(near, (one.which[sure[0]], one.which[sure[1]]), asked=doubt is not None)
    again = np.flatnonzero(one.first[one.which] != np.arange(every.rows))  # says what an earlier row says
    lonely = (np.bincount(found, minlength=len(found)) == 1)[found]
    asked = np.flatnonzero(lonely | (np.bincount(one.which[again], minlength=len(found)) > 0))
    own = np.zeros(len(found))
    own[asked] = scorer.weights(one.faces, asked, asked)
    return Weighed(
        spread(one, found, own >= least),
        one.faces.rows,
        np.concatenate([one.first[a], one.first[one.which[again]]]),
        np.concatenate([one.first[b], again]),
        np.concatenate([weight, own[one.which[again]]]),
    )


@dataclass(frozen=True)
class _Joining:
    """Joins faces component by component, some at a time: what is in memory of their pairs is bounded.

    Attributes
    ----------
    group
        What ids have joined before, per face.
    codes
        Vetoes, per face.
    open
        Bits from which on a pair is told of although it joins nobody.
    """

    one: Distinct
    scorer: Scorer
    group: Ints
    codes: Sequence[Ints]
    most: int
    least: float
    open: float

    def all(
        self, near: tuple[Ints, Ints, Floats], sure: tuple[Ints, Ints], *, asked: bool
    ) -> tuple[Ints, Ints, Ints, Floats]:
        """Return the group of each face, and the pairs between what ids have joined before that join or are open, with their weights.

        Parameters
        ----------
        near
            Likely pairs.
        sure
            Pairs that ids join.
        asked
            Whether anybody wants the pairs.
        """
        count = self.one.faces.rows
        strong = near[2] >= self.least
        label = components(
            count, *(np.concatenate([side[strong], more]) for side, more in zip(near, sure, strict=False))
        ).astype(np.int64)
        many = np.bincount(label, minlength=count)
        large = many[label] > _LARGE
        told = [(side[~strong] if asked else side[:0]) for side in near]
        kept = strong & large[near[0]]
        near_a, near_b = near[0][kept], near[1][kept]
        del near, strong, kept
        rows = np.argsort(label, kind="stable")
        rows = rows[many[label[rows]] > 1]
        place = np.zeros(count, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        pairs = [_by_place(place, a[a != b], b[a != b]) for a, b in (sure, (near_a, near_b))]
        found, out = np.arange(count), [tuple(told)]
        for first, last in _cuts(label[rows], many):
            these = rows[first:last]
            some = [_between(one, first, last) for one in pairs]
            mine, a, b, weight = self._some(these, label[these], some[0], some[1])
            found[these] = these[mine]
            if asked:
                left = self.group[these[a]] != self.group[these[b]]
                left &= (mine[a] == mine[b]) | (weight >= self.open)
                out.append((these[a[left]], these[b[left]], weight[left]))
        a, b, weight = (np.concatenate(column) for column in zip(*out, strict=True))
        apart = self.group[a] != self.group[b]
        return found, a[apart].astype(np.int64), b[apart].astype(np.int64), weight[apart]

    def _some(
        self, rows: Ints, label: Ints, sure: tuple[Ints, Ints], near: tuple[Ints, Ints]
    ) -> tuple[Ints, Ints, Ints, Floats]:
        """Return the group of some faces, those of whole components, and their pairs with weights; all as places among them."""
        a, b = (np.concatenate(pair) for pair in zip(within(label, _LARGE), near, strict=True))
        weight, vote = self.scorer.judged_many(self.one.faces, rows[a], rows[b], self.least)
        vote = np.where(self._two_names(rows, label, a, b), TWO, vote)
        codes = [code[rows] for code in self.codes]
        return cluster(len(rows), a, b, vote, sure, codes, self.most, name=rows), a, b, weight

    def _two_names(self, rows: Ints, label: Ints, a: Ints, b: Ints) -> Bools:
        """Return which pairs have two names that are alike, each of which other records of their component have too.

        A slip of the pen is not made twice in the same way, a sister has her name on every record.
        """
        faces = self.one.faces
        surname, given = faces.code["surname"][rows], faces.code["given"][rows]
        whole = (surname >= 0) & (given >= 0)
        values, which = np.unique(mixed(label, surname, given, rows=len(rows)), return_inverse=True)
        often = np.bincount(which, self.one.times[rows], len(values))[which] >= OFTEN
        sure = often & whole
        other = (given[a] != given[b]) & (surname[a] == surname[b])
        these = np.flatnonzero(sure[a] & sure[b] & other)
        out = np.zeros(len(a), dtype=bool)
        out[these] = np.isin(GIVEN.many(faces, rows[a[these]], rows[b[these]]), ALIKE)
        return out


def _by_place(place: Ints, a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """Return pairs as places, the smaller first, in order."""
    x, y = place[a], place[b]
    low, high = np.minimum(x, y), np.maximum(x, y)
    order = np.argsort(low, kind="stable")
    return low[order], high[order]


def _between(pairs: tuple[Ints, Ints], first: int, last: int) -> tuple[Ints, Ints]:
    """Return the pairs of places of a range, counted from its beginning."""
    cut = slice(*np.searchsorted(pairs[0], (first, last)).tolist())
    return pairs[0][cut] - first, pairs[1][cut] - first


def _cuts(label: Ints, many: Ints) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows, in order of their components, each with whole components that have about `_PAIRS` pairs."""
    if not len(label):
        return
    start = np.flatnonzero(np.r_[True, label[1:] != label[:-1]])
    size = many[label[start]]
    work = np.cumsum(np.where(size > _LARGE, size, size * (size - 1) // 2))
    last = 0
    for number in np.unique(
        np.searchsorted(work, np.arange(_PAIRS, int(work[-1]) + _PAIRS, _PAIRS))
    ).tolist():
        end = len(label) if number + 1 >= len(start) else int(start[number + 1])
        if end > last:
            yield last, end
        last = end


def spread(one: Distinct, found: Ints, known: Bools) -> Ints:
    """Return the label of each row from that of its face; rows of a face that says too little to know it by, and that nothing joined, stay alone."""
    label = one.first[found][one.which]
    lonely = (np.bincount(found, minlength=len(found)) == 1)[found] & ~known
    apart = lonely[one.which]
    label[apart] = np.flatnonzero(apart)
    return label

"""The whole table at once: who is who among the records of faces. Pure: columns in, columns out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from zerodistance.core.identity.matching import blocks
from zerodistance.core.identity.matching.clusters import MOST, cluster, within
from zerodistance.core.identity.matching.columns import Bools, Columns, Floats, Ints, columns, mixed
from zerodistance.core.identity.matching.compare import GIVEN
from zerodistance.core.identity.matching.fields import PARTS
from zerodistance.core.identity.matching.model import Model
from zerodistance.core.identity.matching.score import Scorer
from zerodistance.core.identity.partition import components

LEAST: Final = -2.0
"""Bits from which on a pair speaks for one person. Groups are judged by all their pairs, so a single one may be weak; chosen on the training
seeds of the sample city."""
_LARGE: Final = 500  # faces of a component beyond which only pairs that share a block are weighed; own value
OFTEN: Final = 2  # records of a component with a name, from which on it is no slip; own value
TWO: Final = (
    -10.0
)  # bits against one person where two such names are alike only, as of two that are not; own value
ALIKE: Final = tuple(n for n, name in enumerate(GIVEN.levels, start=1) if name in ("near", "close"))


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
    a, b = blocks.candidates(faces, rules)
    weight = scorer.weights(faces, a, b)
    kept = weight >= least
    return a[kept], b[kept], weight[kept]


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
    sure = must or (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    group = components(every.rows, *sure)
    alone = np.bincount(group, minlength=every.rows)[group] == 1
    one = distinct(every, [*vetoes, np.where(alone, -1, group)])
    faces, sure = one.faces, (one.which[sure[0]], one.which[sure[1]])
    scorer = Scorer(model, faces.rows)
    near_a, near_b, near = likely_pairs(faces, scorer, least if doubt is None else min(least, doubt))
    doubt_a, doubt_b = near_a[near < least], near_b[near < least]
    near_a, near_b = near_a[near >= least], near_b[near >= least]
    label = components(faces.rows, np.concatenate([near_a, sure[0]]), np.concatenate([near_b, sure[1]]))
    large = (np.bincount(label, minlength=faces.rows) > _LARGE)[label]
    a, b = (
        np.concatenate([every, near[large[near_a]]])
        for every, near in zip(within(label, _LARGE), (near_a, near_b), strict=True)
    )
    weight = np.where(_two_names(one, label, a, b), TWO, scorer.votes(faces, a, b, least))
    codes = [veto[one.first] for veto in vetoes]
    found = cluster(faces.rows, a, b, weight, sure, codes, most)
    itself = np.arange(faces.rows)
    own = scorer.weights(faces, itself, itself)
    label = spread(one, found, own >= least)
    again = np.flatnonzero(one.first[one.which] != np.arange(every.rows))  # says what an earlier row says
    a, b = np.concatenate([a, doubt_a]), np.concatenate([b, doubt_b])
    apart = group[one.first[a]] != group[one.first[b]]
    a, b = a[apart], b[apart]
    return Weighed(
        label,
        faces.rows,
        np.concatenate([one.first[a], one.first[one.which[again]]]),
        np.concatenate([one.first[b], again]),
        np.concatenate([scorer.weights(faces, a, b), own[one.which[again]]]),
    )


def _two_names(one: Distinct, label: Ints, a: Ints, b: Ints) -> Bools:
    """Return which pairs have two names that are alike, each of which other records of their component have too.

    A slip of the pen is not made twice in the same way, a sister has her name on every record. Whose component it is says `label`.
    """
    faces = one.faces
    surname, given = faces.code["surname"], faces.code["given"]
    whole = (surname >= 0) & (given >= 0)
    values, which = np.unique(mixed(label, surname, given, rows=faces.rows), return_inverse=True)
    often = np.bincount(which, np.bincount(one.which, minlength=faces.rows), len(values))[which] >= OFTEN
    sure = often & whole
    other = (given[a] != given[b]) & (surname[a] == surname[b])
    found: Bools = sure[a] & sure[b] & other
    level = np.zeros(len(a), dtype=bool)
    these = np.flatnonzero(found)
    level[these] = np.isin(GIVEN.many(faces, a[these], b[these]), ALIKE)
    return level


def spread(one: Distinct, found: Ints, known: Bools) -> Ints:
    """Return the label of each row from that of its face; rows of a face that says too little to know it by, and that nothing joined, stay alone."""
    label = one.first[found][one.which]
    lonely = (np.bincount(found, minlength=len(found)) == 1)[found] & ~known
    apart = lonely[one.which]
    label[apart] = np.flatnonzero(apart)
    return label

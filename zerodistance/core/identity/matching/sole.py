"""Whoever is said of by a name goes with the only person here who has it. Pure.

How rare a name is among people in general says little where it is known who is here: of a hundred customers 李明 may be one. So after all groups are made,
a record that stands alone joins the one group that bears its whole name, if no other does and if what else is said of both does not tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from zerodistance.core.identity.matching.alike import Levels
from zerodistance.core.identity.matching.columns import Bools, Columns, Floats, Ints, mixed
from zerodistance.core.identity.matching.compare import COMPARISONS, levels_many
from zerodistance.core.identity.matching.score import Scorer

_TELLING: Final = ("phone", "email", "id_number", "born", "room", "house")
"""Parts of which one makes a person of a record with a name."""
_AGREES: Final = {"phone": (1, 2), "email": (1, 2, 3), "home": (1, 2, 3, 4, 5), "street": (1, 2, 3)}
"""Comparison -> levels that speak for one person. People change one of these and keep the others: one that differs everywhere is no other person."""
_NEVER: Final = {"sex": (2,), "born": (3, 4, 6, 7), "id_number": (3, 4)}
"""Comparison -> levels that tell two people of one name apart."""
_LEAST: Final = (
    -6.0
)  # bits of the likeliest pair at least: a name that many have is no name that one has; own value
_NOTHING: Ints = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class _Bearers:
    """Which groups are called what: a row for each group and name, in order of names.

    Attributes
    ----------
    name, group
        Number of the name; the group.
    many
        How many bear the name of this row.
    """

    name: Ints
    group: Ints
    many: Ints


def sole(
    faces: Columns, times: Ints, group: Ints, vetoes: Sequence[Ints], scorer: Scorer, most: int
) -> tuple[Ints, Ints, Floats]:
    """Return the faces that stand alone and belong to the only other group with their name, a face of it, and the weight of the pair.

    Parameters
    ----------
    times
        How many records say each face.
    group
        Group of each face: its smallest face.
    vetoes
        Columns of codes, -1 unknown: faces with different ones are never one person.
    most
        Faces of a group at most.
    """
    name = _names(faces)
    bear = _bearing(faces, times, group, name)
    lone = np.flatnonzero((np.bincount(group, minlength=len(group))[group] == 1) & (name >= 0))
    place = np.searchsorted(bear.name, name[lone])
    last = np.maximum(len(bear.name) - 1, 0)
    there = (place < len(bear.name)) & (len(bear.name) > 0)
    lone, place = lone[there], place[there]
    own = np.zeros(len(lone), dtype=np.int64)  # whether it is among those that bear its name
    for step in (0, 1):
        at = np.minimum(place + step, last)
        own |= (bear.name[at] == name[lone]) & (bear.group[at] == lone)
    right = (bear.name[place] == name[lone]) & (bear.many[place] - own == 1)
    lone, place = lone[right], place[right]
    other = np.where(bear.group[place] == lone, bear.group[np.minimum(place + 1, last)], bear.group[place])
    records = np.bincount(group, times, len(group))
    fine = (records[other] > times[lone]) & (np.bincount(group, minlength=len(group))[other] < most)
    for codes in vetoes:
        held = np.full(len(group), -1, dtype=np.int64)
        np.maximum.at(held, group, codes)
        fine &= (codes[lone] < 0) | (held[other] < 0) | (codes[lone] == held[other])
    return _nearest(faces, group, name, lone[fine], other[fine], scorer)


def _names(faces: Columns) -> Ints:
    """Return the number of each face's whole name, -1 where it has none."""
    surname, written = faces.code["surname"], faces.code["written"]
    whole = (surname >= 0) & (written >= 0)
    out = np.full(faces.rows, -1, dtype=np.int64)
    if whole.any():
        key = mixed(surname[whole], written[whole], rows=int(whole.sum()))
        out[whole] = np.unique(key, return_inverse=True)[1]
    return out


def _bearing(faces: Columns, times: Ints, group: Ints, name: Ints) -> _Bearers:
    """Return which persons bear which name: groups of several faces or with anything that tells a person, and names on half of their records."""
    telling = np.zeros(faces.rows, dtype=bool)
    for part in _TELLING:
        telling |= faces.code[part] >= 0
    person = np.bincount(group, telling, faces.rows) > 0
    person |= np.bincount(group, minlength=faces.rows) > 1
    row = np.flatnonzero((name >= 0) & person[group])
    key, which = np.unique(name[row] * np.int64(faces.rows) + group[row], return_inverse=True)
    count = np.bincount(which, times[row], len(key))
    named = np.bincount(group[row], times[row], faces.rows)
    of = key % faces.rows
    kept = 2 * count >= named[of]
    of, found = of[kept], key[kept] // faces.rows
    many = np.bincount(found, minlength=1)[found] if len(found) else found
    return _Bearers(found, of, many)


def _nearest(
    faces: Columns, group: Ints, name: Ints, lone: Ints, other: Ints, scorer: Scorer
) -> tuple[Ints, Ints, Floats]:
    """Return those of the faces that nothing tells apart from the group, each with the face of its name in it that is the likest."""
    order = np.argsort(group, kind="stable")
    begin = np.searchsorted(group[order], other)
    many = np.searchsorted(group[order], other, side="right") - begin
    which = np.repeat(np.arange(len(lone)), many)
    b = order[np.arange(len(which)) - np.repeat(np.cumsum(many) - many, many) + np.repeat(begin, many)]
    a = lone[which]
    if not len(a):
        return _NOTHING, _NOTHING, np.empty(0)
    apart = _apart(levels_many(faces, a, b), which, len(lone))
    weight = scorer.weights(faces, a, b)
    same = np.flatnonzero((name[a] == name[b]) & ~apart[which] & (weight >= _LEAST))
    ranked = same[np.lexsort((b[same], -weight[same], which[same]))]
    first = ranked[np.r_[True, which[ranked][1:] != which[ranked][:-1]][: len(ranked)]]
    return a[first], b[first], weight[first]


def _apart(found: Levels, which: Ints, many: int) -> Bools:
    """Return who is told apart: by what never differs, or by more than one thing that is said of both and nowhere the same."""
    never = np.zeros(many, dtype=bool)
    differ = np.zeros(many, dtype=np.int64)
    for comparison, row in zip(COMPARISONS, found, strict=True):
        if comparison.key in _NEVER:
            never[which[np.isin(row, _NEVER[comparison.key])]] = True
        if comparison.key in _AGREES:
            agrees = np.bincount(which, np.isin(row, _AGREES[comparison.key]), many) > 0
            said = np.bincount(which, row > 0, many) > 0
            differ += said & ~agrees
    return never | (differ > 1)

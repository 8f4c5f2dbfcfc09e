"""Which subject gives a person the public id: that by which most of its subjects were known. Pure.

A subject is *settled* by the first whole rebuild that finds it in a person: from then on it stands for the id that this person had, for good. Among the
subjects of one person those that stand for one id are counted together, and the largest such group gives its own. So when persons join, the id stays that
more is known by. When they part, it stays with the part that has the subject it is made of. What was joined and parted again has the ids that it had
before: nothing but who is settled for what, and who is together, decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from zerodistance.core.identity.connected import Whole
from zerodistance.core.identity.naming import Ints

Counted = tuple[int, int, int, int, int]
"""Person, what some of its subjects are settled for (0: not yet), how many, the earliest of them, whether that one stands for itself."""


def chosen(label: Whole, number: Ints, settled: Ints) -> tuple[Ints, Ints]:
    """Return per subject the one that gives its person the id, and what its person's new subjects are settled for.

    Parameters
    ----------
    label
        Row of the first subject of its person.
    number, settled
        Subject numbers, ascending; what each is settled for, 0 for nothing yet.
    """
    first = number[label]
    strange = (settled != 0) & ((settled != first) | (settled[label] != first))
    if not strange.any():
        return first, first
    several = np.zeros(len(label), dtype=bool)
    several[label[strange]] = True
    rows = np.flatnonzero(several[label])
    order = np.lexsort((rows, settled[rows], label[rows]))
    rows = rows[order]
    of, stands = label[rows], settled[rows]
    begins = np.flatnonzero(np.r_[True, (of[1:] != of[:-1]) | (stands[1:] != stands[:-1])])
    many = np.diff(np.r_[begins, len(rows)])
    there = np.add.reduceat((number[rows] == stands).astype(np.int64), begins) > 0
    gives = np.where(there, stands[begins], number[rows[begins]])
    keep = stands[begins] > 0
    of, stands, many, gives = of[begins][keep], stands[begins][keep], many[keep], gives[keep]
    ranked = np.lexsort((gives, -many, of))
    best = ranked[np.r_[True, of[ranked][1:] != of[ranked][:-1]]]
    found, stays = first.copy(), first.copy()
    by_label, its = np.zeros(len(label), dtype=np.int64), np.zeros(len(label), dtype=np.int64)
    by_label[of[best]], its[of[best]] = gives[best], stands[best]
    found[rows], stays[rows] = by_label[label[rows]], its[label[rows]]
    return found, stays


def counted(counts: Iterable[Counted]) -> Iterator[tuple[int, int]]:
    """Yield (person, subject that gives it the id) from counts."""
    best: dict[int, tuple[bool, int, int]] = {}
    for person, settled, many, first, there in counts:
        mine = (settled == 0, -many if settled else 0, settled if there and settled else first)
        if person not in best or mine < best[person]:
            best[person] = mine
    return ((person, gives) for person, (_, _, gives) in best.items())


def led(rows: Sequence[tuple[Any, ...]]) -> list[tuple[int, int, bytes, int, int]]:
    """Return the members of one person, which come in order with what each is settled for, the one that gives the id first."""
    found = [(r[0], r[1], r[2], r[3], r[4]) for r in rows]
    stands = Counter(r[5] for r in rows)
    if len(stands) > 1 or (rows and rows[0][5] not in (0, rows[0][0])):
        first = {r[5]: r[0] for r in reversed(rows)}
        itself = {r[0] for r in rows if r[0] == r[5]}
        ((_, gives),) = counted((0, s, many, first[s], s in itself) for s, many in stands.items())
        found.sort(key=lambda member: (member[0] != gives, member[0]))
    return found

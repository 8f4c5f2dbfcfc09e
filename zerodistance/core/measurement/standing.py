"""Who was assigned to what so far: the arms of an experiment by subject, and by the persons of today.

Arms are kept by subject, since subjects never change. A person of today is in the arm to which the first of its subjects was assigned; of subjects
assigned together in two arms, the one that is held out counts: nobody of whom a part is held out is contacted by that assignment.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zerodistance.core.measurement import mapped, packing, store
from zerodistance.kernel.home import Home

TREATED, HELD, ASIDE = 0, 1, 2
"""May be contacted; held out; held out of everything, and so in neither arm of this experiment."""
NOBODY = -1
_LAST = np.iinfo(np.int64).max
Ints = npt.NDArray[np.int64]
Arms = npt.NDArray[np.int8]
_KEPT = 16  # own value: experiments whose arms stay in memory
_ROW = np.dtype([("arm", "i1"), ("order", "i4"), ("at", "i8"), ("stratum", "i4"), ("band", "i1")])
_kept: OrderedDict[tuple[str, int], Standing] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Standing:
    """The arms of an experiment up to an assignment, one element a subject, subjects ascending.

    Attributes
    ----------
    order
        Number of the assignment.
    at
        When that was, microseconds UTC.
    stratum
        Place in `strata`.
    band
        Tenth of the score, -1: none.
    """

    upto: int
    subject: Ints
    arm: Arms
    order: npt.NDArray[np.int32]
    at: Ints
    stratum: npt.NDArray[np.int32]
    band: npt.NDArray[np.int8]
    strata: tuple[str, ...]


_NONE = Standing(
    0, np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0, np.int32), np.zeros(0, np.int64),
    np.zeros(0, np.int32), np.zeros(0, np.int8), (),
)  # fmt: skip


def read(home: Home, number: int) -> Standing:
    """Return the arms of an experiment as they are now; what was read before is kept, since arms are only added."""
    key = (str(home.root), number)
    with _lock:
        held = _kept.get(key, _NONE)
    with home.state.read() as tx:
        upto = store.last(tx, number)
        if upto <= held.upto:
            return held
        rows = store.arms(tx, number, after=held.upto)
    found = _joined(held, rows, upto)
    with _lock:
        _kept[key] = found
        _kept.move_to_end(key)
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return found


def let_go(home: Home) -> None:
    """Keep nothing of this home in memory any more: somebody was forgotten."""
    with _lock:
        for key in [one for one in _kept if one[0] == str(home.root)]:
            del _kept[key]


def _joined(before: Standing, rows: Sequence[store.Arm], upto: int) -> Standing:
    strata = {name: n for n, name in enumerate(before.strata)}
    subject, rest = [before.subject], [_said_of(before)]
    for row in rows:
        place = strata.setdefault(row.stratum, len(strata))
        for which, blob in ((TREATED, row.treated), (HELD, row.held), (ASIDE, row.aside)):
            subject.append(packing.unpack(blob))
            some = np.empty(len(subject[-1]), _ROW)
            some[:] = (which, row.number, row.assigned_at, place, row.band)
            rest.append(some)
    every, said = np.concatenate(subject), np.concatenate(rest)
    order = np.argsort(every, kind="stable")
    said = said[order]
    arm, number, at, code, band = (np.ascontiguousarray(said[name]) for name in _ROW.names or ())
    return Standing(upto, every[order], arm, number, at, code, band, tuple(strata))


def _said_of(some: Standing) -> npt.NDArray[Any]:
    found = np.empty(len(some.subject), _ROW)
    for name in _ROW.names or ():
        found[name] = getattr(some, name)
    return found


@dataclass(frozen=True)
class People:
    """Persons of today with the place of each one's first assignment in a `Standing`, -1: none; numbers ascending.

    Attributes
    ----------
    both
        Whether somebody has subjects in more than one arm, as after a merge.
    """

    numbers: npt.NDArray[np.uint32]
    first: Ints
    both: npt.NDArray[np.bool_]

    def arms(self, standing: Standing) -> Arms:
        """Return the arm of each, NOBODY for who is in none."""
        if not len(standing.subject):
            return np.full(len(self.numbers), NOBODY, np.int8)
        return np.where(self.first < 0, NOBODY, standing.arm[self.first]).astype(np.int8)


def of_persons(standing: Standing, numbers: npt.NDArray[np.uint32], pairs: tuple[Ints, Ints]) -> People:
    """Return where some persons (numbers ascending) stand; `pairs` are their subjects, and whose each is, as `mapped.subjects_of` gives them."""
    subjects, whose = pairs
    place = np.minimum(np.searchsorted(standing.subject, subjects), max(len(standing.subject) - 1, 0))
    there = (
        standing.subject[place] == subjects if len(standing.subject) else np.zeros(len(subjects), np.bool_)
    )
    return _firsts(standing, numbers, whose[there], place[there])


def of_everybody(home: Home, standing: Standing) -> People:
    """Return all persons of today who were assigned."""
    whose = mapped.numbers_of(home, standing.subject)
    there = whose > 0
    return _firsts(standing, mapped.distinct(whose), whose[there], np.flatnonzero(there))


def _firsts(standing: Standing, numbers: npt.NDArray[np.uint32], whose: Ints, place: Ints) -> People:
    """Return the first assignment of each person, out of whose each subject is and its place in `standing`."""
    arm = standing.arm[place]
    of = mapped.places(numbers, whose)
    ranked = ((standing.order[place].astype(np.int64) * 4 + (ASIDE - arm)) << 32) | place
    best = np.full(len(numbers), _LAST, np.int64)
    np.minimum.at(best, of, ranked)
    first = np.where(best == _LAST, -1, best & 0xFFFFFFFF)
    lowest, highest = np.full(len(numbers), ASIDE + 1, np.int8), np.full(len(numbers), NOBODY, np.int8)
    np.minimum.at(lowest, of, arm)
    np.maximum.at(highest, of, arm)
    return People(numbers, first, lowest < highest)

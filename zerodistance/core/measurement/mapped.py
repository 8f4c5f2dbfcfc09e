"""Who is who today, for sets of subjects and of persons of any size: a few are looked up, many are read from the tag index and set right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
_FEW = 100_000  # own value: up to so many are asked for one by one
_ROOMY = 8  # own value: a table by number may have so many places for each that is looked up


def numbers_of(home: Home, subjects: Ints) -> Ints:
    """Return the number of the person or visitor that each subject (ascending) belongs to today, 0 where it belongs to nobody."""
    if len(subjects) <= _FEW:
        with home.state.read() as tx:
            return identity.person_of(tx, subjects)
    known, numbers = _everybody(home)
    place = np.minimum(np.searchsorted(known, subjects), max(len(known) - 1, 0))
    there = known[place] == subjects if len(known) else np.zeros(len(subjects), np.bool_)
    found = np.where(there, numbers[place] if len(known) else 0, 0)
    with home.state.read() as tx:
        found[~there] = identity.person_of(tx, subjects[~there])
    return found


def subjects_of(home: Home, numbers: npt.NDArray[np.uint32]) -> tuple[Ints, Ints]:
    """Return the subjects of some persons (numbers ascending), ascending, and the number of each."""
    if len(numbers) <= _FEW:
        pairs = identity.People(home).pairs(numbers.astype(np.int64))
        subjects, whose = (pairs.column(name).to_numpy() for name in ("subject", "number"))
        order = np.argsort(subjects, kind="stable")
        return subjects[order], whose[order]
    known, whose = _everybody(home)
    wanted = np.zeros(int(max(whose.max(initial=0), numbers[-1])) + 1, np.bool_)
    wanted[numbers] = True
    mine = wanted[whose]
    return known[mine], whose[mine]


def distinct(whose: Ints) -> npt.NDArray[np.uint32]:
    """Return the numbers above 0 that occur, ascending.

    Examples
    --------
    >>> distinct(np.array([7, 0, 3, 7])).tolist(), distinct(np.array([], np.int64)).tolist()
    ([3, 7], [])
    """
    highest = int(whose.max(initial=0))
    if highest > _ROOMY * len(whose) + _FEW:  # visitors' numbers are high
        found = np.unique(whose)
        return found[found > 0].astype(np.uint32)
    there = np.zeros(highest + 1, np.bool_)
    there[whose] = True
    there[0] = False
    return np.flatnonzero(there).astype(np.uint32)


def places(numbers: npt.NDArray[np.uint32], whose: Ints) -> Ints:
    """Return where each of `whose` stands in numbers (ascending), all of which are there.

    Examples
    --------
    >>> places(np.array([3, 7, 9], np.uint32), np.array([9, 3, 9])).tolist()
    [2, 0, 2]
    """
    if not len(numbers) or int(numbers[-1]) > _ROOMY * len(whose) + _FEW:
        return np.searchsorted(numbers, whose)
    table = np.zeros(int(numbers[-1]) + 1, np.int64)
    table[numbers] = np.arange(len(numbers))
    return table[whose]


def _everybody(home: Home) -> tuple[Ints, Ints]:
    """Return every subject, ascending, and whose it is: as the tag index has it, and as it was changed since."""
    index = profiles.current(home)
    pairs = index.pairs()
    subjects, numbers = (pairs.column(name).to_numpy() for name in ("subject", "number"))
    order = np.argsort(subjects, kind="stable")
    subjects, numbers = subjects[order], numbers[order].copy()
    with home.state.read() as tx:
        since = index.people
        while True:
            following, moved = identity.changes_since(tx, since)
            if following == since:
                return subjects, numbers
            since = following
            moved = moved[np.isin(moved, subjects)]
            numbers[np.searchsorted(subjects, moved)] = identity.person_of(tx, moved)

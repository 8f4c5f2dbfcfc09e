"""Person numbers after a solve: as many as can be kept are kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zerodistance.core.identity import rules
from zerodistance.core.identity.connected import Whole
from zerodistance.core.identity.naming import Ints
from zerodistance.core.identity.partition import Subjects


@dataclass(frozen=True)
class Renumbered:
    """Person numbers after a solve.

    Attributes
    ----------
    person
        Per subject.
    last_person, last_visitor
        Last numbers given.
    merged, split
        (old person, subject row of a member) of persons that became part of another, or gave away a part.
    """

    person: Ints
    last_person: int
    last_visitor: int
    merged: Ints
    split: Ints


def renumber(
    subjects: Subjects, label: Whole, *, last_person: int, last_visitor: int, visitors_from: int
) -> Renumbered:
    """Give every component a person number, keeping as many as can be kept.

    A number stays with the part that holds the person's earliest accepted subject, as the public id does. A component
    that would hold several keeps that of the most members, then the lowest. Someone who is no longer only a visitor gets a
    number among the persons.
    """
    count = len(label)
    if not count:
        return Renumbered(label.copy(), last_person, last_visitor, label, label)
    visitor = np.ones(count, dtype=bool)
    np.logical_and.at(visitor, label, subjects.rank >= rules.ANONYMOUS_FROM)
    visitor = visitor[label]
    # The earliest subject of each old person, and the component it is in now.
    old, first_row, members = np.unique(subjects.person, return_index=True, return_counts=True)
    home = label[first_row]
    fits = visitor[home] == (old >= visitors_from)
    ranked = np.lexsort((old, -members, home))[:]
    ranked = ranked[fits[ranked]]
    winners = ranked[np.unique(home[ranked], return_index=True)[1]]
    given = np.zeros(count, dtype=np.int64)
    given[home[winners]] = old[winners]
    new_labels = np.flatnonzero((label == np.arange(count)) & (given == 0))
    new_visitors = new_labels[visitor[new_labels]]
    new_persons = new_labels[~visitor[new_labels]]
    given[new_persons] = last_person + 1 + np.arange(len(new_persons))
    start_visitor = max(last_visitor, visitors_from - 1)
    given[new_visitors] = start_visitor + 1 + np.arange(len(new_visitors))
    person = given[label]
    return Renumbered(
        person,
        last_person + len(new_persons),
        start_visitor + len(new_visitors),
        *_differences(subjects, label, old, first_row, home),
    )


def _differences(
    subjects: Subjects, label: Whole, old: Ints, first_row: Ints, home: Ints
) -> tuple[Ints, Ints]:
    """Return rows of the earliest subject of persons that were merged away, and of those that were split."""
    by_home = np.lexsort((first_row, home))
    same = np.zeros(len(old), dtype=bool)
    same[by_home[1:]] = home[by_home[1:]] == home[by_home[:-1]]
    which = np.searchsorted(old, subjects.person)
    apart = label != home[which]
    split = np.unique(which[apart])
    return first_row[np.flatnonzero(same)], first_row[split]

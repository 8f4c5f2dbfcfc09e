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

    A number stays with the part that holds the most of the person's subjects, then its earliest accepted one. A component
    that would hold several keeps that of the most members, then the lowest. Someone who is no longer only a visitor gets a
    number among the persons.
    """
    count = len(label)
    if not count:
        return Renumbered(label.copy(), last_person, last_visitor, label, label)
    visitor = np.ones(count, dtype=bool)
    np.logical_and.at(visitor, label, subjects.rank >= rules.ANONYMOUS_FROM)
    visitor = visitor[label]
    old, first_row, members = np.unique(subjects.person, return_index=True, return_counts=True)
    home, within, split = _homes(subjects.person, label, old, first_row)
    fits = visitor[home] == (old >= visitors_from)
    ranked = np.lexsort((old, -members, home))
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
        within[_merged(old, members, home)],
        first_row[split],
    )


def _homes(person: Ints, label: Whole, old: Ints, first_row: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the component in which each old person goes on and a row of it there, and the places of those that were split."""
    home, within = label[first_row].astype(np.int64), first_row.copy()
    which = np.searchsorted(old, person)
    split = np.unique(which[label != home[which]])
    rows = np.flatnonzero(np.isin(which, split))
    order = np.lexsort((label[rows], which[rows]))
    of, part = which[rows][order], label[rows][order]
    begins = np.flatnonzero(np.r_[True, (of[1:] != of[:-1]) | (part[1:] != part[:-1])][: len(of)])
    many = np.diff(np.r_[begins, len(of)])
    of, part, row = of[begins], part[begins], rows[order][begins]
    ranked = np.lexsort((part, part != home[of], -many, of))
    best = ranked[np.unique(of[ranked], return_index=True)[1]]
    home[of[best]], within[of[best]] = part[best], row[best]
    return home, within, split


def _merged(old: Ints, members: Ints, home: Ints) -> Ints:
    """Return the places of the persons that go on as part of a larger one."""
    order = np.lexsort((old, -members, home))
    return np.sort(order[1:][home[order][1:] == home[order][:-1]])

"""Persons of a saved segment, for an assignment: an account that sees none takes approved audiences of many."""

from __future__ import annotations

from pyroaring import BitMap

from zerodistance.core.measurement.assigning import assign, without_holdout
from zerodistance.core.measurement.contracts import Assignment
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import audiences
from zerodistance.core.segments.releasing import must_be_many
from zerodistance.core.segments.saved import answering
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home


def persons_of(home: Home, who: Who, segment: str) -> BitMap:
    """Return who is in a saved segment now; raises NoSuchSegment, NotApproved, TooFewToSend."""
    if who.may(Permission.SEE_PERSONS):
        rule = segments.segment(home, who, segment).asks
        return answering(home, who, rule).fits(rule).persons
    rule = audiences.approved(home, who, segment).asks
    found = audiences.answered(home).fits(rule).persons
    must_be_many(len(found))
    return found


def assign_segment(
    home: Home, who: Who, key: str, segment: str, *, without_holdout_because: str | None = None
) -> Assignment:
    """Assign who is in a saved segment now, see `assign`; with a reason nobody is held out, see `without_holdout`."""
    persons = persons_of(home, who, segment)
    if without_holdout_because:
        return without_holdout(home, who, key, persons, without_holdout_because)
    return assign(home, who, key, persons)

"""Persons of a saved segment, for an assignment: an account that sees none takes approved audiences of many, in its own territory."""

from __future__ import annotations

from pyroaring import BitMap

from zerodistance.core.brand import api as brand
from zerodistance.core.measurement.assigning import assign, without_holdout
from zerodistance.core.measurement.contracts import Assignment
from zerodistance.core.profiles import bitmaps
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import audiences
from zerodistance.core.segments.contracts import AllOf, AnyOf, Lives, Rule
from zerodistance.core.segments.releasing import must_be_many
from zerodistance.core.segments.saved import answering
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home


def persons_of(home: Home, who: Who, segment: str) -> BitMap:
    """Return who is in a saved segment now; for an account that sees no persons, of an approved audience who lives in its units' territories.

    Raises
    ------
    NoSuchSegment, NotApproved
        The segment is not there, or no approved audience.
    TooFewToSend
        Fewer than 50 persons and a few more, by a draw that hangs on who they are: so the line tells about no single person.
    """
    if who.may(Permission.SEE_PERSONS):
        rule = segments.segment(home, who, segment).asks
        return answering(home, who, rule).fits(rule).persons
    found = (
        audiences.answered(home).fits(_own(home, who, audiences.approved(home, who, segment).asks)).persons
    )
    more = home.seal.draw(bitmaps.to_numbers(found).astype("<u4").tobytes()) % home.settings.released_k
    must_be_many(len(found) - more)
    return found


def _own(home: Home, who: Who, rule: Rule) -> Rule:
    """Return a rule within the territories of an account's units; of an account of the whole brand as it is."""
    if not who.units:
        return rule
    own = [Lives(territory=one.key) for one in brand.units(home, who) if one.number in who.units]
    return AllOf((rule, AnyOf(tuple(own))))


def assign_segment(
    home: Home, who: Who, key: str, segment: str, *, without_holdout_because: str | None = None
) -> Assignment:
    """Assign who is in a saved segment now, see `assign`; with a reason nobody is held out, see `without_holdout`."""
    persons = persons_of(home, who, segment)
    if without_holdout_because:
        return without_holdout(home, who, key, persons, without_holdout_because)
    return assign(home, who, key, persons)

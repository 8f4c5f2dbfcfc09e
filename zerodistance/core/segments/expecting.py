"""What may be expected of those who fit a rule: the chances of a champion, added up by band."""

from __future__ import annotations

import numpy as np

from zerodistance.core.models import expected
from zerodistance.core.models.expected import Expected
from zerodistance.core.segments import audit, saved
from zerodistance.core.segments.contracts import Rule
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home


def expect(home: Home, who: Who, rule: Rule, model: str, category: str = "") -> Expected:
    """Return how many outcomes may be expected of those who fit a rule, by band, beside what came of the same bands at the evaluation; needs SEE_PERSONS.

    Raises
    ------
    NoSuchModel, NoChampion, NoSuchCategory, NoChances
        As `models.expected.expect`.
    """
    who.need(Permission.SEE_PERSONS)
    here = saved.answering(home, who, rule, None)
    fits = here.fits(rule)
    found = expected.expect(home, who, here.index, np.array(fits.persons, np.uint32), model, category)
    audit.note(home, who, "expect", rule, found.persons, 0)
    return found

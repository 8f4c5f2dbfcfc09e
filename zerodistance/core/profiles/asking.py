"""What is asked of persons by public id: of today, or as of an earlier moment."""

from __future__ import annotations

from collections.abc import Sequence

from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import appliances, portraits, rules, states, then
from zerodistance.core.profiles import why as whys
from zerodistance.core.profiles.appliances import Appliance
from zerodistance.core.profiles.asked import PersonTags, Portraits
from zerodistance.core.profiles.contracts import (
    Dimension,
)
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.why import Why
from zerodistance.core.touchpoints.log import History
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home


def profiles_of(
    home: Home,
    who: Who,
    here: Index,
    ids: Sequence[str],
    dimensions: Sequence[Dimension],
    *,
    as_of: int | None,
    dated: bool,
) -> Portraits:
    """Return what is known of some persons, see `api.profiles_of`."""
    asked = list(dict.fromkeys(ids))
    numbers = identity.numbers_of_ids(home, who, asked)
    today = identity.public_ids(home, list(numbers.values()))
    unknown = tuple(one for one in asked if one not in numbers)
    if as_of is not None:
        subjects = {one: home.seal.number_of(one) for one in numbers}
        found = then.of_some(home, identity.People(home), list(subjects.values()), as_of, dimensions)
        tags = portraits.of_then(home, who, found, as_of, dimensions)
        if dated:
            tags = portraits.dated(home, tags, dimensions, found.day, found.states)
        whose = {one: found.numbers[subject] for one, subject in subjects.items() if subject in found.numbers}
        at, batch = clock.from_micros(as_of), 0
    else:
        tags, whose = portraits.of_index(home, who, here, list(numbers.values()), dimensions), numbers
        if dated:
            rows = portraits.states_of(home, list(numbers.values()), here.day)
            tags = portraits.dated(home, tags, dimensions, here.day, rows)
        at, batch = clock.from_micros(here.made_at or 0), here.batch
    return Portraits(
        at,
        batch,
        tuple(PersonTags(one, today[numbers[one]], tags[whose[one]]) for one in asked if one in whose),
        unknown,
        tuple(one for one in asked if one in numbers and one not in whose),
    )


def person_then(home: Home, who: Who, person_id: str, at: int) -> list[int]:
    """Return the subjects of whoever a public id belonged to at a moment, as far as they were known then; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    found = then.of_some(home, identity.People(home), [home.seal.number_of(person_id)], at, ())
    return [int(subject) for subject in found.subjects]


def owned(home: Home, who: Who, history: History, at: int | None = None) -> tuple[Appliance, ...]:
    """Return what somebody owns, out of everything that they did, as of a moment; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    return appliances.owned(home, who, states.made_from(home, history.rows, 0), _day(home, at))


def why(home: Home, who: Who, dimension: Dimension, history: History, at: int | None = None) -> Why:
    """Return why somebody is at a node of a dimension, as of a moment, and since when; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    return whys.why(home, dimension, history, _day(home, at))


def _day(home: Home, at: int | None) -> int:
    return rules.day_of(clock.micros() if at is None else at, home.settings.zone)

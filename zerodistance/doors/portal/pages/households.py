"""*Household*: who shares a home, since when, where, what they own and did, their tags side by side. Also a panel of *Person*."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.api import Household
from zerodistance.core.identity.contracts import Identifier
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Layer, Tag
from zerodistance.core.touchpoints.api import log
from zerodistance.doors.portal.pages import portraits
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, page, who_of
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()


@dataclass(frozen=True)
class Shown:
    """A member as the page shows them.

    Attributes
    ----------
    name
        Masked; empty where none is known.
    devices
        Appliances that are bound to them.
    """

    person: str
    name: str
    since: int
    until: int | None
    devices: tuple[Identifier, ...]


def members(home: Home, who: Who, household: Household, *, devices: bool = False) -> list[Shown]:
    """Return the members of a household, those who left last."""
    found = []
    for one in sorted(household.members, key=lambda m: (m.until is not None, m.since)):
        card = identity.card(home, who, one.person)
        bound = identity.show(home, who, one.person).identifiers if devices else ()
        found.append(
            Shown(
                one.person,
                card.get("name", ""),
                one.since,
                one.until,
                tuple(i for i in bound if i.namespace == "device_id"),
            )
        )
    return found


def _seen(
    home: Home, who: Who, found: Household
) -> tuple[portraits.Seen, dict[int, tuple[str, str]], dict[str, int]]:
    """Return what the members of today did, whose each subject is, and public id -> person number."""
    here = [one.person for one in found.members if one.until is None]
    numbers = identity.numbers_of_ids(home, who, here)
    whose: dict[int, tuple[str, str]] = {}
    for person in here:
        name = identity.card(home, who, person).get("name", "") or person
        with home.state.read() as tx:
            whose |= dict.fromkeys(identity.subjects_of(tx, numbers[person]), (person, name))
    return portraits.Seen(None, list(whose), log.history(home, who, list(whose)), ()), whose, numbers


def _beside(
    home: Home, who: Who, numbers: Mapping[str, int]
) -> list[tuple[Text, list[tuple[Text, list[Tag | None]]]]]:
    """Return layer by layer each dimension in which members have something to say, with the tag of each; noughts are no news."""
    tags = profiles.portraits_of(home, who, list(numbers.values()), profiles.dimensions(home, who))
    mine = [{tag.dimension: tag for tag in tags[number] if tag.value != 0} for number in numbers.values()]
    found: dict[Layer, list[tuple[Text, list[Tag | None]]]] = {}
    for dimension in profiles.dimensions(home, who):
        row = [one.get(dimension.key) for one in mine]
        if sum(tag is not None for tag in row) * 2 > len(row):  # of more than half of them
            found.setdefault(dimension.layer, []).append((dimension.label, row))
    return [(layer.label, rows) for layer, rows in found.items()]


@router.get("/households/{household_id}")
def household(request: Request, household_id: str) -> Response:
    """Show one household; an id that was its own before leads to the one of today."""
    home, who = home_of(request), who_of(request)
    found = identity.show_household(home, who, household_id)
    if found.id != household_id:
        return go(f"/households/{found.id}", 308)
    seen, whose, numbers = _seen(home, who, found)
    return page(
        request,
        "household.html",
        here="people",
        household=found,
        made_at=identity.households_made_at(home),
        members=members(home, who, found, devices=True),
        owned=profiles.owned(home, who, seen.history),
        beside=_beside(home, who, numbers),
        named=list(dict(whose.values()).items()),
        index=profiles.state(home),
        **portraits.timeline(request, f"/households/{found.id}", seen, whose=whose),
    )


@router.get("/households/{household_id}/timeline")
def timeline(
    request: Request,
    household_id: str,
    before: Annotated[str | None, Query(max_length=60)] = None,
    source: Number = 0,
    of: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """Show a page of what its members did."""
    home, who = home_of(request), who_of(request)
    found = identity.show_household(home, who, household_id)
    seen, whose, _ = _seen(home, who, found)
    values = portraits.timeline(
        request, f"/households/{found.id}", seen, before=before, source=source, of=of, whose=whose
    )
    return page(request, "person_timeline.html", **values)


register("households", router)

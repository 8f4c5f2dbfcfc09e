"""*Household*: who shares a home, since when, where, and which appliances they have bound. Also a panel of *Person*."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.api import Household
from zerodistance.core.identity.contracts import Identifier
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, page, who_of
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

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


@router.get("/households/{household_id}")
def household(request: Request, household_id: str) -> Response:
    """Show one household; an id that was its own before leads to the one of today."""
    home, who = home_of(request), who_of(request)
    found = identity.show_household(home, who, household_id)
    if found.id != household_id:
        return go(f"/households/{found.id}", 308)
    return page(
        request,
        "household.html",
        here="people",
        household=found,
        made_at=identity.households_made_at(home),
        members=members(home, who, found, devices=True),
    )


register("households", router)

"""The broadcast station: an account that sees no person writes to an approved audience of its own territory, once, measured.

What it may not do is refused by the verbs of campaigns, whoever calls them; here is only what the station offers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zerodistance.apps.marketing.campaigns import api as campaigns
from zerodistance.apps.marketing.campaigns.contracts import (
    Audience,
    Budget,
    Calendar,
    Campaign,
    Message,
    Said,
    Stop,
)
from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Unit
from zerodistance.core.measurement.contracts import Goal
from zerodistance.core.outreach import catalogue
from zerodistance.core.outreach.templates import Template
from zerodistance.core.segments import audiences
from zerodistance.core.segments.questions import Approval, Question
from zerodistance.core.segments.spreading import Spread
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

LEAST = audiences.LEAST
MOST_SHOWN = 60  # own value: communities on the page, those with most first
_STOPS = (Stop.GOAL, Stop.REFUSED, Stop.SERVICE)


@dataclass(frozen=True, slots=True)
class Nearby:
    """A community of the territory; `persons` is a released count of the audience in it, None: hidden."""

    code: str
    name: Text
    persons: int | None


@dataclass(frozen=True, slots=True)
class Station:
    """What an account may choose at the station.

    Attributes
    ----------
    units
        Whose territories it may write to; an account of the whole brand may leave it open.
    audiences
        Approved ones, which hold.
    communities
        Those of the territory that was chosen, with released counts of the audience that was; none before an audience is chosen.
    templates
        Message templates for marketing.
    """

    units: tuple[Unit, ...]
    audiences: tuple[Approval, ...]
    communities: tuple[Nearby, ...]
    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What somebody filled in at the station; see `campaigns.contracts.Said` for the parts."""

    name: Text
    audience: str
    goal: Goal
    templates: tuple[str, ...]
    territory: str | None = None
    communities: tuple[str, ...] = ()
    share_held: float | None = None

    def said(self) -> Said:
        """Return the campaign that it is: once, one message."""
        return Said(
            name=self.name,
            kind="once",
            audience=Audience(self.audience, self.territory, self.communities),
            goal=self.goal,
            steps=(Message(self.templates),),
            stops=_STOPS,
            share_held=self.share_held,
            calendar=Calendar(),
            budget=Budget(),
        )


def station(
    home: Home,
    who: Who,
    territory: str | None = None,
    audience: str | None = None,
    chosen: Sequence[str] = (),
) -> Station:
    """Return what an account may choose; needs SEND. Communities that are chosen already come first.

    Raises
    ------
    NotApproved
        The audience is not approved, or was changed since.
    Forbidden
        The territory is none of the account's.
    """
    who.need(Permission.SEND)
    known = {one.unit for one in brand.territories(home, who)}
    units = tuple(one for one in brand.units(home, who) if one.key in known and who.sees_unit(one.number))
    if territory is not None:
        brand.see_unit(home, who, territory)
    some = tuple(one for one in audiences.approvals(home, who) if one.holds)
    texts = tuple(one for one in catalogue.listed(home, who) if one.purpose == "marketing" and not one.off)
    near = _communities(home, who, territory, audience, chosen) if audience is not None else ()
    return Station(units, some, tuple(near), texts)


def _communities(
    home: Home, who: Who, territory: str | None, audience: str, chosen: Sequence[str]
) -> Sequence[Nearby]:
    spread = Spread(home, who)
    inside = spread.mine.copy()
    if territory is not None:
        inside &= np.isin(np.array(spread.codes, object), brand.communities_of(home, territory))
    groups = np.where(inside, np.arange(len(spread.codes)), -1)
    counted = spread.count(Question(audience=audience), groups, len(spread.codes))
    found = [(counted.figure(n), code) for n, code in enumerate(spread.codes) if inside[n]]
    found.sort(key=lambda one: (one[1] not in chosen, -(one[0] or 0), one[1]))
    names = brand.some_places(home, [code for _, code in found[:MOST_SHOWN]])
    return [
        Nearby(code, names[code].name if code in names else Text(code, code), persons)
        for persons, code in found[:MOST_SHOWN]
    ]


def send(home: Home, who: Who, given: Broadcast, *, unit: int | None = None) -> Campaign:
    """Make a campaign of what was filled in, and send it for approval; it goes out once approved, a small one at once.

    Raises
    ------
    TooFewToSend
        Fewer than 50 persons, or so few that no count of them is released.
    NotApproved, NotYours, NotOpenToYou
        A free rule, another territory, or a community outside of it.
    """
    made = campaigns.create(home, who, None, given.said(), unit=unit)
    try:
        return campaigns.ask(home, who, made.key, made.version)
    except Exception:
        campaigns.end(home, who, made.key, Text("没有发出", "it was not sent"))
        raise

"""The JSON API of campaigns and plays: `/v1/marketing/campaigns`, `/v1/marketing/plays`. Who asks is set by the door."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zerodistance.apps.marketing.campaigns import http as campaigns_http
from zerodistance.apps.marketing.plays import api as plays
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.web import current_home, current_who

router = APIRouter(prefix="/v1/marketing", tags=["marketing"])
router.include_router(campaigns_http.router)
AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]


class PlayAnswer(BaseModel):
    """A ready-made campaign."""

    key: str
    name: str
    why: str = Field(description="why it works, and how it aims")
    needs: str = Field(description="what data it needs")
    standing: bool
    persons: int | None = Field(
        description="how many it is for now; null for accounts that see no persons, or where its rule can't be read"
    )
    campaign: str | None = Field(description="the campaign that was last made from it")


class PlaysAnswer(BaseModel):
    """The plays, in the order in which they are shown."""

    plays: list[PlayAnswer]


class Started(BaseModel):
    """Which campaign a play became."""

    campaign: str
    state: str


class Unit(BaseModel):
    """For which unit."""

    unit: int | None = Field(None, ge=1, le=2**31 - 1, strict=True)


@router.get("/plays")
def listed(home: Here, who: AskedBy) -> PlaysAnswer:
    """List the ready-made plays."""
    started = plays.started(home, who)
    sees = who.may(Permission.SEE_PERSONS)
    rows = [
        PlayAnswer(
            key=one.key,
            name=one.name.get(who.lang),
            why=one.why.get(who.lang),
            needs=one.needs.get(who.lang),
            standing=one.standing,
            persons=plays.reach(home, who, one) if sees else None,
            campaign=started[one.key].key if one.key in started else None,
        )
        for one in plays.plays()
    ]
    return PlaysAnswer(plays=rows)


@router.post("/plays/{key}/start", status_code=201)
def start(key: str, given: Unit, home: Here, who: AskedBy) -> Started:
    """Make segment, texts and campaign of a play, and send it for approval."""
    found = plays.start(home, who, key, unit=given.unit)
    return Started(campaign=found.key, state=found.state.value)

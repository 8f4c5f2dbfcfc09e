"""The JSON API of campaigns: `/v1/marketing/campaigns`. Who asks is set by the door."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zerodistance.apps.marketing.campaigns import api, forms
from zerodistance.apps.marketing.campaigns.contracts import Campaign
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import current_home, current_who

router = APIRouter(prefix="/campaigns")
AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]


class NewCampaign(forms.CampaignSaid):
    """A campaign to save as a draft."""

    key: str | None = Field(None, max_length=48, description="null: the next of c_1, c_2, ...")
    unit: int | None = Field(
        None, ge=1, le=2**31 - 1, strict=True, description="number of the unit it belongs to"
    )


class Asked(BaseModel):
    """Which version was looked at."""

    version: Version
    starts: bool = Field(True, description="it starts as soon as it is approved")


class Looked(BaseModel):
    """Which version was looked at."""

    version: Version


class Why(BaseModel):
    """Why."""

    why: str = Field("", max_length=200)


class CampaignAnswer(BaseModel):
    """A campaign as it stands; times are microseconds since 1970 UTC, null: not yet."""

    key: str
    state: str
    why: str = Field(description="why it is paused, or was sent back")
    version: int
    versions: int
    unit: int | None
    experiment: str | None
    starts: bool
    made_by: str
    made_at: int
    changed_by: str
    changed_at: int
    asked_by: str | None
    asked_at: int | None
    approved_by: str | None
    approved_at: int | None
    started_at: int | None
    ended_at: int | None
    said: dict[str, Any] = Field(description="what it is, in the form in which it is saved")


class CampaignsAnswer(BaseModel):
    """The campaigns that the account sees, last changed first."""

    campaigns: list[CampaignAnswer]


class PlanAnswer(BaseModel):
    """How many persons a campaign is for, and what it could find of them; rates and lifts are shares."""

    persons: int | None = Field(description="null: too few to be said")
    low: int
    high: int | None
    released: bool = Field(description="whether it is a released count, for accounts that see no persons")
    share_held: float | None
    base_rate: float | None
    detectable: float | None = Field(description="smallest relative lift that it finds")
    power: float | None
    needed: int | None = Field(description="persons that `detect` takes; null: nobody said what to detect")


class ActAnswer(BaseModel):
    """What was done, by whom, when (microseconds since 1970 UTC), and why."""

    act: str
    version: int
    by: str
    at: int
    why: str


class ActsAnswer(BaseModel):
    """The record of a campaign, the latest first."""

    acts: list[ActAnswer]


class FigureAnswer(BaseModel):
    """A figure of a campaign; null where the account is told none. The part says what it is about, low and high are its 95 % interval."""

    part: str
    name: str
    value: float | str | None
    low: float | None
    high: float | None


class FiguresAnswer(BaseModel):
    """The figures of a campaign, one row each, as of a moment (microseconds since 1970 UTC)."""

    at: int
    figures: list[FigureAnswer]


@router.get("")
def campaigns(home: Here, who: AskedBy) -> CampaignsAnswer:
    """List the campaigns."""
    return CampaignsAnswer(campaigns=[_answer(one, who) for one in api.campaigns(home, who)])


@router.post("", status_code=201)
def create(given: NewCampaign, home: Here, who: AskedBy) -> CampaignAnswer:
    """Save a new campaign as a draft."""
    said = forms.CampaignSaid(**given.model_dump(exclude={"key", "unit"})).said()
    return _answer(api.create(home, who, given.key, said, unit=given.unit), who)


@router.post("/plan")
def plan(given: forms.CampaignSaid, home: Here, who: AskedBy) -> PlanAnswer:
    """Say how many persons a campaign would be for, and what it could find out of them. Saves nothing."""
    size, found = api.sizes(home, who, given.said())
    return PlanAnswer(
        persons=size.persons,
        low=size.low,
        high=size.high,
        released=size.released,
        share_held=None if found is None else found.share_held,
        base_rate=None if found is None else found.base_rate,
        detectable=None if found is None else found.detectable,
        power=None if found is None else found.power,
        needed=None if found is None else found.needed,
    )


@router.get("/{key}")
def campaign(key: str, home: Here, who: AskedBy) -> CampaignAnswer:
    """Return one campaign."""
    return _answer(api.campaign(home, who, key), who)


@router.put("/{key}")
def save(key: str, given: forms.CampaignSaid, home: Here, who: AskedBy) -> CampaignAnswer:
    """Save a new version: it is a draft again."""
    return _answer(api.save(home, who, key, given.said()), who)


@router.post("/{key}/ask")
def ask(key: str, given: Asked, home: Here, who: AskedBy) -> CampaignAnswer:
    """Send it for approval; one for few persons is approved by that."""
    return _answer(api.ask(home, who, key, given.version, starts=given.starts), who)


@router.post("/{key}/approve")
def approve(key: str, given: Looked, home: Here, who: AskedBy) -> CampaignAnswer:
    """Approve it, as another account than who wrote it or asked for it."""
    return _answer(api.approve(home, who, key, given.version), who)


@router.post("/{key}/return")
def send_back(key: str, given: Why, home: Here, who: AskedBy) -> CampaignAnswer:
    """Send it back to who asked, with the reason."""
    return _answer(api.send_back(home, who, key, given.why), who)


@router.post("/{key}/start")
def start(key: str, home: Here, who: AskedBy) -> CampaignAnswer:
    """Start an approved campaign."""
    return _answer(api.start(home, who, key), who)


@router.post("/{key}/pause")
def pause(key: str, given: Why, home: Here, who: AskedBy) -> CampaignAnswer:
    """Stop it where it is."""
    return _answer(api.pause(home, who, key, Text(given.why, given.why)), who)


@router.post("/{key}/resume")
def resume(key: str, home: Here, who: AskedBy) -> CampaignAnswer:
    """Let it go on."""
    return _answer(api.resume(home, who, key), who)


@router.post("/{key}/end")
def end(key: str, given: Why, home: Here, who: AskedBy) -> CampaignAnswer:
    """End it for good."""
    return _answer(api.end(home, who, key, Text(given.why, given.why)), who)


@router.get("/{key}/acts")
def acts(key: str, home: Here, who: AskedBy) -> ActsAnswer:
    """List what was done to it."""
    found = api.acts(home, who, key)
    rows = [ActAnswer(act=a.act, version=a.version, by=a.by, at=a.at, why=a.why.get(who.lang)) for a in found]
    return ActsAnswer(acts=rows)


@router.get("/{key}/statistics")
def statistics(key: str, home: Here, who: AskedBy) -> FiguresAnswer:
    """Return its figures as of now: for accounts that see no persons released ones."""
    found = api.statistics(home, who, key)
    rows = [
        FigureAnswer(part=f.part, name=f.name, value=_plain(f.value), low=_bound(f.low), high=_bound(f.high))
        for f in found.figures
    ]
    return FiguresAnswer(at=found.at, figures=rows)


def _plain(value: object) -> float | str | None:
    return float(value) if isinstance(value, int | float) else str(value) if value else None


def _bound(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _answer(found: Campaign, who: Who) -> CampaignAnswer:
    return CampaignAnswer(
        key=found.key,
        state=found.state.value,
        why=found.why.get(who.lang),
        version=found.version,
        versions=found.versions,
        unit=found.unit,
        experiment=found.experiment,
        starts=found.starts,
        made_by=found.made_by,
        made_at=found.made_at,
        changed_by=found.changed_by,
        changed_at=found.changed_at,
        asked_by=found.asked_by,
        asked_at=found.asked_at,
        approved_by=found.approved_by,
        approved_at=found.approved_at,
        started_at=found.started_at,
        ended_at=found.ended_at,
        said=forms.shown(found.said),
    )

"""A campaign as the JSON API takes and gives it: the JSON form of `rules`, typed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from zerodistance.apps.marketing.campaigns import rules
from zerodistance.apps.marketing.campaigns.contracts import MOST_STEPS, Said

Word = Annotated[str, Field(min_length=1, max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Channel = Literal["email", "sms", "webhook", "inbox"]
Whole = Annotated[int, Field(strict=True, ge=0)]


class Words(BaseModel):
    """A text in both languages."""

    zh: Name
    en: Name


class AudienceSaid(BaseModel):
    """Who a campaign is for."""

    segment: Word = Field(
        description="key of a saved segment; of an approved audience for accounts that see no persons"
    )
    territory: Word | None = Field(None, description="key of a unit: who lives where it answers for")
    communities: list[Word] = Field([], max_length=500, description="codes: who lives in one of them")
    cells: list[Word] = Field([], max_length=500, description="H3 cells of resolution 9 or coarser")
    present: bool = Field(
        True, description="standing: whether those who are in the segment at the start enter too"
    )


class GoalSaid(BaseModel):
    """What is hoped for: touches of a kind within so many days of the assignment."""

    kind: Word = Field(description="such as `order.line`, or a family, `order.*`")
    category: Word | None = None
    product: Word | None = None
    place: Word | None = None
    window_days: int = Field(28, ge=1, le=366, strict=True)
    value: Literal["touches", "amount"] = "touches"


class MessageSaid(BaseModel):
    """A message."""

    templates: list[Word] = Field(
        min_length=1,
        max_length=4,
        description="keys, the best first: everybody gets the first by whose channel they can be reached",
    )
    variants: dict[str, list[Word]] = Field({}, max_length=50, description="country (ISO 3166) -> templates")


class WaitSaid(BaseModel):
    """A wait: so many days, then until an hour of the brand's zone."""

    days: int = Field(0, ge=0, le=366, strict=True)
    until_hour: int | None = Field(None, ge=0, le=23, strict=True)


class StepSaid(BaseModel):
    """A step: a message, or a wait."""

    message: MessageSaid | None = None
    wait: WaitSaid | None = None


class BlackoutSaid(BaseModel):
    """Days, both included, on which nobody of a country (`*`: anybody) is written to."""

    country: str = Field("*", min_length=1, max_length=2)
    first: date
    last: date


class CalendarSaid(BaseModel):
    """When it may enter and send, in days of the brand's zone."""

    first: date | None = None
    last: date | None = None
    weekdays: list[Annotated[int, Field(ge=1, le=7, strict=True)]] | None = Field(None, max_length=7)
    blackouts: list[BlackoutSaid] = Field([], max_length=100)


class BudgetSaid(BaseModel):
    """How much it may take; when the next step would take more it is paused."""

    messages: int | None = Field(None, ge=1, le=10**9, strict=True)
    money: float | None = Field(None, ge=0, le=10**12, strict=True)


class CampaignSaid(BaseModel):
    """What a campaign is."""

    name: Words
    kind: Literal["once", "standing"] = "once"
    audience: AudienceSaid
    goal: GoalSaid
    steps: list[StepSaid] = Field(min_length=1, max_length=MOST_STEPS)
    stops: list[Literal["goal", "click", "refused", "service"]] | None = Field(None, max_length=4)
    share_held: float | None = Field(None, ge=0.01, le=0.9, strict=True)
    detect: float | None = Field(None, ge=0.001, le=100, strict=True)
    stratify: list[Word] = Field([], max_length=3)
    score: Word | None = None
    calendar: CalendarSaid | None = None
    budget: BudgetSaid | None = None
    prices: dict[Channel, Annotated[float, Field(ge=0, le=10**6, strict=True)]] = {}
    points_goal: int = Field(0, ge=0, le=10**6, strict=True)
    play: str = Field("", max_length=64)

    def said(self) -> Said:
        """Return the campaign; raises WrongCampaign."""
        return rules.read(self.model_dump(mode="json", exclude_none=True))


def shown(said: Said) -> dict[str, Any]:
    """Return the JSON form of a campaign."""
    return rules.write(said)

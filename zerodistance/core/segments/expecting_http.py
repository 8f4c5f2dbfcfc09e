"""The JSON API of what may be expected of a segment: `POST /v1/segments/expect`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zerodistance.core.segments import api, expecting
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.web import current_home, current_who

router = APIRouter()

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]


class AskedExpected(BaseModel):
    """Of whom, and what."""

    rule: str | dict[str, Any] = Field(description="text form or JSON form of a rule")
    model: str = Field(max_length=40, description="key of a model with a champion, such as `n1`")
    category: str = Field("", max_length=60, description="empty where the model has none")


class BandAnswer(BaseModel):
    """A band of scores now, and what came of everybody in it at the evaluation."""

    band: str
    persons: int
    expected: float = Field(description="outcomes that their chances come to")
    then_persons: int
    then_expected: float
    then_came: int


class ExpectedAnswer(BaseModel):
    """How many outcomes may be expected within the horizon; by band, the highest first."""

    model: str
    category: str
    version: int
    horizon_days: int
    persons: int = Field(description="of those who fit, whom the model is about")
    expected: float
    low: float = Field(description="95 % interval of luck alone, if every chance is right")
    high: float
    held: float | None = Field(
        description="what it comes to if each band holds as much as at the evaluation; null where that was not kept"
    )
    evaluated_as_of: datetime
    bands: list[BandAnswer]


@router.post("/expect")
def expect(given: AskedExpected, home: Here, who: AskedBy) -> ExpectedAnswer:
    """Say how many outcomes may be expected of those who fit a rule, beside what came of the same bands at the evaluation."""
    found = expecting.expect(home, who, api.read_rule(given.rule, home), given.model, given.category)
    return ExpectedAnswer(
        model=found.model.key,
        category=found.category,
        version=found.version.number,
        horizon_days=found.model.horizon_days,
        persons=found.persons,
        expected=found.expected,
        low=found.low,
        high=found.high,
        held=found.held,
        evaluated_as_of=clock.from_micros(found.version.evaluated_as_of),
        bands=[
            BandAnswer(
                band=one.node,
                persons=one.persons,
                expected=one.expected,
                then_persons=one.then_persons,
                then_expected=one.then_expected,
                then_came=one.then_came,
            )
            for one in found.bands
        ],
    )

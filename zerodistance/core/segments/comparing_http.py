"""The JSON API of segments beside one another: `POST /v1/segments/overlap` and `/distinguish`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zerodistance.core.profiles.api import moment
from zerodistance.core.segments import api
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.web import current_home, current_who

router = APIRouter()

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]


AsOf = Annotated[
    str | None,
    Field(
        max_length=40,
        description="a day (its end) or a moment: by what was known then; 409 `past_not_made` while the index of it is being made",
    ),
]


def then(home: Home, given: str | None) -> int | None:
    """Return the moment that a question names, microseconds UTC; None: it names none."""
    return None if given is None else moment(home, given)


class Several(BaseModel):
    """Saved segments to compare."""

    segments: list[str] = Field(
        description="2 to 20 keys; of at most 5 every combination is counted", max_length=20
    )
    as_of: AsOf = None


class SizesAnswer(BaseModel):
    """How many; persons and visitors are never added up."""

    persons: int
    visitors: int


class RegionAnswer(SizesAnswer):
    """Who is in these segments and in none of the others."""

    inside: list[str]


class OverlapAnswer(BaseModel):
    """How segments overlap; `pairs` has a row and a column for each, in the order of `segments`."""

    segments: list[str]
    pairs: list[list[SizesAnswer]]
    regions: list[RegionAnswer]
    outside: SizesAnswer
    as_of: datetime
    batch: int
    took_ms: float


class Compared(BaseModel):
    """A rule, and whom to compare those with who fit it."""

    rule: str | dict[str, Any] = Field(description="text form or JSON form of a rule")
    against: str | dict[str, Any] | None = Field(None, description="another rule; left out: everybody else")
    sample: bool = Field(False, description="true: a large audience is looked at through a sample of 200,000")
    most: int = Field(20, ge=1, le=200, description="how many differences")
    as_of: AsOf = None


class DifferenceAnswer(BaseModel):
    """A node; shares from 0 to 1, and the interval of their difference, of all nodes together at 95 %."""

    dimension: str
    dimension_label: str
    node: str
    label: str
    persons: int
    share: float
    share_others: float
    low: float
    high: float
    log_odds: float


class DistinguishedAnswer(BaseModel):
    """What tells persons who fit from others, what is surest first."""

    persons: int
    others: int
    in_both: int
    looked_at: int
    error: float
    as_of: datetime
    batch: int
    took_ms: float
    differences: list[DifferenceAnswer]


@router.post("/overlap")
def overlap(given: Several, home: Here, who: AskedBy) -> OverlapAnswer:
    """Count how saved segments overlap."""
    found = api.overlap(home, who, given.segments, as_of=then(home, given.as_of))
    keys = [segment.key for segment in found.segments]
    return OverlapAnswer(
        segments=keys,
        pairs=[[SizesAnswer(**sizes._asdict()) for sizes in row] for row in found.pairs],
        regions=[
            RegionAnswer(
                inside=[key for key, here in zip(keys, region.inside, strict=True) if here],
                **region.sizes._asdict(),
            )
            for region in found.regions
        ],
        outside=SizesAnswer(**found.outside._asdict()),
        as_of=found.as_of,
        batch=found.batch,
        took_ms=found.took_ms,
    )


@router.post("/distinguish")
def distinguish(given: Compared, home: Here, who: AskedBy) -> DistinguishedAnswer:
    """Say what tells persons who fit a rule from everybody else, or from those who fit another."""
    against = None if given.against is None else api.read_rule(given.against, home)
    rule = api.read_rule(given.rule, home)
    at = then(home, given.as_of)
    found = api.distinguish(home, who, rule, against, sample=given.sample, most=given.most, as_of=at)
    differences = [
        DifferenceAnswer(
            dimension=one.dimension,
            dimension_label=one.label.get(who.lang),
            node=one.node,
            label=one.node_label.get(who.lang),
            persons=one.persons,
            share=one.share,
            share_others=one.share_others,
            low=one.low,
            high=one.high,
            log_odds=one.log_odds,
        )
        for one in found.differences
    ]
    return DistinguishedAnswer(
        persons=found.persons,
        others=found.others,
        in_both=found.in_both,
        looked_at=found.looked_at,
        error=found.error,
        as_of=found.as_of,
        batch=found.batch,
        took_ms=found.took_ms,
        differences=differences,
    )

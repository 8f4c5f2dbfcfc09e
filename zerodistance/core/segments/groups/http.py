"""The JSON API of groups: `/v1/segments/groups`. Who asks is set by the door; groups are made by the worker."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zerodistance.core.profiles.contracts import Layer
from zerodistance.core.segments.groups import api, told
from zerodistance.core.segments.groups.contracts import FEWEST, MOST, Asked, Grouping
from zerodistance.core.segments.saved import read_rule
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import current_home, current_who

router = APIRouter(prefix="/groups")

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]
Word = Annotated[str, Field(max_length=200)]


class NewGroups(BaseModel):
    """What groups are to be made of."""

    layers: list[Layer] = Field(
        [],
        max_length=7,
        description="none: interests, usage, brand, value, needs, unless dimensions are named",
    )
    dimensions: list[Word] = Field([], max_length=300, description="dimensions beside those of the layers")
    rule: str | dict[str, Any] | None = Field(
        None, description="only persons who fit it; text form or JSON form"
    )
    groups: int | None = Field(
        None, ge=FEWEST, le=MOST, strict=True, description="how many; left out: as many as are stable"
    )
    seed: int = Field(1, ge=0, le=2**31 - 1, strict=True, description="another one draws another sample")
    name_zh: Word | None = None
    name_en: Word | None = None


class GroupName(BaseModel):
    """What a group is called."""

    name_zh: Word
    name_en: Word


class TraitAnswer(BaseModel):
    """A node by which a group differs from all others who are grouped; shares from 0 to 1, the interval is of their difference."""

    dimension: str
    dimension_label: str
    node: str
    label: str
    share: float
    share_others: float
    low: float
    high: float


class GroupAnswer(BaseModel):
    """A group: how many persons are in it now, its share now and when it was made, how far its members were from its centre then."""

    node: str
    name_zh: str
    name_en: str
    named: bool = Field(description="false: the name was made from its traits")
    persons: int | None
    share: float
    share_when_made: float
    distance: float
    traits: list[TraitAnswer]


class TriedAnswer(BaseModel):
    """How stable so many groups are."""

    groups: int
    strength: float = Field(description="prediction strength; from .9 on it is stable")
    ari: float = Field(description="adjusted Rand index")
    without: float = Field(description="strength of made-up persons of the same spread, without groups")
    smallest: float = Field(description="share of the smallest group")
    stable: bool


class RunAnswer(BaseModel):
    """One assignment of everybody: sizes, and of those who had a group of this version before how many changed it."""

    day: str
    version: int
    persons: int
    sizes: dict[str, int]
    known: int
    moved: int
    distance: float


class AskedAnswer(BaseModel):
    """What the next version is made of."""

    layers: list[str]
    dimensions: list[str]
    rule: str | None
    groups: int | None
    seed: int


class GroupingAnswer(BaseModel):
    """A grouping; times are microseconds since 1970 UTC. `version` is the one by which everybody is assigned, null while there are no groups."""

    key: str
    name_zh: str
    name_en: str
    dimension: str
    version: int | None
    versions: int
    groups: list[GroupAnswer]
    stable: bool | None
    tried: list[TriedAnswer] = Field(description="of the newest version, which may have no groups")
    asked: AskedAnswer
    left_out: list[str] = Field(description="dimensions in which nearly all say the same")
    made_of: list[str]
    sample: int | None
    runs: list[RunAnswer]
    made_by: str
    made_at: int
    fitted_at: int | None
    wanted_at: int | None = Field(description="since when a new version is asked for that is not made yet")
    trouble: str | None = Field(description="why the last one could not be made")


class GroupSql(BaseModel):
    """The assignment as one statement of SQL over `feature(number, x1, x2, ...)`."""

    sql: str


class NewSegmentAnswer(BaseModel):
    """The key of the segment that was saved."""

    key: str


@router.get("")
def groupings(home: Here, who: AskedBy) -> list[GroupingAnswer]:
    """List the groupings, the newest first."""
    return [_answer(one, who) for one in api.groupings(home, who)]


@router.get("/{key}")
def grouping(key: str, home: Here, who: AskedBy) -> GroupingAnswer:
    """Return one grouping with its groups."""
    return _answer(api.grouping(home, who, key), who)


@router.post("/{key}", status_code=202)
def ask(key: str, given: NewGroups, home: Here, who: AskedBy) -> GroupingAnswer:
    """Ask the worker for groups; it makes them within minutes. A grouping that is there gets a new version."""
    rule = None if given.rule is None else read_rule(given.rule, home)
    asked = Asked(tuple(given.layers), tuple(given.dimensions), rule, given.groups, given.seed)
    zh, en = given.name_zh or given.name_en, given.name_en or given.name_zh
    name = Text(zh, en) if zh and en else None
    return _answer(api.ask(home, who, key, asked, name=name), who)


@router.put("/{key}/groups/{node}")
def rename(key: str, node: str, given: GroupName, home: Here, who: AskedBy) -> GroupingAnswer:
    """Name a group; the name stays as long as the group does."""
    return _answer(api.rename(home, who, key, node, Text(given.name_zh, given.name_en)), who)


@router.post("/{key}/groups/{node}/segment", status_code=201)
def as_segment(key: str, node: str, home: Here, who: AskedBy) -> NewSegmentAnswer:
    """Save the persons of a group as a segment."""
    return NewSegmentAnswer(key=api.as_segment(home, who, key, node).key)


@router.get("/{key}/sql")
def sql(key: str, home: Here, who: AskedBy) -> GroupSql:
    """Return the statement that says which group each person is in."""
    return GroupSql(sql=api.as_sql(home, who, key))


@router.delete("/{key}", status_code=204)
def remove(key: str, home: Here, who: AskedBy) -> None:
    """Remove a grouping with its tags."""
    api.remove(home, who, key)


def _answer(found: Grouping, who: Who) -> GroupingAnswer:
    return GroupingAnswer.model_validate(told.plain(found, who.lang))

"""The JSON API of segments: `/v1/segments/...`. Who asks is set by the door."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from zerodistance.core.profiles.api import Measured
from zerodistance.core.segments import api, comparing_http, expecting_http, released_http
from zerodistance.core.segments.comparing_http import AsOf, then
from zerodistance.core.segments.contracts import Change, Segment
from zerodistance.core.segments.groups import http as groups_http
from zerodistance.core.segments.tags import http as tags_http
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number, current_home, current_who

router = APIRouter(prefix="/v1/segments", tags=["segments"])

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]


class Question(BaseModel):
    """A rule, as text or as JSON."""

    rule: str | dict[str, Any] = Field(description="text form or JSON form of a rule")


class Counted(Question):
    """A rule to count."""

    steps: bool = Field(
        True, description="false: the total only, without who is left after each condition; faster"
    )
    as_of: AsOf = None


class StepAnswer(BaseModel):
    """One condition, with the persons who fit it alone and who are left after it."""

    text: str
    depth: int
    joined: str
    alone: int
    left: int


class CountAnswer(BaseModel):
    """How many fit; persons and visitors are never added up."""

    persons: int
    visitors: int
    of_persons: int
    of_visitors: int
    as_of: datetime
    batch: int
    took_ms: float
    steps: list[StepAnswer]


class Asked(Question):
    """A rule whose members are to be described."""

    sample: bool = Field(
        False,
        description="true: a large audience is looked at through a sample of 200,000; `error` then says how far off",
    )
    numbers: list[str] = Field(
        [], max_length=50, description="dimensions whose numbers are summed up, such as `value.spend_365d`"
    )
    as_of: AsOf = None


class NodeAnswer(BaseModel):
    """One node: how many who fit are there, and how many of everybody."""

    node: str
    label: str
    persons: int
    visitors: int
    of_persons: int
    of_visitors: int


class Sum(BaseModel):
    """What numbers come to: how many have one, sum, mean, and what a quarter, half and three quarters do not exceed."""

    many: int
    total: float
    mean: float | None
    quartiles: list[float]


class Sums(BaseModel):
    """What the numbers of persons and of visitors come to; never added up."""

    persons: Sum
    visitors: Sum


class PortraitAnswer(BaseModel):
    """How those who fit are spread over the tag tree; `error` in points, 0 where everybody was counted."""

    persons: int
    visitors: int
    error: float
    as_of: datetime
    batch: int
    took_ms: float
    dimensions: dict[str, list[NodeAnswer]]
    numbers: dict[str, Sums]


class SqlAnswer(BaseModel):
    """A rule as one statement of DuckDB's SQL."""

    sql: str


class NewSegment(Question):
    """A segment to save."""

    key: str
    name_zh: str
    name_en: str


class AskedNear(BaseModel):
    """A point, degrees, WGS-84; with a rule only persons who fit are counted."""

    lat: float = Field(ge=-90, le=90, strict=True)
    lon: float = Field(ge=-180, le=180, strict=True)
    many: int = Field(30, ge=1, le=1_000, strict=True, description="how many communities")
    rule: str | dict[str, Any] | None = Field(None, description="text form or JSON form of a rule")
    as_of: AsOf = None


class NeighbourAnswer(BaseModel):
    """A community: where it lies, how far it is in km, and how many persons live there who fit, and in all."""

    code: str
    name: str
    lat: float
    lon: float
    cell: str
    km: float
    persons: int
    of_persons: int


class NearbyAnswer(BaseModel):
    """The communities nearest to a point, the nearest first."""

    communities: list[NeighbourAnswer]
    as_of: datetime
    batch: int
    took_ms: float


class SegmentAnswer(BaseModel):
    """A saved segment; times are microseconds since 1970 UTC."""

    key: str
    name_zh: str
    name_en: str
    version: int
    versions: int
    rule: dict[str, Any]
    text: str
    made_by: str
    made_at: int
    changed_by: str
    changed_at: int
    state: str = Field(description="`living`, `followed` (entries and exits are told) or `frozen`")
    kept_at: int | None = Field(description="since when it is followed or frozen")
    changes: int = Field(description="number of its last change, 0 where none was told")


class ChangeAnswer(BaseModel):
    """How many entered and left a followed segment at one turn of the index; `at` in microseconds since 1970 UTC."""

    number: int
    version: int
    reason: str = Field(description="`people`, or `rule` where the rule means something else")
    entered_persons: int
    entered_visitors: int
    left_persons: int
    left_visitors: int
    batch: int
    at: int


class ChangedAnswer(ChangeAnswer):
    """Who they were, by public id."""

    entered: list[str]
    left: list[str]


class SizeAnswer(BaseModel):
    """How large a segment was on a day, by the rule of that version."""

    day: date
    version: int
    persons: int
    visitors: int


class MembersAnswer(BaseModel):
    """A page of public ids; ask again with `after` for the next."""

    ids: list[str]
    after: int | None
    total: int


router.include_router(comparing_http.router)
router.include_router(expecting_http.router)
router.include_router(released_http.router)
router.include_router(groups_http.router)
router.include_router(tags_http.router)


@router.post("/count")
def count(question: Counted, home: Here, who: AskedBy) -> CountAnswer:
    """Count exactly who fits a rule."""
    at = then(home, question.as_of)
    found = api.count(home, who, api.read_rule(question.rule, home), steps=question.steps, as_of=at)
    steps = [
        StepAnswer(text=s.text.get(who.lang), depth=s.depth, joined=s.joined, alone=s.alone, left=s.left)
        for s in found.steps
    ]
    return CountAnswer(
        persons=found.persons,
        visitors=found.visitors,
        of_persons=found.of_persons,
        of_visitors=found.of_visitors,
        as_of=found.as_of,
        batch=found.batch,
        took_ms=found.took_ms,
        steps=steps,
    )


@router.post("/profile")
def profile(question: Asked, home: Here, who: AskedBy) -> PortraitAnswer:
    """Say how those who fit a rule are spread over the tag tree, beside everybody."""
    found = api.portrait(
        home,
        who,
        api.read_rule(question.rule, home),
        sample=question.sample,
        numbers=question.numbers,
        as_of=then(home, question.as_of),
    )
    dimensions = {}
    for mine, whole in zip(found.branches, found.everybody, strict=True):
        for some, every in zip(mine.dimensions, whole.dimensions, strict=True):
            of = {node.node: node for node in every.nodes}
            dimensions[some.dimension.key] = [
                NodeAnswer(
                    node=node.node,
                    label=node.label.get(who.lang),
                    persons=node.persons,
                    visitors=node.visitors,
                    of_persons=of[node.node].persons,
                    of_visitors=of[node.node].visitors,
                )
                for node in some.nodes
            ]
    return PortraitAnswer(
        persons=found.persons,
        visitors=found.visitors,
        error=found.error,
        as_of=found.as_of,
        batch=found.batch,
        took_ms=found.took_ms,
        dimensions=dimensions,
        numbers={key: Sums(persons=_sum(p), visitors=_sum(v)) for key, (p, v) in found.numbers.items()},
    )


@router.post("/nearest")
def nearest(question: AskedNear, home: Here, who: AskedBy) -> NearbyAnswer:
    """Return the communities nearest to a point, and how many persons live in each."""
    rule = None if question.rule is None else api.read_rule(question.rule, home)
    at = then(home, question.as_of)
    found = api.nearest(home, who, question.lat, question.lon, many=question.many, rule=rule, as_of=at)
    rows = [NeighbourAnswer(**{**asdict(one), "name": one.name.get(who.lang)}) for one in found.communities]
    return NearbyAnswer(communities=rows, as_of=found.as_of, batch=found.batch, took_ms=found.took_ms)


def _sum(found: Measured) -> Sum:
    mean = found.total / found.many if found.many else None
    return Sum(many=found.many, total=found.total, mean=mean, quartiles=list(found.quartiles))


@router.post("/sql")
def sql(question: Question, home: Here, who: AskedBy) -> SqlAnswer:
    """Return a rule as SQL over the touches and who is who, as of the index."""
    return SqlAnswer(sql=api.as_sql(home, who, api.read_rule(question.rule, home)))


@router.get("")
def segments(home: Here, who: AskedBy) -> list[SegmentAnswer]:
    """List the saved segments, last changed first."""
    return [_answer(s) for s in api.segments(home, who)]


@router.post("", status_code=201)
def create(given: NewSegment, home: Here, who: AskedBy) -> SegmentAnswer:
    """Save a new segment."""
    rule = api.read_rule(given.rule, home)
    return _answer(api.create(home, who, given.key, Text(given.name_zh, given.name_en), rule))


@router.get("/{key}")
def segment(key: str, home: Here, who: AskedBy, version: Number | None = None) -> SegmentAnswer:
    """Return one saved segment, in its newest or the given version."""
    return _answer(api.segment(home, who, key, version))


@router.get("/{key}/sql")
def sql_of(key: str, home: Here, who: AskedBy) -> SqlAnswer:
    """Return the rule of a saved segment as SQL."""
    return SqlAnswer(sql=api.as_sql(home, who, api.segment(home, who, key).asks))


@router.get("/{key}/members")
def members(
    key: str,
    home: Here,
    who: AskedBy,
    limit: Number = 50,
    after: Number | None = None,
    visitors: bool = False,
    as_of: Annotated[str | None, Query(max_length=40)] = None,
) -> MembersAnswer:
    """Return a page of members by public id; with `as_of`, a day or a moment, of those who fitted then."""
    rule = api.segment(home, who, key).asks
    at = then(home, as_of)
    found = api.members(home, who, rule, limit=limit, after=after, visitors=visitors, as_of=at)
    return MembersAnswer(ids=list(found.ids), after=found.after, total=found.total)


@router.post("/{key}/follow")
def follow(key: str, home: Here, who: AskedBy) -> SegmentAnswer:
    """Have every entry and exit told from now on."""
    return _answer(api.follow(home, who, key))


@router.post("/{key}/freeze")
def freeze(key: str, home: Here, who: AskedBy) -> SegmentAnswer:
    """Keep who is in it now, whatever the rule would say later."""
    return _answer(api.freeze(home, who, key))


@router.post("/{key}/thaw")
def thaw(key: str, home: Here, who: AskedBy) -> SegmentAnswer:
    """Make it living again, and followed by nobody."""
    return _answer(api.thaw(home, who, key))


@router.get("/{key}/changes")
def changes(key: str, home: Here, who: AskedBy, after: Number = 0) -> list[ChangeAnswer]:
    """List the changes of a followed segment after one, in order, at most 100; those of 30 days are kept."""
    return [_change(found) for found in api.changes(home, who, key, after)]


@router.get("/{key}/changes/{number}")
def changed(key: str, number: Number, home: Here, who: AskedBy) -> ChangedAnswer:
    """Say who entered and who left by one change."""
    found = api.changed(home, who, key, number)
    about = _change(found.change).model_dump()
    return ChangedAnswer(**about, entered=list(found.entered), left=list(found.left))


@router.get("/{key}/growth")
def growth(key: str, home: Here, who: AskedBy, days: Number = 90) -> list[SizeAnswer]:
    """List how large a segment was on each day of the last ones."""
    return [
        SizeAnswer(day=s.day, version=s.version, persons=s.persons, visitors=s.visitors)
        for s in api.growth(home, who, key, days)
    ]


def _answer(found: Segment) -> SegmentAnswer:
    return SegmentAnswer(
        key=found.key,
        name_zh=found.name.zh,
        name_en=found.name.en,
        version=found.version,
        versions=found.versions,
        rule=api.rule_json(found.rule),
        text=api.rule_text(found.rule),
        made_by=found.made_by,
        made_at=found.made_at,
        changed_by=found.changed_by,
        changed_at=found.changed_at,
        state="living" if found.kept is None else "frozen" if found.frozen else "followed",
        kept_at=None if found.kept is None else found.kept.at,
        changes=0 if found.kept is None else found.kept.change,
    )


def _change(found: Change) -> ChangeAnswer:
    return ChangeAnswer(
        number=found.number,
        version=found.version,
        reason=found.reason,
        entered_persons=found.entered.persons,
        entered_visitors=found.entered.visitors,
        left_persons=found.left.persons,
        left_visitors=found.left.visitors,
        batch=found.batch,
        at=found.at,
    )

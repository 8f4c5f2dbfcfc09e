"""The JSON API of the map: `/v1/marketing/map/...`, all of it released counts of the account's own territory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from zerodistance.apps.marketing import api
from zerodistance.apps.marketing.contracts import Cells, Communities, Figure, Spot
from zerodistance.core.segments.questions import Need
from zerodistance.kernel.access import Who
from zerodistance.kernel.coordinates import System
from zerodistance.kernel.home import Home
from zerodistance.kernel.web import current_home, current_who

router = APIRouter(prefix="/v1/marketing/map", tags=["marketing"])

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]
CellOf = Annotated[
    str | None,
    Query(max_length=16, description="H3 cell to stand in, of resolution 8 or finer, which is snapped to 8"),
]
PlaceOf = Annotated[
    str | None,
    Query(
        max_length=200,
        description="code of a place of the brand to stand at; neither: where most of the territory live",
    ),
]
NeedOf = Annotated[str | None, Query(max_length=200, description="a need, like n1_washer")]
AudienceOf = Annotated[str | None, Query(max_length=64, description="key of an approved audience")]


class Point(BaseModel):
    """A point on a map."""

    lat: float = Field(strict=True, ge=-90, le=90, description="degrees")
    lon: float = Field(strict=True, ge=-180, le=180, description="degrees")
    system: System = Field(
        "wgs84", description="of the coordinates; most Chinese maps have gcj02, Baidu's bd09"
    )


class SpotAnswer(BaseModel):
    """Where a map is looked at from: the middle of an H3 cell of resolution 8, WGS-84."""

    cell: str
    lat: float
    lon: float
    name: str


class FigureAnswer(BaseModel):
    """A released count, null where it is hidden; the true one lies between `low` and `high` 95 times of a hundred."""

    persons: int | None
    low: int
    high: int | None


class NeedAnswer(BaseModel):
    """A need that may be asked for."""

    key: str
    model: str
    category: str
    label: str


class CommunityAnswer(BaseModel):
    """A community: its users, users per 100 households (`coverage`), who has the need, and of 100 users of its region how many have it (`around`)."""

    code: str
    name: str
    lat: float
    lon: float
    km: float
    grade: str | None
    users: FigureAnswer
    households: int | None
    coverage: float | None
    need: FigureAnswer | None
    around: float | None
    needs: Mapping[str, int | None]


class CommunitiesAnswer(BaseModel):
    """The nearest communities whose users are shown, the nearest first; `hidden` nearer ones have too few."""

    spot: SpotAnswer
    communities: list[CommunityAnswer]
    hidden: int
    need: NeedAnswer | None
    needs: list[NeedAnswer]
    k: int
    floor: int
    as_of: datetime
    took_ms: float


class RegionAnswer(BaseModel):
    """A region: an H3 cell less finer regions in it, its released count, how many communities and km2 it holds, its corners as [longitude, latitude]."""

    cell: str
    resolution: int
    figure: FigureAnswer
    communities: int
    km2: float
    ring: list[tuple[float, float]]


class CellsAnswer(BaseModel):
    """The regions round a spot; `total` is what is shown of them together."""

    spot: SpotAnswer
    km: float
    need: NeedAnswer | None
    regions: list[RegionAnswer]
    total: FigureAnswer
    hidden: int
    k: int
    floor: int
    as_of: datetime
    took_ms: float


@router.post("/spot")
def spot(point: Point, home: Here, who: AskedBy) -> SpotAnswer:
    """Snap a point to its cell; where somebody stands is in no address."""
    return _spot(api.spot(home, who, lat=point.lat, lon=point.lon, system=point.system), who)


@router.get("/communities")
def communities(
    home: Here,
    who: AskedBy,
    cell: CellOf = None,
    place: PlaceOf = None,
    need: NeedOf = None,
    audience: AudienceOf = None,
    most: Annotated[int, Query(ge=1, le=100)] = 30,
) -> CommunitiesAnswer:
    """List the nearest communities of the own territory with users, coverage and needs."""
    at = api.spot(home, who, place=place, cell=cell)
    return communities_answer(api.communities(home, who, at, need=need, audience=audience, most=most), who)


@router.get("/cells")
def cells(
    home: Here,
    who: AskedBy,
    cell: CellOf = None,
    place: PlaceOf = None,
    need: NeedOf = None,
    audience: AudienceOf = None,
    km: Annotated[float, Query(ge=0.5, le=50)] = 5.0,
) -> CellsAnswer:
    """List the regions within so many km with who has a need there, or with all users."""
    at = api.spot(home, who, place=place, cell=cell)
    return cells_answer(api.cells(home, who, at, need=need, audience=audience, km=km), who)


@router.get("/land")
def land(home: Here, who: AskedBy, cell: CellOf = None, place: PlaceOf = None) -> dict[str, Any]:
    """Return the outline of land round a spot as GeoJSON (one polygon a ring, cut off 1.5 degrees away)."""
    rings = api.land(api.spot(home, who, place=place, cell=cell))
    shape = {"type": "MultiPolygon", "coordinates": [[[*ring, ring[0]]] for ring in rings]}
    return {"type": "Feature", "properties": {}, "geometry": shape}


def communities_answer(found: Communities, who: Who) -> CommunitiesAnswer:
    """Return communities as JSON has them, in the account's language."""
    rows = [
        CommunityAnswer(
            code=one.code,
            name=one.name.get(who.lang),
            lat=one.lat,
            lon=one.lon,
            km=round(one.km, 3),
            grade=one.grade,
            users=_figure(one.users),
            households=one.households,
            coverage=None if one.coverage is None else round(one.coverage, 1),
            need=None if one.need is None else _figure(one.need),
            around=None if one.around is None else round(one.around, 1),
            needs=one.needs,
        )
        for one in found.communities
    ]
    return CommunitiesAnswer(
        spot=_spot(found.spot, who),
        communities=rows,
        hidden=found.hidden,
        need=_need(found.need, who),
        needs=[_told(one, who) for one in found.needs],
        **_shared(found),
    )


def cells_answer(found: Cells, who: Who) -> CellsAnswer:
    """Return regions as JSON has them, in the account's language."""
    rows = [
        RegionAnswer(
            cell=one.cell,
            resolution=one.resolution,
            figure=_figure(one.figure),
            communities=one.communities,
            km2=one.km2,
            ring=list(one.ring),
        )
        for one in found.regions
    ]
    return CellsAnswer(
        spot=_spot(found.spot, who),
        km=found.km,
        need=_need(found.need, who),
        regions=rows,
        total=_figure(found.total),
        hidden=found.hidden,
        **_shared(found),
    )


def _shared(found: Cells | Communities) -> dict[str, Any]:
    return {"k": found.k, "floor": found.floor, "as_of": found.as_of, "took_ms": round(found.took_ms, 1)}


def _spot(at: Spot, who: Who) -> SpotAnswer:
    return SpotAnswer(cell=at.cell, lat=round(at.lat, 6), lon=round(at.lon, 6), name=at.name.get(who.lang))


def _figure(one: Figure) -> FigureAnswer:
    return FigureAnswer(persons=one.persons, low=one.low, high=one.high)


def _need(one: Need | None, who: Who) -> NeedAnswer | None:
    return None if one is None else _told(one, who)


def _told(one: Need, who: Who) -> NeedAnswer:
    return NeedAnswer(key=one.key, model=one.model, category=one.category, label=one.label.get(who.lang))

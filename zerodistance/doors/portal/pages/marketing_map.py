"""*Map*: which communities near by need what, and the cells around; released counts only, for every account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import numpy as np
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.apps.marketing import api as marketing
from zerodistance.apps.marketing.contracts import Cells, Communities, NowhereToStand, Spot
from zerodistance.apps.marketing.http import cells_answer, communities_answer
from zerodistance.core.brand import api as brand
from zerodistance.core.segments import releasing
from zerodistance.doors.portal.gate import CSP
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import home_of, lang_of, page, table_file, who_of
from zerodistance.kernel.coordinates import System
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

router = APIRouter()
MENU = Menu("map", "/marketing/map", "map", Text("地图", "Map"), 35, tab=True)
_CLASSES = 5
_FOUND = 12  # own value: places that a search names


@dataclass(frozen=True)
class Asked:
    """What the page is asked for, as it stands in its address."""

    cell: str = ""
    place: str = ""
    need: str | None = None
    audience: str = ""
    q: str = ""

    def link(self, **more: str) -> str:
        """Return the address of the same page with something else."""
        said = {"cell": self.cell, "place": self.place, "need": self.need, "audience": self.audience, **more}
        if "place" in more:
            said["cell"] = ""
        return f"/marketing/map?{urlencode({name: word for name, word in said.items() if word or (name == 'need' and word is not None)})}"


@router.get("/marketing/map")
def shown(
    request: Request,
    cell: str = "",
    place: str = "",
    need: str | None = None,
    audience: str = "",
    q: str = "",
) -> Response:
    """Show the map with its lists; for the script of the page only the parts that change."""
    return _page(request, Asked(cell, place, need, audience, q))


@router.post("/marketing/map")
def here(
    request: Request,
    lat: Annotated[float, Form(ge=-90, le=90)],
    lon: Annotated[float, Form(ge=-180, le=180)],
    need: Annotated[str | None, Form()] = None,
    audience: Annotated[str, Form()] = "",
    system: Annotated[System, Form()] = "wgs84",
) -> Response:
    """Stand at a point: it is snapped to a cell, and only that is in an address."""
    at = marketing.spot(home_of(request), who_of(request), lat=lat, lon=lon, system=system)
    return _page(request, Asked(at.cell, need=need, audience=audience), at)


@router.get("/marketing/map/land")
def land(request: Request, cell: str = "") -> Response:
    """Give the outline of land round a cell."""
    at = marketing.spot(home_of(request), who_of(request), cell=cell or None)
    rings = [[[*ring, ring[0]]] for ring in marketing.land(at)]
    shape = {"type": "Feature", "properties": {}, "geometry": {"type": "MultiPolygon", "coordinates": rings}}
    return Response(json.dumps(shape, separators=(",", ":")), media_type="application/json")


@router.get("/marketing/map/communities.csv")
def communities_file(
    request: Request, cell: str = "", place: str = "", need: str = "", audience: str = ""
) -> Response:
    """Give the nearest communities with users, coverage and every need as a CSV file; what is hidden is empty."""
    home, who, lang = home_of(request), who_of(request), lang_of(request)
    at = marketing.spot(home, who, place=place or None, cell=cell or None)
    found = marketing.communities(home, who, at, need=need or None, audience=audience or None)
    keys = [one.key for one in found.needs]
    head = (
        "code",
        "name",
        "lat",
        "lon",
        "km",
        "grade",
        "users",
        "users_low",
        "users_high",
        "households",
        "coverage",
        *keys,
    )
    rows = [
        (
            one.code, one.name.get(lang), one.lat, one.lon, round(one.km, 3), one.grade, one.users.persons, one.users.low,
            one.users.high, one.households, None if one.coverage is None else round(one.coverage, 1), *(one.needs[key] for key in keys),
        )
        for one in found.communities
    ]  # fmt: skip
    return table_file("communities", head, rows)


@router.get("/marketing/map/cells.csv")
def cells_file(
    request: Request, cell: str = "", place: str = "", need: str = "", audience: str = ""
) -> Response:
    """Give the cells of the map as a CSV file; what is hidden is empty."""
    home, who = home_of(request), who_of(request)
    at = marketing.spot(home, who, place=place or None, cell=cell or None)
    found = marketing.cells(home, who, at, need=need or None, audience=audience or None)
    head = ("cell", "resolution", "communities", "km2", "persons", "low", "high")
    rows = [
        (
            one.cell,
            one.resolution,
            one.communities,
            one.km2,
            one.figure.persons,
            one.figure.low,
            one.figure.high,
        )
        for one in found.regions
    ]
    return table_file("cells", head, rows)


def _page(request: Request, asked: Asked, at: Spot | None = None) -> Response:
    home, who = home_of(request), who_of(request)
    part = request.headers.get("X-Part") == "map"
    look = marketing.Look(home, who)
    needs = look.spread.needs
    if asked.need is None and needs:
        asked = Asked(asked.cell, asked.place, needs[0].key, asked.audience, asked.q)
    values: dict[str, Any] = {
        "asked": asked,
        "needs": needs,
        "audiences": releasing.approved(home, who),
        "places": _places(request, asked.q),
        "found": None,
        "cells": None,
        "problem": "",
        "data": None,
        "settings": home.settings,
        "km": marketing.KM,
    }
    try:
        at = at or marketing.spot(home, who, place=asked.place or None, cell=asked.cell or None)
        values.update(_looked(request, asked, at, look))
    except NowhereToStand as error:
        values["nowhere"] = error.message(lang_of(request))
    except ZeroDistanceError as error:
        values["problem"] = error.message(lang_of(request))
    answer = page(request, "marketing_map_parts.html" if part else "marketing_map.html", here="map", **values)
    if home.settings.map_tiles:
        answer.headers["Content-Security-Policy"] = _policy(home.settings.map_tiles)
    return answer


def _looked(request: Request, asked: Asked, at: Spot, look: marketing.Look) -> dict[str, Any]:
    home, who = home_of(request), who_of(request)
    need, audience = asked.need or None, asked.audience or None
    cells = marketing.cells(home, who, at, need=need, audience=audience, look=look)
    found = marketing.communities(home, who, at, need=need, audience=audience, look=look)
    breaks = _breaks(cells)
    here = asked if asked.place or asked.cell else Asked(at.cell, "", asked.need, asked.audience)
    return {
        "asked": here,
        "found": found,
        "cells": cells,
        "breaks": breaks,
        "most": max([one.need.persons or 0 for one in found.communities if one.need] or [0])
        or max([one.users.persons or 0 for one in found.communities] or [0]),
        "data": _drawn(request, here, cells, found, breaks),
    }


def _drawn(
    request: Request, asked: Asked, cells: Cells, found: Communities, breaks: Sequence[float]
) -> dict[str, Any]:
    """Return what the script draws, as JSON has it."""
    who = who_of(request)
    regions = [
        {
            "ring": one.ring,
            "class": None
            if one.figure.persons is None
            else int(np.searchsorted(breaks, one.persons_km2, "right")),
            "persons": one.figure.persons,
            "low": one.figure.low,
            "high": one.figure.high,
            "communities": one.communities,
        }
        for one in cells.regions
    ]
    communities = communities_answer(found, who).communities
    return {
        "spot": cells_answer(cells, who).spot.model_dump(),
        "km": cells.km,
        "url": asked.link(),
        "regions": regions,
        "communities": [{"name": one.name, "lat": one.lat, "lon": one.lon} for one in communities],
    }


def _breaks(cells: Cells) -> list[float]:
    """Return where classes of persons per km2 begin, after the first: fifths of what is shown, rounded to two digits."""
    dense = [one.persons_km2 for one in cells.regions if one.figure.persons is not None]
    if not dense:
        return []
    edges = np.quantile(np.array(dense), np.arange(1, _CLASSES) / _CLASSES)
    return sorted({float(f"{edge:.2g}") for edge in edges.tolist()})


def _places(request: Request, q: str) -> list[Any]:
    """Return places whose name or code holds what was typed, communities of the territory among them."""
    word = q.strip().casefold()
    if not word:
        return []
    home, who = home_of(request), who_of(request)
    every = brand.places(home, who)
    found = [one for one in every if word in f"{one.name.zh} {one.name.en} {one.code}".casefold()]
    return sorted(found, key=lambda one: (one.kind == "community", len(one.name.zh), one.code))[:_FOUND]


def _policy(tiles: str) -> str:
    """Return the content policy of the page where tiles of another server are drawn."""
    parts = urlsplit(tiles)
    origin = f"{parts.scheme}://{parts.netloc}"
    return CSP.replace("connect-src 'self'", f"connect-src 'self' {origin}").replace(
        "img-src 'self'", f"img-src 'self' {origin}"
    )


register("marketing_map", router, MENU)

"""`zerodistance marketing`: the communities near by and the cells around, as released counts; campaigns and plays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.apps.marketing.campaigns.cli import app as campaigns
from zerodistance.apps.marketing.plays.cli import app as plays
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.apps.marketing.contracts import Figure, Spot

app = App(name="marketing", help=words("营销：地图、活动、打法", "marketing: maps, campaigns, plays"))
app.command(campaigns)
app.command(plays)

AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
Place = Annotated[str | None, Parameter(help=words("站在哪里：地点编号", "where to stand: code of a place"))]
Cell = Annotated[
    str | None, Parameter(help=words("或 H3 格，8 级或更细", "or an H3 cell, of resolution 8 or finer"))
]
Degrees = Annotated[float | None, Parameter(help=words("或经纬度", "or latitude and longitude"))]
Of = Annotated[
    Literal["wgs84", "gcj02", "bd09"],
    Parameter(
        help=words(
            "经纬度的坐标系：高德、腾讯是 gcj02，百度是 bd09",
            "system of the coordinates: most Chinese maps have gcj02, Baidu's bd09",
        )
    ),
]
NeedOf = Annotated[str | None, Parameter(help=words("需求，如 n1_washer", "a need, like n1_washer"))]
Audience = Annotated[str | None, Parameter(help=words("已批准的人群", "key of an approved audience"))]


@app.command(name="map", help=words("周围的格子", "the cells around"))
def map_(
    *,
    place: Place = None,
    cell: Cell = None,
    lat: Degrees = None,
    lon: Degrees = None,
    coordinates: Of = "wgs84",
    need: NeedOf = None,
    audience: Audience = None,
    km: Annotated[float, Parameter(help=words("多远，公里", "how far, km"))] = 5.0,
    geojson: Annotated[
        Path | None, Parameter(help=words("写成 GeoJSON 文件", "write them to a GeoJSON file"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the cells within so many km with who has a need there, or with all users; hidden ones are marked."""
    from zerodistance.apps.marketing import api

    home, who = command.home(), command.who()
    at = api.spot(home, who, place=place, cell=cell, lat=lat, lon=lon, system=coordinates)
    found = api.cells(home, who, at, need=need, audience=audience, km=km)
    if geojson is not None:
        features = [
            {
                "type": "Feature",
                "properties": {
                    "cell": one.cell,
                    "persons": one.figure.persons,
                    "communities": one.communities,
                },
                "geometry": {"type": "Polygon", "coordinates": [[*one.ring, one.ring[0]]]},
            }
            for one in found.regions
        ]
        geojson.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    if as_json:
        from zerodistance.apps.marketing.http import cells_answer

        command.say_json(cells_answer(found, who).model_dump(mode="json"))
        return
    lang = command.lang()
    table = _table(
        Text("格", "Cell"),
        Text("级别", "Resolution"),
        Text("小区", "Communities"),
        Text("约多少人", "About so many"),
        Text("范围", "Range"),
    )
    for one in found.regions:
        table.add_row(one.cell, str(one.resolution), str(one.communities), *_told(one.figure))
    command.show(table)
    what = found.need.label if found.need else Text("用户", "users")
    said = Text(
        "{where} {km} 公里内（{what}）：约 {n} 人（{range}），另有 {hidden} 处人数太少不显示",
        "within {km} km of {where} ({what}): about {n} ({range}); {hidden} more cells have too few to be shown",
    )
    n, span = _told(found.total)
    command.tell(
        said, where=at.name.get(lang), km=f"{km:g}", what=what.get(lang), n=n, range=span, hidden=found.hidden
    )


@app.command(help=words("最近的小区", "the nearest communities"))
def communities(
    *,
    place: Place = None,
    cell: Cell = None,
    lat: Degrees = None,
    lon: Degrees = None,
    coordinates: Of = "wgs84",
    need: NeedOf = None,
    audience: Audience = None,
    most: Annotated[int, Parameter(help=words("几个", "how many"))] = 30,
    as_json: AsJson = False,
) -> None:
    """Print the nearest communities with users, coverage and who has a need."""
    from zerodistance.apps.marketing import api

    home, who = command.home(), command.who()
    at = api.spot(home, who, place=place, cell=cell, lat=lat, lon=lon, system=coordinates)
    found = api.communities(home, who, at, need=need, audience=audience, most=most)
    if as_json:
        from zerodistance.apps.marketing.http import communities_answer

        command.say_json(communities_answer(found, who).model_dump(mode="json"))
        return
    lang = command.lang()
    table = _table(
        Text("小区", "Community"),
        Text("公里", "km"),
        Text("等级", "Grade"),
        Text("用户", "Users"),
        Text("每百户", "Per 100 homes"),
        Text("有需求", "In need"),
        Text("周边每百人", "Around, per 100"),
    )
    for one in found.communities:
        table.add_row(
            one.name.get(lang),
            f"{one.km:.1f}",
            one.grade or "",
            _told(one.users)[0],
            "" if one.coverage is None else f"{one.coverage:.0f}",
            "" if one.need is None else _told(one.need)[0],
            "" if one.around is None else f"{one.around:.1f}",
        )
    command.show(table)
    _said_where(at, found.hidden, found.floor)


def _said_where(at: Spot, hidden: int, floor: int) -> None:
    said = Text(
        "站在 {where}（格 {cell}）；更近的小区里有 {hidden} 个用户太少，不显示；显示的最小数是 {floor}",
        "seen from {where} (cell {cell}); {hidden} nearer communities have too few users to be shown; the smallest figure is {floor}",
    )
    command.tell(said, where=at.name.get(command.lang()), cell=at.cell, hidden=hidden, floor=floor)


def _table(*heads: Text) -> Table:
    table = Table(box=None)
    for n, head in enumerate(heads):
        table.add_column(head.get(command.lang()), justify="right" if n else "left")
    return table


def _told(one: Figure) -> tuple[str, str]:
    if one.persons is None:
        return "–", "–"
    return f"{one.persons:,}", f"{one.low:,}–{one.high or 0:,}"

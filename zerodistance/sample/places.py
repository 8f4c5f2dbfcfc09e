"""Where a city's people live: districts, estates with coordinates, and which neighbours make a block; drawn one estate after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerodistance.sample.calendar import HISTORY
from zerodistance.sample.scatter import Ints, luck
from zerodistance.sample.world import World

BLOCK = (
    20_000  # people of a block at most, but for one larger estate; own value: what a process holds at once
)
GRADES = ("A", "B", "C", "D")
_DRAWN = 64  # estates drawn at a time, so that a larger city begins as a smaller one does
_LAYOUTS = ((6, 3, 2), (11, 2, 2), (18, 2, 3), (32, 1, 4))  # floors, units a building, homes a floor

NAMES = (
    "海棠 云山 松涛 银杏 春和 听海 枫林 翠湖 金沙 白鹭 望江 紫荆 星河 晨曦 碧水 玉兰 桃源 澜庭 观澜 浪花 帆影 石榴 "
    "樱花 梧桐 锦绣 和风 东篱 南窗 静水 竹溪 麦岛 清风 朗月 远山 青禾 长堤 灯塔 渔港 丽泽 双桥 柳岸 荷塘 明湖 雁鸣 "
    "向阳 新民 永安 福源 瑞景 康宁 文昌 书香 学府 纺机 船厂 铁东 北岭 后田 前海 西山 龙泉 凤栖 鹤鸣 青石"
).split()  # fmt: skip
KINDS = ("小区", "花园", "新村", "家园", "苑", "公馆", "里", "名邸", "雅居", "城")
ROADS = (
    "海宁 松岭 泰兴 临澜 宁波湾 大观 潮州湾 云霞 银川湾 福宁 东澜 观涛 长乐 春阳 明霞 宝林 金水湾 清溪 柳树台 康平 文登湾 石老 "
    "延河 兴隆 庆丰 劲松湾 山河 桂花 沧海 航运 渔歌 民安 双山 合肥湾 顺昌 台柳 大沙 敦化湾 伊春湾 威海湾"
).split()  # fmt: skip
TOWNS = "北岭 东城 海滨 湖岛湾 中心 河西 浮翠 云山 金家 双桥 镇北 临港 崂西 新安 棘林 上马台".split()


@dataclass(frozen=True)
class Estates:
    """The residential communities of a city, one place of each array per estate.

    Attributes
    ----------
    built
        Month of the history in which people move in; negative: it stood before.
    people
        How many live there at the end.
    grade
        0 to 3, A to D.
    """

    district: Ints
    name: Ints
    kind: Ints
    road: Ints
    road_number: Ints
    town: Ints
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    built: Ints
    grade: Ints
    layout: Ints
    people: Ints

    def slice(self, start: int, stop: int) -> Estates:
        """Return some estates that lie one after the other."""
        return Estates(**{name: value[start:stop] for name, value in vars(self).items()})


@dataclass(frozen=True)
class Block:
    """Neighbouring estates that are made together: a part of the city that knows nothing of the others."""

    number: int
    first_estate: int
    estates: Estates

    @property
    def people(self) -> int:
        """How many live there at the end."""
        return int(self.estates.people.sum())


def plan(people: int, seed: int, world: World) -> tuple[Estates, list[tuple[int, int]]]:
    """Return the estates of a city and which of them make each block, as (first, behind the last)."""
    chance = luck(seed, world.number, -1, "plan")
    drawn: list[Estates] = []
    have = 0
    while have < people:
        drawn.append(_some(chance, world))
        have += int(drawn[-1].people.sum())
    joined = {name: np.concatenate([vars(one)[name] for one in drawn]) for name in vars(drawn[0])}
    behind = np.cumsum(joined["people"])
    count = int(np.searchsorted(behind, people)) + 1
    joined["people"][count - 1] -= behind[count - 1] - people
    estates = Estates(**joined).slice(0, count)
    return estates, _blocks(estates.people)


def _blocks(people: Ints) -> list[tuple[int, int]]:
    out, start, held = [], 0, 0
    for place, many in enumerate(people.tolist()):
        if held and held + many > BLOCK:
            out.append((start, place))
            start, held = place, 0
        held += many
    return [*out, (start, len(people))]


def _some(chance: np.random.Generator, world: World) -> Estates:
    city, mean = world.city, float(np.dot(world.household.size, np.arange(1, len(world.household.size) + 1)))
    district = chance.choice(len(city.district_share), size=_DRAWN, p=np.array(city.district_share))
    homes = np.clip(
        np.exp(chance.normal(np.log(city.homes_median), city.homes_sigma, _DRAWN)),
        city.homes_least,
        city.homes_most,
    )
    km = chance.normal(0, city.spread_km, (2, _DRAWN))
    lat = np.array(city.district_lat)[district] + km[0] / 111.2
    lon = np.array(city.district_lon)[district] + km[1] / (111.2 * np.cos(np.radians(lat)))
    before = chance.random(_DRAWN) < city.built_before
    before[0] = True  # so that the smallest city has a history
    built = np.where(before, -chance.integers(1, 240, _DRAWN), chance.integers(0, HISTORY - 24, _DRAWN))
    newer = np.clip((built + 240) / 400, 0, 0.99)
    return Estates(
        district=district,
        name=chance.integers(0, len(NAMES), _DRAWN),
        kind=chance.integers(0, len(KINDS), _DRAWN),
        road=chance.integers(0, len(ROADS), _DRAWN),
        road_number=chance.integers(1, 399, _DRAWN),
        town=chance.integers(0, len(TOWNS), _DRAWN),
        lat=np.round(lat, 6),
        lon=np.round(lon, 6),
        built=built,
        grade=np.clip(3 - (newer * 3 + chance.normal(0, 0.8, _DRAWN)).round(), 0, 3).astype(np.int64),
        layout=np.clip((newer * 4 + chance.normal(0, 0.5, _DRAWN)).astype(np.int64), 0, 3),
        people=np.round(homes * mean).astype(np.int64),
    )


def code(estate: int) -> str:
    """Return the code of an estate, as the brand's places have it."""
    return f"E{estate + 1:06d}"


def name_of(estates: Estates, place: int) -> str:
    """Return the name of an estate."""
    return NAMES[int(estates.name[place])] + KINDS[int(estates.kind[place])]


def rooms(layout: Ints, home: Ints) -> tuple[Any, Any, Any, Any]:
    """Return building, unit, floor and room of the homes of an estate, counted from 0 within it."""
    floors, units, flats = (np.array(_LAYOUTS)[layout, column] for column in range(3))
    floor = home // flats % floors + 1
    return (
        home // (flats * floors * units) + 1,
        home // (flats * floors) % units + 1,
        floor,
        floor * 100 + home % flats + 1,
    )

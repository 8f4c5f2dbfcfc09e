"""Chinese addresses as they are written, taken apart: district, town, road and number, estate, building, unit, room. Pure.

The end of an address is read first: room, unit and building stand there in one of a few forms. Of what is left the beginning is looked up in the table of
provinces, cities and districts (`divisions`); then it is cut at the words for towns and roads, and the rest is the estate.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Final

from zerodistance.core.identity.divisions import Leading, leading, short

LONGEST: Final = 200  # characters; longer ones are texts (own value)
_REMEMBERED: Final = 65_536  # ends and places, own value
_FLAT_PARTS: Final = ("building", "unit", "room")
_PLACE_PARTS: Final = ("province", "city", "district", "town", "road", "number", "estate")


@dataclass(frozen=True, slots=True)
class Address:
    """An address in parts, each empty where it does not stand there; numbers without their words."""

    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    road: str = ""
    number: str = ""
    estate: str = ""
    building: str = ""
    unit: str = ""
    room: str = ""

    @property
    def home(self) -> tuple[str, str, str, str] | None:
        """What one flat is known by: estate, or road and number; building, unit, room. None: no flat is named."""
        where = self.estate or (self.road + self.number if self.number else "")
        return (where, self.building, self.unit, self.room) if where and self.room else None


_SPACE = re.compile(r"[\s,，。、;；:：\"'“”]+")
_ASIDE = re.compile(r"[(（\[【].*?[)）\]】]")
_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_NUMBER = r"[0-9]{1,4}[A-Za-z]?|[A-Za-z][0-9]{0,3}|[一二三四五六七八九十百]{1,4}"
_FLAT = rf"(?P<room>{_NUMBER})(?:室|户|号房|房)?"
_UNIT = rf"(?P<unit>{_NUMBER})(?:单元|门洞|门|座)"
_HOUSE = rf"(?P<building>{_NUMBER})(?:号楼|栋|幢|#|号院楼|楼座|座)"
# The forms of an end, the longest first. A bare number before a hyphen is a building, between two of them a unit.
_ENDS = tuple(
    re.compile(form + "$")
    for form in (
        rf"{_HOUSE}{_UNIT}(?:\d+(?:层|楼))?{_FLAT}",
        rf"{_HOUSE}(?P<unit>{_NUMBER})-{_FLAT}",
        rf"{_HOUSE}-?(?:\d+(?:层|楼))?{_FLAT}",
        rf"(?P<building>{_NUMBER})-{_UNIT}{_FLAT}",
        rf"(?P<building>{_NUMBER})-(?P<unit>{_NUMBER})-{_FLAT}",
        rf"(?P<building>{_NUMBER})-(?P<unit>{_NUMBER})单元{_FLAT}",
        rf"(?<![0-9-])(?P<building>{_NUMBER})-{_FLAT}",
        rf"{_UNIT}(?:\d+(?:层|楼))?{_FLAT}",
        rf"{_HOUSE}{_UNIT}",
        rf"{_HOUSE}",
        rf"(?P<room>{_NUMBER})(?:室|户)",
    )
)
# All that a flat is written with; the rest of an address is the same for many.
_TAIL = re.compile("[0-9A-Za-z〇零一二三四五六七八九十百#号楼栋幢单元门洞座院层室户房-]+$")
# Districts that are no divisions by law and in no table: development zones and the like.
_ZONE = re.compile(
    r"^(?P<district>[^省市区县路街道镇号]{0,8}?(?:新区|开发区|高新区|经开区|保税区|度假区|示范区|管理区|工业园区))"
)
# A city that the table does not have, as in Taiwan, by its district.
_ELSEWHERE = re.compile(
    r"^(?P<city>[^省市区县路街道号]{2,3}[市县])(?P<district>[^省市区县路街道号镇乡]{1,4}[区镇乡市])"
)
_TOWN = re.compile(r"^(?P<town>[^路号][^路镇乡号]{0,8}?(?:街道办事处|街道办|街道|[镇乡](?=(?P<behind>.+))))")
_WAYS = "大道|大街|路|街|道|巷|弄|胡同|里弄"
_ROAD = re.compile(
    rf"^(?P<road>[^号]{{1,12}}?(?:{_WAYS})(?:[一二三四五六七八九\d]段)?)(?P<number>[甲乙丙]?\d{{1,5}}(?:-\d{{1,3}})?(?=号|弄|$))?(?:号院|号|弄)?"
)
_VILLAGE = re.compile(
    r"(?P<estate>\D{1,12}(?:(?<!新)村|屯|寨|[\d一二三四五六七八九十]+组))(?P<room>\d{1,4})号?"
)
_LANE_FLAT = re.compile(r"(?<=弄)(\d{1,4})号(\d{2,4}[A-Za-z]?)室?$")
_LANE = re.compile(r"(?<=弄)(\d{1,4})号?$")  # Shanghai numbers the houses of a lane
_KINDS = tuple(
    "小区 花园 新村 家园 公馆 名邸 雅居 公寓 花苑 新苑 名苑 雅苑 佳苑 嘉园 庄园 名城 新城 山庄 大厦 苑 里 城 园 府 庭 湾 村 居".split()
)
"""Words for the kind of an estate, the longer ones first."""
# Behind the short form of a division: then it was no division. 青岛路, 朝阳门外大街, 江北新区, 城阳村.
_LONG_KINDS = "|".join(kind for kind in _KINDS if len(kind) > 1)
_NO_DIVISION = re.compile(
    rf"[东西南北中前后支环内外一二三四五六七八九十]*(?:{_WAYS})|[省市区县里桥站门村]|[镇乡](?!.{{1,4}}(?:街道|镇|乡))"
    rf"|社区|新区|开发区|高新区|{_LONG_KINDS}"
)
_FAR = re.compile(rf"(.+?)(?:街道|镇|乡|{_WAYS})")
_ABROAD = str.maketrans(
    "區縣號樓單東門鎮鄉臺灣園廣莊棟幢層雲龍陽島蘇華寧濟瀋遼哈爾濱貴蘭銀長慶漢鄭閩—–",
    "区县号楼单东门镇乡台湾园广庄栋幢层云龙阳岛苏华宁济沈辽哈尔滨贵兰银长庆汉郑闽--",
)
"""Characters of addresses as they are written in Hong Kong and Taiwan, and on the mainland; dashes."""
_ABROAD_SET = frozenset(map(chr, _ABROAD))


def address(value: str) -> Address | None:
    """Return the parts of an address; None if it is empty or a text.

    Examples
    --------
    >>> address("山东省青岛市城阳区双山路250号双桥城4号楼2单元201")
    Address(province='山东省', city='青岛市', district='城阳区', town='', road='双山路', number='250', estate='双桥城', building='4', unit='2', room='201')
    >>> address("双桥城 4-2-201").home == address("双桥城4栋2单元201室").home
    True
    """
    text = _SPACE.sub("", _ASIDE.sub("", unicodedata.normalize("NFKC", value)))
    if not _ABROAD_SET.isdisjoint(text):
        text = text.translate(_ABROAD)
    text = text.removeprefix("中国")
    if not text or len(text) > LONGEST:
        return None
    lane = _LANE_FLAT.search(text) if "弄" in text else None
    start, building, unit, room = (
        _flat(text) if lane is None else (lane.start(1), lane[1], "", lane[2].lower())
    )
    if "弄" in text and room and not building and (house := _LANE.search(text[:start])) is not None:
        start, building = house.start(1), house[1]
    place = _place(text[:start], bool(building or room))
    if not room and (house := _VILLAGE.fullmatch(place[-1])) is not None:  # in a village a house is a home
        place, room = (*place[:-1], house["estate"]), _plain(house["room"])
    return Address(*place, building, unit, room)


def _flat(text: str) -> tuple[int, str, str, str]:
    """Return where the flat begins, and building, unit and room."""
    tail = _TAIL.search(text)
    first = 0 if tail is None else tail.start()
    behind, building, unit, room = _flat_of(text[first:], first == 0)
    return first + behind, building, unit, room


@lru_cache(maxsize=_REMEMBERED)
def _flat_of(tail: str, whole: bool) -> tuple[int, str, str, str]:
    """Return the same for the end of a text; `whole`: it is all of it, and can't be nothing but a flat."""
    for form in _ENDS:
        end = form.search(tail)
        if end is not None and (end.start() > 0 or not whole):
            found = end.groupdict()
            building, unit, room = (_plain(part) if (part := found.get(name)) else "" for name in _FLAT_PARTS)
            return end.start(), building, unit, room
    return len(tail), "", "", ""


@lru_cache(maxsize=_REMEMBERED)
def _place(text: str, flat: bool) -> tuple[str, str, str, str, str, str, str]:
    """Return province, city, district, town, road, number and estate of what stands before the flat, if one follows."""
    at = leading(text, lambda rest: _stands(rest) if rest else not flat)
    found, text = {"city": at.city, "district": at.district}, text[at.end :]
    for form in (_ZONE,) if at.end else (_ELSEWHERE, _ZONE):
        if (start := form.match(text)) is not None:
            found, text = (
                start.groupdict() | {name: part for name, part in found.items() if part},
                text[start.end() :],
            )
    town = _TOWN.match(text)
    if town is not None and (town["behind"] is None or _stands(town["behind"])):
        found["town"], text = town["town"], text[town.end("town") :]
    road = _ROAD.match(text)
    if road is not None:
        found |= {name: part for name, part in road.groupdict().items() if part}
        text = text[road.end() :]
    found["estate"] = _again(text.strip("-号"), at)
    city, district, town_, road_, number, estate = (found.get(name) or "" for name in _PLACE_PARTS[1:])
    if not city and at.province.endswith("市"):  # a municipality is both
        city = at.province
    return at.province, city, district, town_, road_, number, estate


def _again(estate: str, at: Leading) -> str:
    """Return an estate without the division that its name begins with: 城阳文昌新村 in 城阳区 is what others call 文昌新村."""
    for name in (at.district, at.city):
        rest = estate.removeprefix(short(name)) if name else estate
        if rest != estate and _stands(rest):
            return rest
    return estate


def _stands(rest: str) -> bool:
    """Say whether what follows a name could stand by itself, so that the name is a division and no part of it.

    Examples
    --------
    >>> [_stands(rest) for rest in ("大沙路66号", "文昌新村", "路66号", "东路", "花园", "湾小区")]
    [True, True, False, False, False, False]
    """
    if _NO_DIVISION.match(rest):
        return False
    way = _FAR.match(rest)
    if way is not None:
        return len(way[1]) > 1
    return len(rest) - max((len(kind) for kind in _KINDS if rest.endswith(kind)), default=0) > 1


@lru_cache(maxsize=_REMEMBERED)
def core(estate: str) -> str:
    """Return the name of an estate without the word for its kind, which people leave out.

    Examples
    --------
    >>> core("双桥城"), core("海棠小区"), core("双桥"), core("里院")
    ('双桥', '海棠', '双桥', '里院')
    """
    for kind in _KINDS:
        if estate.endswith(kind) and len(estate) >= len(kind) + 2:
            return estate.removesuffix(kind)
    return estate


@lru_cache(maxsize=_REMEMBERED)
def _plain(number: str) -> str:
    """Return a number of a building, unit or room in digits and small letters: 三 is 3, 十二 is 12, 01 is 1.

    Examples
    --------
    >>> [_plain(n) for n in ("三", "十", "十二", "二十三", "01", "B2")]
    ['3', '10', '12', '23', '1', 'b2']
    """
    if "十" in number and "百" not in number:
        tens, _, ones = number.partition("十")
        number = (tens.translate(_DIGITS) or "1") + (ones.translate(_DIGITS) or "0")
    return number.translate(_DIGITS).lstrip("0").lower() or "0"


PARTS = tuple(field.name for field in fields(Address))
"""Names of the parts, the largest first."""

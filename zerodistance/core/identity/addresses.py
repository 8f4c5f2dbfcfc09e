"""Chinese addresses as they are written, taken apart: district, town, road and number, estate, building, unit, room. Pure.

The end of an address is read first: room, unit and building stand there in one of a few forms. What is left is cut at the words for districts,
towns and roads; the rest is the estate. Nothing is looked up: province and city are taken off where they say so themselves.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Final

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
_PROVINCE = re.compile(r"^(?P<province>[^省市区县]{2,8}?(?:省|自治区|特别行政区))")
_CITY = re.compile(r"^(?P<city>[^省市区县路街]{1,7}?(?:市|自治州|地区|盟))")
_DISTRICT = re.compile(r"^(?P<district>[^省市区县路街道镇]{1,6}?(?:区|县|旗|市))(?!域)")
_TOWN = re.compile(r"^(?P<town>[^路镇乡]{1,9}?(?:街道办事处|街道办|街道|镇|乡))")
_ROAD = re.compile(
    r"^(?P<road>[^号]{1,12}?(?:大道|大街|路|街|道|巷|弄|胡同|里弄))(?P<number>\d{1,5}(?:-\d{1,3})?(?=号|弄|$))?(?:号院|号|弄)?"
)


def address(value: str) -> Address | None:
    """Return the parts of an address; None if it is empty or a text.

    Examples
    --------
    >>> address("山东省青岛市城阳区双山路250号双桥城4号楼2单元201")
    Address(province='山东省', city='青岛市', district='城阳区', town='', road='双山路', number='250', estate='双桥城', building='4', unit='2', room='201')
    >>> address("双桥城 4-2-201").home == address("双桥城4栋2单元201室").home
    True
    """
    text = (
        _SPACE.sub("", _ASIDE.sub("", unicodedata.normalize("NFKC", value)))
        .replace("—", "-")
        .replace("–", "-")
    )
    if not text or len(text) > LONGEST:
        return None
    start, building, unit, room = _flat(text)
    return Address(*_place(text[:start]), building, unit, room)


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
def _place(text: str) -> tuple[str, str, str, str, str, str, str]:
    """Return province, city, district, town, road, number and estate of what stands before the flat."""
    found: dict[str, str] = {}
    for form in (_PROVINCE, _CITY, _DISTRICT, _TOWN, _ROAD):
        start = form.match(text)
        if start is not None:
            found |= {name: part for name, part in start.groupdict().items() if part}
            text = text[start.end() :]
    found["estate"] = text.strip("-号")
    province, city, district, town, road, number, estate = (found.get(name, "") for name in _PLACE_PARTS)
    return province, city, district, town, road, number, estate


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

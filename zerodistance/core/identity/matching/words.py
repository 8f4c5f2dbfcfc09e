"""What comparisons and their levels are called, for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zerodistance.kernel.text import Text

LABELS: Final[Mapping[str, Text]] = {
    "surname": Text("姓", "surname"),
    "given": Text("名", "given name"),
    "sex": Text("性别", "gender"),
    "born": Text("生日", "birthday"),
    "phone": Text("手机号", "phone"),
    "email": Text("电子邮箱", "e-mail"),
    "id_number": Text("证件号", "id number"),
    "home": Text("住处", "home"),
    "street": Text("街道", "street"),
    "house": Text("门牌", "house number"),
    "extra": Text("室号", "flat or unit"),
    "locality": Text("地方", "place"),
    "region": Text("省、州", "region"),
    "postcode": Text("邮编", "postal code"),
}
"""Comparison -> what it is called."""

_EQUAL = Text("相同", "the same")
_NEAR = Text("几乎相同，差一处", "nearly the same, one slip")
_CLOSE = Text("相近", "alike")
_DIFFERS = Text("不同", "different")
_ONE, _TWO = Text("差一位", "one digit off"), Text("差两位", "two digits off")
_DIGITS = ("phone", "id_number", "house", "postcode")

LEVELS: Final[Mapping[tuple[str, str], Text]] = {
    **{
        (comparison, level): text
        for comparison in LABELS
        for level, text in (("equal", _EQUAL), ("near", _NEAR), ("close", _CLOSE), ("differs", _DIFFERS))
    },
    **{(comparison, "near"): _ONE for comparison in _DIGITS},
    ("id_number", "close"): _TWO,
    ("surname", "equal"): Text("读音相同", "sounds the same"),
    ("surname", "swapped"): Text("姓和名对调", "surname and given name changed places"),
    ("given", "written"): Text("写法相同", "written the same"),
    ("given", "sound"): Text("读音相同，写法不同", "sounds the same, written otherwise"),
    ("given", "swapped"): Text("姓和名对调", "surname and given name changed places"),
    ("given", "looks"): Text("字形相近，差一个字", "one character is another that looks like it"),
    ("given", "part"): Text("一个是另一个的一部分", "one is a part of the other"),
    ("given", "near"): Text("差一个字或字母", "one character off"),
    ("born", "swapped"): Text("月和日对调", "month and day changed places"),
    ("born", "near"): _ONE,
    ("born", "close"): _TWO,
    ("born", "year"): Text("同一年", "the same year"),
    ("born", "generation"): Text("相差 15 年以上", "15 years apart or more"),
    ("email", "local"): Text("@ 前相同", "the same before the @"),
    ("email", "near"): Text("差一个字符", "one character off"),
    ("home", "flat"): Text("同一处，同一室", "the same flat in the same place"),
    ("home", "flat on a road"): Text("同一条路，楼号和室号相同", "the same road, building and room"),
    ("home", "flat somewhere"): Text("楼号和室号相同，地方不全", "the same building and room, the place is not said"),
    ("home", "place"): Text("同一处，室号不全", "the same place, a room is not said"),
    ("home", "road"): Text("同一条路", "the same road"),
    ("home", "neighbour"): Text("同一处，另一室", "the same place, another flat"),
}  # fmt: skip
"""(comparison, level) -> how alike the two are."""

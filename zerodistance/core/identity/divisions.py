"""Provinces, cities and districts of China at the beginning of an address, by a table of their names. Pure.

The table (`divisions.txt`, made by `python -m scripts.divisions`) has every name since 1990 with its short form, so that 即墨市, 即墨区 and 即墨 are one
district. A short form is taken for a division only where what follows could stand by itself: 青岛 in 青岛路 is a road, 市南 in 市南花园 an estate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

PROVINCE, CITY, DISTRICT = 0, 1, 2
_SUFFIXES: Final = ("省", "市", "区", "县", "旗", "州", "盟")


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """One province, city or district as it is called today, or was last.

    Attributes
    ----------
    level
        0 province, 1 city, 2 district, county or a city of that rank.
    name
        Its whole name.
    above
        What it belongs to, the province first.
    """

    level: int
    name: str
    above: tuple[Division, ...]


@dataclass(frozen=True, slots=True)
class Leading:
    """The divisions at the beginning of a text, each empty where it does not stand there, and where the rest begins."""

    province: str = ""
    city: str = ""
    district: str = ""
    end: int = 0


Strong = Callable[[str], bool]
"""Whether what follows a short form could stand by itself."""


def leading(text: str, strong: Strong) -> Leading:
    """Return the divisions that a text begins with.

    Examples
    --------
    >>> leading("青岛市南区大沙路", lambda rest: True)
    Leading(province='', city='青岛市', district='市南区', end=5)
    >>> leading("浙江鄞州春和名邸", lambda rest: True)
    Leading(province='浙江省', city='', district='鄞州区', end=4)
    """
    found = max(_ways(text, 0, (), strong), key=lambda way: (len(way[0]), way[1]), default=None)
    if found is None:
        return Leading()
    names = dict(found[0])
    return Leading(names.get(PROVINCE, ""), names.get(CITY, ""), names.get(DISTRICT, ""), found[1])


def short(name: str) -> str:
    """Return the short form of a division's name: 市南 of 市南区, 鄞州 of 鄞州; a name that is not known loses its last character if that says what it is.

    Examples
    --------
    >>> short("市南区"), short("孟村回族自治县"), short("西海岸新区"), short("城区")
    ('市南', '孟村', '西海岸新', '城区')
    """
    known = _table().short.get(name)
    if known is not None:
        return known
    return name[:-1] if len(name) > 2 and name[-1] in _SUFFIXES else name


Way = tuple[tuple[tuple[int, str], ...], int]


def _ways(text: str, at: int, context: tuple[Division, ...], strong: Strong) -> Iterator[Way]:
    """Yield levels and names of every way to read divisions from `at` on, and where each ends."""
    table = _table()
    for size in table.sizes.get(text[at : at + 2], ()):
        end, spelled = at + size, text[at : at + size]
        known = table.spelled.get(spelled)
        for level, divisions in known.items() if known else ():
            inside = tuple(d for d in divisions if not context or any(c in d.above for c in context))
            if not inside:
                continue
            deeper = list(_ways(text, end, inside, strong)) if level < DISTRICT else []
            for names, last in deeper:
                yield ((level, inside[0].name), *names), last
            whole = len(spelled) > 2 and spelled[-1] in _SUFFIXES
            if not deeper and (whole or strong(text[end:])):
                yield ((level, inside[0].name),), end


@dataclass(frozen=True, slots=True)
class _Table:
    """Spelling -> level -> divisions, those of today first; whole name -> short form; two characters -> lengths of the spellings that begin so."""

    spelled: dict[str, dict[int, list[Division]]]
    short: dict[str, str]
    sizes: dict[str, tuple[int, ...]]


@cache
def _table() -> _Table:
    spelled: dict[str, dict[int, list[Division]]] = defaultdict(lambda: defaultdict(list))
    shorts: dict[str, str] = {}
    current: dict[tuple[Division | None, str], Division] = {}
    former: list[tuple[str, str, Division]] = []
    above: list[Division] = []
    for line in _lines():
        name, brief, *gone = line.split()
        level = len(line) - len(line.lstrip(" "))
        above = [one for one in above if one.level < level]
        one = Division(level, name, tuple(above))
        shorts[name] = brief
        if gone:
            former.append((name, brief, one))
        else:
            current[above[-1] if above else None, brief] = one
            for spelling in {name, brief}:
                spelled[spelling][level].append(one)
        if level < DISTRICT:
            above.append(one)
    for name, brief, one in former:  # what it became in the same city, if that has its short form
        today = current.get((one.above[-1] if one.above else None, brief), one)
        for spelling in {name, brief}:
            if today not in spelled[spelling][one.level]:
                spelled[spelling][one.level].append(today)
    plain = {spelling: dict(levels) for spelling, levels in spelled.items()}
    sizes: dict[str, set[int]] = defaultdict(set)
    for spelling in plain:
        sizes[spelling[:2]].add(len(spelling))
    return _Table(plain, shorts, {head: tuple(sorted(found, reverse=True)) for head, found in sizes.items()})


def _lines() -> list[str]:
    file = resources.files("zerodistance.core.identity") / "divisions.txt"
    return file.read_text(encoding="utf-8").splitlines()

"""Pure rules of brand: which columns a file may have, what may stand in them, and how versions follow each other."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from zerodistance.core.brand.contracts import ALWAYS, BadCell, Change
from zerodistance.kernel.clock import to_micros
from zerodistance.kernel.coordinates import System, to_wgs84
from zerodistance.kernel.text import Text

PLACE_KINDS = ("community", "district", "city", "country")
GRADES = ("A", "B", "C", "D")  # own value: how many grades there are
MAX_LIFETIME_YEARS = 100  # own value: above it a lifetime is a typing error
MAX_WARRANTY_MONTHS = 240  # own value: the same of a warranty
MAX_HOUSEHOLDS = 200_000  # own value: of one community; a city has more
MAX_CELL = 200

_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_CODE = re.compile(r"[\w.+/-]+")
_AREA = re.compile(r"[A-Z0-9-]{2,12}")


class Wrong(ValueError):
    """A cell may not hold this; carries what it may hold."""

    def __init__(self, allowed: Text) -> None:
        super().__init__(allowed.en)
        self.allowed = allowed


@dataclass(frozen=True)
class Column:
    """One column of a file: how to read a cell, and which kind its value must exist in."""

    name: str
    read: Callable[[str], Any]
    required: bool = True
    refers_to: str | None = None


@dataclass(frozen=True)
class Kind:
    """One of the five things a brand is made of, as a file and as a table."""

    name: str
    text: Text
    keys: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def header(self) -> tuple[str, ...]:
        """Every column a file may have, in the order of an export."""
        return (*(column.name for column in self.columns), "valid_from", "valid_to")


def _matching(pattern: re.Pattern[str], allowed: Text) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if len(cell) > MAX_CELL or not pattern.fullmatch(cell):
            raise Wrong(allowed)
        return cell

    return read


def _words(cell: str) -> str:
    if len(cell) > MAX_CELL or not cell.isprintable():
        raise Wrong(Text(f"最多 {MAX_CELL} 个可见字符", f"at most {MAX_CELL} printable characters"))
    return cell


def _between(low: float, high: float, unit: Text) -> Callable[[str], float]:
    allowed = Text(
        f"{low:g} 到 {high:g} 之间的数（{unit.zh}）", f"a number from {low:g} to {high:g} ({unit.en})"
    )

    def read(cell: str) -> float:
        try:
            value = float(cell)
        except ValueError:
            raise Wrong(allowed) from None
        if not math.isfinite(value) or not low <= value <= high:
            raise Wrong(allowed)
        return value

    return read


def _months(cell: str) -> int:
    if not cell.isascii() or not cell.isdigit() or len(cell) > 3 or int(cell) > MAX_WARRANTY_MONTHS:
        raise Wrong(
            Text(
                f"0 到 {MAX_WARRANTY_MONTHS} 之间的整数（月）",
                f"a whole number from 0 to {MAX_WARRANTY_MONTHS} (months)",
            )
        )
    return int(cell)


def _many(cell: str) -> int:
    if not cell.isascii() or not cell.isdigit() or len(cell) > 6 or not 1 <= int(cell) <= MAX_HOUSEHOLDS:
        raise Wrong(
            Text(
                f"1 到 {MAX_HOUSEHOLDS:,} 之间的整数（户）",
                f"a whole number from 1 to {MAX_HOUSEHOLDS:,} (homes)",
            )
        )
    return int(cell)


def _one_of(values: Sequence[str]) -> Callable[[str], str]:
    listed = ", ".join(values)

    def read(cell: str) -> str:
        if cell not in values:
            raise Wrong(Text(f"其中之一：{listed}", f"one of {listed}"))
        return cell

    return read


_key = _matching(
    _KEY,
    Text(
        "小写字母、数字、下划线，以点分段，如 fridge", "lower-case letters, digits, _ and dots, like fridge"
    ),
)
_code = _matching(_CODE, Text("字母、数字和 . + / - _，不含空格", "letters, digits and . + / - _, no spaces"))
_area = _matching(
    _AREA, Text("2 至 12 位大写字母或数字，如 370202", "2 to 12 capitals or digits, like 370202")
)
_years = _between(0.1, MAX_LIFETIME_YEARS, Text("年", "years"))
_latitude = _between(-90, 90, Text("度，WGS-84", "degrees, WGS-84"))
_longitude = _between(-180, 180, Text("度，WGS-84", "degrees, WGS-84"))

CATEGORIES = Kind(
    "categories",
    Text("品类", "categories"),
    ("key",),
    (
        Column("key", _key),
        Column("parent", _key, required=False, refers_to="categories"),
        Column("name_zh", _words),
        Column("name_en", _words),
        Column("lifetime_years", _years, required=False),
        Column("origin", _words, required=False),
        Column("unit", _key, required=False, refers_to="units"),
        Column("warranty_months", _months, required=False),
    ),
)
PRODUCTS = Kind(
    "products",
    Text("产品", "products"),
    ("code",),
    (
        Column("code", _code),
        Column("name_zh", _words),
        Column("name_en", _words),
        Column("category", _key, refers_to="categories"),
        Column("warranty_months", _months, required=False),
    ),
)
PLACES = Kind(
    "places",
    Text("地点", "places"),
    ("code",),
    (
        Column("code", _code),
        Column("name_zh", _words),
        Column("name_en", _words),
        Column("kind", _one_of(PLACE_KINDS)),
        Column("lat", _latitude, required=False),
        Column("lon", _longitude, required=False),
        Column("area", _area),
        Column("grade", _one_of(GRADES), required=False),
        Column("households", _many, required=False),
    ),
)
UNITS = Kind(
    "units",
    Text("小微", "units"),
    ("key",),
    (
        Column("key", _key),
        Column("name_zh", _words),
        Column("name_en", _words),
        Column("parent", _key, required=False, refers_to="units"),
    ),
)
TERRITORIES = Kind(
    "territories",
    Text("辖区", "territories"),
    ("unit", "place"),
    (Column("unit", _key, refers_to="units"), Column("place", _code, refers_to="places")),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (UNITS, CATEGORIES, PRODUCTS, PLACES, TERRITORIES)}
"""In the order in which they may refer to each other."""

_MOMENT = Text(
    "日期或时刻，如 2026-11-21 或 2026-11-21T08:00:00+08:00",
    "a day or a moment, like 2026-11-21 or 2026-11-21T08:00:00+08:00",
)


def read_moment(cell: str, zone: tzinfo) -> int:
    """Return the microseconds of a day (its start in `zone`) or of a moment.

    Raises
    ------
    Wrong
        It is neither.
    """
    if cell == "always":
        return ALWAYS
    try:
        moment = datetime.fromisoformat(cell)
        return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise Wrong(_MOMENT) from None


def write_moment(at: int | None) -> str:
    """Return a moment as `read_moment` takes it.

    Examples
    --------
    >>> write_moment(0), write_moment(None), write_moment(1_000_000)
    ('always', '', '1970-01-01T00:00:01+00:00')
    """
    if at is None:
        return ""
    return "always" if at == ALWAYS else datetime.fromtimestamp(at / 1e6, UTC).isoformat()


def read_file(kind: Kind, lines: Iterable[str], zone: tzinfo) -> tuple[list[Change], list[BadCell]]:
    """Read a CSV file with a header: the rows in which every cell is right, and every cell that is wrong."""
    reader = csv.reader(lines)
    bad: list[BadCell] = []
    rows = _rows(reader, bad)
    header = [cell.strip() for cell in next(rows, [])]
    wrong = bad or _bad_header(kind, header)
    if wrong:
        return [], wrong
    changes: list[Change] = []
    first: dict[tuple[Any, ...], int] = {}
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        line = reader.line_num
        if len(cells) != len(header):
            allowed = Text(f"{len(header)} 列，与表头相同", f"{len(header)} cells, like the header")
            bad.append(BadCell(line, "", ",".join(cells)[:MAX_CELL], allowed))
            continue
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        change, complaints = _read_row(kind, row, line, zone)
        before = first.setdefault((*change.key, change.valid_from), line) if change else line
        if change and before != line:
            allowed = Text(
                f"每个键和起始时间一行；第 {before} 行已有",
                f"one row a key and beginning; line {before} has it",
            )
            complaints, change = [BadCell(line, kind.keys[0], "/".join(change.key), allowed)], None
        bad.extend(complaints)
        if change:
            changes.append(change)
    return changes, bad


def converted(changes: Sequence[Change], coordinates: System) -> list[Change]:
    """Return changes with `lat` and `lon`, which are said in another system of coordinates, in WGS-84."""
    if coordinates == "wgs84":
        return list(changes)

    def moved(change: Change) -> Change:
        said = change.values
        if said.get("lat") is None or said.get("lon") is None:
            return change
        lat, lon = to_wgs84(said["lat"], said["lon"], coordinates)
        return replace(change, values={**said, "lat": round(lat, 7), "lon": round(lon, 7)})

    return [moved(change) for change in changes]


def _rows(reader: Any, bad: list[BadCell]) -> Iterator[list[str]]:
    """Yield the rows; a place from which the file can't be read further becomes a bad cell, and the last."""
    try:
        yield from reader
    except csv.Error as error:
        most = csv.field_size_limit()
        allowed = Text(
            f"一格最多 {most:,} 个字符，引号要成对：从这里起读不下去（{error}）",
            f"at most {most:,} characters a cell, and quotes in pairs: from here on the file can't be read ({error})",
        )
        bad.append(BadCell(reader.line_num, "", "", allowed))


def _bad_header(kind: Kind, header: Sequence[str]) -> list[BadCell]:
    allowed = Text("表头列：" + ", ".join(kind.header), "header columns: " + ", ".join(kind.header))
    unknown = [name for name in header if name not in kind.header or header.count(name) > 1]
    missing = [column.name for column in kind.columns if column.required and column.name not in header]
    return [BadCell(1, name, name, allowed) for name in unknown] + [
        BadCell(1, name, "", allowed) for name in missing
    ]


def _read_row(
    kind: Kind, row: Mapping[str, str], line: int, zone: tzinfo
) -> tuple[Change | None, list[BadCell]]:
    bad: list[BadCell] = []
    values: dict[str, Any] = {}

    def cell(name: str, read: Callable[[str], Any], required: bool) -> Any:
        given = row.get(name, "")
        if not given:
            if required:
                bad.append(BadCell(line, name, "", Text("不能为空", "something; it may not be empty")))
            return None
        try:
            return read(given)
        except Wrong as wrong:
            bad.append(BadCell(line, name, given[:MAX_CELL], wrong.allowed))
            return None

    for column in kind.columns:
        if not column.required and column.name not in row:
            continue  # what a file has no column for stays as it is
        values[column.name] = cell(column.name, column.read, column.required)
    start = cell("valid_from", lambda text: read_moment(text, zone), False)
    end = cell("valid_to", lambda text: read_moment(text, zone), False)
    if not bad:
        bad.extend(_bad_together(kind, values, start, end, row, line))
    if bad:
        return None, bad
    key = tuple(values.pop(name) for name in kind.keys)
    if "origin" in values:
        values["origin"] = values["origin"] or ""
    return Change(key, values, start, end, line), []


def _bad_together(
    kind: Kind,
    values: Mapping[str, Any],
    start: int | None,
    end: int | None,
    row: Mapping[str, str],
    line: int,
) -> list[BadCell]:
    if end is not None and end <= (start or ALWAYS):
        return [BadCell(line, "valid_to", row["valid_to"], Text("晚于 valid_from", "later than valid_from"))]
    if (
        kind is PLACES
        and values["kind"] == "community"
        and (values.get("lat") is None or values.get("lon") is None)
    ):
        return [
            BadCell(line, "lat", row.get("lat", ""), Text("小区必须有经纬度", "a community has lat and lon"))
        ]
    if kind is PLACES and (values.get("lat") is None) != (values.get("lon") is None):
        return [
            BadCell(
                line, "lat", row.get("lat", ""), Text("经纬度要么都有要么都没有", "lat and lon, or neither")
            )
        ]
    if values.get("parent") is not None and values["parent"] == values.get("key"):
        return [BadCell(line, "parent", values["parent"], Text("不是它自己", "another key than its own"))]
    return []


@dataclass(frozen=True)
class Version:
    """The values of one key for as long as they hold: [valid_from, valid_to)."""

    valid_from: int
    valid_to: int | None
    values: Mapping[str, Any]


def placed(history: Sequence[Version], new: Change, now: int) -> list[Version]:
    """Return the history of a key with `new` in it, oldest first; the same history if `new` says nothing new.

    Without a beginning a change holds always if the key is new, and from now on if not. It holds until the next version
    that is known; the version before it ends where it begins. A version with the same beginning is corrected.

    Raises
    ------
    Wrong
        Its given end lies behind the beginning of a later version.

    Examples
    --------
    >>> old = placed([], Change(("fridge",), {"name": "a"}), now=5)
    >>> [(v.valid_from, v.valid_to, v.values["name"]) for v in placed(old, Change(("fridge",), {"name": "b"}), now=9)]
    [(0, 9, 'a'), (9, None, 'b')]
    """
    held = next((v for v in history if _covers(v, now) and v.values == new.values), None)
    start = new.valid_from
    if start is None:
        start = held.valid_from if held else now if history else ALWAYS
    later = [version for version in history if version.valid_from > start]
    following = later[0].valid_from if later else None
    if new.valid_to is not None and following is not None and new.valid_to > following:
        until = write_moment(following)
        raise Wrong(
            Text(f"不晚于下一个版本的开始 {until}", f"no later than {until}, when the next version begins")
        )
    end = new.valid_to if new.valid_to is not None else following
    if end is not None and end <= start:
        raise Wrong(
            Text(f"晚于开始时间 {write_moment(start)}", f"later than the beginning, {write_moment(start)}")
        )
    if any(_covers(v, start) and v.valid_to == end and v.values == new.values for v in history):
        return list(history)
    before = [v for v in history if v.valid_from < start]
    if before and (before[-1].valid_to is None or before[-1].valid_to > start):
        before[-1] = Version(before[-1].valid_from, start, before[-1].values)
    return [*before, Version(start, end, new.values), *later]


def _covers(version: Version, at: int) -> bool:
    return version.valid_from <= at and (version.valid_to is None or at < version.valid_to)


def circle(parents: Mapping[str, str | None], key: str) -> bool:
    """Say whether following the parents of `key` leads back to a key that was passed.

    Examples
    --------
    >>> circle({"a": "b", "b": "a"}, "a"), circle({"a": "b", "b": None}, "a")
    (True, False)
    """
    passed: set[str] = set()
    here: str | None = key
    while here is not None and here not in passed:
        passed.add(here)
        here = parents.get(here)
    return here is not None

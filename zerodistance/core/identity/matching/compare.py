"""How alike two faces are, part by part: a level for each comparison. Pure.

Every comparison is written twice, for two faces and for columns of pairs; a test says that both give the same. Strings are compared by character
(an edit distance over bytes is wrong for Chinese), and only where their codes differ.

References
----------
.. [1] Winkler, String comparator metrics and enhanced decision rules in the Fellegi-Sunter model, 1990.
.. [2] Boytsov, Indexing methods for approximate dictionary searching, 2011: optimal string alignment, which counts two transposed signs as one error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

from zerodistance.core.identity.matching.columns import Bools, Codes, Columns, Ints
from zerodistance.core.identity.matching.fields import Face

Levels = np.ndarray[Any, np.dtype[np.uint8]]
_NEAR, _CLOSE = (
    0.92,
    0.80,
)  # Jaro-Winkler, the thresholds that Splink's library has; one slip of a short word counts as near too


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing in which two faces may be alike.

    Attributes
    ----------
    key
        What is compared.
    levels
        From the most alike on; level 0 stands before them: one of the two says nothing.
    frequency
        Level -> part whose value is the more telling the rarer it is.
    one, many
        The level of two faces; of pairs of rows.
    sole
        Levels in which a record agrees with a few strangers, however many there are: the more records, the less likely a stranger does.
    """

    key: str
    levels: tuple[str, ...]
    frequency: dict[int, str]
    one: Callable[[Face, Face], int]
    many: Callable[[Columns, Ints, Ints], Levels]
    sole: tuple[int, ...] = ()


# -- strings that differ


def _alike(x: str, y: str) -> int:
    """Return 0 if two different words are near, 1 if they are close, 2 otherwise."""
    if max(len(x), len(y)) >= 3 and OSA.distance(x, y, score_cutoff=1) <= 1:
        return 0
    ratio = JaroWinkler.similarity(x, y)
    return 0 if ratio >= _NEAR else 1 if ratio >= _CLOSE else 2


def _each(columns: Columns, part: str, a: Codes, b: Codes, judge: Callable[[Any, Any], Any]) -> Any:
    """Return what `judge` says of pairs of values, asked once for each distinct pair."""
    values = columns.value[part]
    many = len(values) + 1
    key, which = np.unique(a.astype(np.int64) * many + b, return_inverse=True)
    return judge(values[key // many], values[key % many])[which]


def _alike_many(x: Any, y: Any) -> Levels:
    ratio = cpdist(x, y, scorer=JaroWinkler.similarity, dtype=np.float64, score_cutoff=_CLOSE)
    slips = cpdist(x, y, scorer=OSA.distance, dtype=np.int32, score_cutoff=1)
    size = np.array([max(len(p), len(q)) for p, q in zip(x, y, strict=True)], dtype=np.int64)
    near = ((size >= 3) & (slips <= 1)) | (ratio >= _NEAR)
    return np.where(near, 0, np.where(ratio >= _CLOSE, 1, 2)).astype(np.uint8)


def _slips_many(most: int) -> Callable[[Any, Any], Any]:
    return lambda x, y: cpdist(x, y, scorer=OSA.distance, dtype=np.int32, score_cutoff=most)


def _start(columns: Columns, part: str, a: Ints, b: Ints) -> tuple[Codes, Codes, Levels, Ints]:
    """Return the codes of both sides, levels of which those of equal and unknown values are done, and which pairs are left."""
    x, y = columns.code[part][a], columns.code[part][b]
    known = (x >= 0) & (y >= 0)
    level = (known & (x == y)).astype(np.uint8)
    return x, y, level, np.flatnonzero(known & (x != y))


# -- words and numbers: equal, near, (close,) differs


def _words(part: str) -> Comparison:
    def one(x: Face, y: Face) -> int:
        p, q = getattr(x, part), getattr(y, part)
        return 0 if not p or not q else 1 if p == q else 2 + _alike(p, q)

    def many(columns: Columns, a: Ints, b: Ints) -> Levels:
        x, y, level, left = _start(columns, part, a, b)
        if len(left):
            level[left] = 2 + _each(columns, part, x[left], y[left], _alike_many)
        return level

    return Comparison(part, ("equal", "near", "close", "differs"), {1: part}, one, many)


def _digits(part: str, most: int, *, telling: bool = False, sole: tuple[int, ...] = ()) -> Comparison:
    """Return a comparison of numbers: equal, one slip, two slips where `most` is 2, differs."""

    def one(x: Face, y: Face) -> int:
        p, q = getattr(x, part), getattr(y, part)
        return 0 if not p or not q else 1 + min(OSA.distance(p, q, score_cutoff=most), most + 1)

    def many(columns: Columns, a: Ints, b: Ints) -> Levels:
        x, y, level, left = _start(columns, part, a, b)
        if len(left):
            values = columns.value[part]
            slips = _slips_many(most)(values[x[left]], values[y[left]])
            level[left] = 1 + np.minimum(slips, most + 1)
        return level

    names = ("equal", *("near", "close")[:most], "differs")
    return Comparison(part, names, {1: part} if telling else {}, one, many, sole)


# -- names


def _swapped(x: Face, y: Face) -> bool:
    return bool(x.given and y.given) and x.surname == y.given and x.given == y.surname


def _swapped_many(columns: Columns, a: Ints, b: Ints) -> Bools:
    surname, given = columns.code["surname"], columns.code["given"]
    found: Bools = (given[a] >= 0) & (given[b] >= 0) & (surname[a] == given[b]) & (given[a] == surname[b])
    return found


def _surname(x: Face, y: Face) -> int:
    if not x.surname or not y.surname:
        return 0
    if x.surname == y.surname:
        return 1
    return 2 if _swapped(x, y) else 3 + _alike(x.surname, y.surname)


def _surname_many(columns: Columns, a: Ints, b: Ints) -> Levels:
    x, y, level, left = _start(columns, "surname", a, b)
    if len(left):
        swapped = _swapped_many(columns, a[left], b[left])
        alike = 3 + _each(columns, "surname", x[left], y[left], _alike_many)
        level[left] = np.where(swapped, 2, alike)
    return level


_WRITTEN, _SOUND, _TURNED, _PART, _LIKE = 1, 2, 3, 4, 5


def _given(x: Face, y: Face) -> int:
    if not x.given or not y.given:
        return 0
    if x.written and x.written == y.written:
        return _WRITTEN
    if x.given == y.given:
        return _SOUND
    if _swapped(x, y):
        return _TURNED
    if x.written and y.written and not x.written.isascii() and not y.written.isascii():
        return _in_characters(x.written, y.written)
    if x.given.startswith(y.given) or y.given.startswith(x.given):
        return _PART
    return _LIKE + _alike(x.given, y.given)


def _in_characters(x: str, y: str) -> int:
    """Return the level of two given names in characters that sound unlike: one of two or more characters differs, one is in the other, or they differ."""
    if len(x) > 4 or len(y) > 4:
        return _LIKE + 2
    if len(x) == len(y) and len(x) > 1:
        return _LIKE if sum(p != q for p, q in zip(x, y, strict=True)) == 1 else _LIKE + 2
    return _PART if len(x) != len(y) and (x in y or y in x) and min(len(x), len(y)) == 1 else _LIKE + 2


def _given_many(columns: Columns, a: Ints, b: Ints) -> Levels:
    x, y, level, left = _start(columns, "given", a, b)
    level[level > 0] = _SOUND
    written = columns.code["written"]
    p, q = written[a], written[b]
    level[(x >= 0) & (y >= 0) & (p >= 0) & (p == q)] = _WRITTEN
    left = left[level[left] == 0]
    swapped = _swapped_many(columns, a[left], b[left])
    level[left[swapped]] = _TURNED
    left = left[~swapped]
    han = np.append(columns.han, False)
    characters = han[p[left]] & han[q[left]]
    these = left[characters]
    level[these] = _in_characters_many(columns, p[these], q[these])
    those = left[~characters]
    if len(those):
        level[those] = _each(columns, "given", x[those], y[those], _latin_many)
    return level


def _in_characters_many(columns: Columns, p: Codes, q: Codes) -> Levels:
    table = columns.characters
    x, y = table[p], table[q]
    m, n = (x > 0).sum(axis=1), (y > 0).sum(axis=1)
    one_differs = (m == n) & (m > 1) & ((x != y).sum(axis=1) == 1)
    short, long = np.where((m < n)[:, None], x, y), np.where((m < n)[:, None], y, x)
    inside = (np.minimum(m, n) == 1) & (m != n) & (short[:, :1] == long).any(axis=1)
    return np.where(one_differs, _LIKE, np.where(inside, _PART, _LIKE + 2)).astype(np.uint8)


def _latin_many(x: Any, y: Any) -> Levels:
    inside = np.array([p.startswith(q) or q.startswith(p) for p, q in zip(x, y, strict=True)], dtype=bool)
    return np.where(inside, _PART, _LIKE + _alike_many(x, y)).astype(np.uint8)


# -- birthdays


_GENERATION: Final = 15  # years between parents and children at least, own value


def _rough(born: str) -> bool:
    """Say whether a birthday stands for a year: many write the first of January for want of a day."""
    return len(born) < 10 or born.endswith("-01-01")


def _born(x: Face, y: Face) -> int:
    p, q = x.born, y.born
    if not p or not q:
        return 0
    far = 5 if p[:4] == q[:4] else 6 if abs(int(p[:4]) - int(q[:4])) >= _GENERATION else 7
    if _rough(p) or _rough(q):
        return far
    if p == q:
        return 1
    if p == f"{q[:5]}{q[8:]}-{q[5:7]}":
        return 2
    slips = OSA.distance(p, q, score_cutoff=2)
    return 2 + slips if slips <= 2 else far


def _born_many(columns: Columns, a: Ints, b: Ints) -> Levels:
    x, y, level, left = _start(columns, "born", a, b)
    left = np.flatnonzero((x >= 0) & (y >= 0))
    if len(left):
        level[left] = _each(columns, "born", x[left], y[left], _born_pairs)
    return level


def _born_pairs(x: Any, y: Any) -> Levels:
    slips = cpdist(x, y, scorer=OSA.distance, dtype=np.int32, score_cutoff=2)
    rough = np.array([_rough(p) or _rough(q) for p, q in zip(x, y, strict=True)], dtype=bool)
    turned = np.array([p == f"{q[:5]}{q[8:]}-{q[5:7]}" for p, q in zip(x, y, strict=True)], dtype=bool)
    years = np.abs(np.array([int(p[:4]) - int(q[:4]) for p, q in zip(x, y, strict=True)], dtype=np.int64))
    far = np.select([years == 0, years >= _GENERATION], [5, 6], 7)
    exact = np.select([slips == 0, turned, slips <= 2], [1, 2, 2 + slips], far)
    return np.where(rough, far, exact).astype(np.uint8)


# -- e-mail


def _email(x: Face, y: Face) -> int:
    p, q = x.email, y.email
    if not p or not q:
        return 0
    if p == q:
        return 1
    if p.partition("@")[0] == q.partition("@")[0]:
        return 2
    return 3 if OSA.distance(p, q, score_cutoff=1) <= 1 else 4


def _email_many(columns: Columns, a: Ints, b: Ints) -> Levels:
    x, y, level, left = _start(columns, "email", a, b)
    if len(left):
        values = columns.value["email"]
        p, q = values[x[left]], values[y[left]]
        local = np.array([i.partition("@")[0] == j.partition("@")[0] for i, j in zip(p, q, strict=True)])
        level[left] = np.where(local, 2, np.where(_slips_many(1)(p, q) <= 1, 3, 4))
    return level


# -- homes in China: levels by what is known of the place, and of the flat in it

_HOME_LEVELS = ("flat", "flat on a road", "flat somewhere", "place", "road", "neighbour", "differs")


def _home(x: Face, y: Face) -> int:
    same, road, conflict = _place(x, y)
    equal = bool(x.room) and x.room == y.room and x.building == y.building
    units = bool(x.unit and y.unit) and x.unit != y.unit
    differs = any(p and q and p != q for p, q in ((x.building, y.building), (x.room, y.room))) or units
    equal = equal and not units
    if conflict:
        return 7
    if same or road:
        return (1 if same else 2) if equal else 6 if differs else (4 if same else 5)
    return 3 if equal else 7 if differs and (x.core or x.road) and (y.core or y.road) else 0


def _place(x: Face, y: Face) -> tuple[bool, bool, bool]:
    """Return whether two addresses name one place, one road only, or two places."""
    estates, roads = bool(x.core and y.core), bool(x.road and y.road)
    same_estate = (
        estates and x.core == y.core and (x.estate == y.estate or x.estate == x.core or y.estate == y.core)
    )
    same_road = roads and x.road == y.road
    numbers = bool(x.number and y.number)
    same_number = same_road and numbers and x.number == y.number
    districts = bool(x.district and y.district) and x.district != y.district
    differs = districts or (estates and not same_estate) or (roads and not same_road) or (same_road and numbers and not same_number)  # fmt: skip
    same = not districts and (same_estate or same_number)
    return same, not districts and not differs and same_road and not same, differs and not same


def _home_many(columns: Columns, a: Ints, b: Ints) -> Levels:
    def both(part: str) -> tuple[Bools, Bools]:
        """Return whether both sides know a part, and whether it is the same."""
        x, y = columns.code[part][a], columns.code[part][b]
        known = (x >= 0) & (y >= 0)
        return known, known & (x == y)

    if not columns.filled & {"core", "road", "room"}:
        return np.zeros(len(a), dtype=np.uint8)
    estates, core = both("core")
    roads, same_road = both("road")
    numbers, number = both("number")
    district_known, district = both("district")
    plain = _plain_estates(columns)
    same_estate = core & (both("estate")[1] | plain[a] | plain[b])
    same_number = same_road & number
    districts = district_known & ~district
    differs = districts | (estates & ~same_estate) | (roads & ~same_road) | (same_road & numbers & ~number)
    same = ~districts & (same_estate | same_number)
    road, conflict = ~districts & ~differs & same_road & ~same, differs & ~same
    rooms, room = both("room")
    buildings, building = both("building")
    units_known, unit = both("unit")
    units = units_known & ~unit
    equal = room & (columns.code["building"][a] == columns.code["building"][b]) & ~units
    apart = (buildings & ~building) | (rooms & ~room) | units
    there = (columns.code["core"] >= 0) | (columns.code["road"] >= 0)
    level = np.select(
        [
            conflict,
            (same | road) & equal,
            (same | road) & apart,
            same | road,
            equal,
            apart & there[a] & there[b],
        ],
        [7, np.where(same, 1, 2), 6, np.where(same, 4, 5), 3, 7],
        0,
    )
    return level.astype(np.uint8)


def _plain_estates(columns: Columns) -> Bools:
    """Return which rows name an estate without the word for its kind."""
    core = {name: n for n, name in enumerate(columns.value["core"])}
    place = np.array([*(core.get(name, -2) for name in columns.value["estate"]), -3], dtype=np.int64)
    return np.asarray(place[columns.code["estate"]] == columns.code["core"])


GIVEN: Final = Comparison(
    "given", ("written", "sound", "swapped", "part", "near", "close", "differs"), {1: "written", 2: "given"}, _given, _given_many
)  # fmt: skip
COMPARISONS: Final = (
    Comparison("surname", ("equal", "swapped", "near", "close", "differs"), {1: "surname"}, _surname, _surname_many),
    GIVEN,
    _digits("sex", 0),
    Comparison("born", ("equal", "swapped", "near", "close", "year", "generation", "differs"), {}, _born, _born_many),
    _digits("phone", 1, sole=(1,)),
    Comparison("email", ("equal", "local", "near", "differs"), {}, _email, _email_many, (1,)),
    _digits("id_number", 2, sole=(1,)),
    Comparison("home", _HOME_LEVELS, {}, _home, _home_many, (1, 2)),
    _words("street"),
    _digits("house", 1, telling=True),
    _words("extra"),
    _words("locality"),
    _words("region"),
    _digits("postcode", 1, telling=True),
)  # fmt: skip
"""Everything that is compared, in order."""


def levels(x: Face, y: Face) -> tuple[int, ...]:
    """Return the level of each comparison."""
    return tuple(comparison.one(x, y) for comparison in COMPARISONS)


def levels_many(columns: Columns, a: Ints, b: Ints) -> Levels:
    """Return the level of each comparison and pair, shape (comparisons, pairs)."""
    return np.stack([comparison.many(columns, a, b) for comparison in COMPARISONS])

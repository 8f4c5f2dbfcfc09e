"""How alike two faces are, part by part: a level for each comparison. Pure.

Every comparison is written twice, for two faces and for columns of pairs; a test says that both give the same. Strings are compared by character
(an edit distance over bytes is wrong for Chinese), and only where their codes differ.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from zerodistance.core.identity.matching.alike import (
    Comparison,
    Levels,
    Unsaid,
    alike,
    alike_many,
    each,
    slips_many,
    start,
)
from zerodistance.core.identity.matching.columns import Bools, Codes, Columns, Ints
from zerodistance.core.identity.matching.fields import Face
from zerodistance.core.identity.matching.homes import (
    ELSEWHERE,
    HOME_LEVELS,
    POSTED_ELSEWHERE,
    home,
    home_many,
)
from zerodistance.core.identity.matching.shapes import looks, looks_many

# -- words and numbers: equal, near, (close,) differs


def _words(part: str, unsaid: Unsaid | None = None) -> Comparison:
    def one(x: Face, y: Face) -> int:
        p, q = getattr(x, part), getattr(y, part)
        if not p or not q:
            return 0
        return 1 if p == q else 0 if unsaid is not None and unsaid.one(x, y) else 2 + alike(p, q)

    def many(columns: Columns, a: Ints, b: Ints) -> Levels:
        x, y, level, left = start(columns, part, a, b)
        left = left if unsaid is None else left[~unsaid.many(columns, a[left], b[left])]
        if len(left):
            level[left] = 2 + each(columns, part, x[left], y[left], alike_many)
        return level

    return Comparison(part, ("equal", "near", "close", "differs"), {1: part}, one, many)


def _digits(
    part: str, most: int, *, telling: bool = False, sole: tuple[int, ...] = (), unsaid: Unsaid | None = None
) -> Comparison:
    """Return a comparison of numbers: equal, one slip, two slips where `most` is 2, differs."""

    def one(x: Face, y: Face) -> int:
        p, q = getattr(x, part), getattr(y, part)
        if not p or not q or (unsaid is not None and p != q and unsaid.one(x, y)):
            return 0
        return 1 + min(OSA.distance(p, q, score_cutoff=most), most + 1)

    def many(columns: Columns, a: Ints, b: Ints) -> Levels:
        x, y, level, left = start(columns, part, a, b)
        left = left if unsaid is None else left[~unsaid.many(columns, a[left], b[left])]
        if len(left):
            values = columns.value[part]
            slips = slips_many(most)(values[x[left]], values[y[left]])
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
    return 2 if _swapped(x, y) else 3 if _longer(x.surname, y.surname) else 3 + alike(x.surname, y.surname)


def _longer(x: str, y: str) -> bool:
    """Say whether one surname begins with the other: García, García López; Müller, Müller-Schmidt."""
    return min(len(x), len(y)) >= _WHOLE and (x.startswith(y) or y.startswith(x))


_WHOLE: Final = (
    4  # letters of a surname that stands at the beginning of a longer one; own value: Li is no part of Lin
)


def _surname_pairs(x: Any, y: Any) -> Levels:
    longer = np.array([_longer(p, q) for p, q in zip(x, y, strict=True)], dtype=bool)
    return np.where(longer, 0, alike_many(x, y)).astype(np.uint8)


def _surname_many(columns: Columns, a: Ints, b: Ints) -> Levels:
    x, y, level, left = start(columns, "surname", a, b)
    if len(left):
        swapped = _swapped_many(columns, a[left], b[left])
        alike = 3 + each(columns, "surname", x[left], y[left], _surname_pairs)
        level[left] = np.where(swapped, 2, alike)
    return level


_WRITTEN, _SOUND, _TURNED, _LOOKS, _PART, _LIKE = 1, 2, 3, 4, 5, 6


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
    if OSA.distance(*_cut(x.given, y.given), score_cutoff=1) <= 1:
        return _PART
    return _LIKE + alike(x.given, y.given)


_BEHIND: Final = 3  # letters of a second given name or a patronymic at least, own value


def _cut(x: str, y: str) -> tuple[str, str]:
    """Return the beginning of a given name that has another one behind it beside a shorter one; of others what is not alike."""
    short, long = (x, y) if len(x) < len(y) else (y, x)
    return (short, long[: len(short)]) if _WHOLE <= len(short) <= len(long) - _BEHIND else ("", "--")


def _in_characters(x: str, y: str) -> int:
    """Return the level of two given names in characters that sound unlike: one looks like another, one differs, one is in the other, or all differ."""
    if len(x) > 4 or len(y) > 4:
        return _LIKE + 2
    if len(x) == len(y):
        slips = [pair for pair in zip(x, y, strict=True) if pair[0] != pair[1]]
        if len(slips) == 1 and looks(*slips[0]):
            return _LOOKS
        return _LIKE if len(slips) == 1 and len(x) > 1 else _LIKE + 2
    return _PART if (x in y or y in x) and min(len(x), len(y)) == 1 else _LIKE + 2


def _given_many(columns: Columns, a: Ints, b: Ints) -> Levels:
    x, y, level, left = start(columns, "given", a, b)
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
        level[those] = each(columns, "given", x[those], y[those], _latin_many)
    return level


def _in_characters_many(columns: Columns, p: Codes, q: Codes) -> Levels:
    table = columns.characters
    x, y = table[p], table[q]
    m, n = (x > 0).sum(axis=1), (y > 0).sum(axis=1)
    one_differs = (m == n) & ((x != y).sum(axis=1) == 1)
    alike = np.zeros(len(p), dtype=bool)
    these = np.flatnonzero(one_differs)
    place = (x[these] != y[these]).argmax(axis=1)
    alike[these] = looks_many(x[these, place], y[these, place])
    one_differs &= m > 1
    short, long = np.where((m < n)[:, None], x, y), np.where((m < n)[:, None], y, x)
    inside = (np.minimum(m, n) == 1) & (m != n) & (short[:, :1] == long).any(axis=1)
    return np.select([alike, one_differs, inside], [_LOOKS, _LIKE, _PART], _LIKE + 2).astype(np.uint8)


def _latin_many(x: Any, y: Any) -> Levels:
    inside = np.array([p.startswith(q) or q.startswith(p) for p, q in zip(x, y, strict=True)], dtype=bool)
    cut = [_cut(p, q) for p, q in zip(x, y, strict=True)]
    slips = cpdist(
        [p for p, _ in cut], [q for _, q in cut], scorer=OSA.distance, dtype=np.int32, score_cutoff=1
    )
    return np.where(inside | (slips <= 1), _PART, _LIKE + alike_many(x, y)).astype(np.uint8)


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
    x, y, level, left = start(columns, "born", a, b)
    left = np.flatnonzero((x >= 0) & (y >= 0))
    if len(left):
        level[left] = each(columns, "born", x[left], y[left], _born_pairs)
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
    x, y, level, left = start(columns, "email", a, b)
    if len(left):
        values = columns.value["email"]
        p, q = values[x[left]], values[y[left]]
        local = np.array([i.partition("@")[0] == j.partition("@")[0] for i, j in zip(p, q, strict=True)])
        level[left] = np.where(local, 2, np.where(slips_many(1)(p, q) <= 1, 3, 4))
    return level


GIVEN: Final = Comparison(
    "given", ("written", "sound", "swapped", "looks", "part", "near", "close", "differs"), {1: "written", 2: "given"}, _given, _given_many
)  # fmt: skip
COMPARISONS: Final = (
    Comparison("surname", ("equal", "swapped", "near", "close", "differs"), {1: "surname"}, _surname, _surname_many),
    GIVEN,
    _digits("sex", 0),
    Comparison("born", ("equal", "swapped", "near", "close", "year", "generation", "differs"), {}, _born, _born_many),
    _digits("phone", 1, sole=(1,)),
    Comparison("email", ("equal", "local", "near", "differs"), {}, _email, _email_many, (1,)),
    _digits("id_number", 2, sole=(1,)),
    Comparison("home", HOME_LEVELS, {}, home, home_many, (1, 2)),
    _words("street"),
    _digits("house", 1, telling=True, unsaid=ELSEWHERE),
    _words("extra"),
    _words("locality", POSTED_ELSEWHERE),
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

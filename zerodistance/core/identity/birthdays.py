"""Birthdays as people write them, in figures or with the name of the month, in one form. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from anyascii import anyascii

from zerodistance.core.identity import cleaning

_REMEMBERED: Final = 65_536
_YEAR_FIRST = re.compile(r"\s*(\d{4})\s*[-/.年년]\s*(\d{1,2})\s*[-/.月월]\s*(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"\s*(\d{1,2})\s*[-/. ]\s*(\d{1,2})\s*[-/. ]\s*(\d{4})(?!\d)")
_SHORT_YEAR = re.compile(r"\s*(\d{1,2})([-/.])(\d{1,2})\2(\d{2})\s*")
_EIGHT = re.compile(r"\s*(\d{4})(\d{2})(\d{2})(?:\.0)?\s*")
_EIGHT_TURNED = re.compile(r"\s*(\d{2})(\d{2})((?:19|20)\d{2})\s*")
_ERA = re.compile(r"\s*(明治|大正|昭和|平成|令和|民国)(\d{1,2}|元)年(\d{1,2})月(\d{1,2})日")
_ERAS: Final = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018, "民国": 1911}
_WORDS = re.compile(r"(\d{1,2})?[a-z.°, ]*?\b([a-z]{3,})\b[a-z., ]*(\d{1,2})?[a-z., ]*?\b(\d{4})\b")
_MONTH_FIRST = frozenset("US PH PR GU".split())
# Names of months without marks, by what they begin with: English, German, French, Spanish, Italian, Portuguese, Russian in Latin letters.
_MONTHS: Final = tuple(
    tuple(names.split())
    for names in (
        "jan ene gen", "feb fev", "mar mrz maerz", "apr avr abr", "may mai mag", "jun juin giu iyun", "jul juil lug iyul", "aug aou ago avg", "sep set",
        "oct okt out ott", "nov noy", "dec dez dic dek",
    )
)  # fmt: skip
_NONE: Final = frozenset(
    "1900-01-01 1970-01-01 0000-00-00 1899-12-31 1899-12-30 9999-12-31 0001-01-01 1111-11-11".split()
)
_YOUNGEST: Final = 26  # years of two digits up to this one are of this century; own value: a customer of 2026 may be just born


@lru_cache(maxsize=_REMEMBERED)
def born(value: str, country: str) -> str:
    """Return a birthday as `1987-03-02`, or `1987` where only the year is known; empty: there is none.

    A date that can't be is kept as it is written: a digit of it may be wrong.

    Parameters
    ----------
    country
        ISO 3166 code: whether 03/02/1987 begins with the day or the month.

    Examples
    --------
    >>> [born(v, "CN") for v in ("1987年3月2日", "19870302", "02/03/1987", "1987", "soon", "1900-01-01")]
    ['1987-03-02', '1987-03-02', '1987-03-02', '1987', '', '']
    >>> born("03/02/1987", "US"), [born(v, "DE") for v in ("2. März 1987", "2.3.87", "02031987", "March 2nd, 1987")]
    ('1987-03-02', ['1987-03-02', '1987-03-02', '1987-03-02', '1987-03-02'])
    """
    if not value:
        return ""
    text = unicodedata.normalize("NFKC", value)
    found = _figures(text, country) or _in_words(text)
    if found is None:
        return cleaning.birth_year(text) or ""
    year, month, day = found
    said = f"{year:04}-{month:02}-{day:02}"
    return "" if said in _NONE else said


def _figures(text: str, country: str) -> tuple[int, int, int] | None:
    """Return year, month and day of a date in figures."""
    if (found := _YEAR_FIRST.match(text)) is not None:
        year, month, day = map(int, found.groups())
        return year, month, day
    if (found := _EIGHT.fullmatch(text)) is not None:
        year, month, day = map(int, found.groups())
        if 1 <= month <= 12 or not (turned := _EIGHT_TURNED.fullmatch(text)):
            return year, month, day
        return int(turned[3]), *_ordered(int(turned[1]), int(turned[2]), country)
    if (found := _YEAR_LAST.match(text)) is not None:
        first, second, year = map(int, found.groups())
        return year, *_ordered(first, second, country)
    if (found := _SHORT_YEAR.fullmatch(text)) is not None:
        one, two, three = int(found[1]), int(found[3]), int(found[4])
        if country in ("CN", "JP", "KR", "HU"):  # the year stands first there
            return _century(one), two, three
        return _century(three), *_ordered(one, two, country)
    if (found := _ERA.match(text)) is not None:
        return _ERAS[found[1]] + (1 if found[2] == "元" else int(found[2])), int(found[3]), int(found[4])
    return None


def _ordered(first: int, second: int, country: str) -> tuple[int, int]:
    """Return month and day of two figures before a year."""
    month, day = (first, second) if country in _MONTH_FIRST else (second, first)
    return (day, month) if month > 12 >= day else (month, day)


def _century(year: int) -> int:
    return year + (2000 if year <= _YOUNGEST else 1900)


def _in_words(text: str) -> tuple[int, int, int] | None:
    """Return year, month and day of a date with the name of its month."""
    latin = (text if text.isascii() else anyascii(text)).lower()
    for found in _WORDS.finditer(latin):
        before, name, behind, year = found.groups()
        month = next((n for n, names in enumerate(_MONTHS, start=1) if name.startswith(names)), 0)
        if not month and (day_of := re.search(r"(\d{1,2}) de ([a-z]{3,})(?: de| del)? (\d{4})", latin)):
            before, name, year = day_of.groups()
            month = next((n for n, names in enumerate(_MONTHS, start=1) if name.startswith(names)), 0)
        if month and (before or behind):
            return int(year), month, int(before or behind)
    return None

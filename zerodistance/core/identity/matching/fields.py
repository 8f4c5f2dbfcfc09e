"""What a record says of a person, cleaned into one `Face` that can be compared. Pure; the same functions for one record and for columns.

Cleaning is done once per distinct string: the scalar functions remember, and `faces` cleans the dictionary of a column, not its rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from anyascii import anyascii

from zerodistance.core.identity import addresses, cleaning
from zerodistance.core.identity.cleaning import COMPOUND
from zerodistance.core.identity.names import LONGEST, PersonName, person_name, sound, surname_sound

_REMEMBERED: Final = 65_536  # strings of each kind, own value
_SLICE: Final = 100_000  # strings that are cleaned at a time, own value
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Face:
    """What can be compared of a person; every part is empty where nothing is known.

    Attributes
    ----------
    written
        Given name as it is written: characters, or small Latin letters.
    surname, given
        Their sound in small Latin letters.
    sex
        `female` or `male`.
    born
        `1987-03-02`, or `1987` where only the year is known; a date that can't be is kept as it is written, a digit may be wrong.
    district, town, road, number, estate, core, building, unit, room
        Parts of a Chinese address; `core` is the estate without the word for what kind of estate it is.
    street, house, extra, locality, region, postcode
        Parts of any other address, in small Latin letters.
    phone, email
        Clean identifiers.
    id_number
        Any other number of the person: letters and digits.
    """

    written: str = ""
    surname: str = ""
    given: str = ""
    sex: str = ""
    born: str = ""
    district: str = ""
    town: str = ""
    road: str = ""
    number: str = ""
    estate: str = ""
    core: str = ""
    building: str = ""
    unit: str = ""
    room: str = ""
    street: str = ""
    house: str = ""
    extra: str = ""
    locality: str = ""
    region: str = ""
    postcode: str = ""
    phone: str = ""
    email: str = ""
    id_number: str = ""


PARTS: Final = tuple(field.name for field in fields(Face))
"""Columns of a table of faces."""

_NAME = ("written", "surname", "given", "title")
_HOME = (
    "district", "town", "road", "number", "estate", "core", "building", "unit", "room", "street", "house", "extra", "locality", "region", "postcode",
)  # fmt: skip
Parts = tuple[str, ...]


def face(given: Mapping[str, str | None], country: str = "CN") -> Face:
    """Return the face of one record.

    Parameters
    ----------
    given
        Personal fields as mappings name them: `name` or `given_name` and `surname`; `gender`; `birthday`, `birth_date` or `birth_year`; `address`
        or its parts `street`, `house_number`, `unit`, `suburb` or `locality`, `city`, `state` or `region`, `postcode`; `id_number`; and the clean
        identifiers `phone` and `email`. Others are not looked at.
    country
        ISO 3166 code of the brand's home: how dates are read that begin with day or month.

    Examples
    --------
    >>> one = face({"name": "王伟先生", "address": "城阳区双山路250号双桥城4号楼2单元201"})
    >>> one.surname, one.given, one.sex, one.core, one.building, one.room
    ('wang', 'wei', 'male', '双桥', '4', '201')
    """
    written, surname, sound_, title = _named(*(given.get(key) or "" for key in _NAMED))
    found = dict(zip(_HOME, _housed(*(given.get(key) or "" for key in _HOUSED)), strict=True))
    return Face(
        written=written,
        surname=surname,
        given=sound_,
        sex=_sex(given.get("gender") or "") or title,
        born=_born(_first(given.get(key) for key in _BORN), country),
        phone=given.get("phone") or "",
        email=given.get("email") or "",
        id_number=_id_number(given.get("id_number") or ""),
        **found,
    )


def faces(columns: Mapping[str, Sequence[str | None] | pa.Array], country: str = "CN") -> pa.Table:
    """Return a row of `PARTS` for each row of the columns, as `face` does; dictionaries of strings, null where nothing is known."""
    given = {key: encoded(column) for key, column in columns.items() if key in _KNOWN}
    rows = len(next(iter(columns.values()))) if columns else 0
    out: dict[str, pa.DictionaryArray] = {}
    for keys, parts, clean in (
        (_NAMED, _NAME, _named),
        (("gender",), ("sex",), lambda value: (_sex(value),)),
        (_BORN, ("born",), lambda *values: (_born(_first(values), country),)),
        (_HOUSED, _HOME, _housed),
        (("id_number",), ("id_number",), lambda value: (_id_number(value),)),
    ):
        out |= _cleaned(given, keys, parts, clean, rows)
    for key in ("phone", "email"):
        out[key] = given.get(key) or _nothing(rows)
    title = out.pop("title")
    out["sex"] = _either(out["sex"], title)
    return pa.table([out[part] for part in PARTS], names=list(PARTS))


_NAMED = ("name", "given_name", "surname")
_BORN = ("birthday", "birth_date", "birth_year")
_HOUSED = (
    "address",
    "street",
    "house_number",
    "unit",
    "suburb",
    "locality",
    "city",
    "state",
    "region",
    "postcode",
)
_KNOWN = frozenset((*_NAMED, *_BORN, *_HOUSED, "gender", "phone", "email", "id_number"))


def _first(values: Iterable[str | None]) -> str:
    return next((one for one in values if one), "")


# -- columns


def encoded(column: Sequence[str | None] | pa.Array) -> pa.DictionaryArray:
    """Return a column of strings with each distinct one once; an empty one is null."""
    found = column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column, pa.string())
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    if not pa.types.is_dictionary(found.type):
        found = found.dictionary_encode()
    return _dictionary(
        np.asarray(found.indices.fill_null(-1)).astype(np.int32), found.dictionary.cast(pa.string())
    )


def _dictionary(codes: Codes, values: pa.Array) -> pa.DictionaryArray:
    """Return a dictionary array of the values of codes, each distinct one once; an empty one, and a code below 0, is null."""
    found = pc.if_else(pc.equal(values, ""), None, values).dictionary_encode()
    again = np.append(np.asarray(found.indices.fill_null(-1)), np.int32(-1)).astype(np.int32)
    codes = again[codes]
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), found.dictionary)


def _nothing(rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()), pa.array([], pa.string()))


def _cleaned(
    given: Mapping[str, pa.DictionaryArray], keys: Parts, parts: Parts, clean: Callable[..., Parts], rows: int
) -> dict[str, pa.DictionaryArray]:
    """Return the `parts` that `clean` makes of the columns `keys`, asked once for each distinct combination."""
    there = [key for key in keys if key in given]
    if not there:
        return {part: _nothing(rows) for part in parts}
    codes = np.stack([np.asarray(given[key].indices.fill_null(-1)) for key in there])
    if len(there) == 1:
        which, distinct = codes[0], np.arange(-1, len(given[there[0]].dictionary), dtype=np.int32)[None]
        which = which + 1
    else:
        distinct, which = _distinct(codes)
    values = [[*given[key].dictionary.to_pylist(), ""] for key in there]
    place = [there.index(key) if key in given else -1 for key in keys]
    made: list[list[pa.Array]] = [[] for _ in parts]
    for first in range(0, distinct.shape[1], _SLICE):
        rows_ = [
            clean(*("" if at < 0 else values[at][row[at]] for at in place))
            for row in distinct[:, first : first + _SLICE].T.tolist()
        ]
        for column, cleaned in zip(made, zip(*rows_, strict=True), strict=True):
            column.append(pa.array(cleaned, pa.string()))
    which = which.astype(np.int32)
    return {
        part: _dictionary(which, pa.concat_arrays([pa.array([], pa.string()), *column]))
        for part, column in zip(parts, made, strict=True)
    }


def _distinct(codes: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the distinct columns of codes, and which one each is."""
    key = codes[0].astype(np.int64)
    for row in codes[1:]:
        key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key = key * (int(row.max(initial=-1)) + 2) + row + 1
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return codes[:, first], which


def _either(first: pa.DictionaryArray, second: pa.DictionaryArray) -> pa.DictionaryArray:
    one, other = (np.asarray(column.indices.fill_null(-1)) for column in (first, second))
    values = pa.concat_arrays([first.dictionary, second.dictionary])
    codes = np.where(one >= 0, one, np.where(other >= 0, other + len(first.dictionary), -1))
    return _dictionary(codes.astype(np.int32), values)


# -- names


@lru_cache(maxsize=_REMEMBERED)
def _named(name: str, given: str, surname: str) -> Parts:
    """Return written, surname, given, title."""
    if given or surname:
        return _in_parts(given, surname)
    found = person_name(name) if name else None
    return ("", "", "", "") if found is None else (_written(found), found.surname, found.given, found.sex)


def _written(name: PersonName) -> str:
    """Return the given name as it is written: characters behind the surname, or the same Latin letters as its sound."""
    if name.written.isascii():
        return name.given
    if not name.surname:
        return name.written
    return name.written[2 if name.written[:2] in COMPOUND and len(name.written) > 2 else 1 :]


def _in_parts(given: str, surname: str) -> Parts:
    if any(_is_han(text) for text in (given, surname)):
        found = person_name(surname + given)
        if found is not None and found.surname and found.given:
            return _written(found), found.surname, found.given, found.sex
        return given.strip(), surname_sound(surname), sound(given), ""
    first, last = (_letters(text[:LONGEST]) for text in (given, surname))
    return first, last, first, ""


def _is_han(text: str) -> bool:
    return _HAN.search(text) is not None


_HAN = re.compile("[㐀-鿿\U00020000-\U0003ffff]")


def _letters(text: str) -> str:
    return re.sub("[^a-z]", "", _latin(text))


def _latin(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    return (plain if plain.isascii() else anyascii(plain)).lower()


# -- sex, birthday, numbers


@lru_cache(maxsize=1_024)
def _sex(value: str) -> str:
    return (cleaning.gender(value) or "") if value else ""


_YEAR_FIRST = re.compile(r"\s*(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"\s*(\d{1,2})\s*[-/. ]\s*(\d{1,2})\s*[-/. ]\s*(\d{4})(?!\d)")
_EIGHT = re.compile(r"\s*(\d{4})(\d{2})(\d{2})(?:\.0)?\s*")
_MONTH_FIRST = frozenset("US PH PR GU".split())


@lru_cache(maxsize=_REMEMBERED)
def _born(value: str, country: str) -> str:
    """Return a birthday.

    Examples
    --------
    >>> [_born(v, "CN") for v in ("1987年3月2日", "19870302", "02/03/1987", "1987", "soon", "1900-01-01")]
    ['1987-03-02', '1987-03-02', '1987-03-02', '1987', '', '']
    >>> _born("03/02/1987", "US")
    '1987-03-02'
    """
    if not value:
        return ""
    text = unicodedata.normalize("NFKC", value)
    found = _YEAR_FIRST.match(text) or _EIGHT.fullmatch(text)
    if found is not None:
        year, month, day = found.groups()
    elif (found := _YEAR_LAST.match(text)) is not None:
        first, second, year = found.groups()
        month, day = (first, second) if country in _MONTH_FIRST else (second, first)
        if int(month) > 12 >= int(day):
            month, day = day, month
    else:
        return cleaning.birth_year(text) or ""
    born = f"{year}-{int(month):02}-{int(day):02}"
    return "" if born in _NO_BIRTHDAY else born


_NO_BIRTHDAY = frozenset(
    "1900-01-01 1970-01-01 0000-00-00 1899-12-31 1899-12-30 9999-12-31 0001-01-01 1111-11-11".split()
)


@lru_cache(maxsize=_REMEMBERED)
def _id_number(value: str) -> str:
    found = re.sub("[^0-9a-z]", "", _latin(value).removesuffix(".0"))
    return "" if len(found) < 4 or len(set(found)) == 1 or cleaning.blocked(value) else found


# -- homes


@lru_cache(maxsize=_REMEMBERED)
def _housed(
    address: str, street: str, house: str, unit: str, suburb: str, locality: str, city: str, state: str, region: str, postcode: str
) -> Parts:  # fmt: skip
    """Return the parts of `_HOME`."""
    if _is_han(address + street):
        found = addresses.address(address or street)
        if found is None:
            return _NO_HOME
        return (
            _bare(found.district or city or suburb), found.town, found.road, found.number, found.estate, core(found.estate),
            found.building, found.unit, found.room, "", "", "", "", "", "",
        )  # fmt: skip
    if address and not street:
        street, house, unit, suburb, state, postcode = _apart(address, house, unit, suburb, state, postcode)
    if street and not house and (led := _HOUSE.match(street)) is not None:
        house, street = led[1], street[led.end() :]
    return (
        "", "", "", "", "", "", "", "", "",
        _street(street), _one_word(house.removesuffix(".0")), _words(unit), _words(suburb or locality or city), _words(state or region),
        _one_word(postcode.removesuffix(".0")),
    )  # fmt: skip


_NO_HOME: Parts = ("",) * len(_HOME)
_HOUSE = re.compile(r"\s*(\d{1,5}[A-Za-z]?)[\s,]+(?=\D)")
_KINDS = tuple(
    "小区 花园 新村 家园 公馆 名邸 雅居 公寓 花苑 新苑 名苑 雅苑 佳苑 嘉园 庄园 名城 新城 山庄 大厦 苑 里 城 园 府 庭 湾 村 居".split()
)
"""Words for the kind of an estate, the longer ones first."""


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


def _bare(district: str) -> str:
    return district[:-1] if len(district) > 2 and district[-1] in "区县市旗" else district


_SHORT = {
    "st": "street", "str": "street", "rd": "road", "ave": "avenue", "av": "avenue", "dr": "drive", "ln": "lane", "ct": "court", "crt": "court",
    "pl": "place", "cres": "crescent", "cr": "crescent", "blvd": "boulevard", "hwy": "highway", "pde": "parade", "tce": "terrace", "cct": "circuit",
    "sq": "square", "cl": "close",
}  # fmt: skip


def _words(text: str) -> str:
    return " ".join(re.findall("[a-z0-9]+", _latin(text[: addresses.LONGEST]).replace("'", "")))


def _street(text: str) -> str:
    first, *rest = _words(text).split() or [""]
    return " ".join([first, *(_SHORT.get(word, word) for word in rest)])


def _one_word(text: str) -> str:
    return _words(text).replace(" ", "").lstrip("0")


_POSTCODES = (
    re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2})\b", re.IGNORECASE),  # GB
    re.compile(r"\b([A-Z]\d[A-Z]\s*\d[A-Z]\d)\b", re.IGNORECASE),  # CA
    re.compile(r"\b(\d{5}(?:-\d{4})?|\d{4,6}|\d{3}-\d{4})\s*(?:,|$|\s+[A-Za-z]{2,}\s*$)"),
)
_UNIT = re.compile(r"\b(?:apt|apartment|unit|flat|suite|ste|room|rm|app|#)\.?\s*([A-Za-z]?\d+[A-Za-z]?)\b", re.IGNORECASE)  # fmt: skip


def _apart(
    address: str, house: str, unit: str, suburb: str, state: str, postcode: str
) -> tuple[str, str, str, str, str, str]:
    """Return street, house, unit, locality, region and postcode of an address that is written in one line, with commas between its parts."""
    text = address[: addresses.LONGEST].replace("\n", ",").replace(";", ",")
    if not unit and (found := _UNIT.search(text)) is not None:
        unit, text = found[1], text[: found.start()] + text[found.end() :]
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    for n in range(len(pieces) - 1, 0, -1):
        found = next((f for form in _POSTCODES if (f := form.search(pieces[n])) is not None), None)
        if found is not None:
            postcode = postcode or found[1]
            pieces[n] = (pieces[n][: found.start(1)] + pieces[n][found.end(1) :]).strip()
            break
    pieces = [piece for piece in pieces if piece]
    street = pieces[0] if pieces else ""
    if (
        not house
        and not _HOUSE.match(street)
        and (led := re.search(r"\s(\d{1,5}[A-Za-z]?)$", street)) is not None
    ):
        house, street = led[1], street[: led.start()]  # the house number follows the street in much of Europe
    rest = pieces[1:]
    if rest and not state and len(rest) > 1:
        state = rest[1]
    return street, house, unit, suburb or (rest[0] if rest else ""), state, postcode

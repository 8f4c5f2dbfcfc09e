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

from zerodistance.core.identity import addresses, cleaning, divisions
from zerodistance.core.identity import addresses_abroad as abroad
from zerodistance.core.identity.birthdays import born
from zerodistance.core.identity.names import LONGEST, PersonName, person_name, sound, surname_sound
from zerodistance.core.identity.names_east import HANGUL, KANA
from zerodistance.core.identity.names_west import letters

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
    city, district, town, road, number, estate, core, building, unit, room
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
    city: str = ""
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
    "city", "district", "town", "road", "number", "estate", "core", "building", "unit", "room", "street", "house", "extra", "locality", "region", "postcode",
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
    written, surname, sound_, title = _named(*(given.get(key) or "" for key in _NAMED), country)
    found = dict(zip(_HOME, _housed(*(given.get(key) or "" for key in _HOUSED), country), strict=True))
    return Face(
        written=written,
        surname=surname,
        given=sound_,
        sex=_sex(given.get("gender") or "") or title,
        born=born(_first(given.get(key) for key in _BORN), country),
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
        (_NAMED, _NAME, lambda *values: _named(*values, country)),
        (("gender",), ("sex",), lambda value: (_sex(value),)),
        (_BORN, ("born",), lambda *values: (born(_first(values), country),)),
        (_HOUSED, _HOME, lambda *values: _housed(*values, country)),
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
def _named(name: str, given: str, surname: str, country: str) -> Parts:
    """Return written, surname, given, title."""
    if given or surname:
        return _in_parts(given, surname, country)
    found = person_name(name, country) if name else None
    return ("", "", "", "") if found is None else (_written(found), found.surname, found.given, found.sex)


def _written(name: PersonName) -> str:
    """Return the given name as it is written: characters behind the surname, or the same Latin letters as its sound."""
    return name.given if name.written.isascii() else name.written[name.cut :]


def _in_parts(given: str, surname: str, country: str) -> Parts:
    if any(_is_han(text) or HANGUL.search(text) for text in (given, surname)):
        found = person_name(
            f"{surname} {given}" if KANA.search(surname + given) else surname + given, country
        )
        if found is not None and found.surname and found.given:
            return _written(found), found.surname, found.given, found.sex
        return given.strip(), surname_sound(surname), sound(given), ""
    first, last = letters(*(unicodedata.normalize("NFKC", text[:LONGEST]) for text in (given, surname)))
    return first, last, first, ""


def _is_han(text: str) -> bool:
    return _HAN.search(text) is not None


_HAN = re.compile("[㐀-鿿\U00020000-\U0003ffff]")


def _latin(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    return (plain if plain.isascii() else anyascii(plain)).lower()


# -- sex, birthday, numbers


@lru_cache(maxsize=1_024)
def _sex(value: str) -> str:
    return (cleaning.gender(value) or "") if value else ""


@lru_cache(maxsize=_REMEMBERED)
def _id_number(value: str) -> str:
    found = re.sub("[^0-9a-z]", "", _latin(value).removesuffix(".0"))
    return "" if len(found) < 4 or len(set(found)) == 1 or cleaning.blocked(value) else found


# -- homes


@lru_cache(maxsize=_REMEMBERED)
def _housed(
    address: str, street: str, house: str, unit: str, suburb: str, locality: str, city: str, state: str, region: str, postcode: str, country: str
) -> Parts:  # fmt: skip
    """Return the parts of `_HOME`."""
    written = address or street
    if _is_han(written) and country != "JP" and not abroad.is_japanese(written):
        return _in_china(written, suburb, city)
    town = suburb or locality or city
    if address and not street:
        found = abroad.line(address, country)
        given = abroad.columns("", house, unit, town, state or region, postcode, country)
        parts = tuple(own or said for own, said in zip(given, found, strict=True))
    else:
        parts = tuple(abroad.columns(street, house, unit, town, state or region, postcode, country))
    return (*_NOT_IN_CHINA, *parts)


def _in_china(written: str, suburb: str, city: str) -> Parts:
    found = addresses.address(written)
    if found is None:
        return _NO_HOME
    said = divisions.leading(city, bool) if city else divisions.Leading()
    district = found.district or suburb or said.district
    own = said.city or (said.province if said.province.endswith("市") else "" if said.district else city)
    return (
        divisions.short(found.city or own), divisions.short(district), found.town, found.road, found.number, found.estate, addresses.core(found.estate),
        found.building, found.unit, found.room, *_NOT_ABROAD,
    )  # fmt: skip


_ABROAD: Final = ("street", "house", "extra", "locality", "region", "postcode")
_NO_HOME: Parts = ("",) * len(_HOME)
_NOT_ABROAD: Parts = ("",) * len(_ABROAD)
_NOT_IN_CHINA: Parts = ("",) * (len(_HOME) - len(_ABROAD))

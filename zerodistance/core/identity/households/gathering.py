"""What households are made of: addresses and appliances from the mentions, phones and devices from the evidence; by person."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from zerodistance.core.identity import mentions, rules
from zerodistance.core.identity.contracts import VISITORS_FROM
from zerodistance.core.identity.households.columns import Ints, ascending, begins, once, place_of
from zerodistance.core.identity.households.flats import Things
from zerodistance.core.identity.households.gazetteer import Where
from zerodistance.core.identity.households.places import Flat, Homes, Written, homes
from zerodistance.core.identity.households.signs import uses
from zerodistance.core.identity.households.units import Known
from zerodistance.core.identity.matching.fields import faces
from zerodistance.kernel import bulk
from zerodistance.kernel.seal import Seal

_SHARED = (rules.RANKS["phone"], rules.RANKS["device_id"], rules.RANKS["anonymous_id"])
"""What people of one household use together."""
_USES = (
    "select e.a as a, e.b as b, e.origin as origin, e.at as moment, case when e.revoked_at is null then 0 else 1 end as revoked "
    "from evidence e join subject s on s.number = e.b where s.namespace in ({}) and s.shared = 0 and e.a > 0 and e.b between ? and ?"
).format(", ".join(map(str, _SHARED)))
_WHERE = ("city", "district", "town", "road", "number", "estate", "core")
_ABROAD = ("locality", "postcode", "street", "house")
_FLAT = ("building", "unit", "room")
_STATED = 0.98  # own value: of what is stated of somebody's sex so much is right
_UNSEEN = 4  # own value: a given name counts as if so many more of it were known, half of them women
_SHORTEST = 5  # own value: characters of a serial number
_BORN = r"(19|20)\d\d(-\d\d-\d\d)?"


@dataclass(frozen=True)
class Gathered:
    """What there is to solve.

    Attributes
    ----------
    known
        Columns; persons are places in `first`.
    first
        Earliest subject of each person, ascending.
    of
        Per subject of the map, the place of its person in `first`, -1 for visitors.
    homes
        What the numbers of homes stand for.
    """

    known: Known
    first: Ints
    of: Ints
    homes: Homes


def gather(tx: Connection, seal: Seal, country: str, subject: Ints, person: Ints) -> Gathered:
    """Read everything about the persons of a map.

    Parameters
    ----------
    subject, person
        The map: subjects ascending, and whom each belongs to; visitors have no household.
    """
    first, of = _by_first(subject, person)
    said = _Mentioned(subject, of)
    for _, table in mentions.read(tx, seal):
        said.take(table, country)
    a, b, used_at = _used(tx, int(subject.max(initial=0)))
    user = places_of(subject, of, a)
    fine = user >= 0
    thing = np.unique(b[fine], return_inverse=True)[1].astype(np.int64)
    used = np.stack([user[fine], used_at[fine], thing])
    appliances = int(thing.max(initial=-1)) + 1
    user, used_at, thing = np.concatenate([used, said.appliances(appliances)], axis=1)
    found, (surname, name) = said.homes(_together(thing, user, used_at)), said.names(len(first))
    female, born = said.stated(len(first))
    known = Known(
        person=said.column("person"),
        at=said.column("at"),
        home=found.home,
        user=user,
        used_at=used_at,
        thing=thing,
        appliances=appliances,
        surname=surname,
        name=name,
        female=female,
        born=born,
    )
    return Gathered(known, first, of, found)


def _together(thing: Ints, user: Ints, used_at: Ints) -> Things:
    """Return who uses a phone or a device that others use too."""
    what, who, _ = uses(thing, user, used_at)
    return Things(*once(who, what))


def _used(tx: Connection, last: int) -> tuple[Ints, Ints, Ints]:
    """Return user, thing and the earliest time of each origin that says so; not what was revoked.

    Put together here: the store would sort as much by the row.
    """
    kinds: dict[str, type[np.signedinteger[Any]]] = {
        "a": np.int64,
        "b": np.int64,
        "origin": np.int32,
        "moment": np.int64,
        "revoked": np.int8,
    }
    a, b, origin, at, revoked = bulk.spans(tx, _USES, kinds, last)
    order = np.lexsort((at, origin, a, b))
    a, b, at = a[order], b[order], at[order]
    first = begins(b, a, origin[order])
    gone = np.bincount(np.cumsum(first) - 1, revoked[order]) > 0
    return a[first][~gone], b[first][~gone], at[first][~gone]


def _by_first(subject: Ints, person: Ints) -> tuple[Ints, Ints]:
    """Return the earliest subject of each person, and the place of each subject's person among them, -1 for visitors."""
    named = person < VISITORS_FROM
    numbers, at, inverse = np.unique(person[named], return_index=True, return_inverse=True)
    first = subject[named][at]
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(numbers), np.int64)
    rank[order] = np.arange(len(numbers))
    of = np.full(len(subject), -1, np.int64)
    of[named] = rank[inverse]
    return first[order], of


def places_of(subject: Ints, of: Ints, wanted: Ints) -> Ints:
    """Return the place of the person of each wanted subject, -1 where there is none (any more)."""
    at = place_of(subject, wanted)
    return np.where(at >= 0, of[at], -1) if len(of) else at


class _Mentioned:
    """Mentions as they come in, batch after batch, as numbers."""

    def __init__(self, subject: Ints, of: Ints) -> None:
        self._subject, self._of = subject, of
        self._wheres: dict[Where, int] = {}
        self._flats: dict[Flat, int] = {}
        self._names: dict[tuple[str, str], int] = {("", ""): 0}
        self._parts: list[Ints] = []
        self._stated: list[Ints] = [np.zeros((3, 0), np.int64)]  # person, sex, year of birth
        self._serials: dict[str, int] = {}
        self._used: list[Ints] = [np.zeros((3, 0), np.int64)]  # person, time, appliance

    def take(self, table: pa.Table, country: str) -> None:
        """Clean the addresses and names of a batch."""
        person = places_of(self._subject, self._of, table["subject"].to_numpy())
        self._take_serials(table, person)
        said = pc.or_(pc.is_valid(table["address"]), pc.is_valid(table["street"]))
        wanted = pc.and_(pc.or_(said, pc.is_valid(table["name"])), pa.array(person >= 0))
        table, person = table.filter(wanted), person[wanted.to_numpy(zero_copy_only=False)]
        if not table.num_rows:
            return
        found = faces(
            {
                "name": table["name"], "given_name": table["first_name"], "surname": table["last_name"],
                "address": table["address"], "street": table["street"], "house_number": table["house_number"], "unit": table["unit"],
                "suburb": table["district"], "city": table["city"], "state": table["province"], "postcode": table["postal_code"],
                "gender": table["gender"], "birthday": table["birthday"],
            },
            country,
        )  # fmt: skip
        where, which = _rows(found, (*_WHERE, *_ABROAD))
        flat, place = _rows(found, (*_FLAT, "extra"))
        name, called = _rows(found, ("surname", "given"))
        wheres = [self._wheres.setdefault(_where(row), len(self._wheres)) for row in where]
        flats = [
            self._flats.setdefault(Flat(b, u, room or extra), len(self._flats)) for b, u, room, extra in flat
        ]
        names = [self._names.setdefault((s, g), len(self._names)) for s, g in name]
        columns = [
            np.array(code, np.int64)[at] for code, at in ((wheres, which), (flats, place), (names, called))
        ]
        self._parts.append(np.stack([person, table["at"].to_numpy(), *columns]))
        said, which = _rows(found, ("sex", "born"))
        sex, born = (np.array(code, np.int64)[which] for code in zip(*map(_sex_and_year, said), strict=True))
        self._stated.append(np.stack([person, sex, born])[:, (sex > 0) | (born > 0)])

    def _take_serials(self, table: pa.Table, person: Ints) -> None:
        there = table["serial"].is_valid().to_numpy() & (person >= 0)
        if not there.any():
            return
        words = table["serial"].filter(pa.array(there)).combine_chunks().dictionary_encode()
        clean = [serial(word) for word in words.dictionary.to_pylist()]
        code = [self._serials.setdefault(word, len(self._serials)) if word else -1 for word in clean]
        thing = np.array(code, np.int64)[words.indices.to_numpy()]
        rows = np.stack([person[there], table["at"].to_numpy()[there], thing])
        self._used.append(rows[:, thing >= 0])

    def appliances(self, first: int) -> Ints:
        """Return who has which appliance, by its serial number: person, time, and its number, from `first` on."""
        person, at, thing = np.concatenate(self._used, axis=1)
        return np.stack([person, at, thing + first])

    def _all(self) -> Ints:
        if len(self._parts) != 1:
            self._parts = [np.concatenate(self._parts, axis=1) if self._parts else np.zeros((5, 0), np.int64)]
        return self._parts[0]

    def column(self, name: str) -> Ints:
        """Return one column of all mentions."""
        column: Ints = self._all()[("person", "at", "where", "flat", "name").index(name)]
        return column

    def homes(self, things: Things) -> Homes:
        """Return the home of each mention; none where it is about somebody else, as an order for a friend is."""
        person, called, where, flat = (self.column(name) for name in ("person", "name", "where", "flat"))
        whole = np.array([bool(surname and given) for surname, given in self._names])
        surname = self._surnames()[called]
        called = np.where(whole[called], called, 0)
        found = homes(
            Written(person, called, surname, where, flat, list(self._wheres), list(self._flats), things)
        )
        found.home[self._anothers()] = -1
        return found

    def _anothers(self) -> npt.NDArray[np.bool_]:
        """Return the mentions with a name that shares neither surname nor given name with the person's usual one."""
        person, name = self.column("person"), self.column("name")
        usual = _commonest(person, name)
        names = list(self._names)
        mine = usual[person] if len(person) else person
        codes = [np.array([_code(n[part]) for n in names], np.int64) for part in (0, 1)]
        said = (name > 0) & (mine > 0)
        differs = [(c[name] != c[mine]) & (c[name] != 0) & (c[mine] != 0) for c in codes]
        return np.asarray(said & differs[0] & differs[1])

    def names(self, persons: int) -> tuple[Ints, Ints]:
        """Return codes of each person's usual surname and whole name, 0 where none is known."""
        usual = self._usual(persons)
        whole = np.array([bool(surname and given) for surname, given in self._names])
        return self._surnames()[usual], np.where(whole[usual], usual, 0)

    def _usual(self, persons: int) -> Ints:
        return _filled(_commonest(self.column("person"), self.column("name")), persons)

    def stated(self, persons: int) -> tuple[npt.NDArray[np.float64], Ints]:
        """Return how likely each person is a woman, and the year of birth, 0 where none is known, as most of what is said has it.

        Of whom no sex is stated the given name says it: by the share of women among those of that name whose sex is.
        """
        person, *columns = np.concatenate(self._stated, axis=1)
        sex, born = (_filled(_commonest(person, column), persons) for column in columns)
        code = {"": 0}
        given = np.array([code.setdefault(name, len(code)) for _, name in self._names])[self._usual(persons)]
        many = np.bincount(given[(sex > 0) & (given > 0)], minlength=len(code))
        women = np.bincount(given[(sex == 1) & (given > 0)], minlength=len(code))
        share = (women + _UNSEEN / 2) / (many + _UNSEEN)
        return np.select([sex == 1, sex == 2], [_STATED, 1 - _STATED], share[given]), born

    def _surnames(self) -> Ints:
        """Return a code of the surname of each name, 0 where there is none."""
        code = {"": 0}
        return np.array([code.setdefault(surname, len(code)) for surname, _ in self._names], np.int64)


def serial(written: str) -> str:
    """Return a serial number without what its ways of writing differ in; empty: it is none.

    Examples
    --------
    >>> serial(" s-1607 1816 02 "), serial("ＳＮ１２３４５"), serial("无"), serial("00000000")
    ('S1607181602', 'SN12345', '', '')
    """
    clean = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", written))).upper()
    return clean if len(clean) >= _SHORTEST and len(set(clean)) > 1 and clean.isascii() else ""


def _filled(values: Ints, persons: int) -> Ints:
    out = np.zeros(persons, np.int64)
    out[: len(values)] = values
    return out


def _sex_and_year(row: tuple[str, ...]) -> tuple[int, int]:
    sex, born = row
    return ("", "female", "male").index(sex), int(born[:4]) if re.fullmatch(_BORN, born) else 0


def _code(word: str) -> int:
    return int.from_bytes(word.encode()[:7].ljust(7, b"\0"), "big") if word else 0


def _commonest(person: Ints, name: Ints) -> Ints:
    """Return the name that each person is given most often, 0 where none is."""
    out = np.zeros(int(person.max(initial=-1)) + 1, np.int64)
    who, called = ascending(person[name > 0], name[name > 0])
    first = begins(who, called)
    many = np.diff(np.flatnonzero(np.append(first, True)))
    who, called = who[first], called[first]
    order = np.lexsort((-called, many))
    out[who[order]] = called[order]
    return out


def _where(row: tuple[str, ...]) -> Where:
    if row[7] or not any(row[:7]):
        locality, postcode, street, house = row[7:]
        return Where("", locality if not postcode else "", postcode, street, house, "", "")
    return Where(*row[:7])


def _rows(table: pa.Table, columns: tuple[str, ...]) -> tuple[list[tuple[str, ...]], Ints]:
    """Return the distinct rows of some columns, and which one each row is."""
    key = np.zeros(table.num_rows, np.int64)
    arrays: list[Any] = []
    for name in columns:
        array = table[name].combine_chunks() if isinstance(table[name], pa.ChunkedArray) else table[name]
        array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
        code = np.asarray(array.indices.fill_null(-1)).astype(np.int64) + 1
        key = np.unique(key, return_inverse=True)[1] * (int(code.max(initial=0)) + 1) + code
        arrays.append((["", *array.dictionary.to_pylist()], code))
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    rows = [tuple(words[code[at]] for words, code in arrays) for at in first.tolist()]
    return rows, which.astype(np.int64)

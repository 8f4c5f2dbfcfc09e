"""Names of people as codes of characters: given, written, mistyped and romanised without a loop over rows."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Codes = NDArray[np.uint16]
"""Shape (people, 4): two places for the surname, two for the given name; 0 is no character."""

FOREIGN_FIRST = (
    "James Anna Michael Julia Thomas Laura Peter Emma Daniel Sofia Pierre Claire Hans Ingrid Marco Elena Carlos Lucia Ivan Olga "
    "Kenji Yuki Haruto Aiko Minjun Seoyeon Jiho Hana Ahmed Fatima Omar Leila Arjun Priya Rahul Ananya David Sarah Robert Maria"
).split()
FOREIGN_LAST = (
    "Miller Schneider Martin Bernard Rossi Ricci Garcia Lopez Ivanov Petrova Tanaka Suzuki Sato Kim Park Choi Hassan Ali Khan Sharma "
    "Patel Novak Kowalski Jensen Larsen Andersson Virtanen Murphy Evans Walker Cooper Brooks Reed Santos Silva Costa Dubois Laurent Weber Fischer"
).split()


@dataclass(frozen=True)
class Tables:
    """The characters there are, and what they are like; code 0 is no character."""

    characters: pa.Array
    readings: pa.Array
    sounds: NDArray[np.uint16]
    looks: NDArray[np.uint16]
    surnames: NDArray[np.uint16]
    surname_share: NDArray[np.float64]
    given: dict[str, tuple[NDArray[np.uint16], NDArray[np.float64]]]


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a table that ships in `data/`."""
    text = (resources.files(__package__) / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def tables() -> Tables:
    """Return the tables of characters, read once."""
    families, given, typing = rows("surnames.csv"), rows("given.csv"), rows("typing.csv")
    readings = {row["character"]: row["reading"] for row in typing}
    known = [row["character"] for row in typing]
    known += sorted({c for row in typing for c in row["sounds"] + row["looks"]} - set(known))
    code = {char: place + 1 for place, char in enumerate(known)}
    alike = {kind: np.zeros((len(known) + 1, 8), dtype=np.uint16) for kind in ("sounds", "looks")}
    for row in typing:
        for kind, table in alike.items():
            others = [code[c] for c in row[kind]] or [code[row["character"]]]
            table[code[row["character"]]] = np.resize(np.array(others, dtype=np.uint16), 8)
    surnames = [[code[c] for c in row["surname"]] + [0] * (2 - len(row["surname"])) for row in families]
    share = np.array([float(row["percent"]) for row in families])
    groups: dict[str, tuple[NDArray[np.uint16], NDArray[np.float64]]] = {}
    for group in dict.fromkeys(row["group"] for row in given):
        found = [row for row in given if row["group"] == group]
        weight = np.array([float(row["weight"]) for row in found])
        groups[group] = (
            np.array([code[row["character"]] for row in found], dtype=np.uint16),
            weight / weight.sum(),
        )
    return Tables(
        pa.array(["", *known]),
        pa.array(["", *(readings.get(c, "") for c in known)]),
        alike["sounds"],
        alike["looks"],
        np.array(surnames, dtype=np.uint16),
        share / share.sum(),
        groups,
    )


def families(luck: np.random.Generator, many: int) -> Codes:
    """Return surnames, shape (many, 2)."""
    at = tables()
    return at.surnames[luck.choice(len(at.surnames), size=many, p=at.surname_share)]


def given_names(
    luck: np.random.Generator, female: NDArray[np.bool_], old: NDArray[np.bool_], single: float, rare: float
) -> tuple[Codes, NDArray[np.bool_]]:
    """Return given names, shape (people, 2), by sex and generation, and which of them GBK cannot write."""
    at, many = tables(), len(female)
    out = np.zeros((many, 2), dtype=np.uint16)
    for sex, mask_sex in (("f", female), ("m", ~female)):
        for age, mask_age in (("old", old), ("new", ~old)):
            mask = mask_sex & mask_age
            codes, share = at.given[f"{sex} {age}"]
            out[mask] = luck.choice(codes, size=(int(mask.sum()), 2), p=share)
    both, share = at.given["both"]
    mixed = luck.random((many, 2)) < 0.22  # own value: characters that both sexes bear
    out[mixed] = luck.choice(both, size=int(mixed.sum()), p=share)
    out[luck.random(many) < single, 1] = 0
    odd = luck.random(many) < rare
    place = (luck.random(many) < 0.5) & (out[:, 1] > 0)
    codes, share = at.given["rare"]
    out[odd, place[odd].astype(np.int64)] = luck.choice(codes, size=int(odd.sum()), p=share)
    return out, odd


def mistyped(
    luck: np.random.Generator, names: Codes, rate: float, kinds: tuple[float, ...]
) -> tuple[Codes, NDArray[np.bool_]]:
    """Return names in which some have one character that sounds alike, looks alike or is another, and which those are."""
    at, out = tables(), names.copy()
    hit = np.flatnonzero(luck.random(len(names)) < rate)
    place = luck.choice(4, size=len(hit), p=(0.15, 0.0, 0.45, 0.40))
    place = np.where(out[hit, place] == 0, 2, place)
    kind = luck.choice(3, size=len(hit), p=kinds)
    pick, was = luck.integers(0, 8, len(hit)), out[hit, place]
    other = luck.integers(1, len(at.characters), len(hit)).astype(np.uint16)
    out[hit, place] = np.choose(kind, (at.sounds[was, pick], at.looks[was, pick], other))
    return out, np.any(out != names, axis=1)


def written(names: Codes) -> pa.Array:
    """Return names in Chinese characters."""
    at = tables().characters
    return pc.binary_join_element_wise(*(pc.take(at, pa.array(names[:, place])) for place in range(4)), "")


def romanised(names: Codes, form: NDArray[Any]) -> pa.Array:
    """Return names in Latin letters: form 0 `Wang Xiaoming`, 1 `WANG XIAOMING`, 2 `Xiaoming Wang`, 3 `wangxiaoming`."""
    at = tables().readings
    part = [pc.take(at, pa.array(names[:, place])) for place in range(4)]
    family = pc.binary_join_element_wise(part[0], part[1], "")
    given = pc.binary_join_element_wise(part[2], part[3], "")
    upper = pc.binary_join_element_wise(pc.utf8_title(family), pc.utf8_title(given), " ")
    return pc.choose(
        pa.array(form.astype(np.int64)),
        upper,
        pc.utf8_upper(upper),
        pc.binary_join_element_wise(pc.utf8_title(given), pc.utf8_title(family), " "),
        pc.binary_join_element_wise(family, given, ""),
    )


@cache
def foreign() -> pa.Array:
    """Return the names that foreigners have, by code."""
    return pa.array([f"{first} {last}" for first in FOREIGN_FIRST for last in FOREIGN_LAST])

"""Records of made people in other countries, written as people there write: names and addresses in one line each, with slips at FEBRL's rates.

Of 2,000 people each has one to six records. A record after the first has slips in a third of its fields, at most two in one, as FEBRL's set 3 [1]_ has them: a
letter left out, put in, another one or two turned; a field that is missing; marks left out, titles, the other order, shortened words, another form of the date.

References
----------
.. [1] Christen, Probabilistic data generation for deduplication and data linkage, IDEAL 2005.
"""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from anyascii import anyascii

WORDS = tomllib.loads(Path(__file__).with_name("abroad.toml").read_text(encoding="utf-8"))
LANGUAGES = tuple(WORDS)
PEOPLE = 2_000
_SLIP, _MISSING = 0.25, 0.12  # of a field of a later record
_MOVED, _FAMILY = 0.1, 0.25  # who has moved since; who has another of the same home and surname
Person = dict[str, Any]


def country(language: str) -> str:
    """Return the country in which these people live."""
    return str(WORDS[language]["country"])


def of_language(language: str, rows: Path, seed: int = 1) -> Path:
    """Write the rows of a language; return the folder of their truth."""
    luck = random.Random(f"{language} {seed}")
    words = {key: [word.replace("_", " ") for word in text.split()] for key, text in WORDS[language].items()}
    people = [_person(words, luck) for _ in range(PEOPLE)]
    for n in range(1, PEOPLE):
        if luck.random() < _FAMILY:
            people[n] |= {key: people[n - 1][key] for key in ("family", "home")}
    said = []
    for number, person in enumerate(people):
        for copy in range(1 + min(5, int(luck.expovariate(0.7)))):
            said.append((f"rec-{number}-{copy}", _record(language, words, person, luck, first=copy == 0)))
    luck.shuffle(said)
    columns: dict[str, Any] = {"source": [language] * len(said), "record": [name for name, _ in said]}
    for key in ("name", "birthday", "address", "phone"):
        columns[key] = pa.array([row.get(key) for _, row in said], pa.string())
    pq.write_table(pa.table(columns), rows)
    truth = rows.parent / "truth" / "records"
    truth.mkdir(parents=True)
    person_of = [int(name.split("-")[1]) for name, _ in said]
    pq.write_table(
        pa.table({"row": range(len(said)), "record": columns["record"], "person": person_of}),
        truth / f"{language}.parquet",
    )
    return truth.parent


def _person(words: dict[str, list[str]], luck: random.Random) -> Person:
    woman = luck.random() < 0.5
    return {
        "woman": woman, "given": _common(words["women" if woman else "men"], luck), "family": [_common(words["surnames"], luck) for _ in range(2)],
        "father": luck.choice(words.get("patronymics", [""])), "born": (luck.randint(1940, 2004), luck.randint(1, 12), luck.randint(1, 28)),
        "home": _home(words, luck), "phone": f"+{luck.randint(10**10, 10**11 - 1)}",
    }  # fmt: skip


def _common(words: list[str], luck: random.Random) -> str:
    return words[min(len(words) - 1, int(luck.expovariate(3 / len(words))))]


def _home(words: dict[str, list[str]], luck: random.Random) -> tuple[str, int, int, str, str]:
    """Return street, house, flat, town and postcode."""
    town, _, code = luck.choice(words["towns"]).partition(":")
    return (
        luck.choice(words["streets"]),
        luck.randint(1, 120),
        luck.randint(1, 60),
        town,
        f"{code}{luck.randint(100, 999)}",
    )


def _record(
    language: str, words: dict[str, list[str]], person: Person, luck: random.Random, *, first: bool
) -> dict[str, str | None]:
    home = _home(words, luck) if not first and luck.random() < _MOVED else person["home"]
    write = _WRITE[language]
    row: dict[str, str | None] = {
        "name": write[0](person, luck, first),
        "birthday": _birthday(language, person["born"], luck, first=first),
        "address": write[1](home, luck, first),
        "phone": person["phone"] if luck.random() < 0.6 else None,
    }
    if first:
        return row
    for key in ("name", "birthday", "address"):
        value = row[key]
        if luck.random() < _MISSING and key != "name":
            row[key] = None
        elif value and luck.random() < _SLIP:
            for _ in range(luck.choice((1, 1, 1, 2))):
                value = _slip(value, luck, digits=key == "birthday")
            row[key] = value
    if language != "russian" and luck.random() < 0.15:  # a machine that knows no marks
        row |= {key: anyascii(value) for key in ("name", "address") if (value := row[key])}
    return row


def _slip(text: str, luck: random.Random, *, digits: bool) -> str:
    places = [n for n, char in enumerate(text) if (char.isdigit() if digits else char.isalpha())]
    if not places:
        return text
    at = luck.choice(places)
    some = "0123456789" if digits else "".join(sorted({char for char in text.lower() if char.isalpha()}))
    kind = luck.randrange(2, 4) if digits else luck.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + luck.choice(some) + text[at:]
    if kind == 2 or at + 1 >= len(text) or not text[at + 1].isalnum():
        return text[:at] + luck.choice(some) + text[at + 1 :]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _birthday(language: str, born: tuple[int, int, int], luck: random.Random, *, first: bool) -> str:
    year, month, day = born
    dotted = (
        f"{day:02}.{month:02}.{year}" if language in ("german", "russian") else f"{day:02}/{month:02}/{year}"
    )
    return (
        dotted
        if first
        else luck.choice((dotted, dotted, f"{year}-{month:02}-{day:02}", f"{day}.{month}.{year}"))
    )


def _german_name(person: Person, luck: random.Random, first: bool) -> str:
    given, family = person["given"], person["family"][0]
    if first:
        return f"{given} {family}"
    if luck.random() < 0.2:
        given, family = (_spelled_out(word) for word in (given, family))
    title = "Frau" if person["woman"] else "Herr"
    forms = (
        f"{given} {family}",
        f"{family}, {given}",
        f"{title} {given} {family}",
        f"Dr. {given} {family}",
        f"{family.upper()} {given}",
        f"{given[0]}. {family}",
    )
    return luck.choices(forms, (10, 4, 2, 1, 1, 1))[0]


def _spelled_out(text: str) -> str:
    for mark, letters in zip("äöüßÄÖÜ", ("ae", "oe", "ue", "ss", "Ae", "Oe", "Ue"), strict=True):
        text = text.replace(mark, letters)
    return text


def _german_home(home: tuple[str, int, int, str, str], luck: random.Random, first: bool) -> str:
    street, house, _, town, code = home
    if not first:
        street = luck.choice(
            (street, street.replace("straße", "str.").replace("Straße", "Str."), _spelled_out(street))
        )
        town = luck.choice((town, town, _spelled_out(town)))
    forms = (
        f"{street} {house}, {code} {town}", f"{street} {house}, D-{code} {town}",
        f"{street} {house} {code} {town}", f"{street} {house}\n{code} {town}\nDeutschland",
    )  # fmt: skip
    return luck.choices(forms, (6, 1, 1, 1))[0]


def _spanish_name(person: Person, luck: random.Random, first: bool) -> str:
    given, (father, mother) = person["given"], person["family"]
    forms = (
        f"{given} {father} {mother}",
        f"{father} {mother}, {given}",
        f"{given} {father}",
        f"{'Sra.' if person['woman'] else 'Sr.'} {given} {father} {mother}",
        f"{given} {father} {mother}".upper(),
    )
    return forms[0] if first else luck.choices(forms, (6, 4, 3, 1, 1))[0]


def _spanish_home(home: tuple[str, int, int, str, str], luck: random.Random, first: bool) -> str:
    street, house, flat, town, code = home
    floor = f"{flat // 8 + 1}º {'ABCDEFGH'[flat % 8]}"
    if not first:
        street = luck.choice(
            (
                street,
                street,
                street.replace("Calle ", "C/ ").replace("Avenida ", "Avda. ").replace("Plaza ", "Pza. "),
                street.replace(" de la ", " ").replace(" de ", " "),
            )
        )
    forms = (
        f"{street} {house}, {floor}, {code} {town}", f"{street}, {house}, {floor}, {code} {town}",
        f"{street} {house}, {code} {town}", f"{street} {house} {floor}, {code} {town} (España)",
    )  # fmt: skip
    return luck.choices(forms, (5, 3, 2, 1))[0]


def _russian_name(person: Person, luck: random.Random, first: bool) -> str:
    given, family, father = (
        person["given"],
        person["family"][0],
        _patronymic(person["father"], woman=person["woman"]),
    )
    if person["woman"]:
        family += "а"
    forms = (
        f"{family} {given} {father}",
        f"{given} {father} {family}",
        f"{family} {given}",
        f"{given} {family}",
        anyascii(f"{given} {family}"),
    )
    text = forms[0] if first else luck.choices(forms, (6, 2, 3, 3, 1))[0]
    return text if first or luck.random() < 0.5 else text.replace("ё", "е").replace("Ё", "Е")


def _patronymic(father: str, *, woman: bool) -> str:
    stem = father[:-1] + "е" if father.endswith("й") else father + "о"
    return stem + ("вна" if woman else "вич")


def _russian_home(home: tuple[str, int, int, str, str], luck: random.Random, first: bool) -> str:
    street, house, flat, town, code = home
    forms = (
        f"{code}0, г. {town}, ул. {street}, д. {house}, кв. {flat}", f"{town}, ул {street}, {house}, кв {flat}",
        f"г {town}, {street} ул, д {house}, кв {flat}", f"{code}0, {town}, ул. {street}, {house}-{flat}",
    )  # fmt: skip
    return forms[0] if first else luck.choices(forms, (6, 3, 2, 1))[0]


def _vietnamese_name(person: Person, luck: random.Random, first: bool) -> str:
    family, given = person["family"][0], person["given"]
    _, _, own = given.partition(" ")
    forms = (f"{family} {given}", f"{own} {family}", f"{given} {family}", f"{family} {given}".upper())
    return forms[0] if first else luck.choices(forms, (8, 1, 1, 1))[0]


def _vietnamese_home(home: tuple[str, int, int, str, str], luck: random.Random, first: bool) -> str:
    street, house, flat, town, _ = home
    ward = flat % 12 + 1
    forms = (
        f"{house} {street}, Phường {ward}, {town}",
        f"Số {house} đường {street}, P. {ward}, TP. {town}",
        f"{house} {street}, P.{ward}, TP {town}",
        f"{house} {street}, {town}, Việt Nam",
    )
    return forms[0] if first else luck.choices(forms, (5, 2, 2, 1))[0]


_WRITE = {
    "german": (_german_name, _german_home),
    "spanish": (_spanish_name, _spanish_home),
    "russian": (_russian_name, _russian_home),
    "vietnamese": (_vietnamese_name, _vietnamese_home),
}

"""What the sender of outreach reads of the vault, and nobody else: addresses that a message goes to, and what it calls its reader.

It is one of the three readers of raw values. That it read is written down by the message itself: each names its subject, its send, and when it was handed over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import names, store
from zerodistance.kernel import bulk
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

Ints = npt.NDArray[np.int64]
SALUTATIONS = {
    "female": Text("{surname}女士", "Ms {surname}"),
    "male": Text("{surname}先生", "Mr {surname}"),
}
_NAMES = ("name", "first_name", "last_name")


def addresses(
    tx: Connection, home: Home, subjects: Sequence[int], namespaces: Sequence[str]
) -> dict[int, tuple[str, str]]:
    """Return subject -> namespace and clean value, of those subjects that are identifiers of these namespaces and stand in the vault."""
    wanted, found = frozenset(namespaces), dict[int, tuple[str, str]]()
    sql = "select subject, field, value from identity_vault where subject in {values}"
    for subject, field, value in bulk.among(tx, sql, list(dict.fromkeys(subjects))):
        if field in wanted:
            found[int(subject)] = field, home.seal.open(value, store.where_vault(subject, field)).decode()
    return found


def called(tx: Connection, home: Home, subjects: Ints, persons: Ints) -> dict[int, tuple[str, Text | None]]:
    """Return person -> name, and how to address them by it (None: nothing says that they are female or male, or the name has no surname).

    Parameters
    ----------
    subjects, persons
        Every subject of the persons, and the person of each. Of several names the latest counts.
    """
    whose = dict(zip(subjects.tolist(), persons.tolist(), strict=True))
    said: dict[int, dict[str, tuple[int, int, bytes]]] = {}
    sql = "select subject, field, at, value from identity_vault where subject in {values}"
    for subject, field, at, value in bulk.among(tx, sql, list(whose)):
        if field in _NAMES:
            mine = said.setdefault(whose[subject], {})
            if field not in mine or (at, subject) > mine[field][:2]:
                mine[field] = at, subject, value
    sexes = _sexes(tx, whose)
    return {
        person: _called(_opened(home, mine), sexes.get(person, ""), home.settings.country)
        for person, mine in said.items()
    }


def _opened(home: Home, said: dict[str, tuple[int, int, bytes]]) -> dict[str, str]:
    return {
        field: home.seal.open(value, store.where_vault(subject, field)).decode()
        for field, (_, subject, value) in said.items()
    }


def _sexes(tx: Connection, whose: dict[int, int]) -> dict[int, str]:
    sql = "select subject, at, value from identity_fact where fact = 'gender' and subject in {values}"
    latest: dict[int, tuple[int, str]] = {}
    for subject, at, value in bulk.among(tx, sql, list(whose)):
        latest[whose[subject]] = max(latest.get(whose[subject], (at, value)), (at, value))
    return {person: value for person, (_, value) in latest.items()}


def _called(said: dict[str, str], sex: str, country: str) -> tuple[str, Text | None]:
    """Return a name and how to address its bearer.

    Examples
    --------
    >>> _called({"name": "王小明"}, "male", "CN")
    ('王小明', Text(zh='王先生', en='Mr Wang'))
    >>> _called({"first_name": "Anna", "last_name": "Schmidt"}, "female", "DE")
    ('Anna Schmidt', Text(zh='Schmidt女士', en='Ms Schmidt'))
    >>> _called({"name": "欧阳女士"}, "", "CN")[1], _called({"name": "Anna"}, "", "DE")[1]
    (Text(zh='欧阳女士', en='Ms Ouyang'), None)
    """
    whole = said.get("name") or " ".join(filter(None, (said.get("first_name"), said.get("last_name"))))
    parts = names.person_name(whole, country)
    form = SALUTATIONS.get((parts.sex if parts else "") or sex)
    surname = said.get("last_name") or _surname(whole, parts)
    if form is None or not surname:
        return whole, None
    latin = surname if surname.isascii() or parts is None else parts.surname.title()
    return whole, Text(form.zh.format(surname=surname), form.en.format(surname=latin))


def _surname(whole: str, parts: names.PersonName | None) -> str:
    """Return the surname as it is written; empty where that is not sure."""
    if parts is None or not parts.surname:
        return ""
    if parts.cut:
        return parts.written[: parts.cut]
    bare = whole.strip()
    for title in names.TITLES:
        bare = bare.removesuffix(title)
    if not bare.isascii() and names.surname_sound(bare) == parts.surname:
        return bare
    last = bare.split()[-1:]
    return last[0] if last and last[0].casefold() == parts.surname else ""

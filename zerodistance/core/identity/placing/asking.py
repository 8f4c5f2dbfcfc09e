"""Who somebody is by what they say of themselves, before anything is written: a call centre, a till and a program ask."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zerodistance.core.identity import beside, mentions, reading, store
from zerodistance.core.identity.contracts import Person, Weight
from zerodistance.core.identity.matching import telling
from zerodistance.core.identity.matching.score import likely
from zerodistance.core.identity.placing.finding import Candidate, Known
from zerodistance.core.identity.placing.place import Lookup
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

MOST: Final = 20
"""Persons that are named at most."""
_WORDS: Final = frozenset(mentions.FIELDS)


@dataclass(frozen=True, slots=True)
class Alike:
    """Somebody that a record may be about.

    Attributes
    ----------
    person
        Without identifiers.
    bits, probability
        What the likeliest of their records says.
    joins
        Whether a record that comes in like this would be joined with them, as far as one record alone can tell.
    weights
        What each comparison says.
    """

    person: Person
    bits: float
    probability: float
    joins: bool
    weights: tuple[Weight, ...]


def alike(home: Home, who: Who, said: Mapping[str, str], limit: int = 5) -> list[Alike]:
    """Return the persons that a record is likely about, the likeliest first; nothing is written.

    Parameters
    ----------
    said
        Fields as mappings name them: `name`, or `first_name` and `last_name`; `phone`, `email`, `gender`, `birthday`, `address` or its parts, `id_number`.
    limit
        Persons at most, 1 to `MOST`.

    Raises
    ------
    Forbidden
        The account may not see persons.
    Invalid
        A field is none of those, none says anything, or the limit is another.
    """
    who.need(Permission.SEE_PERSONS)
    unknown = [name for name in said if name not in _WORDS]
    if unknown:
        raise Invalid(field=unknown[0], given=unknown[0], why=_allowed())
    if not 1 <= limit <= MOST:
        raise Invalid(field="limit", given=limit, why=Text(f"1 到 {MOST}", f"1 to {MOST}"))
    written = beside.written(home, {name: value for name, value in said.items() if value.strip()})
    if not any(getattr(written.face, part) for part in written.face.__slots__):
        raise Invalid(field=Text("要找的人", "who is looked for"), given=", ".join(said), why=_allowed())
    lookup, lock = _lookup(home)
    with lock, home.state.read() as tx:
        known = lookup.refresh(tx)
        found = known.candidates(tx, written.face, known.by.doubt)[:limit]
        persons = {one.person: store.members(tx, one.person) for one in found}
    return [
        Alike(
            reading.brief(home, persons[one.person], one.person),
            one.weight,
            likely(one.weight),
            one.weight >= known.by.join,
            _weights(known, written, one),
        )
        for one in found
    ]


def _weights(known: Known, written: beside.Written, found: Candidate) -> tuple[Weight, ...]:
    theirs = max(found.faces, key=lambda kept: known.scorer.pair(written.face, kept.face))
    return telling.weights(known.scorer, written.face, theirs.face)


def _allowed() -> Text:
    names = ", ".join(mentions.FIELDS)
    return Text(f"至少给出一项能读懂的：{names}", f"give at least one that can be read, of {names}")


_LOOKUPS: dict[Path, tuple[Lookup, threading.Lock]] = {}
_MAKING = threading.Lock()


def _lookup(home: Home) -> tuple[Lookup, threading.Lock]:
    """Return what this process keeps of a home's faces, and the lock that goes with it."""
    with _MAKING:
        if home.root not in _LOOKUPS:
            _LOOKUPS[home.root] = Lookup(home), threading.Lock()
        return _LOOKUPS[home.root]

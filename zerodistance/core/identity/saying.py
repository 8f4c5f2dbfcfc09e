"""What the touches of a batch say of people in words: names, the records they make, and the latest value of each personal field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import cleaning, naming, store
from zerodistance.core.identity.names import sound, surname_sound
from zerodistance.core.identity.names_east import HANGUL
from zerodistance.core.touchpoints.contracts import Batch
from zerodistance.kernel import bulk
from zerodistance.kernel.seal import Seal

Ints = npt.NDArray[np.int64]
Names = tuple[Ints, Ints]
"""Touch rows that give a name, and its mark."""
Latest = dict[tuple[int, str], tuple[int, str]]
"""Subject, personal field -> when it was said, value."""
UNCLAIMED = "identity.unclaimed.fact"
_FIRST = (int(np.iinfo(np.int64).min), "")


def name_mark(seal: Seal, value: str) -> int:
    """Return the mark of a name or of a surname with a title, see `naming`; 0 if the value is none."""
    key, surname = heard(*cleaning.name_parts(value))
    if not surname:
        return 0
    return naming.mark(seal.mark("surname", surname), seal.mark("name", key) if key else 0)


def heard(key: str, surname: str) -> tuple[str, str]:
    """Return how the parts of a name in characters sound: what somebody wrote down by ear is no other name. One in letters stays what it is."""
    if surname.isascii() or HANGUL.search(surname):
        return key, surname
    family = surname_sound(surname) or surname
    given = sound(key[len(surname) :]) or key[len(surname) :]
    return (f"{family} {given}" if key else ""), family


def record_key(seal: Seal, name: int, contact: str) -> str:
    """Return the key of the record that a name, as its mark, makes together with clean contact data beside it."""
    return f"{seal.mark('mention', f'{name} {contact}'):016x}"


def own_records(keys: list[tuple[str, str]], key: Ints, sources: Ints) -> tuple[list[tuple[str, str]], Ints]:
    """Return keys in which a record's number says whose it is: two sources may both have a record 1. Nobody gives a `mention`."""
    made: dict[tuple[str, str], int] = {}
    places = [
        made.setdefault(
            (name, f"{source}:{value}") if name == "record" else (name.replace("mention", "mention?"), value),
            len(made),
        )
        for (name, value), source in zip((keys[i] for i in key.tolist()), sources.tolist(), strict=True)
    ]
    return list(made), np.array(places, np.int64)


def names(batch: Batch, seal: Seal) -> Names:
    """Return the names of a batch; marks are made once for each distinct spelling."""
    facts = batch.facts
    marks: dict[str, int] = {}
    rows, found = [], []
    for row, field, value in zip(facts.row, facts.field, facts.value, strict=True):
        if field == "name":
            mark = marks.get(value)
            if mark is None:
                mark = marks[value] = name_mark(seal, value)
            if mark:
                rows.append(row)
                found.append(mark)
    return np.array(rows, np.int64), np.array(found, np.int64)


def latest(batch: Batch, subjects: Ints, counts: Counter[tuple[int, str]]) -> Latest:
    """Return the latest value of each personal field of the batch; those of touches that point at nobody are counted."""
    facts = batch.facts
    found: Latest = {}
    if not facts.row:
        return found
    rows = np.array(facts.row, np.int64)
    times = batch.touches["happened_at"].cast("int64").to_numpy()[rows].tolist()
    for row, subject, at, name, value in zip(
        facts.row, subjects[rows].tolist(), times, facts.field, facts.value, strict=True
    ):
        if not subject:
            counts[batch.touches["source"][row].as_py(), UNCLAIMED] += 1
        elif value.strip():
            key, said = (subject, name), (at, value)
            if said > found.get(key, _FIRST):
                found[key] = said
    return found


def name_anew(tx: Connection, seal: Seal, subjects: Sequence[int]) -> None:
    """Give subjects the mark of the latest name that the vault has of them."""
    sql = "select subject, at, value from identity_vault where field = 'name' and subject in {values}"
    last: dict[int, tuple[int, int]] = dict.fromkeys(subjects, (0, 0))
    for subject, at, value in bulk.among(tx, sql, subjects):
        mark = name_mark(seal, seal.open(value, store.where_vault(subject, "name")).decode())
        if mark and (not last[subject][1] or (at, mark) > last[subject]):
            last[subject] = at, mark
    store.SET_NAMED.run(tx, [(mark, at, subject) for subject, (at, mark) in last.items()])


def sealed(
    seal: Seal, said: Sequence[tuple[int, str, int, str]], origin: int
) -> list[tuple[int, str, int, int, bytes]]:
    """Return the rows of the vault, (subject, field, origin, at, sealed), for what was said: subject, field, at, value."""
    where = [store.where_vault(subject, name) for subject, name, _, _ in said]
    values = seal.seal_all([value.encode() for *_, value in said], where)
    return [
        (subject, name, origin, at, raw) for (subject, name, at, _), raw in zip(said, values, strict=True)
    ]

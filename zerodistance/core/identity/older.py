"""Homes made before names and mentions were kept, or before names were marked by their sound: both are read from the vault, once, by the first rebuild."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection

from zerodistance.core.identity import mentions, store
from zerodistance.core.identity.saying import name_anew, name_mark
from zerodistance.kernel import bulk
from zerodistance.kernel.home import Home

_STEP = 10_000  # own value: subjects whose vault is read in one transaction
_NEXT = "select distinct subject from identity_vault where subject > ? order by subject limit ?"
_OPEN = "select subject, field, origin, at, value from identity_vault where subject in {values} order by subject, origin"


def catch_up(home: Home) -> None:
    """Do for the subjects of a home what migrations found to do; may be run again after a kill.

    `unnamed` names and mentions them, `unheard` names them by how their names sound.
    """
    _each(home, "unnamed", _take)
    _each(home, "unheard", lambda home, tx, subjects: name_anew(tx, home.seal, subjects))


def _each(home: Home, key: str, take: Callable[[Home, Connection, list[int]], None]) -> None:
    """Take the subjects that the vault knows, some in a transaction, from the number that a key has on."""
    while True:
        with home.state.write() as tx:
            done = bulk.value(tx, "select value from identity_number where key = ?", (key,))
            if done is None:
                return
            subjects = [row[0] for row in bulk.rows(tx, _NEXT, (done - 1, _STEP))]
            if not subjects:
                bulk.run(tx, "delete from identity_number where key = ?", (key,))
                store.next_generation(tx)
                return
            take(home, tx, subjects)
            store.set_numbers(tx, {key: subjects[-1] + 1})


def _take(home: Home, tx: Connection, subjects: list[int]) -> None:
    """Name and mention some subjects; their mentions stand under a number of their own, below that of every batch."""
    named, by_origin = [], dict[int, list[dict[str, Any]]]()
    for subject, origin, at, fields in _said(home, tx, subjects):
        mark = name_mark(home.seal, fields.get("name", ""))
        if mark:
            named.append((mark, at, subject))
        if mentions.says_more(fields):
            by_origin.setdefault(origin, []).append({"subject": subject, "at": at, **fields})
    store.UPDATE_NAMED.run(tx, named)
    for n, (origin, rows) in enumerate(sorted(by_origin.items())):
        table = pa.Table.from_pylist(rows, schema=mentions.MENTION)
        mentions.write(tx, home.seal, -(subjects[0] << 12 | n), origin, table)


def _said(home: Home, tx: Connection, subjects: list[int]) -> Iterator[tuple[int, int, int, dict[str, str]]]:
    """Yield (subject, origin, latest time, fields) of what each origin said of each subject."""
    found: dict[tuple[int, int], tuple[int, dict[str, str]]] = {}
    for subject, field, origin, at, value in bulk.among(tx, _OPEN, subjects):
        latest, fields = found.get((subject, origin), (at, {}))
        fields[field] = home.seal.open(value, store.where_vault(subject, field)).decode()
        found[subject, origin] = max(at, latest), fields
    for (subject, origin), (at, fields) in found.items():
        yield subject, origin, at, fields

"""The map subject -> person for the rooms above: in bulk as Arrow, by subject, by person, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection

from zerodistance.core.identity import counted, published, settling, store
from zerodistance.core.identity.contracts import VISITORS_FROM
from zerodistance.core.identity.households.facts import facts as household_facts
from zerodistance.core.identity.households.facts import sharing as households_shared
from zerodistance.core.identity.households.reading import households_made_at
from zerodistance.core.identity.then import everybody_then, person_then
from zerodistance.kernel import bulk
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
SUBJECT_MAP = pa.schema([("subject", pa.int64()), ("person", pa.uint32()), ("visitor", pa.bool_())])
"""One row per subject, in order of subjects: the person number, and whether that is an anonymous visitor."""
_ROWS = 100_000


def person_of(tx: Connection, subjects: Sequence[int] | Ints) -> Ints:
    """Return the person number of each subject, 0 where there is none (any more)."""
    wanted = np.asarray(subjects, dtype=np.int64)
    distinct, where = np.unique(wanted, return_inverse=True)
    found = np.zeros(len(distinct), dtype=np.int64)
    sql = "select number, person from subject where number in {values}"
    rows = list(bulk.among(tx, sql, distinct.tolist()))
    if rows:
        number, person = np.array(rows, dtype=np.int64).T
        found[np.searchsorted(distinct, number)] = person
    return found[where]


def subjects_of(tx: Connection, person: int) -> list[int]:
    """Return the subjects of a person, the one that gives it the public id first."""
    return [member[0] for member in store.members(tx, person)]


def renamed(tx: Connection) -> dict[int, int]:
    """Return person -> the subject that gives it the public id, where that may not be its earliest."""
    return settling.renamed(tx)


def everybody(home: Home, subjects: Sequence[int]) -> list[int]:
    """Return all subjects of the persons to whom these subjects belong, ascending."""
    with home.state.read() as tx:
        persons = np.unique(person_of(tx, subjects))
        return sorted(
            {subject for person in persons[persons > 0].tolist() for subject in subjects_of(tx, person)}
        )


def tokens_of(home: Home, subjects: Sequence[int]) -> list[bytes]:
    """Return the tokens of subjects: they tell who is meant where the numbers are others, as in a restored backup."""
    with home.state.read() as tx:
        return sorted(found[2] for found in store.of_subjects(tx, subjects).values())


def subjects_with(home: Home, tokens: Sequence[bytes]) -> list[int]:
    """Return the subjects that have these tokens, ascending; tokens that nobody has are left out."""
    with home.state.read() as tx:
        found = bulk.among(tx, "select number from subject where token in {values}", list(tokens))
        return sorted(row[0] for row in found)


def last_change(tx: Connection) -> int:
    """Return the number of the newest change, 0 before the first."""
    return store.last_change(tx)


def changes_since(tx: Connection, change: int, limit: int = 1_000_000) -> tuple[int, Ints]:
    """Return which subjects belong to another person than at change `change`.

    Subjects that were seen for the first time are no change; forgotten ones are not listed.

    Returns
    -------
    next_change
        What to ask with the next time; the same as `change` when nothing changed.
    subjects
        Distinct, ascending.
    """
    rows = store.changes_after(tx, change, limit)
    if not rows:
        return change, np.zeros(0, dtype=np.int64)
    return rows[-1][0], np.unique(np.array([row[1] for row in rows], dtype=np.int64))


def were_since(tx: Connection, change: int, persons: Sequence[int]) -> dict[int, set[int]]:
    """Return of some persons who their subjects have been since change `change`, as before a merge; those of whom all stayed are missing."""
    sql = "select s.person, c.old_person from subject s join identity_change c on c.subject = s.number where c.number > {since} and s.person in {values}"
    found: dict[int, set[int]] = {}
    for person, old in bulk.among(tx, sql.replace("{since}", str(int(change))), sorted(set(persons))):
        found.setdefault(person, set()).add(old)
    return found


def subject_batches(home: Home, at: int | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the map in record batches of `SUBJECT_MAP`, from one snapshot.

    Parameters
    ----------
    at
        As it was at that time, microseconds UTC; None: now. Subjects of later have no row.
    """
    sql, bound = "select number, person from subject order by number", tuple[int, ...]()
    if at is not None:
        sql = (
            "select s.number, coalesce((select c.old_person from identity_change c where c.subject = s.number and c.at > ? "
            "order by c.number limit 1), s.person) from subject s where coalesce((select c.old_from from identity_change c "
            "where c.subject = s.number order by c.number limit 1), s.person_from) <= ? order by s.number"
        )
        bound = (at, at)
    with home.state.read() as tx:
        for rows in bulk.stream(tx, sql, bound, _ROWS):
            number, person = np.array(rows, dtype=np.int64).T
            columns: list[Any] = [number, person.astype(np.uint32), person >= VISITORS_FROM]
            yield pa.RecordBatch.from_arrays([pa.array(c) for c in columns], schema=SUBJECT_MAP)


def subject_map(home: Home, at: int | None = None) -> pa.Table:
    """Return the whole map as one table of `SUBJECT_MAP`; see `subject_batches`."""
    return pa.Table.from_batches(subject_batches(home, at), schema=SUBJECT_MAP)


class People:
    """What profiles asks of identity, over one home: the map, its changes and the published facts.

    Numbers are person numbers; from `VISITORS_FROM` on they are visitors.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    def version(self) -> int:
        """Return the number of the last change of the map."""
        with self._home.state.read() as tx:
            return last_change(tx)

    def decided(self) -> int:
        """Return how often identity was changed by anything but digestion."""
        with self._home.state.read() as tx:
            return store.generation(tx)

    def settled(self) -> int:
        """Return when households were computed, 0: never; another number means that facts of anybody may be others."""
        return households_made_at(self._home)

    def changed(self, since: int) -> Ints:
        """Return the numbers, old and new, of every subject whose person changed after version `since`."""
        with self._home.state.read() as tx:
            sql = "select old_person, new_person from identity_change where number > ?"
            rows = bulk.rows(tx, sql, (since,))
        return np.unique(np.array(rows, dtype=np.int64).reshape(-1))

    def moves(self, since: int, upto: int) -> tuple[Ints, Ints]:
        """Return from which numbers to which others subjects moved by the changes after `since` up to `upto`; each pair once."""
        with self._home.state.read() as tx:
            sql = (
                "select distinct old_person, new_person from identity_change where number > ? and number <= ?"
            )
            rows = bulk.rows(tx, sql, (since, upto))
        old, new = np.array(rows, dtype=np.int64).reshape(-1, 2).T
        return old, new

    def numbers_of(self, subjects: Ints) -> Ints:
        """Return the person or visitor number of each subject, 0 for one that belongs to nobody."""
        with self._home.state.read() as tx:
            return person_of(tx, subjects)

    def sharing(self, numbers: Ints) -> Ints:
        """Return these persons and whoever is of a household of one of them, ascending."""
        with self._home.state.read() as tx:
            return np.union1d(numbers, households_shared(tx, numbers))

    def pairs(self, numbers: Ints | None) -> pa.Table:
        """Return `subject` (int64) and `number` (int64): all of these numbers, None for everybody."""
        schema = pa.schema([("subject", pa.int64()), ("number", pa.int64())])
        if numbers is None:
            found = subject_map(self._home)
            return pa.table([found["subject"], found["person"].cast(pa.int64())], schema=schema)
        sql = "select number, person from subject where person in {values} order by person, number"
        with self._home.state.read() as tx:
            rows = list(bulk.among(tx, sql, np.unique(numbers).tolist()))
        subject, person = np.array(rows, dtype=np.int64).reshape(-1, 2).T
        return pa.table([pa.array(subject), pa.array(person)], schema=schema)

    def facts(self, numbers: Ints | None) -> pa.Table:
        """Return `number` (int64), `fact` and `value` (string): one row per number and published fact, the latest said.

        What a person said comes first; then what its home and household say (`households.facts.FACTS`), as far as the person did not say it, and how many
        identifiers of each kind it has (`counted.FACTS`).
        """
        with self._home.state.read() as tx:
            said = published.latest(tx, numbers)
            worked_out = chain(household_facts(self._home, tx, numbers, said), counted.facts(tx, numbers))
            return published.beside(said, worked_out)

    def then(self, at: int, subject: int | None = None) -> pa.Table:
        """Return the map as of a moment (microseconds UTC), of everybody or of whoever a subject belonged to then; a table of `then.THEN`."""
        return everybody_then(self._home, at) if subject is None else person_then(self._home, at, subject)

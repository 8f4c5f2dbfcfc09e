"""Tables of identity in the state store, and their queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, SmallInteger, Table, Text

from zerodistance.kernel.state import State, metadata

CHUNK = 500
"""Values of one IN list."""

subject = Table(
    "subject",
    metadata,
    Column("number", Integer, primary_key=True),  # in order of acceptance; never reused
    Column("namespace", SmallInteger, nullable=False),  # rank, see rules.NAMESPACES
    Column("token", LargeBinary(16), nullable=False, unique=True),
    Column("person", BigInteger, nullable=False, index=True),  # from 2^31 on: a visitor
    Column("person_from", BigInteger, nullable=False),  # since when it belongs to that person
    Column("first_at", BigInteger, nullable=False),  # earliest happened_at of a touch with it
    Column("seen_at", BigInteger, nullable=False),  # last seen, as accepted, to a few days
    Column("shared", SmallInteger, nullable=False, default=0),  # 1: stands on too many persons, links nobody
    Column("batch", BigInteger, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("b", BigInteger, primary_key=True, autoincrement=False),  # the weaker of the two subjects
    Column("a", BigInteger, primary_key=True, autoincrement=False),  # the stronger one
    Column("rule", Text, primary_key=True),  # how b stood on the touch
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # happened_at; an earlier one adds a row
    Column("source", Integer, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),  # on any row of a pair: the pair does not link
    Column("revoked_why", Text),
    Index("ix_evidence_a", "a"),
    sqlite_with_rowid=False,
)

identity_change = Table(
    "identity_change",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("subject", BigInteger, nullable=False, index=True),
    Column("old_person", BigInteger, nullable=False),
    Column("new_person", BigInteger, nullable=False),
    Column("old_from", BigInteger, nullable=False),  # old_person held it from here ...
    Column("at", BigInteger, nullable=False),  # ... to here
    Column("epoch", Integer, nullable=False),
    sqlite_autoincrement=True,
)

identity_shared = Table(
    "identity_shared",
    metadata,
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("persons", Integer, nullable=False),  # distinct values of the namespace `by` seen together with it
    Column("by", SmallInteger, nullable=False),  # rank
    Column("epoch", Integer, nullable=False),
    Column("since_at", BigInteger, nullable=False),
)

identity_vault = Table(
    "identity_vault",
    metadata,
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("field", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),  # happened_at of the touch that said it; the latest stays
    Column("value", LargeBinary, nullable=False),  # sealed
    sqlite_with_rowid=False,
)

identity_fact = Table(
    "identity_fact",
    metadata,
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("fact", Text, primary_key=True),  # rules.PUBLISHED
    Column("at", BigInteger, nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

identity_guard = Table(
    "identity_guard",
    metadata,
    Column("counter", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)

identity_reveal = Table(
    "identity_reveal",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("account", Integer),
    Column("name", Text, nullable=False),
    Column("person", Text, nullable=False, index=True),  # public id
    Column("field", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("values_shown", Integer, nullable=False),
    sqlite_autoincrement=True,
)

identity_number = Table(
    "identity_number",
    metadata,
    Column("key", Text, primary_key=True),  # subject, person, visitor: last given; epoch; generation; batch
    Column("value", BigInteger, nullable=False),
)

NUMBERS = ("subject", "person", "visitor", "epoch", "generation", "batch")

INSERT_SUBJECT = (
    "insert into subject (number, namespace, token, person, person_from, first_at, seen_at, shared, batch) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_EVIDENCE = (
    "insert into evidence (b, a, rule, at, source, batch) values (?, ?, ?, ?, ?, ?) on conflict do nothing"
)
INSERT_EARLIER = (
    "insert into evidence (b, a, rule, at, source, batch) select ?1, ?2, ?3, ?4, ?5, ?6 where not exists "
    "(select 1 from evidence where b = ?1 and a = ?2 and rule = ?3 and at <= ?4) on conflict do nothing"
)
INSERT_CHANGE = (
    "insert into identity_change (subject, old_person, new_person, old_from, at, epoch) "
    "select number, person, ?, person_from, ?, ? from subject where number = ?"
)
UPDATE_PERSON = "update subject set person = ?, person_from = ? where number = ?"
UPDATE_FIRST = "update subject set first_at = ? where number = ? and first_at > ?"
UPDATE_SEEN = "update subject set seen_at = ? where number = ?"
UPSERT_SHARED = (
    "insert into identity_shared (subject, persons, by, epoch, since_at) values (?, ?, ?, ?, ?) "
    "on conflict (subject) do update set persons = excluded.persons, by = excluded.by, epoch = excluded.epoch"
)
UPDATE_SHARED = "update subject set shared = ? where number = ?"
UPSERT_VAULT = (
    "insert into identity_vault (subject, field, at, value) values (?, ?, ?, ?) on conflict (subject, field) "
    "do update set at = excluded.at, value = excluded.value where excluded.at >= identity_vault.at"
)
UPSERT_FACT = (
    "insert into identity_fact (subject, fact, at, value) values (?, ?, ?, ?) on conflict (subject, fact) "
    "do update set at = excluded.at, value = excluded.value where excluded.at > identity_fact.at "
    "or (excluded.at = identity_fact.at and excluded.value > identity_fact.value)"
)
UPSERT_GUARD = (
    "insert into identity_guard (counter, value, last_at) values (?, ?, ?) on conflict (counter) "
    "do update set value = value + excluded.value, last_at = excluded.last_at"
)
UPSERT_NUMBER = "insert into identity_number (key, value) values (?, ?) on conflict (key) do update set value = excluded.value"


def many(tx: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run one statement for every row; the bulk path of a commit."""
    if rows:
        tx.exec_driver_sql(sql, list(rows))


def cursor(tx: Connection, sql: str, bound: tuple[Any, ...] = ()) -> Any:
    """Return the driver's own cursor over `sql`: plain tuples, for millions of rows."""
    return tx.exec_driver_sql(sql, bound).cursor


def chunked(tx: Connection, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of `sql`, in which `{in}` stands for the list, over `values` in chunks."""
    for start in range(0, len(values), CHUNK):
        part = tuple(values[start : start + CHUNK])
        yield from cursor(tx, sql.replace("{in}", ",".join("?" * len(part))), part)


def numbers(tx: Connection) -> dict[str, int]:
    """Return the last number given of each kind, the epoch, the generation, and the last batch that was written."""
    found: dict[str, int] = dict(tx.exec_driver_sql("select key, value from identity_number").all())
    return {key: found.get(key, 0) for key in NUMBERS}


def set_numbers(tx: Connection, values: dict[str, int]) -> None:
    """Keep numbers that were given."""
    many(tx, UPSERT_NUMBER, list(values.items()))


def generation(tx: Connection) -> int:
    """Return how often identity was changed by anything but digestion."""
    row = tx.exec_driver_sql("select value from identity_number where key = 'generation'").first()
    return 0 if row is None else int(row[0])


def next_generation(tx: Connection) -> None:
    """Note that what the worker keeps in memory is out of date."""
    set_numbers(tx, {"generation": generation(tx) + 1})


def count_guards(tx: Connection, counts: Iterable[tuple[str, int]], at: int) -> None:
    """Add to the guard counters."""
    many(tx, UPSERT_GUARD, [(name, value, at) for name, value in counts if value])


def members_by_token(state: State, token: bytes) -> tuple[int, list[tuple[int, int, bytes, int, int]]]:
    """Return the person of a token and its `members`, 0 and none if it is not known; one question, answered in microseconds."""
    sql = (
        "select m.person, m.number, m.namespace, m.token, m.first_at, m.shared "
        "from subject s join subject m on m.person = s.person where s.token = ? order by m.number"
    )
    rows = state.ask(sql, (token,))
    return (rows[0][0], [(r[1], r[2], r[3], r[4], r[5]) for r in rows]) if rows else (0, [])


def members(tx: Connection, person: int) -> list[tuple[int, int, bytes, int, int]]:
    """Return (subject, namespace rank, token, first_at, shared) of a person, earliest accepted first."""
    sql = "select number, namespace, token, first_at, shared from subject where person = ? order by number"
    return [tuple(row) for row in tx.exec_driver_sql(sql, (person,))]


def of_subjects(tx: Connection, subjects: Sequence[int]) -> dict[int, tuple[int, int, bytes, int, int]]:
    """Return subject -> (person, namespace rank, token, first_at, shared)."""
    sql = "select number, person, namespace, token, first_at, shared from subject where number in ({in})"
    return {row[0]: tuple(row[1:]) for row in chunked(tx, sql, subjects)}


def vault_of(tx: Connection, subjects: Sequence[int]) -> dict[tuple[int, str], bytes]:
    """Return (subject, field) -> sealed value."""
    sql = "select subject, field, value from identity_vault where subject in ({in})"
    return {(row[0], row[1]): row[2] for row in chunked(tx, sql, subjects)}


def move(tx: Connection, moves: Sequence[tuple[int, int]], at: int, epoch: int) -> tuple[int, int]:
    """Give each (subject, new person) to its new person; return the first and last change number."""
    first = last_change(tx) + 1
    many(tx, INSERT_CHANGE, [(person, at, epoch, number) for number, person in moves])
    many(tx, UPDATE_PERSON, [(person, at, number) for number, person in moves])
    return first, last_change(tx)


def last_change(tx: Connection) -> int:
    """Return the number of the last change ever, 0 before the first."""
    row = tx.exec_driver_sql("select seq from sqlite_sequence where name = 'identity_change'").first()
    return 0 if row is None else int(row[0])


def changes_after(tx: Connection, change: int, limit: int) -> list[tuple[int, int, int, int, int]]:
    """Return (number, subject, old person, new person, at) of changes after `change`, in order."""
    sql = "select number, subject, old_person, new_person, at from identity_change where number > ? order by number limit ?"
    return [tuple(row) for row in tx.exec_driver_sql(sql, (change, limit))]


def where_vault(number: int, field: str) -> bytes:
    """Return the place a vault entry is sealed for."""
    return f"vault/{number}/{field}".encode()


OWN = (
    ("identity_vault", "subject"),
    ("identity_fact", "subject"),
    ("identity_shared", "subject"),
    ("identity_change", "subject"),
    ("evidence", "a"),
    ("evidence", "b"),
    ("subject", "number"),
)
"""Every table that names a subject, with the column: what `forget` and expiry empty."""


def remove(tx: Connection, subjects: Sequence[int]) -> dict[str, int]:
    """Remove every trace of subjects; return rows removed per table."""
    done: dict[str, int] = {}
    for table, column in OWN:
        for start in range(0, len(subjects), CHUNK):
            part = tuple(subjects[start : start + CHUNK])
            marks = ",".join("?" * len(part))
            gone = tx.exec_driver_sql(f"delete from {table} where {column} in ({marks})", part).rowcount
            done[table] = done.get(table, 0) + gone
    return done


def unname_reveals(tx: Connection, person_ids: Sequence[str]) -> int:
    """Take these public ids out of the record of reveals; return how many rows."""
    sql = "update identity_reveal set person = '' where person = ?"
    return sum(tx.exec_driver_sql(sql, (person_id,)).rowcount for person_id in person_ids)

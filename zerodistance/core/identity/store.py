"""Tables of identity in the state store, and their queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, SmallInteger, Table, Text

from zerodistance.core.identity import public
from zerodistance.core.identity.kept import figure
from zerodistance.core.identity.turns import store as turns
from zerodistance.kernel import bulk
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.state import Number, State, metadata

subject = Table(
    "subject",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),  # in order of acceptance; never reused
    Column("namespace", SmallInteger, nullable=False),  # rank, see rules.NAMESPACES
    Column("token", LargeBinary(16), nullable=False, unique=True),
    Column("person", BigInteger, nullable=False, index=True),  # from 2^31 on: a visitor
    Column("person_from", BigInteger, nullable=False),  # since when it belongs to that person
    Column("first_at", BigInteger, nullable=False),  # earliest happened_at of a touch with it
    Column("live_at", BigInteger),  # the same of touches that no import brought; null: only imports know it
    Column("seen_at", BigInteger, nullable=False),  # last seen live, as accepted, to a few days; 0: never
    Column("shared", SmallInteger, nullable=False, default=0),  # 1: stands on too many persons, links nobody
    Column(
        "turned", SmallInteger, nullable=False, server_default="0"
    ),  # 1: several accounts use it in turn, see turns
    Column(
        "named", BigInteger, nullable=False, server_default="0"
    ),  # mark of the latest whole name; 0: none was said
    Column(
        "named_at", BigInteger, nullable=False, server_default="0"
    ),  # happened_at of the touch that said it
    Column("settled", BigInteger, nullable=False, server_default="0"),  # for whose id it stands, see public
    Column("batch", BigInteger, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("b", BigInteger, primary_key=True, autoincrement=False),  # the weaker of the two subjects
    Column("a", BigInteger, primary_key=True, autoincrement=False),  # the stronger one
    Column("rule", Text, primary_key=True),  # how b stood on the touch
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # happened_at; an earlier one adds a row
    Column("origin", Integer, primary_key=True, autoincrement=False),  # 0: live; else the import that said it
    Column("source", Integer, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),  # on any row of a pair: the pair does not link
    Column("revoked_why", Text),
    Index("ix_evidence_a", "a"),
    sqlite_with_rowid=False,
)

identity_sighting = Table(
    "identity_sighting",
    metadata,
    Column("origin", Integer, primary_key=True, autoincrement=False),  # the number of an import
    Column("subject", BigInteger, primary_key=True, autoincrement=False, index=True),
    Column("first_at", BigInteger, nullable=False),  # earliest happened_at of a touch of this import with it
    Column("seen_at", BigInteger, nullable=False),  # when the import brought it
    sqlite_with_rowid=False,
)

identity_change = Table(
    "identity_change",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("subject", BigInteger, nullable=False, index=True),
    Column("old_person", BigInteger, nullable=False, index=True),  # who somebody was at an earlier time
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
    Column(
        "origin", Integer, primary_key=True, autoincrement=False
    ),  # as of evidence; of an identifier always 0
    Column("at", BigInteger, nullable=False),  # happened_at of the touch that said it; the latest stays
    Column("value", LargeBinary, nullable=False),  # sealed
    sqlite_with_rowid=False,
)

identity_mention = Table(
    "identity_mention",
    metadata,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("origin", Integer, nullable=False, index=True),  # 0: live; else the import that said it
    Column("mentions", Integer, nullable=False),  # rows of the table
    Column("lowest", BigInteger, nullable=False),  # the first subject in it ...
    Column("highest", BigInteger, nullable=False),  # ... and the last
    Column("sealed", LargeBinary, nullable=False),  # Arrow table of mentions.MENTION, zstd, sealed
)

identity_match = Table(
    "identity_match",
    metadata,
    Column(
        "b", BigInteger, primary_key=True, autoincrement=False
    ),  # as of evidence: the weaker, or the later
    Column("a", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "bits", BigInteger, nullable=False
    ),  # millionths of a bit that they are one person, see rules.RuleSet
    Column("linked", SmallInteger, nullable=False),  # 1: joins; 0: somebody has to look
    Column("model", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_identity_match_a", "a"),
    Index("ix_identity_match_linked", "linked", "bits"),
)

identity_decision = Table(
    "identity_decision",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("a", BigInteger, nullable=False, index=True),  # as of evidence
    Column("b", BigInteger, nullable=False, index=True),
    Column("verdict", Text, nullable=False),  # same, different, unsure
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("bits", BigInteger),  # what the matcher said then
    Column("model", Text, nullable=False, server_default=""),
    Column("withdrawn_at", BigInteger),
    Column("asked", Text, nullable=False, server_default="hand"),  # doubt, link or hand, see weighed.Asked
    sqlite_autoincrement=True,
)

identity_release = Table(
    "identity_release",
    metadata,
    Column("subject", BigInteger, primary_key=True, autoincrement=False),  # shared, and released by hand
    Column("persons", Integer, nullable=False),  # as identity_shared had it ...
    Column("by", SmallInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("since_at", BigInteger, nullable=False),  # ... since when
    Column("why", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

identity_figure = Table(
    "identity_figure",
    metadata,
    Column("key", Text, primary_key=True),  # what was counted: numbers only, nobody is named
    Column("at", BigInteger, nullable=False),
    Column("value", Text, nullable=False),  # JSON
)

identity_fact = Table(
    "identity_fact",
    metadata,
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("fact", Text, primary_key=True),  # rules.PUBLISHED
    Column("origin", Integer, primary_key=True, autoincrement=False),
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
    Column(
        "key", Text, primary_key=True
    ),  # subject, person, visitor, change: last given; epoch; generation; batch; household, household_at: see households
    Column("value", BigInteger, nullable=False),
)

NUMBERS = ("subject", "person", "visitor", "change", "epoch", "generation", "batch")

INSERT_SUBJECT = Bulk(
    "insert into subject (number, namespace, token, person, person_from, first_at, live_at, seen_at, shared, turned, named, named_at, "
    "batch) {rows}",
    number="bigint", namespace="bigint", token="bytea", person="bigint", person_from="bigint", first_at="bigint",
    live_at="bigint", seen_at="bigint", shared="bigint", turned="bigint", named="bigint", named_at="bigint", batch="bigint",
)  # fmt: skip
INSERT_EVIDENCE = Bulk(
    "insert into evidence (b, a, rule, at, source, origin, batch) {rows} on conflict do nothing",
    b="bigint", a="bigint", rule="text", at="bigint", source="bigint", origin="bigint", batch="bigint",
)  # fmt: skip
INSERT_EARLIER = Bulk(
    "insert into evidence (b, a, rule, at, source, origin, batch) "
    "select {b}, {a}, {rule}, {at}, {source}, {origin}, {batch} {from} where not exists (select 1 from evidence e where e.b = {b} "
    "and e.a = {a} and e.rule = {rule} and e.origin = {origin} and e.at <= {at}) on conflict do nothing",
    key=("b", "a", "rule"), b="bigint", a="bigint", rule="text", at="bigint", source="bigint", origin="bigint",
    batch="bigint",
)  # fmt: skip
INSERT_CHANGE = Bulk(
    "insert into identity_change (number, subject, old_person, new_person, old_from, at, epoch) "
    "select {change}, s.number, s.person, {person}, s.person_from, {at}, {epoch} from subject s {join} where s.number = {subject}",
    change="bigint", person="bigint", at="bigint", epoch="bigint", subject="bigint",
)  # fmt: skip
UPDATE_PERSON = Bulk(
    "update subject set person = {person}, person_from = {at} {from} where number = {number}",
    person="bigint", at="bigint", number="bigint",
)  # fmt: skip
UPDATE_FIRST = Bulk(
    "update subject set first_at = {at} {from} where number = {number} and first_at > {at}",
    at="bigint", number="bigint",
)  # fmt: skip
UPDATE_LIVE = Bulk(
    "update subject set live_at = {at}, first_at = case when first_at > {at} then {at} else first_at end {from} "
    "where number = {number}",
    at="bigint", number="bigint",
)  # fmt: skip
UPSERT_SIGHTING = Bulk(
    "insert into identity_sighting (origin, subject, first_at, seen_at) {rows} on conflict (origin, subject) "
    "do update set first_at = excluded.first_at where excluded.first_at < identity_sighting.first_at",
    key=("subject",), origin="bigint", subject="bigint", first_at="bigint", seen_at="bigint",
)  # fmt: skip
UPDATE_SEEN = Bulk(
    "update subject set seen_at = {at} {from} where number = {number}", at="bigint", number="bigint"
)
UPDATE_NAMED = Bulk(
    "update subject set named = {named}, named_at = {at} {from} where number = {number} and (named_at < {at} or named = 0 "
    "or (named_at = {at} and named < {named}))",
    named="bigint", at="bigint", number="bigint",
)  # fmt: skip
SET_NAMED = Bulk(
    "update subject set named = {named}, named_at = {at} {from} where number = {number}",
    named="bigint", at="bigint", number="bigint",
)  # fmt: skip
UPSERT_SHARED = Bulk(
    "insert into identity_shared (subject, persons, by, epoch, since_at) {rows} "
    "on conflict (subject) do update set persons = excluded.persons, by = excluded.by, epoch = excluded.epoch",
    key=("subject",), subject="bigint", persons="bigint", by="bigint", epoch="bigint", since_at="bigint",
)  # fmt: skip
UPDATE_SHARED = Bulk(
    "update subject set shared = {shared} {from} where number = {number}", shared="bigint", number="bigint"
)
DELETE_SHARED = Bulk("delete from identity_shared {using} where subject = {number}", number="bigint")
UPSERT_VAULT = Bulk(
    "insert into identity_vault (subject, field, origin, at, value) {rows} on conflict (subject, field, origin) "
    "do update set at = excluded.at, value = excluded.value where excluded.at >= identity_vault.at",
    key=("subject", "field", "origin"), subject="bigint", field="text", origin="bigint", at="bigint", value="bytea",
)  # fmt: skip
UPSERT_FACT = Bulk(
    "insert into identity_fact (subject, fact, origin, at, value) {rows} on conflict (subject, fact, origin) "
    "do update set at = excluded.at, value = excluded.value where excluded.at > identity_fact.at "
    "or (excluded.at = identity_fact.at and excluded.value > identity_fact.value)",
    key=("subject", "fact"), subject="bigint", fact="text", origin="bigint", at="bigint", value="text",
)  # fmt: skip
UPSERT_GUARD = Bulk(
    "insert into identity_guard (counter, value, last_at) {rows} on conflict (counter) "
    "do update set value = identity_guard.value + excluded.value, last_at = excluded.last_at",
    key=("counter",), counter="text", value="bigint", last_at="bigint",
)  # fmt: skip
UPSERT_NUMBER = Bulk(
    "insert into identity_number (key, value) {rows} on conflict (key) do update set value = excluded.value",
    named="text", value="bigint",
)  # fmt: skip


def numbers(tx: Connection) -> dict[str, int]:
    """Return the last number given of each kind, the epoch, the generation, and the last batch that was written."""
    found: dict[str, int] = dict(bulk.rows(tx, "select key, value from identity_number"))
    return {key: found.get(key, 0) for key in NUMBERS}


def set_numbers(tx: Connection, values: dict[str, int]) -> None:
    """Keep numbers that were given."""
    UPSERT_NUMBER.run(tx, list(values.items()))


def generation(tx: Connection) -> int:
    """Return how often identity was changed by anything but digestion."""
    return int(bulk.value(tx, "select value from identity_number where key = 'generation'") or 0)


def next_generation(tx: Connection) -> None:
    """Note that what the worker keeps in memory is out of date."""
    set_numbers(tx, {"generation": generation(tx) + 1})


def count_guards(tx: Connection, counts: Iterable[tuple[str, int]], at: int) -> None:
    """Add to the guard counters."""
    UPSERT_GUARD.run(tx, [(name, value, at) for name, value in counts if value])


def members_by_token(state: State, token: bytes) -> tuple[int, list[tuple[int, int, bytes, int, int]], int]:
    """Return the person of a token, its `members`, and the token's subject if it is used in turn, else 0; one question, answered in microseconds."""
    sql = (
        "select m.number, m.namespace, m.token, m.first_at, m.shared, m.settled, m.person, s.turned * (1 - s.shared) * s.number "
        "from subject s join subject m on m.person = s.person where s.token = ? order by m.number"
    )
    rows = state.ask(sql, (token,))
    return (rows[0][6], public.led(rows), rows[0][7]) if rows else (0, [], 0)


def members(tx: Connection, person: int) -> list[tuple[int, int, bytes, int, int]]:
    """Return (subject, namespace rank, token, first_at, shared) of a person: the subject that gives it the id, then the earliest accepted."""
    sql = "select number, namespace, token, first_at, shared, settled from subject where person = ? order by number"
    return public.led(bulk.rows(tx, sql, (person,)))


def of_subjects(tx: Connection, subjects: Sequence[int]) -> dict[int, tuple[int, int, bytes, int, int]]:
    """Return subject -> (person, namespace rank, token, first_at, shared)."""
    sql = "select number, person, namespace, token, first_at, shared from subject where number in {values}"
    return {row[0]: (row[1], row[2], row[3], row[4], row[5]) for row in bulk.among(tx, sql, subjects)}


def vault_of(tx: Connection, subjects: Sequence[int]) -> dict[tuple[int, str], bytes]:
    """Return (subject, field) -> sealed value, the latest that was said."""
    sql = "select subject, field, value from identity_vault where subject in {values} order by at, origin"
    return {(row[0], row[1]): row[2] for row in bulk.among(tx, sql, subjects)}


def move(tx: Connection, moves: Sequence[tuple[int, int]], at: int, epoch: int) -> tuple[int, int]:
    """Give each (subject, new person) to its new person; return the first and last change number."""
    before = last_change(tx)
    INSERT_CHANGE.run(
        tx, [(n, person, at, epoch, subject) for n, (subject, person) in enumerate(moves, before + 1)]
    )
    UPDATE_PERSON.run(tx, [(person, at, number) for number, person in moves])
    last = before + len(moves)
    set_numbers(tx, {"change": last})
    return before + 1, last


def last_change(tx: Connection) -> int:
    """Return the number of the last change ever, 0 before the first."""
    return int(bulk.value(tx, "select value from identity_number where key = 'change'") or 0)


def changes_after(tx: Connection, change: int, limit: int) -> list[tuple[int, int, int, int, int]]:
    """Return (number, subject, old person, new person, at) of changes after `change`, in order."""
    sql = "select number, subject, old_person, new_person, at from identity_change where number > ? order by number limit ?"
    return [(r[0], r[1], r[2], r[3], r[4]) for r in bulk.rows(tx, sql, (change, limit))]


def where_vault(number: int, field: str) -> bytes:
    """Return the place a vault entry is sealed for."""
    return f"vault/{number}/{field}".encode()


UPSERT_MATCH = Bulk(
    "insert into identity_match (b, a, bits, linked, model, at) {rows} on conflict (b, a) do update set bits = excluded.bits, "
    "linked = excluded.linked, model = excluded.model",
    b="bigint", a="bigint", bits="bigint", linked="bigint", model="text", at="bigint",
)  # fmt: skip
DELETE_MATCH = Bulk("delete from identity_match {using} where b = {b} and a = {a}", b="bigint", a="bigint")
DECIDED = (
    "select d.a, d.b, d.verdict, d.number from identity_decision d where d.withdrawn_at is null and not exists (select 1 from "
    "identity_decision l where l.a = d.a and l.b = d.b and l.withdrawn_at is null and l.number > d.number)"
)
"""The decisions that hold: the latest of each pair."""


def apart(tx: Connection) -> dict[int, frozenset[int]]:
    """Return subject -> the decisions that keep it from somebody."""
    found: dict[int, set[int]] = {}
    for a, b, _, number in bulk.rows(tx, f"{DECIDED} and d.verdict = 'different'"):
        found.setdefault(a, set()).add(number)
        found.setdefault(b, set()).add(number)
    return {subject: frozenset(numbers) for subject, numbers in found.items()}


def released(tx: Connection) -> frozenset[int]:
    """Return the subjects that somebody released: they are not shared, however many persons stand with them."""
    return frozenset(row[0] for row in bulk.rows(tx, "select subject from identity_release"))


PAIRS = (
    "from {matches} m join subject x on x.number = m.a join subject y on y.number = m.b where m.linked = {linked} and "
    "x.person {differ} y.person and not exists (select 1 from identity_decision d where d.a = m.a and d.b = m.b and d.withdrawn_at is null)"
)
UNDECIDED = PAIRS.format(matches="identity_match", linked=0, differ="<>")
"""`from` and `where` of the doubts between two persons of which nobody has decided; `m` is the match."""
OWN = (
    ("identity_vault", "subject"),
    ("identity_fact", "subject"),
    ("identity_shared", "subject"),
    ("identity_release", "subject"),
    ("identity_change", "subject"),
    ("identity_sighting", "subject"),
    ("evidence", "a"),
    ("evidence", "b"),
    ("identity_match", "a"),
    ("identity_match", "b"),
    ("identity_decision", "a"),
    ("identity_decision", "b"),
    *turns.OWN,
    ("household_member", "subject"),
    ("household_home", "subject"),
    ("subject", "number"),
)
"""Every table that names a subject, with the column: what `forget` and expiry empty."""


def remove(tx: Connection, subjects: Sequence[int]) -> dict[str, int]:
    """Remove every trace of subjects; return rows removed per table."""
    done: dict[str, int] = {}
    _unlist(tx, subjects)
    for table, column in OWN:
        sql = f"delete from {table} where {column} in {{values}}"
        done[table] = done.get(table, 0) + bulk.run_among(tx, sql, subjects)
    return done


def _unlist(tx: Connection, subjects: Sequence[int]) -> None:
    """Take the list of the largest persons away if one of them is among those of the subjects."""
    listed = figure(tx, "largest")
    if listed is not None and listed[1]:
        theirs = bulk.among(tx, "select distinct person from subject where number in {values}", subjects)
        if not {person for person, _ in listed[1]}.isdisjoint(row[0] for row in theirs):
            bulk.run(tx, "delete from identity_figure where key = 'largest'")

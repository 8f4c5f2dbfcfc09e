"""What the matcher finds among all mentions: who is one person although no identifier says so, and of whom somebody has to decide.

Everything that touches said in words is cleaned into faces, weighed and joined (`matching`), on top of what identifiers say. Kept is as little as holds persons
together: of each person the strongest matches that span its parts, and of two persons who are likely one the strongest doubt. A later pass replaces
what an earlier one found; what somebody decided stays.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection
from xxhash import xxh3_64_intdigest

from zerodistance.core.identity import cleaning, kept, loading, mentions, partition, store
from zerodistance.core.identity.contracts import Matched
from zerodistance.core.identity.matching import batch, fields
from zerodistance.core.identity.matching.columns import Columns, Ints, columns, mixed
from zerodistance.core.identity.matching.model import Model
from zerodistance.core.identity.matching.spanning import spanning, strongest
from zerodistance.core.identity.naming import MATCHED, Pairs
from zerodistance.core.identity.partition import Subjects
from zerodistance.core.identity.placing import index
from zerodistance.core.identity.rules import RuleSet
from zerodistance.core.identity.ruling import models, versions
from zerodistance.core.identity.told import COMPARING, READING, Told, nobody
from zerodistance.kernel import bulk, clock, fault
from zerodistance.kernel.home import Home

_CONTACT = ("phone", "email")
_PATIENCE = 60.0  # seconds for another pass to end, own value


@dataclass(frozen=True)
class _Said:
    """All mentions as columns, in an order of what they say: rows of `Subjects`, cleaned faces."""

    row: Ints
    faces: Columns


@dataclass(frozen=True)
class Found:
    """What a pass finds, and the state that it was found in; nothing is written yet.

    Attributes
    ----------
    numbers
        As the state had them, see `store.numbers`.
    started
        When it began, microseconds: what was placed since then is not its to replace.
    held
        What was found before, as this pass saw it: (weaker, stronger subject) -> (millionths of a bit, 1 if it joins, name of the weights). Whatever
        was placed beside it is not its to replace.
    pairs
        (weaker, stronger subject) -> (millionths of a bit, 1 if it joins).
    mentions, model
        How many were compared, and the name of the weights.
    compared
        What was compared, for the index.
    """

    numbers: dict[str, int]
    started: int
    held: dict[tuple[int, int], tuple[int, int, str]]
    pairs: dict[tuple[int, int], tuple[int, int]]
    mentions: int
    model: str
    compared: index.Compared

    @property
    def links(self) -> int:
        """How many of the pairs join."""
        return sum(linked for _, linked in self.pairs.values())


def match(home: Home) -> Matched:
    """Compare all mentions by the rules in force and write what was found; persons change with the next rebuild.

    Returns
    -------
    Matched
        How many mentions were compared, and what was found and is new.

    Raises
    ------
    MatchRunning
        Another process compares them just now.
    """
    with index.alone(home, _PATIENCE):
        return _match(home)


def _match(home: Home) -> Matched:
    began = time.perf_counter()
    with home.state.read() as tx:
        _, by = versions.in_force(tx)
        found = search(home, tx, by)
    fault.point("identity.match.found")
    place = index.write(home, found.compared, model=found.model, batch=found.numbers["batch"])
    with home.state.write() as tx:
        new, gone = keep(tx, found)
        changed = store.generation(tx) != found.numbers["generation"]
        index.put(tx, place)
        if new or gone:
            store.next_generation(tx)
        seconds, doubts = time.perf_counter() - began, len(found.pairs) - found.links
        out = Matched(found.mentions, found.links, doubts, new, gone, found.model, seconds)
        kept.keep_figure(tx, "matched", clock.micros(), asdict(out))
    if changed:
        index.forget_missing(home)
    index.tidy(home)
    return out


@dataclass(frozen=True)
class Gathered:
    """What a pass looks at: everything that was said, and what identifiers say of who said it."""

    subjects: Subjects
    known: partition.Partition
    said: _Said


def gathered(home: Home, tx: Connection, by: RuleSet, told: Told = nobody) -> Gathered:
    """Read what is compared by some rules."""
    told(READING, 0, 1)
    subjects, _ = loading.subjects(tx, None)
    pairs, apart = loading.pairs(tx, subjects.number, whole=True)
    known = partition.solve(
        subjects, pairs.where(pairs.tier != MATCHED), by, apart=apart, released=store.released(tx)
    )
    found = Gathered(subjects, known, _said(home, tx, subjects, pairs, known))
    told(READING, 1, 1)
    return found


def search(home: Home, tx: Connection, by: RuleSet, told: Told = nobody) -> Found:
    """Compare all mentions by some rules; writes nothing."""
    started, held = clock.micros(), _held(tx)
    numbers, weights = store.numbers(tx), models.of_name(home.seal, tx, by.model)
    here = gathered(home, tx, by, told)
    subjects, said = here.subjects, here.said
    told(COMPARING, 0, 1)
    found, links, doubts = _found(by, subjects, here.known.label.astype(np.int64), said, weights)
    told(COMPARING, 1, 1)
    compared = index.Compared(said.faces, subjects.number[said.row], found.label, found.distinct)
    wanted = _wanted(subjects, said, links, doubts)
    return Found(numbers, started, held, wanted, len(said.row), weights.name, compared)


def keep(tx: Connection, found: Found) -> tuple[int, int]:
    """Replace what the last pass found by what this one did; return how many links are new, and how many are gone."""
    new, gone = _write(tx, found)
    if store.generation(tx) != found.numbers["generation"]:  # somebody may have been forgotten meanwhile
        bulk.run(tx, _LOOSE)
    store.set_numbers(tx, {"matched": found.numbers["batch"]})
    return new, gone


def _said(home: Home, tx: Connection, subjects: Subjects, pairs: Pairs, known: partition.Partition) -> _Said:
    """Return the mentions of subjects that are still there, without contact data that many persons share."""
    tables = [_coded(mentions.in_words(table)) for _, table in mentions.read(tx, home.seal)]
    if not tables or not len(subjects.number):
        nothing = np.empty(0, np.int64)
        return _Said(nothing, columns(fields.faces({})))
    table = pa.concat_tables(tables).unify_dictionaries()
    del tables
    number = table["subject"].to_numpy()
    row = np.minimum(np.searchsorted(subjects.number, number), len(subjects.number) - 1)
    there = subjects.number[row] == number
    if not there.all():
        table, row = table.filter(pa.array(there)), row[there]
    country = home.settings.country
    given: dict[str, pa.ChunkedArray | pa.Array] = {
        mentions.ALIAS.get(name, name): table[name] for name in mentions.FIELDS if name not in _CONTACT
    }
    crowded = np.zeros(len(subjects.number), dtype=bool)
    crowded[list(known.shared)] = True
    beside = np.zeros(len(subjects.number), dtype=bool)  # with shared contact data
    beside[pairs.a[crowded[pairs.b]]] = True
    tokens = {bytes(token) for token in subjects.tokens(np.flatnonzero(crowded))}
    for name in _CONTACT:
        given[name] = _clean(home, name, table[name], beside[row], tokens, country)
    return _settled(row, table["at"].to_numpy(), columns(fields.faces(given, country)))


def _coded(table: pa.Table) -> pa.Table:
    """Return a table with each distinct string once: what many rows say takes four bytes in each."""
    return pa.table({
        name: column.combine_chunks().dictionary_encode() if pa.types.is_string(column.type) else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    })  # fmt: skip


def _settled(row: Ints, at: Ints, faces: Columns) -> _Said:
    """Return mentions in an order that is of what they say alone: pairs of one weight are taken by their rows, whatever batches they came in."""
    known = []
    for part in fields.PARTS:
        if part in faces.filled:
            value = [xxh3_64_intdigest(one.encode()) for one in faces.value[part]]
            known.append(np.array([*value, 0], dtype=np.uint64)[faces.code[part]])
    order = np.lexsort((at, mixed(*known, rows=faces.rows)))
    return _Said(row[order], faces.take(order))


def _clean(
    home: Home,
    name: str,
    column: pa.ChunkedArray,
    beside: npt.NDArray[np.bool_],
    shared: set[bytes],
    country: str,
) -> pa.DictionaryArray:
    """Return clean identifiers, null where there is none or where it is shared; each distinct one is cleaned once."""
    coded = fields.encoded(column)
    codes = np.asarray(coded.indices.fill_null(-1)).astype(np.int32)
    suspect = np.zeros(len(coded.dictionary) + 1, dtype=bool)
    suspect[codes[beside]] = True
    cleaner = cleaning.cleaner(name, country)
    values: list[str | None] = []
    for value, look in zip(coded.dictionary.to_pylist(), suspect.tolist(), strict=False):
        clean = cleaner(value)
        good = isinstance(clean, str) and not (look and home.seal.token(name, clean) in shared)
        values.append(clean if good and isinstance(clean, str) else None)
    return fields.encoded(pa.array(values, pa.string()).take(pa.array(codes, mask=codes < 0)))


_LOOSE = "delete from identity_match where a not in (select number from subject) or b not in (select number from subject)"
_Kept = tuple[Ints, Ints, npt.NDArray[np.float64]]
"""Rows of mentions, and weights."""


def _found(
    by: RuleSet, subjects: Subjects, label: Ints, said: _Said, model: Model
) -> tuple[batch.Weighed, _Kept, _Kept]:
    """Return who is who, the matches that join parts of persons, and the doubts between persons."""
    part = label[said.row]
    order = np.argsort(part, kind="stable")
    same = part[order][1:] == part[order][:-1]
    sure = order[:-1][same], order[1:][same]
    vetoes = [unique(subjects, label, rank)[part] for rank in sorted(by.unique)]
    known = [codes for codes in vetoes if (codes >= 0).any()]
    found = batch.weigh(said.faces, model, sure, known, by.join, by.most, by.doubt)
    person = found.label
    a, b, weight = found.a, found.b, found.weight
    joins = (person[a] == person[b]) & (part[a] != part[b])
    links = spanning(part[a[joins]], part[b[joins]], weight[joins])
    doubt = (weight >= by.doubt) & (person[a] != person[b])
    doubts = strongest(person[a[doubt]], person[b[doubt]], weight[doubt])
    return (
        found,
        (a[joins][links], b[joins][links], weight[joins][links]),
        (a[doubt][doubts], b[doubt][doubts], weight[doubt][doubts]),
    )


def unique(subjects: Subjects, label: Ints, rank: int) -> Ints:
    """Return per subject the row of the identifier of this namespace that its part has, -1 for none."""
    own = np.full(len(label), -1, dtype=np.int64)
    rows = np.flatnonzero(subjects.rank == rank)
    own[label[rows[::-1]]] = rows[::-1]
    return own[label]


def _wanted(
    subjects: Subjects, said: _Said, links: _Kept, doubts: _Kept
) -> dict[tuple[int, int], tuple[int, int]]:
    wanted: dict[tuple[int, int], tuple[int, int]] = {}
    for linked, (a, b, weight) in ((0, doubts), (1, links)):
        for x, y, bits in zip(said.row[a].tolist(), said.row[b].tolist(), weight.tolist(), strict=True):
            if x != y:
                x, y = sorted((x, y), key=lambda row: (subjects.rank.item(row), row))
                wanted[subjects.number.item(y), subjects.number.item(x)] = round(bits * 1e6), linked
    return wanted


def _held(tx: Connection) -> dict[tuple[int, int], tuple[int, int, str]]:
    held: dict[tuple[int, int], tuple[int, int, str]] = {}
    for rows in bulk.stream(tx, "select b, a, bits, linked, model from identity_match"):
        held.update(((b, a), (bits, linked, name)) for b, a, bits, linked, name in rows)
    return held


def _write(tx: Connection, found: Found) -> tuple[int, int]:
    now, wanted, held, model = clock.micros(), found.pairs, found.held, found.model
    gone = [pair for pair in held if pair not in wanted]
    fresh = [
        (*pair, bits, linked, model, now)
        for pair, (bits, linked) in wanted.items()
        if held.get(pair) != (bits, linked, model)
    ]
    store.DELETE_MATCH.run(tx, gone)
    fault.point("identity.match.removed")
    store.UPSERT_MATCH.run(tx, fresh)
    new = sum(linked and not held.get((b, a), (0, 0, ""))[1] for b, a, _, linked, _, _ in fresh)
    lost = sum(held[pair][1] for pair in gone)
    return new, lost


def stale(tx: Connection) -> bool:
    """Say whether anything was mentioned since the last pass."""
    done = bulk.value(tx, "select value from identity_number where key = 'matched'")
    last = bulk.value(tx, "select max(batch) from identity_mention")
    return last is not None and (done is None or last > done)


__all__: Sequence[str] = ("Found", "Gathered", "gathered", "keep", "match", "search", "stale", "unique")

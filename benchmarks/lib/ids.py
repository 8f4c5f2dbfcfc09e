"""How many public ids change when more is known: a sample city whose records come in as they happened, solved when nine of ten are there and when all are.

Identifiers become subjects and evidence as digestion makes them, persons are those of `partition.solve`, first by identifiers and names, then with what
the matcher finds, as in a night; after the first one everybody is settled, and ids are those of `public.chosen`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.lib import persons
from zerodistance.core.identity import match, partition, public
from zerodistance.core.identity.matching import batch, fields, model
from zerodistance.core.identity.matching.columns import columns
from zerodistance.core.identity.matching.spanning import spanning
from zerodistance.core.identity.naming import MATCHED, SEEN, Ints, Pairs
from zerodistance.core.identity.partition import Subjects
from zerodistance.core.identity.rules import RANKS, RuleSet
from zerodistance.core.identity.saying import name_mark
from zerodistance.kernel.seal import Seal
from zerodistance.sample import api as sample

_KINDS = {
    "sole_member": "member_id",
    "sole_account": "user_id",
    "record": "record",
    "phone": "phone",
    "email": "email",
}
"""Column of a row -> namespace, the strongest first."""
_NOW = 1_000_000  # microseconds between two rows


@dataclass(frozen=True)
class _Rows:
    """The subject of each kind on each row, -1 for none, and what rows say."""

    subject: dict[str, Ints]
    rank: npt.NDArray[np.int8]
    first: Ints
    token: Sequence[bytes]
    mark: Ints
    said: pa.Table


def ids_changed(people: int, seed: int) -> float:
    """Return the share of records whose public id changes when a tenth more records come, those that happened last.

    Parameters
    ----------
    people
        People of the sample city (world `base`) whose rows that name somebody are the records.
    seed
        Of the city.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sample.generate(people, seed, "base", root / "city", processes=1)
        persons.of_city(root / "city", root / "rows.parquet")
        table = pq.read_table(root / "rows.parquet")
        (root / "key").write_text(
            f"{seed:064x}\n"
        )  # always the same, since tokens decide what nothing else does
        rows = _accepted(in_time(table, pq.read_table(root / "times.parquet")), Seal(root / "key"))
    known = len(rows.mark) * 10 // 11
    before, after = _labels(rows, known), _labels(rows, len(rows.mark))
    number, settled = np.arange(1, len(after) + 1), np.zeros(len(after), dtype=np.int64)
    first, stands = public.chosen(before, number[: len(before)], settled[: len(before)])
    settled[: len(before)] = stands
    now, _ = public.chosen(after, number, settled)
    record = rows.subject["record"][:known]
    return float(np.mean(first[record] != now[record]))


def in_time(table: pa.Table, times: pa.Table) -> pa.Table:
    """Return rows in the order in which what they tell happened, those without a time first."""
    place = {
        pair: n
        for n, pair in enumerate(zip(times["source"].to_pylist(), times["record"].to_pylist(), strict=True))
    }
    keys = zip(table["source"].to_pylist(), table["record"].to_pylist(), strict=True)
    return table.take(np.argsort([place[key] for key in keys], kind="stable"))


def _accepted(table: pa.Table, seal: Seal) -> _Rows:
    """Give identifiers numbers in the order in which their rows come, on one row the strongest first."""
    own = [
        f"{source} {record}"
        for source, record in zip(table["source"].to_pylist(), table["record"].to_pylist(), strict=True)
    ]
    ticket = table["sure_ticket"].to_pylist()
    values = {column: table[column].to_pylist() for column in _KINDS if column != "record"}
    values["record"] = [
        f"ticket {number}" if number else key for number, key in zip(ticket, own, strict=True)
    ]
    number: dict[tuple[str, str], int] = {}
    rank: list[int] = []
    first: list[int] = []
    subject: dict[str, list[int]] = {column: [] for column in _KINDS}
    for row in range(len(table)):
        for column, namespace in _KINDS.items():
            value = values[column][row]
            if value is None:
                subject[column].append(-1)
                continue
            found = number.setdefault((namespace, value), len(number))
            if found == len(rank):
                rank.append(RANKS[namespace])
                first.append(row)
            subject[column].append(found)
    spelled = {name: name_mark(seal, name) for name in set(table["name"].to_pylist()) if name}
    mark = [spelled.get(name, 0) for name in table["name"].to_pylist()]
    return _Rows(
        {column: np.array(found, dtype=np.int64) for column, found in subject.items()},
        np.array(rank, dtype=np.int8),
        np.array(first, dtype=np.int64),
        [seal.token(namespace, value) for namespace, value in number],
        np.array(mark, dtype=np.int64),
        table,
    )


def _labels(rows: _Rows, known: int) -> Ints:
    """Return per subject the first of its person, when so many rows are known."""
    subjects, seen = _state(rows, known)
    label = partition.solve(subjects, seen, RuleSet()).label
    a, b, bits = _matches(rows, known, subjects, label.astype(np.int64))
    stronger = (subjects.rank[a] < subjects.rank[b]) | ((subjects.rank[a] == subjects.rank[b]) & (a < b))
    x, y = np.where(stronger, a, b), np.where(stronger, b, a)
    found = Pairs(x, y, partition.match_orders(bits), np.full(len(x), MATCHED, np.int8))
    return partition.solve(subjects, Pairs.joined([seen, found]), RuleSet()).label.astype(np.int64)


def _state(rows: _Rows, known: int) -> tuple[Subjects, Pairs]:
    """Return what the state holds after so many rows."""
    count = int(np.searchsorted(rows.first, known))
    named = np.zeros(count, dtype=np.int64)
    said = np.flatnonzero(rows.mark[:known])
    named[rows.subject["record"][said]] = rows.mark[said]  # the latest name stays
    number = np.arange(1, count + 1)

    def tokens(which: Ints) -> list[bytes]:
        return [rows.token[one] for one in which.tolist()]

    subjects = Subjects(number, rows.rank[:count], rows.first[:count] * _NOW, number, named, tokens)
    on = {column: found[:known] for column, found in rows.subject.items()}
    hub = np.where(
        on["sole_member"] >= 0,
        on["sole_member"],
        np.where(on["sole_account"] >= 0, on["sole_account"], on["record"]),
    )
    ends = [
        (hub, on["sole_account"]),
        (hub, on["record"]),
        (on["record"], on["phone"]),
        (on["record"], on["email"]),
    ]
    a, b = (np.concatenate([pair[n] for pair in ends]) for n in (0, 1))
    at = np.tile(np.arange(known), len(ends))
    there = (b >= 0) & (a != b)
    a, b, at = a[there], b[there], at[there]
    order = np.lexsort((at, a, b))
    a, b, at = a[order], b[order], at[order]
    new = np.r_[True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])][: len(a)]
    return subjects, Pairs(a[new], b[new], at[new] * _NOW, np.full(int(new.sum()), SEEN, np.int8))


def _matches(rows: _Rows, known: int, subjects: Subjects, label: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the matches that join parts of persons, as `identity.match` keeps them: subjects, and millionths of a bit."""
    by, table = RuleSet(), rows.said.slice(0, known)
    record = rows.subject["record"][:known]
    part = label[record]
    order = np.argsort(part, kind="stable")
    same = part[order][1:] == part[order][:-1]
    vetoes = [match.unique(subjects, label, rank)[part] for rank in sorted(by.unique)]
    asked = ("name", "address", "gender", "birthday", "phone", "email")
    faces = fields.faces({name: table[name] for name in asked}, "CN")
    sure = order[:-1][same], order[1:][same]
    found = batch.weigh(columns(faces), model.default(), sure, vetoes, by.join, by.most, by.doubt)
    a, b, weight = found.a, found.b, found.weight
    joins = (found.label[a] == found.label[b]) & (part[a] != part[b])
    a, b, weight = a[joins], b[joins], weight[joins]
    links = spanning(part[a], part[b], weight)
    return record[a[links]], record[b[links]], np.round(weight[links] * 1e6).astype(np.int64)

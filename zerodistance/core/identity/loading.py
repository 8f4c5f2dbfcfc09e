"""What identity computes from, out of the state in columns: subjects, evidence with matches and decisions, and who is around somebody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import naming, partition, rules, store
from zerodistance.core.identity.naming import Pairs
from zerodistance.core.identity.partition import Subjects
from zerodistance.kernel import bulk

Ints = npt.NDArray[np.int64]


def around(tx: Connection, near: Sequence[int]) -> list[int]:
    """Return the contact data that stand with these subjects, and who stands on theirs: they say which names are on a phone."""
    contact = "select distinct e.b from evidence e join subject s on s.number = e.b where s.namespace in ({}) and s.shared = 0 and e."
    contact = contact.format(", ".join(str(rank) for rank in sorted(rules.CONTACT)))
    theirs = [row[0] for row in bulk.among(tx, contact + "a in {values}", list(near))]
    own = [row[0] for row in bulk.among(tx, contact + "b in {values}", list(near))]
    others = [row[0] for row in bulk.among(tx, "select distinct a from evidence where b in {values}", own)]
    return sorted({*theirs, *others} - set(near))


def subjects(tx: Connection, only: Sequence[int] | None) -> tuple[Subjects, npt.NDArray[np.bool_]]:
    """Return subjects, and which of them are shared: all in order of their numbers, or some in the order given."""
    sql = "select number, namespace, first_at, person, named, shared from subject"
    if only is None:
        number, rank, first_at, person, named, shared = bulk.columns(tx, f"{sql} order by number", 6)
    else:
        rows = {row[0]: row for row in bulk.among(tx, f"{sql} where number in {{values}}", list(only))}
        given = [rows[one] for one in only]
        number, rank, first_at, person, named, shared = np.array(given, dtype=np.int64).reshape(-1, 6).T

    def tokens(which: Ints) -> list[bytes]:
        wanted = number[which].tolist()
        found: dict[int, bytes] = dict(
            bulk.among(tx, "select number, token from subject where number in {values}", wanted)
        )
        return [found[n] for n in wanted]

    return Subjects(number, rank, first_at, person, named, tokens), shared == 1


def pairs(
    tx: Connection, number: Ints, *, whole: bool, links: tuple[Ints, int] | None = None
) -> tuple[Pairs, tuple[Ints, Ints]]:
    """Return the pairs that no row revokes, each with its earliest time, and those of which somebody decided that they are two persons.

    Parameters
    ----------
    links
        Matches (a, b, millionths of a bit), shape (3, matches), in place of those that are kept from before a time, microseconds.
    """

    def some(sql: str) -> Ints:
        return bulk.columns(tx, sql.format(these=""), 3) if whole else _chosen(tx, sql, number)

    seen = some(
        "select a, b, min(at) from evidence where a > 0 {these} group by b, a having max(revoked_at) is null"
    )
    kept = "select a, b, bits from identity_match where linked = 1 {these}"
    if links is None:
        matched = some(kept)
    else:
        later = f"{kept} and at >= {int(links[1])}"
        matched = np.concatenate([links[0], some(later)], axis=1)
    matched[2] = np.array([partition.match_order(weight / 1e6) for weight in matched[2].tolist()], np.int64)
    said = [row for row in bulk.rows(tx, store.DECIDED) if row[2] != "unsure"]
    same = np.array([(a, b, 0) for a, b, verdict, _ in said if verdict == "same"], np.int64).reshape(-1, 3).T
    apart = (
        np.array([(a, b) for a, b, verdict, _ in said if verdict == "different"], np.int64).reshape(-1, 2).T
    )
    parts = [(same, naming.SAID), (seen, naming.SEEN), (matched, naming.MATCHED)]
    tier = np.concatenate([np.full(part.shape[1], code, np.int8) for part, code in parts])
    a, b, at = np.concatenate([part for part, _ in parts], axis=1)
    rows, there = _rows_of(number, a, b)
    far, known = _rows_of(number, *apart)
    return Pairs(rows[0], rows[1], at, tier).where(there), (far[0][known], far[1][known])


def _chosen(tx: Connection, sql: str, number: Ints) -> Ints:
    """Return the pairs of `sql` whose weaker end is one of some subjects."""
    rows = list(bulk.among(tx, sql.format(these="and b in {values}"), number.tolist()))
    return np.array(rows, dtype=np.int64).reshape(-1, 3).T


def _rows_of(number: Ints, a: Ints, b: Ints) -> tuple[tuple[Ints, Ints], npt.NDArray[np.bool_]]:
    """Return the rows of both ends of pairs, and which pairs have both."""
    if not len(number):
        return (a, b), np.zeros(len(a), dtype=bool)
    order = np.argsort(number, kind="stable")
    last = len(number) - 1
    row_a, row_b = (order[np.minimum(np.searchsorted(number, end, sorter=order), last)] for end in (a, b))
    return (row_a, row_b), (number[row_a] == a) & (number[row_b] == b)

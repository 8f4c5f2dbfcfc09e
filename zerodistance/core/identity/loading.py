"""What identity computes from, out of the state in columns: subjects, evidence with matches and decisions, and who is around somebody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import naming, partition, rules, store
from zerodistance.core.identity.connected import Whole, fitting, taken
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


_Kinds = Mapping[str, type[np.signedinteger[Any]]]
_SUBJECT: _Kinds = {
    "number": np.int64,
    "namespace": np.int8,
    "first_at": np.int64,
    "person": np.int64,
    "named": np.int64,
    "shared": np.int8,
    "settled": np.int64,
}
_PAIR: _Kinds = {"a": np.int64, "b": np.int64, "at": np.int64}
_SEEN = "select a, b, min(at) as at from evidence where b {these} group by b, a having max(revoked_at) is null order by b, a"
_MATCHED = "select a, b, bits as at from identity_match m where linked = 1 and m.at >= {since} and b {these} order by b, a"


def subjects(tx: Connection, only: Sequence[int] | None) -> tuple[Subjects, npt.NDArray[np.bool_]]:
    """Return subjects, and which of them are shared: all in order of their numbers, or some in the order given."""
    sql = "select number, namespace, first_at, person, named, shared, settled from subject"
    if only is None:
        every = bulk.spans(tx, f"{sql} where number between ? and ? order by number", _SUBJECT, _last(tx))
        if (every[0][1:] < every[0][:-1]).any():
            in_order = np.argsort(every[0])
            every = [column[in_order] for column in every]
        number, rank, first_at, person, named, shared, settled = every
    else:
        rows = {row[0]: row for row in bulk.among(tx, f"{sql} where number in {{values}}", list(only))}
        given = [rows[one] for one in only]
        number, rank, first_at, person, named, shared, settled = (
            np.array(given, dtype=np.int64).reshape(-1, 7).T
        )

    def tokens(which: Ints) -> list[bytes]:
        wanted = number[which].tolist()
        found: dict[int, bytes] = dict(
            bulk.among(tx, "select number, token from subject where number in {values}", wanted)
        )
        return [found[n] for n in wanted]

    found = Subjects(number, rank.astype(np.int8, copy=False), first_at, person, named, tokens, settled)
    return found, shared == 1


def _last(tx: Connection) -> int:
    return bulk.value(tx, "select max(number) from subject") or 0


def pairs(
    tx: Connection, number: Ints, *, whole: bool, links: tuple[Ints, int] | None = None
) -> tuple[Pairs, tuple[Ints, Ints]]:
    """Return the pairs that no row revokes, by their weaker ends and with their earliest time, and those that somebody decided to be two persons.

    Parameters
    ----------
    links
        Matches (a, b, millionths of a bit), shape (3, matches), in place of those that are kept from before a time, microseconds.
    """
    rows_of = _Rows(number)

    def some(sql: str, tier: int) -> Pairs:
        if whole:
            found = bulk.spans(tx, sql.format(these="between ? and ?"), _PAIR, int(number.max(initial=0)))
        else:
            rows = list(bulk.among(tx, sql.format(these="in {values}"), number.tolist()))
            found = list(np.array(rows, dtype=np.int64).reshape(-1, 3).T)
        return rows_of.pairs(tier, *found)

    seen = some(_SEEN, naming.SEEN)
    since = 0 if links is None else int(links[1])
    matched = some(_MATCHED.format(since=since, these="{these}"), naming.MATCHED)
    if links is not None:
        matched = Pairs.joined([rows_of.pairs(naming.MATCHED, *links[0]), matched])
    matched = replace(matched, at=partition.match_orders(matched.at))
    said = [row for row in bulk.rows(tx, store.DECIDED) if row[2] != "unsure"]
    same, apart = (
        np.array([(a, b) for a, b, found, _ in said if found == verdict], np.int64).reshape(-1, 2).T
        for verdict in ("same", "different")
    )
    told = rows_of.pairs(naming.SAID, same[0], same[1], np.zeros(same.shape[1], np.int64))
    (far, near), known = rows_of.ends(*apart)
    return Pairs.joined([told, seen, matched]).in_order(), (far[known], near[known])


class _Rows:
    """Rows of subjects by their numbers."""

    def __init__(self, number: Ints) -> None:
        last, self._count = int(number.max(initial=0)), len(number)
        self._sorted = None
        if last <= 4 * len(number):  # nearly all numbers are there: a table of all of them is the faster
            self._row = np.full(last + 2, -1, dtype=fitting(len(number)))
            self._row[number] = np.arange(len(number))
        else:
            self._row = np.argsort(number, kind="stable").astype(fitting(len(number)))
            self._sorted = number[self._row]

    def ends(self, a: Ints, b: Ints) -> tuple[tuple[Whole, Whole], npt.NDArray[np.bool_]]:
        """Return the rows of both ends, and which pairs have both."""
        x, y = self._of(a), self._of(b)
        return (x, y), (x >= 0) & (y >= 0)

    def pairs(self, tier: int, a: Ints, b: Ints, at: Ints) -> Pairs:
        """Return those pairs of which both ends are there."""
        (x, y), there = self.ends(a, b)
        found = Pairs(x, y, at, np.full(len(x), tier, np.int8))
        return found if there.all() else found.where(there)

    def _of(self, number: Ints) -> Whole:
        if self._sorted is None:
            return taken(self._row, np.minimum(number, len(self._row) - 1))
        place = np.minimum(np.searchsorted(self._sorted, number), self._count - 1)
        return np.where(self._sorted[place] == number, self._row[place], -1)

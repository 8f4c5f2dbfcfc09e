"""Through which identifiers somebody can be reached, for the room that sends: numbers only, never an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection

from zerodistance.core.identity import rules
from zerodistance.core.identity.reading import token_of
from zerodistance.kernel import bulk
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
CONTACTS = pa.schema(
    [
        ("person", pa.uint32()),
        ("subject", pa.int64()),
        ("namespace", pa.int8()),  # place of the namespace in what was asked for
        ("seen_at", pa.int64()),  # last seen as far as is known, microseconds UTC
    ]
)
"""One row per identifier of a person, in no order."""
_FEW = 40  # own value, measured: looking a person up costs as much as passing by so many subjects


def contacts(tx: Connection, persons: Ints, namespaces: Sequence[str]) -> pa.Table:
    """Return the identifiers of some namespaces that some persons have, a table of `CONTACTS`; none that is shared by too many.

    500,000 persons take about a second: of many the whole table of subjects is passed by, of few each is looked up.
    """
    ranks = [rules.RANKS[key] for key in namespaces]
    wanted = np.unique(np.asarray(persons, np.int64))
    among = ", ".join(map(str, ranks))
    seen = "case when coalesce(live_at, 0) > seen_at then coalesce(live_at, 0) else seen_at end"
    columns = {"number": np.int64, "person": np.int64, "seen": np.int64}
    if len(ranks) > 1:
        columns["namespace"] = np.int64
    said = (
        f"select number, person, case when {seen} > first_at then {seen} else first_at end as seen"
        f"{', namespace' * (len(ranks) > 1)} from subject where shared = 0 and namespace in ({among})"
    )
    last = int(bulk.value(tx, "select max(number) from subject") or 0)
    if len(wanted) * _FEW < last:
        rows = list(bulk.among(tx, f"{said} and person in {{values}}", wanted.tolist()))
        found = list(np.array(rows, np.int64).reshape(-1, len(columns)).T)
    else:
        found = bulk.spans(tx, f"{said} and number between ? and ?", columns, last)
        mine = _holds(wanted, found[1])
        found = [column[mine] for column in found]
    number, person, at, *rest = found
    place = np.full(max(rules.RANKS.values()) + 1, -1, np.int8)
    place[ranks] = np.arange(len(ranks))
    namespace = place[rest[0]] if rest else np.zeros(len(number), np.int8)
    arrays = [pa.array(column) for column in (person.astype(np.uint32), number, namespace, at)]
    return pa.table(arrays, schema=CONTACTS)


def _holds(wanted: Ints, given: Ints) -> npt.NDArray[np.bool_]:
    """Say which of the given are among ascending numbers."""
    if not len(wanted):
        return np.zeros(len(given), np.bool_)
    place = np.searchsorted(wanted, given).clip(max=len(wanted) - 1)
    found: npt.NDArray[np.bool_] = wanted[place] == given
    return found


def subjects_of_all(tx: Connection, persons: Ints) -> tuple[Ints, Ints]:
    """Return every subject of some persons: subjects, and the person of each; in no order."""
    sql = "select number, person from subject where person in {values}"
    rows = list(bulk.among(tx, sql, np.unique(np.asarray(persons, np.int64)).tolist()))
    subjects, theirs = np.array(rows, np.int64).reshape(-1, 2).T
    return subjects, theirs


def subjects_named(tx: Connection, tokens: Sequence[bytes]) -> dict[bytes, int]:
    """Return token -> subject, of those that somebody has."""
    sql = "select token, number from subject where token in {values}"
    return {bytes(token): number for token, number in bulk.among(tx, sql, list(dict.fromkeys(tokens)))}


def tokens_named(tx: Connection, subjects: Sequence[int]) -> dict[int, tuple[bytes, str]]:
    """Return subject -> its token and namespace, of those that there are."""
    sql = "select number, token, namespace from subject where number in {values}"
    keys = [one.key for one in rules.NAMESPACES]
    return {n: (bytes(token), keys[rank]) for n, token, rank in bulk.among(tx, sql, list(subjects))}


def tokens_since(
    tx: Connection, subject: int, namespaces: Sequence[str], most: int
) -> list[tuple[int, bytes]]:
    """Return number and token of the subjects of some namespaces that were numbered after one, ascending, at most so many."""
    among = ", ".join(str(rules.RANKS[key]) for key in namespaces)
    sql = f"select number, token from subject where number > ? and namespace in ({among}) order by number limit ?"
    return [(number, bytes(token)) for number, token in bulk.rows(tx, sql, (subject, most))]


def identifiers_said(
    home: Home, tx: Connection, given: Sequence[tuple[str, str]]
) -> Mapping[tuple[str, str], int]:
    """Return (namespace, value) -> subject, of those identifiers that are one and that somebody has."""
    from zerodistance.core.identity.contracts import NotAnIdentifier

    tokens: dict[tuple[str, str], bytes] = {}
    for namespace, value in dict.fromkeys(given):
        try:
            tokens[namespace, value] = token_of(home, namespace, value)
        except NotAnIdentifier:
            continue
    found = subjects_named(tx, list(tokens.values()))
    return {said: found[token] for said, token in tokens.items() if token in found}


def known_since(tx: Connection, subjects: Sequence[int]) -> tuple[dict[int, int], set[int]]:
    """Return subject -> when it was first seen (microseconds UTC), and which of them too many persons share."""
    rows = list(
        bulk.among(
            tx, "select number, first_at, shared from subject where number in {values}", list(subjects)
        )
    )
    return {number: first for number, first, _ in rows}, {number for number, _, shared in rows if shared}

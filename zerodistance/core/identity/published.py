"""The facts that identity publishes of persons, the latest said of each: read some at a time and held in columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from zerodistance.core.identity.calling import new_runs
from zerodistance.kernel import bulk

Ints = npt.NDArray[np.int64]
FACTS: Final = pa.schema([("number", pa.int64()), ("fact", pa.string()), ("value", pa.string())])
"""One row per person or visitor and fact, in this order."""
_SELECT = "select s.person, f.fact, f.value, f.at, f.subject from identity_fact f join subject s on s.number = f.subject"
_ROWS = 2_000  # rows of the state at a time: their tuples stay in the cache
_HELD = 4_000_000  # own value: rows that wait until the older ones among them are left out, 36 bytes each


def latest(tx: Connection, numbers: Ints | None, fact: str | None = None) -> pa.Table:
    """Return a table of `FACTS`, of these numbers or of everybody, of one fact or of all: of several values the last said, then the greatest."""
    said, sql = _Said(), _SELECT if fact is None else f"{_SELECT} and f.fact = '{fact}'"
    if numbers is None:
        for rows in bulk.stream(tx, sql, size=_ROWS):
            said.add(rows)
    else:
        said.add(bulk.among(tx, f"{sql} where s.person in {{values}}", np.unique(numbers).tolist()))
    return said.table()


def column(fact: str, numbers: Ints, values: Ints | Sequence[str] | pa.Array) -> pa.Table:
    """Return a table of `FACTS` of one fact: number and value of each, whole numbers as text."""
    texts = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(numbers), np.int32)), pa.array([fact]))
    return pa.table(
        [pa.array(numbers, pa.int64()), names.cast(pa.string()), texts.cast(pa.string())], schema=FACTS
    )


def beside(said: pa.Table, worked_out: Iterable[pa.Table]) -> pa.Table:
    """Return what was said, and of tables of one fact each what is about numbers of which nobody said it; in no order."""
    parts = [said]
    for table in worked_out:
        if len(table):
            mine = said.filter(pc.equal(said.column("fact"), table.column("fact")[0]))
            parts.append(table.filter(pc.invert(pc.is_in(table.column("number"), mine.column("number")))))
    return pa.concat_tables(parts)


class _Said:
    """What was said, with facts and values as numbers."""

    def __init__(self) -> None:
        self._facts: dict[str, int] = {}
        self._values: dict[str, int] = {}
        self._parts: list[list[Ints]] = []
        self._waiting = 0

    def add(self, rows: Iterable[bulk.Row]) -> None:
        """Take rows of person, fact, value, time, subject in."""
        columns = list(zip(*rows, strict=True))
        if not columns:
            return
        person, fact, value, at, subject = columns
        whole = [np.fromiter(column, np.int64, len(column)) for column in (person, at, subject)]
        self._parts.append(
            [whole[0], _coded(fact, self._facts), _coded(value, self._values), whole[1], whole[2]]
        )
        self._waiting += len(person)
        if self._waiting >= _HELD:
            self._parts, self._waiting = [self._newest()], 0

    def _newest(self) -> list[Ints]:
        """Return what was said last of each person and fact, in order of both."""
        parts = self._parts or [[np.empty(0, np.int64)] * 5]
        person, fact, value, at, subject = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort(
            (subject, _ranks(self._values)[value], at, _ranks(self._facts)[fact], person)
        )  # subjects only so that rows come in one order
        ends = np.r_[new_runs(person[order], fact[order])[1:], len(order)] - 1 if len(order) else order
        last = order[ends]
        return [column[last] for column in (person, fact, value, at, subject)]

    def table(self) -> pa.Table:
        """Return the table of `FACTS`."""
        person, fact, value, _, _ = self._newest()
        facts, values = (
            pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(words), pa.string()))
            for codes, words in ((fact, self._facts), (value, self._values))
        )
        return pa.table([pa.array(person), facts.cast(pa.string()), values.cast(pa.string())], schema=FACTS)


def _coded(texts: Sequence[str], words: dict[str, int]) -> Ints:
    """Return the number of each text, and number those that are new."""
    found = pa.array(texts, pa.string()).dictionary_encode()
    numbers = [words.setdefault(one, len(words)) for one in found.dictionary.to_pylist()]
    coded: Ints = np.array(numbers, np.int64)[found.indices.to_numpy()]
    return coded


def _ranks(words: dict[str, int]) -> Ints:
    """Return the place of each word among all of them."""
    out = np.empty(len(words), dtype=np.int64)
    out[[words[word] for word in sorted(words)]] = np.arange(len(words))
    return out

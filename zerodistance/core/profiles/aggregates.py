"""The closed set of aggregates over the states of whole persons, a block of rows at a time: pure functions on arrays.

Shapes: a block has `rows` states in ascending order of `number`; an answer has one entry for each person of the block about whom
there is something to say, in the same order. Sums are whole numbers of the units of `states`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.profiles import rules
from zerodistance.core.profiles.contracts import Dimension, Input

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
ALWAYS = frozenset(("day", "kind", "n", "first_at", "last_at"))
"""Columns of the states that a block has whatever is asked; besides `number`."""
_LARGEST_SUM = 1 << 62  # half of what an int64 holds


@dataclass(frozen=True)
class Said:
    """What a dimension says of the persons of a block.

    Attributes
    ----------
    who
        Numbers, ascending.
    values
        One a person: a number, or a place in `words`.
    words
        Texts; None: the values are numbers.
    """

    who: npt.NDArray[np.uint32]
    values: Ints | npt.NDArray[np.float64]
    words: list[str] | None = None


@dataclass(frozen=True)
class _Some:
    """Some rows of a block: their places, and where each of the persons among them begins."""

    at: Ints
    person: Ints  # place of the person in the block, a row
    begins: Ints

    def whose(self) -> Ints:
        """Return the places of the persons."""
        return self.person[self.begins]

    def only(self, mask: Mask) -> _Some:
        """Return those of the rows for which `mask`, over the rows of the block, holds."""
        chosen = mask[self.at]
        return self if chosen.all() else _some(self.at[chosen], self.person[chosen])

    def spread(self, values: Ints) -> Ints:
        """Return a value of each person for every row."""
        return np.repeat(values, np.diff(self.begins, append=len(self.at)))


def _some(at: Ints, person: Ints) -> _Some:
    return _Some(at, person, np.flatnonzero(np.diff(person, prepend=-1)))


class Rows:
    """A block of states, and what several dimensions ask of it, worked out once.

    Parameters
    ----------
    block
        `number`, ascending, the columns of `ALWAYS`, and what the dimensions read.
    day
        The day of the answer, days since 1970-01-01.
    """

    def __init__(self, block: pa.Table, day: int) -> None:
        self._block, self._today = block, day
        numbers = block.column("number").to_numpy()
        begins = np.flatnonzero(np.diff(numbers, prepend=-1))
        self.people = numbers[begins].astype(np.uint32)
        self._all = _some(
            np.arange(len(numbers)),
            np.repeat(np.arange(len(begins)), np.diff(begins, append=len(numbers))),
        )
        self._numbers: dict[str, tuple[Ints, Mask]] = {}
        self._words: dict[str, tuple[Ints, list[str]]] = {}
        self._some: dict[tuple[object, ...], _Some] = {}

    def numbers(self, column: str) -> tuple[Ints, Mask]:
        """Return a column of whole numbers, and where it has a value."""
        if column not in self._numbers:
            values = self._block.column(column).combine_chunks()
            there = values.is_valid().to_numpy(zero_copy_only=False)
            self._numbers[column] = values.fill_null(0).to_numpy().astype(np.int64), there
        return self._numbers[column]

    def words(self, column: str) -> tuple[Ints, list[str]]:
        """Return a column of texts as places in the list of its words, in their order by code point; -1: none."""
        if column not in self._words:
            coded = self._block.column(column).combine_chunks().dictionary_encode()
            words: list[str] = coded.dictionary.to_pylist()
            order = sorted(range(len(words)), key=words.__getitem__)
            rank = np.empty(len(words) + 1, np.int64)
            rank[order], rank[-1] = np.arange(len(words)), -1
            self._words[column] = (
                rank[coded.indices.fill_null(len(words)).to_numpy()],
                [words[i] for i in order],
            )
        return self._words[column]

    def chosen(self, of: Input) -> _Some:
        """Return the rows that an input reads."""
        key = (of.kinds, of.without, of.days)
        if key not in self._some:
            places, kinds = self.words("kind")
            mask = np.array([rules.is_of(kind, of) for kind in kinds], np.bool_)[places]
            if of.days is not None:
                mask &= self.numbers("day")[0] > self._today - of.days
            self._some[key] = self._all.only(mask)
        return self._some[key]


def answer(rows: Rows, dimension: Dimension) -> Said:
    """Return what a dimension over touches says of a block; persons without a value are left out, as are zeros of what is counted."""
    some = rows.chosen(dimension.of)
    if not len(some.at):
        return Said(np.empty(0, np.uint32), np.empty(0, np.int64), None if dimension.numeric else [])
    return _VERBS[dimension.parsed.verb](rows, some, dimension.parsed.of)


def _of(
    rows: Rows, some: _Some, values: Ints | npt.NDArray[np.float64], words: list[str] | None = None
) -> Said:
    return Said(rows.people[some.whose()], values, words)


def _added(values: Ints, some: _Some) -> Ints | npt.NDArray[np.float64]:
    """Return the sums; as floating point only where whole numbers could run over."""
    if not len(values):
        return values
    longest = int(np.diff(some.begins, append=len(some.at)).max())
    if longest * int(np.abs(values).max()) >= _LARGEST_SUM:
        return np.add.reduceat(values.astype(np.float64), some.begins)
    return np.add.reduceat(values, some.begins)


def _count(rows: Rows, some: _Some, _of_what: str) -> Said:
    return _of(rows, some, _added(rows.numbers("n")[0][some.at], some))


def _sum(rows: Rows, some: _Some, column: str) -> Said:
    values, there = rows.numbers(column)
    some = some.only(there)
    return _of(rows, some, _added(values[some.at], some))


def _different(rows: Rows, person: Ints, values: Ints) -> Said:
    """Return how many different values each person has."""
    both = np.sort(person << 32 | values)
    people = both[np.diff(both, prepend=-1) != 0] >> 32
    begins = np.flatnonzero(np.diff(people, prepend=-1))
    return Said(rows.people[people[begins]], np.diff(begins, append=len(people)))


def _days(rows: Rows, some: _Some, _of_what: str) -> Said:
    day = rows.numbers("day")[0]
    return _different(rows, some.person, day[some.at] - int(day.min()))


def _distinct(rows: Rows, some: _Some, column: str) -> Said:
    places, _ = rows.words(column)
    some = some.only(places >= 0)
    return _different(rows, some.person, places[some.at])


def _latest(rows: Rows, some: _Some, column: str) -> Said:
    """Return the word of the latest moment; of several then, the last one by code point."""
    return _at_the(np.maximum, "last_at", rows, some, column)


def _earliest(rows: Rows, some: _Some, column: str) -> Said:
    """Return the word of the earliest moment; of several then, the first one by code point."""
    return _at_the(np.minimum, "first_at", rows, some, column)


def _at_the(pick: np.ufunc, moment: str, rows: Rows, some: _Some, column: str) -> Said:
    places, words = rows.words(column)
    some = some.only(places >= 0)
    if not len(some.at):
        return _of(rows, some, some.at, words)
    at = rows.numbers(moment)[0][some.at]
    there = at == some.spread(pick.reduceat(at, some.begins))
    nowhere = -1 if pick is np.maximum else len(words)  # what `pick` never takes
    return _of(rows, some, pick.reduceat(np.where(there, places[some.at], nowhere), some.begins), words)


def _most(rows: Rows, some: _Some, column: str) -> Said:
    """Return the word that stands on most touches; of several the one that did last, then the last one by code point."""
    places, words = rows.words(column)
    some = some.only(places >= 0)
    if not len(some.at):
        return _of(rows, some, some.at, words)
    key = some.person << 32 | places[some.at]
    order = np.argsort(key)
    key = key[order]
    begins = np.flatnonzero(np.diff(key, prepend=-1))
    times = np.add.reduceat(rows.numbers("n")[0][some.at][order], begins)
    latest = np.maximum.reduceat(rows.numbers("last_at")[0][some.at][order], begins)
    pairs = _some(begins, key[begins] >> 32)
    there = times == pairs.spread(np.maximum.reduceat(times, pairs.begins))
    moments = np.where(there, latest, np.iinfo(np.int64).min)
    there &= moments == pairs.spread(np.maximum.reduceat(moments, pairs.begins))
    word = np.maximum.reduceat(np.where(there, key[begins] & 0xFFFFFFFF, -1), pairs.begins)
    return _of(rows, pairs, word, words)


def _edge(rows: Rows, some: _Some, which: str) -> Ints:
    pick = np.minimum if which == "first" else np.maximum
    return pick.reduceat(rows.numbers("day")[0][some.at], some.begins)


def _age(rows: Rows, some: _Some, which: str) -> Said:
    """Return the day from which the age counts: it grows by itself."""
    return _of(rows, some, _edge(rows, some, which))


def _year(rows: Rows, some: _Some, which: str) -> Said:
    days = _edge(rows, some, which).astype("datetime64[D]")
    return _of(rows, some, days.astype("datetime64[Y]").astype(np.int64) + 1970)


def _share(rows: Rows, some: _Some, kind: str) -> Said:
    places, kinds = rows.words("kind")
    number = rows.numbers("n")[0][some.at]
    mine = places[some.at] == (kinds.index(kind) if kind in kinds else -1)
    part, whole = (np.add.reduceat(n, some.begins) for n in (np.where(mine, number, 0), number))
    return _of(rows, some, 100.0 * part / whole)


_VERBS: dict[str, Callable[[Rows, _Some, str], Said]] = {
    "count": _count,
    "sum": _sum,
    "days": _days,
    "distinct": _distinct,
    "last": _latest,
    "first": _earliest,
    "most": _most,
    "age": _age,
    "year": _year,
    "share": _share,
}

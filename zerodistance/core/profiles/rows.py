"""A block of states of whole persons, and what several dimensions ask of it, worked out once: pure functions on arrays.

Shapes: a block has `rows` states in ascending order of `number`; what is said of it has one entry for each person of the block about
whom there is something to say, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.profiles import rules
from zerodistance.core.profiles.contracts import Input
from zerodistance.core.profiles.values import BETWEEN, CALENDAR, EITHER, PAIR

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
ALWAYS = frozenset(("day", "kind", "n", "first_at", "last_at"))
"""Columns of the states that a block has whatever is asked; besides `number`."""
_SHORT = 1 << 15  # so many words are put in order by counting them


@dataclass(frozen=True)
class Some:
    """Some rows of a block: their places, and where each of the persons among them begins."""

    at: Ints
    person: Ints  # place of the person in the block, a row
    begins: Ints

    def whose(self) -> Ints:
        """Return the places of the persons."""
        return self.person[self.begins]

    def only(self, mask: Mask) -> Some:
        """Return those of the rows for which `mask`, over the rows of the block, holds."""
        return self.those(mask[self.at])

    def those(self, chosen: Mask) -> Some:
        """Return those of the rows for which `chosen`, one a row of these, holds."""
        return self if chosen.all() else some_of(self.at[chosen], self.person[chosen])

    def spread(self, values: Ints) -> Ints:
        """Return a value of each person for every row."""
        return np.repeat(values, np.diff(self.begins, append=len(self.at)))


def some_of(at: Ints, person: Ints) -> Some:
    """Return rows of a block, in ascending order of the person."""
    return Some(at, person, np.flatnonzero(np.diff(person, prepend=-1)))


class Pairs(NamedTuple):
    """Each person with each of its words, or of its days: ascending by person, then by word or day.

    Attributes
    ----------
    some
        Of each pair its place here, and the persons.
    what
        Place of the word, or days since the earliest day of the block.
    times
        Touches.
    first, last
        Microseconds UTC of the first and the last of them.
    """

    some: Some
    what: Ints
    times: Ints
    first: Ints
    last: Ints


class Rows:
    """A block of states.

    Parameters
    ----------
    block
        `number`, ascending, the columns of `ALWAYS`, and what the dimensions read.
    day
        The day of the answer, days since 1970-01-01.
    zone
        Of the hours.
    """

    def __init__(self, block: pa.Table, day: int, zone: str = "UTC") -> None:
        self._block, self.today, self.zone = block, day, zone
        numbers = block.column("number").to_numpy()
        begins = np.flatnonzero(np.diff(numbers, prepend=-1))
        self.people = numbers[begins].astype(np.uint32)
        self._all = some_of(
            np.arange(len(numbers)),
            np.repeat(np.arange(len(begins)), np.diff(begins, append=len(numbers))),
        )
        self._numbers: dict[str, tuple[Ints, Mask]] = {}
        self._words: dict[str, tuple[Ints, list[str]]] = {}
        self._some: dict[Input, Some] = {}
        self._sorted: dict[tuple[Input, str], tuple[Some, Ints]] = {}
        self._pairs: dict[tuple[Input, str], Pairs] = {}

    def numbers(self, column: str) -> tuple[Ints, Mask]:
        """Return a column of whole numbers, and where it has a value."""
        if column not in self._numbers:
            values = self._block.column(column).combine_chunks()
            there = values.is_valid().to_numpy(zero_copy_only=False)
            self._numbers[column] = values.fill_null(0).to_numpy().astype(np.int64), there
        return self._numbers[column]

    def words(self, column: str) -> tuple[Ints, list[str]]:
        """Return texts, one a row, as places in the list of their words, in the order of these by code point; -1: none."""
        if column not in self._words:
            if PAIR in column:
                self._words[column] = self._paired(*column.split(PAIR))
            elif column in CALENDAR:
                self._words[column] = _calendar(self.numbers("day")[0], column)
            else:
                coded = self._block.column(column).combine_chunks().dictionary_encode()
                places = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
                found, places = _distinct(places, len(coded.dictionary))  # a dictionary may have more
                self._words[column] = _in_order(places, coded.dictionary.take(pa.array(found)).to_pylist())
        return self._words[column]

    def _paired(self, one: str, other: str) -> tuple[Ints, list[str]]:
        (a, firsts), (b, seconds) = self.words(one), self.words(other)
        both = np.where((a >= 0) & (b >= 0), a * len(seconds) + b, -1)
        found, places = _distinct(both, len(firsts) * len(seconds))
        pairs = [divmod(key, len(seconds)) for key in found.tolist()]
        return _in_order(places, [f"{firsts[i]}{BETWEEN}{seconds[j]}" for i, j in pairs])

    def chosen(self, of: Input) -> Some:
        """Return the rows that an input reads."""
        if of not in self._some:
            if of.where:
                self._some[of] = self._where(of)
            else:
                places, kinds = self.words("kind")
                mask = np.array([rules.is_of(kind, of) for kind in kinds], np.bool_)[places]
                if of.days is not None:
                    mask &= self.numbers("day")[0] > self.today - of.days
                self._some[of] = self._all.only(mask)
        return self._some[of]

    def _where(self, of: Input) -> Some:
        """Return the rows that have a word in a column: those of all words are put in order once."""
        *others, (column, word) = of.where
        wider = Input(of.name, of.kinds, of.without, of.window, tuple(others))
        places, words = self.words(column)
        if EITHER in word:
            wanted = np.array([one in word.split(EITHER) for one in words] + [False], np.bool_)
            return self.chosen(wider).only(wanted[places])
        if (wider, column) not in self._sorted:
            some = self.chosen(wider)
            mine = places[some.at]
            order = np.argsort(mine.astype(np.int16 if len(words) < _SHORT else np.int32), kind="stable")
            edges = np.searchsorted(mine[order], np.arange(len(words) + 1))
            self._sorted[wider, column] = some_of(some.at[order], some.person[order]), edges
        ordered, edges = self._sorted[wider, column]
        if word not in words:
            return some_of(ordered.at[:0], ordered.person[:0])
        n = words.index(word)
        here = slice(edges[n], edges[n + 1])
        return some_of(ordered.at[here], ordered.person[here])

    def pairs(self, of: Input, column: str) -> Pairs:
        """Return each person with each word of a column, or with each `day`, over the rows that an input reads."""
        if (of, column) not in self._pairs:
            some = self.chosen(of)
            if column == "day":
                what = self.numbers("day")[0]
                what = what - int(what.min(initial=0))
            else:
                what, _ = self.words(column)
                some = some.only(what >= 0)
            self._pairs[of, column] = self._added(some, what[some.at])
        return self._pairs[of, column]

    def _added(self, some: Some, what: Ints) -> Pairs:
        key = some.person << 32 | what
        order = np.argsort(key)
        key, at = key[order], some.at[order]
        begins = np.flatnonzero(np.diff(key, prepend=-1))
        if not len(begins):
            return Pairs(some_of(begins, begins), begins, begins, begins, begins)
        return Pairs(
            some_of(np.arange(len(begins)), key[begins] >> 32),
            key[begins] & 0xFFFFFFFF,
            np.add.reduceat(self.numbers("n")[0][at], begins),
            np.minimum.reduceat(self.numbers("first_at")[0][at], begins),
            np.maximum.reduceat(self.numbers("last_at")[0][at], begins),
        )


def _in_order(places: Ints, words: list[str]) -> tuple[Ints, list[str]]:
    """Return places and words after the words were put in order by code point."""
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words) + 1, np.int64)
    rank[order], rank[-1] = np.arange(len(words)), -1
    return rank[places], [words[i] for i in order]


def _distinct(codes: Ints, most: int) -> tuple[Ints, Ints]:
    """Return the codes that there are, ascending, and the place of each among them; -1 stays -1. All are below `most`."""
    if most > max(_SHORT, 4 * len(codes)):
        found, places = np.unique(codes, return_inverse=True)
        missing = int(len(found) > 0 and found[0] < 0)
        return found[missing:], places - missing
    there = np.zeros(most + 1, np.bool_)
    there[codes] = True  # -1 is the last
    there[-1] = False
    rank = np.cumsum(there) - 1
    rank[-1] = -1
    return np.flatnonzero(there), rank[codes]


def _calendar(days: Ints, name: str) -> tuple[Ints, list[str]]:
    """Return what the calendar says of days; the words are in order."""
    first = int(days.min(initial=0))
    numbers = _in_calendar(np.arange(first, int(days.max(initial=0)) + 1), name)
    lowest = int(numbers.min(initial=0))
    found, places = _distinct((numbers - lowest)[days - first], int(numbers.max(initial=0)) - lowest + 1)
    return places, [_FORMS[name](number) for number in (found + lowest).tolist()]


def _in_calendar(days: Ints, name: str) -> Ints:
    if name == "weekday":
        return (days + 3) % 7 + 1  # 1970-01-01 was a Thursday
    unit = "datetime64[Y]" if name == "year" else "datetime64[M]"
    numbers: Ints = days.astype("datetime64[D]").astype(unit).astype(np.int64)
    return numbers % 12 + 1 if name == "season" else numbers


_FORMS: dict[str, Callable[[int], str]] = {
    "weekday": str,
    "season": lambda n: f"{n:02d}",
    "year": lambda n: str(1970 + n),
    "month": lambda n: f"{1970 + n // 12}-{n % 12 + 1:02d}",
}
"""A number of the calendar as a word: months and years count from 1970."""

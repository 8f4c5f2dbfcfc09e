"""The closed set of aggregates over the states of whole persons, a block of rows at a time: pure functions on arrays.

An answer has one entry for each person of the block about whom there is something to say. Sums are whole numbers of the units of `states`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import rules
from zerodistance.core.profiles.contracts import Dimension, Input
from zerodistance.core.profiles.rows import Ints, Pairs, Rows, Some
from zerodistance.core.profiles.values import TOUCHES_WITH

Floats = npt.NDArray[np.float64]
_LARGEST_SUM = 1 << 62  # half of what an int64 holds
_LOWEST = int(np.iinfo(np.int64).min)


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
    values: Ints | Floats
    words: list[str] | None = None


def answer(rows: Rows, dimension: Dimension) -> Said:
    """Return what a dimension over touches says of a block; persons without a value are left out, as are zeros of what is counted."""
    of, asked = dimension.of, dimension.parsed
    some = rows.chosen(of)
    if not len(some.at):
        return Said(np.empty(0, np.uint32), np.empty(0, np.int64), None if dimension.numeric else [])
    if asked.verb in _OVER_ROWS:
        return _OVER_ROWS[asked.verb](rows, some, asked.of)
    return _OVER_PAIRS[asked.verb](rows, of, asked.of)


def _of(rows: Rows, some: Some, values: Ints | Floats, words: list[str] | None = None) -> Said:
    return Said(rows.people[some.whose()], values, words)


# -- over the rows


def _added(values: Ints, some: Some) -> Ints | Floats:
    """Return the sums; as floating point only where whole numbers could run over."""
    if not len(values):
        return values
    longest = int(np.diff(some.begins, append=len(some.at)).max())
    if longest * int(np.abs(values).max()) >= _LARGEST_SUM:
        return np.add.reduceat(values.astype(np.float64), some.begins)
    return np.add.reduceat(values, some.begins)


def _count(rows: Rows, some: Some, _of_what: str) -> Said:
    return _of(rows, some, _added(rows.numbers("n")[0][some.at], some))


def _sum(rows: Rows, some: Some, column: str) -> Said:
    values, there = rows.numbers(column)
    some = some.only(there)
    return _of(rows, some, _added(values[some.at], some))


def _mean(rows: Rows, some: Some, column: str) -> Said:
    values, there = rows.numbers(column)
    some = some.only(there)
    sums, times = _added(values[some.at], some), _added(rows.numbers(TOUCHES_WITH[column])[0][some.at], some)
    return _of(rows, some, sums / times)


def _max(rows: Rows, some: Some, _column: str) -> Said:
    values, there = rows.numbers("largest")
    some = some.only(there)
    found = values[some.at]
    return _of(rows, some, np.maximum.reduceat(found, some.begins) if len(found) else found)


def _latest(rows: Rows, some: Some, column: str) -> Said:
    """Return the word of the latest moment; of several then, the last one by code point."""
    return _at_the(np.maximum, "last_at", rows, some, column)


def _earliest(rows: Rows, some: Some, column: str) -> Said:
    """Return the word of the earliest moment; of several then, the first one by code point."""
    return _at_the(np.minimum, "first_at", rows, some, column)


def _at_the(pick: np.ufunc, moment: str, rows: Rows, some: Some, column: str) -> Said:
    places, words = rows.words(column)
    some = some.only(places >= 0)
    if not len(some.at):
        return _of(rows, some, some.at, words)
    at = rows.numbers(moment)[0][some.at]
    there = at == some.spread(pick.reduceat(at, some.begins))
    nowhere = -1 if pick is np.maximum else len(words)  # what `pick` never takes
    return _of(rows, some, pick.reduceat(np.where(there, places[some.at], nowhere), some.begins), words)


def _edge(rows: Rows, some: Some, which: str) -> Ints:
    pick = np.minimum if which == "first" else np.maximum
    return cast(Ints, pick.reduceat(rows.numbers("day")[0][some.at], some.begins))


def _age(rows: Rows, some: Some, which: str) -> Said:
    """Return the day from which the age counts: it grows by itself."""
    return _of(rows, some, _edge(rows, some, which))


def _year(rows: Rows, some: Some, which: str) -> Said:
    days = _edge(rows, some, which).astype("datetime64[D]")
    return _of(rows, some, days.astype("datetime64[Y]").astype(np.int64) + 1970)


def _span(rows: Rows, some: Some, _of_what: str) -> Said:
    return _of(rows, some, _edge(rows, some, "last") - _edge(rows, some, "first"))


def _share(rows: Rows, some: Some, what: str) -> Said:
    column, _, word = what.partition("=") if "=" in what else ("kind", "=", what)
    places, words = rows.words(column)
    number = rows.numbers("n")[0][some.at]
    mine = places[some.at] == (words.index(word) if word in words else len(words))
    return _of(rows, some, _per_cent(np.where(mine, number, 0), number, some))


def _per_cent(part: Ints, whole: Ints, some: Some) -> Floats:
    return 100.0 * np.add.reduceat(part, some.begins) / np.add.reduceat(whole, some.begins)


def _lag(rows: Rows, some: Some, kind: str) -> Said:
    """Return the days from the first touch of a kind to the first of the others on that day or later."""
    places, kinds = rows.words("kind")
    begun = places[some.at] == (kinds.index(kind) if kind in kinds else -1)
    day = rows.numbers("day")[0][some.at]
    never = np.iinfo(np.int64).max
    first = np.minimum.reduceat(np.where(begun, day, never), some.begins)
    after = np.where(~begun & (day >= some.spread(first)), day, never)
    then = np.minimum.reduceat(after, some.begins)
    there = (first < never) & (then < never)
    return Said(rows.people[some.whose()[there]], (then - first)[there])


def _trend(rows: Rows, of: Input, _of_what: str) -> Said:
    some = rows.chosen(of)
    assert of.days is not None
    number = rows.numbers("n")[0][some.at]
    later = rows.numbers("day")[0][some.at] > rows.today - of.days // 2
    return _of(rows, some, _per_cent(np.where(later, number, -number), number, some))


# -- over each person with each of its words or days


def _different(rows: Rows, pairs: Pairs) -> Said:
    return _of(rows, pairs.some, np.diff(pairs.some.begins, append=len(pairs.what)))


def _days(rows: Rows, of: Input, _of_what: str) -> Said:
    return _different(rows, rows.pairs(of, "day"))


def _distinct(rows: Rows, of: Input, column: str) -> Said:
    return _different(rows, rows.pairs(of, column))


def _top(some: Some, times: Ints, latest: Ints, what: Ints) -> Ints:
    """Return what has most touches; of several the one that has the last of them, then the greatest."""
    there = times == some.spread(np.maximum.reduceat(times, some.begins))
    moments = np.where(there, latest, _LOWEST)
    there &= moments == some.spread(np.maximum.reduceat(moments, some.begins))
    return cast(Ints, np.maximum.reduceat(np.where(there, what, -1), some.begins))


def _most(rows: Rows, of: Input, column: str) -> Said:
    """Return the word that stands on most touches; of several the one that did last, then the last one by code point."""
    pairs, (_, words) = rows.pairs(of, column), rows.words(column)
    if not len(pairs.what):
        return _of(rows, pairs.some, pairs.what, words)
    return _of(rows, pairs.some, _top(pairs.some, pairs.times, pairs.last, pairs.what), words)


def _focus(rows: Rows, of: Input, column: str) -> Said:
    pairs = rows.pairs(of, column)
    if not len(pairs.what):
        return _of(rows, pairs.some, pairs.what)
    begins = pairs.some.begins
    most, whole = np.maximum.reduceat(pairs.times, begins), np.add.reduceat(pairs.times, begins)
    return _of(rows, pairs.some, 100.0 * most / whole)


def _gap(rows: Rows, of: Input, which: str) -> Said:
    """Return the median of the days between two days one after the other, or the most."""
    pairs = rows.pairs(of, "day")
    again = np.ones(len(pairs.what), np.bool_)
    again[pairs.some.begins] = False
    steps = np.diff(pairs.what, prepend=0)[again]
    person = pairs.some.person[again]
    order = np.lexsort((steps, person))
    steps, person = steps[order], person[order]
    begins = np.flatnonzero(np.diff(person, prepend=-1))
    sizes = np.diff(begins, append=len(steps))
    last = begins + sizes - 1
    middle = (steps[begins + (sizes - 1) // 2] + steps[begins + sizes // 2]) / 2
    return Said(rows.people[person[begins]], steps[last] if which == "longest" else middle)


def _usual(rows: Rows, of: Input, _hour: str) -> Said:
    """Return the hour at which most days begin; of several the one of the latest day."""
    days = rows.pairs(of, "day")
    hours = rules.hours_of(days.first, rows.zone)
    key = days.some.person << 5 | hours
    order = np.argsort(key, kind="stable")
    key, latest = key[order], days.what[order]
    begins = np.flatnonzero(np.diff(key, prepend=-1))
    person = key[begins] >> 5
    some = Some(begins, person, np.flatnonzero(np.diff(person, prepend=-1)))
    times = np.diff(begins, append=len(key))
    found = _top(some, times, np.maximum.reduceat(latest, begins), key[begins] & 31)
    return _of(rows, some, found, [f"{hour:02d}" for hour in range(24)])


_OVER_ROWS: dict[str, Callable[[Rows, Some, str], Said]] = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "max": _max,
    "last": _latest,
    "first": _earliest,
    "age": _age,
    "year": _year,
    "span": _span,
    "share": _share,
    "lag": _lag,
}
_OVER_PAIRS: dict[str, Callable[[Rows, Input, str], Said]] = {
    "days": _days,
    "distinct": _distinct,
    "most": _most,
    "focus": _focus,
    "gap": _gap,
    "usual": _usual,
    "trend": _trend,
}

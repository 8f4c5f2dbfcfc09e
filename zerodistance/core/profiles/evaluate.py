"""From states to tags: one pass over the states in the order of persons, whatever the number of dimensions; over persons exactly.

The engine joins states with the map and sorts them, spilling where it must; what comes out is worked on a block of whole persons at a
time, so that memory does not grow with them. A person is the sum of the states of its subjects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.core.profiles import aggregates, blocks, rules, states
from zerodistance.core.profiles.contracts import VISITORS_FROM, Bands, Dimension, Values
from zerodistance.core.profiles.near import Near
from zerodistance.core.profiles.rollup import Rollup, add_inner
from zerodistance.core.profiles.rows import ALWAYS, Rows
from zerodistance.core.profiles.splits import NOBODY, Numbers, Split, Who

_MEASURED = ("sum", "mean", "max")
_UNITS = {"quantity": states.QUANTITY, "amount": states.AMOUNT, "duration": states.DURATION}
_SHORT = 1 << 15  # so many nodes are put in order by counting them
_LISTED = 1_500  # own value, measured: subjects that are named one by one
_TOGETHER = 200_000  # own value: subjects whose states are read at once from where they stand together; a person has some ten of 120 bytes
_BLOCK, _FETCH = 500_000, 131_072  # own values: states in memory at once, and fetched at once
ALONE = Rollup()
SUBJECTS = 1_000_000  # own value: of the map at once, since the engine holds it in memory whole while it joins: some 50 bytes each


@dataclass
class Tagged:
    """What was found about a set of people: nodes and numbers per dimension, as a part of the index keeps them."""

    universe: Split
    nodes: dict[str, dict[str, Split]] = field(default_factory=dict)
    numbers: dict[str, tuple[Who, Numbers]] = field(default_factory=dict)

    def node_of(self, dimension: Dimension, number: int) -> str | None:
        """Return the node of one person or visitor, None if at none."""
        side = number >= VISITORS_FROM
        nodes = self.nodes.get(dimension.key, {})
        mine = (node for node, both in nodes.items() if number in both[side])
        return next((node for node in mine if not rules.is_inner(node)), None)

    def number(self, dimension: Dimension, number: int, day: int) -> float | None:
        """Return the number of one person or visitor as of a day, None if there is none."""
        who, numbers = self.numbers.get(dimension.key, (np.empty(0, np.uint32), np.empty(0)))
        place = int(np.searchsorted(who, np.uint32(number)))
        if place < len(who) and int(who[place]) == number:
            return day - float(numbers[place]) if dimension.parsed.ageing else float(numbers[place])
        return 0.0 if dimension.parsed.counting else None


def tag(
    connection: duckdb.DuckDBPyConnection,
    pairs: pa.Table,
    facts: pa.Table,
    dimensions: Sequence[Dimension],
    day: int,
    most: int = SUBJECTS,
    *,
    rollup: Rollup = ALONE,
    zone: str = "UTC",
    near: Near | None = None,
) -> Tagged:
    """Return the tags of everybody in `pairs` (subject, number) as of the end of `day`.

    Parameters
    ----------
    connection
        Has the view `profile_state`.
    facts
        `number`, `fact`, `value`.
    most
        Subjects of the map at a time: fewer take less memory, and read the states more often.
    rollup
        What the brand says holds what.
    zone
        Of the hours.
    near
        Reads the states of a few.
    """
    everybody = np.unique(pairs.column("number").to_numpy()).astype(np.uint32)
    found = Tagged(Split.of_sorted(everybody))
    of_touches = [d for d in dimensions if d.of.name == "touches"]
    answers = [_Answer() for _ in of_touches]
    for block in _blocks(connection, pairs, of_touches, day, most, near):
        rows = Rows(block, day, zone)
        for answer, dimension in zip(answers, of_touches, strict=True):
            answer.add(aggregates.answer(rows, dimension))
    for answer, dimension in zip(answers, of_touches, strict=True):
        who, values = answer.taken()
        if dimension.numeric:
            take_numbers(found, dimension, who, values.astype(np.float64) / unit_of(dimension), day)
        else:
            take_words(found, dimension, who, values.astype(np.int64), list(answer.words))
    for dimension in dimensions:
        if dimension.of.name == "facts":
            _take_facts(found, dimension, facts, day)
    for dimension in dimensions:
        add_inner(found.nodes[dimension.key], dimension, rollup)
    return found


def unit_of(dimension: Dimension) -> int:
    """Return by how much the whole numbers of the states are larger than what a dimension says."""
    return _UNITS[dimension.parsed.of] if dimension.parsed.verb in _MEASURED else 1


def _slices(pairs: pa.Table, most: int) -> Iterator[pa.Table]:
    """Yield the map in pieces, in ascending order of `number`; no person stands in two of them."""
    if len(pairs) <= most:
        yield pairs
        return
    ordered, start = pairs.sort_by("number"), 0
    numbers = ordered.column("number").to_numpy()
    while start < len(numbers):
        last = numbers[min(start + most, len(numbers)) - 1]
        end = int(np.searchsorted(numbers, last, side="right"))
        yield ordered.slice(start, end - start)
        start = end


def _blocks(
    connection: duckdb.DuckDBPyConnection,
    pairs: pa.Table,
    dimensions: Sequence[Dimension],
    day: int,
    most: int,
    near: Near | None,
) -> Iterator[pa.Table]:
    """Yield the states that dimensions read, in ascending order of `number`; no person stands in two blocks."""
    read = ALWAYS.union(
        *(d.parsed.reads for d in dimensions), *((w[0] for w in d.of.where) for d in dimensions)
    )
    names = [name for name in states.STATES.names if name in read]
    for some in _slices(pairs, most if near is None else min(most, _TOGETHER)):
        connection.register("person_map", some)
        found = None if near is None else _together(near, some, names)
        yield from _ordered(connection, names, day, some) if found is None else _cut(found, day)


def _together(near: Near, some: pa.Table, names: Sequence[str]) -> pa.Table | None:
    """Return `number` and the states of some, in order of `number`; None where they have to be read from the table."""
    subjects, number = (some.column(name).to_numpy() for name in ("subject", "number"))
    order = np.argsort(subjects, kind="stable")
    subjects, number = subjects[order], number[order]
    found = near.of(subjects, names)
    if found is None:
        return None
    both = (
        pa.concat_tables([blocks.schema(names).empty_table(), *found]).unify_dictionaries().combine_chunks()
    )
    mine = both.column("subject").to_numpy()
    begins = np.flatnonzero(np.diff(mine, prepend=-1))  # of the rows of a subject, which stand together
    whose, many = number[np.searchsorted(subjects, mine[begins])], np.diff(begins, append=len(mine))
    order = np.argsort(whose, kind="stable")
    whose, many, begins = whose[order], many[order], begins[order]
    at = np.repeat(begins - np.cumsum(many) + many, many) + np.arange(len(mine))
    return both.drop_columns("subject").take(at).add_column(0, "number", pa.array(np.repeat(whose, many)))


def _cut(found: pa.Table, day: int) -> Iterator[pa.Table]:
    """Yield states up to a day, in order of `number`, some persons at a time."""
    found = found.filter(pc.less_equal(found.column("day"), day))
    numbers, start = found.column("number").to_numpy(), 0
    while start < len(numbers):
        stop = int(np.searchsorted(numbers, numbers[min(start + _BLOCK, len(numbers)) - 1], "right"))
        yield found.slice(start, stop - start)
        start = stop


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"s.{name}" for name in names)


def _ordered(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], day: int, some: pa.Table
) -> Iterator[pa.Table]:
    """Yield the states of everybody in the map, block by block.

    A few subjects are named in the question: the engine then reads the other columns of their rows only, a quarter of the work for one person.
    """
    few = ""
    if len(some) <= _LISTED:
        few = f"and s.subject in ({', '.join(map(str, some.column('subject').to_pylist())) or 'null'}) "
    query = (
        f"select m.number, {_listed(names)} from profile_state s inner join person_map m on s.subject = m.subject "
        f"where s.day <= $day {few}order by m.number"
    )
    held, rows, last = list[pa.RecordBatch](), 0, -1
    for batch in connection.sql(query, params={"day": day}).to_arrow_reader(_FETCH):
        numbers = batch.column("number").to_numpy()
        edge = int(np.searchsorted(numbers, numbers[-1]))  # where the last person of it begins
        if rows + edge >= _BLOCK and (edge or numbers[0] != last):
            yield pa.Table.from_batches([*held, batch.slice(0, edge)])
            held, rows, batch = [], 0, batch.slice(edge)
        held.append(batch)
        rows, last = rows + len(batch), numbers[-1]
    if held:
        yield pa.Table.from_batches(held)


class _Answer:
    """What a dimension says of one block after the other; words are numbered as they come."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}
        self._who: list[Who] = []
        self._values: list[npt.NDArray[Any]] = []

    def add(self, said: aggregates.Said) -> None:
        values = said.values
        if said.words is not None:
            places = [self.words.setdefault(word, len(self.words)) for word in said.words]
            values = np.array(places, np.int64)[values.astype(np.int64)]
        self._who.append(said.who)
        self._values.append(_short(values))

    def taken(self) -> tuple[Who, npt.NDArray[Any]]:
        """Return who, and the value of each, and keep nothing."""
        who = np.concatenate(self._who) if self._who else np.empty(0, np.uint32)
        values: npt.NDArray[Any] = np.concatenate(self._values) if self._values else np.empty(0, np.int64)
        self._who, self._values = [], []
        return who, values


def _short(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return whole numbers in four bytes, where they are not too large: they wait there until all blocks are through."""
    if values.dtype.kind == "f" or not len(values):
        return values
    small = int(values.min()) >= -(1 << 31) and int(values.max()) < 1 << 31
    return values.astype(np.int32) if small else values


def _take_facts(found: Tagged, dimension: Dimension, facts: pa.Table, day: int) -> None:
    """Put what identity publishes into nodes and numbers."""
    mine = facts.filter(pc.equal(facts.column("fact"), dimension.parsed.of))
    mine = mine.filter(pc.is_valid(mine.column("value")))
    if dimension.numeric:
        mine = mine.filter(pc.match_substring_regex(mine.column("value"), r"^-?\d{1,15}(\.\d{1,15})?$"))
    mine = mine.sort_by("number")
    who, values = mine.column("number").to_numpy().astype(np.uint32), mine.column("value")
    if dimension.numeric:
        take_numbers(found, dimension, who, values.cast(pa.float64()).to_numpy(), day)
    else:
        texts = values.cast(pa.string()).combine_chunks().dictionary_encode()
        codes = texts.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        take_words(found, dimension, who, codes, texts.dictionary.to_pylist())


def take_words(
    found: Tagged, dimension: Dimension, who: Who, codes: npt.NDArray[np.int64], words: Sequence[str]
) -> None:
    """Put texts into nodes; `who` ascends, `codes` has the place of the text of each in `words`."""
    assert isinstance(dimension.nodes, Values)
    nodes = _groups(who, codes, [rules.leaf(word) for word in words])
    if dimension.nodes.closed:
        nodes = {key: both for key, both in nodes.items() if key in dimension.nodes.labels}
    found.nodes[dimension.key] = nodes


def take_numbers(found: Tagged, dimension: Dimension, who: Who, numbers: Numbers, day: int) -> None:
    """Put numbers into bands, and keep them; `who` ascends."""
    assert isinstance(dimension.nodes, Bands)
    if dimension.parsed.counting:  # 0 is what everybody has who is not listed
        some = numbers != 0
        who, numbers = who[some], numbers[some]
    seen = day - numbers if dimension.parsed.ageing else numbers
    keys = [key for _, key, _ in dimension.nodes.bands]
    nodes = _groups(who, rules.band_codes(seen, dimension.nodes), keys)
    if dimension.parsed.counting:
        nothing = int(rules.band_codes(np.zeros(1), dimension.nodes)[0])
        if nothing >= 0:
            rest = found.universe - Split.of_sorted(who)
            nodes[keys[nothing]] = nodes.get(keys[nothing], NOBODY) | rest
    found.nodes[dimension.key] = {key: both for key, both in nodes.items() if both}
    found.numbers[dimension.key] = (who, numbers)


def _groups(who: Who, codes: npt.NDArray[np.int64], keys: Sequence[str]) -> dict[str, Split]:
    """Return who is at each node; `who` ascends, a code below 0 is no node."""
    order = np.argsort(codes.astype(np.int16 if len(keys) < _SHORT else np.int64), kind="stable")
    codes, who = codes[order], who[order]
    edges = np.searchsorted(codes, np.arange(len(keys) + 1))
    return {
        key: Split.of_sorted(who[edges[i] : edges[i + 1]])
        for i, key in enumerate(keys)
        if edges[i] < edges[i + 1]
    }

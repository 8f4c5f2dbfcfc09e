"""From states to tags: one query per input, whatever the number of dimensions that read it, over persons exactly.

An input is the set of families of kinds that a dimension reads. All its dimensions are columns of one statement; a window is a
filter on the day. A person is the sum of the states of its subjects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.core.profiles import rules, states
from zerodistance.core.profiles.contracts import Bands, Dimension, Values
from zerodistance.core.profiles.parts import NOBODY, Numbers, Split, Who

_UNITS = {"quantity": states.QUANTITY, "amount": states.AMOUNT, "duration": states.DURATION}


@dataclass
class Tagged:
    """What was found about a set of people: nodes and numbers per dimension, as a part of the index keeps them."""

    universe: Split
    nodes: dict[str, dict[str, Split]] = field(default_factory=dict)
    numbers: dict[str, tuple[Who, Numbers]] = field(default_factory=dict)


class _Bound:
    """Values of one statement: each is bound under a name, none is written into the text."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[Any, str] = {}

    def __call__(self, value: Any) -> str:
        """Return the place of a value in the text."""
        name = self._names.get(value)
        if name is None:
            name = self._names[value] = f"v{len(self._names)}"
            self.values[name] = value
        return f"${name}"


def inputs(dimensions: Iterable[Dimension]) -> dict[tuple[str, ...], list[Dimension]]:
    """Return the dimensions over touches by input: the families of kinds they read, () for all."""
    found: dict[tuple[str, ...], list[Dimension]] = {}
    for dimension in dimensions:
        if dimension.of.name == "touches":
            families = tuple(sorted({kind.split(".")[0] for kind in dimension.of.kinds}))
            found.setdefault(families, []).append(dimension)
    return found


def statement(
    families: Sequence[str], dimensions: Sequence[Dimension], day: int
) -> tuple[str, dict[str, Any]]:
    """Return the one statement of an input, and its values: `number` and one column `d<i>` per dimension.

    Reads the views `profile_state` and `person_map` (subject, number). Grain of the answer: one row per number.
    """
    bound = _Bound()
    keyed: dict[str, list[int]] = {}
    single: list[str] = []
    for i, dimension in enumerate(dimensions):
        if dimension.parsed.verb == "most":
            keyed.setdefault(dimension.parsed.of, []).append(i)
        else:
            single.append(f"{_aggregate(dimension, bound, day)} as d{i}")
    among = f" and s.family in ({', '.join(bound(f) for f in families)})" if families else ""
    ctes = [
        "mine as (select m.number, s.* from profile_state s inner join person_map m on s.subject = m.subject "
        f"where s.day <= {bound(day)}{among})",
        f"single as (select {', '.join(['number', *single])} from mine group by number)",
    ]
    joins, columns = [], [f"d{i}" for i, d in enumerate(dimensions) if d.parsed.verb != "most"]
    for column, members in keyed.items():
        conditions = {i: _condition(dimensions[i], bound, day) for i in members}
        sums = [
            f"sum(n) filter (where {c}) as n{i}, max(last_at) filter (where {c}) as t{i}"
            for i, c in conditions.items()
        ]
        tops = [
            f"arg_max({column}, row(n{i}, t{i}, {column})) filter (where n{i} > 0) as d{i}" for i in members
        ]
        ctes.append(
            f"by_{column} as (select number, {column}, {', '.join(sums)} from mine where {column} is not null group by number, {column})"
        )
        ctes.append(f"top_{column} as (select number, {', '.join(tops)} from by_{column} group by number)")
        joins.append(f"left join top_{column} on single.number = top_{column}.number")
        columns += [f"d{i}" for i in members]
    text = f"with {', '.join(ctes)} select single.number, {', '.join(columns)} from single {' '.join(joins)}"
    return text, bound.values


def _condition(dimension: Dimension, bound: _Bound, day: int) -> str:
    def inside(kinds: Sequence[str]) -> str:
        return " or ".join(
            f"kind between {bound(low)} and {bound(high)}" for low, high in rules.kind_ranges(kinds)
        )

    clauses = []
    if dimension.of.kinds:
        clauses.append(f"({inside(dimension.of.kinds)})")
    if dimension.of.without:
        clauses.append(f"not ({inside(dimension.of.without)})")
    if dimension.of.days is not None:
        clauses.append(f"day > {bound(day - dimension.of.days)}")
    return " and ".join(clauses) or "true"


def _aggregate(dimension: Dimension, bound: _Bound, day: int) -> str:
    verb, of = dimension.parsed.verb, dimension.parsed.of
    where = _condition(dimension, bound, day)
    edge = {"first": f"min(day) filter (where {where})", "last": f"max(day) filter (where {where})"}
    match verb:
        case "count":
            return f"sum(n) filter (where {where})"
        case "sum":
            return f"sum({of}) filter (where {where})"
        case "days":
            return f"count(distinct day) filter (where {where})"
        case "distinct":
            return f"count(distinct {of}) filter (where {where})"
        case "last":
            return f"arg_max({of}, row(last_at, {of})) filter (where {of} is not null and {where})"
        case "first":
            return f"arg_min({of}, row(first_at, {of})) filter (where {of} is not null and {where})"
        case "age":
            return edge[of]
        case "year":
            return f"year(date '1970-01-01' + cast({edge[of]} as integer))"
        case "share":
            part = f"sum(n) filter (where {where} and kind = {bound(of)})"
            whole = f"sum(n) filter (where {where})"
            return f"case when {whole} > 0 then 100.0 * coalesce({part}, 0) / {whole} end"
        case _:
            raise AssertionError(verb)


def narrow(connection: duckdb.DuckDBPyConnection, pairs: pa.Table) -> None:
    """Keep only the states of these subjects in the view `profile_state`: one pass over the files instead of one per input."""
    connection.register("some_subjects", pairs.select(["subject"]))
    connection.execute(
        "create or replace temp table some_states as "
        "select s.* from profile_state s where s.subject in (select subject from some_subjects)"
    )
    connection.unregister("profile_state")
    connection.execute("create or replace temp view profile_state as select * from some_states")


def tag(
    connection: duckdb.DuckDBPyConnection,
    pairs: pa.Table,
    facts: pa.Table,
    dimensions: Sequence[Dimension],
    day: int,
) -> Tagged:
    """Return the tags of everybody in `pairs` (subject, number) as of the end of `day`.

    Parameters
    ----------
    connection
        Has the view `profile_state`.
    facts
        `number`, `fact`, `value`.
    """
    everybody = np.unique(pairs.column("number").to_numpy()).astype(np.uint32)
    found = Tagged(Split.of_sorted(everybody))
    connection.register("person_map", pairs)
    for families, members in inputs(dimensions).items():
        text, values = statement(families, members, day)
        answer = connection.sql(text, params=values).to_arrow_table()
        for i, dimension in enumerate(members):
            _take(found, dimension, answer.column("number"), answer.column(f"d{i}"), day)
    for dimension in dimensions:
        if dimension.of.name == "facts":
            mine = facts.filter(pc.equal(facts.column("fact"), dimension.parsed.of))
            values_of = mine.column("value")
            if dimension.numeric:
                readable = pc.match_substring_regex(values_of, r"^-?\d{1,15}(\.\d{1,15})?$")
                mine = mine.filter(readable)
                values_of = mine.column("value").cast(pa.float64())
            _take(found, dimension, mine.column("number"), values_of, day)
    return found


def _take(
    found: Tagged, dimension: Dimension, who: pa.ChunkedArray, values: pa.ChunkedArray, day: int
) -> None:
    """Put one column of an answer into nodes and numbers."""
    valid = pc.is_valid(values)
    who, values = who.filter(valid), values.filter(valid)
    numbers_of = who.to_numpy().astype(np.uint32)
    order = np.argsort(numbers_of, kind="stable")
    ascending = numbers_of[order]
    if dimension.numeric:
        scale = _UNITS.get(dimension.parsed.of, 1) if dimension.parsed.verb == "sum" else 1
        numbers = values.cast(pa.float64()).to_numpy()[order] / scale
        _take_numbers(found, dimension, ascending, numbers, day)
    else:
        texts = values.cast(pa.string()).combine_chunks().dictionary_encode()
        codes = texts.indices.to_numpy(zero_copy_only=False).astype(np.int64)[order]
        keys = texts.dictionary.to_pylist()
        assert isinstance(dimension.nodes, Values)
        nodes = _groups(ascending, codes, keys)
        if dimension.nodes.closed:
            nodes = {key: both for key, both in nodes.items() if key in dimension.nodes.labels}
        found.nodes[dimension.key] = nodes


def _take_numbers(found: Tagged, dimension: Dimension, who: Who, numbers: Numbers, day: int) -> None:
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
    order = np.argsort(codes, kind="stable")
    codes, who = codes[order], who[order]
    edges = np.searchsorted(codes, np.arange(len(keys) + 1))
    return {
        key: Split.of_sorted(who[edges[i] : edges[i + 1]])
        for i, key in enumerate(keys)
        if edges[i] < edges[i + 1]
    }

"""Values that rooms above give: one lake table, a row a subject and giving; the last giving about a person counts.

A row counts when the state store says that its giving does (`own.py`), so that one that was cut short has never been. What is given again wholly
leaves older rows behind, which `tidy` takes away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zerodistance.core.profiles import own, states
from zerodistance.core.profiles.own import Own
from zerodistance.kernel import fault
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import FolderLock

TABLE, _APP = "given_value", "given"
VALUES = pa.schema(
    [
        ("dimension", pa.string()),  # number of `own_dimension`; its values lie together
        ("subject", pa.int64()),
        ("giving", pa.int64()),
        ("day", pa.int32()),  # local day on which it was given
        ("text", pa.string()),  # both null: it was taken away
        ("amount", pa.float64()),
    ]
)
_SLICE = 4_000_000  # own value: values that are put in order and written at once, some 30 bytes each
_FETCH = 131_072
_CROWD = 200_000  # own value: of more subjects one dimension is read after the other, or what all of them say would be put in order at once
_TOGETHER = (
    16  # own value: dimensions that are read at once; each takes some memory, however few are asked for
)
_KNOWN = 1 << 16  # own value: files of which it is remembered whom they speak of
_ANY = (1 << 63) - 1
_LISTED = 1_500  # own value, as in `evaluate`: subjects that are named one by one
Words = Sequence[str]


class Shown(NamedTuple):
    """A dimension that shows given values, and the one for which they were given."""

    own: Own
    source: Own


def lock(home: Home) -> FolderLock:
    """Return the lock that whoever gives values holds: one after the other, whichever process."""
    return FolderLock(home.lake.root / ".giving.lock")


def shown(owned: own.Owned) -> list[Shown]:
    """Return the dimensions that show given values."""
    both = ((one, owned.source(one)) for one in owned.by_key.values())
    return [Shown(one, source) for one, source in both if source is not None]


def append(home: Home, number: int, giving: int, day: int, batches: Iterable[pa.Table]) -> int:
    """Write values durably, `subject`, `text` and `amount`; return how many. They count when `own.settle` says so; `lock` is held."""
    written, held = 0, home.lake.held(TABLE, _APP)
    for some in _slices(batches):
        rows = some.sort_by([("subject", "ascending"), ("text", "ascending"), ("amount", "ascending")])
        subjects = rows.column("subject").to_numpy()
        first = np.ones(len(rows), np.bool_)
        first[1:] = subjects[1:] != subjects[:-1]  # of two values for one subject the smallest
        rows = rows.filter(pa.array(first)) if not first.all() else rows
        same = {
            "dimension": pa.scalar(str(number)),
            "giving": pa.scalar(giving),
            "day": pa.scalar(day, pa.int32()),
        }
        filled = {name: pa.repeat(value, len(rows)) for name, value in same.items()}
        table = pa.table([filled[n] if n in filled else rows.column(n) for n in VALUES.names], schema=VALUES)
        held += 1
        home.lake.append(TABLE, table, app=_APP, version=held, partition_by="dimension")
        fault.point("profiles.giving")
        written += len(table)
    return written


def _slices(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    held, many = list[pa.Table](), 0
    for some in batches:
        held.append(some)
        many += len(some)
        if many >= _SLICE:
            yield pa.concat_tables(held)
            held, many = [], 0
    if many:
        yield pa.concat_tables(held)


def _files(home: Home) -> dict[str, list[str]]:
    """Return the files of the values of each dimension, by its number."""
    found: dict[str, list[str]] = {}
    for path in home.lake.files(TABLE):
        number = path.rpartition("/dimension=")[2].partition("/")[0]
        found.setdefault(number, []).append(path)
    return found


def _rows(files: Sequence[str], source: Own, key: str, since: int | None = None) -> str:
    """Return the query for the rows of a dimension that count, those that have run out by the day `$day` left out; `since`: of later givings than that."""
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
    days = source.given.expires_days
    holds = "" if days is None else f" and day > $day - {int(days)}"
    first = source.base if since is None else since + 1
    return (
        f"select '{key}' as key, subject, giving, day, text, amount from read_parquet([{listed}], hive_partitioning = false)"
        f" where giving between {int(first)} and {int(source.version)}{holds}"
    )


def query(home: Home, some: Sequence[Shown], files: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return the query for the values that count of some dimensions as of a day `$day`: `key`, `subject`, `giving`, `text`, `amount`.

    `files` are those of each dimension, by its number; None: all that there are.
    """
    files = _files(home) if files is None else files
    parts = [
        _rows(files[str(one.source.number)], one.source, one.own.given.key)
        for one in some
        if str(one.source.number) in files
    ]
    empty = "select '' as key, 0::bigint as subject, 0::bigint as giving, 0::integer as day, '' as text, 0.0::double as amount where $day is null"
    return " union all ".join([*parts, empty])


def view(connection: duckdb.DuckDBPyConnection, home: Home, day: int) -> None:
    """Make the view `given_value`: `dimension` (its key), `subject`, `giving`, `text`, `amount`; values that count on a day."""
    some = [one for one in shown(own.own_dimensions(home, now=True)) if not one.own.expired(day)]
    text = query(home, some).replace("$day", str(int(day)))
    columns = "key as dimension, subject, giving, text, amount"
    connection.execute(f"create or replace temp view given_value as select {columns} from ({text})")


class Values(NamedTuple):
    """The values of a dimension: who has one, ascending, and the number of each, or its place in `words`."""

    who: npt.NDArray[np.uint32]
    values: npt.NDArray[Any]
    words: list[str]


def values(
    connection: duckdb.DuckDBPyConnection, home: Home, some: Sequence[Shown], pairs: pa.Table, day: int
) -> dict[str, Values]:
    """Return the value of everybody in `pairs` (subject, number) in some dimensions; of several subjects that of the last giving, then the smallest."""
    takers = {one.own.given.key: _Taking() for one in some}
    files, pairs = _near(home, pairs) if some and len(pairs) else ({}, pairs)
    some = [one for one in some if str(one.source.number) in files]
    if some:
        connection.register("given_map", pairs)
        few = ""
        if len(pairs) <= _LISTED:
            few = f" where said.subject in ({', '.join(map(str, pairs.column('subject').to_pylist()))})"
        many = 1 if len(pairs) > _CROWD else _TOGETHER
        for together in (some[n : n + many] for n in range(0, len(some), many)):
            ordered = (
                f"select key, number, text, amount from ({query(home, together, files)}) said inner join given_map on said.subject = given_map.subject{few} "
                "order by key, number, giving desc, text nulls last, amount nulls last"
            )
            for batch in connection.sql(ordered, params={"day": day}).to_arrow_reader(_FETCH):
                for key in pc.unique(batch.column("key")).to_pylist():
                    takers[key].take(batch.filter(pc.equal(batch.column("key"), key)))
    return {key: taker.taken() for key, taker in takers.items()}


def _near(home: Home, pairs: pa.Table) -> tuple[dict[str, list[str]], pa.Table]:
    """Return the files of each dimension that may have a value of these subjects, and those subjects of whom one may have: of new ones none has."""
    subjects = np.sort(pairs.column("subject").to_numpy())
    files, last = dict[str, list[str]](), -1
    for number, paths in _files(home).items():
        for path in paths:
            low, high = _span(path)
            if np.searchsorted(subjects, low) < np.searchsorted(subjects, high, "right"):
                files.setdefault(number, []).append(path)
                last = max(last, high)
    return files, pairs.filter(pc.less_equal(pairs.column("subject"), last))


@lru_cache(maxsize=_KNOWN)
def _span(path: str) -> tuple[int, int]:
    """Return the first and the last subject in a file, which never changes."""
    said = pq.read_metadata(path)
    column = said.schema.names.index("subject")
    of = [said.row_group(n).column(column).statistics for n in range(said.num_row_groups)]
    if any(one is None or not one.has_min_max for one in of):
        return 0, _ANY
    return min((one.min for one in of), default=_ANY), max((one.max for one in of), default=-1)


class _Taking:
    """Takes the first row of each person, batch after batch in their order."""

    def __init__(self) -> None:
        self._words: dict[str, int] = {}
        self._who: list[npt.NDArray[np.uint32]] = []
        self._values: list[npt.NDArray[Any]] = []
        self._last = -1

    def take(self, rows: pa.RecordBatch) -> None:
        numbers = rows.column("number").to_numpy()
        first = np.ones(len(numbers), np.bool_)
        first[1:] = numbers[1:] != numbers[:-1]
        first[0] = numbers[0] != self._last
        self._last = int(numbers[-1])
        rows = rows.filter(pa.array(first))
        rows = rows.filter(pc.or_(pc.is_valid(rows.column("text")), pc.is_valid(rows.column("amount"))))
        if not len(rows):
            return
        self._who.append(rows.column("number").to_numpy().astype(np.uint32))
        if rows.column("text").null_count:
            self._values.append(rows.column("amount").to_numpy(zero_copy_only=False))
            return
        coded = rows.column("text").dictionary_encode()
        places = [self._words.setdefault(word, len(self._words)) for word in coded.dictionary.to_pylist()]
        codes = coded.indices.to_numpy(zero_copy_only=False)
        self._values.append(np.array(places, np.int32)[codes])

    def taken(self) -> Values:
        who = np.concatenate(self._who) if self._who else np.empty(0, np.uint32)
        found: npt.NDArray[Any] = np.concatenate(self._values) if self._values else np.empty(0, np.int32)
        return Values(who, found, list(self._words))


def later(
    connection: duckdb.DuckDBPyConnection, home: Home, source: Own, since: int
) -> npt.NDArray[np.int64]:
    """Return the subjects of whom something was said after a giving."""
    files = _files(home).get(str(source.number))
    if not files:
        return np.empty(0, np.int64)
    query = f"select distinct subject from ({_rows(files, source, '', since)})"
    params = {"day": -(1 << 30)} if source.given.expires_days is not None else {}
    return _subjects(connection, query, params)


def running_out(
    connection: duckdb.DuckDBPyConnection, home: Home, owned: own.Owned, before: int, day: int
) -> npt.NDArray[np.int64]:
    """Return the subjects of which a value runs out when the day `before` becomes `day`, or holds again."""
    files, found = _files(home), [np.empty(0, np.int64)]
    for one in owned.by_key.values():
        days, mine = one.given.expires_days, files.get(str(one.number))
        if days is not None and mine and day != before:
            first, last = sorted((before - days, day - days))
            query = (
                f"select distinct subject from ({_rows(mine, one, '')}) where day > {first} and day <= {last}"
            )
            found.append(_subjects(connection, query, {"day": -(1 << 30)}))
    return np.concatenate(found)


def _subjects(
    connection: duckdb.DuckDBPyConnection, query: str, params: dict[str, int]
) -> npt.NDArray[np.int64]:
    rows = connection.sql(query, params=params) if params else connection.sql(query)
    return np.asarray(rows.to_arrow_table().column("subject").to_numpy(), np.int64)


def forget(home: Home, subjects: Sequence[int]) -> int:
    """Remove the values of subjects, history included; return the number of rows."""
    with lock(home), states.lock(home):
        listed = ", ".join(str(int(s)) for s in subjects)
        return home.lake.delete_where(TABLE, f"subject in ({listed})") if subjects else 0


def tidy(home: Home) -> int:
    """Remove values that do not count any more, and join small files; return how many values went."""
    with lock(home), states.lock(home):
        kept, gone = own.kept(home), 0
        for number in _files(home):
            base, version = kept.get(int(number), (0, -1))
            where = f"dimension = '{number}' and not (giving >= {base} and giving <= {version})"
            if _any(home, number, base, version):
                gone += home.lake.delete_where(TABLE, where)
        home.lake.settle(TABLE, by="dimension", order=["subject", "giving"], engine=home.engine)
        return gone


def _any(home: Home, number: str, base: int, version: int) -> bool:
    """Say whether a dimension has values that do not count."""
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in _files(home).get(number, ()))
    with home.engine.connect(share=0.25) as connection:
        query = f"select count(*) from read_parquet([{listed}], hive_partitioning = false) where giving not between {base} and {version}"
        ((many,),) = connection.execute(query).fetchall()
    return bool(many)


def normal(batch: pa.Table | pa.RecordBatch, *, numeric: bool) -> pa.Table:
    """Return values as they are kept, `subject`, `text`, `amount`, from `subject` (int64) and `value`: a text, or a number; null takes a value away."""
    subject, value = batch.column("subject"), batch.column("value")
    empty = pa.nulls(len(batch), pa.float64() if not numeric else pa.string())
    given = value.cast(pa.float64() if numeric else pa.string())
    if numeric:
        given = pc.if_else(pc.is_finite(given), given, pa.scalar(None, pa.float64()))
    return pa.table(
        {
            "subject": subject.cast(pa.int64()),
            "text": empty if numeric else given,
            "amount": given if numeric else empty,
        }
    )

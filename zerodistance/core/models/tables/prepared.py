"""A table made ready: outcomes, groups, times and features as numbers, of which any rows can be had; bounded in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zerodistance.core.models.ladder.columns import Columns, Floats, Ints
from zerodistance.core.models.tables import choosing, typed
from zerodistance.core.models.tables.choosing import Chosen
from zerodistance.core.models.tables.contracts import Found, NothingLeft
from zerodistance.core.models.tables.question import Question, with_line
from zerodistance.core.models.tables.staged import ROW, Staged, stage
from zerodistance.core.models.tables.typed import Kind
from zerodistance.core.touchpoints.expressions import literal
from zerodistance.core.touchpoints.toml_values import wrong
from zerodistance.kernel.text import Text

_HELD = 40_000_000  # own value: numbers of features that are held in memory
_AT_ONCE = 1 << 16  # own value: rows that are made ready at once
YES = ("1", "1.0", "yes", "y", "true", "t", "是", "有", "churned", "default")
NO = ("0", "0.0", "-1", "no", "n", "false", "f", "否", "无")
_OUTCOMES = ("label", "ended", "contacted")
_NUMBERS = ("duration", "came_times", "came_amount", "again", "last", "known", "mean", "weight")


@dataclass(frozen=True)
class Prepared:
    """Rows of a table.

    Attributes
    ----------
    numbers
        `label`, `duration`, `ended`, `contacted`, ... -> a double of each row.
    groups
        Of each row; None: each is alone.
    times
        Days, or the numbers that the column of times holds; NaN: none.
    row
        Of each row, its number in the file.
    ids
        Of each row, where the mapping names one.
    """

    numbers: dict[str, Floats]
    row: Ints
    groups: Ints | None
    times: Floats | None
    chosen: tuple[Chosen, ...]
    found: Found
    ids: pa.ChunkedArray | None
    _path: Path
    _held: pa.Table | None

    def __len__(self) -> int:
        return len(self.row)

    def columns(self, rows: Ints) -> Columns:
        """Return the features of some rows, ascending."""
        parts = [columns for _, columns in self.each(rows)]
        return {name: np.concatenate([one[name] for one in parts]) for name in parts[0]} if parts else {}

    def each(self, rows: Ints) -> Iterator[tuple[slice, Columns]]:
        """Yield the features of some rows, ascending, a part of them after the other, with their place among `rows`."""
        done = 0
        if self._held is not None:
            while done < len(rows):
                some = rows[done : done + _AT_ONCE]
                yield slice(done, done + len(some)), self._made(self._held.take(pa.array(some)))
                done += len(some)
            return
        before = 0
        names = [one.column for one in self.chosen]
        for batch in pq.ParquetFile(self._path).iter_batches(_AT_ONCE, columns=names, use_threads=False):
            end = int(np.searchsorted(rows, before + batch.num_rows))
            some = rows[done:end] - before
            if len(some):
                yield slice(done, end), self._made(pa.Table.from_batches([batch]).take(pa.array(some)))
            done, before = end, before + batch.num_rows

    def _made(self, table: pa.Table) -> Columns:
        found: dict[str, Floats] = {}
        for one in self.chosen:
            found |= one.made(floats(table.column(one.column)))
        return found


def floats(column: pa.ChunkedArray) -> Floats:
    """Return a column as doubles, NaN where it is null."""
    return np.asarray(
        column.cast(pa.float64()).combine_chunks().to_numpy(zero_copy_only=False), np.float64
    ).copy()


@dataclass(frozen=True)
class Opened:
    """A file that was read, with its types and the columns that the mapping makes, as a view."""

    table: str
    staged: Staged
    types: dict[str, Kind]


def opened(
    connection: duckdb.DuckDBPyConnection,
    question: Question,
    path: Path,
    folder: Path,
    name: str,
    like: Opened | None = None,
) -> Opened:
    """Read a file; `like`: its columns have the types of those of another."""
    staged = stage(path, question.shape, folder / f"{name}.parquet")
    types = typed.kinds(connection, staged, question)
    if like is not None:
        missing = [column for column in like.staged.columns if column not in staged.columns]
        gone = [column for column in missing if column != question.columns.get("label")]
        if gone:
            raise with_line(
                wrong(
                    "test.file",
                    f"测试文件没有列 {', '.join(gone[:10])}",
                    f"the file of the test has no column {', '.join(gone[:10])}",
                ),
                question.text,
            )
        types = {column: like.types.get(column, kind) for column, kind in types.items()}
    typed.view(connection, f"{name}_read", staged, types, question)
    table, joins = f"{name}_read", list(question.joins)
    if like is not None and question.test is not None:
        joins += question.test.joins
    for n, one in enumerate(joins):
        other = stage(one.file, one.shape, folder / f"{name}_{n}.parquet")
        typed.view(
            connection, f"{name}_beside_{n}", other, typed.kinds(connection, other, question), question
        )
        key = "test.join" if n >= len(question.joins) else "join"
        typed.join(connection, f"{name}_joined_{n}", table, one, f"{name}_beside_{n}", other.columns, key)
        table = f"{name}_joined_{n}"
    return Opened(typed.make(connection, f"{name}_made", table, question), staged, types)


def prepare(
    connection: duckdb.DuckDBPyConnection, question: Question, path: Path, folder: Path
) -> tuple[Prepared, Prepared | None]:
    """Return the table of a question, and that of its test file, if it has one.

    Raises
    ------
    MappingWrong, NothingLeft
        The mapping does not fit the file; nothing is left of it.
    """
    main = opened(connection, question, path, folder, "main")
    asked(connection, question, main, "main", folder)
    chosen, features = choosing.choose(connection, question, main, "main_asked")
    ready = _ready(connection, question, main, "main", folder, chosen)
    ready.found.features = features
    if question.test is None:
        return ready, None
    test = opened(connection, question, question.test.file, folder, "test", main)
    asked(connection, question, test, "test", folder)
    return ready, _ready(connection, question, test, "test", folder, chosen)


def asked(
    connection: duckdb.DuckDBPyConnection, question: Question, opened: Opened, name: str, folder: Path
) -> None:
    """Make the view `NAME_asked`: the columns of a table and what the task asks for, worked out once."""
    test = question.test if name == "test" else None
    where = (test.where if test else "") or question.where
    query = _roles(connection, question, opened.table, where, test.label if test else "")
    path = literal(str(folder / f"{name}_asked.parquet"))
    try:
        connection.execute(f"copy ({query}) to {path} (format parquet, compression zstd)")
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        raise wrong("columns", f"算不出来：{said}", f"it can't be computed: {said}") from None
    connection.execute(f"create view {name}_asked as select * from read_parquet({path})")


def _roles(
    connection: duckdb.DuckDBPyConnection, question: Question, table: str, where: str, label: str
) -> str:
    """Return the query of a table with what a task asks for, each as `zd_...`."""
    there = [column for column, _ in typed.described(connection, f"select * from {table}")]
    asked = []
    for key, given in question.columns.items():
        own = label if key == "label" and label else given
        name = "test.label" if own is not given else key
        sql = typed.checked(connection, question, name, own, there)
        if key in _OUTCOMES and question.task in ("chance", "fault", "uplift", "when"):
            sql = f"trim(cast({sql} as varchar))"
        elif key in _NUMBERS or key in ("label", "amount"):
            sql = f"try_cast({sql} as double)"
        elif key in ("time", "date"):
            (_, kind), *_ = typed.described(connection, f"select {sql} as one from {table}")
            plain = typed.kind_of(kind)
            sql = (
                f"epoch(cast({sql} as timestamp)) / 86400"
                if plain == "date"
                else f"try_cast({sql} as double)"
            )
        elif key in ("id", "customer"):
            sql = f"cast({sql} as varchar)"
        elif key == "group":
            sql = f"case when {sql} is not null then hash(cast({sql} as varchar)) end"
        asked.append(f"{sql} as zd_{key}")
    inner = f"select *, {', '.join(asked)} from {table}" if asked else f"select * from {table}"
    if not where:
        return inner
    condition = typed.checked(
        connection, question, "where", where, there
    )  # it may look at other rows, so it is a column first
    return (
        f"select * exclude (zd_where) from (select *, {condition} as zd_where from ({inner})) where zd_where"
    )


def refusals(connection: duckdb.DuckDBPyConnection, opened: Opened, table: str) -> list[tuple[Text, int]]:
    """Return why rows of a file are not looked at, and how many: those that can't be read, and those that `where` leaves out."""
    refused = [
        (Text(f"读不出：{why}", f"unreadable: {why}"), many) for why, many in opened.staged.bad.items()
    ]
    (whole,), *_ = connection.execute(f"select count(*) from {table}").fetchall()
    if whole < opened.staged.rows:
        refused.append((Text("不合 where", "not within where"), opened.staged.rows - int(whole)))
    return refused


def _ready(
    connection: duckdb.DuckDBPyConnection,
    question: Question,
    opened: Opened,
    name: str,
    folder: Path,
    chosen: tuple[Chosen, ...],
) -> Prepared:
    table = f"{name}_asked"
    refused = refusals(connection, opened, table)
    given, needed = list[str](), list[tuple[str, Text]]()
    for key in question.columns:
        if key in ("date", "customer", "amount"):
            continue
        if key in _OUTCOMES and question.task != "number":
            yes, no = _meant(connection, question, table, key)
            value = f"case when {yes} then 1.0 when {no} then 0.0 end"
            given.append(f"{value} as zd_{key}")
            needed += [
                (f"zd_{key} is null", Text(f"{key} 缺失", f"{key} is missing")),
                (f"({value}) is null", Text(f"{key} 是别的值", f"{key} is neither of the values that count")),
            ]
        else:
            given.append(f"zd_{key}")
            if key in ("label", "duration", "again", "last", "known"):
                odd = f"zd_{key} is null or isnan(zd_{key}) or isinf(zd_{key})"
                needed.append((odd, Text(f"{key} 缺失或不是数", f"{key} is missing or no number")))
            if key == "duration":
                needed.append(("zd_duration < 0", Text("duration 小于 0", "duration is below 0")))
    reason = "case " + " ".join(f"when {one} then {n}" for n, (one, _) in enumerate(needed)) + " end"
    reason = reason if needed else "null"
    for number, many in connection.execute(
        f"select {reason} as why, count(*) from {table} group by 1 having why is not null order by 1"
    ).fetchall():
        refused.append((needed[int(number)][1], int(many)))
    features = [f"{one.sql} as {one.column}" for one in chosen]
    path = folder / f"{name}_ready.parquet"
    connection.execute(
        f"copy (select {', '.join([ROW, *given, *features])} from {table} where ({reason}) is null order by {ROW})"
        f" to {literal(str(path))} (format parquet, compression zstd, row_group_size {_AT_ONCE})"
    )
    file = pq.ParquetFile(path)
    if not file.metadata.num_rows:
        raise NothingLeft(what=Text("行", "row"), why="; ".join(f"{why.en}: {many}" for why, many in refused))
    heads = [one for one in file.schema_arrow.names if one == ROW or one.startswith("zd_")]
    known = file.read(heads, use_threads=False)
    numbers = {
        key.removeprefix("zd_"): floats(known.column(key))
        for key in heads
        if key not in (ROW, "zd_group", "zd_id")
    }
    row = known.column(ROW).to_numpy()
    small = file.metadata.num_rows * max(len(chosen), 1) <= _HELD
    held = file.read([one.column for one in chosen], use_threads=False) if small and chosen else None
    return Prepared(
        numbers,
        row,
        _groups(known.column("zd_group"), row) if "zd_group" in heads else None,
        numbers.pop("time", None),
        chosen,
        Found(len(row), (), refused, list(opened.staged.notes)),
        known.column("zd_id") if "zd_id" in heads else None,
        path,
        held,
    )


def _groups(column: pa.ChunkedArray, row: Ints) -> Ints:
    """Return the group of each row; who has none is alone."""
    known = pc.fill_null(column.cast(pa.uint64()), 0).to_numpy().astype(np.uint64)
    alone = np.asarray(pc.is_null(column).to_numpy(), np.bool_)
    found: Ints = np.unique(known, return_inverse=True)[1].astype(np.int64)
    return np.where(alone, -row, found)


def _meant(
    connection: duckdb.DuckDBPyConnection, question: Question, table: str, key: str
) -> tuple[str, str]:
    """Return the conditions under which a text of an outcome means yes and no."""
    named = {"label": ("yes", "no"), "contacted": ("contacted_is", "control_is")}.get(key, ("yes", "no"))
    yes: tuple[str, ...] = getattr(question, named[0]) if key != "ended" or question.yes else ()
    no: tuple[str, ...] = getattr(question, named[1])
    column = f"zd_{key}"
    if not yes:
        rows = connection.execute(
            f"select {column}, count(*) from {table} where {column} is not null group by 1 order by 2 desc limit 12"
        ).fetchall()
        there = [str(one) for one, _ in rows]
        yes = tuple(one for one in there if one.lower() in YES)
        rest = [one for one in there if one not in yes]
        if len(yes) != 1 or len(rest) > 1 or (rest and rest[0].lower() not in NO and len(there) > 2):
            listed = ", ".join(there[:10]) + (" ..." if len(there) > 10 else "")
            raise with_line(
                wrong(
                    key,
                    f'{question.columns[key]} 的值有 {listed}；写 {named[0]} = "..." 说哪些算“是”',
                    f'the values of {question.columns[key]} are {listed}; say which mean yes: {named[0]} = "..."',
                ),
                question.text,
            )
    return _any(column, yes), _any(column, no) if no else f"{column} is not null"


def _any(column: str, texts: tuple[str, ...]) -> str:
    """Return whether a text is one of these, or the same number as one of them."""
    listed = ", ".join(literal(one.strip().lower()) for one in texts)
    numbers = [one for one in texts if typed.is_number(one)]
    same = f" or try_cast({column} as double) in ({', '.join(numbers)})" if numbers else ""
    return f"(lower({column}) in ({listed}){same})"

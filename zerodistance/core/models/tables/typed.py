"""The columns of a table with their types, found by looking at all of them, and those that a mapping makes: views over Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from zerodistance.core.models.tables.question import Join, Question, with_line
from zerodistance.core.models.tables.staged import ROW, Staged
from zerodistance.core.touchpoints import expressions
from zerodistance.core.touchpoints.expressions import literal, names_in, quoted
from zerodistance.core.touchpoints.toml_values import MappingWrong, near, wrong

_FIRST, _AT_ONCE = 20_000, 100  # own values: rows by which it is judged what a column may be, columns at once
_ENOUGH = 0.95  # own value: share of the values that make a column one of numbers or of dates
_FORMATS = (
    "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
    "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d-%b-%Y", "%b %d, %Y",
)  # fmt: skip
_NUMBERS = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN",
)  # fmt: skip
_DATES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")


@dataclass(frozen=True)
class Kind:
    """The type of a column: number (`whole`: without fractions), word or date; `odd` values are none of it and count as missing."""

    type: str
    odd: int = 0
    whole: bool = False


def kind_of(sql_type: str) -> str:
    """Return number, word or date of a type of the engine."""
    plain = sql_type.partition("(")[0]
    return "number" if plain in _NUMBERS else "date" if plain in _DATES else "word"


def source(staged: Staged) -> str:
    """Return the table of a file that was read, as SQL."""
    return f"read_parquet({literal(str(staged.path))})"


def kinds(connection: duckdb.DuckDBPyConnection, staged: Staged, question: Question) -> dict[str, Kind]:
    """Return the type of each column of a file."""
    types = dict(described(connection, f"select * from {source(staged)}"))
    found = {name: Kind(kind_of(types[name])) for name in staged.columns}
    texts = [name for name in staged.columns if found[name].type == "word"]
    first = f"(select * from {source(staged)} limit {_FIRST})"
    likely = dict(
        zip(texts, _counted(connection, question, first, dict.fromkeys(texts, _EVERY)), strict=True)
    )
    asked = {name: _worth(question.types.get(name), *likely[name]) for name in texts}
    if staged.rows > _FIRST:
        likely = dict(zip(texts, _counted(connection, question, source(staged), asked), strict=True))
    return found | {name: _kind(question.types.get(name), *likely[name]) for name in texts}


_Counts = tuple[int, int, int, int]
_EVERY = (True, True)


def _counted(
    connection: duckdb.DuckDBPyConnection,
    question: Question,
    table: str,
    asked: Mapping[str, tuple[bool, bool]],
) -> list[_Counts]:
    """Return of each column how many values there are, numbers, dates and whole numbers; where `asked` says so, reading dates is slow."""
    found = list[_Counts]()
    names = list(asked)
    for start in range(0, len(names), _AT_ONCE):
        parts = []
        for name in names[start : start + _AT_ONCE]:
            text, (numbers, dates) = known(name, question), asked[name]
            whole = f"count_if(regexp_full_match({text}, '[-+]?\\d{{1,15}}'))"
            parts += [f"count({text})", f"count({number(text)})" if numbers else "0"]
            parts += [f"count({date(text)})" if dates else "0", whole if numbers else "0"]
        row = connection.execute(f"select {', '.join(parts)} from {table}").fetchall()[0]
        found += [row[n : n + 4] for n in range(0, len(row), 4)]
    return found


def _worth(said: str | None, there: int, numbers: int, dates: int, whole: int) -> tuple[bool, bool]:
    """Return whether a column may be one of numbers, and of dates, by its first rows."""
    if said is not None:
        return said == "number", said == "date"
    return not there or numbers > there / 2, not there or dates > there / 2


def _kind(said: str | None, there: int, numbers: int, dates: int, whole: int) -> Kind:
    if said == "number" or (said is None and there and numbers >= _ENOUGH * there):
        return Kind("number", there - numbers, whole == numbers)
    if said == "date" or (said is None and there and dates >= _ENOUGH * there):
        return Kind("date", there - dates)
    return Kind("word")


def described(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    """Return the columns of a query and their types."""
    return [(str(row[0]), str(row[1])) for row in connection.execute(f"describe {query}").fetchall()]


def known(name: str, question: Question) -> str:
    """Return a column as text, null where it stands for no value."""
    gone = ", ".join(literal(one) for one in (*question.missing, *question.missing_of.get(name, ()), ""))
    text = f"trim(cast({quoted(name)} as varchar))"
    return f"case when {text} not in ({gone}) then {text} end"


def number(text: str) -> str:
    """Return a text as a number: thousands may be parted by commas, and a per cent sign may follow."""
    plain = f"replace(rtrim({text}, '%'), ',', '')"
    grouped = f"regexp_full_match({text}, '[-+]?\\d{{1,3}}(,\\d{{3}})+(\\.\\d+)?%?|[-+]?[0-9.]+%')"
    return f"coalesce(try_cast({text} as double), case when {grouped} then try_cast({plain} as double) end)"


def date(text: str) -> str:
    """Return a text as a date with a time."""
    formats = ", ".join(literal(one) for one in _FORMATS)
    return f"case when length({text}) > 5 then coalesce(try_cast({text} as timestamp), try_strptime({text}, [{formats}])) end"


def view(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    staged: Staged,
    types: Mapping[str, Kind],
    question: Question,
) -> None:
    """Make the view of a file with its types."""
    native = dict(described(connection, f"select * from {source(staged)}"))
    columns = [ROW]
    for column in staged.columns:
        kind, text = types[column].type, known(column, question)
        if kind_of(native[column]) == "word":
            numeral = f"try_cast({text} as bigint)" if types[column].whole else number(text)
            value = numeral if kind == "number" else date(text) if kind == "date" else text
        elif kind == "number":
            gone = [one for one in question.missing_of.get(column, ()) if is_number(one)]
            plain = quoted(column)
            fine = [f"{plain} not in ({', '.join(gone)})"] if gone else []
            fine += [f"not isnan({plain})"] if native[column] in ("FLOAT", "DOUBLE") else []
            value = f"case when {' and '.join(fine)} then {plain} end" if fine else plain
        else:
            value = quoted(column)
        columns.append(f"{value} as {quoted(column)}")
    connection.execute(f"create view {name} as select {', '.join(columns)} from {source(staged)}")


def is_number(text: str) -> bool:
    """Return whether a text reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def join(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    table: str,
    one: Join,
    other: str,
    columns: Sequence[str],
    key: str,
) -> None:
    """Make the view of a table with the columns of another that it does not have, by the columns of `on`."""
    mine = [column for column, _ in described(connection, f"select * from {table}")]
    for left, right in one.on.items():
        for column, there in ((left, mine), (right, [ROW, *columns])):
            if column not in there:
                hint = near(column, there)
                raise wrong(
                    f"{key}.on", f"没有列 {column}；{hint.zh}", f"there is no column {column}; {hint.en}"
                )
    small = {column.lower() for column in mine}
    new = [column for column in columns if column.lower() not in small and column not in one.on.values()]
    match = " and ".join(
        f"{table}.{quoted(left)} = {other}.{quoted(right)}" for left, right in one.on.items()
    )
    added = "".join(f", {other}.{quoted(column)}" for column in new)
    connection.execute(
        f"create view {name} as select {table}.*{added} from {table} left join {other} on {match}"
    )


def make(connection: duckdb.DuckDBPyConnection, name: str, table: str, question: Question) -> str:
    """Make the columns that a mapping makes, in views one above the other; return the last one."""
    waiting, level = list(question.made.items()), 0
    while True:
        there = [column for column, _ in described(connection, f"select * from {table}")]
        now, taken = list[str](), set[str]()
        while waiting:
            column, expression = waiting[0]
            used = names_in([expression]) or set()
            if used & taken:
                break
            if column.lower() in {one.lower() for one in there} or column.lower() in taken:
                raise with_line(
                    wrong(f"columns.{column}", "已有这个列名", "there is a column of that name"),
                    question.text,
                )
            sql = checked(connection, question, f"columns.{column}", expression, there)
            now.append(f"{sql} as {quoted(column)}")
            taken.add(column.lower())
            waiting.pop(0)
        if not now:
            return table
        level += 1
        new = f"{name}_{level}"
        try:
            connection.execute(f"create view {new} as select *, {', '.join(now)} from {table}")
        except duckdb.Error as error:
            raise _unbound(question, error) from None
        table = new


def checked(
    connection: duckdb.DuckDBPyConnection,
    question: Question,
    key: str,
    expression: str,
    columns: Sequence[str],
) -> str:
    """Return a column or an expression as SQL; raises MappingWrong with the line of the key."""
    try:
        return expressions.check(connection, key, expression, columns, neighbours=True)
    except MappingWrong as error:
        raise with_line(error, question.text) from None


def _unbound(question: Question, error: duckdb.Error) -> MappingWrong:
    said = str(error).splitlines()[0]
    return with_line(wrong("columns", f"算不出来：{said}", f"it can't be computed: {said}"), question.text)

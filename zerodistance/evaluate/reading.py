"""Reads answers and truths: files in the documented forms, checked, in a DuckDB connection with a memory limit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from zerodistance.evaluate.contracts import MissingColumn, NoSaid, NotReadable, NoTruth, WrongCell
from zerodistance.evaluate.intervals import Ints
from zerodistance.kernel.engine import Engine
from zerodistance.kernel.text import Text

MEMORY_MB = 2_048  # own value: of 30 million records what does not fit is spilled
_EXAMPLES = 3
UNNAMED = ("web", "social", "telemetry", "faults")
"""Silos whose rows carry no name, phone or e-mail address."""
SOURCES = {"calls": "service", "visits": "service"}
"""Silos that come in under another source than their own name."""


@contextmanager
def desk() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection, and a folder to spill to while it is open."""
    with tempfile.TemporaryDirectory(prefix="zerodistance-evaluate-") as spill:
        engine = Engine(Path(spill), memory_mb=MEMORY_MB, threads=2)
        with engine.connect() as con:
            con.execute("set preserve_insertion_order = false")
            yield con


@dataclass(frozen=True)
class Truth:
    """The folder of a truth."""

    root: Path

    @classmethod
    def of(cls, given: Path) -> Truth:
        """Return the truth in a folder, or in its folder `truth`."""
        return cls(given / "truth" if (given / "truth").is_dir() else given)

    def file(self, name: str) -> Path:
        """Return a file of the truth."""
        path = self.root / f"{name}.parquet"
        if not path.is_file():
            raise NoTruth(path=path)
        return path

    def table(
        self, con: duckdb.DuckDBPyConnection, name: str, *columns: str, view: str | None = None
    ) -> None:
        """Make a view of a table of the truth, under its name or another."""
        relation = opened(con, self.file(name), columns)
        con.execute(f"create view {view or name} as select {', '.join(columns)} from {relation}")

    def records(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make the view `records`: silo, source, record, person, household, unnamed; a household is the person where none is given."""
        folder = self.root / "records"
        paths = sorted(folder.glob("*.parquet"))
        if not paths:
            raise NoTruth(path=folder / "*.parquet")
        parts = []
        for path in paths:
            relation = opened(con, path, ("record", "person"))
            there = columns_of(con, relation)
            silo = path.stem
            parts.append(
                f"select {quoted(silo)} as silo, "
                + ("source" if "source" in there else quoted(SOURCES.get(silo, silo)))
                + " as source, cast(record as varchar) as record, cast(person as bigint) as person, "
                + (
                    "coalesce(cast(household as bigint), person)"
                    if "household" in there
                    else "cast(person as bigint)"
                )
                + " as household, "
                + ("unnamed" if "unnamed" in there else "true" if silo in UNNAMED else "false")
                + f" as unnamed from {relation}"
            )
        con.execute("create view records as " + " union all ".join(parts))


def opened(con: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str]) -> str:
    """Return a file as a relation of SQL, after a look at its columns; CSV is text throughout.

    Raises
    ------
    NoSaid, NotReadable, MissingColumn
    """
    if not path.is_file():
        raise NoSaid(path=path)
    with path.open("rb") as file:
        packed = file.read(4) == b"PAR1"
    form = (
        "read_parquet({})"
        if packed
        else "read_csv({}, header = true, all_varchar = true, sample_size = 1, delim = ',', quote = '\"')"
    )
    relation = form.format(quoted(str(path)))
    found = columns_of(con, relation, path)
    for name in wanted:
        if name not in found:
            raise MissingColumn(path=path, missing=name, wanted=", ".join(wanted), found=", ".join(found))
    return relation


def said(con: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str]) -> list[str]:
    """Read the answers into the table `said`, with `row` (from 1) beside their columns; return the names of these.

    An empty cell of a CSV is null. A `source_id` may have the `'` before it that the export puts before what a spreadsheet takes for a formula.
    """
    relation = opened(con, path, wanted)
    names = columns_of(con, relation)
    columns = ", ".join(
        r"""regexp_replace(cast(source_id as varchar), '^''([=+@\t\r-])', '\1') as source_id"""
        if name == "source_id"
        else named(name)
        for name in names
    )
    try:
        con.execute(f"create table said as select row_number() over () as row, {columns} from {relation}")
    except duckdb.Error as error:
        raise NotReadable(path=path, why=first_line(error)) from error
    return names


def columns_of(con: duckdb.DuckDBPyConnection, relation: str, path: Path | None = None) -> list[str]:
    """Return the names of a relation's columns."""
    try:
        return [str(row[0]) for row in con.execute(f"describe select * from {relation}").fetchall()]
    except duckdb.Error as error:
        raise NotReadable(path=path, why=first_line(error)) from error


def first_line(error: Exception) -> str:
    """Return what an error of the engine says, short."""
    return str(error).splitlines()[0][:200]


def need_type(
    con: duckdb.DuckDBPyConnection, path: Path, column: str, kind: str, allowed: Text, *, null: bool = False
) -> None:
    """Turn a column of `said` into a type.

    Raises
    ------
    WrongCell
        A value does not have it, or is missing where `null` is not allowed.
    """
    bad = f"try_cast({named(column)} as {kind}) is null" + (
        f" and {named(column)} is not null" if null else ""
    )
    if kind == "double":
        bad = f"({bad} or not isfinite(try_cast({named(column)} as double)))"
    refuse(con, path, column, bad, allowed)
    con.execute(
        f"alter table said alter {named(column)} type {kind} using try_cast({named(column)} as {kind})"
    )


def refuse(con: duckdb.DuckDBPyConnection, path: Path, column: str, bad: str, allowed: Text) -> None:
    """Raise WrongCell if a row of `said` fits the condition."""
    many, given = one(con, f"select count(*), min(cast({named(column)} as varchar)) from said where {bad}")
    if many:
        raise WrongCell(path=path, column=column, many=many, given=given or "", allowed=allowed)


def examples(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, str]:
    """Return how many rows a query has, and the first three of its first column."""
    many = int(one(con, f"select count(*) from ({sql})")[0])
    shown = con.execute(f"select * from ({sql}) order by 1 limit {_EXAMPLES}").fetchall() if many else []
    return many, ", ".join(str(row[0]) for row in shown)


def one(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Return the one row of a query."""
    (row,) = con.execute(sql).fetchall()
    return tuple(row)


def arrays(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    """Return the columns of a query; a null is nan among floats, -1 among whole numbers, None among texts."""
    out: dict[str, Any] = {}
    for name, column in con.execute(sql).fetchnumpy().items():
        if isinstance(column, np.ma.MaskedArray):
            missing, kind = np.ma.getmaskarray(column), column.dtype.kind
            column = np.array(column.data)
            column[missing] = np.nan if kind == "f" else -1 if kind == "i" else None
        out[name] = column
    return out


def numbered(con: duckdb.DuckDBPyConnection, table: str, column: str) -> list[str]:
    """Return the texts of a column in order, and make `COLUMN_codes` with their places: of millions of rows a number each is kept."""
    con.execute(
        f"""create table {column}_codes as select {column}, row_number() over (order by {column}) - 1 as place
            from (select distinct {column} from {table})"""
    )
    return [
        str(row[0]) for row in con.execute(f"select {column} from {column}_codes order by place").fetchall()
    ]


def codes(values: Any) -> tuple[Ints, Any]:
    """Return each value's place among the different ones, and these in order."""
    different, place = np.unique(values, return_inverse=True)
    return place.astype(np.int64), different


def quoted(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def named(column: str) -> str:
    """Return a column's name as SQL writes it."""
    return '"' + column.replace('"', '""') + '"'

"""Things of persons that a model may ask about, such as an appliance or a visit: rows of a thing and a moment, what was known then, and what came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.identity import api as identity
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints
from zerodistance.core.touchpoints import book
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home

SQL = files(__package__) / "sql"
DAY = clock.MICROS_PER_DAY
Words = npt.NDArray[np.object_]
_UTC = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Things:
    """One row per thing and moment, all columns alike long.

    Attributes
    ----------
    subject
        That names the thing: the identifier of an appliance, the record of a visit.
    as_of
        Microseconds UTC; nothing in `columns` was known later.
    owner
        Number of the person of today whose it is, or of a visitor where nobody is known.
    category, product
        None where nothing says it.
    columns
        Features by name, NaN where there is nothing to say.
    came
        1 and 0; NaN where what came is not known. Where no outcome was asked for, NaN for all.
    days, code
        Days until it came and what exactly came; NaN and None where nothing did.
    """

    subject: Ints
    as_of: Ints
    owner: Ints
    category: Words
    product: Words
    columns: Columns
    came: Floats
    days: Floats
    code: Words

    def __len__(self) -> int:
        return len(self.subject)

    def owned_by(self, owner: Ints) -> Things:
        """Return the same with other owners."""
        return replace(self, owner=owner)

    def take(self, places: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Things:
        """Return some of the rows."""
        return Things(
            self.subject[places],
            self.as_of[places],
            self.owner[places],
            self.category[places],
            self.product[places],
            {name: values[places] for name, values in self.columns.items()},
            self.came[places],
            self.days[places],
            self.code[places],
        )


def nothing(names: Iterable[str]) -> Things:
    """Return no rows, with these features."""
    whole, told, word = np.zeros(0, np.int64), np.zeros(0), np.zeros(0, object)
    return Things(whole, whole, whole, word, word, dict.fromkeys(names, told), told, told, word)


def log_of(connection: duckdb.DuckDBPyConnection, home: Home, persons: Sequence[int] | None) -> None:
    """Make the views `touches` and `whose` (subject, person, since, until): of everybody, or of a few persons of today, read by subject in milliseconds."""
    if persons is None:
        touches_view(connection, home)
        connection.register("whose", identity.spans(home).rename_columns({"number": "person"}))
        return
    with home.state.read() as tx:
        mine = [(subject, person) for person in persons for subject in identity.subjects_of(tx, person)]
    rows = book.rows_of(home, [subject for subject, _ in mine])
    at = [
        rows.column(name).cast(_UTC) if name in book.TIMES else rows.column(name)
        for name in rows.column_names
    ]
    connection.register("touches", pa.table(at, names=rows.column_names))
    subject, person = np.array(mine, np.int64).reshape(-1, 2).T
    ever = np.full(len(subject), 1 << 62)
    whose = {"subject": subject, "person": person, "since": times(-ever), "until": times(ever)}
    connection.register("whose", pa.table(whose))


def asked(connection: duckdb.DuckDBPyConnection, name: str, **values: object) -> pa.Table:
    """Return what a file of SQL says."""
    return connection.sql((SQL / name).read_text(), params=values or None).to_arrow_table()


def by_row(found: pa.Table, many: int) -> dict[str, Floats]:
    """Return the columns of some rows (`spine_row`) as doubles for all of them, NaN for the others; times in microseconds."""
    place, columns = found.column("spine_row").to_numpy(), dict[str, Floats]()
    for name in found.column_names:
        if name != "spine_row":
            columns[name] = np.full(many, np.nan)
            columns[name][place] = numbers(found.column(name))
    return columns


def numbers(column: pa.ChunkedArray) -> Floats:
    """Return a column as doubles, NaN where it says nothing; times in microseconds."""
    whole = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    found: Floats = whole.cast(pa.float64()).fill_null(np.nan).to_numpy()
    return found


def words(column: pa.ChunkedArray) -> Words:
    """Return a column of text, None where it says nothing."""
    found: Words = column.to_numpy(zero_copy_only=False).astype(object)
    return found


def per(values: Floats, by: Floats) -> Floats:
    """Return the ratio, NaN where nothing is below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(by > 0, values / by, np.nan)


def since(as_of: Ints, moment: Floats) -> Floats:
    """Return the days from a moment on."""
    return (as_of - moment) / DAY


def times(micros: Sequence[int] | Ints) -> pa.Array:
    """Return microseconds as moments."""
    return pa.array(np.asarray(micros, np.int64)).cast(_UTC)


def owners(home: Home, subjects: Ints) -> Ints:
    """Return the person or visitor of today of each subject, 0 where there is none."""
    return identity.People(home).numbers_of(subjects)

"""Whom a row of the answers is about: a person of the truth, however the answers name them."""

from __future__ import annotations

from pathlib import Path

import duckdb

from zerodistance.evaluate.contracts import MissingColumn, NoPersons, NothingToCompare, Repeated, UnknownIds
from zerodistance.evaluate.reading import Truth, columns_of, examples, named, need_type, one, opened
from zerodistance.kernel.text import Text

WAYS = "person_id | source, source_id | person"
_WHOLE = Text("真相里的编号（整数）", "an id of the truth, a whole number")


def resolve(
    con: duckdb.DuckDBPyConnection,
    truth: Truth,
    given: Path,
    names: list[str],
    persons: Path | None,
    *also: str,
) -> dict[str, int]:
    """Make `resolved` (row, person, household) of the table `said`; return what was counted.

    Parameters
    ----------
    persons
        The export of identity; of the persons of the truth whose records a `person_id` has, it is the one with the most.
    also
        Columns that stand beside the person in the grain of the answers.

    Raises
    ------
    MissingColumn, NoPersons, Repeated, UnknownIds, WrongCell, NothingToCompare
    """
    truth.table(con, "persons", "person", "household")
    key = next(
        (way for way in (("person_id",), ("source", "source_id"), ("person",)) if set(way) <= set(names)),
        None,
    )
    if key is None:
        raise MissingColumn(path=given, missing=WAYS, wanted=", ".join((WAYS, *also)), found=", ".join(names))
    _once(con, given, (*key, *also))
    if key == ("person",):
        need_type(con, given, "person", "bigint", _WHOLE)
        pairs = "select row, person, person as known from said"
        known = "select person as known from persons"
    elif key == ("person_id",):
        if persons is None:
            raise NoPersons(path=given)
        pairs, known = _by_export(con, truth, persons)
    else:
        truth.records(con)
        pairs = """select s.row, r.person, r.record as known from said s
                   left join records r on r.source = s.source and r.record = s.source_id"""
        known = "select record as known from records"
    con.execute(f"create table pairs as {pairs}")
    _all_known(con, given, key, known)
    con.execute(
        "create table resolved as select row, person, household from pairs join persons using (person)"
    )
    rows, somebody = one(con, "select (select count(*) from said), (select count(*) from resolved)")
    if not somebody:
        raise NothingToCompare(path=given, columns=", ".join(key))
    return {"rows": int(rows), "of_nobody": int(rows) - int(somebody)}


def _once(con: duckdb.DuckDBPyConnection, given: Path, grain: tuple[str, ...]) -> None:
    columns = ", ".join(map(named, grain))
    shown = " || ' ' || ".join(f"coalesce(cast({named(name)} as varchar), '')" for name in grain)
    many, found = examples(con, f"select {shown} from said group by {columns} having count(*) > 1")
    if many:
        raise Repeated(path=given, many=many, what=", ".join(grain), examples=found)


def _by_export(con: duckdb.DuckDBPyConnection, truth: Truth, persons: Path) -> tuple[str, str]:
    truth.records(con)
    export = opened(con, persons, ("source", "source_id", "person_id"))
    assert columns_of(con, export)
    con.execute(
        f"""create table exported as select person_id, person, count(*) as many
            from (select source, regexp_replace(source_id, '^''([=+@\\t\\r-])', '\\1') as record, person_id from {export})
            left join records using (source, record) where person_id is not null group by all"""
    )
    con.execute(
        """create table mapped as select person_id, person from (
             select person_id, person, row_number() over (partition by person_id order by person is null, many desc, person) as place
             from exported) where place = 1"""
    )
    pairs = "select s.row, m.person, m.person_id as known from said s left join mapped m using (person_id)"
    return pairs, "select person_id as known from mapped"


def _all_known(con: duckdb.DuckDBPyConnection, given: Path, key: tuple[str, ...], known: str) -> None:
    shown = " || ':' || ".join(f"cast(s.{name} as varchar)" for name in key)
    unknown = f"select {shown} from said s join pairs p using (row) where p.known is null"
    if key == ("person",):
        unknown = f"select {shown} from said s where s.person not in (select known from ({known}))"
    many, found = examples(con, unknown)
    if many:
        raise UnknownIds(path=given, many=many, what=", ".join(key), examples=found)

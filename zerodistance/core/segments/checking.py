"""Runs a rule's SQL over the log and compares it with the index; writes it with what it reads for who wants to run it elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import numpy as np

from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import spelled
from zerodistance.core.segments.answer import Answer
from zerodistance.core.segments.contracts import Rule
from zerodistance.core.segments.figures import Checked
from zerodistance.core.segments.spelled import Frozen
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel.home import Home

Saved = Callable[[str], Rule]
_TABLES = ("touches", "subject_person", "person_fact", "given_value")


def text(home: Home, rule: Rule, saved: Saved, frozen: Frozen) -> str:
    """Return the SQL of a rule as of the index."""
    return _sql(home, rule, saved, frozen, profiles.current(home))


def _sql(home: Home, rule: Rule, saved: Saved, frozen: Frozen, index: profiles.Index) -> str:
    settings = home.settings
    here = spelled.Setting(
        index.day,
        index.batch,
        settings.zone,
        settings.currency,
        profiles.holding(home),
        lambda unit: brand.communities_of(home, unit),
        partial(profiles.dimension, home),
    )
    return spelled.sql(rule, saved, here, frozen)


def check(home: Home, rule: Rule, here: Answer, saved: Saved, frozen: Frozen) -> Checked:
    """Ask both and compare; reads the whole log."""
    began = time.perf_counter()
    people = identity.People(home)
    with home.engine.connect() as connection:
        _views(connection, home, people, here.index.day)
        rows = connection.sql(_sql(home, rule, saved, frozen, here.index)).to_arrow_table()
    numbers = rows.column("number").to_numpy().astype(np.uint32)
    found, indexed = profiles.Split.of_sorted(numbers), here.fits(rule)
    return Checked(
        *found.sizes,
        missing=sum((found - indexed).sizes),
        extra=sum((indexed - found).sizes),
        moved=people.version() != here.index.people,
        took_ms=(time.perf_counter() - began) * 1_000,
    )


def _views(connection: duckdb.DuckDBPyConnection, home: Home, people: identity.People, day: int) -> None:
    touches_view(connection, home)
    connection.register("subject_person", people.pairs(None))
    connection.register("person_fact", people.facts(None))
    profiles.given_view(connection, home, day)


def write(home: Home, rule: Rule, saved: Saved, frozen: Frozen, folder: Path) -> int:
    """Write `rule.sql` and what it reads as Parquet files into a folder, to be run there with `duckdb < rule.sql`; return how many touches."""
    folder.mkdir(parents=True, exist_ok=True)
    index = profiles.current(home)
    with home.engine.connect() as connection:
        _views(connection, home, identity.People(home), index.day)
        for table in _TABLES:
            query = f"select * from {table}" + (
                f" where batch <= {index.batch}" if table == "touches" else ""
            )
            target = str(folder / f"{table}.parquet").replace("'", "''")
            connection.execute(f"copy ({query}) to '{target}' (format parquet)")
        ((many,),) = connection.execute(
            "select count(*) from touches where batch <= $last", {"last": index.batch}
        ).fetchall()
    views = "".join(f"create or replace view {table} as from '{table}.parquet';\n" for table in _TABLES)
    (folder / "rule.sql").write_text(f"{views}{_sql(home, rule, saved, frozen, index)};\n", encoding="utf-8")
    return int(many)

"""SQL has walls too: what a `.sql` file may read, which functions it may use, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.tokens import Tokenizer

from scripts.reference import load_everything
from zerodistance.kernel.state import metadata

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "zerodistance"
CORE, APPS = PACKAGE / "core", PACKAGE / "apps"
LINE = ("brand", "touchpoints", "identity", "profiles", "models", "segments", "measurement", "outreach")
FILES = sorted(PACKAGE.rglob("*.sql"))
VIEWS = {
    "touches": "touchpoints",
    "subject_person": "identity",
    "person_fact": "identity",
    "given_value": "profiles",
}
"""Views that rooms publish to those after them."""

EXCEPTIONS: dict[tuple[str, str], str] = {
    (
        "events.sql",
        "json_transform",
    ): "one pass over many fields, three times as fast as one extraction each; Spark: from_json",
}
"""(file, function) that sqlglot does not know, with the reason and what Spark has instead."""

AS_OF = {"device_as_of.sql": "device_as_of_spark.sql"}
"""File with an as-of join, which Spark does not know -> the file that says the same without one; a test of its room compares them."""

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}/{path.name}")


@cache
def room_of_table() -> dict[str, str]:
    """Return table of the state store -> room that declares it."""
    load_everything()
    rooms: dict[str, str] = {}
    for store in sorted(CORE.glob("*/store.py")):
        text = store.read_text(encoding="utf-8")
        names = re.findall(r'Table\(\s*"(\w+)"', text)
        rooms.update(dict.fromkeys(names, store.parent.name))
    assert set(rooms) <= set(metadata.tables)
    return rooms


def statements(path: Path) -> list[exp.Expression]:
    found = sqlglot.parse(path.read_text(encoding="utf-8"), read="duckdb")
    return [statement for statement in found if isinstance(statement, exp.Expression)]


def outside_tables(path: Path) -> Iterator[str]:
    for statement in statements(path):
        inside = {cte.alias for cte in statement.find_all(exp.CTE)}
        yield from (
            table.name for table in statement.find_all(exp.Table) if table.name and table.name not in inside
        )


def room_of(path: Path) -> str:
    """Return the room of a file; those of apps stand after the whole line."""
    return path.relative_to(CORE if path.is_relative_to(CORE) else APPS).parts[0]


def test_there_is_sql_to_look_at() -> None:
    assert FILES != []


@each_file
def test_a_sql_file_reads_no_table_of_another_room(path: Path) -> None:
    room = room_of(path)
    tables = {
        name: owner for name in outside_tables(path) if (owner := room_of_table().get(name)) and owner != room
    }
    later = {
        name: VIEWS[name]
        for name in outside_tables(path)
        if name in VIEWS and room in LINE and LINE.index(VIEWS[name]) > LINE.index(room)
    }
    assert (tables, later) == ({}, {})


@each_file
def test_a_sql_file_says_key_grain_unit_and_source_first(path: Path) -> None:
    head = " ".join(
        line for line in path.read_text(encoding="utf-8").splitlines()[:3] if line.startswith("--")
    ).lower()
    assert [word for word in ("key", "grain", "unit", "source") if word not in head] == []


@each_file
def test_the_head_of_a_sql_file_names_everything_it_reads(path: Path) -> None:
    head = " ".join(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("--"))
    unnamed = {name for name in outside_tables(path) if not re.search(rf"\b{re.escape(name)}\b", head)}
    assert unnamed == set()


@each_file
def test_a_sql_file_can_be_carried_to_spark(path: Path) -> None:
    """A function that sqlglot does not know passes as it stands: the next test is about those."""
    for statement in statements(path):
        assert statement.sql("spark", unsupported_level=ErrorLevel.RAISE)


@each_file
def test_a_sql_file_uses_functions_that_can_be_carried(path: Path) -> None:
    unknown = {
        call.name.lower() for statement in statements(path) for call in statement.find_all(exp.Anonymous)
    }
    assert {name for name in unknown if (path.name, name) not in EXCEPTIONS} == set()


def test_an_as_of_join_has_a_form_for_spark_beside_it() -> None:
    joined = {path for path in FILES if re.search(r"^asof\b", path.read_text(encoding="utf-8"), re.MULTILINE)}
    assert {path.name for path in joined} == set(AS_OF)
    assert all(path.with_name(AS_OF[path.name]) in set(FILES) - joined for path in joined)


def test_every_exception_is_needed() -> None:
    used = {
        (path.name, call.name.lower())
        for path in FILES
        for statement in statements(path)
        for call in statement.find_all(exp.Anonymous)
    }
    assert set(EXCEPTIONS) - used == set()


@each_file
def test_a_sql_file_is_lower_case_and_lists_its_columns(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    words = [
        text[t.start : t.end + 1]
        for t in Tokenizer().tokenize(text)
        if t.token_type.name not in ("STRING", "IDENTIFIER")
    ]
    assert [word for word in words if word != word.lower()] == []
    stars = [
        star
        for statement in statements(path)
        for star in statement.find_all(exp.Star)
        if not isinstance(star.parent, exp.Count)
    ]
    assert stars == []


@each_file
def test_a_sql_file_only_reads(path: Path) -> None:
    assert [
        type(statement).__name__ for statement in statements(path) if not isinstance(statement, exp.Query)
    ] == []


@each_file
def test_a_sql_file_is_used_by_its_own_room_only(path: Path) -> None:
    room = room_of(path)
    readers = {
        room_of(module) if module.is_relative_to(CORE) or module.is_relative_to(APPS) else module.name
        for module in PACKAGE.rglob("*.py")
        if path.name in module.read_text(encoding="utf-8")
    }
    assert readers == {room}

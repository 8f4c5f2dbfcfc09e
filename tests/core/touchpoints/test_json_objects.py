"""Fields of JSON rows: each is found where its path says, whatever lies beside it, and only those that a mapping names are read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zerodistance.core.touchpoints.expressions import names_in
from zerodistance.core.touchpoints.json_objects import NotARow, Path, closely, columns, read_object, survey
from zerodistance.core.touchpoints.mapping import parse
from zerodistance.core.touchpoints.rows import open_rows

KEYS = st.sampled_from(["a", "b", "a.b", "a[0]", "0"])
LEAVES = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", 'y"', "[]"]) | st.just(1.5)
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
ROWS = st.lists(st.dictionaries(KEYS, VALUES, max_size=3), min_size=1, max_size=5)


def step(value: Any, key: str | int) -> Any:
    inside = isinstance(value, dict) if isinstance(key, str) else isinstance(value, list) and key < len(value)
    return value[key] if inside and (isinstance(value, list) or key in value) else None


def as_json(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value, separators=(",", ":"))


@given(ROWS)
def test_every_field_of_every_row_is_found_where_its_path_says(rows: list[dict[str, Any]]) -> None:
    paths: list[Path] = [field.path for field in survey(rows).values()]
    expected = [[as_json(reduce(step, path, row)) for row in rows] for path in paths]
    assert columns(rows, paths) == expected


WORDS = st.sampled_from(
    ['"a"', '"b"', '":"', '"\\u003a"', '"\\""', '"\\u0000"', '"\\ud800"', '"青"', '"\udc80"', '"\\u9752"', '"\x01"', "1", "-0", "1.0", "1.50", "1e5",
     "1e999", "NaN", "true", "null", "9" * 30, "18446744073709551616", "[", "]", "{", "}", ",", ":", ": ", " ", "\t", "\r"]
)  # fmt: skip
SOUND = st.recursive(
    st.sampled_from(['"a"', '":x"', '"\\u003ax"', '"青"', '"\\u0000"', "1", "1.50", "-0", "9" * 30, "null"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: f"[{','.join(some)}]")
        | st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '":"', '"\\u0061"']), st.sampled_from([":", " :", ": "]), inner), max_size=4)
        .map(lambda some: "{" + ",".join("".join(parts) for parts in some) + "}")
    ),
)  # fmt: skip


def outcome(read: Callable[[str], Any], text: str) -> str:
    try:
        return repr(read(text))
    except NotARow as error:
        return f"refused: {error}"


@given(
    SOUND
    | st.lists(WORDS, max_size=8).map("".join)
    | VALUES.map(lambda value: json.dumps({"a": value}, separators=(",", ":")))
)
@example('{"a":1,"a":":x"}')
@example('{"a":{"b":"\\u003ax","b":1}}')
def test_a_row_is_what_a_close_look_says(text: str) -> None:
    assert outcome(read_object, text) == outcome(closely, text)


BEGIN = """
format = "ndjson"
source = "shop"
kind = "order.line"
times = { happened_at = "at", zone = "Asia/Shanghai", lag = "1 day" }
source_id = "id"
"""
ROW = {
    "id": "1", "at": "2026-01-01", "price": 2, "hours": 3, "note": "n", "who": {"phone": "17100000001", "tags": [1, 2]},
    "items": [{"sku": "a", "price": 5}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ('product = "items[0].sku"', {"items[0].sku"}),
        ("amount = '\"items[0].price\" * PRICE'", {"items[0].price", "price"}),
        ('duration = "hours * 3600"\nchannel = "\'note\'"', {"hours"}),
        ('quantity = "length(note)"\n[identifiers]\nphone = "who.phone"', {"note", "who.phone"}),
    ],
)
def test_only_the_fields_that_a_mapping_names_are_read(columns: str, named: set[str]) -> None:
    mapping = parse(f"{BEGIN}[columns]\n{columns}\n")
    rows = open_rows(io.BytesIO(json.dumps(ROW).encode()), mapping)
    assert set(rows.schema.names) == {"id", "at", *named}
    assert list(rows.columns) == list(survey([ROW]))


def test_where_a_mapping_names_a_field_that_is_not_there_all_that_are_can_be_told() -> None:
    for wrong in ('"prise"', "'\"prise\" * hours'", "'hours *'"):
        mapping = parse(f"{BEGIN}[columns]\namount = {wrong}\n")
        rows = open_rows(io.BytesIO(json.dumps(ROW).encode()), mapping)
        assert set(rows.schema.names) == set(survey([read_object(json.dumps(ROW))]))


def test_the_names_in_expressions_are_told_in_lower_case_and_without_what_is_a_text() -> None:
    given = ["case when \"A.b\" is not null then 'CNY' else Currency end", "x.y || 'z'"]
    assert names_in(given) == {"a.b", "currency", "x.y"}
    assert names_in(["1 + 1"]) == names_in([]) == set()
    assert names_in(["a", "a +"]) is None

"""How a file is written is guessed by its beginning, whatever it is packed in."""

from __future__ import annotations

import io

import pytest

from tests.core.touchpoints import tables
from zerodistance.core.touchpoints.api import Guess, sniff
from zerodistance.core.touchpoints.mapping import MappingWrong
from zerodistance.core.touchpoints.unpack import PackingWrong

NAMES = ("手机号", "数量", "金额", "时间", "城市")
ROWS = [
    (f"1710000{i:04}", str(i), f"{i}.50", f"2026-01-02 03:04:{i % 60:02}", "青岛市崂山区" if i % 2 else "")
    for i in range(40)
]
TYPES = ("integer", "integer", "number", "time", "text")


def guess(data: bytes, name: str = "") -> Guess:
    return sniff(io.BytesIO(data), name)


@pytest.mark.parametrize("pack", ["", "gzip", "zip", "zstd"])
@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("gbk", ","), ("utf-8", "\t"), ("utf-8-sig", ";"), ("big5", "|"), ("utf-16", ","), ("utf-16-le", "\t")],
)
def test_encoding_delimiter_and_types_of_a_table_are_found(encoding: str, delimiter: str, pack: str) -> None:
    names = ("手機號", "數量", "金額", "時間", "城市") if encoding == "big5" else NAMES
    rows = [
        (*row[:4], row[4].replace("崂", "勞").replace("青岛", "青島").replace("区", "區")) for row in ROWS
    ]
    data = tables.PACKINGS[pack](
        tables.as_csv(names, rows if encoding == "big5" else ROWS, encoding, delimiter)
    )
    found = guess(data)
    expected = {"gbk": "gb18030", "utf-8-sig": "utf-8"}.get(encoding, encoding)
    assert (found.format, found.compression, found.encoding, found.delimiter, found.header) == (
        "csv", pack, expected, delimiter, True,
    )  # fmt: skip
    assert tuple(column.name for column in found.columns) == names
    assert tuple(column.type for column in found.columns) == TYPES
    assert found.columns[4].empty == 20 and found.columns[0].samples[0] == "17100000000" and found.rows == 40


def test_rows_without_names_get_some() -> None:
    found = guess(b"1,a\n2,b\n3,c\n")
    assert (found.header, [c.name for c in found.columns]) == (False, ["column_1", "column_2"])
    assert found.mapping() == {"csv": {"header": False, "columns": ["column_1", "column_2"]}}


@pytest.mark.parametrize(
    ("data", "form", "path"),
    [
        (tables.as_ndjson(NAMES, ROWS), "ndjson", ()),
        (tables.as_json(NAMES, ROWS), "json", ()),
        (tables.as_json(NAMES, ROWS, ("data", "rows"), 2), "json", ("data", "rows")),
        (tables.as_json(NAMES, ROWS, ("rows",)), "json", ("rows",)),
    ],
)
def test_json_is_found_with_the_way_to_its_rows(data: bytes, form: str, path: tuple[str, ...]) -> None:
    found = guess(data)
    assert (found.format, found.json_path, found.rows) == (form, path, 40)
    assert tuple(column.name for column in found.columns) == NAMES
    assert tuple(column.type for column in found.columns) == TYPES


def test_nested_fields_have_the_names_that_a_mapping_uses() -> None:
    found = guess(b'{"customer": {"phone": "1"}, "items": [{"sku": "a", "n": 2}], "paid": true}\n')
    kinds = {column.name: column.type for column in found.columns}
    assert kinds["customer.phone"] == "integer" and kinds["items[0].sku"] == "text"
    assert kinds["items[0].n"] == "integer" and kinds["paid"] == "boolean"


def test_a_workbook_is_found_with_its_sheets_and_the_row_of_names() -> None:
    found = guess(tables.as_xlsx(NAMES, ROWS, "订单", above=2))
    assert (found.format, found.sheets, found.header_row) == ("xlsx", ("订单",), 3)
    assert tuple(column.type for column in found.columns) == TYPES
    assert found.mapping() == {"format": "xlsx", "xlsx": {"header": 3}}


def test_parquet_says_how_many_rows_it_has() -> None:
    found = guess(tables.as_parquet(NAMES, ROWS))
    assert (found.format, found.total, found.columns[4].empty) == ("parquet", 40, 20)


def test_names_of_zip_members_are_told() -> None:
    found = guess(tables.zipped({"a.csv": b"x,y\n1,2\n", "b.csv": b"x,y\n3,4\n", "__MACOSX/a.csv": b""}))
    assert found.members == ("a.csv", "b.csv")


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 5_000, b"Rar!\x1a", bytes(range(256)) * 50, b"{", b"[", b"[[[[", b"PK\x03\x04"]
)
def test_what_is_no_table_is_never_more_than_a_refusal(data: bytes) -> None:
    try:
        found = guess(data)
    except (MappingWrong, PackingWrong):
        return
    assert found.format in ("csv", "ndjson", "json")


def test_what_was_guessed_is_said_as_a_mapping_says_it() -> None:
    said = guess(tables.as_csv(NAMES, ROWS, "gbk", "\t")).mapping()
    assert said == {"csv": {"delimiter": "\t", "encoding": "gb18030"}}

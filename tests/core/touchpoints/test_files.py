"""One table gives the same touches from whatever file it comes in, in any pieces, with any stop in between."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.core.touchpoints import tables
from zerodistance.core.touchpoints import csv_lines, json_values
from zerodistance.core.touchpoints.mapper import Mapper, Origin
from zerodistance.core.touchpoints.mapping import MappingWrong, parse
from zerodistance.core.touchpoints.rows import open_rows
from zerodistance.kernel.home import Home

NAMES = ("單號", "電話", "時間", "商品", "數量", "備考")
MAPPING = """
kind = "order.line"
source = "shop"
source_id = "單號"
body = ["備考"]
[times]
happened_at = "時間"
zone = "Asia/Shanghai"
lag = "1 day"
[identifiers]
phone = "電話"
[columns]
product = "商品"
quantity = "數量"
"""
COMMON = "王張李北京青島ab01 ,;\"'|\t"
ROW = st.tuples(
    st.sampled_from(["17100000001", "17100000002", ""]),
    st.sampled_from(["2026-01-02 03:04:05", "2026-02-03", "昨天", ""]),
    st.text(COMMON, max_size=8).map(str.strip),
    st.sampled_from(["1", "2.5", "-3", "x", ""]),
    st.text(COMMON, max_size=12).map(str.strip),
)
ENCODINGS = ("utf-8", "utf-8-sig", "gbk", "gb18030", "big5", "utf-16", "utf-16-le", "utf-16-be", "shift-jis")
FORMS = (
    *(f"csv {e}" for e in ENCODINGS),
    "tsv gbk",
    "ndjson",
    "json",
    "json path",
    "json indent",
    "xlsx",
    "parquet",
)


def written(form: str, rows: list[tuple[str, ...]]) -> tuple[bytes, str]:
    """Return the file and the beginning of its mapping."""
    kind, _, rest = form.partition(" ")
    if kind in ("csv", "tsv"):
        delimiter = "\t" if kind == "tsv" else ","
        table = f'csv = {{ encoding = "{rest}", delimiter = "\\u{ord(delimiter):04x}" }}\n'
        return tables.as_csv(
            NAMES, rows, rest.replace("shift-jis", "cp932").replace("big5", "cp950"), delimiter
        ), table
    if kind == "ndjson":
        return tables.as_ndjson(NAMES, rows), 'format = "ndjson"\n'
    if kind == "json":
        path = ("a", "rows") if rest == "path" else ()
        table = 'json = { path = "a.rows" }\n' if path else ""
        return tables.as_json(NAMES, rows, path, 1 if rest == "indent" else None), f'format = "json"\n{table}'
    made = tables.as_xlsx if kind == "xlsx" else tables.as_parquet
    return made(NAMES, rows), f'format = "{kind}"\n'


def touches(home: Home, data: bytes, mapping_text: str, sizes: list[int], stop: int) -> tuple[Any, ...]:
    """Return what a file becomes; after `stop` pieces reading begins anew from the committed row."""
    mapping = parse(mapping_text)
    kept: list[Any] = []
    signs: list[Any] = []
    refused: list[Any] = []
    position, step = 0, 0
    rows = open_rows(io.BytesIO(data), mapping)
    mapper = Mapper(
        home, mapping, rows.schema, Origin(1, 32_768, "f" * 64, 1_800_000_000_000_000), rows.targets
    )
    try:
        while (piece := rows.read(sizes[step % len(sizes)])) is not None:
            step += 1
            if step == stop:
                rows = open_rows(io.BytesIO(data), mapping, position)
                continue
            batch = mapper.map(piece, "test")
            position = batch.position
            at = len(kept)
            kept += batch.touches.to_pylist()
            signs += [(at + r, n, v) for r, n, v in zip(*batch.signs.lists()[:3], strict=True)]
            refused += [(int(r.place.split()[1]), r.reason) for r in batch.refused]
    finally:
        mapper.close()
    return kept, signs, refused, position


@pytest.mark.parametrize("packing", ["", "gzip", "zip", "zstd"])
@given(
    rows=st.lists(ROW, max_size=25),
    form=st.sampled_from(FORMS),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    stop=st.integers(0, 4),
    block=st.sampled_from([5, 64, 1 << 20]),
)
@example(rows=[], form="ndjson", sizes=[1], stop=0, block=5)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_table_gives_the_same_touches_whatever_it_is_written_as(
    home: Home, packing: str, rows: list[tuple[str, ...]], form: str, sizes: list[int], stop: int, block: int
) -> None:
    numbered = [(f"O{i}", *row) for i, row in enumerate(rows)]
    plain, begin = written(form, numbered)
    packed = plain if form in ("xlsx", "parquet") else tables.PACKINGS[packing](plain)
    expected = touches(home, tables.as_csv(NAMES, numbered), MAPPING, [1_000], 0)
    before = csv_lines._BLOCK, json_values._BLOCK
    csv_lines._BLOCK = json_values._BLOCK = block
    try:
        found = touches(home, packed, begin + MAPPING, sizes, stop)
    finally:
        csv_lines._BLOCK, json_values._BLOCK = before
    assert found == expected


ORDERS = """
format = "ndjson"
source = "shop"
source_id = "id"
body = ["paid", "items"]
[[kind]]
is = "order.returned"
when = "total < 0"
[[kind]]
is = "order.line"
[times]
happened_at = "at"
format = "epoch_ms"
lag = "1 day"
[identifiers]
phone = "customer.phone"
[columns]
product = "items[0].sku"
amount = "total"
channel = "\\"customer.city\\" || '-' || \\"items[1].sku\\""
"""
ORDER = (
    b'{"id": 12345678901234567890, "at": 1767225600000, "total": -1.50, "paid": true, "customer": {"phone": 17100000001, '
    b'"city": "Q"}, "items": [{"sku": "a", "n": 1.0}, {"sku": "b"}]}'
)


def test_nested_fields_of_json_are_mapped_and_keep_their_types(home: Home) -> None:
    kept, signs, refused, _ = touches(home, ORDER, ORDERS, [10], 0)
    (touch,) = kept
    assert (touch["kind"], touch["product"], touch["amount"], touch["channel"]) == (
        "order.returned",
        "a",
        -1.5,
        "Q-b",
    )
    assert touch["source_id"] == "12345678901234567890" and touch["happened_at"].year == 2026
    assert touch["body"] == '{"paid":true,"items":"[{\\"sku\\":\\"a\\",\\"n\\":1.0},{\\"sku\\":\\"b\\"}]"}'
    assert signs == [(0, "phone", "17100000001")] and refused == []
    with pytest.raises(MappingWrong, match="double quotes"):
        touches(home, ORDER, ORDERS.replace('"total"', '"customer.city || total"'), [10], 0)

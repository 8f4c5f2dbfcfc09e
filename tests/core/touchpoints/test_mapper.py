"""Rows become touches, column by column; each row that can't is refused with its reason."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.core.touchpoints.sentences import in_chinese
from zerodistance.core.touchpoints.contracts import BUILT, Batch
from zerodistance.core.touchpoints.mapper import Mapper, Origin
from zerodistance.core.touchpoints.mapping import MappingWrong, parse
from zerodistance.core.touchpoints.rows import open_rows
from zerodistance.kernel.home import Home

RECEIVED = datetime(2026, 11, 21, 12, tzinfo=UTC)
ORDERS = """
format = "FORMAT"
source = "orders"
body = ["note"]
required = ["quantity"]
[[kind]]
is = "order.returned"
when = "pieces < 0"
[[kind]]
is = "order.line"
when = "pieces > 0"
[types]
pieces = "integer"
price = "number"
[times]
happened_at = "at"
zone = "Europe/London"
lag = "36 h"
[identifiers]
member_id = "member"
phone = "phone"
[columns]
quantity = "pieces"
amount = "pieces * price"
currency = "money"
[facts]
name = "who"
"""
HEADER = "at,pieces,price,member,phone,money,who,note"


def run(home: Home, text: str, data: bytes, **more: Any) -> Batch:
    mapping = parse(text)
    rows = open_rows(io.BytesIO(data), mapping)
    origin = Origin(7, 200, "0123456789abcdef" * 4, int(RECEIVED.timestamp() * 1_000_000))
    mapper = Mapper(home, mapping, rows.schema, origin)
    try:
        piece = rows.read(1_000)
        assert piece is not None and rows.read(1_000) is None
        return mapper.map(piece, "import:1")
    finally:
        mapper.close()


def csv(home: Home, *lines: str, text: str = ORDERS) -> Batch:
    return run(home, text.replace("FORMAT", "csv"), "\n".join([HEADER, *lines]).encode())


def reasons(batch: Batch) -> list[tuple[str, str]]:
    return [(r.place, r.reason) for r in batch.refused]


def test_a_good_row_becomes_a_touch(home: Home) -> None:
    batch = csv(home, "2011-06-01 12:00:00,-2,1.5,m1,138,GBP,王伟,gift")
    assert batch.touches.schema == BUILT
    touch = {k: v for k, v in batch.touches.to_pylist()[0].items() if v is not None}
    assert touch == {
        "source": 7, "source_id": "0123456789abcdef:1", "kind": "order.returned", "month": "2026-11",
        "happened_at": datetime(2011, 6, 1, 11, tzinfo=UTC), "original_at": datetime(2011, 6, 1, 11, tzinfo=UTC),
        "received_at": RECEIVED, "known_at": datetime(2011, 6, 2, 23, tzinfo=UTC),
        "quantity": -2.0, "amount": -3.0, "currency": "GBP", "body": '{"note":"[sealed]"}',
    }  # fmt: skip
    assert batch.texts == [(0, b'{"note":"gift"}')]
    assert batch.signs.lists()[:3] == (
        [0, 0],
        ["member_id", "phone"],
        ["m1", "138"],
    )
    assert (batch.facts.row, batch.facts.field, batch.facts.value) == ([0], ["name"], ["王伟"])
    assert batch.fingerprints[0] == home.seal.fingerprint(7, "0123456789abcdef:1")
    assert (batch.feed, batch.position, batch.forever) == ("import:1", 1, True)


def test_a_row_without_anybody_is_a_touch_of_nobody(home: Home) -> None:
    batch = csv(home, "2011-06-01,1,2,,,GBP,,")
    assert (batch.touches.num_rows, batch.signs.keys, batch.refused) == (1, [], [])


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ("2011-13-01,1,2,m,1,GBP,,", "bad_timestamp", "times.happened_at"),
        ("1899-01-01,1,2,m,1,GBP,,", "bad_timestamp", "from 1970 on"),
        ("infinity,1,2,m,1,GBP,,", "bad_timestamp", "times.happened_at"),
        (",1,2,m,1,GBP,,", "missing_value", "times.happened_at"),
        ("2011-06-01,x,2,m,1,GBP,,", "bad_value", "column pieces: not of the type integer"),
        ("2011-06-01,3.7,2,m,1,GBP,,", "bad_value", "column pieces: not of the type integer"),
        ("2011-06-01,1,nan,m,1,GBP,,", "bad_value", "column price"),
        ("2011-06-01,,2,m,1,GBP,,", "no_kind", "no rule"),
        ("2011-06-01,0,2,m,1,GBP,,", "no_kind", "no rule"),
        ("2011-06-01,1,1e308,m,1,GBP,,", "", ""),
        ("2011-06-01,100,1e308,m,1,GBP,,", "bad_value", "columns.amount"),
        ("2011-06-01,1,2,m,1,pound,,", "bad_value", "ISO 4217"),
        ("2011-06-01,1,2,m,1,GBP,," + "x" * 300, "too_large", "200 bytes"),
        ("2011-06-01,1,2", "bad_row", "the row has 3 columns, the file has 8"),
    ],
)
def test_a_bad_row_is_refused_with_its_number_and_reason_and_spoils_no_other(
    home: Home, line: str, reason: str, detail: str
) -> None:
    batch = csv(home, "2011-06-01,1,2,m0,1,GBP,,", line, "2011-06-02,1,2,m2,1,GBP,,")
    assert reasons(batch) == ([("row 2", reason)] if reason else [])
    assert batch.touches.num_rows + len(batch.refused) == 3
    assert batch.position == 3 and batch.counts[7, "received"] == 3
    if reason:
        assert detail in batch.refused[0].detail
        assert in_chinese(batch.refused[0].detail)
        assert batch.touches["source_id"].to_pylist() == ["0123456789abcdef:1", "0123456789abcdef:3"]
        kept = json.loads(batch.refused[0].raw)
        assert kept == {"line": line} or list(kept["values"].values()) == line.split(",")


def test_a_row_of_nobody_or_not_as_the_mapping_asks_is_refused_where_it_says_so(home: Home) -> None:
    text = (
        ORDERS.replace('["quantity"]', '["somebody", "quantity"]')
        + "[checks]\ncurrency = \"money in ('GBP', 'CNY')\"\n"
    )
    lines = ("1,2,m,,GBP,,", "1,2,,,GBP,,", "1,2,,1,EUR,,", "1,2,,1,,,")
    batch = csv(home, *(f"2011-06-01,{line}" for line in lines), text=text)
    assert [(r.reason, r.detail) for r in batch.refused] == [
        (
            "nobody",
            "identifiers: the row has none that can be used; one of these is needed: member_id, phone",
        ),
        ("bad_value", "checks.currency: the row is not as the mapping asks: money in ('GBP', 'CNY')"),
        ("bad_value", "checks.currency: the row is not as the mapping asks: money in ('GBP', 'CNY')"),
    ]
    assert all(in_chinese(one.detail) for one in batch.refused) and batch.touches.num_rows == 1
    assert batch.nobody == batch.refused[0].detail


def test_a_moment_may_be_the_same_for_every_row(home: Home) -> None:
    text = ORDERS.replace('happened_at = "at"', "happened_at = \"timestamptz '2011-06-01 12:00:00+02'\"")
    batch = csv(home, "x,1,2,m,,GBP,,", "y,1,2,m,,GBP,,", text=text)
    assert batch.touches["happened_at"].to_pylist() == [datetime(2011, 6, 1, 10, tzinfo=UTC)] * 2


def test_rows_on_which_an_expression_itself_breaks_are_refused_alone(home: Home) -> None:
    text = ORDERS.replace('quantity = "pieces"', 'quantity = "cast(money as integer)"').replace(
        'currency = "money"', ""
    )
    batch = csv(home, *[f"2011-06-01,1,2,m,1,{'x' if i % 3 == 0 else i},," for i in range(30)], text=text)
    assert reasons(batch) == [(f"row {i + 1}", "bad_value") for i in range(0, 30, 3)]
    assert batch.touches["quantity"].to_pylist() == [i for i in range(30) if i % 3]


def test_a_touch_is_never_in_the_future(home: Home) -> None:
    batch = csv(home, "2126-01-01,1,2,m,1,GBP,,")
    touch = batch.touches.to_pylist()[0]
    assert touch["happened_at"] == touch["known_at"] == RECEIVED
    assert touch["original_at"] == datetime(2126, 1, 1, tzinfo=UTC)
    assert batch.counts[7, "clock_ahead"] == 1


@pytest.mark.parametrize(
    ("given", "more", "hour"),
    [
        ("2011-06-01T12:00:00Z", "", 12),
        ("2011-06-01T12:00:00+0800", "", 4),
        ("2011-06-01 12:00", "", 11),
        ("01/06/2011 12:00", 'format = ["%Y-%m-%d", "%d/%m/%Y %H:%M"]', 11),
        ("2011-06-01 12:00 +0100", 'format = "%Y-%m-%d %H:%M %z"', 11),
        ("1306926000", 'format = "epoch_s"', 11),
        ("1306926000000", 'format = "epoch_ms"', 11),
    ],
)
def test_times_are_read_as_they_are_written(home: Home, given: str, more: str, hour: int) -> None:
    batch = csv(home, f"{given},1,2,m,1,GBP,,", text=ORDERS.replace("[times]", f"[times]\n{more}"))
    assert batch.touches["happened_at"].to_pylist() == [datetime(2011, 6, 1, hour, tzinfo=UTC)]


def test_amounts_without_a_currency_are_in_that_of_the_brand(home: Home) -> None:
    batch = csv(home, "2011-06-01,1,2,m,1,,,", "2011-06-01,1,,m,1,,,")
    assert batch.touches["currency"].to_pylist() == ["CNY", None]


def test_mapped_source_ids_are_those_of_the_source(home: Home) -> None:
    text = 'source_id = ["note", "money"]\n' + ORDERS.replace('body = ["note"]\n', "")
    batch = csv(home, "2011-06-01,1,2,m,1,GBP,,T1", "2011-06-01,1,2,m,1,GBP,,", text=text)
    assert batch.touches["source_id"].to_pylist() == ["T1:GBP"]
    assert reasons(batch) == [("row 2", "missing_value")]


def test_parquet_keeps_its_types_and_ids_that_became_floats_are_whole(home: Home) -> None:
    out = io.BytesIO()
    table = pa.table(
        {
            "at": pa.array([datetime(2011, 6, 1, 12), None], pa.timestamp("ns")),
            "pieces": pa.array([1, 2], pa.int32()),
            "price": pa.array([1.5, float("nan")]),
            "member": pa.array([17850.0, 3.0]),
            "phone": pa.array(["1", "2"]).dictionary_encode(),
            "money": pa.array(["GBP", "GBP"]),
            "who": pa.array([None, None], pa.string()),
            "note": pa.array(["a", "b"]),
        }
    )
    pq.write_table(table, out)
    batch = run(home, ORDERS.replace("FORMAT", "parquet"), out.getvalue())
    assert batch.touches["happened_at"].to_pylist() == [datetime(2011, 6, 1, 11, tzinfo=UTC)]
    assert batch.signs.lists()[2] == ["17850", "1"]
    assert reasons(batch) == [("row 2", "missing_value")]
    assert json.loads(batch.refused[0].raw)["values"]["member"] == "3.0"


def test_a_file_that_is_no_parquet_says_so(home: Home) -> None:
    with pytest.raises(MappingWrong, match="not a Parquet file"):
        run(home, ORDERS.replace("FORMAT", "parquet"), b"at,pieces\n")

"""A first mapping is guessed by names and values, and is never one that can't be read."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.touchpoints import tables
from zerodistance.core.touchpoints.mapping import Mapping, SourceSpec, parse
from zerodistance.core.touchpoints.mapping_text import write
from zerodistance.core.touchpoints.roles import role_of
from zerodistance.core.touchpoints.sniff import Column, Guess, sniff
from zerodistance.core.touchpoints.suggest import suggest, times_of

SPEC = SourceSpec("files")


def guessed(names: list[str], *rows: list[str], encoding: str = "utf-8") -> Mapping:
    guess = sniff(io.BytesIO(tables.as_csv(names, rows, encoding)), "f.csv")
    return suggest(guess, SPEC, "Asia/Shanghai")


def test_a_chinese_export_of_orders_is_understood() -> None:
    names = ["下单时间", "订单号", "手机号", "姓名", "产品", "数量", "金额", "备注", "折扣"]
    mapping = guessed(
        names,
        ["2026/1/2 10:00", "A1", "13800001111", "王伟", "冰箱", "1", "3999.5", "送到楼下", "0.9"],
        ["2026/1/3 11:30", "A2", "13800002222", "李娜", "洗衣机", "2", "5999", "", "1.0"],
        encoding="gb18030",
    )
    assert [role_of(mapping, name) for name in names] == [
        "time", "column:order_id", "id:phone", "fact:name", "column:product", "column:quantity", "column:amount", "", "body",
    ]  # fmt: skip
    assert mapping.kinds[0].key == "order.line"
    assert (mapping.times.formats, mapping.times.zone) == (("%Y/%m/%d %H:%M",), "Asia/Shanghai")
    assert mapping.types == {"数量": "integer", "金额": "number"}
    assert mapping.csv.encoding == "gb18030"
    assert parse(write(mapping)) == mapping


def test_an_english_call_list_is_understood() -> None:
    names = ["ticket", "opened", "phone", "caller", "fault_code"]
    mapping = guessed(names, ["T1", "2026-01-02 10:00:00", "13800001111", "Li", "E4"])
    assert [role_of(mapping, n) for n in names] == [
        "source_id",
        "time",
        "id:phone",
        "fact:name",
        "column:fault",
    ]
    assert (mapping.kinds[0].key, mapping.times.formats) == ("service.called", ())


def test_names_are_personal_only_where_somebody_is_known() -> None:
    assert guessed(["date", "name"], ["2026-01-01", "x"], ["2026-01-02", "y"]).facts == {}


def test_without_a_time_that_is_left_to_be_chosen() -> None:
    mapping = guessed(["member", "colour"], ["m1", "red"], ["m2", "blue"])
    assert mapping.times.happened_at == ""
    assert parse(write(mapping), unfinished=True) == mapping


@pytest.mark.parametrize(
    ("samples", "formats"),
    [
        (("2026-01-02",), ()),
        (("2026-01-02T03:04:05Z",), ()),
        (("1767225600",), ("epoch_s",)),
        (("1767225600000",), ("epoch_ms",)),
        (("31/01/2026",), ("%d/%m/%Y",)),
        (("01/31/2026 5:06 PM",), ("%m/%d/%Y %I:%M %p",)),
        (("2026/1/2 3:04", "2026/1/3 3:04", "下周二"), ("%Y/%m/%d %H:%M",)),
        (("2026/1/2", "soon", "later"), ()),
        (("01/02/2026",), ()),  # either: it is left open
        (("2026年1月2日",), ("%Y年%m月%d日",)),
    ],
)
def test_how_times_are_written_is_seen_where_the_values_tell(
    samples: tuple[str, ...], formats: tuple[str, ...]
) -> None:
    assert times_of(Column("at", "text", samples, 0), "UTC", "csv").formats == formats


@given(
    st.lists(
        st.builds(
            Column,
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip),
            st.sampled_from(["text", "integer", "number", "date", "time", "boolean"]),
            st.lists(st.text(max_size=20), max_size=3).map(tuple),
            st.just(0),
        ),
        max_size=8,
        unique_by=lambda column: column.name,
    )
)
def test_whatever_the_columns_are_the_guess_can_be_read(columns: list[Column]) -> None:
    mapping = suggest(Guess("csv", encoding="utf-8", delimiter=",", columns=tuple(columns)), SPEC, "UTC")
    assert parse(write(mapping), unfinished=True) == mapping

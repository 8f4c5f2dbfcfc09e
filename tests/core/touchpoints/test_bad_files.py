"""Files that are broken, hostile or not what they say: a reason, never a crash, never much memory."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from typing import BinaryIO

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.core.touchpoints import tables
from tests.core.touchpoints.sentences import in_chinese
from zerodistance.core.touchpoints import csv_lines, xlsx_rows
from zerodistance.core.touchpoints.mapping import MappingWrong, parse
from zerodistance.core.touchpoints.mapping_sql import plan
from zerodistance.core.touchpoints.rows import look_through, open_rows
from zerodistance.core.touchpoints.sniff import sniff
from zerodistance.core.touchpoints.unpack import PackingWrong, TooMuch
from zerodistance.kernel.errors import ZeroDistanceError

MAPPING = """
source = "s"
kind = "page.viewed"
body = ["b"]
[times]
happened_at = "a"
zone = "UTC"
lag = "1 day"
"""
Read = tuple[dict[int, dict[str, str | None]], list[tuple[int, str, bytes]]]


def read(data: bytes | BinaryIO, head: str = "", most: int = 50, limit: int = 1 << 30) -> Read:
    """Look through a file as an import does, then read it; return good rows by number, and bad ones."""
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    mapping = parse(head + MAPPING)
    rows = open_rows(file, mapping, limit=limit)
    look_through(file, mapping, limit=limit)
    rows = open_rows(file, mapping, limit=limit)
    good: dict[int, dict[str, str | None]] = {}
    bad: list[tuple[int, str, bytes]] = []
    while (piece := rows.read(most)) is not None:
        good |= dict(zip(piece.rows.tolist(), piece.table.to_pylist(), strict=True))
        bad += [(b.row, b.detail, b.line) for b in piece.bad]
        assert all(in_chinese(b.detail) for b in piece.bad), bad
    return good, bad


ND = 'format = "ndjson"\n'
JS = 'format = "json"\n'
GOOD = b'{"a":"2026-01-01","b":"x"}'


@pytest.mark.parametrize("form", [ND, JS])
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'[1]', "not a JSON object but an array"),
        (b'"text"', "not a JSON object but a text"),
        (b"null", "not a JSON object but null"),
        (b'{"a":1,"a":2}', "'a' stands twice"),
        (b'{"a":{"z":1,"z":2}}', "'z' stands twice"),
        (b'{"a":NaN}', "NaN is no JSON number"),
        (b'{"a":-Infinity}', "-Infinity is no JSON number"),
        (b'{"a":' + b"[" * 3_000 + b"]" * 3_000 + b"}", "nested too deeply"),
        (b'{"a":"\xff"}', "not utf-8"),
        (b'{"a":"\\u0000"}', "NUL"),
        (b'{"a":"\\ud800"}', "half a sign"),
        (b'{"a":' + b"9" * 5_000 + b"}", "not JSON"),
        (b'{"a":01}', "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":"' + b"x" * (csv_lines.MOST_BYTES + 9) + b'"}', "longer than"),
    ],
)  # fmt: skip
def test_a_json_row_that_can_not_be_one_is_refused_with_its_reason_and_bytes(
    form: str, row: bytes, reason: str
) -> None:
    data = b"\n".join([GOOD, row, GOOD]) if form == ND else b"[" + b",".join([GOOD, row, GOOD]) + b"]"
    good, bad = read(data, form)
    assert list(good) == [1, 3] and [number for number, _, _ in bad] == [2]
    assert (
        reason in bad[0][1]
        and row.startswith(bad[0][2])
        and len(bad[0][2]) >= min(len(row), csv_lines.KEPT_BYTES)
    )


def test_a_field_of_a_later_row_that_was_never_seen_is_named_in_types() -> None:
    rows = b"\n".join([b'{"a":"2026-01-01","b":1}'] * 1_000 + [b'{"a":"2026-01-01","b":1,"c":{"d":"late"}}'])
    with pytest.raises(MappingWrong, match=r"c\.d"):
        mapping = parse(ND + MAPPING + '[columns]\nproduct = "c.d"\n')
        plan(duckdb.connect(), mapping, open_rows(io.BytesIO(rows), mapping).schema, event_bytes=1)
    good, _ = read(rows, ND + 'types = { "c.d" = "text" }\n', most=2_000)
    assert good[1_001] == {"a": "2026-01-01", "b": "1", "c.d": "late"}


@pytest.mark.parametrize(
    ("data", "head", "said"),
    [
        (b'{"a":1}', JS, "ndjson"),
        (b"[" + GOOD, JS, "breaks off or is broken after row 1"),
        (b"[" + GOOD + b',{"a":"2026', JS, "breaks off or is broken after row 1"),
        (b"[" + GOOD + b"}]", JS, "'}' stands where"),
        (b'{"rows":{"x":[]}}', JS + 'json = { path = "rows.y" }\n', "no key y"),
        (b'{"rows":[]}', JS + 'json = { path = "data" }\n', "did you mean|no key data"),
        ("a,b\n2026-01-01,青岛\n".encode("gbk"), "", 'encoding = "gb18030"'),
        ("时间,b\n2026-01-01,x\n".encode("gbk"), "", 'encoding = "gb18030"'),
        ("a,b\n2026-01-01,青岛\n".encode("utf-16"), "", 'encoding = "utf-16"'),
        ("a,b\n2026-01-01,青岛市崂山区\n".encode(), 'csv = { encoding = "gbk" }\n', 'encoding = "utf-8"'),
    ],
)
def test_a_file_that_is_not_what_the_mapping_says_is_refused_with_what_to_do(
    data: bytes, head: str, said: str
) -> None:
    with pytest.raises(ZeroDistanceError) as caught:
        read(data, head)
    assert any(part in caught.value.message("en") for part in said.split("|")) and caught.value.message("zh")


def test_a_gbk_row_that_is_no_gbk_keeps_its_own_bytes() -> None:
    data = (
        "a,b\n2026-01-01,青岛\n2026-01-02,".encode("gbk")
        + b"\x81\n"
        + "2026-01-03\n2026-01-04,王\n".encode("gbk")
    )
    good, bad = read(data, 'csv = { encoding = "gbk" }\n')
    assert good == {1: {"a": "2026-01-01", "b": "青岛"}, 4: {"a": "2026-01-04", "b": "王"}}
    assert bad == [
        (2, "column b is not gb18030", b"2026-01-02,\x81"),
        (3, "the row has 1 columns, the file has 2", b"2026-01-03"),
    ]


def test_a_row_with_nul_and_one_without_end_are_refused_by_themselves() -> None:
    data = b"a,b\n2026-01-01,x\n2026\0,y\n" + b"z" * (7 << 20) + b"\n2026-01-04,w\n" + b"q" * (2 << 20)
    good, bad = read(data)
    assert list(good) == [1, 4]
    assert [(row, detail.split(";")[0], len(line)) for row, detail, line in bad] == [
        (2, csv_lines.NUL, 7),
        (3, csv_lines.TOO_LONG.split(";")[0], csv_lines.KEPT_BYTES),
        (5, csv_lines.TOO_LONG.split(";")[0], csv_lines.KEPT_BYTES),
    ]


CSV = b"a,b\n" + b"2026-01-01,some text\n" * 20_000


def _encrypted(data: bytes) -> bytes:
    """Set the flag of encryption in both headers of the only member."""
    at = data.rfind(b"PK\x01\x02")
    return data[:6] + bytes([data[6] | 1]) + data[7 : at + 8] + bytes([data[at + 8] | 1]) + data[at + 9 :]


def _lzma() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", CSV)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (gzip.compress(CSV)[:-500], "broken off or damaged near byte"),
        (gzip.compress(CSV)[:-8] + b"12345678", "broken off or damaged"),
        (gzip.compress(CSV) + b"garbage", "broken off or damaged"),
        (tables.zstd(CSV)[:-20], "damaged near byte|broken off"),
        (tables.zipped({"a.csv": CSV})[:-40], "has probably not come whole"),
        (_encrypted(tables.zipped({"a.csv": CSV})), "is encrypted"),
        (_lzma(), "packed by lzma"),
        (gzip.compress(gzip.compress(CSV)), "packed once more"),
        (tables.zipped({"a.csv.gz": gzip.compress(CSV)}), "packed once more"),
        (tables.zipped({"in.zip": tables.zipped({"a.csv": CSV})}), "packed once more"),
        (tables.zipped({"readme": b"", "a.csv": CSV}), "columns|names"),
        (tables.zipped({"a.csv": CSV, "b.csv": b"a,c\n1,2\n"}), "are not those of a.csv"),
        (tables.zipped({"__MACOSX/x": b""}), "no file in the zip"),
        (b"Rar!\x1a\x07\x00", "rar is not read"),
        (tables.as_xlsx(("a", "b"), []), "this is a workbook"),
    ],
)  # fmt: skip
def test_packing_that_is_broken_or_hides_something_is_refused_as_a_whole(data: bytes, said: str) -> None:
    with pytest.raises(ZeroDistanceError) as caught:
        read(data)
    assert any(part in caught.value.message("en") for part in said.split("|")), caught.value.message("en")
    assert caught.value.message("zh")


def test_a_damaged_zip_member_is_named() -> None:
    data = bytearray(tables.zipped({"a.csv": CSV, "b.csv": CSV}))
    at = data.index(b"b.csv") + 60
    data[at : at + 4] = b"\0\0\0\0"
    with pytest.raises(PackingWrong, match=r"b\.csv"):
        read(bytes(data))


def test_rows_of_several_members_count_on_and_say_where_they_are() -> None:
    data = tables.zipped(
        {
            "../../etc/a.csv": b"a,b\n2026-01-01,x\n2026-01-02\n",
            "C:\\b\n.csv": b"a,b\n2026-01-03\n2026-01-04,y\n",
        }
    )
    rows = open_rows(io.BytesIO(data), parse(MAPPING))
    found = []
    while (piece := rows.read(10)) is not None:
        found += [(b.row, b.where) for b in piece.bad]
        assert piece.where is not None
        found += [(row, piece.where(row)) for row in piece.rows.tolist()]
    assert sorted(found) == [
        (1, "../../etc/a.csv 1"), (2, "../../etc/a.csv 2"), (3, "C:\\b?.csv 1"), (4, "C:\\b?.csv 2"),
    ]  # fmt: skip


def test_members_are_chosen_by_name_and_chinese_names_of_old_zips_are_read() -> None:
    good, _ = read(
        tables.zipped({"orders-1.csv": CSV, "notes.txt": b"hello"}), 'members = "orders*"\n', most=30_000
    )
    assert len(good) == 20_000
    named = tables.zipped({"ab": CSV}).replace(b"ab", "订".encode("gbk"))
    assert sniff(io.BytesIO(named)).members == ("订",)


@pytest.mark.parametrize("pack", [gzip.compress, tables.zstd, lambda data: tables.zipped({"a": data})])
def test_a_bomb_is_stopped_at_the_limit_in_little_memory(pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(b"a,b\n" + b"0" * (40 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(TooMuch, match="max_import_bytes"):
            read(bomb, limit=20 << 20)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


XL = 'format = "xlsx"\n'


def _changed(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            part = old.read(info)
            new.writestr(info.filename, change(part) if info.filename == name else part)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
BOOK = tables.as_xlsx(("a", "b"), [("2026-01-01", 17850.0), ("2026-01-02", 0.5), ("2026-01-03", 13912345678)])


def test_cells_become_the_texts_that_a_person_sees() -> None:
    rows = [
        (datetime(2026, 1, 1, 8, 30), 17850.0),
        (date(2026, 1, 2), True),
        (datetime(2026, 1, 3), 1e20),
        ("x", 0.1),
    ]
    good, bad = read(tables.as_xlsx(("a", "b"), rows), XL)
    assert [tuple(row.values()) for row in good.values()] == [
        ("2026-01-01 08:30:00", "17850"), ("2026-01-02", "true"), ("2026-01-03", "1e+20"), ("x", "0.1"),
    ]  # fmt: skip
    assert bad == []


def test_sheets_are_chosen_by_name_or_number_and_the_header_may_stand_lower() -> None:
    data = tables.as_xlsx(("a", "b"), [("2026-01-01", "x")], "订单", above=2)
    head = XL + 'xlsx = { sheet = "订单", header = 3 }\n'
    assert read(data, head)[0] == {1: {"a": "2026-01-01", "b": "x"}}
    rows = open_rows(io.BytesIO(data), parse(head + MAPPING)).read(10)
    assert rows is not None and rows.where is not None and rows.where(1) == "sheet row 4"
    with pytest.raises(MappingWrong, match="there is no sheet 2; allowed are 订单"):
        read(data, XL + "xlsx = { sheet = 2 }\n")
    with pytest.raises(MappingWrong, match="should name the columns"):
        read(data, XL + "xlsx = { header = 9 }\n")


def test_formulas_give_their_kept_value_and_errors_are_refused() -> None:
    def change(sheet: bytes) -> bytes:
        return sheet.replace(b"<v>17850</v>", b"<f>1+1</f>").replace(b'<c r="B3" t="n"><v>0.5</v>', b'<c r="B3" t="e"><v>#REF!</v>').replace(
            b"<v>13912345678</v>", b"<f>A1</f><v>7</v>")  # fmt: skip

    rows = open_rows(io.BytesIO(_changed(BOOK, SHEET, change)), parse(XL + MAPPING))
    piece = rows.read(10)
    assert piece is not None
    assert piece.table["b"].to_pylist() == [None, "7"] and piece.uncached == {1: 1}
    assert all(in_chinese(b.detail) for b in piece.bad)
    assert [(b.row, b.detail, b.where) for b in piece.bad] == [
        (2, "cell B3 holds the error #REF!", "sheet row 3")
    ]


XXE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "part", [SHEET, "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml", "xl/_rels/workbook.xml.rels"]
)
@pytest.mark.parametrize("doctype", [XXE, LAUGHS])
def test_a_workbook_that_declares_entities_is_refused_before_it_is_read(part: str, doctype: bytes) -> None:
    def change(xml: bytes) -> bytes:
        begin = xml.index(b"?>") + 2 if xml.startswith(b"<?xml") else 0
        return xml[:begin] + b"<!-- " + b"x" * 100_000 + b" -->" + doctype + xml[begin:]

    with pytest.raises(PackingWrong, match="DOCTYPE"):
        read(_changed(BOOK, part, change), XL)
    with pytest.raises(PackingWrong, match="DOCTYPE"):
        sniff(io.BytesIO(_changed(BOOK, part, change)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (BOOK[:-30], "has probably not come whole"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old xls or an encrypted workbook"),
        (b"a,b\n", "not an xlsx workbook"),
        (tables.zipped({"a.csv": CSV}), "no workbook in this zip"),
        (_changed(BOOK, "xl/styles.xml", lambda xml: b"<nothing"), "can't be opened"),
        (_changed(BOOK, "xl/workbook.xml", lambda xml: b"<workbook/>"), "can't be opened|no sheet"),
        (_changed(BOOK, SHEET, lambda xml: xml[: xml.index(b'<row r="3"') + 20]), "can't be opened"),
        (_changed(BOOK, SHEET, lambda xml: b""), "can't be opened"),
    ],
)
def test_a_workbook_that_is_none_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ZeroDistanceError) as caught:
        read(data, XL)
    assert any(part in caught.value.message("en") for part in said.split("|")), caught.value.message("en")


def test_a_workbook_that_grows_over_the_limit_is_refused() -> None:
    big = _changed(BOOK, SHEET, lambda xml: xml + b" " * (9 << 20))
    with pytest.raises(TooMuch, match="max_import_bytes"):
        read(big, XL, limit=8 << 20)


def test_a_row_of_a_workbook_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_rows, "_MOST_ROW", 1 << 17)
    endless = _changed(
        BOOK, SHEET, lambda xml: xml.replace(b'<row r="3">', b'<row r="3">' + b"<c/>" * (1 << 16))
    )
    with pytest.raises(ZeroDistanceError, match="can't be read after row 2"):
        read(endless, XL)


@given(junk=st.binary(max_size=400), at=st.integers(0, 3_000), form=st.sampled_from(["", ND, JS, XL]))
@example(
    junk=bytes([0, 0, 8, *[0] * 18, 0x12]), at=5, form=XL
)  # the name of a part says that it is UTF-8, and is not
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_it_fail_in_another_way_than_with_a_reason(junk: bytes, at: int, form: str) -> None:
    whole = {"": CSV[:3_000], ND: (GOOD + b"\n") * 100, JS: b"[" + b",".join([GOOD] * 100) + b"]", XL: BOOK}[
        form
    ]
    data = whole[:at] + junk + whole[at + len(junk) :]
    for packed in (data, gzip.compress(data)):
        try:
            good, bad = read(packed, form)
        except ZeroDistanceError as error:
            assert error.message("zh") and error.message("en")
            continue
        assert sorted([*good, *(row for row, _, _ in bad)]) == list(range(1, len(good) + len(bad) + 1))


@pytest.mark.parametrize(
    "head", ['csv = { encoding = "utf-16" }\n', 'format = "json"\njson = { encoding = "utf-16" }\n']
)
def test_a_text_without_the_mark_that_its_encoding_needs_is_refused_as_a_whole(head: str) -> None:
    with pytest.raises(MappingWrong, match="byte order mark"):
        read(b"a,b\n2026-01-01,x\n", head)


def test_a_header_with_a_bare_carriage_return_is_explained_and_such_a_row_is_refused() -> None:
    with pytest.raises(MappingWrong, match="column names"):
        read(b"a,b\rc\n2026-01-01,x\n")
    _, bad = read(b"a,b\n2026-01-01,x\n2026-01-02,y\rz\n2026-01-03,v\n")
    assert [row for row, *_ in bad] == [2]

"""Records and rows of files: quotes, line ends, bad lines, pieces."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.touchpoints.sentences import in_chinese
from zerodistance.core.touchpoints import csv_lines
from zerodistance.core.touchpoints.csv_rows import CsvRows
from zerodistance.core.touchpoints.mapping import CsvShape, MappingWrong
from zerodistance.core.touchpoints.parquet_rows import ParquetRows
from zerodistance.core.touchpoints.pieces import BadRow

CELL = st.text(alphabet=st.sampled_from('ab,";\n\r 王é'), max_size=6)


PLAIN = CsvShape()


def read(
    data: bytes, shape: CsvShape = PLAIN, most: int = 3, skip: int = 0
) -> tuple[dict[int, tuple[str, ...]], list[BadRow]]:
    rows, good, bad = CsvRows(io.BytesIO(data), shape, skip), {}, []
    while (piece := rows.read(most)) is not None:
        for number, row in zip(piece.rows.tolist(), piece.table.to_pylist(), strict=True):
            good[number] = tuple(row.values())
        bad += piece.bad
    return good, bad


@pytest.mark.parametrize("block", [7, 64, 4 << 20])
@given(rows=st.lists(st.tuples(CELL, CELL), max_size=20))
@settings(max_examples=30, deadline=None)
def test_what_the_standard_writer_wrote_is_read_back_in_blocks_of_any_size(
    block: int, rows: list[tuple[str, str]]
) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("a", "b"), *rows])
    before, csv_lines._BLOCK = csv_lines._BLOCK, block
    try:
        good, bad = read(out.getvalue().encode())
    finally:
        csv_lines._BLOCK = before
    assert (list(good.values()), bad) == (rows, [])
    assert list(good) == list(range(1, len(rows) + 1))


@given(
    lines=st.lists(st.text(alphabet='a",', max_size=8), min_size=1, max_size=12),
    skip=st.integers(0, 13),
    most=st.integers(1, 5),
)
@settings(max_examples=120, deadline=None)
def test_every_row_is_good_or_bad_once_from_wherever_reading_resumes(
    lines: list[str], skip: int, most: int
) -> None:
    data = ("x,y\n" + "\n".join(lines)).encode()
    good, bad = read(data)
    numbers = sorted([*good, *(b.row for b in bad)])
    assert numbers == list(range(1, len(numbers) + 1))
    later, later_bad = read(data, most=most, skip=skip)
    assert later == {n: row for n, row in good.items() if n > skip}
    assert later_bad == [b for b in bad if b.row > skip]


def test_a_quote_that_is_never_closed_spoils_its_own_line_only() -> None:
    good, bad = read(b'a,b\n1,"open\n2,two\n3,three\n')
    assert good == {2: ("2", "two"), 3: ("3", "three")}
    assert bad == [BadRow(1, csv_lines.UNCLOSED, b'1,"open')]
    assert in_chinese(csv_lines.UNCLOSED)


def test_a_stray_quote_inside_a_cell_is_just_a_sign() -> None:
    assert read(b'a,b\n5" pipe,1\nx,"y\nz"\n')[0] == {1: ('5" pipe', "1"), 2: ("x", "y\nz")}


def test_wrong_column_counts_and_bytes_that_are_not_utf8_are_named_with_their_rows() -> None:
    good, bad = read(
        "a,b\r\n1,王\r\n\r\n2\r\n3,\xff\r\n4,5,6\r\n7,ok\r\n".encode("latin-1", "replace").replace(
            b"?", b"\xe7\x8e\x8b"
        )
    )
    assert good == {1: ("1", "王"), 5: ("7", "ok")}
    assert all(in_chinese(b.detail) for b in bad)
    assert [(b.row, b.detail, b.line) for b in bad] == [
        (2, "the row has 1 columns, the file has 2", b"2"),
        (3, "column b is not utf-8", b"3,\xff"),
        (4, "the row has 3 columns, the file has 2", b"4,5,6"),
    ]


def test_other_delimiters_headers_and_marks_are_read() -> None:
    assert read(b"\xef\xbb\xbfa;b\n'1;2';3\n", CsvShape(delimiter=";", quote="'"))[0] == {1: ("1;2", "3")}
    assert read(b"1,2\n", CsvShape(header=False, columns=("a", "b")))[0] == {1: ("1", "2")}


@pytest.mark.parametrize("data", [b"", b"a,a\n1,2\n", b"a,\n1,2\n", "姓名\n".encode("gbk")])
def test_a_header_that_names_nothing_is_refused(data: bytes) -> None:
    with pytest.raises(MappingWrong):
        read(data)


@given(sizes=st.lists(st.integers(1, 9), max_size=5), skip=st.integers(0, 50), most=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_parquet_resumes_after_any_row(sizes: list[int], skip: int, most: int) -> None:
    total = sum(sizes)
    out = io.BytesIO()
    with pq.ParquetWriter(out, pa.schema([("n", pa.int64())])) as writer:
        at = 0
        for size in sizes:
            writer.write_table(pa.table({"n": list(range(at + 1, at + size + 1))}))
            at += size
    rows = ParquetRows(io.BytesIO(out.getvalue()), skip)
    found: list[int] = []
    while (piece := rows.read(most)) is not None:
        assert piece.rows.tolist() == piece.table["n"].to_pylist() and len(piece.rows) <= most
        found += piece.rows.tolist()
    assert (rows.total, found) == (total, list(range(skip + 1, total + 1)))


def test_a_long_quoted_text_is_held_to_be_an_unclosed_quote() -> None:
    shape = replace(CsvShape(), nulls=())
    data = b'a,b\n1,"' + b"x\n" * 1_500 + b"2,3\n"
    good, bad = read(data, shape, most=5_000)
    assert bad[0].row == 1 and good[max(good)] == ("2", "3")
    assert len(good) + len(bad) == 1_501

"""Pure rules of brand: reading files, and versions that follow each other."""

from __future__ import annotations

from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.brand import rules
from zerodistance.core.brand.contracts import Change

CHINA = ZoneInfo("Asia/Shanghai")


def read(kind: rules.Kind, text: str) -> tuple[list[Change], list[tuple[int, str, str]]]:
    changes, bad = rules.read_file(kind, text.splitlines(keepends=True), CHINA)
    assert all(cell.allowed.zh and cell.allowed.en for cell in bad)
    return changes, [(cell.line, cell.column, cell.given) for cell in bad]


def test_a_row_is_read_with_its_validity_in_the_brands_time_zone() -> None:
    changes, bad = read(
        rules.PRODUCTS, "code,name_zh,name_en,category,valid_from\nFR-1,冰箱,Fridge,fridge,2026-01-01\n"
    )
    assert bad == []
    assert changes[0].key == ("FR-1",)
    assert changes[0].valid_from == 1767196800_000_000  # 2025-12-31T16:00Z


def test_every_wrong_cell_is_named_with_line_and_column() -> None:
    text = (
        "code,name_zh,name_en,kind,lat,lon,area,grade\nA,甲,A,village,91,x,370202,E\nB,乙,,community,,,3,\n"
    )
    _, bad = read(rules.PLACES, text)
    assert bad == [
        (2, "kind", "village"),
        (2, "lat", "91"),
        (2, "lon", "x"),
        (2, "grade", "E"),
        (3, "name_en", ""),
        (3, "area", "3"),
    ]


def test_a_cell_with_a_line_break_does_not_shift_the_line_numbers() -> None:
    _, bad = read(rules.UNITS, 'key,name_zh,name_en\na,"甲\n乙",A\nB,乙,B\n')
    assert bad == [(3, "name_zh", "甲\n乙"), (4, "key", "B")]


def test_an_unknown_column_and_a_missing_one_are_both_named() -> None:
    _, bad = read(rules.TERRITORIES, "unit,community\na,b\n")
    assert bad == [(1, "community", "community"), (1, "place", "")]


def test_an_empty_file_says_which_columns_it_should_have() -> None:
    assert read(rules.TERRITORIES, "")[1] == [(1, "unit", ""), (1, "place", "")]


def test_a_row_with_too_few_cells_is_refused() -> None:
    assert read(rules.TERRITORIES, "unit,place\na\n")[1] == [(2, "", "a")]


def test_one_key_twice_is_refused_unless_it_begins_at_another_time() -> None:
    text = "key,name_zh,name_en,valid_from\na,甲,A,\na,乙,B,2026-01-01\na,丙,C,\n"
    changes, bad = read(rules.UNITS, text)
    assert len(changes) == 2
    assert bad == [(4, "key", "a")]


def test_a_community_needs_coordinates_and_a_city_does_not() -> None:
    head = "code,name_zh,name_en,kind,lat,lon,area\n"
    assert read(rules.PLACES, head + "C,市,City,city,,,370200\n")[1] == []
    assert read(rules.PLACES, head + "C,小区,Court,community,,,370200\n")[1] == [(2, "lat", "")]
    assert read(rules.PLACES, head + "C,市,City,city,36,,370200\n")[1] == [(2, "lat", "36")]


def test_an_end_before_the_beginning_is_refused() -> None:
    text = "key,name_zh,name_en,valid_from,valid_to\na,甲,A,2026-02-01,2026-01-01\n"
    assert read(rules.UNITS, text)[1] == [(2, "valid_to", "2026-01-01")]


def spans(versions: list[rules.Version]) -> list[tuple[int, int | None, str]]:
    return [(v.valid_from, v.valid_to, v.values["n"]) for v in versions]


def placed(
    history: list[rules.Version], n: str, start: int | None, end: int | None = None, now: int = 100
) -> list[rules.Version]:
    return rules.placed(history, Change(("k",), {"n": n}, start, end), now)


def test_the_first_version_holds_always_and_the_next_from_now() -> None:
    history = placed(placed([], "a", None, now=10), "b", None, now=20)
    assert spans(history) == [(0, 20, "a"), (20, None, "b")]


def test_saying_the_same_again_changes_nothing() -> None:
    history = placed(placed([], "a", None, now=10), "b", None, now=20)
    assert placed(history, "b", None, now=30) == history
    assert placed(history, "b", 25) == history
    assert placed(history, "a", 0, 20) == history


def test_a_version_in_the_middle_ends_the_one_before_and_stops_at_the_next() -> None:
    history = placed(placed([], "a", 0), "c", 20)
    assert spans(placed(history, "b", 10)) == [(0, 10, "a"), (10, 20, "b"), (20, None, "c")]


def test_a_version_may_not_run_into_the_next_one() -> None:
    history = placed(placed([], "a", 0), "c", 20)
    with pytest.raises(rules.Wrong):
        placed(history, "b", 10, 21)


def test_the_same_beginning_corrects_a_version() -> None:
    assert spans(placed(placed([], "a", 5), "b", 5)) == [(5, None, "b")]


def test_an_end_alone_ends_what_holds() -> None:
    assert spans(placed(placed([], "a", None), "a", None, 150)) == [(0, 150, "a")]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 50), st.none() | st.integers(1, 60))
    )
)
def test_versions_never_overlap_and_every_beginning_stays(
    said: list[tuple[str, int | None, int | None]],
) -> None:
    history: list[rules.Version] = []
    for now, (n, start, end) in enumerate(said, start=1):
        before = history
        try:
            history = placed(history, n, start, end, now=now)
        except rules.Wrong:
            continue
        assert {v.valid_from for v in before} <= {v.valid_from for v in history}
        assert all(a.valid_to is not None and a.valid_to <= b.valid_from for a, b in pairwise(history))
        assert all(v.valid_to is None or v.valid_from < v.valid_to for v in history)


def test_a_cell_that_is_too_long_to_be_read_is_named() -> None:
    kind = rules.PLACES
    text = ",".join(kind.header) + "\n" + "x" * 131_073 + "\n"
    changes, bad = rules.read_file(kind, text.splitlines(keepends=True), CHINA)
    assert changes == [] and [(cell.line, "131,072" in cell.allowed.en) for cell in bad] == [(2, True)]

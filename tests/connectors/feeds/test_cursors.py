"""However rows come, late within the overlap or many at one value, and wherever a run ends, each is read once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.connectors.feeds import cursors
from zerodistance.connectors.feeds.contracts import Cursor, Value
from zerodistance.connectors.feeds.cursors import CursorUnfit, Following, Position, back, pack, unpack
from zerodistance.kernel.home import Home

Row = tuple[int, int]  # value of the cursor, id


def run(
    home: Home, cursor: Cursor, before: Position, table: list[Row], most: int, parts: int
) -> tuple[Position, list[int]]:
    """Read a table as a run does that ends after some parts; return where it stands, and the ids that it has read."""
    first = 0 if before.upto is None else back(cursor, before.upto)
    rows = sorted(row for row in table if row[0] >= first)  # type: ignore[operator]
    if not cursor.ordered:
        rows = rows[::-1]
    lines: Iterator[tuple[Value | None, bytes]] = iter([(at, f"{at},{n}".encode()) for at, n in rows])
    following = Following(home, cursor, before, lines, most)
    read: list[int] = []
    while not following.ended and parts:
        read += [int(line.split(b",")[1]) for line in following.part()]
        parts -= 1
    return following.position(), read


@given(
    batches=st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=6),
    most=st.integers(1, 5),
    parts=st.lists(st.integers(1, 4), min_size=6, max_size=6),
    ordered=st.booleans(),
)
def test_each_row_is_read_once_whenever_it_came_and_wherever_a_run_ended(
    home: Home, batches: list[list[int]], most: int, parts: list[int], ordered: bool
) -> None:
    cursor = Cursor("at", overlap=20, ordered=ordered)
    table: list[Row] = []
    read: list[int] = []
    position, clock = Position(), 0
    for batch, ends in zip(batches, parts, strict=False):
        clock += 10
        table += [(clock - late, len(table) + i) for i, late in enumerate(batch)]
        position, new = run(home, cursor, unpack(pack(position)), table, most, ends)
        read += new
    for _ in range(len(table) + 1):
        position, new = run(home, cursor, position, table, most, 9)
        read += new
    assert sorted(read) == list(range(len(table)))
    assert run(home, cursor, position, table, most, 99) == (position, [])


def test_a_list_without_a_cursor_is_known_row_by_row(home: Home) -> None:
    lines: list[tuple[Value | None, bytes]] = [(None, b"a"), (None, b"b")]
    first = Following(home, None, Position(), iter(lines), 10)
    assert list(first.part()) == [b"a", b"b"]
    again = Following(home, None, unpack(pack(first.position())), iter([*lines, (None, b"c")]), 10)
    assert list(again.part()) == [b"c"]


def test_more_rows_than_are_remembered_are_left_to_the_import(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "REMEMBERED", 3)
    cursor = Cursor("at")
    table = [(5, n) for n in range(10)]
    position, read = run(home, cursor, Position(), table, 100, 9)
    assert len(position.recent) == 3 and len(read) == 10
    assert len(run(home, cursor, position, table, 100, 9)[1]) == 7


@pytest.mark.parametrize(
    "value",
    [
        7,
        7.5,
        Decimal("7.50"),
        "7",
        date(2026, 1, 2),
        datetime(2026, 1, 2),
        datetime(2026, 1, 2, tzinfo=UTC),
        None,
    ],
)
def test_a_position_is_kept_as_it_is(value: Any) -> None:
    position = Position(value, frozenset({1, (1 << 64) - 1}))
    assert unpack(pack(position)) == position
    assert type(unpack(pack(position)).upto) is type(value)


@pytest.mark.parametrize(
    ("value", "overlap", "found"),
    [
        (10, 3, 7),
        (Decimal("10.5"), 3, Decimal("7.5")),
        (datetime(2026, 1, 2), timedelta(hours=1), datetime(2026, 1, 1, 23)),
        (date(2026, 1, 2), timedelta(hours=1), date(2026, 1, 1)),
        ("x", None, "x"),
    ],
)
def test_a_run_begins_a_stretch_before(value: Any, overlap: Any, found: Any) -> None:
    assert back(Cursor("at", overlap=overlap), value) == found


@pytest.mark.parametrize(
    ("value", "overlap"), [(10, timedelta(hours=1)), (datetime(2026, 1, 2), 3), ("x", 3)]
)
def test_an_overlap_of_another_sort_is_said(value: Any, overlap: Any) -> None:
    with pytest.raises(CursorUnfit, match="`overlap` does not fit"):
        back(Cursor("at", overlap=overlap), value)


@pytest.mark.parametrize("value", [None, True, b"x", float("nan"), [1]])
def test_what_has_no_order_is_no_cursor(value: Any) -> None:
    with pytest.raises(CursorUnfit, match="no order"):
        cursors.checked("at", value)


def test_times_with_and_without_a_zone_have_no_order(home: Home) -> None:
    rows: list[tuple[Value | None, bytes]] = [
        (datetime(2026, 1, 1), b"a"),
        (datetime(2026, 1, 2, tzinfo=UTC), b"b"),
    ]
    following = Following(home, Cursor("at", ordered=False), Position(), iter(rows), 10)
    with pytest.raises(CursorUnfit, match="several types"):
        list(following.part())

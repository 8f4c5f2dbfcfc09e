"""Cleaning: golden lines, each through the path of one record and through that of columns, and both paths the same for any text."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.identity import cleaning
from zerodistance.core.identity.matching.fields import PARTS, face, faces


class Line(NamedTuple):
    kind: str
    country: str
    written: str
    expected: str


FILE = Path(__file__).with_name("golden.txt")
LINES = [
    Line(*(part.strip() for part in line.split("|")))
    for line in FILE.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
IDENTIFIERS = [line for line in LINES if line.kind in ("phone", "email")]
SAID = [line for line in LINES if line.kind not in ("phone", "email")]


def fields(line: Line) -> dict[str, str]:
    """Return the personal fields of a line."""
    if line.kind == "parts":
        return dict(zip(("given_name", "surname"), line.written.split(" / "), strict=True))
    return {line.kind: line.written}


def told(parts: dict[str, str | None]) -> str:
    """Return parts as a golden line has them."""
    return "; ".join(f"{part}={parts[part]}" for part in PARTS if parts[part])


@pytest.mark.parametrize("line", SAID, ids=lambda line: f"{line.country}:{line.written}")
def test_one_record_is_cleaned_as_it_is_written_down(line: Line) -> None:
    found = face(fields(line), line.country)
    assert told({part: getattr(found, part) for part in PARTS}) == line.expected


def test_columns_are_cleaned_as_they_are_written_down() -> None:
    together: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in SAID:
        together[line.kind, line.country].append(line)
    for (_, country), lines in together.items():
        rows = [fields(line) for line in lines]
        table = faces({key: [row[key] for row in rows] for key in rows[0]}, country)
        assert [told(row) for row in table.to_pylist()] == [line.expected for line in lines]


@pytest.mark.parametrize("line", IDENTIFIERS, ids=lambda line: f"{line.country}:{line.written}")
def test_an_identifier_has_one_spelling_or_a_guard(line: Line) -> None:
    found = cleaning.cleaner(line.kind, line.country)(line.written)
    assert (found if isinstance(found, str) else found.guard.upper()) == line.expected


KEYS = ("name", "given_name", "surname", "gender", "birthday", "address", "street", "house_number", "city", "state", "postcode")  # fmt: skip
PIECES = st.sampled_from(
    [word for line in LINES for word in line.written.split()] + ["青岛", "市南", "城阳区", "路", "街道", "镇", "号", "弄", "º", "(", ",", "-", "кв", "〒"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=6).map(" ".join), st.lists(PIECES, max_size=6).map("".join))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({key: st.one_of(st.none(), TEXTS) for key in KEYS}), min_size=1, max_size=4
    ),
    st.sampled_from(("CN", "DE", "US", "ES", "RU", "VN", "KR", "JP", "HU", "XX")),
)
def test_any_text_is_cleaned_alike_in_a_record_and_in_a_column(
    records: list[dict[str, str | None]], country: str
) -> None:
    table = faces({key: [record[key] for record in records] for key in KEYS}, country)
    alone = [face(record, country) for record in records]
    assert [told(row) for row in table.to_pylist()] == [
        told({part: getattr(one, part) for part in PARTS}) for one in alone
    ]

"""Numbers in columns are whoever's they were, in every form that a column may have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.profiles import bitmaps, columns, sections
from zerodistance.core.profiles.columns import Column

WHOLE = st.integers(-300, 70_000).map(float)
MONEY = st.integers(-30_000, 40_000_000).map(lambda units: units / 10_000)
ANY = st.floats(-1e17, 1e17) | st.sampled_from([100 / 3, 1e16, -0.0])
SMALL = st.integers(0, 5).map(float)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("columns")


@settings(max_examples=50, deadline=None)
@given(
    numbers=st.sampled_from([WHOLE, MONEY, ANY, SMALL]).flatmap(
        lambda one: st.dictionaries(st.integers(0, 300_000), one, min_size=1, max_size=30)
    ),
    low=ANY | MONEY | SMALL | st.just(-np.inf),
    high=ANY | MONEY | SMALL | st.just(np.inf),
    some=st.data(),
    dense=st.booleans(),
)
def test_a_column_finds_by_range_and_by_person_what_was_written(
    folder: Path, numbers: dict[int, float], low: float, high: float, some: st.DataObject, dense: bool
) -> None:
    low = some.draw(st.sampled_from([low, *numbers.values()]))
    high = some.draw(st.sampled_from([high, *numbers.values()]))
    listed = sorted(numbers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_DENSE", -1 if dense else 1 << 16)
        patch.setattr(columns, "_LISTED", 1e9 if dense else 4)
        patch.setattr(sections, "_BLOCK", 16)
        with sections.Writer(folder / "part") as file:
            values = np.array([numbers[n] for n in listed], np.float64)
            columns.write(file, "d", 0, np.array(listed, np.uint32), values)
        column = Column(sections.Opened(folder / "part"), "d", 0)
        who, back = column.flat()
        assert dict(zip(who.tolist(), back.tolist(), strict=True)) == numbers
        wanted = [n for n in listed if low <= numbers[n] <= high]
        assert column.between(low, high) == bitmaps.of(np.array(wanted, np.int64))
        assert column.count(low, high) == len(wanted)
        asked = [*listed, *(n + 1 for n in listed), 400_000]
        assert [column.of(n) for n in asked] == [numbers.get(n) for n in asked]
        several = np.array(sorted({*asked}), np.uint32)
        for few in (0, 1_000):
            patch.setattr(columns, "_FEW", few)
            picked = column.pick(several).tolist()
            assert [None if n != n else n for n in picked] == [numbers.get(n) for n in several.tolist()]


@settings(max_examples=30, deadline=None)
@given(
    numbers=st.dictionaries(st.integers(0, 300_000), st.integers(1, 300), min_size=1, max_size=40),
    marks=st.sets(st.integers(1, 320), min_size=1),
    dense=st.booleans(),
)
def test_a_column_finds_whose_number_is_marked(
    folder: Path, numbers: dict[int, int], marks: set[int], dense: bool
) -> None:
    listed = sorted(numbers)
    marked = np.zeros(max(marks) + 2, np.bool_)
    marked[list(marks)] = True
    before = marked.copy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_DENSE", -1 if dense else 1 << 16)
        patch.setattr(columns, "_LISTED", 1e9 if dense else 4)
        with sections.Writer(folder / "part") as file:
            values = np.array([numbers[n] for n in listed], np.float64)
            columns.write(file, "d", 0, np.array(listed, np.uint32), values)
        found = Column(sections.Opened(folder / "part"), "d", 0).where(marked)
    assert list(found) == [n for n in listed if numbers[n] in marks]
    assert np.array_equal(marked, before)


def test_counts_and_money_are_whole_numbers_in_few_bytes(tmp_path: Path) -> None:
    who = np.arange(1, 200_001, dtype=np.uint32)
    with sections.Writer(tmp_path / "part") as file:
        columns.write(file, "often", 0, who, (who % 200).astype(np.float64))
        columns.write(file, "money", 0, who, who.astype(np.float64) / 100)
        columns.write(file, "share", 0, who[::9], 100 / who[::9].astype(np.float64))
        columns.write(file, "share", 1, who[:0], np.empty(0))
    kinds = {key[1]: section.kind for key, section in file.sections.items() if key[0] == "number"}
    assert kinds == {"often": "|u1", "money": "<u4", "share": "<f8"}
    assert {key[1] for key in file.sections if key[0] == "who"} == {"share"}
    opened = sections.Opened(tmp_path / "part")
    assert Column(opened, "often", 0).between(199, 500) == bitmaps.of_sorted(who[who % 200 == 199])
    assert Column(opened, "share", 1).of(1) is None
    assert Column(opened, "nothing", 0).between(-1, 1) == bitmaps.of_sorted(who[:0])

"""Pure rules: days, bands, what expires, aggregates, bitmaps."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyroaring import BitMap

from zerodistance.core.profiles import api, bitmaps, rules
from zerodistance.core.profiles.contracts import Bands, Layer, NoSuchDimension, Value, Values
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.kernel.clock import to_micros
from zerodistance.kernel.errors import Invalid

ZONES = ("Asia/Shanghai", "Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
moments = st.datetimes(datetime(1975, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@given(st.lists(moments, max_size=30), st.sampled_from(ZONES))
@example([datetime(2026, 3, 29, 0, 59, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)], "Europe/London")
@example(
    [datetime(2011, 12, 30, 9, 59, tzinfo=UTC), datetime(2011, 12, 30, 10, 0, tzinfo=UTC)], "Pacific/Apia"
)
def test_days_are_those_of_the_zone(at: list[datetime], zone: str) -> None:
    found = rules.days_of(np.array([to_micros(m) for m in at], np.int64), zone)
    assert found.tolist() == [
        (m.astimezone(ZoneInfo(zone)).date() - datetime(1970, 1, 1).date()).days for m in at
    ]
    assert found.tolist() == [rules.day_of(to_micros(m), zone) for m in at]


@given(
    st.sets(st.integers(0, 2**32 - 1) | st.integers(0, 200_000), max_size=50),
    st.integers(0, 70_000),
    st.integers(0, 2**31),
)
def test_a_bitmap_written_by_hand_is_the_one_that_the_library_makes(
    some: set[int], run: int, start: int
) -> None:
    numbers = np.union1d(np.array(sorted(some), np.uint32), np.arange(start, start + run, 2, dtype=np.uint32))
    found = bitmaps.of_sorted(numbers.astype(np.uint32))
    assert found == BitMap(numbers.tolist())
    assert bitmaps.to_numbers(found).tolist() == numbers.tolist()


def test_a_touch_expires_on_the_day_that_its_window_ends() -> None:
    dimension = api.dimension(None, "interest.searches_30d")  # 30 days
    assert rules.expiring([dimension], 100, 100) == []
    searched = ("product.searched",)
    assert rules.expiring([dimension], 100, 101) == [(101, 101, ()), (71, 71, searched)]
    assert rules.expiring([dimension], 100, 103) == [(101, 103, ()), (71, 73, searched)]
    assert rules.expiring([dimension], 103, 100) == rules.expiring([dimension], 100, 103)


@pytest.mark.parametrize(
    "wrong", ["median(amount)", "sum(price)", "count", "last()", "sum(amount); drop", "count(*) + 1"]
)
def test_an_aggregate_outside_the_closed_set_is_refused(wrong: str) -> None:
    with pytest.raises(Invalid):
        Value.parse(wrong)


def test_every_layer_has_dimensions_and_every_dimension_says_what_it_is_in_both_languages() -> None:
    assert len(DIMENSIONS) >= 12
    assert {d.layer for d in DIMENSIONS} == set(Layer)
    assert len({d.key for d in DIMENSIONS}) == len(DIMENSIONS)
    for d in DIMENSIONS:
        assert d.label.zh and d.label.en and d.meaning.zh and d.meaning.en
        assert isinstance(d.nodes, Bands if d.numeric else Values), d.key
        if isinstance(d.nodes, Bands):
            keys = [key for _, key, _ in d.nodes.bands]
            assert list(d.nodes.edges) == sorted(set(d.nodes.edges)) and len(keys) == len(set(keys)), d.key


def test_an_unknown_dimension_is_answered_with_near_ones() -> None:
    with pytest.raises(NoSuchDimension) as caught:
        api.dimension(None, "value.spent_365d")
    assert "value.spend_365d" in caught.value.message("zh")

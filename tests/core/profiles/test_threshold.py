from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps, threshold

CONTAINER = 65_536


@st.composite
def sets(draw: st.DrawFn) -> BitMap:
    """Draw a set of a few containers, each of them empty, sparse, dense, full, in runs, or every other number."""
    found = BitMap()
    for key in draw(st.lists(st.integers(0, 40), max_size=3)):
        luck = np.random.default_rng(draw(st.integers(0, 99)))
        share = draw(st.sampled_from([0.0, 0.001, 0.06, 0.0625, 0.5, 0.99, 1.0]))
        inside = np.flatnonzero(luck.random(CONTAINER) < share)
        pieces = [inside, np.arange(0, CONTAINER, 2), np.arange(100, 30_000)]
        found |= bitmaps.of(draw(st.sampled_from(pieces)) + key * CONTAINER)
    found.run_optimize()
    return found


@settings(max_examples=30, deadline=None)
@given(st.lists(sets(), min_size=1, max_size=9), st.data())
def test_words_added_up_say_the_same_as_bitmaps(some: list[BitMap], data: st.DataObject) -> None:
    least = data.draw(st.integers(1, len(some)))
    dense = [threshold.dense(one) for one in some]
    wanted = bitmaps.at_least(least, some)
    assert threshold.bitmap(least, dense) == wanted
    assert threshold.count(least, dense) == len(wanted)


@settings(max_examples=30, deadline=None)
@given(sets())
def test_a_set_is_seen_where_it_lies_or_not_at_all(one: BitMap) -> None:
    seen = threshold.view(memoryview(one.serialize()))
    spread = threshold.dense(one)
    assert seen is None or (seen.first == spread.first and (seen.words == spread.words).all())


def test_sets_without_a_gap_are_seen_where_they_lie() -> None:
    half = bitmaps.of_sorted(np.arange(0, 5 * CONTAINER, 3, dtype=np.uint32))
    seen = threshold.view(memoryview(half.serialize()))
    assert seen is not None
    assert threshold.count(1, [seen]) == len(half)
    assert threshold.worth([half] * 3)
    assert not threshold.worth([half, half, BitMap()])
    assert not threshold.worth([BitMap([1, 9 * CONTAINER])] * 3)

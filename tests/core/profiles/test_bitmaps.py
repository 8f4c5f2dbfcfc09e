from __future__ import annotations

from collections import Counter
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps

SOME = st.lists(st.sets(st.integers(0, 12) | st.integers(2**31, 2**31 + 3)), min_size=1, max_size=7)


@given(SOME, st.data())
def test_at_least_so_many_counts(some: list[set[int]], data: st.DataObject) -> None:
    least = data.draw(st.integers(1, len(some)))
    times = Counter(chain.from_iterable(some))
    found = bitmaps.at_least(least, [BitMap(one) for one in some])
    assert set(found) == {number for number, many in times.items() if many >= least}

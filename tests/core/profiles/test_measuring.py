"""What the numbers of an audience come to is what adding them up one by one comes to."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.profiles import api, bitmaps, columns, index, measuring, publishing
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Part
from zerodistance.core.profiles.splits import Split

NUMBERS = (*range(1, 12), 90_000, *range(VISITORS_FROM, VISITORS_FROM + 5))
DAY = 20_000
KEYS = ("value.spend_total", "needs.recency", "demo.birth_decade")  # counts for everybody; an age; a fact
Told = dict[int, float | None]
"""Number -> what is kept of somebody, None: nothing."""

told = st.dictionaries(
    st.sampled_from(NUMBERS), st.none() | st.integers(-300, 90_000).filter(bool).map(lambda n: n / 10)
)


def split(numbers: Any) -> Split:
    return Split.of_sorted(np.array(sorted(numbers), np.uint32))


def part(known: Told, changed: set[int] | None) -> Part:
    listed = sorted(number for number, value in known.items() if value is not None)
    column = (np.array(listed, np.uint32), np.array([known[n] for n in listed], np.float64))
    gone = None if changed is None else bitmaps.of(np.array(sorted(changed), np.int64))
    return Part(1, DAY, 3, "m", 4, gone, split(known), {}, dict.fromkeys(KEYS, column))


@pytest.fixture(scope="module", params=[1 << 16, -1])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder in which columns are listed, or stand by number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_DENSE", request.param)
        patch.setattr(columns, "_LISTED", 4 if request.param > 0 else 1e9)
        yield tmp_path_factory.mktemp("numbers")


@settings(max_examples=25, deadline=None)
@given(
    first=told, fresh=told, gone=st.sets(st.sampled_from(NUMBERS)), asked=st.sets(st.sampled_from(NUMBERS))
)
def test_sum_and_quartiles_are_those_of_the_numbers_one_by_one(
    folder: Path, first: Told, fresh: Told, gone: set[int], asked: set[int]
) -> None:
    changed = {*fresh, *gone}
    known = {n: value for n, value in first.items() if n not in changed} | fresh
    here = publishing.publish(
        folder, publishing.publish(folder, Index(), part(first, None)), part(fresh, changed)
    )
    index.forget(folder)
    for key in KEYS:
        dimension = api.dimension(None, key)
        found = measuring.measure(here, dimension, split(asked & set(known)))
        for side, said in enumerate(found):
            mine = [known[n] for n in asked & set(known) if (n >= VISITORS_FROM) == bool(side)]
            if dimension.parsed.counting:
                mine = [value or 0.0 for value in mine]
            values = sorted(v if key != "needs.recency" else DAY - v for v in mine if v is not None)
            assert said.many == len(values)
            assert said.total == pytest.approx(sum(values))
            wanted = [values[ceil(share * len(values)) - 1] for share in measuring.SHARES] if values else []
            assert list(said.quartiles) == pytest.approx(wanted)

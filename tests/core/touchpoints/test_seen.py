"""Deduplication holds against a plain set."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.touchpoints.seen import Seen


@given(
    st.lists(st.lists(st.integers(1, 400), max_size=60), max_size=12), st.sampled_from([0, 1 << 40, 1 << 63])
)
def test_each_id_is_fresh_exactly_once(batches: list[list[int]], spread: int) -> None:
    seen, known = Seen(1_000_000), set[int]()
    for at, batch in enumerate(batches):
        prints = np.array([value ^ spread for value in batch], np.uint64)
        fresh = seen.fresh(prints)
        for value, is_fresh in zip(batch, fresh.tolist(), strict=True):
            assert is_fresh == (value not in known)
            known.add(value)
        seen.add(prints[fresh], at)
    assert len(seen) == len(known)


def test_a_million_ids_stay_within_14_bytes_each_and_expire() -> None:
    seen = Seen(10_000_000)
    random = np.random.default_rng(1)
    prints = random.integers(1, 2**63, 1_200_000).astype(np.uint64)
    for at, part in enumerate(np.array_split(np.unique(prints), 20)):
        seen.add(part, at)
    assert not seen.fresh(prints).any()
    assert seen.bytes / len(seen) < 35
    seen.expire(10**6)
    assert len(seen) == 0 and seen.fresh(prints[:10]).all()


def test_beyond_its_capacity_the_window_shortens_and_says_so() -> None:
    seen = Seen(1_000_000)
    for at in range(12):
        seen.add(np.arange(1 + at * 200_000, 1 + (at + 1) * 200_000).astype(np.uint64), at)
    assert len(seen) <= 1_200_000
    assert seen.dropped_until > 0

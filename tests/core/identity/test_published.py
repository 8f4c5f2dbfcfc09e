from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.identity import published

ROW = st.tuples(
    st.integers(1, 4),
    st.sampled_from(["city", "gender", "area"]),
    st.text("ab海", max_size=2),
    st.integers(0, 3),
    st.integers(1, 9),
)


@given(st.lists(st.lists(ROW, max_size=8), max_size=6), st.integers(1, 10))
def test_the_latest_said_is_published_however_few_rows_are_held(
    given_rows: list[list[tuple[int, str, str, int, int]]], held: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "_HELD", held)
        said = published._Said()
        for rows in given_rows:
            said.add(rows)
        found = said.table().to_pylist()
    every = sorted((row for rows in given_rows for row in rows), key=lambda row: (row[3], row[2], row[4]))
    latest = {(number, fact): value for number, fact, value, _, _ in every}
    assert found == [{"number": n, "fact": f, "value": v} for (n, f), v in sorted(latest.items())]

"""Since when somebody is at a node is what a look at every single day finds."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.profiles import world
from tests.core.profiles.test_keeper import ALSO
from zerodistance.core.profiles import rules, since, states
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
OF_TOUCHES = tuple(d for d in DIMENSIONS if d.of.name == "touches")


@settings(
    max_examples=60 if os.environ.get("ZERODISTANCE_TEST_SLOW") else 8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    some=st.lists(
        st.fixed_dictionaries(
            {
                "back": st.sampled_from([0, 1, 2, 14, 15, 29, 30, 31, 89, 90, 91, 200]),
                "kind": st.sampled_from(["order.line", "product.viewed", "service.visited"]),
                "category": st.sampled_from([None, "fridge", "washer"]),
                "channel": st.sampled_from([None, "web", "app"]),
                "amount": st.sampled_from([None, 0.1, 500.0]),
            }
        ),
        min_size=1,
        max_size=5,
    ),
    seed=st.integers(0, 29),
)
def test_since_when_is_what_a_look_at_every_day_finds(
    home: Home, some: list[dict[str, Any]], seed: int
) -> None:
    dimensions = (*OF_TOUCHES[seed::30], *ALSO[seed::30])
    touches = [
        world.touch(1, n, 7, t.pop("kind"), START - timedelta(days=t.pop("back")), **t)
        for n, t in enumerate(some)
    ]
    rows = states.made_from(home, world.table(touches), 0)
    rows = rows.add_column(0, "number", pa.array([7] * len(rows), pa.int64()))
    day = rules.day_of(clock.to_micros(START), home.settings.zone)
    found = since.first_days(rows, dimensions, day, home.settings.zone)
    looks = since._Looks(rows, home.settings.zone)
    for dimension in dimensions:
        node = looks.node(dimension, day)
        assert (node is None) is (dimension.key not in found)
        if node is None:
            continue
        first = day
        while first > day - 420 and looks.node(dimension, first - 1) == node:
            first -= 1
        ever = first == day - 420
        assert found[dimension.key] == (None if ever else first), dimension

"""Two places that are written alike once they are cleaned are one home of a household, not two rows of one key."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from zerodistance.core.identity.households import rebuild
from zerodistance.core.identity.households.columns import STILL
from zerodistance.core.identity.households.solving import Stays
from zerodistance.kernel.home import Home


def test_two_places_that_are_written_alike_are_one_home_from_the_first_time_to_the_last(home: Home) -> None:
    said = ("城阳区", "双桥城", "4", "2", "201")
    lived = [(0, 0, 0, 100, 200), (0, 1, 0, 300, 400), (0, 2, 0, 50, STILL)]
    found: Any = SimpleNamespace(
        gathered=SimpleNamespace(
            first=np.array([7]),
            homes=SimpleNamespace(known={0: said, 1: said, 2: ("李沧区", "", "", "", "")}),
        ),
        numbered=SimpleNamespace(number=np.array([9])),
        solved=SimpleNamespace(lived=Stays(*np.array(lived).T)),
    )
    columns, _ = rebuild._homes(home.seal, found)
    assert sorted(columns[[0, 3, 4, 5]].T.tolist()) == [[9, 7, 50, STILL], [9, 7, 100, 400]]

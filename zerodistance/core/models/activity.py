"""Activity: how often somebody was here, by which channel and what they did there, the longer ago the less.

The reference system counted interactions, by channel and by the grade of the action; grades, weights and how fast they fade are own values.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.dimensions.shared import BOUGHT
from zerodistance.core.profiles.rules import kind_ranges
from zerodistance.core.profiles.splits import Who
from zerodistance.kernel.home import Home

GRADES: tuple[tuple[str, ...], ...] = (
    (
        "page.viewed", "screen.viewed", "app.opened", "device.used", "member.signed_in", "service.called", "service.moving", "service.visited",
        "profile.updated", *BOUGHT,
    ),
    ("product.viewed", "product.searched", "store.visited", "cart.added", "checkout.started"),
    ("product.saved", "message.opened", "message.clicked", "product.registered", "device.bound", "member.joined"),
    ("points.earned", "points.spent"),
    ("social.posted", "product.reviewed", "group.joined", "service.rated"),
)  # fmt: skip
"""Kinds of touches by the grade of the action, 1 to 5, own values: what comes by itself or has to be, looking, caring, taking part, speaking up.

A purchase or a repair is done because something is needed: the sample city, where it is known how readily somebody interacts, showed that with high grades for
them the ranks of activity and readiness correlate with .11, with these .18 (seed 1).
"""
POINTS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Of one touch of each grade, own values."""
WAYS = {"app": 1.5, "sms": 0.5, "email": 0.5}
"""Weight of a channel, own values; every other one weighs 1. A channel that ends with `-app` is an app."""
HALF_LIFE = 180
"""Days in which a touch loses half of its points, own value."""
_SQL = files(__package__) / "sql"


class Activity:
    """The points of everybody in an index (or of some), as of its day; states are those that it was made from."""

    def __init__(self, home: Home, here: Index, some: Who | None = None) -> None:
        rows = [
            (low, high, points)
            for kinds, points in zip(GRADES, POINTS, strict=True)
            for low, high in kind_ranges(kinds)
        ]
        action = pa.table(
            {name: [row[n] for row in rows] for n, name in enumerate(("low", "high", "points"))}
        )
        with home.engine.connect() as connection:
            profiles.states_view(connection, home, here)
            seen = connection.sql("select distinct channel from profile_state where channel is not null")
            channels = [row[0] for row in seen.fetchall()]
            weights = [
                WAYS.get("app" if one.lower().endswith("app") else one.lower(), 1.0) for one in channels
            ]
            way = pa.table(
                {"channel": pa.array(channels, pa.string()), "weight": pa.array(weights, pa.float64())}
            )
            connection.register("here_map", here.pairs() if some is None else here.pairs_of(BitMap(some)))
            connection.register("action", action)
            connection.register("way", way)
            values = {"today": here.day, "half": float(HALF_LIFE), "visitors": VISITORS_FROM}
            found = connection.sql((_SQL / "activity.sql").read_text(), params=values).to_arrow_table()
        numbers, points = (found.column(name).to_numpy() for name in ("number", "activity"))
        order = np.argsort(numbers, kind="stable")
        self._numbers, self._points = numbers[order], points[order]

    def of(self, who: Who) -> Floats:
        """Return the points of each person; 0 of whom nothing counts."""
        if not len(self._numbers):
            return np.zeros(len(who))
        at = np.minimum(np.searchsorted(self._numbers, who), len(self._numbers) - 1)
        return np.where(self._numbers[at] == who, self._points[at], 0.0)

"""Since when somebody is at a node, exactly: what a dimension says is looked at on each earlier day on which it may have changed, the latest first.

By what is known today: a touch that came in late counts from the day it happened. Between two such days nothing changes (`rules.limits`), so the days in
between need no look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from zerodistance.core.profiles import aggregates, rules
from zerodistance.core.profiles.contracts import Bands, Dimension, Values
from zerodistance.core.profiles.evaluate import unit_of
from zerodistance.core.profiles.rows import Rows


def first_days(
    states: pa.Table, dimensions: Iterable[Dimension], day: int, zone: str
) -> dict[str, int | None]:
    """Return since which day the person has been at the node of each dimension over touches, without a break, as of `day`.

    Parameters
    ----------
    states
        Of one person: `number` and the columns of `STATES`, in any order.
    dimensions
        Those over facts have no history and are left out.

    Returns
    -------
    dict
        Key -> days since 1970-01-01; None: for as long as anything is known. Dimensions in which the person is at no node are missing.
    """
    looks = _Looks(states, zone)
    found: dict[str, int | None] = {}
    for dimension in dimensions:
        if dimension.of.name == "touches" and (node := looks.node(dimension, day)) is not None:
            found[dimension.key] = _since(looks, dimension, node, day)
    return found


def _since(looks: _Looks, dimension: Dimension, node: str, day: int) -> int | None:
    since = day + 1
    for changes in looks.days(dimension, day):
        if looks.node(dimension, changes) != node:
            return since
        since = changes
    before = looks.node(dimension, -(1 << 31))  # before anything happened
    return None if before == node else since


class _Looks:
    """The states of one person, as they were on any day."""

    def __init__(self, states: pa.Table, zone: str) -> None:
        self._states, self._zone = states.sort_by("day"), zone
        self._days = self._states.column("day").to_numpy()
        self._kinds = self._states.column("kind").to_pylist()
        self._rows: dict[int, Rows] = {}

    def days(self, dimension: Dimension, upto: int) -> Iterator[int]:
        """Yield the days on which what a dimension says may have become another, the latest first."""
        mine = {
            d
            for d, kind in zip(self._days.tolist(), self._kinds, strict=True)
            if rules.is_of(kind, dimension.of)
        }
        after = (0, *rules.limits(dimension))
        yield from sorted({d + n for d in mine for n in after if d + n <= upto}, reverse=True)

    def node(self, dimension: Dimension, day: int) -> str | None:
        """Return the node of the person at the end of a day, None if at none."""
        if day not in self._rows:
            some = self._states.slice(0, int(np.searchsorted(self._days, day, "right")))
            self._rows[day] = Rows(some, day, self._zone)
        said = aggregates.answer(self._rows[day], dimension)
        nodes = dimension.nodes
        if isinstance(nodes, Values):
            word = said.words[int(said.values[0])] if said.words is not None and len(said.values) else None
            leaf = None if word is None else rules.leaf(word)
            return None if nodes.closed and leaf not in nodes.labels else leaf
        if not len(said.values):
            number = 0.0 if dimension.parsed.counting else None
        else:
            number = float(said.values[0]) / unit_of(dimension)
        return None if number is None else _band(nodes, day - number if dimension.parsed.ageing else number)


def _band(nodes: Bands, number: float) -> str | None:
    place = int(rules.band_codes(np.array([number]), nodes)[0])
    return None if place < 0 else nodes.bands[place][1]

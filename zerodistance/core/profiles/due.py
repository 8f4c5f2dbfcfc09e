"""Finds whose tags a turn of the index computes anew: whoever has new touches, moved, came or went, or is not on the same day any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import bitmaps, giving, rules, states
from zerodistance.core.profiles.contracts import Dimension, People
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.near import Near
from zerodistance.core.profiles.own import Owned
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
_PARTIAL = 5  # own value: when more than 1 of 5 must be recomputed, everybody is


class Due(NamedTuple):
    """Whose tags are computed anew.

    Attributes
    ----------
    changed
        Their numbers, ascending.
    moved
        Those of them whose subjects are others by now, or of whose given values one ran out; of the others the index knows these.
    """

    changed: Ints
    moved: Ints


@dataclass
class Looking:
    """One look at what has changed since an index was written.

    Parameters
    ----------
    connection
        Has the view `profile_state`.
    dimensions
        Those of touches and facts.
    """

    home: Home
    connection: duckdb.DuckDBPyConnection
    people: People
    dimensions: Sequence[Dimension]
    owned: Owned
    before: Index
    near: Near

    def due(self, day: int, version: int, named: Ints) -> Due | None:
        """Return who is due on a day and at a version of identity's map, and the persons of `named` subjects; None: everybody."""
        before = self.before
        touched = [self.near.came(before.batch)]
        for some in rules.expiring(self.dimensions, before.day, day):
            touched.append(states.expiring(self.connection, some))
        said = [named, giving.running_out(self.connection, self.home, self.owned, before.day, day)]
        changed, moved = (
            [self.people.numbers_of(np.unique(np.concatenate(subjects)))] for subjects in (touched, said)
        )
        if len(named):
            pairs = before.pairs()
            mine = np.isin(pairs.column("subject").to_numpy(), named)
            moved.append(pairs.column("number").to_numpy()[mine])
        if version != before.people:
            moved.append(self.people.changed(before.people))
        if day != before.day:  # visitors who expired leave no change behind
            here = bitmaps.of(self.people.pairs(None).column("number").to_numpy())
            known = before.universe.persons | before.universe.visitors
            changed.append(bitmaps.to_numbers(known ^ here).astype(np.int64))
        every, others = (numbers[numbers > 0] for numbers in map(_together, ([*changed, *moved], moved)))
        if len(every) > 1_000 and len(every) * _PARTIAL > sum(before.everybody):
            return None
        return Due(every, others)


def _together(some: Sequence[Ints]) -> Ints:
    return np.unique(np.concatenate(some))

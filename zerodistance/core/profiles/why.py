"""Why somebody is at a node: which touches count, since when it is so, and how the dimension is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from zerodistance.core.profiles import lineage, portraits, rules, since, states
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.profiles.values import EITHER
from zerodistance.core.touchpoints.log import History, LoggedTouch
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_LAST = 5  # own value: touches that are shown


@dataclass(frozen=True, slots=True)
class Why:
    """Why somebody is at a node of a dimension.

    Attributes
    ----------
    since
        First day of those on which it has been so without a break; None: as long as anything is known, or a fact of which no history is kept.
    kept
        Whether a history is kept; False: a fact of today.
    touches
        How many count.
    last
        The latest of them.
    how, of, fresh
        Expression, touches it is made of, and how old the answer may be.
    """

    dimension: Dimension
    since: date | None
    kept: bool
    touches: int
    last: tuple[LoggedTouch, ...]
    how: Text
    of: Text
    fresh: Text


def why(home: Home, dimension: Dimension, history: History, day: int) -> Why:
    """Return why, as of a day; `history` is of one person."""
    said = lineage.said(dimension), lineage.sources(dimension), lineage.freshness(dimension)
    if dimension.of.name != "touches":
        return Why(dimension, None, False, 0, (), *said)
    rows = states.made_from(home, history.rows, 0)
    counting = _counting(dimension, rows, day)
    alone = rows.add_column(0, "number", pa.array(np.zeros(len(rows), np.int64)))
    alone = alone.filter(pa.array(rows.column("day").to_numpy() <= day))
    days = since.first_days(alone, [dimension], day, home.settings.zone)
    first = portraits.date_of(days.get(dimension.key))
    return Why(dimension, first, True, len(counting), history.touches(counting[:_LAST]), *said)


def _counting(dimension: Dimension, rows: pa.Table, day: int) -> list[int]:
    """Return the places of the touches that a dimension reads as of a day."""
    of, days = dimension.of, rows.column("day").to_numpy()
    mine = (days <= day) & (days > (day - of.days if of.days is not None else -(1 << 31)))
    kinds = rows.column("kind").to_pylist()
    read = {kind: rules.is_of(kind, of) for kind in set(kinds)}
    mine &= np.array([read[kind] for kind in kinds], np.bool_)
    for column, words in of.where:
        wanted = words.split(EITHER)
        mine &= np.array([word in wanted for word in rows.column(column).to_pylist()], np.bool_)
    found: list[int] = np.flatnonzero(mine).tolist()
    return found

"""Service visits as of their report: what was known then of the visit and of whoever was visited, and whether they turned out to be unhappy.

Whether it is finished says the name of the touch, `Visit Finished` or `Visit Unfinished`. The rating of a visit itself is never looked at as a feature,
wherever it stands. Unhappy is whoever rates it below 4; in a home in which no visit is rated, whoever calls again for the same product within the horizon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from zerodistance.core.models import things
from zerodistance.core.models.ladder.columns import Floats, Ints
from zerodistance.core.models.things import DAY, Things, since
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_HAPPY = 4.0  # own value: a rating below it is one of somebody who is unhappy
_YEAR, _SEASON = 365, 90  # days
LABELS: Mapping[str, Text] = {
    "visit.unfinished": Text("没有办完", "it is not finished"),
    "visit.waited": Text("从来电到上门，天", "days from the call to the visit"),
    "visit.minutes": Text("上门用时，分钟", "minutes that the visit took"),
    "visit.fee": Text("收费", "what was paid"),
    "visit.fault": Text("是否因为故障", "whether it was for a fault"),
    "visit.age": Text("产品用了多久，天", "age of the product, days"),
    "visit.again": Text("一年内为同一产品上过几次门", "earlier visits for the same product in a year"),
    "visit.same_fault": Text("其中为同一故障", "of these, for the same fault"),
    "visit.calls": Text("九十天内来电", "calls in ninety days"),
    "visit.missed": Text("九十天内上门失约", "missed visits in ninety days"),
    "visit.low_before": Text("以前给过几次低分", "low ratings given before"),
    "visit.rating_before": Text("以前评分的平均", "mean of the ratings given before"),
}
"""Column -> what it is called."""


def visits(
    home: Home, after: int, until: int, horizon_days: int = 0, *, persons: Sequence[int] | None = None
) -> Things:
    """Return the visits whose report became known after a moment and by another (microseconds UTC), each as of its report.

    Parameters
    ----------
    horizon_days
        Ratings and calls that came so long after it are looked for; 0: none, nor its own rating.
    persons
        Of these persons of today alone.
    """
    with home.engine.connect() as connection:
        things.log_of(connection, home, persons)
        found = joined(connection, after, until, horizon_days)
    return found.owned_by(things.owners(home, found.subject))


def joined(connection: duckdb.DuckDBPyConnection, after: int, until: int, horizon_days: int = 0) -> Things:
    """Return the same of a connection that has the views `touches` and `whose`; records stand as their own owners."""
    bounds = {"after": clock.from_micros(after), "until": clock.from_micros(until)}
    rows = things.asked(connection, "visit_spine.sql", **bounds)
    if not len(rows):
        return things.nothing(LABELS)
    as_of = rows.column("as_of").cast(pa.int64()).to_numpy()
    spine = rows.add_column(0, "spine_row", pa.array(np.arange(len(rows))))
    for name, days in (("season_ago", -_SEASON), ("year_ago", -_YEAR), ("until", horizon_days)):
        spine = spine.append_column(name, things.times(as_of + days * DAY))
    connection.register("visit_spine", spine)
    before = things.by_row(things.asked(connection, "visit_before.sql"), len(rows))
    came = np.full(len(rows), np.nan)
    if horizon_days:
        came = _unhappy(things.by_row(things.asked(connection, "visit_came.sql"), len(rows)))
    subject = rows.column("subject").to_numpy()
    category, product, code = (things.words(rows.column(name)) for name in ("category", "product", "fault"))
    never = np.full(len(rows), np.nan)
    return Things(
        subject, as_of, subject, category, product, _columns(rows, as_of, before), came, never, code
    )


def _columns(rows: pa.Table, as_of: Ints, before: Mapping[str, Floats]) -> dict[str, Floats]:
    visited = things.numbers(rows.column("happened_at"))
    return {
        "visit.unfinished": things.numbers(rows.column("unfinished")),
        "visit.waited": (visited - before["called_at"]) / DAY,
        "visit.minutes": things.numbers(rows.column("minutes")),
        "visit.fee": things.numbers(rows.column("fee")),
        "visit.fault": things.numbers(rows.column("faulty")),
        "visit.age": since(as_of, before["began"]),
        "visit.again": np.nan_to_num(before["again"]),
        "visit.same_fault": np.nan_to_num(before["same_fault"]),
        "visit.calls": np.nan_to_num(before["calls"]),
        "visit.missed": np.nan_to_num(before["missed"]),
        "visit.low_before": np.nan_to_num(before["low"]),
        "visit.rating_before": before["rating"],
    }


def _unhappy(came: Mapping[str, Floats]) -> Floats:
    rated = ~np.isnan(came["rating"])
    if rated.any():
        return np.where(rated, (came["rating"] < _HAPPY).astype(np.float64), np.nan)
    return came["called"]

"""Who goes on: what stops somebody on the line of steps, by the touches since they entered."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import pyarrow as pa

from zerodistance.apps.marketing.campaigns.contracts import Said, Stop
from zerodistance.core.brand import api as brand
from zerodistance.core.profiles.rules import kind_ranges
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

_SQL = files(__package__) / "sql"
_CALLED = ("service.called",)
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("reason", "low", "high", "campaign", "category", "product", "place")]
)


def asked(home: Home, said: Said, experiment: str) -> pa.Table:
    """Return what stops somebody: one row per reason, range of kinds and category, null where any will do."""
    rows: list[dict[str, str | None]] = []
    goal = said.goal
    if Stop.GOAL in said.stops:
        categories: Sequence[str | None] = [None] if goal.category is None else below(home, goal.category)
        more = {"product": goal.product, "place": goal.place}
        for category in categories:
            rows += _kinds(Stop.GOAL, (goal.kind,), {**more, "category": category})
    if Stop.CLICK in said.stops:
        rows += _kinds(Stop.CLICK, ("message.clicked",), {"campaign": experiment})
    if Stop.REFUSED in said.stops:
        rows += _kinds(Stop.REFUSED, ("message.refused",), {"campaign": experiment})
    if Stop.SERVICE in said.stops:
        rows += _kinds(Stop.SERVICE, _CALLED, {})
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _kinds(reason: Stop, kinds: Sequence[str], more: dict[str, str | None]) -> list[dict[str, str | None]]:
    return [{"reason": reason.value, "low": low, "high": high, **more} for low, high in kind_ranges(kinds)]


def below(home: Home, category: str) -> list[str]:
    """Return a category and those below it."""
    every = brand.categories(home, Who.system("marketing"))
    found, more = {category}, True
    while more:
        below = {one.key for one in every if one.parent in found} - found
        found |= below
        more = bool(below)
    return sorted(found)


def stopped(home: Home, said: Said, experiment: str, since: int) -> pa.Table:
    """Return whom touches since a moment (microseconds UTC, not included) stop: `subject` int64, `reason` string, each pair once."""
    rules = asked(home, said, experiment)
    if not len(rules):
        return pa.table({"subject": pa.array([], pa.int64()), "reason": pa.array([], pa.string())})
    with home.engine.connect() as connection:
        touches_view(connection, home)
        connection.register("stop_rule", rules)
        found = connection.sql((_SQL / "stopped.sql").read_text(), params={"since": clock.from_micros(since)})
        return found.to_arrow_table()

"""How often a goal is reached without anybody doing anything, and how a goal is asked of the log."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import duckdb
import pyarrow as pa

from zerodistance.core.brand import api as brand
from zerodistance.core.measurement.contracts import Goal
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import bitmaps
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.rules import kind_ranges
from zerodistance.core.segments import released
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

SQL = files(__package__) / "sql"
TAKES_BACK = {
    "order.returned": True,
    "order.refunded": True,
    "order.cancelled": False,
    "order.adjusted": False,
    "cart.removed": False,
}
"""Kinds by which nobody reaches a goal that names their family, and whether their money is what was paid back: a return is no order."""


def base_rate(home: Home, who: Who, goal: Goal) -> float:
    """Return the share of all persons who reached a goal in a window of that length that ends now, to two digits; 0.0 where nobody is known.

    For an account that sees no persons both are released counts, and a share of too few is 0.0.
    """
    index = profiles.current(home)
    everybody = index.universe.persons
    if not everybody:
        return 0.0
    now = clock.micros()
    with home.engine.connect() as connection:
        touches_view(connection, home)
        connection.register("now_map", index.pairs())
        values = {
            **asked(connection, home, goal),
            "after": clock.from_micros(now - goal.window_days * clock.MICROS_PER_DAY),
            "until": clock.from_micros(now),
            "visitors": VISITORS_FROM,
        }
        rows = connection.sql((SQL / "base_rate.sql").read_text(), params=values).to_arrow_table()
    came = bitmaps.of(rows.column("number").to_numpy()) & everybody
    if who.may(Permission.SEE_PERSONS):
        return _two_digits(len(came) / len(everybody))
    k, panel = home.settings.released_k, released.panel(home)
    some, of = (released.figure(home.seal, panel, one, k) for one in (came, everybody))
    return _two_digits(some / of) if some and of else 0.0


def _two_digits(share: float) -> float:
    """Return a share as a plan needs it: exact ones would count single persons.

    Examples
    --------
    >>> _two_digits(0.012345), _two_digits(0.0)
    (0.012, 0.0)
    """
    return float(f"{share:.2g}")


def asked(connection: duckdb.DuckDBPyConnection, home: Home, goal: Goal) -> dict[str, Any]:
    """Register the categories that a goal covers (`wanted_category`) and what takes something back, and return the values that its questions bind."""
    covered = categories(home, goal.category)
    connection.register("wanted_category", pa.table({"category": pa.array(sorted(covered), pa.string())}))
    back = TAKES_BACK if goal.kind.endswith(".*") else {}
    kinds, money = pa.array(list(back), pa.string()), pa.array(list(back.values()), pa.bool_())
    connection.register("taken_back", pa.table({"kind": kinds, "money": money}))
    ((low, high),) = kind_ranges([goal.kind])
    return {
        "low": low,
        "high": high,
        "every_category": goal.category is None,
        "product": goal.product,
        "place": goal.place,
    }


def categories(home: Home, key: str | None) -> set[str]:
    """Return a category and those below it."""
    if key is None:
        return set()
    every = brand.categories(home, Who.system("measurement"))
    wanted, fresh = {key}, {key}
    while fresh:
        fresh = {one.key for one in every if one.parent in fresh} - wanted
        wanted |= fresh
    return wanted

"""Which dimensions there are for whom: those shipped, and the home's own."""

from __future__ import annotations

from functools import cache

import duckdb

from zerodistance.core.profiles import giving, rules
from zerodistance.core.profiles.contracts import Dimension, NoSuchDimension
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.own import own_dimensions
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home


@cache
def _shipped() -> dict[str, Dimension]:
    return {dimension.key: dimension for dimension in DIMENSIONS}


def dimensions(home: Home | None, who: Who | None = None) -> tuple[Dimension, ...]:
    """Return every dimension: those shipped, layer by layer, then the home's own; None: those shipped alone.

    For an account that may not see persons without those that are sensitive, and without those of units that it does not see.
    """
    every = DIMENSIONS if home is None else (*DIMENSIONS, *own_dimensions(home).dimensions)
    if who is None:
        return every
    sees = who.may(Permission.SEE_PERSONS)
    return tuple(one for one in every if (sees or not one.sensitive) and who.sees_unit(one.unit_id))


def dimension(home: Home | None, key: str, who: Who | None = None) -> Dimension:
    """Return one dimension, shipped or the home's own.

    Raises
    ------
    NoSuchDimension
        There is none that `who` sees; says the nearest keys.
    Forbidden
        It is sensitive, and `who` may not see persons.
    """
    found = _shipped().get(key)
    if found is None and home is not None:
        own = own_dimensions(home).by_key.get(key)
        found = (
            None if own is None or not (who is None or who.sees_unit(own.given.unit_id)) else own.dimension
        )
    if found is None:
        known = [one.key for one in dimensions(home, who)]
        raise NoSuchDimension(given=key, near=", ".join(rules.near(key, known)))
    if found.sensitive and who is not None:
        who.need(Permission.SEE_PERSONS)
    return found


def is_shipped(key: str) -> bool:
    """Say whether a key is that of a dimension that comes with the program."""
    return key in _shipped()


def given_view(connection: duckdb.DuckDBPyConnection, home: Home, day: int) -> None:
    """Make the view `given_value` in a connection: `dimension` (its key), `subject`, `giving`, `text`, `amount`; values that count on a day.

    Of the values about a person the one with the largest `giving` counts, then the smallest; both null: it was taken away.
    """
    giving.view(connection, home, day)

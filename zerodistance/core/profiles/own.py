"""The dimensions of a home's own: what they are said to be, and which given values of each are valid. In the state store."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from zerodistance.core.profiles import given as said
from zerodistance.core.profiles import rules
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.given import DimensionExists, DimensionInUse, Given, NotOwn
from zerodistance.core.profiles.store import own_dimension
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

_EPOCH = date(1970, 1, 1)
_LOOK = 0.2  # own value: seconds for which a process believes what it has read; what it writes itself it knows at once


@dataclass(frozen=True)
class Own:
    """A dimension of a home's own as it stands.

    Attributes
    ----------
    number
        Under which its given values are kept; a dimension that was withdrawn and one made later under its key have two.
    base, version
        First and last giving whose values count; 0: it shows no values of its own.
    """

    number: int
    given: Given
    base: int
    version: int
    made_by: str
    made_at: int
    changed_by: str
    changed_at: int

    @cached_property
    def dimension(self) -> Dimension:
        """It as a dimension of the tag tree."""
        return self.given.dimension

    def expired(self, day: int) -> bool:
        """Say whether it is no more on a local day, days since 1970-01-01."""
        on = self.given.expires_on
        return on is not None and (on - _EPOCH).days <= day

    @property
    def shape(self) -> str:
        """Fingerprint of what decides tags beside the values."""
        return rules.fingerprint([self.dimension], str(self.given.expires_days))


class Mark(NamedTuple):
    """What of a dimension an index holds: another one means that something is to be done."""

    number: int
    shape: str
    base: int
    version: int


class Owned:
    """The dimensions of a home's own at one moment."""

    def __init__(self, some: tuple[Own, ...]) -> None:
        self.by_key = {one.given.key: one for one in some}
        self.dimensions = tuple(one.dimension for one in some)

    def source(self, one: Own) -> Own | None:
        """Return the dimension whose given values one shows; None where it shows none, or they are not there any more."""
        return self.by_key.get(one.given.values_of)

    def marks(self, day: int) -> dict[str, Mark]:
        """Return what an index of a day holds of each; of those that are no more from that day on that they hold nobody."""
        found = {}
        for key, one in self.by_key.items():
            source = self.source(one)
            number, base, version = (
                (0, 0, 0) if source is None else (source.number, source.base, source.version)
            )
            holds = Mark(number or one.number, one.shape, base, version)
            found[key] = Mark(one.number, "expired", 0, 0) if one.expired(day) else holds
        return found


NONE = Owned(())
_held: dict[str, tuple[float, int, Owned]] = {}
_lock = threading.Lock()


def own_dimensions(home: Home, *, now: bool = False) -> Owned:
    """Return the home's own dimensions; with `now` as they are this moment, else as they were at most a fifth of a second ago."""
    root = str(home.root)
    held = _held.get(root)
    if held is not None and not now and time.monotonic() - held[0] < _LOOK:
        return held[2]
    looked = time.monotonic()
    ((stamp,),) = home.state.ask("select coalesce(max(stamp), 0) from own_dimension")
    found = held[2] if held is not None and held[1] == stamp else None
    if found is None:
        with home.state.read() as tx:
            stamp = _stamp(tx)
            found = Owned(tuple(map(_own, _living(tx))))
    with _lock:
        _held[root] = looked, stamp, found
    return found


def _stamp(tx: Connection) -> int:
    return int(tx.execute(select(func.coalesce(func.max(own_dimension.c.stamp), 0))).scalar_one())


def _living(tx: Connection, key: str | None = None) -> list[Mapping[str, Any]]:
    o = own_dimension
    query = select(o).where(o.c.ended_at.is_(None)).order_by(o.c.number)
    rows = tx.execute(query if key is None else query.where(o.c.key == key)).mappings()
    return [dict(row) for row in rows if row["version"] or said.read(row["said"]).values_of != row["key"]]


def _own(row: Mapping[str, Any]) -> Own:
    return Own(
        row["number"],
        said.read(row["said"]),
        *(row[name] for name in ("base", "version", "made_by", "made_at", "changed_by", "changed_at")),
    )


def find(home: Home, who: Who, key: str) -> Own:
    """Return one dimension of the home's own that this account sees; raises NotOwn."""
    every = own_dimensions(home, now=True).by_key
    found = every.get(key)
    if found is None or not who.sees_unit(found.given.unit_id):
        seen = [one for one, own in every.items() if who.sees_unit(own.given.unit_id)]
        raise NotOwn(given=key, near=", ".join(rules.near(key, seen)) or "–")
    return found


def reserve(home: Home, who: Who, given: Given) -> tuple[int, int]:
    """Return number and giving under which values may be written; they count when `settle` says so.

    Raises
    ------
    DimensionExists
        The key is that of a shipped dimension, or of one that this account does not see.
    """
    at = clock.micros()
    with home.state.write() as tx:
        number = _number(tx, who, given, at)
        o = own_dimension
        last = tx.execute(select(func.max(o.c.reserved))).scalar_one()
        giving = max(
            int(last or 0) + 1, at
        )  # no restored backup gives a number again that stands in the lake
        tx.execute(update(o).where(o.c.number == number).values(reserved=giving))
    return number, giving


def _number(tx: Connection, who: Who, given: Given, at: int) -> int:
    """Return the number of a dimension, a new one where there is none."""
    o = own_dimension
    row = tx.execute(select(o).where(o.c.key == given.key, o.c.ended_at.is_(None))).mappings().first()
    if any(one.key == given.key for one in DIMENSIONS) or (row and not who.sees_unit(row["unit_id"])):
        raise DimensionExists(key=given.key)
    if row is not None:
        return int(row["number"])
    made = {
        "key": given.key, "said": said.write(given), "unit_id": given.unit_id, "base": 0, "version": 0, "reserved": 0,
        "stamp": _next_stamp(tx, at), "made_by": who.name, "made_at": at, "changed_by": who.name, "changed_at": at,
    }  # fmt: skip
    return int(tx.execute(insert(o).values(made).returning(o.c.number)).scalar_one())


def _next_stamp(tx: Connection, at: int) -> int:
    return max(_stamp(tx) + 1, at)


def settle(home: Home, who: Who, number: int, giving: int, given: Given | None, *, wholly: bool) -> None:
    """Let what was given count, with what else is said of the dimension (None: as before); raises NotOwn where it was withdrawn meanwhile."""
    values: dict[str, Any] = {"version": giving}
    if wholly:
        values["base"] = giving
    _change(home, who, number, given, values)


def declare(home: Home, who: Who, given: Given) -> Own:
    """Say what a dimension is that needs no values of its own, or say it anew of one whose values stay; raises as `reserve`."""
    at = clock.micros()
    with home.state.write() as tx:
        number = _number(tx, who, given, at)
    _change(home, who, number, given, {})
    return find(home, who, given.key)


def _change(home: Home, who: Who, number: int, given: Given | None, values: dict[str, Any]) -> None:
    at, o = clock.micros(), own_dimension
    if given is not None:
        values |= {"said": said.write(given), "unit_id": given.unit_id}
    with home.state.write() as tx:
        here = (o.c.number == number) & o.c.ended_at.is_(None)
        values |= {"stamp": _next_stamp(tx, at), "changed_by": who.name, "changed_at": at}
        if not tx.execute(update(o).where(here).values(values)).rowcount:
            key = tx.execute(select(o.c.key).where(o.c.number == number)).scalar_one()
            raise NotOwn(given=key, near="–")
    let_go(home)


def end(home: Home, who: Who, key: str) -> None:
    """Withdraw a dimension; raises NotOwn, and DimensionInUse where another one shows its values."""
    found = find(home, who, key)
    by = [one for one, own in own_dimensions(home).by_key.items() if own.given.values_of == key != one]
    if by:
        raise DimensionInUse(key=key, by=", ".join(by))
    at, o = clock.micros(), own_dimension
    with home.state.write() as tx:
        ended = {"stamp": _next_stamp(tx, at), "ended_by": who.name, "ended_at": at}
        tx.execute(update(o).where(o.c.number == found.number).values(ended))
    let_go(home)


def let_go(home: Home) -> None:
    """Read what is said of the home's own dimensions again when it is next asked for."""
    with _lock:
        _held.pop(str(home.root), None)


def kept(home: Home) -> dict[int, tuple[int, int]]:
    """Return first and last giving whose values count, by the number of the dimension."""
    with home.state.read() as tx:
        return {row["number"]: (row["base"], row["version"]) for row in _living(tx) if row["version"]}

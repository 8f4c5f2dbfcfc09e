"""Who did what, from the states per day. What was found is kept; a turn of the index later it is asked again of those alone whom the turn touched."""

from __future__ import annotations

import threading
from collections import OrderedDict
from importlib.resources import files
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Split
from zerodistance.core.segments.bounds import bounds, fits_nothing
from zerodistance.core.segments.contracts import Did
from zerodistance.kernel.home import Home

_SQL = files(__package__) / "sql"
_MOST_KEPT = 256  # own value: answers that are kept
_PART = 8  # own value: where more than 1 of 8 are others by now, everybody is asked again
_EVER = -(1 << 31)


class _Kept(NamedTuple):
    """Who fitted, as of a part of the index and a day."""

    stamp: int
    day: int
    fits: Split


_kept: OrderedDict[tuple[str, Did], _Kept] = OrderedDict()
_pairs: dict[str, tuple[int, pa.Table]] = {}
_lock = threading.Lock()


class Behaviour:
    """Answers conditions on behaviour over one version of the tag index.

    Parameters
    ----------
    only
        The answers need be right for these numbers alone.
    """

    def __init__(self, home: Home, index: profiles.Index, only: BitMap | None = None) -> None:
        self._home, self._index, self._only = home, index, only
        self._few: pa.Table | None = None  # the map of those it is asked about alone

    def of(self, rule: Did) -> Split:
        """Return who fits; to be read only."""
        if self._only is not None:
            return self._found(rule)
        key = (self._index.folder, rule)
        with _lock:
            before = _kept.get(key)
            if before is not None:
                _kept.move_to_end(key)
        if before is not None and (before.stamp, before.day) == (self._index.stamp, self._index.day):
            return before.fits
        found = self._brought(rule, before)
        if found is None:
            found = self._found(rule)
        with _lock:
            _kept[key] = _Kept(self._index.stamp, self._index.day, found)
            while len(_kept) > _MOST_KEPT:
                _kept.popitem(last=False)
        return found

    def _brought(self, rule: Did, before: _Kept | None) -> Split | None:
        """Return who fits, from who did as of an earlier part of the index on the same day; None: everybody has to be asked."""
        if before is None or before.day != self._index.day:
            return None
        changed = self._index.changed_since(before.stamp)
        if changed is None or len(changed) * _PART > sum(self._index.everybody):
            return None
        fresh = Behaviour(self._home, self._index, changed).of(rule)
        return Split(
            *((was - changed) | (now & changed) for was, now in zip(before.fits, fresh, strict=True))
        )

    def _found(self, rule: Did) -> Split:
        rows = self._counted(rule)
        fits = np.ones(len(rows), np.bool_)
        for bound in bounds(rule, self._index.day):
            values = rows.column(bound.column).to_numpy()
            fits &= (values >= bound.low) & (values <= bound.high)
        some = np.sort(rows.column("number").to_numpy()[~fits if fits_nothing(rule) else fits])
        found = Split.of_sorted(some.astype(np.uint32))
        return self._index.universe - found if fits_nothing(rule) else found

    def _counted(self, rule: Did) -> pa.Table:
        family = rule.kind.split(".")[0]
        wide = rule.kind.endswith(".*")
        days = rule.within_days
        values = {
            "family": family,
            "low": f"{family}." if wide else rule.kind,
            "high": f"{family}.\U0010ffff" if wide else rule.kind,
            "first_day": _EVER if days is None else self._index.day - days + 1,
            "last_day": self._index.day,
            "batch": self._index.batch,
            "product": rule.product,
            "category": rule.category,
            "place": rule.place,
        }
        text = (_SQL / "did.sql").read_text()
        for attempt in (1, 2, 3):
            try:
                with self._home.engine.connect() as connection:
                    profiles.states_view(connection, self._home, self._index)
                    connection.register("person_map", self._map())
                    return connection.sql(text, params=values).to_arrow_table()
            except duckdb.IOException:  # the worker has put other files in the place of these
                if attempt == 3:
                    raise
        raise AssertionError

    def _map(self) -> pa.Table:
        if self._only is None:
            return whole_map(self._index)
        if self._few is None:
            self._few = self._index.pairs_of(self._only)
        return self._few


def whole_map(index: profiles.Index) -> pa.Table:
    """Return `subject` and `number` of everybody in an index; that of the newest version is kept."""
    folder = index.folder
    with _lock:
        held = _pairs.get(folder)
    if held is None or held[0] != index.stamp:
        held = (index.stamp, index.pairs())
        with _lock:
            for other in [one for one in _pairs if profiles.of_past(one)]:  # one of them at a time
                del _pairs[other]
            _pairs[folder] = held
    return held[1]

"""From a rule to who fits it: tags by bitmaps, behaviour by the states per day, kept while the index stays the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Split
from zerodistance.core.segments.contracts import (
    AllOf,
    AnyOf,
    Did,
    Has,
    In,
    NoneOf,
    Rule,
    SegmentCircle,
    SomeOf,
)
from zerodistance.kernel.home import Home

_SQL = files(__package__) / "sql"
_MOST_KEPT = 256  # own value: answers about behaviour that are kept
_AMOUNT = 10_000  # units of the states per unit of currency
_EVER = -(1 << 31)
_kept: OrderedDict[tuple[str, int, int, Did], Split] = OrderedDict()
_pairs: dict[str, tuple[int, pa.Table]] = {}
_lock = threading.Lock()


class Line(NamedTuple):
    """One condition of a rule with who fits it alone and who is left after it."""

    term: Rule
    depth: int
    joined: str
    alone: Split
    left: Split


class Answer:
    """Answers rules over one version of the tag index, so that everything in one answer is of one moment.

    Parameters
    ----------
    saved
        Gives the rule of a saved segment.
    """

    def __init__(self, home: Home, saved: Callable[[str], Rule]) -> None:
        self._home, self._saved = home, saved
        self._path: list[str] = []  # segments that stand in one another, from the outermost
        self._segments: dict[str, Split] = {}
        self.index = profiles.current(home)

    def fits(self, rule: Rule) -> Split:
        """Return who fits a rule."""
        match rule:
            case Has():
                return self._has(rule)
            case Did():
                return self._did(rule)
            case In():
                return self._in(rule.segment)
            case AllOf():
                found = self.index.universe
                for term in rule.terms:
                    found = found & self.fits(term)
                return found
            case AnyOf():
                return self._any(rule.terms)
            case NoneOf():
                return self.index.universe - self._any(rule.terms)
            case SomeOf():
                return profiles.at_least(rule.at_least, [self.fits(term) for term in rule.terms])

    def _any(self, terms: Sequence[Rule]) -> Split:
        first, *rest = terms
        found = self.fits(first)
        for term in rest:
            found = found | self.fits(term)
        return found

    def lines(self, rule: Rule) -> tuple[list[Line], Split]:
        """Return the conditions one after the other with who is left, and who fits the whole rule."""
        found: list[Line] = []
        left = self._walk(rule, self.index.universe, 0, found)
        return found, left

    def _walk(self, rule: Rule, before: Split, depth: int, found: list[Line], joined: str = "and") -> Split:
        """Add the lines of `rule`; return who of `before` is left after it."""
        match rule:
            case AllOf():
                for term in rule.terms:
                    before = self._walk(term, before, depth, found)
                return before
            case NoneOf():
                for term in rule.terms:
                    alone = self.fits(term)
                    before = before - alone
                    found.append(Line(term, depth, "not", alone, before))
                return before
            case AnyOf():
                some = before - before
                for i, term in enumerate(rule.terms):
                    alone = self.fits(term)
                    some = some | (before & alone)
                    found.append(Line(term, depth + 1, "or" if i else joined, alone, some))
                return some
            case _:
                alone = self.fits(rule)
                before = before & alone
                found.append(Line(rule, depth, joined, alone, before))
                return before

    def _in(self, key: str) -> Split:
        if key not in self._segments:
            if key in self._path:
                raise SegmentCircle(path=" → ".join([*self._path, key]))
            self._path.append(key)
            self._segments[key] = self.fits(self._saved(key))
            self._path.pop()
        return self._segments[key]

    def _has(self, rule: Has) -> Split:
        dimension = profiles.dimension(rule.dimension)
        if rule.node is not None:
            return self.index.has(dimension, rule.node)
        if rule.at_least is None and rule.at_most is None:
            return self.index.tagged(dimension)
        low = -np.inf if rule.at_least is None else rule.at_least
        high = np.inf if rule.at_most is None else rule.at_most
        return self.index.between(dimension, float(low), float(high))

    def _did(self, rule: Did) -> Split:
        key = (str(self._home.root), self.index.version, self.index.made_at or 0, rule)
        with _lock:
            if key in _kept:
                _kept.move_to_end(key)
                return _kept[key]
        found = self._behaviour(rule)
        with _lock:
            _kept[key] = found
            while len(_kept) > _MOST_KEPT:
                _kept.popitem(last=False)
        return found

    def _behaviour(self, rule: Did) -> Split:
        low = rule.at_least if rule.at_least is not None else (0 if rule.at_most is not None else 1)
        high = np.inf if rule.at_most is None else rule.at_most
        least = -np.inf if rule.amount_at_least is None else round(rule.amount_at_least * _AMOUNT)
        rows = self._counted(rule)
        times, amount = rows.column("times").to_numpy(), rows.column("amount").to_numpy()
        fits = (times >= low) & (times <= high) & (amount >= least)
        nothing_fits = low <= 0 and least <= 0  # whoever did it no time at all fits too
        some = np.sort(rows.column("number").to_numpy()[~fits if nothing_fits else fits]).astype(np.uint32)
        return self.index.universe - Split.of_sorted(some) if nothing_fits else Split.of_sorted(some)

    def _counted(self, rule: Did) -> pa.Table:
        family = rule.kind.split(".")[0]
        wide = rule.kind.endswith(".*")
        days = rule.within_days
        values = {
            "family": family,
            "low": f"{family}." if wide else rule.kind,
            "high": f"{family}.\U0010ffff" if wide else rule.kind,
            "first_day": _EVER if days is None else self.index.day - days + 1,
            "last_day": self.index.day,
            "batch": self.index.batch,
            "product": rule.product,
            "category": rule.category,
            "place": rule.place,
        }
        text = (_SQL / "did.sql").read_text()
        for attempt in (1, 2, 3):
            try:
                with self._home.engine.connect() as connection:
                    profiles.states_view(connection, self._home)
                    connection.register("person_map", self._map())
                    return connection.sql(text, params=values).to_arrow_table()
            except duckdb.IOException:  # the worker has put other files in the place of these
                if attempt == 3:
                    raise
        raise AssertionError

    def _map(self) -> pa.Table:
        root = str(self._home.root)
        with _lock:
            held = _pairs.get(root)
        if held is None or held[0] != self.index.version:
            held = (self.index.version, self.index.pairs())
            with _lock:
                _pairs[root] = held
        return held[1]


def after(both: Split, number: int | None, *, visitors: bool) -> Iterator[int]:
    """Yield the numbers above `number`, ascending, of persons or of visitors."""
    side = both.visitors if visitors else both.persons
    return iter(side) if number is None else side.iter_equal_or_larger(number + 1)

"""Brings the index up to what is said of the home's own dimensions, each by a part that speaks of it alone; and finds their tags of some people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from zerodistance.core.profiles import bitmaps, evaluate, giving, publishing, rules, stacked
from zerodistance.core.profiles.contracts import Dimension, People
from zerodistance.core.profiles.evaluate import Tagged
from zerodistance.core.profiles.giving import Shown
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.own import Mark, Owned
from zerodistance.core.profiles.parts import ABOUT, Part, Subjects
from zerodistance.core.profiles.rollup import Rollup, add_inner
from zerodistance.core.profiles.splits import NOBODY, Numbers, Split, Who, union
from zerodistance.kernel import fault
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_PARTIAL = (
    5  # own value, as in `keeper`: when more than 1 of 5 were given another value, everybody is looked at
)
Evaluate = Callable[[pa.Table, pa.Table, Dimension, int], Tagged]
"""Gives the tags of everybody in a map (subject, number), with facts, in one dimension of touches or facts as of a day."""


def computed(owned: Owned, day: int) -> tuple[Dimension, ...]:
    """Return the home's own dimensions of touches and facts, which are evaluated with those shipped."""
    some = (one for one in owned.by_key.values() if one.given.of.name != "given" and not one.expired(day))
    return tuple(one.dimension for one in some)


class Known(NamedTuple):
    """What is known already of given values.

    Attributes
    ----------
    before
        An index that holds what is said of the home's own dimensions.
    moved
        Numbers whose subjects are others since, or of whose values one ran out.
    """

    before: Index
    moved: BitMap

    def of(self, universe: Split, pairs: pa.Table) -> Split:
        """Return who has the values that the index has: reading them from the lake opens a file for each dimension.

        Of a new subject (`pairs`: subject, number) something may have been said before the index knew whose it is.
        """
        fresh = pairs.column("subject").to_numpy() > self.before.last_subject
        joined = bitmaps.of(np.unique(pairs.column("number").to_numpy()[fresh]))
        return (universe & self.before.universe).without(self.moved | joined)

    def numbers(self, key: str, some: Split) -> tuple[Who, Numbers]:
        """Return who of some has a number, ascending, and the numbers."""
        who = (self.before.split(("known", key, "")) & some).numbers()
        if not len(who):  # as of most who look at a site: no part is opened for them
            return who, np.empty(0, np.float64)
        return who, stacked.pick(self.before.stacks.of(key), key, who)

    def nodes(self, key: str, some: Split) -> dict[str, Split]:
        """Return who of some is at each node but inner ones."""
        mine = self.before.split(("any", key, "")) & some
        leaves = (node for node in self.before.nodes(key) if not rules.is_inner(node)) if mine else ()
        return {node: both for node in leaves if (both := self.before.split(("node", key, node)) & mine)}


def add_given(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    shown: list[Shown],
    tagged: Tagged,
    pairs: pa.Table,
    day: int,
    rollup: Rollup,
    known: Known | None = None,
) -> None:
    """Add the tags of everybody in `pairs` in dimensions of given values: those of whom nothing else is `known` are read."""
    same = NOBODY if known is None else known.of(tagged.universe, pairs)
    if same:
        others = stacked.outside(pairs.column("number").to_numpy(), same.persons | same.visitors)
        pairs = pairs.filter(pa.array(others))
    for key, found in giving.values(connection, home, shown, pairs, day).items():
        dimension = next(one.own.dimension for one in shown if one.own.given.key == key)
        if dimension.numeric:
            who, values = found.who, found.values.astype(np.float64)
            if known is not None and same:
                kept, numbers = known.numbers(key, same)
                order = np.argsort(np.concatenate([who, kept]), kind="stable")
                who = np.concatenate([who, kept])[order]
                values = np.concatenate([values, numbers])[order]
            evaluate.take_numbers(tagged, dimension, who, values, day)
        else:
            codes = found.values.astype(np.int64)
            evaluate.take_words(tagged, dimension, found.who, codes, found.words)
            mine = tagged.nodes[key]
            for node, both in known.nodes(key, same).items() if known is not None and same else ():
                mine[node] = mine.get(node, NOBODY) | both
        add_inner(tagged.nodes[key], dimension, rollup)


def shown(owned: Owned, day: int) -> list[Shown]:
    """Return the dimensions that show given values on a day."""
    return [one for one in giving.shown(owned) if not one.own.expired(day)]


@dataclass
class Bringing:
    """One look at the home's own dimensions.

    Parameters
    ----------
    day
        On which the home's own dimensions hold; the index may still be of the day before.
    evaluate
        Evaluates a dimension of touches or facts.
    """

    home: Home
    connection: duckdb.DuckDBPyConnection
    people: People
    owned: Owned
    rollup: Rollup
    day: int
    evaluate: Evaluate

    def bring(self, before: Index) -> tuple[Index, int]:
        """Write a part for each dimension of which the index holds something else than is said; return the index with them, and of how many they speak."""
        wanted, done = self.owned.marks(self.day), 0
        for key in {**before.given, **wanted}:
            held, mark = before.given.get(key), wanted.get(key)
            if held is not None and mark is not None and tuple(held) == tuple(mark):
                continue
            fault.point("profiles.alone")
            given = {k: v for k, v in before.given.items() if k != key} | (
                {} if mark is None else {key: mark}
            )
            part = self._part(before, key, None if held is None else Mark(*held), mark, given)
            before = publishing.publish(self.home.path("index"), before, part)
            done += (
                len(part.universe.persons) + len(part.universe.visitors)
                if part.changed is None
                else len(part.changed)
            )
            log("profiles").info("dimension_brought", dimension=key, whole=part.changed is None, people=done)
        return before, done

    def _part(
        self, before: Index, key: str, held: Mark | None, mark: Mark | None, given: dict[str, Mark]
    ) -> Part:
        """Return the part that speaks of one dimension alone: of everybody, or of those about whom something was said since."""
        changed, one = None, self.owned.by_key.get(key)
        tagged = Tagged(NOBODY)
        if one is not None and not one.expired(self.day):
            source = self.owned.source(one)
            if held is not None and mark is not None and source is not None and held[:3] == mark[:3]:
                changed = self._since(before, giving.later(self.connection, self.home, source, held.version))
            pairs = (
                before.pairs()
                if changed is None
                else self.people.pairs(bitmaps.to_numbers(changed).astype(np.int64))
            )
            if source is not None:
                tagged.universe = before.universe
                add_given(
                    self.connection, self.home, [Shown(one, source)], tagged, pairs, before.day, self.rollup
                )
            else:
                tagged = self.evaluate(pairs, self.people.facts(None), one.dimension, before.day)
        nodes, numbers = self._here(before, tagged, key)
        return Part(
            **{name: getattr(before, name) for name in ABOUT if name not in ("given", "made_at")},
            made_at=before.made_at or 0,
            changed=changed,
            universe=union(nodes.values()),
            nodes={key: nodes},
            numbers=numbers,
            only=key,
            given=given,
        )

    def _since(self, before: Index, subjects: Subjects) -> BitMap | None:
        """Return to whom these subjects belong, of those in the index; None: so many that everybody is looked at."""
        numbers = self.people.numbers_of(subjects)
        mine = bitmaps.of(np.unique(numbers[numbers > 0])) & (
            before.universe.persons | before.universe.visitors
        )
        return None if len(mine) > 1_000 and len(mine) * _PARTIAL > sum(before.everybody) else mine

    @staticmethod
    def _here(
        before: Index, tagged: Tagged, key: str
    ) -> tuple[dict[str, Split], dict[str, tuple[Who, Numbers]]]:
        """Return nodes and numbers of those who are in the index: somebody who came since is looked at with the others who changed."""
        everybody = before.universe
        nodes = {node: both & everybody for node, both in tagged.nodes.get(key, {}).items()}
        numbers = {}
        if key in tagged.numbers:
            who, values = tagged.numbers[key]
            here = bitmaps.among(who, everybody.numbers())
            numbers[key] = who[here], values[here]
        return {node: both for node, both in nodes.items() if both}, numbers

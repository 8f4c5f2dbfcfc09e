"""Tags by rule follow the index: after each of its turns the rules are asked for those whom the turn touched, and whoever is at another node is given that.

Nothing is remembered but in memory: what the index holds of a tag is compared with what its rules say, so that a crash costs a repeated look.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import living, saved
from zerodistance.core.segments.answer import Answer
from zerodistance.core.segments.tags import forms, store
from zerodistance.core.segments.tags.contracts import ByRule, Node
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_SYSTEM = Who.system("tags")


@dataclass(frozen=True)
class _Seen:
    """A tag as it was last looked at."""

    version: int
    meaning: str
    stamp: int
    day: int


class Follower:
    """Looks at tags by rule after each turn of the index; worker only."""

    def __init__(self, home: Home) -> None:
        self._home, self._people = home, identity.People(home)
        self._rule_of, self._frozen = saved.rule_of(home, _SYSTEM), saved.frozen(home)
        self._seen: dict[int, _Seen] = {}
        self._said: dict[tuple[int, int], Sequence[Node]] = {}
        self.watch = living.Watch()

    def catch_up(self) -> int:
        """Give what has changed in tags by rule since it was last looked; return of how many persons and visitors."""
        with profiles.lock(self._home):  # nobody is forgotten meanwhile
            index = self.watch.due(self._home)
            if index is None:
                return 0
            with self._home.state.read() as tx:
                rows = [
                    row for row in store.living(tx) if row["ran_at"] is not None and row["failed"] is None
                ]
            kept = {row["number"] for row in rows}
            self._seen = {number: seen for number, seen in self._seen.items() if number in kept}
            self._said = {key: nodes for key, nodes in self._said.items() if key[0] in kept}
            return sum(self._looked(row, index) for row in rows if row["key"] in index.given)

    def _looked(self, row: Mapping[str, Any], index: profiles.Index) -> int:
        try:
            return self._look(row, index)
        except ZeroDistanceError as error:  # a rule that can't be answered any more keeps no other waiting
            log("segments").error("tag_not_followed", tag=row["key"], why=error.message("en"))
            return 0

    def _nodes(self, row: Mapping[str, Any]) -> Sequence[Node]:
        """Return the nodes of a tag by rule, none of one made otherwise."""
        key = row["number"], row["version"]
        if key not in self._said:
            how = forms.read(json.loads(row["said"]), saved.words(self._home), row["unit_id"]).how
            self._said[key] = how.nodes if isinstance(how, ByRule) else ()
        return self._said[key]

    def _look(self, row: Mapping[str, Any], index: profiles.Index) -> int:
        nodes = self._nodes(row)
        if not nodes:
            return 0
        seen = self._seen.get(row["number"])
        means = " ".join(living.meaning(self._home, node.rule, self._rule_of) for node in nodes)
        if seen == (now := _Seen(row["version"], means, index.stamp, index.day)):
            return 0
        same = seen is not None and replace(seen, stamp=index.stamp) == now
        only = index.changed_since(seen.stamp) if seen is not None and same else None
        if only is not None and any(living.about_homes(node.rule, self._rule_of) for node in nodes):
            only = living.with_homes(self._people, only, index)
        changed = self._changed(row["key"], nodes, index, only)
        if len(changed):
            profiles.give_some(self._home, _SYSTEM, row["key"], [changed])
        self._seen[row["number"]] = now
        return len(changed)

    def _changed(
        self, key: str, nodes: Sequence[Node], index: profiles.Index, only: BitMap | None
    ) -> pa.RecordBatch:
        """Return `subject`, the earliest of each who is at another node by the rules than in the index, and `value`, that node, null: none."""
        here = Answer(self._home, self._rule_of, self._frozen, index=index, only=only)
        everybody = living.flat(index.universe)
        asked = everybody if only is None else everybody & only
        left, other = asked.copy(), BitMap()
        fits = dict[str, BitMap]()
        for node in nodes:  # the first that fits counts
            fits[node.key] = living.flat(here.fits(node.rule)) & left
            left -= fits[node.key]
            other |= (living.flat(index.split(("node", key, node.key))) & asked) ^ fits[node.key]
        numbers = np.array(other, np.int64)
        words = pa.array([None, *fits], pa.string())
        places = np.zeros(len(numbers), np.int64)
        for place, some in enumerate(fits.values(), 1):
            places[np.isin(numbers, np.array(some & other, np.int64), assume_unique=True)] = place
        pairs = self._people.pairs(numbers)  # in the order of number, then subject
        who, first = np.unique(pairs.column("number").to_numpy(), return_index=True)
        subjects = pairs.column("subject").to_numpy()[first]
        return pa.record_batch(
            {
                "subject": pa.array(subjects),
                "value": words.take(pa.array(places[np.searchsorted(numbers, who)])),
            }
        )

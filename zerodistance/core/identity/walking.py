"""Components that break a rule as a whole, joined one piece of evidence after the other in canonical order. Pure.

The order: what somebody said, class of the weaker end, strength of the other (`rules.strength`), time, tokens. These are asked for only where
nothing else tells pieces of one component apart. On contact data an account without a name comes last: two accounts on one phone are often somebody who had
it before and somebody who has it now, and the records that name somebody are that one's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from zerodistance.core.identity import rules
from zerodistance.core.identity.calling import new_runs
from zerodistance.core.identity.connected import Whole
from zerodistance.core.identity.naming import SAID, Bools, Ints, Pairs
from zerodistance.core.identity.rules import RuleSet

_RANKS = range(len(rules.NAMESPACES))
_STRENGTH = np.array([[rules.strength(weak, strong) for strong in _RANKS] for weak in _RANKS], dtype=np.int8)
_NOBODY: frozenset[int] = frozenset()
_AT_A_TIME = 100_000  # pieces that are held as Python's own numbers at a time
Times = Callable[[Ints], Ints]
Tokens = Callable[[Ints], Sequence[bytes]]


@dataclass(frozen=True)
class Suspects:
    """What has to be walked.

    Attributes
    ----------
    pairs
        The pieces of these components.
    of
        Row of the contact data of each name; names are rows from the number of subjects on.
    over
        Label of a component and rank of a namespace of which it has more values than a person may have, as label * ranks + rank; ascending.
    apart
        Pairs of rows that are never joined.
    """

    pairs: Pairs
    of: Ints
    over: Ints
    apart: tuple[Ints, Ints]


class Walk:
    """Joins what the rules allow.

    Parameters
    ----------
    rank, tokens
        As of `partition.Subjects`.
    first_at
        Gives the earliest touch of rows.
    nameless
        Which subjects are accounts of which no name is known: on contact data they come after the records that have the name there.

    Attributes
    ----------
    vetoed
        Guard name, namespace rank -> pieces of evidence that it leaves out.
    """

    def __init__(self, by: RuleSet, rank: Whole, first_at: Times, tokens: Tokens, nameless: Bools) -> None:
        self._by, self._rank, self._first_at, self._tokens = by, rank, first_at, tokens
        self._nameless = nameless
        self.vetoed: Counter[tuple[str, int]] = Counter()

    def write(self, label: Whole, suspects: Suspects) -> None:
        """Write the labels of whoever is in these components anew."""
        pairs, count = suspects.pairs, len(self._rank)
        source = pairs.b.astype(np.int64)  # a name has the rank and the tokens of its contact data
        is_name = source >= count
        source[is_name] = suspects.of[source[is_name] - count]
        component, rank_b = label[pairs.a], self._rank[source]
        order = self._in_order(pairs, component, rank_b, source)
        for part in _by_component(component[order]):
            rows = order[part]
            nodes, ends = np.unique(np.concatenate([pairs.a[rows], pairs.b[rows]]), return_inverse=True)
            subject = nodes[nodes < count].astype(np.int64)
            said = (pairs.tier[rows] == SAID).tolist()
            edges = zip(
                ends[: len(rows)].tolist(),
                ends[len(rows) :].tolist(),
                said,
                rank_b[rows].tolist(),
                strict=True,
            )
            times = self._times(subject, label[subject], suspects.over)
            root = np.array(self._joined(len(nodes), edges, times, _decided(nodes, suspects.apart)))
            label[subject] = nodes[root[: len(subject)]]

    def _in_order(self, pairs: Pairs, component: Whole, rank_b: Whole, source: Ints) -> Ints:
        """Return the rows of the pairs by component, in each in canonical order."""
        rank_a = self._rank[pairs.a]
        weak = np.maximum(rank_a, rank_b)
        first = _STRENGTH[weak, np.minimum(rank_a, rank_b)]
        first[self._nameless[pairs.a] & rules.IS_CONTACT[weak]] = len(rules.NAMESPACES)
        keys = (component, pairs.tier != SAID, weak, first, pairs.at)
        order = np.lexsort(keys[::-1])
        begins = new_runs(*(key[order].astype(np.int64) for key in keys))
        many = np.diff(np.r_[begins, len(order)])
        place = np.flatnonzero(np.repeat(many > 1, many))  # where nothing but tokens tells
        if not len(place):
            return order
        run, tied = np.repeat(begins, many)[place].tolist(), order[place]
        x, y = pairs.a[tied].astype(np.int64), source[tied]
        rows = np.unique(np.concatenate([x, y]))
        token = dict(zip(rows.tolist(), self._tokens(rows), strict=True))
        ends = [sorted((token[p], token[q])) for p, q in zip(x.tolist(), y.tolist(), strict=True)]
        placed = zip(run, ends, x.tolist(), pairs.b[tied].tolist(), tied.tolist(), strict=True)
        order[place] = [one[-1] for one in sorted(placed)]
        return order

    def _times(self, subject: Ints, label: Whole, over: Ints) -> dict[int, dict[int, list[int]]]:
        """Return node -> rank -> when it was first seen, of those that a rule may be broken with."""
        rank = self._rank[subject]
        if not len(over):
            return {}
        code = label * np.int64(len(self._by.limits)) + rank
        node = np.flatnonzero(over[np.minimum(np.searchsorted(over, code), len(over) - 1)] == code)
        columns = (node, rank[node], self._first_at(subject[node]))
        return {one: {of: [at]} for one, of, at in zip(*(c.tolist() for c in columns), strict=True)}

    def _joined(
        self,
        count: int,
        edges: Iterator[tuple[int, int, bool, int]],
        times: dict[int, dict[int, list[int]]],
        decided: dict[int, set[int]],
    ) -> list[int]:
        """Return the smallest node that each is joined with."""
        parent = list(range(count))
        for x, y, said, rank in edges:
            p, q = _root(parent, x), _root(parent, y)
            if p == q:
                continue
            if decided and not decided.get(p, _NOBODY).isdisjoint(decided.get(q, _NOBODY)):
                self.vetoed["decided", rank] += 1
                continue
            if p in times and q in times and not said:
                against = self._by.veto(times[p], times[q])
                if against is not None:
                    self.vetoed[self._by.guard_of(against), against] += 1
                    continue
            if q < p:
                p, q = q, p
            parent[q] = p
            for namespace, values in times.pop(q, {}).items():
                times.setdefault(p, {}).setdefault(namespace, []).extend(values)
            if q in decided:
                decided.setdefault(p, set()).update(decided.pop(q))
        return [_root(parent, node) for node in range(count)]


def _root(parent: list[int], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


def _by_component(component: Whole) -> Iterator[slice]:
    """Yield parts of rows in order of their component that keep each together."""
    start = 0
    while start < len(component):
        last = min(start + _AT_A_TIME, len(component)) - 1
        end = int(np.searchsorted(component, component[last], side="right"))
        yield slice(start, end)
        start = end


def _decided(nodes: Whole, apart: tuple[Ints, Ints]) -> dict[int, set[int]]:
    """Return node -> decisions that keep it from others."""
    found: dict[int, set[int]] = {}
    if len(apart[0]):
        there = np.isin(apart[0], nodes) & np.isin(apart[1], nodes)
        for n in np.flatnonzero(there).tolist():
            for end in (apart[0][n], apart[1][n]):
                found.setdefault(int(np.searchsorted(nodes, end)), set()).add(n)
    return found

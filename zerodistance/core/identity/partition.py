"""Which subjects are one person: a pure function of evidence and rules, over columns. No I/O, no subject numbers in any choice.

Evidence is taken in a canonical order (strength class, time, tokens), like the edges of a spanning forest, and a piece that
the rules forbid is left out. Since the vetoes only ever grow with a set, a connected component that breaks no rule as a
whole needs no order at all: those are found with array operations, and only the few others are walked one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity import naming, rules
from zerodistance.core.identity.naming import MATCHED, SAID, SEEN, Pairs
from zerodistance.core.identity.rules import RuleSet

Ints = npt.NDArray[np.int64]
_RANKS = len(rules.NAMESPACES)
_NONE: Ints = np.empty(0, np.int64)
_NOBODY: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Subjects:
    """Columns of subjects, in order of their numbers.

    Attributes
    ----------
    number, rank, first_at, person, named
        Subject number; namespace rank; earliest touch, microseconds; person it belongs to now; mark of its name, 0 if it has none.
    tokens
        Gives the tokens of rows, for the order of those few that need one.
    """

    number: Ints
    rank: Ints
    first_at: Ints
    person: Ints
    named: Ints
    tokens: Callable[[Ints], Sequence[bytes]]

    def first(self, rows: int | None) -> Subjects:
        """Return the first rows; None: all."""
        number, rank, first_at = self.number[:rows], self.rank[:rows], self.first_at[:rows]
        return Subjects(number, rank, first_at, self.person[:rows], self.named[:rows], self.tokens)


_LATE = 1 << 60


def match_order(weight: float) -> int:
    """Return what stands for the time of a match: after whatever was seen, the greatest weight first."""
    return _LATE - round(weight * 1e6)


def weight_of(at: int) -> float:
    """Return the weight of a match, bits, from what stands for its time.

    Examples
    --------
    >>> weight_of(match_order(3.25))
    3.25
    """
    return (_LATE - at) / 1e6


@dataclass(frozen=True)
class Partition:
    """The answer.

    Attributes
    ----------
    label
        Per subject, the row of the first subject of its person.
    shared
        Row of each identifier on too many persons -> (how many, rank of the namespace that was counted).
    vetoed
        Guard name, namespace rank -> pieces of evidence that may not link.
    """

    label: Ints
    shared: dict[int, tuple[int, int]]
    vetoed: Counter[tuple[str, int]]


def shared(subjects: Subjects, pairs: Pairs, by: RuleSet) -> dict[int, tuple[int, int]]:
    """Return the identifiers seen with more values of one namespace than its cap, within its days: row -> (count, rank).

    Of the records on contact data their distinct names are counted, and those without a name: a shop's phone stands on customers of which nothing
    else is known, and a family's on many orders of a few people. Everybody counts from when the two were first seen together.
    """
    pairs = pairs.where(pairs.tier == SEEN)
    rank_a, rank_b = subjects.rank[pairs.a], subjects.rank[pairs.b]
    on_contact = rules.IS_RECORD[rank_a] & rules.IS_CONTACT[rank_b]
    stronger = (rank_a < rank_b) & ~on_contact
    found: dict[int, tuple[int, int]] = {}
    key, at = pairs.b[stronger] * _RANKS + rank_a[stronger], pairs.at[stronger]
    _count(found, key, at, by.caps, by.windows, subjects.rank)
    contact, at = pairs.b[on_contact], pairs.at[on_contact]
    name = subjects.named[pairs.a[on_contact]]
    if len(contact):
        name = np.where((name & naming.LOW) != 0, name, 0)  # a surname alone is no name
        key = contact * _RANKS + rules.RECORD
        order = np.lexsort((at, name, contact))
        key, name, at = key[order], name[order], at[order]
        first = np.r_[True, (key[1:] != key[:-1]) | (name[1:] != name[:-1])] & (name != 0)
        _count(found, key[first], at[first], by.caps, by.windows, subjects.rank)
        _count(found, key[name == 0], at[name == 0], by.nameless, by.windows, subjects.rank)
    return found


def _count(
    found: dict[int, tuple[int, int]], key: Ints, at: Ints, most: Ints, windows: Ints, rank: Ints
) -> None:
    """Add the rows of which a `key` (row, rank that is counted) stands more often than `most` within a window."""
    distinct, many = np.unique(key, return_counts=True)
    row = distinct // _RANKS
    over = many > most[rank[row]]
    if not over.any():
        return
    suspect = np.isin(key, distinct[over])
    key, at = key[suspect], at[suspect]
    order = np.lexsort((at, key))
    key, at = key[order], at[order]
    row = key // _RANKS
    cap, window = most[rank[row]], windows[rank[row]]
    later = np.minimum(np.arange(len(key)) + cap, len(key) - 1)  # so many more came since
    crowd = (np.arange(len(key)) + cap < len(key)) & (key[later] == key) & (at[later] - at < window)
    for one in np.unique(key[crowd]).tolist():
        low, high = np.searchsorted(key, [one, one + 1])
        times = at[low:high]
        within = np.searchsorted(times, times + window[low], side="left") - np.arange(high - low)
        count = int(within.max())
        if count > found.get(one // _RANKS, (0, 0))[0]:
            found[one // _RANKS] = (count, one % _RANKS)


def components(count: int, a: Ints, b: Ints) -> Ints:
    """Return per node the smallest node it is connected with.

    References
    ----------
    Zhang, Azad, Hu (2020): FastSV, a distributed-memory connected component algorithm with fast convergence.
    """
    parent = np.arange(count, dtype=np.int64)
    if not len(a):
        return parent
    grand = parent.copy()
    while True:
        before = grand.copy()
        low, high = grand[b], grand[a]
        np.minimum.at(parent, parent[a], low)
        np.minimum.at(parent, parent[b], high)
        np.minimum.at(parent, a, low)
        np.minimum.at(parent, b, high)
        np.minimum(parent, grand, out=parent)
        grand = parent[parent]
        if np.array_equal(grand, before):
            return _flat(parent)


def _flat(parent: Ints) -> Ints:
    while True:
        up = parent[parent]
        if np.array_equal(up, parent):
            return parent
        parent = up


def solve(
    subjects: Subjects,
    pairs: Pairs,
    by: RuleSet,
    known_shared: npt.NDArray[np.bool_] | None = None,
    inside: int | None = None,
    apart: tuple[Ints, Ints] = (_NONE, _NONE),
    released: frozenset[int] = _NOBODY,
) -> Partition:
    """Return the partition of subjects into persons.

    Parameters
    ----------
    by
        The rules.
    apart
        Pairs of rows of which somebody decided that they are two persons: what joins the rest leaves them apart.
    known_shared
        Which subjects are shared, where the columns are too few to count it; None: count it.
    inside
        Rows from here on are neighbours who tell whose a phone is, and are joined with nobody; None: there are none.
    released
        Numbers of subjects that somebody released: however many persons stand with them, they are not shared.
    """
    count = len(subjects.number)
    vetoed: Counter[tuple[str, int]] = Counter()
    crowded = shared(subjects, pairs, by) if known_shared is None else {}
    crowded = {row: how for row, how in crowded.items() if subjects.number.item(row) not in released}
    links = np.ones(len(pairs.a), dtype=bool)
    is_shared = np.zeros(count, dtype=bool) if known_shared is None else known_shared
    is_shared[list(crowded)] = True
    if is_shared.any():
        links = ~(is_shared[pairs.a] | is_shared[pairs.b]) | (pairs.tier == SAID)
        culprit = np.where(is_shared[pairs.b], pairs.b, pairs.a)[~links]
        for rank, times in enumerate(np.bincount(subjects.rank[culprit], minlength=_RANKS).tolist()):
            vetoed["shared", rank] += times
    kept = pairs.where(links)
    accounts = (np.maximum(subjects.rank[kept.a], subjects.rank[kept.b]) < rules.RECORD) & (
        kept.tier != MATCHED
    )
    account = components(count, kept.a[accounts], kept.b[accounts])
    named = naming.split(subjects.rank, subjects.named, account, kept)
    for rank, times in enumerate(np.bincount(subjects.rank[named.left_out], minlength=_RANKS).tolist()):
        vetoed["name", rank] += times
    edges, of = named.pairs, named.of
    if inside is not None:
        edges = edges.where((edges.a < inside) & ((edges.b < inside) | (edges.b >= count)))
    label = components(count + len(of), edges.a, edges.b)
    parted = label[apart[0]][label[apart[0]] == label[apart[1]]]
    walk = np.isin(label, np.concatenate([_suspects(label[:count], subjects.rank, by.counts), parted]))
    if walk.any():
        _walk(by, subjects, of, edges.where(walk[edges.a]), np.flatnonzero(walk), label, apart, vetoed)
    return Partition(label[:count], crowded, +vetoed)


def _suspects(label: Ints, rank: Ints, counts: Ints) -> Ints:
    """Return the components with more values of a namespace than its limit, before any window is looked at."""
    key, count = np.unique(label * _RANKS + rank, return_counts=True)
    return np.unique(key[count > counts[key % _RANKS]] // _RANKS)


def order(
    rank_a: int, rank_b: int, at: int, token_a: bytes, token_b: bytes
) -> tuple[int, int, int, bytes, bytes]:
    """Return the canonical place of a piece of evidence: the weaker end's class first, then time, then tokens."""
    low, high = sorted((token_a, token_b))
    weak = max(rank_a, rank_b)
    return weak, rules.strength(weak, min(rank_a, rank_b)), at, low, high


def _walk(
    by: RuleSet,
    subjects: Subjects,
    of: Ints,
    pairs: Pairs,
    rows: Ints,
    label: Ints,
    apart: tuple[Ints, Ints],
    vetoed: Counter[tuple[str, int]],
) -> None:
    """Join the `rows` of suspect components one piece of evidence after the other; write their labels."""
    count = len(subjects.rank)
    is_name = rows >= count
    source = rows.copy()
    source[is_name] = of[rows[is_name] - count]
    token = dict(zip(rows.tolist(), subjects.tokens(source), strict=True))
    rank = dict(zip(rows.tolist(), subjects.rank[source].tolist(), strict=True))
    first = dict(zip(rows.tolist(), subjects.first_at[source].tolist(), strict=True))
    parent = {row: row for row in rank}
    times: dict[int, dict[int, list[int]]] = {
        row: {rank[row]: [first[row]]} if row < count else {} for row in rank
    }
    decided: dict[int, set[int]] = {}  # row -> decisions that keep it from others
    for n, (x, y) in enumerate(zip(apart[0].tolist(), apart[1].tolist(), strict=True)):
        if x in rank and y in rank:
            decided.setdefault(x, set()).add(n)
            decided.setdefault(y, set()).add(n)

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    edges = zip(*(column.tolist() for column in (pairs.a, pairs.b, pairs.at, pairs.tier)), strict=True)
    placed = (
        (tier != SAID, order(rank[x], rank[y], at, token[x], token[y]), x, y, tier)
        for x, y, at, tier in edges
    )
    for _, _, x, y, tier in sorted(placed):
        p, q = root(x), root(y)
        if p == q:
            continue
        if not decided.get(p, _NOBODY).isdisjoint(decided.get(q, _NOBODY)):
            vetoed["decided", rank[y]] += 1
            continue
        against = None if tier == SAID else by.veto(times[p], times[q])
        if against is not None:
            vetoed[by.guard_of(against), against] += 1
            continue
        if q < p:
            p, q = q, p
        parent[q] = p
        for namespace, values in times.pop(q).items():
            times[p].setdefault(namespace, []).extend(values)
        if q in decided:
            decided.setdefault(p, set()).update(decided.pop(q))
    for row in parent:
        label[row] = root(row)


@dataclass(frozen=True)
class Renumbered:
    """Person numbers after a solve.

    Attributes
    ----------
    person
        Per subject.
    last_person, last_visitor
        Last numbers given.
    merged, split
        (old person, subject row of a member) of persons that became part of another, or gave away a part.
    """

    person: Ints
    last_person: int
    last_visitor: int
    merged: Ints
    split: Ints


def renumber(
    subjects: Subjects, label: Ints, *, last_person: int, last_visitor: int, visitors_from: int
) -> Renumbered:
    """Give every component a person number, keeping as many as can be kept.

    A number stays with the part that holds the person's earliest accepted subject, as the public id does. A component
    that would hold several keeps that of the most members, then the lowest. Someone who is no longer only a visitor gets a
    number among the persons.
    """
    count = len(label)
    if not count:
        return Renumbered(label.copy(), last_person, last_visitor, label, label)
    visitor = np.ones(count, dtype=bool)
    np.logical_and.at(visitor, label, subjects.rank >= rules.ANONYMOUS_FROM)
    visitor = visitor[label]
    # The earliest subject of each old person, and the component it is in now.
    old, first_row, members = np.unique(subjects.person, return_index=True, return_counts=True)
    home = label[first_row]
    fits = visitor[home] == (old >= visitors_from)
    ranked = np.lexsort((old, -members, home))[:]
    ranked = ranked[fits[ranked]]
    winners = ranked[np.unique(home[ranked], return_index=True)[1]]
    given = np.zeros(count, dtype=np.int64)
    given[home[winners]] = old[winners]
    new_labels = np.flatnonzero((label == np.arange(count)) & (given == 0))
    new_visitors = new_labels[visitor[new_labels]]
    new_persons = new_labels[~visitor[new_labels]]
    given[new_persons] = last_person + 1 + np.arange(len(new_persons))
    start_visitor = max(last_visitor, visitors_from - 1)
    given[new_visitors] = start_visitor + 1 + np.arange(len(new_visitors))
    person = given[label]
    return Renumbered(
        person,
        last_person + len(new_persons),
        start_visitor + len(new_visitors),
        *_differences(subjects, label, old, first_row, home),
    )


def _differences(
    subjects: Subjects, label: Ints, old: Ints, first_row: Ints, home: Ints
) -> tuple[Ints, Ints]:
    """Return rows of the earliest subject of persons that were merged away, and of those that were split."""
    by_home = np.lexsort((first_row, home))
    same = np.zeros(len(old), dtype=bool)
    same[by_home[1:]] = home[by_home[1:]] == home[by_home[:-1]]
    which = np.searchsorted(old, subjects.person)
    apart = label != home[which]
    split = np.unique(which[apart])
    return first_row[np.flatnonzero(same)], first_row[split]

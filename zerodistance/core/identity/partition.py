"""Which subjects are one person: a pure function of evidence and rules, over columns. No I/O, no subject numbers in any choice.

Evidence is taken in a canonical order (strength class, time, tokens), like the edges of a spanning forest, and a piece that
the rules forbid is left out. Since the vetoes only ever grow with a set, a connected component that breaks no rule as a
whole needs no order at all: those are found with array operations, and only the few others are walked one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity import grouped, naming, rules
from zerodistance.core.identity.calling import spans
from zerodistance.core.identity.connected import Few, Whole, components, components_of, fitting, sizes, taken
from zerodistance.core.identity.grouped import Group
from zerodistance.core.identity.naming import MATCHED, SAID, SEEN, Pairs
from zerodistance.core.identity.parting import Led, Names
from zerodistance.core.identity.rules import RuleSet
from zerodistance.core.identity.walking import Suspects, Walk

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
    settled
        The id that it stands for, see `public`; None: nobody asks for ids.
    """

    number: Ints
    rank: Whole
    first_at: Ints
    person: Ints
    named: Ints
    tokens: Callable[[Ints], Sequence[bytes]]
    settled: Ints | None = None

    def first(self, rows: int | None) -> Subjects:
        """Return the first rows; None: all."""
        number, rank, first_at = self.number[:rows], self.rank[:rows], self.first_at[:rows]
        settled = None if self.settled is None else self.settled[:rows]
        return Subjects(number, rank, first_at, self.person[:rows], self.named[:rows], self.tokens, settled)


_LATE = 1 << 60


def match_orders(bits: Ints) -> Ints:
    """Return what stands for the time of matches, given in millionths of a bit: after whatever was seen, the greatest weight first."""
    return _LATE - bits


def weight_of(at: int) -> float:
    """Return the weight of a match, bits, from what stands for its time.

    Examples
    --------
    >>> weight_of(int(match_orders(np.array([3_250_000]))[0]))
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

    label: Whole
    shared: dict[int, tuple[int, int]]
    vetoed: Counter[tuple[str, int]]


def shared(subjects: Subjects, pairs: Pairs, by: RuleSet) -> dict[int, tuple[int, int]]:
    """Return the identifiers seen with more values of one namespace than its cap, within its days: row -> (count, rank).

    Of the records on contact data their distinct names are counted, and those without a name: a shop's phone stands on customers of which nothing
    else is known, and a family's on many orders of a few people. Everybody counts from when the two were first seen together.
    """
    pairs = pairs.in_order()
    pairs = pairs.take(_crowded(pairs, len(subjects.rank), by.lowest_cap))
    b = pairs.b.astype(np.int64)
    rank_a, rank_b = subjects.rank[pairs.a], subjects.rank[b]
    on_contact = rules.IS_RECORD[rank_a] & rules.IS_CONTACT[rank_b]
    stronger = (rank_a < rank_b) & ~on_contact
    found: dict[int, tuple[int, int]] = {}
    key, at = b[stronger] * _RANKS + rank_a[stronger], pairs.at[stronger]
    _count(found, key, at, by.caps, by.windows, subjects.rank)
    contact, at = b[on_contact], pairs.at[on_contact]
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


def _crowded(pairs: Pairs, count: int, most: int) -> Ints:
    """Return the pairs that were seen and on whose weaker end there are more than so many."""
    busy, found = np.zeros(count, dtype=bool), [_NONE]
    for part in spans(len(pairs.b) - most):
        b = pairs.b[part.start + most : part.stop + most]
        busy[b[b == pairs.b[part]]] = True  # in order: this one has as many before it
    for part in spans(len(pairs.b)):
        some = taken(busy, pairs.b[part]) & (pairs.tier[part] == SEEN)
        found.append(np.flatnonzero(some) + part.start)
    return np.concatenate(found)


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
    count, rank, pairs = len(subjects.number), subjects.rank, pairs.in_order()
    vetoed: Counter[tuple[str, int]] = Counter()
    crowded = shared(subjects, pairs, by) if known_shared is None else {}
    crowded = {row: how for row, how in crowded.items() if subjects.number.item(row) not in released}
    is_shared = np.zeros(count, dtype=bool) if known_shared is None else known_shared
    is_shared[list(crowded)] = True
    links = _not_shared(rank, pairs, is_shared, vetoed)
    label = grouped.labels(
        rank,
        subjects.named,
        pairs,
        links,
        lambda group: _solved(subjects, group, by, inside, apart, vetoed),
    )
    return Partition(label, crowded, +vetoed)


def _solved(
    subjects: Subjects,
    group: Group,
    by: RuleSet,
    inside: int | None,
    apart: tuple[Ints, Ints],
    vetoed: Counter[tuple[str, int]],
) -> Whole:
    """Return per subject of a group the place of the first of its person; rows in `inside` and `apart` are those of everybody."""
    count, rank, pairs, rows = len(group.rows), group.rank, group.pairs, group.rows
    inside = None if inside is None else int(np.searchsorted(rows, inside))
    names = Names(rank, group.named, _accounts(rank, pairs), pairs)
    # Neighbours may have contact data that join others: then every name stands for itself.
    led = names.lead(pairs) if inside is None else names.lead_all(pairs)
    _add(vetoed, "name", rank[np.concatenate([pairs.b[names.others], led.left_out])])
    led, kept = _within(pairs, led, ~names.others, inside, count)
    label = components_of(count + len(led.of), *led.edges(pairs, kept))[:count]
    over, apart = _over(label, rank, by), group.both(*apart)
    parted = label[apart[0]][label[apart[0]] == label[apart[1]]]
    suspect = np.zeros(count, dtype=bool)
    suspect[over // _RANKS] = suspect[parted] = True
    if suspect.any():
        pieces, of = _pieces(names, pairs, taken(suspect, label), inside)
        walk = Walk(
            by,
            rank,
            lambda places: subjects.first_at[rows[places]],
            lambda places: subjects.tokens(rows[places].astype(np.int64)),
            names.nameless(pairs),
        )
        walk.write(label, Suspects(pieces, of, over, apart))
        vetoed += walk.vetoed
    return label


def _not_shared(
    rank: Whole, pairs: Pairs, is_shared: npt.NDArray[np.bool_], vetoed: Counter[tuple[str, int]]
) -> npt.NDArray[np.bool_]:
    """Return which pairs no shared identifier stands on, and those that somebody said."""
    links = np.ones(len(pairs.a), dtype=bool)
    if is_shared.any():
        culprits = Few(is_shared)
        for part in spans(len(links)):
            a, b = pairs.a[part], pairs.b[part]
            on_b = taken(is_shared, b)  # in order: no place is random
            out = np.flatnonzero((on_b | culprits.taken(a)) & (pairs.tier[part] != SAID))
            links[part][out] = False
            _add(vetoed, "shared", rank[np.where(on_b[out], b[out], a[out])])
    return links


def _add(vetoed: Counter[tuple[str, int]], guard: str, ranks: Whole) -> None:
    for rank, times in enumerate(np.bincount(ranks, minlength=_RANKS).tolist()):
        vetoed[guard, rank] += times


def _accounts(rank: Whole, pairs: Pairs) -> Whole:
    """Return per member or account a number that those have in common which stood on one touch; of others it says nothing."""
    is_account = rank < rules.RECORD
    number = np.cumsum(is_account, dtype=fitting(len(rank))) - 1
    row = np.flatnonzero(taken(is_account, pairs.b) & (pairs.tier != MATCHED))
    row = row[taken(is_account, pairs.a[row])]
    a, b = taken(number, pairs.a[row]), taken(number, pairs.b[row])
    number[is_account] = components(int(is_account.sum()), a, b)
    return number


def _within(
    pairs: Pairs, led: Led, kept: npt.NDArray[np.bool_], inside: int | None, count: int
) -> tuple[Led, npt.NDArray[np.bool_]]:
    """Leave out what joins rows from `inside` on, see `solve`."""
    if inside is None:
        return led, kept
    mine = led.of[led.holds] < inside
    kept = kept & (pairs.a < inside) & ((led.b < inside) | (led.b >= count))
    return replace(led, holds=led.holds[mine], since=led.since[mine]), kept


def _over(label: Whole, rank: Whole, by: RuleSet) -> Ints:
    """Return label * ranks + rank of components with more values of a namespace than its limit, before any window is looked at; ascending."""
    size = sizes(label)
    largest, found = int(size.max(initial=0)), [_NONE]
    for one, most in enumerate(by.counts.tolist()):
        if largest > most:
            mine = label[rank == one]
            mine = np.sort(mine[taken(size, mine) > most])
            found.append(np.unique(mine[most:][mine[most:] == mine[:-most]]) * np.int64(_RANKS) + one)
    return np.sort(np.concatenate(found))


def _pieces(
    names: Names, pairs: Pairs, walk: npt.NDArray[np.bool_], inside: int | None
) -> tuple[Pairs, Ints]:
    """Return the pieces of some components, contact data parted by every name on them, and the rows of these contact data."""
    beside = np.zeros(len(walk), dtype=bool)
    beside[pairs.b[taken(walk, pairs.a)]] = True
    row = np.flatnonzero(taken(beside, pairs.b))
    some = pairs.take(row)
    led, kept = _within(some, names.lead_all(some), ~names.others[row], inside, len(walk))
    edges = led.pairs(some, kept)
    return edges.where(walk[edges.a]), led.of

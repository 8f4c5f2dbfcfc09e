"""Who is who, straightforwardly: every step over everything, as it was written first. `partition.solve` has to give the same, faster.

Two things are said here that were left to the order of rows then: of names at one time on one phone the greatest mark comes last, and of phones at one
time on one record that with the lower mark comes first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity import rules
from zerodistance.core.identity.naming import LOW, MATCHED, SAID, SEEN, Pairs, agree_all
from zerodistance.core.identity.partition import Partition, Subjects
from zerodistance.core.identity.rules import RuleSet

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_RANKS = len(rules.NAMESPACES)
_NONE: Ints = np.empty(0, np.int64)
_NOBODY: frozenset[int] = frozenset()
_IN_USE = 730 * 86_400_000_000
_WORD, _OWN, _ORDER = 1e6, 100.0, 1.5


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
        name = np.where((name & LOW) != 0, name, 0)  # a surname alone is no name
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
    """Return per node the smallest node it is connected with, by passing the smaller number on until nothing changes."""
    label = np.arange(count, dtype=np.int64)
    while True:
        before = label.copy()
        np.minimum.at(label, a, before[b])
        np.minimum.at(label, b, before[a])
        if np.array_equal(label, before):
            return label


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
    named = _split(subjects.rank, subjects.named, account, kept)
    for rank, times in enumerate(np.bincount(subjects.rank[named.left_out], minlength=_RANKS).tolist()):
        vetoed["name", rank] += times
    edges, of = named.pairs, named.of
    if inside is not None:
        edges = edges.where((edges.a < inside) & ((edges.b < inside) | (edges.b >= count)))
    label = components(count + len(of), edges.a, edges.b)
    parted = label[apart[0]][label[apart[0]] == label[apart[1]]]
    walk = np.isin(label, np.concatenate([_suspects(label[:count], subjects.rank, by.counts), parted]))
    if walk.any():
        nameless = _nameless(subjects.rank, subjects.named, account, kept)
        pieces = edges.where(walk[edges.a])
        _walk(by, subjects, of, pieces, np.flatnonzero(walk), label, apart, vetoed, nameless)
    return Partition(label[:count], crowded, +vetoed)


def _suspects(label: Ints, rank: Ints, counts: Ints) -> Ints:
    """Return the components with more values of a namespace than its limit, before any window is looked at."""
    key, count = np.unique(label * _RANKS + rank, return_counts=True)
    return np.unique(key[count > counts[key % _RANKS]] // _RANKS)


def _nameless(rank: Ints, named: Ints, account: Ints, pairs: Pairs) -> Bools:
    """Return which subjects are accounts that neither say a name nor stand on a record that has one."""
    seen = (pairs.tier == SEEN) & (rank[pairs.a] < rules.RECORD) & rules.IS_RECORD[rank[pairs.b]]
    known = np.zeros(len(rank), dtype=bool)
    known[account[pairs.a[seen & (named[pairs.b] != 0)]]] = True
    known[account[(rank < rules.RECORD) & (named != 0)]] = True
    return (rank < rules.RECORD) & ~known[account]


def order(
    rank_a: int, rank_b: int, at: int, token_a: bytes, token_b: bytes, *, nameless: bool
) -> tuple[int, int, int, bytes, bytes]:
    """Return the canonical place of a piece of evidence: the weaker end's class first, then the other's, then time, then tokens."""
    low, high = sorted((token_a, token_b))
    weak = max(rank_a, rank_b)
    strength = rules.strength(weak, min(rank_a, rank_b))
    return weak, _RANKS if nameless and weak in rules.CONTACT else strength, at, low, high


def _walk(
    by: RuleSet,
    subjects: Subjects,
    of: Ints,
    pairs: Pairs,
    rows: Ints,
    label: Ints,
    apart: tuple[Ints, Ints],
    vetoed: Counter[tuple[str, int]],
    nameless: Bools,
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
        (
            tier != SAID,
            order(rank[x], rank[y], at, token[x], token[y], nameless=bool(nameless[x])),
            x,
            y,
            tier,
        )
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
class _ByName:
    """Evidence in which contact data stand once for each name on them.

    Attributes
    ----------
    pairs
        Rows from the number of subjects on are names on contact data.
    of
        Row of the phone or e-mail address of each of those.
    left_out
        Row of the weaker end of each pair that a name keeps apart: contact data of another name, an order for somebody else.
    """

    pairs: Pairs
    of: Ints
    left_out: Ints


def _split(rank: Ints, named: Ints, account: Ints, pairs: Pairs) -> _ByName:
    """Part records and accounts on one phone or e-mail address by their names: those of one name are joined, others are not.

    Parameters
    ----------
    rank, named
        Per subject: rank of its namespace, mark of its name.
    account
        Per subject a label that members and accounts have in common which stood on one touch.
    """
    count = len(rank)
    seen = pairs.tier == SEEN
    rank_a, rank_b = rank[pairs.a], rank[pairs.b]
    order = np.flatnonzero(seen & (rank_a < rules.RECORD) & rules.IS_RECORD[rank_b] & (named[pairs.b] != 0))
    contact = np.flatnonzero(seen & (rank_a <= rules.MENTION) & rules.IS_CONTACT[rank_b])
    if not len(contact) and not len(order):
        return _ByName(pairs, contact, contact)
    said = contact[rules.IS_RECORD[rank_a[contact]] & (named[pairs.a[contact]] != 0)]
    on = _On(pairs.b[said], named[pairs.a[said]], pairs.at[said])
    main = named.copy()
    _name_accounts(main, rank, account, pairs, order, contact, on)
    _name_nameless(main, rank, pairs, contact, on)
    mine = np.where(rank_a < rules.RECORD, account[pairs.a], pairs.a)
    name = main[mine]
    others = np.zeros(len(pairs.a), dtype=bool)
    others[order] = ~agree_all(name[order], named[pairs.b[order]]) & (name[order] != 0)
    # of a nameless one with several phones: those that speak of somebody else
    spoken = on.meant(pairs.b[contact], name[contact], pairs.at[contact])
    nameless = (
        (named[pairs.a[contact]] == 0)
        & (spoken == 0)
        & on.there(pairs.b[contact])
        & rules.IS_RECORD[rank_a[contact]]
    )
    others[contact[nameless]] = True
    led = contact[(spoken != 0) & ~nameless]
    spoken = spoken[(spoken != 0) & ~nameless]
    holder = np.full(
        count, rules.RECORD, dtype=np.int64
    )  # rank of the strongest account that a record belongs to
    good = order[~others[order]]
    np.minimum.at(holder, pairs.b[good], rank_a[good])
    strength = np.minimum(rank_a[led], holder[pairs.a[led]])
    return _led(count, pairs, others, led, spoken, strength)


def _led(count: int, pairs: Pairs, others: Bools, led: Ints, spoken: Ints, strength: Ints) -> _ByName:
    """Lead pairs with contact data to the name on them, and the contact data to the name that holds them."""
    left_out = pairs.b[others]
    if not len(led):
        return _ByName(pairs.where(~others), led, left_out)
    order = np.lexsort((spoken, pairs.b[led]))
    of, name = pairs.b[led][order], spoken[order]
    first = np.r_[True, (of[1:] != of[:-1]) | (name[1:] != name[:-1])]
    group, begins = np.cumsum(first) - 1, np.flatnonzero(first)
    at = pairs.at[led][order]
    strongest = np.minimum.reduceat(strength[order], begins)
    earliest, latest = np.minimum.reduceat(at, begins), np.maximum.reduceat(at, begins)
    of_group = of[begins]
    contacts = np.flatnonzero(np.r_[True, of_group[1:] != of_group[:-1]])
    last = np.repeat(np.maximum.reduceat(latest, contacts), np.diff(np.r_[contacts, len(of_group)]))
    idle = latest < last - _IN_USE
    ranked = np.lexsort((name[begins], earliest, idle, strongest, of_group))
    owner = ranked[np.r_[True, of_group[ranked][1:] != of_group[ranked][:-1]]]
    holds = np.zeros(len(of_group), dtype=bool)
    holds[owner] = True
    b = pairs.b.copy()
    b[led[order]] = count + group
    kept = ~others
    made = Pairs(
        np.concatenate([pairs.a[kept], of_group[owner]]),
        np.concatenate([b[kept], count + owner]),
        np.concatenate([pairs.at[kept], earliest[owner]]),
        np.concatenate([pairs.tier[kept], np.full(len(owner), SEEN, np.int8)]),
    )
    return _ByName(made, of_group, np.concatenate([left_out, of[~holds[group]]]))


class _On:
    """The names that records give on contact data, each with the time at which it was used."""

    def __init__(self, of: Ints, name: Ints, at: Ints) -> None:
        self._of, self._name, self._at = of, name, at
        self._contacts = np.unique(of)
        full = (name & LOW) != 0
        self._key = of[full] * (1 << 20) + (name[full] >> 43)
        self._whole, self._whole_at = name[full], at[full]
        self._pairs, self._exact = _codes(of[full], name[full])

    def there(self, of: Ints) -> Bools:
        """Say on which contact data there is any name."""
        return np.isin(of, self._contacts)

    def has(self, of: Ints, name: Ints) -> Bools:
        """Say which whole names stand on which contact data."""
        return np.isin(_coded(self._pairs, of, name), self._exact)

    def nearest(self, of: Ints, at: Ints) -> Ints:
        """Return the name that was used on contact data at the nearest time, 0 where there is none."""
        place = _nearest(self._of, self._at, self._name, of, at)
        return np.where(place >= 0, self._name[place], 0) if len(self._name) else np.zeros(len(of), np.int64)

    def meant(self, of: Ints, name: Ints, at: Ints) -> Ints:
        """Return which name on contact data somebody of this name goes with, 0 for none; a whole name always goes with itself."""
        out = np.where((name & LOW) != 0, name, 0)
        partial = np.flatnonzero((name != 0) & ((name & LOW) == 0))
        if len(partial):
            key = of[partial] * (1 << 20) + (name[partial] >> 43)
            place = _nearest(self._key, self._whole_at, self._whole, key, at[partial])
            out[partial] = (
                np.where(place >= 0, self._whole[place], name[partial]) if len(self._whole) else name[partial]
            )
        return out


def _name_accounts(
    main: Ints, rank: Ints, account: Ints, pairs: Pairs, order: Ints, contact: Ints, on: _On
) -> None:
    """Name members and accounts after their own word, then most of their records, the names on their own phones before others."""
    own = contact[rank[pairs.a[contact]] < rules.RECORD]
    near = on.nearest(pairs.b[own], pairs.at[own])
    own_word = np.flatnonzero((rank < rules.RECORD) & (main != 0))
    who = np.concatenate([account[pairs.a[order]], account[pairs.a[own]], account[own_word]])
    name = np.concatenate([main[pairs.b[order]], near, main[own_word]])
    at = np.concatenate([pairs.at[order], pairs.at[own], np.zeros(len(own_word), np.int64)])
    points = np.concatenate([np.ones(len(order)), np.zeros(len(own)), np.full(len(own_word), _WORD)])
    by = rank[np.concatenate([pairs.a[order], pairs.a[own], own_word])]
    known = name != 0
    who, name, at, points, by = who[known], name[known], at[known], points[known], by[known]
    if not len(who):
        return
    rows = np.lexsort((at, name, who))
    who, name, at, points, by = who[rows], name[rows], at[rows], points[rows], by[rows]
    begins = np.flatnonzero(np.r_[True, (who[1:] != who[:-1]) | (name[1:] != name[:-1])])
    orders = np.add.reduceat(points, begins)
    strongest = np.minimum.reduceat(by, begins)
    bare = ((name[begins] & LOW) == 0) & (orders < _WORD)
    score = np.maximum(orders, _ORDER * (orders == 0))
    score += _OWN * _on_own(who[begins], name[begins], account[pairs.a[own]], pairs.b[own], on) * (orders > 0)
    ranked = np.lexsort((name[begins], at[begins], strongest, -score, bare, who[begins]))
    best = begins[ranked[np.r_[True, who[begins][ranked][1:] != who[begins][ranked][:-1]]]]
    main[who[best]] = name[best]


def _on_own(who: Ints, name: Ints, owner: Ints, phone: Ints, on: _On) -> Bools:
    """Say for which (who, name) the name stands on contact data of their own."""
    out = np.zeros(len(who), dtype=bool)
    order = np.argsort(owner, kind="stable")
    low, high = np.searchsorted(owner[order], who), np.searchsorted(owner[order], who, side="right")
    many = high - low
    rows = np.repeat(np.arange(len(who)), many)
    each = np.arange(len(rows)) - np.repeat(np.cumsum(many) - many, many) + np.repeat(low, many)
    out[rows[on.has(phone[order[each]], name[rows])]] = True
    return out


def _name_nameless(main: Ints, rank: Ints, pairs: Pairs, contact: Ints, on: _On) -> None:
    """Let records without a name have the one that was used on their first phone at about that time."""
    rows = contact[rules.IS_RECORD[rank[pairs.a[contact]]] & (main[pairs.a[contact]] == 0)]
    near = on.nearest(pairs.b[rows], pairs.at[rows])
    rows, near = rows[near != 0], near[near != 0]
    order = np.lexsort((near, pairs.at[rows], rank[pairs.b[rows]], pairs.a[rows]))
    who = pairs.a[rows][order]
    first = order[np.r_[True, who[1:] != who[:-1]][: len(who)]]
    main[pairs.a[rows[first]]] = near[first]


def _codes(of: Ints, name: Ints) -> tuple[Ints, Ints]:
    """Return the distinct names in order, and each pair as one number."""
    names = np.unique(name)
    return names, of * (len(names) + 1) + np.searchsorted(names, name)


def _coded(names: Ints, of: Ints, name: Ints) -> Ints:
    """Return pairs as `_codes` does, -1 for names that are not among them."""
    if not len(names):
        return np.full(len(of), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(names, name), len(names) - 1)
    return np.where(names[place] == name, of * (len(names) + 1) + place, -1)


def _nearest(key: Ints, at: Ints, name: Ints, asked: Ints, asked_at: Ints) -> Ints:
    """Return for each question the place of the entry with its key and the nearest time, the earlier of two; -1 if there is none."""
    count, many = len(key), len(key) + len(asked)
    every, times = np.concatenate([key, asked]), np.concatenate([at, asked_at])
    names = np.concatenate([name, np.zeros(len(asked), np.int64)])
    order = np.lexsort((names, np.arange(many) >= count, times, every))
    is_entry = order < count
    steps = np.arange(many)
    before = np.maximum.accumulate(np.where(is_entry, steps, -1))
    after = np.minimum.accumulate(np.where(is_entry, steps, many)[::-1])[::-1]
    questions = np.flatnonzero(~is_entry)
    out = np.full(len(asked), -1, dtype=np.int64)
    if not len(questions) or not count:
        return out
    mine, when = every[order[questions]], times[order[questions]]
    low, high = order[np.maximum(before[questions], 0)], order[np.minimum(after[questions], many - 1)]
    fits_low = (before[questions] >= 0) & (every[low] == mine)
    fits_high = (after[questions] < many) & (every[high] == mine)
    nearer = fits_low & (~fits_high | (when - times[low] <= times[high] - when))
    out[order[questions] - count] = np.where(nearer, low, np.where(fits_high, high, -1))
    return out

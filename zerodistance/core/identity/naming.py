"""Who is meant on a phone or an e-mail address that several people have in common: evidence parted by names. Pure.

A mark is a keyed hash of a name, of which the high bits stand for the surname alone: a surname with a title has only those, so that it goes with a whole
name of the same surname. Contact data stand once for each name on them. Members and accounts have the name of most of what was ordered and registered
with them; whoever has no name goes with the one that was used on that phone at about that time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity import rules

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
LOW = (1 << 43) - 1
SAID, SEEN, MATCHED = 0, 1, 2
_IN_USE = (
    730 * 86_400_000_000
)  # own value: a name that was not used on a phone for two years while another was has lost it
# Own values: points of an account's own word, for a name on its own phone, and of a name that only stands there.
_WORD, _OWN, _ORDER = 1e6, 100.0, 1.5


def mark(surname: int, name: int) -> int:
    """Return the mark of a name from hashes of its surname and, 0 if only that is known, of the whole.

    Examples
    --------
    >>> whole(mark(7, 9)), whole(mark(7, 0)), agree(mark(7, 9), mark(7, 0)), agree(mark(7, 9), mark(8, 0)), agree(mark(7, 9), mark(7, 8))
    (True, False, True, False, False)
    """
    return ((surname & 0xFFFFF) or 1) << 43 | ((name & LOW) or 1 if name else 0)


def whole(name: int) -> bool:
    """Say whether a mark is that of a whole name."""
    return name & LOW != 0


def agree(x: int, y: int) -> bool:
    """Say whether two marks may be of one person: the same name, or the same surname where one of them has no more."""
    return x == y or (x >> 43 == y >> 43 and not (whole(x) and whole(y)))


def _agree(x: Ints, y: Ints) -> Bools:
    partial = ((x & LOW) == 0) | ((y & LOW) == 0)
    out: Bools = (x == y) | ((x >> 43 == y >> 43) & partial)
    return out


@dataclass(frozen=True)
class Pairs:
    """Columns of active evidence, one row a pair.

    Attributes
    ----------
    a, b
        Rows of `Subjects`, a the stronger.
    at
        Earliest time, microseconds; of a match its place among matches, the strongest first, see `partition.match_order`.
    tier
        `SAID`: somebody decided that they are one; `SEEN`: they stood on one touch; `MATCHED`: the matcher found that they are one.
    """

    a: Ints
    b: Ints
    at: Ints
    tier: npt.NDArray[np.int8]

    def where(self, kept: Bools) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.a[kept], self.b[kept], self.at[kept], self.tier[kept])


@dataclass(frozen=True)
class ByName:
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


def split(rank: Ints, named: Ints, account: Ints, pairs: Pairs) -> ByName:
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
        return ByName(pairs, contact, contact)
    said = contact[rules.IS_RECORD[rank_a[contact]] & (named[pairs.a[contact]] != 0)]
    on = _On(pairs.b[said], named[pairs.a[said]], pairs.at[said])
    main = named.copy()
    _name_accounts(main, rank, account, pairs, order, contact, on)
    _name_nameless(main, rank, pairs, contact, on)
    mine = np.where(rank_a < rules.RECORD, account[pairs.a], pairs.a)
    name = main[mine]
    others = np.zeros(len(pairs.a), dtype=bool)
    others[order] = ~_agree(name[order], named[pairs.b[order]]) & (name[order] != 0)
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


def _led(count: int, pairs: Pairs, others: Bools, led: Ints, spoken: Ints, strength: Ints) -> ByName:
    """Lead pairs with contact data to the name on them, and the contact data to the name that holds them."""
    left_out = pairs.b[others]
    if not len(led):
        return ByName(pairs.where(~others), led, left_out)
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
    return ByName(made, of_group, np.concatenate([left_out, of[~holds[group]]]))


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
        place = _nearest(self._of, self._at, of, at)
        return np.where(place >= 0, self._name[place], 0) if len(self._name) else np.zeros(len(of), np.int64)

    def meant(self, of: Ints, name: Ints, at: Ints) -> Ints:
        """Return which name on contact data somebody of this name goes with, 0 for none; a whole name always goes with itself."""
        out = np.where((name & LOW) != 0, name, 0)
        partial = np.flatnonzero((name != 0) & ((name & LOW) == 0))
        if len(partial):
            key = of[partial] * (1 << 20) + (name[partial] >> 43)
            place = _nearest(self._key, self._whole_at, key, at[partial])
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
    known = name != 0
    who, name, at, points = who[known], name[known], at[known], points[known]
    if not len(who):
        return
    rows = np.lexsort((at, name, who))
    who, name, at, points = who[rows], name[rows], at[rows], points[rows]
    begins = np.flatnonzero(np.r_[True, (who[1:] != who[:-1]) | (name[1:] != name[:-1])])
    orders = np.add.reduceat(points, begins)
    score = np.maximum(orders, _ORDER * (orders == 0))
    score += _OWN * _on_own(who[begins], name[begins], account[pairs.a[own]], pairs.b[own], on) * (orders > 0)
    ranked = np.lexsort((name[begins], at[begins], -score, who[begins]))
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
    order = np.lexsort((pairs.b[rows], pairs.at[rows], rank[pairs.b[rows]], pairs.a[rows]))
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


def _nearest(key: Ints, at: Ints, asked: Ints, asked_at: Ints) -> Ints:
    """Return for each question the place of the entry with its key and the nearest time, the earlier of two; -1 if there is none."""
    count, many = len(key), len(key) + len(asked)
    every, times = np.concatenate([key, asked]), np.concatenate([at, asked_at])
    order = np.lexsort((np.arange(many) >= count, times, every))
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

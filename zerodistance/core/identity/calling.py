"""Which names stand on contact data, and what members, accounts and nameless records are called after them. Pure.

Members and accounts have the name of most of what was ordered and registered with them; whoever has no name goes with the one that was used on that phone
at about that time. Most contact data have one name, and most accounts too: only the others are put in order. Pairs come in order of their weaker
ends and are looked at a stretch at a time, so that what is kept beside them stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity import rules
from zerodistance.core.identity.connected import Whole, fitting, put, taken
from zerodistance.core.identity.naming import LOW, SEEN, Bools, Ints, Pairs

_NONE: Ints = np.empty(0, dtype=np.int64)
_STRETCH = 1 << 18  # pairs that are looked at at a time
RECORDS = (rules.RECORD, rules.MENTION)
_Asked = tuple[Whole, Whole, Ints, Ints]
"""Both ends of pairs whose stronger one has no name of its own, their time, and the name that was used there at the nearest time."""
_NO_NAME = np.iinfo(np.int64).max
# Own values: points of an account's own word, for a name on its own phone, and of a name that only stands there.
_WORD, _OWN, _ORDER = 1e6, 100.0, 1.5


def stretches(b: Whole, size: int = _STRETCH) -> Iterator[slice]:
    """Yield parts of pairs in order of `b` that keep all pairs of one weaker end together."""
    start = 0
    while start < len(b):
        end = min(start + size, len(b))
        end = int(np.searchsorted(b, b[end - 1], side="right"))
        yield slice(start, end)
        start = end


def spans(count: int, size: int = _STRETCH) -> Iterator[slice]:
    """Yield as many rows as these in parts."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _differs(*columns: npt.NDArray[np.generic]) -> Bools:
    """Say which rows differ from the row before in any of the columns; the first does."""
    differs = np.zeros(len(columns[0]), dtype=bool)
    differs[:1] = True
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    return differs


def new_runs(*columns: npt.NDArray[np.generic]) -> Ints:
    """Return where runs of rows begin that are equal in all of the columns."""
    return np.flatnonzero(_differs(*columns))


def _one_of(rank: Whole, ranks: Collection[int]) -> Bools:
    """Say which ranks are among a few."""
    found = np.zeros(len(rank), dtype=bool)
    for one in ranks:
        found |= rank == one
    return found


def with_contact(rank: Whole, pairs: Pairs, part: slice) -> Ints:
    """Return the rows in a stretch of records, members and accounts that were seen with contact data."""
    seen = (pairs.tier[part] == SEEN) & _one_of(taken(rank, pairs.b[part]), rules.CONTACT)
    row = np.flatnonzero(seen) + part.start
    found: Ints = row[taken(rank, pairs.a[row]) <= rules.MENTION]
    return found


@dataclass(frozen=True)
class OnContact:
    """Pairs of records, members and accounts with contact data, in order of these.

    Attributes
    ----------
    row
        Place among all pairs.
    a, b, at, rank_a
        As of `Pairs`, and the rank of the stronger end.
    begins, group
        Where each phone or e-mail address begins; its number, from 0, per pair.
    """

    row: Ints
    a: Whole
    b: Whole
    at: Ints
    rank_a: Whole
    begins: Ints
    group: Ints

    @staticmethod
    def of(rank: Whole, pairs: Pairs, row: Ints) -> OnContact:
        """Return these, which are in order of their contact data."""
        a, b = pairs.a[row], pairs.b[row]
        first = _differs(b)
        return OnContact(
            row, a, b, pairs.at[row], taken(rank, a), np.flatnonzero(first), np.cumsum(first) - 1
        )

    def span(self, name: Ints) -> tuple[Ints, Ints]:
        """Return the lowest and the highest name of each group, of equal ones there is one; (some, 0): there is none."""
        if not len(name):
            return name, name
        low = np.minimum.reduceat(np.where(name != 0, name, _NO_NAME), self.begins)
        return low, np.maximum.reduceat(name, self.begins)

    def several(self, span: tuple[Ints, Ints], asked: Ints) -> Bools:
        """Say on which contact data there are several names, or others besides the `asked`, who may have another one."""
        low, high = span
        found = np.zeros(len(self.begins), dtype=bool)
        found[self.group[asked]] = True
        found &= np.diff(np.r_[self.begins, len(self.row)]) > 1
        found |= low < high
        return found

    def nearest(self, name: Ints, span: tuple[Ints, Ints], asked: Ints) -> Ints:
        """Return for some of the pairs the name of those in `name`, whose span it is, that was used on their contact data at the nearest time, or 0."""
        low, high = span
        group = self.group[asked]
        out = high[group]
        several = low[group] < out
        if several.any():
            wanted = np.zeros(len(self.begins), dtype=bool)
            wanted[group[several]] = True
            entry = np.flatnonzero(wanted[self.group] & (name != 0))
            question = asked[several]
            place = _nearest(
                *(self.group[entry], self.at[entry], name[entry]), self.group[question], self.at[question]
            )
            out[several] = name[entry[place]]
        return out

    def meant(self, name: Ints, named: Ints) -> Ints:
        """Return which name on its contact data each pair goes with that has this one, 0 for none; a whole name goes with itself."""
        out = name
        partial = np.flatnonzero((name != 0) & ((name & LOW) == 0))
        if len(partial):
            wanted = np.zeros(len(self.begins), dtype=bool)
            wanted[self.group[partial]] = True
            entry = np.flatnonzero(wanted[self.group] & _one_of(self.rank_a, RECORDS))
            said = taken(named, self.a[entry])
            whole = (said & LOW) != 0
            entry, said = entry[whole], said[whole]
            if len(entry):
                key = self.group[entry] * (1 << 20) + (said >> 43)
                asked = self.group[partial] * (1 << 20) + (name[partial] >> 43)
                place = _nearest(key, self.at[entry], said, asked, self.at[partial])
                out[partial] = np.where(place >= 0, said[place], out[partial])
        return out


@dataclass(frozen=True)
class Called:
    """What everybody is called who has no name of their own.

    Attributes
    ----------
    account
        By number of the account; 0: unknown.
    bare, after
        Rows of records without a name, ascending, and the names that they go with.
    order
        Rows of the pairs of an account with a record that has a name.
    unsettled
        Rows of the pairs with contact data on which there may be more than one name, in order of these.
    """

    account: Ints
    bare: Ints
    after: Ints
    order: Whole
    unsettled: Whole

    def nameless(self, row: Whole) -> Ints:
        """Return the names that these records without one go with, 0 for none."""
        if not len(self.bare):
            return np.zeros(len(row), dtype=np.int64)
        place = np.minimum(np.searchsorted(self.bare, row), len(self.bare) - 1)
        return np.where(self.bare[place] == row, self.after[place], 0)


def called(rank: Whole, named: Ints, account: Whole, pairs: Pairs) -> Called:
    """Return what everybody is called.

    Parameters
    ----------
    account
        Per member or account a number that those have in common which stood on one touch.
    """
    narrow = fitting(len(pairs.b))
    order, own, bare, unsettled = (
        [_NONE.astype(narrow)],
        list[_Asked](),
        list[_Asked](),
        [_NONE.astype(narrow)],
    )
    for part in stretches(pairs.b):
        order.append(_orders(rank, named, pairs, part))
        on = OnContact.of(rank, pairs, with_contact(rank, pairs, part))
        is_record = _one_of(on.rank_a, RECORDS)
        name = taken(named, on.a)
        name[~is_record] = 0
        span, asked = on.span(name), np.flatnonzero(name == 0)
        unsettled.append(on.row[on.several(span, asked)[on.group]].astype(narrow))
        near = on.nearest(name, span, asked)
        asked, near = asked[near != 0], near[near != 0]
        of_account = ~is_record[asked]
        for found, mine in ((own, of_account), (bare, ~of_account)):
            row = asked[mine]
            found.append((on.a[row], on.b[row], on.at[row], near[mine]))
    orders = np.concatenate(order)
    names = _name_accounts(rank, named, account, pairs, orders, _columns(own))
    a, b, at, near = _columns(bare)
    first = np.lexsort((near, at, rank[b], a))  # of several phones the first of the strongest kind
    first = first[new_runs(a[first])]
    return Called(names, a[first], near[first], orders, np.concatenate(unsettled))


def _columns(found: list[_Asked]) -> _Asked:
    """Return the columns of all stretches, as narrow as they are."""
    a, b, at, near = (np.concatenate(column) for column in zip(*found, strict=True)) if found else [_NONE] * 4
    return a, b, at, near


def _orders(rank: Whole, named: Ints, pairs: Pairs, part: slice) -> Whole:
    b = pairs.b[part]
    row = np.flatnonzero((pairs.tier[part] == SEEN) & _one_of(taken(rank, b), RECORDS))
    row = row[taken(named, b[row]) != 0] + part.start
    found: Whole = row[taken(rank, pairs.a[row]) < rules.RECORD].astype(fitting(len(pairs.b)))
    return found


def _name_accounts(rank: Whole, named: Ints, account: Whole, pairs: Pairs, order: Ints, own: _Asked) -> Ints:
    """Name members and accounts after their own word, then most of their records, the names on their own phones before others."""
    word = np.flatnonzero((rank < rules.RECORD) & (named != 0))
    of_order = taken(account, taken(pairs.a, order))
    said: list[tuple[Whole, Callable[[slice], Ints]]] = [
        (of_order, lambda part: taken(named, taken(pairs.b, order[part]))),
        (taken(account, own[0]), lambda part: own[3][part]),
        (account[word], lambda part: named[word[part]]),
    ]
    main = np.zeros(int(account.max(initial=-1)) + 1, dtype=np.int64)
    for who, name_of in said:
        for part in spans(len(who)):
            put(main, who[part], name_of(part))
    several = np.zeros(len(main), dtype=bool)
    for who, name_of in said:
        for part in spans(len(who)):
            several[who[part][taken(main, who[part]) != name_of(part)]] = True
    if not several.any():
        return main
    rows = [np.flatnonzero(taken(several, who)) for who, _ in said]
    own_who = said[1][0][rows[1]]
    who = np.concatenate([who[row] for row, (who, _) in zip(rows, said, strict=True)])
    name = np.concatenate(
        [taken(named, taken(pairs.b, order[rows[0]])), own[3][rows[1]], named[word[rows[2]]]]
    )
    at = np.concatenate([pairs.at[order[rows[0]]], own[2][rows[1]], np.zeros(len(rows[2]), np.int64)])
    by = np.concatenate([pairs.a[order[rows[0]]], own[0][rows[1]], word[rows[2]]])
    points = np.repeat([1.0, 0.0, _WORD], [len(row) for row in rows])
    sort = np.lexsort((at, name, who))
    who, name, at, points = who[sort], name[sort], at[sort], points[sort]
    begins = new_runs(who, name)
    orders = np.add.reduceat(points, begins)
    strength = np.minimum.reduceat(taken(rank, by[sort]), begins)
    who, name, at = who[begins], name[begins], at[begins]
    score = np.maximum(orders, _ORDER * (orders == 0))
    on = _names_on(rank, named, pairs, own[1][rows[1]])
    score += _OWN * _on_own(who, name, own_who, on) * (orders > 0)
    bare = ((name & LOW) == 0) & (orders < _WORD)
    ranked = np.lexsort((name, at, strength, -score, bare, who))
    best = ranked[new_runs(who[ranked])]
    main[who[best]] = name[best]
    return main


def _names_on(rank: Whole, named: Ints, pairs: Pairs, phone: Whole) -> tuple[Ints, Ints]:
    """Return the whole names on contact data: how many each has, and the names, those of one together."""
    low, high = (
        np.searchsorted(pairs.b, phone, side) for side in ("left", "right")
    )  # both of one type: no copy
    row, of = spread(low, high - low), np.repeat(np.arange(len(phone)), high - low)
    a = pairs.a[row]
    name = taken(named, a)
    fits = (pairs.tier[row] == SEEN) & _one_of(taken(rank, a), RECORDS) & ((name & LOW) != 0)
    return np.bincount(of[fits], minlength=len(phone)), name[fits]


def _on_own(who: Ints, name: Ints, owner: Ints, names: tuple[Ints, Ints]) -> Bools:
    """Say for which (who, name) the name stands on contact data of their own."""
    of = np.repeat(owner, names[0])  # whoever has the phone, per name on it
    every, on = np.concatenate([of, who]), np.concatenate([names[1], name])
    place = np.lexsort((on, every))
    run = np.zeros(len(place), dtype=np.int64)
    run[new_runs(every[place], on[place])] = 1
    code = np.empty(len(place), dtype=np.int64)
    code[place] = np.cumsum(run)
    has = np.zeros(len(place) + 1, dtype=bool)
    has[code[: len(of)]] = True
    found: Bools = has[code[len(of) :]]
    return found


def spread(low: Ints, many: Ints) -> Ints:
    """Return low, low + 1, ... of each, as many as it has."""
    each = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
    found: Ints = each + np.repeat(low, many)
    return found


def _nearest(key: Ints, at: Ints, name: Ints, asked: Ints, asked_at: Ints) -> Ints:
    """Return for each question the place of the entry with its key and the nearest time, the earlier of two; -1 if there is none."""
    count, many = len(key), len(key) + len(asked)
    every, times = np.concatenate([key, asked]), np.concatenate([at, asked_at])
    names = np.concatenate(
        [name, np.zeros(len(asked), np.int64)]
    )  # of two at one time it is no matter of rows
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

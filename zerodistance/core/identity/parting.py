"""Who is meant on a phone or an e-mail address that several people have in common: evidence parted by names. Pure.

Contact data stand once for each name on them. Members and accounts are called as `calling` says; what was ordered for somebody of another name is that one's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from zerodistance.core.identity import calling, rules
from zerodistance.core.identity.calling import OnContact, new_runs, stretches, with_contact
from zerodistance.core.identity.connected import Edges, Whole, fitting, taken
from zerodistance.core.identity.naming import SEEN, Bools, Ints, Pairs, agree_all

_IN_USE = (
    730 * 86_400_000_000
)  # own value: a name that was not used on a phone for two years while another was has lost it


@dataclass(frozen=True)
class Led:
    """Evidence in which contact data stand once for each name on them.

    Attributes
    ----------
    first, b
        Weaker end of each pair; from `first` on, the number of subjects, they are names on contact data.
    of
        Row of the phone or e-mail address of each of those.
    holds, since
        Which of them hold their contact data themselves; from when on.
    left_out
        Row of the contact data of each pair that another name holds.
    """

    first: int
    b: Whole
    of: Ints
    holds: Ints
    since: Ints
    left_out: Ints

    def edges(self, pairs: Pairs, kept: Bools) -> tuple[Edges, Edges]:
        """Return those of the pairs that join, and contact data with the names that hold them."""
        contact, name = self.of[self.holds], self.first + self.holds
        holding = contact.astype(pairs.a.dtype), name.astype(self.b.dtype)
        return (pairs.a, self.b, kept), (*holding, None)

    def pairs(self, pairs: Pairs, kept: Bools) -> Pairs:
        """Return the same as pairs."""
        joining, (contact, name, _) = self.edges(pairs, kept)
        a, b = (np.concatenate([x[kept], y]) for x, y in zip(joining[:2], (contact, name), strict=True))
        at = np.concatenate([pairs.at[kept], self.since])
        tier = np.concatenate([pairs.tier[kept], np.full(len(self.since), SEEN, np.int8)])
        return Pairs(a, b, at, tier)


class Names:
    """Who is called what, and which accounts stand on orders for somebody else.

    Parameters
    ----------
    rank, named
        Per subject: rank of its namespace, mark of its name.
    account
        Per member or account a number that those have in common which stood on one touch.
    pairs
        Evidence that links, in order of its weaker ends.
    """

    def __init__(self, rank: Whole, named: Ints, account: Whole, pairs: Pairs) -> None:
        self._rank, self._named, self._account = rank, named, account
        self._called = calling.called(rank, named, account, pairs)
        order = self._called.order
        self.others = np.zeros(len(pairs.a), dtype=bool)
        """Which pairs are an order for somebody else."""
        self._holder = np.full(len(rank), rules.RECORD, dtype=np.int8)  # strongest account of each record
        for part in calling.spans(len(order)):
            row = order[part].astype(np.intp)
            a, b = pairs.a[row], pairs.b[row]
            name = taken(self._called.account, taken(account, a))
            other = ~agree_all(name, taken(named, b)) & (name != 0)
            self.others[row[other]] = True
            good, rank_a = b[~other], taken(rank, a[~other])
            np.minimum.at(self._holder, good, rank_a)

    def nameless(self, pairs: Pairs) -> Bools:
        """Return which subjects are accounts that nothing gives a name but the phone that they use."""
        known = np.zeros(int(self._account.max(initial=-1)) + 1, dtype=bool)
        for part in calling.spans(len(self._called.order)):
            known[taken(self._account, pairs.a[self._called.order[part]])] = True
        accounts = np.flatnonzero(self._rank < rules.RECORD)
        known[self._account[accounts[taken(self._named, accounts) != 0]]] = True
        found = np.zeros(len(self._rank), dtype=bool)
        found[accounts] = ~known[self._account[accounts]]
        return found

    def lead(self, pairs: Pairs) -> Led:
        """Lead pairs with contact data to the name on them, and the contact data to the name that holds them, where there are several."""
        b = pairs.b.astype(fitting(len(self._rank) + len(pairs.b)))
        row = self._called.unsettled
        return self._led(pairs, b, (row[part] for part in stretches(pairs.b[row])), every=False)

    def lead_all(self, pairs: Pairs) -> Led:
        """Do so where there is but one name too: it joins the same, and takes its turn where pairs are taken one by one."""
        b = pairs.b.astype(fitting(len(self._rank) + len(pairs.b)))
        rows = (with_contact(self._rank, pairs, part) for part in stretches(pairs.b))
        return self._led(pairs, b, rows, every=True)

    def _led(self, pairs: Pairs, b: Whole, rows: Iterator[Ints], *, every: bool) -> Led:
        parts, groups = [], 0
        for row in rows:
            found = self._stretch(OnContact.of(self._rank, pairs, row), b, groups, every=every)
            if found is not None:
                parts.append(found)
                groups += len(found[0])
        nothing: Ints = np.empty(0, dtype=np.int64)
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)] or [nothing] * 4
        return Led(len(self._rank), b, *columns)

    def _stretch(
        self, on: OnContact, b: Whole, groups: int, *, every: bool
    ) -> tuple[Ints, Ints, Ints, Ints] | None:
        """Write the names of a stretch into `b`; return the rest as `Led` has it."""
        spoken = on.meant(self._names(on), self._named)
        low, high = on.span(spoken)
        parted = (high != 0) if every else (low < high)
        led = np.flatnonzero(parted[on.group] & (spoken != 0))
        if not len(led):
            return None
        order = np.lexsort((spoken[led], on.group[led]))
        led, name = led[order], spoken[led[order]]
        begins = new_runs(on.group[led], name)
        many = np.diff(np.r_[begins, len(led)])
        strength = np.minimum(on.rank_a[led], taken(self._holder, on.a[led]))
        at = on.at[led]
        strongest = np.minimum.reduceat(strength, begins)
        earliest, latest = np.minimum.reduceat(at, begins), np.maximum.reduceat(at, begins)
        of = on.group[led[begins]]
        contacts = new_runs(of)
        last = np.repeat(np.maximum.reduceat(latest, contacts), np.diff(np.r_[contacts, len(of)]))
        idle = latest < last - _IN_USE
        ranked = np.lexsort((name[begins], earliest, (of * (rules.RECORD + 2) + strongest) * 2 + idle))
        owner = ranked[new_runs(of[ranked])]
        holds = np.zeros(len(of), dtype=bool)
        holds[owner] = True
        row = on.b[led[begins]]
        b[on.row[led]] = len(self._rank) + groups + np.repeat(np.arange(len(begins)), many)
        return row, groups + owner, earliest[owner], np.repeat(row[~holds], many[~holds])

    def _names(self, on: OnContact) -> Ints:
        """Return what the stronger end of each pair is called."""
        name = taken(self._named, on.a)
        is_account = on.rank_a < rules.RECORD
        bare = np.flatnonzero((name == 0) & ~is_account)
        name[bare] = self._called.nameless(on.a[bare])
        of_account = np.flatnonzero(is_account)
        name[of_account] = taken(self._called.account, taken(self._account, on.a[of_account]))
        return name

"""Who used a device when, by the logins on it. Pure.

Whoever logged in last before a touch without a login, or with it, made it. What the first to log in did, and what came before, is
the device's own, which belongs to that account; every later turn is that of a subject of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

MOST = 200
"""Logins kept of one device, the latest, own value: a family that changes hands twice a day has three months of them, within which touches may come
late; a robot that changes accounts with every touch is not remembered for ever."""

TO_COME = -1
Partners = Mapping[int, Sequence[tuple[int, int]]]
"""Account -> (when the two were first seen together, account of another kind)."""


class Login(NamedTuple):
    """An account logged in, and is there until another one does.

    Attributes
    ----------
    turn
        The subject that stands for the device from then on; 0: evidence says that it logged in, and the device has no other subject for it;
        `TO_COME`: one that is still to be made.
    origin
        0: live collection; else the import that says so.
    """

    at: int
    account: int
    turn: int
    origin: int


class Use(NamedTuple):
    """A touch on the device: when, its place among those that came with it, and the accounts on it, the strongest first; none: nobody logs in."""

    at: int
    row: int
    accounts: tuple[int, ...] = ()


class Taken(NamedTuple):
    """What touches on a device mean.

    Attributes
    ----------
    began
        (touch row, account) of those with which a turn begins.
    during
        (touch row, turn, account that began it) of those without a login that belong to a turn; `TO_COME`: one that is still to be made.
    """

    began: list[tuple[int, int]]
    during: list[tuple[int, int, int]]


class History:
    """The logins on one device.

    Parameters
    ----------
    kinds
        Account -> rank: two accounts of a kind are two persons.
    partners
        What is known of accounts of two kinds that are one person's.

    Examples
    --------
    >>> tablet = History([Login(5, 1, 0, 0)], {1: 0, 2: 0}, {})
    >>> tablet.take([Use(7, 0), Use(8, 1, (2,)), Use(8, 2), Use(9, 3, (1,))], 0)
    Taken(began=[(1, 2), (3, 1)], during=[(2, -1, 2)])
    >>> tablet.settle({1: 11, 2: 12})
    >>> tablet.take([Use(8, 0), Use(9, 1), Use(6, 2)], 0)
    Taken(began=[], during=[(0, 12, 2), (1, 11, 1)])
    """

    def __init__(self, logins: Iterable[Login], kinds: Mapping[int, int], partners: Partners) -> None:
        self._logins = sorted(logins, key=_place)
        self._kinds, self._partners = kinds, partners

    def take(self, uses: Iterable[Use], origin: int) -> Taken:
        """Take touches in, those of one time in the order in which they came, and say what they mean."""
        walk, old, taken = _Walk(self._kinds, self._partners), iter(self._logins), Taken([], [])
        waiting = next(old, None)
        for one in sorted(uses):
            while waiting is not None and waiting.at <= one.at:
                walk.pass_by(waiting)
                waiting = next(old, None)
            if not one.accounts:
                if walk.turn:
                    taken.during.append((one.row, walk.turn, walk.beginner))
            elif walk.sign_in(one, origin):
                taken.began.append((one.row, one.accounts[0]))
        while waiting is not None:
            walk.pass_by(waiting)
            waiting = next(old, None)
        self._logins = walk.logins
        return taken

    def settle(self, turns: Mapping[int, int]) -> None:
        """Name the turns that were to come, by the accounts that began them."""
        self._logins = [
            one._replace(turn=turns[one.account]) if one.turn == TO_COME else one for one in self._logins
        ]
        here = 0
        for place, one in enumerate(self._logins):  # who came along has the turn of who began it
            if one.turn < TO_COME:
                self._logins[place] = one._replace(turn=here)
            elif one.turn:
                here = one.turn

    def beginners(self) -> list[int]:
        """Return the accounts of which a turn is still to be made."""
        return list(dict.fromkeys(one.account for one in self._logins if one.turn == TO_COME))

    def rows(self) -> list[Login]:
        """Return the logins that have to be kept, once they are settled: the latest, and of several at one time those of the last turn."""
        last = {one.at: one.turn for one in self._logins if one.turn}
        return [one for one in self._logins if one.turn and one.turn == last[one.at]][-MOST:]

    def first_seen(self) -> dict[int, int]:
        """Return account -> its first login."""
        found: dict[int, int] = {}
        for login in self._logins:
            found.setdefault(login.account, login.at)
        return found


def _place(login: Login) -> tuple[int, bool, int, int]:
    """Return the order of logins that are known: what evidence says of a time comes before what was kept of it."""
    return login.at, login.turn != 0, login.account, login.origin


_ALONG = -2  # somebody of whom the turn is, under another account


class _Walk:
    """One pass over logins in order of time: who is there, under which accounts."""

    def __init__(self, kinds: Mapping[int, int], partners: Partners) -> None:
        self._kinds, self._partners = kinds, partners
        self.logins: list[Login] = []
        self.turn = self.beginner = 0
        self._here: list[int] = []
        self._is_first = True

    def pass_by(self, login: Login) -> None:
        """Let a login go by that is known."""
        if login.turn:
            if login.turn != self.turn:
                self._here, self.turn, self.beginner, self._is_first = [], login.turn, login.account, False
            self._here.append(login.account)
        elif self._against((login.account,), login.at):
            self._here, self.turn, self.beginner, self._is_first = [login.account], 0, 0, False
        else:
            self._here.append(login.account)
        self.logins.append(login)

    def sign_in(self, one: Use, origin: int) -> bool:
        """Take a login in; say whether a turn begins with it."""
        begins = self._against(one.accounts, one.at) or not (self.turn or self._is_first)
        if begins:
            self._here, self.turn, self.beginner, self._is_first = [], TO_COME, one.accounts[0], False
        for place, account in enumerate(one.accounts):
            if account not in self._here:
                turn = self.turn if begins and not place else self._along()
                self._here.append(account)
                self.logins.append(Login(one.at, account, turn, origin))
        return begins

    def _along(self) -> int:
        return _ALONG if self.turn == TO_COME else self.turn

    def _against(self, accounts: Iterable[int], at: int) -> bool:
        """Say whether somebody with these accounts can't be who is there."""
        here, there = self._whole(self._here, at), self._whole(accounts, at)
        return any(kind in here and here[kind].isdisjoint(theirs) for kind, theirs in there.items())

    def _whole(self, accounts: Iterable[int], at: int) -> dict[int, set[int]]:
        """Return kind -> accounts of somebody, those that were seen with one of these by then where none of the kind is among them."""
        found: dict[int, set[int]] = {}
        for account in accounts:
            found.setdefault(self._kinds[account], set()).add(account)
        for account in accounts:
            known = sorted(pair for pair in self._partners.get(account, ()) if pair[0] <= at)
            for _, other in known:
                found.setdefault(self._kinds[other], {other})
        return found

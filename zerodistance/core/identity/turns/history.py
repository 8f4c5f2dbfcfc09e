"""Who used a device when, by the logins on it. Pure.

Whoever logged in last before a touch without a login, or with it, made it. What the first to log in did, and what came before, is
the device's own, which belongs to that account; every later turn is that of a subject of its own.
"""

from __future__ import annotations

from bisect import bisect_right
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


class SignIn(NamedTuple):
    """The accounts on one touch on the device, the strongest first; where the touch stands."""

    at: int
    accounts: tuple[int, ...]
    row: int


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
    >>> tablet.take([SignIn(7, (1,), 0), SignIn(8, (2,), 1), SignIn(9, (1,), 2)], 0)
    [(1, 2), (2, 1)]
    >>> tablet.settle({1: 11, 2: 12})
    >>> [tablet.turn(at) for at in (4, 7, 8, 9)]
    [0, 0, 12, 11]
    """

    def __init__(self, logins: Iterable[Login], kinds: Mapping[int, int], partners: Partners) -> None:
        self._logins = sorted(logins)
        self._kinds, self._partners = kinds, partners
        self._turns: list[Login] = []

    def take(self, sign_ins: Iterable[SignIn], origin: int) -> list[tuple[int, int]]:
        """Add sign-ins; return the touch and the account of those with which a turn begins."""
        walk, old, began = _Walk(self._kinds, self._partners), iter(self._logins), []
        waiting = next(old, None)
        for one in sorted(sign_ins):
            while waiting is not None and waiting.at <= one.at:
                walk.pass_by(waiting)
                waiting = next(old, None)
            if walk.sign_in(one, origin):
                began.append((one.row, one.accounts[0]))
        while waiting is not None:
            walk.pass_by(waiting)
            waiting = next(old, None)
        self._logins = walk.logins
        return began

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
        self._turns = [one for one in self._logins if one.turn]

    def beginners(self) -> list[int]:
        """Return the accounts of which a turn is still to be made."""
        return list(dict.fromkeys(one.account for one in self._logins if one.turn == TO_COME))

    def rows(self) -> list[Login]:
        """Return the logins that have to be kept, once they are settled: the latest of those with a turn."""
        return self._turns[-MOST:]

    def turn(self, at: int) -> int:
        """Return the subject that stands for the device at a time, 0: itself; once everything is settled."""
        place = bisect_right(self._turns, at, key=lambda one: one.at)
        return self._turns[place - 1].turn if place else 0

    def first_seen(self) -> dict[int, int]:
        """Return account -> its first login."""
        found: dict[int, int] = {}
        for login in self._logins:
            found.setdefault(login.account, login.at)
        return found


_ALONG = -2  # somebody of whom the turn is, under another account


class _Walk:
    """One pass over logins in order of time: who is there, under which accounts."""

    def __init__(self, kinds: Mapping[int, int], partners: Partners) -> None:
        self._kinds, self._partners = kinds, partners
        self.logins: list[Login] = []
        self._here: list[int] = []
        self._turn = 0
        self._is_first = True

    def pass_by(self, login: Login) -> None:
        """Let a login go by that is known."""
        if login.turn:
            self._here = [*(self._here if login.turn == self._turn else ()), login.account]
            self._turn, self._is_first = login.turn, False
        elif self._against((login.account,), login.at):
            self._here, self._turn, self._is_first = [login.account], 0, False
        else:
            self._here.append(login.account)
        self.logins.append(login)

    def sign_in(self, one: SignIn, origin: int) -> bool:
        """Take a sign-in; say whether a turn begins with it."""
        begins = self._against(one.accounts, one.at) or not (self._turn or self._is_first)
        if begins:
            self._here, self._turn, self._is_first = [], TO_COME, False
        for place, account in enumerate(one.accounts):
            if account not in self._here:
                turn = self._turn if begins and not place else self._along()
                self._here.append(account)
                self.logins.append(Login(one.at, account, turn, origin))
        return begins

    def _along(self) -> int:
        return _ALONG if self._turn == TO_COME else self._turn

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

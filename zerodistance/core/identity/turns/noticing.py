"""What recognition has to know of devices that several accounts use in turn: which those are in a batch, who logs in, and whose the other touches are.

A device is one of these from the login on that shows two accounts of a kind on it. Almost none ever is, so a batch without one costs a few comparisons
of columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import rules
from zerodistance.core.identity.cache import RESERVED, Cache
from zerodistance.core.identity.contracts import VISITORS_FROM
from zerodistance.core.identity.linking import Signs
from zerodistance.core.identity.turns import store
from zerodistance.core.identity.turns.history import TO_COME, History, Login, Taken, Use
from zerodistance.core.identity.turns.standing import Stands

Ints = npt.NDArray[np.int64]


@dataclass
class Turned:
    """What logins on shared devices mean for a batch.

    Attributes
    ----------
    touch, slot
        Touches without a login that belong to a turn, and its slot.
    login, begun
        Touches with which a turn begins, and its slot.
    added, gone
        Rows of `identity_turn` to be written, and to be removed.
    marked
        Slots of devices that are known to be used in turn from now on.
    """

    touch: list[int] = field(default_factory=list)
    slot: list[int] = field(default_factory=list)
    login: list[int] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    added: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    gone: list[tuple[int, int, int, int]] = field(default_factory=list)
    marked: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _On:
    """The devices and cookies on touches with an account: slot, touch row, slot of the strongest account."""

    slot: Ints
    row: Ints
    account: Ints

    def where(self, kept: npt.NDArray[np.bool_] | Ints) -> _On:
        return _On(self.slot[kept], self.row[kept], self.account[kept])


def notice(
    tx: Connection, cache: Cache, signs: Signs, hub: Ints, times: Ints, origin: int, stands: Stands
) -> Turned | None:
    """Return what the logins of a batch mean for devices that several accounts use in turn; None: there is no such device in it.

    What an import says counts for itself alone, so that nothing else changes when it is undone.

    Parameters
    ----------
    hub
        Slot of the strongest identifier of each touch.
    times
        When each touch happened, microseconds.
    """
    found = np.flatnonzero(cache.rank[signs.slot] >= rules.ANONYMOUS_FROM)
    if not len(found):
        return None
    slot, row = signs.slot[found], signs.row[found]
    known = cache.turned[slot] & ~cache.shared[slot]
    with_account = rules.IS_ACCOUNT[cache.rank[hub[row]]]
    on = _On(slot, row, hub[row]).where(with_account)
    met = _met(cache, signs, on, len(hub))
    if not len(met) and not known.any():
        return None
    devices = np.unique(np.concatenate([slot[known], met]))
    batch = _Batch(cache, signs, times, origin)
    batch.sign_in(on.where(np.isin(on.slot, devices)))
    return batch.turned(tx, devices[np.argsort(cache.subject[devices])], hub, stands)


def _met(cache: Cache, signs: Signs, on: _On, touches: int) -> Ints:
    """Return the slots of devices on which accounts meet that may not be one person: two of a kind in this batch, or another person has it."""
    on = on.where(~cache.turned[on.slot] & ~cache.shared[on.slot])
    if not len(on.slot):
        return on.slot
    person = cache.person[on.slot]
    met = (person > 0) & (person < VISITORS_FROM) & (person != cache.person[on.account])
    last = np.empty(len(cache.subject), np.int64)
    rank = cache.rank[signs.slot]
    for kind in sorted(rules.ACCOUNTS):
        of = np.zeros(touches, np.int64)
        these = np.flatnonzero((rank == kind) & (signs.slot >= RESERVED))
        of[signs.row[these]] = signs.slot[these]
        theirs = of[on.row]
        there = np.flatnonzero(theirs)
        last[on.slot[there]] = theirs[there]
        met[there] |= last[on.slot[there]] != theirs[there]
    return np.unique(on.slot[met])


class _Batch:
    """The logins of one batch on devices that are used in turn, or may be."""

    def __init__(self, cache: Cache, signs: Signs, times: Ints, origin: int) -> None:
        self._cache, self._signs, self._times, self._origin = cache, signs, times, origin
        self._account = np.flatnonzero(
            rules.IS_ACCOUNT[cache.rank[signs.slot]] & (signs.slot >= RESERVED)
        )  # signs that are accounts
        self._uses: dict[int, list[Use]] = {}
        self._kinds: dict[int, int] = {}
        self._partners: dict[int, list[tuple[int, int]]] = {}

    def sign_in(self, on: _On) -> None:
        """Take note of the touches with an account on a device."""
        accounts = self._on_touches(on.row)
        for slot, row in zip(on.slot.tolist(), on.row.tolist(), strict=True):
            self._uses.setdefault(slot, []).append(Use(int(self._times[row]), row, accounts[row]))

    def turned(self, tx: Connection, devices: Ints, hub: Ints, stands: Stands) -> Turned:
        """Return what the logins mean, see `notice`."""
        out, cache = Turned(), self._cache
        kept, histories = self._histories(tx, devices)
        self._without(devices, hub)
        meant: dict[int, Taken] = {}
        for slot, history in histories.items():
            taken = history.take(self._uses.get(slot, ()), self._origin)
            if not self._is_crowd(slot, history):
                meant[slot] = taken
        pairs = [(cache.subject.item(slot), one) for slot in meant for one in histories[slot].beginners()]
        made: dict[int, dict[int, int]] = {}
        for (device, one), place in zip(pairs, stands.of(pairs), strict=True):
            made.setdefault(device, {})[one] = place
        during: list[int] = []
        for slot, taken in meant.items():
            number = cache.subject.item(slot)
            places = made.get(number, {})
            turns = {one: cache.subject.item(place) for one, place in places.items()}
            histories[slot].settle(turns)
            out.login += [row for row, _ in taken.began]
            out.begun += [places[account] for _, account in taken.began]
            out.touch += [row for row, _, _ in taken.during]
            during += [turns[by] if turn == TO_COME else turn for _, turn, by in taken.during]
            self._write(number, histories[slot], kept.get(number, []), out)
            out.marked += [slot] if histories[slot].rows() and not cache.turned.item(slot) else []
        slot_of = dict(zip(distinct := list(dict.fromkeys(during)), stands.known(distinct), strict=True))
        out.slot += [slot_of[turn] for turn in during]
        return out

    def _without(self, devices: Ints, hub: Ints) -> None:
        """Take note of the touches on which a device is the strongest identifier."""
        rows = np.flatnonzero(np.isin(hub, devices))
        for row, slot in zip(rows.tolist(), hub[rows].tolist(), strict=True):
            self._uses.setdefault(slot, []).append(Use(int(self._times[row]), row))

    def _write(self, number: int, history: History, before: list[Login], out: Turned) -> None:
        """Say which rows have to be written, and which of this origin's own are too much."""
        rows = history.rows()
        known, wanted = set(before), set(rows)
        out.added += [(number, one.at, one.account, one.origin, one.turn) for one in rows if one not in known]
        out.gone += [
            (number, one.at, one.account, one.origin)
            for one in before
            if one.origin == self._origin and one not in wanted
        ]

    def _histories(self, tx: Connection, devices: Ints) -> tuple[dict[int, list[Login]], dict[int, History]]:
        """Return what is kept of each device by its number, and what is known of it by its slot."""
        numbers, origins = self._cache.subject[devices].tolist(), (0, self._origin)
        kept = store.kept(tx, numbers, origins)
        asked = self._cache.subject[
            list(self._uses)
        ].tolist()  # of the others it is enough to know whose turn it is
        said = store.accounts_on(tx, asked, origins, self._kinds)
        of_rows = {login.account for logins in kept.values() for login in logins}
        self._kinds.update(store.kinds(tx, of_rows - self._kinds.keys()))
        if asked:
            self._pair_up(tx, origins)
        return kept, {
            slot: History([*kept.get(number, ()), *said.get(number, ())], self._kinds, self._partners)
            for slot, number in zip(devices.tolist(), numbers, strict=True)
        }

    def _pair_up(self, tx: Connection, origins: tuple[int, int]) -> None:
        """Take note of accounts of two kinds that stood on one touch with those near the devices, in this batch or before."""
        near = list(self._kinds)
        subject = self._cache.subject[self._signs.slot[self._account]]
        rows = self._signs.row[self._account][np.isin(subject, np.array(near, np.int64))]
        pairs = [
            (*pair, int(self._times[row]))
            for row, ones in self._on_touches(rows).items()
            for pair in combinations(ones, 2)
        ]
        pairs += store.pairs_of(tx, near, origins, self._kinds)
        for x, y, at in pairs:
            if self._kinds[x] != self._kinds[y]:
                self._partners.setdefault(x, []).append((at, y))
                self._partners.setdefault(y, []).append((at, x))

    def _on_touches(self, rows: Ints) -> dict[int, tuple[int, ...]]:
        """Return touch row -> the accounts on it, the strongest first."""
        found: dict[int, set[tuple[int, int]]] = {}
        for sign in self._account[np.isin(self._signs.row[self._account], rows)].tolist():
            slot = self._signs.slot.item(sign)
            rank, one = self._cache.rank.item(slot), self._cache.subject.item(slot)
            self._kinds[one] = rank
            found.setdefault(self._signs.row.item(sign), set()).add((rank, one))
        return {row: tuple(one for _, one in sorted(ones)) for row, ones in found.items()}

    def _is_crowd(self, slot: int, history: History) -> bool:
        """Say whether more accounts use a device than its cap allows: it is shared then, and nobody's."""
        by, rank = self._cache.by, self._cache.rank.item(slot)
        if self._cache.subject.item(slot) in self._cache.released:
            return False
        times: dict[int, list[int]] = {}
        for account, at in history.first_seen().items():
            times.setdefault(self._kinds[account], []).append(at)
        cap, window = int(by.caps[rank]), int(by.windows[rank])
        return any(rules.most_within(some, window) > cap for some in times.values())

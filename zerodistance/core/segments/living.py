"""Segments whose members are kept: frozen ones stay who they are, followed ones tell who entered and who left.

A followed segment is looked at after each turn of the index. What the turn did not touch needs no look: the rule is asked for those whom the
new parts of the index speak of, and for everybody where a day has passed, the rule means something else or the index was made anew. The change
and its event are one transaction of the state store, so that each is said once, whatever is killed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap, BitMap64
from sqlalchemy import Connection

from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Sizes, Split
from zerodistance.core.profiles.contracts import VISITORS_FROM, IndexDamaged
from zerodistance.core.segments import rules, store
from zerodistance.core.segments.answer import Answer
from zerodistance.core.segments.contracts import In, Lives, Rule
from zerodistance.events.segments import SegmentChanged
from zerodistance.kernel import bus, clock, fault
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

KEEP_DAYS = 30  # own value, that of the outbox: how long changes can be read
_LOOK_SECONDS = 1.0  # own value: how often somebody may begin to follow while the index stays as it is
_SMALL = 1 << 16  # own value: bytes of members that are written anew at each change
_HEAVY = 4  # own value: larger ones when the changes since are one of 4 of them
_LAST = 1 << 32
MOVED = "moved"
"""The reason of changes that are kept and not told: members are called otherwise, since persons were merged or split."""
Saved = Callable[[str], Rule]
Moves = Callable[[int, int], tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]
"""Gives from which numbers to which others subjects moved after one version of identity's map up to another, in order."""
Frozen = Callable[[str], BitMap64 | None]


def flat(both: Split) -> BitMap:
    """Return persons and visitors in one bitmap: those of visitors are numbers from `VISITORS_FROM` on."""
    return both.persons | both.visitors


def sizes(some: BitMap) -> Sizes:
    """Return how many persons and visitors are in a bitmap of both."""
    return Sizes(some.range_cardinality(0, VISITORS_FROM), some.range_cardinality(VISITORS_FROM, _LAST))


def meaning(home: Home, rule: Rule, saved: Saved) -> str:
    """Return a short hash of a rule, of those that it stands on and of the territories in them: another one means that it may fit others."""
    seen: dict[str, str] = {}

    def walk(one: Rule) -> None:
        for term in rules.terms(one):
            if isinstance(term, In) and term.segment not in seen:
                inner = saved(term.segment)
                seen[term.segment] = rules.write_text(inner)
                walk(inner)
            elif isinstance(term, Lives) and term.territory is not None:
                seen[f"territory {term.territory}"] = repr(sorted(brand.communities_of(home, term.territory)))

    walk(rule)
    return hashlib.sha256(repr((rules.write_text(rule), sorted(seen.items()))).encode()).hexdigest()[:16]


def about_homes(rule: Rule, saved: Saved) -> bool:
    """Say whether a rule, or one that it stands on, asks about those who share a home."""
    inside = (term.segment for term in rules.terms(rule) if isinstance(term, In))
    return rules.about_homes(rule) or any(about_homes(saved(key), saved) for key in inside)


def with_homes(people: identity.People, some: BitMap, index: profiles.Index) -> BitMap:
    """Return these, all who share a home with one of them or did before it was joined or parted, and all who share one with those."""
    wider = some | BitMap(people.sharing(np.array(some, np.int64)).astype(np.uint32).tolist())
    return profiles.together(index, wider)


def begin(home: Home, rule: Rule, saved: Saved, frozen: Frozen, *, freeze: bool) -> dict[str, Any]:
    """Return what `store.keep` is given of those who fit now: their subjects to freeze them, their numbers to follow them."""
    here = Answer(home, saved, frozen)
    fits = here.fits(rule)
    members: BitMap | BitMap64 = here.subjects_of(fits) if freeze else flat(fits)
    return {
        "frozen": int(freeze),
        "change": 0,
        "meaning": meaning(home, rule, saved),
        "members": members.serialize(),
        "persons": fits.sizes.persons,
        "visitors": fits.sizes.visitors,
        "people": here.index.people,
        "batch": here.index.batch,
        "made_at": clock.micros(),
    }


@dataclass
class _Seen:
    """A followed segment as it was last looked at."""

    change: int  # the last one that is in `members`
    members: BitMap
    people: int  # version of identity's map
    made_at: int = 0  # when it began to be followed
    meaning: str = ""
    stamp: int = 0
    day: int = -1


_Both = tuple[BitMap, BitMap]  # who entered, and who left
_Step = tuple[_Both, str]  # and why


@dataclass(frozen=True)
class _About:
    """Of when and by what rule a change is."""

    version: int
    reason: str
    meaning: str
    people: int
    batch: int


class Watch:
    """Says when the index has to be looked at: after each of its turns, and now and then while it stays as it is."""

    def __init__(self) -> None:
        self._at, self.looked_at = (0, -1), -_LOOK_SECONDS

    def due(self, home: Home) -> profiles.Index | None:
        """Return the index where it is time to look at it, None where not, or where it is to be made anew."""
        try:
            index = profiles.current(home)
        except IndexDamaged:  # it is made anew, and looked at then
            return None
        at, now = (index.stamp, index.day), time.monotonic()
        if index.made_at is None or (at == self._at and now - self.looked_at < _LOOK_SECONDS):
            return None
        self._at, self.looked_at = at, now
        return index


class Follower:
    """Looks at followed segments after each turn of the index; worker only.

    Parameters
    ----------
    rule_of
        Gives rule and version of a saved segment.
    frozen
        Gives the subjects of a frozen one.
    """

    def __init__(self, home: Home, rule_of: Callable[[str], tuple[Rule, int]], frozen: Frozen) -> None:
        self._home, self._rule_of, self._frozen = home, rule_of, frozen
        self._people = identity.People(home)
        self._seen: dict[int, _Seen] = {}
        self.watch = Watch()

    def catch_up(self) -> int:
        """Tell what changed in followed segments since it was last looked; return how many changes were told."""
        with profiles.lock(self._home):  # nobody is forgotten meanwhile
            return self._catch_up()

    def _catch_up(self) -> int:
        index = self.watch.due(self._home)
        if index is None:
            return 0
        with self._home.state.read() as tx:
            rows = store.kept(tx, frozen=False)
        self._seen = {n: seen for n, seen in self._seen.items() if n in {row["segment"] for row in rows}}
        return sum(self._looked(row, index) for row in rows)

    def _looked(self, row: Mapping[str, Any], index: profiles.Index) -> bool:
        try:
            return self._look(row, index)
        except ZeroDistanceError as error:  # a rule that can't be answered any more keeps no other waiting
            log("segments").error("not_followed", segment=row["key"], why=error.message("en"))
            return False

    def _saved(self, key: str) -> Rule:
        return self._rule_of(key)[0]

    def _look(self, row: Mapping[str, Any], index: profiles.Index) -> bool:
        rule, version = self._rule_of(row["key"])
        seen, means = self._held(row), meaning(self._home, rule, self._saved)
        if seen.meaning == means and (seen.stamp, seen.day) == (index.stamp, index.day):
            return False
        only = _touched(seen, index) if seen.meaning == means else None
        if only is not None and about_homes(rule, self._saved):
            only = with_homes(self._people, only, index)
        here = Answer(self._home, self._saved, self._frozen, index=index, only=only)
        fits = flat(here.fits(rule))
        before = self._followed(seen, index)
        after = fits if only is None else (before - only) | (fits & only)
        entered, left = after - before, before - after
        moved = before - seen.members, seen.members - before  # who is somebody else now, or nobody
        if entered or left or any(moved):
            reason = "people" if (seen.meaning or row["meaning"]) == means else "rule"
            about = _About(version, reason, means, index.people, index.batch)
            change = self._write(row, seen.change, after, [(moved, MOVED), ((entered, left), reason)], about)
            if change is None:
                return False
        else:
            change = seen.change
        self._seen[row["segment"]] = _Seen(
            change, after, index.people, row["made_at"], means, index.stamp, index.day
        )
        return bool(entered or left)

    def _held(self, row: Mapping[str, Any]) -> _Seen:
        """Return what is held in memory of a segment, or in the state store."""
        seen = self._seen.get(row["segment"])
        with self._home.state.read() as tx:
            later = store.changes(tx, row["segment"], row["change"])
        last = later[-1]["number"] if later else row["change"]
        if seen is not None and (seen.change, seen.made_at) == (last, row["made_at"]):
            return seen
        people = later[-1]["people"] if later else row["people"]
        return _Seen(last, members(row, later), people, row["made_at"])

    def _followed(self, seen: _Seen, index: profiles.Index) -> BitMap:
        """Return who was in a segment as they are called now."""
        return called(seen.members, seen.people, index.people, self._people.moves) & flat(index.universe)

    def _write(
        self, row: Mapping[str, Any], change: int, after: BitMap, steps: Sequence[_Step], about: _About
    ) -> int | None:
        """Write changes, and say those that are told, in one transaction; return the number of the last. None: it is followed no more, or anew."""
        number = row["segment"]
        fault.point("segments.change")
        with self._home.state.write() as tx:
            now = store.kept(tx, number)
            if not now or (now[0]["made_at"], now[0]["frozen"]) != (row["made_at"], 0):
                return None
            for (entered, left), reason in steps:
                if entered or left:
                    change += 1
                    self._add(tx, row, change, (entered, left), about, reason)
            based: dict[str, Any] = {"meaning": about.meaning}
            if _worth(tx, row):
                based |= {"change": change, "members": after.serialize(), "people": about.people}
            store.based(tx, number, **based)
            fault.point("segments.saying")
        fault.point("segments.said")
        return change

    def _add(
        self, tx: Connection, row: Mapping[str, Any], change: int, both: _Both, about: _About, reason: str
    ) -> None:
        entered, left = (sizes(some) for some in both)
        store.add_change(
            tx,
            segment=row["segment"],
            number=change,
            version=about.version,
            reason=reason,
            entering=both[0].serialize(),
            leaving=both[1].serialize(),
            entered_persons=entered.persons,
            entered_visitors=entered.visitors,
            left_persons=left.persons,
            left_visitors=left.visitors,
            people=about.people,
            batch=about.batch,
            said_at=clock.micros(),
        )
        if reason == MOVED:
            return
        event = SegmentChanged(row["key"], about.version, change, reason, *entered, *left, about.batch)
        bus.say(tx, event, f"b{about.batch}")
        log("segments").info(
            "changed", segment=row["key"], change=change, entered=sum(entered), left=sum(left)
        )


def _worth(tx: Connection, row: Mapping[str, Any]) -> bool:
    """Say whether the members are written anew, so that few changes lie on top of them."""
    base = len(row["members"])
    if base <= _SMALL:
        return True
    since = store.changes(tx, row["segment"], row["change"])
    return _HEAVY * sum(len(c["entering"]) + len(c["leaving"]) for c in since) > base


def called(members: BitMap, since: int, upto: int, moves: Moves) -> BitMap:
    """Return members of one version of identity's map as they are called in another: whoever became part of somebody else is in it as that one.

    Their old numbers stay in it. A visitor who becomes known is no member as a person: it enters.
    """
    old, new = moves(since, upto)
    same_side = (old < VISITORS_FROM) == (new < VISITORS_FROM)
    some = same_side & (old > 0) & (new > 0)
    found = BitMap(members)
    for before, after in zip(
        old[some].tolist(), new[some].tolist(), strict=True
    ):  # one after the other: 3 to 9, then 2 to 3
        if before in found:
            found.add(after)
    return found


def members(row: Mapping[str, Any], later: Sequence[Mapping[str, Any]]) -> BitMap:
    """Return the members of a followed segment: those that are kept, and what changed since."""
    found = BitMap.deserialize(row["members"])
    for change in later:
        found -= BitMap.deserialize(change["leaving"])
        found |= BitMap.deserialize(change["entering"])
    return found


def _touched(seen: _Seen, index: profiles.Index) -> BitMap | None:
    """Return of whom the index speaks anew since it was last looked; None: anybody may have changed."""
    return index.changed_since(seen.stamp) if seen.day == index.day else None


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Take these subjects out of frozen segments, and whoever is nobody else out of followed ones and their changes; may be run again.

    Identity still knows then whose subjects they are.
    """
    gone = BitMap64(list(subjects))
    people = identity.People(home)
    numbers = people.numbers_of(np.array(sorted(subjects), np.int64))
    left = people.pairs(np.unique(numbers[numbers > 0]))
    rest = ~np.isin(left.column("subject").to_numpy(), np.array(sorted(subjects), np.int64))
    still = left.column("number").to_numpy()[rest]
    nobody = BitMap(np.setdiff1d(numbers[numbers > 0], still).tolist())
    removed = 0
    with home.state.write() as tx:
        for row in store.every_kept(tx):
            fresh, went = _without(
                row, ("members",), *((BitMap64, gone) if row["frozen"] else (BitMap, nobody))
            )
            if went:
                store.based(tx, row["segment"], **fresh)
            removed += went
        for segment, number in store.every_change(tx):
            change = store.change(tx, segment, number)
            assert change is not None
            fresh, went = _without(change, ("entering", "leaving"), BitMap, nobody)
            if went:
                store.rewrite(tx, segment, number, **fresh)
            removed += went
    return {"segment_members": removed}


def _without(
    row: Mapping[str, Any], columns: Sequence[str], kind: Any, gone: Any
) -> tuple[dict[str, bytes], int]:
    """Return bitmaps of a row without somebody, and how many went."""
    some = {column: kind.deserialize(row[column]) for column in columns}
    went = sum(len(one & gone) for one in some.values())
    return {column: (one - gone).serialize() for column, one in some.items()}, went

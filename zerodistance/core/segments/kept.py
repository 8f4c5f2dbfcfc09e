"""Verbs of segments whose members are kept: freeze, follow, what changed, and how large they were day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from pyroaring import BitMap

from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Sizes
from zerodistance.core.profiles.contracts import IndexDamaged
from zerodistance.core.segments import living, saved, store
from zerodistance.core.segments.contracts import (
    Change,
    Changed,
    NoSuchChange,
    Rule,
    Segment,
    SegmentFrozen,
    Size,
)
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_EPOCH = date(1970, 1, 1)
_MOST_CHANGES = 100  # own value: on one page
_SYSTEM = Who.system("segments")


def freeze(home: Home, who: Who, key: str) -> Segment:
    """Keep who is in a segment now: from here on nobody enters or leaves; needs MANAGE_SEGMENTS. Frozen anew, it is as of now by its rule.

    Their subjects are kept, so that merges and splits are followed: whoever has a subject of somebody who was in it is in it.
    """
    return _keep(home, who, key, freeze=True)


def follow(home: Home, who: Who, key: str) -> Segment:
    """Have every entry and exit told from now on, as `SegmentChanged`; needs MANAGE_SEGMENTS; raises SegmentFrozen."""
    found = saved.segment(home, who, key)
    if found.frozen:
        raise SegmentFrozen(key=key)
    return found if found.kept else _keep(home, who, key, freeze=False)


def thaw(home: Home, who: Who, key: str) -> Segment:
    """Make a segment living again, and followed by nobody; needs MANAGE_SEGMENTS. What was kept of it is removed, its sizes stay."""
    who.need(Permission.MANAGE_SEGMENTS)
    number = _number(home, who, key)
    with home.state.write() as tx:
        store.let_go(tx, number)
    return saved.segment(home, who, key)


def _keep(home: Home, who: Who, key: str, *, freeze: bool) -> Segment:
    who.need(Permission.MANAGE_SEGMENTS)
    found, number = saved.segment(home, who, key), _number(home, who, key)
    rule_of = saved.rule_of(home, _SYSTEM)
    saved.allowed(home, who, found.rule)
    row = living.begin(home, found.rule, rule_of, saved.frozen(home), freeze=freeze)
    with home.state.write() as tx:
        store.let_go(tx, number)
        store.keep(tx, number, made_by=who.name, **row)
    log("segments").info("frozen" if freeze else "followed", who=who.name, segment=key)
    return saved.segment(home, who, key)


def _number(home: Home, who: Who, key: str) -> int:
    with home.state.read() as tx:
        return int(saved.row_of(store.living(tx, key), who, key, store.living(tx))["number"])


def changes(home: Home, who: Who, key: str, after: int = 0, limit: int = _MOST_CHANGES) -> tuple[Change, ...]:
    """Return the changes of a followed segment after one, in order; those of the last 30 days are kept."""
    who.need(Permission.SEE_PERSONS)
    number = _number(home, who, key)
    with home.state.read() as tx:
        return tuple(
            _change(row)
            for row in store.changes(tx, number, after, most=min(limit, _MOST_CHANGES), without=living.MOVED)
        )


def last_changes(home: Home, who: Who, key: str, most: int = 10) -> tuple[Change, ...]:
    """Return the last changes of a followed segment, the newest first."""
    who.need(Permission.SEE_PERSONS)
    number = _number(home, who, key)
    with home.state.read() as tx:
        return tuple(
            _change(row) for row in store.changes(tx, number, most=most, newest=True, without=living.MOVED)
        )


def changed(home: Home, who: Who, key: str, change: int) -> Changed:
    """Return who entered and left by one change; needs SEE_PERSONS; raises NoSuchChange."""
    who.need(Permission.SEE_PERSONS)
    number = _number(home, who, key)
    with home.state.read() as tx:
        row = store.change(tx, number, change)
    if row is None or row["reason"] == living.MOVED:
        raise NoSuchChange(key=key, given=change, days=living.KEEP_DAYS)
    return Changed(_change(row), _ids(home, row["entering"]), _ids(home, row["leaving"]))


def _ids(home: Home, some: bytes) -> tuple[str, ...]:
    numbers = np.array(BitMap.deserialize(some), np.int64).tolist()
    named = identity.public_ids(home, numbers)
    return tuple(named[n] for n in numbers if n in named)


def _change(row: Mapping[str, Any]) -> Change:
    entered = Sizes(row["entered_persons"], row["entered_visitors"])
    left = Sizes(row["left_persons"], row["left_visitors"])
    return Change(row["number"], row["version"], row["reason"], entered, left, row["batch"], row["said_at"])


def growth(home: Home, who: Who, key: str, days: int = 90) -> tuple[Size, ...]:
    """Return how large a segment was on each of the last days on which it was noted, in order; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    number = _number(home, who, key)
    today = clock.now().astimezone(home.settings.tz).date()
    first = (today - _EPOCH).days - days + 1
    with home.state.read() as tx:
        rows = store.sizes(tx, number, first)
    return tuple(
        Size(_EPOCH + timedelta(days=r["day"]), r["version"], r["persons"], r["visitors"]) for r in rows
    )


def note_sizes(home: Home) -> None:
    """Note how large each saved segment is today; a job. What changes are kept no longer goes."""
    try:
        index = profiles.current(home)
    except IndexDamaged:  # it is made anew; sizes are noted again within the hour
        return
    with home.state.read() as tx:
        rows = store.living(tx)
    noted = []
    for row in rows if index.made_at else ():
        try:
            segment = saved.segment(home, _SYSTEM, row["key"])
            found = saved.answering(home, _SYSTEM, segment.asks).total(segment.asks)
        except ZeroDistanceError as error:
            log("segments").warning("size_not_noted", segment=row["key"], why=type(error).__name__)
            continue
        noted.append((row["number"], index.day, segment.version, *found))
    with home.state.write() as tx:
        for one in noted:
            store.note_size(tx, *one)
        store.prune(tx, clock.micros() - living.KEEP_DAYS * clock.MICROS_PER_DAY)


def follower(home: Home) -> living.Follower:
    """Return what tells entries and exits of followed segments after each turn of the index; worker only."""

    def rule_of(key: str) -> tuple[Rule, int]:
        found = saved.segment(home, _SYSTEM, key)
        return found.rule, found.version

    return living.Follower(home, rule_of, saved.frozen(home))


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Take these subjects out of what is kept of segments; worker only, may be run again."""
    return living.forget(home, subjects)

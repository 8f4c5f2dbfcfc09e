"""Putting rules in force, and taking them back: with everybody computed anew, as one transaction that begins an epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from zerodistance.core.identity.contracts import Rebuilt
from zerodistance.core.identity.rebuild import Turn, rebuild
from zerodistance.core.identity.rules import RuleSet
from zerodistance.core.identity.ruling import changes, models, versions
from zerodistance.core.identity.ruling.contracts import NothingChanges, RulesMoved
from zerodistance.core.identity.told import Told, nobody
from zerodistance.kernel import bulk, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


@dataclass(frozen=True)
class Prepared:
    """Rules in place of those in force, and what the matcher finds by them.

    Attributes
    ----------
    version, old
        In force.
    links
        How many matches would join; None: the matcher was not asked.
    """

    version: int
    old: RuleSet
    turn: Turn
    links: int | None


def apply(
    home: Home,
    who: Who,
    given: Sequence[str],
    reason: str,
    *,
    match: bool = False,
    seen: int | None = None,
    told: Told = nobody,
) -> Rebuilt:
    """Set rules otherwise, and compute everybody anew by them: a new version and a new epoch, or, if anything fails, neither.

    Parameters
    ----------
    given
        See `changes.changed`.
    match
        Ask the matcher again although no rule of its own changes.
    seen
        Version that the change was tried on; None: whichever is in force.

    Raises
    ------
    Invalid
        A change is not one, or no reason is given.
    NothingChanges, NoSuchModel, RulesMoved
        The rules are so already; there are no weights of that name; somebody else changed the rules meanwhile.
    """
    who.need(Permission.OPERATE)
    why = _reason(reason)
    ready = prepared(home, given, match=match, told=told)
    if seen is not None and seen != ready.version:
        raise RulesMoved(had=seen, now=ready.version)

    def write(tx: Connection) -> int:
        return versions.keep(tx, ready.turn.by, who, why)

    return _turned(home, ready, write)


def undo(home: Home, who: Who, *, match: bool = False, told: Told = nobody) -> Rebuilt:
    """Put the rules in force that were before the last change, and compute everybody anew by them.

    Raises
    ------
    NothingToUndo
        The rules are as shipped.
    RulesMoved
        Somebody else changed the rules meanwhile.
    """
    who.need(Permission.OPERATE)
    with home.state.read() as tx:
        version, old = versions.in_force(tx)
        by = versions.before(tx)
    ready = _ready(home, version, old, by, match=match, told=told)

    def write(tx: Connection) -> int:
        versions.take_back(tx, version, who)
        return versions.in_force(tx)[0]

    return _turned(home, ready, write)


def check(home: Home, who: Who, given: Sequence[str]) -> None:
    """Say whether a change can be tried, without trying it.

    Raises
    ------
    Invalid, NothingChanges, NoSuchModel
        See `apply`.
    """
    who.need(Permission.OPERATE)
    _read(home, given)


def _read(home: Home, given: Sequence[str]) -> tuple[int, RuleSet, RuleSet]:
    """Return the version in force, its rules, and those that a change makes of them."""
    with home.state.read() as tx:
        version, old = versions.in_force(tx)
        by = changes.changed(old, given)
        models.of_name(home.seal, tx, by.model)
    if by == old:
        raise NothingChanges(given=", ".join(given) or "-")
    return version, old, by


def prepared(home: Home, given: Sequence[str], *, match: bool, told: Told) -> Prepared:
    """Read a change and, where it needs that, ask the matcher; writes nothing.

    Raises
    ------
    Invalid, NothingChanges, NoSuchModel
        See `apply`.
    """
    version, old, by = _read(home, given)
    return _ready(home, version, old, by, match=match, told=told)


def _ready(home: Home, version: int, old: RuleSet, by: RuleSet, *, match: bool, told: Told) -> Prepared:
    if not (match or changes.matches_anew(old, by)):
        return Prepared(version, old, Turn(by, None, _match_again), None)
    # its libraries are large, and few commands need them
    from zerodistance.core.identity.match import keep, search

    with home.state.read() as tx:
        found = search(home, tx, by, told)
    fault.point("identity.match.found")
    joined = [(a, b, bits) for (b, a), (bits, linked) in found.pairs.items() if linked]
    links = np.array(joined, dtype=np.int64).reshape(-1, 3).T

    def write(tx: Connection) -> int:
        keep(tx, found)
        return 0

    return Prepared(version, old, Turn(by, (links, found.started), write), found.links)


def _match_again(tx: Connection) -> int:
    """Let the next night ask the matcher, which looks at what is shared by these rules too."""
    bulk.run(tx, "delete from identity_number where key = 'matched'")
    return 0


def _turned(home: Home, ready: Prepared, put: Callable[[Connection], int]) -> Rebuilt:
    def write(tx: Connection) -> int:
        now, _ = versions.in_force(tx)
        if now != ready.version:
            raise RulesMoved(had=ready.version, now=now)
        ready.turn.write(tx)
        version = put(tx)
        fault.point("identity.rules.written")
        return version

    return rebuild(home, reason="rules", turn=Turn(ready.turn.by, ready.turn.links, write))


def _reason(reason: str) -> str:
    if not reason.strip():
        raise Invalid(
            field=Text("理由", "the reason"),
            given=reason,
            why=Text("要写明为什么改规则", "say why the rules are changed"),
        )
    return reason.strip()

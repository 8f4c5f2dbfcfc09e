"""Approved audiences: saved segments about which accounts that may not see persons may ask, once somebody else than who saved them says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import answer, api, saved, store
from zerodistance.core.segments.contracts import Segment
from zerodistance.core.segments.questions import Approval, ApprovedBySaver, NoAudience, NotApproved
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

LEAST = 50
"""Own value, the least of a send too: fewer are persons, not an audience."""
_SEES = Who.system("audiences")


def approve(home: Home, who: Who, key: str, version: int) -> Approval:
    """Approve a version of a segment for released counts; needs APPROVE_AUDIENCES and SEE_PERSONS.

    Raises
    ------
    ApprovedBySaver
        This account saved that version.
    NoAudience
        It is not the newest version, asks for something sensitive, holds or leaves out a few persons only, or differs from another approved
        audience by a few.
    """
    who.need(Permission.APPROVE_AUDIENCES)
    who.need(Permission.SEE_PERSONS)
    found = api.segment(home, who, key)
    if found.version != version:
        raise NoAudience(
            key=key,
            why=Text(
                f"现在是第 {found.version} 版，不是第 {version} 版；看过再批准",
                f"its version is {found.version} by now, not {version}; look at it first",
            ),
        )
    if who.name == found.changed_by:
        raise ApprovedBySaver(key=key, version=version, who=who.name)
    _must_be_many(home, found)
    with home.state.write() as tx:
        number = _number(tx, key)
        store.approve(tx, number, version, _means(home, found), who.name, clock.micros())
    return next(one for one in approvals(home, who) if one.key == key)


def withdraw(home: Home, who: Who, key: str) -> None:
    """End the approval of a segment; who may approve may withdraw, whoever saved it."""
    who.need(Permission.APPROVE_AUDIENCES)
    found = api.segment(home, who, key)
    with home.state.write() as tx:
        store.disapprove(tx, _number(tx, found.key), who.name, clock.micros())


def approvals(home: Home, who: Who) -> Sequence[Approval]:
    """Return the approvals of the segments that this account sees, by key; those too that do not hold any more."""
    with home.state.read() as tx:
        numbers = {str(row["key"]): int(row["number"]) for row in store.living(tx)}
        said = store.approvals(tx)
    shown = [(one, said[numbers[one.key]]) for one in api.segments(home, who) if numbers.get(one.key) in said]
    return sorted((_approval(home, one, row) for one, row in shown), key=lambda one: one.key)


def approved(home: Home, who: Who, key: str) -> Segment:
    """Return an approved audience; raises NotApproved with those that are."""
    found = {one.key: one for one in approvals(home, who)}
    if key in found and found[key].holds:
        return api.segment(home, who, key)
    why = Text("", "")
    if key in found:
        why = Text("（规则在批准之后改过）", " (its rule was changed after it was approved)")
    near = ", ".join(one.key for one in found.values() if one.holds)
    raise NotApproved(key=key, why=why, near=near or "–")


def answered(home: Home) -> answer.Answer:
    """Return what answers rules for the program itself, saved segments in them included."""
    return answer.Answer(home, saved.rule_of(home, _SEES), saved.frozen(home))


def _must_be_many(home: Home, found: Segment) -> None:
    """Raise NoAudience for a rule that singles persons out, as far as can be seen from the rule and from the index of now."""
    asked = _dimensions(_written_out(home, api.rule_json(found.rule)))
    if sensitive := {
        key for key in asked if key == profiles.HOUSEHOLD.key or profiles.dimension(home, key).sensitive
    }:
        names = ", ".join(sorted(sensitive))
        why = Text(f"规则里有敏感维度 {names}", f"its rule asks for what is sensitive: {names}")
        raise NoAudience(key=found.key, why=why)
    if own := {key for key in asked if not profiles.is_shipped(key)}:
        names = ", ".join(sorted(own))
        why = Text(
            f"规则里有自建标签 {names}：谁建的谁就能划到一个人",
            f"its rule asks for tags made by users, {names}, which may be drawn round one person",
        )
        raise NoAudience(key=found.key, why=why)
    here = answered(home)
    persons = here.fits(found.asks).persons
    others = {"": ("", here.index.universe.persons)}
    for one in approvals(home, _SEES):
        if one.key != found.key and one.holds:
            others[one.key] = (one.key, here.fits(api.segment(home, _SEES, one.key).asks).persons)
    if len(persons) < LEAST:
        why = Text(f"符合的不到 {LEAST} 人", f"fewer than {LEAST} persons fit")
        raise NoAudience(key=found.key, why=why)
    for key, other in others.values():
        if 0 < persons.symmetric_difference_cardinality(other) < LEAST:
            near = Text(f"人群 {key}", f"segment {key}") if key else Text("全部用户", "everybody")
            why = Text(
                f"它和{near.zh}只差不到 {LEAST} 人，差出来的就是那几个人；直接用后者",
                f"it differs from {near.en} by fewer than {LEAST} persons, who would be singled out; use that instead",
            )
            raise NoAudience(key=found.key, why=why)


def _number(tx: Connection, key: str) -> int:
    (row,) = store.living(tx, key)
    return int(row["number"])


def _approval(home: Home, found: Segment, row: Mapping[str, Any]) -> Approval:
    holds = row["version"] == found.version and row["means"] == _means(home, found)
    return Approval(found.key, found.name, row["version"], row["approved_by"], row["approved_at"], holds)


def _means(home: Home, found: Segment) -> str:
    """Return the fingerprint of whom a segment holds: it changes when its rule, that of a segment in it, or who is frozen does."""
    at = found.kept.at if found.kept is not None and found.frozen else None
    said = json.dumps([_written_out(home, api.rule_json(found.rule)), at], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _written_out(home: Home, said: Any) -> Any:
    """Return the JSON form of a rule with the rules of saved segments in their places."""
    if isinstance(said, list):
        return [_written_out(home, one) for one in said]
    if not isinstance(said, dict):
        return said
    if set(said) == {"in"}:
        inside = api.segment(home, _SEES, said["in"]["segment"])
        at = inside.kept.at if inside.kept is not None and inside.frozen else None
        return [_written_out(home, api.rule_json(inside.rule)), at]
    return {key: _written_out(home, one) for key, one in said.items()}


def _dimensions(said: Any) -> Iterator[str]:
    """Yield the dimensions that the JSON form of a rule asks for; one about those who share a home asks who does."""
    if isinstance(said, list):
        for one in said:
            yield from _dimensions(one)
    elif isinstance(said, dict):
        if isinstance(has := said.get("has"), dict):
            yield has["dimension"]
        if said.keys() & {"household", "others_at_home"}:
            yield profiles.HOUSEHOLD.key
        for one in said.values():
            yield from _dimensions(one)

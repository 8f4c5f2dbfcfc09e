"""Saved segments: rules under a name, in versions, living or frozen; which unit they belong to and what they stand on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyroaring import BitMap64
from sqlalchemy import Connection

from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import answer, conditions, rules, store
from zerodistance.core.segments.contracts import (
    KEY,
    TAKEN,
    AtHome,
    GivenThen,
    Has,
    In,
    Kept,
    Leaf,
    Lives,
    NoSuchSegment,
    Rule,
    Segment,
    SegmentCircle,
    SegmentExists,
    SegmentFrozen,
    SegmentInUse,
    SegmentOfUnit,
)
from zerodistance.core.segments.tags import standing
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_MADE_UP = "s_"


def words(home: Home | None) -> conditions.Words:
    """Return what a rule may name."""
    return conditions.Words({one.key: one for one in profiles.dimensions(home)}, tuple(KINDS))


def read_rule(given: str | dict[str, Any], home: Home | None = None) -> Rule:
    """Read a rule from its text or JSON form; raises WrongRule with position, what is allowed and nearest names.

    Parameters
    ----------
    home
        Whose own dimensions may stand in it; None: those shipped alone.
    """
    known = words(home)
    return rules.read_text(given, known) if isinstance(given, str) else rules.read_json(given, known)


def answering(home: Home, who: Who, rule: Rule, as_of: int | None = None) -> answer.Answer:
    """Return what answers a rule, and those of saved segments in it, if this account may ask for the dimensions in them.

    With `as_of` it answers as of that moment, microseconds UTC; raises PastNotMade, and has the index of it made, and GivenThen for what nobody
    can say of then.
    """
    allowed(home, who, rule)
    if as_of is not None:
        _known_then(home, who, rule)
    here = None if as_of is None else profiles.past(home, who, as_of)
    return answer.Answer(home, rule_of(home, who), frozen(home), index=here)


def _known_then(home: Home, who: Who, rule: Rule, seen: frozenset[str] = frozenset()) -> None:
    """Raise GivenThen where a rule, or that of a living segment in it, asks for a dimension whose values were given: of those no history is kept."""
    for term in rules.terms(rule):
        if isinstance(term, Has) and profiles.dimension(home, term.dimension).of.name == "given":
            raise GivenThen(key=term.dimension)
        if isinstance(term, In) and term.segment not in seen:
            inside = segment(home, who, term.segment)
            if not inside.frozen:
                _known_then(home, who, inside.rule, seen | {term.segment})


def rule_of(home: Home, who: Who) -> Callable[[str], Rule]:
    """Return what gives the rule of a saved segment by its key."""
    return lambda key: allowed(home, who, segment(home, who, key).rule)


def frozen(home: Home) -> Callable[[str], BitMap64 | None]:
    """Return what gives the subjects of the members of a frozen segment by its key, None for a living one."""

    def subjects(key: str) -> BitMap64 | None:
        with home.state.read() as tx:
            rows = [row for row in store.kept(tx, frozen=True) if row["key"] == key]
        return BitMap64.deserialize(rows[0]["members"]) if rows else None

    return subjects


def allowed(home: Home, who: Who, rule: Rule) -> Rule:
    """Return a rule; raises Forbidden, NotFound for one that this account may not ask: a sensitive dimension, a household, the territory of a unit."""
    if isinstance(rule, AtHome):
        who.need(Permission.SEE_PERSONS)
    if isinstance(rule, Has):
        profiles.dimension(home, rule.dimension, who)
    elif isinstance(rule, Lives) and rule.territory is not None:
        brand.see_unit(home, who, rule.territory)
    elif not isinstance(rule, Leaf):
        for term in rule.terms:
            allowed(home, who, term)
    return rule


def create(
    home: Home, who: Who, key: str | None, name: Text, rule: Rule, *, unit: int | None = None
) -> Segment:
    """Save a new segment as version 1; needs MANAGE_SEGMENTS; raises SegmentExists, WrongRule.

    Parameters
    ----------
    key
        None: the next of `s_1`, `s_2`, ...; the key of a segment that was deleted is not made up again.
    """
    who.need(Permission.MANAGE_SEGMENTS)
    if key is not None and not re.fullmatch(KEY, key):
        raise Invalid(
            field=Text("标识", "key"),
            given=key,
            why=Text(
                "1 到 64 个 a-z、0-9、- 和 _，头尾是字母或数字，如 washer-renewal",
                "1 to 64 of a-z, 0-9, - and _ are allowed, a letter or digit first and last, like washer-renewal",
            ),
        )
    if key in TAKEN:
        taken = ", ".join(sorted(TAKEN))
        why = Text(
            f"这些字在网址里另有用处，不能做标识：{taken}",
            f"these words stand for something else in addresses: {taken}",
        )
        raise Invalid(field=Text("标识", "key"), given=key, why=why)
    if not who.sees_unit(unit):
        why = Text("它不在这个账号的小微之列", "it is none of this account's units")
        raise Invalid(field=Text("小微", "unit"), given=unit, why=why)
    text, at = _written(home, rule), clock.micros()
    with home.state.write() as tx:
        _follow(home, tx, who, unit, rule, [key] if key else [], set())
        key = key or _next_key(store.keys_like(tx, _MADE_UP))
        if store.living(tx, key):
            raise SegmentExists(key=key)
        number = store.add(tx, key, unit, who.name, at)
        store.add_version(tx, number, 1, (name.zh, name.en), text, who.name, at)
    return segment(home, who, key)


def _written(home: Home, rule: Rule) -> str:
    """Return the text in which a rule is kept; raises WrongRule for one that could not be read again: no list of segments could be."""
    said = rules.write_json(rule)
    rules.read_json(said, words(home))
    return json.dumps(said)


def _next_key(taken: Sequence[str]) -> str:
    """Return the next key that is made up.

    Examples
    --------
    >>> _next_key(["s_2", "s_old", "s_9"]), _next_key([])
    ('s_10', 's_1')
    """
    numbers = [key.removeprefix(_MADE_UP) for key in taken]
    return f"{_MADE_UP}{max((int(n) for n in numbers if n.isdecimal()), default=0) + 1}"


def save(home: Home, who: Who, key: str, rule: Rule, *, name: Text | None = None) -> Segment:
    """Save a new version of a segment; an unchanged rule and name make none."""
    who.need(Permission.MANAGE_SEGMENTS)
    with home.state.write() as tx:
        row = row_of(store.living(tx, key), who, key, store.living(tx))
        _follow(home, tx, who, row["unit_id"], rule, [key], set())
        before = _segment(home, row)
        if before.frozen and rule != before.rule:
            raise SegmentFrozen(key=key)
        named = name or before.name
        if (before.rule, before.name) == (rule, named):
            return before
        text, at = _written(home, rule), clock.micros()
        store.add_version(tx, row["number"], row["versions"] + 1, (named.zh, named.en), text, who.name, at)
    return segment(home, who, key)


def _follow(
    home: Home, tx: Connection, who: Who, unit: int | None, rule: Rule, path: list[str], done: set[str]
) -> None:
    """Look once at every segment that a rule stands on.

    Raises
    ------
    NoSuchSegment
        One is not there.
    SegmentCircle
        One would stand in itself.
    SegmentOfUnit
        One is not seen by all who see the segment that this rule is for, which is `unit`'s.
    """
    for term in rules.terms(rule):
        if not isinstance(term, In):
            continue
        further = [*path, term.segment]
        if term.segment in path:
            raise SegmentCircle(path=" → ".join(further))
        if term.segment not in done:
            row = row_of(store.living(tx, term.segment), who, term.segment, store.living(tx))
            if row["unit_id"] not in (None, unit):
                raise SegmentOfUnit(key=term.segment)
            _follow(home, tx, who, unit, _segment(home, row).rule, further, done)
            done.add(term.segment)


def segments(home: Home, who: Who) -> Sequence[Segment]:
    """Return the saved segments in their newest versions, last changed first."""
    with home.state.read() as tx:
        return [_segment(home, row) for row in store.living(tx) if who.sees_unit(row["unit_id"])]


def segment(home: Home, who: Who, key: str, version: int | None = None) -> Segment:
    """Return one saved segment, in its newest or the given version; raises NoSuchSegment."""
    with home.state.read() as tx:
        return _segment(home, row_of(store.living(tx, key, version), who, key, store.living(tx)))


def delete(home: Home, who: Who, key: str) -> None:
    """Delete a segment; its versions stay in the records but it is listed no more; raises SegmentInUse."""
    who.need(Permission.MANAGE_SEGMENTS)
    with home.state.write() as tx:
        every = store.living(tx)
        number = row_of(store.living(tx, key), who, key, every)["number"]
        by: list[tuple[str, int | None]] = [
            (str(row["key"]), row["unit_id"])
            for row in every
            if any(
                isinstance(term, In) and term.segment == key for term in rules.terms(_segment(home, row).rule)
            )
        ]
        by += standing.on_segment(tx, words(home), key)
        if by:
            seen = [one for one, unit in by if who.sees_unit(unit)]
            raise SegmentInUse(key=key, by=", ".join(seen) or "–")
        store.let_go(tx, number)
        store.end(tx, number, clock.micros())


def row_of(
    found: Sequence[Mapping[str, Any]], who: Who, key: str, others: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Return the row of a segment that this account sees; raises NoSuchSegment, which names some of the others."""
    for row in found:
        if who.sees_unit(row["unit_id"]):
            return row
    seen = [str(row["key"]) for row in others if who.sees_unit(row["unit_id"])]
    raise NoSuchSegment(key=key, near=", ".join(seen[:10]) or "–")


def _segment(home: Home, row: Mapping[str, Any]) -> Segment:
    return Segment(
        key=row["key"],
        name=Text(row["name_zh"], row["name_en"]),
        version=row["version"],
        versions=row["versions"],
        rule=rules.read_json(json.loads(row["rule"]), words(home)),
        unit=row["unit_id"],
        made_by=row["made_by"],
        made_at=row["made_at"],
        changed_by=row["saved_by"],
        changed_at=row["saved_at"],
        kept=_kept(row),
    )


def _kept(row: Mapping[str, Any]) -> Kept | None:
    if row["kept_at"] is None:
        return None
    change = max(row["kept_change"], row["last_change"] or 0)
    return Kept(
        bool(row["frozen"]), row["kept_persons"], row["kept_visitors"], change, row["kept_by"], row["kept_at"]
    )

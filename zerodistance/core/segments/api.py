"""The door of segments: read a rule, count who fits, list members, save."""

from __future__ import annotations

import csv
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection

from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.segments import answer, checking, rules, store, wording
from zerodistance.core.segments.contracts import (
    KEY,
    Checked,
    Count,
    Has,
    In,
    Leaf,
    Members,
    NoSuchSegment,
    Portrait,
    Rule,
    Segment,
    SegmentCircle,
    SegmentExists,
    SegmentInUse,
    SegmentOfUnit,
    Step,
)
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

_MOST_MEMBERS = 1_000  # own value: members on one page
_SLICE = 10_000
_MADE_UP = "s_"


@cache
def _words() -> rules.Words:
    return rules.Words({d.key: d for d in profiles.dimensions()}, tuple(KINDS))


def read_rule(given: str | dict[str, Any]) -> Rule:
    """Read a rule from its text or JSON form; raises WrongRule with position, what is allowed and nearest names."""
    return rules.read_text(given, _words()) if isinstance(given, str) else rules.read_json(given, _words())


def rule_text(rule: Rule) -> str:
    """Return the text form, one line."""
    return rules.write_text(rule)


def rule_json(rule: Rule) -> dict[str, Any]:
    """Return the JSON form."""
    return rules.write_json(rule)


def describe(home: Home, who: Who, rule: Rule) -> Text:
    """Return a rule in words, for people."""
    return wording.of(home, who, rule, _called(home, who))


def _called(home: Home, who: Who) -> Callable[[str], Text]:
    def name(key: str) -> Text:
        try:
            return segment(home, who, key).name
        except NoSuchSegment:
            return Text(key, key)

    return name


def _answer(home: Home, who: Who, rule: Rule) -> answer.Answer:
    """Return what answers a rule, and those of saved segments in it, if this account may ask for the dimensions in them."""
    _allowed(who, rule)
    return answer.Answer(home, _saved(home, who))


def _saved(home: Home, who: Who) -> Callable[[str], Rule]:
    return lambda key: _allowed(who, segment(home, who, key).rule)


def _allowed(who: Who, rule: Rule) -> Rule:
    """Return a rule; raises Forbidden for one that asks for a sensitive dimension which this account may not see."""
    if isinstance(rule, Has):
        profiles.dimension(rule.dimension, who)
    elif not isinstance(rule, Leaf):
        for term in rule.terms:
            _allowed(who, term)
    return rule


def count(home: Home, who: Who, rule: Rule, *, steps: bool = True) -> Count:
    """Count exactly who fits a rule, with the persons left after each condition.

    `took_ms` is the time of the answer itself, without names and labels.

    Parameters
    ----------
    steps
        False: only the total, for which conditions may be taken in any order and none has to be looked at by itself.
    """
    began = time.perf_counter()
    here = _answer(home, who, rule)
    lines, found = here.lines(rule) if steps else ([], here.total(rule))
    took = (time.perf_counter() - began) * 1_000
    called = _called(home, who)
    return Count(
        *found,
        *here.index.everybody,
        as_of=clock.from_micros(here.index.made_at or 0),
        batch=here.index.batch,
        took_ms=took,
        steps=tuple(
            Step(
                wording.of(home, who, line.term, called),
                line.depth,
                line.joined,
                line.alone.persons,
                line.left.persons,
            )
            for line in lines
        ),
    )


def portrait(
    home: Home, who: Who, rule: Rule, *, sample: bool = False, numbers: Sequence[str] = ()
) -> Portrait:
    """Say how those who fit a rule are spread over the tag tree, beside everybody; needs SEE_PERSONS, since they may be one.

    Parameters
    ----------
    sample
        True: a large audience is looked at through a sample, and the result says how far off it may be.
    numbers
        Dimensions whose numbers are summed up as well, always exactly; raises Invalid for one without numbers.
    """
    who.need(Permission.SEE_PERSONS)
    measured = [_with_numbers(who, key) for key in dict.fromkeys(numbers)]
    began = time.perf_counter()
    here = _answer(home, who, rule)
    fits = here.fits(rule)
    found = profiles.portrait(here.index, fits, sample=sample)
    sums = {dimension.key: profiles.measure(here.index, dimension, fits) for dimension in measured}
    took = (time.perf_counter() - began) * 1_000
    nodes: dict[str, dict[str, profiles.Sizes]] = {}
    for (_, dimension, node), sizes in found.sizes.items():
        nodes.setdefault(dimension, {})[node] = sizes
    return Portrait(
        *fits.sizes,
        branches=profiles.branches(home, who, nodes),
        everybody=profiles.branches(home, who, here.index.by_dimension),
        error=found.error,
        as_of=clock.from_micros(here.index.made_at or 0),
        batch=here.index.batch,
        took_ms=took,
        numbers=sums,
    )


def _with_numbers(who: Who, key: str) -> Dimension:
    found = profiles.dimension(key, who)
    if not found.numeric:
        why = Text("它的值是文字，没有数可以汇总", "its values are texts; there are no numbers to sum up")
        raise Invalid(field="numbers", given=key, why=why)
    return found


def members(
    home: Home, who: Who, rule: Rule, *, limit: int = 50, after: int | None = None, visitors: bool = False
) -> Members:
    """Return a page of members; needs SEE_PERSONS.

    Somebody who was merged or forgotten since the index was written is left out.
    """
    who.need(Permission.SEE_PERSONS)
    if not 1 <= limit <= _MOST_MEMBERS:
        raise Invalid(
            field="limit",
            given=limit,
            why=Text(f"可用 1 到 {_MOST_MEMBERS}", f"1 to {_MOST_MEMBERS} are allowed"),
        )
    found = _answer(home, who, rule).fits(rule)
    total = len(found.visitors if visitors else found.persons)
    numbers = list(itertools.islice(answer.after(found, after, visitors=visitors), limit + 1))
    page = numbers[:limit]
    named = identity.public_ids(home, page)
    here = [n for n in page if n in named]
    following = page[-1] if len(numbers) > limit else None
    return Members(tuple(named[n] for n in here), tuple(here), following, total)


def export(home: Home, who: Who, rule: Rule, to: TextIO, *, visitors: bool = False) -> int:
    """Write the public ids of all persons, or all visitors, who fit as CSV, one a line; return how many.

    The column is `person_id`, or `visitor_id`.
    """
    who.need(Permission.SEE_PERSONS)
    who.need(Permission.MANAGE_SEGMENTS)
    found = _answer(home, who, rule).fits(rule)
    out = csv.writer(to, lineterminator="\n")
    out.writerow(["visitor_id" if visitors else "person_id"])
    written = 0
    for slice_ in _slices(answer.after(found, None, visitors=visitors)):
        named = identity.public_ids(home, slice_)
        out.writerows([named[n]] for n in slice_ if n in named)
        written += sum(n in named for n in slice_)
    log("segments").info("exported", who=who.name, visitors=visitors, written=written, rule=rule_text(rule))
    return written


def _slices(numbers: Iterator[int]) -> Iterator[list[int]]:
    while slice_ := list(itertools.islice(numbers, _SLICE)):
        yield slice_


def as_sql(home: Home, who: Who, rule: Rule) -> str:
    """Return a rule as one statement of DuckDB's SQL over the touches and who is who, as of the index; see `spelled`."""
    return checking.text(home, _allowed(who, rule), _saved(home, who))


def check(home: Home, who: Who, rule: Rule) -> Checked:
    """Run the SQL of a rule over the whole log and compare it with the index; needs SEE_PERSONS. Takes as long as the log is."""
    who.need(Permission.SEE_PERSONS)
    return checking.check(home, rule, _answer(home, who, rule), _saved(home, who))


def write_sql(home: Home, who: Who, rule: Rule, folder: Path) -> int:
    """Write the SQL of a rule and the tables it reads into a folder, to be run there; return how many touches.

    Subjects and numbers only, nothing raw; needs SEE_PERSONS and MANAGE_SEGMENTS.
    """
    who.need(Permission.SEE_PERSONS)
    who.need(Permission.MANAGE_SEGMENTS)
    written = checking.write(home, _allowed(who, rule), _saved(home, who), folder)
    log("segments").info("log_exported", who=who.name, touches=written, rule=rule_text(rule))
    return written


def create(
    home: Home, who: Who, key: str | None, name: Text, rule: Rule, *, unit: int | None = None
) -> Segment:
    """Save a new segment as version 1; needs MANAGE_SEGMENTS; raises SegmentExists.

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
    if not who.sees_unit(unit):
        why = Text("它不在这个账号的小微之列", "it is none of this account's units")
        raise Invalid(field=Text("小微", "unit"), given=unit, why=why)
    at = clock.micros()
    with home.state.write() as tx:
        _follow(tx, who, unit, rule, [key] if key else [], set())
        key = key or _next_key(store.keys_like(tx, _MADE_UP))
        if store.living(tx, key):
            raise SegmentExists(key=key)
        number = store.add(tx, key, unit, who.name, at)
        store.add_version(tx, number, 1, (name.zh, name.en), json.dumps(rule_json(rule)), who.name, at)
    return segment(home, who, key)


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
        row = _row(store.living(tx, key), who, key, store.living(tx))
        _follow(tx, who, row["unit_id"], rule, [key], set())
        before = _segment(row)
        named = name or before.name
        if (before.rule, before.name) == (rule, named):
            return before
        text = json.dumps(rule_json(rule))
        at = clock.micros()
        store.add_version(tx, row["number"], row["versions"] + 1, (named.zh, named.en), text, who.name, at)
    return segment(home, who, key)


def _follow(tx: Connection, who: Who, unit: int | None, rule: Rule, path: list[str], done: set[str]) -> None:
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
            row = _row(store.living(tx, term.segment), who, term.segment, store.living(tx))
            if row["unit_id"] not in (None, unit):
                raise SegmentOfUnit(key=term.segment)
            _follow(tx, who, unit, _segment(row).rule, further, done)
            done.add(term.segment)


def segments(home: Home, who: Who) -> Sequence[Segment]:
    """Return the saved segments in their newest versions, last changed first."""
    with home.state.read() as tx:
        return [_segment(row) for row in store.living(tx) if who.sees_unit(row["unit_id"])]


def segment(home: Home, who: Who, key: str, version: int | None = None) -> Segment:
    """Return one saved segment, in its newest or the given version; raises NoSuchSegment."""
    with home.state.read() as tx:
        return _segment(_row(store.living(tx, key, version), who, key, store.living(tx)))


def delete(home: Home, who: Who, key: str) -> None:
    """Delete a segment; its versions stay in the records but it is listed no more; raises SegmentInUse."""
    who.need(Permission.MANAGE_SEGMENTS)
    with home.state.write() as tx:
        every = store.living(tx)
        number = _row(store.living(tx, key), who, key, every)["number"]
        by = [
            row
            for row in every
            if any(isinstance(term, In) and term.segment == key for term in rules.terms(_segment(row).rule))
        ]
        if by:
            seen = [str(row["key"]) for row in by if who.sees_unit(row["unit_id"])]
            raise SegmentInUse(key=key, by=", ".join(seen) or "–")
        store.end(tx, number, clock.micros())


def _row(
    found: Sequence[Mapping[str, Any]], who: Who, key: str, others: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    for row in found:
        if who.sees_unit(row["unit_id"]):
            return row
    seen = [str(row["key"]) for row in others if who.sees_unit(row["unit_id"])]
    raise NoSuchSegment(key=key, near=", ".join(seen[:10]) or "–")


def _segment(row: Mapping[str, Any]) -> Segment:
    return Segment(
        key=row["key"],
        name=Text(row["name_zh"], row["name_en"]),
        version=row["version"],
        versions=row["versions"],
        rule=rules.read_json(json.loads(row["rule"]), _words()),
        unit=row["unit_id"],
        made_by=row["made_by"],
        made_at=row["made_at"],
        changed_by=row["saved_by"],
        changed_at=row["saved_at"],
    )

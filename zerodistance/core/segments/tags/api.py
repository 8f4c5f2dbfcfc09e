"""The door of tags that users make: try one, save it in versions, enter lists, make its values anew, withdraw it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Sizes, Split
from zerodistance.core.profiles.subjects import Earliest
from zerodistance.core.segments import audit, conditions, rules, saved
from zerodistance.core.segments.contracts import AllOf, AnyOf, Has, In, Rule, WrongRule
from zerodistance.core.segments.tags import forms, lists, sql, store, trying
from zerodistance.core.segments.tags.contracts import (
    SHOWN,
    ByBands,
    ByRule,
    BySql,
    Columns,
    NoSuchTag,
    Said,
    TagCircle,
    TagInUse,
    TagVersion,
    Tried,
    UserTag,
)
from zerodistance.core.segments.tags.following import Follower
from zerodistance.core.segments.tags.lists import unit_of
from zerodistance.core.segments.tags.standing import rules_of
from zerodistance.core.touchpoints.dry_run import Report
from zerodistance.core.touchpoints.import_jobs import Created
from zerodistance.core.touchpoints.sniff import Guess
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

_AT_ONCE = 1 << 17  # own value: values of a batch
_SYSTEM = Who.system("tags")
_GUESSED = Columns()


def read(home: Home, given: Mapping[str, Any], unit: int | None = None) -> Said:
    """Return what is said of a tag, from its JSON form; raises Invalid, WrongRule with what is allowed.

    A unit that is not said (`""` is everybody's) is `unit`, and where that is None that of the tag as it is.
    """
    known = unit if unit is not None and given.get("unit") is None else _unit(home, given)
    return forms.read(given, saved.words(home), known)


def _unit(home: Home, given: Mapping[str, Any]) -> int | None:
    if given.get("unit") is None:
        with home.state.read() as tx:
            rows = store.living(tx, str(given.get("key", "")))
        return rows[0]["unit_id"] if rows else None
    found = {"": None} | {one.key: one.number for one in brand.units(home, _SYSTEM)}
    if given["unit"] not in found:
        why = Text("没有这个小微", "there is no such unit")
        raise Invalid(field=Text("小微", "unit"), given=given["unit"], why=why)
    return found[given["unit"]]


def tags(home: Home, who: Who) -> Sequence[UserTag]:
    """Return the tags that this account sees, last changed first."""
    with home.state.read() as tx:
        rows = [row for row in store.living(tx) if who.sees_unit(row["unit_id"])]
    return [_tag(home, row) for row in rows]


def tag(home: Home, who: Who, key: str) -> UserTag:
    """Return one tag; raises NoSuchTag."""
    return _tag(home, _row(home, who, key))


def versions(home: Home, who: Who, key: str) -> Sequence[TagVersion]:
    """Return every version of a tag, the newest first; raises NoSuchTag."""
    row = _row(home, who, key)
    with home.state.read() as tx:
        found = store.versions(tx, row["number"])
    return [
        TagVersion(v["version"], _said(home, row, v["said"]), v["saved_by"], v["saved_at"]) for v in found
    ]


def _row(home: Home, who: Who, key: str) -> Mapping[str, Any]:
    with home.state.read() as tx:
        every = [row for row in store.living(tx) if who.sees_unit(row["unit_id"])]
    for row in every:
        if row["key"] == key:
            return row
    raise NoSuchTag(given=key, near=", ".join(str(row["key"]) for row in every[:10]) or "–")


def _said(home: Home, row: Mapping[str, Any], text: str) -> Said:
    return forms.read(json.loads(text), saved.words(home), row["unit_id"])


def _tag(home: Home, row: Mapping[str, Any]) -> UserTag:
    failed = None if row["failed"] is None else Text(*json.loads(row["failed"]))
    said = _said(home, row, row["said"])
    return UserTag(
        said,
        row["version"],
        row["made_by"],
        row["made_at"],
        row["saved_by"],
        row["saved_at"],
        row["ran_at"],
        failed,
    )


# -- trying


def try_out(home: Home, who: Who, said: Said) -> Tried:
    """Return how many would be at each node, exactly; nothing is written. Needs SEE_PERSONS; raises as `save`."""
    _may(home, who, said)
    said = _cut(home, who, said)
    found = trying.counts(home, who, said, _given(home, who, said).dimension)
    audit.note(
        home,
        who,
        "tag",
        AnyOf(tuple(rules_of(said))) if rules_of(said) else AllOf(()),
        sum(one.persons for _, _, one in found.nodes),
        sum(one.visitors for _, _, one in found.nodes),
    )
    return found


# -- saving


def save(home: Home, who: Who, said: Said, *, now: bool = True) -> UserTag:
    """Save a tag, or a new version of one; needs MANAGE_SEGMENTS and SEE_PERSONS.

    Parameters
    ----------
    now
        Make its values here and now, so that the index has them after its next turn. False: the worker does within a minute, since a door writes no lake.

    Raises
    ------
    Invalid, DimensionExists
        Something of it can't be.
    TagCircle, TagInUse, Forbidden, NoSuchSegment
        Its rules lead back to it, what stands on it asks for a node that it had, or they ask what this account may not.
    WrongSql
        See `sql.run`.
    """
    who.need(Permission.MANAGE_SEGMENTS)
    _may(home, who, said)
    said = _cut(home, who, said)
    given = profiles.check_given(_given(home, who, said))
    _still_read(home, who, given)
    values = _values(home, who, said) if now and _is_given(said) else None
    if isinstance(said.how, BySql) and not now:
        sql.check(home, said.how.sql)
    at, text = clock.micros(), forms.written(said)
    with home.state.write() as tx:
        rows = store.living(tx, said.key)
        if rows and not who.sees_unit(rows[0]["unit_id"]):
            raise profiles.DimensionExists(key=said.key)
        number = rows[0]["number"] if rows else store.add(tx, said.key, said.unit, who.name, at)
        if not rows or rows[0]["said"] != text:
            store.add_version(tx, number, 1 + (rows[0]["version"] if rows else 0), text, who.name, at)
        store.change(tx, number, unit_id=said.unit, ran_at=None, failed=None)
    if values is not None:
        _give(home, who, number, given, values)
    elif not _is_given(said):
        profiles.declare(home, who, given)
    log("segments").info("tag_saved", who=who.name, tag=said.key)
    return tag(home, who, said.key)


def _is_given(said: Said) -> bool:
    """Say whether a tag has values that are made and given; the others are worked out by the index."""
    return isinstance(said.how, ByRule | BySql)


def _give(home: Home, who: Who, number: int, given: profiles.Given, values: Iterator[pa.RecordBatch]) -> None:
    profiles.give(home, who, given, values)
    with home.state.write() as tx:
        store.note(tx, number, clock.micros(), None)


def _still_read(home: Home, who: Who, given: profiles.Given) -> None:
    """Raise TagInUse where a rule that stands on a dimension could not be read any more, if it was said to be this."""
    words = saved.words(home)
    words = conditions.Words({**words.dimensions, given.key: given.dimension}, words.kinds)
    by = []
    for key, unit, rule in _standing(home, given.key):
        try:
            rules.read_json(rules.write_json(rule), words)
        except WrongRule:
            by.append((key, unit))
    if by:
        raise _in_use(who, given.key, by)


def _in_use(who: Who, key: str, by: Iterable[tuple[str, int | None]]) -> TagInUse:
    """Return the error that names what stands on a tag, as far as this account sees it."""
    seen = dict.fromkeys(one for one, unit in by if who.sees_unit(unit))
    return TagInUse(key=key, by=", ".join(seen) or "–")


def _standing(home: Home, key: str) -> Iterator[tuple[str, int | None, Rule]]:
    """Yield segments and tags whose rules ask for a dimension, in any version, so that each can be read as long as it is there: key, unit and rule."""
    every = [
        (one.key, one.unit, saved.segment(home, _SYSTEM, one.key, n).rule)
        for one in saved.segments(home, _SYSTEM)
        for n in range(one.versions, 0, -1)
    ]
    for one in tags(home, _SYSTEM):
        said = (version.said for version in versions(home, _SYSTEM, one.said.key))
        every += [(one.said.key, one.said.unit, rule) for some in said for rule in rules_of(some)]
    for by, unit, rule in every:
        if any(isinstance(term, Has) and term.dimension == key for term in rules.terms(rule)):
            yield by, unit, rule


def _cut(home: Home, who: Who, said: Said) -> Said:
    """Return a tag whose bands have edges: by quantiles they are cut from the numbers of today, once."""
    how = said.how
    if not isinstance(how, ByBands) or how.edges or how.quantiles is None:
        return said
    edges = profiles.band_edges(home, profiles.dimension(home, how.dimension, who), how.quantiles)
    if not edges:
        why = Text("还没有人有这个数，无从分档", "nobody has this number yet: there is nothing to cut")
        raise Invalid(field="of", given=how.dimension, why=why)
    return replace(said, how=replace(how, edges=forms.apart(edges)))


def _may(home: Home, who: Who, said: Said) -> None:
    who.need(Permission.SEE_PERSONS)
    if not said.key.startswith("own."):
        why = Text("以 own. 开头，如 own.vip", "begins with own., like own.vip")
        raise Invalid(field="key", given=said.key, why=why)
    if not who.sees_unit(said.unit):
        why = Text("它不在这个账号的小微之列", "it is none of this account's units")
        raise Invalid(field=Text("小微", "unit"), given=said.unit, why=why)
    for rule in rules_of(said):
        saved.allowed(home, who, rule)
    _no_circle(home, who, said)


def _no_circle(home: Home, who: Who, said: Said) -> None:
    """Raise TagCircle where a tag stands on itself, by other tags and segments."""
    own = {one.said.key: one.said for one in tags(home, _SYSTEM)}

    def walk(rule: Rule, path: list[str], seen: set[str]) -> None:
        for term in rules.terms(rule):
            if isinstance(term, In) and term.segment not in seen:
                seen.add(term.segment)
                walk(saved.segment(home, who, term.segment).rule, path, seen)
            elif isinstance(term, Has) and (term.dimension in own or term.dimension == said.key):
                if term.dimension in path:
                    raise TagCircle(key=said.key, path=" → ".join([*path, term.dimension]))
                for inner in rules_of(own[term.dimension]):
                    walk(inner, [*path, term.dimension], set(seen))

    for rule in rules_of(said):
        walk(rule, [said.key], set())


def _given(home: Home, who: Who, said: Said) -> profiles.Given:
    of = profiles.dimension(home, said.how.dimension, who) if isinstance(said.how, ByBands) else None
    given = forms.dimension(said, of, SHOWN[forms.kind_of(said.how)])
    return replace(given, sensitive=given.sensitive or _sensitive(home, said))


def _sensitive(home: Home, said: Said) -> bool:
    """Say whether a tag tells what is sensitive: its rules ask for it, those of segments in them too; of SQL nobody knows."""
    seen = set[str]()

    def asks(rule: Rule) -> bool:
        if rules.about_homes(rule):
            return True
        for term in rules.terms(rule):
            if isinstance(term, Has) and profiles.dimension(home, term.dimension).sensitive:
                return True
            if isinstance(term, In) and term.segment not in seen:
                seen.add(term.segment)
                if asks(saved.segment(home, _SYSTEM, term.segment).rule):
                    return True
        return False

    return isinstance(said.how, BySql) or any(map(asks, rules_of(said)))


def _values(home: Home, who: Who, said: Said) -> Iterator[pa.RecordBatch]:
    """Return `subject` and `value` of everybody who is at a node, each under the earliest of their subjects."""
    here = profiles.current(home)
    if isinstance(said.how, ByRule):
        splits = trying.of_rule(home, who, said.how, here)
        nodes = dict(zip([node.key for node in said.how.nodes], splits, strict=True))
    else:
        nodes = trying.of_sql(home, said, here)
    return _batches(here, nodes)


def _batches(here: profiles.Index, nodes: Mapping[str, Split]) -> Iterator[pa.RecordBatch]:
    earliest = Earliest(here)
    for node, split in nodes.items():
        mine = earliest.of(split.numbers())
        for at in range(0, len(mine), _AT_ONCE):
            some = mine[at : at + _AT_ONCE]
            yield pa.record_batch({"subject": pa.array(some), "value": pa.repeat(pa.scalar(node), len(some))})


# -- again, and no more


def run(home: Home, who: Who, key: str, *, now: bool = True) -> UserTag:
    """Make the values of a tag anew, as the worker does each night; needs MANAGE_SEGMENTS. `now` as `save` has it; raises as that does.

    Bands by quantiles are cut anew: where they begin elsewhere that is a new version. No night does that.
    """
    who.need(Permission.MANAGE_SEGMENTS)
    row, found = _row(home, who, key), tag(home, who, key)
    if isinstance(found.said.how, ByBands) and found.said.how.quantiles is not None:
        return save(home, who, replace(found.said, how=replace(found.said.how, edges=())))
    given = _given(home, who, found.said)
    if not now:
        with home.state.write() as tx:
            store.change(tx, row["number"], ran_at=None, failed=None)
    elif _is_given(found.said):
        _give(home, who, row["number"], given, _values(home, who, found.said))
    else:
        profiles.declare(home, who, given)
    return tag(home, who, key)


def wanted(home: Home) -> None:
    """Make the values of the tags that were saved, or asked for, and have none since. Worker only."""
    _made(home, [one for one in tags(home, _SYSTEM) if one.ran_at is None and _is_given(one.said)])


def nightly(home: Home) -> None:
    """Make the values of every tag anew; one that fails keeps the values it has and says why. Worker only."""
    _made(home, [one for one in tags(home, _SYSTEM) if _is_given(one.said)])


def _made(home: Home, some: Sequence[UserTag]) -> None:
    for one in some:
        try:
            run(home, _SYSTEM, one.said.key)
        except ZeroDistanceError as error:
            log("segments").error("tag_failed", tag=one.said.key, why=error.message("en"))
            row = _row(home, _SYSTEM, one.said.key)
            said = json.dumps([error.message("zh"), error.message("en")])
            with home.state.write() as tx:
                store.note(tx, row["number"], clock.micros(), said)


def withdraw(home: Home, who: Who, key: str) -> None:
    """Withdraw a tag and its values; its versions stay in the records. Raises NoSuchTag, TagInUse."""
    who.need(Permission.MANAGE_SEGMENTS)
    row = _row(home, who, key)
    if by := [(one, unit) for one, unit, _ in _standing(home, key)]:
        raise _in_use(who, key, by)
    if key in profiles.own_dimensions(home, now=True).by_key:
        profiles.withdraw(home, who, key)
    with home.state.write() as tx:
        store.change(tx, row["number"], ended_by=who.name, ended_at=clock.micros())


# -- lists


def list_mapping(home: Home, who: Who, key: str, columns: Columns) -> str:
    """Return the mapping file (TOML) under which a CSV file is a list of a tag, to be imported like any file; see `lists.mapping`."""
    return lists.mapping(home, who, tag(home, who, key).said, columns)


def list_mapping_of(home: Home, who: Who, key: str, guess: Guess, columns: Columns) -> str:
    """Return the mapping of a file that was looked at, such as an upload, as a list of a tag; see `lists.of_guess`."""
    return lists.of_guess(home, who, tag(home, who, key).said, guess, columns)


def enter(
    home: Home, who: Who, key: str, path: Path, columns: Columns = _GUESSED, *, instead: bool = False
) -> Created:
    """Enter a file on the list of a tag, see `lists.enter`; raises NoSuchTag too."""
    return lists.enter(home, who, tag(home, who, key).said, path, columns, instead=instead)


def try_list(home: Home, who: Who, key: str | Said, path: Path, columns: Columns = _GUESSED) -> Report:
    """Say what would become of a file if it were entered, for a tag that is there or would be made; see `lists.try_out`."""
    said = tag(home, who, key).said if isinstance(key, str) else key
    return lists.try_out(home, who, said, path, columns)


def only(home: Home, who: Who, key: str, number: int, purpose: str) -> Sequence[int]:
    """Have every import of a list but one undone; see `lists.only`. Raises NoSuchTag too."""
    return lists.only(home, who, tag(home, who, key).said.key, number, purpose)


__all__ = [
    "Follower",
    "Sizes",
    "enter",
    "list_mapping",
    "list_mapping_of",
    "nightly",
    "only",
    "read",
    "run",
    "save",
    "tag",
    "tags",
    "try_list",
    "try_out",
    "unit_of",
    "versions",
    "wanted",
    "withdraw",
]

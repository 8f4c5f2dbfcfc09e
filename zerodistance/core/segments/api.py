"""The door of segments: read a rule, count who fits, list members, save, freeze, follow."""

from __future__ import annotations

import csv
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Dimension, FreeRule
from zerodistance.core.segments import answer, audit, checking, rules, wording
from zerodistance.core.segments.comparing import distinguish, overlap
from zerodistance.core.segments.contracts import (
    AllOf,
    Count,
    Members,
    NoSuchSegment,
    Portrait,
    Rule,
    Step,
)
from zerodistance.core.segments.figures import Checked, Nearby, Neighbour
from zerodistance.core.segments.kept import (
    changed,
    changes,
    follow,
    follower,
    forget,
    freeze,
    growth,
    last_changes,
    thaw,
)
from zerodistance.core.segments.saved import (
    allowed,
    answering,
    create,
    delete,
    frozen,
    read_rule,
    rule_of,
    save,
    segment,
    segments,
)
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

__all__ = [
    # rules
    "read_rule",
    "rule_text",
    "rule_json",
    "describe",
    "as_sql",
    "check",
    "write_sql",
    # who fits
    "count",
    "nearest",
    "portrait",
    "members",
    "export",
    "overlap",
    "distinguish",
    # saved
    "segments",
    "segment",
    "create",
    "save",
    "delete",
    # kept
    "freeze",
    "thaw",
    "follow",
    "changes",
    "last_changes",
    "changed",
    "growth",
    # for the worker
    "follower",
    "forget",
]
_MOST_MEMBERS = 1_000  # own value: members on one page
_MOST_NEAR = 1_000  # own value: communities in one answer
_SLICE = 10_000


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


def count(home: Home, who: Who, rule: Rule, *, steps: bool = True, as_of: int | None = None) -> Count:
    """Count exactly who fits a rule, with the persons left after each condition; recorded.

    `took_ms` is the time of the answer itself, without names and labels. Raises FreeRule for an account that may not see
    persons; see `releasing.ask`.

    Parameters
    ----------
    steps
        False: only the total, for which conditions may be taken in any order and none has to be looked at by itself.
    as_of
        A moment, microseconds UTC: who fitted by what was known then; raises PastNotMade where the index of it has to be made first.
    """
    if not who.may(Permission.SEE_PERSONS):
        raise FreeRule(who=who.name)
    began = time.perf_counter()
    here = answering(home, who, rule, as_of)
    lines, found = here.lines(rule) if steps else ([], here.total(rule))
    took = (time.perf_counter() - began) * 1_000
    audit.note(home, who, "count", rule, *found)
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
    home: Home,
    who: Who,
    rule: Rule,
    *,
    sample: bool = False,
    numbers: Sequence[str] = (),
    as_of: int | None = None,
) -> Portrait:
    """Say how those who fit a rule are spread over the tag tree, beside everybody; needs SEE_PERSONS, since they may be one.

    Parameters
    ----------
    sample
        True: a large audience is looked at through a sample, and the result says how far off it may be.
    numbers
        Dimensions whose numbers are summed up as well, always exactly; raises Invalid for one without numbers.
    as_of
        As `count` has it.
    """
    who.need(Permission.SEE_PERSONS)
    measured = [_with_numbers(home, who, key) for key in dict.fromkeys(numbers)]
    began = time.perf_counter()
    here = answering(home, who, rule, as_of)
    fits = here.fits(rule)
    found = profiles.portrait(here.index, fits, sample=sample)
    sums = {dimension.key: profiles.measure(here.index, dimension, fits) for dimension in measured}
    took = (time.perf_counter() - began) * 1_000
    audit.note(home, who, "portrait", rule, *fits.sizes)
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


def _with_numbers(home: Home, who: Who, key: str) -> Dimension:
    found = profiles.dimension(home, key, who)
    if not found.numeric:
        why = Text("它的值是文字，没有数可以汇总", "its values are texts; there are no numbers to sum up")
        raise Invalid(field="numbers", given=key, why=why)
    return found


def nearest(
    home: Home,
    who: Who,
    lat: float,
    lon: float,
    *,
    many: int = 30,
    rule: Rule | None = None,
    as_of: int | None = None,
) -> Nearby:
    """Return the communities nearest to a point (degrees, WGS-84), and how many persons live in each; needs SEE_PERSONS, since they may be one.

    `took_ms` is the time of the answer itself, without names.

    Parameters
    ----------
    many
        How many communities.
    rule
        Only persons who fit are counted; None: all.
    as_of
        As `count` has it; homes are those of today, as all facts are.
    """
    who.need(Permission.SEE_PERSONS)
    limits = (("lat", lat, -90, 90), ("lon", lon, -180, 180), ("many", many, 1, _MOST_NEAR))
    for field, given, low, high in limits:
        if not low <= given <= high:
            why = Text(f"可用 {low} 到 {high:,}", f"{low} to {high:,} are allowed")
            raise Invalid(field=field, given=given, why=why)
    began = time.perf_counter()
    here = answering(home, who, AllOf(()) if rule is None else rule, as_of)
    ground = here.index.ground
    places, km = ground.nearest(lat, lon, many)
    of_persons = ground.many[0, places].tolist()
    persons = of_persons if rule is None else here.living(rule, places).tolist()
    took = (time.perf_counter() - began) * 1_000
    audit.note(home, who, "nearest", AllOf(()) if rule is None else rule, sum(persons))
    codes = [ground.codes[place] for place in places.tolist()]
    known = brand.some_places(home, codes)
    cells, points = ground.cells[places].tolist(), ground.points[places].tolist()
    return Nearby(
        tuple(
            Neighbour(
                code=code,
                name=known[code].name if code in known else Text(code, code),
                lat=points[n][0],
                lon=points[n][1],
                cell=f"{cells[n]:x}",
                km=float(km[n]),
                persons=persons[n],
                of_persons=of_persons[n],
            )
            for n, code in enumerate(codes)
        ),
        as_of=clock.from_micros(here.index.made_at or 0),
        batch=here.index.batch,
        took_ms=took,
    )


def members(
    home: Home,
    who: Who,
    rule: Rule,
    *,
    limit: int = 50,
    after: int | None = None,
    visitors: bool = False,
    as_of: int | None = None,
) -> Members:
    """Return a page of members; needs SEE_PERSONS.

    Somebody who was merged or forgotten since the index was written is left out. With `as_of` it is who fitted then, see `count`; who has become
    part of somebody else since stands there under an id of then, which leads to the person of today.
    """
    who.need(Permission.SEE_PERSONS)
    if not 1 <= limit <= _MOST_MEMBERS:
        raise Invalid(
            field="limit",
            given=limit,
            why=Text(f"可用 1 到 {_MOST_MEMBERS}", f"1 to {_MOST_MEMBERS} are allowed"),
        )
    asked = answering(home, who, rule, as_of)
    found = asked.fits(rule)
    total = len(found.visitors if visitors else found.persons)
    numbers = list(itertools.islice(answer.after(found, after, visitors=visitors), limit + 1))
    page = numbers[:limit]
    named = profiles.public_ids(home, asked.index, page)
    listed = (0, len(page)) if visitors else (len(page), 0)
    audit.note(home, who, "members", rule, *listed)
    here = [n for n in page if n in named]
    following = page[-1] if len(numbers) > limit else None
    return Members(tuple(named[n] for n in here), tuple(here), following, total)


def export(
    home: Home, who: Who, rule: Rule, to: TextIO, *, visitors: bool = False, as_of: int | None = None
) -> int:
    """Write the public ids of all persons, or all visitors, who fit as CSV, one a line; return how many.

    The column is `person_id`, or `visitor_id`. With `as_of` it is who fitted then, see `members`.
    """
    who.need(Permission.SEE_PERSONS)
    who.need(Permission.MANAGE_SEGMENTS)
    asked = answering(home, who, rule, as_of)
    found = asked.fits(rule)
    out = csv.writer(to, lineterminator="\n")
    out.writerow(["visitor_id" if visitors else "person_id"])
    written = 0
    for slice_ in _slices(answer.after(found, None, visitors=visitors)):
        named = profiles.public_ids(home, asked.index, slice_)
        out.writerows([named[n]] for n in slice_ if n in named)
        written += sum(n in named for n in slice_)
    audit.note(home, who, "export", rule, *((0, written) if visitors else (written, 0)))
    log("segments").info("exported", who=who.name, visitors=visitors, written=written, rule=rule_text(rule))
    return written


def _slices(numbers: Iterator[int]) -> Iterator[list[int]]:
    while slice_ := list(itertools.islice(numbers, _SLICE)):
        yield slice_


def as_sql(home: Home, who: Who, rule: Rule) -> str:
    """Return a rule as one statement of DuckDB's SQL over the touches and who is who, as of the index; see `spelled`."""
    return checking.text(home, allowed(home, who, rule), rule_of(home, who), frozen(home))


def check(home: Home, who: Who, rule: Rule) -> Checked:
    """Run the SQL of a rule over the whole log and compare it with the index; needs SEE_PERSONS. Takes as long as the log is."""
    who.need(Permission.SEE_PERSONS)
    found = checking.check(home, rule, answering(home, who, rule), rule_of(home, who), frozen(home))
    audit.note(home, who, "check", rule, found.persons, found.visitors)
    return found


def write_sql(home: Home, who: Who, rule: Rule, folder: Path) -> int:
    """Write the SQL of a rule and the tables it reads into a folder, to be run there; return how many touches.

    Subjects and numbers only, nothing raw; needs SEE_PERSONS and MANAGE_SEGMENTS.
    """
    who.need(Permission.SEE_PERSONS)
    who.need(Permission.MANAGE_SEGMENTS)
    written = checking.write(home, allowed(home, who, rule), rule_of(home, who), frozen(home), folder)
    log("segments").info("log_exported", who=who.name, touches=written, rule=rule_text(rule))
    return written

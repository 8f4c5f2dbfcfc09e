"""Segments beside one another: how they overlap, and what tells one from everybody else or from another one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import NONE, Name, Sizes, Split
from zerodistance.core.profiles.portrait import SAMPLE
from zerodistance.core.profiles.rules import is_inner
from zerodistance.core.segments import audit, intervals, rules, saved
from zerodistance.core.segments.answer import Answer
from zerodistance.core.segments.contracts import (
    AllOf,
    Has,
    In,
    NoneOf,
    Place,
    Rule,
)
from zerodistance.core.segments.figures import Difference, Distinguished, Overlap, Region
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

MOST_APART, MOST_PAIRS = (
    5,
    20,
)  # own values: segments whose every combination is counted, and that are compared by pairs
LEVEL = 0.95
_A_DIMENSION = 3  # own value: nodes of one dimension that are shown
_MOST = 200  # own value: differences in one answer


def overlap(home: Home, who: Who, keys: Sequence[str], *, as_of: int | None = None) -> Overlap:
    """Count how saved segments overlap, exactly and at one moment, now or an earlier one (microseconds UTC); needs SEE_PERSONS.

    Of two to five every combination, of up to twenty each pair.
    """
    who.need(Permission.SEE_PERSONS)
    if not 2 <= len(set(keys)) == len(keys) <= MOST_PAIRS:
        why = Text(f"要 2 到 {MOST_PAIRS} 个不同的人群", f"2 to {MOST_PAIRS} different segments are needed")
        raise Invalid(field=Text("人群", "segments"), given=", ".join(keys), why=why)
    began = time.perf_counter()
    named = [saved.segment(home, who, key) for key in keys]
    here = saved.answering(home, who, AllOf(tuple(In(key) for key in keys)), as_of)
    sets = [here.fits(In(key)) for key in keys]
    pairs = tuple(tuple(one.both(other) for other in sets) for one in sets)
    whole = profiles.union(sets)
    audit.note(home, who, "overlap", AllOf(tuple(In(key) for key in keys)), *whole.sizes)
    regions = tuple(_regions(sets, whole)) if len(keys) <= MOST_APART else ()
    return Overlap(
        segments=tuple(named),
        pairs=pairs,
        regions=regions,
        outside=here.index.everybody.minus(whole.sizes),
        as_of=clock.from_micros(here.index.made_at or 0),
        batch=here.index.batch,
        took_ms=(time.perf_counter() - began) * 1_000,
    )


def _regions(sets: Sequence[Split], left: Split, inside: tuple[bool, ...] = ()) -> Iterator[Region]:
    """Yield who is in some of the sets and in no other, for every combination; those in most sets come first."""
    if len(inside) == len(sets):
        if any(inside):
            yield Region(inside, left.sizes)
        return
    mine = left & sets[len(inside)]
    yield from _regions(sets, mine, (*inside, True))
    yield from _regions(sets, left - mine, (*inside, False))


def distinguish(
    home: Home,
    who: Who,
    rule: Rule,
    against: Rule | None = None,
    *,
    sample: bool = False,
    most: int = 20,
    as_of: int | None = None,
) -> Distinguished:
    """Rank the nodes of the tag tree by how surely persons who fit are there more often, or more seldom, than others; needs SEE_PERSONS.

    The others are all who do not fit; or those who fit another rule, and then whoever fits both is left out on both sides. Intervals hold all
    together at 95 %, so that of thousands of nodes none stands there by chance. The order is by the difference that is left at the nearer end of its interval.

    Parameters
    ----------
    sample
        True: a large audience is looked at through a sample, and intervals are those of the sample.
    most
        How many, at most 200.
    as_of
        As `api.count` has it.
    """
    who.need(Permission.SEE_PERSONS)
    if not 1 <= most <= _MOST:
        raise Invalid(field="most", given=most, why=Text(f"可用 1 到 {_MOST}", f"1 to {_MOST} are allowed"))
    began = time.perf_counter()
    both = rule if against is None else AllOf((rule, against))
    here = saved.answering(home, who, both, as_of)
    if against is None:
        mine, theirs = here.fits(rule), None
        of_others = here.index.everybody.minus(mine.sizes)
    else:
        mine = here.fits(AllOf((rule, NoneOf((against,)))))
        theirs = here.fits(AllOf((against, NoneOf((rule,)))))
        of_others = theirs.sizes
    found = profiles.portrait(here.index, mine, sample=sample)
    others = None if theirs is None else profiles.portrait(here.index, theirs, sample=sample)
    asked = {term.dimension for term in rules.terms(both) if isinstance(term, Has)}
    asked |= {profiles.HOME for term in rules.terms(both) if isinstance(term, Place)}
    audit.note(home, who, "distinguish", rule, *mine.sizes)
    differences, looked = _ranked(home, here, who, mine.sizes, found.sizes, of_others, others, asked, sample)
    return Distinguished(
        persons=mine.sizes.persons,
        others=of_others.persons,
        in_both=0 if against is None else here.total(both).persons,
        looked_at=looked,
        differences=tuple(_shown(home, who, differences, most)),
        error=max(found.error, 0.0 if others is None else others.error),
        as_of=clock.from_micros(here.index.made_at or 0),
        batch=here.index.batch,
        took_ms=(time.perf_counter() - began) * 1_000,
    )


def _ranked(
    home: Home,
    here: Answer,
    who: Who,
    mine: Sizes,
    found: dict[Name, Sizes],
    of_others: Sizes,
    others: profiles.Counted | None,
    asked: set[str],
    sample: bool,
) -> tuple[list[Difference], int]:
    """Return the differences that are surely there, the largest first, and how many nodes were looked at."""
    if not mine.persons or not of_others.persons:
        return [], 0
    allowed = {dimension.key for dimension in profiles.dimensions(home, who)}
    names = [name for name in profiles.portrayed(here.index) if name[1] in allowed - asked]
    z = intervals.z_of(LEVEL, len(names))
    seen = min(mine.persons, SAMPLE) if sample else mine.persons
    seen_others = min(of_others.persons, SAMPLE) if sample and others is not None else of_others.persons
    ranked = []
    for name in names:
        many = found.get(name, NONE).persons
        rest = (
            max(0, here.index.size(name).persons - many)
            if others is None
            else others.sizes.get(name, NONE).persons
        )
        share, other = min(1.0, many / mine.persons), min(1.0, rest / of_others.persons)
        counts = (share * seen, seen, other * seen_others, seen_others)
        low, high = intervals.newcombe(*counts, z)
        if low <= 0 <= high:
            continue
        odds = intervals.log_odds(*counts)
        ranked.append(
            Difference(name[1], Text("", ""), name[2], Text("", ""), many, share, other, low, high, odds)
        )
    ranked.sort(
        key=lambda one: (-min(abs(one.low), abs(one.high)), one.dimension, is_inner(one.node), one.node)
    )
    return ranked, len(names)


def _shown(home: Home, who: Who, ranked: Sequence[Difference], most: int) -> Iterator[Difference]:
    """Yield the first differences with their names, few of a dimension, and of an inner node and its only node the node alone."""
    taken: dict[str, list[Difference]] = {}
    shown = []
    for one in ranked:
        mine = taken.setdefault(one.dimension, [])
        twin = any((t.share, t.share_others) == (one.share, one.share_others) for t in mine)
        if len(mine) < _A_DIMENSION and not (twin and is_inner(one.node)):
            mine.append(one)
            shown.append(one)
        if len(shown) == most:
            break
    for one in shown:
        dimension = profiles.dimension(home, one.dimension)
        label = profiles.node_labels(home, who, dimension, [one.node])[one.node]
        yield Difference(
            one.dimension, dimension.label, one.node, label,
            one.persons, one.share, one.share_others, one.low, one.high, one.log_odds,
        )  # fmt: skip

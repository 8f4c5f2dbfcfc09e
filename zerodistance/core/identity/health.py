"""How identity is: counts of everybody, taken nightly and kept; what is kept out and why; how right the matcher is by what people decided."""

from __future__ import annotations

import time
from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from zerodistance.core.identity import estimates, kept, reading, releasing, reviewing, rules, store
from zerodistance.core.identity.contracts import VISITORS_FROM
from zerodistance.core.identity.estimates import Estimates
from zerodistance.core.identity.figures import Census, Day, Health, Large
from zerodistance.core.identity.ruling import versions
from zerodistance.core.identity.turns import reading as turns
from zerodistance.core.identity.weighed import Asked
from zerodistance.core.touchpoints.api import overview
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

DAYS = 30
_SMALL = 50_000  # own value: subjects up to which everybody is counted while somebody waits
_SIZES = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, 0))
_LARGEST = 10
_QUARTER = 900_000_000  # microseconds: every time zone is a multiple of it away
_BY_KIND = f"select namespace, person >= {VISITORS_FROM}, count(*) from subject group by 1, 2"
_BY_SIZE = "select size, count(*) from (select count(*) as size from subject where person < ? group by person) as persons group by size"
_LARGE = "select person, count(*) from subject where person < ? group by person having count(*) > 1 order by 2 desc, 1 limit ?"
_STILL = "(last > moves.at or exists (select 1 from subject s where s.person = moves.old_person and s.person_from <= moves.at))"
_MOVES = (
    "with moved as (select old_person, new_person, at, max(at) over (partition by old_person) as last from identity_change "
    f"where at >= ? and old_person < {VISITORS_FROM} and new_person < {VISITORS_FROM}), "
    "moves as (select distinct old_person, new_person, at, last from moved) "
    f"select at / {_QUARTER}, count(distinct case when not {_STILL} then old_person end), count(case when {_STILL} then 1 end) "
    "from moves group by 1"
)


def health(home: Home, who: Who, *, fresh: bool = False) -> Health:
    """Return how identity is.

    Parameters
    ----------
    fresh
        Count everybody now and keep the counts; else those of last night are good enough where there are many.
    """
    who.need(Permission.OPERATE)
    counted = count(home) if fresh else _census(home)
    touched = overview.today(home, who, DAYS)
    with home.state.read() as tx:
        quarantined, total = releasing.quarantined(home, tx)
        return Health(
            census=counted,
            largest=_largest(home, tx),
            touches=touched.came,
            recognised=touched.recognised,
            quarantined=quarantined,
            quarantined_total=total,
            released=releasing.released(home, tx),
            doubts=reviewing.waits(tx, Asked.DOUBT),
            estimates=_estimates(tx, counted),
            rebuilt=_kept(tx, "rebuilt"),
            matched=_kept(tx, "matched"),
        )


def count(home: Home) -> Census:
    """Count everybody, keep the counts and return them."""
    with home.state.read() as tx:
        found = _counted(home, tx)
        largest = [list(row) for row in bulk.rows(tx, _LARGE, (VISITORS_FROM, _LARGEST))]
    with home.state.write() as tx:
        kept.keep_figure(tx, "census", found.at, asdict(found))
        kept.keep_figure(tx, "largest", found.at, largest)
    return found


def _census(home: Home) -> Census:
    """Return the counts: of now in a small home, else those that are kept; where none are, or by another version, they are made."""
    with home.state.read() as tx:
        if store.numbers(tx)["subject"] <= _SMALL:
            return _counted(home, tx)
        said = kept.figure(tx, "census")
    if said is None or said[1].keys() != {one.name for one in fields(Census)}:
        return count(home)
    value = said[1]
    sizes = tuple((low, high, persons) for low, high, persons in value["sizes"])
    days = tuple(Day(**day) for day in value["days"])
    return Census(**value | {"sizes": sizes, "days": days, "waiting": tuple(value["waiting"])})


def _counted(home: Home, tx: Connection) -> Census:
    began, now = time.perf_counter(), clock.now()
    held: dict[str, int] = {}
    anonymous: dict[str, int] = {}
    for rank, visitor, times in bulk.rows(tx, _BY_KIND):
        if rank not in rules.MADE:
            (anonymous if visitor else held)[rules.NAMESPACES[rank].key] = times
    by_size: dict[int, int] = dict(bulk.rows(tx, _BY_SIZE, (VISITORS_FROM,)))
    sizes = tuple(
        (
            low,
            high,
            sum(times for size, times in by_size.items() if size >= low and (not high or size <= high)),
        )
        for low, high in _SIZES
    )
    visitors = bulk.value(tx, f"select count(distinct person) from subject where person >= {VISITORS_FROM}")
    return Census(
        at=clock.to_micros(now),
        persons=sum(by_size.values()),
        visitors=int(visitors),
        held=held,
        anonymous=anonymous,
        in_turn=turns.several(tx),
        sizes=sizes,
        days=_days(home, tx),
        links=int(bulk.value(tx, "select count(*) from identity_match where linked = 1")),
        waiting=_waiting(tx),
        seconds=time.perf_counter() - began,
    )


def _waiting(tx: Connection) -> tuple[int, ...]:
    sql = f"select {_band('m.bits')}, count(*) {store.UNDECIDED} group by 1"
    found: dict[int, int] = dict(bulk.rows(tx, sql))
    return tuple(found.get(band, 0) for band in range(len(estimates.BANDS)))


def _days(home: Home, tx: Connection) -> tuple[Day, ...]:
    zone = home.settings.tz
    today = clock.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    names = [f"{today - timedelta(days=back):%Y-%m-%d}" for back in range(DAYS - 1, -1, -1)]
    merged, split = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    since = clock.to_micros(today - timedelta(days=DAYS - 1))
    for quarter, gone, left in bulk.rows(tx, _MOVES, (since,)):
        day = f"{clock.from_micros(quarter * _QUARTER).astimezone(zone):%Y-%m-%d}"
        merged[day] += gone
        split[day] += left
    return tuple(Day(day, merged[day], split[day]) for day in names)


def _largest(home: Home, tx: Connection) -> tuple[Large, ...]:
    """Return the largest persons as they are now; those that were largest when everybody was counted last, in a large home."""
    listed = kept.figure(tx, "largest")
    if listed is None or store.numbers(tx)["subject"] <= _SMALL:
        numbers = [person for person, _ in bulk.rows(tx, _LARGE, (VISITORS_FROM, _LARGEST))]
    else:
        numbers = [person for person, _ in listed[1]]
    out = []
    for number in numbers:
        members = store.members(tx, number)
        if members:
            strongest = min(members, key=lambda m: (m[1], m[0]))
            (shown,) = reading.identifiers(home, tx, [strongest])
            out.append(Large(home.seal.public_id("p", members[0][0]), len(members), shown.masked))
    return tuple(sorted(out, key=lambda one: -one.subjects))


def _estimates(tx: Connection, counted: Census) -> Estimates:
    said = {
        (asked, band, verdict): times
        for asked, band, verdict, times in bulk.rows(
            tx,
            f"select d.asked, {_band('d.bits')}, d.verdict, count(*) from identity_decision d where d.asked <> 'hand' "
            "and d.bits is not null and d.withdrawn_at is null and not exists (select 1 from identity_decision l where l.a = d.a "
            "and l.b = d.b and l.withdrawn_at is null and l.number > d.number) group by 1, 2, 3",
        )
    }
    _, by = versions.in_force(tx)
    least = estimates.least_of(by.doubt)
    return estimates.estimates(counted.links, dict(enumerate(counted.waiting)), said, least)


def _band(column: str) -> str:
    least = [(n, round(estimates.bits_from(n) * 1e6)) for n in range(len(estimates.BANDS) - 1)]
    cases = " ".join(f"when {column} >= {bits} then {n}" for n, bits in least)
    return f"case {cases} else {len(estimates.BANDS) - 1} end"


def _kept(tx: Connection, key: str) -> dict[str, Any] | None:
    found = kept.figure(tx, key)
    return None if found is None else {"at": found[0], **found[1]}

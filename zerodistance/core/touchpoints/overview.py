"""What came in, hour by hour and source by source: the figures of the page *Today*.

Every figure is a sum of `source_hour`, which a commit writes together with the touches it counts; hours are those of acceptance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles

from sqlalchemy import Connection, RowMapping, func, select

from zerodistance.core.brand import api as brand
from zerodistance.core.touchpoints import store
from zerodistance.core.touchpoints.limits import COUNTERS
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

HOUR = 3_600 * clock.MICROS_PER_SECOND
USUAL_DAYS = 28  # own value: days before today that say what is usual
USUAL_LEAST = 7  # own value: with fewer of them nothing is called usual
WEEK = 7
_DRAWN = ("accepted", "recognised", "refused")
ON_TIME, LATE, WAITING, OFF, BY_FILE = "on_time", "late", "waiting", "off", "by_file"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Sums of the hour or day under way, so far; `start` is when it began, microseconds UTC."""

    start: int
    came: int
    recognised: int
    refused: int


@dataclass(frozen=True, slots=True)
class Buckets:
    """Sums per hour or per day, oldest first; the bucket under way stands apart.

    Attributes
    ----------
    starts
        When each begins, microseconds UTC.
    low, high
        The usual range: the middle 80 % of the same hour over the last 28 days; empty with fewer than 7 of them.
    """

    starts: tuple[int, ...]
    came: tuple[int, ...]
    recognised: tuple[int, ...]
    refused: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    under_way: UnderWay


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """One source over the period.

    Attributes
    ----------
    state
        `on_time`, `late`, `waiting` (has never sent), `off`, or `by_file` (imports; never late).
    late_seconds
        How long it has been silent beyond what is expected; None unless late.
    week
        Touches per day of the last seven days, today last.
    limited
        Requests answered 429 because the source was over its own limit.
    """

    number: int
    key: str
    name: Text
    kind: str
    unit: str | None
    state: str
    late_seconds: int | None
    last_at: int | None
    came: int
    recognised: int
    refused: int
    duplicates: int
    limited: int
    week: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refusals:
    """Rows of one source refused for one reason, and neither replayed nor dismissed yet."""

    source: int
    source_name: Text
    reason: str
    count: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of a period of whole days that ends now.

    Attributes
    ----------
    usual_came
        What came in by this time on a usual day (median of the last 28), or in the period before; None if not known.
    """

    days: int
    since: int
    as_of: int
    came: int
    recognised: int
    refused: int
    duplicates: int
    usual_came: float | None
    buckets: Buckets
    sources: tuple[SourceFigures, ...]
    refusals: tuple[Refusals, ...]
    last_batch: int
    last_commit_at: int | None


def today(home: Home, who: Who, days: int = 1) -> Overview:
    """Return what came in over the last `days` days, today included, for the units that this account sees."""
    zone, now = home.settings.tz, clock.micros()
    midnight = clock.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    since = clock.to_micros(midnight - timedelta(days=days - 1))
    earlier = clock.to_micros(midnight - timedelta(days=max(USUAL_DAYS, 2 * days)))
    with home.state.read() as tx:
        sources = _visible(tx, home, who)
        numbers = [row["number"] for row in sources]
        hours = _by_hour(tx, numbers, earlier)
        per_source = _by_source(tx, numbers, since)
        week = _week(tx, numbers, midnight)
        last = {
            row[0]: row[1]
            for row in tx.execute(select(store.source_last.c.source, store.source_last.c.received_at))
        }
        refusals = _refusals(tx, sources)
        imported = set(tx.execute(select(store.import_job.c.source).distinct()).scalars())
        newest = (
            tx.execute(select(store.batch).order_by(store.batch.c.number.desc()).limit(1)).mappings().first()
        )
    figures = tuple(
        _figures(
            row,
            per_source,
            week,
            _state(row, last.get(row["number"]), now, imported),
            last.get(row["number"]),
        )
        for row in sources
    )
    total = {
        c: sum(v for h, v in hours[c].items() if h >= since)
        for c in ("accepted", "recognised", "refused", "duplicates")
    }
    return Overview(
        days=days,
        since=since,
        as_of=now,
        came=total["accepted"],
        recognised=total["recognised"],
        refused=total["refused"],
        duplicates=total["duplicates"],
        usual_came=_usual_total(hours["accepted"], midnight, days, now),
        buckets=_hourly(hours, midnight, now) if days == 1 else _daily(hours, midnight, days),
        sources=tuple(sorted(figures, key=lambda s: (-s.came, s.number))),
        refusals=refusals,
        last_batch=newest["number"] if newest else 0,
        last_commit_at=newest["committed_at"] if newest else None,
    )


def _visible(tx: Connection, home: Home, who: Who) -> list[RowMapping]:
    rows = tx.execute(select(store.source).order_by(store.source.c.number)).mappings().all()
    if not who.units:
        return list(rows)
    seen = {unit.key for unit in brand.units(home, who)}
    return [row for row in rows if row["unit"] is None or row["unit"] in seen]


def _by_hour(tx: Connection, numbers: Sequence[int], since: int) -> dict[str, dict[int, int]]:
    t = store.source_hour
    query = select(t.c.counter, t.c.hour, func.sum(t.c.value)).where(
        t.c.hour >= since, t.c.source.in_(numbers)
    )
    out: dict[str, dict[int, int]] = defaultdict(dict)
    for counter, hour, value in tx.execute(query.group_by(t.c.counter, t.c.hour)):
        out[counter][hour] = value
    return out


def _by_source(tx: Connection, numbers: Sequence[int], since: int) -> dict[tuple[int, str], int]:
    t = store.source_hour
    query = select(t.c.source, t.c.counter, func.sum(t.c.value)).where(
        t.c.hour >= since, t.c.source.in_(numbers)
    )
    return {(s, c): v for s, c, v in tx.execute(query.group_by(t.c.source, t.c.counter))}


def _week(tx: Connection, numbers: Sequence[int], midnight: datetime) -> dict[int, list[int]]:
    t = store.source_hour
    starts = [clock.to_micros(midnight - timedelta(days=WEEK - 1 - i)) for i in range(WEEK)]
    query = select(t.c.source, t.c.hour, t.c.value).where(
        t.c.hour >= starts[0], t.c.counter == "accepted", t.c.source.in_(numbers)
    )
    out: dict[int, list[int]] = {}
    for source, hour, value in tx.execute(query):
        days = out.setdefault(source, [0] * WEEK)
        days[sum(hour >= start for start in starts) - 1] += value
    return out


def _refusals(tx: Connection, sources: Sequence[RowMapping]) -> tuple[Refusals, ...]:
    t = store.quarantine
    names = {row["number"]: Text(row["name_zh"], row["name_en"]) for row in sources}
    query = select(t.c.source, t.c.reason, func.count(), func.max(t.c.at)).where(
        t.c.replayed_at.is_(None), t.c.dismissed_at.is_(None)
    )
    rows = tx.execute(query.group_by(t.c.source, t.c.reason).order_by(func.count().desc()))
    return tuple(Refusals(s, names[s], reason, count, at) for s, reason, count, at in rows if s in names)


def _figures(
    row: RowMapping,
    sums: dict[tuple[int, str], int],
    week: dict[int, list[int]],
    state: tuple[str, int | None],
    last: int | None,
) -> SourceFigures:
    number = row["number"]
    return SourceFigures(
        number=number,
        key=row["key"],
        name=Text(row["name_zh"], row["name_en"]),
        kind=row["kind"],
        unit=row["unit"],
        state=state[0],
        late_seconds=state[1],
        last_at=last,
        came=sums.get((number, "accepted"), 0),
        recognised=sums.get((number, "recognised"), 0),
        refused=sums.get((number, "refused"), 0),
        duplicates=sums.get((number, "duplicates"), 0),
        limited=sum(sums.get((number, counter), 0) for counter in COUNTERS.values()),
        week=tuple(week.get(number, [0] * WEEK)),
    )


def _state(row: RowMapping, last: int | None, now: int, imported: set[int]) -> tuple[str, int | None]:
    """Return the state of a source, and for how many seconds it has been silent.

    One that files are imported for and that has no limit is fed by file, whatever its kind: nothing says when the next is due.
    """
    if row["off_at"] is not None:
        return OFF, None
    if row["kind"] == "import" or (row["fresh_seconds"] is None and row["number"] in imported):
        return BY_FILE, None
    if last is None:
        return WAITING, None
    silent = (now - last) // clock.MICROS_PER_SECOND
    if row["fresh_seconds"] is not None and silent > row["fresh_seconds"]:
        return LATE, silent
    return ON_TIME, None


def _usual_total(came: dict[int, int], midnight: datetime, days: int, now: int) -> float | None:
    start, oldest = clock.to_micros(midnight), min(came, default=now)
    if days > 1:
        first = clock.to_micros(midnight - timedelta(days=days - 1))
        before = first - (now - first)
        return (
            float(sum(v for h, v in came.items() if before <= h < first)) if oldest <= before + HOUR else None
        )
    totals = []
    for back in range(1, USUAL_DAYS + 1):
        day = start - back * clock.MICROS_PER_DAY
        if day >= oldest - oldest % clock.MICROS_PER_DAY:
            totals.append(sum(v for h, v in came.items() if day <= h < day + (now - start)))
    return float(sorted(totals)[len(totals) // 2]) if len(totals) >= USUAL_LEAST else None


def _hourly(hours: dict[str, dict[int, int]], midnight: datetime, now: int) -> Buckets:
    start = clock.to_micros(midnight)
    starts = tuple(range(start, now - HOUR + 1, HOUR))
    this = start + len(starts) * HOUR
    came = hours["accepted"]
    oldest = min(came, default=now)
    ranges = [
        _range([came.get(s - d * clock.MICROS_PER_DAY, 0) for d in _days_known(s, oldest)]) for s in starts
    ]
    known = bool(ranges) and all(r is not None for r in ranges)
    return Buckets(
        starts=starts,
        came=tuple(came.get(s, 0) for s in starts),
        recognised=tuple(hours["recognised"].get(s, 0) for s in starts),
        refused=tuple(hours["refused"].get(s, 0) for s in starts),
        low=tuple(r[0] for r in ranges if r) if known else (),
        high=tuple(r[1] for r in ranges if r) if known else (),
        under_way=UnderWay(this, *(_since(hours[counter], this) for counter in _DRAWN)),
    )


def _since(values: dict[int, int], start: int) -> int:
    return sum(value for hour, value in values.items() if hour >= start)


def _days_known(start: int, oldest: int) -> range:
    return range(1, min(USUAL_DAYS, (start - oldest) // clock.MICROS_PER_DAY) + 1)


def _range(values: Sequence[int]) -> tuple[float, float] | None:
    if len(values) < USUAL_LEAST:
        return None
    tenths = quantiles(values, n=10, method="inclusive")
    return tenths[0], tenths[-1]


def _daily(hours: dict[str, dict[int, int]], midnight: datetime, days: int) -> Buckets:
    starts = tuple(clock.to_micros(midnight - timedelta(days=days - 1 - i)) for i in range(days))
    sums: list[list[int]] = []
    for counter in _DRAWN:
        per_day = [0] * days
        for hour, value in hours[counter].items():
            if hour >= starts[0]:
                per_day[sum(hour >= s for s in starts) - 1] += value
        sums.append(per_day)
    came, recognised, refused = (tuple(per_day[:-1]) for per_day in sums)
    today = UnderWay(starts[-1], *(per_day[-1] for per_day in sums))
    return Buckets(starts[:-1], came, recognised, refused, (), (), today)


def source_names(home: Home, who: Who) -> dict[int, Text]:
    """Return number -> name of the sources that this account sees, those switched off too."""
    with home.state.read() as tx:
        return {row["number"]: Text(row["name_zh"], row["name_en"]) for row in _visible(tx, home, who)}


def last_at(home: Home, source: int) -> int | None:
    """Return when a source last sent, None for never; cheap enough to be asked every second."""
    t = store.source_last
    with home.state.read() as tx:
        at: int | None = tx.execute(select(t.c.received_at).where(t.c.source == source)).scalar()
    return at

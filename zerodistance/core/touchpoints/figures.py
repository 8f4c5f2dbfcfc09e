"""What touchpoints says of itself: how much waits, where the touches are, how fresh the sources are. Times in microseconds UTC."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select

from zerodistance.core.touchpoints import journal, overview, sources, store, tail
from zerodistance.core.touchpoints.rules import COUNTERS
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

_LAST = 5  # own value: batches and imports shown


def stores(home: Home, who: Who) -> dict[str, Any]:
    """Return sections of figures that a program asks for again and again: journal, lake, quarantine, imports, import_rows."""
    who.need(Permission.OPERATE)
    with home.state.read() as tx:
        j = store.import_job
        refused = tx.execute(_refused()).all()
        imports = tx.execute(select(j.c.state, func.count().label("jobs")).group_by(j.c.state)).all()
        under_way = tx.execute(
            select(func.coalesce(func.sum(j.c.accepted + j.c.duplicates + j.c.refused), 0)).where(
                j.c.state.in_(("waiting", "running"))
            )
        ).scalar_one()
    return {
        "journal": _journal(home),
        "lake": {"touches": home.lake.count(tail.TABLE), "files": len(home.lake.files(tail.TABLE))},
        "quarantine": {row.reason: row.rows for row in refused},
        "imports": {row.state: row.jobs for row in imports},
        "import_rows": int(under_way),
    }


def _refused() -> Select[tuple[str, int]]:
    q = store.quarantine
    return (
        select(q.c.reason, func.count().label("rows")).where(q.c.replayed_at.is_(None)).group_by(q.c.reason)
    )


def _journal(home: Home) -> dict[str, Any]:
    read = journal.Journal.of(home)
    try:
        waiting, size = read.waiting(journal.position(home)), read.size()
    finally:
        read.close()
    return {
        "rows": waiting.rows,
        "events": waiting.events,
        "oldest_at": waiting.oldest_at,
        "bytes": size,
    }


def figures(home: Home, who: Who) -> dict[str, Any]:
    """Return sections of figures: batches, journal, tail, lake, deduplication, sources, quarantine, imports, forgetting."""
    who.need(Permission.OPERATE)
    today = overview.today(home, who)
    with home.state.read() as tx:
        b, j = store.batch, store.import_job
        batches = tx.execute(select(b).order_by(b.c.number.desc()).limit(_LAST)).mappings().all()
        total = tx.execute(select(func.coalesce(func.sum(b.c.touches), 0))).scalar_one()
        files = tail.listed(tx)
        seen = tx.execute(
            select(func.coalesce(func.sum(store.seen.c.count), 0), func.min(store.seen.c.at))
        ).one()
        refused = tx.execute(_refused()).all()
        imports = tx.execute(select(j).order_by(j.c.number.desc()).limit(_LAST)).mappings().all()
        forgets = tx.execute(
            select(func.count()).where(store.forget_request.c.done_at.is_(None))
        ).scalar_one()
    return {
        "batches": {"touches": total, "last": [_batch(row) for row in batches]},
        "journal": _journal(home),
        "tail": {
            "files": len(files),
            "touches": sum(f.touches for f in files),
            "bytes": sum(f.bytes for f in files),
            "oldest_at": files[0].committed_at if files else None,
        },
        "lake": {
            "touches": home.lake.count(tail.TABLE),
            "files": len(home.lake.files(tail.TABLE)),
            "batch": home.lake.held(tail.TABLE, tail.APP),
        },
        "deduplication": {
            "ids": seen[0],
            "capacity": home.settings.dedup_ids,
            "since_at": seen[1],
            "days_wanted": home.settings.dedup_days,
        },
        "sources": [
            {
                "key": s.key,
                "kind": s.kind,
                "state": s.state,
                "last_at": s.last_at,
                "late_seconds": s.late_seconds,
                "today": {
                    "came": s.came,
                    "recognised": s.recognised,
                    "duplicates": s.duplicates,
                    "refused": s.refused,
                },
            }
            for s in today.sources
        ],
        "quarantine": {row.reason: row.rows for row in refused},
        "imports": [
            {
                name: row[name]
                for name in (
                    "number",
                    "file_name",
                    "state",
                    "rows",
                    "accepted",
                    "duplicates",
                    "refused",
                    "error",
                )
            }
            for row in imports
        ],
        "forgetting": {"waiting": forgets},
    }


def door_today(home: Home, who: Who, key: str) -> dict[str, int]:
    """Return what the door counted of a source since midnight: counter, see `rules.COUNTERS`, -> number; 0 is left out."""
    number = sources.get_source(home, who, key).number
    now = clock.now().astimezone(home.settings.tz)
    since = clock.to_micros(now.replace(hour=0, minute=0, second=0, microsecond=0))
    t = store.source_hour
    query = select(t.c.counter, func.sum(t.c.value)).where(t.c.source == number, t.c.hour >= since)
    with home.state.read() as tx:
        found = tx.execute(query.group_by(t.c.counter)).all()
    counted = {counter: int(value) for counter, value in found}
    return {name: counted[name] for name in COUNTERS if counted.get(name)}


def _batch(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("number", "feed", "position", "touches", "committed_at")}

"""Undoing an import: a request is kept durably, carried out by the worker through every store, and reported.

Afterwards everything is as if the import had never been taken in, whatever came later: what had been dropped as a repeat of one of
its rows comes back. What it had been taken for stays on
record: the job, what its batches held, and who undid it, why and when. Each step may be run again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from zerodistance.core.touchpoints import book, import_jobs, ledger, repeats, staging, store, tail
from zerodistance.kernel import clock, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

UNDONE = "undone"
"""Counter of a source and hour: touches that an undo took back in that hour; what was counted as taken in stays."""
_CHUNK = 500


class ImportOpen(ZeroDistanceError):
    """An import that is still being taken in can't be undone."""

    code, status = "import_open", 409
    text = Text(
        "导入 {number} 还没有结束；先停止它：zerodistance import stop {number}",
        "import {number} has not ended; stop it first: zerodistance import stop {number}",
    )


class ImportUndone(ZeroDistanceError):
    """An import can be undone once, until its file is imported again."""

    code, status = "import_undone", 409
    text = Text(
        "导入 {number} 已由 {who} 于 {at} 撤销；同一文件可以重新导入",
        "import {number} was undone by {who} at {at}; the same file may be imported again",
    )


class ImportMixed(ZeroDistanceError):
    """An import of an earlier version of the program can't be told apart from the rest."""

    code, status = "import_mixed", 409
    text = Text(
        "导入 {number} 由旧版本处理，它带来的身份证据与其他来源混在一起，无法单独撤销；可以恢复导入前的备份，或用 forget 逐个删除",
        "import {number} was taken in by an earlier version, whose evidence of who is who is not kept apart; it can't be undone "
        "by itself: restore a backup from before it, or remove persons with forget",
    )


@dataclass(frozen=True)
class Undoing:
    """What the rooms above do when an import is undone; each gets home, number of the import, and its batches.

    Attributes
    ----------
    counts
        Room -> what it will remove, asked once before anything goes.
    steps
        Name -> step, in this order; each may be run again.
    """

    counts: Mapping[str, Callable[[Home, int, Sequence[int]], Mapping[str, int]]]
    steps: Mapping[str, Callable[[Home, int, Sequence[int]], None]]


@dataclass(frozen=True)
class Undo:
    """A wish to undo an import, and the report once it is done. Times in microseconds UTC."""

    id: int
    number: int
    purpose: str
    asked_by: str
    asked_at: int
    done_at: int | None
    report: dict[str, Any] | None


def undo_import(home: Home, who: Who, number: int, purpose: str) -> Undo:
    """Ask for a whole import to be undone; the worker does it at its next step. Asking again while it waits changes nothing.

    Parameters
    ----------
    number
        The number of the import.
    purpose
        Why; it stands in the report.

    Raises
    ------
    Forbidden
        The account may not both import and operate.
    Invalid
        No purpose is given.
    NotFound
        There is no import with this number at a source that the account sees.
    ImportOpen
        It is still being taken in.
    ImportUndone
        It was undone before.
    ImportMixed
        An earlier version of the program took it in.
    """
    who.need(Permission.IMPORT)
    who.need(Permission.OPERATE)
    if not purpose.strip():
        why = Text("说明为什么撤销，会写进报告", "say why it is undone; it stands in the report")
        raise Invalid(field="purpose", given=purpose, why=why)
    job = import_jobs.get(home, who, number)
    u, j = store.undo_request, store.import_job
    with home.state.write() as tx:
        state = tx.execute(select(j.c.state).where(j.c.number == number)).scalar_one()
        latest = _latest(tx, number)
        if state == "undoing" and latest is not None:
            return latest
        if state == "undone" and latest is not None:
            raise ImportUndone(
                number=number, who=latest.asked_by, at=_moment(latest.done_at or latest.asked_at)
            )
        if state in import_jobs.OPEN:
            raise ImportOpen(number=number)
        if tx.execute(_mixed(job.feed)).first() is not None:
            raise ImportMixed(number=number)
        row = {
            "import_job": number,
            "purpose": purpose.strip(),
            "asked_by": who.name,
            "asked_at": clock.micros(),
        }
        tx.execute(insert(u).values(**row))
        tx.execute(update(j).where(j.c.number == number).values(state="undoing"))
        asked = _latest(tx, number)
    assert asked is not None
    log("imports").warning("undo_asked", number=number, who=who.name)
    return asked


def undo_of(home: Home, who: Who, number: int) -> Undo | None:
    """Return the newest wish to undo an import, with its report once it is done; None: nobody asked."""
    import_jobs.get(home, who, number)
    with home.state.read() as tx:
        return _latest(tx, number)


def _mixed(feed: str) -> Any:
    b = store.batch
    return select(b.c.number).where(b.c.feed == feed, b.c.origin == 0).limit(1)


def _moment(at: int) -> str:
    return clock.from_micros(at).isoformat(timespec="seconds")


def _latest(tx: Connection, number: int) -> Undo | None:
    u = store.undo_request
    query = select(u).where(u.c.import_job == number).order_by(u.c.id.desc()).limit(1)
    row = tx.execute(query).mappings().first()
    return None if row is None else _undo(row)


def _undo(row: Any) -> Undo:
    report = json.loads(row["report"]) if row["report"] else None
    return Undo(
        row["id"], row["import_job"], row["purpose"], row["asked_by"], row["asked_at"], row["done_at"], report
    )


def waiting(home: Home) -> list[Undo]:
    """Return the wishes that are not done, oldest first."""
    u = store.undo_request
    with home.state.read() as tx:
        rows = tx.execute(select(u).where(u.c.done_at.is_(None)).order_by(u.c.id)).mappings().all()
    return [_undo(row) for row in rows]


def undone_touches(tx: Connection) -> tuple[int, int]:
    """Return how many committed touches were undone, and how many more may be gone of undoings under way."""
    u = store.undo_request
    done = tx.execute(select(func.sum(u.c.touches)).where(u.c.done_at.is_not(None))).scalar()
    under_way = tx.execute(select(func.sum(u.c.touches)).where(u.c.done_at.is_(None))).scalar()
    return done or 0, under_way or 0


# -- the worker


def carry_out(home: Home, asked: Undo, rooms: Undoing) -> None:
    """Undo an import in every store. The worker calls it with the tail in the lake, digestion and sealing at rest."""
    number, b = asked.number, store.batch
    with home.state.read() as tx:
        batches = list(tx.execute(select(b.c.number).where(b.c.origin == number)).scalars())
    counted = _count(home, asked, batches, rooms)
    fault.point("undo.counted")
    for some in _chunks(batches):
        home.lake.delete_where(tail.TABLE, f"batch in ({', '.join(map(str, some))})")
        book.let_go(home)
    fault.point("undo.touches")
    _remove(home, number, batches)
    staging.drop(home, number)
    for name, step in rooms.steps.items():
        fault.point("undo." + name)
        step(home, number, batches)
    _finish(home, asked, counted)
    home.state.scrub([t.name for t in (store.quarantine, store.sealed_text, store.set_aside)])
    log("imports").warning("undone", number=number, touches=counted["touches"])


def _chunks(batches: Sequence[int]) -> Iterable[Sequence[int]]:
    for start in range(0, len(batches), _CHUNK):
        yield batches[start : start + _CHUNK]


def _count(home: Home, asked: Undo, batches: Sequence[int], rooms: Undoing) -> dict[str, Any]:
    """Write down, once, what will go: it must stay accountable wherever we are interrupted."""
    u = store.undo_request
    with home.state.read() as tx:
        known = tx.execute(select(u.c.counted).where(u.c.id == asked.id)).scalar()
    if known is not None:
        return dict(json.loads(known))
    coming = repeats.mark(home, asked.id, asked.number, batches)
    counted: dict[str, Any] = {"returned": coming, "touches": 0, "received_at": None, "happened_at": None}
    removed = {"touches": 0, "texts": 0, "fingerprints": 0, "quarantine": 0}
    for some in _chunks(batches):
        _add(counted, _touches(home, "batch in (select unnest($some))", {"some": list(some)}))
        with home.state.read() as tx:
            texts, seen = store.sealed_text.c.batch, store.seen
            removed["texts"] += tx.execute(select(func.count()).where(texts.in_(some))).scalar_one()
            prints = select(func.coalesce(func.sum(seen.c.count), 0)).where(seen.c.batch.in_(some))
            removed["fingerprints"] += int(tx.execute(prints).scalar_one())
    with home.state.read() as tx:
        b, q = store.batch, store.quarantine
        theirs = q.c.batch.in_(select(b.c.number).where(b.c.origin == asked.number))
        refused = select(func.count()).where(or_(q.c.feed == f"import:{asked.number}", theirs))
        removed["quarantine"] = tx.execute(refused).scalar_one()
    removed["touches"] = counted["touches"]
    for room, count in rooms.counts.items():
        removed |= {f"{room}.{what}": n for what, n in count(home, asked.number, batches).items()}
    counted["removed"] = removed
    with home.state.write() as tx:
        values = {"touches": counted["touches"], "counted": json.dumps(counted)}
        tx.execute(update(u).where(u.c.id == asked.id).values(**values))
    return counted


def _touches(home: Home, where: str, bound: dict[str, Any]) -> tuple[int, int | None, int | None]:
    """Return how many touches a condition of this module meets, and their latest received_at and happened_at."""
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        row = connection.execute(
            f"select count(*), epoch_us(max(received_at)), epoch_us(max(happened_at)) from touches where {where}",
            bound,
        ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _add(counted: dict[str, Any], found: tuple[int, int | None, int | None]) -> None:
    counted["touches"] += found[0]
    for name, at in (("received_at", found[1]), ("happened_at", found[2])):
        counted[name] = max((t for t in (counted[name], at) if t is not None), default=None)


def _remove(home: Home, number: int, batches: Sequence[int]) -> None:
    """Remove what the state store keeps of the import's rows, so that the same file may come again."""
    feed = f"import:{number}"
    for some in _chunks(batches):
        with home.state.write() as tx:
            for table in (store.sealed_text, store.seen, store.quarantine):
                tx.execute(delete(table).where(table.c.batch.in_(some)))
    with home.state.write() as tx:
        tx.execute(delete(store.quarantine).where(store.quarantine.c.feed == feed))
        tx.execute(delete(store.feed).where(store.feed.c.name == feed))
        tx.execute(delete(store.set_aside).where(store.set_aside.c.origin == number))
        fault.point("undo.state")


def _finish(home: Home, asked: Undo, counted: Mapping[str, Any]) -> None:
    """Say that it is done, with the report, in one transaction."""
    job = import_jobs.load(home, asked.number)
    left = _touches(home, "source = $source", {"source": job.source})
    now = clock.micros()
    report = {
        "import": job.number,
        "file": job.file_name,
        "file_hash": job.file_hash,
        "source": job.source_key,
        "created_by": job.created_by,
        "taken": {"accepted": job.accepted, "duplicates": job.duplicates, "refused": job.refused},
        "purpose": asked.purpose,
        "asked_by": asked.asked_by,
        "asked_at": _moment(asked.asked_at),
        "done_at": _moment(now),
        "removed": counted["removed"],
        "returned": counted["returned"],
        "backups": "copies of the home folder made before done_at are not reached",
    }
    fault.point("undo.finish")
    with home.state.write() as tx:
        u, j = store.undo_request, store.import_job
        _last_seen(tx, job.source, counted, left)
        if counted["touches"]:
            ledger.count(tx, {(job.source, UNDONE): counted["touches"]}, now)
        tx.execute(update(j).where(j.c.number == asked.number).values(state="undone", staged=False))
        done = {"done_at": now, "report": json.dumps(report, ensure_ascii=False)}
        tx.execute(update(u).where(u.c.id == asked.id).values(**done))


def _last_seen(
    tx: Connection, source: int, counted: Mapping[str, Any], left: tuple[int, int | None, int | None]
) -> None:
    """Put back when the source last sent something, where it was the import that said so."""
    t = store.source_last
    row = tx.execute(select(t).where(t.c.source == source)).mappings().first()
    if row is None or counted["received_at"] is None:
        return
    if left[1] is None or left[2] is None:
        tx.execute(delete(t).where(t.c.source == source))
        return
    now = {"received_at": left[1], "happened_at": left[2]}
    fresh = {name: at for name, at in now.items() if row[name] == counted[name]}
    if fresh:
        tx.execute(update(t).where(t.c.source == source).values(**fresh))

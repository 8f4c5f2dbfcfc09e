"""The rows that one commit writes into the state store for touchpoints: counters, quarantine, texts, tail, position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, func, insert, select, update

from zerodistance.core.touchpoints import kept, repeats, store
from zerodistance.core.touchpoints.contracts import Batch, Refused
from zerodistance.core.touchpoints.details import field_of
from zerodistance.kernel import clock
from zerodistance.kernel.seal import Seal
from zerodistance.kernel.state import greatest, upsert

HOUR = 3_600_000_000
MOST_REASONS = 100  # own value: reasons kept of one schema; the rest is counted as one
TEXT = b"text"


@dataclass(frozen=True)
class Commit:
    """One committed micro-batch."""

    number: int
    feed: str
    position: int
    touches: int
    committed_at: int


def last_batch(tx: Connection) -> int:
    """Return the number of the last committed batch, 0 if none."""
    return tx.execute(select(func.max(store.batch.c.number))).scalar() or 0


def position(tx: Connection, feed: str) -> int:
    """Return how far a feed is committed."""
    return tx.execute(select(store.feed.c.position).where(store.feed.c.name == feed)).scalar() or 0


def write(
    tx: Connection,
    seal: Seal,
    number: int,
    batch: Batch,
    subjects: npt.NDArray[np.int64],
    prints: npt.NDArray[np.uint64],
    file: tuple[str, int] | None,
) -> None:
    """Write everything of one batch but its evidence; the caller's transaction commits it."""
    now = clock.micros()
    n = batch.touches.num_rows
    oldest = pc.min(batch.touches["received_at"]).cast("int64").as_py() if n else None
    tx.execute(
        insert(store.batch).values(
            number=number,
            feed=batch.feed,
            position=batch.position,
            touches=n,
            committed_at=now,
            oldest_received_at=oldest,
            origin=batch.origin,
        )
    )
    move = upsert(store.feed).values(name=batch.feed, position=batch.position, moved_at=now)
    tx.execute(
        move.on_conflict_do_update(
            index_elements=["name"], set_={"position": batch.position, "moved_at": now}
        )
    )
    if file is not None:
        tx.execute(
            insert(store.tail).values(batch=number, file=file[0], touches=n, bytes=file[1], committed_at=now)
        )
    if len(prints):
        tx.execute(
            insert(store.seen).values(
                batch=number, at=now, count=len(prints), fingerprints=prints.astype("<u8").tobytes()
            )
        )
    if batch.refused:
        tx.execute(
            insert(store.quarantine),
            [_kept(seal, number, batch.feed, r) for r in kept.bundled(batch.refused)],
        )
    if batch.replayed:
        tx.execute(
            update(store.quarantine).where(store.quarantine.c.id.in_(batch.replayed)).values(replayed_at=now)
        )
    texts: dict[int, bytes] = {}
    for row, raw in batch.texts:
        texts[row] = texts[row] + b"\n" + raw if row in texts else raw
    if texts:
        tx.execute(
            insert(store.sealed_text),
            [
                {
                    "batch": number,
                    "row": row,
                    "subject": int(subjects[row]) or None,
                    "at": now,
                    "raw": seal.seal(raw, TEXT),
                }
                for row, raw in texts.items()
            ],
        )
    repeats.write(tx, seal, number, batch)
    if batch.said:
        tx.execute(delete(store.own_touch).where(store.own_touch.c.number.in_(batch.said)))
    count(tx, batch.counts, now)
    _breaches(tx, batch.breaches, now)
    _import(tx, batch)
    _last(tx, batch)


def _kept(seal: Seal, number: int, feed: str, refused: Refused) -> dict[str, object]:
    raw, detail = kept.seal(seal, refused)
    return {
        "source": refused.source, "batch": number, "feed": refused.feed or feed, "place": refused.place,
        "reason": refused.reason, "detail": detail, "raw": raw, "at": refused.at, "field": field_of(detail),
    }  # fmt: skip


def count(tx: Connection, counts: Mapping[tuple[int, str], int], now: int) -> None:
    """Add to the counters of sources in the hour of now."""
    hour = now - now % HOUR
    rows = [{"source": s, "hour": hour, "counter": c, "value": v} for (s, c), v in counts.items() if v]
    if rows:
        more = upsert(store.source_hour)
        tx.execute(
            more.on_conflict_do_update(
                index_elements=["source", "hour", "counter"],
                set_={"value": store.source_hour.c.value + more.excluded.value},
            ),
            rows,
        )


def _breaches(tx: Connection, breaches: Counter[tuple[int, str, str, str]], now: int) -> None:
    """Add up how schemas were broken. A schema keeps so many reasons and no more: names may come from the events."""
    if not breaches:
        return
    b = store.schema_breach
    concerned = sorted({source for source, *_ in breaches})
    query = select(b.c.source, b.c.type, b.c.name, b.c.reason).where(b.c.source.in_(concerned))
    known = {(r.source, r.type, r.name, r.reason) for r in tx.execute(query)}
    kept = Counter((source, type_, name) for source, type_, name, _ in known)
    sums: Counter[tuple[int, str, str, str]] = Counter()
    for key, n in breaches.most_common():
        at = key[:3]
        if key not in known and kept[at] >= MOST_REASONS:
            key = (*at, "…")
        elif key not in known:
            known.add(key)
            kept[at] += 1
        sums[key] += n
    more = upsert(b)
    tx.execute(
        more.on_conflict_do_update(
            index_elements=["source", "type", "name", "reason"],
            set_={"count": b.c.count + more.excluded.count, "last_at": more.excluded.last_at},
        ),
        [
            {"source": s, "type": t, "name": n, "reason": r, "count": c, "first_at": now, "last_at": now}
            for (s, t, n, r), c in sums.items()
        ],
    )


def _import(tx: Connection, batch: Batch) -> None:
    kind, _, number = batch.feed.partition(":")
    if kind == repeats.FEED and batch.origin:  # what had been a repeat is the first of its kind now
        n, job = batch.touches.num_rows, store.import_job
        moved = {"accepted": job.c.accepted + n, "duplicates": job.c.duplicates - n}
        tx.execute(update(job).where(job.c.number == batch.origin).values(moved))
    if kind != "import":
        return
    job = store.import_job
    sums = {
        name: sum(n for (_, counter), n in batch.counts.items() if counter == name)
        for name in ("accepted", "duplicates", "refused")
    }
    tx.execute(
        update(job)
        .where(job.c.number == int(number))
        .values({name: job.c[name] + n for name, n in sums.items()})
    )


def _last(tx: Connection, batch: Batch) -> None:
    if not batch.touches.num_rows:
        return
    newest = batch.touches.group_by("source").aggregate([("received_at", "max"), ("happened_at", "max")])
    rows = [
        {"source": s, "received_at": r, "happened_at": h}
        for s, r, h in zip(
            newest["source"].to_pylist(),
            newest["received_at_max"].cast("int64").to_pylist(),
            newest["happened_at_max"].cast("int64").to_pylist(),
            strict=True,
        )
    ]
    later = upsert(store.source_last)
    tx.execute(
        later.on_conflict_do_update(
            index_elements=["source"],
            set_={
                "received_at": greatest(store.source_last.c.received_at, later.excluded.received_at),
                "happened_at": greatest(store.source_last.c.happened_at, later.excluded.happened_at),
            },
        ),
        rows,
    )


def expire(tx: Connection, *, seen_before: int, texts_before: int, aside_before: int) -> None:
    """Remove fingerprints, sealed texts and rows set aside that are older than their retention, microseconds."""
    repeats.expire(tx, aside_before)
    tx.execute(delete(store.seen).where(store.seen.c.at < seen_before))
    tx.execute(delete(store.sealed_text).where(store.sealed_text.c.at < texts_before))
